"""The sandbox's base: server, sender, faults, call log and page."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import flask
import httpx
import pytest

from sandbox.calls import Calls
from sandbox.faults import Fault, Faults, play
from sandbox.page import page
from sandbox.sender import Sender, Target
from sandbox.server import reset_connection, start


class Receiver:
    """A webhook receiver that answers with the next of ``statuses``, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes, str]] = []
        self.app = flask.Flask("receiver")
        self.app.post("/hook")(self._take)

    def _take(self) -> tuple[dict[str, str], int]:
        request = flask.request
        self.got.append((dict(request.headers), request.get_data(), request.query_string.decode()))
        return {"seen": "yes"}, self.statuses.pop(0) if self.statuses else 200


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = Sender(lambda body, target: {"X-Proof": f"{target.secret}:{len(body)}a"}, (0.02, 0.02))
    yield made
    made.close()


def wait_for(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not done():
        assert time.monotonic() < end, "it did not happen within 5 s"
        time.sleep(0.005)


def settled(sender: Sender) -> None:
    wait_for(lambda: sender.pending() == 0)


def test_server_keeps_the_connection_and_answers_at_once() -> None:
    app = flask.Flask("t")
    ports: list[str] = []

    @app.post("/")
    def view() -> str:
        ports.append(flask.request.environ["REMOTE_PORT"])
        return ""

    with start(app) as running, httpx.Client(base_url=running.url) as client:
        began = time.monotonic()
        for _ in range(20):
            # The view never reads the body; the next request must not trip over it.
            assert client.post("/", content=b"x" * 1000).status_code == 200
        assert time.monotonic() - began < 0.8, "40 ms per request would mean that Nagle is at work"
    assert len(set(ports)) == 1


def test_server_reads_chunked_bodies() -> None:
    app = flask.Flask("t")
    app.post("/")(lambda: str(len(flask.request.get_data())))
    with start(app) as running:
        assert httpx.post(running.url, content=iter([b"ab", b"cde"])).text == "5"


def test_reset_cuts_the_connection_without_an_answer() -> None:
    app = flask.Flask("t")
    app.add_url_rule("/", "cut", reset_connection)
    app.add_url_rule("/fine", "fine", lambda: "ok")
    with start(app) as running:
        with pytest.raises(httpx.ReadError):
            httpx.get(running.url)
        assert httpx.get(f"{running.url}/fine").text == "ok"


def test_stop_frees_the_port_and_may_come_twice() -> None:
    running = start(flask.Flask("t"))
    running.stop()
    running.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url)


def test_sender_without_target_keeps_nothing(sender: Sender) -> None:
    assert sender.send("created", b"{}", {}) is None
    assert sender.deliveries() == []


def test_sender_retries_with_the_same_bytes(sender: Sender) -> None:
    receiver = Receiver(503, 500)
    with start(receiver.app) as running:
        sender.set_target(Target(f"{running.url}/hook", "s"))
        sender.send("created", b'{"a":1}', {"X-Id": "7"})
        settled(sender)
    (delivery,) = sender.deliveries()
    assert (delivery.status, delivery.attempts, delivery.answer) == (200, 3, {"seen": "yes"})
    assert delivery.digest == hashlib.sha256(b'{"a":1}').hexdigest()
    assert {body for _, body, _ in receiver.got} == {b'{"a":1}'}
    assert {(headers["X-Id"], headers["X-Proof"]) for headers, _, _ in receiver.got} == {("7", "s:7a")}


def test_sender_gives_up_after_its_retries(sender: Sender) -> None:
    receiver = Receiver(*[500] * 9)
    with start(receiver.app) as running:
        sender.set_target(Target(f"{running.url}/hook"))
        sender.send("created", b"{}", {})
        settled(sender)
    assert [(d.status, d.attempts) for d in sender.deliveries()] == [(500, 3)]


def test_sender_survives_a_receiver_that_is_not_there(sender: Sender) -> None:
    sender.set_target(Target("http://127.0.0.1:1/hook"))
    sender.send("created", b"{}", {})
    settled(sender)
    assert [(d.status, d.attempts) for d in sender.deliveries()] == [(None, 3)]


def test_sender_counts_retries_in_a_header_and_heeds_the_habit() -> None:
    sender = Sender(lambda *_: {}, (0.01,), retry_on=lambda status: status == 503, retry_header="X-Retry")
    receiver = Receiver(503, 200, 400)
    with start(receiver.app) as running:
        sender.set_target(Target(f"{running.url}/hook"))
        sender.send("one", b"1", {})
        settled(sender)
        sender.send("two", b"2", {})
        settled(sender)
    sender.close()
    assert [headers.get("X-Retry") for headers, _, _ in receiver.got] == [None, "1", None]
    assert [d.attempts for d in sender.deliveries()] == [2, 1]


def test_sender_sends_again_and_forges(sender: Sender) -> None:
    receiver = Receiver()
    with start(receiver.app) as running:
        sender.set_target(Target(f"{running.url}/hook", "s"))
        sender.send("created", b"{}", {"X-Id": "7"})
        assert sender.again(1) == 2
        assert sender.again(1, forged=True) == 3
        settled(sender)
    assert sorted(headers["X-Proof"] for headers, _, _ in receiver.got) == ["s:20", "s:2a", "s:2a"]
    assert {(headers["X-Id"], body) for headers, body, _ in receiver.got} == {("7", b"{}")}
    with pytest.raises(LookupError):
        sender.again(99)


