"""Metrics and readiness, asked by strangers: from elsewhere, through a proxy, or with a wrong token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import Complaint, read_settings
from tests.unit import front_door
from webhook_app.app import WebSettings, create_app

server, redis = front_door.server, front_door.redis
TOKEN = "a-token-for-metrics"


@pytest.fixture
def app(server: EmbeddedRedis, redis: object) -> Flask:
    return create_app(WebSettings(server.url, front_door.all_connections()))


@pytest.fixture
def guarded(server: EmbeddedRedis, redis: object) -> FlaskClient:
    """The front door of a service with a token."""
    settings = WebSettings(server.url, front_door.all_connections(), metrics_token=Secret(TOKEN))
    return create_app(settings).test_client()


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.7", {}),
        ("2001:db8::7", {}),
        ("", {}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),
        ("127.0.0.1", {"X-Forwarded-For": ""}),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.7"}),
        ("127.0.0.1", {"Via": "1.1 proxy"}),
        ("127.0.0.1", {"Host": "hooks.acme.example"}),
        ("127.0.0.1", {"Host": "127.0.0.1.evil.example:8000"}),
        ("127.0.0.1", {"Host": "[::1"}),
        ("203.0.113.7", {"Host": "localhost", "Authorization": f"Bearer {TOKEN}"}),
    ],
)
def test_a_stranger_is_told_yes_or_no(
    app: Flask, address: str, headers: dict[str, str], seen: Callable[[str], None]
) -> None:
    stranger = app.test_client()
    stranger.environ_base["REMOTE_ADDR"] = address
    metrics = stranger.get("/metrics", headers=headers)
    assert metrics.status_code == 403
    assert "SPRINTWARDEN_METRICS_TOKEN" in metrics.text
    ready = stranger.get("/readyz", headers=headers)
    assert (ready.status_code, ready.json) in ((200, {"ready": True}), (503, {"ready": False}))
    assert stranger.get("/healthz", headers=headers).json == {"alive": True}
    seen("403 for metrics; of readiness yes or no")


@pytest.mark.parametrize(
    ("address", "host"),
    [("127.0.0.1", "127.0.0.1:8000"), ("127.8.8.8", "localhost"), ("::1", "[::1]:8000")],
)
def test_who_asks_on_the_machine_itself_is_told(app: Flask, address: str, host: str) -> None:
    here = app.test_client()
    here.environ_base["REMOTE_ADDR"] = address
    assert b"sprintwarden_" in here.get("/metrics", headers={"Host": host}).data
    assert "checks" in (here.get("/readyz", headers={"Host": host}).json or {})


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong-token", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}é"]
)
def test_with_a_token_set_it_is_asked_of_everybody(guarded: FlaskClient, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    refused = guarded.get("/metrics", headers=headers)
    assert refused.status_code == 403
    assert TOKEN not in refused.text
    assert set(guarded.get("/readyz", headers=headers).json or {}) == {"ready"}


def test_who_shows_the_token_is_told_wherever_from(guarded: FlaskClient) -> None:
    guarded.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    headers = {"Authorization": f"bearer {TOKEN}", "X-Forwarded-For": "203.0.113.7"}
    assert guarded.get("/metrics", headers=headers).status_code == 200
    assert "checks" in (guarded.get("/readyz", headers=headers).json or {})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nowhere", "/webhooks/jira"])
def test_no_answer_is_kept_or_taken_for_another_kind(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_the_token_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_settings().metrics_secret() is None
    monkeypatch.setenv("SPRINTWARDEN_METRICS_TOKEN", TOKEN)
    settings = read_settings()
    assert settings.metrics_secret() == Secret(TOKEN)
    assert TOKEN not in f"{settings!r} {settings}"
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("SPRINTWARDEN_METRICS_TOKEN_FILE", str(file))
    with pytest.raises(Complaint, match="both set"):
        read_settings().metrics_secret()
    monkeypatch.delenv("SPRINTWARDEN_METRICS_TOKEN")
    assert read_settings().metrics_secret() == Secret(TOKEN)


@pytest.mark.parametrize("value", ["", "abcdefg", "two words\nin two lines"])
def test_a_token_that_is_none_is_refused_without_being_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINTWARDEN_METRICS_TOKEN", value)
    with pytest.raises(Complaint, match=r"^SPRINTWARDEN_METRICS_TOKEN ") as caught:
        read_settings().metrics_secret()
    assert not value or value not in str(caught.value)
