"""The page Now: whether all is well, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response

from rules.connections import Connection
from store.address import parse
from store.budget import Budget
from store.catch_ups import CatchUps, HookState
from store.crew import BULK, LIVE, Crew
from store.heard import Heard
from store.inbox import Depth, Queued, depth, queued
from store.journal import Journals
from store.keys import beat
from store.models import Entry, ModelShelf, Slots
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.watch import Watch
from trackers.limits import BULK as BULK_SCOPE
from trackers.limits import EVERYTHING, host_of
from trackers.spans import in_words
from webhook_app.console.changes import Change, changes
from webhook_app.console.frame import HOME, show
from webhook_app.console.house import House, Page
from webhook_app.health import Check, checks

PAGE: Final = Page("now", f"{HOME}/now", "Now")

_REFRESH_S: Final = 10
_CHANGES: Final = 5
_LINES: Final = 8
"""Of what is wrong with one thing; the page that helps has all."""
_LEVELS: Final = ("ok", "quiet", "amber", "red")
"""From what needs nobody to what needs somebody most."""
_LATE: Final = timedelta(minutes=5)
"""What is due for longer comes late; from here on there is an alert about it, too."""
_REFUSED: Final = "credentials refused"
"""The reason of such a pause."""
_HOOKS: Final = {
    HookState.ON: ("ok", "On"),
    HookState.OFF: ("amber", "Off"),
    HookState.LEFT_OFF: ("amber", "Left off"),
    HookState.NONE: ("quiet", "None of ours"),
    HookState.UNSEEN: ("quiet", "Not visible to the account"),
}


@dataclass(frozen=True, slots=True)
class State:
    """How something is: a level (``ok``, ``quiet``, ``amber``, ``red``), a word or two, and the rest."""

    level: str
    word: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person."""

    level: str
    title: str
    sentences: tuple[str, ...]
    """What is so, and what to do."""
    href: str | None = None
    """The page that helps."""
    href_text: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A tracker is left alone, as a whole or by work that can wait."""

    level: str
    bulk: bool
    """Whether live events are worked all the same."""
    why: str
    until: str


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """What the tracker last said of its scarcest limit."""

    share: float
    at: str


@dataclass(frozen=True, slots=True)
class ModelNow:
    """A model in a slot."""

    id: str
    since: str
    issues: int
    """It was trained on."""
    right: int = 0
    """Of the proposals whose outcome is known, for its commonest tags."""
    judged: int = 0
    refused: tuple[str, ...] = ()
    """Why the gate did not let it serve."""


@dataclass(frozen=True, slots=True)
class TargetNow:
    """What one target is labelled by."""

    target: str
    serving: ModelNow | None
    staged: ModelNow | None
    muted: int


@dataclass(frozen=True, slots=True)
class ConnectionNow:
    """One connection."""

    name: str
    tracker: str
    level: str
    """That of the worst thing about it."""
    has_webhook: bool
    last_event: str | None
    last_write: str | None
    waiting: int
    oldest_s: float
    """How late the oldest of what waits is; 0 where nothing does."""
    oldest: str
    pauses: tuple[Pause, ...]
    budget: BudgetLeft | None
    catch_up: State
    webhook: State
    writing: State
    targets: tuple[TargetNow, ...]


@dataclass(frozen=True, slots=True)
class RulesNow:
    """The rules in force, and what is wrong with a newer file."""

    version: str | None
    since: str | None
    file: str | None
    """The place of the newest file that was refused."""
    refused: str | None
    """When it was."""
    problems: tuple[str, ...]
    """Its errors, each with line and column."""


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """The processes and what waits for them."""

    clock: bool
    live: int
    live_busy: int
    bulk: int
    bulk_jobs: int
    """Trainings, backfills and trials that wait."""
    waiting: int
    oldest: str
    pending: int
    """All subjects with work, also those that settle or were put off."""
    dead: int


@dataclass(frozen=True, slots=True)
class Now:
    """The page."""

    at: str
    headline: str
    level: str
    needs: tuple[Need, ...]
    connections: tuple[ConnectionNow, ...]
    rules: RulesNow
    service: ServiceNow
    changes: tuple[Change, ...]


def add(blueprint: Blueprint, house: House, /) -> None:
    """Add the page."""

    def page() -> Response:
        return show("now.html", title="Now", refresh=_REFRESH_S, now=gather(house))

    blueprint.get(PAGE.path, endpoint="now")(page)


def gather(house: House) -> Now:
    """How everything is at this moment. Raises RedisError while Redis is away."""
    at, settings = datetime.now(UTC), house.settings
    found = checks(
        house.redis,
        house.connections,
        replicas=parse(settings.redis_url).replicas,
        may_forget=settings.redis_may_forget,
    )
    depths = depth(house.redis)
    lines = queued(house.redis)
    reader = _Reader.of(house, at, {check.name: check for check in found})
    connections = tuple(reader.connection(one, lines.get(one.name)) for one in house.connections)
    needs = sorted(
        (*_needs(found, house), *_late(depths), *_dead(depths.dead), *_refused_credentials(connections)),
        key=lambda need: -_LEVELS.index(need.level),
    )
    return Now(
        at=at.isoformat(timespec="seconds"),
        headline=_headline(len(needs)),
        level=_worst(need.level for need in needs),
        needs=tuple(needs),
        connections=connections,
        rules=_rules(house),
        service=_service(house, depths),
        changes=changes(house.redis, _CHANGES),
    )


def _headline(needs: int) -> str:
    if not needs:
        return "All is well."
    return "One thing needs you." if needs == 1 else f"{needs} things need you."


def _worst(levels: Iterator[str] | Sequence[str]) -> str:
    return max(levels, key=_LEVELS.index, default="ok")


def _level(check: Check) -> str:
    """Amber is what goes on meanwhile, red what does not."""
    if check.ok:
        return "ok"
    return "red" if check.vital or check.halts else "amber"


def _needs(found: Sequence[Check], house: House) -> Iterator[Need]:
    for check in found:
        if not check.ok:
            href, text = _way(check.name)
            title = f"{check.name[:1].upper()}{check.name[1:]}"
            yield Need(_level(check), title, tuple(_lines(check.detail)), href, text)


def _lines(detail: str) -> Iterator[str]:
    lines = detail.splitlines()
    yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"And {len(lines) - _LINES} more."


def _way(name: str) -> tuple[str | None, str]:
    """The page that helps with a check, and how to name it."""
    first = name.partition(" ")[0]
    if first in ("rules", "newest"):
        return f"{HOME}/rules", "Look at the rules"
    if first in ("model", "models"):
        return f"{HOME}/labels", "Look at the labels"
    return None, ""


def _late(depths: Depth) -> Iterator[Need]:
    if depths.oldest_overdue > _LATE:
        due = "one subject is" if depths.waiting == 1 else f"{depths.waiting:,} subjects are"
        told = (
            f"Labels and warnings come late: {due} due, the oldest for {in_words(depths.oldest_overdue)}. "
            "After an import or a move of many issues that takes its time. If they do not become fewer, "
            "start more workers (`sprintwarden work live`); where no run ends at all, start the workers anew."
        )
        yield Need("amber", "Work is late", (told,), f"{HOME}/queue", "Look at the queue")


def _dead(number: int) -> Iterator[Need]:
    if number:
        are = "One was" if number == 1 else f"{number:,} were"
        told = (
            f"{are} given up after all attempts. Each tells why: mend that, then put it back, or discard it. "
            "After 30 days they go by themselves."
        )
        yield Need("amber", "Dead letters", (told,), f"{HOME}/queue", "Look at the queue")


def _refused_credentials(connections: Sequence[ConnectionNow]) -> Iterator[Need]:
    for one in connections:
        if any(pause.why == _REFUSED for pause in one.pauses):
            told = (
                "The tracker refuses the account's credentials, so nothing is read or written there. Renew "
                f"the token; `sprintwarden doctor {one.name}` tells whether it holds."
            )
            yield Need("red", f"Credentials of {one.name}", (told,))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what is known of each connection."""

    house: House
    at: datetime
    checks: Mapping[str, Check]
    catch_ups: CatchUps
    models: Mapping[tuple[str, str], Slots]

    @classmethod
    def of(cls, house: House, at: datetime, found: Mapping[str, Check]) -> _Reader:
        return cls(house, at, found, CatchUps(house.redis), ModelShelf(house.redis).all())

    def connection(self, one: Connection, line: Queued | None) -> ConnectionNow:
        redis, name = self.house.redis, one.name
        budget = Budget(redis, host_of(one.url), one.account)
        left = budget.left()
        pauses = tuple(self._pauses(budget))
        own = (check for key, check in self.checks.items() if _is_about(key, name))
        return ConnectionNow(
            name=name,
            tracker=str(one.tracker),
            level=_worst([*(pause.level for pause in pauses), *map(_level, own)]),
            has_webhook=one.webhook is not None,
            last_event=_iso(Heard(redis).last(name)),
            last_write=_iso(Journals(redis).last_write(name)),
            waiting=line.subjects if line else 0,
            oldest_s=line.longest.total_seconds() if line else 0.0,
            oldest=in_words(line.longest) if line else "",
            pauses=pauses,
            budget=BudgetLeft(left.share, self._before(left.ago)) if left else None,
            catch_up=self._catch_up(one),
            webhook=self._webhook(one),
            writing=replace(self._state(f"writing to {name}", "Goes on", "Stopped"), detail=""),
            targets=tuple(self._targets(name)),
        )

    def _before(self, ago: timedelta) -> str:
        return (self.at - ago).isoformat(timespec="seconds")

    def _state(self, name: str, well: str, ill: str) -> State:
        check = self.checks.get(name)
        if check is None:
            return State("quiet", "Not known")
        # What is ill stands with its sentences at the top of the page.
        return State(_level(check), well, check.detail) if check.ok else State(_level(check), ill)

    def _catch_up(self, one: Connection) -> State:
        state = self._state(f"catch-up of {one.name}", "Up to date", "Late")
        return state if one.catch_up else State("quiet", "Switched off", state.detail)

    def _webhook(self, one: Connection) -> State:
        if one.webhook is None:
            every = f" every {in_words(one.catch_up)}" if one.catch_up else ""
            return State("quiet", "None", f"The tracker is asked what changed{every}.")
        standing = self.catch_ups.standing(one.name)
        if standing is None or standing.hooked is None:
            return State("quiet", "Not looked at yet")
        level, word = _HOOKS[standing.hooked.state]
        check = self.checks.get(f"webhook of {one.name}")
        return State(level, word, check.detail if check and check.ok and standing.hooked.enabled else "")

    def _pauses(self, budget: Budget) -> Iterator[Pause]:
        for scope in (EVERYTHING, BULK_SCOPE):
            standing = budget.standing([scope])
            if standing is not None:
                until = (self.at + standing.left).isoformat(timespec="seconds")
                bulk = scope == BULK_SCOPE
                level = "red" if standing.reason == _REFUSED else "quiet" if bulk else "amber"
                yield Pause(level, bulk, standing.reason, until)

    def _targets(self, name: str) -> Iterator[TargetNow]:
        watch, outcomes = Watch(self.house.redis), Outcomes(self.house.redis)
        for place in sorted(place for place in self.models if place[0] == name):
            slots = self.models[place]
            report = watch.report(place, slots.serving.id) if slots.serving else None
            rates = report.labels.values() if report else ()
            right, total = sum(rate.right for rate in rates), sum(rate.total for rate in rates)
            yield TargetNow(
                place[1],
                _model(slots.serving, right, total) if slots.serving else None,
                _model(slots.staged) if slots.staged else None,
                len(outcomes.standing(*place).muted),
            )


