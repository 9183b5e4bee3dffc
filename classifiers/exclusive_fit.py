"""How a one-of head learns. Only training imports this; scikit-learn and scipy are loaded when it starts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Example
from classifiers.exclusive import ExclusiveHead, candidates, mixed_chances
from classifiers.exclusive_inputs import EVERYTHING, LEAN, Block, Inputs
from classifiers.head import Fitted, Honest
from classifiers.redaction import Names
from classifiers.rows import Matrix
from classifiers.vocabulary import Blocks, Vocabulary

LONG: Final = 120_000
"""Issues times tags from which the fit must be linear in time, and looks at words alone."""
FIRST_STEPS: Final = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of each project's past: models of the first answer the issues up to the next."""
FOLDS: Final = 5
EVEN: Final = 1.645
"""Standard deviations below the mean that leave the lowest 5 %."""
LONG_STEPS: Final = (0.6, 0.8, 1.0)
MOST_TOKENS: Final = 80_000
"""Tokens a block keeps."""
MOST_TOKENS_LONG: Final = 40_000
COUNTED: Final = 10_000
"""Issues a vocabulary is counted on, evenly spread; it hardly changes after that."""
MOST_WEIGHTS: Final = 3_500_000
"""Weights a head keeps, about 7 MB packed; the columns that tell least go first."""
INVERSE_PENALTY: Final = 10.0
INVERSE_PENALTY_BAYES: Final = 3.0
SMOOTHING: Final = 0.3
SHARES: Final = (0.3, 0.4, 0.5, 0.6, 0.7)
TEMPERATURES: Final = tuple(float(at) for at in np.geomspace(0.5, 3.0, 25))
FEWEST_TO_TUNE: Final = 60
"""Honest answers from which share and temperature are learnt."""

Progress = Callable[[str], None]
Margins = NDArray[np.float64]


