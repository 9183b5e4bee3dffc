"""A project's past as the ranking head learns from it: who has which tag, and what was said, as numbers.

Only training imports this; scipy is loaded when it starts.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.compounds import said
from classifiers.examples import Example
from classifiers.names import NameIndex, name_stems, stem
from classifiers.ranking import BLOCK_WEIGHTS
from classifiers.redaction import Names
from classifiers.rows import Matrix
from classifiers.text import clean

RARE_FROM: Final = 5_000
"""Issues of a project from which a token in one alone is left out."""
MOST_TAGS: Final = 300
"""Tags of a project that are learnt, the most used ones."""
MOST_PAIRS: Final = 1_500_000
"""Pairs learnt from, about 90 MB. Of more, every second issue is left out, or two of three, and so on."""
MOST_TOKENS: Final = 150_000
"""Of text and opening each, over all projects."""
LEAST_TOKENS: Final = 3_000
"""Of a project, whatever its share."""


def walk(issues: int) -> tuple[float, ...]:
    """The shares of a project's issues after which its ranker learns anew and answers up to the next.

    Each costs a fit, and the more issues there are, the less the last tenth adds.
    """
    if issues <= 5_000:
        return 0.4, 0.5, 0.6, 0.7, 0.8, 0.9
    return (0.5, 0.75) if issues <= 20_000 else (0.75,)


@dataclass(frozen=True, eq=False)
class History:
    """One project's issues, oldest first."""

    project: str
    positions: NDArray[np.int32]
    """Among the examples."""
    tags: tuple[str, ...]
    has: NDArray[np.bool_]
    """Shape ``(issues, tags)``."""
    weights: NDArray[np.float64]

    @property
    def pairs(self) -> int:
        return self.has.size


def histories_of(examples: Sequence[Example]) -> list[History]:
    """Every project's past, by the projects' names."""
    of_project: dict[str, list[int]] = {}
    for position, example in enumerate(examples):
        of_project.setdefault(example.filed.project, []).append(position)
    return [_history(project, examples, of_project[project]) for project in sorted(of_project)]


def _history(project: str, examples: Sequence[Example], own: list[int]) -> History:
    own.sort(key=lambda position: (examples[position].created, examples[position].id))
    often = Counter(tag for position in own for tag in set(examples[position].tags))
    tags = tuple(sorted(sorted(often, key=lambda tag: (-often[tag], tag))[:MOST_TAGS]))
    places = {tag: at for at, tag in enumerate(tags)}
    has = np.zeros((len(own), len(tags)), np.bool_)
    for row, position in enumerate(own):
        has[row, [places[tag] for tag in examples[position].tags if tag in places]] = True
    weights = np.array([examples[position].weight for position in own], np.float64)
    return History(project, np.array(own, np.int32), tags, has, weights)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything the training may take."""

    people: Names
    seed: int
    stride: int
    """Every so many issues give pairs."""
    shares: Mapping[str, float]
    """Of each project in what is kept."""

    @classmethod
    def of(cls, histories: Sequence[History], people: Names, seed: int) -> Plan:
        every = sum(history.pairs for history in histories)
        stride = max(1, ceil(every * (1 - walk(0)[0]) / MOST_PAIRS))
        return cls(people, seed, stride, {one.project: one.pairs / max(every, 1) for one in histories})


@dataclass(frozen=True, eq=False)
class Block:
    """One kind of tokens of a project's issues."""

    tokens: tuple[str, ...]
    rows: Matrix
    """1 + ln tf, shape ``(issues, tokens)``."""

    def idf(self, upto: int) -> NDArray[np.float32]:
        """By the first issues alone; 0 for tokens that they do not hold."""
        df = self.df(upto)
        figures = np.where(df > 0, np.log((1 + upto) / (1 + df)) + 1, 0)
        return figures.astype(np.float32)

    def df(self, upto: int) -> NDArray[np.int64]:
        return np.bincount(self.rows.indices[: self.rows.indptr[upto]], minlength=len(self.tokens))

    def weighed(self, idf: NDArray[np.float32], take: slice | NDArray[np.int64]) -> Matrix:
        """Rows of length 1, as ``Vocabulary.encode`` makes them."""
        rows = self.rows[take]
        rows.data = rows.data * idf[rows.indices]
        owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        length = np.sqrt(np.bincount(owner, rows.data.astype(np.float64) ** 2, rows.shape[0]))
        rows.data /= np.where(length > 0, length, 1)[owner].astype(np.float32)
        return rows


@dataclass(frozen=True, eq=False)
class Told:
    """A project's issues as numbers."""

    blocks: tuple[Block, ...]
    names: NameIndex
    marked: NDArray[np.int64]
    """The issues that give pairs, ascending."""
    marks: NDArray[np.uint8]
    """Shape ``(len(marked), stems)``."""

    def rows(self, idf: Sequence[NDArray[np.float32]], take: slice | NDArray[np.int64]) -> Matrix:
        from scipy.sparse import hstack  # type: ignore[import-untyped]

        weighed = zip(BLOCK_WEIGHTS, self.blocks, idf, strict=True)
        parts = [block.weighed(figures, take) * np.float32(weight) for weight, block, figures in weighed]
        return hstack(parts, format="csr", dtype=np.float32)

    def holding(self, stems: Mapping[str, int]) -> Counter[str]:
        """How many issues hold each stem, at most."""
        block = self.blocks[0]
        found: Counter[str] = Counter()
        for token, df in zip(block.tokens, block.df(block.rows.shape[0]), strict=True):
            if stem(token) in stems:
                found[stem(token)] += int(df)
        return found


def told_by(examples: Sequence[Example], history: History, plan: Plan) -> Told:
    """Read every issue once."""
    index = NameIndex(name_stems(history.tags))
    marked = np.arange(0, len(examples), plan.stride)
    marks = np.zeros((len(marked), len(index.stems)), np.uint8)
    counts = _Counts(), _Counts()
    for at, example in enumerate(examples):
        issue = said(clean(example.filed, plan.people))
        for count, tokens in zip(counts, issue.streams(), strict=True):
            count.add(tokens)
        if at % plan.stride == 0:
            marks[at // plan.stride] = index.marks(issue)
    most = max(LEAST_TOKENS, int(MOST_TOKENS * plan.shares[history.project]))
    return Told(tuple(count.block(most) for count in counts), index, marked, marks)


class _Counts:
    """Tokens under way, as numbers in buffers that grow in place."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._said, self._ends = array("i"), array("q", [0])

    def add(self, tokens: Iterable[str]) -> None:
        numbers = self._numbers
        self._said.extend([numbers.setdefault(token, len(numbers)) for token in tokens])
        self._ends.append(len(self._said))

    def block(self, most: int) -> Block:
        """The ``most`` tokens that stand in the most issues; of many issues those in two at least."""
        from scipy.sparse import csr_matrix

        issues = len(self._ends) - 1
        said_ = np.frombuffer(self._said, np.int32) if self._said else np.empty(0, np.int32)
        shape = (issues, len(self._numbers))
        rows = csr_matrix(
            (np.ones(len(said_), np.float32), said_, np.frombuffer(self._ends, np.int64)), shape
        )
        rows.sum_duplicates()
        df = np.bincount(rows.indices, minlength=shape[1])
        kept = np.flatnonzero(df >= (2 if issues > RARE_FROM else 1))
        kept = np.sort(kept[np.argsort(-df[kept], kind="stable")[:most]])
        tokens = list(self._numbers)
        rows = rows[:, kept]
        rows.data = np.log(rows.data) + 1
        return Block(tuple(tokens[at] for at in kept), rows)
