"""``/api/v1``: the data of the pages as JSON, by a document that is made from them and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from redis import Redis

from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from tests.conftest import CONNECTION, ISSUE, Floor
from tests.unit.api_scene import DEAD, DIGEST, DRY, LABEL, LATE, fill
from tests.unit.console_scene import HASH, TOKEN, console_app, log_in
from webhook_app.app import WebSettings, create_app
from webhook_app.console import PAGES
from webhook_app.console.access import Access
from webhook_app.console.decisions import EFFECT, EVERYTHING
from webhook_app.console.openapi import document, written
from webhook_app.console.routes import ROUTES
from webhook_app.console.wording import OUTCOMES

ROOT = Path(__file__).parents[2]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LABELS = "connection=acme&target=labels"


class Machine:
    """Who asks with the token, and has every answer held against the document."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(f"/api/v1{path}", headers=BEARER)
        assert answer.status_code == status, answer.text
        told = answer.get_json()
        validator(route_of(path), status).validate(told)
        return told


def route_of(path: str) -> str:
    """The path of the document that is asked for by ``path``."""
    bare = path.partition("?")[0]
    fitting = (one for one in document()["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), bare))
    return str(min(fitting, key=lambda one: one.count("{")))


def validator(path: str, status: int) -> Draft202012Validator:
    answers = document()["paths"][path]["get"]["responses"]
    schema = answers[str(status)]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document()["components"]})


@pytest.fixture
def client(redis_server: EmbeddedRedis, redis: Redis) -> FlaskClient:
    return console_app(redis_server.url, [CONNECTION]).test_client()


@pytest.fixture
def machine(client: FlaskClient) -> Machine:
    return Machine(client)


@pytest.fixture
def trial(floor: Floor) -> str:
    """There is something of everything; the id of a trial."""
    return fill(floor)


def test_the_document_is_the_one_that_is_kept() -> None:
    kept = (ROOT / "docs" / "openapi.json").read_bytes()
    assert written() == kept, "say python -m webhook_app.console.openapi > docs/openapi.json"


