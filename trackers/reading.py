"""Small typed readers over JSON that somebody else wrote.

Every reader takes any value at all and answers in one type, or with "nothing there" (``None``, an
empty mapping, an empty list). None of them raises, so that a strange body can only ever be
refused in words of our own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson

MAX_IDENT = 255
"""No id of either tracker comes near it; a longer one is not an id."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FARTHEST = timedelta(days=3 * 365)
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_EPOCH_TEXT = re.compile(r"[0-9]{12,15}").fullmatch
_LONGEST_MOMENT = 40
_WIDEST_INT = 1 << 63


_HALF = re.compile(
    rb"(\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Half of a character beyond the first 65,536, where a text was cut in the middle of one. Whole ones, and
other escapes, are the group: a backslash that is escaped begins no escape."""


def json_value(body: bytes) -> Any:
    """The JSON of a body; half a character in it reads as the replacement character.

    Raises ValueError (orjson's) when it is no JSON; depth and size are bounded by the parser.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        mended = _HALF.sub(lambda found: found[1] or rb"\ufffd", body) if b"\\u" in body else body
        if mended == body:
            raise
        return orjson.loads(mended)


def mapping(value: object) -> Mapping[str, Any]:
    """The value when it is a JSON object, else an empty mapping."""
    return value if isinstance(value, dict) else _EMPTY


def items(value: object) -> list[Any]:
    """The value when it is a JSON array, else an empty list."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """The value when it is a string (an empty one too), else ``None``."""
    return value if isinstance(value, str) else None


def ident(value: object) -> str | None:
    """An id as text: a string that is not empty, or a whole number, at most ``MAX_IDENT`` long.

    Jira writes the same id as a number in one place and as text in another.
    """
    if isinstance(value, str):
        return value if 0 < len(value) <= MAX_IDENT else None
    if isinstance(value, int) and not isinstance(value, bool) and -_WIDEST_INT < value < _WIDEST_INT:
        return str(value)
    return None


def reference(value: object) -> str | None:
    """An id fit to stand in an address or a key: ASCII letters, digits, ``_`` and ``-`` only."""
    found = ident(value)
    return found if found is not None and _REFERENCE(found) else None


def number(value: object) -> float | None:
    """The value when it is a finite number, else ``None``. ``true`` is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def moment(value: object) -> datetime | None:
    """A point in time, in UTC.

    Takes ISO 8601 text with ``Z``, ``+0000``, ``+00:00`` or no zone at all (then UTC), and
    milliseconds since 1970 as a number or as text.
    """
    try:
        if isinstance(value, str):
            if len(value) > _LONGEST_MOMENT:
                return None
            if _EPOCH_TEXT(value):
                return _EPOCH + timedelta(milliseconds=int(value))
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def planned_moment(value: object, now: datetime) -> datetime | None:
    """A date that people plan by, as ``moment`` reads it; None for one more than three years after ``now``.

    Such a date is a slip of the hand, or stands for "some day".
    """
    found = moment(value)
    return found if found is None or found - now <= _FARTHEST else None


def names(values: Iterable[str], *, most: int = 64, longest: int = 100) -> tuple[str, ...]:
    """The values once each, in order, cut to a number and a length that are safe to store."""
    return tuple(dict.fromkeys([value[:longest] for value in values]))[:most]


def differs(one: object, other: object) -> bool:
    """Whether two JSON values differ; values too deep to compare count as different."""
    try:
        return one != other
    except RecursionError:
        return True
