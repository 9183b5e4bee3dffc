"""The queue of record: hints wait here by subject until a run has worked them.

One mechanism serves settle times, retries, rate pauses and recovery after a crash: every subject
with work has a *due time* in the pending set. Taking a subject moves its due time to the end of
the lease, so a run that dies is simply due again. Each script runs whole or not at all and reads
Redis' own clock, so any number of web processes, workers and clocks may share one inbox.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from redis import Redis

from store import keys
from store.connect import lua, now_ms
from trackers.model import Hint, HintKind, Subject, SubjectKind

_LOOK_AGAIN: Final = {
    SubjectKind.ISSUE: HintKind.ISSUE_CHANGED,
    SubjectKind.SPRINT: HintKind.SPRINT_CHANGED,
    SubjectKind.BOARD: HintKind.BOARD_DUE,
    SubjectKind.CATCH_UP: HintKind.CATCH_UP_DUE,
}
"""What stands for a hint that only a newer version understands: anything may have changed."""


_DEAD_HINTS: Final = 100
"""What is kept of a dead letter; a run that comes of it reads the present state anyhow."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A leased subject, ready to be worked by whoever holds ``token``."""

    subject: Subject
    token: int
    overdue: timedelta


@dataclass(frozen=True, slots=True)
class Batch:
    """What a run works on: all hints about one subject that had come when it began."""

    subject: Subject
    token: int
    hints: tuple[Hint, ...]
    attempts: int
    """Runs begun since the last success, this one included, pauses not counted."""
    waits: int
    """How often it was given back without spending an attempt."""
    cause: str
    """Why the last run that could say so ended early, if one did."""
    waited: timedelta
    """Since the first hint came."""
    silent: bool = False
    """Whether the run before this one never came to an end: its worker died or hung, or Redis was away."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A subject that was given up, for people to look at."""

    subject: Subject
    since: datetime
    attempts: int
    cause: str
    hints: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How full the inbox is."""

    pending: int
    due: int
    waiting: int
    """Those that are due, and those that were handed out with no run of them begun yet."""
    oldest_overdue: timedelta
    """How late the oldest of these is."""
    dead: int


@dataclass(frozen=True, slots=True)
class Queued:
    """What of one connection waits for a run to begin."""

    subjects: int
    longest: timedelta
    """How late the oldest of them is."""


class Inbox:
    """The pending set with its leases. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis, *, lease: timedelta) -> None:
        self._redis = redis
        self._lease = _ms(lease)
        self._scripts = {
            name: redis.register_script(lua(name))
            for name in (
                "offer",
                "take",
                "begin",
                "renew",
                "finish",
                "postpone",
                "bury",
                "revive",
                "discard",
                "forget_old",
            )
        }

    def offer(
        self, connection: str, digest: str, hints: Sequence[Hint], *, settle: timedelta, ceiling: timedelta
    ) -> bool:
        """Claim a body and store its hints, both or neither. False when the body was seen before."""
        args: list[str | int] = [keys.PREFIX, _ms(keys.CLAIM_LIFE), ""]
        for hint in hints:
            args += [str(hint.subject), _ms(settle), _ms(ceiling), json.dumps(hint.to_json())]
        return bool(self._scripts["offer"](keys=[keys.claim(connection, digest)], args=args))

    def is_claimed(self, connection: str, digest: str) -> bool:
        """Whether a body was seen before, as far as that is remembered (``CLAIM_LIFE``)."""
        return bool(self._redis.exists(keys.claim(connection, digest)))

    def take(self, most: int) -> list[Taken]:
        """Lease up to ``most`` due subjects, longest due first.

        A subject of a kind that only a newer version knows is left to that version.
        """
        flat = cast("list[str | int]", self._run("take", self._lease, most))
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        return [
            Taken(subject, int(token), timedelta(milliseconds=int(overdue)))
            for name, token, overdue in triples
            if (subject := _subject(str(name))) is not None
        ]

    def begin(self, subject: Subject, token: int) -> Batch | None:
        """Start the run that ``token`` stands for; None when a newer token was given meanwhile."""
        answer = cast("list[str | int] | None", self._run("begin", str(subject), token, self._lease))
        if not answer:
            return None
        attempts, waits, cause, waited, silent, *entries = answer
        return Batch(
            subject=subject,
            token=token,
            hints=tuple(_hint(subject, str(entry)) for entry in entries),
            attempts=int(attempts),
            waits=int(waits),
            cause=str(cause),
            silent=bool(int(silent)),
            waited=timedelta(milliseconds=int(waited)),
        )

    def renew(self, batch: Batch) -> bool:
        """Asked before every write: True, and a fresh lease, only while the lease is still ours."""
        return bool(self._run("renew", str(batch.subject), batch.token, self._lease))

    def finish(self, batch: Batch) -> bool:
        """Remove exactly the hints that were read. False when the lease had passed to another run."""
        return bool(self._run("finish", str(batch.subject), batch.token, len(batch.hints)))

    def postpone(self, batch: Batch, delay: timedelta, cause: str, *, free: bool) -> bool:
        """Give the subject back until ``delay`` has passed; ``free`` spends no attempt.

        When a hint has come since ``batch`` was read, an hour is the longest.
        """
        arguments = (str(batch.subject), batch.token, _ms(delay), int(free), cause, len(batch.hints))
        return bool(self._run("postpone", *arguments))

    def bury(self, batch: Batch, cause: str) -> bool:
        """Give the subject up with its cause. A hint that came meanwhile gives it fresh attempts instead."""
        return bool(self._run("bury", str(batch.subject), batch.token, cause, len(batch.hints), _DEAD_HINTS))

    def revive(self, subject: Subject) -> bool:
        """Put a dead subject back with fresh attempts; False when it is not among the dead."""
        return bool(self._run("revive", str(subject)))

    def discard(self, subject: Subject) -> int | None:
        """Drop a dead subject and count that. How many hints went with it; None when it is not dead."""
        dropped = cast("int", self._run("discard", str(subject), subject.connection))
        return dropped if dropped >= 0 else None

    def dead(self, most: int = 1_000) -> list[Dead]:
        """The dead letters, newest first. Two round trips."""
        entries = cast(
            "list[tuple[str, float]]",
            self._redis.zrevrangebyscore(keys.DEAD, "+inf", "-inf", 0, most, withscores=True),
        )
        pipe = self._redis.pipeline(transaction=False)
        for name, _ in entries:
            pipe.hmget(keys.SUBJECT + name, "attempts", "cause")
            pipe.llen(keys.HINTS + name)
        answers = pipe.execute()
        found = []
        for (name, since), (attempts, cause), hints in zip(entries, answers[::2], answers[1::2], strict=True):
            if (subject := _subject(name)) is not None:
                moment = datetime.fromtimestamp(since / 1000, UTC)
                found.append(Dead(subject, moment, int(attempts or 0), cause or "", int(hints)))
        return found

    def forget_old_dead(self) -> int:
        """Drop dead letters past their life; how many went."""
        return int(cast("int", self._run("forget_old", _ms(keys.DEAD_LIFE))))

    def waiting(self, connection: str, cause: str) -> int:
        """How many of a connection's subjects were given back for this very cause and have not been worked
        since. One round trip and more the more there are.
        """
        mine = [
            str(name) for name, _ in self._redis.zscan_iter(keys.PENDING) if name.startswith(f"{connection}:")
        ]
        pipe = self._redis.pipeline(transaction=False)
        for name in mine:
            pipe.hget(keys.SUBJECT + name, "cause")
        return pipe.execute().count(cause)

    def is_waiting(self, subject: Subject) -> bool:
        """Whether hints about it wait or are being worked; those of a dead letter do not."""
        return self._redis.zscore(keys.PENDING, str(subject)) is not None

    def cause(self, subject: Subject) -> str:
        """Why the last run about it ended early, if it did and could say so."""
        return cast("str | None", self._redis.hget(keys.subject_state(subject), "cause")) or ""

    def depth(self) -> Depth:
        """How much waits, and for how long."""
        return depth(self._redis)

    def _run(self, script: str, *args: str | int) -> object:
        return self._scripts[script](keys=[], args=[keys.PREFIX, *args])


