"""Committed issues that ask for more than at the start: two signs, or two new demands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from classifiers.grown import grown
from classifiers.requirement_lines import LabelledLine
from classifiers.requirement_model import LineJudge, shipped
from classifiers.requirements import fingerprint
from classifiers.sprint_judgement import Grown
from classifiers.sprint_memory import SprintMemory, Stay
from rules.sprint_rules import LineKind
from trackers.sprints import Stage

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = b"0123456789abcdef"
BEFORE = "- Export the list as PDF\n"
PASSWORD, PRICES, WHY = "Encrypt the export", "Include archived prices", "Dana asked for it"
ISSUE = Stay("1", "ABC-1", True, 3.0, 3.0, Stage.DOING, "2", lines=fingerprint(BEFORE, KEY), rank=5)
CHILD = Stay("9", "ABC-9", False, None, None, Stage.TODO, "1", joined=START + timedelta(1), parent="1")


@pytest.fixture(scope="module")
def judge() -> LineJudge:
    known = {PASSWORD: LineKind.DEMAND, PRICES: LineKind.DEMAND, WHY: LineKind.CLARIFICATION}
    return shipped().with_corrections(LabelledLine(line, kind) for line, kind in known.items())


def told(judge: LineJudge, *lines: str, stays: Any = (ISSUE,)) -> tuple[Grown, ...]:
    memory = SprintMemory(START, stays={one.id: one for one in stays})
    return grown(memory, {"1": BEFORE + "".join(f"- {line}\n" for line in lines)}, KEY, judge)


def test_two_new_demands_are_told(judge: LineJudge) -> None:
    assert told(judge, PASSWORD, PRICES, WHY) == (Grown("ABC-1", 2, 0),)


def test_one_sign_alone_is_everyday_life(judge: LineJudge) -> None:
    assert told(judge) == ()
    assert told(judge, PASSWORD, WHY) == ()
    assert told(judge, stays=(ISSUE, CHILD, replace(CHILD, id="10"))) == ()
    assert told(judge, stays=(replace(ISSUE, points=8.0),)) == ()


def test_two_signs_are_told(judge: LineJudge) -> None:
    raised = replace(ISSUE, points=8.0)
    assert told(judge, PASSWORD, stays=(raised,)) == (Grown("ABC-1", 1, 0, 3.0, 8.0),)
    assert told(judge, PASSWORD, stays=(ISSUE, CHILD)) == (Grown("ABC-1", 1, 1),)
    assert told(judge, stays=(raised, CHILD)) == (Grown("ABC-1", 0, 1, 3.0, 8.0),)


def test_a_lowered_or_first_estimate_is_no_sign(judge: LineJudge) -> None:
    assert told(judge, PASSWORD, stays=(replace(ISSUE, points=1.0),)) == ()
    assert told(judge, PASSWORD, stays=(replace(ISSUE, first=None),)) == ()
    lowered = replace(ISSUE, points=1.0)
    assert told(judge, PASSWORD, PRICES, stays=(lowered,)) == (Grown("ABC-1", 2, 0, 3.0, 1.0),)


@pytest.mark.parametrize(
    "child",
    [replace(CHILD, committed=True), replace(CHILD, left=START), replace(CHILD, stage=Stage.DROPPED)],
)
def test_sub_tasks_of_the_plan_and_those_taken_back_are_no_sign(judge: LineJudge, child: Stay) -> None:
    assert told(judge, PASSWORD, stays=(ISSUE, child)) == ()


@pytest.mark.parametrize(
    "other",
    [
        replace(ISSUE, committed=False),
        replace(ISSUE, left=START),
        replace(ISSUE, stage=Stage.DONE),
        replace(ISSUE, stage=Stage.DROPPED),
        replace(ISSUE, subtask=True),
        replace(ISSUE, lines=None),
    ],
)
def test_only_open_commitments_whose_text_was_known_are_looked_at(judge: LineJudge, other: Stay) -> None:
    assert told(judge, PASSWORD, PRICES, stays=(other,)) == ()


def test_they_come_in_the_sprints_own_order(judge: LineJudge) -> None:
    first = replace(ISSUE, id="2", key="ABC-2", rank=1)
    memory = SprintMemory(START, stays={one.id: one for one in (ISSUE, first)})
    text = f"{BEFORE}- {PASSWORD}\n- {PRICES}"
    assert [one.key for one in grown(memory, {"1": text, "2": text}, KEY, judge)] == ["ABC-2", "ABC-1"]
    assert [one.key for one in grown(memory, {"1": text}, KEY, judge)] == ["ABC-1"]
