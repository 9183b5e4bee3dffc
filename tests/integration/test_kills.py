"""A worker killed or frozen between any two steps of a run: afterwards there is one effect, and only one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

import pytest

from sprintwarden.stage import Stage
from store.crew import LIVE, Crew
from tests.integration import scene
from tests.integration.scene import ONCE, TRACKERS, Side, until
from workers.checkpoints import PLACES

pytestmark = pytest.mark.process

UNWRITTEN = ("loaded", "decided", "planned")
"""Places that differ little from ``begun``, for what a run leaves behind there."""
RECOVERED_S = 30
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
    return _state(pid) in ("Z", None)


def _state(pid: int | str) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


def _below(pool: int) -> list[str]:
    return Path(f"/proc/{pool}/task/{pool}/children").read_text().split()


def _frozen(pool: int) -> list[int]:
    return [int(one) for one in _below(pool) if _state(one) == "T"]


def _busy(crew: Crew) -> bool:
    return any(hand.busy for hand in crew.alive(LIVE))


@contextmanager
def workers(stage: Stage, deed: str, place: str, marker: Path, count: int = 1) -> Iterator[int]:
    """Workers of which one is killed, say, at the place whenever the marker is taken away; their pool."""
    environ = {
        **os.environ,
        **stage.environ,
        f"SPRINTWARDEN_{deed}_AT": f"{place}:{marker}",
        "SPRINTWARDEN_WORKERS": str(count),
    }
    command = [sys.executable, "-m", "sprintwarden", "work"]
    with (stage.folder / f"worker-{place}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process.pid
    finally:
        # They are idle: none has a run to end.
        below = _below(process.pid)
        for sleeper in _frozen(process.pid):
            os.kill(sleeper, signal.SIGKILL)
        process.kill()
        process.wait()
        until(stage, lambda: all(map(_ended, below)), 10, supervised=False)


def _marked(place: str) -> object:
    fault = pytest.mark.fault(14) if place == "popped" else pytest.mark.fault(13)
    return pytest.param(place, marks=[fault, pytest.mark.slow] if place in UNWRITTEN else fault)


@pytest.mark.parametrize("place", [_marked(place) for place in PLACES])
def test_a_worker_killed_at_any_place_leaves_one_effect(
    stage: Stage, place: str, tmp_path: Path, seen: Callable[[str], None]
) -> None:
    marker = tmp_path / "killed"
    longest = 0.0
    with workers(stage, "KILL", place, marker):
        for side in (Side(stage, tracker) for tracker in TRACKERS):
            marker.unlink(missing_ok=True)
            key = side.file()
            until(stage, marker.exists, RECOVERED_S, supervised=False)
            took = until(stage, side.has(key, "security"), RECOVERED_S, supervised=False)
            longest = max(longest, took)
            until(stage, stage.idle, RECOVERED_S, supervised=False)
            assert side.writes(key) == ONCE
            assert "dead" not in side.outcomes(key)
    seen(f"one effect; with leases of 1 s within {5 * ceil(longest / 5)} s")


@pytest.mark.slow
@pytest.mark.fault(15)
@pytest.mark.parametrize("place", ["planned", "intended"])
def test_a_worker_frozen_until_another_did_its_work_changes_nothing_when_it_wakes(
    stage: Stage, place: str, tmp_path: Path
) -> None:
    marker, crew = tmp_path / "frozen", Crew(stage.redis)
    with workers(stage, "FREEZE", place, marker, count=2) as pool:
        for side in (Side(stage, tracker) for tracker in TRACKERS):
            marker.unlink(missing_ok=True)
            key = side.file()
            until(stage, lambda: bool(_frozen(pool)), RECOVERED_S, supervised=False)
            until(stage, side.has(key, "security"), RECOVERED_S, supervised=False)
            until(stage, stage.idle, RECOVERED_S, supervised=False)
            said = side.comments(key)
            (sleeper,) = _frozen(pool)
            os.kill(sleeper, signal.SIGCONT)
            # Workers that other tests killed are taken for busy until their heartbeats are too old.
            until(stage, lambda: not _busy(crew), 3 * RECOVERED_S, supervised=False)
            until(stage, stage.idle, RECOVERED_S, supervised=False)
            assert side.labels(key) == {"security"}
            assert side.comments(key) == said
            if place == "planned":
                assert side.writes(key) == ONCE
