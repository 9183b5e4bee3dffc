"""``sprints`` and ``snooze``: which sprints are watched, what was found, and silence about one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from store.connect import connect
from store.decisions import Decisions
from store.inbox import Inbox
from store.sprints import Sprints
from trackers.model import Subject, SubjectKind
from workers.rounds import have_checked
from workers.sprint_book import SprintBook


def watched(settings: Settings, connection: str | None) -> list[dict[str, Any]]:
    """Every sprint that is watched at present, with what was last found about it."""
    redis = connect(settings.redis())
    sprints, decisions = Sprints(redis), Decisions(redis)
    connections = read_connections(settings.connections_file)
    chosen = [named(connections, connection)] if connection else connections
    found = []
    for one in chosen:
        for id_, board in sorted(sprints.running(one.name).items()):
            subject = Subject(one.name, SubjectKind.SPRINT, id_)
            text = sprints.book(subject)
            book = SprintBook.from_text(text) if text else None
            records = decisions.of(subject)
            found.append(
                {
                    "connection": one.name,
                    "sprint": id_,
                    "name": book.name if book else "",
                    "board": board,
                    "concerns": list(book.said.concerns) if book else [],
                    "home": book.home.key if book and book.home else None,
                    "snoozed": sprints.is_snoozed(subject),
                    "last": records[0] if records else None,
                }
            )
    return found


def snooze(settings: Settings, connection: str, sprint: str, *, on: bool) -> None:
    """Be silent about a running sprint, or no longer. Raises Complaint when it is not watched."""
    redis = connect(settings.redis())
    sprints = Sprints(redis)
    named(read_connections(settings.connections_file), connection)
    running = sprints.running(connection)
    if sprint not in running:
        known = ", ".join(sorted(running)) or "none"
        raise Complaint(f"{sprint!r} is no sprint that is watched on {connection}; watched are: {known}.")
    subject = Subject(connection, SubjectKind.SPRINT, sprint)
    sprints.snooze(subject, on=on)
    have_checked(Inbox(redis, lease=settings.lease), subject, datetime.now(UTC), timedelta(0))


def show_watched(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same for people."""
    if not found:
        return ["No sprint is watched at present."]
    return [_line(one) for one in found]


def _line(one: Mapping[str, Any]) -> str:
    concerns = ", ".join(str(concern).replace("_", " ") for concern in one["concerns"]) or "nothing said"
    where = f", on {one['home']}" if one["home"] else ""
    silent = ", snoozed" if one["snoozed"] else ""
    which = f"{one['connection']}  {one['sprint']}  {one['name']}  (board {one['board']})"
    return f"{which}: {concerns}{where}{silent}"
