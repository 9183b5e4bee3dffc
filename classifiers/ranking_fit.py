"""Training the ranking head.

Each project is walked through in the order its issues were filed: a ranker learns from the first part,
answers the next, and so on. What it answered there, drift and all, is what the pair model learns from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Example
from classifiers.head import Fitted, Honest
from classifiers.linear import LinearModel, fit_many
from classifiers.names import ANYWHERE, NameIndex, name_stems, telling
from classifiers.pairs import PairWeights, Usage, pair_inputs, shipped
from classifiers.pairs_fit import Pairs, cross_fitted
from classifiers.ranking import BLOCK_WEIGHTS, ProjectRanker, RankingHead, Strangers
from classifiers.ranking_rows import History, Plan, Told, histories_of, told_by, walk
from classifiers.redaction import Names
from classifiers.vocabulary import Blocks, Matrix, Vocabulary

FOLDS: Final = 6
LEAST_HISTORY: Final = 5
"""Issues before anything is answered."""
WEIGHTS: Final = 2_000_000
CENTROIDS: Final = 700_000
"""Weights kept over all projects: about 7 MB packed."""


def fit_ranking(
    examples: Sequence[Example],
    *,
    names: frozenset[str] = frozenset(),
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
    start: Callable[[Pairs], PairWeights] = lambda _: shipped(),
) -> Fitted:
    """Learn which tags fit, for every project of the examples.

    Args:
        examples: in any order; each project's are sorted by when they were filed.
        names: display names of people, kept out of the vocabulary.
        seed: the same examples and seed give the same head.
        start: gives the weights that those of the pairs are held to, by default the shipped ones.
    """
    histories = histories_of(examples)
    tags = tuple(sorted({tag for history in histories for tag in history.tags}))
    plan = Plan.of(histories, Names.of(names), seed)
    everywhere = NameIndex(name_stems(tags))
    holding: Counter[str] = Counter()
    pairs: list[Pairs] = []
    rankers: dict[str, ProjectRanker] = {}
    for history in histories:
        progress(f"{history.project}: {len(history.positions):,} issues, {len(history.tags)} tags")
        told = told_by([examples[at] for at in history.positions], history, plan)
        pairs += _walked(history, told, plan, tags)
        rankers[history.project] = _ranker(history, told, plan)
        holding += told.holding(everywhere.places)
    progress("weighing names, habit and words against each other")
    joined = Pairs.joined(pairs)
    weights, p = cross_fitted(joined, start(joined))
    idf = telling(len(examples), np.array([holding[one] for one in everywhere.stems], np.float32))
    head = RankingHead(tags, weights, rankers, Strangers(everywhere, idf, _pooled(tags, histories)))
    # As it will be read back: the file keeps fewer digits.
    return Fitted(RankingHead.unpack(head.pack()), Honest(joined.example, joined.tag, p, joined.right))


@dataclass(frozen=True, eq=False)
class Learnt:
    """A ranker of the tags used in a project's first issues."""

    tags: NDArray[np.int64]
    """Among the project's."""
    idf: tuple[NDArray[np.float32], ...]
    model: LinearModel
    centroids: LinearModel
    names: NameIndex
    stems: NDArray[np.int64]
    """Where the stems of ``names`` stand among the project's."""
    telling: NDArray[np.float32]
    usage: Usage

    def inputs(self, told: Told, issues: slice) -> NDArray[np.float32]:
        """The inputs of some marked issues and all candidates."""
        rows = told.rows(self.idf, told.marked[issues])
        length = np.sqrt(np.asarray(rows.multiply(rows).sum(1)))
        return pair_inputs(
            self.model.margins_of(rows),
            self.centroids.margins_of(rows) / np.where(length > 0, length, 1),
            self.names.inputs(told.marks[issues][:, self.stems], self.telling),
            self.usage,
        )


def learn(history: History, told: Told, upto: int, plan: Plan) -> Learnt:
    """Learn from a project's first ``upto`` issues."""
    has, weights = history.has[:upto], history.weights[:upto]
    tags = np.flatnonzero(has.any(0))
    has = has[:, tags]
    idf = tuple(block.idf(upto) for block in told.blocks)
    rows = told.rows(idf, slice(0, upto))
    share = plan.shares[history.project]
    names = NameIndex(tuple(told.names.names[tag] for tag in tags))
    stems = np.array([told.names.places[one] for one in names.stems], np.int64)
    marks = told.marks[: np.searchsorted(told.marked, upto)][:, stems]
    holding = ((marks & ANYWHERE) > 0).sum(0)
    return Learnt(
        tags=tags,
        idf=idf,
        model=fit_many(rows, has, weights, seed=plan.seed, budget=max(1, int(WEIGHTS * share))),
        centroids=_centroids(rows, has, weights, max(1, int(CENTROIDS * share))),
        names=names,
        stems=stems,
        telling=telling(len(marks), holding),
        usage=Usage.of(has, weights),
    )


def _centroids(
    rows: Matrix, has: NDArray[np.bool_], weights: NDArray[np.float64], budget: int
) -> LinearModel:
    table = np.asarray(rows.T @ (has * weights[:, None]).astype(np.float32))
    length = np.sqrt((table**2).sum(0))
    return LinearModel.of(table / np.where(length > 0, length, 1), np.zeros(has.shape[1]), budget=budget)


def _walked(history: History, told: Told, plan: Plan, tags: Sequence[str]) -> Iterator[Pairs]:
    """What rankers answered to the issues after those they had learnt from."""
    issues = len(history.positions)
    places = {tag: at for at, tag in enumerate(tags)}
    own = np.array([places[tag] for tag in history.tags], np.int32)
    steps = [round(issues * share) for share in (*walk(issues), 1.0)]
    for upto, until in pairwise(steps):
        first, last = np.searchsorted(told.marked, (upto, until))
        if upto < LEAST_HISTORY or first == last or not history.has[:upto].any():
            continue
        learnt = learn(history, told, upto, plan)
        at = told.marked[first:last]
        inputs = learnt.inputs(told, slice(first, last))
        count = len(learnt.tags)
        yield Pairs(
            example=np.repeat(history.positions[at], count),
            tag=np.tile(own[learnt.tags], len(at)),
            fold=np.repeat(FOLDS * (at - steps[0]) // max(issues - steps[0], 1), count).astype(np.int8),
            inputs=inputs.reshape(-1, inputs.shape[2]),
            right=history.has[at][:, learnt.tags].ravel(),
            weight=np.repeat(history.weights[at], count).astype(np.float32),
        )


def _ranker(history: History, told: Told, plan: Plan) -> ProjectRanker:
    """What serves: learnt from all issues."""
    learnt = learn(history, told, len(history.positions), plan)
    vocabularies = tuple(
        Vocabulary(block.tokens, idf) for block, idf in zip(told.blocks, learnt.idf, strict=True)
    )
    return ProjectRanker(
        tags=history.tags,
        blocks=Blocks(vocabularies, BLOCK_WEIGHTS),
        model=learnt.model,
        centroids=learnt.centroids,
        names=learnt.names,
        idf=learnt.telling,
        usage=learnt.usage,
    )


def _pooled(tags: Sequence[str], histories: Sequence[History]) -> Usage:
    """How often each tag was used in all projects together."""
    uses: Counter[str] = Counter()
    for history in histories:
        uses.update(dict(zip(history.tags, map(int, history.has.sum(0)), strict=True)))
    issues = sum(len(history.positions) for history in histories)
    return Usage.even(np.array([uses[tag] for tag in tags], np.int32), issues)
