"""Training the ranking head.

Each project is walked through in the order its issues were filed: a ranker learns from the first part,
answers the next, and so on. What it answered there, drift and all, is what the pair model learns from.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.compounds import said
from classifiers.examples import Example
from classifiers.head import Fitted, Honest
from classifiers.linear import LinearModel, fit_many
from classifiers.names import ANYWHERE, NameIndex, name_stems, stem, telling
from classifiers.pairs import PairWeights, Usage, pair_inputs, shipped
from classifiers.pairs_fit import Pairs, cross_fitted
from classifiers.ranking import BLOCK_WEIGHTS, ProjectRanker, RankingHead, Strangers
from classifiers.redaction import Names
from classifiers.text import clean
from classifiers.vocabulary import Blocks, Matrix, Vocabulary

FOLDS: Final = 6
RARE_FROM: Final = 5_000
"""Issues of a project from which a token in one alone is left out."""
LEAST_HISTORY: Final = 5
"""Issues before anything is answered."""
MOST_TAGS: Final = 300
"""Tags of a project that are learnt, the most used ones."""
MOST_PAIRS: Final = 1_500_000
"""Pairs learnt from, about 90 MB. Of more, every second issue is left out, or two of three, and so on."""
MOST_TOKENS: Final = 150_000
"""Of text and opening each, over all projects."""
LEAST_TOKENS: Final = 3_000
"""Of a project, whatever its share."""
WEIGHTS: Final = 2_000_000
CENTROIDS: Final = 700_000
"""Weights kept over all projects: about 7 MB packed."""


def walk(issues: int) -> tuple[float, ...]:
    """The shares of a project's issues after which its ranker learns anew and answers up to the next.

    Each costs a fit, and the more issues there are, the less the last tenth adds.
    """
    if issues <= 5_000:
        return 0.4, 0.5, 0.6, 0.7, 0.8, 0.9
    return (0.5, 0.75) if issues <= 20_000 else (0.75,)


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
    histories = _histories(examples)
    tags = tuple(sorted({tag for history in histories for tag in history.tags}))
    plan = _Plan(Names.of(names), seed, *_sizes(histories))
    everywhere = NameIndex(name_stems(tags))
    holding: Counter[str] = Counter()
    pairs: list[Pairs] = []
    rankers: dict[str, ProjectRanker] = {}
    for history in histories:
        progress(f"{history.project}: {len(history.positions):,} issues, {len(history.tags)} tags")
        told = _told([examples[at] for at in history.positions], history, plan)
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
class _History:
    """One project's issues, oldest first."""

    project: str
    positions: NDArray[np.int32]
    """Among the examples."""
    tags: tuple[str, ...]
    has: NDArray[np.bool_]
    """Shape ``(issues, tags)``."""
    weights: NDArray[np.float64]

    @property
    def pairs(self) -> int:
        return self.has.size


def _histories(examples: Sequence[Example]) -> list[_History]:
    of_project: dict[str, list[int]] = {}
    for position, example in enumerate(examples):
        of_project.setdefault(example.filed.project, []).append(position)
    return [_history(project, examples, of_project[project]) for project in sorted(of_project)]


def _history(project: str, examples: Sequence[Example], own: list[int]) -> _History:
    own.sort(key=lambda position: (examples[position].created, examples[position].id))
    often = Counter(tag for position in own for tag in set(examples[position].tags))
    tags = tuple(sorted(sorted(often, key=lambda tag: (-often[tag], tag))[:MOST_TAGS]))
    places = {tag: at for at, tag in enumerate(tags)}
    has = np.zeros((len(own), len(tags)), np.bool_)
    for row, position in enumerate(own):
        has[row, [places[tag] for tag in examples[position].tags if tag in places]] = True
    weights = np.array([examples[position].weight for position in own], np.float64)
    return _History(project, np.array(own, np.int32), tags, has, weights)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How much of everything the training may take."""

    people: Names
    seed: int
    stride: int
    """Every so many issues give pairs."""
    shares: Mapping[str, float]
    """Of each project in what is kept."""


def _sizes(histories: Sequence[_History]) -> tuple[int, dict[str, float]]:
    every = sum(history.pairs for history in histories)
    stride = max(1, ceil(every * (1 - walk(0)[0]) / MOST_PAIRS))
    return stride, {history.project: history.pairs / max(every, 1) for history in histories}


@dataclass(frozen=True, eq=False)
class _Block:
    """One kind of tokens of a project's issues."""

    tokens: tuple[str, ...]
    rows: Matrix
    """1 + ln tf, shape ``(issues, tokens)``."""

    def idf(self, upto: int) -> NDArray[np.float32]:
        """By the first issues alone; 0 for tokens that they do not hold."""
        df = self.df(upto)
        figures = np.where(df > 0, np.log((1 + upto) / (1 + df)) + 1, 0)
        return figures.astype(np.float32)

    def df(self, upto: int) -> NDArray[np.int64]:
        return np.bincount(self.rows.indices[: self.rows.indptr[upto]], minlength=len(self.tokens))

    def weighed(self, idf: NDArray[np.float32], take: slice | NDArray[np.int64]) -> Matrix:
        """Rows of length 1, as ``Vocabulary.encode`` makes them."""
        rows = self.rows[take]
        rows.data = rows.data * idf[rows.indices]
        owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        length = np.sqrt(np.bincount(owner, rows.data.astype(np.float64) ** 2, rows.shape[0]))
        rows.data /= np.where(length > 0, length, 1)[owner].astype(np.float32)
        return rows