def depth(redis: Redis) -> Depth:
    """How full the inbox in ``redis`` is. One round trip."""
    answer = cast("list[int]", redis.eval(lua("depth"), 0, keys.PREFIX))
    pending, due, waiting, overdue_ms, dead = answer
    return Depth(pending, due, waiting, timedelta(milliseconds=overdue_ms), dead)


def queued(redis: Redis, most: int = 1_000) -> dict[str, Queued]:
    """What waits by connection, of the ``most`` that have been due longest. Two round trips."""
    now = now_ms(redis.time())
    pipe = redis.pipeline(transaction=False)
    pipe.zrangebyscore(keys.PENDING, "-inf", now, 0, most, withscores=True)
    # What was handed out is due again when its lease ends, but has waited since it was due at first.
    pipe.zrange(keys.HANDED, 0, most - 1, withscores=True)
    due, handed = cast("list[list[tuple[str, float]]]", pipe.execute())
    since: dict[str, dict[str, float]] = {}
    for name, at in (*due, *handed):
        subjects = since.setdefault(name.partition(":")[0], {})
        subjects[name] = min(at, subjects.get(name, at))
    return {
        connection: Queued(len(subjects), timedelta(milliseconds=max(0, now - min(subjects.values()))))
        for connection, subjects in since.items()
    }


def _hint(subject: Subject, entry: str) -> Hint:
    try:
        return Hint.from_json(json.loads(entry.partition(" ")[2]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Hint(subject, _LOOK_AGAIN[subject.kind], digest="", changed=("title", "description"))


def _subject(name: str) -> Subject | None:
    try:
        return Subject.parse(name)
    except ValueError:
        return None


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
