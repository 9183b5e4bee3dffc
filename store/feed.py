"""Decisions of all subjects in order of time: a short line for each; ``store.decisions`` has the record.

A line is written in the same transaction as its record, and forgotten with its subject. Records from before
there was a feed have no line, and need none: they are found by their subject, as ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, Self, cast

import orjson
from redis import Redis
from redis.client import Pipeline

from store import keys
from trackers.model import Subject, SubjectKind

_FIRST: Final = 250
_MOST: Final = 4_000
"""Lines read at once: most pages are found among the newest, and a rare label may be among the oldest."""
_SCANNED: Final = 2_000
_CAUSE_CHARS: Final = 200
_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_ONLY_MEANT: Final = frozenset({"suggested", "dry_run"})
"""Outcomes after which the plan's labels are told, for none was to be put on."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a decision stands in the order of time; also its id: ``acme:issue:10001@1772442000123``."""

    at: int
    """Milliseconds since 1970."""
    subject: str

    def __str__(self) -> str:
        return f"{self.subject}@{self.at}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str(place)`` wrote. Raises ValueError on anything else."""
        subject, _, at = text.rpartition("@")
        if not re.fullmatch(r"[0-9]{1,15}", at):
            raise ValueError(f"{text!r} is the id of no decision.")
        return cls(int(at), str(Subject.parse(subject)))


@dataclass(frozen=True, slots=True)
class Line:
    """One decision in short."""

    subject: str
    at: int
    """Milliseconds since 1970."""
    outcome: str
    because: str = ""
    cause: str = ""
    """Its beginning."""
    key: str = ""
    """Of an issue, where a run came so far as to read it."""
    project: str = ""
    """Of the issue, or of the one that a sprint's comment stands on."""
    url: str = ""
    labels: tuple[str, ...] = ()
    """Put on; after a suggestion or a dry run, those that were meant."""
    did: tuple[str, ...] = ()
    """What else was done or meant, as a plan names operations."""
    marked: int = 0
    """Issues of a sprint whose label was brought in step."""
    concerns: tuple[str, ...] = ()
    """About a sprint."""

    @property
    def place(self) -> Place:
        return Place(self.at, self.subject)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines to give. What is empty asks for nothing."""

    connection: str = ""
    project: str = ""
    label: str = ""
    outcomes: frozenset[str] = frozenset()
    key: str = ""
    subjects: frozenset[str] | None = None

    def marks(self) -> tuple[str, ...]:
        """Texts that every wanted line holds: most others need not be read whole."""
        marks = [_quoted(value) for value in (self.project, self.label, self.key) if value]
        return (*marks, f"{self.connection}:") if self.connection else tuple(marks)

    def one_of(self) -> tuple[str, ...]:
        """Texts of which a wanted line holds one."""
        if self.subjects is not None:
            return tuple(f"{subject} " for subject in self.subjects)
        return tuple(f'"outcome":{_quoted(outcome)}' for outcome in self.outcomes) or ("",)

    def has(self, line: Line) -> bool:
        """Whether it is wanted."""
        return (
            (not self.connection or line.subject.startswith(f"{self.connection}:"))
            and (not self.project or line.project == self.project)
            and (not self.label or self.label in line.labels)
            and (not self.key or self.key == line.key)
            and (not self.outcomes or line.outcome in self.outcomes)
            and (self.subjects is None or line.subject in self.subjects)
        )


ALL: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the lines, newest first."""

    lines: tuple[Line, ...]
    newer: Place | None = None
    """After which there are newer ones that were asked for."""
    older: Place | None = None


