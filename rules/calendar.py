"""When comments may be written: quiet hours, working days, holidays."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EVERY_DAY: Final = frozenset(range(7))
MOST_DAYS: Final = 1_100
"""No sprint is longer; a date that somebody mistyped must not be counted up to."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Quiet hours, working days and holidays in one time zone. By default every time will do.

    Raises ValueError where no time at all would do: without a working day, or quiet all day long.
    """

    zone: str | None = None
    """An IANA name; None: the board's own zone where its tracker tells one, else UTC."""
    quiet_from: time | None = None
    quiet_to: time | None = None
    """Quiet from the one time of day to the other; past midnight when the first is the later one."""
    working_days: frozenset[int] = EVERY_DAY
    """0 is Monday."""
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.working_days & EVERY_DAY:
            raise ValueError("A calendar needs a working day.")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValueError("Quiet hours cannot end when they begin.")

    def speaks_at(self, now: datetime, zone: str | None = None) -> datetime:
        """The first moment from ``now`` on when comments may be written; ``now`` itself if they may.

        ``now`` knows its zone; a later moment is given in UTC. ``zone`` is the board's own, for a
        calendar without one. Quiet hours go by the clock on the wall: an hour that it strikes twice in
        autumn can be quiet twice, and an end that it skips in spring is the moment it is put forward.
        """
        here = self._zone(zone)
        moment = now
        while True:
            local = moment.astimezone(here)
            if not self._works(local.date()):
                moment = _next(moment, local.date() + _DAY, time(), here)
            elif self.quiet_to is not None and self._quiet(local.time()):
                day = local.date() if local.time() < self.quiet_to else local.date() + _DAY
                moment = _next(moment, day, self.quiet_to, here)
            else:
                return moment

    def working_days_between(self, start: datetime, end: datetime, zone: str | None = None) -> list[date]:
        """The working days from ``start`` to ``end`` in the calendar's zone, first and last included.

        Of a longer time only the first ``MOST_DAYS`` days are looked at.
        """
        here = self._zone(zone)
        # Cut before it is told in the zone, where the last day there is may have no date.
        end = min(end, start + MOST_DAYS * _DAY)
        first, last = start.astimezone(here).date(), end.astimezone(here).date()
        days = (first + number * _DAY for number in range(min((last - first).days + 1, MOST_DAYS)))
        return [day for day in days if self._works(day)]

    def _zone(self, boards_own: str | None) -> ZoneInfo:
        if self.zone is not None:
            return ZoneInfo(self.zone)
        try:
            return ZoneInfo(boards_own or "UTC")
        except (KeyError, ValueError, OSError):
            return ZoneInfo("UTC")  # a tracker may know zones that this machine does not

    def _works(self, day: date) -> bool:
        return day.weekday() in self.working_days and day not in self.holidays

    def _quiet(self, at: time) -> bool:
        if self.quiet_from is None or self.quiet_to is None:
            return False
        if self.quiet_from < self.quiet_to:
            return self.quiet_from <= at < self.quiet_to
        return at >= self.quiet_from or at < self.quiet_to


def _next(after: datetime, day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment in UTC when the clock on the wall reaches ``at`` on ``day``; of two, the first ``after``."""
    wall = datetime.combine(day, at)
    # Compared in UTC, for two times in one zone are compared as if no hour were ever struck twice.
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if second < first:
        return _change(second, first, wall, zone)
    return first if first > after.astimezone(UTC) else second


def _change(before: datetime, after: datetime, wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment between the two when the clock is put forward past ``wall``."""
    seconds = range(int((after - before).total_seconds()))
    skipped = bisect_left(
        seconds, wall, key=lambda n: (before + timedelta(seconds=n)).astimezone(zone).replace(tzinfo=None)
    )
    return before + timedelta(seconds=skipped)
