"""Reading a Jira issue and its sprints, from REST answers and webhook bodies alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trackers.jira.fields import SprintRef, issue_from_json, sprints_in
from trackers.model import AuthorKind, Label, Refused

Json = dict[str, Any]

OLD_SPRINT = (
    "com.atlassian.greenhopper.service.sprint.Sprint@1f2e[id={id},rapidViewId=12,state={state},"
    "name=Week, id=99,state=CLOSED,goal=[x],startDate=<null>,endDate=<null>,"
    "completeDate=<null>,sequence={id}]"
)
SORTED_SPRINT = (
    "com.atlassian.greenhopper.service.sprint.Sprint@1f2e[completeDate=<null>,endDate=<null>,"
    "goal=ship, id=99,state=CLOSED,id={id},name=Week 2,rapidViewId=12,sequence={id},"
    "startDate=<null>,state={state}]"
)


def issue(**fields: Any) -> Json:
    known = {
        "summary": "Checkout fails",
        "project": {"key": "SHOP"},
        "updated": "2026-03-04T12:00:00.000+0000",
    }
    return {"id": "501", "key": "SHOP-7", "self": "https://nowhere.example/1", "fields": {**known, **fields}}


def test_whole() -> None:
    found = issue_from_json(
        issue(
            description="It breaks",
            issuetype={"name": "Bug"},
            priority={"name": "High"},
            components=[{"name": "Cart"}, {"name": "Pay"}, {}],
            labels=["web", 7, "slow"],
            creator={"accountId": "1", "accountType": "customer"},
            created="2026-03-01T08:00:00.000+0100",
            project={"key": "SHOP", "projectTypeKey": "service_desk"},
        ),
        base_url="https://acme.example/",
    )
    assert (found.id, found.key, found.project) == ("501", "SHOP-7", "SHOP")
    assert (found.title, found.body, found.type, found.priority) == (
        "Checkout fails",
        "It breaks",
        "Bug",
        "High",
    )
    assert found.components == ("Cart", "Pay")
    assert found.labels == (Label("web", "web"), Label("slow", "slow"))
    assert found.author is AuthorKind.CUSTOMER
    assert found.created == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert found.url == "https://acme.example/browse/SHOP-7"
    assert found.service_project


def test_bare() -> None:
    found = issue_from_json({"id": 501, "key": "SHOP-7"})
    assert (found.id, found.project, found.title, found.body) == ("501", "SHOP", "", "")
    assert (found.type, found.created, found.url, found.author) == (None, None, None, AuthorKind.UNKNOWN)
    assert not found.service_project
    with pytest.raises(Refused):
        issue_from_json({"key": "SHOP-7"})


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        ({"creator": {"accountType": "atlassian"}}, AuthorKind.PERSON),
        ({"creator": {"accountType": "app"}, "reporter": {"accountType": "customer"}}, AuthorKind.APP),
        ({"creator": None, "reporter": {"accountType": "customer"}}, AuthorKind.CUSTOMER),
        ({"creator": {"name": "ada"}}, AuthorKind.PERSON),
        ({"creator": {"accountType": "robot"}}, AuthorKind.UNKNOWN),
        ({}, AuthorKind.UNKNOWN),
    ],
)
def test_author(fields: Json, author: AuthorKind) -> None:
    assert issue_from_json(issue(**fields)).author is author


@pytest.mark.parametrize(
    ("fields", "resolved"),
    [
        ({"resolution": {"id": "1", "name": "Fixed"}}, True),
        ({"resolution": None, "status": {"statusCategory": {"key": "done"}}}, True),
        ({"resolution": None, "status": {"statusCategory": {"key": "indeterminate"}}}, False),
        ({"status": {"name": "Done"}}, False),
        ({}, False),
    ],
)
def test_resolved(fields: Json, resolved: bool) -> None:
    assert issue_from_json(issue(**fields)).resolved is resolved


def test_sprint_shapes() -> None:
    assert sprints_in([OLD_SPRINT.format(id=5, state="ACTIVE")]) == [SprintRef("5", "active", "12")]
    assert sprints_in([SORTED_SPRINT.format(id=5, state="FUTURE")]) == [SprintRef("5", "future", "12")]
    assert sprints_in([{"id": 5, "state": "CLOSED", "name": "x"}]) == [SprintRef("5", "closed")]
    assert sprints_in([{"id": 5, "state": "active", "boardId": 3}]) == [SprintRef("5", "active", "3")]
    odd = "com.atlassian.greenhopper.service.sprint.Sprint@1[id=7,name=A,rapidViewId=x,state=ACTIVE]"
    assert sprints_in([odd]) == [SprintRef("7", "active", None)]
    others: list[object] = [["a"], [{"id": 5}], [{"id": 5, "state": "done"}], [1], {}, None, "x", [[]]]
    for other in others:
        assert sprints_in(other) == []
    assert sprints_in(["com.atlassian.greenhopper.service.sprint.Sprint@1[name=x]"]) == []
