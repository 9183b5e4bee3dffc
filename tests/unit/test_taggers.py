"""Models at work in a run: who is asked, what is done by their word, what is kept of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from classifiers.examples import Filed
from classifiers.head import Head, Reading
from classifiers.model_files import Content, pack, write_model
from classifiers.shifts import Shift
from rules.load import load_rules
from rules.matching import LearnedRules, ProjectRules
from rules.schema import LearnedTarget
from store import keys
from store.models import ModelShelf
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from tests.conftest import ISSUE, T0, Floor, changed, hint, issue, later, relabelled
from tests.stand_in import HEAD, MANIFEST, WordHead
from tests.unit.models import TOLD
from trackers.model import Memory, TrackerKind
from trackers.protocol import AddLabels
from workers.learning import Learnt
from workers.models_in_force import LiveModels, Loaded
from workers.record import Ending, Outcome
from workers.run import run
from workers.shop import Shop
from workers.taggers import Taggers, answers_of

RULES = b"""\
version: 1
defaults:
  mode: apply
  tagging:
    rules: [{label: security, title: {words: [xss]}}, {label: crash, title: {words: [dump]}}]
"""
PROJECT = load_rules(RULES, "rules.yaml").effective("acme", "ABC")
TEXT = "A segfault on the button when the page is slow"


@dataclass
class Serving:
    """Models by target, and how often each was asked for."""

    heads: dict[str, tuple[str, Head]]
    manifest: dict[str, Any] = field(default_factory=lambda: dict(MANIFEST))
    asked: Counter[str] = field(default_factory=Counter)

    def now(self, connection: str, target: str) -> Loaded | None:
        self.asked[target] += 1
        held = self.heads.get(target)
        return Loaded(held[0], held[1], self.manifest) if held else None


@dataclass
class Taught:
    moved: Shift = field(default_factory=Shift)
    held: frozenset[str] = frozenset()
    asked: int = 0

    def shift(self, connection: str, target: str) -> Shift:
        self.asked += 1
        return self.moved

    def muted(self, connection: str, target: str) -> frozenset[str]:
        return self.held


class Broken(WordHead):
    def read(self, filed: Filed) -> Reading:
        raise IndexError("nothing of what was read")


def ask(taggers: Taggers, rules: ProjectRules = PROJECT, kind: TrackerKind = TrackerKind.JIRA) -> list[str]:
    said = taggers.ask("acme", kind, issue(TEXT), rules)
    return [scored.tag for answer in answers_of(said).values() for scored in answer.applied]


PARTS = WordHead({"button": ("Web shop", 0.9)})


def test_each_serving_model_is_heard() -> None:
    taggers = Taggers(Serving({"labels": ("m1", HEAD), "components": ("m2", PARTS)}), Taught())
    assert ask(taggers) == ["ui", "crash", "Web shop"]


def test_where_no_model_serves_nobody_is_asked_what_people_taught() -> None:
    taught = Taught()
    assert ask(Taggers(Serving({}), taught)) == []
    assert taught.asked == 0


def test_linear_has_no_components_and_no_types() -> None:
    serving = Serving({"components": ("m2", PARTS)})
    assert ask(Taggers(serving, Taught()), kind=TrackerKind.LINEAR) == []
    assert set(serving.asked) == {"labels"}


@pytest.mark.parametrize(
    ("learned", "heard"),
    [
        (LearnedRules(enabled=False), []),
        (LearnedRules(targets=frozenset({LearnedTarget.COMPONENTS})), ["Web shop"]),
        (LearnedRules(precision=0.95), ["ui", "Web shop"]),
        (LearnedRules(components_precision=0.95), ["ui", "crash"]),
        (LearnedRules(never=frozenset({"ui"})), ["crash", "Web shop"]),
    ],
)
def test_the_admin_has_the_say(learned: LearnedRules, heard: list[str]) -> None:
    serving = Serving({"labels": ("m1", HEAD), "components": ("m2", PARTS)})
    assert ask(Taggers(serving, Taught()), replace(PROJECT, learned=learned)) == heard


def test_a_new_model_a_new_shift_and_a_new_mute_are_taken_up() -> None:
    serving, taught = Serving({"labels": ("m1", HEAD)}), Taught()
    taggers = Taggers(serving, taught)
    assert ask(taggers) == ["ui", "crash"]
    taught.held = frozenset({"crash"})
    assert ask(taggers) == ["ui"]
    taught.held, taught.moved = frozenset(), Shift(-5.0)
    assert ask(taggers) == []
    taught.moved = Shift()
    serving.heads["labels"] = ("m2", PARTS)
    assert ask(taggers) == ["Web shop"]


@pytest.mark.parametrize(
    "manifest", [{}, {"thresholds": {}, "least_known": 0.1}, {**MANIFEST, "least_known": "few"}]
)
def test_a_model_that_does_not_say_when_it_may_speak_is_not_heard(manifest: dict[str, Any]) -> None:
    assert ask(Taggers(Serving({"labels": ("m1", HEAD)}, manifest), Taught())) == []


class Endless(WordHead):
    def read(self, filed: Filed) -> Reading:
        raise JobTimeoutException("the time of the run is over")


def test_the_end_of_a_runs_time_is_no_fault_of_a_model() -> None:
    taggers = Taggers(Serving({"labels": ("m1", Endless({"x": ("y", 0.9)}))}), Taught())
    with pytest.raises(JobTimeoutException):
        ask(taggers)


def test_a_model_that_fails_does_not_keep_the_others_from_their_work() -> None:
    serving = Serving({"labels": ("m1", Broken({"x": ("y", 0.9)})), "components": ("m2", PARTS)})
    assert ask(Taggers(serving, Taught())) == ["Web shop"]


def go(floor: Floor, title: str, serving: Serving, taught: Taught | None = None) -> Ending:
    RulebookShelf(floor.redis).publish(load_rules(RULES, "rules.yaml").version_id, RULES)
    floor.tracker.now = issue(title)
    floor.offer(hint())
    taggers = Taggers(serving, taught or Taught())
    ending = run(replace(floor.shop, taggers=taggers), ISSUE, floor.token())
    assert ending is not None
    return ending


def written(floor: Floor) -> list[str]:
    return [label.id for op in floor.tracker.writes if isinstance(op, AddLabels) for label in op.labels]


BOTH: dict[str, tuple[str, Head]] = {"labels": ("m1", HEAD), "components": ("m2", PARTS)}


def test_a_run_puts_on_what_rules_and_models_say_in_one_write(floor: Floor) -> None:
    ending = go(floor, f"XSS: {TEXT}", Serving(BOTH))
    assert ending.outcome is Outcome.APPLIED
    assert written(floor) == ["security", "ui", "crash", "component Web shop"]
    assert len(floor.tracker.writes) == 1
    (kept,) = floor.shop.decisions.of(ISSUE)
    assert [label.get("chance", {}).get("p") for label in kept["plan"]["labels"]] == [None, 0.97, 0.94, 0.9]
    assert kept["plan"]["models"][0]["held_back"][0]["label"] == "performance"


def test_a_run_keeps_the_answers_to_learn_from(floor: Floor) -> None:
    go(floor, TEXT, Serving(BOTH))
    held = floor.shop.journals.read(ISSUE).forecasts
    assert (held["labels"].model, held["labels"].project) == ("m1", "ABC")
    guesses = {guess.tag: (guess.label, guess.p, guess.applied) for guess in held["labels"].guesses}
    assert guesses["crash"] == ("crash", 0.94, True)
    assert guesses["performance"] == ("performance", 0.71, False)
    (part,) = held["components"].guesses
    assert (part.tag, part.label, part.applied) == ("Web shop", "component Web shop", True)


def test_chances_are_kept_as_the_model_gave_them(floor: Floor) -> None:
    go(floor, TEXT, Serving(BOTH), Taught(Shift(-0.4, {"ABC": 0.1})))
    (crash,) = [
        guess for guess in floor.shop.journals.read(ISSUE).forecasts["labels"].guesses if guess.tag == "crash"
    ]
    assert crash.p == pytest.approx(0.94, abs=0.001)


def test_what_a_rule_put_on_says_nothing_about_the_model(floor: Floor) -> None:
    go(floor, f"{TEXT}, dump", Serving(BOTH))
    held = floor.shop.journals.read(ISSUE).forecasts["labels"]
    assert "crash" in written(floor)
    assert "crash" not in [guess.tag for guess in held.guesses]


def test_a_dry_run_keeps_the_answers_as_not_put_on(floor: Floor) -> None:
    floor.rules("dry_run")
    floor.tracker.now = issue(TEXT)
    floor.offer(hint())
    run(replace(floor.shop, taggers=Taggers(Serving(BOTH), Taught())), ISSUE, floor.token())
    guesses = floor.shop.journals.read(ISSUE).forecasts["labels"].guesses
    assert {guess.tag for guess in guesses} >= {"crash", "ui"}
    assert not any(guess.applied for guess in guesses)


def test_a_run_that_died_before_it_kept_the_answers_is_made_up_for(floor: Floor) -> None:
    go(floor, TEXT, Serving(BOTH))
    assert floor.redis.hdel(keys.journal(ISSUE), "forecast:labels") == 1
    floor.offer(hint())
    taggers = Taggers(Serving(BOTH), Taught())
    run(replace(floor.shop, taggers=taggers), ISSUE, floor.token())
    held = {guess.tag: guess.applied for guess in floor.shop.journals.read(ISSUE).forecasts["labels"].guesses}
    assert held["crash"] is True


def test_a_write_that_only_the_tracker_remembers_is_made_up_for(floor: Floor) -> None:
    go(floor, TEXT, Serving(BOTH))
    # It died between the write and its note: Jira's property alone tells whose labels they are.
    floor.redis.delete(keys.journal(ISSUE))
    floor.tracker.memory = Memory(frozenset({"ui", "crash", "component Web shop"}))
    floor.tracker.now = replace(floor.tracker.now, components=("Web shop",))
    floor.offer(hint())
    run(replace(floor.shop, taggers=Taggers(Serving(BOTH), Taught())), ISSUE, floor.token())
    held = floor.shop.journals.read(ISSUE).forecasts
    put_on = [guess.tag for one in held.values() for guess in one.guesses if guess.applied]
    assert sorted(put_on) == ["Web shop", "crash", "ui"]


def test_an_edit_does_not_make_room_for_more_labels_than_an_issue_may_get(floor: Floor) -> None:
    go(floor, "A segfault on the button and the endpoint", Serving(BOTH))
    assert written(floor) == ["ui", "crash", "api", "component Web shop"]
    told = later(minutes=5)
    floor.tracker.now = replace(floor.tracker.now, title="The invoice is wrong in the shop", updated=told)
    floor.offer(changed("title", updated=told))
    run(replace(floor.shop, taggers=Taggers(Serving(BOTH), Taught())), ISSUE, floor.token())
    assert "billing" not in written(floor)
    kept = floor.shop.decisions.of(ISSUE)[0]["plan"]["withheld"]
    assert [(item["label"], item["why"]) for item in kept] == [
        ("billing", "enough others were put on before")
    ]
    left = tuple(label for label in floor.tracker.now.labels if label.id != "api")
    floor.tracker.now = replace(floor.tracker.now, labels=left, updated=later(minutes=9))
    floor.offer(
        relabelled(removed=["api"], updated=later(minutes=8)), changed("title", updated=later(minutes=9))
    )
    run(replace(floor.shop, taggers=Taggers(Serving(BOTH), Taught())), ISSUE, floor.token())
    assert written(floor)[-1] == "billing", "what a person took off makes room"


def test_without_models_a_run_keeps_nothing_more(floor: Floor) -> None:
    go(floor, f"XSS: {TEXT}", Serving({}))
    assert floor.shop.journals.read(ISSUE).forecasts == {}
    assert written(floor) == ["security"]


def test_models_cost_a_run_one_round_trip_and_where_none_serves_nothing(
    floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = floor.redis.connection_pool
    taken: list[str] = []
    lend = pool.get_connection

    def lent(*given: Any) -> Any:
        taken.append("trip")
        return lend(*given)

    monkeypatch.setattr(pool, "get_connection", lent)
    outcomes = Outcomes(floor.redis)
    shelf = ModelShelf(floor.redis)
    id_ = write_model(tmp_path / "m", Content(HEAD.pack(), {**TOLD, **MANIFEST}))

    def trips(shop: Shop, digest: str) -> int:
        floor.tracker.now = issue(f"XSS: {TEXT}")
        floor.redis.delete(keys.journal(ISSUE))
        floor.offer(hint(digest=digest))
        token = floor.token()
        taken.clear()
        assert run(shop, ISSUE, token) is not None
        return len(taken)

    models = LiveModels(shelf, tmp_path / "cache", opener=lambda packed: HEAD)
    shop = replace(floor.shop, taggers=Taggers(models, Learnt(outcomes)))
    RulebookShelf(floor.redis).publish(load_rules(RULES, "rules.yaml").version_id, RULES)
    trips(shop, "first")
    without = trips(shop, "within five seconds")
    assert written(floor) == ["security", "security"]
    place = ("acme", "labels")
    shelf.stage(place, id_, pack(tmp_path / "m"), {})
    shelf.promote(place, id_)
    models = LiveModels(shelf, tmp_path / "cache", opener=lambda packed: HEAD)
    shop = replace(floor.shop, taggers=Taggers(models, Learnt(outcomes)))
    trips(shop, "loads it")
    assert trips(shop, "has it") == without + 1
    assert written(floor)[-3:] == ["security", "ui", "crash"]


def test_a_newer_model_does_not_reword_what_still_stands(floor: Floor) -> None:
    talking = RULES.replace(b"tagging:", b"tagging:\n    comment: true")
    RulebookShelf(floor.redis).publish(load_rules(talking, "rules.yaml").version_id, talking)
    shop = replace(floor.shop, taggers=Taggers(Serving(dict(BOTH)), Taught()))
    floor.tracker.now = issue(TEXT, updated=T0)
    floor.offer(hint(updated=T0))
    run(shop, ISSUE, floor.token())
    assert "about 94 in 100" in floor.tracker.comments["c1"]
    newer = WordHead({**HEAD.speaks, "segfault": ("crash", 0.91)})
    shop = replace(floor.shop, taggers=Taggers(Serving({"labels": ("m9", newer)}), Taught()))
    floor.tracker.now = replace(floor.tracker.now, updated=later(minutes=5))
    floor.offer(relabelled(["urgent"], updated=later(minutes=5)))
    ending = run(shop, ISSUE, floor.token())
    assert ending is not None
    assert ending.outcome is Outcome.IGNORED
    assert "*crash*: issues" in floor.tracker.comments["c1"]
    assert "about 94 in 100" in floor.tracker.comments["c1"]
    left = tuple(label for label in floor.tracker.now.labels if label.id != "crash")
    floor.tracker.now = replace(floor.tracker.now, labels=left, updated=later(minutes=9))
    floor.offer(relabelled(removed=["crash"], updated=later(minutes=9)))
    run(shop, ISSUE, floor.token())
    assert "*crash*:" not in floor.tracker.comments["c1"], "what is gone is no longer told"
