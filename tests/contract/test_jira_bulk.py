"""Many labels on many issues of Jira: together where the site lets us, else one write an issue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from math import ceil

import pytest

from tests.contract.conftest import JiraRig, MakeJira, operations
from trackers.errors import Paused, ServerFault, Unauthorized
from trackers.jira import bulk
from trackers.limits import BULK
from trackers.model import Issue, Label, Memory, component_label
from trackers.protocol import BulkStep, Glimpse, Mark, Marked, Recall

TOGETHER = ["POST bulk edit", "GET bulk progress", "GET bulk progress"]
REMEMBERED = ["PUT issues property", "GET task", "GET task"]
LABELS = [f"label-{n}" for n in range(12)]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAUSES", (0.0,))


def filed(jira: JiraRig, count: int, project: str = "ABC") -> list[Issue]:
    """Issues that nobody was told of."""
    wishes = [{"project": project, "title": f"Problem {n}"} for n in range(count)]
    jira.site.control("POST", "issues/many", {"issues": wishes})
    found = jira.service.search([project], None, None, 100).issues
    jira.warm(project)
    return [reading.issue for reading in reversed(found)]


def mark(issue: Issue, *labels: str, vetoed: Sequence[str] = ()) -> Mark:
    told = tuple(component_label(n.removeprefix("component ")) if " " in n else Label(n, n) for n in labels)
    return Mark(issue.id, issue.project, told, Memory(frozenset(labels), frozenset(vetoed)))


def sent(jira: JiraRig, marks: Sequence[Mark]) -> Marked:
    done: dict[str, object] = {}
    failures: dict[str, str] = {}
    for step in jira.service.bulk_steps(marks):
        told = step.send()
        assert told.done.keys() | told.failures.keys() == {one.issue for one in step.marks}
        done |= told.done
        failures |= told.failures
    return Marked(done, failures)  # type: ignore[arg-type]


def step_for(jira: JiraRig, marks: Sequence[Mark]) -> BulkStep:
    (step,) = jira.service.bulk_steps(marks)
    return step


def test_equal_labels_are_one_edit_and_then_one_memory(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    cloud.site.toy.edit_issue(issues[0].key, {"add_labels": ["theirs"]})
    told = sent(cloud, [mark(issue, "slow", "login") for issue in issues])
    assert told == Marked(dict.fromkeys((issue.id for issue in issues), None))
    assert operations(cloud.calls)[1:] == TOGETHER + REMEMBERED
    assert cloud.view(issues[0])["labels"] == ["theirs", "login", "slow"]
    for issue in issues:
        reading = cloud.service.read(issue.id, Recall())
        assert {"slow", "login"} <= {label.id for label in reading.issue.labels}
        assert reading.memory == Memory(frozenset({"slow", "login"}))


def test_no_mail_is_sent(cloud: JiraRig) -> None:
    sent(cloud, [mark(issue, "slow") for issue in filed(cloud, 6)])
    (edit,) = [call for call in cloud.calls if call.operation == "POST bulk edit"]
    assert edit.detail["mail"] is False


def test_few_are_written_one_by_one_where_that_needs_no_mail(make_jira: MakeJira) -> None:
    for quiet, wanted in ((True, ["PUT issue"] * 2), (False, TOGETHER + REMEMBERED)):
        jira = make_jira(may_suppress_mail=quiet)
        sent(jira, [mark(issue, "slow") for issue in filed(jira, 2)])
        assert operations(jira.calls)[1:] == wanted


def test_issues_that_get_different_labels_are_different_edits(cloud: JiraRig) -> None:
    issues = filed(cloud, 12)
    marks = [mark(issue, "slow" if n % 2 else "login") for n, issue in enumerate(issues)]
    steps = cloud.service.bulk_steps(marks)
    assert [len(step.marks) for step in steps] == [6, 6]
    sent(cloud, marks)
    assert [cloud.view(issue)["labels"] for issue in issues] == [["login"], ["slow"]] * 6


def test_equal_labels_with_other_memories_are_one_edit(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    marks = [mark(issue, "slow", vetoed=["login"] if n < 3 else []) for n, issue in enumerate(issues)]
    sent(cloud, marks)
    assert Counter(operations(cloud.calls))["POST bulk edit"] == 1
    assert Counter(operations(cloud.calls))["PUT issues property"] == 2
    memories = [cloud.service.read(issue.id, Recall()).memory for issue in issues]
    assert memories == [one.remember for one in marks]


def test_more_than_a_thousand_are_several_edits(cloud: JiraRig) -> None:
    issue = cloud.issue()
    marks = [Mark(str(n), "ABC", (Label("slow", "slow"),), Memory()) for n in range(2_001)]
    assert [len(step.marks) for step in cloud.service.bulk_steps(marks)] == [1_000, 1_000, 1]
    assert cloud.view(issue)["labels"] == []


def test_components_are_added_by_their_ids(cloud: JiraRig) -> None:
    ours, theirs = filed(cloud, 6), filed(cloud, 6, "OPS")
    marks = [mark(issue, "slow", "component API") for issue in ours]
    marks += [mark(issue, "component UI") for issue in theirs]
    assert len(sent(cloud, marks).done) == 12
    assert Counter(operations(cloud.calls))["POST bulk edit"] == 2
    assert cloud.view(ours[0])["components"] == ["API"]
    assert (cloud.view(theirs[5])["components"], cloud.view(theirs[5])["labels"]) == (["UI"], [])


def test_component_that_is_not_known_is_written_alone_and_told(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    told = sent(cloud, [mark(issue, "component Billing") for issue in issues[:5]])
    assert told.done == {} and len(told.failures) == 5
    assert "components" in told.failures[issues[0].id]


def test_each_issue_that_is_not_written_says_why(make_jira: MakeJira) -> None:
    jira = make_jira(archived=("ABC-2",))
    issues = filed(jira, 7)
    jira.site.toy.delete_issue("ABC-3")
    told = sent(jira, [mark(issue, "slow") for issue in issues])
    assert told.failures == {
        issues[1].id: "Jira would not edit it: The issue is archived.",
        issues[2].id: "The issue is gone, or the account may not see it.",
    }
    assert len(told.done) == 5
    assert jira.service.read(issues[1].id, Recall()).memory == Memory(), "nothing is remembered of it"


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_one_by_one_each_issue_that_is_not_written_says_why(make_jira: MakeJira, deployment: str) -> None:
    jira = make_jira(deployment=deployment, archived=("ABC-2",), may_bulk=False)
    issues = filed(jira, 3)
    jira.site.toy.delete_issue("ABC-3")
    told = sent(jira, [mark(issue, "slow") for issue in issues])
    assert list(told.done) == [issues[0].id]
    assert "archived" in told.failures[issues[1].id]
    assert "gone" in told.failures[issues[2].id]


def test_data_center_takes_one_write_an_issue(data_center: JiraRig) -> None:
    issues = filed(data_center, 6)
    sent(data_center, [mark(issue, "slow") for issue in issues])
    assert operations(data_center.calls) == ["PUT issue"] * 6
    assert all(BULK in scopes for scopes in data_center.gate.asked)
    reading = data_center.service.read(issues[5].id, Recall())
    assert reading.memory.applied == {"slow"}


def test_who_may_not_edit_in_bulk_writes_one_by_one_and_asks_once_an_hour(make_jira: MakeJira) -> None:
    jira = make_jira(may_bulk=False)
    issues = filed(jira, 6)
    told = sent(jira, [mark(issue, "slow") for issue in issues])
    assert operations(jira.calls) == ["GET mypermissions", *["PUT issue"] * 6]
    assert all(told.done.values()), "each write tells the issue's new time"
    sent(jira, [mark(issue, "login") for issue in issues])
    assert Counter(operations(jira.calls))["GET mypermissions"] == 1


def test_permission_lost_meanwhile_costs_one_refusal(cloud: JiraRig) -> None:
    issues = filed(cloud, 12)
    cloud.fault("POST bulk edit", "status", status=403, times=9)
    assert len(sent(cloud, [mark(issue, "slow") for issue in issues[:6]]).done) == 6
    sent(cloud, [mark(issue, "slow") for issue in issues[6:]])
    assert Counter(operations(cloud.calls)) == {
        "GET mypermissions": 1,
        "POST bulk edit": 1,
        "PUT issue": 12,
    }


def test_project_without_the_field_does_not_cost_the_others_the_quick_way(make_jira: MakeJira) -> None:
    jira = make_jira(without_labels=("OPS",))
    ours, theirs = filed(jira, 6), filed(jira, 6, "OPS")
    told = sent(jira, [mark(issue, "slow") for issue in [*ours, *theirs]])
    assert told.done.keys() == {issue.id for issue in ours}
    assert "not on the appropriate screen" in told.failures[theirs[0].id]
    jira.forget_calls()
    sent(jira, [mark(issue, "login") for issue in [*ours, *theirs]])
    assert Counter(operations(jira.calls))["POST bulk edit"] == 1
    assert jira.cache.lives["no-bulk:OPS"].total_seconds() == 3600


@pytest.mark.fault(32)
def test_death_between_label_and_memory_reads_as_no_persons_doing(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    step = step_for(cloud, [mark(issue, "slow") for issue in issues])
    cloud.fault("PUT issues property", "status", status=500)
    with pytest.raises(ServerFault):
        step.send()
    reading = cloud.service.read(issues[0].id, Recall())
    assert [label.id for label in reading.issue.labels] == ["slow"]
    assert reading.memory == Memory()
    assert len(step.send().done) == 6
    assert cloud.service.read(issues[0].id, Recall()).memory.applied == {"slow"}
    assert len(cloud.view(issues[0])["history"]) == 1, "sent again it does nothing new"


def test_task_that_does_not_end_is_asked_for_again(make_jira: MakeJira) -> None:
    jira = make_jira(task_polls=99)
    step = step_for(jira, [mark(issue, "slow") for issue in filed(jira, 6)])
    with pytest.raises(ServerFault, match="still at work"):
        step.send()


@pytest.mark.fault(32)
@pytest.mark.parametrize("restarted", [False, True])
def test_task_that_takes_long_is_waited_for_and_not_submitted_again(
    make_jira: MakeJira, *, restarted: bool
) -> None:
    jira = make_jira()
    issues = filed(jira, 6)
    jira.fault("GET bulk progress", "status", status=200, body='{"status": "RUNNING"}', times=12)
    marks = [mark(issue, "slow") for issue in issues]
    with pytest.raises(ServerFault, match="still at work"):
        step_for(jira, marks).send()
    jira.site.control("PATCH", f"issues/{issues[0].key}", {"remove_labels": ["slow"]})
    service = jira.another() if restarted else jira.service
    seen = service.glimpse([issue.id for issue in issues])
    assert [seen[issue.id].tags for issue in issues] == [frozenset(), *[{"slow"}] * 5]
    service.remember(marks[1:])
    assert service.read(issues[1].id, Recall()).memory.applied == {"slow"}
    assert service.read(issues[0].id, Recall()).memory.applied == frozenset()
    assert Counter(operations(jira.calls))["POST bulk edit"] == 1
    jira.forget_calls()
    service.glimpse([issues[0].id])
    assert operations(jira.calls) == ["POST issues"], "a task that is over is asked about no more"


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_glimpse_tells_how_issues_stand_in_one_request(make_jira: MakeJira, deployment: str) -> None:
    jira = make_jira(deployment=deployment, page_size=60, search_lag=99)
    issues = [jira.issue(labels=["slow"], components=["API"]), jira.issue(project="OPS"), jira.issue()]
    jira.site.toy.delete_issue(issues[2].key)
    jira.forget_calls()
    seen = jira.service.glimpse([issue.id for issue in issues])
    assert seen == {
        issues[0].id: Glimpse("ABC", issues[0].updated, frozenset({"slow", "component API"})),
        issues[1].id: Glimpse("OPS", issues[1].updated, frozenset()),
    }
    assert len(jira.calls) == 1 and BULK in jira.gate.asked[0]


def test_glimpse_of_many_reads_every_page_that_data_center_gives(make_jira: MakeJira) -> None:
    jira = make_jira(deployment="data_center", page_size=3)
    issues = [jira.issue() for _ in range(7)]
    assert jira.service.glimpse([issue.id for issue in issues]).keys() == {issue.id for issue in issues}


def test_glimpse_of_a_visitor_says_that_the_token_is_bad(cloud: JiraRig) -> None:
    issue = cloud.issue()
    with pytest.raises(Unauthorized):
        cloud.another("a-bad-token").glimpse([issue.id])


def test_issue_that_jira_could_not_tell_of_is_not_taken_for_gone(cloud: JiraRig) -> None:
    issue = cloud.issue()
    body = f'{{"issues": [], "issueErrors": [{{"id": "{issue.id}", "errorMessage": "Try again."}}]}}'
    cloud.fault("POST issues", "status", status=200, body=body)
    with pytest.raises(ServerFault):
        cloud.service.glimpse([issue.id])


def test_task_that_is_over_without_a_word_is_looked_after(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    cloud.site.toy.delete_issue(issues[5].key)
    cloud.fault("GET bulk progress", "status", status=200, body='{"status": "COMPLETE"}')
    told = sent(cloud, [mark(issue, "slow") for issue in issues])
    assert told.done.keys() == {issue.id for issue in issues[:5]}
    assert told.failures == {issues[5].id: "The issue is gone, or the account may not see it."}
    assert "PUT issue" not in operations(cloud.calls)
    assert cloud.service.read(issues[0].id, Recall()).memory.applied == {"slow"}


def test_who_is_refused_bulk_edits_alone_writes_one_by_one(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    cloud.fault("POST bulk edit", "status", status=401, times=9)
    assert len(sent(cloud, [mark(issue, "slow") for issue in issues]).done) == 6
    assert not cloud.gate.paused, "live events go on"
    sent(cloud, [mark(issue, "login") for issue in issues])
    assert Counter(operations(cloud.calls))["POST bulk edit"] == 1


@pytest.mark.parametrize(
    ("status", "done", "why"), [("FAILED", 6, ""), ("DEAD", 6, ""), ("CANCELLED", 0, "cancelled in Jira")]
)
def test_task_that_broke_down_or_was_stopped(make_jira: MakeJira, status: str, done: int, why: str) -> None:
    jira = make_jira(task_outcome=status)
    issues = filed(jira, 6)
    told = sent(jira, [mark(issue, "slow") for issue in issues])
    assert len(told.done) == done
    assert all(why in sentence for sentence in told.failures.values())
    assert len(told.failures) == 6 - done


@pytest.mark.parametrize("operation", ["GET bulk progress", "GET task"])
def test_task_that_jira_does_not_tell_of_is_made_sure_of(cloud: JiraRig, operation: str) -> None:
    issues = filed(cloud, 6)
    cloud.fault(operation, "status", status=400)
    assert len(sent(cloud, [mark(issue, "slow") for issue in issues]).done) == 6
    assert Counter(operations(cloud.calls))["PUT issue"] == 6
    assert cloud.service.read(issues[3].id, Recall()).memory.applied == {"slow"}
    assert len(cloud.view(issues[3])["history"]) == 1


def test_memory_that_cannot_be_set_together_is_set_one_by_one(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    cloud.fault("PUT issues property", "status", status=400)
    assert len(sent(cloud, [mark(issue, "slow") for issue in issues]).done) == 6
    assert Counter(operations(cloud.calls))["PUT issue"] == 6
    assert cloud.service.read(issues[3].id, Recall()).memory.applied == {"slow"}


def test_a_step_waits_before_it_begins_and_not_within(cloud: JiraRig) -> None:
    step = step_for(cloud, [mark(issue, "slow") for issue in filed(cloud, 6)])
    cloud.gate.asked.clear()
    step.send()
    assert [BULK in scopes for scopes in cloud.gate.asked] == [True] + [False] * 5
    cloud.gate.pauses.append((BULK, timedelta(minutes=1), "kept for live events"))
    with pytest.raises(Paused):
        step.send()


def test_tasks_are_looked_at_on_the_configured_host_whatever_jira_says(cloud: JiraRig) -> None:
    issues = filed(cloud, 6)
    answer = {"status": 303, "headers": {"Location": "https://elsewhere.invalid/rest/api/3/task/10001"}}
    cloud.fault("PUT issues property", "status", **answer)
    cloud.fault("GET task", "status", status=200, body='{"status": "COMPLETE"}')
    sent(cloud, [mark(issue, "slow") for issue in issues])
    assert operations(cloud.calls)[-1] == "GET task"


def test_the_boards_hear_of_it_after_what_people_do(cloud: JiraRig) -> None:
    sent(cloud, [mark(issue, "slow") for issue in filed(cloud, 6)])
    cloud.site.events()
    flows = {
        headers["X-Atlassian-Webhook-Flow"] for headers, body, _ in cloud.site.got if b"updated" in body[:80]
    }
    assert flows == {"Secondary"}


@pytest.mark.parametrize("hundreds", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_many_issues_cost_few_requests(make_jira: MakeJira, hundreds: int) -> None:
    """Ten thousand issues in 282 requests."""
    count = hundreds * 100
    jira = make_jira(page_size=100)
    jira.site.control("DELETE", "webhook")
    wishes = [{"project": "ABC", "title": f"Problem {n}"} for n in range(count)]
    jira.site.control("POST", "issues/many", {"issues": wishes})
    jira.warm()
    found = jira.service.search(["ABC"])
    issues = [reading.issue for reading in found.issues]
    while found.next is not None:
        found = jira.service.search(["ABC"], None, found.next)
        issues += [reading.issue for reading in found.issues]
    reading = len(jira.calls)
    marks = [mark(issue, LABELS[n % 12]) for n, issue in enumerate(issues)]
    for step in jira.service.bulk_steps(marks):
        assert len(jira.service.glimpse([one.issue for one in step.marks])) == len(step.marks)
    told = sent(jira, marks)
    assert len(told.done) == count and not told.failures
    # A page for each hundred and one count; the permission once; for each of twelve labels a glimpse of each
    # hundred, an edit and a memory, the latter two each with two looks at their task.
    glimpses = 12 * ceil(count / 12 / 100)
    assert (reading, len(jira.calls)) == (hundreds + 1, hundreds + 1 + 1 + glimpses + 12 * 3 * 2)
