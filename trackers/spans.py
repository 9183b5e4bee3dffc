"""Spans and points of time as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def in_words(span: timedelta) -> str:
    """A span in its largest whole unit: ``3 minutes``. What is under a second, or negative, is 0 seconds."""
    seconds = max(0, int(span.total_seconds()))
    unit, length = next((one for one in _UNITS if seconds >= one[1]), _UNITS[-1])
    number = seconds // length
    return f"{number} {unit}{'' if number == 1 else 's'}"


def in_utc(at: datetime | str) -> str:
    """A moment to the minute, whatever its zone: ``2026-11-22 18:15 UTC``. Text is ISO 8601."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
