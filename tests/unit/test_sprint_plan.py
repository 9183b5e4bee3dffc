"""What of a judgement is worth saying, and what is only noise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from classifiers.sprint_judgement import (
    Concern,
    Forecast,
    Item,
    Past,
    Scope,
    SprintJudgement,
    Stalled,
    WayOut,
)
from rules.schema import Mode
from tests.unit.sprint_scene import START, sprint
from trackers.sprints import Unit
from workers.sprint_book import Said
from workers.sprint_plan import SprintPlan, is_news, said_of, severity, worth_saying

NOW = START + timedelta(days=3)
FOUND = SprintJudgement(
    sprint=sprint(),
    unit=Unit.POINTS,
    at=NOW,
    t=0.2,
    activated=START,
    rebuilt=False,
    scope=Scope(committed=30, committed_issues=8, now=30, done=0, doing=5, todo=25),
    forecast=Forecast(0.1, 0.7, 0.3, 20, 10, 30),
    past=Past(6, 14, 26, 20, 6),
    budget=0.15,
    done_share=0.8,
    warn_below=0.25,
    concerns=frozenset({Concern.OVERCOMMITTED}),
)
TOLD = said_of(FOUND, NOW)


def foretold(p_all_done: float, p_overcommitted: float) -> SprintJudgement:
    forecast = replace(FOUND.forecast, p_all_done=p_all_done, p_overcommitted=p_overcommitted)
    return replace(FOUND, forecast=forecast)


@pytest.mark.parametrize(
    ("now", "news"),
    [
        (FOUND, False),
        (foretold(0.18, 0.62), False),
        (foretold(0.1, 0.59), True),
        (foretold(0.21, 0.7), True),
        (replace(FOUND, scope=replace(FOUND.scope, now=31)), True),
        (replace(FOUND, scope=replace(FOUND.scope, done=5, todo=20)), False),
        (replace(FOUND, concerns=FOUND.concerns | {Concern.SCOPE_CREEP}), True),
        (replace(FOUND, way_out=WayOut((Item("ABC-1", 5),), 0.5, 0.3, reaches=True)), True),
        (replace(FOUND, stalled=(Stalled("ABC-2", 4, 2),)), True),
    ],
)
def test_what_is_news(now: SprintJudgement, news: bool) -> None:
    assert is_news(TOLD, said_of(now, NOW + timedelta(hours=1))) is news


def test_what_has_only_aged_is_never_news() -> None:
    assert not is_news(TOLD, said_of(FOUND, NOW + timedelta(days=9)))


def test_where_nothing_was_said_everything_is_news() -> None:
    assert is_news(Said(), TOLD)


def test_gravity_counts_the_great_concerns_and_a_sprint_all_but_lost() -> None:
    both = frozenset({Concern.OVERCOMMITTED, Concern.SCOPE_CREEP})
    lost = foretold(0.01, 0.95)
    assert severity(replace(FOUND, concerns=frozenset({Concern.STALLED}))) == 0
    assert severity(FOUND) == 1
    assert severity(lost) == 2
    assert severity(replace(FOUND, concerns=both)) == 2
    assert severity(replace(lost, concerns=both)) == 3


@pytest.mark.parametrize("many", [1, 2, 3])
def test_work_that_stands_still_is_worth_a_comment_of_its_own_from_three_on(many: int) -> None:
    stalled = tuple(Stalled(f"ABC-{n}", 5, 2) for n in range(many))
    found = replace(FOUND, concerns=frozenset({Concern.STALLED}), stalled=stalled)
    assert worth_saying(found) is (many >= 3)
    assert worth_saying(replace(found, concerns=found.concerns | {Concern.SCOPE_CREEP}))
    assert not worth_saying(replace(FOUND, concerns=frozenset()))


def test_the_record_of_a_plan_has_every_figure() -> None:
    told = SprintPlan(Mode.APPLY, FOUND).to_json()
    assert told["sprint"]["forecast"] == {
        "p_all_done": 0.1,
        "p_overcommitted": 0.7,
        "p_scope_creep": 0.3,
        "expected": 20,
        "low": 10,
        "high": 30,
    }
    assert told["sprint"]["past"]["usual"] == 20
    assert told["sprint"]["concerns"] == ["overcommitted"]
