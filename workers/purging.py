"""Forgetting a subject that was deleted, wherever anything of it is kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from trackers.model import Subject, SubjectKind
from workers.shop import Shop
from workers.sprint_book import forget_issue


def purge(shop: Shop, subject: Subject) -> None:
    """Forget all about a subject but numbers. Dying in between, it is done again."""
    is_issue = subject.kind is SubjectKind.ISSUE
    if is_issue:
        _forget_elsewhere(shop, subject)
        _note_purged(shop, subject)
    shop.journals.purge(subject)
    shop.decisions.purge(subject)
    if is_issue:
        forget_issue(shop.inbox, shop.sprints, subject, datetime.now(UTC))


def was_purged(shop: Shop, issue: Subject) -> bool:
    """Whether an issue was forgotten lately, so that events about it may still come."""
    return shop.inbox.is_claimed(issue.connection, _purged(issue))


def _note_purged(shop: Shop, issue: Subject) -> None:
    nothing = timedelta(0)
    shop.inbox.offer(issue.connection, _purged(issue), [], settle=nothing, ceiling=nothing)


def _purged(issue: Subject) -> str:
    """What is claimed outlives the issue, and must not name it."""
    return hashlib.sha256(f"{issue} was purged".encode()).hexdigest()


def _forget_elsewhere(shop: Shop, issue: Subject) -> None:
    """Have what is not kept by issue forget a deleted one. First, for its records tell its key."""
    records = shop.decisions.of(issue)
    shop.backfills.forget(issue, next((str(one["issue"]) for one in records if "issue" in one), None))
    shop.trials.forget(issue.connection)
    breaker = shop.desks[issue.connection].applier.breaker
    if breaker is not None:
        breaker.forget(issue.id)
