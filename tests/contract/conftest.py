"""Both trackers' services at work on a running toy: what the contract tests of the clients share.

The gate and the cache are kept in memory, so that a test sees every pause and every cached reading.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.calls import Call
from sandbox.linear import LinearConfig, LinearTracker
from sandbox.linear import create_app as create_linear
from sandbox.server import start
from tests.contract.jira_site import TOKEN, Site
from tests.contract.linear_toy import KEY, Toy
from trackers.errors import Paused, TrackerError
from trackers.http import open_http, tls_context
from trackers.jira.client import JiraClient
from trackers.jira.service import JiraService
from trackers.jira.setup import JiraSetup, connect_with
from trackers.linear.client import Credentials, LinearClient
from trackers.linear.service import LinearService
from trackers.model import Comment, Issue, Label, Memory
from trackers.protocol import (
    LABELS_TOPIC,
    AddLabels,
    CreateLabel,
    Operation,
    PutComment,
    Recall,
    Tracker,
    Update,
    Written,
)

SECRET = "the-title-nobody-may-log"
"""Stands in every issue's title and body, so that a test can look for it where it must not be."""


CONTEXT = tls_context()
"""Shared, because the toys speak plain HTTP and making one takes longer than most tests."""


class MemoryGate:
    """The budget of one process: remembers what was asked and what pauses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.pauses: list[tuple[str, timedelta, str]] = []
        self.failures = 0
        self.answers = 0
        self.shares: list[float] = []

    def ask(self, scopes: Sequence[str]) -> None:
        self.asked.append(tuple(scopes))
        for scope, length, reason in self.pauses:
            if scope in scopes:
                raise Paused(f"Waiting: {reason}.", length)

    def limit(self, scope: str, length: timedelta, reason: str) -> None:
        self.pauses.append((scope, length, reason))

    def unreachable(self) -> None:
        self.failures += 1

    def answered(self) -> None:
        self.answers += 1

    def left(self, share: float) -> None:
        self.shares.append(share)

    @property
    def paused(self) -> list[tuple[str, timedelta]]:
        """What pauses for how long, without the reasons."""
        return [(scope, length) for scope, length, _ in self.pauses]


class MemoryCache:
    """Readings by name, with the life each was given; nothing ends by itself."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.lives: dict[str, timedelta] = {}

    def get(self, name: str) -> str | None:
        return self.held.get(name)

    def put(self, name: str, text: str, life: timedelta) -> None:
        self.held[name] = text
        self.lives[name] = life

    def drop(self, name: str) -> None:
        self.held.pop(name, None)


def operations(calls: Sequence[Call]) -> list[str]:
    """The names of the calls, oldest first."""
    return [call.operation for call in calls]


def all_updates(service: Tracker, projects: Sequence[str], since: datetime) -> list[Update]:
    """What changed since then, of all pages."""
    found: list[Update] = []
    after = None
    for _ in range(50):
        page = service.updates(projects, since, after)
        found += page.found
        after = page.next
        if after is None:
            return found
    raise AssertionError("the pages have no end")


def ids(found: Sequence[Update]) -> list[str]:
    """The issues that were updated."""
    return [update.issue for update in found]


def said_by(error: TrackerError) -> str:
    """All that a log could show of an error: its words, its form, and those of what it came from."""
    told: list[str] = []
    link: BaseException | None = error
    while link is not None:
        told += [str(link), repr(link)]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n".join(told)


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class JiraRig:
    """A toy Jira and the service that works on it."""

    def __init__(self, stack: ExitStack, **config: Any) -> None:
        self.site = Site(stack, **config)
        self.cloud = self.site.config.cloud
        self.gate, self.cache = MemoryGate(), MemoryCache()
        self.http = stack.enter_context(open_http({"Accept": "application/json"}, CONTEXT))
        self.service = self.another()

    def another(self, token: str = TOKEN, url: str | None = None, kept: bool = True) -> JiraService:
        """A service like the rig's with its own connections; ``kept`` shares gate and cache."""
        url = url or self.site.url
        basic = (self.site.config.email, token) if self.cloud else None
        bearer = None if self.cloud else token
        http = open_http({"Accept": "application/json"}, CONTEXT) if token != TOKEN else self.http
        if basic is not None:
            http.auth = httpx.BasicAuth(*basic)
        else:
            http.headers["Authorization"] = f"Bearer {bearer}"
        cache = self.cache if kept else MemoryCache()
        setup = JiraSetup(connect_with(url, basic=basic, bearer=bearer), self.gate, cache)
        return JiraService(JiraClient(http, url, self.gate), setup, cloud=self.cloud, base_url=url)

    def issue(self, **wish: Any) -> Issue:
        """A new issue of a person, as the service reads it."""
        made = self.site.issue(**{"title": SECRET, "body": SECRET} | wish)
        return self.service.read(str(made["id"]), Recall()).issue

    def view(self, issue: Issue) -> dict[str, Any]:
        view: dict[str, Any] = self.site.control("GET", f"issues/{issue.key}")
        return view

    def warm(self, project: str = "ABC") -> None:
        """Fill the caches as an earlier run would have."""
        self.service.identity()
        self.service.setup.may_edit_quietly(project)
        self.forget_calls()

    def forget_calls(self) -> None:
        self.site.control("DELETE", "calls")
        self.gate.asked.clear()

    @property
    def calls(self) -> list[Call]:
        found: list[Call] = self.site.toy.calls.all()
        return found

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.site.control("POST", "faults", {"operation": operation, "kind": kind} | more)

    def send(self, issue: Issue, *wanted: Operation) -> list[Written]:
        return [step.send() for step in self.service.steps(issue, wanted)]


