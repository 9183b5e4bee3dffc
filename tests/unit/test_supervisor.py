"""The supervisor: what dies is started again, with growing waits; all are stopped in order; none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Timer

import pytest

from sprintwarden import supervisor
from sprintwarden.supervisor import PARENT, Program, Supervisor

ROOT = Path(__file__).parents[2]
SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(60)")
DIE = ("/bin/sh", "-c", "exit 3")


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(supervisor, "time", made)
    return made


@pytest.fixture
def started() -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def start(*programs: Program) -> Supervisor:
        made.append(Supervisor(programs))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.stop()


def gone(pid: int, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def test_a_program_that_dies_is_started_again(started: Callable[..., Supervisor], clock: Clock) -> None:
    watched = started(Program("one", SLEEP), Program("two", SLEEP))
    before = watched.pids()
    os.kill(before["one"], signal.SIGKILL)
    assert gone(before["one"])
    watched.check()
    assert watched.pids() == before
    clock.now += 1.0
    watched.check()
    assert watched.pids()["one"] != before["one"]
    assert watched.pids()["two"] == before["two"]


def restarts(watched: Supervisor, clock: Clock, seconds: float) -> list[float]:
    """The moments at which the program was started again, from now on."""
    begun, found = clock.now, []
    while clock.now < begun + seconds:
        pid = watched.pids()["one"]
        assert gone(pid)
        watched.check()
        if watched.pids()["one"] != pid:
            found.append(clock.now - begun)
        clock.now += 0.5
    return found


def test_a_program_that_dies_at_once_is_waited_for_longer_and_longer(
    started: Callable[..., Supervisor], clock: Clock
) -> None:
    moments = restarts(started(Program("one", DIE)), clock, 150)
    waits = [round(later - sooner) for sooner, later in zip([0.0, *moments], moments, strict=False)]
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert set(waits[5:]) <= {30, 31}


def kill_and_check(watched: Supervisor) -> int:
    pid = watched.pids()["one"]
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    watched.check()
    return pid


def test_a_program_that_lived_long_is_started_again_promptly(
    started: Callable[..., Supervisor], clock: Clock
) -> None:
    watched = started(Program("one", SLEEP))
    for wait in (1, 2, 4):
        kill_and_check(watched)
        clock.now += wait
        watched.check()
    clock.now += 61
    last = kill_and_check(watched)
    clock.now += 1
    watched.check()
    assert watched.pids()["one"] != last


def test_watching_ends_when_told(started: Callable[..., Supervisor]) -> None:
    until = Event()
    Timer(0.1, until.set).start()
    started(Program("one", SLEEP)).watch(until)
    assert until.is_set()


def test_all_are_asked_to_end_in_the_order_of_starting(
    started: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    really = subprocess.Popen.send_signal

    def send_signal(process: subprocess.Popen[bytes], number: int) -> None:
        asked.append((process.pid, number))
        really(process, number)

    monkeypatch.setattr(subprocess.Popen, "send_signal", send_signal)
    watched = started(Program("web", SLEEP), Program("worker", SLEEP), Program("clock", SLEEP))
    pids = watched.pids()
    watched.stop()
    assert asked == [(pid, signal.SIGTERM) for pid in pids.values()]
    assert all(gone(pid) for pid in pids.values())
    assert watched.pids() == {}


def test_one_that_does_not_end_is_killed_when_patience_is_over(
    started: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 0.3)
    deaf = "trap '' TERM; touch ready; while :; do sleep 0.1; done"
    watched = started(Program("deaf", ("/bin/sh", "-c", f"cd {tmp_path}; {deaf}")))
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    pid = watched.pids()["deaf"]
    begun = time.monotonic()
    watched.stop()
    assert time.monotonic() - begun > 0.2
    assert gone(pid)


def test_one_that_died_before_is_no_trouble_when_stopping(started: Callable[..., Supervisor]) -> None:
    watched = started(Program("one", DIE))
    assert gone(watched.pids()["one"])
    watched.stop()


def test_output_goes_to_the_log_and_the_environment_is_added(
    started: Callable[..., Supervisor], tmp_path: Path
) -> None:
    log = tmp_path / "one.log"
    command = ("/bin/sh", "-c", f"echo $COLOUR ${PARENT}; echo wrong >&2")
    watched = started(Program("one", command, {"COLOUR": "blue"}, log))
    assert gone(watched.pids()["one"])
    assert log.read_text() == f"blue {os.getpid()}\nwrong\n"


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells a process of its parent's death.")
def test_children_end_when_the_supervisor_is_killed() -> None:
    child = "from workers.lifeline import end_with_parent; import time; end_with_parent(); time.sleep(60)"
    code = f"""
import sys, time
from sprintwarden.supervisor import Program, Supervisor
command = (sys.executable, "-c", {child!r})
watched = Supervisor([Program("a", command), Program("b", command)])
watched.start()
print(*watched.pids().values(), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    assert all(gone(pid) for pid in pids)
