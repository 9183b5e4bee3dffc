"""Counting in how many issues each token stands, with bounded memory.

While they are counted tokens are numbers. That pays above all for pairs of neighbouring words: a long
history holds millions of them, and only those worth keeping are ever spelled out.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

AT_ONCE: Final = 1_000
"""Issues counted at a time."""

_NONE: Final = np.empty(0, np.int64)
Number = TypeVar("Number", bound=np.generic)


class Batch(NamedTuple):
    """The tokens of some issues as numbers, in the order they were said; -1 for one that is not known."""

    issues: int
    issue: NDArray[np.int64]
    """Of each token, counted from 0."""
    numbers: NDArray[np.int32]

    def known(self) -> Batch:
        """Without the tokens that are not known."""
        known = self.numbers >= 0
        return Batch(self.issues, self.issue[known], self.numbers[known])

    def pairs(self, among: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The issue of every two known neighbours, and the two as one number, first · ``among`` + second."""
        both = (self.numbers[:-1] >= 0) & (self.numbers[1:] >= 0) & (self.issue[:-1] == self.issue[1:])
        first = self.numbers[:-1][both].astype(np.int64)
        return self.issue[:-1][both], first * among + self.numbers[1:][both]


class Said:
    """What many issues said, in a buffer that grows in place: four bytes a token."""

    def __init__(self) -> None:
        self._numbers, self._ends = array("i"), array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, numbers: Iterable[int]) -> None:
        """One more issue."""
        self._numbers.extend(numbers)
        self._ends.append(len(self._numbers))

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """All issues from the ``first`` on."""
        ends = np.frombuffer(self._ends, np.int64)
        numbers = view(self._numbers, np.int32)
        for at in range(first, len(self), AT_ONCE):
            of = ends[at : at + AT_ONCE + 1]
            issue = np.repeat(np.arange(len(of) - 1), np.diff(of))
            yield Batch(len(of) - 1, issue, numbers[of[0] : of[-1]])


class Census:
    """Tokens under way. Each has a number for as long as it is held."""

    def __init__(self, room: int, *, keeps: bool) -> None:
        """``keeps``: the issues' tokens stay in ``said``, else only their number is counted."""
        self.issues = 0
        self.said = Said()
        self._room, self._keeps = room, keeps
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._df = np.zeros(0, np.int32)

    def add(self, tokens: Iterable[str]) -> None:
        """One more issue."""
        self.said.add(map(self._numbers.__getitem__, tokens))
        self.issues += 1
        if self.issues % AT_ONCE == 0:
            self._fold(AT_ONCE)

    def settle(self, min_df: int, most: int, *, pairs: bool = False) -> Kept:
        """End the count, and keep the ``most`` tokens of those that stand in ``min_df`` issues.

        ``pairs``: tokens are every two neighbours too, which takes eight bytes for each of each issue.
        """
        self._fold(self.issues % AT_ONCE)
        enough = (self._df >= min_df).tobytes()
        words = sorted(token for token, number in self._numbers.items() if enough[number])
        numbers = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
        position = np.full(len(self._df), -1, np.int32)
        position[numbers] = np.arange(len(words))
        for batch in self.said.batches():
            batch.numbers[:] = position[batch.numbers]
        found, df = _count_pairs(self.said, len(words), min_df) if pairs else (_NONE, _NONE)
        return Kept.of(words, found, np.concatenate((self._df[numbers], df)), most)

    def _fold(self, issues: int) -> None:
        """Count the newest issues."""
        for batch in self.said.batches(len(self.said) - issues):
            numbers = _distinct(batch.issue << 32 | batch.numbers) & 0xFFFFFFFF
            more = int(numbers.max(initial=-1)) + 1 - len(self._df)
            self._df = np.concatenate((self._df, np.zeros(max(more, 0), np.int32)))
            np.add.at(self._df, numbers, 1)
        if not self._keeps:
            self.said = Said()
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


@dataclass(frozen=True, eq=False)
class Kept:
    """The tokens that were worth keeping, by alphabet."""

    tokens: tuple[str, ...]
    df: NDArray[np.int64]
    """In how many issues each stands."""
    _words: NDArray[np.int32]
    """The column of each settled word, -1 if it was not worth it."""
    _pairs: NDArray[np.int64]
    _pair_columns: NDArray[np.int32]

    @classmethod
    def of(cls, words: Sequence[str], pairs: NDArray[np.int64], df: NDArray[np.int64], most: int) -> Kept:
        """The ``most`` of words and pairs that stand in the most issues; equals in alphabetical order."""

        def spelled(number: int) -> str:
            if number < len(words):
                return words[number]
            first, second = divmod(int(pairs[number - len(words)]), len(words))
            return f"{words[first]} {words[second]}"

        least = np.sort(df)[-most] if len(df) > most else 0
        above = np.flatnonzero(df > least).tolist()
        equal = sorted(np.flatnonzero(df == least).tolist(), key=spelled)
        spellings = {spelled(number): number for number in above + equal[: most - len(above)]}
        tokens = tuple(sorted(spellings))
        numbers = np.fromiter(map(spellings.__getitem__, tokens), np.int64, len(tokens))
        column = np.full(len(df), -1, np.int32)
        column[numbers] = np.arange(len(tokens))
        of_pairs = column[len(words) :]
        kept = of_pairs >= 0
        return cls(tokens, df[numbers], column[: len(words)], pairs[kept], of_pairs[kept])

    def columns(self, batch: Batch) -> Batch:
        """Settled words as columns, and their pairs after them."""
        said = batch.known()
        issue, columns = said.issue, self._words[said.numbers]
        if len(self._pairs):
            of_pair, pairs = batch.pairs(len(self._words))
            at = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
            found = np.where(self._pairs[at] == pairs, self._pair_columns[at], -1)
            issue, columns = np.concatenate((issue, of_pair)), np.concatenate((columns, found))
        return Batch(batch.issues, issue, columns).known()


def _count_pairs(said: Said, among: int, min_df: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs (``Batch.pairs``) that stand in ``min_df`` issues, ascending, and in how many each does."""
    distinct = [_NONE]
    for batch in said.batches():
        issue, pairs = batch.pairs(among)
        distinct.append(_distinct(issue * among**2 + pairs) % max(among**2, 1))
    found = np.concatenate(distinct)
    distinct.clear()
    found.sort()
    starts = np.flatnonzero(_first(found))
    df = np.diff(starts, append=len(found))
    enough = df >= min_df
    return found[starts[enough]], df[enough]


def _distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """As ``np.unique``, which hashes whole numbers; sorting them takes a third of the time."""
    keys = np.sort(keys)
    return keys[_first(keys)]


def _first(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the ascending keys differ from the one before."""
    first = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


def view(buffer: array[Any], kind: type[Number]) -> NDArray[Number]:
    """The numbers of a buffer, which cannot grow as long as they are looked at."""
    return np.frombuffer(buffer, kind) if buffer else np.empty(0, kind)
