"""The rules text in force, by which all processes work, and the newest text that was refused (P8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from redis import Redis

from store import keys


@dataclass(frozen=True, slots=True)
class InForce:
    """A rules text with its version and since when it holds."""

    version: str
    text: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class Turned:
    """A rules text that was not taken, with every problem as one line."""

    version: str
    problems: tuple[str, ...]
    since: datetime


class RulebookShelf:
    """Where the version in force is kept. Every method is one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def version(self) -> str | None:
        """The version in force; None before the first good file."""
        return cast("str | None", self._redis.hget(keys.RULEBOOK, "version"))

    def in_force(self) -> InForce | None:
        version, text, since = cast(
            "list[str | None]", self._redis.hmget(keys.RULEBOOK, ["version", "text", "since"])
        )
        if version is None or text is None or since is None:
            return None
        return InForce(version, text.encode(), datetime.fromisoformat(since))

    def turned(self) -> Turned | None:
        """The newest refused text, None when the newest text is the one in force."""
        raw = cast("str | None", self._redis.hget(keys.RULEBOOK, "turned"))
        if raw is None:
            return None
        data = json.loads(raw)
        return Turned(data["version"], tuple(data["problems"]), datetime.fromisoformat(data["since"]))

    def publish(self, version: str, text: bytes) -> None:
        """Put a good text in force and forget about a refused one."""
        since = datetime.now(UTC).isoformat()
        pipe = self._redis.pipeline()
        pipe.hset(keys.RULEBOOK, items=["version", version, "text", text.decode(), "since", since])
        pipe.hdel(keys.RULEBOOK, "turned")
        pipe.execute()

    def refuse(self, version: str, problems: Sequence[str]) -> None:
        """Note a bad text; the one in force stays."""
        note = {"version": version, "problems": list(problems), "since": datetime.now(UTC).isoformat()}
        self._redis.hset(keys.RULEBOOK, "turned", json.dumps(note))

    def accept(self) -> None:
        """The newest text equals the one in force again."""
        self._redis.hdel(keys.RULEBOOK, "turned")
