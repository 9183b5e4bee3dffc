"""All that can be said of a rules file: what is wrong with it, and what in it is surely not meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from rules.lint import lint
from rules.load import read_rules
from rules.problems import BadFile, Problem, Warned
from rules.source import Source, read_source

_MOST_NAMED: Final = 10


class Then(NamedTuple):
    """What becomes of a label that a tracker does not have, said of one and of many."""

    one: str
    many: str


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label of the rules that a tracker does not have."""

    name: str
    connection: str
    then: Then


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: an error, or a warning by its name."""

    problem: Problem
    name: str | None = None
    """Of a warning, and of an error that ``--allow`` can take away."""
    is_error: bool = True
    """A warning that was made fatal is one too."""
    label: NewLabel | None = None
    """With ``unknown-label`` only."""

    @classmethod
    def warning(cls, warned: Warned) -> Finding:
        """Of what is allowed."""
        return cls(warned.problem, warned.name, is_error=False)

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


Beside = Callable[[Source], Iterable[Finding]]
"""What else is to be said of a file that could be read, by who knows connections or their trackers."""


def check_text(text: bytes, file: str, today: date, beside: Beside) -> tuple[Finding, ...]:
    """Everything wrong with a rules file, and its warnings, by position.

    ``file`` is its name in what is told, ``today`` tells what is over. Raises what ``beside`` raises.
    """
    errors: list[Finding] = []
    try:
        _, source = read_rules(text, file)
    except BadFile as error:
        errors = [Finding(problem) for problem in error.problems]
        try:
            source = read_source(text, file)
        except BadFile:
            return tuple(errors)
    wrong = {_place(error) for error in errors}
    others = {*map(Finding.warning, lint(source, today)), *beside(source)}
    # What is wrong anyway needs no warning beside it.
    told = (one for one in others if one.is_error or _place(one) not in wrong)
    return tuple(sorted([*errors, *told], key=lambda one: (one.problem, one.name or "")))


def _place(found: Finding) -> tuple[int, int]:
    return found.problem.line, found.problem.column


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
