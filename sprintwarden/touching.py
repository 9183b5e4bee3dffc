"""``doctor --touch``: the tracker is made to send an event, which is followed as far as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import RedisError

from rules.connections import Connection
from sprintwarden import findings
from store import keys
from store.decisions import Decisions
from store.heard import Heard
from trackers.errors import TrackerError
from trackers.jira.probe import NUDGE
from trackers.model import Subject, SubjectKind, TrackerKind
from trackers.probe import Finding, Level, Probe
from webhook_app.health import checks

WHOLE_WAY: Final = "whole way"
"""On Jira a change of labels goes to a worker."""
EVENT: Final = "tracker's event"
"""On Linear a place in a list concerns no worker: the front door passes over it."""
_POLL_S: Final = 0.1
_UNFINISHED: Final = {"postponed": "had to put it off", "dead": "gave it up"}


def about(connection: Connection) -> str:
    """What touching an issue can prove there."""
    return WHOLE_WAY if connection.tracker is TrackerKind.JIRA else EVENT


def touch(probe: Probe, connection: Connection, redis: Redis, issue: str, wait: timedelta) -> Finding:
    """Touch ``issue``, and see for ``wait`` at most whether its event arrives and, on Jira, is worked."""
    heard = Heard(redis)
    until = time.monotonic() + wait.total_seconds()
    try:
        before, begun = heard.last(connection.name), datetime.now(UTC)
        subject = Subject(connection.name, SubjectKind.ISSUE, probe.nudge(issue))
        if not _await(lambda: heard.last(connection.name) != before, until):
            return _silent(connection, issue, wait)
        if connection.tracker is TrackerKind.LINEAR:
            return _arrived(connection, issue)
        _await(lambda: _run(redis, subject, begun) is not None, until)
        run = _run(redis, subject, begun)
        return _worked(connection, issue, run) if run else _unworked(connection, redis, subject, issue, wait)
    except TrackerError as error:
        return findings.trouble(about(connection), error)
    except RedisError as error:
        said = f"Redis stopped answering ({type(error).__name__}): what became of {issue} cannot be seen."
        return Finding(Level.FAIL, about(connection), said, "Run this again when Redis answers.")


def _await(came: Callable[[], bool], until: float) -> bool:
    while not came():
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_S)
    return True


def _run(redis: Redis, subject: Subject, since: datetime) -> dict[str, Any] | None:
    """The record of the newest run about the label that came and went."""
    # Records tell whole milliseconds.
    since -= timedelta(milliseconds=1)
    runs = (run for run in Decisions(redis).of(subject) if datetime.fromisoformat(run["at"]) >= since)
    return next((run for run in runs if any(map(_of_nudge, run["hints"]))), None)


def _of_nudge(hint: dict[str, Any]) -> bool:
    return NUDGE in (*hint.get("labels_added", ()), *hint.get("labels_removed", ()))


def _did(connection: Connection, issue: str) -> str:
    if connection.tracker is TrackerKind.JIRA:
        return f"A label came and went on {issue}"
    return f"The place of {issue} in lists moved by a hair and back"


def _silent(connection: Connection, issue: str, wait: timedelta) -> Finding:
    return Finding(
        Level.FAIL,
        about(connection),
        f"{_did(connection, issue)}, and no event came within {wait.total_seconds():.0f} s.",
        "Look at the webhook in the tracker: its address, its events, its log of deliveries.",
    )


def _arrived(connection: Connection, issue: str) -> Finding:
    return Finding(
        Level.OK,
        about(connection),
        f"{_did(connection, issue)}, and the tracker's event arrived. Such an event is no work for a worker: "
        "whether one is there, `live workers` says.",
    )


def _worked(connection: Connection, issue: str, run: dict[str, Any]) -> Finding:
    said = f"{_did(connection, issue)}, the tracker's event arrived, and a worker"
    unfinished = _UNFINISHED.get(run["outcome"])
    if unfinished is None:
        return Finding(Level.OK, about(connection), f"{said} handled it.")
    return Finding(Level.FAIL, about(connection), f"{said} {unfinished}: {run['cause']}")


def _unworked(connection: Connection, redis: Redis, subject: Subject, issue: str, wait: timedelta) -> Finding:
    said = f"{_did(connection, issue)}, and an event of the tracker arrived, but"
    if not redis.exists(keys.hints(subject)):
        return Finding(
            Level.FAIL,
            about(connection),
            f"{said} none about {issue} is there to be worked.",
            "Check that connections.yaml names its project, and that the processes were restarted since.",
        )
    cause = cast("str | None", redis.hget(keys.subject_state(subject), "cause"))
    before = f" One put the issue off: {cause}" if cause else ""
    halts = [check.detail for check in checks(redis, (connection,)) if check.halts and not check.ok]
    return Finding(
        Level.FAIL,
        about(connection),
        f"{said} no worker handled it within {wait.total_seconds():.0f} s.{before}",
        " ".join(halts) or "Look at the log of the live workers.",
    )
