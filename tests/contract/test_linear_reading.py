"""Reading Linear through the service: issues, usable labels, what the history remembers, our identity."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.conftest import SECRET, LinearRig, MakeLinear, found, operations, say
from trackers.errors import Conflict, Gone, Paused, ServerFault, TrackerError
from trackers.linear.service import LinearPalette, UsableLabel, comment_id
from trackers.model import AuthorKind, Issue, Label
from trackers.protocol import LABELS_TOPIC, Recall

MEMORY = Recall(memory=True)
COMMENTS = Recall(comments=(LABELS_TOPIC,))


def person(linear: LinearRig, issue: Issue, **change: Any) -> None:
    linear.toy.control("PATCH", f"/issues/{issue.key}", change)


def test_issue_is_read_by_id_and_by_key_alike(linear: LinearRig) -> None:
    key = linear.toy.issue(title=SECRET, body="It *breaks*", priority="High", labels=["Bug", "Area/api"])
    issue = linear.service.read(key, Recall()).issue
    assert linear.service.read(issue.id, Recall()).issue == issue
    assert (issue.key, issue.project, issue.title, issue.priority) == (key, "ENG", SECRET, "High")
    assert sorted(label.path for label in issue.labels) == ["Area/api", "Bug"]
    assert issue.author is AuthorKind.PERSON and issue.team_id is not None and not issue.synced_outside
    assert issue.updated is not None and issue.url is not None


@pytest.mark.parametrize("recall", [Recall(), MEMORY, COMMENTS, Recall(True, (LABELS_TOPIC,))])
def test_reading_takes_one_request_whatever_is_recalled(linear: LinearRig, recall: Recall) -> None:
    issue = linear.issue()
    linear.warm(issue)
    linear.service.read(issue.id, recall)
    assert linear.requests == 1 and operations(linear.calls) == ["issue"]


def test_gate_is_asked_for_the_operation_and_what_it_holds(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.forget_calls()
    linear.service.read(issue.id, Recall())
    assert linear.gate.asked == [("all", "endpoint:ReadIssue", "endpoint:issue")]


def test_nothing_is_asked_while_a_pause_holds(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.forget_calls()
    linear.gate.limit("all", timedelta(minutes=1), "test")
    with pytest.raises(Paused):
        linear.service.read(issue.id, Recall())
    assert linear.requests == 0


def test_own_comment_is_found_by_the_id_made_for_it(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.send(issue, say())
    comments = linear.service.read(issue.id, COMMENTS).comments
    assert found(comments) == [(LABELS_TOPIC, comment_id("acme", issue.id, LABELS_TOPIC))]
    assert comments[0].url is not None
    assert linear.service.read(issue.id, Recall()).comments == ()


def test_own_comment_is_found_on_an_issue_named_by_its_key(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.send(issue, say())
    for name in (issue.key, issue.key.lower(), issue.id.upper()):
        comments = linear.service.read(name, COMMENTS).comments
        assert found(comments) == [(LABELS_TOPIC, comment_id("acme", issue.id, LABELS_TOPIC))]


def test_comments_of_several_topics_are_all_looked_for(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.send(issue, replace(say(), topic="sprint"))
    linear.send(issue, say())
    comments = linear.service.read(issue.id, Recall(comments=(LABELS_TOPIC, "none", "sprint"))).comments
    assert {comment.topic: comment.id for comment in comments} == {
        topic: comment_id("acme", issue.id, topic) for topic in (LABELS_TOPIC, "sprint")
    }


def test_other_peoples_comments_are_not_taken(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.toy.control("POST", f"/issues/{issue.key}/comments", {"body": "I am the bot"})
    assert linear.service.read(issue.id, COMMENTS).comments == ()


def test_trashed_and_deleted_issues_are_gone(linear: LinearRig) -> None:
    trashed, deleted = linear.issue(), linear.issue()
    linear.toy.control("DELETE", f"/issues/{trashed.key}")
    linear.toy.control("POST", f"/linear/issues/{deleted.key}/purge")
    for issue in (trashed.id, deleted.id, "ENG-99"):
        with pytest.raises(Gone):
            linear.service.read(issue, Recall())


def test_issue_archived_by_age_is_read_like_any_other(linear: LinearRig) -> None:
    issue = linear.issue()
    row = linear.tracker.state.issues[issue.id]
    linear.tracker.state.store_issue(replace(row, archived_at=row.created_at))
    assert linear.service.read(issue.id, Recall()).issue == issue


def test_identity_is_asked_once_and_remembered_for_all(linear: LinearRig) -> None:
    me = linear.service.identity()
    assert linear.another().identity() == linear.service.identity() == me
    assert me.is_app and me.id == linear.tracker.bot.id and me.name == "sprintwarden"
    assert operations(linear.calls) == ["viewer"]


def test_key_of_a_person_is_known_as_such(make_linear: MakeLinear) -> None:
    assert not make_linear(dedicated_app=False).service.identity().is_app


def label(name: str, *, group: str | None = None, team: bool = False, id: str = "") -> UsableLabel:
    return UsableLabel(Label(id or f"{group}/{name}/{team}", name, group), team)


@pytest.mark.parametrize(
    ("labels", "name", "wanted"),
    [
        ([label("Bug")], " bUG ", 0),
        ([label("Bug"), label("bug", team=True)], "Bug", 1),
        ([label("api", group="Area")], "area/API", 0),
        ([label("api", group="Area"), label("api", group="Kind")], "Kind/api", 1),
        ([label("api", group="Area"), label("api")], "api", 1),
        ([label("api", team=True, group="Area"), label("api")], "api", 1),
        ([label("api", group="Kind", id="2"), label("api", group="Area", id="1")], "api", 1),
        ([label("a/b")], "A/B", 0),
        ([label("api", group="Area")], "Other/api", None),
        ([], "Bug", None),
    ],
)
def test_label_is_chosen_by_group_team_and_name(
    labels: list[UsableLabel], name: str, wanted: int | None
) -> None:
    assert LinearPalette(labels).find(name) == (None if wanted is None else labels[wanted].label)


def test_labels_of_the_team_and_of_the_workspace_are_usable_but_no_others(linear: LinearRig) -> None:
    linear.toy.control("POST", "/linear/labels", {"name": "Security", "team": "ENG"})
    palette = linear.service.palette(linear.issue())
    theirs = linear.service.palette(linear.issue(project="OPS"))
    mine = palette.find("security")
    assert mine is not None and mine.name == "Security" and mine != theirs.find("security")
    assert palette.find("eng-infra") is not None and palette.find("ops-infra") is None
    assert palette.find("Area/api") == palette.find("api") is not None
    assert palette.find("Area") is None and palette.find("nonsense") is None


@pytest.mark.parametrize(("name", "may"), [("new", True), (" ", False), ("Area/new", False)])
def test_label_can_be_made_unless_it_names_a_group(linear: LinearRig, name: str, may: bool) -> None:
    assert linear.service.palette(linear.issue()).creatable(name) is may


def test_usable_labels_are_asked_for_once(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.forget_calls()
    for service in (linear.service, linear.service, linear.another()):
        assert service.palette(issue).find("Bug") is not None
    assert operations(linear.calls) == ["issueLabels"]
    assert linear.cache.lives[f"labels:{issue.team_id}"] == timedelta(hours=1)


def test_usable_labels_are_read_beyond_the_first_page(linear: LinearRig) -> None:
    for n in range(110):
        linear.toy.control("POST", "/linear/labels", {"name": f"label {n}"})
    issue = linear.issue()
    linear.forget_calls()
    palette = linear.service.palette(issue)
    assert all(palette.find(f"label {n}") for n in range(110)) and palette.find("Bug")
    assert operations(linear.calls) == ["issueLabels"] * 2


def test_failing_list_of_labels_is_not_taken_for_an_empty_one(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.fault("issueLabels", "rate_limit", reason="internal error")
    with pytest.raises(Conflict):
        linear.service.palette(issue)
    assert linear.service.palette(issue).find("Bug") is not None


def test_labels_are_looked_for_again_at_most_once_a_minute(linear: LinearRig) -> None:
    issue = linear.issue()
    assert linear.service.palette(issue).find("new") is None
    linear.toy.control("POST", "/linear/labels", {"name": "new"})
    assert linear.service.palette(issue).find("new") is None
    assert linear.service.look_again(issue) is True
    assert linear.service.palette(issue).find("new") is not None
    assert linear.service.look_again(issue) is False and linear.another().look_again(issue) is False
    assert linear.cache.lives[f"labels-again:{issue.team_id}"] == timedelta(minutes=1)
    assert operations(linear.calls).count("issueLabels") == 2


def test_names_of_all_labels_are_listed_for_the_teams_named(linear: LinearRig) -> None:
    names = linear.service.label_names(["ENG"])
    assert names is not None
    assert {"Bug", "api", "Area/api", "eng-infra"} <= names and not {"Area", "ops-infra"} & names


def test_names_of_labels_are_not_told_when_the_teams_cannot_be_read(linear: LinearRig) -> None:
    linear.fault("teams", "rate_limit", reason="internal error")
    with pytest.raises(Conflict):
        linear.service.label_names(["ENG"])


def test_history_tells_what_we_put_on_and_what_a_person_took_off(linear: LinearRig) -> None:
    issue = linear.issue(labels=["documentation"])
    mine = linear.label(issue, "security")
    linear.toy.data(
        "mutation($id: String!, $l: String!) { issueAddLabel(id: $id, labelId: $l) { success } }",
        id=issue.id,
        l=mine.id,
    )
    person(linear, issue, remove_labels=["documentation"])
    memory = linear.service.read(issue.id, MEMORY).memory
    assert memory.applied == {mine.id}
    assert memory.vetoed == {linear.label(issue, "documentation").id}
    assert linear.service.read(issue.key, MEMORY).memory == memory


def test_label_the_app_took_off_itself_is_not_a_persons_wish(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    take_off(linear, issue)
    assert linear.service.read(issue.id, MEMORY).memory.vetoed == frozenset()


def test_label_taken_off_with_a_persons_own_key_is_that_persons_wish(make_linear: MakeLinear) -> None:
    linear = make_linear(dedicated_app=False)
    issue = linear.issue(labels=["Bug"])
    take_off(linear, issue)
    assert linear.service.read(issue.id, MEMORY).memory.vetoed == {linear.label(issue, "Bug").id}


def take_off(linear: LinearRig, issue: Issue) -> None:
    """Take the label Bug off under the name of the service's own key."""
    linear.toy.data(
        "mutation($id: String!, $l: String!) { issueRemoveLabel(id: $id, labelId: $l) { success } }",
        id=issue.id,
        l=linear.label(issue, "Bug").id,
    )


