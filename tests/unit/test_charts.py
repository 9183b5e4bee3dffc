"""Charts: scales, round ticks, labels that keep clear of each other, and nothing that escapes from a text."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sprint_scene import DAY, START
from tests.unit.view_scene import HOSTILE
from webhook_app.console.charts import (
    Scale,
    apart,
    days,
    drawing,
    line,
    path,
    place,
    steps,
    text,
    ticks,
    under,
)


def test_a_scale_is_linear_and_one_without_a_span_stays_at_its_start() -> None:
    up = Scale(0, 50, 380, 20)
    assert [up(value) for value in (0, 25, 50)] == [380, 200, 20]
    assert Scale(3, 3, 10, 90)(3) == 10


@pytest.mark.parametrize(
    ("low", "high", "most", "found"),
    [
        (0, 45, 6, (0, 10, 20, 30, 40, 50)),
        (0, 1, 6, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 1, 5, (0, 0.25, 0.5, 0.75, 1)),
        (0, 7, 5, (0, 2, 4, 6, 8)),
        (0, 12_000, 4, (0, 5_000, 10_000, 15_000)),
        (0, 0, 5, (0, 1)),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, found: tuple[float, ...]) -> None:
    assert ticks(low, high, most) == found


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_ticks_hold_the_range_at_even_distances_and_are_few(low: float, span: float, most: int) -> None:
    found = ticks(low, low + span, most)
    slack = 1e-6 * (low + span)
    assert found[0] <= low + slack
    assert found[-1] >= low + span - slack
    assert 2 <= len(found) <= most + 1
    gaps = [after - before for before, after in pairwise(found)]
    assert max(gaps) - min(gaps) <= 1e-6 * max(*gaps, low)


@pytest.mark.parametrize(
    ("length", "most", "found"), [(14, 9, 7), (14, 4, 2), (14, 14, 14), (0.5, 4, 0), (1, 4, 1), (400, 4, 4)]
)
def test_days_are_midnights_and_never_too_many(length: float, most: int, found: int) -> None:
    marks = days(START, START + length * DAY, most)
    assert len(marks) == found
    assert all(START <= one <= START + length * DAY and (one.hour, one.minute) == (0, 0) for one in marks)
    assert len({after - before for before, after in pairwise(marks)}) <= 1


def test_a_day_that_begins_at_midnight_is_among_them() -> None:
    start = START.replace(hour=0)
    assert days(start, start + timedelta(days=1), 4)[0] == start


heights = st.lists(st.floats(0, 300), min_size=1, max_size=8)


@given(heights)
def test_labels_keep_apart_in_their_order_and_within_the_drawing(wanted: list[float]) -> None:
    found = apart(wanted, 15, 0, 300)
    assert all(-1e-6 <= one <= 300 + 1e-6 for one in found)
    by_wish = [at for _, at in sorted(zip(wanted, found, strict=True))]
    assert all(after - before >= 15 - 1e-6 for before, after in pairwise(sorted(by_wish)))
    if len(set(wanted)) == len(wanted):
        assert by_wish == sorted(by_wish)


def test_labels_that_are_apart_already_stay_where_they_are() -> None:
    assert apart([200, 20, 100], 15, 0, 300) == (200, 20, 100)


def test_labels_without_room_stand_evenly() -> None:
    assert apart([5, 5, 5], 15, 0, 20) == (0, 10, 20)


def test_ways_are_as_svg_has_them() -> None:
    spots = [(0.0, 10.0), (5.04, 7.0), (9.0, 3.25)]
    assert line(spots) == "M0 10L5 7L9 3.2"
    assert steps(spots) == "M0 10H5V7H9V3.2"
    assert under(steps(spots), spots, 20) == "M0 10H5V7H9V3.2V20H0Z"
    assert place(-0.001) == "0"


def test_texts_stay_texts() -> None:
    hostile = HOSTILE.replace("\x00", "")
    parts = [path("M0 0", "a", hostile), text((1, 2), hostile)]
    drawn = drawing("one", (300, 200), hostile, hostile, parts)
    assert "<script" not in drawn and "<svg/" not in drawn
    root = ElementTree.fromstring(str(drawn))
    assert [child.tag for child in root] == ["title", "desc", "path", "text"]
    assert root.attrib["viewBox"] == "0 0 300 200"
    assert [root[0].text, root[1].text, root[2][0].text, root[3].text] == [hostile] * 4
    assert root.attrib["aria-labelledby"].split() == [root[0].attrib["id"], root[1].attrib["id"]]
