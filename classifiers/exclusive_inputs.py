"""What a one-of head looks at in an issue: blocks of tokens, each weighted as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from classifiers.examples import Filed
from classifiers.redaction import NOBODY, Names
from classifiers.signals import form_fields, numbers, prose, title_opening
from classifiers.text import (
    LONGEST_TITLE,
    OPENING,
    Plain,
    char_grams,
    guarded,
    plain,
    word_grams,
    words,
)

FIRST_WORDS: Final = 40
"""Words of prose in which people say what they want."""


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens of one sort."""

    name: str
    weight: float
    min_df: int = 2
    """Issues a token must stand in."""
    plain_words: bool = False
    """The tokens are words or pairs of words as they stand in the text."""
    even: bool = False
    """A rare token counts no more than a frequent one."""


OPENING_WORDS: Final = Block("opening words", 0.6, min_df=1, plain_words=True)
OPENING_CHARACTERS: Final = Block("opening characters", 0.35)
BODY: Final = Block("body", 1.0, plain_words=True)
PROSE: Final = Block("prose", 0.8, plain_words=True)
FIRST: Final = Block("first", 0.5, plain_words=True)
FIELDS: Final = Block("fields", 0.5)
OWN_FIELDS: Final = Block("own fields", 0.25)
OPENING_SIGNS: Final = Block("opening signs", 0.4)
NUMBERS: Final = Block("numbers", 0.5, min_df=1, even=True)
PROJECT: Final = Block("project", 1.0, min_df=1)

EVERYTHING: Final = (
    OPENING_WORDS,
    OPENING_CHARACTERS,
    BODY,
    PROSE,
    FIRST,
    FIELDS,
    OWN_FIELDS,
    OPENING_SIGNS,
    NUMBERS,
    PROJECT,
)
LEAN: Final = (OPENING_WORDS, BODY, FIELDS, OPENING_SIGNS, PROJECT)
"""For long histories, where words alone tell nearly all and time is what lacks."""


@dataclass(frozen=True)
class Inputs:
    """One issue, ready to be counted block by block."""

    filed: Filed
    names: Names = NOBODY

    @cached_property
    def marked_up(self) -> str:
        """The body with its markup, redacted."""
        return guarded(self.filed.body, self.names)

    @cached_property
    def plain(self) -> Plain:
        return Plain(plain(guarded(self.filed.title, self.names)), plain(self.marked_up))

    @cached_property
    def opening(self) -> str:
        """The title, or the first words of title and body where the title is none."""
        if 1 <= len(words(self.plain.title)) <= LONGEST_TITLE:
            return self.plain.title
        return " ".join(self.plain.text.split()[:OPENING])

    @cached_property
    def fields(self) -> list[str]:
        return form_fields(self.marked_up)

    @cached_property
    def prose(self) -> list[str]:
        return words(plain(prose(self.marked_up), comments=False), question=True)

    def tokens(self, block: Block) -> list[str]:
        """The issue's tokens of ``block``, with repetitions."""
        match block.name:
            case OPENING_WORDS.name:
                return word_grams(words(self.opening, shortest=1, question=True))
            case OPENING_CHARACTERS.name:
                return char_grams(self.opening)
            case BODY.name:
                return word_grams(words(self.plain.body) or words(self.plain.title))
            case PROSE.name:
                return word_grams(self.prose)
            case FIRST.name:
                return word_grams(self.prose[:FIRST_WORDS])
            case _:
                return self._signs(block)

    def _signs(self, block: Block) -> list[str]:
        match block.name:
            case FIELDS.name:
                return self.fields
            case OWN_FIELDS.name:
                return [f"{self.filed.project}: {field}" for field in self.fields]
            case OPENING_SIGNS.name:
                return title_opening(self.opening)
            case NUMBERS.name:
                return numbers(self.opening, self.marked_up)
            case PROJECT.name:
                return [self.filed.project]
            case _:
                raise ValueError(f"No block is called {block.name!r}.")

    def streams(self, blocks: tuple[Block, ...]) -> tuple[list[str], ...]:
        return tuple(self.tokens(block) for block in blocks)


def blocks_named(names: list[str]) -> tuple[Block, ...]:
    """The blocks of a stored head.

    Raises:
        KeyError: one of them is unknown to this release.
    """
    known = {block.name: block for block in EVERYTHING}
    return tuple(known[name] for name in names)
