"""Lines of descriptions with what they are: those shipped for training, and those an admin adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from classifiers.json_lines import BadLine, Wrong, parse_lines, text
from rules.sprint_rules import LineKind


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line and what a person says it is."""

    line: str
    kind: LineKind
    about: str = ""
    """The subject it is from; lines of one subject share words that say nothing about their kind."""


def read_lines(lines: Iterable[bytes], file: str) -> Iterator[LabelledLine | BadLine]:
    """Labelled lines, bad ones among them: ``{"line": "Also export as PDF", "kind": "demand"}``, one
    object a line. ``file`` names them in complaints."""
    return parse_lines(lines, file, _labelled)


def shipped_lines() -> list[LabelledLine]:
    """The lines that the shipped model learnt from, written for it."""
    path = resources.files("classifiers").joinpath("requirement_lines.jsonl")
    found = read_lines(path.read_bytes().splitlines(), str(path))
    return [line for line in found if isinstance(line, LabelledLine)]


def _labelled(data: Mapping[str, Any]) -> LabelledLine:
    kind = text(data, "kind", required=True)
    if kind not in set(LineKind):
        raise Wrong(f"kind is {kind!r}; it must be one of {', '.join(LineKind)}.")
    return LabelledLine(text(data, "line", required=True), LineKind(kind), text(data, "about"))
