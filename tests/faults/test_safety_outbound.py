"""Requests leave for the configured host alone, whatever a tracker answers and the environment says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask
import pytest
from redis import Redis

from rules.connections import ApiKey, Auth, ClientCredentials, EmailToken
from rules.secret import Secret
from sandbox.server import start
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.probing import open_probe
from tests.conftest import issue
from tests.contract.conftest import CONTEXT, MemoryCache, MemoryGate
from tests.faults.one_process import JIRA, LINEAR, OneProcess, connection
from trackers.errors import ServerFault, TrackerError
from trackers.model import Issue, Label, Memory
from trackers.protocol import LABELS_TOPIC, AddLabels, Mark, PutComment, Recall, Tracker
from workers.probes import Access
from workers.shop import open_tracker

pytestmark = pytest.mark.fault(62)
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]
AUTHS: dict[str, Auth] = {
    "jira": EmailToken("bot@acme.example", Secret("a-token-of-acme")),
    "linear": ApiKey(Secret("lin_api_of-acme")),
    "linear app": ClientCredentials("a-client", Secret("a-client-secret")),
}


class Elsewhere:
    """A server that nobody has a reason to ask: what it was asked all the same."""

    def __init__(self, stack: ExitStack) -> None:
        self.asked: list[str] = []
        app = flask.Flask("elsewhere")
        app.add_url_rule("/", "any", self._note, defaults={"path": ""}, methods=METHODS)
        app.add_url_rule("/<path:path>", "any", self._note, methods=METHODS)
        self.url = stack.enter_context(start(app)).url

    def _note(self, path: str) -> flask.typing.ResponseReturnValue:
        self.asked.append(f"{flask.request.method} /{path} {flask.request.headers.get('Authorization', '')}")
        return {"accountId": "somebody", "name": "somebody"}


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with ExitStack() as stack:
        yield Elsewhere(stack)


def ask_everything(tracker: Tracker, about: Issue) -> int:
    """Ask of a tracker what can be asked: how many of the questions failed."""
    label, now = Label("x", "x"), datetime.now(UTC)
    memory = Memory(applied=frozenset({"x"}))
    marks = (Mark(about.id, about.project, (label,), memory),)
    questions: list[Callable[[], object]] = [
        tracker.identity,
        lambda: tracker.read(about.id, Recall(memory=True, comments=(LABELS_TOPIC,))),
        lambda: tracker.palette(about).find("x"),
        lambda: tracker.label_names([about.project]),
        lambda: tracker.past([about.project]),
        lambda: tracker.search([about.project]),
        lambda: tracker.updates([about.project], now - timedelta(hours=1)),
        lambda: tracker.glimpse([about.id]),
        lambda: tracker.remember(marks),
        lambda: tracker.board("1"),
        lambda: tracker.open_sprints("1"),
        lambda: tracker.sprint("1", past=True),
        lambda: [step.send() for step in tracker.bulk_steps(marks)],
    ]
    questions += [step.send for step in tracker.steps(about, [AddLabels((label,), (), memory)])]
    questions += [step.send for step in tracker.steps(about, [PutComment(LABELS_TOPIC, "Because.")])]
    failed = 0
    for question in questions:
        try:
            question()
        except TrackerError:
            failed += 1
    return failed


@pytest.mark.parametrize("who", AUTHS)
@pytest.mark.parametrize("status", [302, 303, 307])
def test_no_redirect_is_followed(
    status: int, who: str, elsewhere: Elsewhere, seen: Callable[[str], None]
) -> None:
    app = flask.Flask("redirecting")

    @app.before_request
    def redirect() -> flask.typing.ResponseReturnValue:
        return (
            "",
            status,
            {"Location": f"{elsewhere.url}{flask.request.path}", "Refresh": f"0;{elsewhere.url}"},
        )

    with start(app) as server:
        made = connection(JIRA if who == "jira" else LINEAR, server.url, AUTHS[who])
        tracker, _ = open_tracker(made, MemoryGate(), MemoryCache(), CONTEXT)
        assert ask_everything(tracker, issue()) > 10
        with pytest.raises(ServerFault, match="redirect"):
            tracker.identity()
        probe = open_probe(Access.of(made))
        with contextlib.suppress(TrackerError):
            probe.site()
        with contextlib.suppress(TrackerError):
            probe.hooks()
    assert elsewhere.asked == []
    seen("no redirect is followed")


@pytest.mark.parametrize("name", [JIRA, LINEAR])
def test_no_address_out_of_an_answer_is_asked(
    name: str,
    elsewhere: Elsewhere,
    redis_server: EmbeddedRedis,
    redis: Redis,
    tmp_path: Path,
    seen: Callable[[str], None],
) -> None:
    with ExitStack() as stack:
        service = OneProcess(stack, redis_server.url, tmp_path)
        toy = service.toys[name]
        told = 0

        def name_elsewhere(response: flask.Response) -> flask.Response:
            nonlocal told
            text = response.get_data(as_text=True)
            if response.is_json and not flask.request.path.startswith("/_sandbox"):
                told += 1
                named = dict.fromkeys(("self", "nextPage", "next", "baseUrl", "url", "_links"), elsewhere.url)
                text = text.replace(service.urls[name], elsewhere.url)
                body = flask.json.loads(text or "null")
                response.set_data(flask.json.dumps(named | body if isinstance(body, dict) else body))
            response.headers["Link"] = f'<{elsewhere.url}>; rel="next"'
            response.headers["Location"] = elsewhere.url
            return response

        toy.after_request_funcs.setdefault(None, []).append(name_elsewhere)
        service.has_past(name)
        sprint = service.sprint(name, "Sprint 14")
        key = sprint.plan("xss is slow", 3.0)
        sprint.start()
        service.work()
        assert "security" in service.remote(name).issue(key)["labels"]
        tracker = service.shop.desks[name].tracker
        ask_everything(tracker, tracker.read(service.remote(name).issue(key)["id"], Recall()).issue)
        assert told > 10
    assert elsewhere.asked == []
    seen("addresses in answers are not asked")


@pytest.mark.parametrize("who", AUTHS)
def test_neither_a_proxy_nor_credentials_of_the_environment_are_used(
    who: str,
    elsewhere: Elsewhere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Callable[[str], None],
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, elsewhere.url)
        monkeypatch.setenv(name.upper(), elsewhere.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / ".netrc"
    netrc.write_text(
        "machine 127.0.0.1 login stray password not-ours\ndefault login stray password not-ours\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    shown: set[str] = set()
    app = flask.Flask("tracker")

    @app.before_request
    def note() -> flask.typing.ResponseReturnValue:
        shown.add(flask.request.headers.get("Authorization", ""))
        return {"access_token": "minted", "accountId": "me", "displayName": "Me", "data": {}}

    with start(app) as server:
        made = connection(JIRA if who == "jira" else LINEAR, server.url, AUTHS[who])
        tracker, _ = open_tracker(made, MemoryGate(), MemoryCache(), CONTEXT)
        ask_everything(tracker, issue())
    assert elsewhere.asked == []
    ours = {
        "jira": {"Basic Ym90QGFjbWUuZXhhbXBsZTphLXRva2VuLW9mLWFjbWU="},
        "linear": {"lin_api_of-acme"},
        "linear app": {"", "Bearer minted"},
    }
    assert shown == ours[who]
    seen("no proxy and no .netrc of the environment is used")
