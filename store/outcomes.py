"""What people made of the models' answers, and what follows: shifts and muted labels.

Rows name a project and a tag, no issue and no text, so nothing here has to be purged with an issue.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast

import orjson
from redis import Redis

from store import keys
from store.connect import lua
from store.journal import taught_field
from trackers.model import Subject

Spent = Mapping[str, Mapping[str, str]]
"""Label → models whose outcomes no longer count for it → until when that was (ISO 8601), or for good."""
_FOR_GOOD: Final = ""


class Verdict(StrEnum):
    """What became of one tag of an answer. Only a confirmation may still be withdrawn."""

    CONFIRMED = "confirmed"
    """We put it on, and a person who worked on the issue left it, or resolved the issue with it."""
    CORRECTED = "corrected"
    """We put it on, and a person took it off."""
    SEEN = "seen"
    """We did not put it on; the issue is resolved, with or without it."""
    VOID = "void"
    """We put it on, and it went by no person's doing: it teaches nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tag of one answer, and whether it was right."""

    at: str
    """When it became known; ISO 8601, UTC."""
    model: str
    target: str
    project: str
    tag: str
    p: float
    """The chance the model gave it (0..1), before any shift."""
    applied: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """A row with the verdict it comes from; the row of a void one is not kept."""

    verdict: Verdict
    row: Row


@dataclass(frozen=True, slots=True)
class Mute:
    """A label that is held back."""

    since: datetime
    why: str
    by: str = ""
    """The person who muted it; empty where the clock did."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What follows from the outcomes so far."""

    shift: Mapping[str, Any] | None
    """JSON, as ``keep_shift`` was given it; None when none was learnt yet."""
    learnt_from: int
    """How many outcomes there had ever been when it was learnt."""
    learnt_for: str
    """The model that served then; empty where it was not told."""
    muted: Mapping[str, Mute]
    spent: Spent
    """What no longer counts, because a label returned after it; ``still_counts`` tells of each outcome."""


