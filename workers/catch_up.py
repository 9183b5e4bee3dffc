"""Catch-ups: what changed on a tracker, asked from time to time, because a webhook may be off or lost.

Each connection has a cursor: all that changed earlier was found. A scan asks for what changed since then,
less an overlap, and has each issue looked at of which no run has seen so new a state. A scan is worked page
by page, each kept, so that it goes on where it was, whoever takes it up. What is found twice is claimed
once, and what a webhook told besides is answered by one reading.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from rules.connections import Connection
from rules.load import RuleBook
from store.catch_ups import CatchUps, Scan, Standing
from store.inbox import Batch, Inbox
from store.journal import Journal
from trackers.errors import Gone, Rejected, ServerFault
from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.protocol import Update, Updates
from workers import hooks
from workers.apply import LeaseLost
from workers.decide import Because, is_answered
from workers.record import Ending, Outcome
from workers.shop import Desk, Shop

log = structlog.get_logger("catch_up")

OVERLAP: Final = timedelta(minutes=10)
"""Asked again each time: a tracker's search is some seconds behind, and clocks differ."""
FARTHEST: Final = timedelta(days=30)
"""What changed longer ago is nobody's news."""
LEAST: Final = timedelta(minutes=1)
"""How soon a tracker that failed is asked again where catch-ups are rare."""
CROWD: Final = 300
"""With so many subjects waiting for a worker, events that come meanwhile shall not wait behind more."""
_FOUND: Final = "found "
_EFFECTS: Final = (Outcome.APPLIED, Outcome.SUGGESTED, Outcome.PARTLY_REFUSED, Outcome.DRY_RUN)
_BEHIND: Final = timedelta(minutes=1)
"""No further than that two clocks may differ and be none the worse: ``OVERLAP`` is longer."""
_RUN_S: Final = 10.0
"""No page is begun with after this long: a run has 35 seconds, and a page may take many."""
_AT_ONCE: Final = timedelta(0)
_CROWDED: Final = timedelta(seconds=3)
_ANEW: Final = timedelta(seconds=10)
_SPRINT_SETTLE: Final = timedelta(seconds=5)
_MORE: Final = "More has changed than one run reads; the next goes on at once."
_WAITS: Final = "Many issues wait to be worked; it goes on when there are fewer."
_LOST: Final = "The tracker has forgotten where the next page begins: the scan begins anew."


def subject_of(connection: str) -> Subject:
    """The subject of a connection's catch-ups."""
    return Subject(connection, SubjectKind.CATCH_UP, "issues")


def send_catch_ups(inbox: Inbox, catch_ups: CatchUps, connections: Sequence[Connection]) -> int:
    """Have connections that are due caught up; how many. Any number of clocks may do it: each is claimed
    once.

    One that waits anyway is reminded once an hour, which cuts a long wait after failures short.
    """
    every = {one.name: one.catch_up for one in connections if one.catch_up is not None}
    found = catch_ups.due(every) if every else []
    for name, planned in found:
        waits = inbox.is_waiting(subject_of(name))
        offer(inbox, name, planned.replace(minute=0, second=0, microsecond=0) if waits else planned)
        catch_ups.plan(name, max(planned, catch_ups.now()) + every[name])
    return len(found)


def offer(inbox: Inbox, connection: str, at: datetime) -> None:
    """Have a connection caught up; once for each moment ``at``."""
    subject = subject_of(connection)
    hint = Hint(subject, HintKind.CATCH_UP_DUE, f"clock {int(at.timestamp() * 1000)}", at=at)
    digest = f"{subject}@{at.timestamp()}"
    inbox.offer(connection, digest, [hint], settle=_AT_ONCE, ceiling=_AT_ONCE)


