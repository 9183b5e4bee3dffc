"""The page of the queue: what waits, is worked, was put off or given up, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response

from store.crew import QUEUES, Crew
from store.keys import CONSOLE_LOG_KEPT
from store.lineup import Group, Item, Lineup, causes, lineup
from trackers.model import Subject
from webhook_app.console import queue_changes
from webhook_app.console.changes import Change, changes
from webhook_app.console.frame import HOME, show
from webhook_app.console.house import House, Page
from webhook_app.console.moments import moment
from webhook_app.console.queue_changes import DISCARDED, MOST_OF_A_CAUSE, PUT_BACK
from webhook_app.console.subjects import Named, names
from webhook_app.console.wording import LEVELS, OUTCOMES

PAGE: Final = Page("queue", f"{HOME}/queue", "Queue")
MOST: Final = 100
_REFRESH_S: Final = 15
_MOST_CAUSES: Final = 10
_MOST_CHANGES: Final = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subject in the queue."""

    subject: str
    connection: str
    kind: str
    name: str
    url: str | None
    stage: str
    since: str | None
    """When it was first told of; of a dead letter, when it was given up."""
    due: str | None
    """When it is looked at next; of one that is worked, when its lease ends."""
    attempts: int
    cause: str
    hints: int
    """Events, and what the clock asks, that wait with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the queue."""

    total: int
    items: tuple[Waiting, ...]
    """The first of them."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What several dead letters have in common."""

    cause: str
    letters: int
    """Among the newest thousand."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """What RQ has for workers of one queue."""

    queue: str
    waiting: int
    workers: int


@dataclass(frozen=True, slots=True)
class QueuePage:
    """All that waits."""

    due: Part
    at_work: Part
    settling: Part
    postponed: Part
    dead: Part
    later: int
    """Those, due after all listed, that were not told apart."""
    causes: tuple[Cause, ...]
    """Of dead letters, those with more than one."""
    jobs: tuple[Jobs, ...]
    changes: tuple[Change, ...]
    """Put back or discarded here lately."""


def gather(house: House) -> QueuePage:
    """The queue as it is: a hundred subjects that were put off and given up, fewer of those on their way."""
    found = lineup(house.redis, MOST)
    called = names(house, _known(found))
    due, at_work, settling, postponed, dead = (
        _part(group, called)
        for group in (found.due, found.at_work, found.settling, found.postponed, found.dead)
    )
    crew = Crew(house.redis)
    return QueuePage(
        due=due,
        at_work=at_work,
        settling=settling,
        postponed=postponed,
        dead=dead,
        later=found.later,
        causes=_causes(house, found.dead),
        jobs=tuple(Jobs(name, crew.waiting(name), len(crew.alive(name))) for name in QUEUES),
        changes=_changes(house),
    )


def _causes(house: House, dead: Group) -> tuple[Cause, ...]:
    # To put all of a cause back is about those as well that are not listed.
    every = dead.total == len(dead.items)
    found = [one.cause for one in dead.items] if every else causes(house.redis, MOST_OF_A_CAUSE)
    counted = Counter(filter(None, found)).most_common(_MOST_CAUSES)
    return tuple(Cause(cause, number) for cause, number in counted if number > 1)


def _changes(house: House) -> tuple[Change, ...]:
    every = changes(house.redis, CONSOLE_LOG_KEPT)
    return tuple(one for one in every if one.did in (PUT_BACK, DISCARDED))[:_MOST_CHANGES]


def add(blueprint: Blueprint, house: House) -> None:
    """Add the page, the pages that ask, and the changes."""

    @blueprint.get(PAGE.path)
    def queue() -> Response:
        page = gather(house)
        return show("queue.html", title="Queue", page=page, levels=LEVELS, words=OUTCOMES, refresh=_REFRESH_S)

    queue_changes.add(blueprint, house, PAGE.path)


def _known(found: Lineup) -> list[Subject]:
    groups = (found.due, found.at_work, found.settling, found.postponed, found.dead)
    return [subject for group in groups for item in group.items if (subject := _subject(item)) is not None]


def _subject(item: Item) -> Subject | None:
    try:
        return Subject.parse(item.subject)
    except ValueError:
        # Of a kind that only another release knows.
        return None


def _part(group: Group, called: Mapping[Subject, Named]) -> Part:
    return Part(group.total, tuple(_waiting(item, called) for item in group.items))


def _waiting(item: Item, called: Mapping[Subject, Named]) -> Waiting:
    subject = _subject(item)
    connection, _, rest = item.subject.partition(":")
    name = called[subject] if subject is not None else Named(rest)
    return Waiting(
        subject=item.subject,
        connection=connection,
        kind=rest.partition(":")[0],
        name=name.name,
        url=name.url,
        stage=str(item.stage),
        since=moment(item.since),
        due=moment(item.due),
        attempts=item.attempts,
        cause=item.cause,
        hints=item.hints,
    )
