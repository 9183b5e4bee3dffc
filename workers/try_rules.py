"""What a new rules file would do differently over a connection: the newest issues and the running sprints as
the tracker has them, within what its limits leave to bulk work. Writes nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from secrets import token_bytes
from typing import Any, Final, Protocol, Self, TypeVar

from redis import Redis

from classifiers.head import Head, Packed
from classifiers.manifest import BadModel
from classifiers.model_files import open_head, read_packed
from classifiers.tagging import NO_ANSWERS
from rules.connections import Connection
from rules.differences import Differences, Place, differences
from rules.load import RuleBook
from store.journal import CommentState, Journals
from store.models import ModelShelf
from store.outcomes import Outcomes
from store.sprints import Sprints
from trackers.errors import Forbidden, Gone
from trackers.model import Issue, Subject, SubjectKind, TrackerKind, component_label
from trackers.protocol import Reading, Tracker
from trackers.sprints import Board, SprintState, sprint_topic
from workers.forecasters import Forecasters
from workers.learning import Learnt
from workers.models_in_force import Loaded
from workers.sprint_book import SprintBook
from workers.sprint_trial import Seen, SprintChange, compare_sprint, in_words
from workers.taggers import Taggers, answers_of
from workers.trial import Ask, Comparison, compare

EVERY_ISSUE: Final = {TrackerKind.JIRA: "", TrackerKind.LINEAR: "{}"}
"""Queries that ask for all issues: a search without one leaves out those that are done."""

ALIKE: Final = Differences((), ())
T = TypeVar("T")


class Asking(Protocol):
    """How the tracker is asked: at once, or with patience for its limits."""

    def __call__(self, ask: Callable[[], T], /) -> T: ...


def at_once(ask: Callable[[], T]) -> T:
    """Without patience. Raises whatever ``ask`` raises."""
    return ask()


@dataclass(frozen=True, slots=True)
class Rules:
    """A good rules file and where it is from."""

    book: RuleBook
    text: bytes
    file: str
    since: datetime | None = None
    """Since when it is in force, as Redis has it; None for a file."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    over: str
    """The issues, as in "over …"."""
    now: Rules
    new: Rules
    comparison: Comparison | None = None
    """None when both are one text."""
    differences: Differences = ALIKE
    """Of settings and rules, where the issues and the sprints are."""
    sprints: tuple[SprintChange, ...] = ()
    remarks: tuple[str, ...] = ()
    """What was left out, and why, as sentences."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the service remembers of issues, models and sprints."""

    journals: Journals
    models: ModelShelf
    outcomes: Outcomes
    sprints: Sprints

    @classmethod
    def of(cls, redis: Redis) -> Self:
        """As Redis has it."""
        return cls(Journals(redis), ModelShelf(redis), Outcomes(redis), Sprints(redis))


def try_rules(
    connection: Connection,
    tracker: Tracker,
    now: Rules,
    new: Rules,
    last: int,
    memory: Memory | None,
    *,
    asking: Asking = at_once,
    looked: Callable[[int], None] = lambda _: None,
) -> Trial:
    """Hold ``new`` against ``now`` over the newest ``last`` issues, and over the running sprints where there
    is a ``memory``. ``looked`` is told how many issues were looked at, every now and then.

    Raises a member of ``trackers.errors``.
    """
    name = connection.name
    over = f"the newest issues of {name} (at most {last})"
    if new.text == now.text:
        return Trial(over, now, new)
    models = Serving(memory.models) if memory else None
    found = newest(tracker, connection.projects, last, asking, looked)
    ask = asks(memory, models, name, tracker.kind)
    comparison = compare(found, name, now.book, new.book, tracker.palette, ask)
    remarks = list(models.refused) if models else []
    boards = list(_boards(connection, tracker, remarks, asking))
    differ = differences(now.text, new.text, new.file, name, _places(connection, boards))
    sprints: tuple[SprintChange, ...] = ()
    if memory is not None:
        sprints = tuple(sprint_changes(memory, connection, tracker, boards, now.book, new.book, asking))
    return Trial(over, now, new, comparison, differ, sprints, tuple(remarks))


def trial_json(trial: Trial) -> dict[str, Any]:
    """For machines and the console: all that was found."""
    found = trial.comparison
    return {
        "over": trial.over,
        "in_force": _rules_json(trial.now),
        "new": _rules_json(trial.new),
        "same_text": found is None,
        "issues": found.issues if found else 0,
        "changed": found.changed if found else 0,
        "labels": [asdict(label) for label in found.labels] if found else [],
        "projects": [asdict(project) for project in found.projects] if found else [],
        "settings": [asdict(setting) for setting in trial.differences.settings],
        "rules": [asdict(rule) for rule in trial.differences.rules],
        "sprints": [_sprint_json(sprint) for sprint in trial.sprints],
        "remarks": list(trial.remarks),
    }


def _rules_json(rules: Rules) -> dict[str, Any]:
    since = rules.since.isoformat(timespec="seconds") if rules.since else None
    return {"version": rules.book.version_id, "file": rules.file, "since": since}


def _sprint_json(change: SprintChange) -> dict[str, Any]:
    words = {"now_said": in_words(change.now), "new_said": in_words(change.new)}
    return asdict(change) | {"differs": change.differs} | words


