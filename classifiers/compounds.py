"""An issue as words in order, compound words taken apart: ``getObjectStore`` is itself, and also ``get``,
``object`` and ``store``. What a tag is about often stands in the name of a class or a setting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from classifiers.text import LONGEST_TITLE, OPENING, WORD, Plain, word_grams

_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_PREFIX: Final = re.compile(r"\s*((?:\[[^\]\n]{1,40}\]\s{0,3})+|[^:.\n]{1,40}:|[^-.\n]{1,30} - )")


@dataclass(frozen=True, slots=True)
class Said:
    """The words of an issue and the parts of its compound words, in order."""

    written: tuple[str, ...]
    """Every word as the reporter wrote it."""
    tokens: tuple[str, ...]
    """Words and parts in lower case."""
    places: tuple[int, ...]
    """For each token, its word's position in ``written``."""
    opening: int
    """How many words make the opening: the title, or the first few where there is none."""
    prefix: int
    """How many words stand in a bracket or before a colon at the very beginning: ``[UI]``, ``Login:``."""
    titled: bool
    """Whether the opening is a title."""

    @property
    def opened(self) -> int:
        """How many tokens make the opening."""
        return sum(place < self.opening for place in self.places[: 8 * self.opening])

    def streams(self) -> tuple[Sequence[str], Sequence[str]]:
        """The tokens of the whole text, and of the opening with its pairs of neighbours."""
        return self.tokens, word_grams(self.tokens[: self.opened])


def said(plain: Plain) -> Said:
    """Take an issue's plain text apart."""
    written = tuple(WORD.findall(plain.text))
    in_title = len(WORD.findall(plain.title))
    opening = in_title if 1 <= in_title <= LONGEST_TITLE else min(OPENING, len(written))
    tokens: list[str] = []
    places: list[int] = []
    for place, word in enumerate(written):
        for token in parts(word):
            tokens.append(token)
            places.append(place)
    begins = _PREFIX.match(plain.title or plain.body)
    prefix = min(len(WORD.findall(begins[1])), opening) if begins else 0
    return Said(written, tuple(tokens), tuple(places), opening, prefix, 1 <= in_title <= LONGEST_TITLE)


def parts(word: str) -> list[str]:
    """A word in lower case, followed by the parts it is put together from if there are several. Single
    Latin letters and figures are left out."""
    found = [word.lower()] if len(word) > 1 or not word.isascii() else []
    if word.islower() and word.isascii() and word.isalpha():
        return found
    pieces = _PART.findall(word)
    if len(pieces) > 1:
        found += [piece.lower() for piece in pieces if len(piece) > 1]
    return found


def surfaces(of: Said, tokens: Iterable[str]) -> dict[str, str]:
    """The tokens, or pairs of neighbours with a space between, as the reporter wrote them: a part leads
    to the compound word it stands in."""
    wanted = set(tokens)
    found: dict[str, str] = {}
    before, before_place = "", -1
    for token, place in zip(of.tokens, of.places, strict=True):
        word = of.written[place]
        if token in wanted:
            found.setdefault(token, word)
        pair = f"{before} {token}"
        if pair in wanted:
            found.setdefault(pair, word if place == before_place else f"{of.written[before_place]} {word}")
        before, before_place = token, place
    return found
