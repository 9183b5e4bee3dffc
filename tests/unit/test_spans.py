"""Spans of time as people say them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trackers.spans import in_words


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
