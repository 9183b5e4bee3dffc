"""The label on issues that were added after the start: put on, and taken off when it is true no longer.

Off unless the admin asks for it. It keeps the promises of every label of ours: one that a person took
off is not put back, one that we did not put on is not taken off. Of two sprints that an issue was in one
after the other, only the one that holds the label by the issue's journal takes it off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from store.inbox import Batch
from store.journal import Journal
from trackers.errors import Conflict, Forbidden, Gone, Rejected, ServerFault, Stale
from trackers.model import Issue, Label, Memory, Subject, SubjectKind
from trackers.protocol import AddLabels, CreateLabel, Reading, Recall, RemoveLabels
from workers.apply import Applied
from workers.decide import situation
from workers.shop import Desk, Shop
from workers.sprint_home import wears

_MOST: Final = 20
"""Issues asked for in one run; the next goes on."""


@dataclass(frozen=True, slots=True)
class Marking:
    """How the label of one sprint stands after a run."""

    marked: frozenset[str]
    """Ids of issues that bear it by this sprint's hand."""
    settled: frozenset[str]
    """Ids of issues that should bear it and are left alone: a person's label, a person's no, a refusal."""
    changed: tuple[tuple[str, str], ...] = ()
    """Issue keys, each with ``add_labels`` or ``remove_labels``."""
    refused: tuple[str, ...] = ()
    """Why labels stay as they are, as sentences."""
    more: bool = False
    """Some are left for the next run."""


class _State(Enum):
    MARKED = auto()
    SETTLED = auto()
    """Nothing is left for us to do."""
    LATER = auto()


@dataclass(frozen=True, slots=True)
class _Seen:
    """An issue as our record and the tracker have it."""

    subject: Subject
    journal: Journal
    reading: Reading

    @property
    def issue(self) -> Issue:
        return self.reading.issue

    def vetoed(self) -> Mapping[str, str]:
        """Label id → how we know that a person took it off (P5)."""
        ours, memory = self.journal.withdrawn.keys(), self.reading.memory
        memory = replace(memory, applied=memory.applied - ours, vetoed=memory.vetoed - ours)
        journal = self.journal
        if journal.intent is not None:
            # A run died over a write, which may have taken the label off: only the tracker can tell.
            journal = replace(journal, applied={})
        return situation(self.issue, journal, memory, {}, {}).vetoed

    def remembered(self, on: Collection[str] = (), off: Collection[str] = ()) -> Memory:
        """What the tracker shall remember once labels (ids) are ``on`` or ``off`` by our hand."""
        applied = self.reading.memory.applied | self.journal.applied.keys()
        return Memory((applied | set(on)) - set(off), frozenset(self.vetoed()))


@dataclass(slots=True)
class _Round:
    """One run over the issues of one sprint."""

    shop: Shop
    desk: Desk
    batch: Batch
    label: str
    asked: int = 0
    changed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def sprint(self) -> str:
        return self.batch.subject.id

    @property
    def may_ask(self) -> bool:
        return self.asked < _MOST

    def see(self, subject: Subject, journal: Journal) -> _Seen:
        self.asked += 1
        recall = Recall(memory=not self.desk.tracker.sees_own_labels)
        return _Seen(subject, journal, self.desk.tracker.read(subject.id, recall))

    def may_write(self, issue: Issue) -> bool:
        projects = self.desk.connection.scope().projects
        return projects is None or issue.project in projects

    def write(self, seen: _Seen, operation: AddLabels | RemoveLabels) -> Applied:
        """Carry out one operation and note what came of it."""
        earlier = seen.journal.intent
        try:
            applied = self.desk.applier.apply(self.batch, seen.issue, (operation,), seen.subject)
        finally:
            if earlier is not None and earlier.comment is not None:
                # The issue's own run died over a comment: the one after it must still look for that.
                self.shop.journals.intend(seen.subject, earlier)
        for failure in applied.failures:
            self.refuse(seen.issue.key, failure.sentence)
        if not applied.failures:
            done = "add_labels" if isinstance(operation, AddLabels) else "remove_labels"
            self.changed.append((seen.issue.key, done))
        return applied

    def refuse(self, issue: str, why: object) -> None:
        self.refused.append(f"The label of {issue} stays as it is: {why}")


def mark(
    shop: Shop,
    desk: Desk,
    batch: Batch,
    label: str,
    wanted: Collection[str],
    marked: Collection[str],
    settled: Collection[str] = (),
) -> Marking:
    """Bring the label of the issues of the batch's sprint in step.

    ``wanted`` are the ids of issues that shall bear ``label``; ``marked`` and ``settled`` are as the last
    run gave them. What is marked and not wanted loses the label, by whatever name it was put on. An issue
    for which nothing has changed costs no request; another one reading, and one write at most.

    Trouble with one issue is told in the answer; what pauses or stops a tracker as a whole is raised,
    and LeaseLost. Nothing is lost by that: the next run finds in the journals what this one did.
    """
    at = _Round(shop, desk, batch, label)
    off = [id_ for id_ in marked if id_ not in wanted]
    on = [id_ for id_ in wanted if id_ not in marked and id_ not in settled]
    # Off before on: in a sprint's last run labels that stay are worse than labels that are missing.
    left = {id_: _looked_at(at, id_, _take_off) for id_ in off}
    came = {id_: _looked_at(at, id_, _put_on) for id_ in on}
    bearing = {id_ for id_ in marked if id_ in wanted or left[id_] is _State.LATER}
    bearing |= {id_ for id_, state in came.items() if state is _State.MARKED}
    alone = {id_ for id_ in settled if id_ in wanted}
    alone |= {id_ for id_, state in came.items() if state is _State.SETTLED}
    return Marking(
        marked=frozenset(bearing),
        settled=frozenset(alone),
        changed=tuple(at.changed),
        refused=tuple(at.refused),
        more=_State.LATER in (*left.values(), *came.values()),
    )


