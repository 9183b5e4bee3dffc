"""What all pages of the console have around them: navigation, who is logged in, errors, dates in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from flask import Response, current_app, g, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from store.reasons import why
from trackers.spans import in_utc, in_words
from webhook_app.console.house import House, Page
from webhook_app.console.sessions import Visit

API: Final = "/api/v1"
HOME: Final = "/console"
_SAID: Final = "sprintwarden-said"
"""Cookie with the sentence that the page after a change shows once."""
_SAID_LIFE_S: Final = 60
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing until another ends it (Unicode Standard Annex 9, section 2)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame needs to know of the application."""

    house: House
    pages: Sequence[Page]


def show(
    template: str, /, *, title: str, status: int = 200, refresh: int | None = None, **data: Any
) -> Response:
    """A page of the console, made of ``templates/NAME`` and ``data``.

    With ``refresh`` its main part is read again every so many seconds where JavaScript runs.
    """
    visit = visiting()
    said = visit.unseal(request.cookies.get(_SAID, ""), _SAID_LIFE_S) if visit else None
    told = {
        "title": title,
        "nav": _nav() if visit else (),
        "user": visit.user if visit else None,
        "may_log_out": bool(visit and visit.session),
        "said": said,
        "refresh": refresh,
    }
    text = _ENVIRONMENT.get_template(template).render(**told, **data)
    response = Response(text, status, content_type="text/html; charset=utf-8")
    if _SAID in request.cookies:
        response.delete_cookie(_SAID, path=HOME, httponly=True, samesite="Lax")
    return response


def read_templates() -> None:
    """Read them all: no first reader waits for it, and no process shows those of another version."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)


def as_json(data: object, status: int = 200) -> Response:
    """The same data for a machine: what ``gather`` gave, a dataclass or a dict."""
    return Response(orjson.dumps(data), status, content_type="application/json")


def ask(
    title: str,
    sentences: Sequence[str],
    *,
    action: str,
    verb: str,
    back: str,
    fields: Mapping[str, str] | None = None,
    grave: bool = False,
) -> Response:
    """The page before a change: what it will do, a button that says ``verb``, and a way ``back``.

    The button posts ``fields`` to the path ``action``; what cannot be undone is ``grave``.
    """
    return show(
        "confirm.html",
        title=title,
        sentences=sentences,
        action=action,
        verb=verb,
        back=back,
        fields=fields or {},
        grave=grave,
    )


def go(path: str) -> Response:
    """Have the browser ask for the page at ``path``, whatever it asked for now."""
    return Response(status=303, headers={"Location": path})


def done(path: str, sentence: str) -> Response:
    """Go to the page at ``path`` after a change, which says once what was done."""
    visit, access = visiting(), _frame().house.settings.console
    response = go(path)
    if visit and access:
        response.set_cookie(
            _SAID,
            visit.seal(sentence),
            max_age=_SAID_LIFE_S,
            path=HOME,
            secure=access.secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def visiting() -> Visit | None:
    """Who asks for this page, once access has been looked at."""
    visit: Visit | None = g.get("visit")
    return visit


def user() -> str:
    """The name to note beside a change."""
    visit = visiting()
    return visit.user if visit else "a machine"


def csrf_token() -> str:
    """What a form must hold for its change to be made."""
    visit = visiting()
    return visit.csrf if visit else ""


def link(path: str, **query: object) -> str:
    """A path with a query of whatever is not None and not empty."""
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def _seen(value: object) -> object:
    """What a page shows of ``value``: no mark that has our own words after it read backwards.

    What a form sends back is written with ``| e``, which leaves it as it is.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _TURNING.sub("\ufffd", value)


def _frame() -> Frame:
    found: Frame = current_app.extensions["console"]
    return found


def _nav() -> list[dict[str, Any]]:
    """The pages, with the one asked for marked; the chosen connection goes along."""
    frame = _frame()
    chosen = frame.house.known(request.args.get("connection"))
    return [
        {
            "title": page.title,
            "href": link(page.path, connection=chosen),
            "current": request.path == page.path or request.path.startswith(f"{page.path}/"),
        }
        for page in frame.pages
    ]


def _moment(at: datetime | str) -> datetime:
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)


def _span(at: datetime | str) -> str:
    """How long it is since a moment: ``3 minutes``."""
    return in_words(datetime.now(UTC) - _moment(at))


def _ago(at: datetime | str) -> str:
    """``3 minutes ago``, or ``in 3 minutes``."""
    span = datetime.now(UTC) - _moment(at)
    if abs(span.total_seconds()) < 1:
        return "just now"
    return f"{in_words(span)} ago" if span.total_seconds() > 0 else f"in {in_words(-span)}"


def _iso(at: datetime | str) -> str:
    return _moment(at).isoformat(timespec="seconds")


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("webhook_app.console"),
    autoescape=True,
    auto_reload=False,
    undefined=StrictUndefined,
    finalize=_seen,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(ago=_ago, span=_span, utc=in_utc, iso=_iso)
_ENVIRONMENT.globals.update(why_of=why, csrf_token=csrf_token, link=link)
