"""How each connection is: what it last told, what waits, its limit, its webhook and its models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from rules.connections import Connection
from store.budget import Budget
from store.catch_ups import CatchUps, HookState, Standing
from store.heard import Heard
from store.inbox import Queued, queued
from store.journal import Journals
from store.models import Entry, ModelShelf, Slots
from store.outcomes import Outcomes
from store.watch import Watch
from trackers.limits import BULK, CREDENTIALS_REFUSED, EVERYTHING, host_of
from trackers.spans import in_words
from webhook_app.console.house import House
from webhook_app.console.levels import of_check, worst
from webhook_app.console.moments import moment
from webhook_app.health import Check

_HOOKS: Final = {
    HookState.ON: ("ok", "On"),
    HookState.OFF: ("amber", "Off"),
    HookState.LEFT_OFF: ("amber", "Left off"),
    HookState.NONE: ("quiet", "None of ours"),
    HookState.UNSEEN: ("quiet", "Not visible to the account"),
}


@dataclass(frozen=True, slots=True)
class Aspect:
    """How one side of a connection is: a level, a word or two, and the rest."""

    level: str
    word: str
    detail: str = ""
    seen: str | None = None
    """When it was seen to be so, where that may be a while ago."""


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
    """Of its webhook."""
    last_write: str | None
    waiting: int
    oldest_s: float
    """How late the oldest of what waits is; 0 where nothing does."""
    oldest: str
    pauses: tuple[Pause, ...]
    budget: BudgetLeft | None
    catch_up: Aspect
    webhook: Aspect
    writing: Aspect
    targets: tuple[TargetNow, ...]


def connections_now(house: House, at: datetime, found: Sequence[Check]) -> tuple[ConnectionNow, ...]:
    """Every connection as it is, with what was ``found`` of it."""
    checks = {check.name: check for check in found}
    standings = CatchUps(house.redis).standings([one.name for one in house.connections])
    reader = _Reader(house, at, checks, standings, ModelShelf(house.redis).all())
    lines = queued(house.redis)
    return tuple(reader.connection(one, lines.get(one.name)) for one in house.connections)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what is known of each connection."""

    house: House
    at: datetime
    checks: Mapping[str, Check]
    standings: Mapping[str, Standing]
    models: Mapping[tuple[str, str], Slots]

    def connection(self, one: Connection, line: Queued | None) -> ConnectionNow:
        redis, name = self.house.redis, one.name
        budget = Budget(redis, host_of(one.url), one.account)
        left = budget.left()
        pauses = tuple(self._pauses(budget))
        own = (check for key, check in self.checks.items() if _is_about(key, name))
        return ConnectionNow(
            name=name,
            tracker=str(one.tracker),
            level=worst([*(pause.level for pause in pauses), *map(of_check, own)]),
            has_webhook=one.webhook is not None,
            last_event=moment(Heard(redis).last(name)) if one.webhook else None,
            last_write=moment(Journals(redis).last_write(name)),
            waiting=line.subjects if line else 0,
            oldest_s=line.longest.total_seconds() if line else 0.0,
            oldest=in_words(line.longest) if line else "",
            pauses=pauses,
            budget=BudgetLeft(left.share, self._before(left.ago)) if left else None,
            catch_up=self._catch_up(one),
            webhook=self._webhook(one),
            writing=self._writing(name, pauses),
            targets=tuple(self._targets(name)),
        )

    def _before(self, ago: timedelta) -> str:
        return moment(self.at - ago)

    def _state(self, name: str, well: str, ill: str) -> Aspect:
        check = self.checks.get(name)
        if check is None:
            return Aspect("quiet", "Not known")
        # What is ill stands with its sentences at the top of the page.
        return Aspect(of_check(check), well, check.detail) if check.ok else Aspect(of_check(check), ill)

    def _writing(self, name: str, pauses: Sequence[Pause]) -> Aspect:
        state = replace(self._state(f"writing to {name}", "Goes on", "Stopped"), detail="")
        levels = [pause.level for pause in pauses if not pause.bulk]
        return Aspect(levels[0], "Waits") if levels and state.level == "ok" else state

    def _catch_up(self, one: Connection) -> Aspect:
        state = self._state(f"catch-up of {one.name}", "Up to date", "Late")
        if one.catch_up is None:
            return Aspect("quiet", "Switched off", state.detail)
        return state if one.name in self.standings else Aspect("quiet", "Not begun", state.detail)

    def _webhook(self, one: Connection) -> Aspect:
        if one.webhook is None:
            every = f" every {in_words(one.catch_up)}" if one.catch_up else ""
            return Aspect("quiet", "None", f"The tracker is asked what changed{every}.")
        standing = self.standings.get(one.name)
        if standing is None or standing.hooked is None:
            return Aspect("quiet", "Not looked at yet")
        level, word = _HOOKS[standing.hooked.state]
        check = self.checks.get(f"webhook of {one.name}")
        return Aspect(
            level,
            word,
            check.detail if check and check.ok and standing.hooked.enabled else "",
            moment(standing.hooked.looked),
        )

    def _pauses(self, budget: Budget) -> Iterator[Pause]:
        for scope in (EVERYTHING, BULK):
            standing = budget.standing([scope])
            if standing is not None:
                until = moment(self.at + standing.left)
                bulk = scope == BULK
                # Other pauses end by themselves; where work comes late by them, that is said above.
                level = "red" if standing.reason == CREDENTIALS_REFUSED else "quiet"
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
        moment(entry.since),
        int(facts.get("issues", 0)),
        right,
        judged,
        refused,
    )