class Outcomes:
    """Outcomes by connection and target. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._learn = redis.register_script(lua("learn"))

    def settle(self, subject: Subject, lessons: Collection[Lesson]) -> int:
        """Count what an issue taught, each tag at most once; how many rows are new.

        One round trip for each target.
        """
        targets = dict.fromkeys(lesson.row.target for lesson in lessons)
        return sum(
            self._settle(subject, target, [lesson for lesson in lessons if lesson.row.target == target])
            for target in targets
        )

    def _settle(self, subject: Subject, target: str, lessons: Sequence[Lesson]) -> int:
        connection = subject.connection
        life_ms = int(keys.OUTCOMES_LIFE.total_seconds() * 1000)
        args: list[str | int] = [
            keys.journal(subject),
            keys.outcomes(connection, target),
            keys.LESSONS,
            keys.COUNTERS,
            _place(connection, target),
            life_ms,
            keys.OUTCOMES_KEPT,
        ]
        for lesson in lessons:
            row, verdict = lesson.row, lesson.verdict
            counted = f"outcomes|{connection}|{target}|{row.tag.replace('|', '/')}|"
            of_ours = verdict in (Verdict.CONFIRMED, Verdict.CORRECTED)
            args += [
                taught_field(target, row.tag),
                verdict,
                "" if verdict is Verdict.VOID else json.dumps(astuple(row)),
                f"{counted}{verdict}" if of_ours else "",
                f"{counted}withdrawn",
            ]
        return int(cast("int", self._learn(args=args)))

    def rows(self, connection: str, target: str) -> list[Row]:
        """The outcomes kept, newest first."""
        raw = cast("list[str]", self._redis.lrange(keys.outcomes(connection, target), 0, -1))
        return [Row(*orjson.loads(text)) for text in raw]

    def ever(self) -> dict[tuple[str, str], int]:
        """Connection and target → how many outcomes were ever noted."""
        raw = cast("dict[str, str]", self._redis.hgetall(keys.LESSONS))
        return {_parts(place): int(count) for place, count in raw.items()}

    def standing(self, connection: str, target: str) -> Standing:
        """The shift learnt and the labels muted."""
        pipe = self._redis.pipeline()
        pipe.hgetall(keys.shift(connection, target))
        pipe.hgetall(keys.mutes(connection, target))
        learnt, held = cast("list[dict[str, str]]", pipe.execute())
        muted: dict[str, Mute] = {}
        spent: dict[str, Mapping[str, str]] = {}
        for name, text in held.items():
            kind, _, label = name.partition(":")
            if kind == "muted":
                since, why, *by = json.loads(text)
                muted[label] = Mute(datetime.fromisoformat(since), why, *by)
            else:
                spent[label] = _spent(text)
        shift = json.loads(learnt["shift"]) if "shift" in learnt else None
        return Standing(shift, int(learnt.get("of", 0)), learnt.get("for", ""), muted, spent)

    def keep_shift(
        self, connection: str, target: str, shift: Mapping[str, Any], of: int, model: str = ""
    ) -> None:
        """Put a shift in force; ``of`` is the number of outcomes there had ever been, ``model`` the id of
        the model it is for."""
        name = keys.shift(connection, target)
        pipe = self._redis.pipeline()
        pipe.hset(name, mapping={"shift": json.dumps(shift), "of": of, "for": model})
        pipe.expire(name, keys.OUTCOMES_LIFE)
        pipe.execute()

    def mute(self, connection: str, target: str, label: str, why: str, by: str = "") -> bool:
        """Hold a label back. True for the one caller by whom it becomes muted. Two round trips.

        What a person muted (``by``) returns by a person's word alone.
        """
        name = keys.mutes(connection, target)
        text = json.dumps([datetime.now(UTC).isoformat(timespec="seconds"), why, by])
        if not self._redis.hsetnx(name, f"muted:{label}", text):
            return False
        pipe = self._redis.pipeline()
        pipe.expire(name, keys.OUTCOMES_LIFE)
        pipe.hincrby(keys.COUNTERS, f"mutes|{connection}|{target}", 1)
        pipe.execute()
        return True

    def unmute(self, connection: str, target: str, label: str, *, anew: bool = False) -> bool:
        """Let a label return; what was made of it so far counts no more. False when it was not muted. Three
        round trips.

        ``anew``: a new model brings it back, so that of the models so far also counts no more what is yet
        to become known.
        """
        name, spent = keys.mutes(connection, target), f"spent:{label}"
        models = {row.model for row in self.rows(connection, target) if row.tag == label}
        was_muted, before = cast("list[str | None]", self._redis.hmget(name, [f"muted:{label}", spent]))
        if was_muted is None:
            return False
        until = _FOR_GOOD if anew else datetime.now(UTC).isoformat()
        for_good = {model for model, till in _spent(before or "{}").items() if till == _FOR_GOOD}
        pipe = self._redis.pipeline()
        pipe.hdel(name, f"muted:{label}")
        told = dict.fromkeys(sorted(models), until) | dict.fromkeys(sorted(for_good), _FOR_GOOD)
        pipe.hset(name, spent, json.dumps(told))
        pipe.expire(name, keys.OUTCOMES_LIFE)
        return bool(pipe.execute()[0])


def still_counts(row: Row, spent: Spent) -> bool:
    """Whether an outcome speaks for or against its tag, or is forgotten because the tag returned after it."""
    until = spent.get(row.tag, {}).get(row.model)
    if until is None:
        return True
    return until != _FOR_GOOD and datetime.fromisoformat(row.at) > datetime.fromisoformat(until)


def _spent(text: str) -> dict[str, str]:
    told = json.loads(text)
    # Releases before wrote the models alone.
    return told if isinstance(told, dict) else dict.fromkeys(told, _FOR_GOOD)


def _place(connection: str, target: str) -> str:
    return f"{connection}:{target}"


def _parts(place: str) -> tuple[str, str]:
    connection, _, target = place.rpartition(":")
    return connection, target
