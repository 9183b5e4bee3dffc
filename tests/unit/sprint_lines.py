"""Lines of ``sprints.jsonl`` for tests: a made-up team, as plain JSON objects."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from classifiers.sprint_rows import SprintRow
from classifiers.sprints_file import Orders, parse_sprints

Line = dict[str, Any]


def moment(t: float, **amounts: Any) -> Line:
    """A moment with nothing done, added or removed but what is named."""
    names = ("added", "removed", "todo", "doing", "done")
    return {"t": t} | {f"{name}_{unit}": 0 for name in names for unit in ("issues", "points")} | amounts


def sprint(order: float | str, points: float | None = 20, delivered: float | None = 15, **other: Any) -> Line:
    """A sprint of board 1 of ABC, named by board and order."""
    board = other.get("board", "1")
    return {
        "id": f"{board}-{order}",
        "project": "ABC",
        "board": board,
        "order": order,
        "planned_days": 14,
        "start": {"issues": 8, "points": points},
        "moments": [moment(0.0), moment(0.5, done_points=5), moment(0.8, done_points=9, added_points=3)],
        "delivered_points": delivered,
    } | other


def team(sprints: int, seed: int = 0, **other: Any) -> list[Line]:
    """A board's sprints 1 to ``sprints``, some overcommitted and some not."""
    lot = random.Random(seed)
    lines = []
    for order in range(1, sprints + 1):
        points = lot.randint(8, 40)
        moments = [
            moment(
                t,
                done_points=lot.randint(0, 9),
                doing_points=lot.randint(0, 9),
                added_points=20 * t * lot.random(),
            )
            for t in (0.0, 0.3, 0.5, 0.8)
        ]
        lines.append(sprint(order, points, lot.randint(0, 30), moments=moments, **other))
    return lines


def rows(lines: Iterable[Line]) -> list[SprintRow]:
    """As the product reads them."""
    found = []
    for row in parse_sprints((json.dumps(line).encode() for line in lines), "sprints.jsonl", Orders()):
        assert isinstance(row, SprintRow), row
        found.append(row)
    return found


def write(path: Path, lines: Iterable[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
