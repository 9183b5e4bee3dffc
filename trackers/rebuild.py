"""A sprint as it was: its reading rolled back by what each issue's past tells. Pure.

What left a sprint before it was read is not in the reading, so nothing here knows of it. Sub-tasks
come and go with their parents, and no board counts their estimates beside their parents'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from trackers.sprints import (
    Amount,
    Estimate,
    Finished,
    IssuePast,
    Move,
    Shift,
    Sprint,
    SprintIssue,
    SprintReading,
    Stage,
    Unit,
)

LATE: Final = 0.8
"""Share of the planned time up to which ``Finished.added`` counts."""
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_NOTHING: Final = IssuePast()


def as_of(reading: SprintReading, at: datetime) -> tuple[SprintIssue, ...]:
    """Who of ``reading`` was in the sprint at a moment, with the estimate and state they had then.

    A change at that very moment has happened. What an issue's past does not tell is as it is now;
    an issue without a word of when it joined is in the sprint since it was filed.
    """
    moves = _moves(reading)
    return tuple(_then(issue, at) for issue in reading.issues if _is_member(issue, moves[issue.id], at))


def finished(reading: SprintReading, unit: Unit, unestimated: float | None = None) -> Finished | None:
    """A sprint that is over, in numbers; None when it has no start or no end.

    What was done already when it started is commitment and delivery alike, as in a running sprint. What
    was removed in mid-sprint is not in ``reading``: the commitment is that much too low. ``unestimated``
    is what an issue without an estimate counts, in ``unit``.
    """
    sprint = reading.sprint
    start, ended = sprint.start, _end(sprint)
    if start is None or ended is None or ended <= start:
        return None
    planned = (sprint.end or ended) - start
    late = min(ended, start + LATE * planned)

    committed = _work(as_of(reading, start))
    there = {issue.id for issue in committed}
    added = [issue for issue in _work(as_of(reading, late)) if issue.id not in there]
    done = _done(reading, ended)

    def amount(issues: Sequence[SprintIssue]) -> Amount:
        counted = len(issues) if unit is Unit.ISSUES else sum(_counted(one, unestimated) for one in issues)
        return Amount(float(len(issues)), float(counted))

    estimated = sum(issue.points is not None for issue in committed)
    return Finished(
        id=sprint.id,
        board=sprint.board,
        start=start,
        ended=ended,
        planned_days=planned / _DAY,
        committed=amount(committed),
        delivered=amount(done),
        added=amount(added),
        estimated=estimated / len(committed) if committed else 0.0,
        stays=tuple(_stays(reading.issues, start, ended)),
        unit=unit,
    )


def delivered(reading: SprintReading, count: Callable[[float | None], float]) -> float:
    """What was done in a closed sprint by its end; what was done since then was done elsewhere.

    Takes a reading without its issues' past, too: what it does not tell is as it is now.

    Args:
        count: what an issue with an estimate, or None, counts.
    """
    ended = _end(reading.sprint)
    done = _done(reading, ended) if ended is not None else _at_done(reading.issues)
    return float(sum(count(issue.points) for issue in done))


def _end(sprint: Sprint) -> datetime | None:
    return sprint.completed or sprint.end


def _done(reading: SprintReading, at: datetime) -> list[SprintIssue]:
    done = _at_done(as_of(reading, at))
    return [issue for issue in done if issue.since is None or issue.since <= at]


def _at_done(issues: Iterable[SprintIssue]) -> list[SprintIssue]:
    return [issue for issue in _work(issues) if issue.stage is Stage.DONE]


def _work(issues: Iterable[SprintIssue]) -> list[SprintIssue]:
    return [issue for issue in issues if not issue.subtask and issue.stage is not Stage.DROPPED]


def _counted(issue: SprintIssue, unestimated: float | None) -> float:
    return issue.points if issue.points is not None else unestimated or 0.0


def _past(issue: SprintIssue) -> IssuePast:
    return issue.past or _NOTHING


def _moves(reading: SprintReading) -> Mapping[str, Sequence[Move]]:
    """By issue, its moves into and out of the sprint; a sub-task has those of its parent."""
    own = {
        issue.id: [move for move in _past(issue).moves if move.sprint == reading.sprint.id]
        for issue in reading.issues
    }
    followed = {issue.id: own.get(issue.parent or "", []) for issue in reading.issues if issue.subtask}
    return {id_: moves or followed.get(id_, []) for id_, moves in own.items()}


def _is_member(issue: SprintIssue, moves: Sequence[Move], at: datetime) -> bool:
    if issue.created is not None and issue.created > at:
        return False
    if earlier := [move for move in moves if move.at <= at]:
        return earlier[-1].joined
    if moves:
        return not moves[0].joined
    return issue.joined is None or issue.joined <= at


def _then(issue: SprintIssue, at: datetime) -> SprintIssue:
    past = _past(issue)
    stage, state, since = _stage(issue, past.shifts, at)
    points = _points(issue.points, past.estimates, at)
    return replace(issue, points=points, stage=stage, state=state, since=since)


def _points(now: float | None, estimates: Sequence[Estimate], at: datetime) -> float | None:
    later = next((change for change in estimates if change.at > at), None)
    return later.before if later else now


def _stage(issue: SprintIssue, shifts: Sequence[Shift], at: datetime) -> tuple[Stage, str, datetime | None]:
    since = max((shift.at for shift in shifts if shift.at <= at), default=None)
    later = next((shift for shift in shifts if shift.at > at), None)
    if later is None:
        return issue.stage, issue.state, since or issue.since
    return later.before, later.before_state, since or issue.created


def _stays(issues: Iterable[SprintIssue], start: datetime, ended: datetime) -> Iterable[tuple[str, float]]:
    """Every stay in progress that ended while the sprint ran: so each is counted in one sprint only."""
    for issue in issues:
        shifts = () if issue.subtask else _past(issue).shifts
        for came, went in pairwise(shifts):
            if came.after is Stage.DOING and start < went.at <= ended:
                yield came.after_state, (went.at - came.at) / _HOUR
