"""One check of a sprint: read ▸ remember ▸ judge ▸ speak."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from classifiers.sprint import Outlook, judge
from classifiers.sprint_judgement import SprintJudgement
from classifiers.sprint_past import rows_of, with_work
from rules.load import RuleBook
from rules.schema import Mode
from rules.sprint_rules import SprintRules
from store.inbox import Batch
from store.journal import CommentRecord
from trackers.errors import Gone, Stale
from trackers.model import HintKind, Subject, SubjectKind
from trackers.sprints import Board, Finished, Sprint, SprintReading, SprintState, Stage, Unit
from workers import sprint_wording as wording
from workers.decide import Because
from workers.plan import records
from workers.record import Ending, Outcome
from workers.roster import begin, follow
from workers.scope_labels import mark
from workers.shop import Desk, Shop
from workers.sprint_book import GONE, Home, Said, SprintBook
from workers.sprint_measure import counting, measure, unestimated
from workers.sprint_writing import ENDED, Case, Message, conclude, speak

_BEHIND: Final = timedelta(seconds=60)
"""How long after an event a reading may still not show it."""
_PATIENCE: Final = 3
"""Attempts for which a reading that lags behind its events is asked for again."""
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
    held = _held(shop, batch.subject)
    try:
        reading = desk.tracker.sprint(batch.subject.id)
    except Gone:
        if held is None:
            raise
        return _vanished(shop, desk, batch, held, book, now)
    sprint = reading.sprint
    if not _is_ours(desk, sprint.board):
        return Ending(Outcome.IGNORED, Because.BOARD_NOT_NAMED)
    board = desk.tracker.board(sprint.board)
    rules = book.sprints(desk.connection.name, board.id, board.project)
    because = _why_passed_over(board, rules, sprint.state, held)
    if because is not None:
        return Ending(Outcome.IGNORED, because)
    known = shop.sprints.finished(batch.subject.connection, board.id)
    finished = [one for id_, one in known.items() if id_ != sprint.id]
    at = Look(shop, desk, batch, board, rules, reading, finished, now)
    if sprint.state is SprintState.ACTIVE:
        ending = _running(at, held)
    else:
        assert held is not None
        ending = _over(at, held)
    return replace(ending, rules=book.version_id)


def _held(shop: Shop, sprint: Subject) -> SprintBook | None:
    text = shop.sprints.book(sprint)
    return SprintBook.from_text(text) if text is not None else None


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
    if state is SprintState.FUTURE:
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
    judgement = _judged(at, book)
    at.shop.checkpoint("decided")
    ending = speak(case, judgement, at.reading)
    _mark(at, book, {item.key for item in judgement.scope.added})
    return ending


def _mark(at: Look, book: SprintBook, added: Collection[str]) -> None:
    """Have the issues that were added bear the admin's label for them, and no others."""
    label = at.rules.scope_label
    if label is None or at.rules.mode is not Mode.APPLY:
        return
    late = [stay for stay in book.memory.stays.values() if not stay.committed and stay.key != GONE]
    wanted = [stay.id for stay in late if stay.key in added]
    others = [stay.id for stay in late if stay.key not in added]
    mark(at.shop, at.desk, at.batch, label, wanted, others)


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
    memory = begin(reading, at.batch.hints, at.now, at.finished, at.shop.sprints.secret())
    unit = measure(memory, at.board, at.rules, at.finished)
    ours = reading.ours[-1:]
    comments: dict[str, CommentRecord] = records(one.comment for one in ours)
    if comments:
        at.shop.journals.note_read(at.subject, vetoed={}, applied=(), comments=comments)
    home = Home(ours[0].issue, ours[0].key) if ours else None
    return SprintBook(memory, unit, at.board.id, reading.sprint.name, home)


def _judged(at: Look, book: SprintBook) -> SprintJudgement:
    rows = rows_of(with_work(at.finished, book.unit), at.board.id)
    if book.unit is Unit.ISSUES:
        rows = [row.in_issues() for row in rows]
    outlook = Outlook(
        sprint=at.reading.sprint,
        issues=at.reading.issues,
        memory=book.memory,
        unit=book.unit,
        count=counting(book.unit, at.board, at.rules),
        unestimated_as=unestimated(book.unit, at.board, at.rules),
        rules=at.rules,
        zone=at.board.zone,
        finished=at.finished,
        rows=rows,
        forecaster=at.shop.forecasters.of(at.subject.connection, at.board.id, book.unit, rows),
        key=at.shop.sprints.secret(),
        now=at.now,
        told=frozenset(book.said.concerns),
    )
    return judge(outlook)


def _over(at: Look, held: SprintBook) -> Ending:
    """The sprint is closed: remember that, have its figures learnt, settle what was said of it."""
    book = replace(held, closed=True, name=at.reading.sprint.name)
    count = counting(book.unit, at.board, at.rules)
    stays = book.memory.stays
    delivered = sum(
        count(issue.points) for issue in at.reading.issues if issue.stage is Stage.DONE and not issue.subtask
    )
    committed = sum(count(one.first) for one in stays.values() if one.committed and not one.subtask)
    case = at.case(book)
    told = wording.ended(at.reading.sprint, book.unit, committed, delivered, at.rules.wording, noun=case.noun)
    ending = conclude(case, Message(told, ENDED, settles=True))
    if ending.outcome is not Outcome.POSTPONED:
        _mark(at, book, ())
        if ending.applied is None or ending.applied.comment is None:
            case.keep()
        board = Subject(at.subject.connection, SubjectKind.BOARD, at.board.id)
        at.shop.sprints.next_look(board, at.now)
    return ending


def _vanished(
    shop: Shop, desk: Desk, batch: Batch, held: SprintBook, book: RuleBook, now: datetime
) -> Ending:
    """The sprint was deleted: settle what was said of it and forget it."""
    board = desk.tracker.board(held.board)
    rules = book.sprints(desk.connection.name, board.id, board.project)
    sprint = Sprint(batch.subject.id, held.name, held.board, SprintState.CLOSED)
    case = Case(shop, desk, batch, rules, board, held, sprint, now)
    told = wording.deleted(sprint, rules.wording, noun=case.noun)
    ending = conclude(case, Message(told, Said(), settles=True))
    if ending.outcome is not Outcome.POSTPONED:
        shop.sprints.forget(batch.subject)
    return ending
