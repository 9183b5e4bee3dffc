"""Labels on many Linear issues at once: alike in one write, and culprits found out."""

from __future__ import annotations

import pytest

from tests.contract.conftest import LinearRig, MakeLinear, operations
from trackers.errors import Conflict, Paused, ServerFault
from trackers.limits import BULK
from trackers.linear.batch import MOST, SEEN
from trackers.model import Issue, Label, Memory
from trackers.protocol import Glimpse, Mark, Marked, Recall


def mark(issue: Issue, *labels: Label) -> Mark:
    return Mark(issue.id, issue.project, labels, Memory())


def send(linear: LinearRig, *marks: Mark) -> Marked:
    (step,) = linear.service.bulk_steps(marks)
    return step.send()


def on(linear: LinearRig, issue: Issue) -> list[str]:
    return sorted(linear.view(issue)["labels"])


def test_what_gets_the_same_labels_goes_together(linear: LinearRig) -> None:
    issues = [linear.issue() for _ in range(4)]
    bug, security = linear.label(issues[0], "Bug"), linear.label(issues[0], "security")
    given = [(bug,), (security, bug), (bug, security), ()]
    marks = [mark(issue, *labels) for issue, labels in zip(issues, given, strict=True)]
    linear.warm(issues[0])
    steps = linear.service.bulk_steps(marks)
    assert [step.marks for step in steps] == [(marks[0],), (marks[1], marks[2])]
    assert linear.requests == 0
    for step in steps:
        assert step.send().failures == {}
    assert linear.requests == 2
    assert [on(linear, issue) for issue in issues] == [["Bug"], ["Bug", "security"], ["Bug", "security"], []]


def test_fifty_go_in_one_write(linear: LinearRig) -> None:
    issue = linear.issue()
    bug = linear.label(issue, "Bug")
    marks = [Mark(f"{n:08}", "ENG", (bug,), Memory()) for n in range(2 * MOST + 1)]
    assert [len(step.marks) for step in linear.service.bulk_steps(marks)] == [MOST, MOST, 1]


@pytest.mark.fault(32)
def test_done_tells_when_each_was_updated_and_again_changes_nothing(linear: LinearRig) -> None:
    issues = [linear.issue(), linear.issue(labels=["documentation"])]
    marks = [mark(issue, linear.label(issue, "Bug")) for issue in issues]
    first = send(linear, *marks)
    now = {issue.id: linear.service.read(issue.id, Recall()).issue.updated for issue in issues}
    assert first.done == now and first.failures == {}
    assert send(linear, *marks) == first
    assert on(linear, issues[1]) == ["Bug", "documentation"]


def test_issues_that_cannot_have_the_label_are_found_and_the_others_get_it(linear: LinearRig) -> None:
    issues = [linear.issue() for _ in range(9)]
    taken = linear.issue(labels=["Area/ui"])
    gone = linear.issue()
    linear.toy.control("POST", f"/linear/issues/{gone.key}/purge")
    api = linear.label(taken, "Area/api")
    marked = send(linear, *(mark(issue, api) for issue in [*issues[:4], taken, *issues[4:], gone]))
    assert marked.done.keys() == {issue.id for issue in issues}
    assert marked.failures.keys() == {taken.id, gone.id}
    assert "one label of each group" in marked.failures[taken.id]
    assert "no longer there" in marked.failures[gone.id]
    assert on(linear, taken) == ["ui"] and all(on(linear, issue) == ["api"] for issue in issues)


def test_label_of_another_team_is_refused_for_that_teams_issues_alone(linear: LinearRig) -> None:
    ours, theirs = linear.issue(), linear.issue(project="OPS")
    infra = linear.label(ours, "eng-infra")
    marked = send(linear, mark(ours, infra), mark(theirs, infra))
    assert marked.done.keys() == {ours.id}
    assert "different team" in marked.failures[theirs.id]


