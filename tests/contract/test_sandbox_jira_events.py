"""The toy Jira over real HTTP: sprints, webhooks, faults and the page."""

from __future__ import annotations

import hashlib
import hmac
import json

import httpx
import pytest

from tests.contract import jira_site
from tests.contract.jira_site import POINTS, SPRINT, Make, Site

make, site, server = jira_site.make, jira_site.site, jira_site.server


# Boards and sprints


def test_boards_tell_how_they_estimate(make: Make) -> None:
    site = make(team_managed=("OPS",))
    boards = site.api.get("/rest/agile/1.0/board", params={"projectKeyOrId": "ABC"}).json()
    assert [(b["id"], b["type"]) for b in boards["values"]] == [(1, "scrum")]
    assert site.api.get("/rest/agile/1.0/board?type=simple").json()["values"][0]["id"] == 2
    field = site.api.get("/rest/agile/1.0/board/1/configuration").json()["estimation"]["field"]
    assert field == {"fieldId": POINTS, "displayName": "Story Points"}
    assert "estimation" not in site.api.get("/rest/agile/1.0/board/2/configuration").json()
    site.issue(project="OPS", points=3)
    assert site.api.get("/rest/api/2/issue/OPS-1").json()["fields"]["customfield_10016"] == 3
    assert site.api.get("/rest/agile/1.0/board/9").status_code == 404


def test_a_sprint_goes_from_future_to_active_to_closed(site: Site) -> None:
    id_ = site.sprint()
    path = f"/rest/agile/1.0/sprint/{id_}"
    assert site.api.post(path, json={"state": "active"}).status_code == 400
    dates = {"startDate": "2026-11-02T09:00:00.000+0100", "endDate": "2026-11-16T08:00:00Z"}
    assert site.api.post(path, json=dates).json()["startDate"] == "2026-11-02T08:00:00.000Z"
    assert site.api.post(path, json={"state": "closed"}).status_code == 400
    assert site.api.post(path, json={"state": "active"}).json()["state"] == "active"
    assert "completeDate" in site.api.post(path, json={"state": "closed"}).json()
    assert site.api.post(path, json={"goal": "late"}).status_code == 400
    assert site.names() == [
        "sprint_created",
        "sprint_updated",
        "sprint_started",
        "sprint_updated",
        "sprint_closed",
    ]
    started = site.events()[3]
    assert (started["oldValue"]["state"], started["sprint"]["state"]) == ("future", "active")
    assert all("user" not in event and "createdDate" not in event["sprint"] for event in site.events())
    listed = site.api.get("/rest/agile/1.0/board/1/sprint", params={"state": "closed"}).json()
    assert [sprint["id"] for sprint in listed["values"]] == [id_]
    assert "total" not in listed


def test_closing_carries_unfinished_work_over(site: Site) -> None:
    first, second = site.sprint(start=True), site.sprint(name="S2")
    site.issue(sprint="S1")
    site.issue(sprint=first)
    site.control("PATCH", "issues/ABC-2", {"status": "Done"})
    site.api.post(f"/rest/agile/1.0/sprint/{first}", json={"state": "closed"})
    event = site.events()[-1]
    (item,) = event["changelog"]["items"]
    assert (item["field"], item["fieldId"], item["fieldtype"]) == ("Sprint", SPRINT, "custom")
    assert (item["from"], item["to"]) == (str(first), f"{first}, {second}")
    assert (item["fromString"], item["toString"]) == ("S1", "S1, S2")
    flows = [
        headers["X-Atlassian-Webhook-Flow"] for headers, body, _ in site.got if json.loads(body) == event
    ]
    assert flows == ["Secondary"]
    in_first = site.api.get(f"/rest/agile/1.0/sprint/{first}/issue").json()
    assert [issue["key"] for issue in in_first["issues"]] == ["ABC-1", "ABC-2"]
    fields = in_first["issues"][0]["fields"]
    assert (fields["sprint"]["id"], [s["id"] for s in fields["closedSprints"]]) == (second, [first])
    asked = {"jql": "key = ABC-2", "fields": "status"}
    board = site.api.get(f"/rest/agile/1.0/board/1/sprint/{first}/issue", params=asked).json()
    assert [set(issue["fields"]) for issue in board["issues"]] == [{"status"}]


