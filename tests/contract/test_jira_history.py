"""Past Jira issues: as they were when filed, all of them, and of the named projects alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.contract.conftest import JiraRig, MakeJira, jira_labels, operations
from trackers.errors import LimitReached, Paused, Rejected, ServerFault, Unauthorized
from trackers.jira import changelogs
from trackers.jira.history import jql
from trackers.limits import BULK
from trackers.model import Issue, PastIssue, component_label
from trackers.protocol import Page, Recall


def pages(jira: JiraRig, *projects: str, size: int = 50, since: datetime | None = None) -> list[Page]:
    found = [jira.service.past(projects or ("ABC",), None, since, size)]
    while found[-1].next is not None:
        found.append(jira.service.past(projects or ("ABC",), found[-1].next, since, size))
        assert len(found) < 50
    return found


def past(jira: JiraRig, *projects: str, **how: Any) -> dict[str, PastIssue]:
    """By key, in the order in which they came."""
    return {issue.key: issue for page in pages(jira, *projects, **how) for issue in page.issues}


def only(jira: JiraRig) -> PastIssue:
    (issue,) = past(jira).values()
    return issue


def edit(jira: JiraRig, key: str, **wish: Any) -> None:
    jira.site.toy.edit_issue(key, wish)


def at(jira: JiraRig, moment: str | None) -> None:
    jira.site.toy.set_clock(moment)


def put(jira: JiraRig, issue: Issue, *labels: str) -> None:
    """Put labels on as the service."""
    jira.send(issue, jira_labels(*labels))


def test_pages_hold_every_issue_oldest_first(jira: JiraRig) -> None:
    for n in range(5):
        jira.site.issue(title=f"Problem {n}")
    found = pages(jira, size=2)
    assert [issue.title for issue in past(jira, size=2).values()] == [f"Problem {n}" for n in range(5)]
    assert found[0].total == 5
    assert len(found) >= 3 and found[-1].next is None


def test_issue_is_told_as_it_was_filed_with_the_tags_it_has_now(jira: JiraRig) -> None:
    jira.site.issue(title="Login is broken", body="It says 500.", type="Task", labels=["early"])
    edit(jira, "ABC-1", title="Sign-in fails", type="Bug", add_labels=["late"], remove_labels=["early"])
    edit(jira, "ABC-1", title="Sign-in fails with 500", body="Since Monday.", status="Done")
    issue = only(jira)
    assert (issue.title, issue.body) == ("Login is broken", "It says 500.")
    assert (issue.type, issue.type_filed) == ("Bug", "Task")
    assert [label.name for label in issue.labels] == ["late"]
    assert issue.resolved and issue.as_filed and not issue.moved
    assert issue.people == {"Robin Person"}


def test_what_never_changed_is_told_as_it_is(cloud: JiraRig) -> None:
    cloud.site.issue(title="Slow search", body="Ten seconds.", components=["API", "UI"])
    issue = only(cloud)
    assert (issue.title, issue.body, issue.project) == ("Slow search", "Ten seconds.", "ABC")
    assert (issue.components, issue.type, issue.resolved) == (("API", "UI"), "Task", False)


def test_description_that_came_or_went_later_is_told_as_it_was(jira: JiraRig) -> None:
    jira.site.issue(title="Slow search")
    jira.site.issue(title="Slow login", body="A minute.")
    edit(jira, "ABC-1", body="Ten seconds.")
    edit(jira, "ABC-2", body=None)
    assert [issue.body for issue in past(jira).values()] == ["", "A minute."]


def test_first_title_is_found_behind_a_long_changelog(jira: JiraRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelogs, "_CHANGES", 30)
    for n in range(3):
        jira.site.issue(title=f"First {n}", quiet=True)
    for n in range(120):
        edit(jira, f"ABC-{n // 40 + 1}", title=f"Edit {n}")
    assert [issue.title for issue in past(jira).values()] == ["First 0", "First 1", "First 2"]


def test_changelog_that_was_cut_makes_the_text_doubtful(data_center: JiraRig) -> None:
    data_center.site.issue(title="Now")
    edit(data_center, "ABC-1", title="Later")
    answer = data_center.site.api.get(
        "/rest/api/2/search", params={"jql": "project = ABC", "expand": "changelog"}
    ).json()
    answer["issues"][0]["changelog"]["total"] = 2
    data_center.fault("GET search", "status", status=200, body=json.dumps(answer))
    assert not only(data_center).as_filed


def test_other_projects_are_not_touched(jira: JiraRig) -> None:
    for project in ("OPS", "ABC", "HELP", "OPS"):
        jira.site.issue(project=project)
    assert list(past(jira)) == ["ABC-1"]
    assert list(past(jira, "OPS", "HELP", size=2)) == ["OPS-1", "HELP-1", "OPS-2"]


def test_project_that_only_bears_the_name_is_not_taken(cloud: JiraRig) -> None:
    cloud.site.issue(project="OPS")
    assert past(cloud, "Ops project") == {}


def test_hostile_project_key_stays_a_key(cloud: JiraRig) -> None:
    cloud.site.issue(project="OPS")
    for key in ('ABC") OR project in ("OPS', 'X" OR created > "-90d', "A\\", 'A\\" OR "', "A\nB"):
        with pytest.raises(Rejected, match="does not exist for the field 'project'"):
            cloud.service.past([key])


def test_nothing_to_find_is_one_empty_page_and_no_project_asks_for_nothing(cloud: JiraRig) -> None:
    assert pages(cloud) == [Page((), None, 0)]
    cloud.forget_calls()
    assert cloud.service.past([]) == Page((), None, 0)
    assert cloud.calls == []


def test_query_names_its_projects_and_its_order() -> None:
    since = datetime(2026, 3, 2, 13, 30, tzinfo=timezone(timedelta(hours=14)))
    assert jql(["OPS", "ABC"], since) == (
        'project in ("ABC", "OPS") AND created >= "2026/02/28" ORDER BY created ASC, key ASC'
    )


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_only_issues_since_a_moment_are_told_whatever_the_accounts_zone(
    make_jira: MakeJira, zone: str
) -> None:
    jira = make_jira(bot_zone=zone)
    for hour in (9, 11):
        at(jira, f"2026-03-02T{hour:02d}:00:00Z")
        jira.site.issue(title=f"At {hour}")
    found = past(jira, since=datetime(2026, 3, 2, 10, tzinfo=UTC))
    assert [issue.title for issue in found.values()] == ["At 11"]


def test_issues_of_one_moment_are_all_told(data_center: JiraRig) -> None:
    at(data_center, "2026-03-02T09:00:00Z")
    for _ in range(7):
        data_center.site.issue()
    assert list(past(data_center, size=2)) == [f"ABC-{n}" for n in range(1, 8)]


@pytest.mark.parametrize(
    ("gone", "together"),
    [(("ABC-1", "ABC-2"), False), (("ABC-1", "ABC-2", "ABC-3", "ABC-4"), False), (("ABC-1", "ABC-3"), True)],
)
def test_deleted_issues_do_not_hide_others(
    data_center: JiraRig, gone: tuple[str, ...], together: bool
) -> None:
    if together:
        at(data_center, "2026-03-02T09:00:00Z")
    for _ in range(9):
        data_center.site.issue()
    first = data_center.service.past(["ABC"], page_size=4)
    for key in gone:
        data_center.site.toy.delete_issue(key)
    seen, after = {issue.key for issue in first.issues}, first.next
    while after is not None:
        page = data_center.service.past(["ABC"], after, page_size=4)
        seen |= {issue.key for issue in page.issues}
        after = page.next
    assert seen == {f"ABC-{n}" for n in range(1, 10)}


def test_all_issues_deleted_ends_the_pages(data_center: JiraRig) -> None:
    for _ in range(4):
        data_center.site.issue()
    after = data_center.service.past(["ABC"], page_size=2).next
    for n in range(1, 5):
        data_center.site.toy.delete_issue(f"ABC-{n}")
    assert data_center.service.past(["ABC"], after, page_size=2) == Page((), None, 0)


def test_issue_deleted_before_its_changelog_was_read_costs_only_itself(cloud: JiraRig) -> None:
    for n in range(3):
        cloud.site.issue(title=f"First {n}")
        edit(cloud, f"ABC-{n + 1}", title="Edited")
    cloud.fault("POST changelogs", "status", status=404)
    cloud.fault("GET changelog", "status", status=404, issue="10001")
    cloud.fault("GET changelog", "status", status=404, issue="ABC-2")
    assert [issue.title for issue in past(cloud).values()] == ["First 0", "First 2"]


def test_what_we_put_on_is_known_and_whether_people_came_after(jira: JiraRig) -> None:
    untouched, edited, removed = (jira.issue(labels=["own"]) for _ in range(3))
    for issue in (untouched, edited, removed):
        edit(jira, issue.key, add_labels=["before"])
        put(jira, issue, "security")
    edit(jira, edited.key, priority="Low")
    edit(jira, removed.key, remove_labels=["security"])
    found = past(jira)
    assert {key: issue.labels_by_us for key, issue in found.items()} == {key: {"security"} for key in found}
    assert [issue.handled for issue in found.values()] == [False, True, True]
    assert found[removed.key].taken_off == {"security"} and not found[edited.key].taken_off
    assert [label.name for label in found[removed.key].labels] == ["own", "before"]


def test_issue_nobody_labelled_but_people_has_nothing_of_ours(jira: JiraRig) -> None:
    issue = jira.issue(labels=["security"])
    edit(jira, issue.key, title="Edited")
    found = only(jira)
    assert found.labels_by_us == frozenset() and not found.handled


def test_component_we_put_on_is_known_by_our_account(data_center: JiraRig) -> None:
    issue = data_center.issue()
    body = {"update": {"components": [{"add": {"name": "API"}}]}}
    assert data_center.site.api.put(f"/rest/api/2/issue/{issue.key}", json=body).is_success
    assert only(data_center).labels_by_us == {component_label("API").id}


def test_one_page_costs_two_requests_on_cloud_and_one_on_data_center(jira: JiraRig) -> None:
    for _ in range(4):
        edit(jira, jira.issue().key, title="Edited")
    jira.warm()
    first = jira.service.past(["ABC"], page_size=2)
    jira.forget_calls()
    jira.service.past(["ABC"], first.next, page_size=3)
    assert operations(jira.calls) == (["GET search", "POST changelogs"] if jira.cloud else ["GET search"])
    assert [BULK in scopes for scopes in jira.gate.asked] == [True, False][: len(jira.calls)]


def test_total_that_cannot_be_had_is_not_worth_failing_for(cloud: JiraRig) -> None:
    cloud.site.issue()
    cloud.fault("POST count", "status", status=400)
    assert pages(cloud)[0].total is None


def test_limit_in_the_middle_is_told_and_the_page_is_there_afterwards(cloud: JiraRig) -> None:
    for _ in range(4):
        cloud.site.issue()
    first = cloud.service.past(["ABC"], page_size=2)
    cloud.fault("GET search", "rate_limit", headers={"Retry-After": "7"})
    with pytest.raises(LimitReached) as limited:
        cloud.service.past(["ABC"], first.next, page_size=2)
    assert limited.value.pauses[0].length == timedelta(seconds=7)
    with pytest.raises(Paused):
        cloud.service.past(["ABC"], first.next, page_size=2)
    cloud.gate.pauses.clear()
    seen = {issue.key for issue in cloud.service.past(["ABC"], first.next, page_size=4).issues}
    assert seen >= {"ABC-3", "ABC-4"}


def test_quota_that_runs_low_stops_bulk_work_and_nothing_else(cloud: JiraRig) -> None:
    issue = cloud.issue()
    low = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "100"}
    cloud.fault("GET search", "status", status=200, body='{"issues": [], "isLast": true}', headers=low)
    cloud.service.past(["ABC"])
    with pytest.raises(Paused, match="kept for live events"):
        cloud.service.past(["ABC"])
    assert cloud.service.read(issue.id, Recall()).issue.id == issue.id


def test_visitor_who_finds_nothing_is_told_of_its_credentials(cloud: JiraRig) -> None:
    cloud.site.issue()
    with pytest.raises(Unauthorized):
        cloud.another(token="expired", kept=False).past(["ABC"])


def test_place_that_is_none_is_rejected(jira: JiraRig) -> None:
    for after in ("nonsense", "1 2 3", "x 2026-03-02T09:00:00+00:00 1"):
        with pytest.raises(Rejected):
            jira.service.past(["ABC"], after)


def test_answer_whose_issues_cannot_be_told_apart_is_a_fault(data_center: JiraRig) -> None:
    body = '{"issues": [{"id": "1", "key": "ABC-1", "fields": {}}], "total": 5}'
    data_center.fault("GET search", "status", status=200, body=body)
    with pytest.raises(ServerFault):
        data_center.service.past(["ABC"])
