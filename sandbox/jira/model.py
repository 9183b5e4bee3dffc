"""What the toy Jira holds: users, projects, issues, comments, sprints and their history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

INTERNAL = "sd.public.comment"
"""The comment property that makes a service project's comment internal."""


@dataclass(frozen=True, slots=True)
class User:
    """An account. Cloud shows ``account_id``, Data Center ``login`` and ``key``."""

    name: str
    account_id: str
    login: str
    key: str
    kind: str = "atlassian"
    zone: str = "Etc/UTC"


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id and a name: an issue type, a priority, a component."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class IssueType(Named):
    subtask: bool = False
    level: int = 0


@dataclass(frozen=True, slots=True)
class Status(Named):
    category: str = "new"
    """``new``, ``indeterminate`` or ``done``."""


TYPES = (
    IssueType("10000", "Epic", level=1),
    IssueType("10001", "Story"),
    IssueType("10002", "Task"),
    IssueType("10003", "Sub-task", subtask=True, level=-1),
    IssueType("10004", "Bug"),
    IssueType("10005", "Service Request"),
)
PRIORITIES = (
    Named("1", "Highest"),
    Named("2", "High"),
    Named("3", "Medium"),
    Named("4", "Low"),
    Named("5", "Lowest"),
)
TO_DO = Status("10000", "To Do", "new")
IN_PROGRESS = Status("10001", "In Progress", "indeterminate")
DONE = Status("10002", "Done", "done")
STATUSES = (TO_DO, IN_PROGRESS, DONE)
CATEGORIES = {
    "new": (2, "blue-gray", "To Do"),
    "indeterminate": (4, "yellow", "In Progress"),
    "done": (3, "green", "Done"),
}
TRANSITIONS = {"11": TO_DO, "21": IN_PROGRESS, "31": DONE}
RESOLVED = Named("10000", "Done")
TIME = "timeoriginalestimate"
"""The system field that holds an estimate in seconds."""


@dataclass(frozen=True, slots=True)
class FieldIds:
    """Custom field ids; they differ between sites, so they differ between the two deployments."""

    sprint: str
    rank: str
    points: str
    """``Story Points``, the number field of company-managed projects."""
    estimate: str | None
    """``Story point estimate`` of team-managed projects; Cloud only."""


CLOUD_FIELDS = FieldIds("customfield_10020", "customfield_10019", "customfield_10026", "customfield_10016")
SERVER_FIELDS = FieldIds("customfield_10104", "customfield_10105", "customfield_10106", None)


@dataclass(slots=True)
class Project:
    id: str
    key: str
    name: str
    service: bool = False
    team_managed: bool = False
    board: int | None = None
    """Its first board."""
    components: list[Named] = field(default_factory=list)
    numbered: int = 0

    @property
    def names(self) -> frozenset[str]:
        """All that a query may call it, in upper case."""
        return frozenset({self.key.upper(), self.name.upper(), self.id})


@dataclass(slots=True)
class Board:
    """A board on one project. ``simple`` is the board of a team-managed project."""

    id: int
    project: Project
    name: str
    kind: str = "scrum"
    estimation: str = "points"
    """``points``, ``time``, ``issues`` or ``none``; what only scrum boards tell of themselves."""
    columns: list[tuple[str, tuple[Status, ...]]] = field(
        default_factory=lambda: [(status.name, (status,)) for status in STATUSES]
    )


@dataclass(frozen=True, slots=True)
class ChangeItem:
    """One line of a changelog entry; ``id`` is the field id that Cloud alone shows."""

    field: str
    id: str
    before: str | None
    before_text: str | None
    after: str | None
    after_text: str | None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class History:
    id: str
    author: User
    at: datetime
    items: tuple[ChangeItem, ...]


@dataclass(slots=True)
class Comment:
    id: str
    issue_id: str
    author: User
    body: str
    created: datetime
    updated: datetime
    editor: User
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def internal(self) -> bool:
        """Whether only a service project's agents see it."""
        marked = self.properties.get(INTERNAL)
        return isinstance(marked, dict) and marked.get("internal") is True


@dataclass(slots=True)
class Sprint:
    id: int
    name: str
    board: int
    created: datetime
    state: str = "future"
    goal: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    complete: datetime | None = None


@dataclass(slots=True)
class Issue:
    id: str
    key: str
    project: Project
    type: IssueType
    summary: str
    creator: User
    created: datetime
    updated: datetime
    status_since: datetime
    description: str | None = None
    priority: Named = PRIORITIES[2]
    status: Status = TO_DO
    resolved: datetime | None = None
    labels: list[str] = field(default_factory=list)
    label_by: dict[str, User] = field(default_factory=dict)
    components: list[Named] = field(default_factory=list)
    assignee: User | None = None
    parent: str | None = None
    """The id of the parent issue."""
    points: float | None = None
    seconds: int | None = None
    """The original estimate of its time."""
    blockers: list[str] = field(default_factory=list)
    """Ids of issues that block it."""
    sprints: list[int] = field(default_factory=list)
    """Ids: every closed sprint it was in, and at most one that is active or future."""
    properties: dict[str, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    history: list[History] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.status.category == "done"
