"""What becomes of single issues and odd pages when training data is gathered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from classifiers.examples import Target
from classifiers.issues_file import read_issues
from classifiers.json_lines import BadLine
from tests.conftest import CONNECTION
from trackers.model import Label, PastIssue, component_label
from trackers.protocol import Page, Tracker
from workers.history import HistoryFile, NotGathered, gather, line

SECURITY, UI = Label("s1", "security"), Label("u1", "ui", group="Area")
API = component_label("API").id
ISSUE = PastIssue(
    id="1",
    key="ABC-1",
    project="ABC",
    title="Cannot log in",
    body="It says 500.",
    created=datetime(2026, 3, 2, 9, tzinfo=UTC),
    type="Bug",
    components=("API",),
    labels=(SECURITY, UI),
)


def judged(**how: Any) -> tuple[Any, Any]:
    told = line(replace(ISSUE, **how))
    return told.get("ours"), told.get("weight")


@pytest.mark.parametrize(
    ("how", "ours", "weight"),
    [
        ({}, None, None),
        ({"resolved": True, "handled": True}, None, None),
        ({"labels_by_us": {"u1"}}, ["Area/ui"], None),
        ({"labels_by_us": {"u1", "s1", API}}, ["API", "Area/ui", "security"], None),
        ({"labels_by_us": {"u1"}, "resolved": True}, None, 3.0),
        ({"labels_by_us": {API}, "handled": True}, None, 3.0),
        ({"labels_by_us": {"gone"}}, None, None),
        ({"labels_by_us": {"gone"}, "resolved": True}, None, None),
        ({"labels_by_us": {"gone"}, "taken_off": {"gone"}}, None, 3.0),
        ({"labels_by_us": {"gone", "u1"}, "taken_off": {"gone"}}, ["Area/ui"], 3.0),
    ],
)
def test_tags_of_ours_teach_what_people_made_of_them(
    how: dict[str, Any], ours: list[str] | None, weight: float | None
) -> None:
    sets = {name: frozenset(value) if isinstance(value, set) else value for name, value in how.items()}
    assert judged(**sets) == (ours, weight)


def test_text_that_is_not_as_filed_is_marked() -> None:
    assert line(replace(ISSUE, as_filed=False))["as_filed"] is False
    assert "as_filed" not in line(ISSUE)


class Pages:
    """A tracker that gives pages, one after the other."""

    def __init__(self, *pages: Page) -> None:
        self._pages = list(pages)

    def past(self, projects: Sequence[str], after: str | None, *_: object) -> Page:
        assert tuple(projects) == CONNECTION.projects
        return self._pages.pop(0)


def gathered(folder: Path, *pages: Page) -> HistoryFile:
    tracker = cast("Tracker", Pages(*pages))
    return gather(tracker, CONNECTION, folder, progress=lambda at: None, wait=lambda seconds: None)


def test_line_is_one_that_training_reads(tmp_path: Path) -> None:
    odd = replace(
        ISSUE, id="2", title="Tea ☕ \u2028 and\r\nmore", body="\x00", labels_by_us=frozenset({"u1"})
    )
    found = gathered(tmp_path, Page((ISSUE, odd), None))
    first, second = read_issues(found.issues)
    assert not isinstance(first, BadLine) and not isinstance(second, BadLine)
    assert first.tags[Target.LABELS] == ("security", "Area/ui")
    assert first.tags[Target.COMPONENTS] == ("API",) and first.tags[Target.TYPE] == ("Bug",)
    assert second.example(Target.LABELS) is None, "a label of ours, and nobody said yet whether it fits"
    assert (second.filed.title, second.filed.body) == (odd.title, odd.body)


def test_issue_from_elsewhere_is_left_out_and_counted(tmp_path: Path) -> None:
    moved = replace(ISSUE, id="2", moved=True, people=frozenset({"Robin"}))
    found = gathered(tmp_path, Page((moved,), "2"), Page((ISSUE, moved), None))
    assert (found.count, found.moved) == (1, 1)
    assert [json.loads(text)["id"] for text in found.issues.read_bytes().splitlines()] == ["1"]
    assert json.loads(found.people.read_bytes()) == ["Robin"]


def test_issue_told_twice_stands_once(tmp_path: Path) -> None:
    other = replace(ISSUE, id="2")
    found = gathered(tmp_path, Page((ISSUE, ISSUE), "2"), Page((ISSUE, other), None))
    assert [json.loads(text)["id"] for text in found.issues.read_bytes().splitlines()] == ["1", "2"]


def test_tracker_that_does_not_get_on_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(NotGathered, match="the same page again"):
        gathered(tmp_path, Page((ISSUE,), "2"), Page((ISSUE,), "2"))


def test_labels_that_only_passed_are_left_out(tmp_path: Path) -> None:
    late = replace(
        ISSUE,
        labels=(*ISSUE.labels, Label("scope-added", "scope-added")),
        labels_by_us=frozenset({"scope-added"}),
        taken_off=frozenset({"scope-added"}),
        resolved=True,
    )
    found = gather(
        cast("Tracker", Pages(Page((late,), None))),
        CONNECTION,
        tmp_path,
        progress=lambda at: None,
        wait=lambda seconds: None,
        passing=["Scope-Added"],
    )
    (told,) = [json.loads(text) for text in found.issues.read_bytes().splitlines()]
    assert told == line(replace(ISSUE, resolved=True))
    assert "weight" not in told


def test_pages_without_issues_are_passed(tmp_path: Path) -> None:
    assert gathered(tmp_path, Page((), "2"), Page((ISSUE,), "3"), Page((), None)).count == 1
