"""``sprintwarden run`` as an admin starts it: everything comes up, and all of it goes down again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sprintwarden.stage import free_port
from store.connect import connect
from trackers.http import tls_context

pytestmark = pytest.mark.process

UP_S = 30
WORKERS = 3
SETTINGS = ("REDIS_URL", "REDIS_URL_FILE", "PROMETHEUS_MULTIPROC_DIR")


class Running:
    """The command at work in a folder of its own."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in SETTINGS and not name.startswith("SPRINTWARDEN_")
        }
        ours = {"SPRINTWARDEN_CONFIG": str(config), "SPRINTWARDEN_PORT": str(port), "TMPDIR": str(folder)}
        self.log = folder / "run.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sprintwarden", "run"],
                cwd=folder,
                env={**inherited, **ours, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=log,
                stderr=log,
            )

    def green(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False, verify=tls_context())
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and all(check["ok"] for check in answer.json()["checks"])

    def wait_until_green(self) -> None:
        deadline = time.monotonic() + UP_S
        while not self.green() or self.workers() < WORKERS:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def workers(self) -> int:
        """How many workers wait for work."""
        (socket,) = self.folder.glob("sprintwarden-*/redis.sock")
        return len(connect(f"unix://{socket}").smembers("rq:workers"))

    def family(self) -> dict[int, str]:
        """Every process below this one, with its command."""
        found: dict[int, str] = {}
        below = [self.process.pid]
        while below:
            pid = below.pop()
            children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            below += children
            for child in children:
                command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
                found[child] = command.decode(errors="replace")
        return found


@contextmanager
def running(folder: Path, config: Path) -> Iterator[Running]:
    made = Running(folder, config)
    try:
        made.wait_until_green()
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped files: no connection is named in them."""
    folder = tmp_path / "config"
    folder.mkdir()
    shipped = Path(__file__).parents[2] / "config"
    for name in ("rules.yaml", "connections.yaml"):
        (folder / name).write_bytes((shipped / name).read_bytes())
    return folder


def alive(pids: set[int]) -> set[int]:
    def is_alive(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    return {pid for pid in pids if is_alive(pid)}


def test_everything_comes_up_ends_with_redis_last_and_keeps_its_data(tmp_path: Path, config: Path) -> None:
    with running(tmp_path, config) as service:
        family = service.family()
        (redis,) = [
            pid for pid, command in family.items() if "valkey" in command or "redis-server" in command
        ]
        assert len(family) >= 8
        service.process.send_signal(signal.SIGTERM)
        others = set(family) - {redis}
        last = time.monotonic()
        while service.process.poll() is None:
            assert time.monotonic() - last < 40
            if alive(others):
                assert alive({redis}), "Redis ended before those that need it"
            time.sleep(0.005)
        assert service.process.returncode == 0, service.log.read_text()
        assert alive(set(family)) == set()
    log = service.log.read_text()
    assert "Traceback" not in log
    assert "Sprintwarden starts on" in log
    assert not list(tmp_path.glob("sprintwarden-*"))
    assert list((tmp_path / "var" / "redis" / "appendonlydir").glob("*.aof"))


def test_everything_ends_when_it_is_killed(tmp_path: Path, config: Path) -> None:
    with running(tmp_path, config) as service:
        family = set(service.family())
        service.process.kill()
        service.process.wait()
        deadline = time.monotonic() + 20
        while alive(family):
            assert time.monotonic() < deadline, f"left over: {alive(family)}"
            time.sleep(0.05)


def test_a_second_one_over_the_same_folder_is_refused(tmp_path: Path, config: Path) -> None:
    with running(tmp_path, config):
        second = Running(tmp_path, config)
        assert second.process.wait(20) == 1
        assert "Another Sprintwarden is running over var/redis; stop it first." in second.log.read_text()
