"""A front door over a real Redis, with a connection for every kind of proof, and ways to knock at it.

Test modules take over the fixtures by name: ``server`` (one embedded Redis a module), ``redis``
(emptied for each test) and ``house``.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
import pytest
import structlog
from flask import Flask
from redis import Redis
from structlog.typing import EventDict
from werkzeug.test import create_environ

from rules.connections import Connection, Webhook, load_connections
from sprintwarden.embedded import EmbeddedRedis
from store import door
from store.connect import connect
from store.inbox import Inbox
from trackers.model import Hint
from webhook_app.app import WebSettings, create_app
from webhook_app.intake import Answer, Intake

Json = dict[str, Any]

SECRETS = {
    "JIRA_HOOK": "jira-hook-secret-01",
    "OTHER_HOOK": "other-hook-secret-02",
    "OLD_HOOK": "old-hook-secret-0003",
    "NEW_HOOK": "new-hook-secret-0004",
    "PASSWORD": "door-password-00005",
    "TOKEN": "door-token-00000006",
    "LINEAR_HOOK": "linear-hook-secret-7",
    "API": "api-token-000000008",
}
WEBHOOKS: dict[str, Json] = {
    "jira": {"auth": "signature", "secrets": ["JIRA_HOOK"]},
    "other": {"auth": "signature", "secrets": ["OTHER_HOOK"]},
    "turning": {"auth": "signature", "secrets": ["OLD_HOOK", "NEW_HOOK"]},
    "turned": {"auth": "signature", "secrets": ["NEW_HOOK"]},
    "basic": {"auth": "basic", "user": "hook", "secrets": ["PASSWORD"]},
    "token": {"auth": "token", "secrets": ["TOKEN"]},
    "small": {"auth": "signature", "max_body": "1KiB", "secrets": ["JIRA_HOOK"]},
    "linear": {"secrets": ["LINEAR_HOOK"]},
    "strict": {"secrets": ["LINEAR_HOOK"], "late": "refuse"},
}
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class Knock(NamedTuple):
    """An answer as the sender sees it."""

    status: int
    told: Json
    headers: Mapping[str, str]


class House:
    """The application, its Redis, and everything counted and logged."""

    def __init__(self, url: str) -> None:
        connections = all_connections()
        self.app = app(url, connections)
        self.redis = connect(url)
        self.client = self.app.test_client()
        self.counted: list[tuple[str, str, str]] = []
        self.intake: Intake = replace(self.app.extensions["intake"], count=self._count)

    def _count(self, connection: str, outcome: str, reason: str, /) -> None:
        self.counted.append((connection, outcome, reason))

    def post(self, name: str, body: bytes, query: str = "", **headers: str) -> Knock:
        """Post over the application; ``headers`` are written with underscores."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = self.client.post(
            f"/webhooks/{name}{query}", data=body, headers={"Content-Type": "application/json"} | named
        )
        return Knock(answer.status_code, orjson.loads(answer.data), dict(answer.headers))

    def receive(self, name: str, body: bytes, **headers: str) -> Answer:
        """Call the intake itself, as a view does."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.intake.receive(
            name, create_environ(method="POST", data=body, content_type="application/json", headers=named)
        )

    def jira(self, body: bytes, name: str = "jira", secret: str = "JIRA_HOOK") -> Knock:
        """Post a body that is signed as Jira signs."""
        return self.post(name, body, X_Hub_Signature=signed(body, secret))

    def linear(self, body: bytes, name: str = "linear") -> Knock:
        """Post a body that is signed as Linear signs."""
        return self.post(name, body, Linear_Signature=digest(body, "LINEAR_HOOK"))

    def hints(self, subject: str) -> list[Hint]:
        """What the inbox holds about a subject."""
        held = self.redis.lrange(f"sw:hints:{subject}", 0, -1)
        assert isinstance(held, list)
        return [Hint.from_json(orjson.loads(str(entry).partition(" ")[2])) for entry in held]

    def pending(self) -> int:
        """How many subjects wait."""
        return Inbox(self.redis, lease=timedelta(minutes=1)).depth().pending

    def notes(self, name: str) -> list[dict[str, str]]:
        """The notes kept of what was ignored, or of what was refused under ``NAME:refused``."""
        return door.notes(self.redis, name)

    def stored(self) -> list[str]:
        """Every key there is, notes, the moment of the delivery and the clocks aside."""
        aside = ("sw:door:", "sw:heard", "sw:skew:")
        return sorted(str(key) for key in self.redis.scan_iter("*") if not str(key).startswith(aside))


def app(url: str, named: tuple[Connection, ...] = ()) -> Flask:
    """The application over one Redis."""
    made = create_app(WebSettings(redis_url=url, connections=named))
    made.testing = False
    return made


def all_connections() -> tuple[Connection, ...]:
    """Every connection the tests knock at."""
    return load_connections(connections_text(), "connections.yaml", SECRETS)


def hook_of(connection: Connection) -> Webhook:
    """The webhook of a connection that has one."""
    assert connection.webhook is not None
    return connection.webhook


def connections() -> tuple[Connection, ...]:
    """The connections of ``WEBHOOKS``."""
    return load_connections(connections_text(), "connections.yaml", SECRETS)


def connections_text() -> bytes:
    """The connections file; JSON is YAML too."""
    made: Json = {}
    for name, webhook in WEBHOOKS.items():
        hook = webhook | {"secrets": [{"env": variable} for variable in webhook["secrets"]]}
        if name in ("linear", "strict"):
            part = {"tracker": "linear", "auth": {"key": {"env": "API"}}, "teams": ["ENG"]}
        else:
            auth = {"email": "bot@example.invalid", "token": {"env": "API"}}
            part = {"tracker": "jira", "url": "https://jira.invalid", "auth": auth, "projects": ["ABC"]}
        made[name] = part | {"webhook": hook}
    return orjson.dumps({"version": 1, "connections": made})


def digest(body: bytes, secret: str, method: str = "sha256") -> str:
    """The HMAC of a body under one of ``SECRETS``, hex."""
    return hmac.new(SECRETS[secret].encode(), body, method).hexdigest()


def signed(body: bytes, secret: str = "JIRA_HOOK") -> str:
    """Jira's signature header."""
    return f"sha256={digest(body, secret)}"


