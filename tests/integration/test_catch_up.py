"""The whole service down while people go on working, and the whole service without any webhook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sprintwarden.running import programs
from sprintwarden.stage import JIRA, LINEAR, Script, Stage
from sprintwarden.supervisor import Supervisor
from tests.integration import scene
from tests.integration.scene import ONCE, TRACKERS, Side, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

FILED = 30
SOON_S = 60
Seen = Callable[[str], None]


def caught_up(stage: Stage) -> list[dict[str, object]]:
    """What the command says, for each connection."""
    command = [sys.executable, "-m", "sprintwarden", "catch-up", "--json"]
    done = subprocess.run(
        command, env={**os.environ, **stage.environ}, capture_output=True, timeout=SOON_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.fault(47)
def test_a_service_that_was_down_finds_all_that_was_filed_and_edited_once(tmp_path: Path, seen: Seen) -> None:
    with scene.stage(tmp_path, scene.QUICK) as stage:
        sides = [Side(stage, tracker) for tracker in TRACKERS]
        known = {side.tracker: side.file() for side in sides}
        for side in sides:
            until(stage, side.has(known[side.tracker], "security"), SOON_S)
        scene.settle(stage)
        stage.supervisor.stop()
        for side in sides:
            side.toy.send_nowhere()
        filed = {side.tracker: [side.file() for _ in range(FILED)] for side in sides}
        for side in sides:
            side.toy.edit(known[side.tracker], title="XSS, and the documentation is wrong")
            side.toy.edit(filed[side.tracker][0], title="XSS in the other box")
        stage.supervisor = Supervisor(
            [one for one in programs(stage.environ, stage.folder) if one.name != "bulk"]
        )
        stage.supervisor.start()
        stage._wait_ready()
        found = caught_up(stage)
        scene.settle(stage, SOON_S)
        for side in sides:
            assert [side.writes(key) for key in filed[side.tracker]] == [ONCE] * FILED
            assert side.labels(known[side.tracker]) == {"security", "documentation"}
        writes = [len(side.toy.writes()) for side in sides]
        caught_up(stage)
        scene.settle(stage, SOON_S)
        assert [len(side.toy.writes()) for side in sides] == writes
        unread = [one["issues_unread"] for one in found]
        assert unread == [FILED + 1] * len(sides)
        seen(f"service and webhooks gone, {FILED + 1} issues a tracker filed or edited: all found, each once")


@pytest.mark.fault(48)
def test_without_any_webhook_the_service_labels_by_polling(tmp_path: Path, seen: Seen) -> None:
    script = Script(
        scene.demo_rules(),
        environ=scene.QUICK,
        without=frozenset({"bulk"}),
        polled=frozenset({JIRA, LINEAR}),
    )
    with Stage(tmp_path, script) as stage:
        for side in (Side(stage, tracker) for tracker in TRACKERS):
            key = side.file()
            took = until(stage, side.has(key, "security"), SOON_S)
            side.toy.edit(key, remove_labels=["security"])
            side.toy.edit(key, title="XSS, and the documentation is wrong")
            until(stage, side.has(key, "documentation"), SOON_S)
            assert side.toy.deliveries() == []
            seen(f"{side.tracker}: labelled {took:.1f} s after filing, asked every 5 s")
