"""What the toy Linear sends: bodies, headers, retries, and the vendor's own word on its signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask
import httpx
import pytest

from sandbox.linear import LinearConfig, LinearTracker, create_app
from sandbox.sender import Target
from sandbox.server import start
from trackers.http import tls_context

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "linear_sdk"
SECRET = "lin_wh_secret"


@dataclass
class Inbox:
    """A receiver that keeps what it is sent; ``answers`` are the statuses of its next answers."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self) -> flask.Flask:
        app = flask.Flask("inbox")

        @app.post("/")
        def take() -> tuple[str, int]:
            with self.lock:
                self.got.append((dict(flask.request.headers), flask.request.get_data()))
                return "", self.answers.pop(0) if self.answers else 200

        return app


@dataclass
class Toy:
    """A workspace whose webhook is an inbox here."""

    tracker: LinearTracker
    http: httpx.Client
    inbox: Inbox

    def issue(self, **wish: Any) -> dict[str, Any]:
        return self.tracker.create_issue({"project": "ENG", "title": "A title"} | wish)

    def edit(self, key: str, **wish: Any) -> dict[str, Any]:
        """Change an issue and give the ``updatedFrom`` told of it."""
        self.tracker.edit_issue(key, wish)
        return dict(self.settled("Issue")[-1]["updatedFrom"])

    def bodies(self, kind: str = "") -> list[dict[str, Any]]:
        """The bodies so far in the order of the changes, of one type if asked."""
        found = [json.loads(delivery.body) for delivery in self.tracker.sender.deliveries()]
        return [body for body in found if kind in ("", body["type"])]

    def settled(self, kind: str = "") -> list[dict[str, Any]]:
        """All bodies once nothing is pending."""
        end = time.monotonic() + 10
        while self.tracker.sender.pending():
            assert time.monotonic() < end
            time.sleep(0.005)
        return self.bodies(kind)


@pytest.fixture
def toy() -> Iterator[Toy]:
    inbox = Inbox()
    app = create_app(LinearConfig(token="key", webhook_retries=(0.05, 0.1), describe_delay=0.1))
    tracker: LinearTracker = app.extensions["sandbox"]
    with start(inbox.app()) as receiver, start(app) as server:
        tracker.sender.set_target(Target(receiver.url + "/", SECRET))
        headers = {"Authorization": "key"}
        with httpx.Client(base_url=server.url, headers=headers, verify=tls_context()) as client:
            yield Toy(tracker, client, inbox)
        tracker.sender.close()


def label(toy: Toy, name: str) -> str:
    return next(str(row["id"]) for row in toy.tracker.label_views() if row["name"] == name)


def test_envelope_and_headers_of_a_new_issue(toy: Toy) -> None:
    issue = toy.issue(body="One\n\nTwo", labels=["api"], sprint="active", points=2)
    (body,) = toy.settled()
    assert list(body) == [
        "action",
        "type",
        "actor",
        "createdAt",
        "data",
        "url",
        "organizationId",
        "webhookTimestamp",
        "webhookId",
    ]
    assert (body["action"], body["type"], body["actor"]["type"]) == ("create", "Issue", "user")
    assert body["actor"]["name"] == "Robin Person"
    assert abs(body["webhookTimestamp"] - time.time() * 1000) < 5_000
    data = body["data"]
    assert (data["identifier"], data["id"], data["estimate"]) == (issue["key"], issue["id"], 2)
    assert data["cycle"]["number"] == 2 and data["cycleId"] == data["cycle"]["id"]
    assert data["labels"][0]["name"] == "api" and data["labels"][0]["parentId"]
    assert data["labelIds"] == [label(toy, "api")] and data["state"]["type"] == "backlog"
    assert len(json.loads(data["descriptionData"])["content"]) == 2
    assert not {"assigneeId", "completedAt", "parentId", "archivedAt"} & set(data)
    headers, raw = toy.inbox.got[0]
    assert headers["Linear-Signature"] == hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["Linear-Delivery"])
    assert headers["Linear-Event"] == "Issue" and headers["User-Agent"] == "Linear-Webhook"
    assert headers["Linear-Timestamp"] == str(body["webhookTimestamp"])
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_update_tells_previous_values_only(toy: Toy) -> None:
    issue = toy.issue(labels=["Bug"], points=3)
    key = issue["key"]
    assert toy.edit(key, title="B") == {"title": "A title", "updatedAt": issue["updated"]}
    assert toy.edit(key, add_labels=["security"])["labelIds"] == [label(toy, "Bug")]
    joined = toy.edit(key, sprint="active")
    assert joined["cycleId"] is None and "sortOrder" in joined
    left = toy.edit(key, sprint=None)
    assert left["cycleId"] and "cycleId" not in toy.bodies()[-1]["data"]
    assert toy.edit(key, points=None)["estimate"] == 3 and "estimate" not in toy.bodies()[-1]["data"]
    described = toy.edit(key, body="text")
    assert described["description"] is None and described["descriptionData"] is None
    assert "startedAt" in toy.edit(key, status="In Progress")
    count = len(toy.inbox.got)
    toy.tracker.edit_issue(key, {"title": "B"})
    assert len(toy.settled()) == count


