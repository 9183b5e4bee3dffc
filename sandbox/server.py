"""Serve a Flask app in a background thread, the way the trackers' own front doors behave.

Werkzeug's development handler closes the connection after each answer and waits 10 ms for stray
input. Real trackers keep connections open, so this handler reads each body in full first and then
keeps the connection.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import struct
import threading
from types import TracebackType
from typing import Any, NoReturn, Self

import flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

log = logging.getLogger("sandbox")

_SOCKET = "sandbox.socket"
_NO_BODY = frozenset({204, 304})


class _Dropped(BaseException):
    """Raised after a reset; not an ``Exception``, so that Flask makes no 500 of it."""


def reset_connection() -> NoReturn:
    """Cut the connection of the present request with a TCP reset, without any answer.

    To be called inside a view. Works under :func:`start` only, not in Flask's test client.
    """
    connection: socket.socket = flask.request.environ[_SOCKET]
    # A zero linger time turns close() into RST instead of an orderly FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # close() alone would wait for the handler's own file objects on this socket.
    os.close(connection.detach())
    raise _Dropped


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def run_wsgi(self) -> None:
        environ = self._environ_with_body()
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
            payload = b"".join(chunks)
        except _Dropped:
            self.close_connection = True
            return
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if int(code) not in _NO_BODY:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)
        self.wfile.flush()

    def _environ_with_body(self) -> dict[str, Any]:
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        stream = environ["wsgi.input"]
        if environ.get("wsgi.input_terminated"):
            body = stream.read()
        else:
            body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ[_SOCKET] = self.connection
        return environ

    def log(self, kind: str, message: str, *args: Any) -> None:
        log.debug(message, *args)


class Running:
    """A server at work: ``url`` to reach it, ``stop()`` to end it; also a context manager."""

    def __init__(self, server: BaseWSGIServer) -> None:
        self._server = server
        host, port = server.server_address[:2]
        self.url = f"http://{host!s}:{port}"
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True, name="sandbox-http"
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port. May be called twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(app: flask.Flask, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve ``app`` in a daemon thread and give the running server; port 0 takes a free one."""
    server = make_server(host, port, app, threaded=True, request_handler=_Handler)
    # Threads of kept-open connections must not hold up the end of the process or of stop().
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    return Running(server)
