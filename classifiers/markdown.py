"""Pieces of a Markdown page, as lines; names anybody could have given cannot break it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

NAMED: Final = 20
"""Of a long row of names so many are told."""


def section(title: str, lines: Iterable[str], level: int = 2) -> list[str]:
    return [f"{'#' * level} {title}", "", *lines, ""]


def bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell(item) for item in row)} |" for row in lines]


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(cell(name) for name in names[:NAMED]) + more


def cell(text: str) -> str:
    """A name kept from breaking a table or the page."""
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;")