def fit_exclusive(
    examples: Sequence[Example],
    *,
    names: frozenset[str] = frozenset(),
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> Fitted:
    """Learn which one tag an issue has; of several the first counts. Issues without a tag are left out.

    Honest rows come from walking forward: in each project the first 40 % teach a model that answers the
    next 10 %, and so on. Rows from shuffled folds promise too much, because habits drift: asked for 0.9 they
    got 0.83 of later types right. Only where the issues did not come as a stream (``_Course.drawn``) do they
    come from folds that keep equal titles of one project together.

    Args:
        names: display names of people, never learnt as words.
        seed: for the order of issues that no time orders, and for the fit of long histories.

    Raises:
        ValueError: fewer than two different tags.
    """
    places = [at for at, example in enumerate(examples) if example.tags]
    course = _Course.of([examples[at] for at in places], seed)
    if len(course.tags) < 2:
        raise ValueError("There are fewer than two different tags: there is nothing to tell apart.")
    progress(f"counting the words of {len(places):,} issues")
    blocks = LEAN if course.long else EVERYTHING
    table = _Table.of(course, blocks, Names.of(names))
    if course.drawn:
        progress("these issues were picked, so many of each tag: their order in time tells nothing")
    splits = list(_shuffled(course) if course.drawn else _forward(course))
    answered = _answers(course, table, splits, progress)
    shares, temperature = _tuned(course, answered)
    progress("learning from all issues")
    rows = np.arange(len(places))
    head = _head(course, table, _Trained.of(course, table, rows), shares, temperature)
    return Fitted(head, _honest(course, answered, shares, temperature, np.array(places)))


@dataclass(frozen=True, eq=False)
class _Course:
    """What there is to learn, in numbers."""

    examples: Sequence[Example]
    tags: tuple[str, ...]
    label: NDArray[np.intp]
    weight: NDArray[np.float64]
    position: NDArray[np.float64]
    """Where in its project's past an issue stands, 0 up to but not 1."""
    seed: int

    @classmethod
    def of(cls, examples: Sequence[Example], seed: int) -> _Course:
        tags = tuple(sorted({example.tags[0] for example in examples}))
        place = {tag: at for at, tag in enumerate(tags)}
        return cls(
            examples,
            tags,
            np.array([place[example.tags[0]] for example in examples], dtype=np.intp),
            np.array([example.weight for example in examples], dtype=np.float64),
            _positions(examples, seed),
            seed,
        )

    @property
    def long(self) -> bool:
        return len(self.examples) * len(self.tags) > LONG

    @property
    def drawn(self) -> bool:
        """Whether somebody picked these issues, so many of each tag, rather than that they were filed so.

        Their order in time is then a product of the picking. Told by counts more equal than chance would
        make them even of equally likely tags: Pearson's chi-squared against equal shares lies in the
        lowest 5 % of its distribution (Wilson and Hilferty, PNAS 1931). A tracker's own is far above.
        """
        if len({example.created for example in self.examples}) == 1:
            return True
        uneven, freedom = 0.0, 0
        for uses in self.uses(range(len(self.examples))).values():
            counts = np.array(list(uses.values()))
            uneven += float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
            freedom += len(counts) - 1
        if freedom == 0:
            return False
        spread = 2 / (9 * freedom)
        return bool(uneven < freedom * max(0.0, 1 - spread - EVEN * float(np.sqrt(spread))) ** 3)

    def uses(self, rows: Iterable[int]) -> dict[str, dict[str, int]]:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            counts[self.examples[row].filed.project][self.tags[self.label[row]]] += 1
        return {project: dict(sorted(counts[project].items())) for project in sorted(counts)}


def _positions(examples: Sequence[Example], seed: int) -> NDArray[np.float64]:
    shuffled = np.random.default_rng(seed).permutation(len(examples))
    of_project: defaultdict[str, list[int]] = defaultdict(list)
    for at in sorted(range(len(examples)), key=lambda at: (examples[at].created, int(shuffled[at]))):
        of_project[examples[at].filed.project].append(at)
    position = np.zeros(len(examples))
    for rows in of_project.values():
        position[rows] = np.arange(len(rows)) / len(rows)
    return position


@dataclass(frozen=True, eq=False)
class _Table:
    """How often each token stands in each issue, block by block, not yet weighed."""

    blocks: tuple[Block, ...]
    vocabularies: tuple[Vocabulary, ...]
    rows: tuple[Matrix, ...]
    """1 + ln(tf), each row divided by its length."""

    @classmethod
    def of(cls, course: _Course, blocks: tuple[Block, ...], names: Names) -> _Table:
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
class _Trained:
    """Members taught by some of the issues."""

    rows: Matrix
    """All issues, as these members see them."""
    idfs: tuple[NDArray[np.float32], ...]
    weights: NDArray[np.float32]
    """Shape ``(columns, members, tags)``."""
    intercepts: NDArray[np.float64]
    """Shape ``(members, tags)``; minus infinity for a tag they never met."""

    @classmethod
    def of(cls, course: _Course, table: _Table, train: NDArray[np.intp]) -> _Trained:
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


@dataclass(frozen=True, eq=False)
class _Answered:
    """Issues of one step and one project, answered by members that had not learnt from them."""

    rows: NDArray[np.intp]
    candidates: NDArray[np.intp]
    margins: Margins
    """Shape ``(issues, members, candidates)``."""

    def chances(self, shares: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
        """Shape ``(issues, candidates)``."""
        return mixed_chances(self.margins, shares, temperature)


Split = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Issues to learn from, and issues to answer."""


def _forward(course: _Course) -> Iterator[Split]:
    for start, end in pairwise(LONG_STEPS if course.long else FIRST_STEPS):
        after = course.position >= start
        yield np.flatnonzero(~after), np.flatnonzero(after & (course.position < end))


def _shuffled(course: _Course) -> Iterator[Split]:
    """Folds that keep the issues of one title in one project together."""
    groups: dict[tuple[str, str], int] = {}
    filed = [example.filed for example in course.examples]
    group = np.array(
        [groups.setdefault((one.project, one.title.lower().strip()), len(groups)) for one in filed]
    )
    fold = np.random.default_rng(course.seed).permutation(len(groups))[group] % FOLDS
    for number in range(FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _answers(course: _Course, table: _Table, splits: Sequence[Split], progress: Progress) -> list[_Answered]:
    answered: list[_Answered] = []
    for at, (train, asked) in enumerate(splits, 1):
        progress(f"answering issues it has not seen, {at} of {len(splits)}")
        if len(np.unique(course.label[train])) > 1 and len(asked):
            answered += _step(course, _Trained.of(course, table, train), train, asked)
    return answered


def _step(
    course: _Course, trained: _Trained, train: NDArray[np.intp], asked: NDArray[np.intp]
) -> Iterator[_Answered]:
    uses = course.uses(train)
    met = np.flatnonzero(np.isfinite(trained.intercepts[0]))
    projects = np.array([course.examples[row].filed.project for row in asked])
    for project in np.unique(projects).tolist():
        rows = asked[projects == project]
        own = np.intersect1d(candidates(course.tags, uses.get(project, {})), met)
        yield _Answered(rows, own, trained.margins(rows)[:, :, own])


def _tuned(course: _Course, answered: Sequence[_Answered]) -> tuple[NDArray[np.float64], float]:
    """The shares of the members and the temperature with which the truth surprises least."""
    members = 1 if course.long else 2
    equal = np.full(members, 1 / members)
    if sum(len(step.rows) for step in answered) < FEWEST_TO_TUNE:
        return equal, 1.0
    tried = [equal] if members == 1 else [np.array([share, 1 - share]) for share in SHARES]
    shares = min(tried, key=lambda shares: _surprise(course, answered, shares, 1.0))
    return shares, min(TEMPERATURES, key=lambda warmth: _surprise(course, answered, shares, warmth))


def _surprise(
    course: _Course, answered: Sequence[_Answered], shares: NDArray[np.float64], temperature: float
) -> float:
    """The summed log loss; an issue whose tag was no candidate says nothing of how sure to be."""
    total = 0.0
    for step in answered:
        own = step.candidates[None, :] == course.label[step.rows][:, None]
        right = (step.chances(shares, temperature) * own).sum(axis=1)
        surprise = -np.log(np.clip(right, 1e-6, 1)) * course.weight[step.rows]
        total += float(surprise[own.any(axis=1)].sum())
    return total


def _honest(
    course: _Course,
    answered: Sequence[_Answered],
    shares: NDArray[np.float64],
    temperature: float,
    places: NDArray[np.intp],
) -> Honest:
    examples, tags, chances, right = [], [], [], []
    for step in answered:
        for row, p in zip(step.rows.tolist(), step.chances(shares, temperature), strict=True):
            examples.append(np.full(len(p), places[row]))
            tags.append(step.candidates)
            chances.append(p)
            right.append(np.isin(step.candidates, _own_tags(course, row)))
    return Honest(
        _joined(examples, np.int32),
        _joined(tags, np.int32),
        _joined(chances, np.float32),
        _joined(right, np.bool_),
    )


def _own_tags(course: _Course, row: int) -> list[int]:
    own = course.examples[row].tags
    return (
        [int(course.label[row])]
        if len(own) == 1
        else [at for at, tag in enumerate(course.tags) if tag in own]
    )


def _joined(parts: Sequence[NDArray[Any]], kind: type[Any]) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _head(
    course: _Course, table: _Table, trained: _Trained, shares: NDArray[np.float64], temperature: float
) -> ExclusiveHead:
    kept = _worth_keeping(trained, np.concatenate(trained.idfs) > 0)
    vocabularies, first = [], 0
    for vocabulary, idf in zip(table.vocabularies, trained.idfs, strict=True):
        own = np.flatnonzero(kept[first : first + len(idf)])
        vocabularies.append(Vocabulary(tuple(vocabulary.tokens[at] for at in own), idf[own]))
        first += len(idf)
    return ExclusiveHead(
        tags=course.tags,
        uses=course.uses(range(len(course.examples))),
        blocks=table.blocks,
        vocabularies=Blocks(tuple(vocabularies), tuple(block.weight for block in table.blocks)),
        weights=trained.weights[kept].astype(np.float16).astype(np.float32),
        intercepts=trained.intercepts.astype(np.float32),
        shares=shares,
        temperature=temperature,
    )


def _worth_keeping(trained: _Trained, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The columns whose weights differ most between tags, as many as a head may hold."""
    columns, members, tags = trained.weights.shape
    most = MOST_WEIGHTS // (members * tags)
    if known.sum() <= most:
        return known
    strength = np.ptp(trained.weights, axis=2).max(axis=1)
    strength[~known] = -1
    kept = np.zeros(columns, dtype=np.bool_)
    kept[np.argsort(-strength, kind="stable")[:most]] = True
    return kept & known
