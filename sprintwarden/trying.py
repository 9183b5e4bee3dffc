"""``try``: what a new rules file would do differently from the one in force. Writes nothing anywhere.

With a connection, the newest issues and the running sprints are read from the tracker, within what its
limits leave to bulk work; with a file of issues nothing is asked but the service's Redis, if it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from classifiers.examples import Target
from classifiers.head import Head, Packed
from classifiers.issues_file import Line
from classifiers.manifest import BadModel
from classifiers.model_files import open_head, read_packed
from classifiers.tagging import NO_ANSWERS
from rules.connections import Connection
from rules.differences import Differences, Place, differences
from rules.load import RuleBook, load_rules
from rules.problems import BadFile
from rules.watched import watched
from sprintwarden.alone import OwnCache, OwnGate
from sprintwarden.issue_files import lines_of
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections, unknown
from store.budget import Budget
from store.connect import connect
from store.journal import CommentState, Journals
from store.models import ModelShelf
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprints import Sprints
from trackers.errors import Forbidden, Gone
from trackers.http import host_of
from trackers.model import AuthorKind, Issue, Label, Subject, SubjectKind, TrackerKind, component_label
from trackers.protocol import Reading, Tracker
from trackers.sprints import Board, SprintState, sprint_topic
from workers.forecasters import Forecasters
from workers.gate import SharedGate
from workers.learning import Learnt
from workers.models_in_force import Loaded
from workers.shop import open_tracker
from workers.sprint_book import SprintBook
from workers.sprint_trial import Seen, SprintChange, compare_sprint
from workers.taggers import Taggers, answers_of
from workers.trial import Ask, Comparison, compare

EVERY_ISSUE: Final = {TrackerKind.JIRA: "", TrackerKind.LINEAR: "{}"}
"""Queries that ask for all issues: a search without one leaves out those that are done."""

_ALIKE: Final = Differences((), ())


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
    differences: Differences = _ALIKE
    """Of settings and rules, where the issues and the sprints are."""
    sprints: tuple[SprintChange, ...] = ()
    remarks: tuple[str, ...] = ()
    """What was left out, and why, as sentences."""


def try_on_connection(settings: Settings, rules: Path, name: str, last: int) -> Trial:
    """Try a rules file on the newest ``last`` issues of a connection, and on its running sprints.

    Raises Complaint, with everything that is wrong with the file, or a member of ``trackers.errors``.
    """
    new = _new(rules)
    connection = named(read_connections(settings.connections_file), name)
    redis = _memory(settings)
    now = _in_force(settings, redis)
    over = f"the newest issues of {name} (at most {last})"
    if new.text == now.text:
        return Trial(over, now, new)
    tracker = _tracker(connection, redis)
    models = Serving(redis) if redis else None
    found = newest(tracker, connection.projects, last)
    ask = _ask(redis, models, name, tracker.kind)
    comparison = compare(found, name, now.book, new.book, tracker.palette, ask)
    remarks = list(models.refused) if models else []
    boards = list(_boards(connection, tracker, remarks))
    places = _places(connection, boards)
    differ = differences(now.text, new.text, new.file, name, places)
    sprints: tuple[SprintChange, ...] = ()
    if redis is not None:
        sprints = tuple(sprint_changes(redis, connection, tracker, boards, now.book, new.book))
    else:
        remarks.append(
            f"{_NO_REDIS} Running sprints are not compared: what finished ones delivered is kept there."
        )
    return Trial(over, now, new, comparison, differ, sprints, tuple(remarks))


def try_on_file(settings: Settings, rules: Path, issues: Path, name: str | None) -> Trial:
    """Try a rules file on the issues of an ``issues.jsonl``, as if they were of the connection ``name``.

    Raises Complaint, with everything that is wrong with the rules, when there is no such connection, or
    when ``issues`` cannot be read.
    """
    new = _new(rules)
    remarks = _doubts(settings.connections_file, name) if name else []
    redis = _memory(settings)
    now = _in_force(settings, redis)
    over = str(issues)
    if new.text == now.text:
        return Trial(over, now, new)
    models = Serving(redis) if redis and name else None
    # Of a file nobody knows the tracker: whatever serves is asked.
    ask = _ask(redis, models, name or "", TrackerKind.JIRA)
    found = map(_issue, lines_of(issues, strict=False))
    comparison = compare(found, name or "", now.book, new.book, lambda _issue: AnyLabel(), ask)
    places = [Place(one.project, one.project) for one in comparison.projects]
    differ = differences(now.text, new.text, new.file, name, places)
    if not redis:
        remarks.append(_NO_REDIS)
    if redis and not name:
        remarks.append("No model was asked: name the connection whose models should be (--connection).")
    remarks += models.refused if models else ()
    remarks.append(
        "A file tells neither priorities nor who filed an issue, nor which labels the tracker has: rules "
        "that ask for one of the first two find none, and every label counts as there. Sprints are "
        "compared with --connection alone."
    )
    return Trial(over, now, new, comparison, differ, remarks=tuple(remarks))


_NO_REDIS: Final = (
    "No Redis of the service answers, so the configured file stands for the rules in force and no "
    "model was asked."
)


def newest(tracker: Tracker, projects: Sequence[str], most: int) -> Iterator[Issue]:
    """The newest issues of ``projects`` in any state, at most ``most``, without labels that we put on."""
    after, left = None, most
    while left > 0:
        page = tracker.search(projects, EVERY_ISSUE[tracker.kind], after)
        yield from (_without_ours(reading) for reading in page.issues[:left])
        left -= len(page.issues)
        after = page.next
        if after is None:
            return


def sprint_changes(
    redis: Redis,
    connection: Connection,
    tracker: Tracker,
    boards: Sequence[Board],
    now: RuleBook,
    new: RuleBook,
) -> Iterator[SprintChange]:
    """Every running sprint of a board whose rules differ, read once and held against both files."""
    forecasters = Forecasters()
    for board in boards:
        before, after = (book.sprints(connection.name, board.id, board.project) for book in (now, new))
        if before != after and board.has_sprints:
            for sprint in tracker.open_sprints(board.id):
                if sprint.state is SprintState.ACTIVE:
                    seen = _seen(redis, connection, tracker, board, sprint.id)
                    yield compare_sprint(seen, before, after, forecasters)


def _seen(redis: Redis, connection: Connection, tracker: Tracker, board: Board, sprint: str) -> Seen:
    """A running sprint as the tracker has it, with all that the service remembers."""
    sprints, subject = Sprints(redis), Subject(connection.name, SubjectKind.SPRINT, sprint)
    text = sprints.book(subject)
    book = SprintBook.from_text(text) if text is not None else None
    comments = Journals(redis).read(subject).comments
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

    def __init__(self, redis: Redis, opener: Callable[[Packed], Head] = open_head) -> None:
        self._shelf = ModelShelf(redis)
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


class AnyLabel:
    """A palette in which every name is a label. Fits ``trackers.protocol.Palette``."""

    def find(self, name: str) -> Label | None:
        return Label(name, name)

    def creatable(self, name: str) -> bool:
        return True


def _new(path: Path) -> Rules:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    return _good(text, str(path))


def _good(text: bytes, file: str, since: datetime | None = None) -> Rules:
    try:
        return Rules(load_rules(text, file), text, file, since)
    except BadFile as error:
        raise Complaint(str(error)) from error


def _doubts(path: Path, name: str) -> list[str]:
    """Why nobody can tell that there is a connection of that name, where its secrets need not be.

    Raises Complaint where there is none.
    """
    try:
        known = [one.name for one in watched(path.read_bytes(), str(path))]
    except (OSError, BadFile) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return [f"{path} cannot be read, so nobody knows whether there is a connection {name}: {why}."]
    if name not in known:
        raise unknown(name, known)
    return []


def _in_force(settings: Settings, redis: Redis | None) -> Rules:
    held = RulebookShelf(redis).in_force() if redis else None
    if held is None:
        return _new(settings.rules_file)
    return _good(held.text, "rules.yaml", held.since)


def _memory(settings: Settings) -> Redis | None:
    """The service's Redis, if there is one that answers."""
    try:
        redis = connect(settings.redis())
        redis.ping()
    except (Complaint, RedisError):
        return None
    return redis