def test_issues_move_fifty_at_a_time_and_subtasks_follow(site: Site) -> None:
    id_ = site.sprint()
    site.issue()
    fields = {
        "project": {"key": "ABC"},
        "summary": "S",
        "issuetype": {"name": "Sub-task"},
        "parent": {"key": "ABC-1"},
    }
    site.api.post("/rest/api/2/issue", json={"fields": fields})
    path = f"/rest/agile/1.0/sprint/{id_}/issue"
    assert site.api.post(path, json={"issues": ["ABC-1"] * 51}).status_code == 400
    assert site.api.post(path, json={"issues": ["ABC-2"]}).status_code == 400
    assert site.api.post(path, json={"issues": ["ABC-1"]}).status_code == 204
    child = site.api.get("/rest/api/2/issue/ABC-2").json()["fields"]
    assert [sprint["id"] for sprint in child[SPRINT]] == [id_]
    site.api.put("/rest/api/2/issue/ABC-1", json={"fields": {SPRINT: None}})
    assert site.api.get(path).json()["total"] == 0


def test_the_sprint_field_is_objects_on_cloud_and_texts_on_data_center(site: Site, server: Site) -> None:
    for place in (site, server):
        place.sprint(start=True, name="S, [1]")
        place.issue(sprint="S, [1]")
    (value,) = site.api.get("/rest/api/2/issue/ABC-1").json()["fields"][SPRINT]
    assert (value["id"], value["state"], value["boardId"]) == (1, "active", 1)
    (text,) = server.api.get("/rest/api/2/issue/ABC-1").json()["fields"]["customfield_10104"]
    assert text.startswith("com.atlassian.greenhopper.service.sprint.Sprint@")
    for part in ("id=1,", "state=ACTIVE,", "name=S, [1],", "completeDate=<null>", "+02:00"):
        assert part in text


# Webhooks


def test_cloud_events_are_signed_and_echoes_are_sent_too(site: Site) -> None:
    site.issue(labels=["a"])
    site.labels("ABC-1", {"add": "b"})
    created, updated = site.events()
    assert {item["fieldId"] for item in created["changelog"]["items"]} >= {"summary", "status", "labels"}
    assert created["issue_event_type_name"] == "issue_created"
    assert isinstance(created["timestamp"], int)
    (item,) = updated["changelog"]["items"]
    assert item | {"fieldtype": "jira", "from": None, "to": None} == item
    assert (item["field"], item["fieldId"], item["fromString"], item["toString"]) == (
        "labels",
        "labels",
        "a",
        "a b",
    )
    assert updated["user"]["displayName"] == site.config.bot_name
    assert created["user"]["displayName"] == "Robin Person"
    for headers, body, _ in site.got:
        assert headers["X-Hub-Signature"] == f"sha256={hmac.new(b's3', body, hashlib.sha256).hexdigest()}"
        assert headers["User-Agent"] == "Atlassian Webhook HTTP Client"
        assert headers["X-Atlassian-Webhook-Flow"] == "Primary"
        assert "X-Atlassian-Webhook-Retry" not in headers


def test_cloud_retries_what_it_should_with_one_identifier(site: Site) -> None:
    site.answers = [503]
    site.issue()
    site.events()
    (first, body, _), (second, again, _) = site.got
    assert body == again
    assert first["X-Atlassian-Webhook-Identifier"] == second["X-Atlassian-Webhook-Identifier"]
    assert ("X-Atlassian-Webhook-Retry" in first, second["X-Atlassian-Webhook-Retry"]) == (False, "1")
    site.answers = [401]
    site.issue()
    site.events()
    assert [d["attempts"] for d in site.control("GET", "deliveries")] == [2, 1]
    site.control("POST", "deliveries/2/again", {"forged": True})
    site.events()
    assert site.got[-1][1] == site.got[-2][1]
    assert site.got[-1][0]["X-Hub-Signature"] != site.got[-2][0]["X-Hub-Signature"]


def test_data_center_events_lack_ids_and_tell_comments_twice(server: Site) -> None:
    server.listen("me:pw", "basic")
    server.issue(points=5)
    server.control("PATCH", "issues/ABC-1", {"points": 8})
    server.control("POST", "issues/ABC-1/comments", {"body": "hi"})
    created, updated, comment, twin = server.events()
    assert "changelog" not in created
    (item,) = updated["changelog"]["items"]
    assert item | {"fieldtype": "custom", "from": None, "to": None} == item
    assert (item["field"], item["fromString"], item["toString"]) == ("Story Points", "5.0", "8.0")
    assert "fieldId" not in item
    assert comment["webhookEvent"] == "comment_created"
    assert not {"issue", "user"} & set(comment)
    assert "/issue/10000/comment/" in comment["comment"]["self"]
    assert (twin["webhookEvent"], twin["issue_event_type_name"]) == ("jira:issue_updated", "issue_commented")
    assert "changelog" not in twin
    headers = server.got[0][0]
    assert headers["Authorization"].startswith("Basic ")
    assert not {"X-Hub-Signature", "X-Atlassian-Webhook-Identifier"} & set(headers)


