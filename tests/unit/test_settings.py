"""Settings from the environment: names, limits, and what is said of a wrong one."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from sprintwarden.settings import Complaint, Settings, read_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SPRINTWARDEN_", "REDIS_URL"))]:
        monkeypatch.delenv(name)


def test_the_defaults_need_nothing_set() -> None:
    settings = read_settings()
    assert settings.rules_file == Path("config/rules.yaml")
    assert settings.connections_file == Path("config/connections.yaml")
    assert (settings.settle_issue, settings.settle_sprint) == (timedelta(seconds=3), timedelta(seconds=30))
    assert (settings.ceiling_issue, settings.lease) == (timedelta(seconds=30), timedelta(seconds=45))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINTWARDEN_PORT", "9001")
    monkeypatch.setenv("SPRINTWARDEN_LEASE_S", "2.5")
    monkeypatch.setenv("REDIS_URL", "rediss://:secret@host:6380/3")
    settings = read_settings()
    assert (settings.port, settings.lease) == (9001, timedelta(seconds=2.5))
    assert settings.redis() == "rediss://:secret@host:6380/3"


@pytest.mark.parametrize("url", ["redis://host", "unix:///run/redis.sock", "redis://[::1]:6379/0"])
def test_every_kind_of_redis_address_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert read_settings().redis() == url


@pytest.mark.parametrize("url", [None, ""])
def test_no_redis_address_is_a_complaint(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if url is not None:
        monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(Complaint, match="REDIS_URL is not set"):
        read_settings().redis()


def test_the_redis_address_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "redis-url"
    file.write_text("redis://:pass-word@host:6379/0\n")
    monkeypatch.setenv("REDIS_URL_FILE", str(file))
    settings = read_settings()
    assert (settings.redis(), settings.names_redis) == ("redis://:pass-word@host:6379/0", True)
    assert "pass-word" not in f"{settings!r} {settings}"
    monkeypatch.setenv("REDIS_URL", "redis://other")
    with pytest.raises(Complaint, match=r"^REDIS_URL and REDIS_URL_FILE are both set: keep one of them\.$"):
        read_settings().redis()
    monkeypatch.setenv("REDIS_URL", "")
    assert read_settings().redis() == "redis://:pass-word@host:6379/0"
    monkeypatch.setenv("REDIS_URL_FILE", "")
    monkeypatch.setenv("REDIS_URL", "redis://other")
    assert read_settings().redis() == "redis://other"


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "cannot be read (No such file or directory)."),
        (b"", "is empty."),
        (b"redis://a\nredis://b\n", "holds a line break or control character inside the secret."),
        (b"an address:pass-word\n", "REDIS_URL is no address of a Redis"),
    ],
)
def test_a_file_without_a_redis_address_is_a_complaint_that_quotes_nothing(
    held: bytes | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "redis-url"
    if held is not None:
        file.write_bytes(held)
    monkeypatch.setenv("REDIS_URL_FILE", str(file))
    with pytest.raises(Complaint) as told:
        read_settings().redis()
    assert said in str(told.value)
    assert "pass-word" not in str(told.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("WEB_PROCESSES", "0"), ("LEASE_S", "0"), ("CEILING_ISSUE_S", "soon")],
)
def test_a_wrong_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SPRINTWARDEN_{name}", value)
    with pytest.raises(Complaint, match=rf"^SPRINTWARDEN_{name}: .*\.$"):
        read_settings()
