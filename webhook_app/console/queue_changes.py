"""Putting back what was given up, or discarding it: asked for once more, done, and noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from store.inbox import Dead, Inbox
from trackers.model import Subject
from webhook_app.console.changes import note_change
from webhook_app.console.frame import ask, done, user
from webhook_app.console.house import House
from webhook_app.console.subjects import names

PUT_BACK: Final = "put back"
DISCARDED: Final = "discarded"
MOST_OF_A_CAUSE: Final = 1_000
"""So many dead letters, the newest, are looked through for those of one cause."""
_GONE: Final = (
    "This is not among the dead letters any more: it was put back, worked or discarded meanwhile. Or only "
    "another version knows what it is about."
)


def put_back(house: House, subjects: Sequence[Subject], user: str) -> int:
    """Give dead letters fresh attempts; how many there were. Each is noted with the ``user``."""
    inbox, number = _inbox(house), 0
    for subject in subjects:
        if inbox.revive(subject):
            # At once: should Redis go away, no change is left without its name.
            note_change(house.redis, user, PUT_BACK, str(subject))
            number += 1
    return number


def discard(house: House, subject: Subject, user: str) -> bool:
    """Drop a dead letter with its hints, and note that with the ``user``. False when there is none such."""
    if _inbox(house).discard(subject) is None:
        return False
    note_change(house.redis, user, DISCARDED, str(subject))
    return True


def add(blueprint: Blueprint, house: House, page: str) -> None:
    """Add the pages that ask, and the changes, below the path of the ``page`` of the queue."""

    @blueprint.get(f"{page}/put-back")
    def ask_put_back() -> Response:
        cause = request.args.get("cause")
        letters = _letters(house, cause=cause, subject=request.args.get("subject"))
        about = _named(house, letters)
        return ask(
            f"Put {about} back?",
            (
                *_caused(letters[0]),
                "It is tried again at once, with fresh attempts. Where the cause is not mended yet, it is "
                "given up again.",
            ),
            action=f"{page}/put-back",
            verb="Put back",
            back=page,
            fields={
                "seen": str(len(letters)),
                **({"cause": cause} if cause is not None else {"subject": str(letters[0].subject)}),
            },
        )

    @blueprint.post(f"{page}/put-back")
    def do_put_back() -> Response:
        form = request.form
        letters = _letters(house, cause=form.get("cause"), subject=form.get("subject"))
        number = put_back(house, [letter.subject for letter in letters], user())
        return done(page, _said(number, form.get("seen", "")))

    @blueprint.get(f"{page}/discard")
    def ask_discard() -> Response:
        (letter,) = _letters(house, subject=request.args.get("subject"))
        return ask(
            f"Discard {_named(house, [letter])}?",
            (
                *_caused(letter),
                f"Events that wait with it: {letter.hints}. They are dropped and never worked, which cannot "
                "be undone. It is counted, and noted with your name.",
                "The next event about it is worked as ever.",
            ),
            action=f"{page}/discard",
            verb="Discard",
            back=page,
            fields={"subject": str(letter.subject)},
            grave=True,
        )

    @blueprint.post(f"{page}/discard")
    def do_discard() -> Response:
        (letter,) = _letters(house, subject=request.form.get("subject"))
        name = _named(house, [letter])
        if not discard(house, letter.subject, user()):
            raise NotFound(_GONE)
        return done(page, f"Discarded {name}.")


def _caused(letter: Dead) -> tuple[str, ...]:
    return (f"Cause: {letter.cause}",) if letter.cause else ()


def _said(number: int, seen: str) -> str:
    """How many were put back, and why that is not how many were ``seen`` before."""
    told = f"Put back: {number}. What came of it is told under Decisions."
    if not (seen.isdecimal() and len(seen) <= len(str(MOST_OF_A_CAUSE))) or int(seen) == number:
        return told
    why = "more were given up for it" if number > int(seen) else "others were put back, worked or discarded"
    return f"{told} You saw {seen}: {why} meanwhile."


def _letters(house: House, *, cause: str | None = None, subject: str | None = None) -> list[Dead]:
    """The dead letters of one cause, or about one subject; at least one."""
    if (cause is None) == (subject is None):
        raise BadRequest
    dead = _inbox(house).dead(MOST_OF_A_CAUSE)
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