def _looked_at(at: _Round, id_: str, look: Callable[[_Round, Subject, Journal], _State]) -> _State:
    subject = Subject(at.batch.subject.connection, SubjectKind.ISSUE, id_)
    try:
        return look(at, subject, at.shop.journals.read(subject))
    except Gone:
        return _State.SETTLED
    except (Forbidden, Rejected) as error:
        at.refuse(f"issue {id_}", error)
        return _State.SETTLED
    except (Conflict, ServerFault, Stale) as error:
        at.refuse(f"issue {id_}", error)
        return _State.LATER


def _put_on(at: _Round, subject: Subject, journal: Journal) -> _State:
    ours = _held(journal, at.sprint) or _named(journal, at.desk.tracker.label_name(at.label))
    if ours:
        return _take_over(at, subject, journal, ours)
    if not at.may_ask:
        return _State.LATER
    seen = at.see(subject, journal)
    if not at.may_write(seen.issue):
        return _State.SETTLED
    palette = at.desk.tracker.palette(seen.issue)
    found = palette.find(at.label)
    if found is None and at.desk.tracker.look_again(seen.issue):
        palette = at.desk.tracker.palette(seen.issue)
        found = palette.find(at.label)
    if found is not None:
        return _put_on_found(at, seen, found)
    if palette.creatable(at.label):
        # The admin named it for this very use, so it may be made.
        return _add(at, seen, AddLabels((), (CreateLabel(at.label),), seen.remembered()))
    at.refuse(seen.issue.key, "the tracker has no such label, and none can be made.")
    return _State.SETTLED


def _take_over(at: _Round, subject: Subject, journal: Journal, ours: Collection[str]) -> _State:
    """Answer for labels (ids) that are on by our hand, unless a person took one off."""
    if any(_is_vetoed(label, journal.vetoed) for label in ours):
        return _State.SETTLED
    if any(journal.held.get(label) == at.sprint for label in ours):
        return _State.MARKED
    # The sprint that held it may be taking it off at this moment: the next run sees who was first.
    at.shop.journals.note_held(subject, at.sprint, ours)
    return _State.LATER


def _put_on_found(at: _Round, seen: _Seen, found: Label) -> _State:
    if found.id in seen.journal.applied:
        return _take_over(at, seen.subject, seen.journal, (found.id,))
    vetoed = seen.vetoed()
    if _is_vetoed(found.id, vetoed):
        told = {label: why for label, why in vetoed.items() if label == found.id}
        at.shop.journals.note_vetoes(seen.subject, told)
        return _State.SETTLED
    worn = wears(seen.issue, found.path)
    if worn and found.id in seen.reading.memory.applied:
        # Our record was lost; the tracker's own memory has it.
        at.shop.journals.note_held(seen.subject, at.sprint, (found.id,), applied={found.id: found.name})
        return _State.MARKED
    if worn or not (seen.journal.known or seen.reading.memory.whole):
        return _State.SETTLED
    return _add(at, seen, AddLabels((found,), (), seen.remembered(on=(found.id,))))


def _add(at: _Round, seen: _Seen, operation: AddLabels) -> _State:
    written = at.write(seen, operation).written
    labels = [label.id for one in written for label in one.labels]
    if not labels:
        return _State.SETTLED
    at.shop.journals.note_held(seen.subject, at.sprint, labels)
    return _State.MARKED


def _take_off(at: _Round, subject: Subject, journal: Journal) -> _State:
    held = [label for label in _held(journal, at.sprint) if not _is_vetoed(label, journal.vetoed)]
    if not held:
        return _State.SETTLED
    if not at.may_ask:
        return _State.LATER
    seen = at.see(subject, journal)
    if not at.may_write(seen.issue):
        return _State.SETTLED
    vetoed = seen.vetoed()
    at.shop.journals.note_vetoes(subject, {label: vetoed[label] for label in held if label in vetoed})
    # One that is not there for another reason is taken off all the same: a run of ours may have died
    # over it, or the reading is old.
    off = [label for label in held if label not in vetoed]
    if off:
        labels = tuple(Label(label, journal.applied[label]) for label in off)
        at.write(seen, RemoveLabels(labels, seen.remembered(off=off)))
    return _State.SETTLED


def _held(journal: Journal, sprint: str) -> list[str]:
    """Ids of labels of ours that ``sprint`` answers for."""
    return [label for label in journal.applied if journal.held.get(label) == sprint]


def _named(journal: Journal, name: str) -> list[str]:
    return [label for label, named in journal.applied.items() if named.casefold() == name.casefold()]


def _is_vetoed(label: str, vetoed: Collection[str]) -> bool:
    return label.casefold() in {one.casefold() for one in vetoed}
