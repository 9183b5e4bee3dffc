"""Who may take the serving model's place: by cases, and by simulation of equal and worse candidates."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classifiers.evaluate import Answered, Proposed
from classifiers.examples import Example, Filed
from classifiers.gate import judge
from classifiers.head import Honest
from classifiers.thresholds import Thresholds, learn_thresholds

TAGS = ("api", "docs", "slow")


def lines(p: float = 0.9, right: int = 95) -> Thresholds:
    """Of a model that was right ``right`` times of 100."""
    every = np.arange(100, dtype=np.int32)
    honest = Honest(every, np.zeros(100, np.int32), np.full(100, p, np.float32), every < right)
    return learn_thresholds(honest, exclusive=False)


def answered(number: int, tag: str, said: str | None, *, first: str | None = None) -> Answered:
    """An issue that is ``tag``; the model applies ``said``, or only thinks of ``first``."""
    example = Example(f"ABC-{number}", Filed("ABC", "Export hangs", ""), float(number), (tag,))
    if said is not None:
        return Answered(example, (Proposed(said, 0.9, True),))
    return Answered(example, (Proposed(first, 0.4, False),) if first else ())


def model(*groups: str) -> list[Answered]:
    """``90 api>api`` are 90 issues of the tag api that are tagged api; with a ``?`` the model only
    thinks of that tag and applies nothing."""
    found: list[Answered] = []
    for group in groups:
        count, said = group.split()
        tag, best = said.split(">")
        for _ in range(int(count)):
            sure = None if best.endswith("?") else best
            found.append(answered(len(found), tag, sure, first=best.rstrip("?")))
    return found


GOOD = model("90 api>api", "10 api>web", "20 api>api?", "60 docs>docs", "5 docs>web", "20 docs>docs?")
WORSE = model("60 api>api", "40 api>web", "20 api>api?", "40 docs>docs", "25 docs>web", "20 docs>docs?")


def test_without_a_serving_model_support_is_enough() -> None:
    verdict = judge(GOOD, None, lines(), 0.8)
    assert verdict.passed
    assert verdict.sentences == (
        "For an asked precision of 0.80 it got 0.95 (0.89 to 0.98) on issues it had not seen, with "
        "100 of 100 issues tagged.",
        "Passed: no model serves yet.",
    )


def test_a_model_that_could_only_be_silent_is_refused() -> None:
    for serving in (None, GOOD):
        verdict = judge(GOOD, serving, lines(right=40), 0.8)
        assert not verdict.passed
        assert "right 40 times of 100" in verdict.sentences[0]


def test_the_same_answers_pass() -> None:
    verdict = judge(GOOD, GOOD, lines(), 0.8)
    assert verdict.passed
    assert verdict.sentences[0].startswith("Compared on the 205 newest issues that both models answered")
    assert verdict.sentences[-1] == "Passed: it is not worse overall, nor on any tag."


@pytest.mark.fault(46)
def test_a_worse_model_is_refused_with_a_report() -> None:
    verdict = judge(WORSE, GOOD, lines(), 0.8)
    assert not verdict.passed
    # F1 = 2 · right / (applied + true): 200 / 370 and 300 / 370.
    assert "The F1 of the applied tags is worse: 0.54 against 0.81" in " ".join(verdict.sentences)
    assert "On the tag api it finds 0.50 (0.41 to 0.59) of the uses against 0.75 (0.67 to 0.82)." in (
        verdict.sentences
    )
    assert verdict.sentences[-1].startswith("Refused: it is worse overall, on api")
    assert verdict.sentences[-1].endswith("The serving model stays.")


def test_a_better_model_passes_and_says_so() -> None:
    verdict = judge(GOOD, WORSE, lines(), 0.8)
    assert verdict.passed
    assert "The F1 of the applied tags is better" in " ".join(verdict.sentences)


def test_one_tag_that_went_silent_is_enough() -> None:
    serving = model("400 api>api", "40 api>web", "38 docs>docs", "2 docs>docs?")
    candidate = model("418 api>api", "22 api>web", "20 docs>docs", "20 docs>docs?")
    verdict = judge(candidate, serving, lines(), 0.8)
    assert not verdict.passed
    assert verdict.figures["worse_tags"] == ["docs"]
    assert verdict.sentences[-1] == "Refused: it is worse on docs. The serving model stays."


def test_a_tag_put_where_it_does_not_belong_is_named() -> None:
    serving = model("300 api>api", "60 api>api?", "40 docs>docs")
    candidate = model("300 api>api", "60 api>docs", "40 docs>docs")
    verdict = judge(candidate, serving, lines(), 0.8)
    assert verdict.figures["worse_tags"] == ["docs"]
    assert "On the tag docs its precision is 0.40" in " ".join(verdict.sentences)


def test_bad_luck_on_one_of_the_tags_is_forgiven() -> None:
    serving = model("200 api>api", "40 api>web", "9 docs>docs", "1 docs>slow", "9 slow>slow")
    candidate = model("204 api>api", "36 api>web", "7 docs>docs", "3 docs>slow", "9 slow>slow")
    assert judge(candidate, serving, lines(), 0.8).passed


def test_less_precision_is_no_fault_while_it_is_what_was_asked() -> None:
    serving = model("300 api>api", "280 api>api?", "3 api>web", "120 api>web?")
    candidate = model("580 api>api", "45 api>web", "78 api>web?")
    verdict = judge(candidate, serving, lines(), 0.8)
    assert verdict.passed
    assert "The precision of the applied tags is lower, but still what was asked: 0.93 against 0.99" in (
        " ".join(verdict.sentences)
    )


def test_a_tag_may_lose_precision_while_it_surely_is_what_was_asked() -> None:
    serving = model("600 api>api", "400 docs>docs", "40 docs>web", "20 web>web?")
    candidate = model("600 api>api", "400 docs>docs", "40 docs>api", "20 web>web?")
    assert judge(candidate, serving, lines(), 0.8).passed
    assert judge(candidate, serving, lines(p=0.95), 0.93).figures["worse_tags"] == ["api"]


def test_a_model_that_mends_a_broken_promise_may_be_more_silent() -> None:
    serving = model("140 api>api", "110 api>web", "50 api>web?")
    candidate = model("70 api>api", "70 api>api?", "6 api>web", "154 api>web?")
    verdict = judge(candidate, serving, lines(), 0.85)
    assert verdict.passed
    assert "but the serving model breaks its promise and this one does not" in " ".join(verdict.sentences)


def test_a_tag_given_up_is_a_loss_only_where_the_promise_was_kept() -> None:
    silent = model("300 api>api", "60 api>api?", "40 docs>docs?")
    kept = model("300 api>api", "56 api>api?", "4 api>docs", "36 docs>docs", "4 docs>docs?")
    broken = model("300 api>api", "30 api>api?", "30 api>docs", "20 docs>docs", "20 docs>docs?")
    assert judge(silent, kept, lines(), 0.8).figures["worse_tags"] == ["docs"]
    assert judge(silent, broken, lines(), 0.8).figures["worse_tags"] == []


def test_only_issues_both_answered_are_compared() -> None:
    verdict = judge(GOOD, GOOD[:50], lines(), 0.8)
    assert verdict.figures["issues"] == 50
    alone = judge(GOOD, [answered(9999, "api", "api")], lines(), 0.8)
    assert alone.passed
    assert "no issue that both" in alone.sentences[-1]


def test_few_issues_refuse_only_what_is_surely_worse() -> None:
    serving = model("18 api>api", "2 api>web")
    assert judge(model("17 api>api", "3 api>web"), serving, lines(), 0.8).passed
    worse = judge(model("5 api>api", "15 api>web"), serving, lines(), 0.8)
    assert not worse.passed
    assert "worse overall" in worse.sentences[-1]


def test_many_issues_refuse_also_what_is_likely_worse() -> None:
    serving = model("30 api>api", "10 api>web?")
    candidate = model("25 api>api", "5 api>api?", "2 api>api", "8 api>web?")
    verdict = judge(candidate, serving, lines(), 0.8)
    assert verdict.figures["differences"][0]["high"] > 0
    assert verdict.sentences[-1] == "Refused: it is worse overall. The serving model stays."


def test_the_verdict_is_the_same_each_time_and_fits_json() -> None:
    one, two = judge(WORSE, GOOD, lines(), 0.8), judge(WORSE, GOOD, lines(), 0.8)
    assert one == two
    assert json.loads(json.dumps(one.figures))["line"] == lines().line(0.8)


def test_equal_models_mostly_pass_and_a_worse_one_does_not() -> None:
    dice = np.random.default_rng(11)
    equal = [judge(drawn(dice, 0.88), drawn(dice, 0.88), lines(), 0.8).passed for _ in range(6)]
    worse = [judge(drawn(dice, 0.70), drawn(dice, 0.88), lines(), 0.8).passed for _ in range(6)]
    assert sum(equal) >= 4
    assert sum(worse) == 0


def drawn(dice: np.random.Generator, rate: float) -> list[Answered]:
    """300 issues of three tags, half of them tagged, right at ``rate``."""
    found = []
    for i in range(300):
        tag = TAGS[i % 3]
        wrong = TAGS[(i + 1) % 3]
        best = tag if dice.random() < rate else wrong
        found.append(answered(i, tag, best if i % 2 else None, first=best))
    return found
