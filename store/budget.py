"""Rate limits as all workers share them: a pause covers a scope of one tracker host and identity (P9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from redis import Redis

from store import keys


@dataclass(frozen=True, slots=True)
class Standing:
    """A pause in force: for how long still, and why."""

    scope: str
    left: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """How much of its scarcest limit a tracker said was left."""

    share: float
    """0 to 1."""
    ago: timedelta


class Budget:
    """Pauses of one tracker host and identity. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis, host: str, identity: str) -> None:
        self._redis = redis
        self._host = host
        self._identity = identity

    def pause(self, scope: str, length: timedelta, reason: str) -> None:
        """Pause a scope. A longer pause already in force is kept."""
        name = keys.pause(self._host, self._identity, scope)
        length_ms = max(1, int(length.total_seconds() * 1000))
        pipe = self._redis.pipeline()
        pipe.set(name, reason, px=length_ms, nx=True)
        pipe.pexpire(name, length_ms, gt=True)
        pipe.execute()

    def standing(self, scopes: Sequence[str]) -> Standing | None:
        """The longest pause in force over any of ``scopes``, if there is one."""
        pipe = self._redis.pipeline(transaction=False)
        for scope in scopes:
            name = keys.pause(self._host, self._identity, scope)
            pipe.pttl(name)
            pipe.get(name)
        answers = cast("list[int | str | None]", pipe.execute())
        found = [
            Standing(scope, timedelta(milliseconds=int(left)), str(reason or ""))
            for scope, left, reason in zip(scopes, answers[::2], answers[1::2], strict=True)
            if left is not None and int(left) > 0
        ]
        return max(found, key=lambda pause: pause.left, default=None)

    def note_left(self, share: float) -> None:
        """The share (0..1) of the scarcest limit that the tracker says is left."""
        self._redis.set(keys.left(self._host, self._identity), f"{share:.4f}", px=keys.LEFT_LIFE)

    def left(self) -> Left | None:
        """What was last noted as left; None where the tracker tells no limits, or nobody asked it lately."""
        name = keys.left(self._host, self._identity)
        pipe = self._redis.pipeline()
        pipe.get(name)
        pipe.pttl(name)
        share, lives = cast("tuple[str | None, int]", tuple(pipe.execute()))
        if share is None:
            return None
        return Left(float(share), max(timedelta(), keys.LEFT_LIFE - timedelta(milliseconds=lives)))

    def live_waits(self, late: timedelta) -> bool:
        """Whether subjects of the inbox have been due for longer than ``late`` though a clock is at work.

        Where no clock runs nobody would ever take them. Two round trips.
        """
        seconds, micros = self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        pipe = self._redis.pipeline(transaction=False)
        pipe.exists(keys.beat("clock"))
        pipe.zcount(keys.PENDING, "-inf", now_ms - int(late.total_seconds() * 1000))
        alive, overdue = cast("list[int]", pipe.execute())
        return bool(alive and overdue)

    def lift(self, scope: str) -> None:
        """End a pause early: the tracker answers again."""
        self._redis.delete(keys.pause(self._host, self._identity, scope))


def standing_pauses(redis: Redis) -> list[tuple[str, float]]:
    """Every pause in force as (``host:identity:scope``, seconds left), for health and metrics."""
    names = [str(name) for name in redis.scan_iter(match=f"{keys.PAUSE}*", count=500)]
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.pttl(name)
    lefts = cast("list[int]", pipe.execute())
    return sorted(
        (name[len(keys.PAUSE) :], max(0, left) / 1000) for name, left in zip(names, lefts, strict=True)
    )
