"""Learning the pair model: logistic regression held near weights that are known to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.pairs import INPUTS, PairWeights

TIE: Final = 30.0
"""How strongly weights are held to those they start from. As much as a few hundred telling pairs say
against them, so that a young tracker answers by the shipped weights and an old one by its own."""
_STEPS: Final = 30
_CHUNK: Final = 100_000


@dataclass(frozen=True, eq=False)
class Pairs:
    """Issues and candidates with what came of them, a row for each pair."""

    example: NDArray[np.int32]
    tag: NDArray[np.int32]
    fold: NDArray[np.int8]
    """A stretch of time within its project."""
    inputs: NDArray[np.float32]
    """Shape ``(pairs, len(INPUTS))``."""
    right: NDArray[np.bool_]
    weight: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: list[Pairs]) -> Pairs:
        empty = cls(
            np.empty(0, np.int32),
            np.empty(0, np.int32),
            np.empty(0, np.int8),
            np.empty((0, len(INPUTS)), np.float32),
            np.empty(0, np.bool_),
            np.empty(0, np.float32),
        )
        every = [empty, *parts]
        return cls(
            np.concatenate([part.example for part in every]),
            np.concatenate([part.tag for part in every]),
            np.concatenate([part.fold for part in every]),
            np.concatenate([part.inputs for part in every]),
            np.concatenate([part.right for part in every]),
            np.concatenate([part.weight for part in every]),
        )


def own_start(pairs: Pairs) -> PairWeights:
    """Where no weights are known to do: those of the pairs themselves, hardly held to anything."""
    if not len(pairs.right):
        return PairWeights(np.zeros(len(INPUTS)), np.ones(len(INPUTS)), np.zeros(len(INPUTS)), 0.0)
    spread = pairs.inputs.std(0, dtype=np.float64)
    mean = pairs.inputs.mean(0, dtype=np.float64)
    nothing = PairWeights(mean, np.where(spread > 0, spread, 1), np.zeros(len(INPUTS)), 0.0)
    return fit_pairs(pairs, nothing, tie=1.0)


def fit_pairs(
    pairs: Pairs, start: PairWeights, *, without: int | None = None, tie: float = TIE
) -> PairWeights:
    """The weights that make the pairs likeliest, less ``tie`` / 2 · |weights - start|²: the most likely
    ones if those to start from are right to within 1 / sqrt(``tie``). By Newton's steps, halved while
    they lead nowhere.

    ``without``: a fold to leave out.
    """
    now = np.append(start.weights, start.intercept)
    held = _Held(pairs, start, now.copy(), tie, without)
    value, slope, curve = held.posterior(now)
    for _ in range(_STEPS):
        step = np.linalg.solve(curve, slope)
        for _ in range(10):
            after = held.posterior(now - step)
            if after[0] <= value:
                break
            step /= 2
        else:
            break
        now, gain = now - step, value - after[0]
        value, slope, curve = after
        if gain <= 1e-7 * max(value, 1.0):
            break
    return PairWeights(start.mean, start.scale, now[:-1], float(now[-1]))


def cross_fitted(pairs: Pairs, start: PairWeights) -> tuple[PairWeights, NDArray[np.float32]]:
    """The weights of all pairs, and each pair's chance by weights learnt without its stretch of time."""
    weights = fit_pairs(pairs, start)
    p = np.empty(len(pairs.right), np.float32)
    for fold in np.unique(pairs.fold):
        others = fit_pairs(pairs, start, without=int(fold))
        own = np.flatnonzero(pairs.fold == fold)
        for at in range(0, len(own), _CHUNK):
            chunk = own[at : at + _CHUNK]
            p[chunk] = others.chances(pairs.inputs[chunk])
    return weights, p


Posterior = tuple[float, NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Held:
    """Pairs, and what their weights are held to."""

    pairs: Pairs
    start: PairWeights
    to: NDArray[np.float64]
    """The weights of ``start`` with the intercept behind them."""
    tie: float
    without: int | None

    def posterior(self, now: NDArray[np.float64]) -> Posterior:
        """Minus the log-likelihood with its tie, its slope and its curvature."""
        off = now - self.to
        value, slope, curve = self.tie / 2 * float(off @ off), self.tie * off, self.tie * np.eye(len(now))
        for chunk, counted in self._chunks():
            scaled = np.ones((len(counted), len(now)))
            scaled[:, :-1] = (self.pairs.inputs[chunk] - self.start.mean) / self.start.scale
            margin = scaled @ now
            right = self.pairs.right[chunk]
            chance = 1 / (1 + np.exp(-margin))
            value += float(counted @ (np.logaddexp(0, margin) - right * margin))
            slope = slope + scaled.T @ (counted * (chance - right))
            curve = curve + (scaled * (counted * chance * (1 - chance))[:, None]).T @ scaled
        return value, slope, curve

    def _chunks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        for at in range(0, len(self.pairs.right), _CHUNK):
            chunk = slice(at, at + _CHUNK)
            counted = self.pairs.weight[chunk].astype(np.float64)
            if self.without is not None:
                counted = counted * (self.pairs.fold[chunk] != self.without)
            yield chunk, counted
