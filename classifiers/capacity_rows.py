"""What a forecast rests on: a sprint as it stands, its board's past, and both as inputs of a model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.signed_regression import Lessons
from classifiers.sprint_moments import MOMENTS, at
from classifiers.sprint_rows import Moment, SprintRow

DELIVERY: Final = {
    "shortfall": 1,  # how often the board fell short lately
    "load": 1,  # the bar against what the board usually delivers, as a difference of logarithms
    "bar": 1,  # ln of the bar as a share of the commitment
    "doing": -1,  # in progress, as a share of the commitment
    "done": -1,
    "current": 0,  # all that is in the sprint now, as a share of the commitment
    "days": 0,  # ln(1 + planned days)
    "gap": 1,  # what is missing to the bar, as a share of the commitment
    "reached": -1,  # the bar is reached
    "near": -1,  # it is when all that is in progress gets done
    "below": 1,  # of the past sprints that delivered at least what is done now: how many missed the bar
}
"""The inputs for "will less than this be delivered?", and what more of each may do to the chance: 1 only
raise it, -1 only lower it, 0 either."""
THRESHOLDS: Final = (0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Every past sprint is asked this often whether it delivered less than such a share of its commitment.
How far off it was is told by all answers together; by one alone, nothing and nearly all are the same."""
MARGIN: Final = 1e-9
"""0.8 · 35 is a hair more than 28 in binary, and 28 of 35 are four fifths all the same."""
BAR: Final = 0.8
"""Less than this share of the commitment was a shortfall."""

_FORGET: Final = 0.8
"""A sprint counts so much for each one that came after it."""
_AS_IF: Final = 3.0
"""A share is counted as if there had been so many sprints more, half of them yes."""
_LATELY: Final = 3
_LATE: Final = MOMENTS[-1]
_USUAL_DAYS: Final = 14.0
"""Counts where nobody planned how long it should last."""
_USUAL_TEAM: Final = 3.0
_LEAST_START: Final = 1e-6


@dataclass(frozen=True, eq=False, slots=True)
class History:
    """What a board's finished sprints tell. Where nothing was committed and nothing delivered there was
    no sprint."""

    delivered: NDArray[np.float64]
    """Of each, oldest first."""
    shortfall: float
    """The share that fell short, the older the less it counts; half where there is none."""
    level: float
    """ln(1 + usual delivery): the mean of that over all sprints and that over the last three."""
    added: NDArray[np.float64]
    """What was added, as a share of the commitment, where both are known."""

    @classmethod
    def of(cls, sprints: Iterable[SprintRow]) -> History:
        """Of finished sprints of one board, oldest first."""
        told = [
            (row.start.points or 0.0, row.delivered.points, row)
            for row in sprints
            if row.delivered.points is not None and (row.start.points or row.delivered.points)
        ]
        delivered = np.array([done for _, done, _ in told])
        short = np.array([done < BAR * start - MARGIN for start, done, _ in told if start > 0], float)
        shares = [added_share(row) for _, _, row in told]
        return cls(
            delivered=delivered,
            shortfall=_lately(short),
            level=_level(delivered),
            added=np.array([share for share in shares if share is not None]),
        )

    @property
    def weight(self) -> float:
        """How far it is trusted, 0..1."""
        return len(self.delivered) / (len(self.delivered) + 1)


def _lately(yes: NDArray[np.float64]) -> float:
    weights = np.power(_FORGET, np.arange(len(yes))[::-1])
    return float((weights @ yes + _AS_IF / 2) / (weights.sum() + _AS_IF))


def _level(delivered: NDArray[np.float64]) -> float:
    if not len(delivered):
        return 0.0
    return (math.log1p(delivered.mean()) + math.log1p(delivered[-_LATELY:].mean())) / 2


def added_share(row: SprintRow) -> float | None:
    """What was added by 80 % of the time, as a share of the commitment, where both are known."""
    moment = at(row, _LATE)
    added = moment.added.points if moment else None
    return added / row.start.points if added is not None and row.start.points else None


def before(row: SprintRow, past: Iterable[SprintRow]) -> list[SprintRow]:
    """The finished sprints of the same board that came before it, oldest first."""
    own = [
        one
        for one in past
        if one.order < row.order
        and one.board == row.board
        and one.project == row.project
        and one.delivered.points is not None
    ]
    return sorted(own, key=attrgetter("order"))


