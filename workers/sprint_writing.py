"""From what was found about a sprint to its one comment: words, plan, home, write.

The comment stands on an issue, its *home*: the one the admin named, else one of the sprint's own. It is
posted once, edited when there is news, settled when the sprint is well again or over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from classifiers.sprint_judgement import SprintJudgement
from rules.schema import Mode
from rules.sprint_rules import SprintRules
from store.inbox import Batch
from store.journal import CommentRecord, CommentState
from trackers.errors import Forbidden, Rejected
from trackers.model import TrackerKind
from trackers.prose import Prose
from trackers.protocol import Failure, PutComment, Recall, Written
from trackers.sprints import Board, Sprint, SprintReading, sprint_topic
from workers import sprint_wording as wording
from workers.apply import Applied
from workers.decide import Because
from workers.doubles import drop_doubles, expect_double, look_until_sure
from workers.plan import digest, records
from workers.record import Ending, Outcome, outcome_of
from workers.rounds import have_checked
from workers.shop import Desk, Shop
from workers.sprint_book import Said, SprintBook
from workers.sprint_home import Opened, as_listed, candidates, has_left, open_home, wears
from workers.sprint_plan import SprintPlan, is_news, said_of, severity, worth_saying

_SNOOZED: Final = Said(concerns=("snoozed",))
ENDED: Final = Said(concerns=("ended",))
"""What a comment tells of a sprint that is over; one that is opened again makes it untrue."""


@dataclass(frozen=True, slots=True)
class Case:
    """A sprint that there may be something to say about."""

    shop: Shop
    desk: Desk
    batch: Batch
    rules: SprintRules
    board: Board
    book: SprintBook
    sprint: Sprint
    now: datetime

    @property
    def topic(self) -> str:
        """The topic of the comment that stands at present; each that was posted anew has its own."""
        return sprint_topic(self.batch.subject.id, self.book.round)

    def record(self) -> CommentRecord | None:
        """What we know of that comment."""
        return self.shop.journals.read(self.batch.subject).comments.get(self.topic)

    def keep(self) -> None:
        """Remember the sprint as it stands now."""
        self.shop.sprints.keep(self.batch.subject, self.book.board, self.book.to_text())

    def noting(self, **changes: Any) -> Case:
        """The same with ``changes`` in its book, which is kept at once."""
        made = replace(self, book=replace(self.book, **changes))
        made.keep()
        return made

    @property
    def noun(self) -> str:
        """What the tracker calls it."""
        return "cycle" if self.desk.tracker.kind is TrackerKind.LINEAR else "sprint"

    def warning(self, judgement: SprintJudgement, mention: str | None = None) -> Prose:
        """What is said of a sprint that is not well."""
        return wording.sprint_comment(
            judgement,
            self.rules.wording,
            snooze_label=self.snooze_label,
            mention=mention,
            noun=self.noun,
            zone=self.zone,
        )

    @property
    def snooze_label(self) -> str:
        """As the tracker would have it."""
        return self.desk.tracker.label_name(self.rules.snooze_label)

    @property
    def zone(self) -> str:
        """The zone that dates are told in."""
        return self.rules.calendar.zone or self.board.zone or "UTC"


@dataclass(frozen=True, slots=True)
class Message:
    """What the comment is to say."""

    prose: Prose
    said: Said
    settles: bool = False


def speak(case: Case, judgement: SprintJudgement, reading: SprintReading) -> Ending:
    """Say what there is to say about a running sprint, or why nothing is said."""
    may_write = case.rules.mode is not Mode.DRY_RUN and not _must_wait(case)
    if may_write:
        _leave_one(case)
    if case.book.retired is not None and may_write:
        return _point_on(case, judgement)
    record = case.record()
    message = _message(case, judgement, record)
    if isinstance(message, Because):
        return _nothing(case, judgement, message)
    if not _is_new(case, record, message) and not (_has_moved(case, reading) and not message.settles):
        return _nothing(case, judgement, Because.NOTHING_NEW)
    if not may_write:
        return _withhold(case, judgement, record, message)
    return _say(case, judgement, reading, record, message)


def _leave_one(case: Case) -> None:
    """Look whether an attempt at the comment that was given up got through beside a later one."""
    journal, home = case.shop.journals.read(case.batch.subject), case.book.home
    if case.topic not in journal.doubted or home is None:
        return
    opened = open_home(case.desk.tracker, (home,), Recall(comments=(case.topic,)))
    if opened is not None:
        found = opened.reading
        drop_doubles(case.desk, case.batch, found.issue, journal.comments, found.comments)
    look_until_sure(case.shop, case.batch.subject, journal)


def conclude(case: Case, message: Message) -> Ending:
    """Settle what was said of a sprint that is over or gone."""
    if case.book.retired is not None:
        # Nothing was posted yet that the old comment could point to: it is the one to be settled.
        before = replace(case.book, home=case.book.retired, retired=None, round=case.book.round - 1)
        case = replace(case, book=before)
    record, home = case.record(), case.book.home
    if record is None or home is None or record.state is not CommentState.POSTED:
        return _nothing(case, None, Because.SPRINT_OVER)
    if case.rules.mode is Mode.DRY_RUN or _must_wait(case):
        return _withhold(case, None, record, message)
    opened = open_home(case.desk.tracker, (home,), Recall())
    if opened is None:
        return _nothing(case, None, Because.NO_HOME)
    return _put(case, opened, record, message, None)


def _message(case: Case, judgement: SprintJudgement, record: CommentRecord | None) -> Message | Because:
    """What the comment should say as things stand, or why it is left as it is."""
    if record is not None and record.state is CommentState.DELETED:
        return Because.COMMENT_DELETED
    well = not worth_saying(judgement)
    if record is None and well:
        return Because.ALL_WELL
    if judgement.past.sprints < case.rules.min_history:
        # Also of a sprint that was spoken of: after a loss of memory its past is still to be read.
        return Because.TOO_FEW_SPRINTS
    said = said_of(judgement, case.now)
    if not well:
        return Message(case.warning(judgement), said)
    if case.book.said == ENDED:
        told = wording.reopened(case.sprint, case.rules.wording, noun=case.noun)
        return Message(told, said, settles=True)
    if record is not None and record.state is CommentState.SETTLED and case.book.said != _SNOOZED:
        return Because.ALL_WELL
    told = wording.well_again(judgement, case.rules.wording, noun=case.noun, zone=case.zone)
    return Message(told, said, settles=True)


def _say(
    case: Case,
    judgement: SprintJudgement,
    reading: SprintReading,
    record: CommentRecord | None,
    message: Message,
) -> Ending:
    """Find the comment's home and write there, unless its people asked for silence."""
    opened = _own_home(case, reading, record, message)
    if opened is None and message.settles:
        return _nothing(case, judgement, Because.NO_HOME)
    if opened is None or _is_graver(case, judgement, record):
        return _say_anew(case, judgement, reading, record, message)
    record = record or records(opened.reading.comments).get(case.topic)
    return _put_unless_silenced(case, opened, record, message, judgement)


