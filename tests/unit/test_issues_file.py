"""issues.jsonl: what a line may hold, and how each bad one is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.examples import Example, Filed, Target
from classifiers.issues_file import Line, parse_issues
from classifiers.json_lines import BadLine

GOOD: dict[str, Any] = {"id": "ABC-1", "project": "ABC", "created": 7, "title": "Crash", "body": "on start"}


def parsed(*lines: dict[str, Any] | bytes) -> list[Line | BadLine]:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return list(parse_issues(raw, "issues.jsonl"))


def why(line: dict[str, Any] | bytes) -> str:
    (bad,) = parsed(line)
    assert isinstance(bad, BadLine)
    return str(bad)


def good(line: dict[str, Any]) -> Line:
    (read,) = parsed(line)
    assert isinstance(read, Line)
    return read


def test_a_line_speaks_only_of_the_targets_it_names() -> None:
    line = good(GOOD | {"labels": ["ui", " ui", "", "Api"], "type": "Bug"})
    assert line.example(Target.LABELS) == Example(
        "ABC-1", Filed("ABC", "Crash", "on start"), 7.0, ("ui", "Api")
    )
    assert line.tags[Target.TYPE] == ("Bug",) and line.example(Target.COMPONENTS) is None
    assert good(GOOD | {"labels": []}).tags[Target.LABELS] == ()


def test_tags_nobody_confirmed_teach_neither_yes_nor_no() -> None:
    line = good(GOOD | {"labels": ["UI", "api"], "components": ["Core"], "ours": ["ui"], "weight": 3})
    assert line.example(Target.LABELS) is None, "without ui it would say that ui does not fit"
    assert line.tags[Target.COMPONENTS] == ("Core",) and line.weight == 3.0


@pytest.mark.parametrize(
    ("created", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("1970-01-01T00:01:00", 60.0),
        ("1970-01-01T00:01:00.000+0000", 60.0),
        (12, 12.0),
        (1.5, 1.5),
        ("3422", 3422.0),
    ],
)
def test_created_is_a_time_or_a_number(created: Any, seconds: float) -> None:
    assert good(GOOD | {"created": created}).created == seconds


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{", "it is not JSON"),
        (b"[1]", "it is a list, not an object"),
        (b"[" * 100_000, "nested too deeply"),
        (GOOD | {"id": None}, "id is missing; it must be a text."),
        (GOOD | {"id": " "}, "id is empty."),
        (GOOD | {"project": 3}, "project is a number; it must be a text."),
        (GOOD | {"title": ["a"]}, "title is a list; it must be a text."),
        (GOOD | {"created": "soon"}, "created is neither"),
        (GOOD | {"created": "nan"}, "created is neither"),
        (GOOD | {"created": 10**400}, "created is neither"),
        (GOOD | {"created": True}, "created is true or false"),
        (GOOD | {"labels": "ui"}, "labels must be a list of texts."),
        (GOOD | {"components": [1]}, "components must be a list of texts."),
        (GOOD | {"labels": [str(n) for n in range(201)]}, "labels holds 201 names"),
        (GOOD | {"weight": 0}, "weight must be a number above 0"),
        (GOOD | {"type": 4}, "type is a number"),
    ],
)
def test_a_bad_line_is_named_with_its_cause(line: dict[str, Any] | bytes, sentence: str) -> None:
    told = why(line)
    assert told.startswith("issues.jsonl:1: ") and sentence in told


def test_bad_lines_stop_nothing_and_keep_their_numbers() -> None:
    lines = parsed(GOOD, b"  ", b"nonsense", GOOD, GOOD | {"id": "ABC-2"})
    assert [type(line) for line in lines] == [Line, BadLine, BadLine, Line]
    assert [line.line for line in lines if isinstance(line, BadLine)] == [3, 4]
    assert "stands in an earlier line" in str(lines[2])


def test_a_byte_order_mark_is_no_fault() -> None:
    assert isinstance(parsed(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())[0], Line)


def test_half_characters_are_replaced() -> None:
    assert good(GOOD | {"title": "a\ud800b", "labels": ["\ud800"]}).filed.title == "a?b"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_named(raw: bytes) -> None:
    for line in parse_issues([raw], "f"):
        assert isinstance(line, Line | BadLine)
