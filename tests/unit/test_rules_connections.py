"""connections.yaml: what it gives, what it refuses and where, and that no secret is ever shown."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from rules.connection_schema import Deployment, Late, WebhookAuth
from rules.connections import (
    AccessToken,
    ApiKey,
    ClientCredentials,
    Connection,
    EmailToken,
    load_connections,
)
from rules.problems import BadFile, Problem
from rules.secret import Secret
from trackers.model import Scope, TrackerKind

FIXTURES = Path(__file__).parent / "rules_fixtures"
ENVIRON = {
    "TOKEN": "token-value-1",
    "HOOK": "hook-value-1\n",
    "HOOK_NEXT": "hook-value-2",
    "GOOD": "good-value-1",
    "SHORT": "2short",
    "EMPTY": "",
    "BROKEN": "broken\nvalue",
}

CLOUD = """
version: 1
connections:
  acme-jira:
    tracker: jira
    url: https://acme.example/
    auth: {email: bot@acme.example, token: {env: TOKEN}}
    webhook: {secrets: [{env: HOOK}, {env: HOOK_NEXT}]}
    projects: [ABC, OPS]
    boards: [12, "7"]
"""
DATA_CENTER = """
version: 1
connections:
  dc:
    tracker: jira
    deployment: data_center
    url: http://jira.acme.example:8080/jira
    auth: {token: {env: TOKEN}}
    service_account: true
    webhook: {auth: basic, user: hook, secrets: [{env: HOOK}], max_body: 512KiB}
    projects: [ABC]
"""
LINEAR = """
version: 1
connections:
  acme-linear:
    tracker: linear
    auth: {key: {env: TOKEN}}
    webhook: {secrets: [{env: HOOK}]}
    teams: [ENG]