def test_label_that_is_gone_costs_one_request_whatever_the_number_of_issues(linear: LinearRig) -> None:
    issues = [linear.issue() for _ in range(5)]
    bug = linear.label(issues[0], "Bug")
    linear.toy.control("DELETE", f"/linear/labels/{bug.id}")
    linear.sent.clear()
    marked = send(linear, *(mark(issue, bug) for issue in issues))
    assert set(marked.failures.values()) == {"Linear no longer has a label that was to be added."}
    assert len(marked.failures) == 5 and linear.requests == 1


def test_account_that_may_not_write_is_not_asked_for_each_issue(linear: LinearRig) -> None:
    issues = [linear.issue() for _ in range(5)]
    bug = linear.label(issues[0], "Bug")
    linear.fault("issueBatchUpdate", "rate_limit", reason="forbidden")
    linear.sent.clear()
    marked = send(linear, *(mark(issue, bug) for issue in issues))
    assert len(marked.failures) == 5 and linear.requests == 1


@pytest.mark.parametrize("reason", ["lock timeout", "internal error"])
def test_trouble_that_passes_is_raised(linear: LinearRig, reason: str) -> None:
    issue = linear.issue()
    linear.fault("issueBatchUpdate", "rate_limit", reason=reason)
    with pytest.raises(Conflict):
        send(linear, mark(issue, linear.label(issue, "Bug")))
    assert on(linear, issue) == []


def test_issue_that_linear_does_not_name_is_not_taken_for_done(linear: LinearRig) -> None:
    issue = linear.issue()
    bug = linear.label(issue, "Bug")
    body = '{"data": {"issueBatchUpdate": {"success": true, "issues": []}}}'
    linear.fault("issueBatchUpdate", "status", status=200, body=body)
    marked = send(linear, mark(issue, bug))
    assert marked.done == {} and "does not name" in marked.failures[issue.id]


def test_answer_without_success_is_a_server_fault(linear: LinearRig) -> None:
    issue = linear.issue()
    bug = linear.label(issue, "Bug")
    linear.fault("issueBatchUpdate", "status", status=200, body='{"data": {"issueBatchUpdate": {}}}')
    with pytest.raises(ServerFault):
        send(linear, mark(issue, bug))


def test_a_batch_waits_as_bulk_work_but_once_begun_is_carried_through(make_linear: MakeLinear) -> None:
    linear = make_linear(requests_limit=12)
    taken, free = linear.issue(labels=["Area/ui"]), linear.issue()
    api = linear.label(taken, "Area/api")
    marks = [mark(taken, api), mark(free, api)]
    linear.sent.clear()
    while not linear.gate.paused:
        marked = send(linear, *marks)
        assert marked.done.keys() == {free.id} and marked.failures.keys() == {taken.id}
    assert {scope for scope, _ in linear.gate.paused} == {BULK}
    with pytest.raises(Paused):
        send(linear, *marks)
    assert set(operations(linear.calls)[-3:]) == {"issueBatchUpdate"}


def test_glimpse_tells_how_issues_stand_in_one_request(linear: LinearRig) -> None:
    issues = [linear.issue(labels=["Bug"]), linear.issue(project="OPS"), linear.issue(), linear.issue()]
    linear.toy.control("POST", f"/linear/issues/{issues[2].key}/purge")
    linear.toy.control("DELETE", f"/issues/{issues[3].key}")
    linear.sent.clear()
    seen = linear.service.glimpse([issue.id for issue in issues])
    bug = issues[0].labels[0].id
    assert seen == {
        issues[0].id: Glimpse("ENG", issues[0].updated, frozenset({bug})),
        issues[1].id: Glimpse("OPS", issues[1].updated, frozenset()),
    }
    assert linear.requests == 1


def test_glimpse_of_many_is_few_requests(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.sent.clear()
    others = [f"00000000-0000-4000-8000-{n:012}" for n in range(SEEN)]
    assert linear.service.glimpse([*others, issue.id]).keys() == {issue.id}
    assert linear.requests == 2
