"""Outages of everything around a run: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.running import programs
from sprintwarden.stage import Stage, free_port
from sprintwarden.supervisor import Supervisor
from store.crew import LIVE, Crew
from tests.faults.shim import Shim
from tests.integration import scene
from tests.integration.scene import ONCE, TRACKERS, Side, until
from trackers.http import tls_context

pytestmark = pytest.mark.process

Seen = Callable[[str], None]
SOON_S = 60
PAUSE_S = 3


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with scene.stage(tmp_path_factory.mktemp("stage"), scene.QUICK) as made:
        yield made


def sides(stage: Stage) -> list[Side]:
    return [Side(stage, tracker) for tracker in TRACKERS]


def limited(side: Side) -> Callable[[], bool]:
    """Whether the tracker has refused a request since its calls were forgotten."""
    refused = {429} if side.tracker == "jira" else {400, 429}
    return lambda: any(call["status"] in refused for call in side.toy.calls())


@pytest.mark.parametrize("step", ["read", "write"])
def test_a_tracker_that_asks_to_wait_is_left_alone_until_it_says(side: Side, step: str) -> None:
    operation = {
        ("jira", "read"): "GET issue",
        ("jira", "write"): "PUT issue",
        ("linear", "read"): "issue",
        ("linear", "write"): "issueUpdate",
    }[side.tracker, step]
    side.toy.forget_calls()
    side.toy.fault(operation, "status", status=429, headers={"Retry-After": str(PAUSE_S)})
    key = side.file()
    until(side.stage, limited(side), SOON_S)
    began, asked = time.monotonic(), len(side.toy.calls())
    while time.monotonic() - began < PAUSE_S - 0.3:
        assert len(side.toy.calls()) == asked
        time.sleep(0.1)
    until(side.stage, side.has(key, "security"), PAUSE_S + 3)
    scene.settle(side.stage)
    assert side.writes(key) == ONCE
    runs = {run["outcome"]: run for run in side.runs(key)}
    assert set(runs) >= {"postponed", "applied"}
    assert runs["applied"]["attempt"] == 1


def quiet(side: Side) -> Callable[[], bool]:
    """Whether the toy has no delivery under way."""
    return lambda: not side.toy.pending()


@pytest.mark.fault(20)
def test_while_redis_is_away_nothing_is_taken_and_afterwards_nothing_is_lost(stage: Stage) -> None:
    stage.redis_server.halt()
    try:
        answer = httpx.post(Side(stage, "jira").hook, content=b"{}", timeout=5, trust_env=False)
        assert answer.status_code == 401
        filed = [(side, side.file()) for side in sides(stage)]
        until(stage, lambda: all(side.toy.deliveries()[-1]["attempts"] for side, _ in filed), 5)
        assert [side.toy.deliveries()[-1]["status"] for side, _ in filed] == [503, 503]
        assert httpx.get(f"{stage.url}/readyz", timeout=5, trust_env=False).status_code == 503
    finally:
        stage.redis_server.start()
    for side, _ in filed:
        # A toy's last retry may have come too early; the real ones have hours.
        until(stage, quiet(side), SOON_S)
        if (last := side.toy.deliveries()[-1])["status"] != 200:
            side.toy.deliver_again(last["n"])
    for side, key in filed:
        until(stage, side.has(key, "security"), SOON_S)
    scene.settle(stage)
    assert [side.writes(key) for side, key in filed] == [ONCE, ONCE]
    assert all(check["ok"] for check in scene.ready(stage).values())


@pytest.mark.fault(20)
def test_hints_taken_before_redis_crashed_are_worked_after_it_is_back(stage: Stage) -> None:
    # The front door keeps taking deliveries while the clock stands still.
    clock = stage.supervisor.pids()["clock"]
    os.kill(clock, signal.SIGSTOP)
    try:
        filed = [(side, side.file()) for side in sides(stage)]
        until(stage, lambda: stage.redis.zcard("sw:pending") == 2, 5)
        stage.redis_server.kill()
        stage.redis_server.start()
    finally:
        os.kill(clock, signal.SIGCONT)
    for side, key in filed:
        until(stage, side.has(key, "security"), SOON_S)
    scene.settle(stage)
    assert [side.writes(key) for side, key in filed] == [ONCE, ONCE]


@pytest.mark.fault(53)
@pytest.mark.parametrize("program", ["clock", "web", "worker"])
def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost(stage: Stage, program: str) -> None:
    pid = stage.supervisor.pids()[program]
    os.kill(pid, signal.SIGKILL)
    filed = [(side, side.file()) for side in sides(stage)]
    until(stage, lambda: stage.supervisor.pids()[program] != pid, 10)
    for side, key in filed:
        until(stage, side.has(key, "security"), SOON_S)
    scene.settle(stage)
    assert [side.writes(key) for side, key in filed] == [ONCE, ONCE]


@pytest.mark.slow
@pytest.mark.fault(18)
@pytest.mark.parametrize("signals", [1, 2])
def test_workers_told_to_end_in_a_burst_lose_nothing(stage: Stage, signals: int, seen: Seen) -> None:
    for side in sides(stage):
        side.toy.fault("PUT issue|issueUpdate", "delay", seconds=1.5, times=4)
    filed = [(side, side.file()) for _ in range(12) for side in sides(stage)]
    side, key = filed[0]
    until(stage, lambda: "security" in side.labels(key) or len(side.toy.calls()) > 3, SOON_S)
    pid = stage.supervisor.pids()["worker"]
    for _ in range(signals):
        os.kill(pid, signal.SIGTERM)
        # RQ takes a second signal within a second for the first one, told twice.
        time.sleep(1.1)
    until(stage, lambda: stage.supervisor.pids()["worker"] != pid, 60)
    took = 0.0
    for side, key in filed:
        took += until(stage, side.has(key, "security"), 60)
    scene.settle(stage, 60)
    assert [side.writes(key) for side, key in filed] == [ONCE] * len(filed)
    seen(f"{len(filed)} issues: one label, one comment each")


@pytest.mark.slow
@pytest.mark.fault(20)
def test_redis_restarted_while_a_write_is_under_way(stage: Stage) -> None:
    for side in sides(stage):
        side.toy.forget_calls()
        side.toy.fault("PUT issue|issueUpdate", "delay_after", seconds=2)
    filed = [(side, side.file()) for side in sides(stage)]
    until(stage, lambda: any(side.writes(key) or side.labels(key) for side, key in filed), SOON_S)
    stage.redis_server.kill()
    stage.redis_server.start()
    for side, key in filed:
        until(stage, side.has(key, "security"), 60)
    scene.settle(stage, 60)
    for side, key in filed:
        side.toy.no_faults()
        assert side.writes(key)["comments"] == 1


@pytest.mark.slow
@pytest.mark.fault(21)
def test_the_whole_service_lives_with_a_bad_line_to_redis(tmp_path: Path, seen: Seen) -> None:
    server = EmbeddedRedis(tmp_path / "far")
    server.start()
    with Shim(Path(server.url.removeprefix("unix://"))) as shim:
        there = f"redis://127.0.0.1:{shim.port}/0"
        with scene.stage(tmp_path / "stage", scene.QUICK | {"REDIS_URL": there}) as stage:
            filed: list[tuple[Side, str]] = []
            for make_bad in (
                partial(shim.delay, 0.25),
                partial(shim.slice, 3),
                shim.half_open,
                shim.refuse,
                shim.reset,
            ):
                make_bad()
                filed += [(side, side.file()) for side in sides(stage)]
                begun, met = time.monotonic(), shim.connections
                while time.monotonic() - begun < 6:
                    stage.supervisor.check()
                    time.sleep(0.1)
                assert shim.connections - met < 300, "a tight loop"
                shim.pass_on()
                for side in sides(stage):
                    until(stage, quiet(side), 60)
                    if (last := side.toy.deliveries()[-1])["status"] != 200:
                        side.toy.deliver_again(last["n"])
                for side, key in filed[-2:]:
                    until(stage, side.has(key, "security"), 90)
            assert [side.writes(key) for side, key in filed] == [ONCE] * len(filed)
            seen("slow, in slices, half open, refused and reset in turn: one effect for each issue")
    server.stop()


@pytest.mark.slow
@pytest.mark.fault(53)
def test_two_of_each_on_one_redis_and_one_of_each_killed(stage: Stage, seen: Seen) -> None:
    port = free_port()
    environ = {**stage.environ, "SPRINTWARDEN_PORT": str(port)}
    kinds = ("web", "worker", "clock")
    # Nobody restarts these: what is killed stays away.
    second = Supervisor([one for one in programs(environ, stage.folder / "second") if one.name in kinds])
    (stage.folder / "second").mkdir(exist_ok=True)
    second.start()
    try:
        url = f"http://127.0.0.1:{port}"
        until(stage, lambda: _answers(url) and len(Crew(stage.redis).alive(LIVE)) == 2, 60)
        filed = [(side, side.file()) for _ in range(6) for side in sides(stage)]
        for name, victim in (("clock", second), ("worker", second), ("web", second)):
            os.kill(victim.pids()[name], signal.SIGKILL)
            filed += [(side, side.file()) for _ in range(6) for side in sides(stage)]
        for side, key in filed:
            until(stage, side.has(key, "security"), 60)
        scene.settle(stage, 60)
        assert [side.writes(key) for side, key in filed] == [ONCE] * len(filed)
        seen(f"{len(filed)} issues: one label, one comment each")
    finally:
        second.stop()


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/healthz", timeout=2, trust_env=False, verify=tls_context())
        return answer.status_code == 200
    except httpx.HTTPError:
        return False
