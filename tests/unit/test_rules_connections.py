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
    NoSecrets,
    load_connections,
)
from rules.problems import BadFile, Problem
from rules.secret import Secret
from tests.unit.front_door import hook_of
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


def without_webhook(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if "webhook" not in line)


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
    assert hook_of(found).auth is WebhookAuth.SIGNATURE
    assert [secret.reveal() for secret in hook_of(found).secrets] == ["hook-value-1", "hook-value-2"]
    assert (hook_of(found).max_body, hook_of(found).max_age, hook_of(found).user) == (
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
    assert (hook_of(found).auth, hook_of(found).user) == (WebhookAuth.BASIC, "hook")
    assert hook_of(found).max_body == 512 * 1024
    assert found.scope() == Scope(frozenset({"ABC"}), frozenset())


def test_linear_with_a_key() -> None:
    found = load(LINEAR)
    assert (found.tracker, found.deployment) == (TrackerKind.LINEAR, None)
    assert found.url == "https://api.linear.app"
    assert found.auth == ApiKey(Secret("token-value-1"))
    assert (hook_of(found).max_age, hook_of(found).late) == (timedelta(seconds=60), Late.ACCEPT)
    assert found.scope() == Scope(frozenset({"ENG"}), frozenset())


def test_linear_with_client_credentials_and_cycles() -> None:
    text = LINEAR.replace("{key: {env: TOKEN}}", "{client_id: abc, client_secret: {env: TOKEN}}")
    text = text.replace("secrets: [{env: HOOK}]", "secrets: [{env: HOOK}], max_age: 2m, late: refuse")
    found = load(text + "    cycles: true\n    url: http://localhost:9000\n")
    assert found.auth == ClientCredentials("abc", Secret("token-value-1"))
    assert (hook_of(found).max_age, hook_of(found).late) == (timedelta(minutes=2), Late.REFUSE)
    assert found.url == "http://localhost:9000"
    assert found.scope() == Scope(frozenset({"ENG"}), frozenset({"ENG"}))


def test_a_connection_without_a_webhook_is_polled() -> None:
    found = load(without_webhook(LINEAR))
    assert (found.webhook, found.catch_up) == (None, timedelta(minutes=1))


@pytest.mark.parametrize(
    ("said", "every"),
    [
        ("", timedelta(minutes=15)),
        ("catch_up: 5s", timedelta(seconds=5)),
        ("catch_up: 1d", timedelta(days=1)),
        ("catch_up: off", None),
        ("catch_up: 'off'", None),
    ],
)
def test_how_often_a_catch_up_comes_beside_a_webhook(said: str, every: timedelta | None) -> None:
    assert load(f"{CLOUD}    {said}\n").catch_up == every


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("4s", "every 5s at the most and every 1d at the least"),
        ("25h", "every 5s at the most and every 1d at the least"),
        ("15", "did you mean 15m or 15h?"),
        ("0", 'did you mean "off"?'),
        ("false", 'did you mean "off"?'),
        ("often", "such as 90s, 15m"),
        ("{}", "such as 90s, 15m"),
        ("", "no value here"),
    ],
)
def test_catch_ups_that_are_none(value: str, said: str) -> None:
    (only,) = problems(f"{LINEAR}    catch_up: {value}\n")
    assert said in only.message
    assert only.line == 9


def test_what_is_neither_delivered_nor_polled_is_refused() -> None:
    (only,) = problems(f"{without_webhook(LINEAR)}    catch_up: off\n")
    assert (only.line, only.column) == (8, 15)
    assert "without a webhook nothing would be found" in only.message


@pytest.mark.parametrize("rest", ["", "    catch_up: 1m\n", "    catch_up: off\n"])
def test_an_empty_webhook_is_not_taken_for_none(rest: str) -> None:
    (only,) = problems(LINEAR.replace("{secrets: [{env: HOOK}]}", "") + rest)
    assert (only.line, only.column) == (7, 5)
    assert "take the line out" in only.message


def test_only_linears_webhook_is_kept_enabled() -> None:
    assert hook_of(load(LINEAR)).keep_enabled
    assert not hook_of(load(LINEAR.replace("{secrets:", "{keep_enabled: false, secrets:"))).keep_enabled
    assert not hook_of(load(CLOUD)).keep_enabled
    (only,) = problems(CLOUD.replace("{secrets:", "{keep_enabled: true, secrets:"))
    assert "Jira switches no webhook off by itself" in only.message


def test_where_only_secrets_are_missing_the_others_are_told() -> None:
    text = CLOUD + LINEAR.partition("connections:\n")[2].replace("TOKEN", "GONE").replace("HOOK", "LOST")
    with pytest.raises(NoSecrets) as caught:
        load_connections(text.encode(), "c.yaml", ENVIRON)
    assert [one.name for one in caught.value.sound] == ["acme-jira"]
    assert [one.message for one in caught.value.problems] == [
        "the environment variable GONE is not set",
        "the environment variable LOST is not set",
    ]
    with pytest.raises(BadFile) as other:
        load_connections(f"{text}    cycles: maybe\n".encode(), "c.yaml", ENVIRON)
    assert not isinstance(other.value, NoSecrets)
    assert len(other.value.problems) == 3


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
