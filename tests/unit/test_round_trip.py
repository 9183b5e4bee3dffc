"""The way in: our own delivery against the real front door, and against all that may stand in its place."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import flask
import pytest
from redis import Redis
from werkzeug.serving import make_server

from rules.connections import Connection
from rules.secret import Secret
from sandbox.server import start
from sprintwarden import round_trip
from sprintwarden.embedded import EmbeddedRedis
from store import door
from store.heard import Heard
from store.inbox import Inbox
from tests.unit.front_door import all_connections, app, hook_of
from trackers.probe import Finding, Level

NAMES = ("jira", "linear", "basic", "token", "turning", "strict")
CONNECTIONS = {one.name: one for one in all_connections()}


@contextmanager
def front_door(redis_server: EmbeddedRedis, *names: str) -> Iterator[str]:
    """The service, knowing these connections; its address."""
    with start(app(redis_server.url, tuple(CONNECTIONS[name] for name in names))) as server:
        yield server.url


def knock(name: str, url: str) -> round_trip.Knock:
    return round_trip.knock(CONNECTIONS[name], hook_of(CONNECTIONS[name]), url)


def way_in(connection: Connection, url: str, redis: Redis | None) -> Finding:
    delivery = round_trip.knock(connection, hook_of(connection), url)
    answer = round_trip.send(delivery, patience=2)
    if isinstance(answer, Finding):
        return answer
    if redis is None:
        return round_trip.judged(answer, noted=None)
    noted = any(note["digest"] == delivery.digest[:12] for note in door.notes(redis, connection.name))
    return round_trip.judged(answer, noted=noted)


def instead(answer: Callable[[], object], path: str = "/webhooks/<name>") -> flask.Flask:
    """Something else that answers there."""
    other = flask.Flask("other")

    @other.route(path, methods=["GET", "POST"])
    def view(name: str) -> Any:
        return answer() or ""

    return other


@pytest.mark.parametrize("name", NAMES)
def test_a_delivery_of_ours_arrives_and_leads_to_nothing(
    redis_server: EmbeddedRedis, redis: Redis, name: str
) -> None:
    with front_door(redis_server, *NAMES) as url:
        found = way_in(CONNECTIONS[name], url, redis)
    assert found.level is Level.OK, found
    assert Inbox(redis, lease=timedelta(minutes=1)).depth().pending == 0
    assert [note["outcome"] for note in door.notes(redis, name)] == ["ignored"]
    assert Heard(redis).last(name) is None, "our own delivery passes for a word of the tracker"


@pytest.mark.parametrize("name", ["jira", "linear", "basic", "token"])
def test_another_secret_is_told(redis_server: EmbeddedRedis, redis: Redis, name: str) -> None:
    known = CONNECTIONS[name]
    other = replace(known, webhook=replace(hook_of(known), secrets=(Secret("something-else-001"),)))
    with front_door(redis_server, name) as url:
        found = way_in(other, url, redis)
    assert (found.level, "another secret" in found.sentence) == (Level.FAIL, True)
    assert "Restart" in (found.fix or "")
    assert "something-else" not in f"{found}"


def test_a_connection_the_processes_do_not_know_yet(redis_server: EmbeddedRedis, redis: Redis) -> None:
    with front_door(redis_server, "linear") as url:
        found = way_in(CONNECTIONS["jira"], url, redis)
    assert (found.level, found.sentence) == (Level.FAIL, "The service does not know this connection.")


def test_a_wrong_clock_is_told(redis_server: EmbeddedRedis, redis: Redis) -> None:
    with front_door(redis_server, "strict") as url, patch.object(round_trip, "time") as clock:
        clock.time.return_value = time.time() - 3_600
        found = way_in(CONNECTIONS["strict"], url, redis)
    assert "too old" in found.sentence
    assert "clocks" in (found.fix or "")


def test_the_service_of_another_redis_is_told(redis_server: EmbeddedRedis, redis: Redis) -> None:
    with front_door(redis_server, "jira") as url:
        delivery = knock("jira", url)
        answer = round_trip.send(delivery)
    assert isinstance(answer, round_trip.Answer)
    assert "not in this command's Redis" in round_trip.judged(answer, noted=False).sentence
    assert round_trip.judged(answer, noted=None).level is Level.WARN


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("<html>Sign in</html>", 200, {"Content-Type": "text/html"}), "a web page"),
        (("ok", 200, {"Content-Type": "text/plain"}), "text/plain"),
        (("", 302, {"Location": "https://elsewhere.example/login"}), "redirect (302)"),
        (
            ("<html>", 404, {"Content-Type": "text/html", "Server": "proxy/1"}),
            "proxy/1): the path does not",
        ),
        (("<html>", 502, {"Content-Type": "text/html"}), "does not reach the service"),
        (("", 401, {}), "wants a login"),
        (("", 413, {}), "no body of this size"),
        (({"status": "refused", "reason": "not_stored", "detail": "Later."}, 503), "503 not_stored"),
        (({"status": "great"}, 200), "Something else answers"),
        (("plain", 200, {"Content-Encoding": "gzip"}), "Something else answers"),
        (("[" * 100_000, 200, {"Content-Type": "application/json"}), "Something else answers"),
    ],
)
def test_what_stands_in_its_place_is_told(answer: tuple[object, ...], said: str) -> None:
    with start(instead(lambda: answer)) as server:
        found = way_in(CONNECTIONS["token"], server.url, None)
    assert found.level is Level.FAIL
    assert said in found.sentence
    assert found.fix
    assert hook_of(CONNECTIONS["token"]).secrets[0].reveal() not in f"{found}"


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []
    with ExitStack() as stack:
        elsewhere = instead(lambda: asked.append("elsewhere"), "/<path:name>")
        there = stack.enter_context(start(elsewhere)).url
        moved = instead(lambda: flask.redirect(f"{there}/webhooks/jira", 307))
        url = stack.enter_context(start(moved)).url
        assert "redirect (307)" in way_in(CONNECTIONS["jira"], url, None).sentence
    assert asked == []


def test_nobody_there_is_told() -> None:
    with start(flask.Flask("gone")) as server:
        url = server.url
    assert "cannot be connected to" in way_in(CONNECTIONS["token"], url, None).sentence


def test_silence_is_told() -> None:
    with start(instead(lambda: time.sleep(0.5))) as server:
        answer = round_trip.send(knock("jira", server.url), patience=0.1)
    assert isinstance(answer, Finding)
    assert "did not answer in time" in answer.sentence


@pytest.mark.parametrize("header", ["", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"])
def test_an_answer_that_drips_is_not_waited_for(header: str) -> None:
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        there, _ = listening.accept()
        with there, suppress(OSError):
            there.sendall(header.encode())
            while not over.wait(0.02):
                there.sendall(b"H" if not header else b" ")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=[listening], daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            answer = round_trip.send(knock("jira", url), patience=0.3)
        finally:
            over.set()
    assert isinstance(answer, Finding)
    assert "did not answer in time" in answer.sentence


def test_plain_http_behind_an_https_address_is_told() -> None:
    with start(flask.Flask("plain")) as server:
        found = way_in(CONNECTIONS["jira"], server.url.replace("http:", "https:"), None)
    assert "does not speak TLS" in found.sentence


def test_a_certificate_that_nobody_signed_is_told(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here to make a certificate with")
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([openssl, *made, *names], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    server = make_server("127.0.0.1", 0, flask.Flask("tls"), threaded=True, ssl_context=context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = way_in(CONNECTIONS["jira"], f"https://127.0.0.1:{server.server_port}", None)
    finally:
        server.shutdown()
    assert "certificate of 127.0.0.1 is not accepted" in found.sentence
