"""Carry a plan out: the only place that writes to a tracker.

Before each write the lease is renewed (a run whose lease has ended starts none), and the intent is
noted; after it the outcome is. Whatever dies in between, the next run knows that it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from store.inbox import Batch, Inbox
from store.journal import CommentRecord, CommentState, Intent, Journals
from trackers.errors import Forbidden, Gone, LimitReached, Paused, Rejected, Unauthorized
from trackers.model import Issue, Subject
from trackers.protocol import AddLabels, Failure, Operation, PutComment, Step, Tracker, Written
from workers.breaker import Breaker
from workers.checkpoints import Checkpoint
from workers.plan import digest

log = structlog.get_logger("apply")

_NOT_DONE: Final = (Forbidden, Gone, LimitReached, Paused, Rejected, Unauthorized)
"""What says for certain that a write was not carried out: it leaves nothing to be looked up."""


class LeaseLost(Exception):
    """The subject passed to another run: nothing more may be written by this one."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was really written, and what the tracker would not have."""

    written: tuple[Written, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label.path for written in self.written for label in written.labels)

    @property
    def comment(self) -> str | None:
        return next((written.comment.id for written in self.written if written.comment), None)

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(failure for written in self.written for failure in written.failures)


@dataclass(frozen=True, slots=True)
class Applier:
    """Writes for one tracker, under the leases of one inbox."""

    tracker: Tracker
    inbox: Inbox
    journals: Journals
    checkpoint: Checkpoint
    breaker: Breaker | None = None
    """None where whoever writes has a limit of its own."""

    def apply(
        self, batch: Batch, issue: Issue, operations: Sequence[Operation], about: Subject | None = None
    ) -> Applied:
        """Carry out ``operations`` on ``issue`` in as few requests as the tracker allows.

        ``about`` is whose journal remembers them; by default that of the batch's own subject. Raises
        LeaseLost, WritingHeld before the first write, and whatever of ``trackers.errors`` ends a write as a
        whole. What has begun on an issue is carried through, also when the limit is reached meanwhile.
        """
        if not operations:
            return Applied()
        # No write before we know whose name it is under (P6).
        self.tracker.identity()
        steps = self.tracker.steps(issue, operations)
        # Before anything is counted: the issue may have been deleted, and its count with it.
        if not self.inbox.renew(batch):
            raise LeaseLost(str(batch.subject))
        if self.breaker is not None:
            self.breaker.let_pass(issue.id)
        return Applied(tuple(self._send(batch, about or batch.subject, step) for step in steps))

    def _send(self, batch: Batch, about: Subject, step: Step) -> Written:
        if not self.inbox.renew(batch):
            raise LeaseLost(str(batch.subject))
        self.journals.intend(about, _intent(step))
        self.checkpoint("intended")
        try:
            written = step.send()
        except _NOT_DONE:
            self.journals.note_written(about)
            raise
        refused = [failure.sentence for failure in written.failures]
        log.info("written", step=step.name, refused=refused)
        self.checkpoint("written")
        self._note(about, step, written)
        self.checkpoint("noted")
        return written

    def _note(self, about: Subject, step: Step, written: Written) -> None:
        if not self.journals.is_kept(about):
            # It held the intent: the issue was purged while this run had lost its lease over the write.
            return
        puts = {item.topic: item for item in step.operations if isinstance(item, PutComment)}
        comments: dict[str, CommentRecord] = {}
        if written.comment is not None:
            put = puts[written.comment.topic]
            state = CommentState.SETTLED if put.settles else CommentState.POSTED
            comments[put.topic] = CommentRecord(written.comment.id, digest(put.body), state)
        for failure in written.failures:
            operation = failure.operation
            if isinstance(operation, PutComment) and failure.comment_gone:
                comments[operation.topic] = CommentRecord(operation.id or "", "", CommentState.DELETED)
        self.journals.note_written(
            about,
            labels={label.id: label.name for label in written.labels},
            withdrawn={label.id: label.name for label in written.withdrawn},
            comments=comments,
            updated=written.updated,
        )


def _intent(step: Step) -> Intent:
    labels = [item for item in step.operations if isinstance(item, AddLabels)]
    topics = [item.topic for item in step.operations if isinstance(item, PutComment)]
    return Intent(
        tuple(label.id for item in labels for label in item.labels),
        topics[0] if topics else None,
    )
