"""Boosted trees as plain arrays: what scikit-learn's histogram gradient boosting grew, told without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Trees:
    """Trees whose answers are added up; all their nodes lie in one row of arrays."""

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    """The input that a node asks for."""
    threshold: NDArray[np.float64]
    """Not above it: on to ``left``."""
    left: NDArray[np.int32]
    """A leaf leads to itself, on both sides."""
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    """What a leaf adds to the log-odds."""
    baseline: float

    def log_odds(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-odds of each row of inputs (none of them NaN), shape ``(rows,)``."""
        rows = np.arange(len(inputs))[:, None]
        nodes = np.broadcast_to(self.roots, (len(inputs), len(self.roots)))
        while True:
            beyond = inputs[rows, self.feature[nodes]] > self.threshold[nodes]
            following = np.where(beyond, self.right[nodes], self.left[nodes])
            if np.array_equal(following, nodes):
                break
            nodes = following
        summed: NDArray[np.float64] = self.value[nodes].sum(axis=1) + self.baseline
        return summed

    @classmethod
    def of(cls, fitted: Any) -> Trees:
        """The trees of a fitted two-class ``sklearn.ensemble.HistGradientBoostingClassifier``.

        Only for numeric inputs without missing values: its nodes then hold all that its answers rest on.
        """
        grown = [stage[0].nodes for stage in fitted._predictors]  # noqa: SLF001 - sklearn tells them nowhere else
        roots = np.cumsum([0, *(len(nodes) for nodes in grown[:-1])])
        nodes = np.concatenate(grown)
        first = np.repeat(roots, [len(one) for one in grown])
        leaf, here = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
        return cls(
            roots=roots.astype(np.int32),
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
            left=np.where(leaf, here, first + nodes["left"]).astype(np.int32),
            right=np.where(leaf, here, first + nodes["right"]).astype(np.int32),
            value=np.where(leaf, nodes["value"], 0.0),
            baseline=float(fitted._baseline_prediction.ravel()[0]),  # noqa: SLF001
        )

    def to_facts(self) -> dict[str, Any]:
        return {
            "roots": self.roots.tolist(),
            "feature": self.feature.tolist(),
            "threshold": self.threshold.tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "value": self.value.tolist(),
            "baseline": self.baseline,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Trees:
        """The trees as told by ``to_facts``.

        Raises:
            ValueError: if nodes are missing or lead nowhere or in a circle.
            KeyError: if a part is missing.
        """
        trees = cls(
            roots=np.array(facts["roots"], np.int32),
            feature=np.array(facts["feature"], np.int32),
            threshold=np.array(facts["threshold"], np.float64),
            left=np.array(facts["left"], np.int32),
            right=np.array(facts["right"], np.int32),
            value=np.array(facts["value"], np.float64),
            baseline=float(facts["baseline"]),
        )
        nodes = len(trees.feature)
        here = np.arange(nodes)
        if {len(part) for part in (trees.threshold, trees.left, trees.right, trees.value)} != {nodes}:
            raise ValueError("The trees' arrays are of different lengths.")
        leaf = (trees.left == here) & (trees.right == here)
        # Children lie behind their parents, so no way through a tree can come back to where it was.
        onward = (np.minimum(trees.left, trees.right) > here) & (np.maximum(trees.left, trees.right) < nodes)
        if not np.all(leaf | onward) or not np.all((trees.roots >= 0) & (trees.roots < nodes)):
            raise ValueError("A node of the trees leads outside of them or back.")
        return trees
