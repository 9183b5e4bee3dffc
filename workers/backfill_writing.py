"""One write of a backfill: what is still wanted of its issues, before; what is remembered of them, after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from store.backfills import EXAMPLES, Backfill, Progress, Todo
from store.journal import Intent, Journal
from trackers.errors import Gone, Rejected
from trackers.model import Memory, Subject, SubjectKind
from trackers.protocol import BulkStep, Mark, Marked
from workers.decide import Because
from workers.learning import remember
from workers.record import Outcome
from workers.shop import Shop

_MOST_REFUSALS: Final = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """An issue of a step as it is to be written to by now."""

    item: Todo
    journal: Journal
    mark: Mark


def mark_of(item: Todo) -> Mark:
    """What an issue is to get, as of the reading."""
    applied = item.applied | {label.id for label in item.labels}
    return Mark(item.issue, item.project, item.labels, Memory(applied, frozenset(item.vetoed)))


def wanted(items: Sequence[Todo], journals: Sequence[Journal], in_hand: frozenset[str]) -> list[Wanted]:
    """What of ``items`` still has something to get, by the newest journals.

    Left out are labels that a person has taken off or a run has put on since the reading. Of issues
    ``in_hand`` as a worker died, what looks put on is written once more: that it is there was not counted.
    """
    found = []
    for item, journal in zip(items, journals, strict=True):
        there = frozenset() if item.issue in in_hand else frozenset(journal.applied)
        vetoed = {label.casefold() for label in journal.vetoed}
        labels = tuple(
            label for label in item.labels if label.id not in there and label.id.casefold() not in vetoed
        )
        if labels:
            applied = (item.applied | journal.applied.keys()) - journal.withdrawn.keys()
            remember_ = Memory(
                applied | {label.id for label in labels}, frozenset(item.vetoed) | journal.vetoed.keys()
            )
            found.append(Wanted(item, journal, Mark(item.issue, item.project, labels, remember_)))
    return found


def intend(shop: Shop, connection: str, found: Sequence[Wanted]) -> None:
    """Note what is about to be written, and what the tracker told of issues without a record."""
    with shop.journals.together() as journals:
        for one in found:
            subject = subject_of(connection, one.item)
            if not one.item.known:
                journals.note_read(subject, vetoed=one.item.vetoed, applied=one.item.applied, comments={})
            else:
                journals.note_vetoes(subject, one.item.vetoed)
            journals.intend(subject, _intent(one))


def send(step: BulkStep) -> Marked:
    """Write. That the tracker will not have the step as a whole is said of each of its issues."""
    try:
        return step.send()
    except (Rejected, Gone) as error:
        return Marked({}, {mark.issue: str(error) for mark in step.marks})


def note(shop: Shop, connection: str, found: Sequence[Wanted], marked: Marked) -> None:
    """Remember what was written, and what models said of it, so that taking it off teaches."""
    with shop.journals.together() as journals:
        for one in found:
            subject = subject_of(connection, one.item)
            written = one.item.issue in marked.done
            labels = {label.id: label.name for label in one.mark.labels} if written else {}
            journals.note_written(subject, labels=labels, updated=marked.done.get(one.item.issue))
            if not one.item.known and (written or one.item.applied or one.item.vetoed):
                # A comment of ours was not looked for: an open intent has the next run do so.
                journals.intend(subject, _intent(one))
            if written:
                remember(journals, subject, *one.item.forecasts, journal=one.journal)


def came_to(before: Progress, found: Sequence[Wanted], marked: Marked, window: timedelta) -> Progress:
    """The progress after a step; what was written longer ago than ``window`` is no longer told apart."""
    now = datetime.now(UTC)
    done = [one for one in found if one.item.issue in marked.done]
    lately = [(at, count) for at, count in before.lately if now - at < window]
    if done:
        lately.append((now, len(done)))
    refusals = dict.fromkeys([*before.refusals, *marked.failures.values()])
    latest = [one.item.key for one in done] + list(before.latest)
    return replace(
        before,
        issues=before.issues + len(done),
        labels=before.labels + sum(len(one.mark.labels) for one in done),
        refused=before.refused + len(marked.failures),
        refusals=tuple(refusals)[:_MOST_REFUSALS],
        latest=tuple(latest)[:EXAMPLES],
        lately=tuple(lately),
    )


def records(backfill: Backfill, found: Sequence[Wanted], marked: Marked) -> dict[str, Mapping[str, Any]]:
    """The decision records of a step, by issue: what ``explain`` shows."""
    return {one.item.issue: _record(backfill, one, marked) for one in found}


def _record(backfill: Backfill, one: Wanted, marked: Marked) -> dict[str, Any]:
    failure = marked.failures.get(one.item.issue)
    paths = [label.path for label in one.mark.labels]
    told = [label for label in one.item.told if label["label"] in paths]
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "issue": one.item.key,
        "outcome": str(Outcome.PARTLY_REFUSED if failure else Outcome.APPLIED),
        "because": str(Because.BACKFILL),
        "cause": failure or "",
        "hints": [],
        "attempt": 1,
        "waited_ms": 0,
        "took_ms": 0,
        "rules": backfill.rules,
        "plan": {
            "mode": "apply",
            "labels": told,
            "already": [],
            "withheld": [],
            "operations": [{"do": "add_labels", "labels": paths, "create": []}],
            "because": None,
            "reads_like": None,
            "models": [],
        },
        "written": {"labels": [] if failure else paths, "comment": None},
        "refused": [failure] if failure else [],
    }


def _intent(one: Wanted) -> Intent:
    return Intent(tuple(label.id for label in one.mark.labels))


def subject_of(connection: str, item: Todo) -> Subject:
    """The issue of an item."""
    return Subject(connection, SubjectKind.ISSUE, item.issue)
