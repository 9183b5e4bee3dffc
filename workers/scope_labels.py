"""The label on issues that were added after the start: put on, and taken off when it is true no longer.

Off unless the admin asks for it. It keeps the promises of every label of ours: one that a person took
off is not put back, one that we did not put on is not taken off.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from store.inbox import Batch
from store.journal import Journal
from trackers.errors import Gone
from trackers.model import Label, Memory, Subject, SubjectKind
from trackers.protocol import AddLabels, CreateLabel, Operation, Reading, Recall, RemoveLabels
from workers.shop import Desk, Shop

_MOST: Final = 20
"""Issues labelled in one run; the next goes on."""


def mark(
    shop: Shop, desk: Desk, batch: Batch, label: str, added: Collection[str], others: Collection[str]
) -> int:
    """Bring the label of a sprint's issues in step; how many were changed.

    ``added`` are the ids of issues that shall have it, ``others`` of those that shall not.
    """
    done = 0
    for wanted, ids in ((True, added), (False, others)):
        for id_ in ids:
            if done < _MOST:
                done += _in_step(shop, desk, batch, id_, label, wanted=wanted)
    return done


def _in_step(shop: Shop, desk: Desk, batch: Batch, id_: str, label: str, *, wanted: bool) -> bool:
    subject = Subject(batch.subject.connection, SubjectKind.ISSUE, id_)
    journal = shop.journals.read(subject)
    name = desk.tracker.label_name(label).casefold()
    ours = [Label(one, named) for one, named in journal.applied.items() if named.casefold() == name]
    # What is on by our hand is right, what a person took off stays off: either way nothing is to be done.
    if bool(ours) is wanted or any(one.id in journal.vetoed for one in ours):
        return False
    try:
        reading = desk.tracker.read(id_, Recall(memory=not desk.tracker.sees_own_labels))
    except Gone:
        return False
    operation = _adding(desk, reading, journal, label) if wanted else _removing(reading, journal, ours)
    if operation is None:
        return False
    return bool(desk.applier.apply(batch, reading.issue, (operation,), subject).written)


def _adding(desk: Desk, reading: Reading, journal: Journal, label: str) -> Operation | None:
    palette = desk.tracker.palette(reading.issue)
    found = palette.find(label)
    remembered = _remembered(reading, journal)
    if found is None:
        # The admin named it for this very use, so it may be made.
        return AddLabels((), (CreateLabel(label),), remembered) if palette.creatable(label) else None
    there = {one.id for one in reading.issue.labels}
    if found.id in there | remembered.vetoed | remembered.applied:
        return None
    return AddLabels((found,), (), Memory(remembered.applied | {found.id}, remembered.vetoed))


def _removing(reading: Reading, journal: Journal, ours: list[Label]) -> Operation | None:
    gone = {one.id for one in ours}
    remembered = _remembered(reading, journal)
    return RemoveLabels(tuple(ours), Memory(remembered.applied - gone, remembered.vetoed))


def _remembered(reading: Reading, journal: Journal) -> Memory:
    return Memory(
        reading.memory.applied | journal.applied.keys(), reading.memory.vetoed | journal.vetoed.keys()
    )
