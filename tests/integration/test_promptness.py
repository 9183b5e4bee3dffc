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
@pytest.mark.parametrize("tracker", TRACKERS)
def test_an_issue_whose_worker_was_killed_is_labelled_once_within_ninety_seconds(
    tmp_path: Path, tracker: str, record_property: Callable[[str, object], None]
) -> None:
    killed = tmp_path / "killed"
    with scene.stage(tmp_path, {"SPRINTWARDEN_KILL_AT": f"intended:{killed}"}) as stage:
        side = Side(stage, tracker)
        key = side.file()
        until(stage, killed.exists, PROMPT_S)
        took = until(stage, side.has(key, "security"), RECOVERED_S)
        record_property("seconds", round(took, 2))
        scene.settle(stage, RECOVERED_S)
        assert side.writes(key) == ONCE
