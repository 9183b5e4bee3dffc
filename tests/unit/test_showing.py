"""What ``explain`` prints for people: the decisions first, and of silent rules a line each."""

from __future__ import annotations

from typing import Any

import pytest

from sprintwarden.columns import WIDTH
from sprintwarden.showing import show_dead, show_explanation

HELD = "Nothing is written to acme since 2026-03-02 09:01 UTC: `sprintwarden resume acme` lets it go on."
PATTERN = r"\b(is|gets|very|too) slow (and|or) tired\b"
LACKING = [
    f"nothing in the title matches the pattern {PATTERN}",
    *(f"the word {n!r} is not in it" for n in range(8)),
]


def decision(minute: int, **changes: Any) -> dict[str, Any]:
    at = f"2026-03-02T10:{minute:02}:31.123+01:00"
    told = {
        "at": at,
        "outcome": "applied",
        "hints": [{"kind": "issue_created"}],
        "because": None,
        "plan": None,
    }
    return told | changes


def told(*decisions: dict[str, Any]) -> dict[str, Any]:
    return {
        "issue": "ABC-1",
        "connection": "acme",
        "labels": ["bug"],
        "rules": {"version": "0123456789ab", "refused": []},
        "decisions": list(decisions),
        "now": None,
        "because": "nothing_fits",
        "silent": [
            {"source": "rule two", "labels": ["a"], "lacking": ["b", "c"], "alternatives": 0},
            {"source": "rule bug", "labels": ["bug"], "lacking": LACKING, "alternatives": 9},
            {
                "source": "rule slow",
                "labels": ["slow"],
                "lacking": ["the title has no word " + "x" * 120],
                "alternatives": 0,
            },
            {
                "source": "rule docs",
                "labels": ["docs"],
                "lacking": ["the type is Bug, not Docs"],
                "alternatives": 0,
            },
        ],
    }


POSTPONED = decision(1, outcome="postponed", cause=HELD)


def test_decisions_come_first_with_their_cause_and_time() -> None:
    lines = show_explanation(told(POSTPONED)).splitlines()
    assert lines[2:5] == [
        "Decisions so far, newest first:",
        "  2026-03-02 09:01 UTC  postponed  on issue created",
        "      Nothing is written to acme since 2026-03-02 09:01 UTC: `sprintwarden resume acme` lets it go",
    ]
    assert lines.index("Now, by rules version 0123456789ab:") > 5


def test_only_the_newest_decisions_are_told_unless_all_are_wanted() -> None:
    many = told(*(decision(59 - n) for n in range(8)))
    assert show_explanation(many).count("applied") == 5
    assert "  and 3 earlier ones (--all tells them)" in show_explanation(many).splitlines()
    assert show_explanation(many, every=True).count("applied") == 8


def test_a_silent_rule_has_one_short_line() -> None:
    lines = show_explanation(told()).splitlines()
    assert lines[-5:-2] == [
        "Rules that are silent, and what they lack (--all tells it in full):",
        "  two: 2 conditions do not hold",
        "  bug: none of its 9 alternatives holds",
    ]
    assert lines[-2].startswith("  slow: the title has no word xxx") and lines[-2].endswith("…")
    assert lines[-1] == "  docs: the type is Bug, not Docs"


@pytest.mark.parametrize("every", [False, True])
def test_it_fits_the_screen_and_breaks_no_pattern(every: bool) -> None:
    found = show_explanation(told(POSTPONED), every=every)
    assert (PATTERN in found) is every
    words = "x" * 120
    assert all(len(line) <= WIDTH for line in found.splitlines() if words not in line)
    assert all(str(n) in found for n in range(8)) or not every


def test_times_are_said_in_one_form() -> None:
    letter = {
        "subject": "acme:issue:1",
        "since": "2026-03-02T10:01:31+01:00",
        "attempts": 3,
        "cause": "It failed.",
    }
    assert show_dead([letter]) == "acme:issue:1  since 2026-03-02 09:01 UTC, attempts: 3. It failed."
