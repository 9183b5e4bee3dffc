"""How far the backfill of each connection is, and which issues it has yet to write to (no text of theirs).

The one who holds the lease keeps the state; people only leave wishes beside it. What a step came to is
kept whole or not at all, so that whoever takes the backfill up next goes on just there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from pydantic import TypeAdapter
from redis import Redis
from redis.client import Pipeline
from redis.lock import Lock

from store import decisions, keys
from store.journal import Forecast
from trackers.model import Label, Subject, SubjectKind

EXAMPLES: Final = 5
"""Issues named per label."""
_PATIENCE_S: Final = 5.0


class Phase(StrEnum):
    READING = "reading"
    PLANNED = "planned"
    """All is read; nothing was written."""
    WRITING = "writing"
    ASKS = "asks"
    """So much was written that a person shall look at it first."""
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Wish(StrEnum):
    """What people may want of a backfill under way."""

    APPLY = "apply"
    """Write what was planned."""
    SURE = "sure"
    """Do not ask whether to go on."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Question:
    """What a backfill is about."""

    query: str | None
    most: int
    """Issues written to at most."""


@dataclass(frozen=True, slots=True)
class Example:
    """An issue that a label fits."""

    issue: str
    """Its key."""
    because: str
    """In short."""
    held: bool
    """It does not get the label, for the mode of its project."""
    id: str = ""
    """The issue's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One label of a plan."""

    issues: int = 0
    """That get it."""
    held: int = 0
    """That would, were the mode of their project another."""
    examples: tuple[Example, ...] = ()
    """The newest few; those that get it first."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What the reading came to, in issues."""

    issues: int = 0
    total: int | None = None
    """About how many there will be, where the tracker says."""
    planned: int = 0
    beyond: int = 0
    """Would be written to as well, were more allowed."""
    all_there: int = 0
    """Have every label that fits."""
    nothing: int = 0
    """Nothing fits them."""
    held: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Project → its mode, and how many would be written to were it another."""
    withheld: Mapping[str, int] = field(default_factory=dict)
    """A label that fits and is not put on, with why → how often."""
    rows: Mapping[str, Row] = field(default_factory=dict)
    """By label."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the writing came to."""

    issues: int = 0
    labels: int = 0
    refused: int = 0
    """Issues the tracker would not have written to."""
    passed_over: int = 0
    """Issues that needed nothing any more: a person said no meanwhile, or a run was there first."""
    changed: int = 0
    """Issues left out because they changed, moved or went since they were judged: to be judged again."""
    refusals: tuple[str, ...] = ()
    """Why, in sentences; the first few."""
    latest: tuple[str, ...] = ()
    """Keys of issues written to last."""
    lately: tuple[tuple[datetime, int], ...] = ()
    """When how many were written to, within the window after which a person is asked."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """All that is known of one backfill but its to-do list."""

    question: Question
    phase: Phase
    begun: datetime
    at: datetime
    """When this was kept."""
    said: str = ""
    """Why it waits, asks, was stopped or failed, in a sentence."""
    rules: str | None = None
    """Version of the rules it reads by."""
    cursor: str | None = None
    """Where the next page begins."""
    all_read: bool = False
    tally: Tally = field(default_factory=Tally)
    steps: int | None = None
    """Requests the writing takes, as far as it can be told; known once all is read."""
    progress: Progress = field(default_factory=Progress)
    in_hand: tuple[str, ...] = ()
    """Ids of the issues being written to: after a death, nobody knows whether they were."""
    owed: str = ""
    """What a person was asked after many writes and has not said yes to; no later backfill goes past it."""
    requests: int = 0
    """Sent to the tracker so far."""
    starts: int = 0
    """How often it was taken up since it last got on."""


@dataclass(frozen=True, slots=True)
class Todo:
    """One issue to be labelled, as it was judged."""

    place: int
    """In the order of reading."""
    issue: str
    """Its id."""
    key: str
    project: str
    labels: tuple[Label, ...]
    told: tuple[Mapping[str, Any], ...]
    """The labels with their reasons, as the record of a run has them."""
    applied: frozenset[str]
    """Ids of labels we ever put on, as of the reading."""
    vetoed: Mapping[str, str]
    """Label id → how we know that a person took it off, as of the reading."""
    known: bool
    """Whether there was a record of the issue."""
    updated: datetime | None = None
    """The issue's own, as of the reading."""
    forecasts: tuple[Forecast, ...] = ()
    """What models answered, to be held against what people make of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A backfill with what people wish of it."""

    backfill: Backfill
    wishes: frozenset[Wish]
    is_held: bool
    """Somebody is at it."""

    @property
    def is_under_way(self) -> bool:
        """Whether there is work to do for a worker."""
        match self.backfill.phase:
            case Phase.READING | Phase.WRITING:
                return True
            case Phase.PLANNED:
                return Wish.APPLY in self.wishes
            case Phase.ASKS:
                return Wish.SURE in self.wishes
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Kept:
    """A state as it was kept."""

    backfill: Backfill
    wishes: frozenset[Wish]


