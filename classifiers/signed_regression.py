"""A logistic regression some of whose weights may only be of one sign: what should worry never calms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TIE: Final = 60.0
"""How strongly weights are held to those they start from. Half as much fits a tracker never seen a little
better, and one whose early sprints the first weights were learnt from a little worse, because those
sprints then count twice."""
LEAST: Final = 10 - 1e-6
"""The weight of lessons below which nothing is adapted to them."""
_ROUNDS: Final = 500


@dataclass(frozen=True, eq=False, slots=True)
class SignedRegression:
    """Log-odds as a weighted sum of inputs."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    """Inputs count as (input - mean) / scale."""
    weights: NDArray[np.float64]
    """For scaled inputs."""
    constant: float

    def log_odds(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each row of inputs."""
        odds: NDArray[np.float64] = ((inputs - self.mean) / self.scale) @ self.weights + self.constant
        return odds

    def to_facts(self, names: Sequence[str]) -> dict[str, Any]:
        """As JSON; ``names`` are those of the inputs."""
        columns = zip(names, self.weights, self.mean, self.scale, strict=True)
        table = {name: {"weight": float(w), "mean": float(m), "scale": float(s)} for name, w, m, s in columns}
        return {"inputs": table, "constant": self.constant}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], names: Sequence[str]) -> SignedRegression:
        """The regression as told by ``to_facts``.

        Raises:
            ValueError: if an input is missing or unknown, or a figure is no number.
        """
        table = facts["inputs"]
        if set(table) != set(names):
            raise ValueError(f"The weights are of other inputs: {sorted(set(table) ^ set(names))}.")

        def column(of: str) -> NDArray[np.float64]:
            return np.array([float(table[name][of]) for name in names])

        return cls(column("mean"), column("scale"), column("weight"), float(facts["constant"]))


@dataclass(frozen=True, eq=False, slots=True)
class Lessons:
    """Questions and what came of them, a row for each."""

    inputs: NDArray[np.float64]
    """Shape ``(rows, inputs)``."""
    yes: NDArray[np.float64]
    """1 or 0."""
    weight: NDArray[np.float64]
    """Those of one sprint add up to 1."""


def fit(lessons: Lessons, signs: Sequence[int], penalty: float) -> SignedRegression:
    """The regression that makes the lessons likeliest, less ``penalty`` / 2 · |weights|².

    Args:
        signs: of each input: 1 where more of it may only raise the chance, -1 where it may only lower
            it, 0 where it is free.
    """
    mean = np.average(lessons.inputs, axis=0, weights=lessons.weight)
    spread = np.sqrt(np.average((lessons.inputs - mean) ** 2, axis=0, weights=lessons.weight))
    nothing = SignedRegression(mean, np.where(spread > 0, spread, 1.0), np.zeros(len(signs)), 0.0)
    return _fitted(lessons, signs, nothing, np.array([0.0] + [penalty] * len(signs)))


def adapted(start: SignedRegression, lessons: Lessons | None, signs: Sequence[int]) -> SignedRegression:
    """The same held to ``start``, less ``TIE`` / 2 · |change|², the constant's among them; ``start``
    itself where the lessons weigh too little."""
    if lessons is None or lessons.weight.sum() < LEAST:
        return start
    return _fitted(lessons, signs, start, np.full(len(signs) + 1, TIE))


def _fitted(
    lessons: Lessons, signs: Sequence[int], start: SignedRegression, penalty: NDArray[np.float64]
) -> SignedRegression:
    """By L-BFGS-B (R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, SIAM J. Sci. Comput. 16, 1995)."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    scaled = np.ones((len(lessons.yes), len(signs) + 1))
    scaled[:, 1:] = (lessons.inputs - start.mean) / start.scale
    begin = np.append(start.constant, start.weights)

    def loss(now: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds, off = scaled @ now, now - begin
        missed = lessons.weight * (1 / (1 + np.exp(-np.clip(odds, -500, 500))) - lessons.yes)
        value = lessons.weight @ (np.logaddexp(0, odds) - lessons.yes * odds) + penalty @ (off * off) / 2
        return float(value), missed @ scaled + penalty * off

    ends = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}
    bounds = [(None, None), *(ends[sign] for sign in signs)]
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _ROUNDS}).x
    return replace(start, weights=np.array(found[1:]), constant=float(found[0]))
