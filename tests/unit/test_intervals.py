"""Intervals of shares against values from the papers, and what must hold for any counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.intervals import Interval, Share, corrected, difference, wilson, wilson_lows, z_of

COUNTS = st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


def test_the_point_of_the_normal() -> None:
    assert z_of(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert z_of(0.90) == pytest.approx(1.644854, abs=1e-6)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_what_newcombe_prints(right: int, total: int, low: float, high: float) -> None:
    """R. G. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I."""
    found = wilson(right, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_all_right_leaves_room_for_doubt() -> None:
    # n / (n + z²) = 10 / (10 + 2.7055)
    found = wilson(10, 10, 0.9)
    assert (found.low, found.high) == pytest.approx((0.78705, 1.0), abs=1e-5)


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)
    assert Share(0, 0).value is None
    assert difference(Share(0, 0), Share(3, 4)) == Interval(-1.0, 1.0)


@settings(max_examples=40)
@given(COUNTS, st.floats(0.5, 0.999))
def test_the_share_lies_in_its_interval(counts: tuple[int, int], level: float) -> None:
    right, total = counts
    found = wilson(right, total, level)
    assert 0 <= found.low <= right / total + 1e-12
    assert right / total - 1e-12 <= found.high <= 1


@settings(max_examples=20)
@given(st.lists(COUNTS, min_size=1, max_size=10), st.sampled_from([0.8, 0.95]))
def test_many_lower_ends_are_those_of_each(counts: list[tuple[int, int]], level: float) -> None:
    right, total = np.array(counts, dtype=np.float64).T
    one_by_one = [wilson(*count, level).low for count in counts]
    assert wilson_lows(right, total, level) == pytest.approx(one_by_one)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        (Share(56, 70), Share(48, 80), 0.0524, 0.3339),
        (Share(9, 10), Share(3, 10), 0.1705, 0.8090),
        (Share(10, 10), Share(0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference_is_what_newcombe_prints(one: Share, other: Share, low: float, high: float) -> None:
    """His paper on the difference of proportions, 1998, table II, method 10."""
    found = difference(one, other)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=40)
@given(COUNTS, COUNTS)
def test_a_difference_turned_round_is_its_mirror(one: tuple[int, int], other: tuple[int, int]) -> None:
    there, back = difference(Share(*one), Share(*other)), difference(Share(*other), Share(*one))
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_many_looks_ask_for_more_each() -> None:
    assert corrected(1) == pytest.approx(0.95)
    assert corrected(10) == pytest.approx(0.995)
    assert corrected(0) == pytest.approx(0.95)