_BACKFILL: Final = TypeAdapter(Backfill)
_TODO: Final = TypeAdapter(Todo)
_STATE: Final = "state"
_GONE: Final = "gone:"
"""Begins a field that names a deleted issue by its id, until the holder of the state has heard of it."""
_DELETED: Final = "a deleted issue"


def to_json(backfill: Backfill) -> dict[str, Any]:
    """A backfill as ``backfill --json`` prints it."""
    inner: Any = {
        "cursor": True,
        "in_hand": True,
        "starts": True,
        "owed": True,
        "progress": {"lately"},
        "tally": {"rows": {"__all__": {"examples": {"__all__": {"id"}}}}},
    }
    told: dict[str, Any] = _BACKFILL.dump_python(backfill, mode="json", exclude=inner)
    return told


def without(backfill: Backfill, issue: str, key: str | None) -> Backfill:
    """A backfill that does not name an issue, of an id and perhaps a key, any more."""

    def nameless(text: str) -> str:
        return re.sub(rf"\b{re.escape(key)}\b", _DELETED, text) if key else text

    rows = {
        label: replace(
            row,
            examples=tuple(
                replace(one, issue=_DELETED, id="", because="") if one.id == issue else one
                for one in row.examples
            ),
        )
        for label, row in backfill.tally.rows.items()
    }
    latest = tuple(one for one in backfill.progress.latest if one != key)
    return replace(
        backfill,
        said=nameless(backfill.said),
        owed=nameless(backfill.owed),
        tally=replace(backfill.tally, rows=rows),
        progress=replace(backfill.progress, latest=latest),
        in_hand=tuple(one for one in backfill.in_hand if one != issue),
    )


