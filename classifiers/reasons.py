"""Why a model proposes a tag, or keeps silent, in plain words. Sentences stand without a full stop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Final

from classifiers.head import Term
from classifiers.tagger import Scored
from rules.matching import MAX_TEXT_BYTES, readable

MOST_TERMS: Final = 3
"""More reasons than these convince nobody."""
_WORD: Final = re.compile(r"\w+")
_SMALL: Final = frozenset(
    _WORD.findall(
        """a about after again all also am an and any are as at be been before but by can cannot could did do
        does don for from get gets got had has have he her here how i if in into is it its just like me more
        most my no not now of off on once one only or other our out over please same she should so some such
        t than that the their them then there these they this to too under until up us very was we were what
        when where which while who why will with would you your s"""
    )
)


def plain_words(text: str) -> str:
    """The words of a text alone, in lower case, each with a space on both sides."""
    return f" {' '.join(_WORD.findall(text[:MAX_TEXT_BYTES].casefold()))} "


def because(scored: Scored, said: str) -> str:
    """Why a tag fits, with its chance, the chance needed and the runner-up.

    ``said`` are the ``plain_words`` of the issue: a term that stands in it is quoted, any other is
    a phrase of ours.
    """
    terms = [term.text for term in strongest(scored.because)]
    quoted = [f'"{readable(term)}"' for term in terms if plain_words(term) in said]
    told = [readable(term) for term in terms if plain_words(term) not in said]
    numbers = [f"about {in_100(scored.p)} in 100"]
    if scored.threshold is not None:
        numbers.append(f"{in_100(scored.threshold)} are needed")
    if scored.runner_up is not None:
        rival, p = scored.runner_up
        place = "next best" if p <= scored.p else "surest"
        numbers.append(f"{place}: {readable(rival)}, {in_100(p)} in 100")
    if quoted and not told:
        return f"issues that say {_and(quoted)} usually get it here ({'; '.join(numbers)})"
    words = [f"it says {_and(quoted)}"] if quoted else []
    return f"past issues like it usually got it here ({'; '.join([*words, *told, *numbers])})"


def too_unsure(scored: Scored) -> str:
    """Why a tag whose chance is too small is not proposed."""
    if scored.threshold is None:
        return f"too unsure: {scored.p:.2f}, and no chance would be enough for the precision asked"
    # Never rounded so that the two look alike.
    p, line = floor(round(scored.p * 100, 6)), ceil(round(scored.threshold * 100, 6))
    return f"below the line: {p / 100:.2f}, needed is {line / 100:.2f}"


def strongest(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The few terms that speak loudest for a tag, each telling something the others do not.

    Small words ("the", "it is") may weigh in a model, but tell a person nothing.
    """
    found: list[Term] = []
    told: set[str] = set()
    for term in terms:
        telling = {word for word in _WORD.findall(term.text.casefold()) if word not in _SMALL}
        if term.weight > 0 and telling - told:
            found.append(replace(term, text=_trimmed(term.text)))
            told |= telling
        if len(found) == MOST_TERMS:
            break
    return tuple(found)


def _trimmed(text: str) -> str:
    """A quoted pair of words without the small one: "the printer" is "printer"."""
    words = text.split(" ")
    if len(words) != 2:
        return text
    return " ".join(word for word in words if word.casefold() not in _SMALL)


def in_100(p: float) -> int:
    """A chance as a number of cases in a hundred; nothing is ever sure."""
    return min(99, max(1, round(100 * p)))


def _and(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
