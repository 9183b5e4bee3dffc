"""Rate limits as all workers share them: a pause covers a scope of one tracker host and identity (P9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from redis import Redis

from store import keys
from store.connect import lua, ms, now_ms
from trackers.limits import CREDENTIALS_REFUSED, told_as


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
        names = (keys.pause(self._host, self._identity, scope), keys.PAUSES)
        self._redis.eval(lua("pause"), 2, *names, reason, max(1, ms(length)), self._row(scope, reason))

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
        now = now_ms(self._redis.time())
        pipe = self._redis.pipeline(transaction=False)
        pipe.exists(keys.beat("clock"))
        pipe.zcount(keys.PENDING, "-inf", now - ms(late))
        alive, overdue = cast("list[int]", pipe.execute())
        return bool(alive and overdue)

    def lift(self, scope: str) -> None:
        """End a pause early: the tracker answers again."""
        pipe = self._redis.pipeline()
        pipe.delete(keys.pause(self._host, self._identity, scope))
        pipe.zrem(keys.PAUSES, self._row(scope, ""), self._row(scope, CREDENTIALS_REFUSED))
        pipe.execute()

    def _row(self, scope: str, reason: str) -> str:
        return f"{self._host}:{self._identity}:{told_as(scope, reason)}"


def standing_pauses(redis: Redis) -> list[tuple[str, float]]:
    """What is paused as (``host:identity:scope``, seconds left), for metrics. Two round trips.

    The scope is as ``told_as`` has it, so the rows are few however many issues are paused.
    """
    now = now_ms(redis.time())
    rows = cast(
        "list[tuple[str, float]]", redis.zrangebyscore(keys.PAUSES, f"({now}", "+inf", withscores=True)
    )
    return sorted((name, (until - now) / 1000) for name, until in rows)
