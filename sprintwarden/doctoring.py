"""``doctor``: all that a connection needs, looked at again, each thing with how it is and what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from rules.connection_schema import WebhookAuth
from rules.connections import Connection, load_connections
from rules.problems import BadFile
from sprintwarden import findings, round_trip
from sprintwarden.checking import check_rules
from sprintwarden.hooking import UNKNOWN_HOST
from sprintwarden.probing import Access, OpenProbe, open_probe
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named
from store.connect import connect
from store.door import notes
from store.heard import Heard
from trackers.errors import TrackerError
from trackers.model import TrackerKind
from trackers.probe import Finding, Hook, Level, Probe
from webhook_app.health import Check, checks

SERVICE: Final = "this service"
TOUCHED: Final = "whole way"
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Group:
    """What was found about a connection, or about the service itself."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants looked at, and done."""

    connection: str | None = None
    touch: str | None = None
    """An issue, about which the tracker is made to send an event."""
    public_url: str | None = None
    mend: bool = False
    """Whether webhooks that are off are switched on."""
    wait: timedelta = timedelta(seconds=60)
    """For the event of ``touch``."""


def examine(settings: Settings, wish: Wish, open_probe: OpenProbe = open_probe) -> Iterator[Group]:
    """Look at everything, a group at a time. Raises Complaint for a connection that is not there."""
    read = _connections(settings)
    connections = read if isinstance(read, tuple) else ()
    if wish.connection is not None and isinstance(read, tuple):
        connections = (named(read, wish.connection),)
    if wish.touch is not None and len(connections) > 1:
        raise Complaint("Name the connection whose issue is to be touched: doctor CONNECTION --touch ISSUE.")
    redis = _redis(settings)
    public_url = wish.public_url or settings.public_url
    found = (*_files(settings, read), *_public(public_url), *_in_redis(redis))
    yield Group(SERVICE, found)
    for connection in connections:
        patient = Patient(connection, public_url, redis if isinstance(redis, Redis) else None, settings)
        yield Group(connection.name, tuple(patient.examine(wish, open_probe)))


def _connections(settings: Settings) -> tuple[Connection, ...] | list[Finding]:
    file = settings.connections_file
    about = "connections.yaml"
    try:
        return load_connections(file.read_bytes(), str(file), os.environ)
    except OSError as error:
        fix = "Write it with `sprintwarden connect`, or set SPRINTWARDEN_CONFIG to its folder."
        return [Finding(Level.FAIL, about, f"{file} cannot be read: {error.strerror}.", fix)]
    except BadFile as error:
        fix = "Mend it there and save; variables and files of secrets must be there for this command too."
        return [Finding(Level.FAIL, about, f"{problem}.", fix) for problem in error.problems]


def _redis(settings: Settings) -> Redis | Finding:
    try:
        redis = connect(settings.redis())
        redis.ping()
    except Complaint as complaint:
        return Finding(Level.FAIL, "redis", str(complaint))
    except RedisError as error:
        fix = "Start it, or mend REDIS_URL."
        return Finding(Level.FAIL, "redis", f"Redis does not answer ({type(error).__name__}).", fix)
    return redis


def _files(settings: Settings, read: tuple[Connection, ...] | list[Finding]) -> Iterator[Finding]:
    if isinstance(read, list):
        yield from read
    elif not read:
        fix = "Add one with `sprintwarden connect`."
        yield Finding(Level.WARN, "connections.yaml", "It names no connection.", fix)
    else:
        told = ", ".join(connection.name for connection in read)
        yield Finding(Level.OK, "connections.yaml", f"It is good and names {told}.")
    yield from _rules(settings)


def _rules(settings: Settings) -> Iterator[Finding]:
    about = "rules.yaml"
    try:
        found = check_rules(settings, None, None)
    except Complaint as complaint:
        fix = "Put it there, or set SPRINTWARDEN_CONFIG to its folder."
        yield Finding(Level.FAIL, about, str(complaint), fix)
        return
    errors = [one for one in found if one.is_error]
    for error in errors:
        yield Finding(Level.FAIL, about, f"{error}.", "Mend it there and save.")
    if not errors and found:
        said = f"It is good, with {len(found)} warning{'' if len(found) == 1 else 's'}."
        yield Finding(Level.WARN, about, said, "`sprintwarden check` lists them.")
    elif not found:
        yield Finding(Level.OK, about, "It is good.")


def _public(public_url: str | None) -> Iterator[Finding]:
    if public_url is not None:
        yield findings.public_address(public_url)
        return
    fix = "Set SPRINTWARDEN_PUBLIC_URL, or give --public-url."
    yield Finding(Level.WARN, "public address", "It is not known, so the way in cannot be proven.", fix)


def _in_redis(redis: Redis | Finding) -> Iterator[Finding]:
    """What ``/readyz`` says too, of no connection."""
    if isinstance(redis, Finding):
        yield redis
    else:
        yield from map(_checked, checks(redis, ()))


def _checked(check: Check) -> Finding:
    level = Level.OK if check.ok else Level.FAIL if check.vital else Level.WARN
    return Finding(level, check.name, check.detail)


