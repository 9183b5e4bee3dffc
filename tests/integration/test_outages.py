"""Outages of everything around a run: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from sprintwarden.stage import Stage
from tests.integration import scene
from tests.integration.scene import ONCE, TRACKERS, Side, until

pytestmark = pytest.mark.process

SOON_S = 20
PAUSE_S = 3


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with scene.stage(tmp_path_factory.mktemp("stage"), scene.QUICK) as made:
        yield made


@pytest.fixture(params=TRACKERS)
def side(request: pytest.FixtureRequest, stage: Stage) -> Side:
    return Side(stage, request.param)


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
