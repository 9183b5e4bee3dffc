"""The web process: gunicorn with our settings."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from sprintwarden.fitness import look_at_redis
from sprintwarden.settings import Settings
from sprintwarden.wiring import build_web


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises Complaint when Redis is not fit for it."""
    folder, master = tempfile.mkdtemp(prefix="sprintwarden-metrics-"), os.getpid()
    # Read by prometheus_client at its first import, which must therefore come later.
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
    try:
        app = build_web(settings)
        look_at_redis(settings)
        Web(app, options(settings)).run()
    finally:
        # A web process that ends comes by here too, and its siblings still need the folder.
        if os.getpid() == master:
            shutil.rmtree(folder, ignore_errors=True)


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings."""
    return {
        "bind": f"{settings.host}:{settings.port}",
        "workers": settings.web_processes,
        "worker_class": "gthread",
        "threads": settings.web_threads,
        "preload_app": True,
        "keepalive": 30,
        "graceful_timeout": 10,
        "timeout": 30,
        "limit_request_line": 4_094,
        # SCRIPT_NAME from a stranger would move /webhooks/console to /console, behind a proxy's back.
        "forwarder_headers": "",
        "logger_class": "sprintwarden.logs.DiscreetLogger",
        "loglevel": "warning",
        "control_socket_disable": True,
        "child_exit": _forget,
        "when_ready": partial(_bound_waiting, settings.sender_patience_s),
    }


class Web(BaseApplication):  # type: ignore[misc]
    """gunicorn around an application that is already made."""

    def __init__(self, app: Flask, settings: Mapping[str, Any]) -> None:
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def _bound_waiting(seconds: float, server: Any) -> None:
    """Let no sender that falls silent in mid-request hold a thread for longer than ``seconds``.

    Connections inherit the listener's receive time-out; gunicorn itself knows none for its threads.
    """
    whole = int(seconds)
    limit = struct.pack("ll", whole, int((seconds - whole) * 1_000_000))
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _forget(server: Any, worker: Any) -> None:
    """A web process has ended: its gauges leave the metrics, its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
