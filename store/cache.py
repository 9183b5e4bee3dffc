"""Readings of a tracker that change seldom (labels, fields, our identity), shared by all workers."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from redis import Redis

from store import keys


class Cache:
    """Text by name, for a time. Fits ``trackers.protocol.Cache``."""

    def __init__(self, redis: Redis, connection: str, account: str) -> None:
        """``account`` names whose view of the tracker it is; another account may see other things."""
        self._redis = redis
        self._space = f"{connection}:{account}"

    def get(self, name: str) -> str | None:
        return cast("str | None", self._redis.get(keys.cache(f"{self._space}:{name}")))

    def put(self, name: str, text: str, life: timedelta) -> None:
        self._redis.set(keys.cache(f"{self._space}:{name}"), text, px=life)

    def drop(self, name: str) -> None:
        self._redis.delete(keys.cache(f"{self._space}:{name}"))
