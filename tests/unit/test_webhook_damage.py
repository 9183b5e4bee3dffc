"""Bodies damaged at random, of any JSON at all, or nested too deep: an Event or Refused, nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.jira import webhook as jira
from trackers.jira.fields import issue_from_json as jira_issue
from trackers.linear import webhook as linear
from trackers.linear.fields import issue_from_json as linear_issue
from trackers.model import Event, IgnoredBecause, Refused, RefusedBecause, Scope

Json = dict[str, Any]
Parse = Callable[..., Event]

NARROW = Scope(projects=frozenset({"SHOP"}), boards=frozenset({"12", "SHOP"}))
PARSERS = [jira.parse, linear.parse]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def change(field: str, field_id: str, **sides: Any) -> Json:
    return {"field": field, "fieldId": field_id, "fieldtype": "jira", **sides}


JIRA_ISSUE: Json = {
    "id": "501",
    "key": "SHOP-7",
    "fields": {
        "summary": "Checkout fails",
        "project": {"key": "SHOP", "projectTypeKey": "software"},
        "issuetype": {"name": "Bug"},
        "components": [{"name": "Cart"}],
        "labels": ["web"],
        "creator": {"accountType": "app"},
        "updated": "2026-03-04T12:00:00.000+0000",
        "customfield_1": [
            {"id": 31, "state": "active"},
            "com.atlassian.greenhopper.service.sprint.Sprint@1[id=32,rapidViewId=1,state=FUTURE,name=x]",
        ],
    },
}
JIRA: list[Json] = [
    {"timestamp": 1, "webhookEvent": "jira:issue_created", "user": {"accountId": "a"}, "issue": JIRA_ISSUE},
    {
        "timestamp": 1,
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_updated",
        "issue": JIRA_ISSUE,
        "changelog": {
            "items": [
                change("summary", "summary", fromString="a", toString="b"),
                change("labels", "labels", fromString="a b", toString="b c"),
                change("Key", "Key", fromString="OLD-1", toString="SHOP-7"),
                change("Sprint", "customfield_1", **{"from": "1, 2", "to": "2, 31"}),
                change("Iteration", "customfield_1", fromString="x", toString="y"),
            ]
        },
    },
    {
        "webhookEvent": "sprint_updated",
        "sprint": {"id": 31, "state": "active", "originBoardId": 12},
        "oldValue": {"id": 31, "state": "future"},
    },
]
LINEAR_ISSUE: Json = {
    "id": "issue-1",
    "identifier": "SHOP-7",
    "number": 7,
    "title": "Checkout fails",
    "priority": 2,
    "labelIds": ["l1"],
    "labels": [{"id": "l1", "name": "Bug", "parent": {"id": "g", "name": "Kind"}}],
    "team": {"id": "t", "key": "SHOP"},
    "cycleId": "c1",
    "creator": {"id": "u", "app": False},
    "previousIdentifiers": ["OLD-1"],
    "updatedAt": "2026-03-04T12:00:00.000Z",
}
LINEAR: list[Json] = [
    {"type": "Issue", "action": "create", "data": LINEAR_ISSUE, "webhookTimestamp": 1772625600250},
    {
        "type": "Issue",
        "action": "update",
        "actor": {"id": "u"},
        "data": LINEAR_ISSUE,
        "updatedFrom": {"title": "Old", "labelIds": ["l2"], "cycleId": "c2", "teamId": "t2"},
    },
    {"type": "Cycle", "action": "update", "data": {"id": "c1", "name": "x"}, "updatedFrom": {"name": "y"}},
    {"type": "Comment", "action": "create", "data": {"id": "c", "issueId": "issue-1"}},
]


def outcome(parse: Parse, payload: object, scope: Scope) -> Event | RefusedBecause:
    try:
        return parse(payload, connection="any", digest="d", scope=scope)
    except Refused as refused:
        return refused.reason


def is_in_order(found: Event | RefusedBecause) -> bool:
    if isinstance(found, Event):
        return bool(found.hints) is (found.ignored is None)
    return found is RefusedBecause.WRONG_SHAPE


def mangled(data: st.DataObject, value: Any) -> Any:
    """The value with some of its parts replaced or left out."""
    if data.draw(st.integers(0, 12)) == 0:
        return data.draw(JUNK)
    if isinstance(value, dict):
        return {key: mangled(data, part) for key, part in value.items() if data.draw(st.integers(0, 12))}
    if isinstance(value, list):
        return [mangled(data, part) for part in value]
    return value


def deep() -> Any:
    """A value nested far beyond what Python can recurse into."""
    value: Any = "bottom"
    for _ in range(50_000):
        value = {"a": [value]}
    return value


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_jira_body(data: st.DataObject) -> None:
    payload = mangled(data, deepcopy(data.draw(st.sampled_from(JIRA))))
    assert is_in_order(outcome(jira.parse, payload, NARROW))
    assert is_in_order(outcome(jira.parse, payload, Scope()))
    if isinstance(payload, dict) and isinstance(issue := payload.get("issue"), dict):
        with contextlib.suppress(Refused):
            assert jira_issue(issue).id == str(issue["id"])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_linear_body(data: st.DataObject) -> None:
    payload = mangled(data, deepcopy(data.draw(st.sampled_from(LINEAR))))
    assert is_in_order(outcome(linear.parse, payload, NARROW))
    assert is_in_order(outcome(linear.parse, payload, Scope()))
    with contextlib.suppress(Refused):
        assert linear.sent(payload).tzinfo is UTC
    if isinstance(payload, dict) and isinstance(issue := payload.get("data"), dict):
        with contextlib.suppress(Refused):
            assert linear_issue(issue).id == str(issue["id"])


@pytest.mark.parametrize("parse", PARSERS)
@given(payload=JUNK)
@settings(deadline=None)
def test_any_json_at_all(parse: Parse, payload: object) -> None:
    found = outcome(parse, payload, NARROW)
    assert is_in_order(found)
    assert isinstance(found, Event) is isinstance(payload, dict)


def test_deep_jira_bodies() -> None:
    body = deepcopy(JIRA[1])
    body["issue"]["fields"]["customfield_2"] = [deep()]
    body["changelog"]["items"].append(deep())
    assert isinstance(found := outcome(jira.parse, body, NARROW), Event)
    assert found.hints
    sprint = {
        "webhookEvent": "sprint_updated",
        "sprint": {"id": 1, "goal": deep()},
        "oldValue": {"goal": deep()},
    }
    assert isinstance(found := outcome(jira.parse, sprint, NARROW), Event)
    assert found.hints[0].changed == ("id", "goal")


def test_deep_linear_bodies() -> None:
    body = deepcopy(LINEAR[1])
    body["data"]["stateId"], body["updatedFrom"] = deep(), {"title": "Old", "stateId": deep()}
    assert isinstance(found := outcome(linear.parse, body, NARROW), Event)
    assert found.hints[0].changed == ("title", "status")


@pytest.mark.parametrize("parse", PARSERS)
def test_deep_names(parse: Parse) -> None:
    body = {"webhookEvent": deep(), "issue": deep(), "type": deep(), "action": deep(), "data": deep()}
    assert isinstance(found := outcome(parse, body, NARROW), Event)
    assert found.ignored is IgnoredBecause.UNKNOWN_EVENT
