"""What a tagger learns from: issues as they were filed, with the tags they ended up with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Target(StrEnum):
    """Which tags of an issue a model learns."""

    LABELS = "labels"
    COMPONENTS = "components"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class Filed:
    """What a reporter wrote, and where."""

    project: str
    """Jira: the project key. Linear: the team key."""
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Example:
    """One issue of the past."""

    id: str
    filed: Filed
    created: float
    """Orders the issues of one project; seconds or any number that grows with time."""
    tags: tuple[str, ...]
    """Of one target. None at all is an answer too: nothing fitted."""
    weight: float = 1.0
    """What people confirmed or corrected counts more."""
