"""The toy Jira over real HTTP: REST answers, their shapes and quirks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract import jira_site
from tests.contract.jira_site import POINTS, SPRINT, Make, Site

make, site, server = jira_site.make, jira_site.site, jira_site.server


def test_cloud_takes_a_bad_token_for_an_anonymous_visitor(site: Site) -> None:
    site.issue()
    with httpx.Client(base_url=site.url, auth=(site.config.email, "wrong")) as visitor:
        assert visitor.get("/rest/api/2/myself").status_code == 401
        hidden = visitor.get("/rest/api/2/issue/ABC-1")
        assert (hidden.status_code, visitor.put("/rest/api/2/issue/ABC-1", json={}).status_code) == (404, 404)
        assert visitor.get("/rest/api/2/serverInfo").json()["deploymentType"] == "Cloud"
        assert visitor.get("/rest/api/3/search/jql", params={"jql": "project = ABC"}).json()["issues"] == []
    gone = site.api.get("/rest/api/2/issue/ABC-99")
    assert hidden.json() == gone.json()
    assert gone.json() == {
        "errorMessages": ["Issue does not exist or you do not have permission to see it."],
        "errors": {},
    }


def test_data_center_refuses_a_bad_token(server: Site) -> None:
    server.issue()
    for path in ("myself", "issue/ABC-1", "serverInfo"):
        bad = httpx.get(f"{server.url}/rest/api/2/{path}", headers={"Authorization": "Bearer wrong"})
        assert bad.status_code == 401
    assert server.api.get("/rest/api/2/serverInfo").json()["deploymentType"] == "Server"


def test_users_are_known_by_account_id_or_by_name(site: Site, server: Site) -> None:
    cloud, own = site.api.get("/rest/api/2/myself").json(), server.api.get("/rest/api/2/myself").json()
    assert {"accountId", "accountType"} <= set(cloud)
    assert not {"name", "key"} & set(cloud)
    assert {"name", "key"} <= set(own)
    assert "accountId" not in own


def test_fields_are_found_by_schema(site: Site, server: Site) -> None:
    custom = {f["schema"].get("custom"): f for f in site.api.get("/rest/api/2/field").json()}
    assert custom["com.pyxis.greenhopper.jira:gh-sprint"]["schema"]["items"] == "json"
    assert custom["com.pyxis.greenhopper.jira:jsw-story-points"]["name"] == "Story point estimate"
    assert custom["com.atlassian.jira.plugin.system.customfieldtypes:float"]["id"] == POINTS
    theirs = {f["schema"].get("custom"): f for f in server.api.get("/rest/api/2/field").json()}
    assert theirs["com.pyxis.greenhopper.jira:gh-sprint"]["schema"]["items"] == "string"
    assert "com.pyxis.greenhopper.jira:jsw-story-points" not in theirs


def test_permissions_must_be_named_on_cloud(make: Make) -> None:
    site = make(may_suppress_mail=False)
    assert site.api.get("/rest/api/2/mypermissions").status_code == 400
    asked = site.api.get(
        "/rest/api/2/mypermissions", params={"permissions": "EDIT_ISSUES,ADMINISTER_PROJECTS"}
    )
    granted = {key: one["havePermission"] for key, one in asked.json()["permissions"].items()}
    assert granted == {"EDIT_ISSUES": True, "ADMINISTER_PROJECTS": False}


# Reading and editing issues


def test_fields_and_properties_are_given_as_asked(site: Site) -> None:
    site.issue(labels=["a"], body="h1. Text")
    site.api.put("/rest/api/2/issue/ABC-1/properties/p1", json={"x": 1})
    read = site.api.get("/rest/api/2/issue/ABC-1", params={"fields": "labels,description,nonsense"}).json()
    assert read["fields"] == {"labels": ["a"], "description": "h1. Text"}
    assert "properties" not in read
    asked = site.api.get(
        "/rest/api/2/issue/10000", params={"properties": "p1,p2", "fields": "comment"}
    ).json()
    assert asked["properties"] == {"p1": {"x": 1}}
    assert asked["fields"] == {"comment": {"comments": [], "maxResults": 50, "total": 0, "startAt": 0}}


def test_label_operations_are_atomic_and_quiet_when_nothing_changes(site: Site) -> None:
    before = site.issue(labels=["a", "b"])
    assert site.labels("ABC-1", {"add": "a"}, {"remove": "zz"}).status_code == 204
    assert site.control("GET", "issues/ABC-1")["updated"] == before["updated"]
    assert site.names() == ["jira:issue_created"]
    site.labels("ABC-1", {"add": "c"}, {"remove": "a"})
    view = site.control("GET", "issues/ABC-1")
    assert (view["labels"], view["bot_labels"]) == (["b", "c"], ["c"])
    assert view["updated"] > before["updated"]
    (_, call) = site.control("GET", "calls")["calls"]
    assert call["detail"]["labels_added"] == ["c"]
    assert call["detail"]["labels_removed"] == ["a"]


def test_updated_grows_with_every_change_even_within_a_millisecond(site: Site) -> None:
    site.control("POST", "clock", {"at": "2026-04-25T18:35:13.605Z"})
    stamps = [site.issue()["updated"]]
    stamps += [site.control("PATCH", "issues/ABC-1", {"title": f"T{n}"})["updated"] for n in range(3)]
    assert stamps[0] == "2026-04-25T18:35:13.605+0000"
    assert stamps[1:] == [f"2026-04-25T18:35:13.60{n}+0000" for n in (6, 7, 8)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"update": {"labels": [{"add": "two words"}]}}, "labels"),
        ({"update": {"labels": [{"add": "x" * 256}]}}, "labels"),
        ({"update": {"labels": [{"add": "a"}]}, "fields": {"labels": ["b"]}}, "labels"),
        ({"update": {"labels": [{"frob": "a"}]}}, "labels"),
        ({"fields": {"customfield_99999": 1}}, "customfield_99999"),
        ({"fields": {"components": ["API"]}}, "components"),
        ({"fields": {"components": [{"name": "Nowhere"}]}}, "components"),
        ({"fields": {"summary": ""}}, "summary"),
        ({"fields": {POINTS: "five"}}, POINTS),
        ({"fields": {"customfield_10016": 5}}, "customfield_10016"),
        ({"fields": {SPRINT: 77}}, SPRINT),
        ({"fields": {"status": {"id": "10001"}}}, "status"),
    ],
)
def test_bad_edits_are_refused_by_field_and_change_nothing(
    site: Site, body: dict[str, Any], field: str
) -> None:
    site.issue()
    refused = site.api.put("/rest/api/2/issue/ABC-1", json=body)
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {field}
    assert site.names() == ["jira:issue_created"]


def test_an_edit_can_carry_properties_and_give_the_issue_back_on_cloud(site: Site, server: Site) -> None:
    body = {"update": {"labels": [{"add": "x"}]}, "properties": [{"key": "mark", "value": {"why": 1}}]}
    for place, status in ((site, 200), (server, 204)):
        place.issue()
        answer = place.api.put("/rest/api/2/issue/ABC-1", params={"returnIssue": "true"}, json=body)
        assert answer.status_code == status
        assert place.control("GET", "issues/ABC-1")["properties"] == {"mark": {"why": 1}}
    assert site.names() == ["jira:issue_created", "jira:issue_updated", "issue_property_set"]


@pytest.mark.parametrize(("refusal", "status", "mail"), [("refuse", 403, None), ("ignore", 204, True)])
def test_silence_needs_a_permission(make: Make, refusal: Any, status: int, mail: bool | None) -> None:
    site = make(may_suppress_mail=False, mail_refusal=refusal)
    site.issue()
    assert site.labels("ABC-1", {"add": "x"}, notifyUsers="false").status_code == status
    (call,) = site.control("GET", "calls")["calls"]
    assert call["detail"].get("mail") is mail


def test_mail_is_told_in_the_log(site: Site) -> None:
    site.issue()
    site.labels("ABC-1", {"add": "x"}, notifyUsers="false")
    site.labels("ABC-1", {"add": "y"})
    site.labels("ABC-1", {"add": "y"})
    assert [call["detail"]["mail"] for call in site.control("GET", "calls")["calls"]] == [False, True, False]


def test_creation_asks_for_its_required_fields(site: Site) -> None:
    empty = site.api.post("/rest/api/2/issue", json={"fields": {}})
    assert (empty.status_code, set(empty.json()["errors"])) == (400, {"project", "summary", "issuetype"})
    fields = {"project": {"key": "ABC"}, "summary": "S", "issuetype": {"name": "Bug"}, "labels": ["l"]}
    made = site.api.post("/rest/api/2/issue", json={"fields": fields})
    assert made.status_code == 201
    assert made.json()["key"] == "ABC-1"
    child = {**fields, "issuetype": {"name": "Sub-task"}}
    assert set(site.api.post("/rest/api/2/issue", json={"fields": child}).json()["errors"]) == {"parent"}
    child["parent"] = {"key": "ABC-1"}
    assert site.api.post("/rest/api/2/issue", json={"fields": child}).status_code == 201
    assert site.api.delete("/rest/api/2/issue/ABC-1").status_code == 204
    assert site.api.get("/rest/api/2/issue/ABC-2").status_code == 404


def test_a_transition_sets_the_resolution(site: Site) -> None:
    site.issue()
    path = "/rest/api/2/issue/ABC-1/transitions"
    assert [one["name"] for one in site.api.get(path).json()["transitions"]] == [
        "To Do",
        "In Progress",
        "Done",
    ]
    assert site.api.post(path, json={"transition": {"id": "99"}}).status_code == 400
    assert site.api.post(path, json={"transition": {"id": "31"}}).status_code == 204
    event = site.events()[-1]
    assert event["issue_event_type_name"] == "issue_generic"
    assert [item["fieldId"] for item in event["changelog"]["items"]] == ["resolution", "status"]


def test_properties_come_and_go(site: Site) -> None:
    site.issue()
    path = "/rest/api/2/issue/ABC-1/properties"
    assert [site.api.put(f"{path}/p", json=[n]).status_code for n in (1, 2)] == [201, 200]
    assert site.api.get(f"{path}/p").json() == {"key": "p", "value": [2]}
    assert [one["key"] for one in site.api.get(path).json()["keys"]] == ["p"]
    assert site.api.put(f"{path}/q", json="x" * 40_000).status_code == 400
    assert [site.api.delete(f"{path}/p").status_code for _ in range(2)] == [204, 404]


def test_writes_to_one_issue_are_limited_on_cloud(site: Site, server: Site) -> None:
    for place in (site, server):
        place.issue()
        place.issue()
        statuses = [place.labels("ABC-1", {"add": f"l{n}"}).status_code for n in range(21)]
        assert statuses[:20] == [204] * 20
        assert statuses[20] == (429 if place is site else 204)
    refused = site.labels("ABC-1", {"add": "z"})
    assert refused.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert refused.headers["Retry-After"] in ("1", "2")
    assert site.labels("ABC-2", {"add": "z"}).status_code == 204


# Comments


def test_comments_are_written_found_and_marked(site: Site) -> None:
    site.issue()
    path = "/rest/api/2/issue/ABC-1/comment"
    mark = {"key": "mark", "value": {"topic": "t"}}
    made = site.api.post(path, json={"body": "Hello", "properties": [mark]})
    id_ = made.json()["id"]
    assert made.status_code == 201
    assert site.api.get(f"/rest/api/2/comment/{id_}/properties/mark").json() == mark
    assert site.api.put(f"/rest/api/2/comment/{id_}/properties/mark", json=2).status_code == 200
    listed = site.api.post(
        "/rest/api/2/comment/list", params={"expand": "properties"}, json={"ids": [int(id_), 5]}
    )
    assert [one["properties"] for one in listed.json()["values"]] == [[{"key": "mark", "value": 2}]]
    edited = site.api.put(f"{path}/{id_}", json={"body": "Better"}).json()
    assert edited["updated"] > edited["created"]
    assert site.api.put(f"{path}/{id_}", json={"body": "Better"}).json()["updated"] == edited["updated"]
    assert site.api.get(f"{path}/{id_}").json() == edited
    assert site.api.delete(f"{path}/{id_}").status_code == 204
    assert site.api.put(f"{path}/{id_}", json={"body": "x"}).status_code == 404
    assert site.names() == ["jira:issue_created", "comment_created", "comment_updated", "comment_deleted"]


def test_comments_have_limits(site: Site) -> None:
    site.issue()
    path = "/rest/api/2/issue/ABC-1/comment"
    sizes = {0: 400, 32_767: 201, 32_768: 413}
    assert {size: site.api.post(path, json={"body": "x" * size}).status_code for size in sizes} == sizes


def test_comments_are_paged(make: Make) -> None:
    site = make(page_size=2)
    site.issue()
    for n in range(3):
        site.control("POST", "issues/ABC-1/comments", {"body": str(n), "actor": "Sam Writer"})
    page = site.api.get("/rest/api/2/issue/ABC-1/comment", params={"startAt": "2", "maxResults": "9"}).json()
    assert (page["total"], page["maxResults"], [c["body"] for c in page["comments"]]) == (3, 2, ["2"])
    newest = site.api.get("/rest/api/2/issue/ABC-1/comment", params={"orderBy": "-created"}).json()
    assert [c["body"] for c in newest["comments"]] == ["2", "1"]
    assert site.api.get("/rest/api/2/issue/ABC-1?fields=comment").json()["fields"]["comment"]["total"] == 3


def test_service_project_comments_can_be_internal(site: Site) -> None:
    site.issue(project="HELP", actor="Ada Customer")
    hidden = [{"key": "sd.public.comment", "value": {"internal": True}}]
    made = site.api.post("/rest/api/2/issue/HELP-1/comment", json={"body": "x", "properties": hidden}).json()
    assert made["jsdPublic"] is False
    assert site.control("GET", "issues/HELP-1")["comments"][0]["internal"] is True
    issue = site.api.get("/rest/api/2/issue/HELP-1").json()["fields"]
    assert issue["project"]["projectTypeKey"] == "service_desk"
    assert issue["creator"]["accountType"] == "customer"


def test_a_person_can_delete_our_comment(site: Site) -> None:
    site.issue()
    id_ = site.api.post("/rest/api/2/issue/ABC-1/comment", json={"body": "x"}).json()["id"]
    site.control("DELETE", f"comments/{id_}")
    assert site.control("GET", "issues/ABC-1")["comments"] == []


# Search


def test_cloud_search_gives_ids_and_pages_by_token(make: Make) -> None:
    site = make(page_size=2)
    for _ in range(3):
        site.issue()
    asked = {"jql": "project = ABC order by created asc"}
    first = site.api.get("/rest/api/3/search/jql", params=asked).json()
    assert first["issues"] == [{"id": "10000"}, {"id": "10001"}]
    assert first["isLast"] is False
    assert "total" not in first
    more = asked | {"nextPageToken": first["nextPageToken"], "fields": ["summary"]}
    last = site.api.post("/rest/api/2/search/jql", json=more).json()
    assert [issue["key"] for issue in last["issues"]] == ["ABC-3"]
    assert last["issues"][0]["fields"] == {"summary": "Broken"}
    assert last["isLast"] is True
    assert "nextPageToken" not in last
    wrong = {"jql": "project = OPS", "nextPageToken": first["nextPageToken"]}
    assert site.api.get("/rest/api/3/search/jql", params=wrong).status_code == 400
    count = site.api.post("/rest/api/3/search/approximate-count", json={"jql": "project = ABC"})
    assert count.json() == {"count": 3}


@pytest.mark.parametrize(
    ("jql", "status"),
    [
        ("", 400),
        ("order by created", 400),
        ("project = ABC AND assignee = me", 400),
        ("project = ABC order by rank", 400),
        ("project in (ABC", 400),
        ("updated >= yesterday", 400),
        ("project = ABC OR", 400),
        ("(project = ABC", 400),
        ('(project = ABC OR NOT status = "To Do") AND labels is EMPTY order by key', 200),
        ('project in ("ABC", OPS) AND updated >= "-10m" ORDER BY updated DESC', 200),
        ('updated >= "2026/11/22 10:00" and key in (ABC-1)', 200),
    ],
)
def test_jql_is_understood_or_refused(site: Site, jql: str, status: int) -> None:
    assert site.api.get("/rest/api/3/search/jql", params={"jql": jql}).status_code == status


def test_jql_times_are_in_the_zone_of_the_account(make: Make) -> None:
    for zone, found in (("Etc/UTC", 0), ("Asia/Tokyo", 1)):
        site = make(bot_zone=zone)
        site.control("POST", "clock", {"at": "2026-11-22T09:00:00Z"})
        site.issue()
        answer = site.api.get(
            "/rest/api/3/search/jql", params={"jql": 'updated >= "2026-11-22 10:00"'}
        ).json()
        assert len(answer["issues"]) == found


def test_search_lags_unless_reconciled(make: Make) -> None:
    site = make(search_lag=60)
    site.issue()
    asked = {"jql": "project = ABC"}
    assert site.api.get("/rest/api/3/search/jql", params=asked).json()["issues"] == []
    fresh = site.api.post("/rest/api/3/search/jql", json=asked | {"reconcileIssues": [10000]}).json()
    assert fresh["issues"] == [{"id": "10000"}]


def test_classic_search_is_gone_on_cloud_and_the_only_one_on_data_center(site: Site, server: Site) -> None:
    server.issue(labels=["a"])
    asked = {"jql": "project = ABC", "maxResults": "1", "expand": "changelog"}
    assert site.api.get("/rest/api/2/search", params=asked).status_code == 410
    assert site.api.post("/rest/api/3/search", json=asked).status_code == 410
    found = server.api.get("/rest/api/2/search", params=asked).json()
    assert (found["total"], found["startAt"]) == (1, 0)
    assert found["issues"][0]["fields"]["labels"] == ["a"]
    assert "changelog" in found["issues"][0]
    assert server.api.get("/rest/api/2/search/jql", params=asked).status_code == 404
    assert server.api.get("/rest/api/3/myself").status_code == 404
