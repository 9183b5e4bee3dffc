"""CPU per delivery beside an empty Flask view in the same gunicorn, and the latency at 100 events/s.

``python -m benchmarks.receiver [--rounds 7] [--seconds 3]``

Both views get the same POSTs: 6 KB Jira bodies, each one new and signed, over 16 kept connections,
in turns. CPU is that of all gunicorn processes by /proc; requests per second are shown beside it,
but move with whatever else the machine does. Redis (embedded, append-only) and the sender share
the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measuring import cpu_seconds, quantile, tree
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import Settings
from sprintwarden.stage import free_port

SECRET = "benchmark-secret"
CONNECTIONS = """\
version: 1
connections:
  bench:
    tracker: jira
    url: http://127.0.0.1:9
    auth: {email: bot@example.invalid, token: {env: BENCH_SECRET}}
    webhook: {secrets: [{env: BENCH_SECRET}]}
    projects: [ABC]
"""
SENDERS = 16


def requests(path: str, numbers: Iterator[int]) -> Iterator[bytes]:
    """Raw HTTP requests with a body that was never sent before."""
    for number in numbers:
        body = json.dumps(jira_body(number)).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"X-Hub-Signature: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def jira_body(number: int) -> dict[str, Any]:
    """An ``issue_created`` body of about 6 KB."""
    person = {"accountId": "5c2a", "accountType": "atlassian", "displayName": "A Person", "active": True}
    fields: dict[str, Any] = {f"customfield_{10000 + n}": None for n in range(60)}
    fields |= {
        "summary": f"The import stops at row {number}",
        "description": "It says nothing about why. " * 100,
        "issuetype": {"id": "1", "name": "Bug", "subtask": False},
        "project": {"id": "1", "key": "ABC", "name": "A project", "projectTypeKey": "software"},
        "priority": {"id": "3", "name": "Medium"},
        "labels": [],
        "components": [],
        "creator": person,
        "reporter": person,
        "created": "2026-11-22T10:00:00.000+0000",
        "updated": "2026-11-22T10:00:00.123+0000",
    }
    return {
        "timestamp": 1_795_341_600_000 + number,
        "webhookEvent": "jira:issue_created",
        "issue_event_type_name": "issue_created",
        "user": person,
        "issue": {"id": str(10_000 + number % 200), "key": f"ABC-{number % 200}", "fields": fields},
    }


async def drive(port: int, supply: list[list[bytes]], seconds: float) -> int:
    """Send as fast as it is answered, one request in flight per connection; how many were."""
    deadline = time.perf_counter() + seconds
    done = await asyncio.gather(*(_sender(port, chunk, deadline) for chunk in supply))
    return sum(done)


async def _sender(port: int, chunk: list[bytes], deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    for request in chunk:
        if time.perf_counter() >= deadline:
            break
        await ask(reader, writer, request)
        sent += 1
    writer.close()
    return sent


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, status: int = 200
) -> None:
    """Send a request and read its answer. Raises SystemExit when that has another status."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if f" {status} ".encode() not in head[:16]:
        raise SystemExit(f"The server answered {head[:60]!r}.")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))


async def latencies(
    port: int, rate: int, seconds: int, numbers: Iterator[int], path: str = "/webhooks/bench"
) -> list[float]:
    """Milliseconds from when a request was due to its answer, at a fixed rate."""
    every = 1 / rate
    bodies = list(islice(requests(path, numbers), rate * seconds))
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(SENDERS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    found: list[float] = []
    start = time.perf_counter() + 0.1

    async def one(due: float, request: bytes) -> None:
        reader, writer = await idle.get()
        await ask(reader, writer, request)
        found.append((time.perf_counter() - due) * 1000)
        idle.put_nowait((reader, writer))

    tasks = []
    for number, request in enumerate(bodies):
        due = start + number * every
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(due, request)))
    await asyncio.gather(*tasks)
    return found


def serve() -> None:
    """Be the web process, with an empty view beside the real one."""
    from sprintwarden import logs
    from sprintwarden.serving import Web, options
    from sprintwarden.wiring import build_web

    logs.configure()
    settings = Settings()
    app = build_web(settings)
    app.add_url_rule("/empty", "empty", lambda: b"", methods=["POST"])
    Web(app, options(settings)).run()


def measure(port: int, pid: int, rounds: int, seconds: float) -> None:
    """Interleaved rounds of both views, then the latency."""
    numbers = count()
    paths = {"empty": "/empty", "delivery": "/webhooks/bench"}
    cost: dict[str, list[float]] = {name: [] for name in paths}
    rate: dict[str, list[float]] = {name: [] for name in paths}
    for round_ in range(rounds + 1):
        for name, path in paths.items():
            supply = [list(islice(requests(path, numbers), int(400 * seconds))) for _ in range(SENDERS)]
            processes = tree(pid)
            before = cpu_seconds(processes)
            started = time.perf_counter()
            done = asyncio.run(drive(port, supply, seconds))
            took = time.perf_counter() - started
            used = cpu_seconds(processes) - before
            if round_:  # The first round warms up.
                cost[name].append(used / done * 1e6)
                rate[name].append(done / took)
    ratios = [delivery / empty for delivery, empty in zip(cost["delivery"], cost["empty"], strict=True)]
    for name in paths:
        print(
            f"{name:9} {statistics.median(cost[name]):6.0f} µs CPU "
            f"({min(cost[name]):.0f}-{max(cost[name]):.0f})   {statistics.median(rate[name]):6.0f} requests/s"
        )
    print(f"ratio     {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    found = asyncio.run(latencies(port, 100, 20, numbers))
    print(
        f"100/s     p50 {quantile(found, 0.5):.1f} ms   p99 {quantile(found, 0.99):.1f} ms   n={len(found)}"
    )


def main() -> None:
    """Start Redis and gunicorn, measure, stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "connections.yaml").write_text(CONNECTIONS)
        redis = EmbeddedRedis(folder / "redis")
        redis.start()
        port = free_port()
        metrics = folder / "metrics"
        metrics.mkdir()
        environ = {
            "REDIS_URL": redis.url,
            "SPRINTWARDEN_CONFIG": name,
            "SPRINTWARDEN_PORT": str(port),
            "BENCH_SECRET": SECRET,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        }
        with (folder / "web.log").open("wb") as log:
            command = [sys.executable, "-m", "benchmarks.receiver", "--serve"]
            web = subprocess.Popen(command, env={**_environ(), **environ}, stderr=log, stdout=log)
        try:
            wait_for(port)
            measure(port, web.pid, options.rounds, options.seconds)
        finally:
            web.terminate()
            web.wait(20)
            redis.stop()


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)


def wait_for(port: int) -> None:
    """Until gunicorn answers. Raises SystemExit when it does not."""
    for _ in range(200):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit("gunicorn did not start.")


if __name__ == "__main__":
    main()
