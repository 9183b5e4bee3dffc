"""Reading ``issues.jsonl``: an issue a line, every bad line named by file and line.

``id``, ``project``, ``created`` (ISO 8601 or a number), ``title``, ``body``, and for training
``type``, ``labels``, ``components``. Further keys are passed over, but for three of our own:
``ours`` (tags we set and nobody confirmed: of the target they belong to, the issue teaches nothing),
``weight`` (what people confirmed or corrected counts more) and ``key``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifiers.examples import Example, Filed, Target

_MOST_TAGS = 200
_MOST_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that is no issue."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(frozen=True, slots=True)
class Line:
    """One issue as a file tells it."""

    id: str
    filed: Filed
    created: float
    tags: Mapping[Target, tuple[str, ...]]
    """Only of the targets the line speaks of: a missing key is unknown, an empty list is none."""
    weight: float = 1.0

    def example(self, target: Target) -> Example | None:
        """The issue as an example of ``target``; None when the line does not speak of it."""
        tags = self.tags.get(target)
        return None if tags is None else Example(self.id, self.filed, self.created, tags, self.weight)


class _Wrong(ValueError):
    """What is wrong with a line, as a sentence."""


def read_issues(path: Path) -> Iterator[Line | BadLine]:
    """The issues of a file in its order, bad lines among them. Raises OSError when it cannot be read.

    Lines are read one at a time; blank ones are passed over.
    """
    with path.open("rb") as file:
        yield from parse_issues(file, str(path))


def parse_issues(lines: Iterable[bytes], file: str) -> Iterator[Line | BadLine]:
    """The same for lines at hand; ``file`` names them in complaints. An id met twice is a bad line."""
    seen: set[str] = set()
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            line = _line(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
            if line.id in seen:
                raise _Wrong(f"the id {line.id!r} stands in an earlier line already.")
        except _Wrong as wrong:
            yield BadLine(file, number, str(wrong))
            continue
        seen.add(line.id)
        yield line


def _line(raw: bytes) -> Line:
    try:
        data = json.loads(raw)
    except RecursionError:
        raise _Wrong("it is nested too deeply for an issue.") from None
    except ValueError as error:
        raise _Wrong(f"it is not JSON ({error}); each line holds one JSON object.") from None
    if not isinstance(data, dict):
        raise _Wrong(f"it is {_kind(data)}, not an object with id, project, created, title and body.")
    filed = Filed(
        project=_text(data, "project", required=True), title=_text(data, "title"), body=_text(data, "body")
    )
    ours = {label.casefold() for label in _names(data, "ours") or ()}
    tags: dict[Target, tuple[str, ...]] = {}
    for target in (Target.LABELS, Target.COMPONENTS):
        names = _names(data, target)
        # Without ours it would teach that they do not fit, which nobody said either.
        if names is not None and ours.isdisjoint(name.casefold() for name in names):
            tags[target] = names
    if type_ := _text(data, "type").strip():
        tags[Target.TYPE] = (type_,)
    return Line(_id(data), filed, _created(data.get("created")), tags, _weight(data.get("weight", 1.0)))


def _id(data: Mapping[str, Any]) -> str:
    value = data.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(data, "id", required=True)


def _text(data: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    value = data.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise _Wrong(f"{key} is {_kind(value)}; it must be a text.")
    if required and not value.strip():
        raise _Wrong(f"{key} is empty.")
    # Half a character (a lone surrogate) can be in JSON but in no file or terminal.
    return value.encode("utf-8", "replace").decode()


def _names(data: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _Wrong(f"{key} must be a list of texts.")
    if len(value) > _MOST_TAGS:
        raise _Wrong(f"{key} holds {len(value)} names; more than {_MOST_TAGS} is no issue of a tracker.")
    cleaned = (item.encode("utf-8", "replace").decode().strip() for item in value)
    return tuple(dict.fromkeys(item for item in cleaned if item))


def _created(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return _number(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise _Wrong(f"created is {_kind(value)}; it must be an ISO 8601 time or a number.")


def _number(value: float | str) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _Wrong("created is neither an ISO 8601 time (2026-03-01T09:00:00Z) nor a number.")
    return number


def _weight(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MOST_WEIGHT:
        return float(value)
    raise _Wrong(f"weight must be a number above 0 and at most {_MOST_WEIGHT:.0f}.")


def _kind(value: Any) -> str:
    names = {type(None): "missing", bool: "true or false", int: "a number", float: "a number", str: "a text"}
    names |= {list: "a list", dict: "an object"}
    return names.get(type(value), "something else")
