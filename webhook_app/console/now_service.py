"""The processes, what waits for them, and the rules they work by."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from store.crew import BULK, LIVE, Crew
from store.inbox import Depth
from store.keys import beat
from store.rulebook import RulebookShelf
from trackers.spans import in_words
from webhook_app.console.moments import moment


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


def rules_now(redis: Redis) -> RulesNow:
    """The rules as they are."""
    shelf = RulebookShelf(redis)
    since = shelf.since()
    refused = [(seen.place, seen.turned) for seen in shelf.files() if seen.turned is not None]
    place, turned = max(refused, key=lambda one: one[1].since, default=(None, None))
    return RulesNow(
        shelf.version(),
        moment(since),
        place,
        moment(turned.since) if turned else None,
        turned.problems if turned else (),
    )


def service_now(redis: Redis, depths: Depth) -> ServiceNow:
    """The processes as they are."""
    crew = Crew(redis)
    live = crew.alive(LIVE)
    return ServiceNow(
        clock=redis.get(beat("clock")) is not None,
        live=len(live),
        live_busy=sum(hand.busy for hand in live),
        bulk=len(crew.alive(BULK)),
        bulk_jobs=crew.waiting(BULK),
        waiting=depths.waiting,
        oldest=in_words(depths.oldest_overdue),
        pending=depths.pending,
        dead=depths.dead,
    )
