"""What each connection watches, by the text of connections.yaml alone: no secret need be there to tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rules.layers import listed, mapping
from rules.problems import BadFile
from rules.source import read_source
from trackers.model import TrackerKind


@dataclass(frozen=True, slots=True)
class Watched:
    """What a connection names."""

    name: str
    projects: tuple[str, ...]
    """Jira project keys or Linear team keys."""
    boards: tuple[str, ...]
    is_linear: bool = False


def watched(text: bytes, file: str) -> tuple[Watched, ...]:
    """What each connection of a file names; what has not the shape it expects is passed over.

    Raises BadFile when the text cannot be read whole.
    """
    source = read_source(text, file)
    if source.problems:
        raise BadFile(source.problems)
    return tuple(
        Watched(
            name,
            _named(part, "projects") + _named(part, "teams"),
            _named(part, "boards"),
            part.get("tracker") == TrackerKind.LINEAR,
        )
        for name, part in mapping(source.data.get("connections")).items()
        if isinstance(part, dict)
    )


def _named(part: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(map(str, listed(part.get(key))))
