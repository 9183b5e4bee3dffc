"""The rules text in force, by which all processes work, and what the clocks find in their files (P8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from redis import Redis

from store import keys
from store.connect import ms, now_ms

_PAST_KEPT: Final = 100
"""Versions remembered as having made way for another."""


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


@dataclass(frozen=True, slots=True)
class FileSeen:
    """What a living clock finds in the rules file of its machine."""

    place: str
    """Host and path."""
    version: str | None
    """Of the newest good text it held; None when it held none yet."""
    turned: Turned | None = None
    """What it holds now, when that is not good."""


class RulebookShelf:
    """Where the version in force is kept. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def version(self) -> str | None:
        """The version in force; None before the first good file."""
        return cast("str | None", self._redis.hget(keys.RULEBOOK, "version"))

    def since(self) -> datetime | None:
        """Since when the version in force is that."""
        since = cast("str | None", self._redis.hget(keys.RULEBOOK, "since"))
        return datetime.fromisoformat(since) if since is not None else None

    def in_force(self) -> InForce | None:
        """The same with its text."""
        version, text, since = cast(
            "list[str | None]", self._redis.hmget(keys.RULEBOOK, ["version", "text", "since"])
        )
        if version is None or text is None or since is None:
            return None
        return InForce(version, text.encode(), datetime.fromisoformat(since))

    def publish(self, version: str, text: bytes, since: datetime | None = None) -> None:
        """Put a good text in force, by default since now by Redis' clock. Two round trips."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.hmget(keys.RULEBOOK, ["version", "past"])
        (seconds, micros), (before, past) = cast(
            "tuple[tuple[int, int], list[str | None]]", tuple(pipe.execute())
        )
        made_way = [one for one in (*(past or "").split(), before or "") if one not in ("", version)]
        held_since = since or datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
        fields = ["version", version, "text", text.decode(), "since", held_since.isoformat()]
        self._redis.hset(keys.RULEBOOK, items=[*fields, "past", " ".join(made_way[-_PAST_KEPT:])])

    def past(self) -> tuple[str, ...]:
        """The versions that made way for another, the newest first."""
        past = cast("str | None", self._redis.hget(keys.RULEBOOK, "past"))
        return tuple(reversed((past or "").split()))

    def made_way(self, version: str) -> bool:
        """Whether this text was in force once and another took its place."""
        return version in self.past()

    def accept(self, place: str, version: str) -> None:
        """The file at ``place`` holds a good text. Two round trips."""
        now, told = self._told()
        self._tell(place, {"version": version, "turned": None, "at": now}, told)

    def refuse(self, place: str, version: str, problems: Sequence[str]) -> None:
        """The file at ``place`` holds a bad text, or none. Two round trips.

        One that was refused there already, also by an earlier process, keeps its age.
        """
        now, told = self._told()
        before = told.get(place, {})
        held = before.get("turned") or {}
        since = held["since"] if held.get("version") == version else datetime.now(UTC).isoformat()
        turned = {"version": version, "problems": list(problems), "since": since}
        self._tell(place, {"version": before.get("version"), "turned": turned, "at": now}, told)

    def leave(self, place: str) -> None:
        """The clock at ``place`` ends; its file counts for ``keys.RULES_FILE_RESTART``. Two round trips."""
        now, told = self._told()
        if place in told:
            at = now - ms(keys.RULES_FILE_LIFE) + ms(keys.RULES_FILE_RESTART)
            self._tell(place, {**told[place], "at": at}, told)

    def files(self) -> tuple[FileSeen, ...]:
        """What every clock that lives finds in its file, by place."""
        now, told = self._told()
        return tuple(
            _seen(place, data)
            for place, data in sorted(told.items())
            if now - data["at"] <= ms(keys.RULES_FILE_LIFE)
        )

    def turned(self) -> Turned | None:
        """The newest text that a clock refuses; None when every file is good."""
        refused = [seen.turned for seen in self.files() if seen.turned is not None]
        return max(refused, key=lambda turned: turned.since, default=None)

    def _told(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The time by Redis' clock (ms), and what clocks told of each place."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.hgetall(keys.RULES_FILES)
        time, told = cast("tuple[tuple[int, int], dict[str, str]]", tuple(pipe.execute()))
        return now_ms(time), {place: json.loads(text) for place, text in told.items()}

    def _tell(self, place: str, state: dict[str, Any], told: dict[str, dict[str, Any]]) -> None:
        kept = ms(keys.RULES_FILES_LIFE)
        old = [name for name, data in told.items() if state["at"] - data["at"] > kept]
        pipe = self._redis.pipeline()
        if old:
            pipe.hdel(keys.RULES_FILES, *old)
        pipe.hset(keys.RULES_FILES, place, json.dumps(state))
        pipe.pexpire(keys.RULES_FILES, kept)
        pipe.execute()


def _seen(place: str, data: dict[str, Any]) -> FileSeen:
    turned = data["turned"]
    if turned is None:
        return FileSeen(place, data["version"])
    since = datetime.fromisoformat(turned["since"])
    return FileSeen(place, data["version"], Turned(turned["version"], tuple(turned["problems"]), since))
