"""Figures of answers against the truth, counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classifiers.evaluate import (
    Answered,
    Evaluation,
    Marks,
    Proposed,
    evaluate,
    first_right,
    from_honest,
    relined,
)
from classifiers.examples import Example, Filed
from classifiers.facts import facts_of, read_facts
from classifiers.figures import metrics, told
from classifiers.head import Honest
from classifiers.intervals import Share
from classifiers.tagger import Answer, Scored


def example(number: int, truth: str, project: str = "ABC") -> Example:
    tags = tuple(truth.split())
    return Example(f"{project}-{number}", Filed(project, "Export hangs", ""), float(number), tags)


def answered(number: int, truth: str, *said: str, project: str = "ABC") -> Answered:
    """``said`` such as ``api .9 *``: a tag, its chance and, if it was applied, a star."""
    proposed = []
    for one in said:
        tag, p, *star = one.split()
        proposed.append(Proposed(tag, float(p), bool(star)))
    return Answered(example(number, truth, project), tuple(proposed))


FOUR = [
    answered(1, "api docs", "api .95 *", "docs .85 *", "slow .1"),
    answered(2, "docs", "api .85 *", "docs .45"),
    answered(3, "slow", "api .35", "docs .2", "slow .15"),
    answered(4, "", "api .25"),
]


def test_what_was_applied_is_counted_against_all_that_is_true() -> None:
    found = evaluate(FOUR)
    assert found.marks == Marks(right=2, applied=3, true=4)
    assert found.marks.precision.value == pytest.approx(2 / 3)
    assert found.marks.recall.value == 0.5
    assert found.marks.f1 == pytest.approx(2 * 2 / 7)
    assert found.coverage == Share(2, 4)


def test_each_tag_has_its_own_figures_most_used_first() -> None:
    found = evaluate(FOUR)
    assert list(found.tags.items()) == [
        ("docs", Marks(1, 1, 2)),
        ("api", Marks(1, 2, 1)),
        ("slow", Marks(0, 0, 1)),
    ]
    # F1: docs 2/3, api 2/3, slow 0.
    assert found.macro_f1 == pytest.approx(4 / 9)


def test_an_issue_without_a_tag_has_no_first() -> None:
    found = evaluate(FOUR)
    assert found.first == Share(1, 3)
    assert found.among_three == Share(3, 3)
    assert first_right(FOUR, 2) == Share(2, 3)


def test_a_tag_on_an_issue_that_fits_none_is_wrong() -> None:
    assert evaluate([answered(1, "", "api .9 *")]).marks == Marks(0, 1, 0)


def test_best_chances_are_held_against_the_truth() -> None:
    found = evaluate(FOUR)
    assert [(one.low, one.got) for one in found.reliability] == [
        (0.2, Share(0, 1)),
        (0.3, Share(0, 1)),
        (0.8, Share(0, 1)),
        (0.9, Share(1, 1)),
    ]
    assert found.calibration_error == pytest.approx((0.25 + 0.35 + 0.85 + 0.05) / 4)


def test_a_certain_chance_is_in_the_last_bin() -> None:
    (only,) = evaluate([answered(1, "api", "api 1 *")]).reliability
    assert (only.low, only.high, only.got) == (0.9, 1.0, Share(1, 1))


def served(project: str, right: int, wrong: int, silent: int = 0) -> list[Answered]:
    said = ["api .9 *"] * (right + wrong) + ["api .3"] * silent
    truth = ["api"] * right + ["docs"] * (wrong + silent)
    pairs = enumerate(zip(truth, said, strict=True))
    return [answered(i, true, one, project=project) for i, (true, one) in pairs]


def test_a_project_surely_served_worse_is_named() -> None:
    answers = served("ABC", 90, 10) + served("OPS", 24, 16) + served("WEB", 8, 2, silent=60)
    rows = {row.project: row for row in evaluate(answers).projects}
    assert (rows["OPS"].less_precise, rows["OPS"].less_served) == (True, False)
    assert (rows["WEB"].less_precise, rows["WEB"].less_served) == (False, True)
    assert not rows["ABC"].less_precise and not rows["ABC"].less_served
    assert (rows["OPS"].marks, rows["OPS"].first) == (Marks(24, 40, 40), Share(24, 40))


def test_few_answers_accuse_no_project() -> None:
    rows = evaluate(served("ABC", 90, 10) + served("OPS", 2, 2)).projects
    assert not any(row.less_precise for row in rows)


def test_among_many_projects_one_must_stand_out_more() -> None:
    others = [row for name in "BCDEFGHIJK" for row in served(name, 90, 10)]
    weak = served("A", 81, 19)
    assert evaluate(weak + served("B", 900, 100)).projects[0].less_precise
    assert not any(row.less_precise for row in evaluate(weak + others).projects)


def test_one_project_alone_is_compared_with_nothing() -> None:
    (row,) = evaluate(served("ABC", 1, 30)).projects
    assert not row.less_precise and not row.less_served


def test_a_promise_is_kept_while_its_interval_reaches_it() -> None:
    assert evaluate(served("ABC", 15, 5), asked=0.8).keeps_promise
    assert evaluate(served("ABC", 150, 50), asked=0.85).keeps_promise is False
    assert evaluate(served("ABC", 0, 0, silent=5), asked=0.8).keeps_promise is None
    assert evaluate(served("ABC", 15, 5)).keeps_promise is None


def test_the_tagger_s_answer_can_be_judged() -> None:
    scored = Scored(tag="api", p=0.9, threshold=0.8, applied=True, because=())
    assert Answered.of(example(1, "api"), Answer((scored,))) == answered(1, "api", "api .9 *")


def test_answers_of_a_trial_come_best_first_and_miss_no_silent_issue() -> None:
    honest = Honest(
        np.array([2, 2, 0, 0, 2], dtype=np.int32),
        np.array([0, 1, 0, 1, 2], dtype=np.int32),
        np.array([0.25, 0.75, 0.001, 0.005, 0.25], dtype=np.float32),
        np.array([False, True, False, False, False]),
    )
    examples = [example(0, ""), example(1, "api"), example(2, "docs")]
    assert from_honest(examples, honest, ("api", "docs", "slow")) == [
        Answered(examples[0], ()),
        answered(2, "docs", "docs .75", "api .25", "slow .25"),
    ]


def test_answers_can_be_held_to_another_line() -> None:
    one = answered(1, "api", "api .9 *", "docs .8", "slow .7", "web .2")
    assert [item.applied for item in relined([one], 0.7)] == [("api", "docs", "slow")]
    assert [item.applied for item in relined([one], 0.7, most=1)] == [("api",)]
    assert [item.applied for item in relined([one], None)] == [()]
    uses = {"ABC": {"api": 2, "docs": 3, "slow": 9}}
    assert [item.applied for item in relined([one], 0.1, most=1, uses=uses, min_uses=3)] == [("docs",)]


def test_nothing_answered_gives_no_figures() -> None:
    found = evaluate([])
    assert found.marks.precision.value is None
    assert (found.macro_f1, found.calibration_error) == (0.0, 0.0)
    assert "precision  got -" in told(found)


def test_the_figures_are_printed_in_columns() -> None:
    lines = told(evaluate(FOUR, asked=0.8))
    assert lines[0] == "4 issues, 2 of them with a tag applied (50 %)"
    assert lines[1] == "precision  asked 0.80, got 0.67 (0.21 to 0.94)"
    assert "docs  2     1        1.00 (0.21 to 1.00)  0.50 (0.09 to 0.91)  0.67" in lines
    assert "slow  1     0        -                    0.00 (0.00 to 0.79)  0.00" in lines


def test_the_figures_are_given_to_machines() -> None:
    found = json.loads(json.dumps(metrics(evaluate(FOUR, asked=0.8))))
    assert (found["issues"], found["coverage"], found["asked"]) == (4, 0.5, 0.8)
    assert found["precision_interval"] == pytest.approx([0.2077, 0.9385], abs=1e-4)
    assert found["tags"]["api"]["precision"] == 0.5
    assert found["tags"]["slow"]["precision"] is None
    assert found["tags"]["slow"]["precision_interval"] is None
    assert found["projects"]["ABC"]["first_right"] == pytest.approx(1 / 3)
    assert found["reliability"][-1] == {"low": 0.9, "high": 1.0, "said": 0.95, "right": 1, "of": 1}


def test_figures_survive_their_file() -> None:
    found = evaluate(FOUR, asked=0.8)
    assert read_facts(Evaluation, facts_of(found)) == found
