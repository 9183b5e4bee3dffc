"""The record of what was decided and why, per subject, and the counters of what workers did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline

from store import feed, keys, put_on
from store.feed import Feed, Place, milliseconds
from trackers.model import Subject

_BATCH: Final = 100
"""Subjects whose records are read at once: at most ``keys.DECISIONS_KEPT`` of a few kB each."""


class Decisions:
    """Decision records are JSON-ready mappings made by ``workers.record``; newest first."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, subject: Subject, record: Mapping[str, Any], counters: Mapping[str, int]) -> None:
        """Keep one record and count what it stands for, in one round trip."""
        pipe = self._redis.pipeline()
        put(pipe, subject, record)
        count(pipe, counters)
        pipe.execute()

    def count(self, counters: Mapping[str, int]) -> None:
        """Count without keeping a record."""
        pipe = self._redis.pipeline()
        count(pipe, counters)
        pipe.execute()

    def of(self, subject: Subject) -> list[dict[str, Any]]:
        """The subject's records, newest first."""
        raw = cast("list[str]", self._redis.lrange(keys.decisions(subject), 0, -1))
        return [json.loads(text) for text in raw]

    def every(self, connection: str | None = None) -> Iterator[tuple[Subject, list[dict[str, Any]]]]:
        """Every subject with its records, newest first; of one connection, or of all. In no order.

        A batch of records is held at a time, and the names of the subjects. One round trip for each batch,
        and some to find them: what is written meanwhile may or may not be among them.
        """
        found = self._redis.scan_iter(match=f"{keys.DECISIONS}{connection or '*'}:*", count=1_000)
        names = _once(cast("Iterator[str]", found))
        while batch := list(islice(names, _BATCH)):
            pipe = self._redis.pipeline(transaction=False)
            for name in batch:
                pipe.lrange(name, 0, -1)
            for name, raw in zip(batch, cast("list[list[str]]", pipe.execute()), strict=True):
                subject = _subject(name)
                if raw and subject is not None:
                    yield subject, [json.loads(text) for text in raw]

    def at(self, place: Place) -> dict[str, Any] | None:
        """The record whose line in the feed stands at ``place``."""
        records = self.of(Subject.parse(place.subject))
        return next((one for one in records if "at" in one and milliseconds(one["at"]) == place.at), None)

    def last(self, subject: Subject) -> dict[str, Any] | None:
        """The subject's newest record."""
        text = cast("str | None", self._redis.lindex(keys.decisions(subject), 0))
        return json.loads(text) if text is not None else None

    def mask(self, subject: Subject, key: str, instead: str) -> None:
        """Write ``instead`` of an issue's ``key`` wherever the records have it. A few round trips."""
        name, word = keys.decisions(subject), re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        pipe = self._redis.pipeline()
        for number, text in enumerate(cast("list[str]", self._redis.lrange(name, 0, -1))):
            masked = word.sub(instead, text)
            if masked != text:
                pipe.lset(name, number, masked)
        pipe.execute()
        Feed(self._redis).mask(subject, word, instead)

    def purge(self, subject: Subject) -> None:
        """Forget the subject's records. A few round trips."""
        self._redis.delete(keys.decisions(subject))
        Feed(self._redis).purge(subject)

    def counters(self) -> dict[str, int]:
        """All counters by name."""
        raw = cast("dict[str, str]", self._redis.hgetall(keys.COUNTERS))
        return {name: int(value) for name, value in raw.items()}


def put(pipe: Pipeline, subject: Subject, record: Mapping[str, Any]) -> None:
    """Keep one record along with what else ``pipe`` keeps."""
    name = keys.decisions(subject)
    pipe.lpush(name, json.dumps(record))
    pipe.ltrim(name, 0, keys.DECISIONS_KEPT - 1)
    pipe.expire(name, keys.DECISIONS_LIFE)
    feed.put(pipe, subject, record)
    put_on.put(pipe, subject, record)


def count(pipe: Pipeline, counters: Mapping[str, int]) -> None:
    """Count along with what else ``pipe`` keeps."""
    for counter, amount in counters.items():
        pipe.hincrby(keys.COUNTERS, counter, amount)


def _once(names: Iterator[str]) -> Iterator[str]:
    """Each name once: a scan may tell one twice while the database grows."""
    seen: set[str] = set()
    for name in names:
        if name not in seen:
            seen.add(name)
            yield name


def _subject(name: str) -> Subject | None:
    try:
        return Subject.parse(name.removeprefix(keys.DECISIONS))
    except ValueError:
        # Of a kind that only another release knows.
        return None
