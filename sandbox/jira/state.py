"""The toy Jira's memory: projects and issues, and the rules by which they change.

Callers hold ``lock``. Every change is told to ``tell``, whoever made it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sandbox.jira.changes import Changelog, Values
from sandbox.jira.config import JiraConfig
from sandbox.jira.model import (
    PRIORITIES,
    Board,
    ChangeItem,
    Comment,
    History,
    Issue,
    IssueType,
    Named,
    Project,
    Sprint,
    User,
)
from sandbox.jira.shapes import Shapes

COMPONENTS = ("API", "Docs", "UI")
PEOPLE = (
    ("Robin Person", "robin", "atlassian"),
    ("Sam Writer", "sam", "atlassian"),
    ("Ada Customer", "ada", "customer"),
)
_MILLISECOND = timedelta(milliseconds=1)


class Teller(Protocol):
    """Who is told of every change (the webhooks)."""

    def issue_created(self, issue: Issue, actor: User, entry: History) -> None: ...

    def issue_updated(self, issue: Issue, actor: User, entry: History, kind: str, cascade: bool) -> None: ...

    def issue_deleted(self, issue: Issue, actor: User) -> None: ...

    def comment(self, event: str, issue: Issue, comment: Comment, actor: User) -> None: ...

    def sprint(self, event: str, sprint: dict[str, Any], old: dict[str, Any] | None = None) -> None: ...

    def property_set(self, issue: Issue, key: str, value: Any, actor: User) -> None: ...


class _Nobody:
    """A teller that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *told: None


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue about to be created, checked already."""

    project: Project
    type: IssueType
    summary: str
    description: str | None = None
    priority: Named = PRIORITIES[2]
    labels: tuple[str, ...] = ()
    components: tuple[Named, ...] = ()
    assignee: User | None = None
    points: float | None = None
    seconds: int | None = None
    sprint: Sprint | None = None
    parent: str | None = None


class State:
    """All that the toy Jira knows. Lookups raise LookupError for what is not there."""

    tell: Teller

    def __init__(self, config: JiraConfig, base: Callable[[], str]) -> None:
        self.config = config
        self.lock = threading.RLock()
        self.frozen: datetime | None = None
        """When set, the time every change is stamped with."""
        self.issues: dict[str, Issue] = {}
        self._by_key: dict[str, Issue] = {}
        self._blocked: dict[str, Issue] = {}
        """Issues that others were ever said to block, so that not all are gone through for each."""
        self.sprints: dict[int, Sprint] = {}
        self.shapes = Shapes(config, base, self.sprint)
        self.changelog = Changelog(self.shapes)
        self._numbers: dict[str, int] = {}
        bot_kind = "app" if config.bot_is_app else "atlassian"
        self.bot = _user(config.bot_name, "bot", bot_kind, config.bot_zone)
        people = [self.bot, *(_user(*person) for person in PEOPLE)]
        self.users = {user.name: user for user in people}
        self.projects: dict[str, Project] = {}
        self.boards: dict[int, Board] = {}
        for key in (*config.projects, *config.service_projects):
            self._add_project(key, key in config.service_projects)

    def _add_project(self, key: str, service: bool) -> None:
        project = Project(
            self.next_id("project"), key, f"{key.title()} project", service, key in self.config.team_managed
        )
        if not service:
            project.board = self.add_board(project, "simple" if project.team_managed else "scrum").id
        project.components = [Named(self.next_id("component"), name) for name in COMPONENTS]
        self.projects[key] = project

    def add_board(self, project: Project, kind: str, estimation: str = "points", name: str = "") -> Board:
        """One more board on a project."""
        id_ = len(self.boards) + 1
        self.boards[id_] = Board(id_, project, name or f"{project.key} board", kind, estimation)
        return self.boards[id_]

    def next_id(self, kind: str, first: int = 10000) -> str:
        """A fresh id; each kind of thing counts for itself, as on a real site."""
        self._numbers[kind] = self._numbers.get(kind, first - 1) + 1
        return str(self._numbers[kind])

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Nobody is told of what changes meanwhile: a lost webhook. The clock is set right afterwards."""
        tell, frozen = self.tell, self.frozen
        self.tell = _Nobody()
        try:
            yield
        finally:
            self.tell, self.frozen = tell, frozen

    def now(self) -> datetime:
        """The site's time, cut to milliseconds."""
        now = self.frozen or datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def issue(self, id_or_key: str) -> Issue:
        """An issue by id or key; keys are taken in any case, as Jira does."""
        if id_or_key in self.issues:
            return self.issues[id_or_key]
        if id_or_key.upper() in self._by_key:
            return self._by_key[id_or_key.upper()]
        raise LookupError(f"there is no issue {id_or_key}")

    def comment(self, comment_id: str) -> tuple[Issue, Comment]:
        """A comment and the issue it is on."""
        for issue in self.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        raise LookupError(f"there is no comment {comment_id}")

    def sprint(self, id_: int) -> Sprint:
        """A sprint by id."""
        if id_ not in self.sprints:
            raise LookupError(f"there is no sprint {id_}")
        return self.sprints[id_]

    def board(self, id_: int) -> Board:
        """A board by id."""
        if id_ not in self.boards:
            raise LookupError(f"there is no board {id_}")
        return self.boards[id_]

    def on_board(self, board: Board) -> list[Sprint]:
        """The sprints that were made on a board, and those that hold an issue of its project."""
        return [
            sprint
            for sprint in self.sprints.values()
            if sprint.board == board.id
            or any(issue.project is board.project for issue in self.in_sprint(sprint))
        ]

    def user(self, name: str) -> User:
        """A seeded person, or the bot, by display name."""
        if name not in self.users:
            raise LookupError(f"there is nobody called {name}; there are {', '.join(self.users)}")
        return self.users[name]

    def linked(self, issue: Issue) -> tuple[list[Issue], list[Issue]]:
        """The issues that block it, and those it blocks."""
        blockers = [self.issues[id_] for id_ in issue.blockers if id_ in self.issues]
        return blockers, [other for other in self._blocked.values() if issue.id in other.blockers]

    def parent(self, issue: Issue) -> Issue | None:
        """The parent issue, while there is one."""
        return self.issues.get(issue.parent) if issue.parent else None

    def create(self, draft: Draft, actor: User) -> Issue:
        """Add an issue."""
        now = self.now()
        draft.project.numbered += 1
        issue = Issue(
            id=self.next_id("issue"),
            key=f"{draft.project.key}-{draft.project.numbered}",
            project=draft.project,
            type=draft.type,
            summary=draft.summary,
            creator=actor,
            created=now,
            updated=now,
            status_since=now,
            description=draft.description,
            priority=draft.priority,
            labels=list(draft.labels),
            label_by=dict.fromkeys(draft.labels, actor),
            components=list(draft.components),
            assignee=draft.assignee,
            points=draft.points,
            seconds=draft.seconds,
            sprints=[draft.sprint.id] if draft.sprint else [],
            parent=draft.parent,
        )
        self.issues[issue.id] = self._by_key[issue.key] = issue
        # The creation is in the webhook's changelog but not in the issue's own history.
        entry = History(self.next_id("change"), actor, now, self.changelog.initial(issue))
        self.tell.issue_created(issue, actor, entry)
        return issue

    def edit(self, issue: Issue, values: Values, actor: User, cascade: bool = False) -> History | None:
        """Change fields; None (no new ``updated``, no webhook) when all were so already."""
        items = self.changelog.diff(issue, values)
        if not items:
            return None
        self._assign(issue, values, actor)
        self.touch(issue)
        entry = History(self.next_id("change"), actor, issue.updated, items)
        issue.history.append(entry)
        self.tell.issue_updated(issue, actor, entry, self._kind(values), cascade)
        return entry

    def move(self, issue: Issue, project: Project, actor: User) -> None:
        """Put an issue into another project, where it gets a key of its own."""
        before, old = issue.project, issue.key
        project.numbered += 1
        issue.project, issue.key = project, f"{project.key}-{project.numbered}"
        del self._by_key[old]
        self._by_key[issue.key] = issue
        self.touch(issue)
        items = (
            ChangeItem("project", "project", before.id, before.name, project.id, project.name),
            ChangeItem("Key", "issuekey", None, old, None, issue.key),
        )
        entry = History(self.next_id("change"), actor, issue.updated, items)
        issue.history.append(entry)
        self.tell.issue_updated(issue, actor, entry, "issue_moved", False)

    def _assign(self, issue: Issue, values: Values, actor: User) -> None:
        for name, value in values.items():
            if name == "sprint":
                issue.sprints = self.changelog.sprints_after(issue, value)
            elif name == "status":
                if value != issue.status:
                    issue.status_since = self.now()
                    issue.resolved = self.now() if value.category == "done" else None
                issue.status = value
            elif name == "labels":
                issue.label_by = {label: issue.label_by.get(label, actor) for label in value}
                issue.labels = list(value)
            else:
                setattr(issue, name, value)
                if name == "blockers":
                    self._blocked[issue.id] = issue

    def _kind(self, values: Values) -> str:
        if "status" in values:
            resolved = not self.config.cloud and values["status"].category == "done"
            return "issue_resolved" if resolved else "issue_generic"
        return "issue_assigned" if set(values) == {"assignee"} else "issue_updated"

    def touch(self, issue: Issue) -> None:
        """Move ``updated`` on: it grows with every change, even within one millisecond."""
        issue.updated = max(self.now(), issue.updated + _MILLISECOND)

    def delete(self, issue: Issue, actor: User) -> None:
        """Remove an issue and its sub-tasks."""
        for child in [other for other in self.issues.values() if other.parent == issue.id]:
            self.delete(child, actor)
        del self.issues[issue.id], self._by_key[issue.key]
        self._blocked.pop(issue.id, None)
        self.tell.issue_deleted(issue, actor)

    def add_comment(
        self, issue: Issue, body: str, actor: User, properties: dict[str, Any] | None = None
    ) -> Comment:
        """Write a comment; the issue's ``updated`` moves too."""
        self.touch(issue)
        at = issue.updated
        comment = Comment(
            self.next_id("comment"), issue.id, actor, body, at, at, actor, dict(properties or {})
        )
        issue.comments.append(comment)
        self.tell.comment("comment_created", issue, comment, actor)
        return comment

    def edit_comment(self, issue: Issue, comment: Comment, body: str, actor: User) -> bool:
        """Reword a comment; False when it reads so already."""
        if comment.body == body:
            return False
        self.touch(issue)
        comment.body, comment.editor, comment.updated = body, actor, issue.updated
        self.tell.comment("comment_updated", issue, comment, actor)
        return True

    def delete_comment(self, issue: Issue, comment: Comment, actor: User) -> None:
        """Remove a comment."""
        issue.comments.remove(comment)
        self.touch(issue)
        self.tell.comment("comment_deleted", issue, comment, actor)

    def set_property(self, issue: Issue, key: str, value: Any, actor: User) -> bool:
        """Set hidden state on an issue, telling whether the key is new. ``updated`` stays as it is."""
        new = key not in issue.properties
        issue.properties[key] = value
        self.tell.property_set(issue, key, value, actor)
        return new

    def in_sprint(self, sprint: Sprint) -> Sequence[Issue]:
        """The issues whose sprint list holds this sprint now, sub-tasks with their parents."""
        return [issue for issue in self.issues.values() if sprint.id in self.sprints_of(issue)]

    def sprints_of(self, issue: Issue) -> list[int]:
        """An issue's sprint list; a sub-task has that of its parent."""
        parent = self.parent(issue) if issue.type.subtask else None
        return (parent or issue).sprints


def _user(name: str, login: str, kind: str, zone: str = "Etc/UTC") -> User:
    account = f"712020:{uuid.uuid5(uuid.NAMESPACE_DNS, login)}"
    return User(name, account, login, f"JIRAUSER-{login}", kind, zone)
