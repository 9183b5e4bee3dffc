"""What the toys serve of the past: Jira's bulk changelogs and ordering, Linear's pages from the end."""

from __future__ import annotations

from typing import Any

from tests.contract import jira_site, linear_toy
from tests.contract.jira_site import Site
from tests.contract.linear_toy import Toy

make, site, server, toy = jira_site.make, jira_site.site, jira_site.server, linear_toy.toy

BULK = "/rest/api/2/changelog/bulkfetch"


def told(log: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (
            issue["issueId"],
            [item["toString"] for entry in issue["changeHistories"] for item in entry["items"]],
        )
        for issue in log["issueChangeLogs"]
    ]


def test_changelogs_of_many_issues_come_oldest_first_in_pages(site: Site) -> None:
    for key in ("ABC-1", "ABC-2"):
        site.issue()
        site.control("PATCH", f"issues/{key}", {"title": "B", "body": "b"})
    site.control("PATCH", "issues/ABC-1", {"priority": "Low"})
    asked: dict[str, Any] = {"issueIdsOrKeys": ["ABC-1", "10001"]}
    whole = site.api.post(BULK, json=asked).json()
    assert told(whole) == [("10000", ["B", "b", "Low"]), ("10001", ["B", "b"])]
    titles = site.api.post(BULK, json=asked | {"fieldIds": ["summary"]}).json()
    assert told(titles) == [("10000", ["B"]), ("10001", ["B"])]
    first = site.api.post(BULK, json=asked | {"maxResults": 2}).json()
    last = site.api.post(BULK, json=asked | {"maxResults": 2, "nextPageToken": first["nextPageToken"]}).json()
    assert (told(first), told(last)) == ([("10000", ["B", "b"]), ("10001", ["B", "b"])], [("10000", ["Low"])])
    assert "nextPageToken" not in last and "nextPageToken" not in whole


def test_changelogs_that_cannot_be_had_are_refused(site: Site) -> None:
    site.issue()
    wrong: list[tuple[dict[str, Any], int]] = [
        ({}, 400),
        ({"issueIdsOrKeys": []}, 400),
        ({"issueIdsOrKeys": ["ABC-1"], "fieldIds": ["f"] * 11}, 400),
        ({"issueIdsOrKeys": ["ABC-1"], "maxResults": 10_001}, 400),
        ({"issueIdsOrKeys": ["ABC-9"]}, 404),
    ]
    assert [site.api.post(BULK, json=body).status_code for body, _ in wrong] == [code for _, code in wrong]


def test_data_center_has_no_bulk_changelogs(server: Site) -> None:
    server.issue()
    assert server.api.post(BULK, json={"issueIdsOrKeys": ["ABC-1"]}).status_code == 404


def found(site: Site, jql: str) -> list[str]:
    answer = site.api.get("/rest/api/2/search/jql", params={"jql": jql, "fields": "summary"}).json()
    return [issue["key"] for issue in answer["issues"]]


def test_project_has_a_key_a_name_and_an_id_and_must_be_there(site: Site) -> None:
    for project in ("ABC", "OPS"):
        site.issue(project=project)
    assert found(site, 'project = "ops PROJECT"') == ["OPS-1"]
    answer = site.api.get("/rest/api/2/search/jql", params={"jql": 'project in ("ABC", "A\\"B")'})
    assert answer.status_code == 400 and "'A\\\"B' does not exist" in answer.text


def test_order_goes_by_several_fields(site: Site) -> None:
    site.control("POST", "clock", {"at": "2026-03-02T09:00:00Z"})
    for project in ("OPS", "ABC", "ABC"):
        site.issue(project=project)
    assert found(site, "project in (ABC, OPS) order by created asc, key desc") == ["OPS-1", "ABC-2", "ABC-1"]


PAGE = """query($last: Int, $before: String) { issues(last: $last, before: $before) {
  nodes { identifier } pageInfo { hasNextPage hasPreviousPage startCursor } } }"""


def test_linears_last_pages_are_the_oldest_and_stay_newest_first(toy: Toy) -> None:
    keys = [toy.issue(project="OPS") for _ in range(3)]
    newest = [
        node["identifier"] for node in toy.data("{ issues { nodes { identifier } } }")["issues"]["nodes"]
    ]
    assert len(newest) == len(keys)
    last = toy.data(PAGE, last=2)["issues"]
    assert [node["identifier"] for node in last["nodes"]] == newest[1:]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)
    rest = toy.data(PAGE, last=2, before=last["pageInfo"]["startCursor"])["issues"]
    assert [node["identifier"] for node in rest["nodes"]] == newest[:1]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (True, False)
    assert toy.refusal(PAGE, last=251)["message"]