class Feed:
    """The lines of all decisions. There are ``keys.FEED_KEPT`` at most, so that all of them can be read."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def slice(
        self, most: int, wanted: Wanted = ALL, *, before: Place | None = None, after: Place | None = None
    ) -> Slice:
        """The newest ``most`` lines that are ``wanted``: of those ``before`` a place, or the ones next
        ``after`` it. Reads no further than it must, at worst every line there is.
        """
        if after is not None:
            found = list(islice(self._lines(wanted, after, up=True), most + 1))
            if len(found) > most:
                lines = tuple(reversed(found[:most]))
                return Slice(lines, newer=lines[0].place, older=lines[-1].place)
            # There are too few for a page: it is the first.
        found = list(islice(self._lines(wanted, before, up=False), most + 1))
        lines = tuple(found[:most])
        newer = lines[0].place if before is not None and lines else None
        return Slice(lines, newer, lines[-1].place if len(found) > most else None)

    def newest(self, most: int) -> list[Line]:
        """The newest lines. One round trip."""
        return [_line(text) for text in cast("list[str]", self._redis.zrevrange(keys.FEED, 0, most - 1))]

    def subjects_of(self, key: str) -> frozenset[str]:
        """Those that ever bore an issue's ``key``; more than one where trackers share it. Reads all lines."""
        return frozenset(line.subject for line in self._lines(Wanted(key=key), None, up=False))

    def mask(self, subject: Subject, word: re.Pattern[str], instead: str) -> None:
        """Write ``instead`` of a ``word`` in the subject's lines. A few round trips."""
        pipe = self._redis.pipeline()
        for text in self._of(subject):
            masked = word.sub(instead, text)
            if masked != text:
                pipe.zrem(keys.FEED, text)
                pipe.zadd(keys.FEED, {masked: _line(text).at})
        pipe.execute()

    def purge(self, subject: Subject) -> None:
        """Forget the subject's lines. A few round trips."""
        gone = self._of(subject)
        if gone:
            self._redis.zrem(keys.FEED, *gone)

    def _of(self, subject: Subject) -> list[str]:
        """The subject's lines as they are kept, in no order; one may come twice."""
        found = self._redis.zscan_iter(keys.FEED, match=f"{_plain(str(subject))} *", count=_SCANNED)
        return [text for text, _ in cast("Iterator[tuple[str, float]]", found)]

    def _lines(self, wanted: Wanted, place: Place | None, *, up: bool) -> Iterator[Line]:
        """Wanted lines from ``place`` on, without it: ``up`` to the newest, or down to the oldest."""
        rank = self._rank(place, up=up) if place is not None else 0
        step, last, marks, one_of = _FIRST, place, wanted.marks(), wanted.one_of()
        while texts := cast("list[str]", self._redis.zrange(keys.FEED, rank, rank + step - 1, desc=not up)):
            for text in texts:
                if not (all(mark in text for mark in marks) and any(mark in text for mark in one_of)):
                    continue
                line = _line(text)
                # Ranks move while others write, and decisions of one moment stand beside each other.
                if last is None or (line.place > last if up else line.place < last):
                    last = line.place
                    if wanted.has(line):
                        yield line
            rank += step
            step = min(4 * step, _MOST)

    def _rank(self, place: Place, *, up: bool) -> int:
        bounds = ("-inf", f"({place.at}") if up else (f"({place.at}", "+inf")
        return self._redis.zcount(keys.FEED, *bounds)


def put(pipe: Pipeline, subject: Subject, record: Mapping[str, Any]) -> None:
    """Add the line of a decision record, along with what else ``pipe`` keeps."""
    if "at" not in record:
        return
    line = line_of(subject, record)
    told = {name: value for name, value in asdict(line).items() if name != "subject" and value}
    # The subject stands first and bare, so that its lines can be told from the others' without reading them.
    text = _quoted(told)
    # Half a surrogate pair, as a tracker may send one, is no text that could be stored or shown.
    pipe.zadd(keys.FEED, {f"{subject} {text}".encode("utf-8", "replace"): line.at})
    pipe.zremrangebyrank(keys.FEED, 0, -keys.FEED_KEPT - 1)
    pipe.zremrangebyscore(keys.FEED, "-inf", line.at - keys.DECISIONS_LIFE // _MILLISECOND)
    pipe.expire(keys.FEED, keys.DECISIONS_LIFE)


def line_of(subject: Subject, record: Mapping[str, Any]) -> Line:
    """The line of a record that ``workers.record`` made."""
    plan: Mapping[str, Any] = record.get("plan") or {}
    written: Mapping[str, Any] = record.get("written") or {}
    key, home = str(record.get("issue") or ""), str(plan.get("home") or "")
    meant = record["outcome"] in _ONLY_MEANT
    labels = [one["label"] for one in plan.get("labels", ())] if meant else written.get("labels", ())
    figures: Mapping[str, Any] = plan.get("sprint") or {}
    return Line(
        subject=str(subject),
        at=milliseconds(record["at"]),
        outcome=record["outcome"],
        because=record.get("because") or "",
        cause=str(record.get("cause") or "")[:_CAUSE_CHARS],
        key=key,
        project=(key if subject.kind is SubjectKind.ISSUE else home).rpartition("-")[0],
        url=str(record.get("url") or ""),
        labels=tuple(labels),
        did=tuple(_did(plan.get("operations", ()), written, meant=meant)),
        marked=len(plan.get("marked", ())),
        concerns=tuple(figures.get("concerns", ())),
    )


def milliseconds(at: str) -> int:
    """A moment (ISO 8601) in whole milliseconds since 1970."""
    return (datetime.fromisoformat(at) - _EPOCH) // _MILLISECOND


def _did(
    operations: Sequence[Mapping[str, Any]], written: Mapping[str, Any], *, meant: bool
) -> Iterator[str]:
    for operation in operations:
        name = str(operation["do"])
        of_comment = name.endswith("_comment") and name != "drop_comment"
        done = bool(written.get("comment")) if of_comment else bool(written)
        if name != "add_labels" and (meant or done):
            yield name


def _line(text: str) -> Line:
    subject, _, told = text.partition(" ")
    row: dict[str, Any] = orjson.loads(told)
    # What a newer version tells besides is passed over.
    known: dict[str, Any] = {
        name: tuple(row[name]) if name in _TUPLES else row[name] for name in row.keys() & _FIELDS
    }
    return Line(subject, **known)


_FIELDS: Final = frozenset(field.name for field in fields(Line)) - {"subject"}
_TUPLES: Final = frozenset({"labels", "did", "concerns"})


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(text: str) -> str:
    """A text that stands for itself in a pattern of Redis'."""
    return re.sub(r"([*?\[\]^\\])", r"\\\1", text)