def test_label_taken_off_by_nobody_known_counts_as_taken_off_by_a_person(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    person(linear, issue, remove_labels=["Bug"], actor="automation")
    assert linear.service.read(issue.id, MEMORY).memory.vetoed == {linear.label(issue, "Bug").id}


def test_history_beyond_the_first_page_is_read_too(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    person(linear, issue, remove_labels=["Bug"])
    for n in range(70):
        person(linear, issue, title=f"title {n}")
    linear.warm(issue)
    assert linear.service.read(issue.id, MEMORY).memory.vetoed == {linear.label(issue, "Bug").id}
    assert linear.requests == 2


def test_history_too_long_to_know_is_told_as_not_whole(linear: LinearRig) -> None:
    issue = linear.issue()
    for n in range(201):
        person(linear, issue, title=f"title {n}")
    linear.warm(issue)
    assert not linear.service.read(issue.id, MEMORY).memory.whole
    assert linear.requests == 4


def test_failing_second_page_of_history_is_not_taken_for_its_end(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    person(linear, issue, remove_labels=["Bug"])
    for n in range(60):
        person(linear, issue, title=f"title {n}")
    linear.service.identity()
    linear.fault("issue", "delay")
    linear.fault("issue", "rate_limit", reason="internal error")
    with pytest.raises(Conflict):
        linear.service.read(issue.id, MEMORY)


@pytest.mark.parametrize("kind", ["whole", "part"])
def test_reading_with_an_error_in_it_is_not_used(linear: LinearRig, kind: str) -> None:
    issue = linear.issue()
    data = {"issue": {"id": issue.id, "title": "x", "syncedWith": None}}
    error = {"message": "", "path": ["issue", "syncedWith"], "extensions": {"type": "lock timeout"}}
    body = {"data": None if kind == "whole" else data, "errors": [error]}
    linear.fault("issue", "status", status=200, body=json.dumps(body))
    with pytest.raises(Conflict):
        linear.service.read(issue.id, Recall())


@pytest.mark.parametrize(
    "body", ["{}", "[]", '{"data": null}', '{"data": {"issue": {}}}', '{"data": {"issue": {"id": "a/b"}}}']
)
def test_answer_without_an_issue_is_a_server_fault(linear: LinearRig, body: str) -> None:
    linear.fault("issue", "status", status=200, body=body)
    with pytest.raises(TrackerError) as caught:
        linear.service.read("ENG-1", Recall())
    assert type(caught.value) is ServerFault
