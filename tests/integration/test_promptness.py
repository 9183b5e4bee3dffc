"""How soon a label is there, with every time at its default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration import scene
from tests.integration.scene import ONCE, TRACKERS, Side, until

pytestmark = pytest.mark.process

PROMPT_S = 10
RECOVERED_S = 90


def test_a_new_issue_has_its_label_and_the_reason_within_ten_seconds(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with scene.stage(tmp_path) as stage:
        filed = [(side, side.file()) for side in (Side(stage, tracker) for tracker in TRACKERS)]
        for side, key in filed:
            took = until(stage, side.has(key, "security"), PROMPT_S)
            record_property(f"{side.tracker} seconds", round(took, 2))
            assert 'the title has the word "XSS"' in side.comments(key)[0]
            assert side.writes(key) == ONCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracker", "deed"),
    [
        *(pytest.param(tracker, "KILL", marks=pytest.mark.fault(13)) for tracker in TRACKERS),
        pytest.param("jira", "HANG", marks=pytest.mark.fault(17)),
    ],
)
def test_an_issue_whose_worker_was_killed_or_hangs_is_labelled_once_within_ninety_seconds(
    tmp_path: Path, tracker: str, deed: str, seen: Callable[[str], None]
) -> None:
    marker = tmp_path / "marker"
    with scene.stage(tmp_path, {f"SPRINTWARDEN_{deed}_AT": f"intended:{marker}"}) as stage:
        side = Side(stage, tracker)
        key = side.file()
        until(stage, marker.exists, PROMPT_S)
        took = until(stage, side.has(key, "security"), RECOVERED_S)
        what = "the only worker killed" if deed == "KILL" else "the only worker deaf to signals: replaced"
        seen(f"{what}, labelled once {took:.0f} s later")
        scene.settle(stage, RECOVERED_S)
        assert side.writes(key) == ONCE
