"""``check``: what is wrong with a rules file, what in it is surely not meant, and what a tracker lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from rules.connections import Connection
from rules.lint import lint, warned
from rules.lint_connection import labels_for, lint_for, lint_watched, settings_for
from rules.load import load_rules
from rules.problems import BadFile, Problem, Warned
from rules.remarks import Remark
from rules.source import Source, read_source
from rules.validate import did_you_mean
from rules.warning_names import WARNINGS
from rules.watched import watched
from sprintwarden.alone import OwnCache, OwnGate
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from trackers.errors import Gone
from trackers.model import TrackerKind
from trackers.protocol import Recall, Tracker

UNKNOWN_LABEL: Final = "unknown-label"
_MOST_NAMED: Final = 10
_SNOOZE: Final = ("sprints", "notify", "snooze_label")


class Then(NamedTuple):
    """What becomes of a label that a tracker does not have, said of one and of many."""

    one: str
    many: str


_JIRA_MAKES: Final = Then("Jira makes it at its first use", "Jira makes them at first use")
_WE_MAKE: Final = Then(
    "it is made at its first use, as create_labels says", "They are made at first use, as create_labels says"
)
_NOBODY_MAKES: Final = Then(
    "it is not put on unless create_labels is true", "They are not put on unless create_labels is true"
)


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label of the rules that a tracker does not have."""

    name: str
    connection: str
    then: Then


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing ``check`` has found: an error, or a warning by its name."""

    problem: Problem
    name: str | None = None
    """Of a warning, and of an error that ``--allow`` can take away."""
    is_error: bool = True
    """A warning that was made fatal is one too."""
    label: NewLabel | None = None
    """With ``unknown-label`` only."""

    def __str__(self) -> str:
        if self.name is None:
            return str(self.problem)
        return f"{self.problem} [{self.name}]" if self.is_error else str(Warned(self.problem, self.name))

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        at = self.problem
        return {
            "file": at.file,
            "line": at.line,
            "column": at.column,
            "message": at.message,
            "severity": "error" if self.is_error else "warning",
            "name": self.name,
        }


def check_rules(
    settings: Settings,
    file: Path | None,
    connection: str | None,
    *,
    fatal: Collection[str] = (),
    allow: Collection[str] = (),
    today: date | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[Finding, ...]:
    """Everything wrong with ``file`` (by default the configured one), and its warnings, by position.

    With ``connection``, also what that tracker does not have; ``tell`` is given, in a sentence, what it
    cannot be asked. Without it, what no connection of the connections.yaml beside the file watches. Warnings
    named in ``fatal`` are errors, and what is named in ``allow`` is not told. ``today`` (by default the
    present day, UTC) tells what is over. Raises Complaint when the connection is not there.
    """
    path = file or settings.rules_file
    try:
        text = path.read_bytes()
    except OSError as error:
        # Told like any other fault, for other files may be asked about with it.
        return (Finding(Problem(str(path), 1, 1, f"this file cannot be read: {error.strerror}")),)
    errors = [Finding(error) for error in _errors(text, str(path))]
    try:
        source = read_source(text, str(path))
    except BadFile:
        return tuple(errors)
    warnings = list(lint(source, today or datetime.now(UTC).date()))
    wrong = {(error.problem.line, error.problem.column) for error in errors}
    if connection is None:
        warnings += _unwatched(source, path.parent / settings.connections_file.name)
    else:
        asked = _Asked.of(settings, source, connection)
        errors += asked.unknown_labels(tell)
        warnings += asked.warnings()
    # What is wrong anyway needs no warning beside it.
    told = {one for one in warnings if (one.problem.line, one.problem.column) not in wrong}
    found = [*errors, *(Finding(one.problem, one.name, one.name in fatal) for one in told)]
    return tuple(sorted((one for one in found if one.name not in allow), key=_by_place))


def folded(found: Sequence[Finding]) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """The labels that are new to a tracker in a sentence each for what becomes of them, and all the rest."""
    new: dict[tuple[str, Then], dict[str, None]] = {}
    for one in found:
        if one.label is not None:
            new.setdefault((one.label.connection, one.label.then), {})[one.label.name] = None
    sentences = tuple(_new_to(connection, then, list(names)) for (connection, then), names in new.items())
    return sentences, tuple(one for one in found if one.label is None)


def _new_to(connection: str, then: Then, names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    if len(names) == 1:
        return f"1 label of the rules is new to {connection}: {shown}. {then.one[0].upper()}{then.one[1:]}."
    return f"{len(names)} labels of the rules are new to {connection}: {shown}. {then.many}."


def _unwatched(source: Source, connections: Path) -> Sequence[Warned]:
    """The layers for what no connection of this file watches, as far as it can be read and tells."""
    try:
        every = watched(connections.read_bytes(), str(connections))
    except (OSError, BadFile):
        return ()
    return lint_watched(source, every) if every and all(one.projects for one in every) else ()


def _errors(text: bytes, file: str) -> tuple[Problem, ...]:
    try:
        load_rules(text, file)
    except BadFile as error:
        return error.problems
    return ()


def _by_place(found: Finding) -> tuple[Problem, str]:
    return found.problem, found.name or ""


def names_given(names: Collection[str]) -> frozenset[str]:
    """``names`` of warnings. Raises Complaint about one that there is not."""
    for name in names:
        if name not in WARNINGS:
            raise Complaint(
                f'There is no warning "{name}"{did_you_mean(name, list(WARNINGS))}; '
                "`sprintwarden check --list-warnings` names them all."
            )
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rules file held against one tracker."""

    source: Source
    connection: Connection
    every: tuple[Connection, ...]
    tracker: Tracker

    @classmethod
    def of(cls, settings: Settings, source: Source, name: str) -> _Asked:
        # What talks to trackers takes a while to load; most who check a file need none of it.
        from workers.shop import open_tracker

        every = read_connections(settings.connections_file)
        connection = named(every, name)
        tracker, _ = open_tracker(connection, OwnGate(), OwnCache())
        return cls(source, connection, every, tracker)

    def unknown_labels(self, tell: Callable[[str], None]) -> Iterator[Finding]:
        """The labels that its layers put on and the tracker does not have."""
        names = self.tracker.label_names(self.connection.projects)
        if names is None:
            tell(
                f"{self.connection.name} cannot list its labels, since Jira Data Center offers no way to ask "
                "for them: the labels of the rules were not compared with its own."
            )
            return
        known, then = _Known.of(names), self._what_then()
        for path, label in labels_for(self.source, self.connection):
            wanted = self.tracker.label_name(label)
            if wanted not in known:
                spaces = (
                    f' (Jira labels hold no spaces: it becomes "{wanted}")' if " " in label.strip() else ""
                )
                message = (
                    f'{self.connection.name} has no label "{label if spaces else wanted}"{spaces}: '
                    f"{then.one}{known.meant(wanted)}"
                )
                new = NewLabel(wanted, self.connection.name, then)
                yield Finding(self.source.problem(path, message), UNKNOWN_LABEL, label=new)

    def _what_then(self) -> Then:
        if self.connection.tracker is TrackerKind.JIRA:
            return _JIRA_MAKES
        said = {made for _, made in settings_for(self.source, self.connection, "tagging", "create_labels")}
        return _WE_MAKE if said == {True} else _NOBODY_MAKES

    def warnings(self) -> Iterator[Warned]:
        """What the connection does not have of other things."""
        yield from lint_for(self.source, self.connection, self.every)
        for remark in (*self._on_linear(), *self._boards(), *self._issues()):
            yield warned(self.source, remark)

    def _on_linear(self) -> Iterator[Remark]:
        # On Jira anybody can type a new label, and what is never learnt may also be a component or type.
        if self.connection.tracker is not TrackerKind.LINEAR:
            return
        known = _Known.of(self.tracker.label_names(self.connection.projects) or ())
        name = self.connection.name
        for path, names in settings_for(self.source, self.connection, "tagging", "learned", "never"):
            for index, label in enumerate(names if isinstance(names, list) else ()):
                if isinstance(label, str) and label not in known:
                    message = f'{name} has no label "{label}"{known.meant(label)}'
                    yield Remark("unknown-never", (*path, index), message)
        for path, label in settings_for(self.source, self.connection, *_SNOOZE):
            if self.connection.cycles and isinstance(label, str) and label not in known:
                message = (
                    f'{name} has no label "{label}": make it, or nobody can silence a sprint with it'
                    f"{known.meant(label)}"
                )
                yield Remark("unknown-snooze-label", path, message)

    def _boards(self) -> Iterator[Remark]:
        for path, _ in settings_for(self.source, self.connection):
            if path[0] == "boards":
                board = str(path[1]).rpartition("/")[2]
                try:
                    self.tracker.board(board)
                except Gone:
                    message = f"{self.connection.name} has no board {board} that its account can see"
                    yield Remark("unknown-board", path, message, at_key=True)

    def _issues(self) -> Iterator[Remark]:
        name = self.connection.name
        for path, key in settings_for(self.source, self.connection, "sprints", "notify", "tracking_issue"):
            if not isinstance(key, str):
                continue
            try:
                issue = self.tracker.read(key, Recall()).issue
            except Gone:
                message = f"{name} has no issue {key} that its account can see"
                yield Remark("unknown-issue", path, message)
                continue
            if issue.project not in self.connection.projects:
                message = f"{key} is of {issue.project}, which {name} does not watch"
                yield Remark("unwatched-issue", path, message)


@dataclass(frozen=True, slots=True)
class _Known:
    """The labels of a tracker."""

    names: tuple[str, ...]
    _folded: frozenset[str]

    @classmethod
    def of(cls, names: Collection[str]) -> _Known:
        return cls(tuple(sorted(names)), frozenset(name.casefold() for name in names))

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._folded

    def meant(self, name: str) -> str:
        return did_you_mean(name, self.names)
