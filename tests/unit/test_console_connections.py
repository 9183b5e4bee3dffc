"""What pages and the API say of a connection that there is not, and of one that is named no more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.decisions import Decisions
from store.sprint_views import SprintViews
from store.sprints import Sprints
from tests.conftest import CONNECTION
from tests.unit.console_scene import TOKEN, console_app, log_in
from tests.unit.view_scene import view
from trackers.model import Subject, SubjectKind
from webhook_app.console import PAGES

OLD = Subject("old", SubjectKind.ISSUE, "7")
PATHS = [
    *(f"{page.PAGE.path}?connection=" for page in PAGES),
    "/console/labels/label?target=labels&name=security&connection=",
    "/console/rules/try?connection=",
    "/console/sprints/",
]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(redis: Redis, redis_server: EmbeddedRedis) -> Flask:
    return console_app(redis_server.url, [CONNECTION])


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return log_in(app)


def decided(redis: Redis, subject: Subject) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    Decisions(redis).add(subject, {"at": at, "outcome": "applied", "issue": "OLD-7"}, {})


@pytest.mark.parametrize("path", PATHS)
def test_a_connection_that_there_is_not_is_not_found(browser: FlaskClient, path: str) -> None:
    more = "/37" if path.endswith("/") else ""
    answer = browser.get(f"{path}nobody{more}")
    assert answer.status_code == 404
    assert "There is no connection of that name in connections.yaml. There are: acme." in answer.text
    assert "<nav" in answer.text
    assert browser.get(f"{path}acme{more}").status_code in (200, 404)
    assert "no connection of that name" not in browser.get(f"{path}acme{more}").text


@pytest.mark.parametrize(
    "path",
    ["decisions?connection=", "sprints?connection=", "labels?connection=", "rules?connection=", "sprints/"],
)
def test_a_machine_is_told_so_too(app: Flask, path: str) -> None:
    answer = app.test_client().get(f"/api/v1/{path}nobody{'/37' if path[-1] == '/' else ''}", headers=BEARER)
    assert answer.status_code == 404
    assert answer.get_json()["detail"].startswith("There is no connection of that name")


def test_no_filter_asks_for_all(browser: FlaskClient) -> None:
    for page in PAGES:
        assert browser.get(f"{page.PAGE.path}?connection=").status_code == 200


def test_strangers_cannot_ask_for_names(app: Flask) -> None:
    stranger = app.test_client()
    for name in ("acme", "nobody"):
        assert stranger.get(f"/console/login?connection={name}").status_code == 200
        assert stranger.get(f"/console/now?connection={name}").status_code == 303
        assert stranger.get(f"/api/v1/rules?connection={name}").status_code == 401


def test_decisions_of_a_connection_that_is_named_no_more_stay(
    app: Flask, browser: FlaskClient, redis: Redis
) -> None:
    decided(redis, OLD)
    assert "OLD-7" in browser.get("/console/decisions?connection=old").text
    told = browser.get("/api/v1/decisions?connection=old").get_json()
    assert [row["name"] for row in told["rows"]] == ["OLD-7"]
    assert "OLD-7" in browser.get(f"/console/decisions/{told['rows'][0]['id']}").text
    assert browser.get("/console/labels?connection=old").status_code == 404


def test_what_is_left_of_a_connection_that_is_named_no_more_breaks_no_page(
    browser: FlaskClient, redis: Redis
) -> None:
    sprint = view("37", connection="old")
    SprintViews(redis).keep(sprint)
    Sprints(redis).keep(Subject("old", SubjectKind.SPRINT, "37"), "12", "{}")
    decided(redis, Subject("old", SubjectKind.SPRINT, "37"))
    redis.zadd(keys.DEAD, {str(OLD): 1})
    for page in PAGES:
        assert browser.get(page.PAGE.path).status_code == 200
    assert "old" in browser.get("/console/queue").text
    assert browser.get("/console/sprints/old/37").status_code == 404
    row = browser.get("/api/v1/decisions").get_json()["rows"][0]
    assert browser.get(f"/api/v1/decisions/{row['id']}").get_json()["page"] is None
