"""Plain tables and paragraphs that fit a terminal of 100 columns."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 100
_MOST: Final = 32
"""Of a name in the first column."""
_PATTERN: Final = re.compile(
    r"""(?<=matches the pattern ).+?(?=: "|,? and (?:the|nothing) |, (?:the|nothing) | \(rule |$)"""
)
"""What ``rules.matching`` says of a regular expression."""
_OBEYED: Final = frozenset({"Cc", "Cf", "Cs"})
"""Escapes, marks that turn the direction of writing, halves of characters."""
_GLUE: Final = "\ue000"
"""For private use: stands for a space that is no place to break at."""


def plain(text: str) -> str:
    """``text`` without control characters: names from a tracker may hold some that a terminal would obey."""
    return "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in _OBEYED)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], indent: str = "  ") -> list[str]:
    """Lines of a table: numbers to the right, the last column as wide as is left.

    Text that is too long ends in an ellipsis. Nothing without rows.
    """
    if not rows:
        return []
    cells = [list(heads), *([str(cell) for cell in row] for row in rows)]
    for row in cells:
        row[0] = shortened(row[0], _MOST)
    right = [all(_is_number(row[place]) for row in cells[1:]) for place in range(len(heads))]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    taken = len(indent) + sum(width + 2 for width in widths[:-1])
    widths[-1] = min(widths[-1], max(WIDTH - taken, len(heads[-1])))
    return [(indent + _line(row, widths, right)).rstrip() for row in cells]


def wrapped(text: str, indent: str = "  ", hang: int = 0) -> list[str]:
    """``text`` as a paragraph, its later lines ``hang`` further in. A pattern stays in one piece."""
    glued = _PATTERN.sub(lambda found: found[0].replace(" ", _GLUE), text)
    lines = textwrap.wrap(
        glued,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * hang,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]


def shortened(text: str, most: int) -> str:
    """``text``, at most ``most`` characters of it."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 label", "2 labels"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    shown = (
        cell.rjust(width) if to_right else shortened(cell, width).ljust(width)
        for cell, width, to_right in zip(row, widths, right, strict=True)
    )
    return "  ".join(shown)


def _is_number(cell: str) -> bool:
    return cell.strip("+−-–% ").replace(".", "").isdecimal() or cell in ("", "–")
