"""A running sprint judged as a whole: what helps helps, what burdens never does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.capacity import shipped
from classifiers.sprint import Outlook, judge
from classifiers.sprint_judgement import Concern, SprintJudgement
from classifiers.sprint_memory import SprintMemory
from classifiers.sprint_past import past_of, rows_of, with_work
from rules.sprint_rules import Away, SprintRules
from tests.unit.sprint_scene import BOARD, DAY, START, over, reading, sprint, work
from trackers.sprints import Amount, Finished, SprintIssue, Stage, Unit
from workers.roster import begin, follow
from workers.sprint_measure import comparable, counting, measure

FINISHED = [over(number, 24, delivered) for number, delivered in enumerate((14, 16, 11, 15, 13, 16))]
PLAN = [work(number, 5) for number in range(1, 9)]
"""40 points for a team that finishes about 15."""


def judged(
    memory: SprintMemory,
    issues: Sequence[SprintIssue],
    days: float = 1.0,
    rules: SprintRules | None = None,
    **more: Any,
) -> SprintJudgement:
    rules = rules or SprintRules(scope_grace=timedelta(0))
    unit = more.pop("unit", Unit.POINTS)
    rows = rows_of(FINISHED, "12")
    return judge(
        Outlook(
            sprint=sprint(),
            issues=issues,
            memory=memory,
            unit=unit,
            count=counting(unit, BOARD, rules),
            unestimated_as=0.0,
            rules=rules,
            zone=None,
            finished=FINISHED,
            rows=[row.in_issues() for row in rows] if unit is Unit.ISSUES else rows,
            forecaster=shipped(),
            key=b"key",
            now=START + days * DAY,
            **more,
        )
    )


def begun(issues: Sequence[SprintIssue] = PLAN) -> SprintMemory:
    return begin(reading(*issues), [], START + timedelta(minutes=1), FINISHED, b"key")


def after(memory: SprintMemory, issues: Sequence[SprintIssue], days: float = 1.0) -> SprintMemory:
    return follow(memory, reading(*issues), [], START + days * DAY, FINISHED)


def enough(found: SprintJudgement) -> float:
    return 1 - found.forecast.p_overcommitted


def test_a_plan_of_twice_what_the_team_finishes_is_overcommitted_with_a_way_out() -> None:
    found = judged(begun(), PLAN)
    assert Concern.OVERCOMMITTED in found.concerns
    assert found.way_out is not None
    assert found.way_out.move
    assert found.past.usual == 14.5


stages = st.sampled_from([Stage.TODO, Stage.DOING, Stage.DONE])
plans = st.lists(stages, min_size=8, max_size=8).map(
    lambda drawn: [
        replace(issue, stage=stage, state=str(stage)) for issue, stage in zip(PLAN, drawn, strict=True)
    ]
)
additions = st.lists(st.tuples(st.sampled_from([1.0, 3.0, 8.0]), stages), max_size=6).map(
    lambda drawn: [work(50 + place, points, stage) for place, (points, stage) in enumerate(drawn)]
)
days = st.floats(0.0, 13.0)


def cut(issue: SprintIssue, how: str | None) -> list[SprintIssue]:
    match how:
        case "left":
            return []
        case "dropped":
            return [replace(issue, stage=Stage.DROPPED, state="cancelled")]
        case "lower":
            return [replace(issue, points=2)]
        case _:
            return [issue]


def is_no_better(found: SprintJudgement, before: SprintJudgement) -> bool:
    return (
        enough(found) <= enough(before) + 1e-9
        and found.forecast.p_all_done <= before.forecast.p_all_done + 1e-9
    )


@given(
    plans, additions, st.dictionaries(st.integers(0, 7), st.sampled_from(["left", "dropped", "lower"])), days
)
def test_taking_work_out_never_makes_it_worse(
    plan: list[SprintIssue], added: list[SprintIssue], cuts: dict[int, str], at: float
) -> None:
    memory = after(after(begun(), [*plan, *added], at), [*plan, *added], at)
    left = [*(one for place, issue in enumerate(plan) for one in cut(issue, cuts.get(place))), *added]
    before = judged(memory, [*plan, *added], at)
    assert is_no_better(before, judged(after(memory, left, at), left, at))


@given(plans, additions, st.dictionaries(st.integers(0, 7), st.sampled_from([8.0, 13.0])), days)
def test_adding_work_never_makes_it_better(
    plan: list[SprintIssue], added: list[SprintIssue], raises: dict[int, float], at: float
) -> None:
    memory = after(begun(), plan, at)
    raised = [replace(one, points=raises.get(place, one.points)) for place, one in enumerate(plan)]
    more = [*raised, *added]
    assert is_no_better(judged(after(memory, more, at), more, at), judged(memory, plan, at))


@pytest.mark.parametrize("how", ["left", "dropped"])
def test_what_was_done_and_then_taken_out_is_done_all_the_same(how: str) -> None:
    plan = [replace(PLAN[0], stage=Stage.DONE), *PLAN[1:]]
    memory = after(begun(), plan)
    gone = [replace(PLAN[0], stage=Stage.DROPPED)] if how == "dropped" else []
    left = [*gone, *PLAN[1:]]
    assert judged(after(memory, left), left).forecast == judged(memory, plan).forecast


def test_a_first_estimate_is_neither_added_nor_taken_out() -> None:
    plan = [replace(PLAN[0], points=None), *PLAN[1:]]
    memory = begun(plan)
    doing = [replace(PLAN[0], stage=Stage.DOING), *PLAN[1:]]
    nameless = [replace(plan[0], stage=Stage.DOING), *PLAN[1:]]
    assert enough(judged(after(memory, doing), doing)) > enough(judged(after(memory, nameless), nameless))


@given(plans, additions, days)
def test_following_the_way_out_has_the_effect_it_named(
    plan: list[SprintIssue], added: list[SprintIssue], at: float
) -> None:
    shown = [*plan, *added]
    memory = after(begun(), shown, at)
    way = judged(memory, shown, at).way_out
    moved = {item.key for item in way.move} if way else set()
    left = [issue for issue in shown if issue.key not in moved]
    found = judged(after(memory, left, at), left, at)
    if way is not None:
        assert enough(found) == pytest.approx(way.p_enough)
        assert found.forecast.p_all_done == pytest.approx(way.p_all_done)


@given(plans, additions, days)
def test_a_warning_goes_once_its_way_out_is_followed(
    plan: list[SprintIssue], added: list[SprintIssue], at: float
) -> None:
    shown, told = [*plan, *added], frozenset({"overcommitted"})
    memory = after(begun(), shown, at)
    way = judged(memory, shown, at, told=told).way_out
    assert way is None or way.move or not way.reaches
    if way is not None and way.reaches:
        moved = {item.key for item in way.move}
        left = [issue for issue in shown if issue.key not in moved]
        assert Concern.OVERCOMMITTED not in judged(after(memory, left, at), left, at, told=told).concerns


def test_amounts_tell_of_all_that_gets_done_also_of_what_was_added() -> None:
    memory = begun()
    more = [*PLAN, work(50, 30, Stage.DONE)]
    found = judged(after(memory, more), more)
    assert found.forecast.expected >= 30
    assert Concern.OVERCOMMITTED in found.concerns


def test_a_warning_stands_until_the_chance_is_well_over_the_line() -> None:
    chance = enough(judged(begun(), PLAN))
    just_under = SprintRules(warn_below=chance - 0.02)
    assert Concern.OVERCOMMITTED not in judged(begun(), PLAN, rules=just_under).concerns
    told = judged(begun(), PLAN, rules=just_under, told=frozenset({"overcommitted"}))
    assert Concern.OVERCOMMITTED in told.concerns


def test_absences_lower_what_can_be_done() -> None:
    away = (Away(date(2026, 3, 2), date(2026, 3, 16)),)
    rules = SprintRules(people=4, away=away)
    found = judged(begun(), PLAN, rules=rules)
    assert found.away == pytest.approx(0.25)
    assert enough(found) < enough(judged(begun(), PLAN))


def test_nothing_is_said_of_overcommitment_in_its_grace() -> None:
    patient = SprintRules(overcommit_grace=timedelta(days=2))
    assert Concern.OVERCOMMITTED not in judged(begun(), PLAN, rules=patient).concerns
    assert Concern.OVERCOMMITTED in judged(begun(), PLAN, days=3, rules=patient).concerns


def test_when_time_is_up_no_warning_is_new_but_one_that_holds_stands() -> None:
    told = frozenset({"overcommitted"})
    assert Concern.OVERCOMMITTED not in judged(begun(), PLAN, days=15).concerns
    overrun = judged(begun(), PLAN, days=15, told=told)
    assert Concern.OVERCOMMITTED in overrun.concerns
    assert overrun.way_out is None
    done = [replace(issue, stage=Stage.DONE) for issue in PLAN[:7]] + PLAN[7:]
    assert Concern.OVERCOMMITTED not in judged(after(begun(), done, 15), done, 15, told=told).concerns


def test_a_sprint_without_an_end_lasts_as_long_as_they_usually_do() -> None:
    memory = begun()
    found = judge(
        replace(
            _outlook(memory),
            sprint=replace(sprint(), end=None),
            now=START + 7 * DAY,
        )
    )
    assert found.t == pytest.approx(0.5)


def _outlook(memory: SprintMemory) -> Outlook:
    rules = SprintRules()
    return Outlook(
        sprint=sprint(),
        issues=PLAN,
        memory=memory,
        unit=Unit.POINTS,
        count=counting(Unit.POINTS, BOARD, rules),
        unestimated_as=0.0,
        rules=rules,
        zone=None,
        finished=FINISHED,
        rows=rows_of(FINISHED, "12"),
        forecaster=shipped(),
        key=b"key",
        now=START + DAY,
    )


def test_scope_that_crosses_its_budget_is_a_concern_and_names_the_issue() -> None:
    memory = begun()
    more = [*PLAN, work(50, 5), work(51, 3)]
    found = judged(after(memory, more), more)
    assert Concern.SCOPE_CREEP in found.concerns
    assert found.scope.crossing == "ABC-51"
    off = SprintRules(scope_creep=False, scope_grace=timedelta(0))
    assert Concern.SCOPE_CREEP not in judged(after(memory, more), more, rules=off).concerns


def test_work_that_stands_still_is_measured_by_the_boards_own_past() -> None:
    slow = [work(1, 5, Stage.DOING, since=START - 9 * DAY), *PLAN[1:]]
    finished = [replace(one, stays=(("doing", 20.0),) * 12) for one in FINISHED]
    found = judge(replace(_outlook(begun(slow)), issues=slow, finished=finished))
    assert [one.key for one in found.stalled] == ["ABC-1"]
    assert Concern.STALLED in found.concerns


@pytest.mark.parametrize(
    ("estimates", "unit"),
    [([3.0, 3.0, None], Unit.POINTS), ([3.0, None, None], Unit.ISSUES), ([], Unit.POINTS)],
)
def test_a_board_is_counted_in_issues_where_few_have_an_estimate(
    estimates: list[float | None], unit: Unit
) -> None:
    issues = [work(number, points) for number, points in enumerate(estimates)]
    memory = begin(reading(*issues), [], START, [], b"key")
    assert measure(memory, BOARD, SprintRules(), FINISHED) is unit


def test_the_usual_is_the_median_of_the_newest_ten() -> None:
    old = [over(30 + number, 500, 500) for number in range(5)]
    new = [over(number, 20, 10 + number) for number in range(10)]
    past = past_of([*new, *old], Unit.POINTS)
    assert (past.sprints, past.last, past.usual, past.low, past.high) == (15, 10, 14.5, 11, 18)
    empty = replace(over(1), committed=Amount(), delivered=Amount())
    assert past_of([empty], Unit.POINTS).sprints == 0
    few: list[Finished] = new[:3]
    assert (past_of(few, Unit.POINTS).low, past_of(few, Unit.POINTS).high) == (10, 12)


def test_finished_sprints_in_another_unit_are_no_evidence_for_sums_of_estimates() -> None:
    hours = [replace(over(number, 120, 110), unit=Unit.HOURS) for number in range(4)]
    assert [one.id for one in with_work([*FINISHED, *hours], Unit.HOURS)] == [
        one.id for one in reversed(hours)
    ]
    assert past_of([*FINISHED, *hours], Unit.POINTS) == past_of(FINISHED, Unit.POINTS)
    assert past_of([*FINISHED, *hours], Unit.ISSUES).sprints == 10


@pytest.mark.parametrize(
    ("unit", "board", "can"),
    [
        (Unit.POINTS, Unit.POINTS, True),
        (Unit.POINTS, Unit.HOURS, False),
        (Unit.POINTS, Unit.ISSUES, False),
        (Unit.ISSUES, Unit.HOURS, True),
    ],
)
def test_a_sprint_is_counted_on_only_in_issues_once_its_board_estimates_in_another_unit(
    unit: Unit, board: Unit, can: bool
) -> None:
    assert comparable(unit, board) is can


def test_how_many_issues_were_estimated_is_asked_of_sprints_in_the_same_unit() -> None:
    nothing_planned = begin(reading(), [], START, [], b"key")
    before = [replace(over(number), unit=Unit.ISSUES, estimated=0.0) for number in range(5)]
    assert measure(nothing_planned, BOARD, SprintRules(), before) is Unit.POINTS
    assert measure(nothing_planned, BOARD, SprintRules(), [replace(over(1), estimated=0.2)]) is Unit.ISSUES
