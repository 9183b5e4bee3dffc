"""How well answers fit the truth, counted: over all tags, for each tag and for each project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import numpy as np

from classifiers.examples import Example
from classifiers.head import Honest
from classifiers.intervals import LEVEL, Share, corrected, difference
from classifiers.tagger import SHOWN, Answer

BINS: Final = 10
FIRST_FEW: Final = 3
KEPT: Final = 10
"""Proposals of an issue in a trial."""
LEAST_TO_BLAME: Final = 10
"""Answers in a project before it is called worse served: of four the interval is no guide."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """One tag a model held possible."""

    tag: str
    p: float
    applied: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """An issue whose tags are known, and what a model said of it, best first."""

    example: Example
    proposed: tuple[Proposed, ...]

    @classmethod
    def of(cls, example: Example, answer: Answer) -> Answered:
        """As the tagger answered."""
        return cls(example, tuple(Proposed(one.tag, one.p, one.applied) for one in answer.proposals))

    @property
    def truth(self) -> frozenset[str]:
        return frozenset(self.example.tags)

    @property
    def applied(self) -> tuple[str, ...]:
        return tuple(one.tag for one in self.proposed if one.applied)


@dataclass(frozen=True, slots=True)
class Marks:
    """What was applied against what was true, as counts."""

    right: int
    applied: int
    true: int

    @property
    def precision(self) -> Share:
        return Share(self.right, self.applied)

    @property
    def recall(self) -> Share:
        """Against all true tags, also those no model could know."""
        return Share(self.right, self.true)

    @property
    def f1(self) -> float:
        """0 where nothing was applied or nothing was true."""
        return 2 * self.right / (self.applied + self.true) if self.right else 0.0


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """How one project or team is served."""

    project: str
    issues: int
    answered: int
    """Issues with a tag applied."""
    marks: Marks
    first: Share
    less_precise: bool
    """Its precision surely lies under that of all other projects together."""
    less_served: bool
    """The share of its issues that get a tag surely does."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The best proposals of a tenth of all chances, say 0.7 to 0.8."""

    low: float
    high: float
    mean_p: float
    got: Share


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one model on one set of issues."""

    asked: float | None
    """The precision the applied tags were held to."""
    issues: int
    answered: int
    """Issues with a tag applied."""
    marks: Marks
    """Over all tags: what is called micro."""
    tags: dict[str, Marks]
    """The true and the applied ones, most used first."""
    first: Share
    """Issues with a true tag whose best proposal is one."""
    among_three: Share
    """Those of whose three best proposals one is."""
    projects: tuple[ProjectRow, ...]
    reliability: tuple[Bin, ...]
    calibration_error: float
    """Mean distance of chance and truth over the bins, weighted by their size (0..1)."""

    @property
    def coverage(self) -> Share:
        return Share(self.answered, self.issues)

    @property
    def macro_f1(self) -> float:
        """The plain mean over the tags that are true or applied at least once."""
        return sum(marks.f1 for marks in self.tags.values()) / len(self.tags) if self.tags else 0.0

    @property
    def keeps_promise(self) -> bool | None:
        """Whether the interval of the precision reaches what was asked; ``None`` without answers."""
        if self.asked is None or not self.marks.applied:
            return None
        return self.marks.precision.interval().high >= self.asked


def evaluate(answers: Iterable[Answered], asked: float | None = None) -> Evaluation:
    """Count. An issue without a true tag makes every tag applied to it wrong, and has no first.

    The intervals take proposals as independent; several on one issue are not quite, so they are a
    little too narrow where most issues get two.
    """
    answers = list(answers)
    bins = _reliability(answers)
    return Evaluation(
        asked=asked,
        issues=len(answers),
        answered=sum(bool(one.applied) for one in answers),
        marks=_marks(answers),
        tags=_tags(answers),
        first=first_right(answers),
        among_three=first_right(answers, FIRST_FEW),
        projects=_projects(answers),
        reliability=bins,
        calibration_error=_calibration_error(bins),
    )


def first_right(answers: Iterable[Answered], among: int = 1) -> Share:
    """Of the issues with a true tag, those with one among the first ``among`` proposals."""
    tagged = [one for one in answers if one.truth]
    hits = sum(any(item.tag in one.truth for item in one.proposed[:among]) for one in tagged)
    return Share(hits, len(tagged))


def from_honest(examples: Sequence[Example], honest: Honest, tags: Sequence[str]) -> list[Answered]:
    """What the models of a trial said of the examples, nothing applied yet; see :func:`relined`.

    In the order of the examples; those never answered (the first months of a walk through time) are
    left out. Of each the ``KEPT`` best tags of at least 1 %.
    """
    proposed: dict[int, list[Proposed]] = {at: [] for at in np.unique(honest.example).tolist()}
    rows = np.flatnonzero(honest.p >= SHOWN)
    rows = rows[np.argsort(-honest.p[rows], kind="stable")]
    each = zip(honest.example[rows].tolist(), honest.tag[rows].tolist(), honest.p[rows].tolist(), strict=True)
    for at, tag, p in each:
        said = proposed[at]
        if len(said) < KEPT:
            said.append(Proposed(tags[tag], p, applied=False))
    return [Answered(examples[at], tuple(said)) for at, said in proposed.items()]


def relined(
    answers: Iterable[Answered],
    line: float | None,
    most: int = FIRST_FEW,
    *,
    uses: Mapping[str, Mapping[str, int]] | None = None,
    min_uses: int = 0,
) -> list[Answered]:
    """The same answers with the first ``most`` tags applied whose chance reaches ``line``.

    Of an exclusive head ``most`` is 1. Tags used less than ``min_uses`` times in the issue's
    project (``uses``: project → tag → times) are passed over.
    """
    found = []
    for one in answers:
        own = (uses or {}).get(one.example.filed.project, {})
        can = (
            item.tag
            for item in one.proposed
            if line is not None and item.p >= line and own.get(item.tag, 0) >= min_uses
        )
        applied = set(islice(can, most))
        proposed = (
            item if item.applied == (item.tag in applied) else Proposed(item.tag, item.p, not item.applied)
            for item in one.proposed
        )
        found.append(Answered(one.example, tuple(proposed)))
    return found


def _marks(answers: Iterable[Answered]) -> Marks:
    right = applied = true = 0
    for one in answers:
        right += sum(tag in one.truth for tag in one.applied)
        applied += len(one.applied)
        true += len(one.truth)
    return Marks(right, applied, true)


def _tags(answers: Sequence[Answered]) -> dict[str, Marks]:
    true = Counter(chain.from_iterable(one.truth for one in answers))
    applied = Counter(chain.from_iterable(one.applied for one in answers))
    right = Counter(tag for one in answers for tag in one.applied if tag in one.truth)
    order = sorted(true | applied, key=lambda tag: (-true[tag], tag))
    return {tag: Marks(right[tag], applied[tag], true[tag]) for tag in order}


def _projects(answers: Sequence[Answered]) -> tuple[ProjectRow, ...]:
    own: dict[str, list[Answered]] = {}
    for one in answers:
        own.setdefault(one.example.filed.project, []).append(one)
    marks = {name: _marks(rows) for name, rows in own.items()}
    served = {name: Share(sum(bool(row.applied) for row in rows), len(rows)) for name, rows in own.items()}
    precisions = {name: one.precision for name, one in marks.items()}
    return tuple(
        ProjectRow(
            project=name,
            issues=len(own[name]),
            answered=served[name].right,
            marks=marks[name],
            first=first_right(own[name]),
            less_precise=surely_under_the_rest(name, precisions),
            less_served=surely_under_the_rest(name, served),
        )
        for name in sorted(own)
    )


def surely_under_the_rest(name: str, shares: Mapping[str, Share]) -> bool:
    """Whether one share surely lies under that of all others together; never of few counts.

    By the interval of the difference, corrected for as many looks as there are projects."""
    if shares[name].total < LEAST_TO_BLAME:
        return False
    rest = [share for other, share in shares.items() if other != name]
    together = Share(sum(share.right for share in rest), sum(share.total for share in rest))
    return difference(shares[name], together, corrected(len(shares), LEVEL)).high < 0


def _reliability(answers: Iterable[Answered]) -> tuple[Bin, ...]:
    """Of the best proposals; the hundreds of hardly possible ones would only show that 0 is 0."""
    best = [(one.proposed[0].p, one.proposed[0].tag in one.truth) for one in answers if one.proposed]
    p = np.array([chance for chance, _ in best])
    right = np.array([hit for _, hit in best], dtype=np.bool_)
    where = np.minimum((p * BINS).astype(np.intp), BINS - 1)
    bins = []
    for i in range(BINS):
        inside = where == i
        if inside.any():
            got = Share(int(right[inside].sum()), int(inside.sum()))
            bins.append(Bin(i / BINS, (i + 1) / BINS, float(p[inside].mean()), got))
    return tuple(bins)


def _calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error (Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural
    networks", ICML 2017, §2)."""
    total = sum(one.got.total for one in bins)
    return sum(abs(one.got.total * one.mean_p - one.got.right) for one in bins) / total if total else 0.0
