"""From answers to issues not learnt from, to the chance a proposal must reach for an asked precision."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.facts import facts_of, read_facts
from classifiers.head import Honest
from classifiers.intervals import Interval, Share, wilson_lows

MIN_USES: Final = 3
"""In its project, before a tag is applied: of one used twice a share means nothing yet."""
LEAST_ANSWERS: Final = 20
"""Honest answers at or above a line, before anything is promised of it."""
TRUST: Final = 0.7
"""The two-sided level of the intervals a line rests on: 15 % of lines promise too much by bad luck.
At 60 % one in five does; at 80 % a thirtieth of the answers is lost for half a point of precision."""
ASKED: Final = tuple(round(0.50 + step / 100, 2) for step in range(50))
"""0.50, 0.51 … 0.99."""


class Rule(StrEnum):
    """How a line is found; :func:`learn_thresholds` says which fits where."""

    CHANCE = "chance"
    """Each proposal's own chance reaches the asked precision."""
    BOUND = "bound"
    """The precision of all proposals at or above the line surely reaches it."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One asked precision, and what honest answers got for it."""

    asked: float
    line: float | None
    """The chance a proposal must reach; ``None`` when no line gets there."""
    got: Share
    """Of the honest answers at or above the line, how many were right."""
    issues: int
    """With an answer at or above the line."""
    best: Share
    """Without a line: the answers that came nearest."""

    @property
    def interval(self) -> Interval:
        return self.got.interval()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Which chance is enough for which asked precision."""

    rule: Rule
    min_uses: int
    issues: int
    """With at least one honest answer."""
    rungs: tuple[Rung, ...]
    """In rising order of what is asked; their lines never fall."""

    def rung(self, asked: float) -> Rung | None:
        """The first rung that asks at least this much; ``None`` above the last."""
        at = bisect_left(self.rungs, round(asked, 6), key=lambda rung: rung.asked)
        return self.rungs[at] if at < len(self.rungs) else None

    def line(self, asked: float) -> float | None:
        """The chance a proposal must reach. Between two rungs the stricter; ``None`` is silence."""
        rung = self.rung(asked)
        return None if rung is None else rung.line

    def silence(self, asked: float) -> str | None:
        """Why no chance would be enough, as a sentence without a full stop; ``None`` if one is."""
        rung = self.rung(asked)
        if rung is None:
            return f"nobody can promise to be right in {asked:.1%} of answers; the most is {ASKED[-1]:.0%}"
        if rung.line is not None:
            return None
        if rung.best.value is None:
            return (
                f"of the {self.issues} issues of the trial fewer than {LEAST_ANSWERS} got a sure answer, "
                "too few to judge a precision by"
            )
        few = rung.best.value >= rung.asked
        return (
            f"a precision of {rung.asked:.0%} was asked, and on issues it had not seen the model's "
            f"surest answers were right {rung.best.right} times of {rung.best.total}, which is "
            f"{'too few to be sure of it' if few else 'not enough'}"
        )

    def facts(self) -> dict[str, Any]:
        """What JSON can hold."""
        return facts_of(self)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Thresholds:
        """The opposite of :meth:`facts`.

        Raises:
            ValueError: the facts are of another shape, or the lines are not in rising order.
        """
        found = read_facts(cls, facts)
        asked = [rung.asked for rung in found.rungs]
        lines = [1.0 if rung.line is None else rung.line for rung in found.rungs]
        if asked != sorted(set(asked)) or lines != sorted(lines):
            raise ValueError("These thresholds are damaged: a higher asked precision has a lower line.")
        return found


def learn_thresholds(
    honest: Honest,
    *,
    exclusive: bool,
    eligible: NDArray[np.bool_] | None = None,
    rule: Rule | None = None,
    min_uses: int = MIN_USES,
) -> Thresholds:
    """Find the line for every asked precision from 0.50 to 0.99.

    Of an exclusive head only the best tag of an issue counts as an answer; of any other every row.
    ``eligible`` (one for each row) leaves out rows that would never be applied, such as those of
    tags with too few uses.

    Where several tags fit, ``Rule.CHANCE``: the line is the asked precision itself, because what
    the surest proposals have over it pays for drift in time; a bound guards against luck alone and
    costs a third of the answers without getting more of them right. Where the honest answers
    surely contradict (the upper end of their interval lies under the asked precision), the line
    climbs to where they got there. Where one tag fits, ``Rule.BOUND``: the smallest line from which
    on the lower end of their interval reaches the asked precision. Such chances are good but
    cautious, so that their own value would be silent where the model is right.

    The intervals are Wilson's, two-sided at ``TRUST``. Where time matters the honest rows must come
    from a walk through time: rows from folds promise too much, and no rule cures that. A higher
    asked precision never gets a lower line.

    A line is one of the honest chances; a tie is answered together.
    """
    rule = rule or (Rule.BOUND if exclusive else Rule.CHANCE)
    rows = _rows(honest, exclusive=exclusive, eligible=eligible)
    if rule is Rule.CHANCE:
        rows = rows[honest.p[rows] >= ASKED[0]]
    issues = len(np.unique(honest.example))
    if rows.size == 0:
        nothing = Share(0, 0)
        return Thresholds(
            rule, min_uses, issues, tuple(Rung(asked, None, nothing, 0, nothing) for asked in ASKED)
        )
    steps = _Steps.of(honest, rows)
    find = steps.by_chance if rule is Rule.CHANCE else steps.by_bound
    rungs: list[Rung] = []
    at: int | None = len(steps.p) - 1
    for asked in ASKED:
        at = None if at is None else _higher(at, find(asked))
        rungs.append(steps.rung(asked, at))
    return Thresholds(rule, min_uses, issues, tuple(rungs))


def _higher(at: int, found: int | None) -> int | None:
    return None if found is None else min(at, found)


def eligible_rows(
    honest: Honest,
    tags: tuple[str, ...],
    projects: NDArray[np.str_],
    uses: Mapping[str, Mapping[str, int]],
    min_uses: int = MIN_USES,
) -> NDArray[np.bool_]:
    """For each honest row, whether its tag has uses enough in its project to be applied.

    ``projects`` holds the project of each example of the fit, shape ``(examples,)``.
    """
    names, where = np.unique(projects, return_inverse=True)
    enough = np.array([[uses.get(str(name), {}).get(tag, 0) >= min_uses for tag in tags] for name in names])
    found: NDArray[np.bool_] = enough.reshape(len(names), len(tags))[where[honest.example], honest.tag]
    return found


def best_rows(honest: Honest) -> NDArray[np.intp]:
    """The row of each issue's best tag, the first of equals."""
    order = np.lexsort((np.arange(len(honest.p)), -honest.p, honest.example))
    example = honest.example[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = example[1:] != example[:-1]
    return order[first]


def _rows(honest: Honest, *, exclusive: bool, eligible: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    rows = best_rows(honest) if exclusive else np.arange(len(honest.p))
    return rows if eligible is None else rows[eligible[rows]]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The honest answers from the surest down, one step for each different chance."""

    p: NDArray[np.float64]
    total: NDArray[np.float64]
    """Answers at or above ``p``."""
    right: NDArray[np.float64]
    issues: NDArray[np.intp]

    @classmethod
    def of(cls, honest: Honest, rows: NDArray[np.intp]) -> _Steps:
        rows = rows[np.argsort(-honest.p[rows], kind="stable")]
        p = honest.p[rows].astype(np.float64)
        last = np.append(p[1:] != p[:-1], True)
        total = np.arange(1, len(p) + 1, dtype=np.float64)[last]
        right = np.cumsum(honest.right[rows], dtype=np.float64)[last]
        new = np.zeros(len(rows), dtype=np.intp)
        new[np.unique(honest.example[rows], return_index=True)[1]] = 1
        return cls(p[last], total, right, np.cumsum(new)[last])

    def by_chance(self, asked: float) -> int | None:
        own = self._last(self.p >= asked)
        if own is None or self._share(own).interval(TRUST).high >= asked:
            return own
        return self._last((self.p >= asked) & (self.right >= asked * self.total))

    def by_bound(self, asked: float) -> int | None:
        return self._last(wilson_lows(self.right, self.total, TRUST) >= asked)

    def rung(self, asked: float, at: int | None) -> Rung:
        if at is None:
            return Rung(asked, None, Share(0, 0), 0, self._nearest())
        return Rung(asked, float(self.p[at]), self._share(at), int(self.issues[at]), Share(0, 0))

    def _last(self, fits: NDArray[np.bool_]) -> int | None:
        """The lowest step of those that fit and rest on enough answers."""
        found = np.flatnonzero(fits & (self.total >= LEAST_ANSWERS))
        return int(found[-1]) if found.size else None

    def _share(self, at: int) -> Share:
        return Share(int(self.right[at]), int(self.total[at]))

    def _nearest(self) -> Share:
        enough = self.total >= LEAST_ANSWERS
        if not enough.any():
            return Share(0, 0)
        return self._share(int(np.argmax(np.where(enough, self.right / self.total, -1.0))))
