"""How sprints live: future, active, closed, and what becomes of the issues in them.

Rules of developer.atlassian.com/cloud/jira/software/rest/api-group-sprint: a sprint needs both
dates to start, a closed one never changes, closing sets the completion date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox.jira.model import Issue, Sprint, User
from sandbox.jira.state import State

_NEXT = {"future": "active", "active": "closed"}


class Sprints:
    """Changes to sprints. Bad wishes raise ValueError with a sentence."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(
        self,
        name: str,
        board: int,
        goal: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Sprint:
        """A new future sprint on a board."""
        if self._state.board(board).kind == "kanban":
            raise ValueError("The board does not support sprints.")
        if not 0 < len(name) <= 30:
            raise ValueError("The name of a sprint has 1 to 30 characters.")
        id_ = int(self._state.next_id("sprint", first=1))
        sprint = Sprint(id_, name, board, self._state.now(), "future", goal, start, end)
        self._state.sprints[sprint.id] = sprint
        self._state.tell.sprint("sprint_created", self._state.shapes.sprint(sprint))
        return sprint

    def update(self, sprint: Sprint, values: Mapping[str, Any], actor: User) -> Sprint:
        """Change ``name``, ``goal``, ``start``, ``end``, ``state``; what is absent stays."""
        if sprint.state == "closed":
            raise ValueError("A closed sprint cannot be changed.")
        wanted = replace(sprint, **values)
        self._check(sprint, wanted)
        if wanted == sprint:
            return sprint
        old = self._state.shapes.sprint(sprint)
        moved = wanted.state != sprint.state
        if moved and wanted.state == "closed":
            wanted.complete = self._state.now()
        self._state.sprints[sprint.id] = wanted
        self._announce(wanted, old, moved, actor)
        return wanted

    def reopen(self, sprint: Sprint) -> Sprint:
        """Make a closed sprint active again, which only an administrator can, and no API.

        What went on to another open sprint stays there.
        """
        if sprint.state != "closed":
            raise ValueError("Only a closed sprint can be opened again.")
        old = self._state.shapes.sprint(sprint)
        wanted = self._state.sprints[sprint.id] = replace(sprint, state="active", complete=None)
        for issue in self._state.in_sprint(wanted):
            if any(self._state.sprint(id_).state != "closed" for id_ in issue.sprints if id_ != wanted.id):
                issue.sprints.remove(wanted.id)
        self._state.tell.sprint("sprint_updated", self._state.shapes.sprint(wanted), old)
        return wanted

    def _check(self, sprint: Sprint, wanted: Sprint) -> None:
        if not 0 < len(wanted.name) <= 30:
            raise ValueError("The name of a sprint has 1 to 30 characters.")
        if wanted.state not in (sprint.state, _NEXT[sprint.state]):
            raise ValueError(f"A sprint cannot go from {sprint.state} to {wanted.state}.")
        if wanted.state == "active" and not (wanted.start and wanted.end):
            raise ValueError("A sprint needs a start date and an end date to be started.")
        if wanted.start and wanted.end and wanted.end <= wanted.start:
            raise ValueError("A sprint must end after it starts.")

    def _announce(self, sprint: Sprint, old: dict[str, Any], moved: bool, actor: User) -> None:
        now = self._state.shapes.sprint(sprint)
        if moved and sprint.state == "closed":
            self._state.tell.sprint("sprint_closed", now)
            self._carry_over(sprint, actor)
            return
        if moved:
            self._state.tell.sprint("sprint_started", now)
        self._state.tell.sprint("sprint_updated", now, old)

    def _carry_over(self, closed: Sprint, actor: User) -> None:
        later = self.next_future(closed.board)
        for issue in self._state.in_sprint(closed):
            if not issue.done and not issue.type.subtask:
                self._state.edit(issue, {"sprint": later}, actor, cascade=True)

    def next_future(self, board: int) -> Sprint | None:
        """The oldest future sprint of a board: where unfinished work goes."""
        future = (
            item for item in self._state.sprints.values() if item.board == board and item.state == "future"
        )
        return next(future, None)

    def delete(self, sprint: Sprint, actor: User) -> None:
        """Remove a sprint that is not closed; its issues go to the backlog first."""
        if sprint.state == "closed":
            raise ValueError("A closed sprint cannot be deleted here.")
        for issue in self._state.in_sprint(sprint):
            if not issue.type.subtask:
                self._state.edit(issue, {"sprint": None}, actor, cascade=True)
        gone = self._state.shapes.sprint(sprint)
        del self._state.sprints[sprint.id], gone["self"]
        self._state.tell.sprint("sprint_deleted", gone)

    def move(self, issue: Issue, sprint: Sprint | None, actor: User) -> None:
        """Put an issue into a sprint, or into the backlog with None."""
        self.check_move(issue, sprint)
        self._state.edit(issue, {"sprint": sprint}, actor)

    def check_move(self, issue: Issue, sprint: Sprint | None) -> None:
        """Raise ValueError where Jira would refuse such a move."""
        if issue.type.subtask:
            raise ValueError("A sub-task follows its parent and has no sprint of its own.")
        if sprint is not None and sprint.state == "closed":
            raise ValueError("Nothing can be moved into a closed sprint.")

    def named(self, board: int | None, wanted: object) -> Sprint:
        """A sprint by id, or by its name on a board. Raises LookupError."""
        for sprint in self._state.sprints.values():
            if wanted in (sprint.id, str(sprint.id)) or (wanted == sprint.name and sprint.board == board):
                return sprint
        raise LookupError(f"there is no sprint {wanted}")
