"""From learned proposals to operations: the same promises as for labels of the rules, and some more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from classifiers.examples import Target
from classifiers.head import Term
from classifiers.tagging import LEARNED, Chance, HeldBack, Judgement, Proposal, Reserve
from rules.matching import LearnedRules, ProjectRules
from rules.schema import Mode
from tests.conftest import ToyPalette, issue
from tests.unit.test_plan import BUG, RULES, added, proposal, situated
from trackers.jira.markup import render
from trackers.jira.service import JiraPalette
from trackers.model import component_label
from trackers.protocol import AddLabels, Palette, PutComment
from workers.apply import Applied
from workers.decide import Because, Situation
from workers.plan import Plan, plan
from workers.record import outcome_of

CHANCE = Chance(0.94123, 0.85, ("api", 0.12), (Term("segfault", 2.34567),))
TYPED = replace(issue(), type="Task")
TALKING = replace(RULES, comment=True)
SUGGEST = replace(RULES, mode=Mode.SUGGEST)


def learned(label: str, target: Target = Target.LABELS) -> Proposal:
    return Proposal(label, LEARNED, (f"past issues got {label}",), CHANCE, target)


def component(name: str) -> Proposal:
    return learned(component_label(name).id, Target.COMPONENTS)


def planned(
    *proposals: Proposal,
    rules: ProjectRules = RULES,
    at: Situation | None = None,
    palette: Palette | None = None,
    like: Proposal | None = None,
    reserves: tuple[Reserve, ...] = (),
) -> Plan:
    judged = Judgement(proposals, (), (), reserves, like)
    return plan(judged, at or situated(), rules, palette or JiraPalette(lambda: ["API", "Web shop"]), render)


def body(made: Plan) -> str | None:
    return next((item.body for item in made.operations if isinstance(item, PutComment)), None)


def test_labels_and_components_are_one_operation() -> None:
    made = planned(proposal("slow"), learned("crash"), component("api"))
    (operation,) = made.operations
    assert isinstance(operation, AddLabels)
    assert [label.id for label in operation.labels] == ["slow", "crash", "component API"]
    assert operation.remember.applied == {"slow", "crash", "component API"}


def test_a_component_the_issue_has_is_there_already() -> None:
    now = replace(issue(), components=("API",))
    made = planned(component("API"), at=situated(now))
    assert (made.operations, made.because) == ((), Because.ALL_THERE)


def test_a_label_of_a_components_name_is_not_the_component() -> None:
    made = planned(component("API"), at=situated(issue("x", "API")))
    assert added(made) == ["component API"]


def test_a_component_a_person_took_off_is_withheld() -> None:
    made = planned(component("API"), at=situated(vetoed=("component API",)))
    assert [item.why for item in made.withheld] == ["a person took it off this issue"]


def test_a_component_the_project_does_not_have_is_never_made() -> None:
    made = planned(component("Old part"), rules=replace(RULES, create_labels=True))
    assert made.operations == ()
    assert [item.why for item in made.withheld] == ["the tracker has no such component, and none is made"]


def test_a_learned_label_the_tracker_has_no_more_is_not_made_again() -> None:
    rules = replace(RULES, create_labels=True)
    made = planned(learned("given up"), rules=rules, palette=ToyPalette([BUG], may_create=True))
    assert made.operations == ()
    assert [item.why for item in made.withheld] == ["the tracker has no such label, and none is made"]


@pytest.mark.parametrize("never", ["bug", "kind/bug"])
def test_never_holds_for_a_label_under_its_name_and_its_path(never: str) -> None:
    rules = replace(RULES, learned=LearnedRules(never=frozenset({never})))
    made = planned(learned("Kind/Bug"), rules=rules, palette=ToyPalette([BUG]))
    assert [item.why for item in made.withheld] == ["the rules say never to apply it"]
    assert added(planned(proposal("bug"), rules=rules, palette=ToyPalette([BUG]))) == ["l1"], (
        "rules still may"
    )


def test_a_label_that_rule_and_model_mean_under_two_names_keeps_the_rules_reason() -> None:
    made = planned(proposal("bug"), learned("Kind/Bug"), palette=ToyPalette([BUG]))
    assert [item.proposal.source for item in made.chosen] == ["rule bug"]


def test_the_comment_tells_by_whose_word() -> None:
    assert str(body(planned(proposal("slow"), learned("crash"), rules=TALKING))).startswith(
        "These labels were added by the team's rules and because of what past issues got:"
    )
    assert str(body(planned(component("API"), rules=TALKING))).startswith("This component was added because")


@pytest.mark.parametrize(
    ("rules", "proposals", "speaks"),
    [
        (SUGGEST, (), True),
        (SUGGEST, (learned("crash"),), True),
        (TALKING, (learned("crash"),), True),
        (TALKING, (), False),
        (RULES, (learned("crash"),), False),
    ],
)
def test_a_type_is_remarked_upon_where_a_comment_is_written(
    rules: ProjectRules, proposals: tuple[Proposal, ...], speaks: bool
) -> None:
    made = planned(*proposals, rules=rules, at=situated(TYPED), like=learned("Bug", Target.TYPE))
    assert ("reads like the type *Bug*" in (body(made) or "")) is speaks
    assert made.to_json()["reads_like"]["label"] == "Bug", "the record has it in any case"
    assert all(not isinstance(item, AddLabels) for item in made.operations) or proposals


def test_a_remark_on_the_type_alone_ends_as_a_suggestion() -> None:
    made = planned(rules=SUGGEST, at=situated(TYPED), like=learned("Bug", Target.TYPE))
    assert made.because is None
    assert str(outcome_of(made, Applied()).outcome) == "suggested"


def test_everything_a_model_said_is_in_the_plans_json() -> None:
    reserves = (
        Reserve(Target.LABELS, held_back=(HeldBack(learned("api"), "below the line: 0.71, needed is 0.85"),)),
        Reserve(Target.COMPONENTS, "the issue says nothing"),
    )
    told = json.loads(json.dumps(planned(learned("crash"), reserves=reserves).to_json()))
    assert told["labels"] == [
        {
            "label": "crash",
            "source": "learned",
            "because": ["past issues got crash"],
            "chance": {
                "p": 0.9412,
                "threshold": 0.85,
                "runner_up": {"label": "api", "p": 0.12},
                "terms": [{"text": "segfault", "weight": 2.346}],
            },
        }
    ]
    labels, components = told["models"]
    assert (labels["target"], labels["abstained"]) == ("labels", None)
    assert [(held["label"], held["why"]) for held in labels["held_back"]] == [
        ("api", "below the line: 0.71, needed is 0.85")
    ]
    assert (components["target"], components["abstained"]) == ("components", "the issue says nothing")


def test_what_a_model_nearly_said_is_not_withheld_but_left_unsaid() -> None:
    reserves = (Reserve(Target.LABELS, held_back=(HeldBack(learned("api"), "below the line"),)),)
    made = planned(reserves=reserves)
    assert (made.withheld, made.because) == ((), Because.NOTHING_FITS)


def test_an_issue_tells_its_components_among_its_tags() -> None:
    now = replace(issue("x", "a"), components=("API",))
    assert [label.id for label in now.tags] == ["a", "component API"]
