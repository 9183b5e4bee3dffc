"""What may be known of a sprint before it: its board's past, and what a forecaster is fitted to."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from classifiers.sprint_history import (
    FIRST_FIT,
    GROWTH,
    SprintHistory,
    _step,
    as_of,
    in_its_unit,
    is_in_issues,
)
from classifiers.sprint_rows import Count, Moment
from tests.unit.sprint_lines import moment, rows, sprint, team


def test_a_board_knows_its_own_finished_sprints_with_a_smaller_order() -> None:
    lines = [sprint(3), sprint(1), sprint(2, board="2"), sprint(2, delivered=None), sprint(4)]
    foreign = sprint(1, id="x", project="XYZ")
    (now,) = rows([sprint(4)])
    assert [row.id for row in SprintHistory(rows([*lines, foreign])).of_board(now)] == ["1-1", "1-3"]


def test_a_fit_is_of_the_projects_sprints_before_this_one() -> None:
    seen_twice = [*team(30), *team(30, seed=1, board="2"), *team(30, id="x", project="XYZ")[:1]]
    history = SprintHistory(rows(seen_twice))
    for order, last in ((10, 0), (11, 10), (13, 10), (14, 13), (17, 13), (30, 28)):
        (now,) = rows([sprint(order, board="3")])
        fitted = history.to_fit(now)
        assert len(fitted) == 2 * last and all(row.order <= last for row in fitted), order
        assert {row.project for row in fitted} <= {"ABC"}


def test_what_nobody_committed_to_is_no_reason_to_fit() -> None:
    lines = team(10)
    (now,) = rows([sprint(99)])
    assert len(SprintHistory(rows(lines)).to_fit(now)) == 10
    lines[4]["start"] = {"issues": 0, "points": 0}
    assert SprintHistory(rows(lines)).to_fit(now) == []


@given(st.integers(0, 5000))
def test_steps_lie_a_quarter_apart(sprints: int) -> None:
    step = _step(sprints)
    assert _step(step) == step
    if sprints < FIRST_FIT:
        assert step == 0
    else:
        assert step <= sprints < step + ceil(step * GROWTH)


def test_a_sprint_as_of_a_moment_is_open_and_knows_no_later_one() -> None:
    (row,) = rows([sprint(1)])
    for t in (0.5, 0.7):
        assert as_of(row, t) == replace(row, moments=row.moments[:2], delivered=Count())
    assert as_of(replace(row, moments=()), 0.7).moments == (Moment(0.0),)


def test_points_not_known_at_the_start_are_points_if_later_ones_are() -> None:
    start = {"issues": 8, "points": None}
    (unknown, none) = rows(
        [sprint(1, start=start), sprint(2, start=start, moments=[moment(0.3, done_issues=2)])]
    )
    assert not is_in_issues(unknown)
    assert is_in_issues(as_of(unknown, 0.3)), "that there will be points is not known yet"
    assert is_in_issues(none)


def test_without_points_work_is_counted_in_issues() -> None:
    (points, issues, neither) = rows(
        [sprint(1), sprint(2, points=0), sprint(3, start={"issues": 0, "points": None})]
    )
    assert in_its_unit(points) is points and in_its_unit(neither) is neither
    assert in_its_unit(issues).start == Count(8, 8)
