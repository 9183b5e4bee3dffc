"""The toy Jira's boards, reopened sprints, sprints of the past, links and lost webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.jira import people
from sandbox.remote import Remote
from tests.contract import jira_site
from tests.contract.jira_site import POINTS, Site

make, site, server = jira_site.make, jira_site.site, jira_site.server

AGILE = "/rest/agile/1.0"


def configuration(site: Site, board: int) -> dict[str, Any]:
    told: dict[str, Any] = site.api.get(f"{AGILE}/board/{board}/configuration").json()
    return told


def refused(site: Site, path: str, body: dict[str, Any], method: str = "POST") -> int:
    return httpx.request(method, f"{site.url}/_sandbox/{path}", json=body).status_code


def fields(site: Site, key: str) -> dict[str, Any]:
    told: dict[str, Any] = site.api.get(f"/rest/api/2/issue/{key}").json()["fields"]
    return told


@pytest.mark.parametrize(
    ("wish", "estimation"),
    [
        ({}, {"type": "field", "field": {"fieldId": POINTS, "displayName": "Story Points"}}),
        ({"estimation": "none"}, {"type": "none"}),
        ({"estimation": "issues"}, {"type": "issueCount"}),
        (
            {"estimation": "time"},
            {
                "type": "field",
                "field": {"fieldId": "timeoriginalestimate", "displayName": "Original Time Estimate"},
            },
        ),
        ({"type": "kanban"}, None),
        ({"type": "simple"}, None),
    ],
)
def test_board_tells_its_estimation(site: Site, wish: dict[str, str], estimation: object) -> None:
    board = people.add_board(Remote(site.url), "ABC", **wish)
    told = configuration(site, board)
    assert told.get("estimation") == estimation and told["type"] == wish.get("type", "scrum")
    assert ("subQuery" in told) is (wish.get("type") == "kanban")


def test_columns_may_leave_statuses_out(site: Site) -> None:
    people.edit_board(Remote(site.url), 1, columns=[["To Do"], [], ["Done"]])
    columns = configuration(site, 1)["columnConfig"]["columns"]
    assert [[status["id"] for status in column["statuses"]] for column in columns] == [
        ["10000"],
        [],
        ["10002"],
    ]
    statuses = site.api.get("/rest/api/2/status").json()
    assert {one["name"]: one["statusCategory"]["key"] for one in statuses} == {
        "To Do": "new",
        "In Progress": "indeterminate",
        "Done": "done",
    }


def test_boards_that_make_no_sense_are_refused(site: Site) -> None:
    assert refused(site, "boards", {"project": "NO"}) == 400
    for wish in ({"type": "round"}, {"estimation": "gut"}, {"columns": [["Nowhere"]]}):
        assert refused(site, "boards/1", wish, "PATCH") == 400
    assert refused(site, "boards/99", {"name": "x"}, "PATCH") == 404
    assert refused(site, "sprints", {"name": "x", "board": 99}) == 404
    assert refused(site, "sprints", {"name": "x", "project": "HELP"}) == 400


def test_kanban_board_has_no_sprints(site: Site) -> None:
    board = people.add_board(Remote(site.url), "ABC", type="kanban")
    assert site.api.get(f"{AGILE}/board/{board}/sprint").status_code == 400
    made = site.api.post(f"{AGILE}/sprint", json={"name": "x", "originBoardId": board})
    assert made.status_code == 400


def test_board_shows_sprints_of_others_that_hold_its_issues(site: Site) -> None:
    board = people.add_board(Remote(site.url), "OPS")
    sprint = site.sprint()

    def shown() -> list[tuple[int, int]]:
        values = site.api.get(f"{AGILE}/board/{board}/sprint").json()["values"]
        return [(one["id"], one["originBoardId"]) for one in values]

    assert shown() == []
    site.issue(project="OPS", sprint=sprint)
    assert shown() == [(sprint, 1)]


def test_only_an_administrator_opens_a_closed_sprint_again(site: Site) -> None:
    sprint = site.sprint(start=True)
    later = site.sprint(name="S2")
    for status in ("Done", "To Do"):
        site.issue(sprint=sprint)
        site.control("PATCH", f"issues/{site.control('GET', 'issues')[-1]['key']}", {"status": status})
    toy = Remote(site.url)
    people.close_sprint(toy, sprint)
    path = f"{AGILE}/sprint/{sprint}"
    assert site.api.post(path, json={"state": "active"}).status_code == 400
    people.reopen_sprint(toy, sprint)
    told = site.api.get(path).json()
    assert told["state"] == "active" and "completeDate" not in told
    held = {one["id"]: one["issues"] for one in site.control("GET", "sprints")}
    assert held == {sprint: ["ABC-1"], later: ["ABC-2"]}
    event = site.events()[-1]
    assert (event["webhookEvent"], event["oldValue"]["state"]) == ("sprint_updated", "closed")


def test_sprint_of_the_past_is_written_with_its_own_dates_and_told_to_nobody(site: Site) -> None:
    now = datetime(2026, 3, 20, 9, tzinfo=UTC)
    site.control("POST", "clock", {"at": now.isoformat()})
    toy = Remote(site.url)
    sprint = people.past_sprint(toy, 1, [3, None], [True], added=[(2, False)], ended_days_ago=14, days=10)
    told = site.api.get(f"{AGILE}/sprint/{sprint}").json()
    start, end, ended = (datetime.fromisoformat(told[f"{name}Date"]) for name in ("start", "end", "complete"))
    assert (told["state"], ended) == ("closed", end)
    assert (now - ended, ended - start) == (timedelta(days=14), timedelta(days=10))
    listed = site.api.get(f"{AGILE}/sprint/{sprint}/issue", params={"expand": "changelog"}).json()["issues"]
    assert [issue["fields"][POINTS] for issue in listed] == [3, None, 2]
    assert [issue["fields"]["status"]["name"] for issue in listed] == ["Done", "To Do", "To Do"]
    assert [issue["fields"]["sprint"] for issue in listed] == [None] * 3
    moments = [
        [datetime.fromisoformat(entry["created"]) for entry in issue["changelog"]["histories"]]
        for issue in listed
    ]
    assert [len(entries) for entries in moments] == [3, 1, 1]
    assert [min(entries) < start for entries in moments] == [True, True, False]
    assert all(max(entries) < ended for entries in moments)
    assert site.events() == []
    assert datetime.fromisoformat(site.issue()["created"]) == now


def test_times_of_changes_are_whole_seconds_on_data_center(site: Site, server: Site) -> None:
    for place in (site, server):
        place.control("POST", "clock", {"at": "2026-03-02T09:00:00.250+00:00"})
        place.issue()
        place.control("POST", "clock", {"at": "2026-03-02T09:00:01.750+00:00"})
        view = place.control("PATCH", "issues/ABC-1", {"title": "B"})
        assert view["history"][0]["created"] == (
            f"2026-03-02T09:00:01.{'750' if place is site else '000'}+0000"
        )


def test_links_name_both_ends(site: Site) -> None:
    site.issue()
    site.issue(blocked_by=["ABC-1"])
    (link,) = fields(site, "ABC-2")["issuelinks"]
    assert (link["type"]["inward"], link["inwardIssue"]["key"]) == ("is blocked by", "ABC-1")
    assert link["inwardIssue"]["fields"]["status"]["statusCategory"]["key"] == "new"
    (link,) = fields(site, "ABC-1")["issuelinks"]
    assert link["outwardIssue"]["key"] == "ABC-2" and "inwardIssue" not in link
    site.control("DELETE", "issues/ABC-1")
    assert fields(site, "ABC-2")["issuelinks"] == []


def test_estimate_of_time_is_kept_in_seconds_and_told_so(site: Site) -> None:
    people.edit_board(Remote(site.url), 1, estimation="time")
    site.issue(points=1.5)
    view = site.control("PATCH", "issues/ABC-1", {"points": None, "assignee": "Sam Writer"})
    (item, _) = view["history"][0]["items"]
    assert (item["fieldId"], item["fromString"], item["toString"]) == ("timeoriginalestimate", "5400", None)
    told = fields(site, "ABC-1")
    assert told["timeoriginalestimate"] is None and told["assignee"]["displayName"] == "Sam Writer"


def test_people_file_sub_tasks(site: Site) -> None:
    sprint = site.sprint()
    parent = site.issue(sprint=sprint)
    child = site.issue(parent=parent["key"])
    told = fields(site, child["key"])
    assert told["issuetype"]["subtask"] is True and told["parent"]["id"] == parent["id"]
    assert refused(site, "issues", {"project": "ABC", "title": "x", "type": "Sub-task"}) == 400
    assert [one["issues"] for one in site.control("GET", "sprints")] == [[parent["key"], child["key"]]]


def test_quiet_changes_lose_their_webhooks(site: Site) -> None:
    sprint = site.sprint(start=True)
    site.issue(quiet=True)
    site.control("PATCH", "issues/ABC-1", {"sprint": sprint, "points": 3, "status": "Done", "quiet": True})
    assert "jira:issue_updated" not in site.names() and "jira:issue_created" not in site.names()
    site.control("PATCH", "issues/ABC-1", {"points": 5})
    assert site.names()[-1] == "jira:issue_updated"
