"""Reading a Linear issue, from API answers (nested) and webhook bodies (flat)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trackers.linear.fields import issue_from_json
from trackers.model import AuthorKind, Label, Refused

Json = dict[str, Any]

BUG, UI, API = "label-bug", "label-ui", "label-api"


def test_webhook_shape() -> None:
    data: Json = {
        "id": "issue-1",
        "identifier": "ENG-7",
        "title": "Checkout fails",
        "description": "It breaks",
        "priority": 1,
        "createdAt": "2026-03-04T11:59:00.000Z",
        "team": {"id": "team-1", "key": "ENG"},
        "teamId": "team-1",
        "creator": {"id": "u", "name": "Ada"},
        "labelIds": [BUG, UI, API],
        "labels": [{"id": BUG, "name": "Bug", "parentId": "kind"}, {"id": UI, "name": "UI"}],
    }
    found = issue_from_json(data, url="https://linear.example/ENG-7", groups={"kind": "Kind"})
    assert (found.id, found.key, found.project, found.team_id) == ("issue-1", "ENG-7", "ENG", "team-1")
    assert (found.title, found.body) == ("Checkout fails", "It breaks")
    assert (found.type, found.components, found.priority) == (None, (), "Urgent")
    assert found.labels == (Label(BUG, "Bug", "Kind"), Label(UI, "UI"), Label(API, API))
    assert found.author is AuthorKind.PERSON
    assert found.created == datetime(2026, 3, 4, 11, 59, tzinfo=UTC)
    assert found.url == "https://linear.example/ENG-7"
    assert not found.synced_outside
    assert issue_from_json(data).labels[0].group is None


def test_api_shape() -> None:
    found = issue_from_json(
        {
            "id": "issue-1",
            "identifier": "ENG-7",
            "title": "Checkout fails",
            "description": None,
            "priority": 0,
            "url": "https://linear.example/ENG-7",
            "team": {"id": "team-1", "key": "ENG"},
            "creator": {"id": "u", "name": "Bot", "app": True},
            "botActor": None,
            "labels": {"nodes": [{"id": BUG, "name": "Bug", "parent": {"id": "kind", "name": "Kind"}}]},
        }
    )
    assert (found.body, found.priority, found.author) == ("", None, AuthorKind.APP)
    assert found.labels == (Label(BUG, "Bug", "Kind"),)
    assert found.labels[0].path == "Kind/Bug"
    assert found.url == "https://linear.example/ENG-7"


def test_identifier_of_old_bodies() -> None:
    assert issue_from_json({"id": "i", "number": 11, "team": {"key": "ENG"}}).key == "ENG-11"
    assert issue_from_json({"id": "i", "number": 11}).key == ""
    assert issue_from_json({"id": "i", "number": 1e300, "team": {"key": "ENG"}}).key == ""
    with pytest.raises(Refused):
        issue_from_json({"identifier": "ENG-7"})


@pytest.mark.parametrize(
    ("priority", "name"),
    [(0, None), (1, "Urgent"), (2.0, "High"), (3, "Medium"), (4, "Low"), (9, None), ("1", None)],
)
def test_priority(priority: object, name: str | None) -> None:
    assert issue_from_json({"id": "i", "priority": priority}).priority == name


@pytest.mark.parametrize(
    ("data", "author"),
    [
        ({"creator": {"id": "u", "app": False}, "botActor": {"type": "slack"}}, AuthorKind.PERSON),
        ({"creator": {"id": "u"}, "botActor": '{"type":"slack"}'}, AuthorKind.APP),
        ({"creator": None, "botActor": {"type": "workflow"}}, AuthorKind.APP),
        ({"externalUserCreator": {"id": "e"}, "botActor": {"type": "slack"}}, AuthorKind.CUSTOMER),
        ({"externalUserCreatorId": "e"}, AuthorKind.CUSTOMER),
        ({"creatorId": "u"}, AuthorKind.PERSON),
        ({}, AuthorKind.UNKNOWN),
    ],
)
def test_author(data: Json, author: AuthorKind) -> None:
    assert issue_from_json({"id": "i", **data}).author is author


@pytest.mark.parametrize(
    ("data", "outside"),
    [
        ({"syncedWith": [{"id": "1", "service": "github"}]}, True),
        ({"syncedWith": {"slack": {}}}, True),
        ({"syncedWith": []}, False),
        ({"integrationSourceType": "slack"}, True),
        ({"integrationSourceType": "newTool"}, True),
        ({"integrationSourceType": "githubImport"}, False),
        ({"integrationSourceType": None}, False),
        ({"externalUserCreator": {"id": "e"}}, True),
        ({"externalUserCreatorId": "e", "integrationSourceType": "mcpServer"}, True),
        ({}, False),
    ],
)
def test_synced_outside(data: Json, outside: bool) -> None:
    assert issue_from_json({"id": "i", **data}).synced_outside is outside


@pytest.mark.parametrize(
    ("state", "resolved"),
    [
        ({"type": "completed"}, True),
        ({"type": "started"}, False),
        ({"type": "canceled"}, False),
        ({"type": "duplicate"}, False),
        (None, False),
    ],
)
def test_what_is_cancelled_is_not_resolved(state: Json | None, resolved: bool) -> None:
    assert issue_from_json({"id": "i", "state": state}).resolved is resolved
