"""Writing to Linear through the service: labels, labels to be made, the comment, and partial refusals."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.contract.conftest import LinearRig, MakeLinear, add, operations, say
from trackers.errors import Conflict, ServerFault, Unreachable
from trackers.linear.service import comment_id
from trackers.model import Issue, Label, Memory
from trackers.protocol import (
    LABELS_TOPIC,
    CreateLabel,
    Failure,
    Operation,
    Recall,
    RemoveLabels,
    Written,
)


def labels_on(linear: LinearRig, issue: Issue) -> list[str]:
    return sorted(linear.view(issue)["labels"])


def bodies(linear: LinearRig, issue: Issue) -> list[str]:
    return [comment["body"] for comment in linear.view(issue)["comments"]]


def bug(linear: LinearRig, issue: Issue) -> Label:
    return linear.label(issue, "Bug")


def off(label: Label) -> RemoveLabels:
    """Take this label off."""
    return RemoveLabels((label,), Memory())


def the_failure(written: Written) -> Failure:
    (failure,) = written.failures
    return failure


def test_tagging_is_one_reading_and_one_write(linear: LinearRig) -> None:
    issue = linear.issue()
    labels = bug(linear, issue), linear.label(issue, "security")
    linear.warm(issue)
    linear.send(linear.service.read(issue.id, Recall()).issue, add(*labels))
    assert linear.requests == 2 and operations(linear.calls) == ["issue", "issueUpdate"]


def test_comment_needs_no_request_of_its_own(linear: LinearRig) -> None:
    issue = linear.issue()
    labels = add(bug(linear, issue))
    linear.warm(issue)
    linear.send(issue, labels, say())
    assert linear.requests == 1 and operations(linear.calls) == ["issueUpdate", "commentCreate"]


def test_labels_are_added_to_those_a_person_set_meanwhile(linear: LinearRig) -> None:
    issue = linear.issue(labels=["documentation"])
    label = bug(linear, issue)
    linear.toy.control("PATCH", f"/issues/{issue.key}", {"add_labels": ["Area/api"]})
    written = linear.send(issue, add(label))
    assert labels_on(linear, issue) == ["Bug", "api", "documentation"]
    assert written.labels == (label,) and written.failures == ()
    assert written.updated == linear.service.read(issue.id, Recall()).issue.updated


def test_label_that_is_there_already_changes_nothing(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    assert linear.send(issue, add(bug(linear, issue))).updated == issue.updated


def test_new_label_is_made_for_the_team_and_put_on(linear: LinearRig) -> None:
    issue = linear.issue()
    written = linear.send(issue, add(bug(linear, issue), new=[" flaky "]))
    assert labels_on(linear, issue) == ["Bug", "flaky"]
    assert [label.name for label in written.labels] == ["Bug", "flaky"]
    assert linear.label(issue, "flaky").id == written.labels[1].id
    assert linear.service.palette(linear.issue(project="OPS")).find("flaky") is None


def test_name_that_is_taken_means_the_label_that_has_it(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.warm(issue)
    made = linear.toy.control("POST", "/linear/labels", {"name": "Flaky", "team": "ENG"})
    assert linear.service.palette(issue).find("flaky") is None
    (label,) = linear.send(issue, add(new=["flaky"])).labels
    assert label.id == made["id"] and labels_on(linear, issue) == ["Flaky"]


def test_label_that_may_not_be_made_does_not_keep_the_others_off(make_linear: MakeLinear) -> None:
    linear = make_linear(label_creation=False)
    issue = linear.issue()
    label = bug(linear, issue)
    written = linear.send(issue, add(label, new=["flaky"]))
    assert labels_on(linear, issue) == ["Bug"] and written.labels == (label,)
    assert the_failure(written).operation == add(label, new=["flaky"])
    assert "forbids" in the_failure(written).sentence


def test_comment_does_not_tell_of_a_label_that_could_not_be_made(make_linear: MakeLinear) -> None:
    linear = make_linear(label_creation=False)
    issue = linear.issue()
    labels = add(bug(linear, issue), new=["flaky"])
    written = linear.send(issue, labels, say())
    assert labels_on(linear, issue) == ["Bug"] and bodies(linear, issue) == []
    assert [failure.operation for failure in written.failures] == [labels, say()]


def test_only_label_that_may_not_be_made_is_told_without_a_write(make_linear: MakeLinear) -> None:
    linear = make_linear(label_creation=False)
    issue = linear.issue()
    linear.forget_calls()
    written = linear.send(issue, add(new=["flaky"]))
    assert written.labels == () and the_failure(written).sentence
    assert operations(linear.calls) == ["issueLabelCreate"]


def test_label_that_cannot_be_made_just_now_is_tried_again(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.fault("issueLabelCreate", "rate_limit", reason="lock timeout")
    with pytest.raises(Conflict):
        linear.send(issue, add(new=["flaky"]))
    assert [label.name for label in linear.send(issue, add(new=["flaky"])).labels] == ["flaky"]


def test_refused_comment_leaves_the_labels_done_and_told(linear: LinearRig) -> None:
    issue = linear.issue()
    labels, comment = add(bug(linear, issue)), say()
    linear.fault("commentCreate", "rate_limit", reason="forbidden")
    written = linear.send(issue, labels, comment)
    assert labels_on(linear, issue) == ["Bug"] and bodies(linear, issue) == []
    assert written.labels == labels.labels and written.comment is None
    assert the_failure(written).operation == comment and not the_failure(written).comment_gone


@pytest.mark.parametrize("status", [200, 400])
def test_labels_refused_for_their_group_keep_the_comment_from_claiming_them(
    make_linear: MakeLinear, status: int
) -> None:
    linear = make_linear(input_error_status=status)
    issue = linear.issue(labels=["Area/api"])
    labels = add(linear.label(issue, "Area/ui"))
    written = linear.send(issue, labels, say())
    assert labels_on(linear, issue) == ["api"] and bodies(linear, issue) == []
    assert written.labels == () and written.comment is None
    assert [failure.operation for failure in written.failures] == [labels, say()]
    assert not any(failure.comment_gone for failure in written.failures)


@pytest.mark.parametrize("field", ["issueUpdate", "commentCreate"])
@pytest.mark.parametrize("reason", ["lock timeout", "internal error"])
def test_passing_trouble_with_a_part_is_tried_again(linear: LinearRig, field: str, reason: str) -> None:
    issue = linear.issue()
    wanted: list[Operation] = [add(bug(linear, issue)), say()]
    linear.fault(field, "rate_limit", reason=reason)
    with pytest.raises(Conflict):
        linear.send(issue, *wanted)
    linear.send(issue, *wanted)
    assert labels_on(linear, issue) == ["Bug"] and bodies(linear, issue) == [say().body]


@pytest.mark.fault(35)
def test_label_deleted_meanwhile_is_looked_up_anew(linear: LinearRig) -> None:
    issue = linear.issue()
    old = bug(linear, issue)
    linear.toy.control("DELETE", f"/linear/labels/{old.id}")
    linear.toy.control("POST", "/linear/labels", {"name": "Bug"})
    with pytest.raises(Conflict):
        linear.send(issue, add(old))
    new = bug(linear, issue)
    assert new.id != old.id
    assert linear.send(issue, add(new)).labels == (new,) and labels_on(linear, issue) == ["Bug"]


def test_label_of_another_team_is_looked_up_anew(linear: LinearRig) -> None:
    issue = linear.issue()
    theirs = linear.label(linear.issue(project="OPS"), "ops-infra")
    linear.service.palette(issue)
    with pytest.raises(Conflict):
        linear.send(issue, add(theirs))
    assert f"labels:{issue.team_id}" not in linear.cache.held


@pytest.mark.parametrize(
    "body", ['{"data": null}', '{"data": {}}', '{"data": {"labels": {"success": false}}}']
)
def test_write_that_is_not_said_to_be_done_is_not_told_as_done(linear: LinearRig, body: str) -> None:
    issue = linear.issue()
    label = bug(linear, issue)
    linear.fault("issueUpdate", "status", status=200, body=body)
    with pytest.raises(ServerFault):
        linear.send(issue, add(label))


@pytest.mark.parametrize("body", ['{"data": null}', '{"data": {"comment": {"success": false}}}'])
def test_comment_that_is_not_said_to_be_done_is_not_told_as_done(linear: LinearRig, body: str) -> None:
    issue = linear.issue()
    linear.fault("commentCreate", "status", status=200, body=body)
    with pytest.raises(ServerFault):
        linear.send(issue, say())


def test_comment_id_is_made_from_place_and_topic_alone() -> None:
    made = comment_id("acme", "issue", LABELS_TOPIC)
    assert made == comment_id("acme", "issue", LABELS_TOPIC)
    others = {comment_id("other", "issue", LABELS_TOPIC), comment_id("acme", "x", LABELS_TOPIC)}
    assert len({made, comment_id("acme", "issue", "sprint")} | others) == 4
    assert UUID(made).version == 4 and str(UUID(made)) == made


def test_comment_is_posted_under_its_id_without_subscribing_us(linear: LinearRig) -> None:
    issue = linear.issue()
    written = linear.send(issue, say())
    assert written.comment is not None and written.comment.url is not None
    assert written.comment.id == comment_id("acme", issue.id, LABELS_TOPIC)
    view = linear.view(issue)
    assert view["comments"][0]["id"] == written.comment.id and view["subscribers"] == ["Robin Person"]


def test_comment_is_edited_in_place(linear: LinearRig) -> None:
    issue = linear.issue()
    first = linear.send(issue, say("one"))
    assert first.comment is not None
    second = linear.send(issue, add(bug(linear, issue)), say("two", id=first.comment.id))
    assert second.comment == first.comment and bodies(linear, issue) == ["two"]


@pytest.mark.fault(32)
def test_comment_posted_twice_is_edited_not_doubled(linear: LinearRig) -> None:
    issue = linear.issue()
    first = linear.send(issue, say("one"))
    linear.forget_calls()
    second = linear.send(issue, say("two"))
    assert second.comment == first.comment and bodies(linear, issue) == ["two"]
    assert operations(linear.calls) == ["commentCreate", "commentUpdate"]


@pytest.mark.fault(33)
@pytest.mark.parametrize("known", [True, False])
def test_comment_a_person_deleted_is_told_as_gone_and_not_posted_again(
    linear: LinearRig, known: bool
) -> None:
    issue = linear.issue()
    first = linear.send(issue, say("one"))
    assert first.comment is not None
    linear.toy.control("DELETE", f"/comments/{first.comment.id}")
    again = say("two", id=first.comment.id if known else None)
    written = linear.send(issue, add(bug(linear, issue)), again)
    assert the_failure(written).comment_gone and the_failure(written).operation == again
    assert written.comment is None and bodies(linear, issue) == []
    assert [label.name for label in written.labels] == ["Bug"]


def test_comment_on_an_issue_that_vanished_is_not_told_as_deleted_by_a_person(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.toy.control("POST", f"/linear/issues/{issue.key}/purge")
    failure = the_failure(linear.send(issue, say()))
    assert not failure.comment_gone and failure.operation == say()


def test_comment_of_another_under_our_id_is_neither_edited_nor_doubled(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.send(issue, say("one"))
    row = linear.tracker.state.comments[comment_id("acme", issue.id, LABELS_TOPIC)]
    linear.tracker.state.comments[row.id] = type(row)(
        id=row.id,
        created_at=1,
        updated_at=1,
        body="mine",
        issue_id=issue.id,
        user_id=linear.tracker.state.person("Eve").id,
    )
    written = linear.send(issue, say("two"))
    assert the_failure(written).sentence and bodies(linear, issue) == ["mine"]


@pytest.mark.fault(32)
@pytest.mark.parametrize("kind", ["reset", "reset_after"])
def test_write_cut_off_and_sent_again_has_one_effect(linear: LinearRig, kind: str) -> None:
    issue = linear.issue()
    wanted: list[Operation] = [add(bug(linear, issue)), say()]
    linear.service.identity()
    linear.fault("issueUpdate", kind)
    with pytest.raises(Unreachable):
        linear.send(issue, *wanted)
    reading = linear.service.read(issue.id, Recall(memory=True, comments=(LABELS_TOPIC,)))
    done = kind == "reset_after"
    assert bool(reading.issue.labels) is bool(reading.comments) is bool(reading.memory.applied) is done
    linear.send(reading.issue, *wanted)
    assert labels_on(linear, issue) == ["Bug"] and bodies(linear, issue) == [say().body]


@pytest.mark.fault(32)
def test_label_made_in_a_write_that_was_cut_off_is_not_made_again(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.fault("issueLabelCreate", "reset_after")
    with pytest.raises(Unreachable):
        linear.send(issue, add(new=["flaky"]))
    linear.send(issue, add(new=["flaky"]))
    assert labels_on(linear, issue) == ["flaky"]
    assert [label["name"] for label in linear.toy.control("GET", "/linear/labels")].count("flaky") == 1


def test_steps_are_one_request_and_send_nothing_by_themselves(linear: LinearRig) -> None:
    issue = linear.issue()
    wanted: list[Operation] = [add(new=["flaky"], remember=Memory()), say()]
    linear.forget_calls()
    (step,) = linear.service.steps(issue, wanted)
    assert step.name == "labels+comment" and step.operations == tuple(wanted) and linear.requests == 0
    assert isinstance(wanted[0], type(add())) and add(new=["flaky"]).new == (CreateLabel("flaky"),)
    assert linear.service.steps(issue, []) == ()


def test_label_is_taken_off_and_the_others_stay(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug", "security"])
    label = bug(linear, issue)
    linear.warm(issue)
    written = linear.send(issue, off(label))
    assert linear.requests == 1 and labels_on(linear, issue) == ["security"]
    assert (written.failures, written.labels, written.withdrawn) == ((), (), (label,))
    assert written.updated == linear.service.read(issue.id, Recall()).issue.updated


def test_taking_a_label_off_and_commenting_is_one_request(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    label, security = bug(linear, issue), linear.label(issue, "security")
    linear.warm(issue)
    written = linear.send(issue, add(security), off(label), say())
    assert linear.requests == 1 and labels_on(linear, issue) == ["security"]
    assert written.labels == (security,) and written.comment is not None and written.failures == ()


def test_label_that_is_not_on_the_issue_is_no_failure(linear: LinearRig) -> None:
    issue = linear.issue()
    written = linear.send(issue, off(bug(linear, issue)), say())
    assert written.failures == () and written.comment is not None


def test_label_that_is_no_longer_there_is_no_failure(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    label, security = bug(linear, issue), linear.label(issue, "security")
    linear.toy.control("DELETE", f"/linear/labels/{label.id}")
    written = linear.send(issue, add(security), off(label), say("Settled."))
    assert written.failures == () and written.labels == (security,) and written.withdrawn == (label,)
    assert labels_on(linear, issue) == ["security"] and bodies(linear, issue) == ["Settled."]


def test_removal_that_is_refused_keeps_nothing_else_off(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    removal, security = off(bug(linear, issue)), linear.label(issue, "security")
    linear.fault("issueUpdate", "rate_limit", reason="forbidden")
    written = linear.send(issue, add(security), removal, say())
    failure = the_failure(written)
    assert failure.operation == removal and "not allowed" in failure.sentence
    assert written.labels == (security,) and written.withdrawn == () and written.comment is not None
    assert labels_on(linear, issue) == ["Bug", "security"] and len(bodies(linear, issue)) == 1


def test_removal_in_passing_trouble_is_tried_again(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug"])
    removal = off(bug(linear, issue))
    linear.fault("issueUpdate", "rate_limit", reason="lock timeout")
    with pytest.raises(Conflict):
        linear.send(issue, removal)
    assert linear.send(issue, removal).withdrawn == removal.labels


def test_what_we_took_off_is_no_veto(linear: LinearRig) -> None:
    issue = linear.issue()
    label = bug(linear, issue)
    linear.send(issue, add(label))
    linear.send(issue, off(label))
    memory = linear.service.read(issue.id, Recall(memory=True)).memory
    assert memory.applied == {label.id} and memory.vetoed == frozenset()


def test_what_a_persons_key_took_off_counts_as_that_persons_veto(make_linear: MakeLinear) -> None:
    linear = make_linear(dedicated_app=False)
    issue = linear.issue()
    label = bug(linear, issue)
    linear.send(issue, add(label))
    linear.send(issue, off(label))
    assert linear.service.read(issue.id, Recall(memory=True)).memory.vetoed == {label.id}
