"""Reading Linear's cycles, their issues and their daily totals, as the API answers them. Pure.

Source: types ``Cycle``, ``Team``, ``Issue`` and ``IssueHistory`` of the schema in
github.com/linear/linear, and linear.app/docs/use-cycles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from trackers.errors import ServerFault
from trackers.linear.fields import labels_of
from trackers.reading import items, mapping, moment, number, planned_moment, reference, text
from trackers.sprints import (
    Amount,
    Board,
    Estimate,
    Finished,
    IssuePast,
    Move,
    Shift,
    Sprint,
    SprintIssue,
    SprintState,
    Stage,
    Unit,
)

Raw = Mapping[str, Any]

_STAGES: Final = {
    "started": Stage.DOING,
    "completed": Stage.DONE,
    "canceled": Stage.DROPPED,
    "duplicate": Stage.DROPPED,
}
"""By type of workflow state; the others (triage, backlog, unstarted) are still to be done."""
_CLOSED: Final = frozenset({Stage.DONE, Stage.DROPPED})
_NO_PRIORITY: Final = 5.0
"""Where no priority (0 on Linear) stands among 1, urgent, to 4, low."""
_CREEP_COUNTS_UNTIL: Final = 0.8
"""Share of the planned time."""
_CLOCK_CHANGE: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def board_of(team: Raw) -> Board:
    """A team with its cycles."""
    estimates = has_estimates(team)
    key = text(team.get("key")) or ""
    return Board(
        id=key,
        name=text(team.get("name")) or key,
        project=key,
        has_sprints=bool(team.get("cyclesEnabled")),
        unit=Unit.POINTS if estimates else Unit.ISSUES,
        unestimated=number(team.get("defaultIssueEstimate")) if estimates else None,
        zone=text(team.get("timezone")),
    )


def has_estimates(team: Raw) -> bool:
    """Whether the team gives estimates at all."""
    return team.get("issueEstimationType") != "notUsed"


def sprint_of(cycle: Raw, now: datetime) -> Sprint:
    """A cycle, its state told by its dates: Linear has no field for it.

    Between two cycles (the cool-down) none is active. Raises ServerFault when it has no id.
    """
    id_ = reference(cycle.get("id"))
    if id_ is None:
        raise ServerFault("Linear answered with a cycle that has no id.")
    start, end = planned_moment(cycle.get("startsAt"), now), planned_moment(cycle.get("endsAt"), now)
    completed = moment(cycle.get("completedAt"))
    if completed is not None or (end is not None and end <= now):
        state = SprintState.CLOSED
    else:
        state = SprintState.ACTIVE if start is not None and start <= now else SprintState.FUTURE
    return Sprint(
        id=id_,
        name=text(cycle.get("name")) or f"Cycle {number(cycle.get('number')) or 0:.0f}",
        board=text(mapping(cycle.get("team")).get("key")) or "",
        state=state,
        start=start,
        end=end,
        completed=completed,
    )


def left_over(cycle: Raw) -> frozenset[str]:
    """Ids of what the cycle before this one left unfinished when it was closed."""
    earlier = map(mapping, items(mapping(mapping(cycle.get("team")).get("cycles")).get("nodes")))
    last = (number(cycle.get("number")) or 0) - 1
    return frozenset(
        str(mapping(issue).get("id"))
        for past in earlier
        if number(past.get("number")) == last
        for issue in items(mapping(past.get("uncompletedIssuesUponClose")).get("nodes"))
    )


def in_order(issues: Iterable[Raw]) -> list[Raw]:
    """The issues of a cycle, the most important first.

    By priority, one without any last; among equals by ``sortOrder``, the place people drag an issue to.
    """
    return sorted(
        issues,
        key=lambda raw: (
            number(raw.get("priority")) or _NO_PRIORITY,
            number(raw.get("sortOrder")) or 0.0,
            str(raw.get("identifier")),
        ),
    )


def sprint_issue(raw: Raw, rank: int, team: Raw, carried: bool, past: IssuePast | None) -> SprintIssue:
    """An issue as its cycle holds it. A sub-issue has an estimate of its own and counts like any other."""
    state = mapping(raw.get("state"))
    stage = _stage(state)
    since = {Stage.DOING: "startedAt", Stage.DONE: "completedAt", Stage.DROPPED: "canceledAt"}.get(stage, "")
    return SprintIssue(
        id=text(raw.get("id")) or "",
        key=text(raw.get("identifier")) or "",
        project=text(team.get("key")) or "",
        type=None,
        points=number(raw.get("estimate")) if has_estimates(team) else None,
        stage=stage,
        state=text(state.get("id")) or "",
        rank=rank,
        since=moment(raw.get(since)),
        joined=moment(raw.get("addedToCycleAt")),
        created=moment(raw.get("createdAt")),
        parent=reference(mapping(raw.get("parent")).get("id")),
        assignee=reference(mapping(raw.get("assignee")).get("id")),
        labels=labels_of(raw),
        body=text(raw.get("description")) or "",
        blockers=tuple(_blockers(raw)),
        carried=carried,
        past=past,
    )


def _blockers(raw: Raw) -> Iterable[str]:
    for relation in map(mapping, items(mapping(raw.get("inverseRelations")).get("nodes"))):
        other = mapping(relation.get("issue"))
        if relation.get("type") == "blocks" and _stage(mapping(other.get("state"))) not in _CLOSED:
            yield text(other.get("identifier")) or ""


def _stage(state: Raw) -> Stage:
    return _STAGES.get(str(state.get("type")), Stage.TODO)


def issue_past(entries: Sequence[Raw], team: Raw, whole: bool) -> IssuePast:
    """What an issue's history tells of its stay in cycles; ``entries`` may come in any order.

    An entry merges what one actor did within minutes, so that times are not exact.
    """
    moves: list[Move] = []
    estimates: list[Estimate] = []
    shifts: list[Shift] = []
    dated = [(at, entry) for entry in entries if (at := moment(entry.get("createdAt"))) is not None]
    for at, entry in sorted(dated, key=lambda pair: pair[0]):
        automated = _automated(entry, team)
        for name, joined in (("fromCycleId", False), ("toCycleId", True)):
            if (cycle := reference(entry.get(name))) is not None:
                moves.append(Move(at, cycle, joined, automated))
        before, after = number(entry.get("fromEstimate")), number(entry.get("toEstimate"))
        if before != after and has_estimates(team):
            estimates.append(Estimate(at, before, after))
        old, new = mapping(entry.get("fromState")), mapping(entry.get("toState"))
        if old and new:
            shifts.append(Shift(at, _stage(old), _stage(new), str(old.get("id")), str(new.get("id"))))
    return IssuePast(tuple(moves), tuple(estimates), tuple(shifts), whole)


def _automated(entry: Raw, team: Raw) -> bool:
    """Whether no person made the move.

    Where the team lets Linear put into the running cycle what is started or completed, doing so is
    no decision about the cycle, whoever it is told of.
    """
    if not entry.get("actorId") or entry.get("botActor"):
        return True
    stage = _stage(mapping(entry.get("toState")))
    if not entry.get("toCycleId") or entry.get("fromCycleId"):
        return False
    started = team.get("cycleIssueAutoAssignStarted") or team.get("cycleLockToActive")
    return bool(
        (stage is Stage.DOING and started)
        or (stage is Stage.DONE and team.get("cycleIssueAutoAssignCompleted"))
    )


def finished_of(cycle: Raw, board: Board, stays: Iterable[float] = ()) -> Finished | None:
    """A finished cycle by its daily totals; None for one without dates.

    Each value is taken at the end of its day, so that what joined on the first day counts as
    committed. Totals hold unestimated issues at the team's default, hence none tells how many there
    were: all count as estimated where the team estimates. ``stays`` are hours in progress, under no
    state's name: Linear tells when work began, not in which state.
    """
    start, planned_end = moment(cycle.get("startsAt")), moment(cycle.get("endsAt"))
    if start is None or planned_end is None:
        return None
    planned = _planned_days(cycle, planned_end - start)
    issues, points = _totals(cycle, "issueCountHistory"), _totals(cycle, "scopeHistory")
    done = Amount(
        _totals(cycle, "completedIssueCountHistory")[-1], _totals(cycle, "completedScopeHistory")[-1]
    )
    return Finished(
        id=str(cycle.get("id")),
        board=board.id,
        start=start,
        ended=moment(cycle.get("completedAt")) or planned_end,
        planned_days=planned,
        committed=Amount(issues[0], points[0]),
        delivered=done,
        added=Amount(_added(issues, planned), _added(points, planned)),
        estimated=1.0 if board.unit is Unit.POINTS else 0.0,
        stays=tuple(("", hours) for hours in stays),
        approximate=True,
        unit=board.unit,
    )


def _totals(cycle: Raw, name: str) -> list[float]:
    """One value a day, and 0 for a cycle that never had any."""
    return [number(value) or 0.0 for value in items(cycle.get(name))] or [0.0]


def _added(totals: Sequence[float], planned_days: float) -> float:
    days = max(1, int(_CREEP_COUNTS_UNTIL * planned_days))
    return max(totals[:days]) - totals[0]


def _planned_days(cycle: Raw, length: timedelta) -> float:
    """How long the cycle was to last.

    One that people complete early has its end moved to that moment. It is known by an end at
    another time of day than its start, for Linear's own cycles, and those people give other dates,
    last whole days but for a change of the clocks.
    """
    usual = timedelta(weeks=number(mapping(cycle.get("team")).get("cycleDuration")) or 0)
    over = length % _DAY
    cut = length < usual and min(over, _DAY - over) > _CLOCK_CHANGE
    return (usual if cut else length) / _DAY


def hours_in_progress(issue: Raw) -> float | None:
    """From its start to its completion; None where one of them is not known."""
    began, ended = moment(issue.get("startedAt")), moment(issue.get("completedAt"))
    if began is None or ended is None or ended < began:
        return None
    return (ended - began) / timedelta(hours=1)
