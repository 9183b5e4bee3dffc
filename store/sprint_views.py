"""What the console shows of a sprint: numbers, ids, issues' keys, the sprint's name and our comment on it.

A worker, who can judge, writes a view at each check; the web process, which cannot, only reads it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self, cast

from pydantic import TypeAdapter, ValidationError
from redis import Redis

from store import keys
from trackers.model import Subject, SubjectKind
from trackers.sprints import Unit

_MOST_CLOSED: Final = 200
"""Of a connection; more than a page lists of those that are over."""


class Kind(StrEnum):
    """How the work of a running sprint changed."""

    ADDED = "added"
    LATE_PLANNING = "late_planning"
    CARRIED_OVER = "carried_over"
    SUBTASK = "subtask"
    AUTOMATED = "automated"
    UNDONE = "undone"
    """Put in and taken out again within the hour."""
    REMOVED = "removed"
    REESTIMATED = "reestimated"


class Standing(StrEnum):
    """What became of the warning about a sprint."""

    NONE = "none"
    """There was nothing to say."""
    OPEN = "open"
    SETTLED = "settled"
    SNOOZED = "snoozed"
    DELETED = "deleted"
    """By a person."""
    HELD_BACK = "held_back"
    """There is something to say, and a reason why it is not said."""


@dataclass(frozen=True, slots=True)
class Point:
    """The work of a sprint from one moment until the next point's."""

    at: datetime
    scope: float
    """All that is in it and was not cancelled, in the sprint's unit."""
    done: float


@dataclass(frozen=True, slots=True)
class Change:
    """One issue came, went or was re-estimated after the start."""

    at: datetime
    key: str
    amount: float
    """In the sprint's unit; what a re-estimate lowered is negative."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a sprint was expected to come to. Chances are 0..1, amounts in the sprint's unit."""

    at: datetime
    t: float
    """Share (0..1) of the planned time that had passed."""
    planned: float
    """What was left of the commitment."""
    p_all_done: float
    p_enough: float
    """That at least ``SprintView.done_share`` of what was planned gets done."""
    expected: float
    """On average."""
    low: float
    high: float
    """With these ends the interval holds what is delivered 8 times in 10. What may yet join counts as well:
    they, and the average, may be more than is in the sprint. Without a plan they say nothing."""
    scope: float | None = None
    """All that was in it then; None where that was not noted."""
    done: float = 0.0
    """What of it was done then."""


@dataclass(frozen=True, slots=True)
class Past:
    """A finished sprint of the same board, in the unit of the one that is shown."""

    ended: datetime
    committed: float
    delivered: float


@dataclass(frozen=True, slots=True)
class Warned:
    """The comment about a sprint: what it says, where it stands, what became of it."""

    standing: Standing = Standing.NONE
    because: str | None = None
    """Why the last check wrote nothing, by its name (``store.reasons``)."""
    text: str = ""
    """As last written, or as it would be, without marks; empty where that is not known."""
    issue: str | None = None
    """The key of the issue that it stands on."""
    url: str | None = None
    """Of the comment."""
    at: datetime | None = None
    """When that was written."""
    snooze_label: str = ""


@dataclass(frozen=True, slots=True)
class SprintView:
    """All that a page shows of one sprint. Amounts are in ``unit``."""

    connection: str
    id: str
    name: str
    noun: str
    """``sprint`` or ``cycle``."""
    board: str
    """Its id."""
    board_name: str
    unit: Unit
    start: datetime
    """When it became active."""
    end: datetime
    """As planned; where nobody planned one, as the board's sprints usually last."""
    end_is_planned: bool
    rebuilt: bool
    """The baseline was taken late and put together from changes."""
    checked: datetime
    committed: float
    """At the start."""
    committed_issues: int
    done_share: float
    """Less than this of the plan done is too little."""
    budget: float
    """Share of the commitment that may be added."""
    grown_by: float
    points: tuple[Point, ...]
    """Oldest first; the first is the start."""
    changes: tuple[Change, ...]
    forecast: Foreseen
    first: Foreseen
    """The first forecast there was, and so the one at the start where the service was there."""
    midway: Foreseen | None = None
    """The one nearest half-time."""
    past: tuple[Past, ...] = ()
    """What the board's last sprints delivered, oldest first."""
    usual: tuple[float, float] | None = None
    """Between these the middle 80 % of them lie."""
    concerns: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    """Keys of the issues whose move would help most."""
    p_fixed: float | None = None
    """The chance of enough after that."""
    warned: Warned = Warned()
    url: str | None = None
    """Of the sprint on its tracker."""
    ended: datetime | None = None
    """When it was completed; None while it runs."""
    delivered: float | None = None

    @property
    def scope(self) -> float:
        """The work in it now."""
        return self.points[-1].scope

    @property
    def done(self) -> float:
        """What of it is done."""
        return self.points[-1].done if self.delivered is None else self.delivered

    def in_short(self) -> Self:
        """The same for a list: of its points only the last, and neither changes nor past sprints."""
        return replace(self, points=self.points[-1:], changes=(), past=())

    def without(self, key: str, instead: str) -> Self:
        """The same with nothing that tells of the deleted issue ``key`` but its numbers."""
        word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        stood_here = self.warned.issue == key
        warned = replace(
            self.warned,
            text=word.sub(instead, self.warned.text),
            issue=None if stood_here else self.warned.issue,
            url=None if stood_here else self.warned.url,
        )
        return replace(
            self,
            changes=tuple(replace(one, key=instead) if one.key == key else one for one in self.changes),
            fix=tuple(one for one in self.fix if one != key),
            warned=warned,
        )


