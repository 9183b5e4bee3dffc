"""What a run remembers of a sprint from one look to the next, and how that is kept as text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final, Self

from pydantic import TypeAdapter

from classifiers.sprint_memory import SprintMemory, Stay
from store.inbox import Inbox
from store.sprints import Sprints
from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.sprints import Unit

DELETED: Final = "deleted"
"""Of a hint: the issue was deleted, and nothing shall be kept that tells of it."""
GONE: Final = "a deleted issue"
"""Stands for the key of an issue that was deleted: its number stays, it does not."""


@dataclass(frozen=True, slots=True)
class Home:
    """The issue that the comment about a sprint stands on."""

    issue: str
    """Its id."""
    key: str
    tracking: bool = False
    """The admin named it, so it need not be in the sprint."""


@dataclass(frozen=True, slots=True)
class Said:
    """What our comment tells at present."""

    concerns: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    """Those that are told, to know noise from news."""
    keys: tuple[str, ...] = ()
    """The issues it names."""
    severity: int = 0
    at: datetime | None = None
    """When it was last written; None while it is not known to be."""
    refused: bool = False
    """The tracker would not have it."""


@dataclass(frozen=True, slots=True)
class SprintBook:
    """All that is remembered of one sprint."""

    memory: SprintMemory
    unit: Unit
    """What its work is counted in; settled at the start."""
    board: str
    name: str = ""
    home: Home | None = None
    round: int = 0
    """How often a new comment took the place of an older one."""
    retired: Home | None = None
    """Where the comment stands that is still to be told of the one that took its place."""
    said: Said = field(default_factory=Said)
    gravest: int = 0
    """The highest severity that was ever said."""
    marked: frozenset[str] = frozenset()
    """Ids of issues that bear our label because they were added to this sprint."""
    settled: frozenset[str] = frozenset()
    """Ids of issues whose label needs no further look."""
    closed: bool = False

    def to_text(self) -> str:
        return _TYPE.dump_json(self, exclude_defaults=True).decode()

    @classmethod
    def from_text(cls, text: str) -> SprintBook:
        """Read what this or an earlier version wrote; keys it does not know are passed over."""
        return _TYPE.validate_json(text)

    def key_of(self, issue: str) -> str | None:
        """The key of an issue (id) that is remembered: it was in the sprint, or bears the comment."""
        stay = self.memory.stays.get(issue)
        homes = (home for home in (self.home, self.retired) if home is not None and home.issue == issue)
        return stay.key if stay is not None else next((home.key for home in homes), None)

    def without(self, issue: str) -> Self:
        """The same with nothing in it that tells of the deleted ``issue`` but its numbers."""
        key = self.key_of(issue)
        stays = {id_: one for id_, one in self.memory.stays.items() if id_ != issue}
        name = next(name for number in count() if (name := f"gone {number}") not in stays)
        stays = {id_: replace(one, parent=name) if one.parent == issue else one for id_, one in stays.items()}
        if issue in self.memory.stays:
            stays[name] = _nameless(self.memory.stays[issue], name)
        return replace(
            self,
            memory=replace(self.memory, stays=stays),
            home=_homeless(self.home, issue),
            retired=_homeless(self.retired, issue),
            said=replace(self.said, keys=tuple(one for one in self.said.keys if one != key)),
            marked=self.marked - {issue},
            settled=self.settled - {issue},
        )


def forget_issue(inbox: Inbox, sprints: Sprints, issue: Subject, now: datetime) -> None:
    """Have a deleted issue forgotten by the sprints that know it, each by a run of its own."""
    for id_ in (*sprints.running(issue.connection), *sprints.closed(issue.connection)):
        sprint = Subject(issue.connection, SubjectKind.SPRINT, id_)
        text = sprints.book(sprint)
        if text is not None and SprintBook.from_text(text).key_of(issue.id) is not None:
            # What is claimed must not name the issue either.
            digest = hashlib.sha256(f"{sprint} without {issue.id}".encode()).hexdigest()
            hint = Hint(sprint, HintKind.SPRINT_TOUCHED, digest, at=now, changed=(DELETED,), issue=issue.id)
            inbox.offer(issue.connection, digest, [hint], settle=timedelta(0), ceiling=timedelta(0))


def _homeless(home: Home | None, issue: str) -> Home | None:
    return Home("", GONE, home.tracking) if home is not None and home.issue == issue else home


def _nameless(stay: Stay, name: str) -> Stay:
    return replace(stay, id=name, key=GONE, parent=None, lines=None)


_TYPE: Final = TypeAdapter(SprintBook)
