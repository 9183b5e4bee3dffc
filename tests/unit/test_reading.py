"""The readers take any value and never raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers import reading

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)

NOON = datetime(2026, 3, 4, 12, 0, 0, 250_000, tzinfo=UTC)


@given(ANYTHING)
def test_every_reader_takes_every_value(value: Any) -> None:
    assert isinstance(reading.mapping(value).get("key", 0), object)
    assert isinstance(reading.items(value), list)
    assert reading.text(value) is None or isinstance(value, str)
    assert reading.ident(value) is None or len(reading.ident(value) or "") <= reading.MAX_IDENT
    assert reading.reference(value) is None or (reading.reference(value) or "").isascii()
    assert reading.number(value) is None or isinstance(reading.number(value), float)
    found = reading.moment(value)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-04T12:00:00.250Z",
        "2026-03-04T12:00:00.250+0000",
        "2026-03-04T12:00:00.250+00:00",
        "2026-03-04T12:00:00.250",
        "2026-03-04T17:30:00.250+0530",
        "2026-03-04T04:00:00.250-0800",
        1772625600250,
        1772625600250.0,
        "1772625600250",
    ],
)
def test_moment_reads_every_form_the_trackers_use(value: object) -> None:
    assert reading.moment(value) == NOON


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "yesterday",
        "9" * 4000,
        "12:00",
        10**30,
        -(10**30),
        float("nan"),
        float("inf"),
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "\ud800",
        [],
        {},
    ],
)
def test_moment_answers_none_to_what_is_no_time(value: object) -> None:
    assert reading.moment(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10040", "10040"),
        (10040, "10040"),
        ("", None),
        (True, None),
        (1.5, None),
        (10**40, None),
        ("x" * 256, None),
        (None, None),
        ([1], None),
    ],
)
def test_ident_reads_text_and_whole_numbers(value: object, expected: str | None) -> None:
    assert reading.ident(value) == expected


@pytest.mark.parametrize("value", ["../admin", "a b", "a:b", "é", "1\n", "x" * 65, ""])
def test_reference_refuses_what_does_not_belong_in_an_address(value: str) -> None:
    assert reading.reference(value) is None


def test_reference_takes_both_trackers_ids() -> None:
    assert reading.reference(10040) == "10040"
    uuid = "0b9f3c52-5d8e-4a52-9e5c-6a5d6b1d2c11"
    assert reading.reference(uuid) == uuid


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), (2.5, 2.5), (True, None), ("3", None), (float("nan"), None), (10**400, None)],
)
def test_number_reads_finite_numbers_only(value: object, expected: float | None) -> None:
    assert reading.number(value) == expected


def test_mapping_of_anything_else_is_empty_and_cannot_be_filled() -> None:
    empty = reading.mapping([1])
    assert not empty
    with pytest.raises(TypeError):
        empty["key"] = 1  # type: ignore[index]


def test_names_are_distinct_ordered_and_bounded() -> None:
    assert reading.names(["b", "a", "b"]) == ("b", "a")
    assert reading.names(["x" * 500], longest=3) == ("xxx",)
    assert len(reading.names(map(str, range(500)), most=7)) == 7


def test_values_too_deep_to_compare_count_as_different() -> None:
    def deep() -> list[Any]:
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]
        return value

    assert reading.differs(deep(), deep())
    assert not reading.differs([1], [1.0])


def test_half_a_character_reads_as_the_replacement_character() -> None:
    assert reading.json_value(rb'{"a": "cut \ud83d", "b": "\ude00 cut", "c": "\ud83d\ude00"}') == {
        "a": "cut �",
        "b": "� cut",
        "c": "😀",
    }


def test_a_backslash_in_a_text_is_no_half_of_a_character() -> None:
    body = rb'{"a": "\\ud83d\ude00", "b": "\\\ud83d", "c": "\\ud83d", "d": "\u00e9\n\ud83d\ud83d\ude00"}'
    assert reading.json_value(body) == {"a": "\\ud83d�", "b": "\\�", "c": "\\ud83d", "d": "é\n�😀"}


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": "\xff"}', rb'{"a": "\ud83d"', b"[" * 5_000])
def test_what_is_no_json_stays_none(body: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        reading.json_value(body)
