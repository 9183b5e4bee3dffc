"""A model at work: what is applied, what is withheld and why, when it says nothing at all."""

from __future__ import annotations

import pytest

from classifiers.examples import Filed
from classifiers.tagger import Abstained, Answer, Asked, Scored, least_known
from tests.stand_in import FAMILIAR, SPEAKS, WordHead, tagger

LONG = "A segfault and a slow page after the button"


def answer(title: str, asked: Asked | None = None, **how: object) -> Answer:
    return tagger(**how).answer(Filed("ABC", title, ""), asked or Asked(0.85))  # type: ignore[arg-type]


def of(tag: str, said: Answer) -> Scored:
    return next(scored for scored in said.proposals if scored.tag == tag)


def test_what_reaches_the_line_is_applied_best_first() -> None:
    said = answer(LONG)
    assert [scored.tag for scored in said.proposals[:3]] == ["ui", "crash", "performance"]
    assert [scored.tag for scored in said.applied] == ["ui", "crash"]
    crash = of("crash", said)
    assert crash.p == pytest.approx(0.94) and crash.threshold == 0.85
    assert [term.text for term in crash.because] == ["segfault"]
    assert crash.runner_up == ("ui", 0.97)
    assert of("ui", said).runner_up == ("crash", 0.94)


def test_below_the_line_nothing_is_applied_and_hardly_possible_tags_are_not_shown() -> None:
    said = answer("The page is slow", Asked(0.85))
    assert said.applied == () and of("performance", said).p == pytest.approx(0.71)
    rare = WordHead({**SPEAKS, "typo": ("docs", 0.005)})
    told = answer("A typo on the page", head=rare)
    assert "docs" not in [scored.tag for scored in told.proposals]


def test_more_is_asked_less_is_applied() -> None:
    assert [scored.tag for scored in answer(LONG, Asked(0.7)).applied] == ["ui", "crash", "performance"]
    assert [scored.tag for scored in answer(LONG, Asked(0.95)).applied] == ["ui"]
    silent = answer(LONG, Asked(0.995))
    assert silent.applied == () and of("ui", silent).threshold is None


def test_no_more_tags_than_asked_for() -> None:
    said = answer(LONG, Asked(0.7, most=2))
    assert [scored.tag for scored in said.applied] == ["ui", "crash"]
    assert of("performance", said).withheld == "enough others fit better"


def test_an_exclusive_model_applies_one() -> None:
    said = answer(LONG, Asked(0.7), head=WordHead(SPEAKS, exclusive=True))
    assert [scored.tag for scored in said.applied] == ["ui"]


def test_a_withheld_tag_makes_room_for_the_next() -> None:
    said = answer(LONG, Asked(0.7, most=1, never=frozenset({"ui"})))
    assert [scored.tag for scored in said.applied] == ["crash"]
    assert of("ui", said).withheld == "the rules say never to apply it"


def test_muted_and_seldom_used_tags_are_withheld() -> None:
    said = answer(LONG, muted=frozenset({"ui"}), head=WordHead(SPEAKS, seldom=frozenset({"crash"})))
    assert said.applied == ()
    assert "people took it off" in of("ui", said).withheld
    assert of("crash", said).withheld == "it was used once so far, and 3 uses are needed"


def test_what_people_taught_moves_the_chance() -> None:
    assert [scored.tag for scored in answer(LONG, shared=-1.5).applied] == ["ui"]
    assert "performance" in [scored.tag for scored in answer(LONG, shared=1.5).applied]


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("", Abstained.EMPTY),
        (" \n ", Abstained.EMPTY),
        ("segfault button", Abstained.TINY),
        ("Der segfault kommt nach dem letzten Neustart jedes Mal wieder", Abstained.UNLIKE),
    ],
)
def test_it_abstains_and_says_why(title: str, why: Abstained) -> None:
    said = answer(title, Asked(0.5))
    assert said.abstained is why and said.applied == ()
    assert all(scored.withheld for scored in said.proposals if scored.p >= 0.5)


def test_a_familiar_text_is_not_abstained_from() -> None:
    assert answer(" ".join(sorted(FAMILIAR))).abstained is None


def test_the_least_known_share_lies_well_under_what_unseen_issues_had() -> None:
    assert least_known([]) == 0.0
    shares = [0.6] * 5 + [0.9] * 995
    assert least_known(shares) == pytest.approx(0.45)
    assert least_known([0.5] * 100) == pytest.approx(0.25)
