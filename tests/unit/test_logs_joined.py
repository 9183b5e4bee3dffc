"""One event is followed through the log, from its delivery to what was written, by one id."""

from __future__ import annotations

import hashlib
import hmac
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import orjson
import pytest
import structlog
from flask.testing import FlaskClient
from structlog.contextvars import clear_contextvars, get_contextvars, merge_contextvars
from structlog.typing import EventDict

from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from store.door import Door
from tests.conftest import CONNECTION, ISSUE, Floor, hint, issue
from tests.unit.console_scene import HASH, log_in
from tests.unit.front_door import jira_body
from webhook_app.app import WebSettings, create_app
from webhook_app.console.access import Access
from workers.run import run

ROOT = Path(__file__).parents[2]
SECRET = b"not-a-real-secret"
BODY = jira_body(ISSUE.id, timestamp=int(datetime.now(UTC).timestamp() * 1000))
ID = hashlib.sha256(BODY).hexdigest()[:12]


@pytest.fixture
def web(redis_server: EmbeddedRedis) -> FlaskClient:
    """The front door of the floor, and its console."""
    at_once = timedelta(0)
    access = Access(password=Secret(HASH))
    settings = WebSettings(redis_server.url, [CONNECTION], settle_issue=at_once, console=access)
    return create_app(settings).test_client()


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """Whose tracker has the issue as the delivery tells of it, or newer."""
    floor.tracker.now = issue(updated=datetime.now(UTC))
    return floor


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """What is logged, with what is bound to all lines of a request or a run."""
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as captured:
        yield captured
    clear_contextvars()


def deliver(web: FlaskClient) -> int:
    signature = hmac.digest(SECRET, BODY, "sha256").hex()
    headers = {"Content-Type": "application/json", "X-Hub-Signature": f"sha256={signature}"}
    return web.post("/webhooks/acme", data=BODY, headers=headers).status_code


def of_the_event(lines: list[EventDict]) -> list[str]:
    """What grep finds by the id."""
    return [line["event"] for line in lines if ID in orjson.dumps(line, default=str).decode()]


def test_one_id_leads_from_the_delivery_to_the_write(
    web: FlaskClient, floor: Floor, lines: list[EventDict]
) -> None:
    floor.rules(comment=True)
    assert deliver(web) == 200
    clear_contextvars()  # A worker is another process.
    floor.tracker.fails["read"] = ZeroDivisionError("ours")
    run(floor.shop, ISSUE, floor.token())
    del floor.tracker.fails["read"]
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    run(floor.shop, ISSUE, floor.token())
    assert of_the_event(lines) == ["delivery", "run failed", "run", "written", "written", "run"]
    assert len(lines) == 6
    wrote = [line for line in lines if line["event"] == "written"]
    assert [line["step"] for line in wrote] == ["AddLabels", "PutComment"]
    assert {line["subject"] for line in wrote} == {str(ISSUE)}
    assert wrote[0]["token"] == lines[-1]["token"] != lines[2]["token"]
    page = log_in(web.application).get(f"/api/v1/decisions/{newest(web)}").get_json()
    assert page["events"][0]["digest"].startswith(ID)


def newest(web: FlaskClient) -> str:
    rows = log_in(web.application).get("/api/v1/decisions").get_json()["rows"]
    return str(rows[0]["id"])


def test_the_page_of_a_decision_has_the_id(web: FlaskClient, floor: Floor) -> None:
    floor.rules()
    deliver(web)
    run(floor.shop, ISSUE, floor.token())
    assert ID in log_in(web.application).get(f"/console/decisions/{newest(web)}").text


def test_what_is_bound_is_in_every_line_of_the_log() -> None:
    code = """
    import structlog
    from sprintwarden import logs
    logs.configure()
    with structlog.contextvars.bound_contextvars(digests=["0123456789ab"]):
        structlog.get_logger("apply").info("written")
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], cwd=ROOT, capture_output=True, check=True)
    told = orjson.loads(done.stderr)
    assert (told["event"], told["digests"]) == ("written", ["0123456789ab"])


def test_a_fault_at_the_door_is_told_with_its_delivery(
    web: FlaskClient, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Door, "offer", fails)
    assert deliver(web) == 500
    (line,) = lines
    assert (line["event"], line["connection"], line["digest"]) == ("fault", "acme", ID)


def test_no_request_is_told_of_with_the_delivery_before_it(web: FlaskClient, floor: Floor) -> None:
    deliver(web)
    assert get_contextvars()["digest"] == ID
    web.get("/healthz")
    assert get_contextvars() == {}


def test_no_run_is_told_of_with_the_one_before_it(floor: Floor) -> None:
    clear_contextvars()
    floor.rules()
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    assert get_contextvars() == {}


def test_the_line_of_the_guide_finds_an_event_in_a_log() -> None:
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not installed here.")
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (asked,) = re.findall(r"jq -cR --arg id (\w+) '(.*)'$", guide, re.MULTILINE)
    kept = [{"event": "delivery", "digest": asked[0]}, {"event": "run", "digests": ["a", asked[0]]}]
    others = [{"event": "run", "digests": ["a"]}, {"event": "caught up"}, 3, asked[0]]
    log = b"\n".join([b"gunicorn: a plain line", *map(orjson.dumps, [*kept, *others])])
    command = [jq, "-cR", "--arg", "id", *asked]
    found = subprocess.run(command, input=log, capture_output=True, check=True).stdout
    assert [orjson.loads(line) for line in found.splitlines()] == kept
