"""How the models that serve fare: their answers to new issues by week, and what a clock made of them.

Integers and names of projects and tags; no issue and no text, so nothing here has to be purged with
an issue.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, cast

from redis import Redis
from redis.client import Pipeline

from store import keys
from store.models import Place

_REPORT: Final = "report"
_MODEL: Final = "model:"
_TOLD: Final = "told:"


class Reply(StrEnum):
    """How a model answered about an issue."""

    TAGGED = "tagged"
    """At least one tag reached its line."""
    SILENT = "silent"
    ABSTAINED = "abstained"
    """The issue is empty, tiny or unlike anything learnt."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one answer about a new issue adds to the counts."""

    model: str
    target: str
    project: str
    reply: Reply
    week: date
    cells: tuple[str, ...] = ()
    """Of the model's drift reference; none where it has no reference."""


@dataclass(frozen=True, slots=True)
class Week:
    """A model's answers of one calendar week, UTC."""

    start: date
    """Its Monday."""
    answers: Mapping[str, Mapping[Reply, int]]
    """Project → how it was answered → issues."""
    cells: Mapping[str, int]
    """Cell of the drift reference → issues."""

    @property
    def replies(self) -> Counter[Reply]:
        """Over all projects."""
        found: Counter[Reply] = Counter()
        for own in self.answers.values():
            found.update(own)
        return found

    @property
    def issues(self) -> int:
        return self.replies.total()


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one measure of the newest issues is from the training window."""

    measure: str
    size: str
    """``unknown``, ``none``, ``some`` or ``much``."""
    index: float
    """The population stability index."""
    sentence: str
    """Without a full stop."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a proposal was right, with the ends of its interval."""

    right: int
    total: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a clock made of the counts and the outcomes."""

    model: str
    """The one that served."""
    at: datetime
    moved: tuple[Moved, ...] = ()
    """Empty where the model does not say what its training window was like."""
    labels: Mapping[str, Rate] = field(default_factory=dict)
    """Of the tags put on most."""
    projects: Mapping[str, Rate] = field(default_factory=dict)
    of: tuple[int, int] = (0, 0)
    """Outcomes ever noted, and those that no longer count, when the rates were worked out."""


def week_of(moment: datetime) -> date:
    """The Monday of the week that ``moment`` is in, by its own time zone."""
    return moment.date() - timedelta(days=moment.weekday())


def count(pipe: Pipeline, connection: str, seen: Sighting) -> None:
    """Add one answer to the counts, as part of what ``pipe`` does."""
    week = seen.week.isoformat()
    name = keys.seen(connection, seen.target, seen.model, week)
    for cell in (f"{seen.reply}|{seen.project}", *seen.cells):
        pipe.hincrby(name, cell, 1)
    pipe.expire(name, keys.SEEN_LIFE)
    watch = keys.watch(connection, seen.target)
    pipe.hset(watch, f"{_MODEL}{seen.model}", week)
    pipe.expire(watch, keys.WATCH_LIFE)
    project = seen.project.replace("|", "/")
    pipe.hincrby(keys.COUNTERS, f"answers|{connection}|{seen.target}|{project}|{seen.reply}", 1)


class Watch:
    """The counts and reports. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def weeks(self, place: Place, model: str, newest: date, most: int = keys.SEEN_WEEKS) -> tuple[Week, ...]:
        """The newest ``most`` calendar weeks up to ``newest`` (a Monday), newest first; those without
        any answer are left out."""
        starts = [newest - timedelta(weeks=back) for back in range(most)]
        pipe = self._redis.pipeline(transaction=False)
        for start in starts:
            pipe.hgetall(keys.seen(*place, model, start.isoformat()))
        raw = cast("list[dict[str, str]]", pipe.execute())
        return tuple(_week(start, counts) for start, counts in zip(starts, raw, strict=True) if counts)

    def report(self, place: Place, model: str | None) -> Report | None:
        """What a clock last said of ``model``; None when it has not looked at it yet."""
        raw = cast("str | None", self._redis.hget(keys.watch(*place), _REPORT))
        found = None if raw is None else _report(raw)
        return found if found is not None and found.model == model else None

    def keep(self, place: Place, report: Report) -> None:
        """Put a report in place of the one before."""
        name = keys.watch(*place)
        pipe = self._redis.pipeline()
        pipe.hset(name, _REPORT, json.dumps(asdict(report), default=datetime.isoformat))
        pipe.expire(name, keys.WATCH_LIFE)
        pipe.execute()

    def tell(self, place: Place, model: str, measure: str) -> bool:
        """Whether an alarm is news: True for one caller alone, until :meth:`calm`."""
        return bool(self._redis.hsetnx(keys.watch(*place), f"{_TOLD}{measure}:{model}", 1))

    def calm(self, place: Place, model: str, measures: Collection[str]) -> None:
        """Those measures are well again: the next alarm of theirs is news."""
        if measures:
            self._redis.hdel(keys.watch(*place), *(f"{_TOLD}{measure}:{model}" for measure in measures))

    def forget_others(self, place: Place, models: Collection[str]) -> None:
        """Drop all that is kept of models other than ``models``. A second round trip if there is any."""
        name = keys.watch(*place)
        held = cast("dict[str, str]", self._redis.hgetall(name))
        gone = {key: text for key, text in held.items() if key != _REPORT and _of(key) not in models}
        if not gone:
            return
        pipe = self._redis.pipeline()
        for key, text in gone.items():
            if key.startswith(_MODEL):
                last = date.fromisoformat(text)
                weeks = (last - timedelta(weeks=back) for back in range(keys.SEEN_WEEKS + 1))
                pipe.unlink(*(keys.seen(*place, _of(key), week.isoformat()) for week in weeks))
        pipe.hdel(name, *gone)
        pipe.execute()


def _of(key: str) -> str:
    """The model that a field is about; an id has no colon."""
    return key.rpartition(":")[2]


def _week(start: date, counts: Mapping[str, str]) -> Week:
    answers: dict[str, dict[Reply, int]] = {}
    cells: dict[str, int] = {}
    for name, text in counts.items():
        # A project may have any name, also within a cell; a reply comes first.
        reply, _, project = name.partition("|")
        if reply in tuple(Reply):
            answers.setdefault(project, {})[Reply(reply)] = int(text)
        else:
            cells[name] = int(text)
    return Week(start, answers, cells)


def _report(text: str) -> Report:
    data = json.loads(text)
    return Report(
        data["model"],
        datetime.fromisoformat(data["at"]),
        tuple(Moved(**moved) for moved in data["moved"]),
        {name: Rate(**rate) for name, rate in data["labels"].items()},
        {name: Rate(**rate) for name, rate in data["projects"].items()},
        (data["of"][0], data["of"][1]),
    )
