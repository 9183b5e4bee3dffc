"""Which tokens a model knows, and an issue's tokens as a row of numbers.

The figures are scikit-learn's ``TfidfVectorizer(sublinear_tf=True, smooth_idf=True, norm="l2")``:
(1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), every row of length 1.
https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.census import Census
from classifiers.rows import Matrix, Rows

__all__ = ["Blocks", "Matrix", "Row", "Vocabulary"]

ROOM: Final = 1_000_000
"""Tokens held while counting: about 150 MB."""


class Row(NamedTuple):
    """One issue's numbers: those of its columns that are not 0, columns ascending."""

    columns: NDArray[np.int32]
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens a model knows, in column order, and how much each tells."""

    tokens: tuple[str, ...]
    idf: NDArray[np.float32]
    """Shape ``(len(tokens),)``."""

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """Token → column."""
        return {token: column for column, token in enumerate(self.tokens)}

    @classmethod
    def count(
        cls, streams: Iterable[Iterable[str]], *, min_df: int = 1, most: int = 100_000, room: int = ROOM
    ) -> Vocabulary:
        """Learn the tokens of many issues, in one pass.

        Args:
            streams: each issue's tokens.
            min_df: issues a token must stand in.
            most: tokens kept, those that stand in the most issues; equals in alphabetical order.
            room: tokens held at a time, about. When there are more, the rarest are forgotten until half the
                room is free. Each time costs a token at most the count up to which they are forgotten: a
                count is too low by the sum of these at most, and never too high. With fewer distinct
                tokens than ``room`` it is exact.

        Raises:
            ValueError: if a token holds a line break.
        """
        census = Census(room)
        for tokens in streams:
            census.add(tokens)
        tokens_, df = census.settle(min_df, most)
        if any("\n" in token for token in tokens_):
            raise ValueError("A token holds a line break. Split the text into tokens within lines.")
        return cls(tokens_, (np.log((1 + census.issues) / (1 + df)) + 1).astype(np.float32))

    def encode(self, tokens: Iterable[str]) -> Row:
        """One issue as a row of length 1, or without columns if it holds no known token."""
        tf = Counter(map(self.columns.get, tokens))
        tf.pop(None, None)
        columns = np.fromiter(tf, np.int32, len(tf))
        values = np.fromiter(tf.values(), np.float32, len(tf))
        order = columns.argsort()
        columns, values = columns[order], values[order]
        values = (np.log(values) + 1) * self.idf[columns]
        return Row(columns, values / np.sqrt(values @ values) if len(values) else values)

    def known(self, tokens: Iterable[str]) -> float:
        """The share (0..1) of the distinct tokens that it knows; 0 of none."""
        distinct = set(tokens)
        return sum(map(self.columns.__contains__, distinct)) / len(distinct) if distinct else 0.0

    def matrix(self, streams: Iterable[Iterable[str]]) -> Matrix:
        """Many issues as rows, float32, in one pass. For training: needs scipy."""
        rows = Rows(self.idf)
        for tokens in streams:
            rows.add(self.columns_of(tokens))
        return rows.matrix()

    def columns_of(self, tokens: Iterable[str]) -> Iterable[int]:
        """The column of each token, -1 for one that it does not know."""
        return map(self.columns.get, tokens, repeat(-1))

    def to_facts(self) -> dict[str, Any]:
        """The tokens for JSON; ``idf`` is an array of its own."""
        return {"tokens": "\n".join(self.tokens)}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], idf: NDArray[np.floating[Any]]) -> Vocabulary:
        """The vocabulary as it was told by ``to_facts``, with its ``idf``.

        Raises:
            ValueError: if there are not as many tokens as figures.
        """
        tokens = tuple(str(facts["tokens"]).split("\n")) if len(idf) else ()
        if len(tokens) != len(idf) or len(set(tokens)) != len(tokens):
            raise ValueError(f"The vocabulary holds {len(tokens)} tokens but {len(idf)} figures for them.")
        return cls(tokens, idf.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Blocks:
    """Vocabularies side by side: the columns of each follow those of the one before, its rows times its
    weight."""

    vocabularies: tuple[Vocabulary, ...]
    weights: tuple[float, ...]

    def __len__(self) -> int:
        return sum(map(len, self.vocabularies))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first column of each block."""
        ends = np.cumsum([0, *map(len, self.vocabularies)])
        return tuple(int(end) for end in ends[:-1])

    def encode(self, streams: Sequence[Iterable[str]]) -> Row:
        """One issue as a row; ``streams`` are its tokens for each block."""
        rows = [
            vocabulary.encode(tokens) for vocabulary, tokens in zip(self.vocabularies, streams, strict=True)
        ]
        return Row(
            np.concatenate(
                [row.columns + np.int32(start) for row, start in zip(rows, self.starts, strict=True)]
            ),
            np.concatenate([row.values * np.float32(w) for row, w in zip(rows, self.weights, strict=True)]),
        )

    def matrix(self, issues: Iterable[Sequence[Iterable[str]]]) -> Matrix:
        """Many issues as rows, float32, in one pass; each gives its tokens for each block."""
        from scipy.sparse import hstack  # type: ignore[import-untyped]

        sides = zip(self.vocabularies, self.weights, strict=True)
        blocks = [Rows(vocabulary.idf, weight) for vocabulary, weight in sides]
        for streams in issues:
            for block, vocabulary, tokens in zip(blocks, self.vocabularies, streams, strict=True):
                block.add(vocabulary.columns_of(tokens))
        return hstack([block.matrix() for block in blocks], format="csr", dtype=np.float32)

    def token(self, column: int) -> tuple[int, str]:
        """The block a column belongs to, and its token."""
        block = int(np.searchsorted(self.starts, column, side="right")) - 1
        while not len(self.vocabularies[block]):
            block -= 1
        return block, self.vocabularies[block].tokens[column - self.starts[block]]
