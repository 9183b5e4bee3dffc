"""Do today's issues look like those the model has learnt from? Counted as integers, compared as shares."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from classifiers.facts import facts_of, read_facts

BINS: Final = 10
LEAST_ISSUES: Final = 200
SOME: Final = 0.1
MUCH: Final = 0.25
SURE: Final = 0.999
"""One-sided: the same counts are looked at day after day."""
NEW_PROJECT: Final = ""
"""The cell of projects the training window did not have."""


class Measure(StrEnum):
    """What is watched of every issue."""

    BEST = "best"
    """The chance of the best proposal."""
    KNOWN = "known"
    """The share of its words that the training had seen."""
    WORDS = "words"
    PROJECT = "project"


class Size(StrEnum):
    """How far the issues have moved."""

    UNKNOWN = "unknown"
    NONE = "none"
    SOME = "some"
    MUCH = "much"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one issue adds to the counts."""

    project: str
    best: float
    """0 without any candidate."""
    known: float
    words: int


@dataclass(frozen=True, slots=True)
class Reference:
    """The issues of the training window, counted."""

    edges: dict[Measure, tuple[float, ...]]
    """Where the bins of a number part, rising; a value on an edge belongs to the bin above."""
    counts: dict[str, int]
    """Cell → issues; cells are named as :meth:`cells` names them."""

    def cells(self, seen: Seen) -> tuple[str, ...]:
        """The cell of each measure an issue falls in, such as ``best:3`` or ``project:ABC``.

        A worker keeps one integer for each cell and adds 1 to these.
        """
        numbers = {Measure.BEST: seen.best, Measure.KNOWN: seen.known, Measure.WORDS: seen.words}
        known = f"{Measure.PROJECT}:{seen.project}"
        return (
            *(f"{of}:{bisect_right(self.edges[of], value)}" for of, value in numbers.items()),
            known if known in self.counts else f"{Measure.PROJECT}:{NEW_PROJECT}",
        )

    def facts(self) -> dict[str, Any]:
        """What JSON can hold."""
        return facts_of(self)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Reference:
        """The opposite of :meth:`facts`.

        Raises:
            ValueError: the facts are of another shape.
        """
        found = read_facts(cls, facts)
        if missing := sorted({Measure.BEST, Measure.KNOWN, Measure.WORDS} - found.edges.keys()):
            raise ValueError(f"These are not the facts of a Reference: there are no edges of {missing[0]}.")
        return found


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one measure has moved."""

    measure: Measure
    seen: int
    """Issues counted."""
    index: float
    """The population stability index; 0 is no difference at all."""
    luck: float
    """What the index reaches by luck alone once in a thousand looks."""
    size: Size
    sentence: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How far all measures have moved."""

    moved: tuple[Moved, ...]


def reference(window: Iterable[Seen]) -> Reference:
    """Summarise the training window: tenths of equal size for numbers, a cell for each project.

    The chances and known words must be those of issues the model had *not* learnt from, such as
    the newest months before the final fit: of its own training issues every model knows the words.
    """
    rows = list(window)
    edges = {
        Measure.BEST: _tenths([row.best for row in rows]),
        Measure.KNOWN: _tenths([row.known for row in rows]),
        Measure.WORDS: _tenths([float(row.words) for row in rows]),
    }
    cells = [f"{of}:{i}" for of, at in edges.items() for i in range(len(at) + 1)]
    cells += [f"{Measure.PROJECT}:{name}" for name in sorted({row.project for row in rows})]
    empty = Reference(edges, dict.fromkeys(cells, 0))
    return Reference(edges, add(empty, empty.counts, rows))


def add(against: Reference, counts: Mapping[str, int], rows: Iterable[Seen]) -> dict[str, int]:
    """The counts with more issues in them."""
    found = dict(counts)
    for row in rows:
        for cell in against.cells(row):
            found[cell] = found.get(cell, 0) + 1
    return found


