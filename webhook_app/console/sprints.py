"""Sprints: how each is going and where it is heading, what was said of it, and what came of those before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from rules.connections import Connection
from store.budget import Budget
from store.sprint_views import Change, Foreseen, Kind, SprintView, SprintViews, subject_of
from trackers.limits import CREDENTIALS_REFUSED, EVERYTHING, host_of
from trackers.model import Subject, SubjectKind
from trackers.sprints import Unit
from webhook_app.console.burnup import NARROW, WIDE, burn_up, legend
from webhook_app.console.frame import HOME, show
from webhook_app.console.house import House, Page
from webhook_app.console.sprint_states import (
    EARLY,
    Calibration,
    State,
    calibration,
    came,
    foreseen,
    has_plan,
    standing,
    state_of,
    verdict,
)
from webhook_app.console.sprint_words import (
    KINDS,
    about,
    amount,
    chance,
    ends,
    enough,
    left,
    likely,
    number,
    of,
    percent,
    roughly,
)
from webhook_app.console.subjects import web
from webhook_app.console.ways import to_decisions, to_sprint

PAGE: Final = Page("sprints", f"{HOME}/sprints", "Sprints")
_REFRESH_S: Final = 60
_MOST_PAST: Final = 60
_LONG: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Running:
    """A sprint that runs, in the list."""

    connection: str
    id: str
    name: str
    board: str
    href: str
    left: str
    end: datetime
    done_share: float
    """Of all that is in it, 0..1."""
    done: str
    state: State
    checked: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A sprint that is over: what was foreseen, and what came."""

    connection: str
    id: str
    name: str
    board: str
    href: str
    ended: datetime
    foreseen: str
    came: str
    level: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Sprints:
    """The page that lists sprints."""

    at: datetime
    connection: str | None
    watched: int
    """Boards, and teams with cycles, that are watched."""
    paused: tuple[str, ...]
    """Connections whose tracker is left alone for long, so that their sprints stand as they were."""
    running: tuple[Running, ...]
    ended: tuple[Ended, ...]
    """The newest."""
    ended_in_all: int
    calibration: Calibration
    """Of all that ended."""


@dataclass(frozen=True, slots=True)
class Day:
    """How a sprint stood at the end of a day (UTC), or as last seen."""

    date: str
    scope: float
    done: float


@dataclass(frozen=True, slots=True)
class Opened:
    """The page of one sprint."""

    at: datetime
    view: SprintView
    href: str
    state: State
    left: str
    days: tuple[Day, ...]
    standing: str
    """What became of the warning, in a sentence."""
    link: str | None
    """To the comment."""
    tracker: str | None
    """To the sprint."""
    decisions: str
    """To what was decided about it, in the console."""


def add(blueprint: Blueprint, house: House, /) -> None:
    """Add the list, and the page of one sprint."""

    @blueprint.get(PAGE.path, endpoint="sprints")
    def listed() -> Response:
        found = gather(house, request.args.get("connection"))
        return show("sprints.html", title="Sprints", refresh=_REFRESH_S, page=found)

    @blueprint.get(f"{PAGE.path}/<connection>/<sprint>", endpoint="sprint")
    def opened(connection: str, sprint: str) -> Response:
        found = gather_one(house, connection, sprint)
        view = found.view
        charts = [burn_up(view, size, found.at) for size in (WIDE, NARROW)]
        told = [(one, KINDS[one.kind], _amount(one)) for one in reversed(view.changes)]
        return show(
            "sprint.html",
            title=view.name or "Sprint",
            refresh=_REFRESH_S,
            page=found,
            view=view,
            figures=_figures(view, found.at),
            charts=charts,
            legend=legend(view),
            beyond=_beyond(view),
            changes=told,
            forecasts=_forecasts(view),
            number=number,
        )


def gather(house: House, connection: str | None = None) -> Sprints:
    """All sprints that run, the next to end first, and those that ended lately; of one connection or all."""
    now, chosen = datetime.now(UTC), connection or None
    asked = [one for one in house.connections if chosen in (None, one.name)]
    views = SprintViews(house.redis).every([one.name for one in asked])
    ended = sorted((one for one in views if one.ended), key=lambda one: one.ended or now, reverse=True)
    return Sprints(
        at=now,
        connection=chosen,
        watched=sum(len(one.scope().boards or ()) for one in asked),
        paused=tuple(one.name for one in asked if one.scope().boards and _is_left_alone(house, one)),
        running=in_order(views, now),
        ended=tuple(_ended(one) for one in ended[:_MOST_PAST]),
        ended_in_all=len(ended),
        calibration=calibration(ended),
    )


def in_order(views: Iterable[SprintView], now: datetime) -> tuple[Running, ...]:
    """Of these the ones that run, the next to end first."""
    running = sorted((one for one in views if one.ended is None), key=lambda one: (one.end, one.name))
    return tuple(_running(one, now) for one in running)


def _is_left_alone(house: House, one: Connection) -> bool:
    """Whether nothing was, or will be, read of a tracker for longer than a limit usually asks."""
    pause = Budget(house.redis, host_of(one.url), one.account).standing([EVERYTHING])
    return pause is not None and (pause.reason == CREDENTIALS_REFUSED or pause.left > _LONG)


