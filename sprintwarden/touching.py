"""``doctor --touch``: an issue is changed and changed back, which is followed as far as it goes.

The tracker sends an event of it; where it is polled, a catch-up finds the issue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import RedisError

from rules.connections import Connection
from sprintwarden import findings
from store import keys
from store.catch_ups import CatchUps
from store.decisions import Decisions
from store.heard import Heard
from trackers.errors import TrackerError
from trackers.jira.probe import NUDGE
from trackers.model import Subject, SubjectKind, TrackerKind
from trackers.probe import Finding, Level, Probe
from webhook_app.health import checks

WHOLE_WAY: Final = "whole way"
"""On Jira a change of labels goes to a worker; and it is a worker that polls."""
EVENT: Final = "tracker's event"
"""On Linear a place in a list concerns no worker: the front door passes over it."""
_POLL_S: Final = 0.1
_UNFINISHED: Final = {"postponed": "had to put it off", "dead": "gave it up"}


def about(connection: Connection) -> str:
    """What touching an issue can prove there."""
    polled = connection.webhook is None
    return WHOLE_WAY if polled or connection.tracker is TrackerKind.JIRA else EVENT


def touch(probe: Probe, connection: Connection, redis: Redis, issue: str, wait: timedelta) -> Finding:
    """Touch ``issue``, and see for ``wait`` at most whether its event arrives and, on Jira, is worked.

    Where the tracker is polled, ``wait`` begins when it must have been asked.
    """
    try:
        if connection.webhook is None:
            return _polled(probe, connection, redis, issue, wait + (connection.catch_up or timedelta()))
        return _delivered(probe, connection, redis, issue, wait)
    except TrackerError as error:
        return findings.trouble(about(connection), error)
    except RedisError as error:
        said = f"Redis stopped answering ({type(error).__name__}): what became of {issue} cannot be seen."
        return Finding(Level.FAIL, about(connection), said, "Run this again when Redis answers.")


def _delivered(probe: Probe, connection: Connection, redis: Redis, issue: str, wait: timedelta) -> Finding:
    heard = Heard(redis)
    until = time.monotonic() + wait.total_seconds()
    before, begun = heard.last(connection.name), datetime.now(UTC)
    subject = Subject(connection.name, SubjectKind.ISSUE, probe.nudge(issue))
    if not _await(lambda: heard.last(connection.name) != before, until):
        return _silent(connection, issue, wait)
    if connection.tracker is TrackerKind.LINEAR:
        return _arrived(connection, issue)
    _await(lambda: _run(redis, subject, begun) is not None, until)
    run = _run(redis, subject, begun)
    if run is None:
        return _unworked(connection, redis, subject, issue, wait)
    return _worked(connection, f"{_did(connection, issue)}, the tracker's event arrived", run)


def _polled(probe: Probe, connection: Connection, redis: Redis, issue: str, wait: timedelta) -> Finding:
    until = time.monotonic() + wait.total_seconds()
    begun = datetime.now(UTC)
    subject = Subject(connection.name, SubjectKind.ISSUE, probe.nudge(issue))
    catch_ups = CatchUps(redis)
    asked = catch_ups.now()
    said = f"{_did(connection, issue)}, and"
    if not _await(lambda: _told_since(catch_ups, connection, asked) > 0, until):
        return _still(connection, redis, subject, f"{said} no catch-up that has begun since found it", wait)
    if not _await(lambda: not redis.exists(keys.hints(subject)), until):
        return _still(
            connection, redis, subject, f"{said} a catch-up found it, but no worker handled it", wait
        )
    run = next(_runs(redis, subject, begun), None)
    if run is not None:
        return _worked(connection, f"{_did(connection, issue)}, a catch-up found it", run)
    return _seen(connection, issue, _told_since(catch_ups, connection, asked))


def _told_since(catch_ups: CatchUps, connection: Connection, moment: datetime) -> int:
    """Of how many issues the tracker told the last catch-up; 0 unless it began after ``moment`` and ended.

    A tracker's search may be some seconds behind, so the first one may not be told of any.
    """
    standing = catch_ups.standing(connection.name)
    done = standing.done if standing is not None else None
    return done.scan.seen if done is not None and done.scan.began > moment else 0


def _await(came: Callable[[], bool], until: float) -> bool:
    while not came():
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_S)
    return True


def _run(redis: Redis, subject: Subject, since: datetime) -> dict[str, Any] | None:
    """The record of the newest run about the label that came and went."""
    return next((run for run in _runs(redis, subject, since) if any(map(_of_nudge, run["hints"]))), None)


def _runs(redis: Redis, subject: Subject, since: datetime) -> Iterator[dict[str, Any]]:
    """The records of runs, newest first."""
    # Records tell whole milliseconds.
    since -= timedelta(milliseconds=1)
    return (run for run in Decisions(redis).of(subject) if datetime.fromisoformat(run["at"]) >= since)


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


def _seen(connection: Connection, issue: str, told: int) -> Finding:
    issues = "an issue that has" if told == 1 else f"{told} issues that have"
    return Finding(
        Level.OK,
        about(connection),
        f"{_did(connection, issue)}, and the tracker told the next catch-up of {issues} changed. "
        f"{issue} itself was passed over, as an old issue is that bears nothing of ours.",
    )


def _worked(connection: Connection, came: str, run: dict[str, Any]) -> Finding:
    """``came`` is a clause on how word of the issue reached us."""
    said = f"{came}, and a worker"
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
    return _still(connection, redis, subject, f"{said} no worker handled it", wait)


def _still(connection: Connection, redis: Redis, subject: Subject, said: str, wait: timedelta) -> Finding:
    """Waited for in vain; with what keeps the service from it."""
    cause = cast("str | None", redis.hget(keys.subject_state(subject), "cause"))
    before = f" One put the issue off: {cause}" if cause else ""
    halts = [check.detail for check in checks(redis, (connection,)) if check.halts and not check.ok]
    return Finding(
        Level.FAIL,
        about(connection),
        f"{said} within {wait.total_seconds():.0f} s.{before}",
        " ".join(halts) or "Look at the log of the live workers.",
    )
