"""Words, phrases and regular expressions as re2 programs: linear in the text, whatever an admin writes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import re2

MAX_REGEX_CHARS = 1_000
_REGEX_MEMORY = 512 * 1024
"""Keeps the largest program to a compile of some ten milliseconds."""
_LIST_MEMORY = 16 * 1024 * 1024
"""Enough for the longest list the schema lets through, with every letter in all its cases."""

_LETTER = r"\p{L}\p{N}\p{M}_"
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts written without spaces: a word in them has no edge that could be asked for."""
_EDGE = rf"(?:[^{_LETTER}]|[{_UNSPACED}])"
_BEFORE, _AFTER = rf"(?:\A|{_EDGE})", rf"(?:\z|{_EDGE})"
_SPACES = r"[\s\p{Z}]+"
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc]")

_IN_PLAIN_WORDS = (
    ("missing )", "a closing ) is missing in this regular expression; a ( meant as it stands is written \\("),
    ("unexpected )", "a ) closes nothing in this regular expression; one meant as it stands is written \\)"),
    ("missing ]", "a closing ] is missing in this regular expression; a [ meant as it stands is written \\["),
    (
        "no argument for repetition",
        "in this regular expression a *, + or ? has nothing before it to repeat; one meant as it stands is "
        "written with a \\ before it",
    ),
    (
        "trailing \\",
        "this regular expression ends with a single \\: a backslash as it stands is written \\\\",
    ),
)
"""Of re2's own words for what is wrong, those an admin meets most."""
_PROBE = "\u2060 a"
"""A text that no sensible pattern finds an empty piece in: an invisible joiner, a space, a letter."""


class BadPattern(ValueError):
    """A regular expression that cannot be used; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Something to look for in a text, compiled once.

    ``find`` takes UTF-8 bytes and gives the piece found as the reader wrote it and the admin's
    own word, phrase or pattern for it; None if it is not there.
    """

    _program: Any
    _whole: dict[str, str]
    _stems: tuple[tuple[str, str], ...]
    _pattern: str | None = None

    def find(self, text: bytes) -> tuple[str, str] | None:
        """The piece found and what it was found by, or None."""
        hit = self._program.search(text)
        if hit is None:
            return None
        groups = [group for group in hit.groups() if group is not None] if self._pattern is None else []
        found = (groups[0] if groups else hit.group()).decode("utf-8", "replace")
        return found, self._pattern or self._wanted(found)

    def _wanted(self, found: str) -> str:
        key = _key(found)
        if key in self._whole:
            return self._whole[key]
        return next((word for stem, word in self._stems if key.startswith(stem)), found)


def words_finder(words: tuple[str, ...], *, case_sensitive: bool = False) -> Finder:
    """Looks for any of ``words`` as whole words; a trailing ``*`` stands for any ending."""
    shapes: dict[tuple[bool, bool], list[str]] = {}
    whole: dict[str, str] = {}
    stems: list[tuple[str, str]] = []
    for word in map(composed, words):
        stem = word.removesuffix("*").strip()
        is_stem = word.endswith("*")
        edges = not _is_unspaced(stem[0]), not (is_stem or _is_unspaced(stem[-1]))
        shapes.setdefault(edges, []).append(_literal(stem) + (f"[{_LETTER}]*" if is_stem else ""))
        if is_stem:
            stems.append((_key(stem), word))
        else:
            whole[_key(stem)] = word
    branches = [
        (_BEFORE if before else "") + "(" + "|".join(pieces) + ")" + (_AFTER if after else "")
        for (before, after), pieces in shapes.items()
    ]
    program = _compile("|".join(branches), case_sensitive, _LIST_MEMORY)
    return Finder(program, whole, tuple(stems))


def phrases_finder(phrases: tuple[str, ...], *, case_sensitive: bool = False) -> Finder:
    """Looks for any of ``phrases`` anywhere, also inside words."""
    spelled = [composed(phrase) for phrase in phrases]
    program = _compile("|".join(map(_literal, spelled)), case_sensitive, _LIST_MEMORY)
    return Finder(program, {_key(phrase): phrase for phrase in spelled}, ())


def regex_finder(pattern: str, *, case_sensitive: bool = False) -> Finder:
    """Looks for a regular expression in re2's syntax.

    Raises BadPattern with a sentence when re2 refuses it, when it is too large, or when it finds
    nothing in particular (an empty piece, which is in every text).
    """
    if len(pattern) > MAX_REGEX_CHARS:
        raise BadPattern(
            f"this regular expression has {len(pattern):,} characters, more than {MAX_REGEX_CHARS:,}"
        )
    try:
        program = _compile(composed(pattern), case_sensitive, _REGEX_MEMORY)
    except re2.error as error:
        raise BadPattern(_refusal(pattern, error)) from None
    if _finds_nothing(program):
        raise BadPattern("this regular expression also finds an empty text, so it would match every issue")
    return Finder(program, {}, (), pattern)


def _finds_nothing(program: Any) -> bool:
    probed = program.search(_PROBE.encode())
    if probed is None:
        return False
    start, end = probed.span()
    return start == end or program.search(b"") is not None


def _refusal(pattern: str, error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    if isinstance(reason, bytes):
        reason = reason.decode("utf-8", "replace")
    if re.search(r"\(\?<?[=!]", pattern):
        return (
            "this regular expression looks ahead or behind, which re2 cannot do: use all, any and not instead"
        )
    if re.search(r"\\[1-9]", pattern) and "escape" in reason:
        return f"this regular expression refers back to a group, which re2 cannot do ({reason})"
    if "too large" in reason or "repetition size" in reason:
        return f"this regular expression is too large ({reason}): use smaller repeats"
    known = (sentence for start, sentence in _IN_PLAIN_WORDS if reason.startswith(start))
    return next(known, f"re2 refuses this regular expression: {reason}")


def _compile(pattern: str, case_sensitive: bool, memory: int) -> Any:
    options = re2.Options()
    options.case_sensitive = case_sensitive
    options.max_mem = memory
    options.log_errors = False
    # Bytes in, bytes out: the text is encoded once for all patterns instead of once for each.
    return re2.compile(pattern.encode("utf-8"), options)


def _literal(text: str) -> str:
    """A pattern for ``text`` as it stands, except that spaces and apostrophes come in kinds."""
    pieces = ("['\u2018\u2019\u02bc]".join(map(_escape, _APOSTROPHES.split(piece))) for piece in text.split())
    return _SPACES.join(pieces)


def _escape(text: str) -> str:
    return str(re2.escape(text))


def _is_unspaced(character: str) -> bool:
    return _compile(f"[{_UNSPACED}]", True, _REGEX_MEMORY).search(character.encode()) is not None


def composed(text: str) -> str:
    """``text`` with each letter and its accents as one character, so that both spellings are equal.

    A text with absurdly many accents on one letter is given back as it is: putting them in order
    takes time that is quadratic in their number.
    """
    if text.isascii() or _heaped(text):
        return text
    return unicodedata.normalize("NFC", text)


def _heaped(text: str) -> bool:
    return _compile(r"\p{M}{31}", True, _REGEX_MEMORY).search(text.encode("utf-8", "replace")) is not None


def _key(text: str) -> str:
    return " ".join(_APOSTROPHES.sub("'", text).casefold().split())
