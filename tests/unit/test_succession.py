"""A trial kept beside a model, and a candidate held against the model that serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classifiers.evaluate import Answered, Proposed
from classifiers.examples import Example, Filed
from classifiers.head import Head
from classifiers.succession import Contender, succeed
from classifiers.trial import KEPT, newest, recall, trial_of
from tests.stand_in import PLAIN_LINES, SPEAKS, WordHead

WORDS = ("segfault", "invoice", "button", "endpoint")
TRUTH = {word: SPEAKS[word][0] for word in WORDS}


def example(number: int, project: str = "ABC") -> Example:
    word = WORDS[number % len(WORDS)]
    filed = Filed(project, f"The {word} on page {number}", "")
    return Example(f"{project}-{number}", filed, float(number), (TRUTH[word],))


def examples(count: int) -> list[Example]:
    return [example(number) for number in range(count)]


def said(head: Head, of: list[Example]) -> list[Answered]:
    found = []
    for one in of:
        reading = head.read(one.filed)
        pairs = sorted(zip(reading.tags, reading.p, strict=True), key=lambda pair: -pair[1])
        found.append(Answered(one, tuple(Proposed(tag, float(p), applied=False) for tag, p in pairs)))
    return found


def contender(head: Head, learnt: list[Example], **more: Any) -> Contender:
    window = {"first": learnt[0].created, "last": learnt[-1].created}
    manifest = {"thresholds": PLAIN_LINES.facts(), "window": window, "trial": trial_of(said(head, learnt))}
    return Contender(head, manifest | more)


GOOD = WordHead(SPEAKS)
CONFUSED = WordHead(
    {word: (TRUTH[other], 0.95) for word, other in zip(WORDS, WORDS[1:] + WORDS[:1], strict=True)}
)


def test_the_newest_quarter_of_each_project_is_kept_in_order() -> None:
    mixed = said(GOOD, [example(n) for n in (3, 1, 2, 0)] + [example(n, "OPS") for n in range(8)])
    assert [one.example.id for one in newest(mixed)] == ["ABC-3", "OPS-6", "OPS-7"]
    assert newest([]) == []
    assert len(newest(said(GOOD, examples(4 * KEPT + 400)))) == KEPT


def test_a_trial_is_recalled_for_the_same_issues_only() -> None:
    learnt = examples(40)
    trial = trial_of(said(GOOD, learnt))
    back = recall(trial, [*learnt, *(replace(one, id=f"X-{one.id}") for one in learnt)])
    assert [one.example.id for one in back] == [f"ABC-{n}" for n in range(30, 40)]
    assert back[0].proposed[0].tag == TRUTH[WORDS[30 % 4]] and back[0].applied == ()


def test_a_trial_holds_no_text_and_no_key() -> None:
    trial = repr(trial_of(said(GOOD, examples(40))))
    assert "ABC" not in trial and "page" not in trial


def test_without_a_serving_model_a_good_candidate_passes() -> None:
    learnt = examples(200)
    assert succeed(contender(GOOD, learnt), None, learnt, 0.85).passed


@pytest.mark.fault(46)
def test_a_worse_candidate_is_refused_with_a_report() -> None:
    learnt = examples(400)
    verdict = succeed(contender(CONFUSED, learnt), contender(GOOD, learnt[:380]), learnt, 0.85)
    assert not verdict.passed and "Refused" in verdict.sentences[-1]
    assert succeed(contender(GOOD, learnt), contender(CONFUSED, learnt[:380]), learnt, 0.85).passed


@pytest.mark.parametrize("last", [299.0, "1970-01-01T00:04:59+00:00"])
def test_the_serving_model_is_asked_afresh_only_about_what_it_never_learnt(last: float | str) -> None:
    learnt = examples(400)
    asked: list[str] = []

    class Listening(WordHead):
        def read(self, filed: Filed) -> Any:
            asked.append(filed.title)
            return super().read(filed)

    before = contender(GOOD, learnt[:300])
    serving = Contender(Listening(SPEAKS), {**before.manifest, "window": {"first": 0.0, "last": last}})
    verdict = succeed(contender(GOOD, learnt), serving, learnt, 0.85)
    assert asked == [one.filed.title for one in learnt[300:]]
    assert verdict.passed and verdict.figures["issues"] == 100
