"""What Jira itself remembers of our doings: the hidden property on each issue we touched."""

from __future__ import annotations

import json
from typing import Any, Final

from trackers.model import Memory
from trackers.reading import items, mapping, text

PROPERTY: Final = "sprintwarden"
"""Key of the hidden properties we keep on issues and on our own comments."""
_MOST_REMEMBERED: Final = 32_000
"""A property holds 32,768 characters as JSON."""


def remembered(memory: Memory) -> dict[str, Any]:
    """What our issue property shall say; of more labels than it holds, as many as fit."""
    applied, vetoed = sorted(memory.applied), sorted(memory.vetoed)
    while len(json.dumps([applied, vetoed])) > _MOST_REMEMBERED:
        max(applied, vetoed, key=len).pop()
    return {"v": 1, "applied": applied, "vetoed": vetoed}


def memory_from(raw: object) -> Memory:
    """What our issue property says. Anybody who may edit the issue may write it, so it can only ever
    make us more careful: labels it names that are gone count as taken off by a person."""
    data = mapping(raw)
    applied = frozenset(filter(None, map(text, items(data.get("applied")))))
    vetoed = frozenset(filter(None, map(text, items(data.get("vetoed")))))
    return Memory(applied, vetoed)
