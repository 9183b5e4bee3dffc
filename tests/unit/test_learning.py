"""What is worked out from outcomes: shifts, mutes, returns, and what a process knows of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from redis import Redis

from rules.load import load_rules
from store.inbox import Inbox
from store.journal import Forecast, Guess, Journals
from store.models import ModelShelf
from store.outcomes import Lesson, Outcomes, Row, Verdict
from store.rulebook import RulebookShelf
from tests.conftest import ISSUE
from trackers.model import Subject, SubjectKind
from workers.clock import Clock
from workers.learning import Learnt, asked_by, bring_back, live, relearn, remember, returning, serving_by
from workers.rules_in_force import LiveRules, RulesFile

ROW = Row("2026-03-02T09:00:00+00:00", "m1", "labels", "ABC", "ui", 0.9, applied=True, right=True)


@pytest.fixture
def outcomes(redis: Redis) -> Outcomes:
    return Outcomes(redis)


def teach(redis: Redis, *rows: Row) -> None:
    """Let issues end as ``rows`` say."""
    outcomes, journals = Outcomes(redis), Journals(redis)
    begin = sum(outcomes.ever().values())
    for number, row in enumerate(rows, begin):
        subject = Subject("acme", SubjectKind.ISSUE, f"n{number}")
        journals.note_vetoes(subject, {"x": "event"})
        verdict = Verdict.CONFIRMED if row.right else Verdict.CORRECTED
        outcomes.settle(subject, [Lesson(verdict if row.applied else Verdict.SEEN, row)])


def wrong(count: int, **more: str) -> list[Row]:
    return [replace(ROW, right=False, **more) for _ in range(count)]  # type: ignore[arg-type]


def right(count: int, **more: str) -> list[Row]:
    return [replace(ROW, **more) for _ in range(count)]  # type: ignore[arg-type]


def of_many_labels(*rows: Row) -> list[Row]:
    """The same outcomes, so few of each label that none is muted."""
    return [replace(row, tag=f"label {number % 5}") for number, row in enumerate(rows)]


def guesses(redis: Redis) -> list[tuple[str, float, bool]]:
    kept = Journals(redis).read(ISSUE).forecasts["labels"].guesses
    return [(guess.tag, guess.p, guess.applied) for guess in kept]


def forecast(*found: tuple[str, float, bool]) -> Forecast:
    return Forecast("m1", "labels", "ABC", tuple(Guess(tag, tag, p, applied) for tag, p, applied in found))


def test_what_was_put_on_is_remembered_and_what_is_likely(redis: Redis) -> None:
    many = [(f"t{number}", 0.4 - number / 100, False) for number in range(12)]
    remember(Journals(redis), ISSUE, forecast(*many, ("low", 0.0499, False), ("ui", 0.87654, True)))
    kept = guesses(redis)
    assert kept[:2] == [("ui", 0.877, True), ("t0", 0.4, False)]
    assert len(kept) == 10
    remember(Journals(redis), ISSUE, forecast(("ui", 0.5, False), ("docs", 0.3, False), ("low", 0.01, False)))
    assert guesses(redis) == [("ui", 0.877, True), ("docs", 0.3, False)]


def test_a_label_that_is_wrong_too_often_is_muted_and_the_admin_told_once(
    redis: Redis, outcomes: Outcomes
) -> None:
    teach(redis, *wrong(9), *right(3, tag="docs"))
    with structlog.testing.capture_logs() as logs:
        relearn(outcomes)
        assert outcomes.standing("acme", "labels").muted == {}, "nine outcomes are too few"
        teach(redis, *wrong(10))
        relearn(outcomes)
        teach(redis, *wrong(10))
        relearn(outcomes)
    assert list(outcomes.standing("acme", "labels").muted) == ["ui"]
    told = [log for log in logs if log["event"] == "label muted"]
    assert [(log["connection"], log["label"], log["right"], log["total"]) for log in told] == [
        ("acme", "ui", 0, 19)
    ]
    assert told[0]["log_level"] == "warning"


def test_it_depends_on_what_is_asked(redis: Redis, outcomes: Outcomes) -> None:
    teach(redis, *wrong(8), *right(12))
    relearn(outcomes, lambda connection, target, projects: 0.5)
    assert outcomes.standing("acme", "labels").muted == {}
    teach(redis, *wrong(4), *right(6))
    seen = []

    def asked(connection: str, target: str, projects: Collection[str]) -> float:
        seen.append((connection, target, set(projects)))
        return 0.9

    relearn(outcomes, asked)
    assert seen == [("acme", "labels", {"ABC"})]
    assert list(outcomes.standing("acme", "labels").muted) == ["ui"]


def test_the_mildest_of_the_projects_rules_decides(redis: Redis) -> None:
    asked = asked_by(LiveRules(RulebookShelf(redis)))
    assert asked("acme", "labels", ["ABC"]) == 0.85, "no rules yet"
    text = b"""
