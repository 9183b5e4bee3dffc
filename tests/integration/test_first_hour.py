"""An admin's first hour, walked with the real commands: from nothing to labels on old and new issues."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sprintwarden.first_hour import first_hour, page, walk

PAGE = Path(__file__).parents[2] / "docs" / "first-hour.md"


@pytest.mark.process
@pytest.mark.slow
def test_from_nothing_to_the_first_labels(tmp_path: Path) -> None:
    with first_hour(tmp_path) as hour:
        written = (tmp_path / "config" / "connections.yaml").read_text(encoding="utf-8")
        assert "{env: DEMO_JIRA_TOKEN}" in written
        assert hour.stage.environ["DEMO_JIRA_TOKEN"] not in written
        walk(hour)
        labels = {issue["title"]: set(issue["labels"]) for issue in hour.stage.jira.issues()}
        assert not any(issue["labels"] for issue in hour.stage.linear.issues())
    assert labels["SQL injection in the export"] == {"security"}
    assert labels["Please add a dark theme to the app"] == {"theme"}
    assert labels["Plan the team's offsite"] == set()
    told = page(hour)
    assert "the tracker's event arrived, and a worker handled it." in told
    assert "this machine's own" not in told and "127.0.0.1" not in told
    # The page in the guide shows these very commands.
    assert commands(told) == commands(PAGE.read_text(encoding="utf-8"))


def commands(text: str) -> list[str]:
    return re.findall(r"^\$ (.*)$", text, re.MULTILINE)
