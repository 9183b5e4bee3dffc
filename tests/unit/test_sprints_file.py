"""sprints.jsonl: what a line may hold, and how each bad one is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.json_lines import BadLine
from classifiers.sprint_rows import Count, Moment, SprintRow
from classifiers.sprints_file import Orders, parse_sprints
from tests.unit.sprint_lines import moment, sprint

BARE: dict[str, Any] = {"id": "a", "project": "ABC", "board": "1", "order": 1}


def parsed(*lines: dict[str, Any] | bytes, orders: Orders | None = None) -> list[SprintRow | BadLine]:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return list(parse_sprints(raw, "sprints.jsonl", orders or Orders()))


def good(line: dict[str, Any]) -> SprintRow:
    (row,) = parsed(line)
    assert isinstance(row, SprintRow), row
    return row


def test_a_whole_line_is_read() -> None:
    amounts = {"added_issues": 1, "added_points": 2, "removed_issues": 3, "removed_points": 4, "team": 5}
    amounts |= {"todo_issues": 6, "todo_points": 7, "doing_issues": 8, "doing_points": 9}
    line = {
        "id": "s1",
        "project": "ABC",
        "board": "7",
        "order": 3,
        "planned_days": 14,
        "start": {"issues": 8, "points": 20.5},
        "moments": [{"t": 0.3, **amounts, "done_issues": 10, "done_points": 11}],
        "delivered_points": 12,
        "delivered_issues": 13,
        "name": "passed over",
    }
    at = Moment(0.3, Count(1, 2), Count(3, 4), Count(6, 7), Count(8, 9), Count(10, 11), 5)
    assert good(line) == SprintRow("s1", "ABC", "7", 3.0, 14.0, Count(8, 20.5), (at,), Count(13, 12))


def test_any_amount_may_be_null_or_missing() -> None:
    bare = SprintRow("a", "ABC", "1", 1.0, None, Count())
    assert good(BARE) == bare
    nothing = dict.fromkeys(("planned_days", "start", "moments", "delivered_points"))
    assert good(BARE | nothing) == bare
    empty = {"issues": None, "points": None}
    assert good(BARE | {"start": empty, "moments": [{"t": 0, "done_points": None}]}).moments == (Moment(0.0),)


def test_numbers_name_as_well_as_texts() -> None:
    row = good(BARE | {"id": 5, "project": 6, "board": 7.0})
    assert (row.id, row.project, row.board) == ("5", "6", "7")


def test_moments_stand_in_the_order_of_time() -> None:
    row = good(sprint(1, moments=[moment(0.8), moment(0), moment(0.3)]))
    assert [one.t for one in row.moments] == [0.0, 0.3, 0.8]


def test_a_remainder_below_nothing_is_nothing() -> None:
    row = good(sprint(1, moments=[moment(0, todo_points=-3, todo_issues=2)]))
    assert row.moments[0].todo == Count(2.0, 0.0)


def test_orders_are_numbers_or_times_but_not_both_in_a_project() -> None:
    assert good(BARE | {"order": "1970-01-01T00:01:00Z"}).order == 60.0
    assert good(BARE | {"order": "12.5"}).order == 12.5
    other = BARE | {"id": "b", "project": "XYZ", "order": "2026-03-01"}
    orders = Orders()
    assert not any(isinstance(row, BadLine) for row in parsed(BARE, other, orders=orders))
    (bad,) = parsed(BARE | {"order": "2026-03-01"}, orders=orders)
    assert (
        isinstance(bad, BadLine)
        and "order is a time, but other sprints of project 'ABC' have numbers" in bad.why
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{", "it is not JSON"),
        (b"[1]", "it is a list, not an object."),
        (BARE | {"id": None}, "id is missing; it must be a text."),
        (BARE | {"id": True}, "id is true or false; it must be a text."),
        (BARE | {"board": 1.5}, "board is a number; it must be a text."),
        (BARE | {"project": " "}, "project is empty."),
        (BARE | {"order": None}, "order is missing; it must be an ISO 8601 time or a number."),
        (BARE | {"order": "soon"}, "order is neither"),
        (BARE | {"start": 5}, "start is a number; it must be an object."),
        (BARE | {"start": {"points": "5"}}, "start.points is a text; it must be a number or null."),
        (BARE | {"start": {"issues": -1}}, "start.issues is -1; it cannot be negative."),
        (BARE | {"planned_days": True}, "planned_days is true or false; it must be a number or null."),
        (BARE | {"delivered_points": float("nan")}, "delivered_points is not a number (NaN)"),
        (BARE | {"delivered_points": float("inf")}, "delivered_points is larger than any sprint's"),
        (BARE | {"delivered_points": 10**400}, "delivered_points is larger than any sprint's"),
        (BARE | {"moments": {}}, "moments is an object; it must be a list."),
        (BARE | {"moments": [moment(0), 4]}, "moments[1] is a number; it must be an object."),
        (
            BARE | {"moments": [{}]},
            "moments[0].t is missing; it must be the share of the planned time, 0 to 1.",
        ),
        (BARE | {"moments": [moment(30)]}, "moments[0].t is 30; it must be the share"),
        (BARE | {"moments": [moment(0.5), moment(0.5)]}, "moments has t 0.5 twice."),
        (BARE | {"moments": [moment(0, done_points="x")]}, "moments[0].done_points is a text"),
        (BARE | {"moments": [moment(0, team=-2)]}, "moments[0].team is -2; it cannot be negative."),
    ],
)
def test_a_bad_line_is_named_with_its_cause(line: dict[str, Any] | bytes, sentence: str) -> None:
    (bad,) = parsed(line)
    assert isinstance(bad, BadLine)
    assert str(bad).startswith("sprints.jsonl:1: ") and sentence in str(bad)


def test_every_bad_line_is_named_by_its_own_number() -> None:
    found = parsed(BARE, b" ", b"nonsense", BARE, BARE | {"id": "b"})
    assert [type(row) for row in found] == [SprintRow, BadLine, BadLine, SprintRow]
    assert [row.line for row in found if isinstance(row, BadLine)] == [3, 4]
    assert "the id 'a' stands in an earlier line already." in str(found[2])


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s, max_size=3)))
def test_whatever_a_field_holds_it_is_read_or_named(value: Any) -> None:
    for key in (*sprint(1), "delivered_issues"):
        for row in parsed(sprint(1) | {key: value}):
            assert isinstance(row, SprintRow | BadLine)
