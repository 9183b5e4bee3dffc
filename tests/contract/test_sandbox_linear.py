"""The toy Linear over real HTTP: who may ask, reading, refusals, limits and faults."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import httpx
import pytest

from sandbox.linear import LinearConfig
from tests.contract import linear_toy
from tests.contract.linear_toy import COMMENT, KEY, LABELS, Toy, running

toy, small = linear_toy.toy, linear_toy.small


# -- who asks ------------------------------------------------------------------------------------


def test_key_is_sent_bare_and_belongs_to_an_app(toy: Toy) -> None:
    viewer = toy.data("{ viewer { id name displayName app organization { id urlKey } } }")["viewer"]
    assert viewer["app"] is True and viewer["organization"]["urlKey"] == "sandbox"
    for wrong in (f"Bearer {KEY}", "other", ""):
        answer = toy.http.post(
            "/graphql", json={"query": "{ viewer { id } }"}, headers={"Authorization": wrong}
        )
        assert answer.status_code == 401
        error = answer.json()["errors"][0]
        assert error["message"] == "Authentication required, not authenticated"
        assert error["extensions"]["code"] == "AUTHENTICATION_ERROR"
        assert error["extensions"]["type"] == "authentication error"


def test_personal_key_may_be_a_persons(small: Toy) -> None:
    assert small.data("{ viewer { name app } }")["viewer"] == {"name": "Robin Person", "app": False}


def granted(toy: Toy, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-client-secret",
        "scope": "read,write",
    }
    return toy.http.post("/oauth/token", data=form | changes, headers={"Authorization": ""})


def test_client_credentials_give_a_token_for_thirty_days(toy: Toy) -> None:
    grant = granted(toy).json()
    assert grant["token_type"] == "Bearer" and grant["expires_in"] == 30 * 24 * 3600
    bearer = {"Authorization": f"Bearer {grant['access_token']}"}
    query = {"query": "{ viewer { app } rateLimitStatus { kind } }"}
    answer = toy.http.post("/graphql", json=query, headers=bearer)
    assert answer.json()["data"] == {"viewer": {"app": True}, "rateLimitStatus": {"kind": "oauthApp"}}
    assert answer.headers["X-RateLimit-Requests-Limit"] == "5000"
    toy.control("POST", "/linear/revoke", {"key": False})
    assert toy.http.post("/graphql", json=query, headers=bearer).status_code == 401
    assert granted(toy).status_code == 200
    assert granted(toy, client_secret="guessed").json()["error"] == "invalid_client"
    assert granted(toy, grant_type="password").status_code == 400


def test_short_lived_token_ends(small: Toy) -> None:
    bearer = {"Authorization": f"Bearer {granted(small).json()['access_token']}"}
    query = {"query": "{ viewer { id } }"}
    assert small.http.post("/graphql", json=query, headers=bearer).status_code == 200
    time.sleep(0.35)
    assert small.http.post("/graphql", json=query, headers=bearer).status_code == 401


def test_revoked_key_comes_back(toy: Toy) -> None:
    toy.control("POST", "/linear/revoke", {})
    assert toy.ask("{ viewer { id } }").status_code == 401
    toy.control("POST", "/linear/restore", {})
    assert toy.ask("{ viewer { id } }").status_code == 200


# -- reading -------------------------------------------------------------------------------------


def test_workspace_is_seeded(toy: Toy) -> None:
    nodes = toy.data(LABELS)["issueLabels"]["nodes"]
    assert {
        (node["name"], (node["parent"] or {}).get("name"), (node["team"] or {}).get("key")) for node in nodes
    } == {
        ("Bug", None, None),
        ("Feature", None, None),
        ("security", None, None),
        ("documentation", None, None),
        ("Area", None, None),
        ("api", "Area", None),
        ("ui", "Area", None),
        ("eng-infra", None, "ENG"),
        ("ops-infra", None, "OPS"),
    }
    teams = toy.data("{ teams { nodes { key activeCycle { number } cyclesEnabled defaultIssueEstimate } } }")
    assert {team["key"] for team in teams["teams"]["nodes"]} == {"ENG", "OPS"}
    cycles = toy.data(
        'query { cycles(filter: {team: {key: {eq: "ENG"}}}) { nodes { number isPrevious isActive isNext } } }'
    )["cycles"]["nodes"]
    assert [(c["number"], c["isPrevious"], c["isActive"], c["isNext"]) for c in reversed(cycles)] == [
        (1, True, False, False),
        (2, False, True, False),
        (3, False, False, True),
    ]


def test_finished_cycles_can_have_a_past() -> None:
    query = """{ cycles(filter: {isPast: {eq: true}}) { nodes {
      number completedAt scopeHistory completedScopeHistory issues { nodes { estimate completedAt } } } } }"""
    with running(LinearConfig(token=KEY, past_cycles=((20, 17), (10, 10)))) as toy:
        first, second = reversed(toy.data(query)["cycles"]["nodes"])
    assert first["scopeHistory"] == [20] * 14
    assert first["completedScopeHistory"][-1] == 17
    assert sum(issue["estimate"] for issue in first["issues"]["nodes"]) == 17
    assert second["completedScopeHistory"][-1] == 10
    assert second["completedAt"]


def test_issue_by_key_and_by_id_with_its_history(toy: Toy) -> None:
    key = toy.issue(body="text", points=3, sprint="active", labels=["Bug"])
    query = """query($id: String!) { issue(id: $id) { id identifier title description estimate createdAt
      addedToCycleAt state { type } cycle { number } creator { name app } botActor { id } labelIds
      labels(first: 5) { nodes { name } } history(first: 9) { nodes { actorId addedLabelIds removedLabelIds
      fromEstimate toEstimate fromCycleId toCycleId updatedDescription } } } }"""
    issue = toy.data(query, id=key)["issue"]
    assert issue == toy.data(query, id=issue["id"])["issue"]
    assert issue["history"]["nodes"] == [] and issue["addedToCycleAt"] == issue["createdAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", issue["createdAt"])
    assert issue["creator"] == {"name": "Robin Person", "app": False}
    toy.control("PATCH", f"/issues/{key}", {"remove_labels": ["Bug"], "points": 5, "sprint": None})
    (entry,) = toy.data(query, id=key)["issue"]["history"]["nodes"]
    assert entry["removedLabelIds"] == [toy.labels()["Bug"]] and entry["addedLabelIds"] is None
    assert (entry["fromEstimate"], entry["toEstimate"], entry["toCycleId"]) == (3, 5, None)
    assert entry["fromCycleId"] and entry["updatedDescription"] is None


def test_issues_by_filter_and_page(toy: Toy) -> None:
    keys = []
    for number in range(5):
        keys.append(toy.issue(f"Number {number}", sprint="active" if number % 2 else None))
        time.sleep(0.002)  # Issues of one millisecond come in no promised order.
    toy.control("PATCH", f"/issues/{keys[0]}", {"add_labels": ["Bug"]})
    query = """query($filter: IssueFilter, $after: String) {
      issues(filter: $filter, first: 2, after: $after, orderBy: updatedAt, includeArchived: true) {
        nodes { identifier updatedAt } pageInfo { hasNextPage endCursor } } }"""

    def found(**filter: Any) -> list[str]:
        keys, after = [], None
        while True:
            page = toy.data(query, filter=filter, after=after)["issues"]
            keys += [node["identifier"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return keys
            after = page["pageInfo"]["endCursor"]

    assert found() == [keys[0], *reversed(keys[1:])]
    cycle = toy.data('{ cycles(filter: {isActive: {eq: true}, team: {key: {eq: "ENG"}}}) { nodes { id } } }')
    cycle_id = cycle["cycles"]["nodes"][0]["id"]
    assert sorted(found(cycle={"id": {"eq": cycle_id}})) == [keys[1], keys[3]]
    assert sorted(found(addedToCyclePeriod={"eq": "during"})) == [keys[1], keys[3]]
    assert found(labels={"length": {"gt": 0}}) == [keys[0]]
    assert found(labels={"some": {"name": {"eq": "Bug"}}}) == [keys[0]]
    assert found(team={"key": {"in": ["OPS"]}}) == []
    assert len(found(updatedAt={"gte": "-PT1H"})) == 5 and found(updatedAt={"gte": "2099-01-01"}) == []
    assert len(found(**{"or": [{"cycle": {"null": True}}, {"title": {"eq": "Number 1"}}]})) == 4


def test_usable_labels_and_one_comment_by_id(toy: Toy) -> None:
    key, other = toy.issue(), str(uuid.uuid4())
    team = toy.data("query($id: String!) { issue(id: $id) { team { id } } }", id=key)["issue"]["team"]["id"]
    query = """query($team: ID) {
      issueLabels(filter: {or: [{team: {id: {eq: $team}}}, {team: {null: true}}]}) { nodes { name } } }"""
    names = {node["name"] for node in toy.data(query, team=team)["issueLabels"]["nodes"]}
    assert "eng-infra" in names and "ops-infra" not in names and "Bug" in names
    toy.control("POST", f"/issues/{key}/comments", {"body": "not this"})
    toy.data(COMMENT, input={"issueId": key, "body": "this", "id": other})
    query = """query($id: String!, $c: ID) { issue(id: $id) { comments(first: 1, filter: {id: {eq: $c}}) {
      nodes { body user { app } } } } }"""
    assert toy.data(query, id=key, c=other)["issue"]["comments"]["nodes"] == [
        {"body": "this", "user": {"app": True}}
    ]


# -- refusals, limits, faults --------------------------------------------------------------------


def test_root_fields_run_in_order_and_a_failure_keeps_what_was_done(toy: Toy) -> None:
    key, ids = toy.issue(), toy.labels()
    query = """mutation($id: String!, $a: String!, $b: String!) {
      one: issueAddLabel(id: $id, labelId: $a) { success }
      two: issueAddLabel(id: $id, labelId: $b) { success }
      three: issueUpdate(id: $id, input: {estimate: 8}) { success } }"""
    answer = toy.ask(query, id=key, a=ids["api"], b=ids["ui"]).json()
    assert answer["data"] is None and [error["path"] for error in answer["errors"]] == [["two"]]
    view = toy.control("GET", f"/issues/{key}")
    assert view["labels"] == ["api"] and view["points"] is None


@pytest.mark.parametrize(
    "query", ["{ nothing }", "{ viewer { id }", "query { issue(id: 3) { id } }", "{ viewer }"]
)
def test_document_that_does_not_fit_is_refused(toy: Toy, query: str) -> None:
    answer = toy.ask(query)
    assert answer.status_code == 400
    extensions = answer.json()["errors"][0]["extensions"]
    assert (extensions["code"], extensions["type"]) == ("GRAPHQL_VALIDATION_FAILED", "graphql error")


def test_input_errors_may_come_with_400(small: Toy) -> None:
    answer = small.ask('{ issue(id: "ENG-99") { id } }')
    assert answer.status_code == 400 and answer.json()["errors"][0]["message"] == "Entity not found: Issue"


def test_costs_are_told_and_a_costly_query_is_refused(toy: Toy) -> None:
    assert (
        toy.ask("{ viewer { id name displayName app organization { id urlKey } } }").headers["X-Complexity"]
        == "3"
    )
    page = "query($n: Int) { issues(first: $n) { nodes { id title description } } }"
    assert toy.ask(page, n=50).headers["X-Complexity"] == "66"
    answer = toy.ask("{ issues(first: 100) { nodes { labels { nodes { id } } comments { nodes { id } } } } }")
    error = answer.json()["errors"][0]
    assert answer.status_code == 400 and error["message"] == "Query too complex"
    assert (
        error["extensions"]["type"] == "invalid input"
        and "10000" in error["extensions"]["userPresentableMessage"]
    )


def test_exhausted_limits_refuse_with_400(small: Toy) -> None:
    assert small.ask("{ issues(first: 250) { nodes { id } } }").status_code == 200
    costly = small.ask("{ issues(first: 250) { nodes { id } } }")
    assert costly.status_code == 400 and "complexity" in costly.json()["errors"][0]["message"]
    answers = [small.ask("{ viewer { id } }") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    error = answers[-1].json()["errors"][0]
    assert error["message"] == "Rate limit exceeded. Only 3 requests are allowed per 1 hour."
    assert error["extensions"]["code"] == "RATELIMITED" and error["extensions"]["type"] == "ratelimited"
    assert answers[-1].headers["X-RateLimit-Requests-Remaining"] == "0"
    assert int(answers[-1].headers["X-RateLimit-Requests-Reset"]) > time.time() * 1000


@pytest.mark.parametrize("status", [500, 429, 200])
def test_scripted_rate_limit_of_an_endpoint(toy: Toy, status: int) -> None:
    key = toy.issue()
    fault = {
        "operation": "commentCreate",
        "kind": "rate_limit",
        "reason": "endpoint",
        "seconds": 30,
        "issue": key,
    }
    toy.control("POST", "/faults", fault | {"status": status, "headers": {"Retry-After": "30"}})
    answer = toy.ask(COMMENT, input={"issueId": key, "body": "x"})
    assert answer.status_code == (400 if status == 500 else status)
    assert answer.json()["errors"][0]["extensions"]["code"] == "RATELIMITED"
    assert answer.headers["X-RateLimit-Endpoint-Name"] == "commentCreate"
    assert answer.headers["X-RateLimit-Endpoint-Requests-Remaining"] == "0"
    assert 25_000 < int(answer.headers["X-RateLimit-Endpoint-Requests-Reset"]) - time.time() * 1000 < 31_000
    assert answer.headers["Retry-After"] == "30"
    assert toy.control("GET", f"/issues/{key}")["comments"] == []
    toy.data(COMMENT, input={"issueId": key, "body": "x"})


def test_scripted_failures_of_one_field_and_of_the_connection(toy: Toy) -> None:
    key = toy.issue()
    lock = {"operation": "commentCreate", "kind": "rate_limit", "reason": "lock timeout"}
    toy.control("POST", "/faults", lock)
    assert toy.refusal(COMMENT, input={"issueId": key, "body": "x"})["extensions"]["type"] == "lock timeout"
    toy.control("POST", "/faults", lock | {"reason": "internal error"})
    assert toy.refusal(COMMENT, input={"issueId": key, "body": "x"})["extensions"]["type"] == "internal error"
    toy.control("POST", "/faults", {"operation": "comment.*", "kind": "reset_after"})
    with pytest.raises(httpx.TransportError):
        toy.ask(COMMENT, input={"issueId": key, "body": "x"})
    assert len(toy.control("GET", f"/issues/{key}")["comments"]) == 1
    toy.control("POST", "/faults", {"operation": "oauthToken", "kind": "status", "status": 503})
    assert granted(toy).status_code == 503


def test_calls_are_counted_by_root_field(toy: Toy) -> None:
    key = toy.issue()
    toy.control("DELETE", "/calls")
    toy.ask("{ viewer { id } rateLimitStatus { kind } }")
    toy.data(COMMENT, input={"issueId": key, "body": "x"})
    log = toy.control("GET", "/calls")
    assert log["counts"] == {"viewer": 1, "rateLimitStatus": 1, "commentCreate": 1}
    assert [(call["issue"], call["write"]) for call in log["calls"]] == [(None, False)] * 2 + [(key, True)]


def test_page_shows_issues_and_cycles(toy: Toy) -> None:
    key = toy.issue("<b>Loud</b>")
    text = toy.http.get("/").text
    assert key in text and "&lt;b&gt;Loud" in text and "ENG cycle 2: active" in text