def basic(user: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def jira_body(id_: str = "501", project: str = "ABC", title: str = "Checkout fails", **more: Any) -> bytes:
    """A body Jira sends when an issue is created."""
    fields = {"summary": title, "project": {"key": project}, "updated": "2026-03-04T12:00:00.000+0000"}
    return orjson.dumps(
        {
            "timestamp": 1_772_625_600_250,
            "webhookEvent": "jira:issue_created",
            "issue": {"id": id_, "key": f"{project}-7", "fields": fields},
        }
        | more
    )


def linear_body(
    id_: str = "f3a1", team: str = "ENG", title: str = "Slow basket", age_ms: int = 0, **more: Any
) -> bytes:
    """A body Linear sends when an issue is created, sent ``age_ms`` ago."""
    data = {
        "id": id_,
        "identifier": f"{team}-7",
        "team": {"id": "t1", "key": team},
        "title": title,
        "updatedAt": "2026-03-04T12:00:00.000Z",
    }
    sent = int(time.time() * 1000) - age_ms
    return orjson.dumps(
        {"action": "create", "type": "Issue", "data": data, "webhookTimestamp": sent, "createdAt": "x"} | more
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    made = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def redis(server: EmbeddedRedis) -> Iterator[Redis]:
    client = connect(server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def house(server: EmbeddedRedis, redis: Redis) -> House:
    return House(server.url)


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """Everything logged meanwhile, as the log's own processors would get it."""
    with structlog.testing.capture_logs() as captured:
        yield captured
