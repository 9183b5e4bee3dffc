"""What is remembered of a running sprint: numbers, ids and keyed hashes, never a text.

Classifiers judge by it, ``store.sprints`` keeps it, ``workers.roster`` keeps it true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trackers.sprints import Stage


@dataclass(frozen=True, slots=True)
class Stay:
    """An issue's stay in a sprint, from its first sight to its last."""

    id: str
    key: str
    committed: bool
    """In the sprint when it was started."""
    first: float | None
    """Its estimate at the start, or when it joined later."""
    points: float | None
    """Its estimate as last seen."""
    stage: Stage
    """As last seen. What left a sprint keeps the one it left with."""
    state: str
    """The tracker's id of the workflow state, as last seen."""
    since: datetime | None = None
    """Since when it is at this state."""
    joined: datetime | None = None
    """When it joined after the start; None for what was committed."""
    left: datetime | None = None
    """When it left the sprint; None while it is in it."""
    automated: bool = False
    """An automation put it into the sprint."""
    carried: bool = False
    """It came over from an earlier sprint, unfinished."""
    dropped_at: Stage = Stage.TODO
    """Of a cancelled issue: how far it was."""
    parent: str | None = None
    """The id of its parent."""
    subtask: bool = False
    """Its estimate is not counted beside its parent's."""
    rank: int = 0
    lines: tuple[str, ...] | None = None
    """Its requirement lines at the start, as ``classifiers.requirements.fingerprint`` made them; None
    where the text at the start is not known."""


@dataclass(frozen=True, slots=True)
class SprintMemory:
    """All that is remembered of one running sprint."""

    activated: datetime
    """When it became active, as well as can be known; its start date may be edited later."""
    rebuilt: bool = False
    """The baseline was taken late and put together from changes."""
    stays: Mapping[str, Stay] = field(default_factory=dict)
    """By issue id: everything seen in the sprint since it was started."""