def _is_about(check: str, connection: str) -> bool:
    """Whether a check is of this connection: ``catch-up of NAME``, ``model of NAME for TARGET``."""
    return check.partition(" for ")[0].rpartition(" ")[2] == connection


def _model(entry: Entry, right: int = 0, judged: int = 0) -> ModelNow:
    facts: Mapping[str, Any] = entry.facts
    verdict = entry.verdict
    refused = verdict.because if verdict is not None and not verdict.passed else ()
    return ModelNow(
        entry.id[:12],
        entry.since.isoformat(timespec="seconds"),
        int(facts.get("issues", 0)),
        right,
        judged,
        refused,
    )


def _rules(house: House) -> RulesNow:
    shelf = RulebookShelf(house.redis)
    refused = [(seen.place, seen.turned) for seen in shelf.files() if seen.turned is not None]
    place, turned = max(refused, key=lambda one: one[1].since, default=(None, None))
    return RulesNow(
        shelf.version(),
        _iso(shelf.since()),
        place,
        _iso(turned.since) if turned else None,
        turned.problems if turned else (),
    )


def _service(house: House, depths: Depth) -> ServiceNow:
    crew = Crew(house.redis)
    live = crew.alive(LIVE)
    return ServiceNow(
        clock=house.redis.get(beat("clock")) is not None,
        live=len(live),
        live_busy=sum(hand.busy for hand in live),
        bulk=len(crew.alive(BULK)),
        bulk_jobs=crew.waiting(BULK),
        waiting=depths.waiting,
        oldest=in_words(depths.oldest_overdue),
        pending=depths.pending,
        dead=depths.dead,
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
