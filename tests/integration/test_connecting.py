"""``connect`` and ``doctor`` as typed, against the toy trackers and the real front door."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import structlog.testing
import typer
from redis import Redis
from rq import SimpleWorker
from typer.testing import CliRunner, Result

from rules.connections import Connection, load_connections
from rules.load import load_rules
from sandbox.jira import JiraConfig
from sandbox.jira import create_app as create_jira
from sandbox.linear import LinearConfig
from sandbox.linear import create_app as create_linear
from sandbox.remote import Remote
from sandbox.server import start
from sprintwarden.cli_connect import connect, doctor
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.stage import free_port
from store import keys
from store.connect import connect as connect_redis
from store.crew import LIVE
from store.rulebook import RulebookShelf
from tests.unit.hired import hire, silence
from trackers.errors import TrackerError
from webhook_app.app import WebSettings, create_app
from workers.catch_up import send_catch_ups
from workers.run import run
from workers.shop import Shop, open_shop

TOKEN = "the-token-nobody-may-see"
RULES = "version: 1\ndefaults:\n  tagging:\n    rules:\n      - {label: bug, title: {words: [crash]}}\n"
command = typer.Typer(pretty_exceptions_enable=False)
command.command()(connect)
command.command()(doctor)


@dataclass
class Hall:
    """A folder of settings, a front door that may be opened, and toys beside it."""

    folder: Path
    redis_url: str
    stack: ExitStack
    port: int = field(default_factory=free_port)
    worker: SimpleWorker = field(init=False)

    @property
    def public_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def jira(self, **config: Any) -> Remote:
        """A toy Jira."""
        app = create_jira(JiraConfig(token=TOKEN, **config))
        return self._toy(app)

    def linear(self, **config: Any) -> Remote:
        """A toy Linear."""
        return self._toy(create_linear(LinearConfig(token=TOKEN, teams=("ENG", "OPS"), **config)))

    def _toy(self, app: Any) -> Remote:
        remote = Remote(self.stack.enter_context(start(app)).url)
        self.stack.callback(app.extensions["sandbox"].sender.close)
        self.stack.callback(remote.close)
        return remote

    def run(self, *arguments: str, typed: str = "") -> Result:
        """One command; what a user can mend is its output, any other error the test's."""
        environ = {
            "SPRINTWARDEN_CONFIG": str(self.folder),
            "SPRINTWARDEN_PUBLIC_URL": self.public_url,
            "REDIS_URL": self.redis_url,
            "ACME_TOKEN": TOKEN,
        }
        done = CliRunner().invoke(command, arguments, input=typed, env=environ)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert TOKEN not in done.output
        return done

    def doctor(self, *arguments: str) -> dict[tuple[str, str], str]:
        """Group and what was looked at → level, of everything that is not ok."""
        told = json.loads(self.run("doctor", "--json", *arguments).stdout)
        return {(one["group"], one["about"]): one["level"] for one in told if one["level"] != "ok"}

    def connections(self) -> tuple[Connection, ...]:
        file = self.folder / "connections.yaml"
        return load_connections(file.read_bytes(), str(file), {"ACME_TOKEN": TOKEN})

    def open(self) -> None:
        """The service as it is after a restart: the front door, rules in force, a clock and a worker."""
        app = create_app(WebSettings(self.redis_url, self.connections(), settle_issue=timedelta(0)))
        self.stack.enter_context(start(app, port=self.port))
        redis = connect_redis(self.redis_url)
        RulebookShelf(redis).publish(load_rules(RULES.encode(), "rules.yaml").version_id, RULES.encode())
        redis.set(keys.beat("clock"), "now")
        self.worker = hire(self.redis_url, LIVE)
        shop, stop = open_shop(redis, self.connections(), data=self.folder), Event()
        hand = Thread(target=work, args=(shop, stop))
        hand.start()
        self.stack.callback(hand.join)
        self.stack.callback(stop.set)


