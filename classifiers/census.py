"""Counting in how many issues each token stands, with bounded memory.

While they are counted tokens are numbers, taken in batches of issues.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

AT_ONCE: Final = 1_000
"""Issues counted at a time."""

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

    def batches(self) -> Iterator[Batch]:
        """All issues, ``AT_ONCE`` at a time."""
        ends = np.frombuffer(self._ends, np.int64)
        numbers = view(self._numbers, np.int32)
        for at in range(0, len(self), AT_ONCE):
            of = ends[at : at + AT_ONCE + 1]
            issue = np.repeat(np.arange(len(of) - 1), np.diff(of))
            yield Batch(len(of) - 1, issue, numbers[of[0] : of[-1]])


class Census:
    """Tokens under way. Each has a number for as long as it is held."""

    def __init__(self, room: int) -> None:
        self.issues = 0
        self._said = Said()
        self._room = room
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._df = np.zeros(0, np.int32)

    def add(self, tokens: Iterable[str]) -> None:
        """One more issue."""
        self._said.add(map(self._numbers.__getitem__, tokens))
        self.issues += 1
        if self.issues % AT_ONCE == 0:
            self._fold()

    def settle(self, min_df: int, most: int) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """End the count: by alphabet, the ``most`` tokens of those that stand in ``min_df`` issues, and in
        how many each does; of equals the first by alphabet."""
        self._fold()
        df = self._df.tolist()
        counted = [(-df[number], token) for token, number in self._numbers.items() if df[number] >= min_df]
        kept = sorted(counted)[:most]
        kept.sort(key=lambda item: item[1])
        return tuple(token for _, token in kept), np.array([-often for often, _ in kept], np.int32)

    def _fold(self) -> None:
        """Count the newest issues."""
        for batch in self._said.batches():
            numbers = _distinct(batch.issue << 32 | batch.numbers) & 0xFFFFFFFF
            more = int(numbers.max(initial=-1)) + 1 - len(self._df)
            self._df = np.concatenate((self._df, np.zeros(max(more, 0), np.int32)))
            np.add.at(self._df, numbers, 1)
        self._said = Said()
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


def _distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """As ``np.unique``, which hashes whole numbers; sorting them takes a third of the time."""
    keys = np.sort(keys)
    first = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


def view(buffer: array[Any], kind: type[Number]) -> NDArray[Number]:
    """The numbers of a buffer, which cannot grow as long as they are looked at."""
    return np.frombuffer(buffer, kind) if buffer else np.empty(0, kind)
