"""How a one-of head learns. Only training imports this; scikit-learn and scipy are loaded when it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Example
from classifiers.exclusive import ExclusiveHead, candidates, mixed_chances
from classifiers.exclusive_course import Course
from classifiers.exclusive_inputs import EVERYTHING, LEAN
from classifiers.exclusive_members import Margins, Table, Trained
from classifiers.head import Fitted, Honest
from classifiers.redaction import Names
from classifiers.vocabulary import Blocks, Vocabulary

FIRST_STEPS: Final = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of each project's past: models of the first answer the issues up to the next."""
FOLDS: Final = 5
LONG_STEPS: Final = (0.6, 0.8, 1.0)
MOST_WEIGHTS: Final = 3_500_000
"""Weights a head keeps, about 7 MB packed; the columns that tell least go first."""
SHARES: Final = (0.3, 0.4, 0.5, 0.6, 0.7)
TEMPERATURES: Final = tuple(float(at) for at in np.geomspace(0.5, 3.0, 25))
FEWEST_TO_TUNE: Final = 60
"""Honest answers from which share and temperature are learnt."""

Progress = Callable[[str], None]


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
    got 0.83 of later types right. Only where the issues did not come as a stream (``Course.drawn``) do they
    come from folds that keep equal titles of one project together.

    Args:
        names: display names of people, never learnt as words.
        seed: for the order of issues that no time orders, and for the fit of long histories.

    Raises:
        ValueError: fewer than two different tags.
    """
    places = [at for at, example in enumerate(examples) if example.tags]
    course = Course.of([examples[at] for at in places], seed)
    if len(course.tags) < 2:
        raise ValueError("There are fewer than two different tags: there is nothing to tell apart.")
    progress(f"counting the words of {len(places):,} issues")
    blocks = LEAN if course.long else EVERYTHING
    table = Table.of(course, blocks, Names.of(names))
    if course.drawn:
        progress("these issues were picked, so many of each tag: their order in time tells nothing")
    splits = list(_shuffled(course) if course.drawn else _forward(course))
    answered = _answers(course, table, splits, progress)
    shares, temperature = _tuned(course, answered)
    progress("learning from all issues")
    rows = np.arange(len(places))
    head = _head(course, table, Trained.of(course, table, rows), shares, temperature)
    return Fitted(head, _honest(course, answered, shares, temperature, np.array(places)))


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


def _forward(course: Course) -> Iterator[Split]:
    for start, end in pairwise(LONG_STEPS if course.long else FIRST_STEPS):
        after = course.position >= start
        yield np.flatnonzero(~after), np.flatnonzero(after & (course.position < end))


def _shuffled(course: Course) -> Iterator[Split]:
    """Folds that keep the issues of one title in one project together."""
    groups: dict[tuple[str, str], int] = {}
    filed = [example.filed for example in course.examples]
    group = np.array(
        [groups.setdefault((one.project, one.title.lower().strip()), len(groups)) for one in filed]
    )
    fold = np.random.default_rng(course.seed).permutation(len(groups))[group] % FOLDS
    for number in range(FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _answers(course: Course, table: Table, splits: Sequence[Split], progress: Progress) -> list[_Answered]:
    answered: list[_Answered] = []
    for at, (train, asked) in enumerate(splits, 1):
        progress(f"answering issues it has not seen, {at} of {len(splits)}")
        if len(np.unique(course.label[train])) > 1 and len(asked):
            answered += _step(course, Trained.of(course, table, train), train, asked)
    return answered


def _step(
    course: Course, trained: Trained, train: NDArray[np.intp], asked: NDArray[np.intp]
) -> Iterator[_Answered]:
    uses = course.uses(train)
    met = np.flatnonzero(np.isfinite(trained.intercepts[0]))
    projects = np.array([course.examples[row].filed.project for row in asked])
    for project in np.unique(projects).tolist():
        rows = asked[projects == project]
        own = np.intersect1d(candidates(course.tags, uses.get(project, {})), met)
        yield _Answered(rows, own, trained.margins(rows)[:, :, own])


def _tuned(course: Course, answered: Sequence[_Answered]) -> tuple[NDArray[np.float64], float]:
    """The shares of the members and the temperature with which the truth surprises least."""
    members = 1 if course.long else 2
    equal = np.full(members, 1 / members)
    if sum(len(step.rows) for step in answered) < FEWEST_TO_TUNE:
        return equal, 1.0
    tried = [equal] if members == 1 else [np.array([share, 1 - share]) for share in SHARES]
    shares = min(tried, key=lambda shares: _surprise(course, answered, shares, 1.0))
    return shares, min(TEMPERATURES, key=lambda warmth: _surprise(course, answered, shares, warmth))


def _surprise(
    course: Course, answered: Sequence[_Answered], shares: NDArray[np.float64], temperature: float
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
    course: Course,
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


def _own_tags(course: Course, row: int) -> list[int]:
    own = course.examples[row].tags
    return (
        [int(course.label[row])]
        if len(own) == 1
        else [at for at, tag in enumerate(course.tags) if tag in own]
    )


def _joined(parts: Sequence[NDArray[Any]], kind: type[Any]) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _head(
    course: Course, table: Table, trained: Trained, shares: NDArray[np.float64], temperature: float
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


def _worth_keeping(trained: Trained, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
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
