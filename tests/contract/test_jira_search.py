"""Jira's issues of today by a query: bound to the projects, newest first, each as a live reading."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import JiraRig, MakeJira, add, jira_labels, operations
from trackers.errors import LimitReached, Paused, Rejected, Unauthorized
from trackers.jira.query import bound_jql
from trackers.limits import BULK
from trackers.model import Label, Memory
from trackers.protocol import Found, Recall


def pages(jira: JiraRig, query: str | None = None, *projects: str, size: int = 50) -> list[Found]:
    found = [jira.service.search(projects or ("ABC",), query, None, size)]
    while found[-1].next is not None:
        found.append(jira.service.search(projects or ("ABC",), query, found[-1].next, size))
        assert len(found) < 50
    return found


def keys(jira: JiraRig, query: str | None = None, *projects: str, **how: Any) -> list[str]:
    found = pages(jira, query, *projects, **how)
    return [reading.issue.key for page in found for reading in page.issues]


def file(jira: JiraRig, count: int, **wish: Any) -> None:
    for _ in range(count):
        jira.site.issue(**wish)


def test_all_that_is_not_done_comes_newest_first(jira: JiraRig) -> None:
    file(jira, 5)
    jira.site.toy.edit_issue("ABC-2", {"status": "Done"})
    assert keys(jira, size=2) == ["ABC-5", "ABC-4", "ABC-3", "ABC-1"]
    assert pages(jira, size=2)[0].total == 4


def test_each_is_what_a_reading_of_it_would_be(jira: JiraRig) -> None:
    issue = jira.issue(labels=["theirs"], components=["API"], type="Bug")
    jira.send(issue, jira_labels("slow", "login"))
    jira.site.toy.edit_issue(issue.key, {"remove_labels": ["login"]})
    (found,) = pages(jira)[0].issues
    read = jira.service.read(issue.id, Recall())
    assert found.issue == read.issue
    assert found.memory.applied == read.memory.applied == {"slow", "login"}


def test_what_our_property_says_is_told_on_cloud(cloud: JiraRig) -> None:
    issue = cloud.issue()
    memory = Memory(frozenset({"slow"}), frozenset({"login"}))
    cloud.send(issue, add(Label("slow", "slow"), remember=memory))
    assert pages(cloud)[0].issues[0].memory == memory


def test_label_a_person_took_off_is_known_on_data_center_by_the_changelog(data_center: JiraRig) -> None:
    issue = data_center.issue()
    data_center.send(issue, jira_labels("slow"))
    data_center.site.toy.edit_issue(issue.key, {"remove_labels": ["slow"]})
    data_center.site.toy.edit_issue(issue.key, {"add_labels": ["theirs"]})
    memory = pages(data_center)[0].issues[0].memory
    assert memory == Memory(applied=frozenset({"slow"}), vetoed=frozenset({"slow"}))


def test_a_query_finds_what_it_asks_for_in_the_projects_alone(jira: JiraRig) -> None:
    for project in ("ABC", "OPS", "ABC"):
        jira.site.issue(project=project, title="Login is slow")
    jira.site.issue(title="Search is slow")
    query = "summary ~ login OR labels = nothing ORDER BY key ASC"
    assert keys(jira, query) == ["ABC-2", "ABC-1"]
    assert keys(jira, query, "OPS", "ABC") == ["ABC-2", "OPS-1", "ABC-1"]
    assert keys(jira, "", "OPS") == ["OPS-1"], "an empty query asks for all"


def test_project_that_only_bears_the_name_is_not_taken(jira: JiraRig) -> None:
    jira.site.issue(project="OPS")
    assert keys(jira, None, "Ops project") == []


def test_no_project_asks_for_nothing(cloud: JiraRig) -> None:
    cloud.forget_calls()
    assert cloud.service.search([], None) == Found((), None, 0)
    assert cloud.calls == []


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("status = Open order by priority", "(status = Open) AND "),
        ('summary ~ "x order by y" ORDER  BY\n rank', '(summary ~ "x order by y") AND '),
        ("summary ~ 'it\\'s order by ' AND a=b", "(summary ~ 'it\\'s order by ' AND a=b) AND "),
        ('summary ~ a\\"b ORDER BY x', '(summary ~ a\\"b) AND '),
        ("(a = b)order by c", "((a = b)) AND "),
        ("status = reorder", "(status = reorder) AND "),
        ("status = order-bypass", "(status = order-bypass) AND "),
        ('"order by" = 1', '("order by" = 1) AND '),
        ("ORDER BY created", ""),
        ("  ", ""),
    ],
)
def test_an_order_of_its_own_is_cut_off_and_nothing_else(query: str, condition: str) -> None:
    assert bound_jql(query, ["OPS", "ABC"]) == (
        f'{condition}project in ("ABC", "OPS") ORDER BY created DESC, key DESC'
    )


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("a = b) OR (c = d", "not opened, at character 6"),
        ("(a = b", "does not close"),
        ('summary ~ "x', "does not close, at character 11"),
        ("summary ~ 'x\\'", "does not close"),
        ('a = b) OR (summary ~ ")"', "not opened"),
    ],
)
def test_a_query_cannot_reach_beyond_its_parentheses(cloud: JiraRig, query: str, why: str) -> None:
    cloud.forget_calls()
    with pytest.raises(Rejected, match=why):
        cloud.service.search(["ABC"], query)
    assert cloud.calls == []


def test_a_bad_query_is_refused_in_jiras_own_words(jira: JiraRig) -> None:
    with pytest.raises(Rejected, match="Field 'colour' with operator '='"):
        jira.service.search(["ABC"], "colour = red")


def test_a_page_is_one_request_of_bulk_work(jira: JiraRig) -> None:
    file(jira, 5)
    jira.warm()
    first = jira.service.search(["ABC"], None, None, 2)
    jira.forget_calls()
    jira.service.search(["ABC"], None, first.next, 2)
    assert operations(jira.calls) == ["POST search"]
    assert BULK in jira.gate.asked[0]


def test_issues_filed_meanwhile_hide_and_repeat_none(data_center: JiraRig) -> None:
    file(data_center, 7)
    found = data_center.service.search(["ABC"], None, None, 3)
    seen = [reading.issue.key for reading in found.issues]
    file(data_center, 4)
    while found.next is not None:
        file(data_center, 1)
        found = data_center.service.search(["ABC"], None, found.next, 3)
        seen += [reading.issue.key for reading in found.issues]
    assert seen == [f"ABC-{n}" for n in range(7, 0, -1)]


@pytest.mark.parametrize("gone", [("ABC-8",), ("ABC-9", "ABC-8", "ABC-7", "ABC-6"), ("ABC-5", "ABC-6")])
def test_issues_done_meanwhile_hide_none(data_center: JiraRig, gone: tuple[str, ...]) -> None:
    file(data_center, 9)
    found = data_center.service.search(["ABC"], None, None, 4)
    seen = [reading.issue.key for reading in found.issues]
    for key in gone:
        data_center.site.toy.edit_issue(key, {"status": "Done"})
    while found.next is not None:
        found = data_center.service.search(["ABC"], None, found.next, 4)
        seen += [reading.issue.key for reading in found.issues]
    assert set(seen) >= {f"ABC-{n}" for n in range(1, 10)} - set(gone)
    assert len(seen) == len(set(seen))


def test_total_that_cannot_be_had_is_not_worth_failing_for(cloud: JiraRig) -> None:
    file(cloud, 1)
    cloud.fault("POST count", "status", status=400)
    assert pages(cloud)[0].total is None


def test_a_limit_is_told_and_the_page_is_there_afterwards(cloud: JiraRig) -> None:
    file(cloud, 4)
    first = cloud.service.search(["ABC"], None, None, 2)
    cloud.fault("POST search", "rate_limit", headers={"Retry-After": "7"})
    with pytest.raises(LimitReached):
        cloud.service.search(["ABC"], None, first.next, 2)
    with pytest.raises(Paused):
        cloud.service.search(["ABC"], None, first.next, 2)
    cloud.gate.pauses.clear()
    page = cloud.service.search(["ABC"], None, first.next, 2)
    assert [reading.issue.key for reading in page.issues] == ["ABC-2", "ABC-1"]


def test_a_visitor_who_finds_nothing_is_told_of_its_credentials(cloud: JiraRig) -> None:
    cloud.site.issue()
    with pytest.raises(Unauthorized):
        cloud.another(token="expired", kept=False).search(["ABC"])


def test_a_place_that_is_none_is_rejected(jira: JiraRig) -> None:
    with pytest.raises(Rejected):
        jira.service.search(["ABC"], None, "nonsense")


def test_pages_are_no_larger_than_a_hundred(make_jira: MakeJira) -> None:
    jira = make_jira(page_size=500)
    jira.site.control(
        "POST", "issues/many", {"issues": [{"project": "ABC", "title": f"Problem {n}"} for n in range(101)]}
    )
    found = pages(jira, size=1000)
    assert [len(page.issues) for page in found] == [100, 1]
    assert jira.site.names() == [], "nobody was told"