def work(shop: Shop, stop: Event) -> None:
    """Take what is due until ``stop``; what is polled is so at once, and again and again."""
    connections = [desk.connection for desk in shop.desks.values() if desk.connection.webhook is None]
    polled = [replace(one, catch_up=timedelta(seconds=0.3)) for one in connections]
    while not stop.wait(0.05):
        send_catch_ups(shop.inbox, shop.catch_ups, polled)
        for item in shop.inbox.take(9):
            run(shop, item.subject, item.token)


@pytest.fixture
def hall(
    tmp_path: Path, redis_server: EmbeddedRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hall]:
    for name in [name for name in os.environ if name.startswith("SPRINTWARDEN_")]:
        monkeypatch.delenv(name)
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / "connections.yaml").write_text("version: 1\nconnections: {}  # none yet\n", encoding="utf-8")
    with ExitStack() as stack, structlog.testing.capture_logs():
        yield Hall(tmp_path, redis_server.url, stack)


COMMON = ("--service-account", "--register", "--write")
KEY = ("--tracker", "linear", "--key-env", "ACME_TOKEN", "--teams", "ENG", "--cycles")
ACCOUNT = ("--tracker", "jira", "--email", "bot@example.invalid", "--token-env", "ACME_TOKEN")
WORK = ("--projects", "ABC", "--boards", "1")
UNPROVEN = {"public address", "identity of acme", "deliveries", "names in the rules"}
"""What may be warned of at a local address, by a service that has just been started."""


@pytest.mark.parametrize(
    ("tracker", "flags", "issue"),
    [("linear", KEY, "ENG"), ("cloud", (*ACCOUNT, *WORK), "ABC"), ("data_center", (*ACCOUNT, *WORK), "ABC")],
)
def test_a_tracker_is_connected_by_flags_and_the_whole_way_proven(
    hall: Hall, tracker: str, flags: tuple[str, ...], issue: str
) -> None:
    toy = hall.linear() if tracker == "linear" else hall.jira(deployment=tracker)
    done = hall.run("connect", "acme", "--url", toy.url, *flags, *COMMON)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "  fail  " not in done.stderr
    hall.open()
    (made,) = hall.connections()
    assert made.scope().boards
    key = toy.create(issue, "It works")["key"]
    found = hall.doctor("acme", "--touch", key, "--wait", "10")
    assert {about for _, about in found} <= UNPROVEN
    assert set(found.values()) <= {"warn"}
    assert hall.run("doctor").exit_code == 0
    assert hall.run("doctor", "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("tracker", "flags", "issue"), [("linear", KEY, "ENG"), ("cloud", (*ACCOUNT, *WORK), "ABC")]
)
def test_behind_a_firewall_a_tracker_is_connected_and_polling_proven(
    hall: Hall, tracker: str, flags: tuple[str, ...], issue: str
) -> None:
    toy = hall.linear() if tracker == "linear" else hall.jira(deployment=tracker)
    key = toy.create(issue, "It works")["key"]
    done = hall.run(
        "connect", "acme", "--url", toy.url, *flags, "--no-webhook", "--service-account", "--write"
    )
    assert done.exit_code == 0
    hall.open()
    (made,) = hall.connections()
    assert made.webhook is None
    found = hall.doctor("acme", "--touch", key, "--wait", "10")
    assert {about for _, about in found} <= UNPROVEN - {"public address", "deliveries"}
    assert ("acme", "whole way") not in found


def test_a_service_without_a_worker_fails(hall: Hall, redis: Redis) -> None:
    toy = hall.jira()
    hall.run("connect", "acme", "--url", toy.url, *ACCOUNT, *WORK, *COMMON)
    hall.open()
    silence(redis, hall.worker)
    done = hall.run("doctor")
    assert done.exit_code == 1
    assert "  fail  live workers: No live worker is alive; nothing waits: start" in done.stdout


def test_a_scoped_token_is_led_to_the_gateway(hall: Hall) -> None:
    toy = hall.jira(scoped=True)
    done = hall.run("connect", "acme", "--url", toy.url, "--gateway", toy.url, *ACCOUNT, *WORK, *COMMON)
    assert "it is a scoped one" in done.stderr
    hall.open()
    (made,) = hall.connections()
    assert made.api.startswith(f"{toy.url}/ex/jira/")
    found = hall.doctor("acme", "--touch", toy.create("ABC", "It works")["key"], "--wait", "10")
    assert set(found.values()) <= {"warn"}