def test_own_writes_are_told_as_the_apps(toy: Toy) -> None:
    key = toy.issue()["key"]
    query = """mutation($id: String!, $l: String!) {
      issueAddLabel(id: $id, labelId: $l) { issue { updatedAt } }
      commentCreate(input: {issueId: $id, body: "hello"}) { comment { id } } }"""
    variables = {"id": key, "l": label(toy, "Bug")}
    data = toy.http.post("/graphql", json={"query": query, "variables": variables}).json()["data"]
    viewer = toy.http.post("/graphql", json={"query": "{ viewer { id } }"}).json()["data"]["viewer"]["id"]
    update = toy.settled("Issue")[-1]
    assert update["actor"]["id"] == viewer and "email" not in update["actor"]
    assert update["data"]["updatedAt"] == data["issueAddLabel"]["issue"]["updatedAt"]
    comment = toy.settled("Comment")[0]
    assert comment["data"]["userId"] == viewer and comment["data"]["issue"]["identifier"] == key
    assert comment["data"]["id"] == data["commentCreate"]["comment"]["id"]


def test_removals_carry_no_url(toy: Toy) -> None:
    key = toy.issue()["key"]
    comment = toy.tracker.add_comment(key, "a comment", "Robin Person")
    toy.tracker.delete_comment(comment["id"])
    toy.tracker.delete_issue(key)
    removed = [body for body in toy.settled() if body["action"] == "remove"]
    assert [body["type"] for body in removed] == ["Comment", "Issue"]
    assert all("url" not in body for body in removed)
    assert removed[1]["data"]["trashed"] is True and removed[1]["data"]["archivedAt"]


def test_labels_and_cycles_are_told(toy: Toy) -> None:
    key = toy.issue(sprint="active", points=2)["key"]
    made = toy.tracker.create_label({"name": "flaky", "group": "Area"})
    toy.tracker.rename_label(made["id"], "wobbly")
    toy.tracker.delete_label(made["id"])
    told = [(body["action"], body["data"]["name"]) for body in toy.settled("IssueLabel")]
    assert told == [("create", "flaky"), ("update", "wobbly"), ("remove", "wobbly")]
    toy.tracker.edit_cycle("ENG", 2, {"name": "Autumn"})
    cycle = toy.settled("Cycle")[0]
    assert cycle["updatedFrom"]["name"] is None and cycle["data"]["scopeHistory"][-1] == 2
    toy.tracker.edit_cycle("ENG", 2, {"close": True})
    closed, rolled = toy.settled("Cycle")[-1], toy.bodies("Issue")[-1]
    assert closed["data"]["completedAt"] and len(closed["data"]["uncompletedIssuesUponCloseIds"]) == 1
    assert rolled["actor"] is None and rolled["data"]["cycle"]["number"] == 3
    assert toy.tracker.issue_view(key)["sprint"] == 3
    toy.tracker.edit_cycle("ENG", 3, {"starts_in": -60})
    assert toy.tracker.cycle_views()[2]["state"] == "active"


