"""``forecast``: what open sprints will come to, a JSON line for each moment of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classifiers.capacity import shipped
from classifiers.sprint_history import Forecasts
from classifiers.sprint_judgement import Forecast
from classifiers.sprint_rows import SprintRow
from sprintwarden.sprint_files import read_all


def forecast(
    history: Path | None, sprints: Path, done_share: float, creep_share: float
) -> Iterator[dict[str, Any]]:
    """A line for each moment of each sprint, in the order of ``sprints`` and then of time.

    A sprint without moments is told at 0, from its start alone. Without ``history`` all is told as on
    a team's first day. Raises Complaint.
    """
    *past, rows = read_all([history, sprints] if history else [sprints])
    forecasts = Forecasts(shipped(), past[0] if past else [])
    for row in rows:
        for t in [moment.t for moment in row.moments] or [0.0]:
            yield told(row, t, forecasts.at(row, t, done_share=done_share, creep_share=creep_share))


def told(row: SprintRow, t: float, found: Forecast) -> dict[str, Any]:
    """One line; amounts in points, or in issues where the sprint has no points at its start."""
    return {
        "id": row.id,
        "t": t,
        "p_all_done": round(found.p_all_done, 6),
        "p_overcommitted": round(found.p_overcommitted, 6),
        "p_scope_creep": round(found.p_scope_creep, 6),
        "expected_delivered": round(found.expected, 4),
        "interval80": [round(found.low, 4), round(found.high, 4)],
    }
