"""The members of a one-of head: their inputs counted and weighed, and how each is taught.

Only training imports this; scikit-learn and scipy are loaded when it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.exclusive_course import Course
from classifiers.exclusive_inputs import Block, Inputs
from classifiers.redaction import Names
from classifiers.rows import Matrix
from classifiers.vocabulary import Blocks, Vocabulary

MOST_TOKENS: Final = 80_000
"""Tokens a block keeps."""
MOST_TOKENS_LONG: Final = 40_000
COUNTED: Final = 10_000
"""Issues a vocabulary is counted on, evenly spread; it hardly changes after that."""
INVERSE_PENALTY: Final = 10.0
INVERSE_PENALTY_BAYES: Final = 3.0
SMOOTHING: Final = 0.3

Margins = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """How often each token stands in each issue, block by block, not yet weighed."""

    blocks: tuple[Block, ...]
    vocabularies: tuple[Vocabulary, ...]
    rows: tuple[Matrix, ...]
    """1 + ln(tf), each row divided by its length."""

    @classmethod
    def of(cls, course: Course, blocks: tuple[Block, ...], names: Names) -> Table:
        step = max(1, len(course.examples) // COUNTED)
        most = MOST_TOKENS_LONG if course.long else MOST_TOKENS
        sample = [Inputs(example.filed, names) for example in course.examples[::step]]
        counted = []
        for block in blocks:
            streams = (inputs.tokens(block) for inputs in sample)
            vocabulary = Vocabulary.count(streams, min_df=block.min_df, most=most)
            counted.append(Vocabulary(vocabulary.tokens, np.ones(len(vocabulary), np.float32)))
        sides = Blocks(tuple(counted), (1.0,) * len(counted))
        every = sample if step == 1 else (Inputs(example.filed, names) for example in course.examples)
        whole = sides.matrix(inputs.streams(blocks) for inputs in every)
        ends = [*sides.starts, len(sides)]
        rows = tuple(whole[:, first:last].tocsr() for first, last in pairwise(ends))
        return cls(blocks, tuple(counted), rows)

    def weighed(self, train: NDArray[np.intp]) -> tuple[Matrix, tuple[NDArray[np.float32], ...]]:
        """All issues as a model of ``train`` sees them, and the idf of each block; 0 where a token stands in
        too few of its issues."""
        from scipy.sparse import diags, hstack  # type: ignore[import-untyped]

        parts, idfs = [], []
        for block, rows in zip(self.blocks, self.rows, strict=True):
            df = np.bincount(rows[train].indices, minlength=rows.shape[1])
            idf = np.ones(len(df)) if block.even else np.log((1 + len(train)) / (1 + df)) + 1
            idf[df < block.min_df] = 0
            part = (rows @ diags(idf.astype(np.float32))).tocsr()
            length = np.sqrt(np.asarray(part.multiply(part).sum(axis=1)).ravel())
            length[length == 0] = 1
            parts.append(diags((block.weight / length).astype(np.float32)) @ part)
            idfs.append(idf.astype(np.float32))
        return hstack(parts, format="csr", dtype=np.float32), tuple(idfs)


@dataclass(frozen=True, eq=False)
class Trained:
    """Members taught by some of the issues."""

    rows: Matrix
    """All issues, as these members see them."""
    idfs: tuple[NDArray[np.float32], ...]
    weights: NDArray[np.float32]
    """Shape ``(columns, members, tags)``."""
    intercepts: NDArray[np.float64]
    """Shape ``(members, tags)``; minus infinity for a tag they never met."""

    @classmethod
    def of(cls, course: Course, table: Table, train: NDArray[np.intp]) -> Trained:
        rows, idfs = table.weighed(train)
        fits = (_descended,) if course.long else (_logistic, _bayes)
        met = np.unique(course.label[train])
        weights = np.zeros((rows.shape[1], len(fits), len(course.tags)), np.float32)
        intercepts = np.full((len(fits), len(course.tags)), -np.inf)
        for member, fit in enumerate(fits):
            coefficients, constants = fit(rows[train], course.label[train], course.weight[train], course.seed)
            weights[:, member, met] = coefficients.T
            intercepts[member, met] = constants
        return cls(rows, idfs, weights, intercepts)

    def margins(self, rows: NDArray[np.intp]) -> Margins:
        """Shape ``(issues, members, tags)``."""
        columns, members, tags = self.weights.shape
        margins = self.rows[rows] @ self.weights.reshape(columns, members * tags)
        return np.asarray(margins, dtype=np.float64).reshape(-1, members, tags) + self.intercepts


Taught = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]
"""Coefficients, shape ``(tags met, columns)``, and a constant for each."""


def _logistic(rows: Matrix, label: NDArray[np.intp], weight: NDArray[np.float64], seed: int) -> Taught:
    """One softmax over all tags."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    model = LogisticRegression(C=INVERSE_PENALTY, tol=1e-3, max_iter=200, random_state=seed)
    model.fit(rows, label, sample_weight=weight)
    return _both_sides(model.coef_, model.intercept_)


def _both_sides(coefficients: NDArray[np.floating[Any]], constants: NDArray[np.floating[Any]]) -> Taught:
    """Of two tags scikit-learn tells only the second one's margin over the first."""
    if len(coefficients) > 1:
        return coefficients, constants
    return np.vstack([-coefficients, coefficients]) / 2, np.concatenate([-constants, constants]) / 2


def _bayes(rows: Matrix, label: NDArray[np.intp], weight: NDArray[np.float64], seed: int) -> Taught:
    """A logistic regression for each tag on columns stretched by how unevenly they fall to it.

    Wang and Manning, "Baselines and Bigrams" (ACL 2012): naive Bayes log-count ratios as scales.
    """
    from scipy.sparse import diags
    from sklearn.linear_model import LogisticRegression

    coefficients, constants = [], []
    for tag in np.unique(label):
        own = label == tag
        has = np.asarray(rows[own].T @ weight[own]).ravel() + SMOOTHING
        lacks = np.asarray(rows[~own].T @ weight[~own]).ravel() + SMOOTHING
        stretch = np.abs(np.log((has / has.sum()) / (lacks / lacks.sum()))).astype(np.float32)
        model = LogisticRegression(C=INVERSE_PENALTY_BAYES, solver="liblinear", tol=1e-2, random_state=seed)
        model.fit((rows @ diags(stretch)).tocsr(), own, sample_weight=weight)
        coefficients.append(model.coef_[0] * stretch)
        constants.append(model.intercept_[0])
    return np.array(coefficients), np.array(constants)


def _descended(rows: Matrix, label: NDArray[np.intp], weight: NDArray[np.float64], seed: int) -> Taught:
    """A logistic regression for each tag by stochastic descent: time grows with the rows alone."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", alpha=3e-6, max_iter=4, tol=None, average=True, random_state=seed)
    model.fit(rows, label, sample_weight=weight)
    return _both_sides(model.coef_, model.intercept_)
