"""``report``: what was done in the last days, or in a dry run would have been. Reads Redis alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis import Redis

from sprintwarden.settings import Settings
from sprintwarden.wiring import named, read_connections
from store import keys
from store.connect import connect
from store.decisions import Decisions
from store.inbox import Inbox
from store.journal import Journal, Journals
from store.sprints import Sprints
from store.writes import Writes
from trackers.model import Subject, SubjectKind
from workers.breaker import why_held
from workers.report import Record, Report, Tally, Told
from workers.sprint_book import SprintBook


@dataclass(frozen=True, slots=True)
class Hold:
    """Writing to a connection is held at present."""

    since: datetime
    waiting: int
    """Issues and sprints that would be written to."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The reports of some connections over one span."""

    since: datetime
    until: datetime
    connections: dict[str, Report]
    """By name, in the order of connections.yaml; one that is not there any more at the end."""
    total: Report
    waiting: int
    """Dead letters at present, of these connections."""
    holds: dict[str, Hold]
    """Of those connections to which nothing is written at present."""

    @property
    def beyond(self) -> bool:
        """Whether the span reaches back further than records live."""
        return self.until - self.since > keys.DECISIONS_LIFE


def reported(settings: Settings, name: str | None, days: int) -> Reported:
    """The report over the last ``days`` of one connection, or of all. Raises Complaint."""
    connections = read_connections(settings.connections_file)
    if name is not None:
        named(connections, name)
    redis = connect(settings.redis())
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    known = [name] if name is not None else [connection.name for connection in connections]
    tallies = {one: Tally(since) for one in known}
    total = Tally(since)
    for told in _told(redis, name):
        for tally in (tallies.setdefault(told.subject.connection, Tally(since)), total):
            tally.add(told)
    inbox = Inbox(redis, lease=settings.lease)
    return Reported(
        since,
        until,
        {one: tally.report() for one, tally in tallies.items()},
        total.report(),
        sum(letter.subject.connection in tallies for letter in inbox.dead()),
        {one: hold for one in tallies if (hold := _hold(redis, inbox, one)) is not None},
    )


def _hold(redis: Redis, inbox: Inbox, connection: str) -> Hold | None:
    held = Writes(redis).held(connection)
    if held is None:
        return None
    return Hold(held.since, inbox.waiting(connection, why_held(connection, held)))


def _told(redis: Redis, connection: str | None) -> Iterator[Told]:
    journals, sprints = Journals(redis), Sprints(redis)
    for subject, runs in Decisions(redis).every(connection):
        match subject.kind:
            case SubjectKind.ISSUE if any(map(_put_on, runs)):
                yield Told(subject, runs, undone=_undone(journals.read(subject)))
            case SubjectKind.SPRINT:
                yield Told(subject, runs, name=_name(sprints, subject))
            case _:
                yield Told(subject, runs)


def _put_on(run: Record) -> bool:
    return bool((run.get("written") or {}).get("labels"))


def _undone(journal: Journal) -> frozenset[str]:
    return frozenset(name for label, name in journal.applied.items() if label in journal.vetoed)


def _name(sprints: Sprints, sprint: Subject) -> str:
    text = sprints.book(sprint)
    return SprintBook.from_text(text).name if text else ""
