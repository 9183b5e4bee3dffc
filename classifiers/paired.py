"""Two models' answers to the same issues, figure by figure, by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluate import Answered
from classifiers.intervals import LEVEL, Interval

RESAMPLES: Final = 1000
SEED: Final = 20

_Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure (0..1) of two models over the same issues."""

    candidate: float
    serving: float
    between: Interval
    """Where candidate minus serving lies, at 95 %."""

    @property
    def apart(self) -> float:
        return self.candidate - self.serving


@dataclass(frozen=True, slots=True)
class Paired:
    """The figures that tell which of two models is the better one."""

    f1: Compared
    """Of the applied tags, over all tags together."""
    first: Compared
    """The share of issues with a true tag whose first proposal is one."""
    precision: Compared
    """Of the applied tags; 0 where none is applied."""


def compare(candidate: Sequence[Answered], serving: Sequence[Answered]) -> Paired:
    """Compare the answers to the same issues in the same order, at least one.

    The intervals are the middle 95 % of the differences over 1,000 draws of as many issues, with
    replacement and a fixed seed; each draw takes an issue with both models' answers (B. Efron,
    R. J. Tibshirani, "An introduction to the bootstrap", 1993, §13.3).
    """
    counts = np.hstack([_counts(candidate), _counts(serving)])
    every, draws = counts.sum(axis=0, keepdims=True), _draws(counts)
    return Paired(*(_compared(score, every, draws) for score in (_f1, _first, _precision)))


def _compared(score: _Score, every: NDArray[np.float64], draws: NDArray[np.float64]) -> Compared:
    apart = score(draws[:, :5]) - score(draws[:, 5:])
    low, high = np.quantile(apart, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    here, there = score(every[:, :5])[0], score(every[:, 5:])[0]
    return Compared(float(here), float(there), Interval(float(low), float(high)))


def _counts(answers: Sequence[Answered]) -> NDArray[np.float64]:
    """Right, applied, true, first right and tagged at all, for each issue; shape ``(issues, 5)``."""
    return np.array(
        [
            (
                sum(tag in one.truth for tag in one.applied),
                len(one.applied),
                len(one.truth),
                bool(one.proposed) and one.proposed[0].tag in one.truth,
                bool(one.truth),
            )
            for one in answers
        ],
        dtype=np.float64,
    )


def _draws(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums over each draw, shape ``(RESAMPLES, 10)``."""
    dice = np.random.default_rng(SEED)
    size = len(counts)
    drawn = (np.bincount(dice.integers(0, size, size), minlength=size) for _ in range(RESAMPLES))
    return np.array([times.astype(np.float64) @ counts for times in drawn])


def _f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2 * sums[:, 0] / np.maximum(1, sums[:, 1] + sums[:, 2])


def _first(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[:, 3] / np.maximum(1, sums[:, 4])


def _precision(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[:, 0] / np.maximum(1, sums[:, 1])
