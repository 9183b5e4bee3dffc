"""A running toy Jira for tests, with a client of its API and a receiver of its webhooks.

Test modules take over its fixtures by name: ``make`` (a site of any configuration), ``site``
(Cloud) and ``server`` (Data Center).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import flask
import httpx
import pytest

from sandbox.jira import JiraConfig, create_app
from sandbox.server import start
from trackers.http import tls_context

SPRINT, POINTS = "customfield_10020", "customfield_10026"
TOKEN = "a-token"


class Site:
    """A running toy Jira, a client of its API and the webhooks it has sent."""

    def __init__(self, stack: ExitStack, **config: Any) -> None:
        self.config = JiraConfig(token=TOKEN, retries=(0.02, 0.02), **config)
        self.app = create_app(self.config)
        self.toy = self.app.extensions["sandbox"]
        self.url = stack.enter_context(start(self.app)).url
        cloud = self.config.cloud
        auth = httpx.BasicAuth(self.config.email, TOKEN) if cloud else None
        headers = {} if cloud else {"Authorization": f"Bearer {TOKEN}"}
        self.api = stack.enter_context(
            httpx.Client(base_url=self.url, auth=auth, headers=headers, verify=tls_context())
        )
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes, str]] = []
        receiver = flask.Flask("receiver")
        receiver.post("/hook")(self._receive)
        self.hook = f"{stack.enter_context(start(receiver)).url}/hook"
        stack.callback(self.toy.sender.close)
        self.listen()

    def _receive(self) -> tuple[str, int]:
        request = flask.request
        self.got.append((dict(request.headers), request.get_data(), request.query_string.decode()))
        return "", self.answers.pop(0) if self.answers else 200

    def listen(self, secret: str = "s3", auth: str = "signature") -> None:
        self.control("POST", "webhook", {"url": self.hook, "secret": secret, "auth": auth})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.api.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def issue(self, **wish: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.control("POST", "issues", {"project": "ABC", "title": "Broken"} | wish)
        return made

    def labels(self, key: str, *operations: dict[str, str], **params: str) -> httpx.Response:
        return self.api.put(
            f"/rest/api/2/issue/{key}", json={"update": {"labels": [*operations]}}, params=params
        )

    def settle(self) -> None:
        """Wait until every event was sent."""
        end = time.monotonic() + 5
        while self.toy.sender.pending():
            assert time.monotonic() < end
            time.sleep(0.005)

    def events(self) -> list[dict[str, Any]]:
        self.settle()
        return [json.loads(delivery.body) for delivery in self.toy.sender.deliveries()]

    def names(self) -> list[str]:
        return [event["webhookEvent"] for event in self.events()]

    def sprint(self, start: bool = False, name: str = "S1") -> int:
        dates = {"startDate": "2026-11-02T09:00:00+01:00", "endDate": "2026-11-16T09:00:00+01:00"}
        body = {"name": name, "originBoardId": 1} | (dates if start else {})
        id_ = int(self.api.post("/rest/agile/1.0/sprint", json=body).json()["id"])
        if start:
            assert self.api.post(f"/rest/agile/1.0/sprint/{id_}", json={"state": "active"}).status_code == 200
        return id_


Make = Callable[..., Site]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda **config: Site(stack, **config)


@pytest.fixture
def site(make: Make) -> Site:
    return make()


@pytest.fixture
def server(make: Make) -> Site:
    return make(deployment="data_center")
