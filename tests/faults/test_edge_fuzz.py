"""Bodies and headers damaged at random: always an answer of ours, and what is stored can be read."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any, Final, NamedTuple

import orjson
import pytest
import structlog
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from werkzeug.test import run_wsgi_app

from rules.connections import load_connections
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.inbox import Inbox
from tests.unit import front_door
from tests.unit.front_door import SECRETS, basic, digest, jira_body, linear_body, signed
from trackers.model import Hint
from webhook_app.app import WebSettings, create_app

server, redis = front_door.server, front_door.redis

Json = dict[str, Any]

FIXTURE: Final = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FEW: Final = settings(max_examples=60, suppress_health_check=FIXTURE)
MANY: Final = settings(max_examples=4_000, suppress_health_check=FIXTURE)
STATUSES: Final = {200, 400, 401, 404, 405, 413, 415}


class Told(NamedTuple):
    """What the sender got."""

    status: int
    body: Json


class Door:
    """The application as a server calls it; everything it is told falls due at once."""

    def __init__(self, url: str, redis: Redis) -> None:
        file = orjson.loads(front_door.connections_text())
        file["connections"]["jira"]["boards"] = [12]
        file["connections"]["linear"]["cycles"] = True
        named = load_connections(orjson.dumps(file), "connections.yaml", SECRETS)
        none = timedelta(0)
        self._app: Flask = create_app(
            WebSettings(url, named, none, none, ceiling_issue=none, ceiling_sprint=none)
        )
        self._redis = redis
        self._inbox = Inbox(redis, lease=timedelta(minutes=1))

    def knock(self, environ: Mapping[str, Any]) -> Told:
        """The answer, which must be one of ours; nothing that went wrong may be in the log."""
        with structlog.testing.capture_logs() as lines:
            parts, status, headers = run_wsgi_app(self._app.wsgi_app, dict(environ))
            body = b"".join(parts)
        for line in lines:
            assert "exc_info" not in line, line
            orjson.dumps(line)
        assert int(status[:3]) in STATUSES, (status, body)
        assert headers["Content-Type"] == "application/json"
        return Told(int(status[:3]), orjson.loads(body) if environ["REQUEST_METHOD"] != "HEAD" else {})

    def read_back(self) -> list[Hint]:
        """What the inbox holds, as workers get it. It is empty afterwards."""
        found: list[Hint] = []
        while taken := self._inbox.take(99):
            for one in taken:
                stored = self._redis.lrange(keys.hints(one.subject), 0, -1)
                batch = self._inbox.begin(one.subject, one.token)
                assert batch is not None
                texts = [str(entry).partition(" ")[2] for entry in stored]
                assert list(batch.hints) == [Hint.from_json(json.loads(text)) for text in texts]
                assert {hint.subject for hint in batch.hints} == {one.subject}
                found += batch.hints
                assert self._inbox.finish(batch)
        return found


@pytest.fixture
def door(server: EmbeddedRedis, redis: Redis) -> Door:
    return Door(server.url, redis)


def environ(name: str, body: bytes, **more: str) -> Json:
    """A request as a WSGI server hands it on."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/webhooks/{name}",
        "QUERY_STRING": "",
        "SERVER_NAME": "door.invalid",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **more,
    }


# Bodies

