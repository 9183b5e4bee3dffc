"""What a tracker can do for a run, in domain words. ``jira.service`` and ``linear.service`` do it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from trackers.model import Comment, Identity, Issue, Label, Memory, PastIssue, TrackerKind
from trackers.sprints import Board, Finished, Sprint, SprintReading

LABELS_TOPIC: Final = "labels"
"""The one comment about labels on an issue."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What a reading must look up beyond the issue, because our own record cannot tell."""

    memory: bool = False
    """What the tracker remembers of labels set and taken off."""
    comments: tuple[str, ...] = ()
    """Topics whose comment of ours should be searched for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An issue's present state, with what was recalled."""

    issue: Issue
    memory: Memory = field(default_factory=Memory)
    comments: tuple[Comment, ...] = ()


class Palette(Protocol):
    """The labels that may be put on one issue."""

    def find(self, name: str) -> Label | None:
        """The label an admin means by ``name``; None when the tracker has none such."""

    def creatable(self, name: str) -> bool:
        """Whether a label of that name could be made here."""


@dataclass(frozen=True, slots=True)
class CreateLabel:
    """Make a label the tracker does not have yet, for use on this issue."""

    name: str


@dataclass(frozen=True, slots=True)
class AddLabels:
    """Add labels; those of ``new`` are made first. Never removes or replaces one."""

    labels: tuple[Label, ...]
    new: tuple[CreateLabel, ...]
    remember: Memory
    """What the tracker shall remember for us beside the labels, where it can."""


@dataclass(frozen=True, slots=True)
class RemoveLabels:
    """Take off labels that we put on ourselves; one that is not there any more is no failure."""

    labels: tuple[Label, ...]
    remember: Memory
    """As for ``AddLabels``, and without these labels, or their absence would read as a person's no."""


@dataclass(frozen=True, slots=True)
class PutComment:
    """Post our comment on a topic, or edit the one with ``id``."""

    topic: str
    body: str
    """In the tracker's own markup."""
    id: str | None = None
    settles: bool = False
    """The text says that nothing is left to do."""


@dataclass(frozen=True, slots=True)
class DropComment:
    """Delete a second comment of ours on a topic: two attempts to post it got through."""

    topic: str
    id: str


Operation = AddLabels | RemoveLabels | PutComment | DropComment


@dataclass(frozen=True, slots=True)
class Failure:
    """One operation of a step that the tracker would not have; the others are unaffected."""

    operation: Operation
    sentence: str
    comment_gone: bool = False
    """The comment to edit was deleted by a person."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one write request did."""

    labels: tuple[Label, ...] = ()
    """Put on."""
    comment: Comment | None = None
    updated: datetime | None = None
    """The issue's ``updated`` after the write, where the tracker returns it."""
    failures: tuple[Failure, ...] = ()
    withdrawn: tuple[Label, ...] = ()
    """Labels of ours that were taken off."""


@dataclass(frozen=True, slots=True)
class Step:
    """One write request, not yet sent."""

    name: str
    operations: tuple[Operation, ...]
    send: Callable[[], Written]


@dataclass(frozen=True, slots=True)
class Page:
    """Some issues of the past, oldest first."""

    issues: tuple[PastIssue, ...]
    next: str | None
    """Where the next page begins, good for days; None after the last one."""
    total: int | None = None
    """How many there are on all pages, where that costs next to nothing to know."""


@dataclass(frozen=True, slots=True)
class Found:
    """Some issues as they are now, newest first, each with what the tracker remembers of our labels."""

    issues: tuple[Reading, ...]
    next: str | None
    """Where the next page begins, good for days; None after the last one."""
    total: int | None = None
    """About how many there are on all pages, where that costs next to nothing to know."""


@dataclass(frozen=True, slots=True)
class Update:
    """An issue that is new or has changed, as a list of such tells it; nothing of what it says."""

    issue: str
    """Its id."""
    project: str
    created: datetime
    updated: datetime
    sprints: tuple[str, ...] = ()
    """Ids of the sprints it is in that are not over; on Linear its cycle."""
    gone: bool = False
    """It lies in the trash (Linear). What is deleted for good is on no list."""


@dataclass(frozen=True, slots=True)
class Updates:
    """Some issues that changed since a moment."""

    found: tuple[Update, ...]
    next: str | None
    """Where the next page begins, good for an hour; None after the last one."""
    unknown: tuple[str, ...] = ()
    """Projects that the tracker does not know, or that the account may not see; Linear does not tell."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Labels for one issue among many."""

    issue: str
    """Its id."""
    project: str
    labels: tuple[Label, ...]
    """To be added. Never removes or replaces one."""
    remember: Memory
    """As for ``AddLabels``."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """As much of an issue as tells whether it is still what was read."""

    project: str
    updated: datetime | None
    tags: frozenset[str]
    """Ids of its labels and, as ``component_label`` has them, its components."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What became of the issues of one ``BulkStep``: each is in one of the two."""

    done: Mapping[str, datetime | None]
    """Issue id → its ``updated`` after the write, where the tracker tells it."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Issue id → why the tracker would not have it, in a sentence."""


@dataclass(frozen=True, slots=True)
class BulkStep:
    """One write of many issues at once, not yet sent. To send it again does nothing new."""

    marks: tuple[Mark, ...]
    send: Callable[[], Marked]


