"""How well a tag's name is found in an issue: "Debugger stops twice" is likely about ``Core: Debugging``.

A name is read as the stems of its words. Whether they are telling is seen from how many past issues hold
them: ``http`` stands in every second one, ``tizen`` in few.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.compounds import Said, parts

COMMON: Final = 3
"""A word in so many names of a project tells them not apart ("Core:", "Modules:")."""
INSIDE: Final = 4
"""Letters a word needs to be looked for inside longer ones."""
MOST_TELLING: Final = 6.0
"""A word in one issue of 400 tells as much as one can."""

ANYWHERE: Final = 1
OPENING: Final = 2
FIRST: Final = 4
PREFIX: Final = 8
PART: Final = 16
PART_OF_OPENING: Final = 32

_SUFFIX: Final = re.compile("(?:ing|ers|er|ed|s|ation|e)$")
_SPLIT: Final = re.compile(r"[^\W_]+")
_EMPTY: Final = frozenset({"and", "or", "the", "of", "an", "to", "for", "in", "on", "with", "by"})


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its ending: ``debugger``, ``debugging`` and ``debugged`` are one."""
    return _SUFFIX.sub("", word) if len(word) > 4 else word


def name_stems(tags: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The stems by which each name is looked for: without those that stand in ``COMMON`` names or more,
    unless nothing else is left."""
    stems = [tuple(dict.fromkeys(map(stem, _name_words(tag)))) for tag in tags]
    often = Counter(one for each in stems for one in each)
    return tuple(tuple(one for one in each if often[one] < COMMON) or each for each in stems)


def _name_words(tag: str) -> list[str]:
    found: list[str] = []
    for word in _SPLIT.findall(tag):
        whole, *pieces = [*parts(word)] or [""]
        plural_of_capitals = word[:-1].isupper()
        found += [whole, *(piece for piece in pieces if len(piece) > 2 and not plural_of_capitals)]
    return [word for word in found if word and word not in _EMPTY]


@dataclass(frozen=True, slots=True)
class NameInputs:
    """How well each tag's name is found, each of shape ``(issues, tags)``, from 0 to 1 but for ``gap``."""

    share: NDArray[np.float32]
    """Of the name's words, by how telling they are, those that stand in the issue."""
    opening: NDArray[np.float32]
    """The plain share of words that stand in the opening."""
    first: NDArray[np.float32]
    """1 if the issue's first word is of the name."""
    prefix: NDArray[np.float32]
    """As ``share``, of those in a bracket or before a colon at the beginning."""
    part: NDArray[np.float32]
    """As ``share``, of those found only inside longer words, or cut short; half outside the opening."""
    gap: NDArray[np.float32]
    """``share`` less the best share of any tag."""


@dataclass(frozen=True, eq=False)
class NameIndex:
    """The words of a project's tag names, ready to be looked for."""

    names: tuple[tuple[str, ...], ...]
    """The stems of each tag's name, by :func:`name_stems`."""

    @cached_property
    def stems(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for each in self.names for one in each))

    @cached_property
    def places(self) -> dict[str, int]:
        return {one: at for at, one in enumerate(self.stems)}

    @cached_property
    def _beginnings(self) -> dict[str, tuple[int, ...]]:
        """Shortened forms of the stems: ``config`` is one of ``configur``."""
        found: dict[str, list[int]] = {}
        for at, one in enumerate(self.stems):
            for length in range(INSIDE, len(one)):
                found.setdefault(one[:length], []).append(at)
        return {short: tuple(of) for short, of in found.items()}

    @cached_property
    def member(self) -> NDArray[np.float32]:
        """Whether a stem is of a tag's name, shape ``(tags, stems)``."""
        table = np.zeros((len(self.names), len(self.stems)), np.float32)
        for tag, name in enumerate(self.names):
            table[tag, [self.places[one] for one in name]] = 1
        return table

    def marks(self, issue: Said) -> NDArray[np.uint8]:
        """Where each stem stands in an issue: flags, shape ``(stems,)``."""
        found = np.zeros(len(self.stems), np.uint8)
        places = self.places
        for token, place in zip(issue.tokens, issue.places, strict=True):
            at = places.get(stem(token))
            if at is not None:
                found[at] |= _where(place, issue)
        self._mark_parts(issue, found)
        return found

    def _mark_parts(self, issue: Said, found: NDArray[np.uint8]) -> None:
        opened = issue.opened
        for tokens, flag in (
            (dict.fromkeys(issue.tokens[:opened]), PART | PART_OF_OPENING),
            (dict.fromkeys(issue.tokens[opened:]), PART),
        ):
            whole = " ".join(tokens)
            for at, one in enumerate(self.stems):
                if not found[at] and len(one) >= INSIDE and one in whole:
                    found[at] = flag
            for short in self._beginnings.keys() & tokens.keys():
                for at in self._beginnings[short]:
                    found[at] = found[at] or flag

    def inputs(self, marks: NDArray[np.uint8], idf: NDArray[np.floating]) -> NameInputs:
        """The inputs of some issues, from their ``marks`` of shape ``(issues, stems)``.

        ``idf``: how telling each stem is, by :func:`telling`.
        """
        member = self.member
        weight = member * np.maximum(idf, 0.05)
        total = np.maximum(weight.sum(1), 1e-9)
        words = np.maximum(member.sum(1), 1)
        scale = np.minimum(total / words, MOST_TELLING) / MOST_TELLING

        def share(found: NDArray[np.float32]) -> NDArray[np.float32]:
            shared: NDArray[np.float32] = (found @ weight.T / total * scale).astype(np.float32)
            return shared

        def has(flag: int) -> NDArray[np.float32]:
            return ((marks & flag) > 0).astype(np.float32)

        named = share(has(ANYWHERE))
        best = named.max(1, keepdims=True, initial=0)
        return NameInputs(
            share=named,
            opening=has(OPENING) @ member.T / words,
            first=(has(FIRST) @ member.T > 0).astype(np.float32),
            prefix=share(has(PREFIX)),
            part=share((has(PART) + has(PART_OF_OPENING)) * np.float32(0.5)),
            gap=named - best,
        )


def telling(issues: int, holding: NDArray[np.floating]) -> NDArray[np.float32]:
    """How telling words are that stand in ``holding`` of ``issues`` past issues: ln((n + 1) / (df + 0.5))."""
    return np.log((issues + 1) / (holding + 0.5)).astype(np.float32)


def _where(place: int, issue: Said) -> int:
    flags = ANYWHERE
    if place < issue.opening:
        flags |= OPENING
    if place == 0:
        flags |= FIRST
    if place < issue.prefix:
        flags |= PREFIX
    return flags
