"""Signs that are easily mistyped and hardly seen: odd spaces, a space or a dash that is not there.

What a parser says of them stands elsewhere and speaks of something else. A slip is told only where mending
it makes the text readable, or where the lines above leave no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

SPACE_AFTER_COLON: Final = "a space is missing after the colon"
SPACE_AFTER_DASH: Final = "a space is missing after the dash"
_MAX_TRIED_CHARS: Final = 20_000
"""A longer part is not read again and again."""
_MOST_MENDED: Final = 5

_NAMES: Final = {"\u00a0": "no-break", "\u202f": "no-break", "\u2007": "no-break", "\u3000": "wide"}
_ZERO_WIDTH: Final = "\u200b\u200c\u200d\u2060"
_ODD: Final = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000" + _ZERO_WIDTH
_KEY: Final = r"(?:\"[^\"]*\"|'[^']*'|\w[\w/.-]*)"
_ODD_START: Final = re.compile(f"[ {_ODD}]*")
_INDENTED_ODDLY: Final = re.compile(
    rf"(?P<before>(?: |- )*-?)(?P<odd>[{_ODD}][ {_ODD}]*)(?=-(?: |$)|#|$|{_KEY} *:(?:[ {_ODD}]|$))"
)
_UNSPACED: Final = re.compile(rf"(?P<before>[ -]*{_KEY}:)(?=[^\s/:]|[{_ODD}])")
_UNDASHED: Final = re.compile(rf"(?P<before> *(?:- +)*-)(?={_KEY}:(?: |$))")
_KEY_AT: Final = re.compile(rf"(?P<indent> *)(?P<dash>- +)?(?P<key>{_KEY}) *:(?: |$)")
_QUOTES: Final = frozenset("\"'")
_BLOCKS: Final = frozenset("|>")


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistyped sign, at a line and column counted from 0."""

    line: int
    column: int
    message: str


def odd_space(character: str) -> str | None:
    """What to say of a space that is none in YAML; None of any other character."""
    if not re.match(f"[{_ODD}]", character):
        return None
    code = f"U+{ord(character):04X}"
    if character in _ZERO_WIDTH:
        return f"a zero-width space ({code}) stands here: remove it"
    return f"a {_NAMES.get(character, 'special')} space ({code}) stands here: type a plain space"


def odd_indents(lines: Sequence[str]) -> tuple[list[str], list[Slip]]:
    """``lines`` with plain spaces before their keys and dashes, and the places of those that were odd."""
    found = {number: hit for number, line in enumerate(lines) if (hit := _INDENTED_ODDLY.match(line))}
    if not found:
        return list(lines), []
    held = set(_held("\n".join(lines)))
    plain, slips = list(lines), list[Slip]()
    for number, hit in found.items():
        if number not in held:
            spaces = "".join("" if one in _ZERO_WIDTH else " " for one in hit["odd"])
            plain[number] = hit["before"] + spaces + lines[number][hit.end() :]
            slips.append(Slip(number, hit.start("odd"), odd_space(hit["odd"][0]) or ""))
    return plain, slips


def _held(text: str) -> Iterator[int]:
    """The lines that go on with a text in quotes or with a block of text: their spaces may be meant."""
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            style = getattr(event, "style", None)
            if style in _QUOTES or style in _BLOCKS:
                # A block ends where the next line begins.
                last = event.end_mark.line + (style in _QUOTES)
                yield from range(event.start_mark.line + 1, last)
    except (MarkedYAMLError, ValueError):
        return


def missing_spaces(text: str, line: int) -> list[Slip]:
    """Where a space after a colon or a dash is missing in ``text``, which cannot be read at ``line``.

    Empty unless the text can be read once they are there.
    """
    lines, slips = text.split("\n"), list[Slip]()
    while len(text) <= _MAX_TRIED_CHARS and len(slips) < _MOST_MENDED:
        slip = next((one for one in map(_unspaced, _upwards(lines, line)) if one), None)
        if slip is None:
            return []
        slips.append(slip)
        here = lines[slip.line]
        lines[slip.line] = f"{here[: slip.column]} {_ODD_START.sub('', here[slip.column :], count=1)}"
        stuck = _stuck("\n".join(lines))
        if stuck is None:
            return slips
        line = stuck
    return []


def _upwards(lines: list[str], line: int) -> Iterator[tuple[int, str]]:
    yield from ((number, lines[number]) for number in range(min(line, len(lines) - 1), -1, -1))


def _unspaced(numbered: tuple[int, str]) -> Slip | None:
    number, line = numbered
    if hit := _UNSPACED.match(line):
        return Slip(number, hit.end(), odd_space(line[hit.end()]) or SPACE_AFTER_COLON)
    if hit := _UNDASHED.match(line):
        return Slip(number, hit.end(), SPACE_AFTER_DASH)
    return None


def _stuck(text: str) -> int | None:
    """The line at which ``text`` cannot be read, or None if it can."""
    try:
        for _ in YAML(typ="safe", pure=True).parse(text):
            pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return int(mark.line) if mark else 0
    except ValueError:
        return 0
    return None


def missing_dash(lines: Sequence[str], line: int) -> Slip | None:
    """A dash that is missing at ``line``: it stands under dashes and begins as the last entry does."""
    here = _KEY_AT.match(lines[line])
    if here is None or here["dash"]:
        return None
    column, entry = len(here["indent"]), None
    for number in range(line - 1, -1, -1):
        above, text = _KEY_AT.match(lines[number]), lines[number].lstrip(" ")
        indent = len(lines[number]) - len(text)
        if not text or text.startswith("#") or indent > column:
            continue
        if indent == column and entry is None and above and above["dash"]:
            entry = number if above["key"] == here["key"] else None
            if entry is None:
                return None
        elif indent < column or not text.startswith("- "):
            # The list may stand right under its key; this line then belongs beside that key.
            beside = above is not None and len(above["indent"] + (above["dash"] or "")) == column
            if entry is None or beside or indent == column:
                return None
            message = (
                f'a dash is missing: this begins like the entry in line {entry + 1}, "- {here["key"]}: ..."'
            )
            return Slip(line, column, message)
    return None
