"""When comments may be written: quiet hours, working days, holidays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

EVERY_DAY: Final = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Calendar:
    """Quiet hours, working days and holidays in one time zone. By default every time will do."""

    zone: str | None = None
    """An IANA name; None: the board's own zone where its tracker tells one, else UTC."""
    quiet_from: time | None = None
    quiet_to: time | None = None
    """Quiet from the one time of day to the other; past midnight when the first is the later one."""
    working_days: frozenset[int] = EVERY_DAY
    """0 is Monday."""
    holidays: frozenset[date] = frozenset()

    def speaks_at(self, now: datetime, zone: str | None = None) -> datetime:
        """The first moment from ``now`` on when comments may be written; ``now`` itself if they may.

        ``zone`` is the board's own, for a calendar without one.
        """
        raise NotImplementedError

    def working_days_between(self, start: datetime, end: datetime, zone: str | None = None) -> list[date]:
        """The working days from ``start`` to ``end`` in the calendar's zone, first and last included."""
        raise NotImplementedError
