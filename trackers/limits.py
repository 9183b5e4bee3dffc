"""Rate limits, pure: from a status, headers and an error body to what pauses and for how long.

Jira: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/ (three limits told apart
by ``RateLimit-Reason``; Data Center sends ``Retry-After``, which may be 0).
Linear: https://linear.app/developers/rate-limiting (requests, complexity and endpoint limits with
``X-RateLimit-*-Reset`` in epoch milliseconds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

FLOOR: Final = timedelta(seconds=1)
"""No pause is shorter: a limit that says "0 seconds" would otherwise be asked in a tight loop."""
DEFAULT: Final = timedelta(seconds=30)
"""When a limit does not say how long, or says what cannot be read."""
CEILING: Final = timedelta(hours=1)
"""No pause is longer: both trackers count by the hour, so a longer one is a mistake or a clock."""

CREDENTIALS_REFUSED: Final = "credentials refused"
"""Why everything pauses where the tracker does not take what we log in with: no waiting mends it."""

EVERYTHING: Final = "all"
BULK: Final = "bulk"
"""Covers work that can wait: training data, backfill."""
RESERVE: Final = 0.5
"""The share of a tracker's limit that bulk work leaves to live events."""
PERIOD: Final = timedelta(hours=1)
"""Both trackers count by the hour, Linear's limits refilling evenly."""
_NEAR: Final = 0.2
"""What ``X-RateLimit-NearLimit`` says is left at most."""

_SECONDS_BELOW: Final = 1e11
"""A moment told by a smaller number is in seconds, as proxies count: in milliseconds it were before 1974."""


class LinearLimit(StrEnum):
    REQUESTS = "requests"
    COMPLEXITY = "complexity"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Pause:
    """What may not be asked (``scope``), for how long, and why.

    Scopes: ``all``; ``bulk``; Jira ``endpoint:<METHOD template>`` and ``issue:<id>``; Linear
    ``endpoint:<name>``.
    """

    scope: str
    length: timedelta
    reason: str


def host_of(url: str) -> str:
    """The host and port a URL names, in one spelling, as pauses and log lines show it."""
    return urlsplit(url).netloc.lower()


def endpoint_scope(operation: str) -> str:
    return f"endpoint:{operation}"


def issue_scope(issue: str) -> str:
    return f"issue:{issue}"


def told_as(scope: str, reason: str) -> str:
    """The scope under which people are told of a pause: one for all issues, one of its own for a refusal.

    So there are no more of them than there are kinds of requests.
    """
    if reason == CREDENTIALS_REFUSED:
        return "credentials"
    return "issue" if scope.startswith(issue_scope("")) else scope


def jira_pause(headers: Mapping[str, str], *, operation: str, issue: str | None, now: datetime) -> Pause:
    """What a Jira 429 (or a 503 with ``Retry-After``) pauses.

    ``operation`` is the method and path template asked, ``issue`` the issue written to, if any.
    ``headers`` are looked up in lower case. A limit without a reason (Data Center's token bucket,
    a proxy) counts per user, so it pauses everything.
    """
    reason = headers.get("ratelimit-reason", "")
    length = retry_after(headers, now)
    if length is None:
        length = _bounded_until(_iso(headers.get("x-ratelimit-reset")), now)
    if reason == "jira-per-issue-on-write" and issue is not None:
        return Pause(issue_scope(issue), length, reason)
    if reason == "jira-burst-based":
        return Pause(endpoint_scope(operation), length, reason)
    return Pause(EVERYTHING, length, reason or "rate limit")


def linear_pauses(headers: Mapping[str, str], *, now: datetime) -> tuple[Pause, ...]:
    """What a Linear ``RATELIMITED`` answer pauses.

    An endpoint limit that is used up pauses that endpoint; otherwise everything pauses until the
    limits that are used up refill. When no header says which limit bit, everything pauses for
    ``retry-after`` or the default.
    """
    pauses = []
    for limit in LinearLimit:
        prefix = "x-ratelimit-endpoint-requests" if limit is LinearLimit.ENDPOINT else f"x-ratelimit-{limit}"
        left = _number(headers.get(f"{prefix}-remaining"))
        if left is None or left > 0:
            continue
        length = _bounded_until(_epoch_ms(headers.get(f"{prefix}-reset")), now)
        name = headers.get("x-ratelimit-endpoint-name")
        scope = endpoint_scope(name) if limit is LinearLimit.ENDPOINT and name else EVERYTHING
        pauses.append(Pause(scope, length, f"Linear's {limit} limit"))
    if pauses:
        return tuple(pauses)
    return (Pause(EVERYTHING, retry_after(headers, now) or DEFAULT, "Linear's rate limit"),)


def reserve_pause(headers: Mapping[str, str]) -> Pause | None:
    """How long bulk work stands back, by what an answer to it says is left; None while enough is.

    It waits for as long as an evenly refilled limit takes to come back to ``RESERVE``. Data Center
    says its own span in ``X-RateLimit-Interval-Seconds``.
    """
    left = share_left(headers)
    if left is None or left >= RESERVE:
        return None
    told = _number(headers.get("x-ratelimit-interval-seconds"))
    period = timedelta(seconds=min(told, PERIOD.total_seconds())) if told and told > 0 else PERIOD
    length = _bounded((RESERVE - left) * period)
    return Pause(BULK, length, "the rest of the tracker's limit is kept for live events")


def share_left(headers: Mapping[str, str]) -> float | None:
    """The share (0..1) of the scarcest limit that is left; None when no header tells."""
    shares = [_NEAR] if headers.get("x-ratelimit-nearlimit", "").lower() == "true" else []
    for name in ("x-ratelimit", "x-ratelimit-requests", "x-ratelimit-complexity"):
        limit, left = _number(headers.get(f"{name}-limit")), _number(headers.get(f"{name}-remaining"))
        if limit is not None and left is not None and limit > 0:
            shares.append(max(0.0, left / limit))
    return min(shares, default=None)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """``Retry-After`` in seconds or as an HTTP date (RFC 9110 §10.2.3), bounded.

    None when it is absent or unreadable.
    """
    raw = headers.get("retry-after")
    if raw is None:
        return None
    seconds = _number(raw)
    if seconds is not None:
        if seconds < 0:
            return None
        return _bounded(timedelta(seconds=min(seconds, CEILING.total_seconds())))
    try:
        moment = parsedate_to_datetime(raw)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _bounded(moment - now)


def _bounded_until(moment: datetime | None, now: datetime) -> timedelta:
    return DEFAULT if moment is None else _bounded(moment - now)


def _bounded(length: timedelta) -> timedelta:
    return max(FLOOR, min(CEILING, length))


def _number(raw: str | None) -> float | None:
    try:
        value = float(raw) if raw is not None else None
    except ValueError:
        return None
    # NaN and infinities are spelled as numbers too, and bound nothing.
    return value if value is not None and abs(value) < 1e18 else None


def _epoch_ms(raw: str | None) -> datetime | None:
    value = _number(raw)
    if value is None:
        return None
    if 0 < value < _SECONDS_BELOW:
        value *= 1000
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _iso(raw: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(raw) if raw else None
    except ValueError:
        return None
    if moment is not None and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment
