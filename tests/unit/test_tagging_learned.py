"""What was learnt beside the rules: what is proposed, what a model keeps to itself, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.examples import Target
from classifiers.head import Term
from classifiers.tagger import Tagger
from classifiers.tagging import Judgement, Proposal, asked, filed, judge
from rules.load import load_rules
from rules.matching import ProjectRules
from tests.conftest import issue
from tests.stand_in import HEAD, SPEAKS, WordHead, tagger
from trackers.model import Issue

RULES = "[{label: Crash, title: {words: [segfault]}}, {label: docs, title: {words: [manual]}}]"


def rules(
    learned: str = "{}", own: str = "[{label: docs, title: {words: [manual]}}]", most: int = 5
) -> ProjectRules:
    text = f"version: 1\ndefaults: {{tagging: {{max_labels: {most}, learned: {learned}, rules: {own}}}}}"
    return load_rules(text.encode(), "rules.yaml").effective("acme", "ABC")


def judged(
    said: str | Issue, by: ProjectRules | None = None, labels: Tagger | None = None, **others: Tagger
) -> Judgement:
    by = by or rules()
    now = issue(said) if isinstance(said, str) else said
    taggers = {Target.LABELS: labels or tagger()} | {Target(name): one for name, one in others.items()}
    return judge(
        by, now, {target: one.answer(filed(now), asked(by, target)) for target, one in taggers.items()}
    )


def names(proposals: tuple[Proposal, ...]) -> list[str]:
    return [item.label for item in proposals]


def kept(found: Judgement) -> list[tuple[str, str]]:
    return [(item.proposal.label, item.why) for reserve in found.reserves for item in reserve.held_back]


def test_a_model_adds_what_no_rule_proposed_after_the_rules() -> None:
    found = judged("The manual: segfault on the page when a button is slow")
    assert names(found.proposals) == ["docs", "ui", "crash"]
    assert [item.source for item in found.proposals] == ["rule docs", "learned", "learned"]


def test_a_learned_proposal_tells_its_words_chance_line_and_rival() -> None:
    (proposal,) = judged("A segfault on the slow page").proposals
    assert proposal.because == (
        'issues that say "segfault" usually get it here '
        "(about 94 in 100; 85 are needed; next best: performance, 71 in 100)",
    )
    assert proposal.chance is not None
    assert (proposal.chance.p, proposal.chance.threshold) == (0.94, 0.85)
    assert proposal.chance.runner_up == ("performance", 0.71)
    assert [term.text for term in proposal.chance.terms] == ["segfault"]


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (["Segfault", "the page"], 'issues that say "Segfault" and "page" usually get it here (about'),
        (
            ["segfault", "the form's field Type says Bug"],
            "past issues like it usually got it here "
            '(it says "segfault"; the form\'s field Type says Bug; about',
        ),
        ([], "past issues like it usually got it here (about 94"),
        (["fault"], "past issues like it usually got it here (fault; about"),
        (["a", "on", "the", "page"], 'issues that say "page" usually'),
    ],
)
def test_words_that_stand_in_the_issue_are_quoted_and_others_told(terms: list[str], sentence: str) -> None:
    head = replace(HEAD, told={"crash": tuple(Term(text, 1.0) for text in terms)})
    (proposal,) = judged("A segfault on the page", labels=tagger(head)).proposals
    assert proposal.because[0].startswith(sentence)


def test_what_speaks_against_a_tag_is_no_reason_for_it() -> None:
    head = replace(HEAD, told={"crash": (Term("segfault", 2.0), Term("page", -1.0))})
    (proposal,) = judged("A segfault on the page", labels=tagger(head)).proposals
    assert '"page"' not in proposal.because[0]


def test_a_label_that_a_rule_proposes_too_keeps_the_rules_reason() -> None:
    found = judged("A segfault on the page", rules(own=RULES))
    (proposal,) = found.proposals
    assert (proposal.label, proposal.source, proposal.chance) == ("Crash", "rule Crash", None)
    assert ("crash", "enough others fit better") not in kept(found)


def test_models_add_no_more_than_they_may_beside_what_rules_propose() -> None:
    text = "A segfault on the button, the invoice endpoint"
    found = judged(text, rules("{max_labels: 2}", RULES))
    assert names(found.proposals) == ["Crash", "ui", "api"]
    assert kept(found)[0] == ("billing", "enough others fit better")


def test_the_overall_limit_holds_for_learned_labels_too() -> None:
    found = judged("A segfault on the button, the invoice endpoint", rules(own=RULES, most=2))
    assert names(found.proposals) == ["Crash", "ui"]
    assert names(found.over_limit) == ["api", "billing"]


def test_what_is_below_the_line_is_told_with_both_numbers() -> None:
    found = judged("The slow page is slow")
    assert found.proposals == ()
    assert kept(found)[0] == ("performance", "below the line: 0.71, needed is 0.85")
    assert found.reserves[0].held_back[0].proposal.because == (), "it usually does not get it"


def test_only_the_best_three_of_what_is_kept_back_are_told() -> None:
    near = {"slow": ("a", 0.5), "page": ("b", 0.4), "shop": ("c", 0.3), "help": ("d", 0.2)}
    said = kept(judged("The slow page of the shop, help", labels=tagger(WordHead(near))))
    assert [label for label, _ in said] == ["a", "b", "c"]


def test_what_was_never_near_is_not_told() -> None:
    assert [label for label, _ in kept(judged("The slow page is slow"))] == ["performance"]


def test_a_chance_just_under_the_line_does_not_look_like_it() -> None:
    head = WordHead({"slow": ("performance", 0.8499)})
    assert kept(judged("The slow page", labels=tagger(head))) == [
        ("performance", "below the line: 0.84, needed is 0.85")
    ]


@pytest.mark.parametrize(
    ("learned", "labels", "why"),
    [
        ("{never: [CRASH]}", tagger(), "the rules say never to apply it"),
        ("{}", tagger(muted=frozenset({"crash"})), "it is muted because people took it off too often"),
        (
            "{}",
            tagger(WordHead(SPEAKS, seldom=frozenset({"crash"}))),
            "it was used once so far, and 3 uses are needed",
        ),
    ],
)
def test_what_is_sure_and_withheld_all_the_same_says_why(learned: str, labels: Tagger, why: str) -> None:
    found = judged("A segfault on the page", rules(learned), labels)
    assert found.proposals == ()
    assert kept(found)[0] == ("crash", why)
    assert found.reserves[0].held_back[0].proposal.because, "its reasons are told too"


def test_more_precision_asked_is_less_said() -> None:
    assert names(judged("A segfault on the page", rules("{precision: 0.95}")).proposals) == []


def test_what_people_undid_moves_the_chance() -> None:
    assert judged("A segfault on the page", labels=tagger(shared=-1.5)).proposals == ()


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("", "the issue says nothing"),
        ("segfault", "the issue says too little"),
        (
            "Absturz beim Speichern einer neuen Rechnung segfault",
            "the issue is unlike any the model has learnt from",
        ),
    ],
)
@pytest.mark.fault(45)
def test_a_model_that_abstains_says_why(title: str, why: str) -> None:
    found = judged(title)
    assert found.proposals == ()
    assert [(reserve.target, reserve.abstained) for reserve in found.reserves] == [(Target.LABELS, why)]


def test_components_come_after_labels_under_their_own_limit_and_precision() -> None:
    parts = tagger(
        WordHead({"button": ("Web shop", 0.82), "endpoint": ("API", 0.81), "slow": ("Jobs", 0.79)})
    )
    found = judged("A segfault on the slow button, the endpoint", rules(most=1), components=parts)
    assert names(found.proposals) == ["ui", "component Web shop", "component API"]
    assert ("component Jobs", "below the line: 0.79, needed is 0.80") in kept(found)
    assert found.proposals[1].because == (
        'issues that say "button" usually get it here '
        "(about 82 in 100; 80 are needed; next best: API, 81 in 100)",
    )


@pytest.mark.parametrize(("there", "remarks"), [("Task", ["Bug"]), ("bug", []), (None, [])])
def test_a_type_is_remarked_upon_only_where_it_differs(there: str | None, remarks: list[str]) -> None:
    types = tagger(WordHead({"segfault": ("Bug", 0.93), "please": ("Task", 0.04)}, exclusive=True))
    found = judged(replace(issue("A segfault on the page"), type=there), type=types)
    assert ([found.reads_like.label] if found.reads_like else []) == remarks
    assert names(found.proposals) == ["crash"], "no type is put on"


def test_without_models_nothing_is_kept_back() -> None:
    found = judge(rules(), issue("A segfault on the page"))
    assert (found.reserves, found.reads_like, found.proposals) == ((), None, ())