def gather_one(house: House, connection: str, sprint: str) -> Opened:
    """One sprint. Raises NotFound where none is shown under that name."""
    known = house.known(connection)
    view = (
        SprintViews(house.redis).of(Subject(known, SubjectKind.SPRINT, sprint)) if known and sprint else None
    )
    if view is None:
        raise NotFound("There is no such sprint, or nothing is kept of it any more.")
    now = datetime.now(UTC)
    return Opened(
        at=now,
        view=view,
        href=to_sprint(subject_of(view)),
        state=state_of(view, now),
        left=left(view.end, now),
        days=_days(view),
        standing=standing(view),
        link=web(view.warned.url),
        tracker=web(view.url),
        decisions=to_decisions(subject_of(view)),
    )


def _running(view: SprintView, now: datetime) -> Running:
    return Running(
        connection=view.connection,
        id=view.id,
        name=view.name,
        board=view.board_name or view.board,
        href=to_sprint(subject_of(view)),
        left=left(view.end, now),
        end=view.end,
        done_share=view.done / view.scope if view.scope else 0.0,
        done=f"{number(view.done)} of {amount(view.scope, view.unit)} done"
        if view.scope
        else "Nothing in it",
        state=state_of(view, now),
        checked=view.checked,
    )


def _ended(view: SprintView) -> Ended:
    assert view.ended is not None
    level, word = verdict(view)
    return Ended(
        connection=view.connection,
        id=view.id,
        name=view.name,
        board=view.board_name or view.board,
        href=to_sprint(subject_of(view)),
        ended=view.ended,
        foreseen=foreseen(view),
        came=came(view),
        level=level,
        verdict=word,
    )


def _figures(view: SprintView, now: datetime) -> list[tuple[str, str, str]]:
    """The large numbers of a sprint: what, how much, and a note."""
    told = view.forecast
    more = view.scope - view.committed
    change = f"{number(abs(more))} {'more' if more > 0 else 'less'} than planned" if more else "as planned"
    share = f"{percent(round(view.done / view.scope, 2))} of it" if view.scope else ""
    found = [
        ("Planned at the start", number(view.committed), _measured(view)),
        ("In it now" if view.ended is None else "In it at the end", number(view.scope), change),
        ("Done", number(view.done), share),
    ]
    if view.ended is None and now < view.end and has_plan(told):
        how = "left of the plan" if number(told.planned) != number(view.committed) else "planned"
        found += [
            ("Foreseen by the end", likely(told), "8 times in 10"),
            (
                f"Chance of {enough(view.done_share)}",
                about(told.p_enough),
                f"of {number(told.planned)} {how}",
            ),
        ]
    elif view.ended is not None and has_plan(view.first):
        first = view.first
        found += [
            ("Foreseen at first", likely(first), "8 times in 10"),
            (f"Chance of {enough(view.done_share)} then", about(first.p_enough), verdict(view)[1].lower()),
        ]
    return found


def _beyond(view: SprintView) -> str:
    """Up to where the forecast that counts goes with what may yet join, if that is further than told."""
    one = view.forecast if view.ended is None else view.first
    if not has_plan(one) or one.scope is None or number(one.high) == number(ends(one)[1]):
        return ""
    return of(roughly(one.high), view.unit)


def _measured(view: SprintView) -> str:
    """What the plan was counted in: ``points, 10 issues``."""
    unit = view.unit.removesuffix("s") if number(view.committed) == "1" else str(view.unit)
    if view.unit is Unit.ISSUES:
        return unit
    return f"{unit}, {view.committed_issues} issue{'' if view.committed_issues == 1 else 's'}"


def _forecasts(view: SprintView) -> list[tuple[str, Foreseen, str, str, str]]:
    """First, about half-time and last: when, what, the interval, the chance of enough and of all; where
    nothing was planned, nothing.
    """
    named = [("At the start" if view.first.t <= EARLY else "First", view.first)]
    if view.midway is not None and view.midway not in (view.first, view.forecast):
        named.append(("About half-time", view.midway))
    if view.forecast != view.first:
        named.append(("Now" if view.ended is None else "Last", view.forecast))
    return [
        (name, one, likely(one), chance(one.p_enough), chance(one.p_all_done))
        for name, one in named
        if has_plan(one)
    ]


def _amount(one: Change) -> str:
    """What a change did to the work that is in the sprint."""
    if one.kind is Kind.UNDONE:
        return number(0)
    more = -one.amount if one.kind is Kind.REMOVED else one.amount
    return f"{'+' if more > 0 else '−' if more < 0 else ''}{number(abs(more))}"


def _days(view: SprintView) -> tuple[Day, ...]:
    """Each day's last figures, the newest first; days on which nothing changed are left out."""
    by_day = {point.at.astimezone(UTC).date(): point for point in view.points}
    return tuple(
        Day(f"{at:%Y-%m-%d}", point.scope, point.done) for at, point in sorted(by_day.items(), reverse=True)
    )