"""


def load(text: str, environ: Mapping[str, str] = ENVIRON, file: str = "connections.yaml") -> Connection:
    (only,) = load_connections(text.encode(), file, environ)
    return only


def problems(
    text: str, environ: Mapping[str, str] = ENVIRON, file: str = "connections.yaml"
) -> list[Problem]:
    with pytest.raises(BadFile) as caught:
        load_connections(text.encode(), file, environ)
    return list(caught.value.problems)


def test_jira_cloud() -> None:
    found = load(CLOUD)
    assert (found.name, found.tracker, found.deployment) == ("acme-jira", TrackerKind.JIRA, Deployment.CLOUD)
    assert found.url == "https://acme.example"
    assert found.auth == EmailToken("bot@acme.example", Secret("token-value-1"))
    assert found.service_account is False
    assert found.webhook.auth is WebhookAuth.SIGNATURE
    assert [secret.reveal() for secret in found.webhook.secrets] == ["hook-value-1", "hook-value-2"]
    assert (found.webhook.max_body, found.webhook.max_age, found.webhook.user) == (
        5 * 1024 * 1024,
        None,
        None,
    )
    assert found.scope() == Scope(frozenset({"ABC", "OPS"}), frozenset({"12", "7"}))


def test_jira_data_center() -> None:
    found = load(DATA_CENTER)
    assert found.deployment is Deployment.DATA_CENTER
    assert found.url == "http://jira.acme.example:8080/jira"
    assert found.auth == AccessToken(Secret("token-value-1"))
    assert found.service_account is True
    assert (found.webhook.auth, found.webhook.user) == (WebhookAuth.BASIC, "hook")
    assert found.webhook.max_body == 512 * 1024
    assert found.scope() == Scope(frozenset({"ABC"}), frozenset())


def test_linear_with_a_key() -> None:
    found = load(LINEAR)
    assert (found.tracker, found.deployment) == (TrackerKind.LINEAR, None)
    assert found.url == "https://api.linear.app"
    assert found.auth == ApiKey(Secret("token-value-1"))
    assert (found.webhook.max_age, found.webhook.late) == (timedelta(seconds=60), Late.ACCEPT)
    assert found.scope() == Scope(frozenset({"ENG"}), frozenset())


def test_linear_with_client_credentials_and_cycles() -> None:
    text = LINEAR.replace("{key: {env: TOKEN}}", "{client_id: abc, client_secret: {env: TOKEN}}")
    text = text.replace("secrets: [{env: HOOK}]", "secrets: [{env: HOOK}], max_age: 2m, late: refuse")
    found = load(text + "    cycles: true\n    url: http://localhost:9000\n")
    assert found.auth == ClientCredentials("abc", Secret("token-value-1"))
    assert (found.webhook.max_age, found.webhook.late) == (timedelta(minutes=2), Late.REFUSE)
    assert found.url == "http://localhost:9000"
    assert found.scope() == Scope(frozenset({"ENG"}), frozenset({"ENG"}))


def test_an_empty_list_loads() -> None:
    assert load_connections(b"version: 1\nconnections: {}\n", "c.yaml", {}) == ()


def test_many_mistakes_are_told_at_once() -> None:
    name = FIXTURES / "connection_mistakes.yaml"
    found = problems(name.read_text(encoding="utf-8"))
    told = "\n".join(map(str, found)) + "\n"
    assert told == name.with_suffix(".txt").read_text(encoding="utf-8")
    assert "literal-secret" not in told
    assert "hunter22" not in told
    assert all(value not in told for value in ENVIRON.values() if value)


@pytest.mark.parametrize(
    "text",
    ["version: 1\n", "connections: {}\n", "version: 1\nconnections:\n", "version: 1\nconnections: []\n"],
)
def test_a_file_without_its_parts(text: str) -> None:
    (only,) = problems(text)
    assert only.line in (1, 2)


@pytest.mark.parametrize(
    ("held", "part"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"short", "shorter than 8 characters"),
        (b"\xff" * 20, "not UTF-8"),
        (b"x" * 70_000, "too large"),
        (b"two lines\nof text", "line break"),
        ("a-tökén-of-ours".encode(), "outside ASCII"),
        ("a-token-of-ours\u00a0".encode(), "outside ASCII"),
        ("🔑-token-of-ours".encode(), "outside ASCII"),
        (b"a-token-of-ours \n", "a space before or after"),
        (b" a-token-of-ours", "a space before or after"),
    ],
)
def test_files_that_hold_no_secret(tmp_path: Path, held: bytes | None, part: str) -> None:
    if held is not None:
        (tmp_path / "token").write_bytes(held)
    (only,) = problems(CLOUD.replace("{env: TOKEN}", "{file: token}"), file=str(tmp_path / "c.yaml"))
    assert (only.line, only.column) == (7, 51)
    assert only.message.startswith("the file token")
    assert part in only.message
    assert "of-ours" not in only.message


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_of_a_secret_is_found_beside_the_config(tmp_path: Path, ending: str) -> None:
    (tmp_path / "token").write_bytes(f"spaced secret{ending}".encode())
    found = load(CLOUD.replace("{env: TOKEN}", "{file: token}"), file=str(tmp_path / "c.yaml"))
    assert found.auth == EmailToken("bot@acme.example", Secret("spaced secret"))


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    (only,) = problems(CLOUD.replace("{env: TOKEN}", f"{{file: {tmp_path}}}"))
    assert "cannot be read" in only.message


@pytest.mark.parametrize(
    "url",
    [
        "acme.example",
        "ftp://acme.example",
        "https://",
        "https://a b",
        "https://[::1",
        "https://a:x",
        "https://u@a",
        "https://a/#x",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    (only,) = problems(CLOUD.replace("https://acme.example/", f"'{url}'"))
    assert (only.line, only.column) == (6, 10)


def test_a_secret_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("top-secret-value")
    connection = load(CLOUD, {**ENVIRON, "TOKEN": "top-secret-value"})
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>10}",
        repr([secret]),
        repr(connection),
    ]
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r", connection, secret)
    assert all("***" in text and "top-secret" not in text for text in [*shown, caplog.text])
    with pytest.raises(TypeError) as caught:
        json.dumps(secret)
    assert "top-secret" not in "".join(traceback.format_exception(caught.value))
    assert json.dumps(dataclasses.asdict(connection), default=str).count("***") == 3


def test_a_secret_cannot_be_pickled() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Secret("top-secret-value"), protocol)
    with pytest.raises(TypeError):
        pickle.dumps(load(CLOUD))


def test_secrets_compare_and_copy() -> None:
    secret = Secret("ünïcode-value")
    assert secret == Secret("ünïcode-value")
    assert secret != Secret("other")
    assert secret != "ünïcode-value"
    assert len({secret, Secret("ünïcode-value")}) == 1
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret).reveal() == "ünïcode-value"
