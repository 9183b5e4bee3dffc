"""Sprints, issues and hints as tests of sprint watching make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.sprints import (
    Amount,
    Board,
    Finished,
    IssuePast,
    Sprint,
    SprintIssue,
    SprintReading,
    SprintState,
    Stage,
    Unit,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
SPRINT = Subject("acme", SubjectKind.SPRINT, "37")
BOARD = Board("12", "ABC board", "ABC", has_sprints=True, unit=Unit.POINTS)


def sprint(state: SprintState = SprintState.ACTIVE, start: datetime = START, days: float = 14) -> Sprint:
    return Sprint("37", "Sprint 37", "12", state, start, start + days * DAY)


def work(number: int, points: float | None = 3, stage: Stage = Stage.TODO, **more: Any) -> SprintIssue:
    """Issue ``ABC-number``, whose id is the number."""
    told: dict[str, Any] = {
        "past": IssuePast(),
        "created": START - 30 * DAY,
        "state": str(stage),
        "assignee": f"person {number % 4}",
    }
    return SprintIssue(
        id=str(number),
        key=f"ABC-{number}",
        project="ABC",
        type="Story",
        points=points,
        stage=stage,
        rank=number,
        **told | more,
    )


def reading(
    *issues: SprintIssue, state: SprintState = SprintState.ACTIVE, start: datetime = START
) -> SprintReading:
    return SprintReading(sprint(state, start), issues)


def told(
    kind: HintKind,
    at: datetime,
    issue: int | None = None,
    *,
    changed: Sequence[str] = (),
    automated: bool = False,
) -> Hint:
    return Hint(
        subject=SPRINT,
        kind=kind,
        digest=f"{kind} {at} {issue}",
        at=at,
        changed=tuple(changed),
        automated=automated,
        issue=None if issue is None else str(issue),
    )


def over(number: int, committed: float = 30, delivered: float = 28, ended: datetime = START) -> Finished:
    """A finished sprint; ``number`` sprints before ``ended``."""
    end = ended - number * 14 * DAY
    return Finished(
        id=f"past {number}",
        board="12",
        start=end - 14 * DAY,
        ended=end,
        planned_days=14,
        committed=Amount(committed / 3, committed),
        delivered=Amount(delivered / 3, delivered),
        added=Amount(1, 3),
        estimated=1.0,
        stays=(("doing", 30.0), ("doing", 50.0)),
    )
