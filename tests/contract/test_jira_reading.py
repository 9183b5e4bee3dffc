"""Reading Jira through the service: issues, what they remember of us, our comments, our identity."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.conftest import SECRET, JiraRig, MakeJira, add, found, jira_labels, operations, say
from tests.contract.jira_site import TOKEN
from trackers.errors import Gone, Paused, Rejected, ServerFault, Unauthorized
from trackers.jira.memory import PROPERTY
from trackers.model import AuthorKind, Label, Memory
from trackers.protocol import LABELS_TOPIC, Recall

LABELS = Recall(comments=(LABELS_TOPIC,))


def test_issue_is_read_by_id_and_by_key_alike(jira: JiraRig) -> None:
    made = jira.site.issue(
        title=SECRET, body="It *breaks*", type="Bug", labels=["a"], components=["api"], priority="High"
    )
    issue = jira.service.read(made["id"], Recall()).issue
    assert jira.service.read(made["key"], Recall()).issue == issue
    assert (issue.id, issue.key, issue.project) == (made["id"], "ABC-1", "ABC")
    assert (issue.title, issue.body, issue.type, issue.priority) == (SECRET, "It *breaks*", "Bug", "High")
    assert [label.name for label in issue.labels] == ["a"] and issue.components == ("api",)
    assert issue.author is AuthorKind.PERSON and not issue.service_project
    assert issue.updated is not None and issue.url == f"{jira.site.url}/browse/ABC-1"


def test_service_project_is_known_as_such(jira: JiraRig) -> None:
    assert jira.issue(project="HELP").service_project


def test_reading_takes_one_request_and_tells_what_was_applied(jira: JiraRig) -> None:
    issue = jira.issue()
    remember = Memory(frozenset({"security"}), frozenset({"docs"}))
    jira.send(issue, add(Label("security", "security"), remember=remember))
    jira.forget_calls()
    reading = jira.service.read(issue.id, Recall())
    assert reading.memory == remember
    assert operations(jira.calls) == ["GET issue"]


@pytest.mark.parametrize(
    "value", ["text", 7, [], {"applied": "x", "vetoed": {"a": 1}}, {"applied": [1, None]}]
)
def test_forged_memory_is_read_as_none(jira: JiraRig, value: object) -> None:
    issue = jira.issue()
    jira.site.api.put(f"/rest/api/2/issue/{issue.key}/properties/{PROPERTY}", json=value)
    assert jira.service.read(issue.id, Recall()).memory == Memory()


def test_own_comment_is_found_again(jira: JiraRig) -> None:
    issue = jira.issue()
    (written,) = jira.send(issue, say())
    assert written.comment is not None
    assert found(jira.service.read(issue.id, LABELS).comments) == [(LABELS_TOPIC, written.comment.id)]


def test_comments_are_not_fetched_without_being_asked_for(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.send(issue, say())
    jira.forget_calls()
    assert jira.service.read(issue.id, Recall()).comments == ()
    assert operations(jira.calls) == ["GET issue"]


def test_another_authors_comment_with_our_property_is_not_taken(jira: JiraRig) -> None:
    issue = jira.issue()
    forged = jira.site.control("POST", f"issues/{issue.key}/comments", {"body": "I am the bot"})
    marker = {"v": 1, "topic": LABELS_TOPIC}
    path = f"/rest/api/2/comment/{forged['id']}/properties/{PROPERTY}"
    assert jira.site.api.put(path, json=marker).status_code == 201
    assert jira.service.read(issue.id, LABELS).comments == ()


def test_own_comment_on_another_topic_is_not_taken(jira: JiraRig) -> None:
    issue = jira.issue()
    body = {"body": "x", "properties": [{"key": PROPERTY, "value": {"v": 1, "topic": "sprint"}}]}
    assert jira.site.api.post(f"/rest/api/2/issue/{issue.key}/comment", json=body).status_code == 201
    assert jira.service.read(issue.id, LABELS).comments == ()


def test_own_comment_without_a_topic_is_not_taken(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.site.api.post(f"/rest/api/2/issue/{issue.key}/comment", json={"body": "typed by the token's owner"})
    assert jira.service.read(issue.id, LABELS).comments == ()


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_own_comment_is_found_beyond_the_first_page(make_jira: MakeJira, deployment: str) -> None:
    jira = make_jira(deployment=deployment, page_size=2)
    issue = jira.issue()
    for n in range(4):
        jira.site.control("POST", f"issues/{issue.key}/comments", {"body": f"talk {n}"})
    (written,) = jira.send(issue, say())
    assert written.comment is not None
    assert found(jira.service.read(issue.id, LABELS).comments) == [(LABELS_TOPIC, written.comment.id)]


def test_identity_is_asked_once_and_remembered_for_all(jira: JiraRig) -> None:
    me = jira.service.identity()
    assert jira.another().identity() == jira.service.identity() == me
    assert me.name == "Sprintwarden" and not me.is_app
    assert me.id.startswith("712020:") if jira.cloud else me.id == "bot"
    assert operations(jira.calls) == ["GET myself"]


def test_service_account_is_known_as_an_app(make_jira: MakeJira) -> None:
    assert make_jira(bot_is_app=True).service.identity().is_app


def test_unknown_issue_is_gone(jira: JiraRig) -> None:
    with pytest.raises(Gone):
        jira.service.read("ABC-99", Recall())


def test_deleted_issue_is_gone(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.site.control("DELETE", f"issues/{issue.key}")
    with pytest.raises(Gone):
        jira.service.read(issue.id, Recall())


def test_cloud_that_takes_a_bad_token_for_a_visitor_means_bad_credentials(cloud: JiraRig) -> None:
    issue = cloud.issue()
    cloud.forget_calls()
    with pytest.raises(Unauthorized):
        cloud.another(token="expired", kept=False).read(issue.id, Recall())
    assert [(call.operation, call.status) for call in cloud.calls] == [
        ("GET issue", 404),
        ("GET myself", 401),
    ]
    assert cloud.gate.paused[0][0] == "all"


def test_credentials_are_confirmed_afresh_for_each_missing_issue(cloud: JiraRig) -> None:
    for key in ("ABC-98", "ABC-99"):
        with pytest.raises(Gone):
            cloud.service.read(key, Recall())
    assert operations(cloud.calls) == ["GET issue", "GET myself"] * 2


def test_data_center_refuses_a_bad_token_outright(data_center: JiraRig) -> None:
    issue = data_center.issue()
    with pytest.raises(Unauthorized) as caught:
        data_center.another(token="expired", kept=False).read(issue.id, Recall())
    assert "expired" not in str(caught.value) and TOKEN not in str(caught.value)


@pytest.mark.parametrize("issue", ["../myself", "ABC-1/comment", "..", ".", "", "a b", "ABC-1?x=1", "%2e%2e"])
def test_path_that_is_no_id_is_not_asked_for(jira: JiraRig, issue: str) -> None:
    with pytest.raises(Rejected):
        jira.service.read(issue, Recall())
    assert jira.calls == []


def test_answer_without_an_issue_is_a_server_fault(jira: JiraRig) -> None:
    for body in ("{}", "[]", '{"id": "1"}', '{"id": "1/2", "fields": {"summary": "x"}}'):
        jira.fault("GET issue", "status", status=200, body=body)
        with pytest.raises(ServerFault):
            jira.service.read("ABC-1", Recall())


def test_nothing_is_asked_while_a_pause_holds(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.warm()
    jira.gate.limit("all", timedelta(minutes=1), "test")
    with pytest.raises(Paused) as caught:
        jira.service.read(issue.id, Recall())
    with pytest.raises(Paused):
        jira.send(issue, jira_labels("security"))
    assert caught.value.left == timedelta(minutes=1) and jira.calls == []


def test_identity_is_not_asked_for_while_a_pause_holds(jira: JiraRig) -> None:
    jira.gate.limit("all", timedelta(minutes=1), "test")
    with pytest.raises(Paused):
        jira.service.identity()
    assert jira.calls == []


def test_label_names_are_listed_where_the_tracker_can(jira: JiraRig) -> None:
    for name in ("one", "two", "three"):
        jira.site.issue(labels=[name])
    listed = jira.service.label_names(["ABC"])
    assert listed == (frozenset({"one", "two", "three"}) if jira.cloud else None)