_SPRINTS: Final = [
    {"id": 31, "state": "active", "boardId": 12, "name": "Week 2"},
    "com.atlassian.greenhopper.service.sprint.Sprint@1[id=32,rapidViewId=12,state=FUTURE,name=x]",
]
_CHANGES: Final = [
    {"field": "summary", "fieldId": "summary", "fromString": "a", "toString": "b"},
    {"field": "labels", "fieldId": "labels", "fromString": "a b", "toString": "b c"},
    {"field": "Key", "fieldId": "Key", "fromString": "OLD-1", "toString": "ABC-7"},
    {"field": "Sprint", "fieldId": "customfield_1", "from": "1, 2", "to": "2, 31"},
    {"field": "Component", "fieldId": "components", "from": "1", "fromString": "Cart"},
    {"field": "status", "fieldId": "status", "from": "1", "to": "3"},
]
_JIRA_ISSUE: Final = {
    "id": "501",
    "key": "ABC-7",
    "fields": {
        "summary": "Checkout fails",
        "project": {"key": "ABC", "projectTypeKey": "software"},
        "issuetype": {"name": "Bug"},
        "labels": ["web"],
        "updated": "2026-03-04T12:00:00.000+0000",
        "customfield_1": _SPRINTS,
    },
}
_LINEAR_ISSUE: Final = {
    "id": "f3a1",
    "identifier": "ENG-7",
    "title": "Slow basket",
    "labelIds": ["l1"],
    "labels": [{"id": "l1", "name": "Bug", "parent": {"id": "g", "name": "Kind"}}],
    "team": {"id": "t1", "key": "ENG"},
    "cycleId": "c1",
    "state": {"type": "started"},
    "previousIdentifiers": ["OLD-1"],
    "updatedAt": "2026-03-04T12:00:00.000Z",
}
_BEFORE: Final = {"title": "Old", "labelIds": ["l2"], "cycleId": "c2", "teamId": "t2", "estimate": 3}
_PERSON: Final = {"accountId": "a", "accountType": "atlassian"}
_SPRINT: Final = {"id": 31, "state": "active", "originBoardId": 12}
GENUINE: Final[Mapping[str, Sequence[Json]]] = {
    "jira": [
        orjson.loads(body)
        for body in (
            jira_body(issue=_JIRA_ISSUE, user=_PERSON),
            jira_body(issue=_JIRA_ISSUE, webhookEvent="jira:issue_updated", changelog={"items": _CHANGES}),
            jira_body(issue=_JIRA_ISSUE, webhookEvent="jira:issue_deleted"),
            jira_body(webhookEvent="sprint_updated", sprint=_SPRINT, oldValue=_SPRINT | {"state": "future"}),
            jira_body(issue=_JIRA_ISSUE, webhookEvent="comment_created", comment={"id": "1"}),
        )
    ],
    "linear": [
        orjson.loads(body)
        for body in (
            linear_body(data=_LINEAR_ISSUE, actor={"id": "u", "type": "user"}),
            linear_body(action="update", data=_LINEAR_ISSUE, updatedFrom=_BEFORE),
            linear_body(action="remove", data=_LINEAR_ISSUE),
            linear_body(action="update", type="Cycle", data={"id": "c1", "team": {"key": "ENG"}}),
            linear_body(type="Comment", data={"id": "c", "issueId": "f3a1"}),
        )
    ],
}


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"a": [value]}
    return value


