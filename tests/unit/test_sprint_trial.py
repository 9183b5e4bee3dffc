"""What another rules file would say of a running sprint, from one reading of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.calendar import Calendar
from rules.load import RuleBook, load_rules
from rules.schema import Mode
from rules.sprint_rules import SprintRules
from sprintwarden.showing_trial import show_trial
from store.rulebook import RulebookShelf
from tests.conftest import CONNECTION, Floor
from tests.unit.sprint_scene import BOARD, SPRINT, over, reading, told, work
from trackers.model import HintKind, Label
from trackers.sprints import SprintIssue, Unit
from workers.decide import Because
from workers.forecasters import Forecasters
from workers.run import run
from workers.sprint_book import Home, SprintBook
from workers.sprint_plan import SprintPlan
from workers.sprint_trial import Seen, SprintChange, SprintVerdict, compare_sprint, remembered, verdict
from workers.trial import Comparison
from workers.try_rules import Memory, Rules, Trial, sprint_changes

NOW = datetime.now(UTC)
STARTED = NOW - timedelta(hours=2)
FULL = [work(number, 8) for number in range(1, 9)]
"""64 points for a team that finishes about 15."""
FITTING = [work(number, 2) for number in range(1, 5)]
RULES = SprintRules(mode=Mode.APPLY, calendar=Calendar())
FORECASTERS = Forecasters()


def seen(issues: Sequence[SprintIssue] = FULL, book: SprintBook | None = None, **more: Any) -> Seen:
    past = [over(number, 24, delivered) for number, delivered in enumerate((14, 16, 11, 15, 13, 16))]
    return Seen("acme", BOARD, reading(*issues, start=STARTED), past, book, b"key", NOW, **more)


def said(rules: SprintRules = RULES, of: Seen | None = None) -> SprintVerdict:
    return verdict(of or seen(), rules, FORECASTERS)


def test_a_line_that_is_drawn_elsewhere_silences_a_warning() -> None:
    found = compare_sprint(seen(), RULES, replace(RULES, warn_below=0.0), FORECASTERS)
    assert found.differs
    assert found.now.speaks
    assert found.now.concerns == ("overcommitted",)
    assert found.now.home == "ABC-1"
    assert (found.new.speaks, found.new.because) == (False, Because.ALL_WELL)
    assert found.new.p_enough == found.now.p_enough
    assert (found.sprint, found.name, found.board) == ("37", "Sprint 37", "12")


def test_a_line_that_changes_no_word_is_no_difference() -> None:
    assert not compare_sprint(seen(), RULES, replace(RULES, warn_below=0.26), FORECASTERS).differs


@pytest.mark.parametrize(
    ("because", "rules", "more"),
    [
        (Because.SPRINTS_OFF, {"enabled": False}, {}),
        (Because.TOO_FEW_SPRINTS, {"min_history": 7}, {}),
        (Because.ALL_WELL, {}, {"issues": FITTING}),
        (Because.SNOOZED, {}, {"snoozed": True}),
        (Because.COMMENT_DELETED, {}, {"deleted": True}),
        (Because.NO_HOME, {}, {"projects": frozenset({"OPS"})}),
    ],
)
def test_silence_has_its_reason(because: Because, rules: dict[str, Any], more: dict[str, Any]) -> None:
    assert said(replace(RULES, **rules), seen(**more)).because is because


def test_the_label_that_asks_for_silence_is_looked_for_as_the_tracker_writes_it() -> None:
    hushed = [replace(FULL[0], labels=(Label("be-quiet", "be-quiet"),)), *FULL[1:]]
    of = seen(hushed, label_name=lambda name: name.replace(" ", "-"))
    assert said(replace(RULES, snooze_label="be quiet"), of).because is Because.SNOOZED
    assert said(RULES, of).speaks


def test_the_admins_issue_is_the_home() -> None:
    assert said(replace(RULES, tracking_issue="OPS-12")).home == "OPS-12"


def test_a_comment_stays_where_it_stands() -> None:
    fresh = said()
    assert fresh.home == "ABC-1"
    begun = remembered(seen(), RULES)
    assert said(of=seen(book=replace(begun, home=Home("3", "ABC-3")))).home == "ABC-3"


def test_what_came_after_the_start_is_labelled_where_that_is_asked_for() -> None:
    late = seen([*FITTING, work(20, 8)], book=remembered(seen(FITTING), RULES))
    rules = replace(RULES, scope_grace=timedelta(0))
    found = compare_sprint(late, rules, replace(rules, scope_label="late"), FORECASTERS)
    assert found.now.concerns == ("scope_creep",)
    assert (found.now.labelled, found.new.labelled) == ((), ("ABC-20",))
    assert found.differs


def test_a_sprint_keeps_the_unit_it_began_with() -> None:
    held = replace(remembered(seen(), RULES), unit=Unit.ISSUES)
    counted = said(of=seen(book=held))
    assert counted.p_enough != said().p_enough


TEXT = b"version: 1\ndefaults: {mode: apply, sprints: {min_history: 3}}\n"
BOOKS = [
    load_rules(f"version: 1\ndefaults: {{mode: apply, sprints: {{{said}}}}}\n".encode(), "rules.yaml")
    for said in ("min_history: 3", "min_history: 9")
]


@pytest.fixture
def watched(floor: Floor) -> Floor:
    """A board that the service watches, with a sprint that is too full."""
    floor.tracker.boards["12"] = BOARD
    past = seen().finished
    floor.shop.sprints.add_finished("acme", "12", [replace(one, id=f"p{n}") for n, one in enumerate(past)])
    floor.tracker.sprints["37"] = reading(*FULL, start=STARTED)
    return floor


def changes(floor: Floor, now: RuleBook, new: RuleBook) -> list[SprintChange]:
    return list(sprint_changes(Memory.of(floor.redis), CONNECTION, floor.tracker, [BOARD], now, new))


def test_the_rules_in_force_say_what_a_check_says(watched: Floor) -> None:
    (before,) = changes(watched, BOOKS[0], BOOKS[1])
    RulebookShelf(watched.redis).publish("v", TEXT)
    watched.offer(told(HintKind.SPRINT_DUE, NOW))
    ending = run(watched.shop, SPRINT, watched.token(SPRINT))
    assert ending is not None
    assert isinstance(ending.plan, SprintPlan)
    assert ending.plan.judgement is not None
    assert ending.plan.home is not None
    (after,) = changes(watched, BOOKS[0], BOOKS[1])
    for trial in (before, after):
        assert trial.now.concerns == tuple(sorted(ending.plan.judgement.concerns))
        assert trial.now.home == ending.plan.home.key
        assert trial.new.because is Because.TOO_FEW_SPRINTS


def test_trying_leaves_everything_as_it_was(watched: Floor) -> None:
    held = {name: watched.redis.dump(name) for name in watched.redis.scan_iter()}
    changes(watched, BOOKS[0], BOOKS[1])
    assert {name: watched.redis.dump(name) for name in watched.redis.scan_iter()} == held
    assert watched.tracker.writes == []


def test_boards_whose_rules_are_alike_cost_no_reading(watched: Floor) -> None:
    assert changes(watched, BOOKS[0], BOOKS[0]) == []
    assert watched.tracker.sprint_reads == []


def test_a_sprint_is_told_as_it_is_and_as_it_would_be() -> None:
    rules = Rules(BOOKS[0], TEXT, "new.yaml")
    nothing = Comparison(0, 0, (), ())
    change = compare_sprint(seen(), RULES, replace(RULES, warn_below=0.01), FORECASTERS)
    alike = compare_sprint(seen(), RULES, RULES, FORECASTERS)
    told = show_trial(Trial("the newest issues", rules, rules, nothing, sprints=(change, alike))).splitlines()
    first = told.index("  Sprint 37 (board 12)")
    assert told[first + 1].startswith("    now: a warning (overcommitted) on ABC-1; the chance that 80%")
    text = " ".join(" ".join(told[first:]).split())
    assert "new: silent, because the sprint is well; the chance that 80%" in text
    assert "and below 1% it warns" in text
    assert "as now: a warning (overcommitted) on ABC-1" in text