def _own_home(
    case: Case, reading: SprintReading, record: CommentRecord | None, message: Message
) -> Opened | None:
    """The home it has, for as long as that is in the sprint, or all that is left is to settle it."""
    held = case.book.home
    if held is None or (has_left(held, reading) and not message.settles):
        return None
    listed = as_listed(held, reading)
    if record is not None and listed is not None:
        return listed
    # Without a record it may have been written by a run that died.
    return open_home(case.desk.tracker, (held,), Recall(comments=(case.topic,) if record is None else ()))


def _say_anew(
    case: Case,
    judgement: SprintJudgement,
    reading: SprintReading,
    record: CommentRecord | None,
    message: Message,
) -> Ending:
    """Post where nothing stands yet; what stands elsewhere is first told where it goes on."""
    projects = case.desk.connection.scope().projects
    homes = list(candidates(reading, judgement, case.rules.tracking_issue, projects))
    round_ = case.book.round + (case.book.home is not None)
    if record is not None and record.state is CommentState.POSTED and homes:
        heir = replace(case.book, home=homes[0], retired=case.book.home, round=round_)
        return _point_on(replace(case, book=heir), judgement)
    case = replace(case, book=replace(case.book, round=round_))
    opened = open_home(case.desk.tracker, homes, Recall(comments=(case.topic,)))
    if opened is None:
        return _nothing(case, judgement, Because.NO_HOME)
    found = records(opened.reading.comments).get(case.topic)
    return _put_unless_silenced(case, opened, found, message, judgement)


def _point_on(case: Case, judgement: SprintJudgement) -> Ending:
    """Let the comment that another is to follow point to it; the next run, which comes at once, posts that.

    Where a person deleted it, there is nothing to follow it: it is not fought.
    """
    old, heir = case.book.retired, case.book.home
    assert old is not None
    assert heir is not None
    case.keep()
    before = replace(case, book=replace(case.book, round=case.book.round - 1))
    record = before.record()
    opened = open_home(case.desk.tracker, (old,), Recall()) if record is not None else None
    plan = SprintPlan(case.rules.mode, judgement, home=old)
    applied = None
    if record is not None and opened is not None:
        told = wording.moved(case.sprint, heir.key, case.rules.wording, noun=case.noun)
        operation = PutComment(before.topic, case.desk.render(told), record.id, settles=True)
        plan = replace(plan, operations=(operation,))
        applied = _pointed(case, opened, operation)
        if any(failure.comment_gone for failure in applied.failures):
            deleted = CommentRecord("", "", CommentState.DELETED)
            case.shop.journals.note_written(case.batch.subject, comments={case.topic: deleted})
    case.noting(retired=None)
    have_checked(case.shop.inbox, case.batch.subject, case.now, timedelta(0))
    return outcome_of(plan, applied) if applied else Ending(Outcome.NOTHING, Because.NOTHING_NEW, plan=plan)