NASTY: Final[Sequence[Any]] = (
    *(None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400),
    *(1e308, -1e308, float("nan"), float("inf"), float("-inf")),
    *("", " ", "0", "null", "\x00", "a\x00b", "\ud800", "\udc00\ud800", "\U0001f525", "a\u0301" * 40),
    *("\u202e" + "x", "\ufeff", "\ufffe", "١٢", "²", "A" * 300, "x" * 70_000, "../../etc", "sw:hints:1"),
    *("jira:issue:1", "a:b", "%s", "{}", "\r\nSet-Cookie: a=b", "1,2,,3", "31", "OLD-1", "ABC-1", "Issue"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-02-30", "2026-W01", "999999999999999"),
    *("Sprint@1[id=,state=]", "Sprint@1[id=1,rapidViewId=12,state=ACTIVE", "Sprint[" * 50),
    *([], {}, [[]], [None], [{}], {"": ""}, {"id": None}, {"a": {"id": 1}}, ["x"] * 300, [{"id": 1}] * 300),
    *(deep(20), deep(400), -62_135_596_800_001, 253_402_300_800_000, "\\", '"', "\u2028", "update", "remove"),
)
JUNK: Final = st.sampled_from(NASTY) | st.recursive(
    st.sampled_from(NASTY) | st.text(max_size=6) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
DAMAGES: Final = st.lists(
    st.tuples(st.integers(0, 199), st.sampled_from(["set", "set", "drop", "wrap", "rename", "repeat"]), JUNK),
    max_size=4,
)
WRITING: Final = st.tuples(st.booleans(), st.booleans(), st.integers(0, 400), st.integers(0, 60))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    found = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, part in list(found):
        yield value, key
        yield from places(part)


def damaged(body: Json, damages: Sequence[tuple[int, str, Any]]) -> Any:
    """The body with some of its parts replaced, left out or put elsewhere."""
    whole = [deepcopy(body)]
    for at, how, junk in damages:
        spots = list(places(whole))[:200]
        inside, key = spots[at % len(spots)]
        if how == "set":
            inside[key] = deepcopy(junk)
        elif how == "wrap":
            inside[key] = [inside[key]]
        elif how == "repeat":
            inside[key] = [inside[key]] * 80
        elif len(whole) == 1 and inside is whole:
            continue
        elif how == "drop":
            del inside[key]
        elif isinstance(inside, dict):
            inside[f"{key}"[:3] + f"{junk}"[:20]] = inside.pop(key)
    return whole[0]


def written(value: Any, writing: tuple[bool, bool, int, int]) -> bytes:
    """As JSON, or nearly: escaped or not, with a key twice, cut short, or with a byte that is no UTF-8."""
    escaped, twice, broken, at = writing
    body = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    if twice:
        spots = [place for place, byte in enumerate(body) if byte == ord("{")]
        if spots:
            cut = spots[at % len(spots)] + 1
            body = body[:cut] + b'"id":[9],"fields":0,"data":"","a":1,' + body[cut:]
    if broken == 1:
        return body[: len(body) * at // 60]
    if broken == 2:
        return body[: at * 9] + b"\xc3" + body[at * 9 :]
    return body


TRACKERS: Final = st.sampled_from(["jira", "linear"])


def answers_whatever_the_body(
    door: Door, tracker: str, which: int, damages: Any, writing: tuple[bool, bool, int, int]
) -> Told:
    genuine = GENUINE[tracker][which]
    if tracker == "linear":
        genuine = genuine | {"webhookTimestamp": int(time.time() * 1000)}
    body = written(damaged(genuine, damages), writing)
    proof = (
        {"HTTP_X_HUB_SIGNATURE": signed(body)}
        if tracker == "jira"
        else {"HTTP_LINEAR_SIGNATURE": digest(body, "LINEAR_HOOK")}
    )
    told = door.knock(environ(tracker, body, **proof))
    assert told.status in (200, 400, 401, 413)
    if told.status == 401:
        assert told.body["reason"] in ("no_timestamp", "in_future", "too_old")
    if told.status != 200:
        assert told.body["detail"].endswith(".")
    hints = door.read_back()
    assert len(hints) == told.body.get("hints", 0)
    assert {hint.digest for hint in hints} <= {hashlib.sha256(body).hexdigest()}
    # The second time it is known, or nothing was stored the first time either.
    again = door.knock(environ(tracker, body, **proof))
    assert again.status == told.status
    assert again == told or (told.body["status"], again.body["status"]) == ("queued", "duplicate")
    assert door.read_back() == []
    return told


BODIES: Final = given(tracker=TRACKERS, which=st.integers(0, 4), damages=DAMAGES, writing=WRITING)


@pytest.mark.fault(5)
@FEW
@BODIES
def test_whatever_the_body_it_is_answered_and_what_is_stored_can_be_read(
    door: Door, tracker: str, which: int, damages: Any, writing: tuple[bool, bool, int, int]
) -> None:
    answers_whatever_the_body(door, tracker, which, damages, writing)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.fault(5)
@MANY
@BODIES
def test_whatever_the_body_at_length(
    door: Door, tracker: str, which: int, damages: Any, writing: tuple[bool, bool, int, int]
) -> None:
    answers_whatever_the_body(door, tracker, which, damages, writing)


@pytest.mark.parametrize("tracker", GENUINE)
def test_undamaged_bodies_reach_the_store(door: Door, tracker: str) -> None:
    plain = (True, False, 0, 0)
    told = [
        answers_whatever_the_body(door, tracker, which, (), plain).body["status"]
        for which in range(len(GENUINE[tracker]))
    ]
    assert told == ["queued"] * 4 + ["ignored"]


# Headers

BODY: Final = jira_body()
GOOD: Final = digest(BODY, "JIRA_HOOK")
PROOFS: Final = st.sampled_from(
    [
        *(f"sha256={GOOD}", f"SHA256={GOOD.upper()}", f" sha256={GOOD}\t", f"sha256={GOOD},sha256={GOOD}"),
        *(GOOD, f"sha256={GOOD[:-1]}", f"sha256={GOOD}0", "sha256=", "=", "sha256", f"sha512={GOOD}"),
        *(basic("hook", SECRETS["PASSWORD"]), "Basic", "Basic ====", "Basic \xe9", "Bearer x", "basic  Og=="),
        *(SECRETS["TOKEN"], SECRETS["TOKEN"].upper(), f"{SECRETS['TOKEN']}, {SECRETS['TOKEN']}"),
        *("\x00", "\xff" * 300, "a" * 65_000, ",", "%00"),
    ]
)
LATIN: Final = st.text(st.characters(max_codepoint=255), max_size=30)
VALUES: Final = PROOFS | LATIN
HEADERS: Final = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_X_HUB_SIGNATURE": VALUES,
        "HTTP_LINEAR_SIGNATURE": VALUES,
        "HTTP_AUTHORIZATION": VALUES,
        "HTTP_X_SPRINTWARDEN_TOKEN": VALUES,
        "HTTP_CONTENT_ENCODING": st.sampled_from(["gzip", "identity", "Identity", "", "br, gzip"]) | LATIN,
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "gzip, chunked", "identity"]) | LATIN,
        "HTTP_HOST": st.sampled_from(["", "[::1", "a b", "é", "x" * 5_000, "a,b", "door.invalid:x"]) | LATIN,
        "HTTP_COOKIE": LATIN,
        "HTTP_ACCEPT": LATIN,
        "HTTP_EXPECT": st.just("100-continue"),
        "HTTP_X_FORWARDED_FOR": LATIN,
        "HTTP_X_HTTP_METHOD_OVERRIDE": st.sampled_from(["DELETE", "GET"]),
        "CONTENT_TYPE": st.sampled_from(
            ["application/json", "Application/JSON;charset=utf-7", "application/json;" * 900, "", "json", ";"]
        )
        | LATIN,
        "CONTENT_LENGTH": st.sampled_from(["", "0", "-1", "5", "99999", "9" * 400, "1e3", "²", " 7", "+7"]),
        "QUERY_STRING": st.sampled_from(
            [f"token={SECRETS['TOKEN']}", "token=%ff", "&" * 500, "token[]=1", "a=b&" * 40, "%"]
        )
        | LATIN,
        "REQUEST_METHOD": st.sampled_from(["POST"] * 9 + ["GET", "HEAD", "PUT", "post", "X"]),
    },
)
NAMES: Final = st.sampled_from(
    [
        *("jira", "jira", "linear", "basic", "token", "small", "turning", "nobody", "", "Jira", "jira/"),
        *("jira%00", "\xe9", "\xff", "../jira", "jira?x", "a" * 3_000, "\x00"),
    ]
)


def answers_whatever_the_headers(door: Door, name: str, headers: Json) -> None:
    told = door.knock(environ(name, BODY) | headers)
    stored = door.read_back()
    assert len(stored) == told.body.get("hints", 0)
    if stored:
        assert told.status == 200


@pytest.mark.fault(1)
@FEW
@given(name=NAMES, headers=HEADERS)
def test_whatever_the_headers_it_is_answered(door: Door, name: str, headers: Json) -> None:
    answers_whatever_the_headers(door, name, headers)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.fault(1)
@MANY
@given(name=NAMES, headers=HEADERS)
def test_whatever_the_headers_at_length(door: Door, name: str, headers: Json) -> None:
    answers_whatever_the_headers(door, name, headers)
