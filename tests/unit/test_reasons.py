"""Which terms of a model are told, and which tell a person nothing."""

from __future__ import annotations

import pytest

from classifiers.head import Term
from classifiers.reasons import strongest


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
