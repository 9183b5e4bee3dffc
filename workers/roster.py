"""Who is in a sprint: the baseline at its start, and every coming and going since. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from classifiers.requirements import fingerprint
from classifiers.sprint_memory import SprintMemory, Stay
from trackers.model import Hint, HintKind
from trackers.rebuild import as_of
from trackers.sprints import Finished, SprintIssue, SprintReading, Stage

LATE: Final = timedelta(minutes=10)
"""A baseline taken this long after the start is said to be rebuilt: until then changelogs and hints tell
everything there is to tell."""
_CARRIED: Final = timedelta(minutes=30)
"""Closing a sprint moves its open issues on; trackers take some minutes over it."""


def begin(
    reading: SprintReading,
    hints: Sequence[Hint],
    now: datetime,
    finished: Iterable[Finished],
    key: bytes,
    planned_until: datetime | None = None,
) -> SprintMemory:
    """The baseline of an active sprint: membership and estimates as of its activation.

    ``reading`` must hold each issue's past. An issue that left between the activation and this
    reading is not known to the tracker any more and missing from the baseline. What was done already is
    committed; what was cancelled is not. ``planned_until`` is when the sprint was last seen before its start.
    """
    activated = activation(reading, hints, now, planned_until)
    then = {issue.id: issue for issue in as_of(reading, activated) if issue.stage is not Stage.DROPPED}
    stays = {
        issue.id: replace(
            _seen(issue),
            committed=True,
            first=then[issue.id].points,
            dropped_at=then[issue.id].stage,
            lines=fingerprint(issue.body, key),
        )
        for issue in reading.issues
        if issue.id in then
    }
    memory = SprintMemory(activated, rebuilt=now - activated > LATE, stays=stays)
    return follow(memory, reading, hints, now, finished)


def activation(
    reading: SprintReading, hints: Sequence[Hint], now: datetime, planned_until: datetime | None = None
) -> datetime:
    """When the sprint became active: as an event told, else its start date, else now.

    A start date may lie in the future, or before somebody started the sprint for real, or be edited later:
    hence it is asked once and kept, and no earlier than when the sprint was last seen before its start.
    """
    told = [
        hint.at
        for hint in hints
        if hint.kind is HintKind.SPRINT_CHANGED and "state" in hint.changed and hint.at is not None
    ]
    start = reading.sprint.start
    if told:
        return min(max(told), now)
    begun = start if start is not None and start <= now else now
    return max(begun, planned_until) if planned_until is not None else begun


def follow(
    memory: SprintMemory,
    reading: SprintReading,
    hints: Sequence[Hint],
    now: datetime,
    finished: Iterable[Finished],
) -> SprintMemory:
    """The memory brought up to what was read; ``hints`` tell when and by whom issues came and went.

    Whether what joined was carried over is asked anew each time: the earlier sprint may be learnt of later.
    """
    ended = [sprint.ended for sprint in finished]
    came = _moves(hints, HintKind.SPRINT_JOINED)
    went = _moves(hints, HintKind.SPRINT_LEFT)
    stays = dict(memory.stays)
    for issue in reading.issues:
        known = stays.get(issue.id)
        if known is not None:
            stay = _still(known, issue, now)
        elif issue.stage is not Stage.DROPPED:
            stay = _joined(issue, reading.sprint.id, came.get(issue.id), memory.activated, now)
        else:
            continue
        stays[issue.id] = replace(stay, carried=issue.carried and _is_carried(stay, ended))
    there = {issue.id for issue in reading.issues}
    for id_, stay in stays.items():
        if id_ not in there and stay.left is None:
            hint = went.get(id_)
            stays[id_] = replace(stay, left=(hint.at if hint else None) or now)
    return replace(memory, stays=stays)


def _moves(hints: Sequence[Hint], kind: HintKind) -> dict[str, Hint]:
    """By issue, the last of the hints of a kind."""
    return {hint.issue: hint for hint in hints if hint.kind is kind and hint.issue is not None}


def _seen(issue: SprintIssue) -> Stay:
    return Stay(
        id=issue.id,
        key=issue.key,
        committed=False,
        first=issue.points,
        points=issue.points,
        stage=issue.stage,
        state=issue.state,
        since=issue.since,
        parent=issue.parent,
        subtask=issue.subtask,
        rank=issue.rank,
    )


def _joined(
    issue: SprintIssue,
    sprint: str,
    hint: Hint | None,
    activated: datetime,
    now: datetime,
) -> Stay:
    moves = [
        move for move in (issue.past.moves if issue.past else ()) if move.joined and move.sprint == sprint
    ]
    told = [hint.at if hint else None, moves[-1].at if moves else None, issue.joined]
    # An event may be older than the sprint: a move back and forth while it was planned.
    joined = next((at for at in told if at is not None and at >= activated), now)
    by_itself = hint.automated if hint else any(move.automated for move in moves[-1:])
    return replace(
        _seen(issue),
        joined=joined,
        since=issue.since or joined,
        automated=by_itself,
    )


def _is_carried(stay: Stay, ended: Sequence[datetime]) -> bool:
    """Whether it joined as one of the sprints that ended at these times was closed."""
    return stay.joined is not None and any(abs(stay.joined - end) <= _CARRIED for end in ended)


def _still(known: Stay, issue: SprintIssue, now: datetime) -> Stay:
    is_dropped = known.stage is not Stage.DROPPED and issue.stage is Stage.DROPPED
    return replace(
        known,
        key=issue.key,
        points=issue.points,
        stage=issue.stage,
        state=issue.state,
        since=_since(known, issue, now),
        left=None,
        dropped_at=known.stage if is_dropped else known.dropped_at,
        parent=issue.parent,
        subtask=issue.subtask,
        rank=issue.rank,
    )


def _since(known: Stay, issue: SprintIssue, now: datetime) -> datetime | None:
    """Jira tells since when a *category* of states holds: between two of one category it stays as it was."""
    if known.state == issue.state:
        return known.since or issue.since
    is_newer = issue.since is not None and (known.since is None or issue.since > known.since)
    return issue.since if is_newer else now
