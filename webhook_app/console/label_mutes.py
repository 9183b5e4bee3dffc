"""Muting a label and letting it return: pages that ask, and the changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from store.outcomes import Outcomes
from webhook_app.console.changes import note_change
from webhook_app.console.frame import ask, done, link, user
from webhook_app.console.house import House
from webhook_app.console.label_data import OneLabel, gather_one

MOST_WHY_CHARS: Final = 200
HEEDED_S: Final = 30
"""Within which workers look what is muted."""
_NOT_MUTED: Final = "This label is not muted: somebody, or a new model, let it return."


def add(blueprint: Blueprint, house: House, path: str, page: str) -> None:
    """Add the pages that ask and the changes below ``path``; the page of one label is at ``page``."""

    @blueprint.get(f"{path}/mute", endpoint="ask_mute")
    def ask_mute() -> Response:
        one, why = gather_one(house, request.args), _why(request.args)
        return ask(
            f"Mute {one.view.row.name}?",
            (
                f"Because: {why}",
                f"Within {HEEDED_S} seconds no model puts it on issues of {one.head.connection} any more. "
                "What is on issues stays there, and rules put it on as ever.",
                "It returns when somebody unmutes it; a new model does not bring it back.",
            ),
            action=f"{path}/mute",
            verb="Mute",
            back=link(page, **one.query),
            fields={**one.query, "why": why},
        )

    @blueprint.post(f"{path}/mute", endpoint="mute")
    def do_mute() -> Response:
        one, why = gather_one(house, request.form), _why(request.form)
        return done(link(page, **one.query), mute(house, one, why, user()))

    @blueprint.get(f"{path}/unmute", endpoint="ask_unmute")
    def ask_unmute() -> Response:
        one = gather_one(house, request.args)
        if one.muted is None:
            raise NotFound(_NOT_MUTED)
        return ask(
            f"Unmute {one.view.row.name}?",
            (
                f"It was muted because: {one.muted.why}",
                f"Within {HEEDED_S} seconds the model may put it on again wherever it is sure enough. What "
                "people made of it so far counts no more.",
            ),
            action=f"{path}/unmute",
            verb="Unmute",
            back=link(page, **one.query),
            fields=one.query,
        )

    @blueprint.post(f"{path}/unmute", endpoint="unmute")
    def do_unmute() -> Response:
        one = gather_one(house, request.form)
        return done(link(page, **one.query), unmute(house, one, user()))


def mute(house: House, one: OneLabel, why: str, by: str) -> str:
    """Hold a label back by a person's word; what to say of it.

    Raises BadRequest where no model may put it on.
    """
    name = one.view.row.name
    if not one.by_models:
        raise BadRequest(f"No model puts {name} on, so there is nothing to mute.")
    if not Outcomes(house.redis).mute(one.head.connection, one.head.target, name, why, by):
        return f"{name} was muted already."
    note_change(house.redis, by, "muted", _about(one))
    return f"{name} is muted. Workers heed it within {HEEDED_S} seconds."


def unmute(house: House, one: OneLabel, by: str) -> str:
    """Let a label return; what to say of it. Raises NotFound where it is not muted."""
    name = one.view.row.name
    if not Outcomes(house.redis).unmute(one.head.connection, one.head.target, name):
        raise NotFound(_NOT_MUTED)
    note_change(house.redis, by, "unmuted", _about(one))
    return f"{name} may be put on again. Workers heed it within {HEEDED_S} seconds."


def _why(form: Mapping[str, str]) -> str:
    why = " ".join(form.get("why", "").split())
    if not why:
        raise BadRequest("Say in a few words why the label is muted: whoever finds it muted will ask.")
    return why[:MOST_WHY_CHARS]


def _about(one: OneLabel) -> str:
    return ":".join(one.query.values())
