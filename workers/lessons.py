"""What people made of a model's answer: from events and one reading to outcomes. Pure.

A label of ours is *confirmed* when the issue is resolved, or edited by a person, with the label
still on it; *corrected* when a person took it off. A tag the model spoke of but did not put on is
judged by the resolved issue alone. All else stays open, and teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from store.journal import Forecast, Guess, Journal
from store.outcomes import Lesson, Row, Verdict
from trackers.model import Hint, HintKind, Issue, component_label

PUT_ON: Final = frozenset({"labels", "components"})
"""The fields we write."""
Known = Callable[[str], bool]
"""Whether the tracker still has a label of that name, or a component as ``component_label`` has it."""
_LOOKED_AT = frozenset({"title", "description", "labels", "components", "type", "priority", "project"})
"""Who edits these has the issue open before them; a card dragged across a board is no such look."""


@dataclass(frozen=True, slots=True)
class Us:
    """The account we write under."""

    id: str
    only_ours: bool
    """A service account; otherwise its owner's own edits are a person's."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What events say of an issue's labels."""

    by_people: frozenset[str]
    """Ids of labels that people took off and did not put back."""
    otherwise: frozenset[str]
    """Ids of labels that went by an automation, or along with a move."""
    edited: bool
    """A person edited the issue after our last write."""


def lessons(
    hints: Sequence[Hint],
    journal: Journal,
    us: Us,
    now: datetime,
    issue: Issue | None = None,
    known: Known = lambda _name: True,
) -> tuple[Lesson, ...]:
    """What is known now and was not counted yet; without ``issue``, from the events alone.

    A reading older than our own write cannot show what became of it, and is passed over. ``known`` is
    asked only of labels that went from the issue without a word.
    """
    told = _told(hints, journal, us)
    seen = None if issue is None or precedes_our_write(issue, journal) else issue
    found = []
    for forecast, guess, verdict in _verdicts(journal, told, seen, known):
        right = verdict is Verdict.CONFIRMED
        if verdict is Verdict.SEEN and seen is not None:
            right = _bears(seen, forecast.target, guess)
        ours = verdict is not Verdict.SEEN
        at = now.isoformat(timespec="seconds")
        row = Row(at, forecast.model, forecast.target, forecast.project, guess.tag, guess.p, ours, right)
        found.append(Lesson(verdict, row))
    return tuple(found)


def may_teach(hints: Sequence[Hint], journal: Journal, us: Us | None) -> bool:
    """Whether a reading of the issue could settle what a model's answer left open."""
    if us is None or not journal.forecasts:
        return False
    told = _told(hints, journal, us)
    left = [
        _put_on(guess, journal)
        for guess in _open(journal)
        if guess.label not in told.by_people | told.otherwise
    ]
    # Only the state tells whether a change of status resolved the issue.
    moved = any("status" in hint.changed for hint in hints)
    return (moved and bool(left)) or (told.edited and any(left))


def precedes_our_write(issue: Issue, journal: Journal) -> bool:
    """Whether a reading is older than what we last wrote, so that it cannot show it."""
    if issue.updated is None or journal.write_updated is None:
        return False
    return issue.updated < journal.write_updated


def _verdicts(
    journal: Journal, told: _Told, seen: Issue | None, known: Known
) -> Iterator[tuple[Forecast, Guess, Verdict]]:
    for forecast in journal.forecasts.values():
        for guess in forecast.guesses:
            counted = journal.taught.get((forecast.target, guess.tag))
            if counted not in (None, Verdict.CONFIRMED):
                continue
            if _put_on(guess, journal):
                verdict = _of_ours(forecast.target, guess, told, seen, known)
            else:
                verdict = Verdict.SEEN if seen is not None and seen.resolved else None
            withdraws = verdict in (Verdict.CORRECTED, Verdict.VOID)
            if verdict is not None and (counted is None or withdraws):
                yield forecast, guess, verdict


def _of_ours(target: str, guess: Guess, told: _Told, seen: Issue | None, known: Known) -> Verdict | None:
    there = seen is not None and _bears(seen, target, guess)
    if guess.label in told.by_people and not there:
        return Verdict.CORRECTED
    if guess.label in told.otherwise and not there:
        return Verdict.VOID
    if seen is None:
        return None
    if not there:
        # A label that was renamed or deleted for all went from this issue by nobody's judgement of it.
        name = component_label(guess.tag).id if target == "components" else guess.tag
        return Verdict.CORRECTED if known(name) else Verdict.VOID
    return Verdict.CONFIRMED if seen.resolved or told.edited else None


def _open(journal: Journal) -> Iterator[Guess]:
    for forecast in journal.forecasts.values():
        for guess in forecast.guesses:
            if (forecast.target, guess.tag) not in journal.taught:
                yield guess


def _put_on(guess: Guess, journal: Journal) -> bool:
    # A label that was to be put on and was not, because the write failed, was taken off by nobody.
    return guess.applied and guess.label in journal.applied


def _bears(issue: Issue, target: str, guess: Guess) -> bool:
    """Whether the issue has the tag; one that differs only in case is the same to a reader."""
    names = {guess.tag.casefold(), guess.label.casefold()}
    match target:
        case "components":
            there = set(issue.components)
        case "type":
            there = {issue.type or ""}
        case _:
            there = {name for label in issue.labels for name in (label.id, label.name, label.path)}
    return not names.isdisjoint(name.casefold() for name in there)


def _told(hints: Sequence[Hint], journal: Journal, us: Us) -> _Told:
    by_people: set[str] = set()
    otherwise: set[str] = set()
    for hint in hints:
        # A move takes labels along that the new place does not have: nobody's judgement.
        removed = by_people if _by_a_person(hint, us) and "project" not in hint.changed else otherwise
        removed |= set(hint.labels_removed)
        by_people -= set(hint.labels_added)
        otherwise -= set(hint.labels_added)
    edited = any(_is_edit(hint, journal, us) for hint in hints)
    return _Told(frozenset(by_people), frozenset(otherwise - by_people), edited)


def _is_edit(hint: Hint, journal: Journal, us: Us) -> bool:
    """Whether a person edited the issue when our labels were on it already."""
    if hint.kind is not HintKind.ISSUE_CHANGED or not _by_a_person(hint, us):
        return False
    if _is_our_withdrawal(hint, journal):
        return False
    marks = [mark for mark in (journal.write_updated, journal.read_updated) if mark is not None]
    later = hint.updated is not None and bool(marks) and hint.updated > max(marks)
    return later and not _LOOKED_AT.isdisjoint(hint.changed)


def _is_our_withdrawal(hint: Hint, journal: Journal) -> bool:
    only_taken_off = set(hint.changed) <= PUT_ON and not hint.labels_added and bool(hint.labels_removed)
    return only_taken_off and set(hint.labels_removed) <= journal.withdrawn.keys()


def _by_a_person(hint: Hint, us: Us) -> bool:
    if hint.actor is None or hint.automated:
        return False
    # Under a person's token only labels put on can be our doing; all else is that person's.
    could_be_ours = us.only_ours or (set(hint.changed) <= PUT_ON and not hint.labels_removed)
    return hint.actor != us.id or not could_be_ours
