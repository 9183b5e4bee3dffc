"""One check of a sprint: read ▸ remember ▸ judge ▸ speak."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from classifiers.sprint_judgement import SprintJudgement
from rules.load import RuleBook
from rules.schema import Mode
from rules.sprint_rules import SprintRules
from store.inbox import Batch
from trackers.errors import Forbidden, Gone, Stale
from trackers.model import HintKind, Subject, SubjectKind, TrackerKind
from trackers.rebuild import delivered
from trackers.sprints import Board, Finished, Sprint, SprintReading, SprintState, Unit, round_of
from workers import failures
from workers import sprint_wording as wording
from workers.decide import Because
from workers.plan import records
from workers.record import Ending, Outcome
from workers.roster import begin, follow
from workers.scope_labels import Marking, mark
from workers.shop import Desk, Shop
from workers.sprint_book import DELETED, GONE, Home, Said, SprintBook
from workers.sprint_measure import comparable, counting, measure
from workers.sprint_outlook import judged
from workers.sprint_plan import SprintPlan
from workers.sprint_view import Sight, over, seen, told
from workers.sprint_writing import ENDED, Case, Message, conclude, speak

log = structlog.get_logger("sprint_check")

_BEHIND: Final = timedelta(seconds=60)
"""How long after an event a reading may still not show it."""
_PATIENCE: Final = 3
"""Attempts for which a reading that lags behind its events is asked for again."""
_LABELS_LEFT: Final = timedelta(days=1)
"""A sprint that is over is not kept open for longer because a label cannot be taken off."""
_MOVES: Final = (HintKind.SPRINT_JOINED, HintKind.SPRINT_LEFT)


@dataclass(frozen=True, slots=True)
class Look:
    """All that one check has at hand."""

    shop: Shop
    desk: Desk
    batch: Batch
    board: Board
    rules: SprintRules
    reading: SprintReading
    finished: Sequence[Finished]
    """Of this board, this sprint itself left out."""
    now: datetime

    @property
    def subject(self) -> Subject:
        return self.batch.subject

    def case(self, book: SprintBook) -> Case:
        """What is spoken by."""
        sprint = self.reading.sprint
        return Case(self.shop, self.desk, self.batch, self.rules, self.board, book, sprint, self.now)


def check(shop: Shop, desk: Desk, batch: Batch, book: RuleBook) -> Ending:
    """Check the sprint that a batch of hints is about.

    Raises what readings and writes raise; ``workers.failures`` says what becomes of it.
    """
    now = datetime.now(UTC)
    held = _purged(shop, batch, _held(shop, batch.subject))
    try:
        reading = desk.tracker.sprint(batch.subject.id)
    except Gone:
        if held is None:
            shop.sprints.forget(batch.subject)
            raise
        return _vanished(shop, desk, batch, held, book, now)
    sprint = reading.sprint
    if not _is_ours(desk, sprint.board):
        shop.sprints.forget(batch.subject)
        return Ending(Outcome.IGNORED, Because.BOARD_NOT_NAMED)
    board = desk.tracker.board(sprint.board)
    rules = book.sprints(desk.connection.name, board.id, board.project)
    because = _why_passed_over(board, rules, sprint.state, held)
    if because is Because.SPRINT_OVER:
        shop.sprints.let_go(batch.subject)
    if because is Because.SPRINT_NOT_STARTED:
        shop.sprints.note_planned(batch.subject.connection, [sprint.id], now)
    if because is not None:
        return Ending(Outcome.IGNORED, because)
    known = shop.sprints.finished(batch.subject.connection, board.id)
    finished = [one for id_, one in known.items() if id_ != sprint.id]
    at = Look(shop, desk, batch, board, rules, reading, finished, now)
    if held is not None and not comparable(held.unit, board.unit):
        # From here on and for good: estimates in two units are never added up.
        held = replace(held, unit=Unit.ISSUES)
    return _looked_at(at, held)


def _looked_at(at: Look, held: SprintBook | None) -> Ending:
    match at.reading.sprint.state:
        case SprintState.ACTIVE:
            return _running(at, held)
        case SprintState.CLOSED:
            assert held is not None
            return _over(at, held)
        case SprintState.FUTURE:
            assert held is not None
            return _put_off(at, held)


def _held(shop: Shop, sprint: Subject) -> SprintBook | None:
    text = shop.sprints.book(sprint)
    return SprintBook.from_text(text) if text is not None else None


def _purged(shop: Shop, batch: Batch, held: SprintBook | None) -> SprintBook | None:
    """The book without what tells of issues that were deleted; the records are rid of them as well.

    Done here, where the sprint is leased, so that no other run writes them back.
    """
    gone = {hint.issue for hint in batch.hints if DELETED in hint.changed and hint.issue is not None}
    for issue in gone:
        if held is None or (key := held.key_of(issue)) is None:
            continue
        shop.decisions.mask(batch.subject, key, GONE)
        shop.sprint_views.mask(batch.subject, key, GONE)
        held = held.without(issue)
        if held.closed:
            shop.sprints.close(batch.subject, held.to_text())
        else:
            shop.sprints.keep(batch.subject, held.board, held.to_text())
    return held


def _is_ours(desk: Desk, board: str) -> bool:
    named = desk.connection.scope().boards
    return named is None or board in named


def _why_passed_over(
    board: Board, rules: SprintRules, state: SprintState, held: SprintBook | None
) -> Because | None:
    if not board.has_sprints:
        return Because.BOARD_WITHOUT_SPRINTS
    if not rules.enabled:
        return Because.SPRINTS_OFF
    if state is SprintState.FUTURE and held is None:
        return Because.SPRINT_NOT_STARTED
    if state is SprintState.CLOSED and (held is None or held.closed):
        return Because.SPRINT_OVER
    return None


def _running(at: Look, held: SprintBook | None) -> Ending:
    _require_present(at)
    if held is None:
        book = _begun(at)
    else:
        memory = follow(held.memory, at.reading, at.batch.hints, at.now, at.finished)
        book = replace(held, memory=memory, name=at.reading.sprint.name, closed=False)
        if held.closed:
            at.shop.sprints.drop_finished(at.subject.connection, at.board.id, at.subject.id)
    case = at.case(book)
    case.keep()
    at.shop.checkpoint("loaded")
    judgement = judged(
        at.subject.connection,
        at.board,
        at.reading,
        book,
        at.rules,
        at.finished,
        at.shop.forecasters,
        at.shop.sprints.secret(),
        at.now,
    )
    at.shop.checkpoint("decided")
    _show(at, case, judgement, is_new=held is None)
    keys = {item.key for item in judgement.scope.added}
    added = {stay.id for stay in book.memory.stays.values() if stay.key in keys - {GONE}}
    case, marking = _marked(at, case, added)
    ending = speak(case, judgement, at.reading)
    _show_said(at, ending)
    return _with_labels(ending, marking)


@contextmanager
def _for_the_console() -> Iterator[None]:
    """What is only to be shown fails alone: after a comment was written, a run must not fail for it."""
    try:
        yield
    except failures.NOT_OF_A_PART:
        raise
    except Exception:
        log.exception("not shown in the console")


@_for_the_console()
def _show(at: Look, case: Case, judgement: SprintJudgement, *, is_new: bool) -> None:
    """Have the console show what was found; said or not, and whatever becomes of the writing."""
    views = at.shop.sprint_views
    sight = Sight(
        at.subject,
        case.noun,
        at.board,
        at.reading.sprint,
        case.book.memory,
        counting(case.book.unit, at.board, at.rules),
        at.rules.scope_grace,
        judgement,
        at.finished,
        case.snooze_label,
    )
    # A view that outlived its book may name issues that were deleted since.
    views.keep(seen(sight, None if is_new else views.of(at.subject)))


@_for_the_console()
def _show_said(at: Look, ending: Ending) -> None:
    view, book = at.shop.sprint_views.of(at.subject), _held(at.shop, at.subject)
    if view is not None and book is not None:
        record = at.case(book).record()
        base = at.desk.connection.url if at.desk.tracker.kind is TrackerKind.JIRA else None
        at.shop.sprint_views.keep(told(view, book, record, ending, base))


@_for_the_console()
def _show_over(at: Look, held: SprintBook, done: float) -> None:
    view = at.shop.sprint_views.of(at.subject)
    if view is not None:
        delivered = done if view.unit is held.unit else None
        at.shop.sprint_views.keep(over(view, at.reading.sprint, delivered, at.now))


def _marked(at: Look, case: Case, added: Collection[str]) -> tuple[Case, Marking | None]:
    """Have the issues that were added bear the admin's label for them, and no others that we marked.

    Before anything is said: quiet hours are for comments, and give the sprint back.
    """
    if at.rules.mode is not Mode.APPLY or not (at.rules.scope_label or case.book.marked):
        return case, None
    wanted = added if at.rules.scope_label else ()
    label, book = at.rules.scope_label or "", case.book
    marking = mark(at.shop, at.desk, at.batch, label, wanted, book.marked, book.settled)
    return case.noting(marked=marking.marked, settled=marking.settled), marking


def _with_labels(ending: Ending, marking: Marking | None) -> Ending:
    if marking is None or not isinstance(ending.plan, SprintPlan):
        return ending
    plan = replace(ending.plan, labels=marking.changed, refused=marking.refused)
    return replace(ending, plan=plan)


def _require_present(at: Look) -> None:
    """Raise Stale while the reading does not show yet what a fresh event told of."""
    there = {issue.id for issue in at.reading.issues}
    last = {hint.issue: hint for hint in at.batch.hints if hint.kind in _MOVES and hint.issue is not None}
    for issue, hint in last.items():
        behind = (hint.kind is HintKind.SPRINT_JOINED) != (issue in there)
        fresh = hint.at is not None and at.now - hint.at < _BEHIND
        if behind and fresh and at.batch.attempts <= _PATIENCE:
            raise Stale("The tracker answered with an older state of the sprint than its event told of.")


def _begun(at: Look) -> SprintBook:
    """The book of a sprint that is seen for the first time, or again after a loss of memory."""
    reading = at.desk.tracker.sprint(at.subject.id, past=True)
    planned_until = at.shop.sprints.planned_until(at.subject)
    memory = begin(reading, at.batch.hints, at.now, at.finished, at.shop.sprints.secret(), planned_until)
    unit = measure(memory, at.board, at.rules, at.finished)
    book = SprintBook(memory, unit, at.board.id, reading.sprint.name)
    if not reading.ours:
        return book
    found = records(one.comment for one in reading.ours)
    at.shop.journals.note_read(at.subject, vetoed={}, applied=(), comments=found)
    rounds = {round_of(at.subject.id, one.comment.topic) or 0: one for one in reading.ours}
    round_, newest = max(rounds.items(), key=lambda pair: pair[0])
    return replace(book, home=Home(newest.issue, newest.key), round=round_)


def _over(at: Look, held: SprintBook) -> Ending:
    """The sprint is closed: settle what was said of it, have its figures learnt, and only then forget it."""
    count = counting(held.unit, at.board, at.rules)
    planned = [stay for stay in held.memory.stays.values() if stay.committed and not stay.subtask]
    committed = sum(count(stay.first) for stay in planned)
    done = delivered(at.reading, count)
    case, marking = _marked(at, at.case(replace(held, name=at.reading.sprint.name)), ())
    prose = wording.ended(at.reading.sprint, held.unit, committed, done, at.rules.wording, noun=case.noun)
    _show_over(at, held, done)
    ending = conclude(case, Message(prose, ENDED, settles=True))
    _show_said(at, ending)
    if ending.outcome is not Outcome.POSTPONED:
        board = Subject(at.subject.connection, SubjectKind.BOARD, at.board.id)
        at.shop.sprints.next_look(board, at.now)
        ended = at.reading.sprint.completed or at.now
        if marking is None or not marking.more or at.now - ended > _LABELS_LEFT:
            _close(at)
    return _with_labels(ending, marking)


def _close(at: Look) -> None:
    held = _held(at.shop, at.subject)
    if held is not None:
        at.shop.sprints.close(at.subject, replace(held, closed=True).to_text())


def _put_off(at: Look, held: SprintBook) -> Ending:
    """Its start was moved into the future: what was said of it no longer holds, and it begins anew then."""
    case, _ = _marked(at, at.case(held), ())
    prose = wording.put_off(at.reading.sprint, at.rules.wording, noun=case.noun)
    return _forgotten(case, conclude(case, Message(prose, Said(), settles=True)))


def _vanished(
    shop: Shop, desk: Desk, batch: Batch, held: SprintBook, book: RuleBook, now: datetime
) -> Ending:
    """The sprint is not there any more: settle what was said of it and forget it."""
    try:
        board = desk.tracker.board(held.board)
    except (Forbidden, Gone):
        board = Board(held.board, "", None, has_sprints=True, unit=held.unit)
    rules = book.sprints(desk.connection.name, board.id, board.project)
    sprint = Sprint(batch.subject.id, held.name, held.board, SprintState.CLOSED)
    case = Case(shop, desk, batch, rules, board, held, sprint, now)
    prose = wording.deleted(sprint, rules.wording, noun=case.noun)
    return _forgotten(case, conclude(case, Message(prose, Said(), settles=True)))


def _forgotten(case: Case, ending: Ending) -> Ending:
    if ending.outcome is not Outcome.POSTPONED:
        case.shop.sprints.forget(case.batch.subject)
    return ending
