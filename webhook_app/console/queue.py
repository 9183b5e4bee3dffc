"""The page of the queue: what waits, is worked, was put off or given up, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from store.crew import QUEUES, Crew
from store.inbox import Dead, Inbox
from store.lineup import Group, Item, Lineup, lineup
from trackers.model import Subject
from webhook_app.console.changes import Change, changes, note_change
from webhook_app.console.frame import HOME, ask, done, show, user
from webhook_app.console.house import House, Page
from webhook_app.console.subjects import Named, names

PAGE: Final = Page("queue", f"{HOME}/queue", "Queue")
MOST: Final = 100
PUT_BACK: Final = "put back"
DISCARDED: Final = "discarded"
_REFRESH_S: Final = 15
_MOST_DEAD: Final = 1_000
"""Looked through for those of one cause."""


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
    """Among those listed."""


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


def gather(house: House, query: Mapping[str, str]) -> QueuePage:
    """The queue as it is: a hundred subjects that were put off and given up, fewer of those on their way.
    ``query`` is not looked at.
    """
    found = lineup(house.redis, MOST)
    called = names(house, _known(found))
    due, at_work, settling, postponed, dead = (
        _part(group, called)
        for group in (found.due, found.at_work, found.settling, found.postponed, found.dead)
    )
    counted = Counter(item.cause for item in found.dead.items)
    crew = Crew(house.redis)
    return QueuePage(
        due=due,
        at_work=at_work,
        settling=settling,
        postponed=postponed,
        dead=dead,
        later=found.later,
        causes=tuple(Cause(cause, number) for cause, number in counted.most_common() if number > 1),
        jobs=tuple(Jobs(name, crew.waiting(name), len(crew.alive(name))) for name in QUEUES),
        changes=tuple(one for one in changes(house.redis) if one.did in (PUT_BACK, DISCARDED)),
    )


def put_back(house: House, subjects: Sequence[Subject], user: str) -> int:
    """Give dead letters fresh attempts; how many there were. Each is noted with the ``user``."""
    inbox = _inbox(house)
    back = [subject for subject in subjects if inbox.revive(subject)]
    for subject in back:
        note_change(house.redis, user, PUT_BACK, str(subject))
    return len(back)


def discard(house: House, subject: Subject, user: str) -> bool:
    """Drop a dead letter with its hints, and note that with the ``user``. False when there is none such."""
    if _inbox(house).discard(subject) is None:
        return False
    note_change(house.redis, user, DISCARDED, str(subject))
    return True


def add(blueprint: Blueprint, house: House) -> None:
    """Add the page, the pages that ask, and the changes."""

    @blueprint.get(PAGE.path)
    def queue() -> Response:
        return show("queue.html", title="Queue", page=gather(house, request.args), refresh=_REFRESH_S)

    @blueprint.get(f"{PAGE.path}/put-back")
    def ask_put_back() -> Response:
        cause = request.args.get("cause")
        letters = _letters(house, cause=cause, subject=request.args.get("subject"))
        about = _named(house, letters)
        return ask(
            f"Put {about} back?",
            (
                *([f"Cause: {letters[0].cause}"] if letters[0].cause else []),
                "It is tried again at once, with fresh attempts. Where the cause is not mended yet, it is "
                "given up again.",
            ),
            action=f"{PAGE.path}/put-back",
            verb="Put back",
            back=PAGE.path,
            fields={"cause": cause} if cause is not None else {"subject": str(letters[0].subject)},
        )

    @blueprint.post(f"{PAGE.path}/put-back")
    def do_put_back() -> Response:
        form = request.form
        letters = _letters(house, cause=form.get("cause"), subject=form.get("subject"))
        number = put_back(house, [letter.subject for letter in letters], user())
        return done(PAGE.path, f"Put back: {number}. What came of it is told under Decisions.")

    @blueprint.get(f"{PAGE.path}/discard")
    def ask_discard() -> Response:
        (letter,) = _letters(house, subject=request.args.get("subject"))
        return ask(
            f"Discard {_named(house, [letter])}?",
            (
                f"Cause: {letter.cause}",
                f"Events that wait with it: {letter.hints}. They are dropped and never worked, which cannot "
                "be undone. It is counted, and noted with your name.",
                "The next event about it is worked as ever.",
            ),
            action=f"{PAGE.path}/discard",
            verb="Discard",
            back=PAGE.path,
            fields={"subject": str(letter.subject)},
            grave=True,
        )

    @blueprint.post(f"{PAGE.path}/discard")
    def do_discard() -> Response:
        (letter,) = _letters(house, subject=request.form.get("subject"))
        name = _named(house, [letter])
        if not discard(house, letter.subject, user()):
            raise NotFound(_GONE)
        return done(PAGE.path, f"Discarded {name}.")


_GONE: Final = "This is not among the dead letters any more: it was put back, worked or discarded meanwhile."


def _letters(house: House, *, cause: str | None = None, subject: str | None = None) -> list[Dead]:
    """The dead letters of one cause, or about one subject; at least one."""
    if (cause is None) == (subject is None):
        raise BadRequest
    dead = _inbox(house).dead(_MOST_DEAD)
    found = [one for one in dead if (one.cause == cause if subject is None else str(one.subject) == subject)]
    if not found:
        raise NotFound(_GONE)
    return found


def _named(house: House, letters: Sequence[Dead]) -> str:
    if len(letters) > 1:
        return f"{len(letters)} dead letters"
    subject = letters[0].subject
    return names(house, [subject])[subject].name


def _inbox(house: House) -> Inbox:
    # The length of a lease is for those who take work, and this room takes none.
    return Inbox(house.redis, lease=timedelta(minutes=1))


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
        since=item.since.isoformat(timespec="seconds") if item.since else None,
        due=item.due.isoformat(timespec="seconds") if item.due else None,
        attempts=item.attempts,
        cause=item.cause,
        hints=item.hints,
    )
