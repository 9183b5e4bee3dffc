"""A running toy Linear and a client of it, as the tests of its API use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest

from sandbox.linear import LinearConfig, create_app
from sandbox.server import start
from trackers.http import tls_context

KEY = "lin_api_test"

COMMENT = (
    "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { id body } } }"
)
LABELS = "query { issueLabels(first: 250) { nodes { id name isGroup parent { name } team { key } } } }"
UPDATE = """mutation($id: String!, $input: IssueUpdateInput!) {
  issueUpdate(id: $id, input: $input) { success issue { id labelIds updatedAt } } }"""


class Toy(NamedTuple):
    """A running workspace and one client of it."""

    http: httpx.Client

    def ask(self, query: str, /, **variables: Any) -> httpx.Response:
        """The raw answer to a GraphQL request."""
        return self.http.post("/graphql", json={"query": query, "variables": variables})

    def data(self, query: str, /, **variables: Any) -> Any:
        """The data of a request that must succeed."""
        answer = self.ask(query, **variables)
        assert answer.status_code == 200 and "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def refusal(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """The first error of a request that must fail."""
        errors: list[dict[str, Any]] = self.ask(query, **variables).json()["errors"]
        return errors[0]

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Something a person or a test does."""
        answer = self.http.request(method, f"/_sandbox{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def issue(self, title: str = "Something is off", **wish: Any) -> str:
        """The key of a new issue."""
        return str(self.control("POST", "/issues", {"project": "ENG", "title": title} | wish)["key"])

    def labels(self) -> dict[str, str]:
        """Label ids by name."""
        return {node["name"]: node["id"] for node in self.data(LABELS)["issueLabels"]["nodes"]}


@contextmanager
def running(config: LinearConfig) -> Iterator[Toy]:
    app = create_app(config)
    headers = {"Authorization": KEY}
    with (
        start(app) as server,
        httpx.Client(base_url=server.url, headers=headers, verify=tls_context()) as client,
    ):
        yield Toy(client)
    app.extensions["sandbox"].sender.close()


@pytest.fixture
def toy() -> Iterator[Toy]:
    with running(LinearConfig(token=KEY, teams=("ENG", "OPS"))) as toy:
        yield toy


@pytest.fixture
def small() -> Iterator[Toy]:
    """A workspace with little to spend, whose key is a person's."""
    config = LinearConfig(
        token=KEY,
        dedicated_app=False,
        requests_limit=3,
        complexity_limit=500,
        oauth_requests_limit=2,
        token_lifetime=0.3,
        label_creation=False,
        input_error_status=400,
    )
    with running(config) as toy:
        yield toy
