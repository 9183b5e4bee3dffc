"""Which terms of a model are told, and which tell a person nothing."""

from __future__ import annotations

import pytest

from classifiers.head import Term
from classifiers.reasons import because, strongest
from classifiers.tagger import Scored


def told(*texts: str) -> list[str]:
    return [term.text for term in strongest([Term(text, 1.0) for text in texts])]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("the", "it is", "Printer"), ["Printer"]),
        (("The paper", "paper", "tray"), ["paper", "tray"]),
        (("paper", "paper tray", "tray"), ["paper", "paper tray"]),
        (("toner", "Toner"), ["toner"]),
        (("a stack trace",), ["a stack trace"]),
        (("the form says Type: Bug", "Bug"), ["the form says Type: Bug"]),
        (("one", "two", "three", "four", "five"), ["two", "three", "four"]),
        ((), []),
    ],
)
def test_each_term_tells_something_new(texts: tuple[str, ...], said: list[str]) -> None:
    assert told(*texts) == said


def test_what_speaks_against_a_tag_is_no_reason_for_it() -> None:
    assert strongest([Term("toner", -1.0), Term("paper", 0.5)]) == (Term("paper", 0.5),)


@pytest.mark.parametrize(("p", "said"), [(0.7, "next best: ui, 70 in 100"), (0.97, "surest: ui, 97 in 100")])
def test_a_rival_with_a_greater_chance_is_not_called_next_best(p: float, said: str) -> None:
    scored = Scored("crash", 0.94, 0.85, applied=True, because=(), runner_up=("ui", p))
    assert because(scored, "") == (
        f"past issues like it usually got it here (about 94 in 100; 85 are needed; {said})"
    )
