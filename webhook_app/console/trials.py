"""Trials of an edited rules file: the form, what is wrong with what was typed, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from rules.checking import Finding, check_text
from rules.lint_connection import lint_for
from rules.problems import MOST_PROBLEMS
from rules.source import Source
from store.crew import BULK, Crew
from store.keys import TRIAL_LIFE, beat
from store.rulebook import RulebookShelf
from store.trials import MOST, Head, State, TooMany, Trials, Wish
from trackers.spans import in_words
from webhook_app.console.frame import go, show, user
from webhook_app.console.house import House
from webhook_app.console.moments import moment
from webhook_app.console.rules import FILE, PAGE, place

_TRIALS: Final = f"{PAGE.path}/trials"
_POLL_S: Final = 2
_AT_ONCE: Final = timedelta(seconds=10)
"""For so long nothing hinders it: a worker that has ended its work makes room for a new one."""
_LAST: Final = 200
_MOST_LAST: Final = 1_000
_MOST_DIGITS: Final = 9
"""Python reads no number of thousands of digits."""
_LOST: Final = (
    "The bulk worker that was at it ended in the middle of it, or hangs: it gives no sign of life. Edit it "
    "further and send it again. Should it end so again, try it on fewer issues, and look in the worker's log "
    "and whether its machine ran out of memory."
)
_CHECKING: Final = Lock()
"""One file at a time, per process: it may take seconds, and the threads are those that take webhooks."""


@dataclass(frozen=True, slots=True)
class TrialPage:
    """A trial as it stands."""

    id: str
    connection: str
    by: str
    asked: str
    last: int
    """Over how many of the newest issues at most."""
    state: str
    issues: int
    """Looked at so far."""
    doing: str
    hindered: tuple[str, ...]
    """What keeps it waiting, and what to do."""
    why: str
    """It came to nothing, and why."""
    result: Mapping[str, Any] | None
    """As `sprintwarden try --json` tells it, and in `new_labels` and `warnings` what `sprintwarden check
    --connection` finds."""
    is_under_way: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """What is to be tried, and why it cannot be."""

    text: str
    connection: str
    last: int
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """Of a file that has problems; those of a good one come with its trial."""
    refused: str = ""


def add(blueprint: Blueprint, house: House, /) -> None:
    """Add the form, and the page of one trial."""

    @blueprint.get(f"{PAGE.path}/try", endpoint="trial_form")
    def form() -> Response:
        return _show_form(house, _begun(house, request.args))

    @blueprint.post(_TRIALS, endpoint="ask_trial")
    def ask() -> Response:
        return _ask(house, request.form)

    @blueprint.get(f"{_TRIALS}/<id_>", endpoint="trial")
    def trial(id_: str) -> Response:
        found = find_trial(house, id_)
        refresh = _POLL_S if found.is_under_way else None
        return show("trial.html", title="Trial of a rules file", refresh=refresh, trial=found)


def _begun(house: House, query: Mapping[str, str]) -> _Form:
    """The form at first: the file in force, or the text of an earlier trial."""
    before = Trials(house.redis).find(query.get("again", ""))
    if before is not None:
        return _Form(before.text, before.head.connection, before.head.last)
    held = RulebookShelf(house.redis).in_force()
    connection, _ = place(house, query)
    return _Form(held.text.decode() if held else "", connection.name if connection else "", _LAST)


def _show_form(house: House, form: _Form, status: int = 200) -> Response:
    return show(
        "trial_form.html",
        title="Try an edited rules file",
        status=status,
        form=form,
        action=_TRIALS,
        connections=[one.name for one in house.connections],
        most_last=_MOST_LAST,
    )


def _ask(house: House, given: Mapping[str, str]) -> Response:
    """Check what was typed at once, and ask for its trial where it is good."""
    # Browsers send a text with CRLF, which a file seldom has.
    text = given.get("text", "").replace("\r\n", "\n")
    known = house.known(given.get("connection"))
    form = _Form(text, known or "", _number(given.get("last", "")))
    if known is None:
        return _show_form(house, replace(form, refused="Choose a connection to try it on."), 422)
    if not _CHECKING.acquire(blocking=False):
        told = "Another file is being checked. Send this again in a moment."
        return _show_form(house, replace(form, refused=told), 409)
    try:
        problems, warnings = wrong(house, known, text)
    finally:
        _CHECKING.release()
    if problems:
        return _show_form(house, replace(form, problems=problems, warnings=warnings), 422)
    try:
        trial = Trials(house.redis).ask(Wish(known, text, form.last, user()))
    except TooMany:
        told = f"{MOST} trials are under way already. Wait for the end of one, then send this again."
        return _show_form(house, replace(form, refused=told), 409)
    return go(f"{_TRIALS}/{trial.id}")


def _number(given: str) -> int:
    is_number = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
    return min(max(int(given), 1), _MOST_LAST) if is_number else _LAST


def wrong(house: House, name: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `sprintwarden check` calls a mistake in a rules file, and what it warns of.

    What a tracker alone can tell comes with the trial, with the warnings of a good file.
    """
    connection = next(one for one in house.connections if one.name == name)

    def beside(source: Source) -> Iterator[Finding]:
        return map(Finding.warning, lint_for(source, connection, house.connections))

    found = check_text(text.encode(), FILE, datetime.now(UTC).date(), beside)
    problems = tuple(str(one) for one in found if one.is_error)
    warnings = tuple(str(one) for one in found if not one.is_error)
    return problems, warnings[:MOST_PROBLEMS]


def find_trial(house: House, id_: str) -> TrialPage:
    """A trial as it stands. Raises NotFound where there is none any more."""
    trial = Trials(house.redis).find(id_)
    if trial is None:
        raise NotFound(
            f"There is no such trial. One is kept for {in_words(TRIAL_LIFE)}, and no longer than the issues "
            "it was tried on: try the file again."
        )
    head = trial.head
    return TrialPage(
        id=head.id,
        connection=head.connection,
        by=head.by,
        asked=moment(head.asked),
        last=head.last,
        state=str(head.state),
        issues=head.issues,
        doing=head.doing,
        hindered=_hindered(house, head),
        why=_LOST if head.state is State.LOST else head.why,
        result=trial.result,
        is_under_way=head.state.is_under_way,
    )


def _hindered(house: House, head: Head) -> tuple[str, ...]:
    if head.state is not State.WAITING or datetime.now(UTC) - head.asked < _AT_ONCE:
        return ()
    told = []
    if house.redis.get(beat("clock")) is None:
        told.append("No clock ticks, and it is the clock that calls a worker: start `sprintwarden clock`.")
    hands = Crew(house.redis).alive(BULK)
    if not hands:
        told.append("No bulk worker is alive: start `sprintwarden work bulk`.")
    elif all(hand.busy for hand in hands):
        told.append("Every bulk worker is at a training, a backfill or another trial. It comes after that.")
    return tuple(told)
