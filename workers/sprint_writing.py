"""From what was found about a sprint to its one comment: words, plan, home, write.

The comment stands on an issue, its *home*: the one the admin named, else one of the sprint's own. It is
posted once, edited when there is news, settled when the sprint is well again or over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from classifiers.sprint_judgement import SprintJudgement
from rules.schema import Mode
from rules.sprint_rules import SprintRules
from store.inbox import Batch
from store.journal import CommentRecord, CommentState
from trackers.model import Issue, TrackerKind
from trackers.prose import Prose
from trackers.protocol import PutComment, Recall
from trackers.sprints import Board, Sprint, SprintReading, sprint_topic
from workers import sprint_wording as wording
from workers.decide import Because
from workers.plan import digest, records
from workers.record import Ending, Outcome, outcome_of
from workers.shop import Desk, Shop
from workers.sprint_book import Home, Said, SprintBook
from workers.sprint_home import candidates, has_left, open_home, wears
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
        topic = sprint_topic(self.batch.subject.id)
        return f"{topic} again {self.book.round}" if self.book.round else topic

    def record(self) -> CommentRecord | None:
        """What we know of that comment."""
        return self.shop.journals.read(self.batch.subject).comments.get(self.topic)

    def keep(self) -> None:
        """Remember the sprint as it stands now."""
        subject, text = self.batch.subject, self.book.to_text()
        if self.book.closed:
            self.shop.sprints.close(subject, text)
        else:
            self.shop.sprints.keep(subject, self.book.board, text)

    def noting(
        self, *, home: Home | None = None, said: Said | None = None, round_: int | None = None
    ) -> Case:
        """The same with what has changed in its book, which is kept at once."""
        changed = replace(
            self.book,
            home=home or self.book.home,
            said=said or self.book.said,
            round=self.book.round if round_ is None else round_,
        )
        made = replace(self, book=changed)
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
            snooze_label=self.rules.snooze_label,
            mention=mention,
            noun=self.noun,
            zone=self.zone,
        )

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
    record = case.record()
    because = _why_silent(case, judgement, record)
    if because is not None:
        return _nothing(case, judgement, because)
    message = _message(case, judgement)
    moved = record is not None and not message.settles and _has_moved(case, reading)
    if not moved and not _is_new(case, record, message):
        return _nothing(case, judgement, Because.NOTHING_NEW)
    if case.rules.mode is Mode.DRY_RUN or _must_wait(case):
        return _withhold(case, judgement, record, message)
    return _say(case, judgement, reading, record, message)


def _say(
    case: Case,
    judgement: SprintJudgement,
    reading: SprintReading,
    record: CommentRecord | None,
    message: Message,
) -> Ending:
    """Find the comment's home and write there, unless its people asked for silence."""
    recall = Recall(comments=(case.topic,) if record is None else ())
    homes = _homes(case, judgement, reading, record, message)
    opened = open_home(case.desk.tracker, homes, recall)
    if opened is None:
        return _nothing(case, judgement, Because.NO_HOME)
    home, found = opened
    record = record or records(found.comments).get(case.topic)
    if found.issue.synced_outside and not case.rules.comment_outside:
        return _nothing(case, judgement, Because.SEEN_OUTSIDE)
    if case.shop.sprints.is_snoozed(case.batch.subject) or wears(found.issue, case.rules.snooze_label):
        if record is None:
            return _nothing(case, judgement, Because.SNOOZED)
        told = wording.snoozed(case.sprint, case.rules.snooze_label, case.rules.wording, noun=case.noun)
        message = Message(told, _SNOOZED, settles=True)
    elif record is not None and not message.settles and _is_superseded(case, judgement, record, reading):
        case = _retire(case, record, home)
        record = None
    return _put(case, home, found.issue, record, message, judgement)


def conclude(case: Case, message: Message) -> Ending:
    """Settle what was said of a sprint that is over or gone."""
    record, home = case.record(), case.book.home
    if record is None or home is None or record.state is not CommentState.POSTED:
        return _nothing(case, None, Because.SPRINT_OVER)
    if case.rules.mode is Mode.DRY_RUN or _must_wait(case):
        return _withhold(case, None, record, message)
    opened = open_home(case.desk.tracker, iter((home,)), Recall())
    if opened is None:
        return _nothing(case, None, Because.NO_HOME)
    return _put(case, home, opened[1].issue, record, message, None)


