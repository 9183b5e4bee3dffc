"""What is shown of a sprint, from what a check read, remembered and found. Pure.

The past is put together anew from the stays wherever nobody looked, so that a service that came late, or was
away, shows when work came, went and was done as far as its tracker still tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from classifiers.scope import Counted, is_gone, not_counted_because
from classifiers.sprint_judgement import Concern, SprintJudgement
from classifiers.sprint_memory import SprintMemory, Stay
from classifiers.sprint_past import with_work
from store.journal import CommentRecord, CommentState
from store.sprint_views import Change, Foreseen, Kind, Past, Point, SprintView, Standing, Warned
from trackers.model import Subject
from trackers.prose import Prose, Span, compose, one_line, shortened, spaced_like
from trackers.protocol import PutComment
from trackers.sprints import Amount, Board, Finished, Sprint, Stage, Unit
from workers.decide import Because
from workers.record import Ending
from workers.sprint_book import Home, SprintBook
from workers.sprint_plan import SprintPlan

MOST_POINTS: Final = 240
"""More cannot be told apart where they are drawn."""
MOST_CHANGES: Final = 200
_PAST: Final = 10
_ABOUT_HALF: Final = 0.2
"""A forecast this far from half-time is none of the middle any more."""
_ROUNDING: Final = 1e-6
_MAX_NAME_CHARS: Final = 200
_SILENT: Final = frozenset({Because.ALL_WELL, Because.NOTHING_NEW, Because.SPRINT_OVER})
"""Reasons for which nothing is held back: there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a check has found about a running sprint."""

    subject: Subject
    noun: str
    board: Board
    sprint: Sprint
    """As read: its end may be open."""
    memory: SprintMemory
    count: Counted
    """What an issue with an estimate counts."""
    grace: timedelta
    judgement: SprintJudgement
    finished: Sequence[Finished]
    """Of the board, this sprint left out."""
    snooze_label: str


def seen(at: Sight, before: SprintView | None) -> SprintView:
    """The view of a running sprint, going on from the one of the check ``before``."""
    found, memory = at.judgement, at.memory
    foreseen = _foreseen(found)
    assert found.sprint.end is not None
    past, way = found.past, found.way_out
    return SprintView(
        connection=at.subject.connection,
        id=at.subject.id,
        name=shortened(at.sprint.name, _MAX_NAME_CHARS),
        noun=at.noun,
        board=at.board.id,
        board_name=shortened(at.board.name, _MAX_NAME_CHARS),
        unit=found.unit,
        start=memory.activated,
        end=found.sprint.end,
        end_is_planned=at.sprint.end is not None,
        rebuilt=memory.rebuilt,
        checked=found.at,
        committed=found.scope.committed,
        committed_issues=found.scope.committed_issues,
        done_share=found.done_share,
        budget=found.budget,
        grown_by=found.scope.grown_by,
        points=_points(at, before.points if before and before.unit is found.unit else ()),
        changes=_changes(at, before.changes if before else ()),
        forecast=foreseen,
        first=before.first if before and before.unit is found.unit else foreseen,
        midway=_nearer_half(before.midway if before and before.unit is found.unit else None, foreseen),
        past=tuple(_past(at.finished, found.unit)),
        usual=(past.low, past.high) if past.last > 1 else None,
        concerns=tuple(sorted(found.concerns)),
        fix=tuple(item.key for item in way.move) if way and Concern.OVERCOMMITTED in found.concerns else (),
        p_fixed=way.p_enough if way and way.move else None,
        warned=replace(before.warned if before else Warned(), snooze_label=at.snooze_label),
        url=at.sprint.url,
    )


def over(before: SprintView, sprint: Sprint, delivered: float | None, now: datetime) -> SprintView:
    """The view of a sprint that is closed, with what was ``delivered``; None: in another unit."""
    ended = sprint.completed or min(sprint.end or now, now)
    done = before.points[-1].done if delivered is None else delivered
    points = (*(point for point in before.points if point.at < ended), Point(ended, before.scope, done))
    return replace(
        before,
        name=shortened(sprint.name, _MAX_NAME_CHARS),
        points=points,
        ended=ended,
        delivered=delivered,
        checked=now,
        concerns=(),
        fix=(),
        p_fixed=None,
    )


def told(
    view: SprintView, book: SprintBook, record: CommentRecord | None, ending: Ending, base_url: str | None
) -> SprintView:
    """The view with what a check said of its sprint.

    Args:
        book: as it was kept after speaking.
        record: what is known of the comment then.
        base_url: of a tracker whose comments have an address made of their issue's (Jira); else None, and the
            tracker tells it.
    """
    plan = ending.plan
    if not isinstance(plan, SprintPlan):
        return view
    before = view.warned
    puts = [operation for operation in plan.operations if isinstance(operation, PutComment)]
    wrote = ending.applied is not None and ending.applied.comment is not None
    because = plan.because or ending.because
    home = book.home
    # What is held back is shown once: to show it again would be nothing new.
    is_still_so = because in (Because.NOTHING_NEW, Because.SPRINT_OVER) and record is None
    warned = replace(
        before,
        standing=_standing(book, record, because),
        because=before.because if is_still_so else str(because) if because else None,
        text=_text(plan.prose) if puts and plan.prose and (wrote or record is None) else before.text,
        issue=home.key if home and record else None,
        url=_url(before, home, record, ending, base_url),
        at=view.checked if wrote else before.at,
    )
    return replace(view, warned=warned)


def _standing(book: SprintBook, record: CommentRecord | None, because: Because | None) -> Standing:
    if record is not None and record.state is CommentState.DELETED:
        return Standing.DELETED
    if because is Because.SNOOZED or "snoozed" in book.said.concerns:
        return Standing.SNOOZED
    if record is not None:
        return Standing.OPEN if record.state is CommentState.POSTED else Standing.SETTLED
    if because is None or because in _SILENT:
        # In a dry run nothing new to say means that it was shown before what would be said.
        return Standing.HELD_BACK if book.said.concerns and because is not Because.ALL_WELL else Standing.NONE
    return Standing.HELD_BACK


def _url(
    before: Warned, home: Home | None, record: CommentRecord | None, ending: Ending, base_url: str | None
) -> str | None:
    if record is None or home is None or not home.issue or record.state is CommentState.DELETED:
        return None
    if base_url is not None:
        return f"{base_url.rstrip('/')}/browse/{home.key}?focusedCommentId={record.id}"
    comments = (one.comment for one in ending.applied.written if one.comment) if ending.applied else ()
    return next((comment.url for comment in comments if comment.url), before.url)


def _text(prose: Prose) -> str:
    def as_read(span: Span) -> str:
        return spaced_like(span.text, one_line(span.text))

    return compose(prose, as_read, "•")


def _foreseen(found: SprintJudgement) -> Foreseen:
    forecast = found.forecast
    return Foreseen(
        at=found.at,
        t=round(found.t, 4),
        planned=found.scope.plan_left,
        p_all_done=round(forecast.p_all_done, 4),
        p_enough=round(1 - forecast.p_overcommitted, 4),
        expected=round(forecast.expected, 2),
        low=round(forecast.low, 2),
        high=round(forecast.high, 2),
        scope=found.scope.now,
        done=found.scope.done,
    )


def _nearer_half(before: Foreseen | None, now: Foreseen) -> Foreseen | None:
    if abs(now.t - 0.5) > _ABOUT_HALF:
        return before
    return now if before is None or abs(now.t - 0.5) < abs(before.t - 0.5) else before


def _past(finished: Iterable[Finished], unit: Unit) -> Iterator[Past]:
    def amount(of: Amount) -> float:
        return of.issues if unit is Unit.ISSUES else of.points

    for one in with_work(finished, unit)[-_PAST:]:
        yield Past(one.ended, amount(one.committed), amount(one.delivered))


# -- the course of the work ----------------------------------------------------------------------


def _points(at: Sight, known: Sequence[Point]) -> tuple[Point, ...]:
    """The known points, what the stays tell since the last of them, and how things stand now."""
    now, scope = at.judgement.at, at.judgement.scope
    points = list(known) or [_start(at.memory, scope.committed, at.count)]
    for moment, more, done in _steps(at.memory, points[-1].at, now, at.count):
        last = points[-1]
        points.append(Point(moment, last.scope + more, last.done + done))
    if not _alike(points[-1], scope.now, scope.done):
        points.append(Point(now, scope.now, scope.done))
    return thinned(points, MOST_POINTS)


def _start(memory: SprintMemory, committed: float, count: Counted) -> Point:
    """The plan, with what of it had been done before the sprint began."""
    early = [
        count(stay.first)
        for stay in _whole(memory)
        if stay.committed and stay.stage is Stage.DONE and stay.since and stay.since <= memory.activated
    ]
    return Point(memory.activated, committed, sum(early))


def _steps(
    memory: SprintMemory, after: datetime, until: datetime, count: Counted
) -> list[tuple[datetime, float, float]]:
    """When the work grew by how much, and how much more of it was done then; oldest first."""
    steps = sorted(step for stay in _whole(memory) for step in _of(stay, count) if after < step[0] <= until)
    together = groupby(steps, key=lambda step: step[0])
    return [
        (at, sum(more), sum(done)) for at, group in together for _, more, done in [zip(*group, strict=True)]
    ]


def _of(stay: Stay, count: Counted) -> Iterator[tuple[datetime, float, float]]:
    amount = count(stay.points)
    is_done = stay.stage is Stage.DONE
    if not stay.committed and stay.joined is not None:
        yield stay.joined, amount, 0.0
    if is_done and stay.since is not None:
        yield stay.since, 0.0, amount
    if stay.left is not None:
        yield stay.left, -amount, -amount if is_done else 0.0
    elif stay.stage is Stage.DROPPED and stay.since is not None:
        yield stay.since, -amount, 0.0


def _alike(point: Point, scope: float, done: float) -> bool:
    return abs(point.scope - scope) < _ROUNDING and abs(point.done - done) < _ROUNDING


def thinned(points: Sequence[Point], most: int) -> tuple[Point, ...]:
    """``points`` with about ``most`` left: of each of so many equal spans of time the last, and the start."""
    if len(points) <= most:
        return tuple(points)
    start, span = points[0].at, points[-1].at - points[0].at
    kept = {int((most - 2) * ((point.at - start) / span)): point for point in points[1:]}
    return (points[0], *kept.values())


# -- what changed --------------------------------------------------------------------------------


def _changes(at: Sight, known: Sequence[Change]) -> tuple[Change, ...]:
    """Every coming and going since the start, oldest first; of very many the newest."""
    found = [change for stay in _whole(at.memory) for change in _moves(at, stay)]
    found += _reestimates(at, known)
    return tuple(sorted(found, key=lambda one: (one.at, one.key, one.kind))[-MOST_CHANGES:])


def _moves(at: Sight, stay: Stay) -> Iterator[Change]:
    amount, now = at.count(stay.points), at.judgement.at
    kind = Kind.ADDED
    if not stay.committed:
        reason = not_counted_because(stay, at.memory, at.grace)
        kind = Kind(reason) if reason else Kind.ADDED
        yield Change(stay.joined or now, stay.key, amount, kind)
    if is_gone(stay) and kind is not Kind.UNDONE:
        yield Change(stay.left or stay.since or now, stay.key, amount, Kind.REMOVED)


def _reestimates(at: Sight, known: Sequence[Change]) -> Iterator[Change]:
    """Nobody tells when an estimate changed: it is when that was seen first."""
    when = {(one.key, one.amount): one.at for one in known if one.kind is Kind.REESTIMATED}
    for one in at.judgement.scope.reestimated:
        amount = one.after - one.before
        yield Change(when.get((one.key, amount), at.judgement.at), one.key, amount, Kind.REESTIMATED)


def _whole(memory: SprintMemory) -> list[Stay]:
    """Those that boards count: sub-tasks' estimates are in their parents'."""
    return [stay for stay in memory.stays.values() if not stay.subtask]
