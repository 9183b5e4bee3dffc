"""What goes wrong between us and Linear, and what each case becomes: limits, credentials, cut lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.linear.values import now_ms
from tests.contract.conftest import SECRET, LinearRig, MakeLinear, add, closed_port, operations, said_by, say
from tests.contract.linear_toy import KEY
from trackers import http
from trackers.errors import (
    Conflict,
    Forbidden,
    Gone,
    LimitReached,
    Paused,
    Rejected,
    ServerFault,
    TrackerError,
    Unauthorized,
    Unreachable,
    Walled,
)
from trackers.limits import CEILING, DEFAULT, FLOOR
from trackers.linear.client import Credentials, TooComplex
from trackers.model import Issue
from trackers.protocol import Recall

PAGE = "<html>Just a moment…</html>"
MINUTE = timedelta(minutes=1)


def failing(linear: LinearRig, issue: str = "ENG-1") -> TrackerError:
    """The error that a reading ends with."""
    with pytest.raises(TrackerError) as caught:
        linear.service.read(issue, Recall())
    return caught.value


def refused(message: str = "Nope", path: list[str] | None = None, **extensions: Any) -> str:
    """The body of an answer with one error."""
    error: dict[str, Any] = {"message": message, "extensions": extensions}
    return json.dumps({"data": None, "errors": [error | ({"path": path} if path else {})]})


def close(length: timedelta, to: timedelta) -> bool:
    """Whether a length counted from the present moment is ``to``."""
    return to - timedelta(seconds=5) < length <= to


@pytest.mark.fault(31)
@pytest.mark.parametrize("status", [400, 429, 200])
@pytest.mark.parametrize("reason", ["requests", "complexity"])
def test_used_up_budget_pauses_everything_until_it_refills(
    linear: LinearRig, reason: str, status: int
) -> None:
    linear.issue()
    linear.fault("issue", "rate_limit", reason=reason, status=status, seconds=120)
    error = failing(linear)
    assert isinstance(error, LimitReached)
    ((scope, length),) = linear.gate.paused
    assert scope == "all" and close(length, timedelta(minutes=2))
    assert [(pause.scope, pause.length) for pause in error.pauses] == linear.gate.paused


@pytest.mark.fault(31)
def test_limit_on_an_endpoint_pauses_whatever_asks_it_and_nothing_else(linear: LinearRig) -> None:
    issue = linear.issue()
    label = linear.label(issue, "Bug")
    linear.fault("issueUpdate", "rate_limit", reason="endpoint", seconds=60)
    with pytest.raises(LimitReached):
        linear.send(issue, add(label))
    ((scope, length),) = linear.gate.paused
    assert scope == "endpoint:issueUpdate" and close(length, MINUTE)
    linear.forget_calls()
    with pytest.raises(Paused):
        linear.send(issue, add(label), say())
    assert linear.requests == 0
    assert linear.service.read(issue.id, Recall()).issue == issue
    assert linear.send(issue, say()).comment is not None


def test_limit_on_an_endpoint_of_unknown_name_pauses_the_operation_asked(linear: LinearRig) -> None:
    issue = linear.issue()
    headers = {"X-RateLimit-Endpoint-Name": "IssueByIdentifier"}
    linear.fault("issue", "rate_limit", reason="endpoint", seconds=60, headers=headers)
    failing(linear)
    assert [scope for scope, _ in linear.gate.paused] == ["endpoint:ReadIssue"]
    assert linear.send(issue, say()).comment is not None


GONE_HEADERS = {
    f"X-RateLimit-{limit}-{part}": ""
    for limit in ("Requests", "Complexity")
    for part in ("Limit", "Remaining", "Reset")
}


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({"Retry-After": "90"}, timedelta(seconds=90)),
        ({"Retry-After": "0"}, FLOOR),
        ({"Retry-After": "soon"}, DEFAULT),
        ({}, DEFAULT),
    ],
)
def test_limit_that_names_no_budget_pauses_as_long_as_it_says(
    linear: LinearRig, headers: dict[str, str], length: timedelta
) -> None:
    linear.issue()
    linear.fault("issue", "rate_limit", headers=GONE_HEADERS | headers)
    failing(linear)
    assert linear.gate.paused == [("all", length)]


@pytest.mark.parametrize(
    ("reset", "length"),
    [
        ("0", FLOOR),
        ("-1", FLOOR),
        ("9e17", DEFAULT),
        ("99999999999999", CEILING),
        ("x", DEFAULT),
        ("", DEFAULT),
    ],
)
def test_absurd_reset_gets_a_sane_length(linear: LinearRig, reset: str, length: timedelta) -> None:
    linear.issue()
    linear.fault("issue", "rate_limit", headers={"X-RateLimit-Requests-Reset": reset})
    failing(linear)
    assert linear.gate.paused == [("all", length)]


@pytest.mark.parametrize("limit", ["requests", "complexity"])
def test_the_toys_own_budget_is_obeyed(linear: LinearRig, limit: str) -> None:
    linear.issue()
    linear.toy.control("POST", "/linear/drain", {"limit": limit})
    assert isinstance(failing(linear), LimitReached)
    ((scope, length),) = linear.gate.paused
    assert scope == "all" and DEFAULT <= length <= CEILING


@pytest.mark.parametrize("body", [PAGE, "", "{}", refused(code="RATELIMITED")])
def test_limit_of_a_proxy_needs_no_json(linear: LinearRig, body: str) -> None:
    linear.fault("issue", "status", status=429, headers={"Retry-After": "9"}, body=body)
    assert isinstance(failing(linear), LimitReached)
    assert linear.gate.paused == [("all", timedelta(seconds=9))]


def test_overload_that_says_when_to_return_is_a_limit(linear: LinearRig) -> None:
    linear.fault("issue", "status", status=503, headers={"Retry-After": "9"}, body=PAGE)
    assert isinstance(failing(linear), LimitReached)
    assert linear.gate.failures == 0


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (refused("Query too complex", code="INPUT_ERROR", type="invalid input"), TooComplex),
        (refused("Entity not found: Issue", code="INPUT_ERROR", type="invalid input"), Gone),
        (refused("Entity not found: Issue", ["issue"], code="INPUT_ERROR"), Gone),
        (refused(type="lock timeout"), Conflict),
        (refused(code="LOCK_TIMEOUT"), Conflict),
        (refused(type="Internal error"), Conflict),
        (refused(path=["issue"], code="INTERNAL_SERVER_ERROR"), Conflict),
        (refused(type="forbidden"), Forbidden),
        (refused(code="FORBIDDEN"), Forbidden),
        (refused(type="feature not accessible"), Forbidden),
        (refused("Invalid scope: `write` required"), Forbidden),
        (refused("bad field", code="GRAPHQL_VALIDATION_FAILED", type="graphql error"), Rejected),
        (refused(type="usage limit exceeded"), Rejected),
        (refused(), Rejected),
        ('{"errors": [null, 7]}', Rejected),
    ],
)
def test_each_error_has_its_meaning_with_either_status(
    linear: LinearRig, body: str, kind: type[TrackerError], status: int
) -> None:
    linear.fault("issue", "status", status=status, body=body)
    assert type(failing(linear)) is kind
    assert linear.gate.pauses == []


@pytest.mark.fault(32, 33)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, PAGE, ServerFault),
        (400, PAGE, Walled),
        (403, PAGE, Walled),
        (404, PAGE, Walled),
        (200, PAGE, Walled),
        (200, "", ServerFault),
        (302, "", ServerFault),
        (401, PAGE, Unauthorized),
        (502, PAGE, Unreachable),
        (503, PAGE, Unreachable),
        (504, PAGE, Unreachable),
    ],
)
def test_each_status_without_json_has_its_meaning(
    linear: LinearRig, status: int, body: str, kind: type[TrackerError]
) -> None:
    linear.fault("issue", "status", status=status, body=body, headers={"Location": "/login"})
    assert type(failing(linear)) is kind
    assert linear.gate.failures == (kind is Unreachable) and len(linear.calls) == 1


def test_the_toys_refusal_of_a_costly_query_is_final(make_linear: MakeLinear) -> None:
    linear = make_linear(query_complexity_limit=10)
    linear.toy.issue()
    assert isinstance(failing(linear), Rejected)


def test_key_goes_without_bearer(linear: LinearRig) -> None:
    linear.issue()
    assert {request.headers["Authorization"] for request in linear.sent} == {KEY}


def test_refused_key_pauses_everything(linear: LinearRig) -> None:
    linear.issue()
    linear.toy.control("POST", "/linear/revoke")
    linear.forget_calls()
    assert isinstance(failing(linear), Unauthorized)
    assert linear.requests == 1 and linear.gate.paused == [("all", timedelta(minutes=5))]
    assert isinstance(failing(linear), Paused)


@pytest.mark.fault(33)
@pytest.mark.parametrize("status", [200, 400, 401])
def test_refused_key_is_known_by_any_dialect(linear: LinearRig, status: int) -> None:
    body = refused("Authentication required", code="AUTHENTICATION_ERROR", type="authentication error")
    linear.fault("issue", "status", status=status, body=body)
    assert isinstance(failing(linear), Unauthorized)


@pytest.fixture
def minting(make_linear: MakeLinear) -> LinearRig:
    """A service that mints its own tokens."""
    return make_linear(client=True)


def test_token_is_minted_once_and_goes_with_bearer(minting: LinearRig) -> None:
    issue = minting.issue()
    minting.service.read(issue.id, Recall())
    minting.send(issue, say())
    assert operations(minting.calls) == ["oauthToken", "issue", "issue", "commentCreate"]
    assert {request.headers["Authorization"][:17] for request in minting.sent[1:]} == {"Bearer lin_oauth_"}
    assert minting.view(issue)["comments"][0]["author"] == "Sprintwarden"


def test_ended_token_is_minted_anew_and_the_call_repeated_once(minting: LinearRig) -> None:
    issue = minting.issue()
    minting.toy.control("POST", "/linear/revoke", {"key": False})
    minting.forget_calls()
    assert minting.send(issue, say()).comment is not None
    assert operations(minting.calls) == ["unauthenticated", "oauthToken", "commentCreate"]
    assert len(minting.view(issue)["comments"]) == 1 and minting.gate.pauses == []


def test_new_token_that_is_refused_too_ends_the_trying(minting: LinearRig) -> None:
    minting.fault("issue", "status", status=401, times=9)
    assert isinstance(failing(minting), Unauthorized)
    assert operations(minting.calls) == ["oauthToken", "issue"] * 2
    assert minting.gate.paused == [("all", timedelta(minutes=5))]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 400, "body": '{"error": "invalid_scope"}'}, Unauthorized),
        ({"status": 401, "body": '{"error": "invalid_client"}'}, Unauthorized),
        ({"status": 200, "body": "{}"}, Unauthorized),
        ({"status": 200, "body": PAGE}, Walled),
        ({"status": 500, "body": PAGE}, ServerFault),
        ({"status": 502, "body": PAGE}, Unreachable),
        ({"status": 429, "headers": {"Retry-After": "9"}}, LimitReached),
        ({"status": 503, "headers": {"Retry-After": "9"}}, LimitReached),
    ],
)
def test_refused_mint_has_its_meaning(
    minting: LinearRig, fault: dict[str, Any], kind: type[TrackerError]
) -> None:
    minting.fault("oauthToken", "status", **fault)
    assert type(failing(minting)) is kind
    paused = {Unauthorized: timedelta(minutes=5), LimitReached: timedelta(seconds=9)}.get(kind)
    assert minting.gate.paused == ([("all", paused)] if paused else [])
    assert operations(minting.calls) == ["oauthToken"]


def test_refused_connection_is_told_as_unreachable(linear: LinearRig) -> None:
    with pytest.raises(Unreachable):
        linear.another(url=f"http://127.0.0.1:{closed_port()}").read("ENG-1", Recall())
    assert linear.gate.failures == 1 and linear.gate.answers == 0


@pytest.mark.fault(32)
def test_slow_answer_is_not_waited_for(linear: LinearRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.1))
    issue = linear.issue()
    linear.http.timeout = http.TIMEOUT
    linear.fault("commentCreate", "delay_after", seconds=0.4)
    with pytest.raises(Unreachable):
        linear.send(issue, say())
    assert len(linear.view(issue)["comments"]) == 1


@pytest.mark.parametrize("kind", ["reset", "reset_after", "rate_limit", "status"])
@pytest.mark.parametrize("minted", [False, True])
def test_no_error_tells_a_secret_or_the_issues_text(make_linear: MakeLinear, kind: str, minted: bool) -> None:
    linear = make_linear(client=minted)
    issue: Issue = linear.issue()
    linear.fault("commentCreate", kind, status=500, body=SECRET)
    with pytest.raises(TrackerError) as caught:
        linear.send(issue, say())
    held = repr(linear.credentials) + repr(linear.client.__dict__) + repr(linear.service.__dict__)
    token = linear.sent[-1].headers["Authorization"].removeprefix("Bearer ")
    for secret in (KEY, linear.config.client_secret, token, SECRET):
        assert secret not in said_by(caught.value) + held


@pytest.mark.parametrize("given", [{}, {"key": KEY, "client": ("a", "b")}])
def test_credentials_are_of_one_kind(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either"):
        Credentials(**given)


def test_reset_is_read_in_milliseconds(linear: LinearRig) -> None:
    linear.issue()
    then = now_ms() + 60_000
    assert datetime.fromtimestamp(then / 1000, UTC) > datetime.now(UTC)
    linear.fault("issue", "rate_limit", headers={"X-RateLimit-Requests-Reset": str(then)})
    failing(linear)
    assert close(linear.gate.paused[0][1], MINUTE)


def test_what_every_answer_says_is_left_is_told(linear: LinearRig) -> None:
    linear.service.identity()
    assert linear.gate.shares
    assert all(0.9 < share <= 1 for share in linear.gate.shares)
