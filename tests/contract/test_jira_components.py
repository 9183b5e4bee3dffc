"""Components on Jira: found, put on beside labels in one write, and held to the same promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store.journal import Journal
from tests.contract.conftest import JiraRig, add, operations
from trackers.errors import Conflict, Rejected
from trackers.jira.service import JiraPalette
from trackers.jira.webhook import parse
from trackers.model import Label, Scope, component_label
from trackers.protocol import Recall
from workers.decide import glance, is_echo, situation

API, UI = component_label("API"), component_label("UI")
SLOW = Label("slow", "slow")


def test_a_component_is_found_among_the_projects_whatever_its_case(jira: JiraRig) -> None:
    palette = jira.service.palette(jira.issue())
    assert palette.find("component api") == API
    assert palette.find("component Billing") is None
    assert palette.find("slow") == SLOW


def test_components_are_asked_for_only_when_one_is_looked_for_and_once_an_hour(cloud: JiraRig) -> None:
    issue = cloud.issue()
    cloud.forget_calls()
    cloud.service.palette(issue).find("slow")
    assert cloud.calls == []
    for name in ("component API", "component UI"):
        assert cloud.service.palette(issue).find(name) is not None
    assert operations(cloud.calls) == ["GET components"]
    assert cloud.cache.lives["components:ABC"] == timedelta(hours=1)


def test_components_are_looked_for_again_at_most_once_a_minute(cloud: JiraRig) -> None:
    issue = cloud.issue()
    assert cloud.service.look_again(issue) is False, "nothing is held yet"
    assert cloud.service.palette(issue).find("component Billing") is None
    cloud.issue(components=["Billing"])
    assert cloud.service.palette(issue).find("component Billing") is None
    assert cloud.service.look_again(issue) is True
    assert cloud.service.palette(issue).find("component Billing") is not None
    assert cloud.service.look_again(issue) is False
    assert cloud.cache.lives["components-again:ABC"] == timedelta(minutes=1)


def test_labels_and_components_are_one_write_and_are_remembered_by_it(jira: JiraRig) -> None:
    issue = jira.issue(labels=["theirs"], components=["Docs"])
    jira.warm()
    (written,) = jira.send(issue, add(SLOW, API))
    assert operations(jira.calls) == ["PUT issue"]
    view = jira.view(issue)
    assert (view["labels"], view["components"]) == (["theirs", "slow"], ["Docs", "API"])
    assert written.labels == (SLOW, API)
    reading = jira.service.read(issue.id, Recall())
    assert reading.memory.applied == {"slow", "component API"}
    assert [label.id for label in reading.issue.tags] == ["theirs", "slow", "component Docs", "component API"]


def test_a_component_alone_touches_no_label(cloud: JiraRig) -> None:
    issue = cloud.issue(labels=["theirs"])
    cloud.send(issue, add(UI))
    assert (cloud.view(issue)["labels"], cloud.view(issue)["components"]) == (["theirs"], ["UI"])


def test_a_component_that_is_there_already_changes_nothing(cloud: JiraRig) -> None:
    issue = cloud.issue(components=["API"])
    cloud.send(issue, add(API))
    assert cloud.view(issue)["components"] == ["API"]


def test_a_component_a_person_took_off_is_known_from_jira_alone(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.send(issue, add(SLOW, API))
    jira.site.control("PATCH", f"issues/{issue.key}", {"components": []})
    reading = jira.service.read(issue.id, Recall())
    assert situation(reading.issue, Journal(), reading.memory, {}, {}).vetoed == {"component API": "state"}


def test_a_component_that_is_gone_is_left_out_the_next_time(jira: JiraRig) -> None:
    issue = jira.issue()
    with pytest.raises(Conflict, match="without components"):
        jira.send(issue, add(SLOW, component_label("Given up")))
    assert jira.view(issue)["labels"] == []
    assert jira.service.palette(issue).find("component API") is None, "for an hour"
    jira.send(issue, add(SLOW))
    assert jira.view(issue)["labels"] == ["slow"]


def test_a_refused_write_without_components_stays_refused(cloud: JiraRig) -> None:
    with pytest.raises(Rejected):
        cloud.send(cloud.issue(), add(Label("two words", "two words")))


@pytest.mark.parametrize("status", [403, 404])
def test_who_may_not_list_components_puts_labels_on_all_the_same(cloud: JiraRig, status: int) -> None:
    issue = cloud.issue()
    cloud.fault("GET components", "status", status=status)
    cloud.forget_calls()
    assert cloud.service.palette(issue).find("component API") is None
    assert cloud.service.look_again(issue) is False
    assert cloud.service.palette(issue).find("component API") is None
    assert operations(cloud.calls) == ["GET components"], "not asked again for an hour"


def test_offline_every_component_is_taken_for_one() -> None:
    assert JiraPalette().find("component Billing") == component_label("Billing")


def test_our_own_component_comes_back_as_an_echo_and_a_persons_no_as_a_veto(cloud: JiraRig) -> None:
    issue = cloud.issue()
    (written,) = cloud.send(issue, add(SLOW, API))
    cloud.site.control("PATCH", f"issues/{issue.key}", {"components": []})
    events = [event for event in cloud.site.events() if event["webhookEvent"] == "jira:issue_updated"]
    told = [parse(event, connection="acme", digest="d", scope=Scope()).hints[0] for event in events]
    held = Journal(applied={"slow": "slow", "component API": "component API"}, write_updated=written.updated)
    assert [is_echo(hint, held, None) for hint in told] == [True, False]
    assert glance(told[1:], held, None, recalls_labels=False).vetoed == {"component API": "event"}
