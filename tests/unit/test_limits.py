"""Rate limits in every dialect: what pauses, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.limits import (
    CEILING,
    DEFAULT,
    EVERYTHING,
    FLOOR,
    Pause,
    jira_pause,
    linear_pauses,
    retry_after,
)

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
PUT = "PUT /rest/api/2/issue/{issue}"
HOST = st.text(max_size=60) | st.sampled_from(
    ["nan", "inf", "-inf", "1e999", "1_0", "٣", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "9" * 400]
)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def ms(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("30", seconds(30)),
        (" 30 ", seconds(30)),
        ("1.5", seconds(1.5)),
        ("0", FLOOR),
        ("0.2", FLOOR),
        ("3600", CEILING),
        ("86400", CEILING),
        ("1e17", CEILING),
        ("Mon, 02 Mar 2026 09:02:00 GMT", seconds(120)),
        ("Monday, 02-Mar-26 09:02:00 GMT", seconds(120)),
        ("Mon, 02 Mar 2026 10:02:00 +0100", seconds(120)),
        ("Mon, 02 Mar 2026 09:02:00 -0000", seconds(120)),
        ("Mon, 02 Mar 2026 08:00:00 GMT", FLOOR),
        ("Mon, 02 Mar 2099 09:00:00 GMT", CEILING),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e999", None),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 99999999999:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 +99999999", None),
    ],
)
def test_retry_after(raw: str, expected: timedelta | None) -> None:
    assert retry_after({"retry-after": raw}, NOW) == expected


def test_no_retry_after_says_nothing() -> None:
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("reason", "issue", "scope"),
    [
        ("jira-per-issue-on-write", "10001", "issue:10001"),
        ("jira-per-issue-on-write", None, EVERYTHING),
        ("jira-burst-based", "10001", f"endpoint:{PUT}"),
        ("jira-burst-based", None, f"endpoint:{PUT}"),
        ("jira-quota-global-based", "10001", EVERYTHING),
        ("jira-quota-tenant-based", None, EVERYTHING),
        ("something new", "10001", EVERYTHING),
        (None, "10001", EVERYTHING),
    ],
)
def test_a_limit_of_jira_pauses_what_it_covers(reason: str | None, issue: str | None, scope: str) -> None:
    headers = {"retry-after": "7"} | ({"ratelimit-reason": reason} if reason else {})
    pause = jira_pause(headers, operation=PUT, issue=issue, now=NOW)
    assert pause == Pause(scope, seconds(7), reason or "rate limit")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "0"}, FLOOR),
        ({"retry-after": "-1"}, DEFAULT),
        ({"retry-after": "nan"}, DEFAULT),
        ({}, DEFAULT),
        ({"x-ratelimit-reset": "2026-03-02T09:05Z"}, seconds(300)),
        ({"x-ratelimit-reset": "2026-03-02T09:05:00"}, seconds(300)),
        ({"x-ratelimit-reset": "2026-03-02T10:05:00+01:00"}, seconds(300)),
        ({"x-ratelimit-reset": "2020-01-01T00:00Z"}, FLOOR),
        ({"x-ratelimit-reset": "9999-12-31T23:59:59Z"}, CEILING),
        ({"x-ratelimit-reset": "whenever"}, DEFAULT),
        ({"x-ratelimit-reset": ""}, DEFAULT),
        ({"retry-after": "5", "x-ratelimit-reset": "2026-03-02T09:05Z"}, seconds(5)),
        ({"retry-after": "junk", "x-ratelimit-reset": "2026-03-02T09:05Z"}, seconds(300)),
    ],
)
def test_how_long_a_limit_of_jira_lasts(headers: Mapping[str, str], expected: timedelta) -> None:
    assert jira_pause(headers, operation=PUT, issue=None, now=NOW).length == expected


def linear(limit: str, remaining: str | None, reset: str | None) -> dict[str, str]:
    found = {f"x-ratelimit-{limit}-remaining": remaining, f"x-ratelimit-{limit}-reset": reset}
    return {name: value for name, value in found.items() if value is not None}


IN_TEN = ms(NOW + seconds(10))


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("why", "headers", "expected"),
    [
        ("requests used up", linear("requests", "0", IN_TEN), [(EVERYTHING, seconds(10))]),
        ("complexity used up", linear("complexity", "0", IN_TEN), [(EVERYTHING, seconds(10))]),
        (
            "an endpoint used up",
            linear("endpoint-requests", "0", IN_TEN) | {"x-ratelimit-endpoint-name": "issueSearch"},
            [("endpoint:issueSearch", seconds(10))],
        ),
        ("an endpoint without a name", linear("endpoint-requests", "0", IN_TEN), [(EVERYTHING, seconds(10))]),
        (
            "two at once",
            linear("requests", "0", IN_TEN) | linear("complexity", "0.0", ms(NOW + seconds(20))),
            [(EVERYTHING, seconds(10)), (EVERYTHING, seconds(20))],
        ),
        (
            "one used up, one not",
            linear("requests", "5", IN_TEN) | linear("complexity", "0", IN_TEN),
            [(EVERYTHING, seconds(10))],
        ),
        ("used up, no reset", linear("requests", "0", None), [(EVERYTHING, DEFAULT)]),
        ("reset in the past", linear("requests", "0", ms(NOW - seconds(5))), [(EVERYTHING, FLOOR)]),
        ("reset long past", linear("requests", "0", "1000"), [(EVERYTHING, FLOOR)]),
        ("reset in seconds", linear("requests", "0", IN_TEN[:-3]), [(EVERYTHING, seconds(10))]),
        ("overdrawn", linear("requests", "-2", IN_TEN), [(EVERYTHING, seconds(10))]),
        ("reset now", linear("requests", "0", ms(NOW)), [(EVERYTHING, FLOOR)]),
        ("reset in years", linear("requests", "0", ms(NOW + timedelta(days=999))), [(EVERYTHING, CEILING)]),
        ("reset absurd", linear("requests", "0", "1e17"), [(EVERYTHING, DEFAULT)]),
        ("reset not a number", linear("requests", "0", "nan"), [(EVERYTHING, DEFAULT)]),
        ("reset endless", linear("requests", "0", "inf"), [(EVERYTHING, DEFAULT)]),
        ("reset negative", linear("requests", "0", "-5"), [(EVERYTHING, FLOOR)]),
        ("nothing used up", linear("requests", "3", IN_TEN), [(EVERYTHING, DEFAULT)]),
        ("nothing said", {}, [(EVERYTHING, DEFAULT)]),
        ("nothing but a time", {"retry-after": "4"}, [(EVERYTHING, seconds(4))]),
        ("a time of nothing", {"retry-after": "0"}, [(EVERYTHING, FLOOR)]),
        ("remaining unreadable", linear("requests", "none", IN_TEN), [(EVERYTHING, DEFAULT)]),
    ],
)
def test_a_limit_of_linear_pauses_what_it_covers(
    why: str, headers: Mapping[str, str], expected: list[tuple[str, timedelta]]
) -> None:
    found = [(pause.scope, pause.length) for pause in linear_pauses(headers, now=NOW)]
    assert found == expected, why


@pytest.mark.fault(31)
@given(HOST, HOST)
def test_no_header_of_jira_breaks_the_bounds(after: str, reset: str) -> None:
    headers = {"retry-after": after, "x-ratelimit-reset": reset}
    assert FLOOR <= jira_pause(headers, operation=PUT, issue=None, now=NOW).length <= CEILING


@pytest.mark.fault(31)
@given(HOST, HOST, HOST)
def test_no_header_of_linear_breaks_the_bounds(remaining: str, reset: str, after: str) -> None:
    headers = linear("requests", remaining, reset) | linear("complexity", "0", reset) | {"retry-after": after}
    found = linear_pauses(headers, now=NOW)
    assert found
    assert all(FLOOR <= pause.length <= CEILING for pause in found)