def test_cloud_comment_events_name_no_user_and_trim_the_issue(site: Site) -> None:
    site.issue()
    site.control("POST", "issues/ABC-1/comments", {"body": "hi"})
    event = site.events()[-1]
    assert "user" not in event
    assert set(event["issue"]["fields"]) == {
        "summary",
        "issuetype",
        "project",
        "assignee",
        "priority",
        "status",
    }


def test_the_token_rides_in_the_url_and_quiet_issues_send_nothing(site: Site) -> None:
    site.listen("t0k", "token")
    site.issue(quiet=True)
    site.control("DELETE", "issues/ABC-1")
    (event,) = site.events()
    assert event["webhookEvent"] == "jira:issue_deleted"
    assert not {"changelog", "issue_event_type_name"} & set(event)
    assert site.got[0][2] == "token=t0k"
    site.control("DELETE", "webhook")
    site.issue()
    assert len(site.events()) == 1


def test_history_is_told_by_changelog_and_expand(site: Site, server: Site) -> None:
    for place in (site, server):
        place.issue()
        for title in ("B", "C"):
            place.control("PATCH", "issues/ABC-1", {"title": title})
    page = site.api.get("/rest/api/2/issue/ABC-1/changelog", params={"maxResults": "1"}).json()
    assert (page["total"], page["isLast"], page["values"][0]["items"][0]["toString"]) == (2, False, "B")
    for place, order in ((site, ["C", "B"]), (server, ["B", "C"])):
        log = place.api.get("/rest/api/2/issue/ABC-1", params={"expand": "changelog"}).json()["changelog"]
        assert [entry["items"][0]["toString"] for entry in log["histories"]] == order
    assert server.api.get("/rest/api/2/issue/ABC-1/changelog").status_code == 404


# Faults, the log, the page


@pytest.mark.parametrize("reason", ["jira-quota-tenant-based", "jira-burst-based"])
def test_rate_limits_speak_jira(site: Site, server: Site, reason: str) -> None:
    for place in (site, server):
        fault = {
            "operation": "GET issue",
            "kind": "rate_limit",
            "reason": reason,
            "headers": {"Retry-After": "0"},
        }
        place.issue()
        place.control("POST", "faults", fault)
        refused = place.api.get("/rest/api/2/issue/ABC-1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "0")
        assert refused.headers.get("RateLimit-Reason") == (reason if place is site else None)
        assert place.api.get("/rest/api/2/issue/ABC-1").status_code == 200
    assert site.control("GET", "calls")["counts"] == {"GET issue": 2}


def test_a_write_can_be_accepted_and_then_cut(site: Site) -> None:
    site.issue()
    site.control("POST", "faults", {"operation": "POST comment", "kind": "reset_after", "issue": "ABC-1"})
    with pytest.raises(httpx.TransportError):
        site.api.post("/rest/api/2/issue/ABC-1/comment", json={"body": "once"})
    assert len(site.control("GET", "issues/ABC-1")["comments"]) == 1
    (call,) = site.control("GET", "calls")["calls"]
    assert (call["status"], call["write"], call["detail"]["fault"]) == (201, True, "reset_after")


def test_unknown_addresses_are_logged_and_control_refuses_nonsense(site: Site) -> None:
    assert site.api.get("/rest/api/2/nonsense").status_code == 404
    assert site.control("GET", "calls")["counts"] == {"GET unknown": 1}
    for body in (
        {"project": "ABC"},
        {"project": "NO", "title": "t"},
        {"project": "ABC", "title": "t", "colour": 1},
    ):
        assert httpx.post(f"{site.url}/_sandbox/issues", json=body).status_code == 400
    assert httpx.get(f"{site.url}/_sandbox/issues/ABC-1").status_code == 404


def test_the_account_of_the_token_can_also_act_as_a_person(site: Site) -> None:
    site.issue()
    view = site.control("PATCH", "issues/ABC-1", {"add_labels": ["mine"], "actor": site.config.bot_name})
    assert view["labels"] == ["mine"]
    assert site.control("GET", "calls")["calls"] == []


def test_the_page_shows_issues_and_sprints(site: Site) -> None:
    site.sprint(start=True)
    site.issue(title="<b>", sprint="S1", labels=["x"])
    html = httpx.get(site.url).text
    assert "&lt;b&gt;" in html
    assert "S1: active, 1 issues" in html
