"""A tracker with many issues that can be searched and written to at once, as a script says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from redis import Redis

from rules.load import load_rules
from store.backfills import Question, Standing, Wish
from store.rulebook import RulebookShelf
from tests.conftest import T0, Floor, ToyTracker, issue
from trackers.model import Issue, Label, Memory
from trackers.protocol import BulkStep, Found, Glimpse, Mark, Marked, Reading
from workers.backfill import backfill

RULES = """\
version: 1
defaults:
  mode: apply
  tagging:
    rules:
      - {label: security, title: {words: [xss]}}
      - {label: slow, title: {words: [slow]}}
projects:
  OPS: {mode: dry_run}
"""


@dataclass
class Many(ToyTracker):
    """Issues by id, found in pages of two and written to by label set, three at a time."""

    now: Issue = field(default_factory=issue)
    issues: dict[str, Issue] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    searches: list[str | None] = field(default_factory=list)
    """Where each page that was asked for begins."""
    sent: list[tuple[Mark, ...]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    tells_updated: bool = True
    glimpses: list[tuple[str, ...]] = field(default_factory=list)
    remembered: list[Mark] = field(default_factory=list)
    on_search: Callable[[], object] = lambda: None
    on_glimpse: Callable[[], object] = lambda: None
    trouble: list[Exception] = field(default_factory=list)
    """Raised by the next requests, one each."""

    def add(self, number: int, title: str, *labels: str, project: str = "ABC") -> None:
        made = issue(title, *labels)
        self.issues[str(number)] = replace(made, id=str(number), key=f"{project}-{number}", project=project)

    def search(
        self,
        projects: Sequence[str],
        query: str | None = None,
        after: str | None = None,
        page_size: int | None = None,
    ) -> Found:
        self._trouble("search")
        self.searches.append(after)
        self.on_search()
        start = int(after or 0)
        named = list(self.issues.values())
        page = [Reading(one, self.memories.get(one.id, Memory())) for one in named[start : start + 2]]
        return Found(tuple(page), str(start + 2) if start + 2 < len(named) else None, len(named))

    def bulk_steps(self, marks: Sequence[Mark]) -> tuple[BulkStep, ...]:
        groups: dict[tuple[str, ...], list[Mark]] = {}
        # As on Jira, where those that remember the same are remembered together.
        assert {mark.remember for mark in marks}
        for mark in marks:
            groups.setdefault(tuple(label.id for label in mark.labels), []).append(mark)
        chunks = [group[at : at + 3] for group in groups.values() for at in range(0, len(group), 3)]
        return tuple(BulkStep(tuple(chunk), partial(self._bulk, tuple(chunk))) for chunk in chunks)

    def glimpse(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        self._fail("glimpse")
        self.glimpses.append(tuple(issues))
        self.on_glimpse()
        found = [self.issues[id_] for id_ in issues if id_ in self.issues]
        return {
            one.id: Glimpse(one.project, one.updated, frozenset(tag.id for tag in one.tags)) for one in found
        }

    def remember(self, marks: Sequence[Mark]) -> None:
        self.remembered += marks

    def _bulk(self, marks: tuple[Mark, ...]) -> Marked:
        self._trouble("bulk")
        self.sent.append(marks)
        self.on_write()
        failures = {mark.issue: "It is archived." for mark in marks if mark.issue in self.refuses}
        done: dict[str, datetime | None] = {}
        for mark in marks:
            if mark.issue not in failures:
                done[mark.issue] = self._label(mark.issue, mark.labels)
        return Marked(done, failures)

    def _label(self, id_: str, labels: tuple[Label, ...]) -> datetime | None:
        there = self.issues[id_]
        new = tuple(label for label in labels if label not in there.labels)
        when = (there.updated or T0) + timedelta(seconds=1)
        self.issues[id_] = replace(there, labels=there.labels + new, updated=when)
        return when if self.tells_updated else None

    def _trouble(self, where: str) -> None:
        self._fail(where)
        if self.trouble:
            raise self.trouble.pop(0)

    def edit(self, number: int, *labels: str, **changes: Any) -> None:
        """What a person does to an issue: it has ``labels`` then, and ``changes``."""
        there = self.issues[str(number)]
        when = (there.updated or T0) + timedelta(minutes=1)
        told = tuple(Label(name, name) for name in labels)
        self.issues[str(number)] = replace(there, labels=told, updated=when, **changes)

    def labels(self) -> dict[str, list[str]]:
        """The labels of every issue that has some, by key."""
        return {one.key: [label.name for label in one.labels] for one in self.issues.values() if one.labels}


@dataclass
class Backfilling:
    """A floor whose tracker has many issues, and what a person and a bulk worker do there."""

    floor: Floor
    tracker: Many

    def rules(self, text: str = RULES) -> None:
        version = load_rules(text.encode(), "rules.yaml").version_id
        RulebookShelf(self.floor.redis).publish(version, text.encode())

    def wish(self, *wishes: Wish, most: int = 1000) -> None:
        self.floor.shop.backfills.begin("acme", Question(None, most), wishes)

    def work(self, sleep: Callable[[float], object] = lambda _: None) -> Standing:
        """A worker takes it up; ``sleep`` is what happens while it waits."""
        backfill(self.floor.shop, "acme", sleep=lambda s: [sleep(s)].clear(), apart_s=0)
        return self.now()

    def now(self) -> Standing:
        standing = self.floor.shop.backfills.standing("acme")
        assert standing is not None
        return standing


def backfilling(floor: Floor) -> Backfilling:
    tracker = Many()
    for number in range(1, 8):
        tracker.add(number, "XSS here" if number % 2 else "It is slow")
    tracker.add(8, "Nothing of note")
    desk = floor.shop.desks["acme"]
    floor.shop.desks["acme"] = replace(desk, tracker=tracker, applier=replace(desk.applier, tracker=tracker))
    scene = Backfilling(floor, tracker)
    scene.rules()
    return scene


def stored(redis: Redis, prefix: str) -> str:
    """All that Redis holds under names of a prefix, as one text."""
    found = []
    for name in map(str, redis.scan_iter(f"{prefix}*")):
        found.append(repr(redis.hgetall(name) if str(redis.type(name)) == "hash" else redis.get(name)))
    return "\n".join(found)
