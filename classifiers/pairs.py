"""The chance that a tag fits an issue, from a few figures about the pair of both.

One logistic regression serves all projects and tags. Its inputs say how the project's own ranker sees the
pair, how often the tag is used, and how well its name is found, so that a tag used twice can be right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.names import NameInputs

INPUTS: Final = (
    "margin",  # the log-odds by the project's ranker
    "rank",  # ln(1 + how many of the project's tags have a larger margin)
    "centroid_gap",  # likeness to the tag's issues (cosine), less that of the tag most alike
    "often",  # log-odds of the share of past issues with the tag
    "lately",  # the same, an issue counting half of one ``Usage.half_life`` later
    "name",
    "name_opening",
    "name_first",
    "name_prefix",
    "name_part",
    "name_gap",
    "name_opening_few",  # ``name_opening`` where the tag has at most ``FEW`` uses
)
FEW: Final = 2
LEAST_SHARE: Final = 1e-4

Inputs = NDArray[np.float32]
"""Shape ``(issues, tags, len(INPUTS))``."""


@dataclass(frozen=True, eq=False)
class PairWeights:
    """A logistic regression over pairs."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    """Inputs count as (input - mean) / scale."""
    weights: NDArray[np.float64]
    """For scaled inputs."""
    intercept: float

    @property
    def raw(self) -> NDArray[np.float64]:
        """What one unit of an input adds to the log-odds."""
        return self.weights / self.scale

    def chances(self, inputs: Inputs) -> NDArray[np.float64]:
        """The chance of each pair; as ``inputs`` without its last axis."""
        constant = self.intercept - float(self.mean @ self.raw)
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-(inputs @ self.raw + constant)))
        return chances

    def to_facts(self) -> dict[str, Any]:
        columns = zip(INPUTS, self.weights, self.mean, self.scale, strict=True)
        table = {name: {"weight": float(w), "mean": float(m), "scale": float(s)} for name, w, m, s in columns}
        return {"inputs": table, "intercept": self.intercept}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> PairWeights:
        """The weights as told by ``to_facts``.

        Raises:
            ValueError: if an input is missing or unknown, or a figure is no number.
        """
        table = facts["inputs"]
        if set(table) != set(INPUTS):
            raise ValueError(f"The weights are of other inputs: {sorted(set(table) ^ set(INPUTS))}.")

        def column(of: str) -> NDArray[np.float64]:
            return np.array([float(table[name][of]) for name in INPUTS])

        return cls(column("mean"), column("scale"), column("weight"), float(facts["intercept"]))


@lru_cache(maxsize=1)
def shipped() -> PairWeights:
    """The weights that come with the product; ``shipped/ranking.json`` says where they are from."""
    text = resources.files("classifiers").joinpath("shipped", "ranking.json").read_text(encoding="utf-8")
    return PairWeights.from_facts(json.loads(text))


@dataclass(frozen=True, eq=False)
class Usage:
    """How often and how lately each tag of a project was used."""

    uses: NDArray[np.int32]
    often: NDArray[np.float32]
    lately: NDArray[np.float32]

    @staticmethod
    def half_life(issues: int) -> float:
        return max(15.0, issues / 40)

    @classmethod
    def of(cls, has: NDArray[np.bool_], weights: NDArray[np.floating]) -> Usage:
        """From which past issue has which tag, shape ``(issues, tags)``, oldest first."""
        issues = len(has)
        age = np.arange(issues)[::-1]
        fresh = weights * 0.5 ** (age / cls.half_life(issues))
        share = weights @ has / max(float(weights.sum()), 1e-9)
        recent = (fresh @ has + 0.02) / (float(fresh.sum()) + 1)
        return cls(has.sum(0).astype(np.int32), _log_odds(share), _log_odds(recent))

    @classmethod
    def even(cls, uses: NDArray[np.int32], issues: int) -> Usage:
        """As if each tag had been used evenly over all issues."""
        often = _log_odds(uses / max(issues, 1))
        return cls(uses, often, often)


def pair_inputs(
    margins: NDArray[np.floating], likeness: NDArray[np.floating], names: NameInputs, usage: Usage
) -> Inputs:
    """The inputs of all pairs of some issues and a project's tags; ``margins`` and ``likeness`` (cosine)
    are of shape ``(issues, tags)``."""
    rank = np.argsort(np.argsort(-margins, axis=1, kind="stable"), axis=1)
    everywhere = np.ones_like(margins)
    inputs = np.empty((*margins.shape, len(INPUTS)), np.float32)
    for at, column in enumerate(
        (
            margins,
            np.log1p(rank),
            likeness - likeness.max(1, keepdims=True, initial=-1),
            everywhere * usage.often,
            everywhere * usage.lately,
            names.share,
            names.opening,
            names.first,
            names.prefix,
            names.part,
            names.gap,
            names.opening * (usage.uses <= FEW),
        )
    ):
        inputs[..., at] = column
    return inputs


def _log_odds(share: NDArray[np.floating]) -> NDArray[np.float32]:
    within = np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)
    odds: NDArray[np.float32] = np.log(within / (1 - within)).astype(np.float32)
    return odds
