"""Who works on a queue and what waits there, as RQ 3 notes it in Redis.

This leans on RQ's own key names and on how long it lets them live, which RQ does not promise: the web
process shall load no RQ. ``tests/contract/test_crew.py`` holds it against a real worker and queue.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, cast

from redis import Redis

LIVE: Final = "live"
BULK: Final = "bulk"
QUEUES: Final = (LIVE, BULK)
_SPARE_S: Final = 60
"""RQ lets a worker's key outlive the moment at which its next sign of life is due by this."""
_MOST_JOBS: Final = 100
"""Of those in a queue that are looked at; ours hold few."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker that is alive."""

    busy: bool


class Crew:
    """The workers and jobs of our queues. Every method is two round trips."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        prefix = os.environ.get("RQ_KEY_PREFIX", "rq")
        self._workers, self._queue, self._job = (f"{prefix}:{kind}:" for kind in ("workers", "queue", "job"))

    def alive(self, queue: str) -> tuple[Hand, ...]:
        """The workers of ``queue`` that showed a sign of life when it was due.

        One that ended well is gone at once; one that was killed or stopped, its ``worker_ttl`` after the
        last sign.
        """
        names = sorted(cast("set[str]", self._redis.smembers(self._workers + queue)))
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.ttl(name)
            pipe.hget(name, "state")
        answers = pipe.execute()
        left, states = cast("list[int]", answers[::2]), cast("list[str | None]", answers[1::2])
        return tuple(
            Hand(state == "busy") for seconds, state in zip(left, states, strict=True) if seconds >= _SPARE_S
        )

    def waiting(self, queue: str) -> int:
        """How many jobs wait in ``queue``; a job whose time is up is none, though RQ still lists it."""
        jobs = cast("list[str]", self._redis.lrange(self._queue + queue, 0, _MOST_JOBS - 1))
        pipe = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipe.exists(self._job + job)
        return sum(cast("list[int]", pipe.execute()))
