"""Linear's daily totals and dates as numbers of a finished cycle, and histories as changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.errors import ServerFault
from trackers.linear.cycle_fields import finished_of, hours_in_progress, issue_past, sprint_issue, sprint_of
from trackers.sprints import Amount, Board, Finished, SprintState, Stage, Unit

RECORDED = (
    Path(__file__).parents[2].parent / "shared" / "fixtures" / "linear" / "cycle-update-rename-2021.json"
)

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
BOARD = Board("ENG", "Engineering", "ENG", True, Unit.POINTS, 1.0)
TEAM: dict[str, Any] = {"key": "ENG", "issueEstimationType": "fibonacci"}


def cycle(days: float = 14, weeks: float = 2, **told: Any) -> dict[str, Any]:
    end = T0 + timedelta(days=days)
    dates = {
        "id": "c1",
        "startsAt": T0.isoformat(),
        "endsAt": end.isoformat(),
        "completedAt": end.isoformat(),
    }
    return {**dates, "team": {"cycleDuration": weeks}, **told}


def finished(raw: dict[str, Any], board: Board = BOARD) -> Finished:
    found = finished_of(raw, board)
    assert found is not None
    return found


totals = st.lists(st.floats(0, 500), max_size=40)


@given(totals, totals, st.floats(1, 60))
def test_what_is_committed_and_added_never_exceeds_what_there_was(
    scope: list[float], done: list[float], days: float
) -> None:
    found = finished(cycle(days, scopeHistory=scope, completedScopeHistory=done))
    assert found.added.points >= 0
    assert found.committed.points + found.added.points <= max([*scope, 0]) * (1 + 1e-9)
    assert found.delivered.points == (done[-1] if done else 0)


def test_what_comes_after_four_fifths_of_the_time_is_not_added() -> None:
    early, late = [10.0] * 10 + [13.0] * 4, [10.0] * 11 + [13.0] * 3
    assert finished(cycle(scopeHistory=early)).added.points == 3
    assert finished(cycle(scopeHistory=late)).added.points == 0


@pytest.mark.parametrize(
    ("days", "weeks", "planned"),
    [
        (14, 2, 14),
        (14 - 1 / 24, 2, 14 - 1 / 24),
        (7, 2, 7),
        (21.3, 2, 21.3),
        (9.4, 2, 14),
        (0.3, 1, 7),
        (9.4, 0, 9.4),
    ],
)
def test_only_a_cycle_that_was_cut_short_lasts_as_long_as_the_teams_others(
    days: float, weeks: float, planned: float
) -> None:
    assert finished(cycle(days, weeks)).planned_days == pytest.approx(planned)


def test_team_without_estimates_has_none_estimated() -> None:
    board = Board("ENG", "Engineering", "ENG", True, Unit.ISSUES)
    assert (finished(cycle(), board).estimated, finished(cycle()).estimated) == (0, 1)


@pytest.mark.parametrize("missing", ["startsAt", "endsAt"])
def test_cycle_without_dates_cannot_be_counted(missing: str) -> None:
    assert finished_of(cycle() | {missing: None}, BOARD) is None


def test_recorded_totals() -> None:
    if not RECORDED.exists():
        pytest.skip(f"There is no recorded cycle at {RECORDED}, beside the repository.")
    found = finished(json.loads(RECORDED.read_text("utf-8"))["data"])
    assert (found.planned_days, found.committed, found.delivered) == (14, Amount(0, 0), Amount(0, 0))
    assert found.added == Amount(1, 1)


@pytest.mark.parametrize(
    ("starts", "ends", "completed", "state"),
    [
        (-1, 1, None, SprintState.ACTIVE),
        (0, 1, None, SprintState.ACTIVE),
        (1, 2, None, SprintState.FUTURE),
        (-2, 0, None, SprintState.CLOSED),
        (-2, 1, -1, SprintState.CLOSED),
    ],
)
def test_state_is_told_by_the_dates(
    starts: int, ends: int, completed: int | None, state: SprintState
) -> None:
    dates = {"startsAt": starts, "endsAt": ends, "completedAt": completed}
    told = {name: (T0 + timedelta(days=at)).isoformat() for name, at in dates.items() if at is not None}
    assert sprint_of({"id": "c1", "number": 3.0, **told}, T0).state is state


@pytest.mark.parametrize("days", [3 * 365 + 1, 36 * 365])
def test_cycle_whose_end_was_mistyped_runs_without_one(days: int) -> None:
    dates = {"startsAt": T0.isoformat(), "endsAt": (T0 + timedelta(days=days)).isoformat()}
    cycle = sprint_of({"id": "c1", "number": 3.0, **dates}, T0)
    assert (cycle.state, cycle.start, cycle.end) == (SprintState.ACTIVE, T0, None)


def test_name_is_the_number_where_there_is_none() -> None:
    assert sprint_of({"id": "c1", "number": 3.0, "name": None}, T0).name == "Cycle 3"
    with pytest.raises(ServerFault):
        sprint_of({"number": 3.0}, T0)


def entry(hours: float, **told: Any) -> dict[str, Any]:
    return {"createdAt": (T0 + timedelta(hours=hours)).isoformat(), "actorId": "user-1", **told}


def test_changes_come_oldest_first_whatever_the_order_told() -> None:
    past = issue_past(
        [entry(3, toCycleId="c2", fromCycleId="c1"), entry(1, toCycleId="c1"), {"toCycleId": "undated"}],
        TEAM,
        whole=False,
    )
    assert [(move.sprint, move.joined) for move in past.moves] == [("c1", True), ("c1", False), ("c2", True)]
    assert not past.whole


@pytest.mark.parametrize(
    ("told", "automated"),
    [
        ({}, False),
        ({"actorId": None}, True),
        ({"botActor": {"id": None}}, True),
        ({"toState": {"id": "s", "type": "started"}}, True),
        ({"toState": {"id": "s", "type": "completed"}}, False),
        ({"toState": {"id": "s", "type": "started"}, "fromCycleId": "c0"}, False),
    ],
)
def test_move_by_an_automation(told: dict[str, Any], automated: bool) -> None:
    team = TEAM | {"cycleLockToActive": True}
    past = issue_past([entry(1, toCycleId="c1", **told)], team, whole=True)
    assert past.moves[-1].automated is automated


def test_state_that_was_deleted_makes_no_shift() -> None:
    gone = entry(1, fromState=None, toState={"id": "s", "type": "started"})
    assert issue_past([gone], TEAM, whole=True).shifts == ()


def test_unknown_type_of_state_is_work_to_do() -> None:
    raw = {"id": "i1", "state": {"id": "s", "type": "pondered"}}
    assert sprint_issue(raw, 0, TEAM, carried=False, past=None).stage is Stage.TODO


def test_hours_in_progress() -> None:
    began, ended = T0.isoformat(), (T0 + timedelta(hours=5)).isoformat()
    assert hours_in_progress({"startedAt": began, "completedAt": ended}) == 5
    assert hours_in_progress({"startedAt": ended, "completedAt": began}) is None
    assert hours_in_progress({"startedAt": None, "completedAt": ended}) is None
