"""The application's own answers: always JSON, always a sentence, nothing of ours shown."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.typing import EventDict

from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.stage import free_port
from store.door import Door
from tests.conftest import until
from tests.unit import front_door
from tests.unit.front_door import House, jira_body
from trackers.http import tls_context

server, redis, house, lines = front_door.server, front_door.redis, front_door.house, front_door.lines


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/", "/webhooks/jira/more", "/admin", "/%00"])
def test_a_page_that_is_not_there_is_answered_as_json(house: House, path: str) -> None:
    answer = house.client.get(path)
    assert answer.status_code == 404
    assert answer.json == {"status": "refused", "detail": "404: Not Found."}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_method_that_is_not_taken_is_answered_as_json_and_says_which_are(house: House, method: str) -> None:
    answer = house.client.open("/webhooks/jira", method=method)
    assert answer.status_code == 405
    assert answer.json == {"status": "refused", "detail": "405: Method Not Allowed."}
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_alive_needs_nothing_else(house: House) -> None:
    assert house.client.get("/healthz").json == {"alive": True}


def test_answers_are_json(house: House) -> None:
    assert house.jira(jira_body()).headers["Content-Type"] == "application/json"
    assert house.jira(b"").headers["Content-Type"] == "application/json"


def test_a_fault_of_ours_is_told_as_a_sentence_and_logged_without_the_address(
    house: House, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> bool:
        raise ArithmeticError

    monkeypatch.setattr(Door, "offer", broken)
    answer = house.post(
        "jira", jira_body(), "?token=zanzibar", X_Hub_Signature=front_door.signed(jira_body())
    )
    assert answer.status == 500
    assert answer.told["detail"].startswith("A fault of ours")
    assert "Arithmetic" not in str(answer)
    (line,) = [line for line in lines if line["event"] == "fault"]
    assert (line["path"], line["exc_info"]) == ("/webhooks/jira", True)
    assert "zanzibar" not in str(lines)


def test_the_intake_can_be_asked_without_the_application(house: House) -> None:
    intake = replace(house.intake, entrances={})
    assert intake.receive("jira", {}).status == 404


def test_senders_that_fall_silent_hold_no_thread_for_long(
    server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    (tmp_path / "connections.yaml").write_bytes(front_door.connections_text())
    environ = {
        **os.environ,
        **front_door.SECRETS,
        "REDIS_URL": server.url,
        "SPRINTWARDEN_CONFIG": str(tmp_path),
        "SPRINTWARDEN_PORT": str(port),
        "SPRINTWARDEN_WEB_PROCESSES": "1",
        "SPRINTWARDEN_WEB_THREADS": "2",
        "SPRINTWARDEN_SENDER_PATIENCE_S": "1",
    }
    web = subprocess.Popen((sys.executable, "-m", "sprintwarden", "serve"), env=environ)
    try:
        until(lambda: _alive(port), 20)
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        for line in silent:
            line.sendall(b"POST /webhooks/jira HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
        until(lambda: _alive(port), 20)
        for line in silent:
            line.close()
    finally:
        web.terminate()
        web.wait(20)


def _alive(port: int) -> bool:
    try:
        url = f"http://127.0.0.1:{port}/healthz"
        return httpx.get(url, timeout=8, trust_env=False, verify=tls_context()).is_success
    except httpx.HTTPError:
        return False
