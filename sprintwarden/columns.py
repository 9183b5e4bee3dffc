"""Plain tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 100
_MOST: Final = 32
"""Of a name in the first column."""


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
