"""What a rules file says that is not so of a tracker: it is asked for what it has. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rules.checking import Finding, NewLabel, Then
from rules.connections import Connection
from rules.lint import warned
from rules.lint_connection import labels_for, lint_for, settings_for
from rules.remarks import Remark
from rules.source import Source
from rules.validate import did_you_mean
from trackers.errors import Gone
from trackers.model import TrackerKind
from trackers.protocol import Recall, Tracker

UNKNOWN_LABEL: Final = "unknown-label"
_SNOOZE: Final = ("sprints", "notify", "snooze_label")
_JIRA_MAKES: Final = Then("Jira makes it at its first use", "Jira makes them at first use")
_WE_MAKE: Final = Then(
    "it is made at its first use, as create_labels says", "They are made at first use, as create_labels says"
)
_NOBODY_MAKES: Final = Then(
    "it is not put on unless create_labels is true", "They are not put on unless create_labels is true"
)


@dataclass(frozen=True, slots=True)
class HeldAgainst:
    """A rules file held against one tracker."""

    source: Source
    connection: Connection
    every: Sequence[Connection]
    """All that are configured."""
    tracker: Tracker

    def findings(self, tell: Callable[[str], None] = lambda sentence: None) -> Iterator[Finding]:
        """Labels that its layers put on and the tracker does not have, as errors; of other things warnings.

        ``tell`` is given, in a sentence, what the tracker cannot be asked. Raises a member of
        ``trackers.errors``.
        """
        yield from self._unknown_labels(tell)
        yield from map(Finding.warning, lint_for(self.source, self.connection, self.every))
        for remark in (*self._on_linear(), *self._boards(), *self._issues()):
            yield Finding.warning(warned(self.source, remark))

    def _unknown_labels(self, tell: Callable[[str], None]) -> Iterator[Finding]:
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