def _tracker(connection: Connection, redis: Redis | None) -> Tracker:
    """The tracker, sharing the service's limits where that is known; what it lists is kept nowhere."""
    gate = SharedGate(Budget(redis, host_of(connection.url), connection.account)) if redis else OwnGate()
    tracker, _ = open_tracker(connection, gate, OwnCache())
    return tracker


def _boards(connection: Connection, tracker: Tracker, remarks: list[str]) -> Iterator[Board]:
    """The boards or teams whose sprints are watched; of one that is not there ``remarks`` tell."""
    for id_ in sorted(connection.scope().boards or ()):
        try:
            yield tracker.board(id_)
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


def _ask(redis: Redis | None, models: Serving | None, name: str, kind: TrackerKind) -> Ask:
    if redis is None or models is None:
        return lambda _issue, _rules: NO_ANSWERS
    taggers = Taggers(models, Learnt(Outcomes(redis)))
    return lambda issue, rules: answers_of(taggers.ask(name, kind, issue, rules))


def _without_ours(reading: Reading) -> Issue:
    """The issue without labels and components that we put on: they were not there when it was filed."""
    issue, ours = reading.issue, reading.memory.applied
    return replace(
        issue,
        labels=tuple(label for label in issue.labels if label.id not in ours),
        components=tuple(name for name in issue.components if component_label(name).id not in ours),
    )


def _issue(line: Line) -> Issue:
    return Issue(
        id=line.id,
        key=line.id,
        project=line.filed.project,
        title=line.filed.title,
        body=line.filed.body,
        type=next(iter(line.tags.get(Target.TYPE, ())), None),
        priority=None,
        components=line.tags.get(Target.COMPONENTS, ()),
        labels=tuple(Label(name, name) for name in line.tags.get(Target.LABELS, ())),
        author=AuthorKind.UNKNOWN,
        created=None,
        updated=None,
    )
