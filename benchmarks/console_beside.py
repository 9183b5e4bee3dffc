"""What reading the console costs the webhooks that the same processes answer.

``python -m benchmarks.console --beside [--processes 1]``

gunicorn as ``sprintwarden serve`` starts it, over loopback, in a full house: fifty signed deliveries a
second, while nobody reads and while something is done in the console, in turns of a few seconds.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx

from benchmarks.console_house import ENVIRON, JIRA, rules_file
from benchmarks.measuring import quantile
from benchmarks.receiver import ask, latencies, wait_for
from rules.load import version_of
from sprintwarden.stage import free_port
from store.connect import connect
from store.rulebook import RulebookShelf

RATE: Final = 50
_ROUNDS: Final = 3
_SECONDS: Final = 4
_READERS: Final = 5
_READ: Final = ("/console/sprints", "/console/decisions?outcome=everything", "/console/labels")
_PAUSE_S: Final = 0.5
"""Between two things of the kind that nobody does all the time."""

Doing = Callable[[], Awaitable[None]]


def beside(folder: Path, redis_url: str, connections: str, hash_: str, password: str, processes: int) -> None:
    """Start gunicorn with so many ``processes`` over a full house, and tell how deliveries fare beside what.

    ``hash_`` is that of the ``password`` of its console, ``connections`` the text of its file.
    """
    (folder / "connections.yaml").write_text(connections)
    (folder / "metrics").mkdir()
    port = free_port()
    environ = {
        **os.environ,
        **ENVIRON,
        "REDIS_URL": redis_url,
        "SPRINTWARDEN_CONFIG": str(folder),
        "SPRINTWARDEN_PORT": str(port),
        "SPRINTWARDEN_WEB_PROCESSES": str(processes),
        "SPRINTWARDEN_CONSOLE_PASSWORD_HASH": hash_,
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    with (folder / "web.log").open("wb") as log:
        command = [sys.executable, "-m", "sprintwarden", "serve"]
        web = subprocess.Popen(command, env=environ, stderr=log, stdout=log)
    try:
        wait_for(port)
        print(f"{processes} web process{'es' if processes > 1 else ''}, {RATE} deliveries a second")
        tell(asyncio.run(measured(port, _doings(port, redis_url, password))))
    finally:
        web.terminate()
        web.wait(20)


def tell(found: Mapping[str, list[float]]) -> None:
    """Print a table of ms."""
    print(f"{'':40}     p50      p99  slowest     n")
    for name, took in found.items():
        times = f"{quantile(took, 0.5):8.1f} {quantile(took, 0.99):8.1f} {max(took):8.1f}"
        print(f"{name:40}{times} {len(took):5}")


async def measured(port: int, doings: Mapping[str, Doing]) -> dict[str, list[float]]:
    """Milliseconds until deliveries were answered, by what was done meanwhile."""
    found: dict[str, list[float]] = {name: [] for name in doings}
    numbers = count()
    for _ in range(_ROUNDS):
        for name, doing in doings.items():
            task = asyncio.ensure_future(doing())
            found[name] += await latencies(port, RATE, _SECONDS, numbers, f"/webhooks/{JIRA}")
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return found


def _doings(port: int, redis_url: str, password: str) -> dict[str, Doing]:
    """What is done beside the deliveries, by its name."""
    site = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=site, trust_env=False) as browser:
        form = {"password": password, "user": "ada"}
        browser.post("/console/login", data=form)
        cookie = browser.headers["Cookie"] = "; ".join(f"{name}={it}" for name, it in browser.cookies.items())
    editions, shelf = count(), RulebookShelf(connect(redis_url))

    async def read() -> None:
        turns = (cycle(_READ[number % 3 :] + _READ[: number % 3]) for number in range(_READERS))
        await asyncio.gather(*(_ask_on(port, partial(_page, turn, cookie)) for turn in turns))

    async def log_in() -> None:
        request = _request("POST", "/console/login", cookie, urlencode(form).encode())
        await _ask_on(port, lambda: request, 303, _PAUSE_S)

    async def first_look() -> None:
        def publish() -> bytes:
            text = rules_file(200, f"Edition {next(editions)}.").encode()
            shelf.publish(version_of(text), text)
            return _request("GET", "/console/rules", cookie)

        await _ask_on(port, publish, pause=_PAUSE_S)

    return {
        "nothing": lambda: asyncio.sleep(0),
        f"{_READERS} readers without a pause": read,
        "log-ins": log_in,
        "first looks at new rules": first_look,
    }


async def _ask_on(port: int, request: Callable[[], bytes], status: int = 200, pause: float = 0) -> None:
    """Over one connection, until cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            await ask(reader, writer, request(), status)
            await asyncio.sleep(pause)
    finally:
        writer.close()


def _page(turn: Iterator[str], cookie: str) -> bytes:
    return _request("GET", next(turn), cookie)


def _request(method: str, path: str, cookie: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    return head.encode() + body