class LinearRig:
    """A toy Linear and the service that works on it."""

    def __init__(self, stack: ExitStack, client: bool = False, **config: Any) -> None:
        self.config = LinearConfig(**{"token": KEY, "teams": ("ENG", "OPS")} | config)
        app = create_linear(self.config)
        self.tracker: LinearTracker = app.extensions["sandbox"]
        self.url = stack.enter_context(start(app)).url
        api = stack.enter_context(
            httpx.Client(base_url=self.url, headers={"Authorization": KEY}, verify=CONTEXT)
        )
        self.toy = Toy(api)
        stack.callback(self.tracker.sender.close)
        self.gate, self.cache = MemoryGate(), MemoryCache()
        self.http = stack.enter_context(open_http({"Accept": "application/json"}, CONTEXT))
        self.sent: list[httpx.Request] = []
        self.http.event_hooks["request"].append(self.sent.append)
        named = (self.config.client_id, self.config.client_secret)
        self.credentials = Credentials(client=named) if client else Credentials(key=KEY)
        self.client = LinearClient(self.http, self.url, self.gate, self.credentials)
        self.service = LinearService(self.client, self.cache, "acme")

    def another(self, key: str = KEY, url: str | None = None) -> LinearService:
        """A service like the rig's, with other credentials or another address."""
        client = LinearClient(self.http, url or self.url, self.gate, Credentials(key=key))
        return LinearService(client, self.cache, "acme")

    def issue(self, **wish: Any) -> Issue:
        """A new issue of a person, as the service reads it."""
        key = self.toy.issue(**{"title": SECRET, "body": SECRET} | wish)
        return self.service.read(str(self.toy.control("GET", f"/issues/{key}")["id"]), Recall()).issue

    def view(self, issue: Issue) -> dict[str, Any]:
        view: dict[str, Any] = self.toy.control("GET", f"/issues/{issue.key}")
        return view

    def label(self, issue: Issue, name: str) -> Label:
        found = self.service.palette(issue).find(name)
        assert found is not None
        return found

    def warm(self, issue: Issue) -> None:
        """Fill the caches as an earlier run would have."""
        self.service.identity()
        self.service.palette(issue)
        self.forget_calls()

    def forget_calls(self) -> None:
        self.toy.control("DELETE", "/calls")
        self.sent.clear()
        self.gate.asked.clear()

    @property
    def calls(self) -> list[Call]:
        return self.tracker.calls.all()

    @property
    def requests(self) -> int:
        """How many requests were sent, whatever each held."""
        return len(self.sent)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.toy.control("POST", "/faults", {"operation": operation, "kind": kind} | more)

    def send(self, issue: Issue, *wanted: Operation) -> Written:
        (step,) = self.service.steps(issue, wanted)
        return step.send()


def add(*labels: Label, new: Sequence[str] = (), remember: Memory | None = None) -> AddLabels:
    """Add these labels, and make and add those of ``new``."""
    kept = remember or Memory(applied=frozenset(label.id for label in labels))
    return AddLabels(labels, tuple(map(CreateLabel, new)), kept)


def jira_labels(*names: str) -> AddLabels:
    """Add Jira labels, each of which is its own name."""
    return add(*(Label(name, name) for name in names))


def say(body: str = "Why this label is here.", id: str | None = None) -> PutComment:
    """Our comment about labels, new or (with ``id``) edited."""
    return PutComment(LABELS_TOPIC, body, id)


def found(comments: Sequence[Comment]) -> list[tuple[str, str]]:
    """Topic and id of each comment."""
    return [(comment.topic, comment.id) for comment in comments]


MakeJira = Callable[..., JiraRig]
MakeLinear = Callable[..., LinearRig]


@pytest.fixture
def make_jira() -> Iterator[MakeJira]:
    """A toy Jira of any configuration, with a service."""
    with ExitStack() as stack:
        yield lambda **config: JiraRig(stack, **config)


@pytest.fixture
def cloud(make_jira: MakeJira) -> JiraRig:
    """Jira Cloud."""
    return make_jira()


@pytest.fixture
def data_center(make_jira: MakeJira) -> JiraRig:
    """Jira Data Center."""
    return make_jira(deployment="data_center")


@pytest.fixture(params=["cloud", "data_center"])
def jira(request: pytest.FixtureRequest, make_jira: MakeJira) -> JiraRig:
    """Each of the two in turn."""
    return make_jira(deployment=request.param)


@pytest.fixture
def make_linear() -> Iterator[MakeLinear]:
    """A toy Linear of any configuration, with a service."""
    with ExitStack() as stack:
        yield lambda **config: LinearRig(stack, **config)


@pytest.fixture
def linear(make_linear: MakeLinear) -> LinearRig:
    """A workspace whose personal key belongs to an app user."""
    return make_linear()
