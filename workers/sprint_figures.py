"""Figures of a sprint in words: amounts, chances, shares, dates, lists of issues.

Told no more precisely than they are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trackers.prose import Span, Spans, joined, plain, raw, shortened
from trackers.sprints import Unit

MOST_LISTED: Final = 6
"""More issues than this are counted, not named."""
LITTLE: Final = 0.05
"""An amount smaller than this is a matter of rounding."""

_CHANCES: Final = ((1, 10), (1, 5), (1, 4), (1, 3), (1, 2), (2, 3), (3, 4), (4, 5), (9, 10))
_RARELY, _NEARLY_ALWAYS = 0.05, 0.95
_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}-[0-9]{1,18}\Z")
_MAX_KEY_CHARS: Final = 80
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WEEK, _MOST_OF_A_YEAR = 7, 300


def about(chance: float) -> str:
    """A chance (0..1) in words that fit behind "is" and "to"; a higher one never reads as lower."""
    if chance < _RARELY:
        return "very low (less than 1 in 20)"
    if chance > _NEARLY_ALWAYS:
        return "very high (more than 19 in 20)"
    middles = [(low[0] / low[1] + high[0] / high[1]) / 2 for low, high in pairwise(_CHANCES)]
    of, among = _CHANCES[sum(chance >= middle for middle in middles)]
    return f"about {of} in {among}"


def reads_better(before: float, after: float) -> bool:
    """Whether a reader sees that the chance ``after`` is the higher one."""
    return after > before and about(after) != about(before)


def number(value: float) -> str:
    """``3``, ``3.5``: at most one decimal, and none that says nothing."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def roughly(value: float) -> str:
    """An amount that is only estimated: whole from 5 on, in halves below."""
    return number(round(value) if value >= 5 else round(value * 2) / 2)


def amount(value: float, unit: Unit) -> str:
    """``9 points``, ``1 hour``, ``4 issues``."""
    return of(number(value), unit)


def of(figure: str, unit: Unit) -> str:
    """``figure`` with its unit behind it."""
    return f"{figure} {unit.value.removesuffix('s') if figure == '1' else unit.value}"


def count(many: int, one: str) -> str:
    """``1 issue``, ``3 issues``; for words with a plural in -s."""
    return f"{many} {one}{'' if many == 1 else 's'}"


def work(amounts: Sequence[float], unit: Unit) -> str:
    """Of how many issues, and how much work: ``2 issues, 9 points``."""
    issues = count(len(amounts), "issue")
    return issues if unit is Unit.ISSUES else f"{issues}, {amount(sum(amounts), unit)}"


def difference(value: float, unit: Unit) -> str:
    """``2 points more``, ``1 point less``."""
    if abs(value) < LITTLE:
        return "no change in all"
    return f"{amount(abs(value), unit)} {'more' if value > 0 else 'less'}"


def between(low: float, high: float, unit: Unit) -> str:
    """``18 to 46 points``."""
    ends = dict.fromkeys((roughly(low), roughly(high)))
    return of(" to ".join(ends), unit)


def days(value: float) -> str:
    """``3 days``, of less than two with a decimal."""
    shown = value if value < 2 else round(value)
    return f"{number(shown)} {'day' if number(shown) == '1' else 'days'}"


def percent(share: float) -> str:
    """``80 %``."""
    return f"{number(100 * share)} %"


def beyond(share: float, limit: float) -> str:
    """A share in whole percents, told so that one above ``limit`` does not read as equal to it."""
    told, line = percent(round(share, 2)), percent(limit)
    if share > limit and (told == line or round(share, 2) <= limit):
        return f"just over {line}"
    return told


def day(at: datetime, now: datetime, zone: str) -> str:
    """The date of ``at`` in ``zone`` (an IANA name; UTC for one that is not known here).

    With its weekday when it is less than a week ago; the date is told even then, because a comment is
    read later than it is written.
    """
    then, today = (moment.astimezone(_zone(zone)).date() for moment in (at, now))
    date = f"{then.day} {_MONTHS[then.month - 1]}"
    ago = today - then
    if timedelta(0) <= ago < timedelta(days=_WEEK):
        return f"{_WEEKDAYS[then.weekday()]}, {date}"
    return f"{date} {then.year}" if ago > timedelta(days=_MOST_OF_A_YEAR) else date


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def key(text: str) -> Span:
    """An issue's key, so that the tracker can make a link of it."""
    return raw(text) if _KEY.match(text) else plain(shortened(text, _MAX_KEY_CHARS))


def listed(items: Sequence[Spans]) -> Spans:
    """``a, b and c``; of many, the first few ``and 4 more``."""
    named = list(items[:MOST_LISTED])
    if len(items) > MOST_LISTED:
        named.append((plain(f"{len(items) - MOST_LISTED} more"),))
    spans: list[Span] = []
    for at, item in enumerate(named):
        if at:
            spans.append(plain(" and " if at == len(named) - 1 else ", "))
        spans += item
    return joined(spans)


def keys(names: Sequence[str]) -> Spans:
    """Issues' keys in a row."""
    return listed([(key(name),) for name in names])
