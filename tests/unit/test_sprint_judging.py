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
from classifiers.sprint_past import past_of, rows_of
from rules.sprint_rules import Away, SprintRules
from tests.unit.sprint_scene import BOARD, DAY, START, over, reading, sprint, work
from trackers.sprints import Amount, Finished, SprintIssue, Stage, Unit
from workers.roster import begin, follow
from workers.sprint_measure import counting, measure

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


@given(st.sets(st.integers(1, 8), max_size=6), st.floats(0.0, 13.0))
def test_taking_work_out_never_makes_it_worse(gone: set[int], days: float) -> None:
    memory, left = begun(), [issue for issue in PLAN if int(issue.id) not in gone]
    before = judged(after(memory, PLAN, days), PLAN, days)
    cut = judged(after(memory, left, days), left, days)
    assert enough(cut) >= enough(before) - 1e-9
    assert cut.forecast.p_all_done >= before.forecast.p_all_done - 1e-9


@given(st.lists(st.sampled_from([1.0, 3.0, 8.0]), max_size=6), st.floats(0.0, 13.0))
def test_adding_work_never_makes_it_better(added: list[float], days: float) -> None:
    memory = begun()
    more = [*PLAN, *(work(50 + place, points) for place, points in enumerate(added))]
    before = judged(after(memory, PLAN, days), PLAN, days)
    burdened = judged(after(memory, more, days), more, days)
    assert enough(burdened) <= enough(before) + 1e-9


def test_following_the_way_out_has_the_effect_it_named() -> None:
    memory = begun()
    way = judged(memory, PLAN).way_out
    assert way is not None
    moved = {item.key for item in way.move}
    left = [issue for issue in PLAN if issue.key not in moved]
    assert enough(judged(after(memory, left), left)) == pytest.approx(way.p_enough)


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


def test_nothing_is_said_of_overcommitment_in_its_grace_nor_when_time_is_up() -> None:
    patient = SprintRules(overcommit_grace=timedelta(days=2))
    assert Concern.OVERCOMMITTED not in judged(begun(), PLAN, rules=patient).concerns
    assert Concern.OVERCOMMITTED in judged(begun(), PLAN, days=3, rules=patient).concerns
    assert Concern.OVERCOMMITTED not in judged(begun(), PLAN, days=15).concerns


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
