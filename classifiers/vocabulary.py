"""Which tokens a model knows, and an issue's tokens as a row of numbers.

The figures are scikit-learn's ``TfidfVectorizer(sublinear_tf=True, smooth_idf=True, norm="l2")``:
(1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), every row of length 1.
https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = Any
"""``scipy.sparse.csr_matrix``, float32. Scipy has no types, and serving never loads it."""
ROOM: Final = 1_000_000
"""Tokens held while counting: about 150 MB."""


_AT_ONCE: Final = 500_000
"""Tokens counted at a time."""
_ROWS_AT_ONCE: Final = 1_000

Number = TypeVar("Number", bound=np.generic)


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
        census = _Census(room, rows=False)
        for tokens in streams:
            census.add(tokens)
        return census.vocabulary(min_df, most)

    @classmethod
    def learn(
        cls, streams: Iterable[Iterable[str]], *, min_df: int = 1, most: int = 100_000, room: int = ROOM
    ) -> tuple[Vocabulary, Matrix]:
        """``count`` and ``matrix`` in one pass, in half the time of both. Where the rarest tokens were
        forgotten, rows from before lack those that came back. For training: needs scipy."""
        census = _Census(room, rows=True)
        for tokens in streams:
            census.add(tokens)
        vocabulary = census.vocabulary(min_df, most)
        return vocabulary, census.matrix(vocabulary)

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
        rows = _Rows(self)
        for tokens in streams:
            rows.add(tokens)
        return rows.matrix()

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


@dataclass(frozen=True, slots=True)
class Kind:
    """How a block is made: its weight beside the others, and what its vocabulary holds."""

    weight: float = 1.0
    min_df: int = 1
    most: int = 100_000


@dataclass(frozen=True, eq=False)
class Blocks:
    """Vocabularies side by side: the columns of each follow those of the one before, its rows times its
    weight."""

    vocabularies: tuple[Vocabulary, ...]
    weights: tuple[float, ...]

    def __len__(self) -> int:
        return sum(map(len, self.vocabularies))

    @classmethod
    def learn(cls, issues: Iterable[Sequence[Iterable[str]]], kinds: Sequence[Kind]) -> tuple[Blocks, Matrix]:
        """Count the tokens of each block and make the rows, in one pass; each issue gives its tokens for
        each block. For training: needs scipy."""
        from scipy.sparse import hstack  # type: ignore[import-untyped]

        censuses = [_Census(ROOM, rows=True) for _ in kinds]
        for streams in issues:
            for census, tokens in zip(censuses, streams, strict=True):
                census.add(tokens)
        found = [
            census.vocabulary(kind.min_df, kind.most) for census, kind in zip(censuses, kinds, strict=True)
        ]
        parts = [
            census.matrix(vocabulary, kind.weight)
            for census, vocabulary, kind in zip(censuses, found, kinds, strict=True)
        ]
        blocks = cls(tuple(found), tuple(kind.weight for kind in kinds))
        return blocks, hstack(parts, format="csr", dtype=np.float32)

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
        from scipy.sparse import hstack

        blocks = [_Rows(vocabulary) for vocabulary in self.vocabularies]
        for streams in issues:
            for block, tokens in zip(blocks, streams, strict=True):
                block.add(tokens)
        return hstack(
            [block.matrix(weight) for block, weight in zip(blocks, self.weights, strict=True)],
            format="csr",
            dtype=np.float32,
        )

    def token(self, column: int) -> tuple[int, str]:
        """The block a column belongs to, and its token."""
        block = int(np.searchsorted(self.starts, column, side="right")) - 1
        while not len(self.vocabularies[block]):
            block -= 1
        return block, self.vocabularies[block].tokens[column - self.starts[block]]


class _Census:
    """Tokens and rows under way. Each token has a number for as long as it is held."""

    def __init__(self, room: int, *, rows: bool) -> None:
        self._room, self._keeps_rows = room, rows
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._df = np.zeros(0, np.int32)
        self._issues = 0
        self._new, self._new_ends = array("i"), array("q", [0])
        self._columns, self._tf, self._ends = array("i"), array("H"), array("q", [0])

    def add(self, tokens: Iterable[str]) -> None:
        """One more issue."""
        self._issues += 1
        self._new.extend(map(self._numbers.__getitem__, tokens))
        self._new_ends.append(len(self._new))
        if len(self._new) >= _AT_ONCE or len(self._new_ends) > _AT_ONCE:
            self._fold()

    def vocabulary(self, min_df: int, most: int) -> Vocabulary:
        self._fold()
        enough = (self._df >= min_df).tobytes()
        kept = [(token, int(self._df[number])) for token, number in self._numbers.items() if enough[number]]
        if len(kept) > most:
            kept = sorted(kept, key=lambda counted: (-counted[1], counted[0]))[:most]
        kept.sort()
        if any("\n" in token for token, _ in kept):
            raise ValueError("A token holds a line break. Split the text into tokens within lines.")
        often = np.fromiter((number for _, number in kept), np.float64, len(kept))
        idf = np.log((1 + self._issues) / (1 + often)) + 1
        return Vocabulary(tuple(token for token, _ in kept), idf.astype(np.float32))

    def matrix(self, vocabulary: Vocabulary, weight: float = 1.0) -> Matrix:
        """All rows, each of length ``weight``."""
        column_of = np.full(len(self._df), -1, np.int32)
        for token, column in vocabulary.columns.items():
            column_of[self._numbers[token]] = column
        rows = _Rows(vocabulary)
        ends = np.frombuffer(self._ends, np.int64)
        for first in range(0, len(ends) - 1, _ROWS_AT_ONCE):
            of = ends[first : first + _ROWS_AT_ONCE + 1]
            columns = column_of[_view(self._columns, np.int32)[of[0] : of[-1]]]
            known = columns >= 0
            before = np.concatenate(([0], np.cumsum(known)))
            tf = _view(self._tf, np.uint16)[of[0] : of[-1]]
            rows.extend(columns[known], tf[known].astype(np.float32), before[of[1:] - of[0]])
        return rows.matrix(weight)

    def _fold(self) -> None:
        """Count what is new, and keep it as rows."""
        ends = np.frombuffer(self._new_ends, np.int64)
        issue = np.repeat(np.arange(len(ends) - 1, dtype=np.int64), np.diff(ends))
        keys, tf = np.unique(issue << 32 | _view(self._new, np.int32), return_counts=True)
        numbers = (keys & 0xFFFFFFFF).astype(np.int32)
        more = int(numbers.max(initial=-1)) + 1 - len(self._df)
        self._df = np.concatenate((self._df, np.zeros(max(more, 0), np.int32)))
        np.add.at(self._df, numbers, 1)
        if self._keeps_rows:
            self._columns.frombytes(numbers.tobytes())
            self._tf.frombytes(np.minimum(tf, 65_535).astype(np.uint16).tobytes())
            last = np.cumsum(np.bincount(keys >> 32, minlength=len(ends) - 1))
            self._ends.frombytes((last + self._ends[-1]).astype(np.int64).tobytes())
        self._new, self._new_ends = array("i"), array("q", [0])
        if len(self._numbers) > self._room:
            self._forget()

    def _forget(self) -> None:
        """Let go of the rarest tokens, so that at most half the room is taken."""
        held = np.fromiter(self._numbers.values(), np.int64, len(self._numbers))
        often = np.bincount(self._df[held])
        limit = int(np.searchsorted(np.cumsum(often), len(held) - self._room // 2))
        often_enough = (self._df > limit).tobytes()
        kept = {token: number for token, number in self._numbers.items() if often_enough[number]}
        self._numbers = defaultdict(self._numbers.default_factory, kept)


class _Rows:
    """Rows under way, in buffers that grow in place."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._columns, self._values, self._ends = array("i"), array("f"), array("q", [0])

    def add(self, tokens: Iterable[str]) -> None:
        tf = Counter(map(self._vocabulary.columns.get, tokens))
        tf.pop(None, None)
        self._columns.extend(tf)  # type: ignore[arg-type]
        self._values.extend(tf.values())
        self._ends.append(len(self._columns))

    def extend(
        self, columns: NDArray[np.int32], tf: NDArray[np.float32], ends: NDArray[np.integer[Any]]
    ) -> None:
        """Several rows; ``ends`` are where each ends among the ``columns``."""
        self._ends.frombytes((ends + len(self._columns)).astype(np.int64).tobytes())
        self._columns.frombytes(columns.tobytes())
        self._values.frombytes(tf.tobytes())

    def matrix(self, weight: float = 1.0) -> Matrix:
        """All rows, each of length ``weight``."""
        from scipy.sparse import csr_matrix

        ends = np.frombuffer(self._ends, np.int64)
        columns, values = _view(self._columns, np.int32), _view(self._values, np.float32)
        for first in range(0, len(ends) - 1, _ROWS_AT_ONCE):
            of = ends[first : first + _ROWS_AT_ONCE + 1]
            part = slice(of[0], of[-1])
            weighed = (np.log(values[part]) + 1) * self._vocabulary.idf[columns[part]]
            row = np.repeat(np.arange(len(of) - 1), np.diff(of))
            length = np.sqrt(np.bincount(row, weighed * weighed, len(of) - 1))
            values[part] = weighed / length[row] * weight
        # Small indices, or liblinear copies them for every tag.
        ends = ends.astype(np.int32) if len(columns) < 2**31 else ends
        rows = csr_matrix((values, columns, ends), shape=(len(ends) - 1, len(self._vocabulary)), copy=False)
        rows.sort_indices()
        return rows


def _view(buffer: array[Any], kind: type[Number]) -> NDArray[Number]:
    return np.frombuffer(buffer, kind) if buffer else np.empty(0, kind)
