"""One write of a backfill: what is still wanted of its issues, before; what is remembered of them, after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from store.backfills import EXAMPLES, Backfill, Progress, Todo
from store.journal import Intent, Journal
from trackers.errors import Gone, Rejected
from trackers.model import Label, Memory, Subject, SubjectKind
from trackers.protocol import BulkStep, Glimpse, Mark, Marked
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


@dataclass(frozen=True, slots=True)
class Sifted:
    """The issues of a step, as they are to be treated by now."""

    found: tuple[Wanted, ...]
    needless: tuple[str, ...]
    """Ids of those that need nothing any more."""
    changed: tuple[str, ...]
    """Ids of those that are not what was judged."""


def mark_of(item: Todo) -> Mark:
    """What an issue is to get, as of the reading."""
    applied = item.applied | {label.id for label in item.labels}
    return Mark(item.issue, item.project, item.labels, Memory(applied, frozenset(item.vetoed)))


def sift(items: Sequence[Todo], journals: Sequence[Journal], seen: Mapping[str, Glimpse]) -> Sifted:
    """What of ``items`` is to be written, by the newest journals and by what was just ``seen`` of them.

    Left out are labels that a person has taken off or that are there by now, whoever put them on, and
    issues that are not what was judged any more.
    """
    found: list[Wanted] = []
    needless: list[str] = []
    changed: list[str] = []
    for item, journal in zip(items, journals, strict=True):
        now = seen.get(item.issue)
        labels = _labels(item, journal, journal.applied.keys() | (now.tags if now else frozenset()))
        if not labels:
            needless.append(item.issue)
        elif now is None or _has_changed(item, now):
            changed.append(item.issue)
        else:
            found.append(_wanted(item, journal, labels))
    return Sifted(tuple(found), tuple(needless), tuple(changed))


def written_after_all(
    items: Sequence[Todo], journals: Sequence[Journal], seen: Mapping[str, Glimpse]
) -> list[Wanted]:
    """Those of ``items``, all being written to when that broke off, that have what they were to get."""
    found = []
    for item, journal in zip(items, journals, strict=True):
        labels = _labels(item, journal, frozenset())
        now = seen.get(item.issue)
        if labels and now is not None and now.tags >= {label.id for label in labels}:
            found.append(_wanted(item, journal, labels))
    return found


def _labels(item: Todo, journal: Journal, there: AbstractSet[str]) -> tuple[Label, ...]:
    vetoed = {label.casefold() for label in journal.vetoed}
    return tuple(
        label for label in item.labels if label.id not in there and label.id.casefold() not in vetoed
    )


def _has_changed(item: Todo, now: Glimpse) -> bool:
    if now.project != item.project:
        return True
    return item.updated is not None and now.updated is not None and now.updated > item.updated


def _wanted(item: Todo, journal: Journal, labels: tuple[Label, ...]) -> Wanted:
    ours = item.applied.union(journal.applied).difference(journal.withdrawn)
    vetoed = frozenset(item.vetoed).union(journal.vetoed)
    remembered = Memory(ours.union(label.id for label in labels), vetoed)
    return Wanted(item, journal, Mark(item.issue, item.project, labels, remembered))


def intend(shop: Shop, connection: str, found: Sequence[Wanted]) -> None:
    """Note what is about to be written, and what the tracker told of issues without a record."""
    with shop.journals.together() as journals:
        for one in found:
            subject = subject_of(connection, one.item)
            if not one.item.known:
                journals.note_read(subject, vetoed=one.item.vetoed, applied=one.item.applied, comments=None)
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