version: 1
defaults: {tagging: {learned: {precision: 0.9, components_precision: 0.75}}}
projects: {ABC: {tagging: {learned: {precision: 0.7}}}}
"""
    RulebookShelf(redis).publish(load_rules(text, "rules.yaml").version_id, text)
    assert asked("acme", "labels", ["XYZ"]) == 0.9
    assert asked("acme", "labels", ["XYZ", "ABC"]) == 0.7
    assert asked("acme", "components", ["XYZ", "ABC"]) == 0.75


def test_the_clock_learns_by_the_rules_in_force(redis: Redis, outcomes: Outcomes, tmp_path: Path) -> None:
    teach(redis, *wrong(12), *right(8))
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\ndefaults: {tagging: {learned: {precision: 0.5}}}\n")
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    Clock(redis, inbox, RulesFile(rules, RulebookShelf(redis))).tick()
    assert outcomes.standing("acme", "labels").learnt_from == 20
    assert outcomes.standing("acme", "labels").muted == {}
    teach(redis, *wrong(10))
    rules.write_text("version: 1\ndefaults: {tagging: {learned: {precision: 0.9}}}\n")
    Clock(redis, inbox, RulesFile(rules, RulebookShelf(redis))).tick()
    assert list(outcomes.standing("acme", "labels").muted) == ["ui"]


def test_few_news_are_not_worth_working_out(redis: Redis, outcomes: Outcomes) -> None:
    teach(redis, *right(9))
    relearn(outcomes)
    assert outcomes.standing("acme", "labels").learnt_from == 0
    teach(redis, *right(1))
    relearn(outcomes)
    assert outcomes.standing("acme", "labels").learnt_from == 10
    teach(redis, *right(9))
    relearn(outcomes)
    assert outcomes.standing("acme", "labels").learnt_from == 10


def test_corrections_move_the_chances_down_most_where_they_were_made(
    redis: Redis, outcomes: Outcomes
) -> None:
    teach(redis, *of_many_labels(*wrong(15), *right(15, project="XYZ")))
    relearn(outcomes)
    shift = Learnt(outcomes).shift("acme", "labels")
    assert shift.move(0.9, "ABC") < shift.move(0.9, "NEW") < 0.9
    assert shift.move(0.9, "ABC") < shift.move(0.9, "XYZ")


def test_outcomes_of_earlier_models_weigh_less(redis: Redis, outcomes: Outcomes) -> None:
    teach(redis, *of_many_labels(*wrong(10, model="m0"), *right(10, model="m1")))
    relearn(outcomes)
    mixed = Learnt(outcomes).shift("acme", "labels").shared
    redis.flushall()
    teach(redis, *of_many_labels(*wrong(10), *right(10)))
    relearn(outcomes)
    assert Learnt(outcomes).shift("acme", "labels").shared < mixed


def test_the_errors_of_an_earlier_model_do_not_move_its_successor_for_long(
    redis: Redis, outcomes: Outcomes
) -> None:
    sure = [replace(row, p=0.7) for row in right(300, model="m0")]
    teach(redis, *of_many_labels(*sure))
    relearn(outcomes)
    assert Learnt(outcomes).shift("acme", "labels").move(0.75, "ABC") > 0.9, "m0 was too modest"
    fair = [replace(row, p=0.75) for row in (*right(75), *wrong(25))]
    teach(redis, *[replace(row, tag=f"label {number % 25}") for number, row in enumerate(fair)])
    relearn(outcomes)
    assert Learnt(outcomes).shift("acme", "labels").move(0.75, "ABC") < 0.85, "m1 is not"


def test_a_model_that_begins_to_serve_is_not_moved_by_what_became_of_the_last_one(
    redis: Redis, outcomes: Outcomes
) -> None:
    models = ModelShelf(redis)
    serving = serving_by(models)
    assert serving("acme", "labels") is None

    def moved() -> float:
        return Learnt(outcomes).shift("acme", "labels").move(0.7, "ABC")

    models.stage(("acme", "labels"), "m1", b"m1", {})
    models.promote(("acme", "labels"), "m1")
    teach(redis, *of_many_labels(*[replace(row, p=0.7) for row in right(300)]))
    relearn(outcomes, serving=serving)
    before = moved()
    models.stage(("acme", "labels"), "m2", b"m2", {})
    models.promote(("acme", "labels"), "m2")
    relearn(outcomes, serving=serving)
    assert moved() < before - 0.005, "without a single outcome of its own"
    after = moved()
    teach(redis, *of_many_labels(*[replace(row, p=0.7) for row in right(5)]))
    relearn(outcomes, serving=serving)
    assert moved() == after, "once for each switch"


def test_a_muted_label_does_not_silence_the_others(redis: Redis, outcomes: Outcomes) -> None:
    teach(redis, *wrong(12), *right(3, tag="docs"))
    relearn(outcomes)
    assert list(outcomes.standing("acme", "labels").muted) == ["ui"]
    assert Learnt(outcomes).shift("acme", "labels").move(0.9, "ABC") >= 0.9
    bring_back(outcomes, "acme", "labels", {"ui": 0.95})
    teach(redis, *right(10, tag="docs", model="m2"))
    relearn(outcomes)
    told = "what came before a label's return counts for the others as little as for itself"
    assert Learnt(outcomes).shift("acme", "labels").move(0.9, "ABC") >= 0.9, told


def test_what_was_not_put_on_has_no_live_precision() -> None:
    rows = [*right(2), *wrong(1), replace(ROW, tag="docs", applied=False)]
    found = live(rows)
    assert {tag: (tally.right, tally.total) for tag, tally in found.items()} == {"ui": (2, 3)}
    assert live(rows, {"ui": {"m1": ""}}) == {}


def test_a_process_looks_at_most_every_half_minute(redis: Redis, outcomes: Outcomes) -> None:
    time = [0.0]
    learnt = Learnt(outcomes, now=lambda: time[0])
    assert learnt.muted("acme", "labels") == frozenset()
    assert learnt.shift("acme", "labels").move(0.9, "ABC") == 0.9
    outcomes.mute("acme", "labels", "ui", "why")
    time[0] = 29.9
    assert learnt.muted("acme", "labels") == frozenset()
    assert learnt.muted("acme", "components") == frozenset()
    time[0] = 30.0
    assert learnt.muted("acme", "labels") == {"ui"}
    assert learnt.muted("acme", "components") == frozenset()


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        ({"ui": 0.85}, {"ui"}),
        ({"ui": 0.84}, set()),
        ({"ui": None}, set()),
        ({"docs": 0.9}, set()),
        ({}, set()),
    ],
)
def test_a_muted_label_returns_with_a_model_that_is_good_at_it(
    precision: dict[str, float | None], expected: set[str]
) -> None:
    assert returning({"ui"}, precision, 0.85) == expected


def test_a_label_that_returned_is_judged_by_the_new_model_alone(redis: Redis, outcomes: Outcomes) -> None:
    teach(redis, *wrong(20))
    relearn(outcomes)
    assert bring_back(outcomes, "acme", "labels", {"ui": 0.95, "docs": 0.95}) == {"ui"}
    teach(redis, *wrong(10), *wrong(9, model="m2"))
    relearn(outcomes)
    assert outcomes.standing("acme", "labels").muted == {}, "late news of the old model"
    teach(redis, *wrong(10, model="m2"))
    relearn(outcomes)
    assert list(outcomes.standing("acme", "labels").muted) == ["ui"]


def test_a_clock_that_learns_loads_nothing_that_trains() -> None:
    code = "import sys, workers.clock, classifiers.shifts; print({'scipy', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