def compare(against: Reference, counts: Mapping[str, int]) -> Drift:
    """Hold what was counted since against the training window.

    The population stability index Σ (a - e) ln(a / e) over the shares a of the cells now and e in
    the window; 0.1 is commonly read as some drift, 0.25 as much (N. Siddiqi, "Credit risk
    scorecards", 2006). Half an issue is added to every cell, so that an empty one has a logarithm.
    Without any drift the index of n issues against m in B cells is near (1/n + 1/m) times a
    chi-square of B - 1 degrees (B. Yurdakul, "Statistical properties of population stability
    index", Western Michigan University, 2018), so it also has to be above that at 99.9 %; and of
    fewer than ``LEAST_ISSUES`` issues nothing is said.
    """
    return Drift(tuple(_moved(of, against, counts) for of in Measure))


def _tenths(values: Sequence[float]) -> tuple[float, ...]:
    """The edges between tenths of equal size; fewer where many values are the same."""
    if not values:
        return ()
    inner = np.quantile(np.array(values), np.arange(1, BINS) / BINS, method="higher")
    return tuple(sorted({float(edge) for edge in inner} - {min(values)}))


def _moved(of: Measure, against: Reference, now: Mapping[str, int]) -> Moved:
    before = against.counts
    cells = sorted(cell for cell in before.keys() | now.keys() if cell.startswith(f"{of}:"))
    if of is Measure.PROJECT and len(cells) == 1:
        # Nor did any issue come from elsewhere: that is no want of knowledge.
        cells = sorted({*cells, f"{of}:{NEW_PROJECT}"})
    then_counts = np.array([before.get(cell, 0) for cell in cells], dtype=np.float64)
    now_counts = np.array([now.get(cell, 0) for cell in cells], dtype=np.float64)
    seen, window = int(now_counts.sum()), int(then_counts.sum())
    if len(cells) < 2 or not seen or not window:
        return Moved(of, seen, 0.0, 0.0, Size.UNKNOWN, _sentence(of, Size.UNKNOWN, seen, ""))
    expected = (then_counts + 0.5) / (window + 0.5 * len(cells))
    actual = (now_counts + 0.5) / (seen + 0.5 * len(cells))
    parts = (actual - expected) * np.log(actual / expected)
    index = float(parts.sum())
    luck = (1 / seen + 1 / window) * _chi_square(len(cells) - 1)
    size = _size(index, luck, min(seen, window))
    most = int(np.argmax(np.where(actual > expected, parts, -1.0)))
    cell = cells[most].partition(":")[2]
    where = _where(of, cell, against.edges.get(of, ()), float(expected[most]), float(actual[most]))
    return Moved(of, seen, index, luck, size, _sentence(of, size, seen, where))


def _size(index: float, luck: float, issues: int) -> Size:
    if issues < LEAST_ISSUES:
        return Size.UNKNOWN
    if index <= max(SOME, luck):
        return Size.NONE
    return Size.MUCH if index > MUCH else Size.SOME


def _chi_square(degrees: int) -> float:
    """The point a chi-square variable exceeds with chance 1 - ``SURE``.

    E. B. Wilson, M. M. Hilferty, "The distribution of chi-square", PNAS 17 (1931); off by under
    3 % here.
    """
    part = 2 / (9 * degrees)
    return degrees * (1 - part + NormalDist().inv_cdf(SURE) * sqrt(part)) ** 3


_NAMES: Final = {
    Measure.BEST: "the model's surety",
    Measure.KNOWN: "the share of words it knows",
    Measure.WORDS: "the length of issues",
    Measure.PROJECT: "the mix of projects",
}


def _sentence(of: Measure, size: Size, seen: int, where: str) -> str:
    if size is Size.UNKNOWN:
        return f"{seen} issues are too few to compare {_NAMES[of]} with the training window"
    if size is Size.NONE:
        return f"{_NAMES[of]} is what it was in the training window"
    grade = "much" if size is Size.MUCH else "somewhat"
    return f"{_NAMES[of]} differs {grade} from the training window: {where}"


def _where(of: Measure, cell: str, edges: tuple[float, ...], before: float, now: float) -> str:
    """The growing cell that adds most to the index."""
    if of is Measure.PROJECT:
        place = f"come from {cell or 'projects it does not know'}"
    elif int(cell) == 0:
        place = f"lie under {edges[0]:.3g}"
    elif int(cell) == len(edges):
        place = f"lie at {edges[-1]:.3g} or above"
    else:
        place = f"lie from {edges[int(cell) - 1]:.3g} to {edges[int(cell)]:.3g}"
    return f"{now:.0%} of issues {place}, where it was {before:.0%}"
