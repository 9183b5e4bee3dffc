"""Sprints of the past: written with the site's clock set back, and told to nobody.

What comes out is what a site would hold had people done it then: issues filed, planned, begun and
done in their time, each change in the changelog with its own date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.control import PERSON
from sandbox.jira.model import DONE, IN_PROGRESS, TYPES, Board, Issue, Sprint
from sandbox.jira.sprints import Sprints
from sandbox.jira.state import Draft, State

_TASK = next(kind for kind in TYPES if kind.name == "Task")
_FILED_BEFORE = timedelta(days=3)
_PLANNED_BEFORE = timedelta(hours=1)
_ADDED_AT, _BEGUN_AT, _DONE_AT = 0.3, 0.4, 0.9
"""Shares of the sprint's time."""

Work = tuple[float | None, bool]
"""An issue's estimate in the unit of its board, and whether it was done by the end."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a sprint of the past came to."""

    name: str
    start: datetime
    end: datetime
    committed: Sequence[Work]
    added: Sequence[Work] = ()
    """What came after the start."""


def seed(state: State, sprints: Sprints, board: Board, past: Past) -> tuple[Sprint, list[Issue]]:
    """Write a closed sprint and its issues, sending no webhook; what was not done goes to the backlog."""
    actor, length = state.user(PERSON), past.end - past.start
    with state.unheard():
        state.frozen = past.start - _FILED_BEFORE
        sprint = sprints.create(past.name, board.id, None, past.start, past.end)
        committed = [_filed(state, board, points) for points, _ in past.committed]
        state.frozen = past.start - _PLANNED_BEFORE
        for issue in committed:
            sprints.move(issue, sprint, actor)
        sprint = state.sprints[sprint.id] = replace(sprint, state="active")
        state.frozen = past.start + _ADDED_AT * length
        added = [_filed(state, board, points) for points, _ in past.added]
        for issue in added:
            sprints.move(issue, sprint, actor)
        issues, outcomes = [*committed, *added], [was for _, was in (*past.committed, *past.added)]
        for share, status in ((_BEGUN_AT, IN_PROGRESS), (_DONE_AT, DONE)):
            state.frozen = past.start + share * length
            for issue, is_done in zip(issues, outcomes, strict=True):
                if is_done:
                    state.edit(issue, {"status": status}, actor)
        state.frozen = past.end
        sprint = state.sprints[sprint.id] = replace(sprint, state="closed", complete=past.end)
        for issue in issues:
            if not issue.done:
                sprints.move(issue, None, actor)
    return sprint, issues


def _filed(state: State, board: Board, estimate: float | None) -> Issue:
    is_time = board.estimation == "time"
    seconds = int(estimate * 3600) if is_time and estimate is not None else None
    points = None if is_time else estimate
    draft = Draft(board.project, _TASK, "Work of a sprint that is over", points=points, seconds=seconds)
    return state.create(draft, state.user(PERSON))
