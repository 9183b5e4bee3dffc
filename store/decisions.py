"""The record of what was decided and why, per subject, and the counters of what workers did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis

from store import keys
from trackers.model import Subject


class Decisions:
    """Decision records are JSON-ready mappings made by ``workers.record``; newest first."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, subject: Subject, record: Mapping[str, Any], counters: Mapping[str, int]) -> None:
        """Keep one record and count what it stands for, in one round trip."""
        name = keys.decisions(subject)
        pipe = self._redis.pipeline()
        pipe.lpush(name, json.dumps(record))
        pipe.ltrim(name, 0, keys.DECISIONS_KEPT - 1)
        pipe.expire(name, keys.DECISIONS_LIFE)
        for counter, amount in counters.items():
            pipe.hincrby(keys.COUNTERS, counter, amount)
        pipe.execute()

    def count(self, counters: Mapping[str, int]) -> None:
        """Count without keeping a record."""
        pipe = self._redis.pipeline()
        for counter, amount in counters.items():
            pipe.hincrby(keys.COUNTERS, counter, amount)
        pipe.execute()

    def of(self, subject: Subject) -> list[dict[str, Any]]:
        """The subject's records, newest first."""
        raw = cast("list[str]", self._redis.lrange(keys.decisions(subject), 0, -1))
        return [json.loads(text) for text in raw]

    def last(self, subject: Subject) -> dict[str, Any] | None:
        """The subject's newest record."""
        text = cast("str | None", self._redis.lindex(keys.decisions(subject), 0))
        return json.loads(text) if text is not None else None

    def mask(self, subject: Subject, key: str, instead: str) -> None:
        """Write ``instead`` for an issue's ``key`` in the subject's records. Two round trips."""
        name = keys.decisions(subject)
        pipe = self._redis.pipeline()
        for number, text in enumerate(cast("list[str]", self._redis.lrange(name, 0, -1))):
            masked = text.replace(json.dumps(key), json.dumps(instead))
            if masked != text:
                pipe.lset(name, number, masked)
        pipe.execute()

    def purge(self, subject: Subject) -> None:
        """Forget the subject's records."""
        self._redis.delete(keys.decisions(subject))

    def counters(self) -> dict[str, int]:
        """All counters by name."""
        raw = cast("dict[str, str]", self._redis.hgetall(keys.COUNTERS))
        return {name: int(value) for name, value in raw.items()}
