"""``try``: what a new rules file would do differently from the one in force. Writes nothing anywhere.

With a connection, the newest issues and the running sprints are read from the tracker, within what its
limits leave to bulk work; with a file of issues nothing is asked but the service's Redis, if it is there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from classifiers.examples import Target
from classifiers.issues_file import Line
from rules.connections import Connection
from rules.differences import Place, differences
from rules.load import load_rules
from rules.problems import BadFile
from rules.watched import watched
from sprintwarden.alone import OwnCache, OwnGate
from sprintwarden.issue_files import lines_of
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections, unknown
from store.budget import Budget
from store.connect import connect
from store.rulebook import RulebookShelf
from trackers.limits import host_of
from trackers.model import AuthorKind, Issue, Label, TrackerKind
from trackers.protocol import Tracker
from workers.gate import SharedGate
from workers.shop import open_tracker
from workers.trial import compare
from workers.try_rules import Memory, Rules, Serving, Trial, asks, try_rules


def try_on_connection(settings: Settings, rules: Path, name: str, last: int) -> Trial:
    """Try a rules file on the newest ``last`` issues of a connection, and on its running sprints.

    Raises Complaint, with everything that is wrong with the file, or a member of ``trackers.errors``.
    """
    new = _new(rules)
    connection = named(read_connections(settings.connections_file), name)
    redis = _redis(settings)
    tracker = _tracker(connection, redis)
    memory = Memory.of(redis) if redis else None
    trial = try_rules(connection, tracker, _in_force(settings, redis), new, last, memory)
    if memory or trial.comparison is None:
        return trial
    left_out = f"{_NO_REDIS} Running sprints are not compared: what finished ones delivered is kept there."
    return replace(trial, remarks=(*trial.remarks, left_out))


def try_on_file(settings: Settings, rules: Path, issues: Path, name: str | None) -> Trial:
    """Try a rules file on the issues of an ``issues.jsonl``, as if they were of the connection ``name``.

    Raises Complaint, with everything that is wrong with the rules, when there is no such connection, or
    when ``issues`` cannot be read.
    """
    new = _new(rules)
    remarks = _doubts(settings.connections_file, name) if name else []
    redis = _redis(settings)
    now = _in_force(settings, redis)
    over = str(issues)
    if new.text == now.text:
        return Trial(over, now, new)
    memory = Memory.of(redis) if redis else None
    models = Serving(memory.models) if memory and name else None
    # Of a file nobody knows the tracker: whatever serves is asked.
    ask = asks(memory, models, name or "", TrackerKind.JIRA)
    found = map(_issue, lines_of(issues, strict=False))
    comparison = compare(found, name or "", now.book, new.book, lambda _issue: AnyLabel(), ask)
    places = [Place(one.project, one.project) for one in comparison.projects]
    differ = differences(now.text, new.text, new.file, name, places)
    if not redis:
        remarks.append(_NO_REDIS)
    if redis and not name:
        remarks.append("No model was asked: name the connection whose models should be (--connection).")
    remarks += models.refused if models else ()
    remarks.append(
        "A file tells neither priorities nor who filed an issue, nor which labels the tracker has: rules "
        "that ask for one of the first two find none, and every label counts as there. Sprints are "
        "compared with --connection alone."
    )
    return Trial(over, now, new, comparison, differ, remarks=tuple(remarks))


_NO_REDIS: Final = (
    "No Redis of the service answers, so the configured file stands for the rules in force and no "
    "model was asked."
)


class AnyLabel:
    """A palette in which every name is a label. Fits ``trackers.protocol.Palette``."""

    def find(self, name: str) -> Label | None:
        return Label(name, name)

    def creatable(self, name: str) -> bool:
        return True


def _new(path: Path) -> Rules:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    return _good(text, str(path))


def _good(text: bytes, file: str, since: datetime | None = None) -> Rules:
    try:
        return Rules(load_rules(text, file), text, file, since)
    except BadFile as error:
        raise Complaint(str(error)) from error


def _doubts(path: Path, name: str) -> list[str]:
    """Why nobody can tell that there is a connection of that name, where its secrets need not be.

    Raises Complaint where there is none.
    """
    try:
        known = [one.name for one in watched(path.read_bytes(), str(path))]
    except (OSError, BadFile) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return [f"{path} cannot be read, so nobody knows whether there is a connection {name}: {why}."]
    if name not in known:
        raise unknown(name, known)
    return []


def _in_force(settings: Settings, redis: Redis | None) -> Rules:
    held = RulebookShelf(redis).in_force() if redis else None
    if held is None:
        return _new(settings.rules_file)
    return _good(held.text, "rules.yaml", held.since)


def _redis(settings: Settings) -> Redis | None:
    """The service's Redis, if there is one that answers."""
    try:
        redis = connect(settings.redis())
        redis.ping()
    except (Complaint, RedisError):
        return None
    return redis


def _tracker(connection: Connection, redis: Redis | None) -> Tracker:
    """The tracker, sharing the service's limits where that is known; what it lists is kept nowhere."""
    gate = SharedGate(Budget(redis, host_of(connection.url), connection.account)) if redis else OwnGate()
    tracker, _ = open_tracker(connection, gate, OwnCache())
    return tracker


def _issue(line: Line) -> Issue:
    return Issue(
        id=line.id,
        key=line.id,
        project=line.filed.project,
        title=line.filed.title,
        body=line.filed.body,
        type=next(iter(line.tags.get(Target.TYPE, ())), None),
        priority=None,
        components=line.tags.get(Target.COMPONENTS, ()),
        labels=tuple(Label(name, name) for name in line.tags.get(Target.LABELS, ())),
        author=AuthorKind.UNKNOWN,
        created=None,
        updated=None,
    )