@dataclass(frozen=True, slots=True)
class Patient:
    """A connection under examination."""

    connection: Connection
    public_url: str | None
    redis: Redis | None
    settings: Settings

    def examine(self, wish: Wish, open_probe: OpenProbe) -> Iterator[Finding]:
        """Everything about it. What the tracker does not answer is a finding, and the rest goes on."""
        # Asked first: the delivery that proves the way in is genuine too.
        last = self._last()
        probe = open_probe(Access.of(self.connection))
        try:
            site = probe.site()
        except TrackerError as error:
            yield findings.trouble("credentials", error)
            yield from self._way_in()
            return
        yield findings.credentials(site, service_account=self.connection.service_account)
        yield from self._asked("token expiry", lambda: [self._ends(probe)])
        yield from self._asked("tracker", lambda: self._fitness(probe))
        yield from self._labels()
        yield from self._asked(findings.HOOKS, lambda: self._webhooks(probe, mend=wish.mend))
        if self.redis is not None:
            yield findings.last_heard(last, datetime.now(UTC))
            yield from self._at_work(self.redis)
        yield from self._way_in()
        if wish.touch is not None:
            yield self._touch(probe, wish.touch, wish.wait)

    def _asked(self, about: str, question: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
        try:
            return question()
        except TrackerError as error:
            return [findings.trouble(about, error)]

    def _ends(self, probe: Probe) -> Finding:
        day = self.connection.expires
        declared = datetime.combine(day, clock_time.min, UTC) if day else None
        return findings.ends(probe.expires(), declared, datetime.now(UTC))

    def _fitness(self, probe: Probe) -> Sequence[Finding]:
        return probe.fitness(self.connection.projects, sorted(self.connection.scope().boards or ()))

    def _labels(self) -> Iterator[Finding]:
        """What the rules name and this tracker does not have."""
        about, untold = "names in the rules", list[str]()
        try:
            known = set(check_rules(self.settings, None, None))
            found = check_rules(self.settings, None, self.connection.name, tell=untold.append)
        except (Complaint, TrackerError) as error:
            yield Finding(Level.WARN, about, str(error))
            return
        lacking = [one for one in found if one not in known]
        for one in lacking:
            yield Finding(Level.WARN, about, f"{one}.", "Mend rules.yaml, if that is not meant.")
        for sentence in untold:
            yield Finding(Level.OK, about, sentence)
        if not lacking and not untold:
            yield Finding(Level.OK, about, "The tracker has them all.")

    def _webhooks(self, probe: Probe, *, mend: bool) -> Sequence[Finding]:
        sprints = bool(self.connection.scope().boards)
        hooks = probe.hooks()
        mended: list[Finding] = []
        if mend and hooks is not None:
            ours = findings.matching(hooks, self.connection.name, self.public_url)
            mended = [_switched_on(probe, hook) for hook in ours if not hook.enabled]
            hooks = probe.hooks() if mended else hooks
        url = findings.address(self.public_url or UNKNOWN_HOST, self.connection.name)
        expected = findings.Expected(
            self.connection.name,
            self.connection.tracker,
            probe.wanted_events(sprints),
            self.connection.webhook.auth is WebhookAuth.SIGNATURE,
            self.public_url,
        )
        return [*mended, *findings.webhooks(expected, hooks, probe.by_hand(url, sprints))]

    def _at_work(self, redis: Redis) -> Iterator[Finding]:
        """What ``/readyz`` says of this connection alone."""
        name = self.connection.name
        general = {check.name for check in checks(redis, ())} | {f"last delivery of {name}"}
        yield from (_checked(one) for one in checks(redis, (self.connection,)) if one.name not in general)

    def _way_in(self) -> Iterator[Finding]:
        if self.public_url is None:
            return
        delivery = round_trip.knock(self.connection, self.public_url)
        answer = round_trip.send(delivery)
        if isinstance(answer, Finding):
            yield answer
        else:
            yield round_trip.judged(answer, noted=self._noted(delivery.digest[:12]))

    def _noted(self, digest: str) -> bool | None:
        if self.redis is None:
            return None
        try:
            return any(note["digest"] == digest for note in notes(self.redis, self.connection.name))
        except RedisError:
            return None

    def _last(self) -> datetime | None:
        try:
            return Heard(self.redis).last(self.connection.name) if self.redis is not None else None
        except RedisError:
            return None

    def _touch(self, probe: Probe, issue: str, wait: timedelta) -> Finding:
        """Have the tracker send something, and wait for it."""
        if self.redis is None:
            return Finding(
                Level.FAIL, TOUCHED, "Nothing was touched: without Redis nothing can be seen to come."
            )
        before = self._last()
        try:
            probe.nudge(issue)
        except TrackerError as error:
            return findings.trouble(TOUCHED, error)
        begun = time.monotonic()
        while time.monotonic() - begun < wait.total_seconds():
            if self._last() != before:
                return Finding(Level.OK, TOUCHED, f"{self._did(issue)}, and the tracker's event arrived.")
            time.sleep(_POLL_S)
        return Finding(
            Level.FAIL,
            TOUCHED,
            f"{self._did(issue)}, and no event came within {wait.total_seconds():.0f} s.",
            "Look at the webhook in the tracker: its address, its events, its log of deliveries.",
        )

    def _did(self, issue: str) -> str:
        if self.connection.tracker is TrackerKind.JIRA:
            return f"A label came and went on {issue}"
        return f"The place of {issue} in lists moved by a hair and back"


def _switched_on(probe: Probe, hook: Hook) -> Finding:
    about = f"{findings.HOOKS} “{hook.name}”"
    try:
        probe.enable(hook)
    except TrackerError as error:
        return findings.trouble(about, error)
    return Finding(Level.OK, about, "It was switched off, and is on again.")


def show(group: Group) -> str:
    """A group as ``doctor`` prints it."""
    return "\n".join([group.name, *map(findings.line, group.findings)])
