"""``run``: every process of the service on this machine, with a Redis of its own where none is configured."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from sprintwarden.embedded import embedded_redis
from sprintwarden.fitness import look_at_redis
from sprintwarden.settings import Settings
from sprintwarden.supervisor import Program, Supervisor
from sprintwarden.wiring import read_connections

COMMAND = (sys.executable, "-m", "sprintwarden")


def run(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; Redis is stopped last."""
    # Said once here and not by each process in turn.
    read_connections(settings.connections_file)
    if settings.names_redis:
        look_at_redis(settings)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with redis_url(settings, settings.data / "redis") as url:
        supervisor = Supervisor(programs({} if settings.names_redis else {"REDIS_URL": url}))
        supervisor.start()
        sys.stderr.write(f"Sprintwarden starts on http://{settings.host}:{settings.port}. Ctrl-C stops it.\n")
        try:
            supervisor.watch(stop)
        finally:
            supervisor.stop()


def programs(environ: dict[str, str], logs: Path | None = None) -> tuple[Program, ...]:
    """The service's processes. The clock comes last: it wakes workers that are there already."""
    kinds = {"web": ("serve",), "worker": ("work", "live"), "bulk": ("work", "bulk"), "clock": ("clock",)}
    return tuple(
        Program(name, (*COMMAND, *arguments), environ, logs / f"{name}.log" if logs else None)
        for name, arguments in kinds.items()
    )


@contextlib.contextmanager
def redis_url(settings: Settings, folder: Path) -> Iterator[str]:
    """The configured Redis, or an embedded one over ``folder`` for as long as the context lasts."""
    if settings.names_redis:
        yield settings.redis()
        return
    with embedded_redis(folder) as server:
        yield server.url
