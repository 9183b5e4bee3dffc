"""What is wrong with a file an admin wrote, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_PROBLEMS = 100
"""More than this many help nobody; what is beyond them is counted."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in a file, at a 1-based line and column, told in a sentence."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


@dataclass(frozen=True, slots=True, order=True)
class Warned:
    """Something that is allowed but surely not meant, under a name by which it can be made fatal."""

    problem: Problem
    name: str

    def __str__(self) -> str:
        at = self.problem
        return f"{at.file}:{at.line}:{at.column}: warning: {at.message} [{self.name}]"


class BadFile(Exception):
    """A file that is not taken, with everything that is wrong with it.

    ``problems`` are sorted by position and free of repeats; at most ``MOST_PROBLEMS`` are kept,
    then one more tells how many were left out.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = sorted(set(problems))
        kept, rest = found[:MOST_PROBLEMS], found[MOST_PROBLEMS:]
        if rest:
            first = rest[0]
            kept.append(
                Problem(first.file, first.line, first.column, f"{len(rest)} more problems follow from here")
            )
        self.problems = tuple(kept)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[BadFile], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)
