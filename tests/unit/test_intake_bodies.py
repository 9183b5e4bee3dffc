"""What may come in: size, kind and shape of a body. Whatever comes, never a fault of ours."""

from __future__ import annotations

import gzip
import io
import time
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, create_environ

from tests.unit import front_door
from tests.unit.front_door import House, digest, jira_body, linear_body, signed
from webhook_app.intake import read_body

server, redis, house = front_door.server, front_door.redis, front_door.house

SMALL = 1024
LIMIT = 5 * 1024 * 1024


def sized(size: int) -> bytes:
    body = jira_body(filler="")
    return jira_body(filler="x" * (size - len(body)))


def test_a_body_of_exactly_the_limit_is_taken(house: House) -> None:
    body = sized(SMALL)
    assert len(body) == SMALL
    assert house.jira(body, "small").told["status"] == "queued"


@pytest.mark.fault(5)
def test_a_body_over_the_limit_is_refused(house: House) -> None:
    answer = house.jira(sized(SMALL + 1), "small")
    assert (answer.status, answer.told["reason"]) == (413, "too_large")
    assert "1024" in answer.told["detail"]


def test_a_body_that_declares_too_much_is_not_even_read(house: House) -> None:
    environ = create_environ(method="POST", content_type="application/json")
    environ |= {"CONTENT_LENGTH": str(LIMIT + 1), "wsgi.input": None}
    assert house.intake.receive("jira", environ).status == 413


@pytest.mark.fault(5)
def test_a_body_without_a_length_is_read_no_further_than_the_limit(house: House) -> None:
    endless = io.BytesIO(b" " * (10 * SMALL))
    environ = create_environ(method="POST", content_type="application/json")
    environ.pop("CONTENT_LENGTH", None)
    environ |= {"wsgi.input": endless, "wsgi.input_terminated": True}
    assert house.intake.receive("small", environ).status == 413
    assert endless.tell() <= SMALL + 1


def test_a_chunked_body_within_the_limit_is_taken(house: House) -> None:
    body = jira_body()
    environ = create_environ(method="POST", content_type="application/json")
    environ.pop("CONTENT_LENGTH", None)
    environ |= {
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "HTTP_X_HUB_SIGNATURE": signed(body),
    }
    assert house.intake.receive("jira", environ).outcome == "queued"


@pytest.mark.parametrize("length", ["²", "-5", "1e3", "9" * 5000, "abc", " 7"])
def test_a_length_that_is_no_number_is_no_fault_of_ours(house: House, length: str) -> None:
    environ = create_environ(method="POST", data=b"{}", content_type="application/json")
    environ["CONTENT_LENGTH"] = length
    assert 400 <= house.intake.receive("jira", environ).status < 500


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "é"])
def test_another_content_type_is_refused(house: House, kind: str) -> None:
    body = jira_body()
    answer = house.post("jira", body, Content_Type=kind, X_Hub_Signature=signed(body))
    assert (answer.status, answer.told["reason"]) == (415, "wrong_content_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"]
)
def test_json_in_any_spelling_is_taken(house: House, kind: str) -> None:
    body = jira_body()
    assert house.post("jira", body, Content_Type=kind, X_Hub_Signature=signed(body)).status == 200


def test_a_compressed_body_is_refused_unopened(house: House) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    answer = house.post("jira", bomb, Content_Encoding="gzip", X_Hub_Signature=signed(bomb))
    assert (answer.status, answer.told["reason"]) == (415, "wrong_content_type")


@pytest.mark.parametrize("name", ["jira", "linear"])
def test_an_empty_body_is_refused_with_what_to_switch_off(house: House, name: str) -> None:
    answer = house.jira(b"") if name == "jira" else house.linear(b"")
    assert (answer.status, answer.told["reason"]) == (400, "empty_body")
    assert "Exclude body" in answer.told["detail"]


BROKEN = {
    "invalid UTF-8": b'{"issue": "\xff\xfe"}',
    "NaN": b'{"timestamp": NaN}',
    "Infinity": b'{"timestamp": Infinity}',
    "100 000 levels": b"[" * 100_000 + b"]" * 100_000,
    "100 000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "cut off": jira_body()[:-5],
    "two values": b"{} {}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "NUL": b"\x00",
}


@pytest.mark.fault(5)
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("name", ["jira", "linear"])
def test_a_signed_body_that_is_no_json_is_refused(house: House, name: str, body: bytes) -> None:
    answer = house.jira(body) if name == "jira" else house.linear(body)
    assert (answer.status, answer.told["reason"]) == (400, "not_json")
    assert answer.told["detail"].endswith(".")
    assert house.stored() == []


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true"])
@pytest.mark.parametrize("name", ["jira", "linear"])
def test_json_that_is_no_object_is_refused(house: House, name: str, body: bytes) -> None:
    answer = house.jira(body) if name == "jira" else house.linear(body)
    assert (answer.status, answer.told["reason"]) == (400, "wrong_shape")


