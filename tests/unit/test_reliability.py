"""The table of faults: complete, and true to its list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS
from tests.reliability import Row, table

_ROOT = Path(__file__).parents[2]


def test_every_fault_is_caused_by_a_test_and_every_mark_is_of_a_fault() -> None:
    marked = {
        int(number)
        for file in (_ROOT / "tests").rglob("*.py")
        for numbers in re.findall(r"mark\.fault\(([\d, ]+)\)", file.read_text(encoding="utf-8"))
        for number in numbers.split(",")
    }
    assert marked == {fault.number for fault in FAULTS}


def test_numbers_are_given_once() -> None:
    numbers = [fault.number for fault in FAULTS]
    assert numbers == sorted(set(numbers))


def test_the_table_in_the_docs_has_the_faults_of_the_list() -> None:
    written = (_ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for line in table(FAULTS, {}):
        assert line.rpartition(" | ")[0] in written


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row(held=1, seen=["once"]), "once (1 test)"),
        (Row(held=3, seen=["once", "once", "3 s"]), "once; 3 s (3 tests)"),
        (Row(held=2), "as expected (2 tests)"),
        (Row(held=2, failed=["tests/x.py::test_y"]), "**not so**: `tests/x.py::test_y`"),
        (Row(skipped=1), "not tried here"),
        (Row(), "no test"),
    ],
)
def test_a_row_says_what_came_of_its_tests(row: Row, words: str) -> None:
    assert row.words() == words
