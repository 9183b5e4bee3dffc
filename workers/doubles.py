"""A comment that is on an issue twice, because an attempt to post it got through after it was given up.

Jira has no idempotency key: a request that nobody waits for any more may be carried out after the next run
has looked, found nothing and posted. So that run has the issue looked at once more, later, and of two
comments on one topic the one we know is kept. On Linear a comment's id is made from its topic: it cannot
be there twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from store.inbox import Batch
from store.journal import CommentRecord, Journal
from trackers.model import Comment, Hint, HintKind, Issue, Subject, SubjectKind
from trackers.protocol import DropComment, Operation, PutComment
from workers.shop import Desk, Shop

log = structlog.get_logger("doubles")
LOOK_AFTER: Final = timedelta(minutes=2)
"""Longer than a tracker, or a gateway before it, holds a request."""


def expect_double(shop: Shop, subject: Subject, journal: Journal, operations: Sequence[Operation]) -> None:
    """Before a write: note which comments are posted while an earlier attempt may still be under way."""
    under_way = journal.intent.comment if journal.intent is not None else None
    for operation in operations:
        if isinstance(operation, PutComment) and operation.id is None and operation.topic == under_way:
            now = datetime.now(UTC)
            shop.journals.note_doubted(subject, operation.topic, now)
            _have_looked(shop, subject, now, LOOK_AFTER)


def doubt(
    shop: Shop, desk: Desk, subject: Subject, journal: Journal, comments: Mapping[str, CommentRecord]
) -> None:
    """Before a reading is noted, which settles the intent: that an attempt may be under way whose comment is
    not among ``comments``. The run may die before it posts another."""
    under_way = journal.intent.comment if journal.intent is not None else None
    if under_way is not None and under_way not in comments and not desk.tracker.posts_once:
        shop.journals.note_doubted(subject, under_way, datetime.now(UTC))


def drop_doubles(
    desk: Desk, batch: Batch, issue: Issue, known: Mapping[str, CommentRecord], found: Sequence[Comment]
) -> None:
    """Of comments of ours found on one topic leave the one that is ``known``; all where that is not among
    them: a person may have deleted it. Raises as ``Applier.apply``."""
    there = {comment.id for comment in found}
    doubles = [
        DropComment(comment.topic, comment.id)
        for comment in found
        if (held := known.get(comment.topic)) is not None and held.id in there - {comment.id}
    ]
    for failure in desk.applier.apply(batch, issue, doubles).failures:
        log.warning("a second comment stays", subject=str(batch.subject), cause=failure.sentence)


def look_until_sure(shop: Shop, subject: Subject, journal: Journal) -> None:
    """After a reading: go on looking for a double for as long as one may come."""
    now = datetime.now(UTC)
    for topic, since in journal.doubted.items():
        if now - since >= LOOK_AFTER:
            shop.journals.note_sure(subject, topic)
        else:
            _have_looked(shop, subject, now, since + LOOK_AFTER - now)


def _have_looked(shop: Shop, subject: Subject, now: datetime, settle: timedelta) -> None:
    kind = HintKind.SPRINT_DUE if subject.kind is SubjectKind.SPRINT else HintKind.ISSUE_CHANGED
    hint = Hint(subject, kind, f"double {int(now.timestamp() * 1000)}", at=now)
    # A claim outlives a deleted issue, and must not name it.
    digest = hashlib.sha256(f"{subject}@{now.timestamp()}".encode()).hexdigest()
    shop.inbox.offer(subject.connection, digest, [hint], settle=settle, ceiling=settle)