def test_a_person_types_it_all(hall: Hall) -> None:
    toy = hall.jira()
    typed = ["jira", toy.url, "team-a", "bot@example.invalid", TOKEN, "", "n", "ABC", "y", "1", "y", "y"]
    done = hall.run("connect", typed="".join(f"{line}\n" for line in typed))
    assert done.exit_code == 0
    assert "looks like a person" in done.stderr
    (made,) = hall.connections()
    assert (made.name, made.projects, made.boards) == ("team-a", ("ABC",), ("1",))
    assert not made.service_account
    hall.open()
    assert hall.doctor("team-a")["team-a", "credentials"] == "warn"
    assert "fail" not in hall.doctor("team-a").values()


def test_an_application_connects_by_its_client(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = hall.linear(client_secret="a-client-secret-001")
    monkeypatch.setenv("ACME_CLIENT", "a-client-secret-001")
    client = ("--tracker", "linear", "--client-id", "sandbox-client", "--secret-env", "ACME_CLIENT")
    done = hall.run("connect", "acme", "--url", toy.url, *client, "--teams", "ENG", "--no-cycles", *COMMON)
    assert done.exit_code == 0
    text = (hall.folder / "connections.yaml").read_text(encoding="utf-8")
    assert "auth: {client_id: sandbox-client, client_secret: {env: ACME_CLIENT}}" in text


def test_a_token_that_is_refused_leaves_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_WRONG", "another-token")
    toy = hall.jira(deployment="data_center")
    account = ("--tracker", "jira", "--token-env", "ACME_WRONG")
    with pytest.raises(TrackerError, match="refuses the "):
        hall.run("connect", "acme", "--url", toy.url, *account, *WORK, *COMMON)
    assert not hall.connections()
    assert toy.writes() == []


@pytest.mark.parametrize("tracker", ["jira", "linear"])
def test_without_the_right_to_webhooks_a_person_is_told_what_to_click(hall: Hall, tracker: str) -> None:
    toy = hall.jira(may_webhooks=False) if tracker == "jira" else hall.linear(webhook_access=False)
    flags = (*ACCOUNT, *WORK) if tracker == "jira" else KEY
    done = hall.run("connect", "acme", "--url", toy.url, *flags, "--service-account", "--write")
    assert done.exit_code == 0
    assert f"{hall.public_url}/webhooks/acme" in done.stderr
    hall.open()
    found = hall.doctor("acme")
    assert found["acme", "webhook"] == "warn"
    assert "fail" not in found.values()


def test_linears_webhook_that_was_switched_off_is_mended(hall: Hall) -> None:
    toy = hall.linear()
    hall.run("connect", "acme", "--url", toy.url, *KEY, *COMMON)
    hall.open()
    off = "mutation($id: String!) { webhookUpdate(id: $id, input: {enabled: false}) { success } }"
    headers = {"Authorization": TOKEN}
    with httpx.Client(base_url=toy.url, headers=headers) as api:
        hooks = api.post("/graphql", json={"query": "query { webhooks(first: 9) { nodes { id } } }"}).json()
        (hook,) = hooks["data"]["webhooks"]["nodes"]
        api.post("/graphql", json={"query": off, "variables": {"id": hook["id"]}}).raise_for_status()
    assert "fail" in hall.doctor("acme").values()
    assert "fail" not in hall.doctor("acme", "--mend").values()


def test_other_secrets_in_the_processes_are_found(hall: Hall) -> None:
    toy = hall.jira()
    hall.run("connect", "acme", "--url", toy.url, *ACCOUNT, *WORK, *COMMON)
    hall.open()
    (hall.folder / "secrets" / "acme-hook").write_text("changed-without-a-restart")
    done = hall.run("doctor", "acme")
    assert done.exit_code == 1
    assert "The service refuses our proof (bad_signature)" in done.stdout