def _why_silent(case: Case, judgement: SprintJudgement, record: CommentRecord | None) -> Because | None:
    if record is not None and record.state is CommentState.DELETED:
        return Because.COMMENT_DELETED
    if record is None and not worth_saying(judgement):
        return Because.ALL_WELL
    if record is None and judgement.past.sprints < case.rules.min_history:
        return Because.TOO_FEW_SPRINTS
    settled = record is not None and record.state is CommentState.SETTLED
    if settled and not worth_saying(judgement) and case.book.said not in (_SNOOZED, ENDED):
        return Because.ALL_WELL
    return None


def _message(case: Case, judgement: SprintJudgement) -> Message:
    said = said_of(judgement, case.now)
    if not judgement.concerns and case.book.said == ENDED:
        told = wording.reopened(case.sprint, case.rules.wording, noun=case.noun)
        return Message(told, said, settles=True)
    if not judgement.concerns:
        told = wording.well_again(judgement, case.rules.wording, noun=case.noun, zone=case.zone)
        return Message(told, said, settles=True)
    return Message(case.warning(judgement), said)


def _has_moved(case: Case, reading: SprintReading) -> bool:
    return case.book.home is not None and has_left(case.book.home, reading)


def _is_new(case: Case, record: CommentRecord | None, message: Message) -> bool:
    if record is None:
        # In a dry run there is never a comment: then what was last recorded counts.
        return case.rules.mode is not Mode.DRY_RUN or is_news(case.book.said, message.said)
    if record.digest == digest(case.desk.render(message.prose)):
        return False
    return is_news(case.book.said, message.said)


def _must_wait(case: Case) -> bool:
    return case.rules.calendar.speaks_at(case.now, case.board.zone) > case.now


def _homes(
    case: Case,
    judgement: SprintJudgement,
    reading: SprintReading,
    record: CommentRecord | None,
    message: Message,
) -> Iterator[Home]:
    """The home it has, for as long as that is in the sprint or all that is left is to settle it; then
    others."""
    held = case.book.home
    if held is not None and record is not None and (message.settles or not has_left(held, reading)):
        yield held
    yield from candidates(reading, judgement, case.rules.tracking_issue)


def _is_superseded(
    case: Case, judgement: SprintJudgement, record: CommentRecord, reading: SprintReading
) -> bool:
    """Whether a new comment takes the place of the old one: its issue has left, or it got graver."""
    if record.state is not CommentState.POSTED:
        return False
    graver = severity(judgement) > case.book.said.severity
    return _has_moved(case, reading) or (case.rules.again and graver)


def _retire(case: Case, record: CommentRecord, heir: Home) -> Case:
    """Let the old comment point to where its matter goes on; the case with a comment yet to be posted."""
    old, topic = case.book.home, case.topic
    if old is not None:
        opened = open_home(case.desk.tracker, iter((old,)), Recall())
        if opened is not None:
            told = wording.moved(case.sprint, heir.key, case.rules.wording, noun=case.noun)
            body = case.desk.render(told)
            settled = PutComment(topic, body, record.id, settles=True)
            case.desk.applier.apply(case.batch, opened[1].issue, (settled,))
    return case.noting(home=heir, round_=case.book.round + 1)


def _put(
    case: Case,
    home: Home,
    issue: Issue,
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
    plan = SprintPlan(case.rules.mode, judgement, (operation,), home)
    # Said before the write: whoever comes after a crash looks for the comment there.
    case = case.noting(home=home)
    applied = case.desk.applier.apply(case.batch, issue, (operation,))
    if applied.comment is not None:
        case.noting(said=message.said)
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
    plan = SprintPlan(case.rules.mode, judgement, (operation,), case.book.home)
    if plan.dry:
        case.noting(said=message.said)
        return Ending(Outcome.DRY_RUN, Because.DRY_RUN, plan=plan)
    until = case.rules.calendar.speaks_at(case.now, case.board.zone)
    case.shop.inbox.postpone(case.batch, until - case.now, "It is quiet hours; it is said later.", free=True)
    return Ending(Outcome.POSTPONED, Because.QUIET, plan=replace(plan, until=until))