def catch_up(shop: Shop, desk: Desk, batch: Batch, book: RuleBook) -> Ending:
    """Carry a connection's scan on, or begin one.

    A tracker that fails is asked again as often as it is asked at all. Raises what ``Tracker.updates``
    raises beside that, and LeaseLost.
    """
    name = desk.connection.name
    standing = shop.catch_ups.begin(name)
    scan = _scan(shop, name, standing)
    until = time.monotonic() + _RUN_S
    while not scan.over:
        if time.monotonic() > until:
            return _later(shop, batch, _AT_ONCE, _MORE)
        if shop.inbox.depth().waiting > CROWD:
            return _later(shop, batch, _CROWDED, _WAITS)
        if not shop.inbox.renew(batch):
            raise LeaseLost
        try:
            since = _by_our_clock(scan.since, shop.catch_ups.now())
            page = desk.tracker.updates(desk.connection.projects, since, scan.after)
        except ServerFault as error:
            return _later(shop, batch, max(desk.connection.catch_up or LEAST, LEAST), str(error))
        except (Gone, Rejected):
            if scan.after is None:
                raise
            shop.catch_ups.keep(name, replace(scan, after=None, seen=0, unread=0))
            return _later(shop, batch, _ANEW, _LOST)
        shop.checkpoint("loaded")
        scan = _worked(shop, desk, book, standing, scan, page)
        shop.checkpoint("noted")
    return _ended(shop, desk, standing, scan)


def _scan(shop: Shop, name: str, standing: Standing) -> Scan:
    """The scan under way; a new one where there is none, or where somebody asked."""
    if standing.scan is not None and standing.asked is None:
        return standing.scan
    scan = new_scan(standing, shop.catch_ups.now())
    shop.catch_ups.start(name, scan)
    return scan


def _by_our_clock(since: datetime, now: datetime) -> datetime:
    """``since``, earlier by as much as this machine's clock is behind Redis', which says ``now``: Jira is
    asked for so many minutes before the present, and we count them by our own."""
    behind = now - datetime.now(UTC)
    return since - behind if behind > _BEHIND else since


def _ended(shop: Shop, desk: Desk, standing: Standing, scan: Scan) -> Ending:
    name = desk.connection.name
    # First, because a catch-up that was asked for tells of the webhook too.
    hooks.mind(shop, desk, standing.hooked, shop.catch_ups.now(), at_once=scan.asked)
    if _came_back(desk.connection, standing, scan):
        # Before the end, so that whoever dies in between leaves it asked for.
        offer(shop.inbox, name, shop.catch_ups.ask(name, scan.blind).at)
    shop.catch_ups.finish(name, scan)
    if scan.unknown:
        log.warning("projects are not known to the tracker", connection=name, projects=list(scan.unknown))
    log.info("caught up", connection=name, since=scan.since.isoformat(), seen=scan.seen, unread=scan.unread)
    return Ending(Outcome.NOTHING, Because.CAUGHT_UP)


def new_scan(standing: Standing, now: datetime) -> Scan:
    """The scan to begin at ``now``: from the cursor less the overlap, earlier only if somebody asked for
    it, and never from longer ago than ``FARTHEST``."""
    since, asked = max(standing.cursor - OVERLAP, standing.first), standing.asked
    if asked is not None and asked.since is not None:
        since = min(since, asked.since)
    farthest = now - FARTHEST
    last = standing.done.scan if standing.done is not None else None
    blind = (last.blind or last.since) if last is not None and last.unknown else None
    return Scan(max(since, farthest), now, cut=since < farthest, asked=asked is not None, blind=blind)


def _came_back(connection: Connection, standing: Standing, scan: Scan) -> bool:
    """Whether a project that the tracker did not know, or hid from us, is known again."""
    before = standing.done.scan.unknown if standing.done is not None else ()
    return scan.blind is not None and any(
        project in connection.projects and project not in scan.unknown for project in before
    )