def _pointed(case: Case, opened: Opened, operation: PutComment) -> Applied:
    try:
        return case.desk.applier.apply(case.batch, opened.reading.issue, (operation,))
    except (Forbidden, Rejected) as error:
        # The old one may not be edited any more; that is no reason to say nothing from now on.
        return Applied((Written(failures=(Failure(operation, str(error)),)),))


def _has_moved(case: Case, reading: SprintReading) -> bool:
    return case.book.home is not None and has_left(case.book.home, reading)


def _is_graver(case: Case, judgement: SprintJudgement, record: CommentRecord | None) -> bool:
    """Whether the admin wants it said anew: it is worse than it ever was said to be."""
    spoken = record is not None and record.state is CommentState.POSTED
    return spoken and case.rules.again and severity(judgement) > case.book.gravest


def _is_new(case: Case, record: CommentRecord | None, message: Message) -> bool:
    if record is None:
        # In a dry run there is never a comment, nor where the tracker would not have one: then what
        # was last meant to be said counts.
        silent = case.rules.mode is Mode.DRY_RUN or case.book.said.refused
        return not silent or is_news(case.book.said, message.said)
    if record.digest == digest(case.desk.render(message.prose)):
        return False
    return is_news(case.book.said, message.said)


def _must_wait(case: Case) -> bool:
    return case.rules.calendar.speaks_at(case.now, case.board.zone) > case.now


def _put_unless_silenced(
    case: Case,
    opened: Opened,
    record: CommentRecord | None,
    message: Message,
    judgement: SprintJudgement,
) -> Ending:
    issue = opened.reading.issue
    if issue.synced_outside and not case.rules.comment_outside:
        return _nothing(case, judgement, Because.SEEN_OUTSIDE)
    by_command = case.shop.sprints.is_snoozed(case.batch.subject)
    if by_command or wears(issue, case.snooze_label):
        if record is None:
            return _nothing(case, judgement, Because.SNOOZED)
        label = None if by_command else case.snooze_label
        told = wording.snoozed(case.sprint, label, case.rules.wording, noun=case.noun)
        message = Message(told, _SNOOZED, settles=True)
    return _put(case, opened, record, message, judgement)


def _put(
    case: Case,
    opened: Opened,
    record: CommentRecord | None,
    message: Message,
    judgement: SprintJudgement | None,
) -> Ending:
    # Only a comment that is posted anew calls people: who is called by every edit stops listening.
    is_call = record is None and judgement is not None and not message.settles
    prose = case.warning(judgement, case.rules.mention) if is_call and judgement else message.prose
    body = case.desk.render(prose)
    if record is not None and record.digest == digest(body):
        return _nothing(case, judgement, Because.NOTHING_NEW)
    operation = PutComment(case.topic, body, record.id if record else None, message.settles)
    plan = SprintPlan(case.rules.mode, judgement, (operation,), opened.home, prose=prose)
    # Said before the write: whoever comes after a crash looks for the comment there, and does not call
    # people a second time.
    gravest = max(case.book.gravest, message.said.severity)
    case = case.noting(home=opened.home, gravest=gravest, said=replace(message.said, at=None))
    if not case.desk.tracker.posts_once:
        subject = case.batch.subject
        expect_double(case.shop, subject, case.shop.journals.read(subject), (operation,))
    try:
        applied = case.desk.applier.apply(case.batch, opened.reading.issue, (operation,))
    except (Forbidden, Rejected) as error:
        case.noting(said=replace(message.said, refused=True))
        return Ending(Outcome.PARTLY_REFUSED, cause=str(error), plan=plan)
    case.noting(said=replace(message.said, refused=applied.comment is None))
    return outcome_of(plan, applied)


def _nothing(case: Case, judgement: SprintJudgement | None, because: Because) -> Ending:
    plan = SprintPlan(case.rules.mode, judgement, home=case.book.home, because=because)
    return Ending(Outcome.NOTHING, because, plan=plan)


def _withhold(
    case: Case, judgement: SprintJudgement | None, record: CommentRecord | None, message: Message
) -> Ending:
    """Show what would be written: in a dry run that is all, in quiet hours it is written later."""
    body = case.desk.render(message.prose)
    operation = PutComment(case.topic, body, record.id if record else None, message.settles)
    plan = SprintPlan(case.rules.mode, judgement, (operation,), case.book.home, prose=message.prose)
    if plan.dry:
        if record is None:
            case.noting(said=message.said)
        return Ending(Outcome.DRY_RUN, Because.DRY_RUN, plan=plan)
    until = case.rules.calendar.speaks_at(case.now, case.board.zone)
    case.shop.inbox.postpone(case.batch, until - case.now, "It is quiet hours; it is said later.", free=True)
    return Ending(Outcome.POSTPONED, Because.QUIET, plan=replace(plan, until=until))
