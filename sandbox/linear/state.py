"""The toy workspace: its tables, its one lock, and the stream of events its changes make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from sandbox.linear import errors
from sandbox.linear.entities import (
    Actor,
    Comment,
    Cycle,
    Event,
    History,
    Hook,
    Issue,
    Label,
    Project,
    ProjectUpdate,
    Relation,
    Row,
    Team,
    User,
    WorkflowState,
)
from sandbox.linear.values import is_uuid4, new_id, now_ms, stable_id

R = TypeVar("R", bound=Row)

Samples = dict[int, tuple[float, float, float, int, int]]
"""Per day of a cycle: scope, completed scope, scope in progress, issues, completed issues."""


class State:
    """All rows of one workspace. Whoever reads or changes it holds ``lock``."""

    def __init__(self, label_creation: bool = True, deleted_ids_stay_taken: bool = True) -> None:
        self.lock = threading.RLock()
        self.may_write = True
        self.webhook_access = True
        self.label_creation = label_creation
        self.deleted_ids_stay_taken = deleted_ids_stay_taken
        self.organization_id = stable_id("organization")
        self.users: dict[str, User] = {}
        self.teams: dict[str, Team] = {}
        self.states: dict[str, WorkflowState] = {}
        self.labels: dict[str, Label] = {}
        self.cycles: dict[str, Cycle] = {}
        self.projects: dict[str, Project] = {}
        self.project_updates: dict[str, ProjectUpdate] = {}
        self.issues: dict[str, Issue] = {}
        self.comments: dict[str, Comment] = {}
        self.deleted_comments: set[str] = set()
        self.relations: dict[str, Relation] = {}
        self.history: dict[str, list[History]] = {}
        self.hooks: dict[str, Hook] = {}
        self.samples: dict[str, Samples] = {}
        self.on_event: Callable[[Event], None] = lambda event: None
        self._identifiers: dict[str, str] = {}
        self._numbered: dict[str, int] = {}
        self._sync_id = 0
        self._silent = False

    # -- reading -------------------------------------------------------------------------------

    def team(self, ref: str) -> Team:
        """A team by id or key."""
        for team in self.teams.values():
            if ref in (team.id, team.key):
                return team
        raise errors.not_found("Team")

    def find_issue(self, ref: str) -> Issue | None:
        """An issue by id or identifier, trashed ones included."""
        return self.issues.get(ref.lower()) or self.issues.get(self._identifiers.get(ref.upper(), ""))

    def issue(self, ref: str) -> Issue:
        """Like :meth:`find_issue`; raises the error a client sees."""
        found = self.find_issue(ref)
        if found is None:
            raise errors.not_found("Issue")
        return found

    def comment(self, id: str) -> Comment:
        """A comment by id."""
        return _known(self.comments, id, "Comment")

    def label(self, id: str) -> Label:
        """A label by id."""
        return _known(self.labels, id, "IssueLabel")

    def cycle(self, id: str) -> Cycle:
        """A cycle by id."""
        return _known(self.cycles, id, "Cycle")

    def project(self, id: str) -> Project:
        """A project by id."""
        return _known(self.projects, id, "Project")

    def hook(self, id: str) -> Hook:
        """A webhook by id."""
        return _known(self.hooks, id, "Webhook")

    def user_of(self, id: str | None) -> User | None:
        """The user of an optional reference."""
        return self.users.get(id) if id else None

    def states_of(self, team_id: str) -> list[WorkflowState]:
        """A team's workflow, first column first."""
        states = (state for state in self.states.values() if state.team_id == team_id)
        return sorted(states, key=lambda state: state.position)

    def cycles_of(self, team_id: str) -> list[Cycle]:
        """A team's cycles by number."""
        cycles = (cycle for cycle in self.cycles.values() if cycle.team_id == team_id)
        return sorted(cycles, key=lambda cycle: cycle.number)

    def issues_in(self, cycle_id: str) -> list[Issue]:
        """The live issues of a cycle."""
        return [row for row in self.issues.values() if row.cycle_id == cycle_id and row.archived_at is None]

    def comments_on(self, issue_id: str) -> list[Comment]:
        """An issue's comments, oldest first."""
        return [comment for comment in self.comments.values() if comment.issue_id == issue_id]

    def blockers_of(self, issue_id: str) -> list[Relation]:
        """What is said to block an issue, oldest first."""
        related = (relation for relation in self.relations.values() if relation.related_issue_id == issue_id)
        return [relation for relation in related if relation.type == "blocks"]

    # -- changing ------------------------------------------------------------------------------

    def person(self, name: str) -> User:
        """The user of that display name, made when there is none."""
        for user in self.users.values():
            if user.name == name:
                return user
        now = now_ms()
        handle = ".".join(name.lower().split()) or "nobody"
        user = User(
            id=stable_id("user", name),
            created_at=now,
            updated_at=now,
            name=name,
            display_name=handle,
            email=f"{handle}@example.com",
        )
        self.users[user.id] = user
        return user

    def next_number(self, team_id: str) -> int:
        """The next issue number of a team."""
        self._numbered[team_id] = self._numbered.get(team_id, 0) + 1
        return self._numbered[team_id]

    def sync_id(self) -> int:
        """The running number that every mutation answers with."""
        self._sync_id += 1
        return self._sync_id

    def store_issue(self, issue: Issue) -> None:
        """Put an issue's row in place and make its identifier findable."""
        self.issues[issue.id] = issue
        self._identifiers[issue.identifier] = issue.id

    def drop_issue(self, issue: Issue) -> None:
        """Forget an issue for good, with its comments and history."""
        del self.issues[issue.id]
        del self._identifiers[issue.identifier]
        self.history.pop(issue.id, None)
        for comment in self.comments_on(issue.id):
            del self.comments[comment.id]
        for relation in list(self.relations.values()):
            if issue.id in (relation.issue_id, relation.related_issue_id):
                del self.relations[relation.id]

    def emit(self, action: str, row: Row, actor: Actor, before: Row | None = None, age_ms: int = 0) -> None:
        """Tell a change to whoever listens, in the order of the changes."""
        if not self._silent:
            self.on_event(Event(action, row, actor, before, age_ms))

    def silently(self, change: Callable[[], R]) -> R:
        """Run ``change`` without telling anyone, as when a webhook is lost."""
        with self.lock:
            self._silent = True
            try:
                return change()
            finally:
                self._silent = False


def _known(rows: dict[str, R], id: str, entity: str) -> R:
    found = rows.get(id)
    if found is None:
        raise errors.not_found(entity)
    return found


def client_id(id: str | None, taken: Iterable[str], entity: str) -> str:
    """The id of a new row: the client's own where it gave one.

    Linear wants the form of a version 4 UUID and refuses one in use with a conflict.
    """
    if id is None:
        return new_id()
    if not is_uuid4(id):
        raise errors.bad_argument("id must be a UUID")
    lowered = id.lower()
    if lowered in taken:
        raise errors.conflict(entity, lowered)
    return lowered


def touched(row: R) -> R:
    """The row with a newer ``updated_at``; strictly newer, even within one millisecond."""
    return replace(row, updated_at=max(now_ms(), row.updated_at + 1))