@dataclass(frozen=True, eq=False)
class _Told:
    """A project's issues as numbers."""

    blocks: tuple[_Block, ...]
    names: NameIndex
    marked: NDArray[np.int64]
    """The issues that give pairs, ascending."""
    marks: NDArray[np.uint8]
    """Shape ``(len(marked), stems)``."""

    def rows(self, idf: Sequence[NDArray[np.float32]], take: slice | NDArray[np.int64]) -> Matrix:
        from scipy.sparse import hstack  # type: ignore[import-untyped]

        weighed = zip(BLOCK_WEIGHTS, self.blocks, idf, strict=True)
        parts = [block.weighed(figures, take) * np.float32(weight) for weight, block, figures in weighed]
        return hstack(parts, format="csr", dtype=np.float32)

    def holding(self, stems: Mapping[str, int]) -> Counter[str]:
        """How many issues hold each stem, at most."""
        block = self.blocks[0]
        found: Counter[str] = Counter()
        for token, df in zip(block.tokens, block.df(block.rows.shape[0]), strict=True):
            if stem(token) in stems:
                found[stem(token)] += int(df)
        return found


def _told(examples: Sequence[Example], history: _History, plan: _Plan) -> _Told:
    """Read every issue once."""
    index = NameIndex(name_stems(history.tags))
    marked = np.arange(0, len(examples), plan.stride)
    marks = np.zeros((len(marked), len(index.stems)), np.uint8)
    counts = _Counts(), _Counts()
    for at, example in enumerate(examples):
        issue = said(clean(example.filed, plan.people))
        for count, tokens in zip(counts, issue.streams(), strict=True):
            count.add(tokens)
        if at % plan.stride == 0:
            marks[at // plan.stride] = index.marks(issue)
    most = max(LEAST_TOKENS, int(MOST_TOKENS * plan.shares[history.project]))
    return _Told(tuple(count.block(most) for count in counts), index, marked, marks)


class _Counts:
    """Tokens under way, as numbers in buffers that grow in place."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._said, self._ends = array("i"), array("q", [0])

    def add(self, tokens: Iterable[str]) -> None:
        numbers = self._numbers
        self._said.extend([numbers.setdefault(token, len(numbers)) for token in tokens])
        self._ends.append(len(self._said))

    def block(self, most: int) -> _Block:
        """The ``most`` tokens that stand in the most issues; of many issues those in two at least."""
        from scipy.sparse import csr_matrix

        issues = len(self._ends) - 1
        said_ = np.frombuffer(self._said, np.int32) if self._said else np.empty(0, np.int32)
        shape = (issues, len(self._numbers))
        rows = csr_matrix(
            (np.ones(len(said_), np.float32), said_, np.frombuffer(self._ends, np.int64)), shape
        )
        rows.sum_duplicates()
        df = np.bincount(rows.indices, minlength=shape[1])
        kept = np.flatnonzero(df >= (2 if issues > RARE_FROM else 1))
        kept = np.sort(kept[np.argsort(-df[kept], kind="stable")[:most]])
        tokens = list(self._numbers)
        rows = rows[:, kept]
        rows.data = np.log(rows.data) + 1
        return _Block(tuple(tokens[at] for at in kept), rows)


@dataclass(frozen=True, eq=False)
class _Learnt:
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

    def inputs(self, told: _Told, issues: slice) -> NDArray[np.float32]:
        """The inputs of some marked issues and all candidates."""
        rows = told.rows(self.idf, told.marked[issues])
        length = np.sqrt(np.asarray(rows.multiply(rows).sum(1)))
        return pair_inputs(
            self.model.margins_of(rows),
            self.centroids.margins_of(rows) / np.where(length > 0, length, 1),
            self.names.inputs(told.marks[issues][:, self.stems], self.telling),
            self.usage,
        )


def _learn(history: _History, told: _Told, upto: int, plan: _Plan) -> _Learnt:
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
    return _Learnt(
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


def _walked(history: _History, told: _Told, plan: _Plan, tags: Sequence[str]) -> Iterator[Pairs]:
    """What rankers answered to the issues after those they had learnt from."""
    issues = len(history.positions)
    places = {tag: at for at, tag in enumerate(tags)}
    own = np.array([places[tag] for tag in history.tags], np.int32)
    steps = [round(issues * share) for share in (*walk(issues), 1.0)]
    for upto, until in pairwise(steps):
        first, last = np.searchsorted(told.marked, (upto, until))
        if upto < LEAST_HISTORY or first == last or not history.has[:upto].any():
            continue
        learnt = _learn(history, told, upto, plan)
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


def _ranker(history: _History, told: _Told, plan: _Plan) -> ProjectRanker:
    """What serves: learnt from all issues."""
    learnt = _learn(history, told, len(history.positions), plan)
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


def _pooled(tags: Sequence[str], histories: Sequence[_History]) -> Usage:
    """How often each tag was used in all projects together."""
    uses: Counter[str] = Counter()
    for history in histories:
        uses.update(dict(zip(history.tags, map(int, history.has.sum(0)), strict=True)))
    issues = sum(len(history.positions) for history in histories)
    return Usage.even(np.array([uses[tag] for tag in tags], np.int32), issues)