def test_schemas_are_sound_and_every_field_is_told_of() -> None:
    schemas = document()["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    objects = [schema for schema in schemas.values() if schema.get("type") == "object"]
    assert len(objects) > 40
    assert all(set(schema["required"]) == set(schema["properties"]) for schema in objects)
    assert not [name for name in schemas if "__" in name]


def test_every_page_has_its_data() -> None:
    assert {page.PAGE.name for page in PAGES} <= {route.name for route in ROUTES}


def test_paths_name_what_they_hold() -> None:
    assert [sorted(route.parts) for route in ROUTES] == [
        sorted(re.findall(r"<(\w+)>", route.path)) for route in ROUTES
    ]


def test_every_route_answers_as_the_document_says(machine: Machine, trial: str) -> None:
    newest = machine.get("/decisions")["rows"][0]["id"]
    asked = {
        "/now",
        "/decisions",
        f"/decisions/{newest}",
        "/sprints",
        "/sprints/acme/37",
        "/sprints/acme/36",
        "/labels?connection=acme",
        f"/labels/label?{LABELS}&name={quote(LABEL)}",
        "/rules",
        "/rules/file",
        "/queue",
        f"/trials/{trial}",
    }
    assert {route_of(path) for path in asked} == set(document()["paths"])
    for path in asked:
        machine.get(path)


def test_every_route_answers_as_the_document_says_when_there_is_nothing(machine: Machine) -> None:
    for path in ("/now", "/decisions", "/sprints", "/labels", "/rules", "/queue"):
        machine.get(path)
    for path in (
        "/decisions/acme:issue:1@1",
        "/decisions/nonsense",
        "/sprints/acme/1",
        "/sprints/other/1",
        f"/labels/label?{LABELS}&name=none",
        "/rules/file",
        "/trials/none",
    ):
        assert machine.get(path, 404)["detail"].endswith(".")


def test_every_decision_opens(machine: Machine, trial: str) -> None:
    rows = machine.get(f"/decisions?outcome={EVERYTHING}")["rows"]
    subjects = {str(one) for one in (ISSUE, DRY, LATE, DEAD)}
    assert {row["subject"] for row in rows} > subjects
    opened = [machine.get(f"/decisions/{row['id']}") for row in rows]
    assert [one["outcome"] for one in opened] == [row["outcome"] for row in rows]
    assert {event["digest"] for one in opened for event in one["events"]} > {DIGEST}


def walk(machine: Machine, query: str) -> Iterator[str]:
    """The ids of all pages, from the newest to the oldest."""
    page = machine.get(f"/decisions?{query}")
    while True:
        yield from (row["id"] for row in page["rows"])
        if page["older"] is None:
            return
        page = machine.get(f"/decisions?{query}&before={page['older']}")


def test_the_cursor_leads_through_all_decisions_once(
    machine: Machine, trial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = list(walk(machine, f"outcome={EVERYTHING}"))
    monkeypatch.setattr("webhook_app.console.decisions.MOST", 2)
    assert len(every) > 4
    assert list(walk(machine, f"outcome={EVERYTHING}")) == every
    assert machine.get(f"/decisions?outcome={EVERYTHING}&after={every[2]}")["rows"][-1]["id"] == every[1]


def test_decisions_are_told_by_what_is_asked(machine: Machine, trial: str) -> None:
    for query, outcomes in (("", set(EFFECT)), ("outcome=dead", {"dead"}), ("label=security", set(EFFECT))):
        rows = machine.get(f"/decisions?{query}")["rows"]
        assert rows and {row["outcome"] for row in rows} <= outcomes
    assert {row["name"] for row in machine.get("/decisions?key=abc-1")["rows"]} == {"ABC-1"}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/now?a=1", 400, "There is no parameter `a` here."),
        ("/decisions?conection=acme", 400, "There is no parameter `conection` here."),
        ("/decisions?outcome=won", 400, "`outcome` is not understood"),
        ("/decisions?before=yesterday", 400, "`before` is not understood"),
        ("/decisions?label=a&label=b", 400, "`label` is given more than once"),
        ("/labels?start=-1", 400, "`start` is not understood"),
        ("/labels/label?connection=acme&target=labels", 400, "`name` is missing"),
        ("/decisions?connection=other", 404, "There is no connection of that name"),
        ("/sprints?connection=other", 404, "There is no connection of that name"),
        ("/sprints/other/37", 404, "There is no connection of that name"),
        ("/rules?place=acme/OTHER", 404, "There is no such place"),
        ("/rules?place=acme/ABC&board=99", 404, "There is no such board"),
    ],
)
def test_what_makes_no_sense_is_refused(machine: Machine, path: str, status: int, said: str) -> None:
    told = machine.get(path, status)
    assert told["status"] == "refused"
    assert said in told["detail"]


def test_what_is_empty_asks_for_nothing(machine: Machine, trial: str) -> None:
    bare = machine.get("/decisions")
    assert machine.get("/decisions?connection=&outcome=&before=&label=") == bare


def test_the_outcomes_to_choose_from_are_those_there_are() -> None:
    parameters = document()["paths"]["/decisions"]["get"]["parameters"]
    (outcome,) = (one for one in parameters if one["name"] == "outcome")
    assert set(outcome["schema"]["enum"]) == {"", *OUTCOMES, EVERYTHING}


def test_strangers_are_told_nothing_and_nobody_changes_anything(client: FlaskClient) -> None:
    paths = [*document()["paths"], "/openapi.json"]
    for path in paths:
        answer = client.get(f"/api/v1{path}")
        assert answer.status_code == 401
        assert set(answer.get_json()) == {"status", "detail"}
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        for change in (client.post, client.put, client.patch, client.delete):
            refused = change(f"/api/v1{path}", headers=BEARER)
            assert (refused.status_code, set(refused.get_json())) == (405, {"status", "detail"})


def test_a_session_reads_as_the_token_does(client: FlaskClient, trial: str) -> None:
    person = log_in(client.application)
    assert person.get("/api/v1/openapi.json").get_json() == document()
    assert (
        person.get("/api/v1/sprints/acme/36").get_json().keys()
        == client.get("/api/v1/sprints/acme/36", headers=BEARER).get_json().keys()
    )


def test_the_api_says_so_while_redis_is_away() -> None:
    settings = WebSettings(
        "redis://127.0.0.1:1/0", [CONNECTION], metrics_token=Secret(TOKEN), console=Access(Secret(HASH))
    )
    told = Machine(create_app(settings).test_client()).get("/queue", 503)
    assert "Redis does not answer" in told["detail"]
