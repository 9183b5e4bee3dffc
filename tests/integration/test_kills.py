"""A worker killed between any two steps of a run: after recovery there is one effect, and only one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sprintwarden.stage import Stage
from tests.integration import scene
from tests.integration.scene import ONCE, TRACKERS, Side, until
from workers.checkpoints import PLACES

pytestmark = pytest.mark.process

RECOVERED_S = 15
"""With a lease of one second; with the usual one of 45 it would be within 90."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage without workers: each place has workers of its own."""
    with scene.stage(tmp_path_factory.mktemp("stage"), scene.QUICK | {"SPRINTWARDEN_LEASE_S": "1"}) as made:
        worker = made.supervisor.pids()["worker"]
        os.kill(worker, signal.SIGTERM)
        until(made, lambda: _ended(worker), 20, supervised=False)
        yield made


def _ended(pid: int | str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@contextmanager
def workers(stage: Stage, place: str, marker: Path) -> Iterator[None]:
    """Workers of which one is killed at the place whenever the marker is taken away."""
    environ = {
        **os.environ,
        **stage.environ,
        "SPRINTWARDEN_KILL_AT": f"{place}:{marker}",
        "SPRINTWARDEN_WORKERS": "1",
    }
    command = [sys.executable, "-m", "sprintwarden", "work"]
    with (stage.folder / f"worker-{place}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        # They are idle: none has a run to end.
        below = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait()
        until(stage, lambda: all(map(_ended, below)), 10, supervised=False)


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_at_any_place_leaves_one_effect(
    stage: Stage, place: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    marker = tmp_path / "killed"
    with workers(stage, place, marker):
        for side in (Side(stage, tracker) for tracker in TRACKERS):
            marker.unlink(missing_ok=True)
            key = side.file()
            until(stage, marker.exists, RECOVERED_S, supervised=False)
            took = until(stage, side.has(key, "security"), RECOVERED_S, supervised=False)
            until(stage, stage.idle, RECOVERED_S, supervised=False)
            record_property(f"{side.tracker} seconds", round(took, 2))
            assert side.writes(key) == ONCE
            assert "dead" not in side.outcomes(key)