class Tracker(Protocol):
    """One connection to one tracker. Raises only ``trackers.errors``."""

    @property
    def kind(self) -> TrackerKind: ...

    @property
    def sees_own_labels(self) -> bool:
        """Whether every reading recalls ``Memory`` at no extra cost, without ``Recall.memory``."""

    @property
    def posts_once(self) -> bool:
        """Whether a comment that is posted a second time on its topic meets the first one."""

    def identity(self) -> Identity:
        """Whose name we write under; asked once and remembered."""

    def read(self, issue: str, recall: Recall) -> Reading:
        """Read an issue by id or key in one request."""

    def palette(self, issue: Issue) -> Palette:
        """The labels of the issue's project; from a cache wherever it can be."""

    def label_names(self, projects: Sequence[str]) -> frozenset[str] | None:
        """Every label that issues of ``projects`` could get; None where the tracker cannot list them."""

    def label_name(self, name: str) -> str:
        """``name`` in the form the tracker would take it."""

    def look_again(self, issue: Issue) -> bool:
        """Forget the cached labels of the issue's project because one was not found among them.

        True when the palette is worth asking for again; a tracker answers so at most once a minute.
        """

    def steps(self, issue: Issue, operations: Sequence[Operation]) -> tuple[Step, ...]:
        """The fewest write requests that carry out ``operations``, in the order to send them."""

    def past(
        self,
        projects: Sequence[str],
        after: str | None = None,
        since: datetime | None = None,
        page_size: int | None = None,
    ) -> Page:
        """One page of the issues of ``projects`` and of no others, filed at ``since`` or later.

        ``after`` is an earlier page's ``next``. Where issues are deleted meanwhile, a page may repeat
        some of an earlier one; none is passed over. Asked as bulk work: raises ``errors.Paused``
        while the rest of the tracker's limits is kept for live events. A cursor that the tracker no
        longer knows raises ``errors.Rejected`` or ``errors.Gone``.
        """

    def search(
        self,
        projects: Sequence[str],
        query: str | None = None,
        after: str | None = None,
        page_size: int | None = None,
    ) -> Found:
        """One page of the issues of ``projects``, and of no others, that ``query`` asks for, in one request.

        ``query`` is JQL on Jira and an ``IssueFilter`` as JSON on Linear; without it all issues that are
        not done. ``after`` is an earlier page's ``next``. Asked as bulk work: raises ``errors.Paused``
        while the rest of the tracker's limits is kept for live events. A query that is none raises
        ``errors.Rejected`` with what the tracker says of it.
        """

    def updates(self, projects: Sequence[str], since: datetime, after: str | None = None) -> Updates:
        """One page of the issues of ``projects``, and of no others, that changed at ``since`` or later.

        One request, whatever time zone the account is in. ``after`` is the ``next`` of an earlier page with
        the same ``since``. An issue may be told on two pages; none that changed between ``since`` and the
        request for the first page is passed over, whatever changes or is deleted in between. A cursor that
        the tracker no longer knows raises ``errors.Rejected`` or ``errors.Gone``.
        """

    def bulk_steps(self, marks: Sequence[Mark]) -> tuple[BulkStep, ...]:
        """The fewest writes that put many labels on many issues: one for all issues that get the same.

        Each is asked as bulk work, as ``search`` is. No mail is sent where that can be had.
        """

    def glimpse(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        """How issues (ids) stand, once no bulk write of ours is under way any more; one that is gone or
        cannot be seen is left out.

        One request for every 100 on Jira, for every 250 on Linear, asked as bulk work. Raises
        ServerFault while such a write is not over.
        """

    def remember(self, marks: Sequence[Mark]) -> None:
        """Have the tracker remember of labels that are there already what a bulk write of them would have."""

    def board(self, board: str) -> Board:
        """A board the connection names, its unit of estimates and its columns; remembered for an hour.

        Raises Gone when there is none such.
        """

    def open_sprints(self, board: str) -> tuple[Sprint, ...]:
        """The active and future sprints that were made on a board, in one request."""

    def sprint(self, sprint: str, past: bool = False) -> SprintReading:
        """A sprint by id with all its issues: two requests on Jira, one on Linear, for up to 100 issues.

        ``past`` asks for each issue's past as well and for comments of ours on them, which may cost
        more. Raises Gone when there is no such sprint, and for nothing else: Forbidden where its board
        cannot be seen, Stale where the sprint changed while it was read.
        """

    def finished(self, board: Board, known: Collection[str], most: int = 5) -> Iterable[Finished]:
        """Up to ``most`` finished sprints of a board that are not among ``known``, newest first.

        Of the newest 30 only; nothing when all of those are known. Asked as bulk work. Each may be read
        no sooner than it is asked for, so that what was read before an error can be kept.
        """


class Cache(Protocol):
    """Shared readings that change seldom."""

    def get(self, name: str) -> str | None: ...

    def put(self, name: str, text: str, life: timedelta) -> None: ...

    def drop(self, name: str) -> None: ...


class Gate(Protocol):
    """Asked before and told after every request to a tracker: the shared budget."""

    def ask(self, scopes: Sequence[str]) -> None:
        """Raises ``errors.Paused`` while a pause covers any of ``scopes``."""

    def limit(self, scope: str, length: timedelta, reason: str) -> None:
        """Pause a scope for every worker."""

    def unreachable(self) -> None:
        """Count a failure to reach the tracker; pauses it for a growing while."""

    def answered(self) -> None:
        """The tracker answered: forget such failures."""

    def left(self, share: float) -> None:
        """Note the share (0..1) of its scarcest limit that the tracker says is left."""
