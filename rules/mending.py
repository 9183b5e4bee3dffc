"""What is left of a broken YAML text once its broken parts are taken out.

A parser stops at the first fault, and an admin would find the next one only after mending it. Here the
text is taken apart by its indentation down to the smallest parts that cannot be read by themselves. Each
of these is a fault of its own, for the others are read without it. What is told of the rest must not
come of what was taken out: ``torn`` names the places of which nothing can be said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from rules.problems import MOST_PROBLEMS

MAX_MENDED_CHARS: Final = 100_000
"""A longer text is not taken apart: each level of indentation reads it once more."""
_TAB: Final = 8
_DEEPEST: Final = 40


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of a text that cannot be read."""

    start: int
    """Its first line, counted from 0."""
    text: str
    error: MarkedYAMLError


@dataclass(frozen=True, slots=True)
class Mended:
    """A text without its broken parts, line by line where it was."""

    text: str | None
    """None where so much is broken that the rest would tell nothing."""
    broken: tuple[Broken, ...]
    torn: frozenset[tuple[int, int]]
    """Lines and columns, counted from 1, whose meaning may have changed by what was taken out; a column
    of 0 stands for the whole line."""


def mend(lines: list[str]) -> Mended:
    """Take the parts out that cannot be read. ``lines`` are those of a text that cannot be read whole."""
    broken = tuple(islice(_broken(list(lines), 0, len(lines), 0), MOST_PROBLEMS + 1))
    if len(broken) > MOST_PROBLEMS:
        return Mended(None, broken, frozenset())
    kept, torn = list(lines), set[int]()
    for part in broken:
        torn |= _around(lines, part.start)
        for number in range(part.start, part.start + part.text.count("\n") + 1):
            kept[number] = ""
            torn.add(number)
        # The dash of a list's entry stays: what else belongs to the entry would go to another.
        kept[part.start] = _dashes(lines[part.start]) if _was_entry(lines, part) else ""
    places = {(number + 1, 0) for number in torn}
    for part in broken:
        places |= {(number + 1, _indent(kept[number]) + 1) for number in _first_kept(lines, kept, part)}
    return Mended("\n".join(kept), broken, frozenset(places))


def _broken(lines: list[str], start: int, stop: int, depth: int) -> Iterator[Broken]:
    """The smallest parts of these lines that cannot be read by themselves."""
    # A comment behind a part is none of it: a quote left open would only end there.
    while stop > start and not _says(lines[stop - 1]):
        stop -= 1
    text = "\n".join(lines[start:stop])
    error = _fault(text)
    if error is None:
        return
    parts = _parts(lines, start, stop) if depth < _DEEPEST else []
    whole = True
    for first, last in parts:
        for part in _broken(lines, first, last, depth + 1):
            whole = False
            yield part
    if whole:
        yield Broken(start, text, error)


def _fault(text: str) -> MarkedYAMLError | None:
    try:
        for _ in YAML(typ="safe", pure=True).parse(text):
            pass
    except MarkedYAMLError as error:
        return error
    except ValueError:
        return None  # an escape without a mark: told of the whole text
    return None


def _parts(lines: list[str], start: int, stop: int) -> list[tuple[int, int]]:
    """The blocks side by side in a block; of a single one, those in it. None where nothing is to part."""
    for _ in range(_DEEPEST):
        content = [number for number in range(start, stop) if _says(lines[number])]
        if not content:
            return []
        cuts = sorted({content[0], *_heads(lines, content), stop})
        if len(cuts) > 2:
            return list(pairwise(cuts))
        start = content[0]
        if _is_entry(lines[start]):
            lines[start] = lines[start].replace("-", " ", 1)
        elif len(content) > 1 and _fault(lines[start]) is None:
            start += 1
        else:
            return []  # a value that goes on over several lines is one part with its key
    return []


def _heads(lines: list[str], content: list[int]) -> list[int]:
    """Those of the lines that begin a block: the least indented ones."""
    low = min(_indent(lines[number]) for number in content)
    least = [number for number in content if _indent(lines[number]) == low]
    # A bracket may be closed below its key, and a list's dashes may stand below theirs.
    heads = [number for number in least if lines[number].strip()[0] not in "]}"]
    return [number for number in heads if not _is_entry(lines[number])] or heads


def _says(line: str) -> bool:
    return line.strip() != "" and not line.lstrip().startswith("#")


def _indent(line: str) -> int:
    # A tab is told as such; where it stands it was meant to be deep.
    return len(line[: len(line) - len(line.lstrip())].expandtabs(_TAB))


def _is_entry(line: str) -> bool:
    return line.lstrip().startswith("- ") or line.strip() == "-"


def _dashes(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" -"))].rstrip()


def _was_entry(lines: list[str], part: Broken) -> bool:
    """Whether a dash was taken off the part's first line to look at what stands behind it."""
    return _is_entry(lines[part.start]) and not _is_entry(part.text.partition("\n")[0])


def _around(lines: list[str], start: int) -> set[int]:
    """The lines of the keys and dashes that the line at ``start`` stands under."""
    found, low = set(), _indent(lines[start])
    for number in range(start - 1, -1, -1):
        if _says(lines[number]) and _indent(lines[number]) < low:
            found.add(number)
            low = _indent(lines[number])
    return found


def _first_kept(lines: list[str], kept: list[str], part: Broken) -> set[int]:
    """The first line left of the mapping that the part was taken from, which now seems to begin there."""
    above = max(_around(lines, part.start), default=-1)
    if _was_entry(lines, part):
        above = part.start
    elif above >= 0 and _is_entry(lines[above]) and kept[above] == lines[above]:
        return set()  # it begins behind the dash, as before
    return set([number for number in range(above + 1, len(kept)) if _says(kept[number])][:1])
