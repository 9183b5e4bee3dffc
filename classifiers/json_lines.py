"""JSON Lines as people write them: an object a line, every bad line named by file and line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that is not what its file holds."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


class Wrong(ValueError):
    """What is wrong with a line, as a sentence."""


def parse_lines(
    lines: Iterable[bytes], file: str, parse: Callable[[Mapping[str, Any]], T]
) -> Iterator[T | BadLine]:
    """What ``parse`` makes of each line's object; a BadLine where it raises Wrong or there is none.

    Lines are taken one at a time; blank ones are passed over, and so is a byte order mark.
    """
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            yield parse(_object(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw))
        except Wrong as wrong:
            yield BadLine(file, number, str(wrong))


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(raw)
    except RecursionError:
        raise Wrong("it is nested too deeply.") from None
    except ValueError as error:
        raise Wrong(f"it is not JSON ({error}); each line holds one JSON object.") from None
    if not isinstance(data, dict):
        raise Wrong(f"it is {kind(data)}, not an object.")
    return data


def text(data: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    """A text, empty when missing. Raises Wrong."""
    value = data.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise Wrong(f"{key} is {kind(value)}; it must be a text.")
    if required and not value.strip():
        raise Wrong(f"{key} is empty.")
    return whole(value)


def whole(value: str) -> str:
    """Half a character (a lone surrogate) can be in JSON but in no file or terminal: it becomes ``?``."""
    return value.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class When:
    """A place in time."""

    value: float
    """The number itself, or a time's seconds since 1970."""
    is_time: bool


def when(data: Mapping[str, Any], key: str) -> When:
    """An ISO 8601 time (UTC if it names no zone) or a number, also one written as a text. Raises Wrong."""
    value = data.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return When(_finite(value, key), is_time=False)
    if not isinstance(value, str):
        raise Wrong(f"{key} is {kind(value)}; it must be an ISO 8601 time or a number.")
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return When(_finite(value, key), is_time=False)
    return When((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), is_time=True)


def _finite(value: float | str, key: str) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise Wrong(f"{key} is neither an ISO 8601 time (2026-03-01T09:00:00Z) nor a number.")
    return number


def kind(value: Any) -> str:
    """What a JSON value is, for a sentence."""
    names = {type(None): "missing", bool: "true or false", int: "a number", float: "a number", str: "a text"}
    names |= {list: "a list", dict: "an object"}
    return names.get(type(value), "something else")