@dataclass(frozen=True, slots=True)
class State:
    """A sprint as it stands, in points. What is not known counts as nothing happened yet."""

    start: float
    """Committed; above 0."""
    done: float
    doing: float
    added: float
    current: float
    """All that is in it."""
    team: float
    days: float

    @classmethod
    def of(cls, row: SprintRow, moment: Moment) -> State | None:
        """None without a commitment, which is worked out from the rest where it alone is not known."""
        added, removed = moment.added.points, moment.removed.points
        parts = (moment.todo.points, moment.doing.points, moment.done.points)
        present = None if None in parts else sum(part or 0.0 for part in parts)
        changed = None if added is None or removed is None else added - removed
        start = row.start.points
        if start is None and present is not None:
            start = present - (changed or 0.0)
        if start is None or start < _LEAST_START:
            return None
        if changed is None:
            changed = 0.0 if present is None else present - start
        return cls(
            start=start,
            done=moment.done.points or 0.0,
            doing=moment.doing.points or 0.0,
            added=added or 0.0,
            current=start + changed,
            team=_USUAL_TEAM if moment.team is None else moment.team,
            days=_USUAL_DAYS if row.planned_days is None else max(row.planned_days, 0.0),
        )


def delivery_inputs(state: State, history: History, bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inputs for each bar (points, above 0), in the order of ``DELIVERY``."""
    start, done, doing = state.start, state.done, state.doing
    inputs = np.empty((len(bars), len(DELIVERY)))
    inputs[:, 0] = history.shortfall
    inputs[:, 1] = history.weight * (np.log1p(bars) - history.level)
    inputs[:, 2] = np.log(bars / start)
    inputs[:, 3] = min(doing / start, 1.5)
    inputs[:, 4] = min(done / start, 1.5)
    inputs[:, 5] = min(max(state.current / start, 0.0), 4.0)
    inputs[:, 6] = math.log1p(state.days)
    inputs[:, 7] = np.clip((bars - done) / start, -1, 2)
    inputs[:, 8] = done >= bars - MARGIN
    inputs[:, 9] = done + doing >= bars - MARGIN
    inputs[:, 10] = np.where(inputs[:, 8] > 0, 0.0, _missed(history.delivered, done, bars))
    return inputs


def _missed(delivered: NDArray[np.float64], done: float, bars: NDArray[np.float64]) -> NDArray[np.float64]:
    got_here = np.sort(delivered[delivered >= done - MARGIN])
    return counted(np.searchsorted(got_here, bars - MARGIN), len(got_here))


def counted(yes: NDArray[np.intp], total: int) -> NDArray[np.float64]:
    """Shares, drawn towards a half while the counts are small."""
    return np.asarray((yes + _AS_IF / 2) / (total + _AS_IF), np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Ended:
    """A finished sprint to learn from, with what was known when it began."""

    row: SprintRow
    history: History


def ended(rows: Iterable[SprintRow]) -> list[Ended]:
    """The finished sprints with a commitment, each once: as the board shows it that saw most issues in it.

    Each with the history of that board.
    """
    boards: defaultdict[tuple[str, str], list[SprintRow]] = defaultdict(list)
    views: dict[tuple[str, float], SprintRow] = {}
    for row in rows:
        if row.delivered.points is not None:
            boards[row.project, row.board].append(row)
            view = views.setdefault((row.project, row.order), row)
            if (seen(row), view.board) > (seen(view), row.board):
                views[row.project, row.order] = row
    return [
        Ended(row, History.of(before(row, boards[row.project, row.board])))
        for row in views.values()
        if row.start.points
    ]


def seen(row: SprintRow) -> float:
    """How many issues a board saw in a sprint: of several boards, the one that saw most shows it best."""
    added = row.moments[-1].added.issues if row.moments else None
    return (row.start.issues or 0.0) + (added or 0.0)


def states(sprints: Sequence[Ended], t: float) -> Iterator[tuple[Ended, State]]:
    """The sprints whose state at about ``t`` is known, with it."""
    for one in sprints:
        moment = at(one.row, t)
        if moment is not None and moment.done.points is not None:
            state = State.of(one.row, moment)
            if state is not None:
                yield one, state


def delivery_lessons(sprints: Sequence[Ended], t: float) -> Lessons | None:
    """What they answered to "was less than this share of the commitment delivered?", each counting once
    over all its questions; None where none is known at ``t``."""
    shares = np.array(THRESHOLDS)
    inputs, yes = [], []
    for one, state in states(sprints, t):
        bars = shares * state.start
        assert one.row.delivered.points is not None
        inputs.append(delivery_inputs(state, one.history, bars))
        yes.append(one.row.delivered.points < bars - MARGIN)
    return lessons(inputs, yes)


def lessons(inputs: list[NDArray[np.float64]], yes: list[NDArray[np.bool_]]) -> Lessons | None:
    """The answers of some sprints put together; None of none."""
    if not inputs:
        return None
    weight = np.concatenate([np.full(len(one), 1 / len(one)) for one in yes])
    return Lessons(np.concatenate(inputs), np.concatenate(yes).astype(float), weight)
