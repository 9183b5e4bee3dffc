"""Forecasts from what was earlier and from nothing else, for a file of sprints or for a test of them.

What is known of a sprint: the finished sprints of its board with a smaller order. What a forecaster is
fitted to: those of its project. The same sprint on another board has the same order, so it is neither.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil
from operator import attrgetter
from typing import Final

from classifiers.capacity import Forecaster
from classifiers.sprint_judgement import Forecast
from classifiers.sprint_rows import Count, Moment, SprintRow

FIRST_FIT: Final = 10
"""Own finished sprints from which a forecaster is fitted to them."""
GROWTH: Final = 0.25
"""It is fitted anew when there are a quarter more; oftener costs time and betters nothing."""

_order = attrgetter("order")


class SprintHistory:
    """The finished sprints, by board and by project, in time order."""

    def __init__(self, rows: Iterable[SprintRow]) -> None:
        self._boards: dict[tuple[str, str], list[SprintRow]] = defaultdict(list)
        self._projects: dict[str, list[SprintRow]] = defaultdict(list)
        # Sorted by id as well, so that the order of lines in a file is nowhere seen.
        for row in sorted(rows, key=attrgetter("order", "board", "id")):
            if row.delivered.points is not None:
                self._boards[row.project, row.board].append(row)
                self._projects[row.project].append(row)
        self._instructive = {
            project: sorted({row.order for row in own if row.start.points})
            for project, own in self._projects.items()
        }

    def of_board(self, row: SprintRow) -> Sequence[SprintRow]:
        """The board's sprints before this one."""
        own = self._boards.get((row.project, row.board), [])
        return own[: bisect_left(own, row.order, key=_order)]

    def to_fit(self, row: SprintRow) -> Sequence[SprintRow]:
        """The project's sprints, on all boards, that a forecaster for this one is fitted to; perhaps none.

        Not every earlier one, but the first ``FIRST_FIT``, or a quarter more, and so on: the longest such
        beginning that is over before this sprint. Sprints near in time so share one fit.
        """
        orders = self._instructive.get(row.project, [])
        size = _step(bisect_left(orders, row.order))
        if not size:
            return []
        own = self._projects[row.project]
        return own[: bisect_right(own, orders[size - 1], key=_order)]


def _step(sprints: int) -> int:
    """The largest of 0, 10, 13, 17, 22, 28 ... that is not above ``sprints``."""
    step, following = 0, FIRST_FIT
    while following <= sprints:
        step, following = following, following + ceil(following * GROWTH)
    return step


class Forecasts:
    """Forecasts by one forecaster, fitted to a project's own sprints as they become known."""

    def __init__(self, forecaster: Forecaster, past: Sequence[SprintRow]) -> None:
        self._shipped = forecaster
        self._in_points = SprintHistory(past)
        self._in_issues = SprintHistory(row.in_issues() for row in past)
        self._fitted: dict[tuple[bool, str, int], Forecaster] = {}

    def at(self, row: SprintRow, t: float, *, done_share: float, creep_share: float) -> Forecast:
        """What ``row`` will come to, as known at its share ``t`` of the planned time.

        Without a moment so early it is told from its start alone. Nothing known later is looked at.
        """
        known = as_of(row, t)
        counted = in_its_unit(known)
        return self._fitted_for(known).forecast(
            counted,
            counted.moments[-1],
            self.past_of(known),
            done_share=done_share,
            creep_share=creep_share,
        )

    def past_of(self, row: SprintRow) -> Sequence[SprintRow]:
        """The finished sprints of its board before it, in the unit it is counted in."""
        return self._history_of(row).of_board(row)

    def _history_of(self, row: SprintRow) -> SprintHistory:
        return self._in_issues if is_in_issues(row) else self._in_points

    def _fitted_for(self, row: SprintRow) -> Forecaster:
        rows = self._history_of(row).to_fit(row)
        if not rows:
            return self._shipped
        key = (is_in_issues(row), row.project, len(rows))
        if key not in self._fitted:
            self._fitted[key] = self._shipped.refitted(rows)
        return self._fitted[key]


def is_in_issues(row: SprintRow) -> bool:
    """Whether its work is counted in issues: it began with some, and without points.

    Points that are only not known at its start count all the same if any are known later.
    """
    if row.start.points or not row.start.issues:
        return False
    return row.start.points == 0 or not any(_has_points(moment) for moment in row.moments)


def _has_points(moment: Moment) -> bool:
    counts = (moment.added, moment.removed, moment.todo, moment.doing, moment.done)
    return any(count.points for count in counts)


def in_its_unit(row: SprintRow) -> SprintRow:
    """The sprint with issues in the place of points where it is counted so."""
    return row.in_issues() if is_in_issues(row) else row


def as_of(row: SprintRow, t: float) -> SprintRow:
    """The sprint as it was known at ``t``, still open; its last moment is the one to judge by."""
    moments = tuple(one for one in row.moments if one.t <= t) or (Moment(t=0.0),)
    return replace(row, moments=moments, delivered=Count())
