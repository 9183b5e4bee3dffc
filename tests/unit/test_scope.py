"""Scope of a running sprint: what counts as added, what does not, and when the budget is crossed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.scope import row_of, scope_of
from classifiers.sprint_judgement import Item, Reestimate, Scope
from classifiers.sprint_memory import SprintMemory, Stay
from trackers.sprints import Sprint, SprintState, Stage

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
GRACE = timedelta(hours=24)
LATER = START + timedelta(days=3)
SPRINT = Sprint("7", "Sprint 7", "3", SprintState.ACTIVE, START, START + timedelta(days=10))


def stay(number: int, estimate: float | None = 3.0, **more: Any) -> Stay:
    known = {"committed": True, "first": estimate, "points": estimate, "stage": Stage.TODO, "state": "1"}
    return Stay(id=str(number), key=f"ABC-{number}", rank=number, **{**known, **more})


def joined(number: int, estimate: float | None = 3.0, **more: Any) -> Stay:
    return stay(number, estimate, **{"committed": False, "joined": LATER, **more})


def memory(*stays: Stay) -> SprintMemory:
    return SprintMemory(START, stays={one.id: one for one in stays})


def points(estimate: float | None) -> float:
    return 1.0 if estimate is None else estimate


def scope(*stays: Stay, budget: float = 0.15) -> Scope:
    return scope_of(memory(*stays), points, grace=GRACE, budget=budget)


PLAN = [stay(number, 5.0) for number in range(1, 5)]
"""20 points."""


def test_an_untouched_sprint_has_not_changed() -> None:
    found = scope(*PLAN[:2], replace(PLAN[2], stage=Stage.DOING), replace(PLAN[3], stage=Stage.DONE))
    assert found == Scope(20, 4, 20, done=5, doing=5, todo=10)


def test_what_joined_later_counts_in_the_order_it_came() -> None:
    late, early = joined(8, 2.0, joined=LATER + timedelta(hours=1)), joined(9, 4.0)
    found = scope(*PLAN, late, early)
    assert found.added == (Item("ABC-9", 4.0), Item("ABC-8", 2.0))
    assert (found.now, found.grown_by, found.share) == (26, 6, 0.3)
    assert found.crossing == "ABC-9"


def test_the_budget_may_be_used_up_but_not_crossed() -> None:
    assert scope(*PLAN, joined(8, 3.0)).crossing is None
    assert scope(*PLAN, joined(8, 3.0), joined(9, 0.5)).crossing == "ABC-9"
    # 0.1 three times over is a little more than 0.3 in floats, and no more than the budget
    tenths = [joined(number, 0.1) for number in (8, 9, 10)]
    assert scope(stay(1, 2.0), *tenths, budget=0.15).crossing is None


def test_of_two_that_came_at_once_the_same_one_crosses_whatever_the_order() -> None:
    both = [joined(8, 4.0), joined(9, 4.0)]
    assert scope(*PLAN, *both) == scope(*reversed(both), *PLAN)
    assert scope(*PLAN, *both).crossing == "ABC-8"


@pytest.mark.parametrize(
    ("addition", "reason"),
    [
        (joined(8, joined=START + GRACE), "late_planning"),
        (joined(8, joined=START - timedelta(minutes=1)), "late_planning"),
        (joined(8, carried=True), "carried_over"),
        (joined(8, automated=True), "automated"),
        (joined(8, parent="2"), "subtask"),
        (joined(8, subtask=True, parent="99"), "subtask"),
        (joined(8, left=LATER + timedelta(hours=1)), "undone"),
    ],
)
def test_additions_that_do_not_count(addition: Stay, reason: str) -> None:
    found = scope(*PLAN, addition)
    assert (found.added, found.grown_by, found.not_counted) == ((), 0, {reason: 1})


def test_additions_that_do_count() -> None:
    for addition in (
        joined(8, joined=START + GRACE + timedelta(seconds=1)),
        joined(8, parent="99"),
        joined(8, joined=None),
        joined(8, stage=Stage.DONE),
    ):
        found = scope(*PLAN, addition)
        assert (found.added, found.not_counted) == ((Item("ABC-8", 3.0),), {})


def test_an_addition_has_one_reason_only() -> None:
    found = scope(*PLAN, joined(8, carried=True, automated=True, parent="1", joined=START))
    assert found.not_counted == {"carried_over": 1}


def test_a_sub_issue_of_a_sub_issue_belongs_to_the_commitment_too() -> None:
    found = scope(*PLAN, joined(8, parent="1"), joined(9, parent="8"))
    assert found.not_counted == {"subtask": 2}


def test_parents_in_a_circle_are_no_commitment() -> None:
    found = scope(*PLAN, joined(8, parent="9"), joined(9, parent="8"))
    assert [item.key for item in found.added] == ["ABC-8", "ABC-9"]


def test_additions_taken_out_later_or_cancelled_are_no_work_any_more() -> None:
    found = scope(*PLAN, joined(8, left=LATER + timedelta(days=1)), joined(9, stage=Stage.DROPPED))
    assert (found.added, found.grown_by, found.now, found.not_counted) == ((), 0, 20, {})


def test_what_was_taken_out_is_told_and_gives_nothing_back() -> None:
    gone, cancelled = replace(PLAN[0], left=LATER), replace(PLAN[1], stage=Stage.DROPPED)
    found = scope(gone, cancelled, *PLAN[2:], joined(8, 10.0))
    assert found.removed == (Item("ABC-1", 5.0), Item("ABC-2", 5.0))
    assert (found.committed, found.now, found.grown_by, found.crossing) == (20, 20, 10, "ABC-8")


def test_raised_estimates_are_growth_and_lowered_ones_make_up_for_raised_ones_alone() -> None:
    raised, lowered = replace(PLAN[0], points=9.0), replace(PLAN[1], points=2.0)
    found = scope(raised, *PLAN[1:])
    assert found.reestimated == (Reestimate("ABC-1", 5.0, 9.0),)
    assert (found.grown_by, found.crossing) == (4, "ABC-1")
    assert scope(raised, lowered, *PLAN[2:]).grown_by == 1
    assert scope(PLAN[0], lowered, *PLAN[2:], joined(8, 3.0)).grown_by == 3


def test_additions_come_before_re_estimates_when_looking_for_what_crossed() -> None:
    raised = replace(PLAN[0], points=8.0)
    assert scope(raised, *PLAN[1:], joined(8, 4.0)).crossing == "ABC-8"
    assert scope(raised, *PLAN[1:], joined(8, 2.0)).crossing == "ABC-1"


def test_a_first_estimate_is_told_but_is_no_growth() -> None:
    estimated = stay(5, None, points=8.0)
    found = scope(*PLAN, estimated)
    assert (found.committed, found.now, found.grown_by) == (21, 28, 0)
    assert found.reestimated == (Reestimate("ABC-5", 1.0, 8.0),)


def test_nothing_is_re_estimated_where_issues_are_counted() -> None:
    found = scope_of(memory(stay(1, 3.0, points=8.0)), lambda _: 1.0, grace=GRACE, budget=0.1)
    assert (found.committed, found.now, found.reestimated, found.grown_by) == (1, 1, (), 0)


def test_sub_tasks_are_in_no_amount() -> None:
    below = stay(5, 4.0, subtask=True, parent="1", stage=Stage.DOING)
    assert scope(*PLAN, below) == scope(*PLAN)


def test_without_a_commitment_there_is_no_share_and_no_crossing() -> None:
    found = scope(joined(8))
    assert (found.committed, found.grown_by, found.share, found.crossing) == (0, 3, 0.0, None)


def test_issues_without_an_estimate_are_counted_while_they_are_open() -> None:
    found = scope(stay(1, None), stay(2, None, stage=Stage.DONE), stay(3, None, left=LATER), joined(4, None))
    assert (found.unestimated, found.now) == (2, 3)


def test_the_row_of_a_forecast_takes_every_coming_and_going() -> None:
    stays = (
        replace(PLAN[0], left=LATER),
        replace(PLAN[1], stage=Stage.DONE),
        *PLAN[2:],
        joined(8, 2.0, carried=True, stage=Stage.DOING),
        joined(9, 7.0, left=LATER + timedelta(minutes=5)),
        joined(10, 1.0, subtask=True, parent="2"),
    )
    row, moment = row_of(memory(*stays), SPRINT, START + timedelta(days=5), points, project="ABC", team=3.0)
    assert (row.id, row.project, row.board, row.planned_days) == ("7", "ABC", "3", 10.0)
    assert (row.start.issues, row.start.points, row.moments) == (4, 20, (moment,))
    assert (moment.t, moment.team) == (0.5, 3.0)
    assert (moment.added.issues, moment.added.points) == (2, 9)
    assert (moment.removed.issues, moment.removed.points) == (2, 12)
    assert (moment.todo.points, moment.doing.points, moment.done.points) == (10, 2, 5)


@pytest.mark.parametrize(
    ("end", "t", "days"),
    [(None, 0.0, None), (START - timedelta(days=1), 1.0, 0.0), (START + timedelta(days=2), 1.0, 2.0)],
)
def test_a_sprint_without_a_sensible_end(end: datetime | None, t: float, days: float | None) -> None:
    row, moment = row_of(memory(*PLAN), replace(SPRINT, end=end), LATER, points, project="ABC", team=None)
    assert (moment.t, row.planned_days) == (t, days)


estimates = st.none() | st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 8.0])
moments = st.integers(-60, 14_000).map(lambda minutes: START + timedelta(minutes=minutes))


@st.composite
def sprints(draw: st.DrawFn) -> SprintMemory:
    stays = []
    for number in range(draw(st.integers(0, 9))):
        committed = draw(st.booleans())
        stays.append(
            Stay(
                id=str(number),
                key=f"ABC-{number}",
                committed=committed,
                first=draw(estimates),
                points=draw(estimates),
                stage=draw(st.sampled_from(Stage)),
                state="1",
                joined=None if committed else draw(moments),
                left=draw(st.none() | moments),
                automated=draw(st.booleans()),
                carried=draw(st.booleans()),
                parent=draw(st.none() | st.integers(0, 9).map(str)),
                subtask=draw(st.booleans()),
                rank=draw(st.integers(0, 3)),
            )
        )
    return memory(*stays)


def of(known: SprintMemory) -> Scope:
    return scope_of(known, points, grace=GRACE, budget=0.15)


@given(sprints())
def test_the_parts_make_the_whole(known: SprintMemory) -> None:
    found = of(known)
    assert found.now == found.done + found.doing + found.todo
    net = sum(change.after - change.before for change in found.reestimated)
    uncounted = sum(
        points(one.points)
        for one in known.stays.values()
        if not (one.committed or one.subtask or one.left or one.stage is Stage.DROPPED)
        and one.key not in {item.key for item in found.added}
    )
    came = sum(item.amount for item in found.added) + uncounted
    assert found.now == found.committed + came + net - sum(item.amount for item in found.removed)


@given(sprints())
def test_the_budget_is_crossed_exactly_when_the_share_is_over_it(known: SprintMemory) -> None:
    found = of(known)
    assert (found.crossing is not None) == (found.share > 0.15 + 1e-9)
    told = {item.key for item in found.added} | {change.key for change in found.reestimated}
    assert found.crossing is None or found.crossing in told


@given(sprints(), st.randoms(use_true_random=False))
def test_the_order_in_which_issues_are_remembered_does_not_matter(
    known: SprintMemory, shuffle: random.Random
) -> None:
    stays = list(known.stays.values())
    shuffle.shuffle(stays)
    assert of(memory(*stays)) == of(known)


@given(sprints(), estimates)
def test_one_more_addition_never_lowers_the_growth(known: SprintMemory, estimate: float | None) -> None:
    more = SprintMemory(START, stays={**known.stays, "77": joined(77, estimate)})
    assert of(more).grown_by == of(known).grown_by + points(estimate)


@given(sprints())
def test_in_issues_a_row_adds_up(known: SprintMemory) -> None:
    row, moment = row_of(known, SPRINT, LATER, points, project="ABC", team=None)
    amounts = [row.start, moment.added, moment.removed, moment.todo, moment.doing, moment.done]
    start, added, removed, todo, doing, done = (amount.issues or 0.0 for amount in amounts)
    assert start + added - removed == todo + doing + done
