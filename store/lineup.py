"""What waits, as people look at it: which subjects are due, at work, settling or put off, or were given up.

It is read piece by piece while others work, so a subject on its way may be told twice, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, cast

from redis import Redis

from store import keys
from store.connect import now_ms
from store.inbox import depth

_TOLD_APART: Final = 1_000
"""Of what is not due, those that come first; any more are but counted."""
_STATE: Final = ("first", "lease", "begun", "not_before", "attempts", "waits", "cause")


class Stage(StrEnum):
    """How far a subject has come."""

    DUE = "due"
    """A worker may take it at any moment."""
    HANDED = "handed"
    """A worker has it in its queue."""
    RUNNING = "running"
    SETTLING = "settling"
    """More may be told of it in a moment: it waits for the end of the burst."""
    POSTPONED = "postponed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Item:
    """A subject with work."""

    subject: str
    stage: Stage
    since: datetime | None
    """When it was first told of; of a dead one, when it was given up."""
    due: datetime | None
    """When it is looked at next: of one that is worked, when its lease ends. None of a dead one."""
    attempts: int
    cause: str
    """Why the last run of it ended early, if one did."""
    hints: int
    """How often it was told of."""


@dataclass(frozen=True, slots=True)
class Group:
    """The subjects of one kind: how many there are, and those that come first."""

    total: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Lineup:
    """All that waits."""

    due: Group
    """By how long they have been due."""
    at_work: Group
    """Handed out or running, by when the lease ends."""
    settling: Group
    """By when they are due, as are those put off."""
    postponed: Group
    dead: Group
    """Newest first."""
    later: int
    """Those, due after all others, that were not told apart."""


def lineup(redis: Redis, most: int = 100, passing: int = 25) -> Lineup:
    """What waits: ``most`` of those put off or given up, and ``passing`` of each kind that is on its way,
    which goes by too fast to be read. Five round trips.
    """
    now = now_ms(redis.time())
    full = depth(redis)
    pipe = redis.pipeline(transaction=False)
    pipe.zrangebyscore(keys.PENDING, "-inf", now, 0, passing, withscores=True)
    pipe.zrangebyscore(keys.PENDING, f"({now}", "+inf", 0, _TOLD_APART, withscores=True)
    pipe.zrevrange(keys.DEAD, 0, most - 1, withscores=True)
    due, ahead, dead = cast("list[list[tuple[str, float]]]", pipe.execute())
    states = _states(redis, [name for name, _ in (*due, *ahead, *dead)])
    by_stage: dict[Stage, list[tuple[str, float]]] = {stage: [] for stage in Stage}
    for name, score in ahead:
        by_stage[_stage(states[name], now)].append((name, score))
    kinds = [
        [(Stage.DUE, *one) for one in due],
        [(stage, *one) for stage in (Stage.RUNNING, Stage.HANDED) for one in by_stage[stage]],
        [(Stage.SETTLING, *one) for one in by_stage[Stage.SETTLING]],
        [(Stage.POSTPONED, *one) for one in by_stage[Stage.POSTPONED]],
        [(Stage.DEAD, *one) for one in dead],
    ]
    bounds = (passing, passing, passing, most, most)
    shown = [rows[:bound] for rows, bound in zip(kinds, bounds, strict=True)]
    hints = _hints(redis, [name for rows in shown for _, name, _ in rows])
    totals = [full.due, *map(len, kinds[1:4]), full.dead]
    due_, at_work, settling, postponed, dead_ = (
        Group(total, tuple(_item(*row, states[row[1]], hints[row[1]]) for row in rows))
        for total, rows in zip(totals, shown, strict=True)
    )
    later = max(0, full.pending - full.due - len(ahead))
    return Lineup(due_, at_work, settling, postponed, dead_, later)


def causes(redis: Redis, most: int) -> list[str]:
    """Why each of the newest ``most`` dead letters was given up; empty where that is not known. Two round
    trips.
    """
    names = cast("list[str]", redis.zrevrange(keys.DEAD, 0, most - 1))
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.hget(keys.SUBJECT + name, "cause")
    return [cause or "" for cause in cast("list[str | None]", pipe.execute())]


def _states(redis: Redis, names: Sequence[str]) -> dict[str, list[str | None]]:
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.hmget(keys.SUBJECT + name, *_STATE)
    return dict(zip(names, pipe.execute(), strict=True))


def _hints(redis: Redis, names: Iterable[str]) -> dict[str, int]:
    names = list(names)
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.llen(keys.HINTS + name)
    return dict(zip(names, pipe.execute(), strict=True))


def _stage(state: Sequence[str | None], now: int) -> Stage:
    _, lease, begun, not_before, *_ = state
    if int(lease or 0) > now:
        return Stage.RUNNING if begun else Stage.HANDED
    return Stage.POSTPONED if int(not_before or 0) > now else Stage.SETTLING


def _item(stage: Stage, name: str, score: float, state: Sequence[str | None], hints: int) -> Item:
    first, *_, attempts, _, cause = state
    dead = stage is Stage.DEAD
    return Item(
        subject=name,
        stage=stage,
        since=_moment(score) if dead else _moment(int(first)) if first else None,
        due=None if dead else _moment(score),
        attempts=int(attempts or 0),
        cause=cause or "",
        hints=hints,
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
