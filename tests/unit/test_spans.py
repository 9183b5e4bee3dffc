"""Spans and points of time as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from trackers.spans import in_utc, in_words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 seconds"),
        (0.9, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7_199, "1 hour"),
        (172_800, "2 days"),
    ],
)
def test_a_span_is_told_in_its_largest_whole_unit(seconds: float, said: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == said


def test_a_moment_is_told_to_the_minute_in_utc() -> None:
    oslo = timezone(timedelta(hours=1))
    assert in_utc(datetime(2026, 11, 22, 19, 15, 59, tzinfo=oslo)) == "2026-11-22 18:15 UTC"
    assert in_utc("2026-11-23T00:15:01.123+01:00") == "2026-11-22 23:15 UTC"
    assert in_utc("2026-03-02T09:01:31Z") == "2026-03-02 09:01 UTC"
