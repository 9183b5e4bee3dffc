"""``doctor``: all that a connection needs, looked at again, each thing with how it is and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from rules import checking
from rules.connection_schema import WebhookAuth
from rules.connections import Connection, NoSecrets, Webhook, load_connections
from rules.problems import BadFile
from sprintwarden import findings, round_trip, touching
from sprintwarden.checking import check_rules
from sprintwarden.hooking import UNKNOWN_HOST
from sprintwarden.probing import OpenProbe, open_probe
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named
from store.address import parse
from store.connect import connect, trouble
from store.door import notes
from store.heard import Heard
from trackers.errors import TrackerError
from trackers.probe import Finding, Hook, HookWish, Level, Probe
from webhook_app.health import Check, checks
from workers.probes import Access

SERVICE: Final = "this service"
RULES: Final = "rules.yaml"


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
    """For the event of ``touch``, and for a worker to be done with it."""


def examine(settings: Settings, wish: Wish, open_probe: OpenProbe = open_probe) -> Iterator[Group]:
    """Look at everything, a group at a time. Raises Complaint for a connection that is not there."""
    known, wrong = _connections(settings)
    connections = known if wish.connection is None else _chosen(known, wish.connection, sure=not wrong)
    several = len(known) > 1 or (known and wrong)
    if wish.touch is not None and wish.connection is None and several:
        raise Complaint("Name the connection whose issue is to be touched: doctor CONNECTION --touch ISSUE.")
    redis = _redis(settings)
    public_url = wish.public_url or settings.public_url
    judged = _judged(settings)
    told = frozenset() if isinstance(judged, Finding) else _told(judged, settings.rules_file.name)
    found = (
        *_files(known, wrong),
        *_rules(judged),
        *_public(public_url, connections),
        *_in_redis(settings, redis, told),
    )
    yield Group(SERVICE, found)
    for connection in connections:
        patient = Patient(connection, public_url, redis if isinstance(redis, Redis) else None, settings)
        yield Group(connection.name, tuple(patient.examine(wish, open_probe)))


def _connections(settings: Settings) -> tuple[tuple[Connection, ...], tuple[Finding, ...]]:
    """Those that can be looked at, and what is wrong with the file or with the secrets of the others."""
    file = settings.connections_file
    about = "connections.yaml"
    try:
        return load_connections(file.read_bytes(), str(file), os.environ), ()
    except OSError as error:
        fix = "Write it with `sprintwarden connect`, or set SPRINTWARDEN_CONFIG to its folder."
        return (), (Finding(Level.FAIL, about, f"{file} cannot be read: {error.strerror}.", fix),)
    except BadFile as error:
        fix = "Mend it there and save; variables and files of secrets must be there for this command too."
        wrong = tuple(Finding(Level.FAIL, about, f"{problem}.", fix) for problem in error.problems)
        return error.sound if isinstance(error, NoSecrets) else (), wrong


def _chosen(known: Sequence[Connection], name: str, *, sure: bool) -> tuple[Connection, ...]:
    """The connection of that name; none where it may be one that could not be read. Raises Complaint."""
    if sure or any(connection.name == name for connection in known):
        return (named(known, name),)
    return ()


def _redis(settings: Settings) -> Redis | Finding:
    try:
        redis = connect(settings.redis())
        redis.ping()
    except Complaint as complaint:
        return Finding(Level.FAIL, "redis", str(complaint))
    except RedisError as error:
        return Finding(Level.FAIL, "redis", trouble(error))
    return redis


def _files(known: Sequence[Connection], wrong: Sequence[Finding]) -> Iterator[Finding]:
    if wrong:
        yield from wrong
    elif not known:
        fix = "Add one with `sprintwarden connect`."
        yield Finding(Level.WARN, "connections.yaml", "It names no connection.", fix)
    else:
        told = ", ".join(connection.name for connection in known)
        yield Finding(Level.OK, "connections.yaml", f"It is good and names {told}.")


def _judged(settings: Settings) -> Sequence[checking.Finding] | Finding:
    """What ``check`` finds in the rules file, or why it finds nothing."""
    try:
        return check_rules(settings, None, None)
    except Complaint as complaint:
        fix = "Put it there, or set SPRINTWARDEN_CONFIG to its folder."
        return Finding(Level.FAIL, RULES, str(complaint), fix)
    except Exception as error:  # noqa: BLE001 - whatever it is, the rest is looked at
        return _broke(Level.FAIL, RULES, error)


def _broke(level: Level, about: str, error: Exception) -> Finding:
    """The check of the rules has a fault of its own, which must not keep the rest from being looked at."""
    said = f"It could not be checked: the check itself failed ({type(error).__name__})."
    return Finding(level, about, said, "Report this, with what `sprintwarden check` says.")


def _rules(judged: Sequence[checking.Finding] | Finding) -> Iterator[Finding]:
    if isinstance(judged, Finding):
        yield judged
        return
    errors = [one for one in judged if one.is_error]
    for error in errors:
        yield Finding(Level.FAIL, RULES, f"{error}.", "Mend it there and save.")
    if not errors and judged:
        said = f"It is good, with {len(judged)} warning{'' if len(judged) == 1 else 's'}."
        yield Finding(Level.WARN, RULES, said, "`sprintwarden check` lists them.")
    elif not judged:
        yield Finding(Level.OK, RULES, "It is good.")


def _told(judged: Sequence[checking.Finding], name: str) -> frozenset[str]:
    """The mistakes as a clock tells them, which knows no folder."""
    return frozenset(str(replace(one.problem, file=name)) for one in judged if one.is_error)


def _public(public_url: str | None, connections: Sequence[Connection]) -> Iterator[Finding]:
    if connections and not any(connection.webhook for connection in connections):
        return
    if public_url is not None:
        yield findings.public_address(public_url)
        return
    fix = "Set SPRINTWARDEN_PUBLIC_URL, or give --public-url."
    yield Finding(Level.WARN, "public address", "It is not known, so the way in cannot be proven.", fix)


def _in_redis(settings: Settings, redis: Redis | Finding, told: Collection[str]) -> Iterator[Finding]:
    """What ``/readyz`` says too, of no connection; without the lines that were told already."""
    if isinstance(redis, Finding):
        yield redis
        return
    replicas, may_forget = parse(settings.redis()).replicas, settings.redis_may_forget
    for check in checks(redis, (), replicas=replicas, may_forget=may_forget):
        fresh = [line for line in check.detail.splitlines() if line not in told]
        yield _checked(replace(check, detail="\n".join(fresh)))


def _checked(check: Check) -> Finding:
    fails = check.vital or check.halts
    return Finding(Level.OK if check.ok else Level.FAIL if fails else Level.WARN, check.name, check.detail)


@dataclass(frozen=True, slots=True)
class Patient:
    """A connection under examination."""

    connection: Connection
    public_url: str | None
    redis: Redis | None
    settings: Settings

    def examine(self, wish: Wish, open_probe: OpenProbe) -> Iterator[Finding]:
        """Everything about it. What the tracker does not answer is a finding, and the rest goes on."""
        webhook = self.connection.webhook
        # Asked first: the delivery that proves the way in is genuine too.
        deliveries = self._deliveries() if webhook else ()
        probe = open_probe(Access.of(self.connection))
        try:
            site = probe.site()
        except TrackerError as error:
            yield findings.trouble("credentials", error)
            yield from self._way_in(webhook)
            return
        yield findings.credentials(site, service_account=self.connection.service_account)
        yield from self._asked("token expiry", lambda: [self._ends(probe)])
        yield from self._asked("tracker", lambda: self._fitness(probe))
        yield from self._labels()
        yield from self._asked(findings.HOOKS, lambda: self._webhooks(probe, webhook, mend=wish.mend))
        yield from deliveries
        yield findings.catch_up(self.connection.catch_up, hooked=webhook is not None)
        if self.redis is not None:
            yield from self._at_work(self.redis)
        yield from self._way_in(webhook)
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
        except Exception as error:  # noqa: BLE001
            yield _broke(Level.WARN, about, error)
            return
        lacking = [one for one in found if one not in known]
        new, rest = checking.folded(lacking)
        for sentence in new:
            yield Finding(Level.WARN, about, sentence, "Mend rules.yaml, if one is not meant to be new.")
        for one in rest:
            yield Finding(Level.WARN, about, f"{one}.", "Mend rules.yaml, if that is not meant.")
        for sentence in untold:
            yield Finding(Level.OK, about, sentence)
        if not lacking and not untold:
            yield Finding(Level.OK, about, "The tracker has them all.")

    def _webhooks(self, probe: Probe, webhook: Webhook | None, *, mend: bool) -> Sequence[Finding]:
        sprints = bool(self.connection.scope().boards)
        hooks = probe.hooks()
        if webhook is None:
            return [*findings.unwanted(hooks, self.connection.name, self.public_url)]
        mended: list[Finding] = []
        if mend and hooks is not None:
            ours = findings.matching(hooks, self.connection.name, self.public_url)
            mended = [_switched_on(probe, hook) for hook in ours if not hook.enabled]
            hooks = probe.hooks() if mended else hooks
        by_hand = probe.by_hand(self._wish(webhook, sprints=sprints))
        expected = findings.Expected(
            self.connection.name,
            self.connection.tracker,
            probe.wanted_events(sprints),
            webhook.auth is WebhookAuth.SIGNATURE,
            self.public_url,
            self.connection.projects,
        )
        return [*mended, *findings.webhooks(expected, hooks, by_hand)]

    def _wish(self, webhook: Webhook, *, sprints: bool) -> HookWish:
        name = self.connection.name
        return HookWish(
            findings.address(self.public_url or UNKNOWN_HOST, name),
            self.connection.projects,
            sprints,
            f"the secret that connections.yaml names for {name}",
            proof=webhook.auth.value,
            user=webhook.user,
        )

    def _at_work(self, redis: Redis) -> Iterator[Finding]:
        """What ``/readyz`` says of this connection alone."""
        name = self.connection.name
        general = {check.name for check in checks(redis, ())} | {f"last delivery of {name}"}
        yield from (_checked(one) for one in checks(redis, (self.connection,)) if one.name not in general)

    def _way_in(self, webhook: Webhook | None) -> Iterator[Finding]:
        if webhook is None or self.public_url is None:
            return
        delivery = round_trip.knock(self.connection, webhook, self.public_url)
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

    def _deliveries(self) -> Sequence[Finding]:
        if self.redis is None:
            return ()
        try:
            last = Heard(self.redis).last(self.connection.name)
        except RedisError as error:
            said = f"Redis does not answer any more ({type(error).__name__})."
            return (Finding(Level.FAIL, "deliveries", said, "Run this again when it does."),)
        return (findings.last_heard(last, datetime.now(UTC)),)

    def _touch(self, probe: Probe, issue: str, wait: timedelta) -> Finding:
        if self.redis is not None:
            return touching.touch(probe, self.connection, self.redis, issue, wait)
        said = "Nothing was touched: without Redis nothing can be seen to come."
        return Finding(Level.FAIL, touching.about(self.connection), said)


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
