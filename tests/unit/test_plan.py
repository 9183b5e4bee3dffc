"""From judgement to operations: labels. Comments are in ``test_plan_comments``."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from classifiers.tagging import Judgement, Proposal, Silent
from rules.matching import ProjectRules
from rules.schema import Mode
from store.journal import Journal
from tests.conftest import ToyPalette, issue
from trackers.linear.markup import render
from trackers.model import Issue, Label
from trackers.protocol import AddLabels, CreateLabel
from workers.decide import Because, Situation
from workers.plan import Plan, plan

RULES = ProjectRules(Mode.APPLY, timedelta(hours=1), False, False, False, 5, ())
BUG = Label("l1", "Bug", "Kind")
CHORE = Label("l2", "Chore", "Kind")
SLOW = Label("l3", "slow")
PALETTE = ToyPalette([BUG, CHORE, SLOW])


def proposal(label: str) -> Proposal:
    return Proposal(label, f"rule {label}", (f"the title says {label}",))


def judgement(*labels: str, over: tuple[str, ...] = ()) -> Judgement:
    return Judgement(tuple(map(proposal, labels)), tuple(map(proposal, over)), ())


def situated(now: Issue | None = None, *, vetoed: tuple[str, ...] = ()) -> Situation:
    return Situation(now or issue(), Journal(), dict.fromkeys(vetoed, "event"), frozenset(), {})


def planned(
    judged: Judgement, at: Situation | None = None, rules: ProjectRules = RULES, palette: ToyPalette = PALETTE
) -> Plan:
    return plan(judged, at or situated(), rules, palette, render)


def added(made: Plan) -> list[str]:
    return [label.id for item in made.operations if isinstance(item, AddLabels) for label in item.labels]


@pytest.mark.parametrize(
    ("mode", "dry", "verbs"),
    [
        (Mode.APPLY, False, ["add_labels"]),
        (Mode.DRY_RUN, True, ["add_labels"]),
        (Mode.SUGGEST, False, ["post_comment"]),
    ],
)
def test_each_mode_has_its_operations(mode: Mode, dry: bool, verbs: list[str]) -> None:
    made = planned(judgement("bug"), rules=replace(RULES, mode=mode))
    assert [item["do"] for item in made.to_json()["operations"]] == verbs
    assert made.dry is dry
    assert made.because is None


@pytest.mark.parametrize(
    ("why", "labels", "there", "expected"),
    [
        ("two of a group: the first wins", ["bug", "chore"], (), ["l1"]),
        ("and in the other order", ["chore", "bug"], (), ["l2"]),
        ("the issue has one of the group", ["bug"], (CHORE,), []),
        ("another group's or none is no rival", ["slow"], (CHORE,), ["l3"]),
        ("there already", ["bug"], (BUG,), []),
        ("there already by path", ["Kind/Bug"], (BUG,), []),
        ("there in another spelling", ["slow"], (Label("l9", "SLOW"),), []),
        ("the same name in another group is another label", ["slow"], (Label("l9", "slow", "G"),), ["l3"]),
        ("one label under two names is put on once", ["bug", "kind/bug"], (), ["l1"]),
    ],
)
def test_labels_are_added_beside_what_is_there(
    why: str, labels: list[str], there: tuple[Label, ...], expected: list[str]
) -> None:
    made = planned(judgement(*labels), situated(replace(issue(), labels=there)))
    assert added(made) == expected, why


def test_a_rival_is_named_in_the_reason() -> None:
    made = planned(judgement("bug"), situated(replace(issue(), labels=(CHORE,))))
    (held,) = made.withheld
    assert "Kind/Chore" in held.why
    assert made.because is Because.ALL_WITHHELD


def test_a_label_a_person_took_off_is_withheld() -> None:
    made = planned(judgement("bug", "slow"), situated(vetoed=("l1",)))
    assert added(made) == ["l3"]
    assert [(item.proposal.label, item.why) for item in made.withheld] == [
        ("bug", "a person took it off this issue")
    ]


def test_a_vetoed_label_does_not_stand_in_its_rivals_way() -> None:
    assert added(planned(judgement("bug", "chore"), situated(vetoed=("l1",)))) == ["l2"]


@pytest.mark.parametrize(
    ("allowed", "possible", "made_new"), [(True, True, ["new"]), (True, False, []), (False, True, [])]
)
def test_a_missing_label_is_made_only_where_that_is_allowed_and_possible(
    allowed: bool, possible: bool, made_new: list[str]
) -> None:
    rules = replace(RULES, create_labels=allowed)
    made = planned(judgement("new"), rules=rules, palette=replace(PALETTE, may_create=possible))
    created = [new for item in made.operations if isinstance(item, AddLabels) for new in item.new]
    assert created == [CreateLabel(name) for name in made_new]
    assert made.missing == ("new",), "the palette may be out of date, so the caller is told"
    assert bool(made.withheld) is not bool(made_new)


@pytest.mark.parametrize(
    ("most", "why"),
    [(1, "at most one label is put on an issue"), (3, "at most 3 labels are put on an issue")],
)
def test_what_is_over_the_limit_is_withheld_with_the_limit_in_the_reason(most: int, why: str) -> None:
    made = planned(judgement("bug", over=("slow",)), rules=replace(RULES, max_labels=most))
    assert added(made) == ["l1"]
    assert [item.why for item in made.withheld] == [why]


@pytest.mark.parametrize(
    ("labels", "there", "vetoed", "because"),
    [
        ([], (), (), Because.NOTHING_FITS),
        (["bug"], (BUG,), (), Because.ALL_THERE),
        (["bug"], (), ("l1",), Because.ALL_WITHHELD),
        (["bug", "slow"], (SLOW,), ("l1",), Because.ALL_WITHHELD),
    ],
)
def test_a_plan_without_operations_says_why(
    labels: list[str], there: tuple[Label, ...], vetoed: tuple[str, ...], because: Because
) -> None:
    made = planned(judgement(*labels), situated(replace(issue(), labels=there), vetoed=vetoed))
    assert made.operations == ()
    assert made.because is because


def test_the_tracker_is_asked_to_remember_all_we_ever_put_on_and_all_vetoes() -> None:
    at = replace(situated(vetoed=("l8",)), applied=frozenset({"l9"}))
    (operation,) = planned(judgement("bug"), at).operations
    assert isinstance(operation, AddLabels)
    assert operation.remember.applied == {"l1", "l9"}
    assert operation.remember.vetoed == {"l8"}


def test_a_plan_is_told_as_json() -> None:
    rules = replace(RULES, create_labels=True, comment=True)
    at = situated(replace(issue(), labels=(SLOW,)), vetoed=("l2",))
    silent = (Silent("rule x", ("x",), ("the title does not say x",)),)
    judged = replace(judgement("bug", "slow", "chore", "new"), silent=silent)
    told = json.loads(json.dumps(planned(judged, at, rules).to_json()))
    assert told["mode"] == "apply"
    assert told["because"] is None
    assert told["labels"] == [
        {"label": "Kind/Bug", "source": "rule bug", "because": ["the title says bug"]},
        {"label": "new", "source": "rule new", "because": ["the title says new"]},
    ]
    assert told["already"] == ["slow"]
    assert [(item["label"], item["why"]) for item in told["withheld"]] == [
        ("chore", "a person took it off this issue")
    ]
    add, comment = told["operations"]
    assert add == {
        "do": "add_labels",
        "labels": ["Kind/Bug", "new"],
        "create": ["new"],
        "because": {"Kind/Bug": ["the title says bug"], "new": ["the title says new"]},
    }
    assert (comment["do"], comment["topic"]) == ("post_comment", "labels")


def test_a_label_taken_off_is_not_put_back_in_other_capitals() -> None:
    upper = Label("Security", "Security")
    palette = ToyPalette([upper])
    made = plan(judgement("Security"), situated(vetoed=("security",)), RULES, palette, render)
    assert made.operations == ()
    assert [item.why for item in made.withheld] == ["a person took it off this issue"]


def test_where_a_veto_may_be_missing_nothing_is_put_on() -> None:
    at = replace(situated(), unsure=True)
    made = plan(judgement("slow"), at, RULES, ToyPalette([SLOW]), render)
    assert made.operations == ()
    assert "too long" in made.withheld[0].why
