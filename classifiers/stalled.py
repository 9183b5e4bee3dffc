"""Work in progress that does not move, measured by how long the same board's work usually stays there."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from classifiers.sprint_judgement import Stalled
from classifiers.sprint_memory import SprintMemory, Stay
from trackers.sprints import Stage

ENOUGH: Final = 10
"""Past stays from which a percentile is taken; with fewer at a state, those at all states together."""
FLOOR: Final = 24.0
"""Hours. However quick a board is, a shorter stay is nobody's worry."""
_HOURS_A_DAY: Final = 24.0


def hours_between(start: datetime, end: datetime) -> float:
    """Plain hours, nights and weekends included."""
    return (end - start).total_seconds() / 3600


def stalled(
    memory: SprintMemory,
    now: datetime,
    durations: Mapping[str, Sequence[float]],
    blockers: Mapping[str, Sequence[str]],
    *,
    hours: Callable[[datetime, datetime], float] = hours_between,
    floor: float = FLOOR,
    day: float = _HOURS_A_DAY,
) -> tuple[Stalled, ...]:
    """The issues in progress that have stayed where they are for longer than 85 % of what the board
    worked on before, or that wait for an open issue; the worst first: by how many times the usual, then
    those that are only blocked, the longest first.

    A sub-task's move is a move of its parent, and a sub-task itself is not listed beside it.

    Args:
        durations: hours that issues of this board stayed at a state in progress before they moved on, by
            the tracker's id of the state.
        blockers: keys of the open issues that an issue waits for, by its id.
        hours: from one moment to another; ``durations`` must have been measured by the same.
        floor: hours below which nothing is stalled.
        day: hours that are told as one day.
    """
    usual = _usual(durations)
    anywhere = _percentile([stay for stays in durations.values() for stay in stays])
    found: list[tuple[float, Stalled]] = []
    for stay in memory.stays.values():
        if not _in_progress(stay):
            continue
        moved = _last_move(stay, memory)
        still = max(hours(moved, now), 0.0) if moved is not None else 0.0
        limit = usual.get(stay.state, anywhere)
        over = still / max(limit, floor) if limit is not None else 0.0
        waits = tuple(blockers.get(stay.id, ()))
        late = over > 1
        if late or waits:
            told = limit / day if late and limit is not None else None
            found.append((over if late else 0.0, Stalled(stay.key, still / day, told, waits)))
    found.sort(key=lambda one: (-one[0], -one[1].days, one[1].key))
    return tuple(one for _, one in found)


def _in_progress(stay: Stay) -> bool:
    return stay.left is None and stay.stage is Stage.DOING and not stay.subtask


def _last_move(stay: Stay, memory: SprintMemory) -> datetime | None:
    """When an issue or one of its sub-tasks last went to another state."""
    own = (one for one in memory.stays.values() if one.id == stay.id or one.parent == stay.id)
    return max((one.since for one in own if one.since is not None), default=None)


def _usual(durations: Mapping[str, Sequence[float]]) -> dict[str, float]:
    limits = {state: _percentile(stays) for state, stays in durations.items()}
    return {state: limit for state, limit in limits.items() if limit is not None}


def _percentile(stays: Sequence[float]) -> float | None:
    """The 85th percentile, linear between the two nearest of the values in order; None for too few.

    It is definition 7 of Hyndman & Fan, Sample Quantiles in Statistical Packages, 1996
    (https://doi.org/10.1080/00031305.1996.10473566), which NumPy and spreadsheets use too.
    """
    if len(stays) < ENOUGH:
        return None
    return statistics.quantiles(stays, n=20, method="inclusive")[16]
