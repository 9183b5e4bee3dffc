"""Writing to Jira through the service: labels with what we remember, comments, how often we ask."""

from __future__ import annotations

import pytest

from tests.contract.conftest import JiraRig, MakeJira, add, jira_labels, operations, say
from trackers.errors import Gone, Unauthorized
from trackers.jira.memory import PROPERTY
from trackers.jira.service import valid_label
from trackers.model import Label, Memory
from trackers.protocol import LABELS_TOPIC, Recall, RemoveLabels

MEMORY = Memory(frozenset({"security"}), frozenset({"docs"}))


def test_tagging_is_one_reading_and_one_write(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.warm()
    jira.send(jira.service.read(issue.id, Recall()).issue, jira_labels("security", "performance"))
    assert operations(jira.calls) == ["GET issue", "PUT issue"]


def test_comment_is_one_request_more(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.warm()
    jira.send(jira.service.read(issue.id, Recall()).issue, jira_labels("security"), say())
    assert operations(jira.calls) == ["GET issue", "PUT issue", "POST comment"]


def test_gate_is_asked_before_each_call(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.warm()
    jira.send(issue, jira_labels("security"), say())
    mine = f"issue:{issue.id}"
    assert jira.gate.asked == [
        ("all", "endpoint:PUT /rest/api/2/issue/{issue}", mine),
        ("all", "endpoint:POST /rest/api/2/issue/{issue}/comment", mine),
    ]


def test_labels_are_added_to_those_a_person_set_meanwhile(jira: JiraRig) -> None:
    issue = jira.issue(labels=["theirs"])
    jira.site.control(
        "PATCH", f"issues/{issue.key}", {"add_labels": ["just-now"], "remove_labels": ["theirs"]}
    )
    (written,) = jira.send(issue, jira_labels("security"))
    assert jira.view(issue)["labels"] == ["just-now", "security"]
    assert written.labels == (Label("security", "security"),) and written.failures == ()


def test_what_we_applied_is_remembered_by_the_same_write(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.warm()
    jira.send(issue, add(Label("security", "security"), remember=MEMORY))
    (call,) = jira.calls
    assert call.detail["labels_added"] == ["security"] and call.detail["properties"] == [PROPERTY]
    assert jira.view(issue)["properties"] == {PROPERTY: {"v": 1, "applied": ["security"], "vetoed": ["docs"]}}
    assert jira.service.read(issue.id, Recall()).memory == MEMORY


def test_more_than_a_property_holds_is_remembered_in_part(jira: JiraRig) -> None:
    issue = jira.issue()
    many = Memory(
        frozenset(f"{n:03}" + "x" * 252 for n in range(300)),
        frozenset(f"{n:03}" + "ø" * 252 for n in range(300)),
    )
    jira.send(issue, add(Label("security", "security"), remember=many))
    held = jira.service.read(issue.id, Recall()).memory
    assert jira.view(issue)["labels"] == ["security"]
    assert held.applied and held.applied <= many.applied
    assert held.vetoed and held.vetoed <= many.vetoed


def off(*names: str, remember: Memory) -> RemoveLabels:
    return RemoveLabels(tuple(Label(name, name) for name in names), remember)


def test_our_label_is_taken_off_and_forgotten_in_one_write_without_mail(jira: JiraRig) -> None:
    issue = jira.issue(labels=["theirs"])
    jira.send(issue, jira_labels("scope-added", "security"))
    jira.warm()
    (written,) = jira.send(issue, off("scope-added", remember=Memory(frozenset({"security"}))))
    (call,) = jira.calls
    assert (call.operation, call.detail["labels_removed"], call.detail["mail"]) == (
        "PUT issue",
        ["scope-added"],
        False,
    )
    assert jira.view(issue)["labels"] == ["theirs", "security"]
    assert written.failures == () and (written.updated is not None) is jira.cloud
    assert [label.name for label in written.withdrawn] == ["scope-added"]
    reading = jira.service.read(issue.id, Recall())
    assert reading.memory == Memory(frozenset({"security"}))


def test_label_that_is_gone_already_is_no_failure(jira: JiraRig) -> None:
    issue = jira.issue(labels=["theirs"])
    (written,) = jira.send(issue, off("scope-added", remember=Memory()))
    assert written.failures == () and jira.view(issue)["labels"] == ["theirs"]


def test_what_we_took_off_ourselves_is_no_persons_no(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.send(issue, jira_labels("scope-added"))
    jira.send(issue, off("scope-added", remember=Memory()))
    (past,) = jira.service.past(("ABC",)).issues
    assert (past.labels_by_us, past.taken_off) == (frozenset(), frozenset())


def test_updated_of_the_write_is_told_where_the_deployment_returns_it(jira: JiraRig) -> None:
    issue = jira.issue()
    (written,) = jira.send(issue, jira_labels("security"))
    now = jira.service.read(issue.id, Recall()).issue.updated
    assert written.updated == (now if jira.cloud else None)
    assert issue.updated is not None and now is not None and now > issue.updated


def test_label_that_is_there_already_changes_nothing(jira: JiraRig) -> None:
    issue = jira.issue(labels=["security"])
    (written,) = jira.send(issue, jira_labels("security"))
    assert written.updated in (issue.updated, None)
    assert jira.calls[-1].detail["changed"] is False


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("tech debt", "tech-debt"),
        ("  Tech \t Debt\n", "Tech-Debt"),
        ("a\u00a0b\u2003c", "a-b-c"),
        ("nul\x00l", "nul-l"),
        ('say "hi"', 'say-"hi"'),
        ("x" * 300, "x" * 255),
        (" \n", ""),
    ],
)
def test_label_is_made_valid(cloud: JiraRig, name: str, valid: str) -> None:
    issue = cloud.issue()
    assert valid_label(name) == cloud.service.label_name(name) == valid
    label = cloud.service.palette(issue).find(name)
    assert label == (Label(valid, valid) if valid else None)
    if label is not None:
        cloud.send(issue, add(label))
        assert cloud.view(issue)["labels"] == [valid]


def test_labels_are_written_without_mail_where_that_is_allowed(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.send(issue, jira_labels("security"))
    assert jira.calls[-1].detail["mail"] is False


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
@pytest.mark.parametrize("refusal", ["refuse", "ignore"])
def test_silence_is_not_asked_for_without_the_permission(
    make_jira: MakeJira, deployment: str, refusal: str
) -> None:
    jira = make_jira(deployment=deployment, may_suppress_mail=False, mail_refusal=refusal)
    issue = jira.issue()
    jira.send(issue, jira_labels("security"))
    assert jira.view(issue)["labels"] == ["security"]
    assert jira.calls[-1].detail["mail"] is True


def test_labels_are_written_though_the_permission_was_lost(make_jira: MakeJira) -> None:
    jira = make_jira(may_suppress_mail=False)
    issue = jira.issue()
    jira.cache.held["quiet:ABC"] = "true"
    jira.send(issue, jira_labels("security"))
    assert jira.view(issue)["labels"] == ["security"]
    assert [(call.operation, call.status) for call in jira.calls[-2:]] == [
        ("PUT issue", 403),
        ("PUT issue", 200),
    ]
    assert jira.service.setup.may_edit_quietly("ABC") is False


def test_comment_carries_its_topic_in_a_hidden_property(jira: JiraRig) -> None:
    issue = jira.issue()
    (written,) = jira.send(issue, say("Because it says *xss*."))
    (comment,) = jira.view(issue)["comments"]
    assert written.comment is not None and comment["id"] == written.comment.id
    assert written.comment.topic == LABELS_TOPIC
    assert comment["body"] == "Because it says *xss*." and comment["author"] == "Sprintwarden"
    assert comment["properties"] == {PROPERTY: {"v": 1, "topic": LABELS_TOPIC}}
    assert not comment["internal"]


def test_comment_in_a_service_project_stays_internal(jira: JiraRig) -> None:
    issue = jira.issue(project="HELP")
    (written,) = jira.send(issue, say("For agents only."))
    assert written.comment is not None
    jira.send(issue, say("Edited.", id=written.comment.id))
    (comment,) = jira.view(issue)["comments"]
    assert comment["internal"] and comment["body"] == "Edited."


def test_comment_is_edited_in_place(jira: JiraRig) -> None:
    issue = jira.issue()
    (first,) = jira.send(issue, say("one"))
    assert first.comment is not None
    jira.send(issue, say("warms the cache of permissions", id=first.comment.id))
    jira.forget_calls()
    (second,) = jira.send(issue, say("two", id=first.comment.id))
    assert second.comment == first.comment and operations(jira.calls) == ["PUT comment"]
    assert [comment["body"] for comment in jira.view(issue)["comments"]] == ["two"]


def test_comment_a_person_deleted_is_told_as_gone_and_not_posted_again(jira: JiraRig) -> None:
    issue = jira.issue()
    (first,) = jira.send(issue, say("one"))
    assert first.comment is not None
    jira.site.control("DELETE", f"comments/{first.comment.id}")
    (second,) = jira.send(issue, say("two", id=first.comment.id))
    assert second.comment is None and jira.view(issue)["comments"] == []
    (failure,) = second.failures
    assert failure.comment_gone and failure.operation == say("two", id=first.comment.id)


def test_comment_is_not_taken_for_deleted_when_the_token_ended(cloud: JiraRig) -> None:
    issue = cloud.issue()
    (first,) = cloud.send(issue, say("one"))
    assert first.comment is not None
    (step,) = cloud.another(token="expired", kept=False).steps(issue, [say("two", id=first.comment.id)])
    with pytest.raises(Unauthorized):
        step.send()


def test_labels_for_a_vanished_issue_tell_that_it_is_gone(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.site.control("DELETE", f"issues/{issue.key}")
    with pytest.raises(Gone):
        jira.send(issue, jira_labels("security"))


def test_labels_with_an_ended_token_tell_of_the_credentials(cloud: JiraRig) -> None:
    issue = cloud.issue()
    cloud.warm()
    (step,) = cloud.another(token="expired").steps(issue, [jira_labels("security")])
    with pytest.raises(Unauthorized):
        step.send()
    assert operations(cloud.calls) == ["PUT issue", "GET myself"]


def test_steps_go_in_the_order_given_and_send_nothing_by_themselves(jira: JiraRig) -> None:
    issue = jira.issue()
    jira.forget_calls()
    steps = jira.service.steps(issue, [jira_labels("security"), say()])
    assert [step.name for step in steps] == ["labels", "comment"] and jira.calls == []
    assert jira.service.steps(issue, []) == ()
