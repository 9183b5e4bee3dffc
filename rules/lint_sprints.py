"""What the settings of sprints may say but surely do not mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any, Final, TypeVar

from pydantic_core import PydanticCustomError

from rules.layers import listed, mapping
from rules.remarks import Remark
from rules.source import Path
from rules.sprint_fields import read_day, read_share, read_time

_LONG_AGO: Final = timedelta(days=30)
_A_YEAR: Final = timedelta(days=366)
_DAY: Final = 24 * 60
"""In minutes, as are the next two."""
_LEAST_TO_SPEAK: Final = 60
_WORKING_DAY: Final = range(9 * 60, 17 * 60)
_NEARLY_ALWAYS: Final = 0.99
_SHARES: Final = (("overcommit", "warn_below"), ("overcommit", "done_share"), ("scope_creep", "budget"))

T = TypeVar("T")


def sprint_remarks(path: Path, sprints: dict[str, Any], today: date) -> Iterator[Remark]:
    """What is to be said of the ``sprints`` of one layer, which stand at ``path``."""
    yield from _quiet_hours((*path, "quiet_hours"), mapping(sprints.get("quiet_hours")))
    days = listed(sprints.get("working_days"))
    if days and set(map(str, days)) <= {"sat", "sun"}:
        yield Remark("weekend-only", (*path, "working_days"), "these are the days on which people work")
    yield from _past_absences((*path, "away"), listed(sprints.get("away")), today)
    holidays = [_read(read_day, day) for day in listed(sprints.get("holidays"))]
    if holidays and all(day is not None and day < today for day in holidays):
        yield Remark("past-holidays", (*path, "holidays"), "all of these are in the past", at_key=True)
    yield from _shares(path, sprints)


def _read(read: Callable[[Any], T], value: Any) -> T | None:
    try:
        return read(value)
    except PydanticCustomError:
        return None


def _quiet_hours(path: Path, quiet: dict[str, Any]) -> Iterator[Remark]:
    first, last = _read(read_time, quiet.get("from")), _read(read_time, quiet.get("to"))
    if first is None or last is None or first == last:
        return
    free = [(_minute(last) + passed) % _DAY for passed in range((_minute(first) - _minute(last)) % _DAY)]
    if len(free) < _LEAST_TO_SPEAK:
        message = (
            f"these quiet hours leave {len(free)} minutes a day: from is when they begin, to when they end"
        )
        yield Remark("no-time-to-speak", path, message, at_key=True)
    elif not set(free) & set(_WORKING_DAY):
        message = (
            "these quiet hours cover the working day and leave the night: "
            f'did you mean from: "{last:%H:%M}", to: "{first:%H:%M}"?'
        )
        yield Remark("quiet-by-day", path, message, at_key=True)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _past_absences(path: Path, away: list[Any], today: date) -> Iterator[Remark]:
    for index, absence in enumerate(map(mapping, away)):
        first, last = _read(read_day, absence.get("from")), _read(read_day, absence.get("to"))
        if last and (first or last) <= last < today - _LONG_AGO:
            message = f"this absence was over on {last}: remove it"
            yield Remark("past-absence", (*path, index), message)
        if first and last and last - first > _A_YEAR:
            message = f"this absence lasts {(last - first).days + 1} days: is the year right?"
            yield Remark("long-absence", (*path, index), message)


def _shares(path: Path, sprints: dict[str, Any]) -> Iterator[Remark]:
    for group, key in _SHARES:
        value = mapping(sprints.get(group)).get(key)
        here = (*path, group, key)
        share = _read(read_share, value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value == 1:
            yield Remark("whole-share", here, f'a 1 is the whole: write "{key}: 100%" (or did you mean 1%?)')
        elif key == "warn_below" and share is not None and share >= _NEARLY_ALWAYS:
            message = (
                f"no forecast is that sure, so nearly every sprint is below {value}: say less, such as 25%"
            )
            yield Remark("always-warns", here, message)
