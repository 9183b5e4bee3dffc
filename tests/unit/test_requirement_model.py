"""The model of requirement lines: what it learnt from, that it is what the fit gives, who overrules it."""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from itertools import combinations
from typing import Any

import pytest

from classifiers.json_lines import BadLine
from classifiers.requirement_lines import LabelledLine, read_lines, shipped_lines
from classifiers.requirement_model import LineJudge, LineModel, shipped, signs_of
from classifiers.requirements import words_of
from classifiers.requirements_fit import PRECISION, fit
from rules.sprint_rules import LineKind

LINES = shipped_lines()


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    path = resources.files("classifiers").joinpath("shipped", "requirements.json")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def fitted() -> tuple[LineModel, dict[str, float]]:
    return fit(LINES)


def test_there_are_many_lines_of_each_kind_on_many_subjects() -> None:
    kinds = Counter(line.kind for line in LINES)
    assert len(LINES) >= 420
    assert min(kinds.values()) >= 0.6 * max(kinds.values())
    assert len({line.about for line in LINES}) >= 30


def test_every_shipped_line_can_be_read() -> None:
    path = resources.files("classifiers").joinpath("requirement_lines.jsonl")
    assert not [line for line in read_lines(path.read_bytes().splitlines(), "") if isinstance(line, BadLine)]


def test_no_two_lines_say_nearly_the_same() -> None:
    said = [(frozenset(words_of(line.line)), line.line) for line in LINES]
    assert all(words for words, _ in said)
    alike = [
        (one, other)
        for (words, one), (others, other) in combinations(said, 2)
        if len(words & others) > 0.5 * len(words | others)
    ]
    assert alike == []


def test_the_shipped_model_is_what_the_fit_gives(
    facts: dict[str, Any], fitted: tuple[LineModel, dict[str, float]]
) -> None:
    model = fitted[0]
    assert facts["sure"] == model.sure
    assert set(facts["weights"]) == set(model.weights)
    assert facts["intercepts"] == pytest.approx(model.intercepts, abs=0.011)
    for sign, weights in model.weights.items():
        assert facts["weights"][sign] == pytest.approx(weights, abs=0.011)


def test_the_figures_in_the_file_are_those_of_the_cross_validation(
    facts: dict[str, Any], fitted: tuple[LineModel, dict[str, float]]
) -> None:
    figures = fitted[1]
    assert {name: facts["cross_validated"][name] for name in figures} == pytest.approx(figures, abs=0.006)
    assert figures["precision"] == pytest.approx(PRECISION, abs=0.02)
    told = facts["learnt_from"]
    assert (told["lines"], told["demand"]) == (
        len(LINES),
        sum(line.kind is LineKind.DEMAND for line in LINES),
    )


def test_chances_add_up_and_rounding_changes_no_judgement_that_is_not_close(
    fitted: tuple[LineModel, dict[str, float]],
) -> None:
    rounded = shipped().model
    for line in LINES:
        chances, exact = rounded.chances(line.line), fitted[0].chances(line.line)
        assert sum(chances.values()) == pytest.approx(1)
        assert chances == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Users should be able to choose the language of the invoice", LineKind.DEMAND),
        ("Send a reminder to the owner when the contract ends", LineKind.DEMAND),
        ("The report must also contain closed accounts", LineKind.DEMAND),
        ("Does this concern the beta customers as well?", LineKind.CLARIFICATION),
        ("I think this is because of the proxy, as we discussed yesterday", LineKind.CLARIFICATION),
        ("Thanks, Ida", LineKind.FORMATTING),
        ("Mockup: https://example.org/m.png", LineKind.FORMATTING),
    ],
)
def test_plain_cases(line: str, kind: LineKind) -> None:
    assert shipped().judge(line) is kind


def test_unsure_is_a_clarification() -> None:
    model = shipped().model
    wavering = [line.line for line in LINES if 0.5 < model.demand(line.line) < model.sure]
    assert wavering
    assert {model.judge(line) for line in wavering} == {LineKind.CLARIFICATION}


def test_a_line_in_words_never_met_is_no_demand() -> None:
    assert shipped().model.demand("Brukeren skal kunne velge språk") == 0.0
    assert shipped().judge("Brukeren skal kunne velge språk") is LineKind.CLARIFICATION
    assert shipped().model.demand("!!!") == 0.0


def test_signs_are_words_the_first_one_and_looks() -> None:
    assert signs_of("see [the list](https://example.org/l): v2?") == [
        *("see", "the", "list", "v2", "^see"),
        *("~?", "~link", "~file", "~bars", "~figure", "~small", "~3"),
    ]


def test_a_model_survives_being_written() -> None:
    model = shipped().model
    assert LineModel.from_facts(json.loads(json.dumps(model.to_facts()))) == model
    with pytest.raises(ValueError, match="apart"):
        LineModel.from_facts({**model.to_facts(), "kinds": ["demand"]})


LINE = "Export the monthly list of open invoices as PDF with the logo"


def corrected(*lines: tuple[str, LineKind]) -> LineJudge:
    return shipped().with_corrections(LabelledLine(line, kind) for line, kind in lines)


def test_a_correction_decides_for_its_line_at_once() -> None:
    before = shipped().judge(LINE)
    for kind in LineKind:
        judge = corrected((LINE, kind))
        assert judge.judge(LINE) is kind
        assert judge.judge(f"**{LINE.upper()}**") is kind
        assert judge.judge(LINE.replace("logo", "seal")) is kind
    assert shipped().judge(LINE) is before


def test_a_correction_says_nothing_about_other_lines() -> None:
    judge = corrected((LINE, LineKind.FORMATTING))
    for other in LINES:
        assert judge.judge(other.line) is shipped().judge(other.line)


def test_the_correction_most_alike_holds_and_of_two_of_one_line_the_later() -> None:
    near = LINE.replace("logo", "seal")
    judge = corrected((LINE, LineKind.FORMATTING), (near, LineKind.CLARIFICATION))
    assert (judge.judge(LINE), judge.judge(near)) == (LineKind.FORMATTING, LineKind.CLARIFICATION)
    again = judge.with_corrections([LabelledLine(LINE, LineKind.DEMAND)])
    assert (again.judge(LINE), again.judge(near)) == (LineKind.DEMAND, LineKind.CLARIFICATION)


def test_labelled_lines_of_an_admin_are_read_and_bad_ones_named() -> None:
    lines = [
        b'{"line": "Also as PDF", "kind": "demand"}',
        b"",
        b'{"line": "", "kind": "demand"}',
        b'{"line": "x", "kind": "new"}',
    ]
    good, empty, unknown = read_lines(lines, "lines.jsonl")
    assert good == LabelledLine("Also as PDF", LineKind.DEMAND)
    assert str(empty) == "lines.jsonl:3: line is empty."
    assert str(unknown) == (
        "lines.jsonl:4: kind is 'new'; it must be one of demand, clarification, formatting."
    )