@pytest.mark.parametrize("forged", [False, True])
def test_sender_proves_itself_by_password_or_token(sender: Sender, forged: bool) -> None:
    receiver = Receiver()
    with start(receiver.app) as running:
        for auth in ("basic", "token"):
            sender.set_target(Target(f"{running.url}/hook?a=b", "me:p&w", auth))
            (sender.forge if forged else sender.send)("created", b"{}", {})
            settled(sender)
    (basic, _, _), (_, _, query) = receiver.got
    password = base64.b64decode(basic["Authorization"].removeprefix("Basic ")).decode()
    assert (password == "me:p&w", query == "a=b&token=me%3Ap%26w") == (not forged, not forged)


def test_target_refuses_an_unknown_auth() -> None:
    with pytest.raises(ValueError, match="unknown webhook auth"):
        Target("http://x", auth="magic")


def test_faults_are_used_up_in_order() -> None:
    faults = Faults()
    faults.add(Fault("PUT issue", "status", times=2, issue="ABC-1"))
    faults.add(Fault("(PUT|POST) .*", "delay", seconds=1))
    assert faults.take("GET issue", "ABC-1") is None
    kinds = [fault.kind if (fault := faults.take("PUT issue", "ABC-1")) else None for _ in range(4)]
    assert kinds == ["status", "status", "delay", None]
    faults.add(Fault("PUT issue", "reset"))
    faults.clear()
    assert faults.take("PUT issue", None) is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"operation": "x"}, "needs operation and kind"),
        ({"operation": "x", "kind": "explode"}, "unknown kind"),
        ({"operation": "(", "kind": "reset"}, "regular expression"),
        ({"operation": "x", "kind": "reset", "colour": 1}, "unknown keys: colour"),
    ],
)
def test_faults_refuse_nonsense(data: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Fault.from_json(data)


@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        (None, 200, 1),
        (Fault("x", "status", status=502, body="oops"), 502, 0),
        (Fault("x", "rate_limit", reason="why"), 429, 0),
        (Fault("x", "delay", seconds=0.03), 200, 1),
        (Fault("x", "delay_after", seconds=0.03), 200, 1),
        (Fault("x", "reset"), 0, 0),
        (Fault("x", "reset_after"), 200, 1),
    ],
)
def test_faults_play_before_or_after_the_work(fault: Fault | None, status: int, done: int) -> None:
    app = flask.Flask("t")
    noted: list[int] = []
    worked: list[int] = []

    @app.get("/")
    def view() -> flask.Response:
        def execute() -> flask.Response:
            worked.append(1)
            return flask.Response("done")

        return play(fault, execute, lambda fault: flask.Response(fault.reason, 429), noted.append)

    began = time.monotonic()
    with start(app) as running:
        if fault and fault.kind.startswith("reset"):
            with pytest.raises(httpx.ReadError):
                httpx.get(running.url)
        else:
            assert httpx.get(running.url).status_code == status
    assert noted == [status]
    assert len(worked) == done
    assert time.monotonic() - began >= (fault.seconds if fault else 0)


def test_calls_are_counted_by_operation() -> None:
    calls = Calls()
    calls.record("PUT issue", 204, write=True, issue="ABC-1", detail={"changed": True})
    calls.record("PUT issue", 429, write=True)
    calls.record("GET issue", 200, write=False)
    assert calls.counts() == {"PUT issue": 2, "GET issue": 1}
    assert [(call.n, call.status) for call in calls.all()] == [(1, 204), (2, 429), (3, 200)]
    calls.clear()
    assert calls.all() == []


def test_page_escapes_and_marks_the_bot() -> None:
    comment = {"id": "1", "author": "Bot", "body": "<i>&", "internal": True, "created": "1", "updated": "2"}
    issue = {
        "key": "A-1", "title": "<script>", "body": '"x"', "type": "Bug", "points": 3,
        "labels": ["<b>", "mine"], "bot_labels": ["mine"], "comments": [comment],
    }  # fmt: skip
    html = page("T & T", [issue], bot="Bot", notes=["Sprint <1>"])
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    for shown in (
        "T &amp; T",
        "&lt;script&gt;",
        "&lt;i&gt;&amp;",
        "Sprint &lt;1&gt;",
        "points 3",
        "internal",
        "edited",
    ):
        assert shown in html
    assert html.count('title="set by the bot"') == 1
    assert 'class="comment bot"' in html
    assert 'http-equiv="refresh" content="2"' in html


def test_command_serves_until_it_is_told_to_stop() -> None:
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "jira",
        "--token",
        "t",
        "--projects",
        "XYZ,Q",
        "--deployment",
        "cloud",
    ]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        made = httpx.post(f"{url}/_sandbox/issues", json={"project": "XYZ", "title": "Hello"})
        assert made.json()["key"] == "XYZ-1"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