def newest(
    tracker: Tracker,
    projects: Sequence[str],
    most: int,
    asking: Asking = at_once,
    looked: Callable[[int], None] = lambda _: None,
) -> Iterator[Issue]:
    """The newest issues of ``projects`` in any state, at most ``most``, without labels that we put on.

    ``looked`` is told how many were given when the next page is asked for.
    """
    after, given = None, 0
    while given < most:
        looked(given)
        page = asking(partial(tracker.search, projects, EVERY_ISSUE[tracker.kind], after))
        for reading in page.issues[: most - given]:
            given += 1
            yield _without_ours(reading)
        after = page.next
        if after is None:
            return


def sprint_changes(
    memory: Memory,
    connection: Connection,
    tracker: Tracker,
    boards: Sequence[Board],
    now: RuleBook,
    new: RuleBook,
    asking: Asking = at_once,
) -> Iterator[SprintChange]:
    """Every running sprint of a board whose rules differ, read once and held against both files."""
    forecasters = Forecasters()
    for board in boards:
        before, after = (book.sprints(connection.name, board.id, board.project) for book in (now, new))
        if before != after and board.has_sprints:
            for sprint in asking(partial(tracker.open_sprints, board.id)):
                if sprint.state is SprintState.ACTIVE:
                    seen = asking(partial(_seen, memory, connection, tracker, board, sprint.id))
                    yield compare_sprint(seen, before, after, forecasters)


def _seen(memory: Memory, connection: Connection, tracker: Tracker, board: Board, sprint: str) -> Seen:
    """A running sprint as the tracker has it, with all that the service remembers."""
    sprints, subject = memory.sprints, Subject(connection.name, SubjectKind.SPRINT, sprint)
    text = sprints.book(subject)
    book = SprintBook.from_text(text) if text is not None else None
    comments = memory.journals.read(subject).comments
    record = comments.get(sprint_topic(sprint, book.round if book else 0))
    finished = sprints.finished(connection.name, board.id)
    return Seen(
        connection=connection.name,
        board=board,
        reading=tracker.sprint(sprint, past=book is None),
        finished=[one for id_, one in finished.items() if id_ != sprint],
        book=book,
        # Where nothing is remembered yet there are no hashes to compare with.
        key=sprints.secret() if book else token_bytes(32),
        now=datetime.now(UTC),
        projects=connection.scope().projects,
        snoozed=sprints.is_snoozed(subject),
        deleted=record is not None and record.state is CommentState.DELETED,
        label_name=tracker.label_name,
    )


class Serving:
    """The models that serve, each opened once. Unlike a worker's they are kept nowhere, and what is wrong
    with one is told to nobody but the caller. Fits ``workers.taggers.Models``."""

    def __init__(self, shelf: ModelShelf, opener: Callable[[Packed], Head] = open_head) -> None:
        self._shelf = shelf
        self._opener = opener
        self._held: dict[tuple[str, str], Loaded | None] = {}
        self.refused: list[str] = []
        """Why models were not asked, as sentences."""

    def now(self, connection: str, target: str) -> Loaded | None:
        place = (connection, target)
        if place not in self._held:
            try:
                self._held[place] = self._open(place)
            except BadModel as error:
                self._held[place] = None
                self.refused.append(f"The model of {target} was not asked. {error}")
        return self._held[place]

    def _open(self, place: tuple[str, str]) -> Loaded | None:
        slots = self._shelf.slots(place)
        serving = slots.serving if slots else None
        file = self._shelf.file(serving.id) if serving else None
        if serving is None or file is None:
            return None
        content = read_packed(file)
        return Loaded(serving.id, self._opener(content.packed), content.manifest)


def _boards(connection: Connection, tracker: Tracker, remarks: list[str], asking: Asking) -> Iterator[Board]:
    """The boards or teams whose sprints are watched; of one that is not there ``remarks`` tell."""
    for id_ in sorted(connection.scope().boards or ()):
        try:
            yield asking(partial(tracker.board, id_))
        except (Forbidden, Gone) as error:
            remarks.append(f"Board {id_} was left out. {error}")


def _places(connection: Connection, boards: Sequence[Board]) -> list[Place]:
    """Where settings hold: on Jira those about sprints by board, on Linear by team as all others."""
    if connection.tracker is TrackerKind.LINEAR:
        return [Place(team, team) for team in connection.projects]
    projects = [Place(key, key, parts=("mode", "tagging", "writes")) for key in connection.projects]
    return projects + [
        Place(f"board {board.id}", board.project or "", board.id, ("sprints",)) for board in boards
    ]


def asks(memory: Memory | None, models: Serving | None, name: str, kind: TrackerKind) -> Ask:
    """Whom ``compare`` asks about issues of a connection; nobody where there are no ``models``."""
    if memory is None or models is None:
        return lambda _issue, _rules: NO_ANSWERS
    taggers = Taggers(models, Learnt(memory.outcomes))
    return lambda issue, rules: answers_of(taggers.ask(name, kind, issue, rules))


def _without_ours(reading: Reading) -> Issue:
    """The issue without labels and components that we put on: they were not there when it was filed."""
    issue, ours = reading.issue, reading.memory.applied
    return replace(
        issue,
        labels=tuple(label for label in issue.labels if label.id not in ours),
        components=tuple(name for name in issue.components if component_label(name).id not in ours),
    )
