"""Redis servers on ports of their own: masters, replicas, sentinels, and one that speaks TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from redis import Redis
from redis.exceptions import RedisError

from sprintwarden.embedded import server_binary
from sprintwarden.stage import free_port
from tests.conftest import until
from workers.lifeline import end_with_parent

MASTER = "mymaster"


class Node:
    """One server process, on TCP."""

    def __init__(self, port: int, command: list[str], folder: Path, **access: Any) -> None:
        self.port = port
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(end_with_parent, os.getpid()) if sys.platform == "linux" else None,
            )
        self.client = Redis(port=port, decode_responses=True, **access)
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the server ended; its folder holds the log"
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait()


class Site:
    """The servers of one test; all end with it."""

    def __init__(self, folder: Path, certificates: Path | None = None) -> None:
        """With ``certificates`` (ca.pem, server.pem, server.key) all of them speak TLS and nothing else."""
        self._folder = folder
        self._certificates = certificates
        self._binary = tls_server() if certificates else server_binary()
        self._nodes: list[Node] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self._nodes:
            node.client.close()
            node.kill()

    def server(self, *, of: Node | None = None, guarded: bool = False) -> Node:
        """A server as we ask for it, or a replica ``of`` another; ``guarded`` takes nothing without one."""
        settings = {
            "appendonly": "yes",
            "repl-diskless-sync-delay": "0",
            "min-replicas-to-write": f"{guarded:d}",
        }
        if of is None:
            return self._start(settings)
        made = self._start(settings | {"replicaof": f"127.0.0.1 {of.port}"})
        until(lambda: made.client.info("replication")["master_link_status"] == "up")
        # A replica is sent the first write only when it has reported, a second after it has all.
        until(lambda: of.client.set("probe", "1", px=1) and of.client.wait(1, 50) >= 1)
        return made

    def sentinel(self, master: Node) -> Node:
        """One that watches ``master`` and decides alone, half a second after its silence."""
        made = self._start({}, "--sentinel")
        self.watch(made, master)
        # One that has not heard of a replica itself yet does not promote it.
        until(lambda: _links(made) == ["ok"], 20)
        return made

    def watch(self, sentinel: Node, master: Node) -> None:
        """Have it call ``master`` its master."""
        if MASTER in sentinel.client.sentinel_masters():
            sentinel.client.sentinel_remove(MASTER)
        sentinel.client.sentinel_monitor(MASTER, "127.0.0.1", master.port, 1)
        sentinel.client.sentinel_set(MASTER, "down-after-milliseconds", 500)

    def _start(self, settings: dict[str, str], *flags: str) -> Node:
        folder = self._folder / f"node-{len(self._nodes)}"
        folder.mkdir()
        port = free_port()
        given = {"bind": "127.0.0.1", "protected-mode": "no"} | self._door(port) | settings
        config = folder / "server.conf"
        config.write_text("".join(f"{name} {value}\n" for name, value in given.items()))
        access = {"ssl": True, **tls_access(self._certificates)} if self._certificates else {}
        made = Node(port, [str(self._binary), str(config), *flags], folder, **access)
        self._nodes.append(made)
        return made

    def _door(self, port: int) -> dict[str, str]:
        there = self._certificates
        if there is None:
            return {"port": str(port)}
        return {
            "port": "0",
            "tls-port": str(port),
            "tls-replication": "yes",
            "tls-cert-file": str(there / "server.pem"),
            "tls-key-file": str(there / "server.key"),
            "tls-ca-cert-file": str(there / "ca.pem"),
        }


def _links(sentinel: Node) -> list[str]:
    return [one["master-link-status"] for one in sentinel.client.sentinel_slaves(MASTER)]


def tls_access(certificates: Path) -> dict[str, str]:
    """What a client needs: whom to trust, and its own certificate, for these servers ask for one."""
    return {
        "ssl_ca_certs": str(certificates / "ca.pem"),
        "ssl_certfile": str(certificates / "server.pem"),
        "ssl_keyfile": str(certificates / "server.key"),
    }


def tls_server() -> Path:
    """A server that can speak TLS; without one the test is skipped: the bundled one cannot."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("No redis-server is on the PATH, and the bundled server cannot speak TLS.")
    return Path(found)


def certificates(folder: Path) -> Path:
    """An authority, and a certificate of its own for this machine; without openssl the test is skipped."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("No openssl is on the PATH to make certificates with.")

    def make(name: str, *more: str) -> None:
        key = (
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            f"{name}.key",
        )
        command = (openssl, "req", "-x509", *key, "-out", f"{name}.pem", "-days", "2", *more)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    make("ca", "-subj", "/CN=authority")
    names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")
    make("server", "-subj", "/CN=localhost", *names, "-CA", "ca.pem", "-CAkey", "ca.key")
    return folder
