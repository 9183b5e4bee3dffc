"""Issues as rows of numbers, in buffers that grow in place. For training: needs scipy."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.census import AT_ONCE, Batch, Said, view

Matrix: TypeAlias = Any
"""``scipy.sparse.csr_matrix``, float32. Scipy has no types, and serving never loads it."""


class Rows:
    """Rows under way: (1 + ln tf) · idf, each of length ``weight``."""

    def __init__(self, idf: NDArray[np.float32], weight: float = 1.0) -> None:
        self._idf, self._weight = idf, np.float32(weight)
        self._said = Said()
        self._columns, self._values, self._ends = array("i"), array("f"), array("q", [0])

    def add(self, columns: Iterable[int]) -> None:
        """One more issue, by the column of each of its tokens, -1 for one that is not known."""
        self._said.add(columns)
        if len(self._said) == AT_ONCE:
            self._fold()

    def extend(self, batch: Batch) -> None:
        """More issues, by the columns of their tokens, in any order."""
        keys, tf = np.unique(batch.issue << 32 | batch.numbers, return_counts=True)
        issue, columns = keys >> 32, (keys & 0xFFFFFFFF).astype(np.int32)
        values = (np.log(tf.astype(np.float32)) + 1) * self._idf[columns]
        length = np.sqrt(np.bincount(issue, values * values, batch.issues))
        self._columns.frombytes(columns.tobytes())
        self._values.frombytes((values / length[issue] * self._weight).astype(np.float32).tobytes())
        ends = np.cumsum(np.bincount(issue, minlength=batch.issues)) + self._ends[-1]
        self._ends.frombytes(ends.astype(np.int64).tobytes())

    def matrix(self) -> Matrix:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        self._fold()
        columns, values = view(self._columns, np.int32), view(self._values, np.float32)
        ends = np.frombuffer(self._ends, np.int64)
        # Small indices, or liblinear copies them for every tag.
        ends = ends.astype(np.int32) if len(columns) < 2**31 else ends
        rows = csr_matrix((values, columns, ends), shape=(len(ends) - 1, len(self._idf)), copy=False)
        rows.has_sorted_indices = True
        return rows

    def _fold(self) -> None:
        for batch in self._said.batches():
            self.extend(batch.known())
        self._said = Said()
