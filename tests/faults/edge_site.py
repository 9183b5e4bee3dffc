"""One real web server, several processes over a Redis of its own, and ways to knock at it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import orjson

from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.stage import free_port
from store import keys
from tests.conftest import until
from tests.unit import front_door
from tests.unit.front_door import signed

PROCESSES: Final = 4
BOARD: Final = "12"
_PATIENCE_S: Final = 5.0
"""Of a sender: Linear's. The promise is two seconds, but the machine may be busy with other tests."""


class Answer(NamedTuple):
    """What a sender got."""

    status: int
    told: dict[str, Any]
    headers: dict[str, str]
    took_s: float


class SettableRedis(EmbeddedRedis):
    """One whose next start takes ``more`` settings than ours."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.more: tuple[str, ...] = ()

    def _command(self) -> list[str]:
        return [*super()._command(), *self.more]


class EdgeSite:
    """The web server and its Redis."""

    def __init__(self, folder: Path, redis: SettableRedis) -> None:
        self.redis = redis
        self._counts = folder / "metrics"
        self._counts.mkdir()
        self._port = free_port()
        connections = orjson.loads(front_door.connections_text())
        connections["connections"]["jira"]["boards"] = [int(BOARD)]
        (folder / "connections.yaml").write_bytes(orjson.dumps(connections))
        environ = {
            **os.environ,
            **front_door.SECRETS,
            "REDIS_URL": redis.url,
            "SPRINTWARDEN_CONFIG": str(folder),
            "SPRINTWARDEN_PORT": str(self._port),
            "SPRINTWARDEN_WEB_PROCESSES": str(PROCESSES),
            "PROMETHEUS_MULTIPROC_DIR": str(self._counts),
        }
        with (folder / "web.log").open("wb") as log:
            command = (sys.executable, "-m", "sprintwarden", "serve")
            self._web = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{self._port}"
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE_S)
        until(lambda: len(self.pids()) == PROCESSES and self._alive(), 30)

    def stop(self) -> None:
        self._client.close()
        self._web.terminate()
        self._web.wait(20)

    def _alive(self) -> bool:
        try:
            return self._client.get("/healthz").is_success
        except httpx.HTTPError:
            return False

    def pids(self) -> list[int]:
        """The web processes, without the one that minds them."""
        text = Path(f"/proc/{self._web.pid}/task/{self._web.pid}/children").read_text(encoding="utf-8")
        return [int(pid) for pid in text.split()]

    def answered(self) -> int:
        """How many of the processes have answered a delivery by now."""
        return len(list(self._counts.glob("counter_*.db")))

    def ready(self) -> int:
        """The status of /readyz."""
        return self._client.get("/readyz").status_code

    def send(self, body: bytes, **headers: str) -> Answer:
        """Deliver to the connection ``jira``, signed. Raises TimeoutError when the answer takes too long.

        ``headers`` are written with underscores.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"X-Hub-Signature": signed(body), "Content-Type": "application/json"} | named
        began = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)) as line:
            line.request("POST", "/webhooks/jira", body, given)
            answer = line.getresponse()
            told = orjson.loads(answer.read())
            took = time.monotonic() - began
            return Answer(answer.status, told, dict(answer.headers), took)

    def at_once(self, bodies: list[bytes]) -> list[Answer]:
        """Deliver all of them, each over a connection of its own."""
        with ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(self.send, bodies))

    @contextmanager
    def line(self) -> Iterator[socket.socket]:
        """A bare connection, to send what no client would."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_S) as made:
            yield made


def hints_key(issue: str) -> str:
    """Where the hints about an issue of ``jira`` lie."""
    return f"{keys.HINTS}jira:issue:{issue}"
