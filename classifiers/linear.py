"""Many yes-or-no questions about the same rows: is it this tag, or not?

Trained with scikit-learn, one logistic regression a tag; served as one table of weights, with numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.rows import Matrix
from classifiers.vocabulary import Row

TOLERANCE: Final = 0.1
FEWEST_PASSES: Final = 3
MOST_PASSES: Final = 50
"""Passes over the rows for each tag. About eight are needed to come to rest. After five the margins are the
same to a hundredth; after three up to a twentieth too small, in nearly the same order (rank correlation
0.99 and more)."""
WORK: Final = 600_000_000
"""Figures looked at in all passes for all tags together, unless the fewest passes need more: from there on
time grows with the rows alone. 12,500 issues and 50 tags get five passes or more."""
MANY: Final = 30_000
"""Rows from which on a tag is learnt against every second issue without it, each counting twice."""
BUDGET: Final = 1_500_000
"""Weights a model keeps, of all tags together: about 4 MB when packed."""
DENSE: Final = 12_500_000
"""Weights up to which serving holds them all (50 MB); above, those that are not 0."""
_LARGEST: Final = 65_000.0
"""About the largest figure in half precision."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Weights for columns and tags, most of them 0, and a constant for each tag.

    The weights of column ``c`` are those from ``starts[c]`` to ``starts[c + 1]``.
    """

    starts: NDArray[np.int32]
    """Shape ``(columns + 1,)``."""
    tags: NDArray[np.int16]
    """The tag of each weight, ascending within a column."""
    weights: NDArray[np.float32]
    constants: NDArray[np.float32]
    """Shape ``(number of tags,)``."""

    @classmethod
    def of(
        cls, table: NDArray[np.floating[Any]], constants: NDArray[np.floating[Any]], *, budget: int = BUDGET
    ) -> LinearModel:
        """A model of the ``budget`` strongest weights of a table, shape ``(columns, tags)``."""
        kept = table != 0
        strength = np.abs(table[kept])  # without the zeros: partition is slow among so many equals
        if len(strength) > budget:
            kept = np.abs(table) >= np.partition(strength, len(strength) - budget)[len(strength) - budget]
        columns, tags = np.nonzero(kept)
        starts = np.zeros(len(table) + 1, np.int32)
        starts[1:] = np.cumsum(np.bincount(columns, minlength=len(table)))
        weights = table[columns, tags].astype(np.float32)
        return cls(starts, tags.astype(np.int16), weights, constants.astype(np.float32))

    def margins(self, row: Row) -> NDArray[np.float32]:
        """The log-odds of each tag, shape ``(tags,)``; the log-odds of the training, not calibrated."""
        if self._table is not None:
            summed: NDArray[np.float32] = row.values @ self._table[row.columns]
        else:
            at, times = self._weights_of(row.columns)
            each = self.weights[at] * np.repeat(row.values, times)
            summed = np.bincount(self.tags[at], each, len(self.constants)).astype(np.float32)
        return summed + self.constants

    def contributions(self, row: Row, tag: int) -> NDArray[np.float32]:
        """What each column of the row adds to the log-odds of ``tag``, as long as ``row.columns``."""
        if self._table is not None:
            own: NDArray[np.float32] = row.values * self._table[row.columns, tag]
            return own
        at, times = self._weights_of(row.columns)
        owner = np.repeat(np.arange(len(row.columns)), times)
        each = np.where(self.tags[at] == tag, self.weights[at], 0)
        return row.values * np.bincount(owner, each, len(row.columns)).astype(np.float32)

    def margins_of(self, rows: Matrix) -> NDArray[np.float32]:
        """The log-odds of many rows, shape ``(rows, tags)``. For training: needs scipy."""
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        shape = (len(self.starts) - 1, len(self.constants))
        table = csr_matrix((self.weights, self.tags.astype(np.int32), self.starts), shape=shape)
        summed: NDArray[np.float32] = (rows @ table).toarray()
        return summed + self.constants

    def pack(self) -> dict[str, NDArray[Any]]:
        """The model in few bytes: weights in half precision, counts and tags as small as they fit."""
        tags = len(self.constants)
        return {
            "counts": np.diff(self.starts).astype(np.uint8 if tags < 256 else np.int32),
            "tags": self.tags.astype(np.uint8 if tags <= 256 else np.int16),
            "weights": np.clip(self.weights, -_LARGEST, _LARGEST).astype(np.float16),
            "constants": self.constants,
        }

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[Any]]) -> LinearModel:
        """The model of ``pack``'s arrays.

        Raises:
            ValueError: if they do not fit together.
        """
        counts, tags, constants = arrays["counts"], arrays["tags"].astype(np.int16), arrays["constants"]
        weights = arrays["weights"].astype(np.float32)
        starts = np.zeros(len(counts) + 1, np.int32)
        starts[1:] = np.cumsum(counts, dtype=np.int64)
        fits = len(tags) == len(weights) == starts[-1]
        if not fits or (len(tags) and not 0 <= tags.min() <= tags.max() < len(constants)):
            raise ValueError("The weights of the model do not fit its columns and tags.")
        return cls(starts, tags, weights, constants.astype(np.float32))

    @cached_property
    def _table(self) -> NDArray[np.float32] | None:
        columns = len(self.starts) - 1
        if columns * len(self.constants) > DENSE:
            return None
        table = np.zeros((columns, len(self.constants)), np.float32)
        table[np.repeat(np.arange(columns), np.diff(self.starts)), self.tags] = self.weights
        return table

    def _weights_of(self, columns: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Where the weights of the columns stand, and how many each has."""
        first = self.starts[columns]
        times = self.starts[columns + 1] - first
        before = np.cumsum(times) - times
        return np.arange(times.sum()) + np.repeat(first - before, times), times