class SprintViews:
    """The views of all sprints; each lives as long as what is remembered of its sprint."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def keep(self, view: SprintView) -> None:
        """Show this of a sprint from now on. One round trip."""
        sprint = subject_of(view)
        pipe = self._redis.pipeline()
        pipe.set(keys.sprint_view(sprint), _text(view), ex=keys.SPRINT_LIFE)
        # Apart: a list has hundreds of them, and to read a whole one takes ten times as long.
        pipe.set(keys.sprint_short(sprint), _text(view.in_short()), ex=keys.SPRINT_LIFE)
        pipe.execute()

    def of(self, sprint: Subject) -> SprintView | None:
        """What is shown of one sprint; None where nothing is."""
        return _read(cast("str | None", self._redis.get(keys.sprint_view(sprint))))

    def running(self, connections: Sequence[str]) -> list[SprintView]:
        """Those of all sprints that run, each in short, in no order. Two round trips, seldom three."""
        pipe = self._redis.pipeline(transaction=False)
        for connection in connections:
            pipe.hkeys(keys.running(connection))
        answers = cast("list[list[str]]", pipe.execute())
        return self._in_short(
            sprint
            for connection, ids in zip(connections, answers, strict=True)
            for sprint in _among(connection, ids)
        )

    def every(self, connections: Sequence[str]) -> list[SprintView]:
        """Those that run or closed lately, each in short, in no order. Two round trips, seldom three."""
        pipe = self._redis.pipeline(transaction=False)
        for connection in connections:
            pipe.hkeys(keys.running(connection))
            pipe.zrevrange(keys.closed(connection), 0, _MOST_CLOSED - 1)
        answers = iter(cast("list[list[str]]", pipe.execute()))
        running, closed = dict[Subject, None](), dict[Subject, None]()
        for connection in connections:
            running |= dict.fromkeys(_among(connection, next(answers)))
            closed |= dict.fromkeys(_among(connection, next(answers)))
        # One that was opened again is among both.
        return self._in_short(running | closed, over=closed.keys() - running.keys())

    def _in_short(self, sprints: Iterable[Subject], over: Collection[Subject] = ()) -> list[SprintView]:
        wanted = list(sprints)
        found = dict(zip(wanted, self._read(map(keys.sprint_short, wanted)), strict=True))
        # Releases before keep the whole alone, and may have closed a sprint since.
        others = [
            sprint
            for sprint, view in found.items()
            if view is None or (sprint in over and view.ended is None)
        ]
        for sprint, whole in zip(others, self._read(map(keys.sprint_view, others)), strict=True):
            found[sprint] = whole.in_short() if whole is not None else None
        return [view for view in found.values() if view is not None]

    def _read(self, names: Iterable[str]) -> list[SprintView | None]:
        wanted = list(names)
        texts = cast("list[str | None]", self._redis.mget(wanted)) if wanted else []
        return list(map(_read, texts))

    def mask(self, sprint: Subject, key: str, instead: str) -> None:
        """Write ``instead`` of a deleted issue's ``key``. Two round trips."""
        view = self.of(sprint)
        if view is not None:
            self.keep(view.without(key, instead))


def subject_of(view: SprintView) -> Subject:
    """The sprint that a view shows."""
    return Subject(view.connection, SubjectKind.SPRINT, view.id)


def _text(view: SprintView) -> str:
    return _VIEW.dump_json(view, exclude_defaults=True).decode()


def _read(text: str | None) -> SprintView | None:
    """What this or an earlier version wrote; None for what only another release can read."""
    try:
        return _VIEW.validate_json(text) if text is not None else None
    except ValidationError:
        return None


def _among(connection: str, ids: Iterable[str]) -> Iterator[Subject]:
    return (Subject(connection, SubjectKind.SPRINT, id_) for id_ in ids)


_VIEW: Final = TypeAdapter(SprintView)