@pytest.mark.fault(5)
def test_of_duplicate_keys_the_last_counts(house: House) -> None:
    body = jira_body("1")[:-1] + b',"webhookEvent":"board_created"}'
    assert house.jira(body).told["reason"] == "unused_event"


def _wide(count: int) -> list[bytes]:
    numbered: dict[str, Any] = {f"key{number}": number for number in range(count)}
    many: list[Any] = [{"field": "labels", "fromString": "a", "toString": "b c"}] * count
    return [
        jira_body(changelog={"items": many}, webhookEvent="jira:issue_updated"),
        jira_body(**numbered),
        jira_body(
            issue={"id": "5", "key": "ABC-1", "fields": {f"f{n}": [[]] * 9 for n in range(count // 3)}}
        ),
    ]


@pytest.mark.fault(5)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_wide_body_within_the_limit_is_answered(house: House, which: int) -> None:
    body = _wide(50_000)[which]
    assert SMALL < len(body) < LIMIT
    assert house.jira(body).status in (200, 400)


def test_a_deep_body_within_the_parsers_depth_is_answered(house: House) -> None:
    deep = b'{"a":' * 1_000 + b"1" + b"}" * 1_000
    body = jira_body()[:-1] + b',"changelog":{"items":[' + deep + b"]}}"
    assert house.jira(body).status in (200, 400)
    old = linear_body(action="update", updatedFrom={"labelIds": "@"}).replace(b'"@"', deep)
    assert house.linear(old).status in (200, 400)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "sprint_started", "comment_created"]
)
KINDS = st.sampled_from(["Issue", "Cycle", "Comment", "Project", "?"])
ACTIONS = st.sampled_from(["create", "update", "remove", "?"])
UNHURRIED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@UNHURRIED
@given(body=st.binary(max_size=400) | JSON.map(orjson.dumps))
def test_whatever_is_signed_is_answered(house: House, body: bytes) -> None:
    for answer in (house.jira(body), house.linear(body)):
        assert answer.status in (200, 400, 401, 413)
        assert answer.told["status"] in ("queued", "duplicate", "ignored", "refused")


@UNHURRIED
@given(name=NAMES, issue=JSON, changelog=JSON, sprint=JSON, stamp=JSON)
def test_whatever_a_jira_event_holds_is_answered(
    house: House, name: str, issue: object, changelog: object, sprint: object, stamp: object
) -> None:
    given_ = {
        "webhookEvent": name,
        "issue": issue,
        "changelog": changelog,
        "sprint": sprint,
        "timestamp": stamp,
    }
    assert house.jira(orjson.dumps(given_)).status in (200, 400)


@UNHURRIED
@given(kind=KINDS, action=ACTIONS, data=JSON, before=JSON, stamp=JSON | st.just("now"))
def test_whatever_a_linear_event_holds_is_answered(
    house: House, kind: str, action: str, data: object, before: object, stamp: object
) -> None:
    sent = int(time.time() * 1000) if stamp == "now" else stamp
    body = orjson.dumps(
        {"type": kind, "action": action, "data": data, "updatedFrom": before, "webhookTimestamp": sent}
    )
    assert house.linear(body).status in (200, 400, 401)


HEADERS = st.sampled_from(
    [
        "HTTP_X_HUB_SIGNATURE",
        "HTTP_LINEAR_SIGNATURE",
        "HTTP_AUTHORIZATION",
        "HTTP_X_SPRINTWARDEN_TOKEN",
        "HTTP_CONTENT_ENCODING",
        "CONTENT_TYPE",
        "CONTENT_LENGTH",
        "QUERY_STRING",
    ]
)
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)


@UNHURRIED
@given(
    name=st.sampled_from(["jira", "linear", "basic", "token", "small"]),
    headers=st.dictionaries(HEADERS, LATIN, max_size=8),
    body=st.binary(max_size=100),
)
def test_whatever_the_headers_say_is_answered(
    house: House, name: str, headers: dict[str, str], body: bytes
) -> None:
    environ = (
        EnvironBuilder(method="POST", data=body, content_type="application/json").get_environ() | headers
    )
    assert house.intake.receive(name, environ).status in (200, 400, 401, 413, 415)


def test_a_body_whose_sender_hangs_up_is_refused() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError

    environ = {"CONTENT_LENGTH": "10", "wsgi.input": Broken()}
    with pytest.raises(Exception, match="did not arrive whole"):
        read_body(environ, LIMIT)


def test_a_body_shorter_than_it_declares_fits_no_signature(house: House) -> None:
    body = jira_body()
    environ = create_environ(method="POST", data=body[:50], content_type="application/json")
    environ |= {"CONTENT_LENGTH": str(len(body)), "HTTP_X_HUB_SIGNATURE": signed(body)}
    assert house.intake.receive("jira", environ).reason == "bad_signature"
    assert digest(body, "JIRA_HOOK") != digest(body[:50], "JIRA_HOOK")