def _worked(shop: Shop, desk: Desk, book: RuleBook, standing: Standing, scan: Scan, page: Updates) -> Scan:
    """Offer what a page tells, and keep how far the scan is; the scan as it is now."""
    name, now = desk.connection.name, shop.catch_ups.now()
    subjects = [Subject(name, SubjectKind.ISSUE, update.issue) for update in page.found]
    journals = shop.journals.read_many(subjects)
    running = shop.sprints.running(name).keys()
    unread = 0
    for update, subject, journal in zip(page.found, subjects, journals, strict=True):
        window = book.effective(name, update.project).window
        young = now - update.created <= window
        new = update.created >= scan.since or (young and update.created >= standing.first)
        hint = hint_of(update, subject, journal, new=new, young=young)
        if hint is not None and hint.kind is HintKind.ISSUE_DELETED and not _is_kept(shop, subject, journal):
            hint = None
        if hint is not None:
            told = shop.inbox.is_waiting(subject)
            unread += _offer(shop, hint, _AT_ONCE) and not told
        _touch(shop, update, subject, journal, running)
    shop.checkpoint("planned")
    scan = replace(
        scan,
        after=page.next,
        over=page.next is None,
        seen=scan.seen + len(page.found),
        unread=scan.unread + unread,
        unknown=page.unknown,
    )
    shop.catch_ups.keep(name, scan)
    shop.decisions.count({f"catch_up|{name}|seen": len(page.found)})
    return scan


def hint_of(update: Update, subject: Subject, journal: Journal, *, new: bool, young: bool) -> Hint | None:
    """What is to be looked at because of an update; None where nothing could come of it.

    ``new`` says that the issue was filed since the last time, ``young`` that a change of what it says
    still calls for labels. Of an old one that bears nothing of ours nothing is wanted.
    """
    kind = HintKind.ISSUE_FOUND
    if update.gone:
        kind = HintKind.ISSUE_DELETED
    elif new and journal.read_updated is None:
        kind = HintKind.ISSUE_CREATED
    hint = Hint(subject, kind, _digest(subject, update, kind), at=update.updated, updated=update.updated)
    if kind is HintKind.ISSUE_FOUND:
        ours = journal.applied or journal.comments or journal.forecasts or journal.intent
        if is_answered(hint, journal) or not (young or ours):
            return None
    return hint


def _is_kept(shop: Shop, subject: Subject, journal: Journal) -> bool:
    return journal.seen_updated is not None or journal.known or shop.decisions.last(subject) is not None


def _touch(shop: Shop, update: Update, issue: Subject, journal: Journal, running: Collection[str]) -> None:
    """Have the running sprints checked that the issue is in, unless a run has seen its state."""
    for id_ in set(update.sprints).intersection(running):
        sprint = Subject(issue.connection, SubjectKind.SPRINT, id_)
        hint = Hint(
            sprint,
            HintKind.SPRINT_TOUCHED,
            _digest(sprint, update, HintKind.SPRINT_TOUCHED),
            at=update.updated,
            issue=update.issue,
        )
        if journal.seen_updated is None or journal.seen_updated < update.updated:
            _offer(shop, hint, _SPRINT_SETTLE)


def _offer(shop: Shop, hint: Hint, settle: timedelta) -> bool:
    return shop.inbox.offer(hint.subject.connection, hint.digest, [hint], settle=settle, ceiling=settle)


def _digest(subject: Subject, update: Update, kind: HintKind) -> str:
    """One for each state of an issue that is found, and for what it is taken for: who asks from an earlier
    moment may make a new one of what was an old one. A claim outlives the issue, and must not name it."""
    told = f"catch-up {subject} {update.issue} {update.updated.isoformat()} {kind}"
    return _FOUND + hashlib.sha256(told.encode()).hexdigest()


def is_missed(batch: Batch, ending: Ending) -> bool:
    """Whether something came of what catching up alone told: no webhook had told it."""
    if not batch.hints or not all(hint.digest.startswith(_FOUND) for hint in batch.hints):
        return False
    if ending.purge or ending.outcome in _EFFECTS:
        return True
    new = any(hint.kind is HintKind.ISSUE_CREATED for hint in batch.hints)
    return new and ending.outcome is Outcome.NOTHING


def _later(shop: Shop, batch: Batch, delay: timedelta, cause: str) -> Ending:
    shop.inbox.postpone(batch, delay, cause, free=True)
    return Ending(Outcome.POSTPONED, cause=cause)
