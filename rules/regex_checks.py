"""Regular expressions that re2 takes but that cannot be what was meant.

Only what is plain from neighbouring signs is told, outside of groups; of anything else nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"\\[pPx]\{[^}]*\}|\\[pP].|\\x[0-9A-Fa-f]{2}|\\[0-7]{1,3}|\\."
    r"|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\((?:\?:|\?P?<\w+>)?|.",
    re.DOTALL,
)
_TIMES: Final = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})+")
_BEYOND: Final = re.compile(r"\\[QC]|\(\?(?!:|P?<)")
"""What would take more than a look at neighbours: quoted stretches and flags."""
_ENDS: Final = frozenset({"$", r"\z"})
_STARTS: Final = frozenset({"^", r"\A"})
_EDGES: Final = frozenset({r"\b", r"\B"})
_DOUBLED: Final = re.compile(r"\A\\\\b(?=\w)|(?<=\w)\\\\b\Z|(?<!\\)\\\\[dws][+*{]")
_GLOB: Final = re.compile(r"[A-Za-z][A-Za-z ]{2,}\*\Z")


def is_dead(pattern: str) -> bool:
    """Whether ``pattern`` surely matches no text at all."""
    found = list(_alternatives(pattern))
    return bool(found) and all(found)


def has_dead_part(pattern: str) -> bool:
    """Whether one of its outermost alternatives surely matches no text."""
    return any(_alternatives(pattern))


def is_doubled(pattern: str) -> bool:
    """Whether a backslash was doubled as for double quotes, where it was not to be: ``\\\\b`` for ``\\b``."""
    return _DOUBLED.search(pattern) is not None


def is_glob(pattern: str) -> bool:
    """Whether it is but a word with a star, which repeats the last letter instead of meaning any ending."""
    return _GLOB.match(pattern) is not None


def _alternatives(pattern: str) -> Iterator[bool]:
    """Of each alternative outside of groups, whether it is dead. None of a pattern beyond us."""
    plain = pattern.removeprefix("(?i)")
    if _BEYOND.search(plain):
        return
    dead, before, depth, at = False, "", 0, 0
    while at < len(plain):
        token = _TOKEN.match(plain, at)
        if token is None:
            return
        times = _TIMES.match(plain, token.end())
        at = (times or token).end()
        if token[0][0] == "(":
            depth += 1
        elif token[0] == ")":
            depth, before = depth - 1, ""
        elif depth == 0 and token[0] == "|":
            yield dead
            dead, before = False, ""
        elif depth == 0:
            # What may be left out says nothing about its neighbours.
            here = token[0] if times is None or set(times[0]) == {"+"} else ""
            dead, before = dead or _exclude(before, here), here
    yield dead


def _exclude(before: str, after: str) -> bool:
    return (
        (before in _ENDS and _consumes(after))
        or (_consumes(before) and after in _STARTS)
        or {before, after} == _EDGES
    )


def _consumes(sign: str) -> bool:
    """Whether it always takes a character."""
    return bool(sign) and sign not in _ENDS | _STARTS | _EDGES
