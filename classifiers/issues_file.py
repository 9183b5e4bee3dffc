"""Reading ``issues.jsonl``: an issue a line, every bad line named by file and line.

``id``, ``project``, ``created`` (ISO 8601 or a number), ``title``, ``body``, and for training
``type``, ``labels``, ``components``. Further keys are passed over, but for three of our own:
``ours`` (tags we set and nobody confirmed: of the target they belong to, the issue teaches nothing),
``weight`` (what people confirmed or corrected counts more) and ``key``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.examples import Example, Filed, Target
from classifiers.json_lines import BadLine, Wrong, parse_lines, text, when, whole

_MOST_TAGS = 200
_MOST_WEIGHT = 100.0


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


def read_issues(path: Path) -> Iterator[Line | BadLine]:
    """The issues of a file in its order, bad lines among them. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        yield from parse_issues(file, str(path))


def parse_issues(lines: Iterable[bytes], file: str) -> Iterator[Line | BadLine]:
    """The same for lines at hand; ``file`` names them in complaints. An id met twice is a bad line."""
    seen: set[str] = set()

    def parse(data: Mapping[str, Any]) -> Line:
        line = _line(data)
        if line.id in seen:
            raise Wrong(f"the id {line.id!r} stands in an earlier line already.")
        seen.add(line.id)
        return line

    return parse_lines(lines, file, parse)


def _line(data: Mapping[str, Any]) -> Line:
    filed = Filed(
        project=text(data, "project", required=True), title=text(data, "title"), body=text(data, "body")
    )
    ours = {label.casefold() for label in _names(data, "ours") or ()}
    tags: dict[Target, tuple[str, ...]] = {}
    for target in (Target.LABELS, Target.COMPONENTS):
        names = _names(data, target)
        # Without ours it would teach that they do not fit, which nobody said either.
        if names is not None and ours.isdisjoint(name.casefold() for name in names):
            tags[target] = names
    if type_ := text(data, "type").strip():
        tags[Target.TYPE] = (type_,)
    return Line(_id(data), filed, when(data, "created").value, tags, _weight(data.get("weight", 1.0)))


def _id(data: Mapping[str, Any]) -> str:
    value = data.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(data, "id", required=True)


def _names(data: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Wrong(f"{key} must be a list of texts.")
    if len(value) > _MOST_TAGS:
        raise Wrong(f"{key} holds {len(value)} names; more than {_MOST_TAGS} is no issue of a tracker.")
    cleaned = (whole(item).strip() for item in value)
    return tuple(dict.fromkeys(item for item in cleaned if item))


def _weight(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MOST_WEIGHT:
        return float(value)
    raise Wrong(f"weight must be a number above 0 and at most {_MOST_WEIGHT:.0f}.")
