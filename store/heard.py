"""When a connection's tracker was last heard of: whether its webhook works at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, cast

from redis import Redis

from store import keys

_FEWEST: Final = 3
"""Bodies that tell nothing of a clock yet: one of them may just be late."""


class Heard:
    """Reads what ``store.door`` writes along with each delivery."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def last(self, connection: str) -> datetime | None:
        """When its last genuine delivery came, whatever became of it; None before the first.

        Genuine are those that were proven and understood: one that is refused says nothing of the tracker.
        One round trip.
        """
        when = cast("str | None", self._redis.hget(keys.HEARD, connection))
        return datetime.fromtimestamp(int(when) / 1000, UTC) if when is not None else None

    def skew(self, connection: str) -> timedelta | None:
        """How far our clock is ahead of the tracker's, below zero where it is behind; None where unknown.

        The median over the newest deliveries. Where that is above zero, the smallest: a delivery that was
        tried again, or held up, can only seem to come from further back, and many may after an outage.
        One round trip.
        """
        told = cast("list[str]", self._redis.lrange(keys.skew(connection), 0, -1))
        if len(told) < _FEWEST:
            return None
        ahead = sorted(map(int, told))
        middle = ahead[len(ahead) // 2]
        return timedelta(milliseconds=middle if middle < 0 else max(0, ahead[0]))
