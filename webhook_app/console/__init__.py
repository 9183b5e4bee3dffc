"""The console: what the service did, why, and how the sprints are going.

Pages are modules of this package with a ``PAGE`` and an ``add``; they stand in ``PAGES`` in the order of the
navigation. The blueprint has a guard before every view, so that a page cannot forget to ask who is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import NotFound

from webhook_app.console import api, decisions, labels, now, queue, rules, sprints, trials
from webhook_app.console.frame import API, HOME, Frame, go, read_templates
from webhook_app.console.guard import OPEN, Guard
from webhook_app.console.house import House, PageModule

PAGES: Final[tuple[PageModule, ...]] = (
    now,
    decisions,
    sprints,
    labels,
    rules,
    queue,
)
_ALSO_OF_OLD: Final = frozenset({"console.decisions", "console.api_decisions"})
"""What was decided stays to be read when a connection is named no more."""


def open_console(app: Flask, house: House) -> None:
    """Add the console and its API to the application, where the settings say who may see it."""
    access = house.settings.console
    if access is None:
        return
    blueprint = Blueprint(
        "console", __name__, static_folder="static", static_url_path=f"{HOME}/static", template_folder=None
    )
    app.extensions["console"] = Frame(house, tuple(module.PAGE for module in PAGES))
    Guard.of(house, access).stand_at(blueprint)
    blueprint.before_request(_connections_of(house))
    api.add(blueprint, house)
    for module in PAGES:
        module.add(blueprint, house)
    trials.add(blueprint, house)
    blueprint.get(HOME, endpoint="home", strict_slashes=False)(_home)
    # Of what is not there a stranger learns as little as of what is.
    blueprint.get(f"{HOME}/<path:rest>", endpoint="nowhere")(_nowhere)
    blueprint.get(f"{API}/<path:rest>", endpoint="nothing")(_nowhere)
    app.register_blueprint(blueprint)
    read_templates()


def _connections_of(house: House) -> Callable[[], None]:
    """What refuses a request about a connection that there is not: a page of all would pass for one of it."""

    def look() -> None:
        if request.endpoint in OPEN:
            # Strangers need not learn the names.
            return
        for asked in (request.args, request.view_args or {}):
            connection: str = asked.get("connection", "")
            if connection and not _is_of_old(house, connection):
                house.require(connection)

    return look


def _is_of_old(house: House, connection: str) -> bool:
    """Whether decisions are asked for, and kept of a connection that is named no more."""
    return request.endpoint in _ALSO_OF_OLD and decisions.are_kept(house, connection)


def _home() -> Response:
    return go(PAGES[0].PAGE.path)


def _nowhere(rest: str) -> NoReturn:
    raise NotFound
