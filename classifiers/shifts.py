"""What people confirmed or undid moves the chances, and mutes a tag that keeps being wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from classifiers.intervals import Interval, wilson

FROM = 0.5
"""Rows with a smaller chance say little about what is worth proposing, and there are many."""
SHARED_SD = 0.7
PROJECT_SD = 0.5
LEAST_OUTCOMES = 10
MUTE_LEVEL = 0.9

_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What became of one proposal."""

    project: str
    tag: str
    p: float
    """As the model gave it, before any shift."""
    right: bool
    """The tag was on the issue in the end."""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Shift:
    """What is added to the log-odds of every chance."""

    shared: float = 0.0
    projects: Mapping[str, float] = field(default_factory=dict)
    """On top of ``shared``; nothing for a project not named."""

    def move(self, p: float, project: str) -> float:
        """The chance after what people taught us."""
        by = self.shared + self.projects.get(project, 0.0)
        p = min(max(p, _EDGE), 1 - _EDGE)
        return p if by == 0 else 1 / (1 + exp(-by) * (1 - p) / p)


@dataclass(frozen=True, slots=True)
class Live:
    """What became of the proposals of one tag: ``right`` of ``total`` were confirmed."""

    right: int
    total: int


@dataclass(frozen=True, slots=True)
class Muted:
    """A tag that is right too seldom to be proposed."""

    tag: str
    live: Live
    interval: Interval
    """Of its live precision, Wilson's, two-sided at ``MUTE_LEVEL``."""


def learn_shift(rows: Sequence[OutcomeRow]) -> Shift:
    """The shared shift, then one for each project on top of it; no rows shift nothing.

    Both are an intercept b added to the model's own log-odds, at its most probable value given the
    rows with p of at least ``FROM`` and a normal prior around 0 (a penalised logistic regression
    with offset: K. P. Murphy, "Machine Learning", 2012, §8.3.6). The priors say that a shift of 0.7,
    for a project 0.5, would be nothing strange; a handful of outcomes hardly moves them.

    The rows should hold the proposals that closed issues could have had, not only those that were
    shown: who looks at applied ones alone never learns that a chance was too low.
    """
    rows = [row for row in rows if row.p >= FROM]
    if not rows:
        return Shift()
    odds = np.array([_log_odds(row.p) for row in rows])
    right = np.array([float(row.right) for row in rows])
    weight = np.array([row.weight for row in rows])
    names = np.array([row.project for row in rows])
    shared = _intercept(odds, right, weight, SHARED_SD)
    projects = {}
    for name in sorted(set(names.tolist())):
        own = names == name
        projects[name] = _intercept(odds[own] + shared, right[own], weight[own], PROJECT_SD)
    return Shift(shared, projects)


def muted(
    outcomes: Mapping[str, Live], asked: float, *, least: int = LEAST_OUTCOMES, level: float = MUTE_LEVEL
) -> tuple[Muted, ...]:
    """The tags whose live precision is surely under ``asked``, in alphabetical order.

    Surely: the upper end of Wilson's two-sided 90 % interval lies under it (so one good tag in
    twenty at most is muted by bad luck at any one look), after at least ``least`` outcomes that are known.
    """
    found = (
        Muted(tag, live, wilson(live.right, live.total, level))
        for tag, live in sorted(outcomes.items())
        if live.total >= least
    )
    return tuple(item for item in found if item.interval.high < asked)


def _log_odds(p: float) -> float:
    p = min(max(p, _EDGE), 1 - _EDGE)
    return log(p / (1 - p))


def _intercept(
    odds: NDArray[np.float64], right: NDArray[np.float64], weight: NDArray[np.float64], sd: float
) -> float:
    """Newton's method on a concave function of one number.

    A step is at most 1 long, which keeps it from jumping over the summit when all rows agree.
    """
    b = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-(odds + b)))
        slope = float(weight @ (right - p)) - b / sd**2
        bend = float(weight @ (p * (1 - p))) + 1 / sd**2
        step = min(1.0, max(-1.0, slope / bend))
        b += step
        if abs(step) < 1e-9:
            break
    return b
