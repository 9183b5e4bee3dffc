"""What is kept of a run and what it adds to the counters."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from classifiers.tagging import Proposal
from rules.schema import Mode
from store.inbox import Batch
from tests.conftest import ISSUE, T0, hint
from trackers.model import Comment, Label, Memory
from trackers.protocol import AddLabels, Failure, PutComment, Written
from workers.apply import Applied
from workers.decide import Because
from workers.plan import Chosen, Plan
from workers.record import Ending, Outcome, counters, outcome_of, record

LABEL = Label("l1", "security")
ADD = AddLabels((LABEL,), (), Memory())
POST = PutComment("labels", "the whole text of the comment")
PLAN = Plan(
    Mode.APPLY,
    chosen=(Chosen(Proposal("security", "rule security", ("why",)), LABEL),),
    operations=(ADD, POST),
)
DONE = Applied((Written((LABEL,), Comment("c1", "labels")),))
REFUSED = Applied((Written((LABEL,), failures=(Failure(POST, "Locked."), Failure(POST, "Twice."))),))
BATCH = Batch(ISSUE, 7, (hint(updated=T0, actor="ada"),), 2, 0, "", timedelta(seconds=1.5))
TOOK = timedelta(milliseconds=20)


@pytest.mark.parametrize(
    ("why", "plan", "applied", "outcome", "because"),
    [
        ("applied", PLAN, DONE, Outcome.APPLIED, None),
        ("suggested", replace(PLAN, mode=Mode.SUGGEST), DONE, Outcome.SUGGESTED, None),
        ("dry", replace(PLAN, mode=Mode.DRY_RUN), Applied(), Outcome.DRY_RUN, Because.DRY_RUN),
        (
            "nothing, dry",
            Plan(Mode.DRY_RUN, because=Because.NOTHING_FITS),
            Applied(),
            Outcome.NOTHING,
            Because.NOTHING_FITS,
        ),
        (
            "nothing",
            Plan(Mode.APPLY, because=Because.ALL_THERE),
            Applied(),
            Outcome.NOTHING,
            Because.ALL_THERE,
        ),
        ("partly refused", PLAN, REFUSED, Outcome.PARTLY_REFUSED, None),
    ],
)
def test_how_a_run_ended(
    why: str, plan: Plan, applied: Applied, outcome: Outcome, because: Because | None
) -> None:
    ending = outcome_of(plan, applied)
    assert (ending.outcome, ending.because) == (outcome, because), why


def test_every_refusal_is_part_of_the_cause() -> None:
    assert outcome_of(PLAN, REFUSED).cause == "Locked. Twice."


def test_a_record_is_json_and_explains_the_run() -> None:
    ending = replace(outcome_of(PLAN, DONE), rules="v1")
    kept = json.loads(json.dumps(record(BATCH, ending, TOOK)))
    assert (kept["outcome"], kept["attempt"], kept["rules"]) == ("applied", 2, "v1")
    assert (kept["waited_ms"], kept["took_ms"]) == (1500, 20)
    assert kept["hints"] == [
        {"kind": "issue_created", "digest": "d0", "updated": T0.isoformat(), "actor": "ada"}
    ]
    assert kept["plan"]["labels"] == [{"label": "security", "source": "rule security", "because": ["why"]}]
    assert kept["written"] == {"labels": ["security"], "comment": "c1"}


def test_a_record_holds_no_comments_text() -> None:
    assert POST.body not in json.dumps(record(BATCH, outcome_of(PLAN, DONE), TOOK))


def test_a_record_of_a_refusal_names_it() -> None:
    kept = record(BATCH, outcome_of(PLAN, REFUSED), TOOK)
    assert kept["refused"] == ["Locked.", "Twice."]
    assert kept["written"] == {"labels": ["security"], "comment": None}


def test_a_run_without_a_plan_has_none_in_its_record() -> None:
    kept = record(BATCH, Ending(Outcome.IGNORED, Because.ECHO), TOOK)
    assert kept["because"] == "echo_of_our_own_write"
    assert "plan" not in kept
    assert "written" not in kept


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (outcome_of(PLAN, DONE), {"runs|acme|applied|": 1, "labels|acme": 1, "comments|acme": 1}),
        (outcome_of(PLAN, REFUSED), {"runs|acme|partly_refused|": 1, "labels|acme": 1}),
        (Ending(Outcome.IGNORED, Because.ECHO), {"runs|acme|ignored|echo_of_our_own_write": 1}),
        (Ending(Outcome.DEAD, cause="x"), {"runs|acme|dead|": 1}),
    ],
)
def test_what_is_counted(ending: Ending, expected: dict[str, int]) -> None:
    assert counters("acme", ending) == expected
