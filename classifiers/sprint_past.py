"""Finished sprints as the figures that judgements and forecasts need. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from classifiers.sprint_judgement import Past
from classifiers.sprint_rows import Count, Moment, SprintRow
from trackers.sprints import Amount, Finished, Unit

_TOLD: Final = 10
"""Of older sprints a team rarely thinks when it hears 'usually'."""
_FEW: Final = 5
LATE_SHARE: Final = 0.8
"""Additions of finished sprints are known up to this share of their planned time."""


def with_work(finished: Iterable[Finished], unit: Unit) -> list[Finished]:
    """Those that had a commitment or delivered something, oldest first; others are no evidence.

    Nor are those that were estimated in another unit. All can be counted in issues.
    """
    alike = [one for one in finished if unit in (Unit.ISSUES, one.unit)]
    told = [one for one in alike if _in(one.committed, unit) or _in(one.delivered, unit)]
    return sorted(told, key=lambda one: (one.ended, one.id))


def past_of(finished: Iterable[Finished], unit: Unit) -> Past:
    """What a board's sprints delivered, told by the newest ten."""
    worked = with_work(finished, unit)
    told = sorted(_in(one.delivered, unit) for one in worked[-_TOLD:])
    if not told:
        return Past(0, 0.0, 0.0, 0.0, 0)
    # With ten values the middle 80 % leaves out one at each end; fewer than five are told whole.
    cut = round(len(told) * 0.1) if len(told) >= _FEW else 0
    kept = told[cut : len(told) - cut]
    return Past(len(worked), kept[0], kept[-1], statistics.median(told), len(told))


def rows_of(finished: Iterable[Finished], project: str) -> list[SprintRow]:
    """Finished sprints as forecasts read them; ``order`` is when each ended.

    Give what ``with_work`` left, so that all are in one unit.
    """
    return [
        SprintRow(
            id=one.id,
            project=project,
            board=one.board,
            order=one.ended.timestamp(),
            planned_days=one.planned_days,
            start=_count(one.committed),
            moments=(Moment(LATE_SHARE, added=_count(one.added)),),
            delivered=_count(one.delivered),
        )
        for one in finished
    ]


def durations(finished: Iterable[Finished]) -> Mapping[str, Sequence[float]]:
    """Workflow state → hours that issues of the board stayed there."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for one in finished:
        for state, hours in one.stays:
            found[state].append(hours)
    return found


def _in(amount: Amount, unit: Unit) -> float:
    return amount.issues if unit is Unit.ISSUES else amount.points


def _count(amount: Amount) -> Count:
    return Count(amount.issues, amount.points)