def fit_many(
    rows: Matrix,
    has: NDArray[np.bool_],
    weights: NDArray[np.floating[Any]],
    *,
    C: float = 10.0,  # noqa: N803 - its name everywhere
    balanced: bool = True,
    seed: int = 0,
    budget: int = BUDGET,
) -> LinearModel:
    """Learn every tag against the rest: logistic regression by liblinear's dual coordinate descent, which
    solves sparse text about ten times as fast as its primal method, to the same margins.
    https://www.csie.ntu.edu.tw/~cjlin/papers/maxent_dual.pdf

    Args:
        rows: ``scipy.sparse.csr_matrix`` of shape ``(issues, columns)``.
        has: whether an issue has a tag, shape ``(issues, tags)``.
        weights: how much each issue counts, shape ``(issues,)``.
        C: the inverse of the penalty on large weights.
        balanced: let a tag's issues count as much as all others together.
        seed: the order in which rows are looked at.
        budget: weights kept, the strongest of all tags.

    A tag that no issue or every issue has is answered by its share alone, and so is every tag where no
    issue says a word.
    """
    from scipy.sparse import csr_matrix

    exact = csr_matrix((rows.data.astype(np.float64), rows.indices, rows.indptr), rows.shape)
    passes = min(max(WORK // (max(rows.nnz, 1) * max(has.shape[1], 1)), FEWEST_PASSES), MOST_PASSES)
    table = np.zeros((rows.shape[1], has.shape[1]), np.float32)
    constants = np.empty(has.shape[1], np.float32)
    for tag in range(has.shape[1]):
        of_tag = np.ascontiguousarray(has[:, tag])
        if rows.shape[1] and of_tag.any() and not of_tag.all():
            counted = weights * _balance(of_tag, weights) if balanced else weights
            kept, counted = _thinned(of_tag, counted, tag)
            table[:, tag], constants[tag] = _fit(exact[kept], of_tag[kept], counted, C, passes, seed)
        else:
            share = (of_tag.sum() + 0.5) / (len(of_tag) + 1)
            constants[tag] = np.log(share / (1 - share))
    return LinearModel.of(table, constants, budget=budget)


def _balance(of_tag: NDArray[np.bool_], weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    total, own = float(weights.sum()), float(weights[of_tag].sum())
    return np.where(of_tag, total / (2 * own), total / (2 * (total - own)))


def _thinned(
    of_tag: NDArray[np.bool_], weights: NDArray[np.floating[Any]], tag: int
) -> tuple[NDArray[np.intp] | slice, NDArray[np.floating[Any]]]:
    """The rows to learn a tag from, and how much each counts; other rows for the next tag."""
    if len(of_tag) < MANY:
        return slice(None), weights
    others = np.flatnonzero(~of_tag)
    second = others[tag % min(2, len(others)) :: 2]
    kept = np.sort(np.concatenate((np.flatnonzero(of_tag), second)))
    twice = weights[others].sum() / weights[second].sum()
    return kept, np.where(of_tag[kept], weights[kept], weights[kept] * twice)


def _fit(
    rows: Matrix,
    of_tag: NDArray[np.bool_],
    weights: NDArray[np.floating[Any]],
    inverse: float,
    passes: int,
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    import warnings

    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    model = LogisticRegression(
        C=inverse, solver="liblinear", dual=True, tol=TOLERANCE, max_iter=passes, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are counted on purpose
        model.fit(rows, of_tag, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])