class Backfills:
    """The backfills of all connections. Every method is one round trip but where it says otherwise."""

    def __init__(self, redis: Redis, *, lease: timedelta = keys.BACKFILL_LEASE_LIFE) -> None:
        """``lease`` is how long the holder may be silent; it is renewed every ``beat`` seconds."""
        self._redis = redis
        self._lease_s = lease.total_seconds()
        self.beat = self._lease_s / 4

    def standing(self, connection: str) -> Standing | None:
        """How it stands; None when nothing is known of any."""
        pipe = self._redis.pipeline()
        pipe.hgetall(keys.backfill(connection))
        pipe.exists(keys.backfill_lease(connection))
        raw, held = cast("tuple[dict[str, str], int]", tuple(pipe.execute()))
        if _STATE not in raw:
            return None
        wishes = frozenset(wish for wish in Wish if wish in raw)
        return Standing(_BACKFILL.validate_json(raw[_STATE]), wishes, bool(held))

    def lease(self, connection: str, *, patient: bool = False) -> Lock:
        """The lock of whoever keeps the state; ``patient`` waits some seconds for it."""
        lock: Lock = self._redis.lock(
            keys.backfill_lease(connection),
            timeout=self._lease_s,
            blocking_timeout=_PATIENCE_S if patient else 0,
            thread_local=False,
        )
        return lock

    def call(self, connection: str) -> bool:
        """Whether a job should be enqueued for it: not when one was a moment ago."""
        name = keys.backfill_call(connection)
        return bool(self._redis.set(name, "1", nx=True, px=keys.BACKFILL_CALL_LIFE))

    def answer(self, connection: str) -> None:
        """The job was taken: another may be enqueued as soon as nobody is at it."""
        self._redis.delete(keys.backfill_call(connection))

    def wish(self, connection: str, wishes: Collection[Wish]) -> None:
        """Leave word for whoever works at it."""
        pipe = self._redis.pipeline()
        _leave(pipe, connection, wishes)
        pipe.execute()

    def begin(self, connection: str, question: Question, wishes: Collection[Wish]) -> None:
        """A new backfill in place of an earlier one. To be called with the lease; two round trips.

        What belongs to the connection outlives the earlier one: how much was written lately, what a person
        has yet to answer, and issues of which nobody knows whether they were written to.
        """
        now = datetime.now(UTC)
        standing = self.standing(connection)
        new = Backfill(question, Phase.READING, now, now)
        if standing is not None:
            held = standing.backfill
            lately = Progress(lately=held.progress.lately)
            new = replace(new, rules=held.rules, progress=lately, owed=held.owed, in_hand=held.in_hand)
        pipe = self._redis.pipeline()
        pipe.delete(keys.backfill(connection), keys.backfill_call(connection))
        self._shorten(pipe, connection, new)
        _put(pipe, connection, new)
        _leave(pipe, connection, wishes)
        pipe.execute()

    def take_up(self, connection: str, backfill: Backfill, wishes: Collection[Wish]) -> None:
        """Let one go on that stood still, with other wishes. To be called with the lease."""
        pipe = self._redis.pipeline()
        pipe.delete(keys.backfill_call(connection))
        pipe.hdel(keys.backfill(connection), *map(str, Wish))
        _put(pipe, connection, backfill)
        _leave(pipe, connection, wishes)
        pipe.execute()

    def keep(self, connection: str, backfill: Backfill) -> Kept:
        """Keep the state, without what of it names issues that were deleted meanwhile."""
        pipe = self._redis.pipeline()
        _put(pipe, connection, backfill)
        pipe.hgetall(keys.backfill(connection))
        raw = cast("dict[str, str]", pipe.execute()[-1])
        gone = {name: key for name, key in raw.items() if name.startswith(_GONE)}
        if gone:
            for name, key in gone.items():
                backfill = without(backfill, name.removeprefix(_GONE), key)
            pipe = self._redis.pipeline()
            _put(pipe, connection, backfill)
            pipe.hdel(keys.backfill(connection), *gone)
            pipe.execute()
        return Kept(backfill, frozenset(wish for wish in Wish if wish in raw))

    def end(self, connection: str, backfill: Backfill) -> None:
        """Keep the last state. Only one that failed keeps its to-do list, to be taken up again; of others,
        what is in hand still is kept."""
        pipe = self._redis.pipeline()
        _put(pipe, connection, backfill)
        pipe.hdel(keys.backfill(connection), *map(str, Wish))
        if backfill.phase is not Phase.FAILED:
            self._shorten(pipe, connection, backfill)
        pipe.execute()

    def _shorten(self, pipe: Pipeline, connection: str, backfill: Backfill) -> None:
        """Leave nothing on the to-do list but what is in hand."""
        name = keys.backfill_todo(connection)
        if not backfill.in_hand:
            pipe.delete(name)
            return
        listed = cast("list[str]", self._redis.hkeys(name))
        if rest := set(listed) - set(backfill.in_hand):
            pipe.hdel(name, *rest)

    def read_anew(self, connection: str, backfill: Backfill) -> None:
        """Keep a state without a to-do list."""
        pipe = self._redis.pipeline()
        pipe.delete(keys.backfill_todo(connection))
        _put(pipe, connection, backfill)
        pipe.execute()

    def keep_page(self, connection: str, backfill: Backfill, todo: Iterable[Todo]) -> None:
        """Keep what one page gave, along with where the next begins."""
        pipe = self._redis.pipeline()
        for item in todo:
            pipe.hset(keys.backfill_todo(connection), item.issue, _TODO.dump_json(item).decode())
        _put(pipe, connection, backfill)
        pipe.execute()

    def keep_step(
        self,
        connection: str,
        backfill: Backfill,
        done: Collection[str],
        records: Mapping[str, Mapping[str, Any]],
        counters: Mapping[str, int],
    ) -> None:
        """Keep what one write came to: issues (ids) off the list, decision records by issue, counters."""
        pipe = self._redis.pipeline()
        if done:
            pipe.hdel(keys.backfill_todo(connection), *done)
        for issue, record in records.items():
            decisions.put(pipe, Subject(connection, SubjectKind.ISSUE, issue), record)
        decisions.count(pipe, counters)
        _put(pipe, connection, backfill)
        pipe.execute()

    def forget(self, issue: Subject, key: str | None = None) -> None:
        """Take an issue off the list and its ``key`` out of what is told: it was deleted.

        Whoever is at the backfill hears of it with the next ``keep``. A few round trips.
        """
        connection = issue.connection
        listed = cast("str | None", self._redis.hget(keys.backfill_todo(connection), issue.id))
        if listed is not None:
            key = key or _TODO.validate_json(listed).key
            self._redis.hdel(keys.backfill_todo(connection), issue.id)
        standing = self.standing(connection)
        if standing is None:
            return
        told = standing.backfill
        if without(told, issue.id, key) == told and not standing.is_held:
            return
        self._redis.hset(keys.backfill(connection), f"{_GONE}{issue.id}", key or "")
        lease = self.lease(connection)
        if lease.acquire(blocking=False):
            try:
                if (now := self.standing(connection)) is not None:
                    self.keep(connection, now.backfill)
            finally:
                lease.release()

    def todo(self, connection: str) -> list[Todo]:
        """What is left to write, in the order of reading."""
        raw = cast("list[str]", self._redis.hvals(keys.backfill_todo(connection)))
        return sorted((_TODO.validate_json(text) for text in raw), key=lambda item: item.place)

    def listed(self, connection: str, issues: Sequence[str]) -> frozenset[str]:
        """Which of ``issues`` (ids) are on the list already."""
        if not issues:
            return frozenset()
        found = self._redis.hmget(keys.backfill_todo(connection), list(issues))
        return frozenset(
            issue for issue, text in zip(issues, cast("list[Any]", found), strict=True) if text is not None
        )


def _put(pipe: Pipeline, connection: str, backfill: Backfill) -> None:
    kept = replace(backfill, at=datetime.now(UTC))
    pipe.hset(keys.backfill(connection), _STATE, _BACKFILL.dump_json(kept).decode())
    pipe.expire(keys.backfill(connection), keys.BACKFILL_LIFE)
    pipe.expire(keys.backfill_todo(connection), keys.BACKFILL_LIFE)


def _leave(pipe: Pipeline, connection: str, wishes: Collection[Wish]) -> None:
    for wish in wishes:
        pipe.hset(keys.backfill(connection), str(wish), "1")
    pipe.expire(keys.backfill(connection), keys.BACKFILL_LIFE)