def test_description_may_come_later(toy: Toy) -> None:
    answer = toy.http.post(
        "/_sandbox/issues", json={"project": "ENG", "title": "T", "body": "Later", "describe_later": True}
    )
    assert answer.status_code == 201
    create, update = toy.settled("Issue")
    assert "description" not in create["data"] and "descriptionData" not in create["data"]
    assert update["data"]["description"] == "Later" and update["updatedFrom"]["description"] is None


def test_old_quiet_and_switched_off_events(toy: Toy) -> None:
    wish = {"project": "ENG", "title": "Old", "age_seconds": 3600}
    assert toy.http.post("/_sandbox/issues", json=wish).status_code == 201
    (body,) = toy.settled()
    assert 3_590_000 < time.time() * 1000 - body["webhookTimestamp"] < 3_610_000
    toy.issue(quiet=True)
    toy.tracker.hooks.enable(False)
    toy.issue()
    assert len(toy.settled()) == 1 and len(toy.tracker.issue_views()) == 3


def test_anything_but_200_is_tried_again_with_the_same_bytes(toy: Toy) -> None:
    toy.inbox.answers = [202, 500]
    toy.issue()
    toy.settled()
    assert len(toy.inbox.got) == 3 and len({body for _, body in toy.inbox.got}) == 1
    assert len({headers["Linear-Delivery"] for headers, _ in toy.inbox.got}) == 1
    toy.inbox.answers = [500] * 9
    toy.issue()
    toy.settled()
    assert len(toy.inbox.got) == 6


@pytest.fixture(scope="session")
def verify() -> Callable[[str, str, bytes], dict[str, Any]]:
    """The verifier of ``@linear/sdk``, installed once; skips where Node or the registry is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js and npm are not on the PATH.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = (int(part) for part in version.strip().lstrip("v").split(".")[:2])
    if (major, minor) < (20, 19) or major == 21 or (major == 22 and minor < 12):
        pytest.skip(f"@linear/sdk wants Node 20.19 or 22.12 and later; this is {version.strip()}.")
    folder = ROOT / "build" / "linear_sdk"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "package-lock.json"
    fresh = lock.exists() and lock.read_bytes() == (PACKAGE / "package-lock.json").read_bytes()
    for name in ("package.json", "package-lock.json", "verify.mjs"):
        shutil.copyfile(PACKAGE / name, folder / name)
    if not (fresh and (folder / "node_modules" / "@linear" / "sdk").is_dir()):
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
        if done.returncode:
            offline = re.search(r"ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|network", done.stderr)
            if offline:
                pytest.skip("The npm registry cannot be reached.")
            pytest.fail(done.stderr)

    def run(secret: str, signature: str, body: bytes) -> dict[str, Any]:
        asked = {"secret": secret, "signature": signature, "body": base64.b64encode(body).decode()}
        done = subprocess.run(
            [node, "verify.mjs"],
            input=json.dumps(asked),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
        verdict: dict[str, Any] = json.loads(done.stdout)
        return verdict

    return run


def test_vendors_verifier_takes_our_signatures(
    toy: Toy, verify: Callable[[str, str, bytes], dict[str, Any]]
) -> None:
    toy.issue(title="Blåbær 🫐", body="naïve — “quoted”")
    toy.settled()
    headers, raw = toy.inbox.got[0]
    signature = headers["Linear-Signature"]
    assert verify(SECRET, signature, raw) == {"ok": True, "type": "Issue", "action": "create"}
    tampered = verify(SECRET, signature, raw.replace(b"create", b"remove", 1))
    assert tampered == {"ok": False, "error": "Invalid webhook signature"}
    assert not verify("another", signature, raw)["ok"]


def test_vendors_verifier_refuses_an_old_body(
    toy: Toy, verify: Callable[[str, str, bytes], dict[str, Any]]
) -> None:
    toy.issue(age_seconds=120)
    toy.settled()
    headers, raw = toy.inbox.got[0]
    assert verify(SECRET, headers["Linear-Signature"], raw) == {
        "ok": False,
        "error": "Invalid webhook timestamp",
    }
