"""Moments as pages and the API tell them: ISO 8601, to the second."""

from __future__ import annotations

from datetime import datetime
from typing import overload


@overload
def moment(at: datetime) -> str: ...
@overload
def moment(at: datetime | None) -> str | None: ...
def moment(at: datetime | None) -> str | None:
    """``2026-03-02T09:00:00+00:00``; nothing of nothing."""
    return at.isoformat(timespec="seconds") if at else None
