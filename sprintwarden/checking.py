"""``check``: what is wrong with a rules file, what in it is surely not meant, and what a tracker lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rules.connections import Connection
from rules.lint import lint, warned
from rules.lint_connection import labels_for, lint_for, settings_for
from rules.load import load_rules
from rules.problems import BadFile, Problem, Warned
from rules.remarks import Remark
from rules.source import Source, read_source
from rules.validate import did_you_mean
from rules.warning_names import WARNINGS
from sprintwarden.alone import OwnCache, OwnGate
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from trackers.errors import Gone
from trackers.model import TrackerKind
from trackers.protocol import Recall, Tracker


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing ``check`` has found: an error, or a warning by its name."""

    problem: Problem
    name: str | None = None
    """Of a warning."""
    is_error: bool = True
    """A warning that was made fatal is one too."""

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
    today: date | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[Finding, ...]:
    """Everything wrong with ``file`` (by default the configured one), and its warnings, by position.

    With ``connection``, also what that tracker does not have; ``tell`` is given, in a sentence, what it
    cannot be asked. Warnings named in ``fatal`` are errors. ``today`` (by default the present day, UTC)
    tells what is over. Raises Complaint when the file cannot be read or the connection is not there.
    """
    path = file or settings.rules_file
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    errors = list(_errors(text, str(path)))
    try:
        source = read_source(text, str(path))
    except BadFile:
        return tuple(map(Finding, errors))
    warnings = list(lint(source, today or datetime.now(UTC).date()))
    if connection is not None:
        asked = _Asked.of(settings, source, connection)
        errors += asked.unknown_labels(tell)
        warnings += asked.warnings()
    return _together(errors, warnings, fatal)


def _errors(text: bytes, file: str) -> tuple[Problem, ...]:
    try:
        load_rules(text, file)
    except BadFile as error:
        return error.problems
    return ()


def _together(errors: list[Problem], warnings: list[Warned], fatal: Collection[str]) -> tuple[Finding, ...]:
    # What is wrong anyway needs no warning beside it.
    wrong = {(error.line, error.column) for error in errors}
    found = [Finding(error) for error in errors]
    found += [
        Finding(one.problem, one.name, one.name in fatal)
        for one in set(warnings)
        if (one.problem.line, one.problem.column) not in wrong
    ]
    return tuple(sorted(found, key=lambda finding: (finding.problem, finding.name or "")))


def fatal_names(names: Collection[str], *, strict: bool) -> frozenset[str]:
    """The names of warnings to be made errors. Raises Complaint about one that there is not."""
    for name in names:
        if name not in WARNINGS:
            known = ", ".join(WARNINGS)
            raise Complaint(
                f'There is no warning "{name}"{did_you_mean(name, list(WARNINGS))}; there are: {known}.'
            )
    return frozenset(WARNINGS if strict else names)


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

    def unknown_labels(self, tell: Callable[[str], None]) -> Iterator[Problem]:
        """The labels of its layers that the tracker does not have."""
        known = self.tracker.label_names(self.connection.projects)
        name = self.connection.name
        if known is None:
            tell(
                f"{name} cannot list its labels, since Jira Data Center offers no way to ask for them: "
                "the labels of the rules were not compared with its own."
            )
            return
        folded = {one.casefold() for one in known}
        after = self._what_then()
        for path, label in labels_for(self.source, self.connection):
            wanted = self.tracker.label_name(label)
            if wanted.casefold() not in folded:
                meant = did_you_mean(wanted, sorted(known))
                yield self.source.problem(path, f'{name} has no label "{wanted}": {after}{meant}')

    def _what_then(self) -> str:
        """What becomes of a label that the tracker does not have."""
        if self.connection.tracker is TrackerKind.JIRA:
            return "Jira makes it at its first use"
        said = {made for _, made in settings_for(self.source, self.connection, "tagging", "create_labels")}
        if said == {True}:
            return "it is made at its first use, as create_labels says"
        return "it is not put on unless create_labels is true"

    def warnings(self) -> Iterator[Warned]:
        """What the connection does not have of other things."""
        yield from lint_for(self.source, self.connection, self.every)
        for remark in (*self._never(), *self._boards(), *self._issues()):
            yield warned(self.source, remark)

    def _never(self) -> Iterator[Remark]:
        # On Jira a name there may also be a component's or an issue type's.
        if self.connection.tracker is not TrackerKind.LINEAR:
            return
        known = sorted(self.tracker.label_names(self.connection.projects) or ())
        folded = {name.casefold() for name in known}
        for path, names in settings_for(self.source, self.connection, "tagging", "learned", "never"):
            for index, name in enumerate(names if isinstance(names, list) else ()):
                if isinstance(name, str) and name.casefold() not in folded:
                    message = f'{self.connection.name} has no label "{name}"{did_you_mean(name, known)}'
                    yield Remark("unknown-never", (*path, index), message)

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
