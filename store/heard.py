"""When a connection's tracker was last heard of: whether its webhook works at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from redis import Redis

from store import keys


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
