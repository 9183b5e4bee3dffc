"""The work of reading and judging a rules file grows with the file, and not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from types import FrameType
from typing import Any

import pytest

from rules.lint import lint
from rules.load import load_rules
from rules.problems import BadFile
from rules.source import read_source

RULES = "version: 1\ndefaults:\n  tagging:\n    rules:\n"


def projects(many: int) -> str:
    """As many projects with a rule each."""
    rule = "{mode: apply, tagging: {max_labels: 3, rules: [{label: x%d, type: [A]}]}}"
    return "version: 1\nprojects:\n" + "".join(f"  P{n}: {rule % n}\n" for n in range(many))


def every_kind(many: int) -> str:
    """As many connections, projects of each, and boards."""
    return (
        "version: 1\nconnections:\n"
        + "".join(f"  c{n}: {{mode: apply, tagging: {{max_labels: {n % 9 + 1}}}}}\n" for n in range(many))
        + "projects:\n"
        + "".join(f"  c{n}/P{n}: {{tagging: {{window: 2h}}}}\n" for n in range(many))
        + "boards:\n"
        + "".join(f"  {n}: {{sprints: {{people: 4}}}}\n" for n in range(1, many))
    )


def words(many: int) -> str:
    """A rule with as many words."""
    return RULES + f"      - {{label: x, title: {{words: [{', '.join(f'w{n}x' for n in range(many))}]}}}}\n"


def types(many: int) -> str:
    """A rule with as many types."""
    return RULES + f"      - {{label: x, type: [{', '.join(f't{n}x' for n in range(many))}]}}\n"


def unknown(many: int) -> str:
    """As many rules, and as many projects that leave out others which are not there."""
    known = "".join(f"      - {{label: l{n}, type: [A]}}\n" for n in range(many))
    return (
        RULES
        + known
        + "projects:\n"
        + "".join(f"  P{n}: {{tagging: {{without: [lx{n}, ly{n}]}}}}\n" for n in range(many))
    )


def judge(text: str) -> None:
    with suppress(BadFile):
        load_rules(text.encode(), "rules.yaml")
    lint(read_source(text.encode(), "rules.yaml"), date(2026, 11, 22))


def steps(text: str) -> int:
    """How many calls it takes to judge a file, but for the YAML parser: the same on every machine."""
    made = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call") and "ruamel" not in frame.f_code.co_filename

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        judge(text)
    finally:
        sys.setprofile(before)
    return made


@pytest.fixture(autouse=True)
def warm() -> None:
    """What is made but once is no part of the count."""
    judge(every_kind(3))


@pytest.mark.parametrize(
    ("made", "many"), [(projects, 40), (every_kind, 30), (words, 100), (types, 100), (unknown, 60)]
)
@pytest.mark.fault(41)
def test_twice_the_file_takes_about_twice_the_work(made: Callable[[int], str], many: int) -> None:
    assert steps(made(2 * many)) < 2.3 * steps(made(many))
