"""Finding many Linear issues, page by page, as an event's reading would have each."""

from __future__ import annotations

import json
from math import ceil

import pytest

from tests.contract.conftest import LinearRig, MakeLinear, add, operations
from trackers.errors import Conflict, Paused, Rejected
from trackers.limits import BULK
from trackers.linear.search import PAGE
from trackers.model import Memory
from trackers.protocol import Found, Mark, Reading, Recall


def file(linear: LinearRig, count: int, **wish: object) -> None:
    """People filed so many issues."""
    issues = [{"project": "ENG", "title": f"Thing {n}"} | wish for n in range(count)]
    linear.toy.control("POST", "/issues/many", {"issues": issues})


def edit(linear: LinearRig, key: str, times: int) -> None:
    for n in range(times):
        linear.toy.control("PATCH", f"/issues/{key}", {"title": f"title {n}"})


def keys(found: Found) -> list[str]:
    return [reading.issue.key for reading in found.issues]


def everything(linear: LinearRig, query: str | None = None, page_size: int | None = None) -> list[Reading]:
    """All pages of ENG's issues."""
    page = linear.service.search(["ENG"], query, page_size=page_size)
    readings = list(page.issues)
    while page.next is not None:
        page = linear.service.search(["ENG"], query, page.next, page_size)
        readings += page.issues
    return readings


def test_an_issue_is_found_as_an_event_would_read_it(linear: LinearRig) -> None:
    issue = linear.issue(labels=["Bug", "Area/api", "documentation"], priority="High", points=3)
    linear.send(issue, add(linear.label(issue, "security")))
    linear.toy.control("PATCH", f"/issues/{issue.key}", {"remove_labels": ["documentation"]})
    (found,) = linear.service.search(["ENG"]).issues
    assert found == linear.service.read(issue.id, Recall(memory=True))
    assert found.memory.applied and found.memory.vetoed and found.memory.whole


def test_a_page_is_one_request(linear: LinearRig) -> None:
    linear.warm(linear.issue())
    file(linear, 30)
    linear.sent.clear()
    assert len(linear.service.search(["ENG"]).issues) == 31
    assert linear.requests == 1


def test_pages_go_on_where_the_last_one_ended_newest_first(linear: LinearRig) -> None:
    file(linear, 7)
    found = everything(linear, page_size=3)
    assert sorted(reading.issue.key for reading in found) == [f"ENG-{n}" for n in range(1, 8)]
    times = [reading.issue.created for reading in found]
    assert times == sorted(times, key=str, reverse=True)


def test_without_a_query_what_is_finished_is_left_out(linear: LinearRig) -> None:
    for status in ("backlog", "started", "completed", "canceled", "duplicate"):
        linear.toy.issue(status=status)
    assert sorted(keys(linear.service.search(["ENG"]))) == ["ENG-1", "ENG-2"]


def test_query_is_asked_as_it_stands(linear: LinearRig) -> None:
    linear.toy.issue(labels=["Bug"])
    done = linear.toy.issue(status="completed", priority="High", body="It crashes")
    for query in (
        {"labels": {"length": {"eq": 0}}},
        {"priority": {"lte": 2, "gt": 0}, "createdAt": {"gte": "-P90D"}},
        {"or": [{"description": {"contains": "crash"}}, {"title": {"startsWith": "No such"}}]},
    ):
        assert keys(linear.service.search(["ENG"], json.dumps(query))) == [done]


@pytest.mark.parametrize("query", ["{}", '{"team": {"key": {"eq": "OPS"}}}', '{"or": [{}, {}]}'])
def test_no_query_reaches_beyond_the_projects(linear: LinearRig, query: str) -> None:
    linear.toy.issue(project="OPS")
    assert set(keys(linear.service.search(["ENG"], query))) <= {"ENG-1"}
    assert linear.service.search([], query) == Found((), None)


def test_trashed_issue_is_left_out(linear: LinearRig) -> None:
    key = linear.toy.issue()
    linear.toy.control("DELETE", f"/issues/{key}")
    assert keys(linear.service.search(["ENG"], "{}")) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("labels = bug", "not JSON"),
        ("[1]", "not an object"),
        ('{"titel": {"eq": "x"}}', "titel"),
        ('{"title": "x"}', "StringComparator"),
    ],
)
def test_query_that_is_none_is_refused_in_words(linear: LinearRig, query: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        linear.service.search(["ENG"], query)
    assert linear.requests <= 1


def test_long_histories_of_a_page_are_asked_for_together(linear: LinearRig) -> None:
    removed = linear.issue(labels=["Bug"])
    linear.toy.control("PATCH", f"/issues/{removed.key}", {"remove_labels": ["Bug"]})
    others = [linear.toy.issue() for _ in range(3)]
    for key in (removed.key, *others):
        edit(linear, key, 25)
    linear.warm(removed)
    found = {reading.issue.key: reading.memory for reading in linear.service.search(["ENG"]).issues}
    bug = linear.label(removed, "Bug").id
    assert found == {removed.key: Memory(vetoed=frozenset({bug})), **dict.fromkeys(others, Memory())}
    assert linear.requests == 2


def test_very_long_history_is_read_on_and_in_the_end_not_whole(linear: LinearRig) -> None:
    issue = linear.issue()
    edit(linear, issue.key, 201)
    linear.warm(issue)
    (found,) = linear.service.search(["ENG"]).issues
    assert not found.memory.whole
    assert linear.requests == 5


def test_issue_with_more_labels_than_a_page_has_room_for_is_read_by_itself(linear: LinearRig) -> None:
    names = [f"topic {n}" for n in range(11)]
    for name in names:
        linear.toy.control("POST", "/linear/labels", {"name": name})
    issue = linear.issue(labels=names)
    linear.warm(issue)
    (found,) = linear.service.search(["ENG"]).issues
    assert {label.name for label in found.issue.labels} == set(names)
    assert linear.requests == 2


def test_issue_deleted_while_its_page_is_read_is_left_out(linear: LinearRig) -> None:
    gone, stays = linear.issue(), linear.issue()
    edit(linear, gone.key, 60)
    linear.warm(gone)
    # The page and the longer history come; then nobody knows the issue any more.
    linear.fault("issue", "rate_limit", reason="entity not found")
    assert keys(linear.service.search(["ENG"])) == [stays.key]


def test_page_that_linear_finds_too_complex_is_halved_once_and_for_all(make_linear: MakeLinear) -> None:
    linear = make_linear(query_complexity_limit=3_000)
    file(linear, 60)
    linear.service.identity()
    linear.sent.clear()
    page = linear.service.search(["ENG"])
    assert len(page.issues) == PAGE // 4 and page.next is not None
    assert linear.requests == 3
    assert len(everything(linear)) == 60
    assert linear.requests == 3 + 3


def test_query_that_never_fits_is_refused(make_linear: MakeLinear) -> None:
    linear = make_linear(query_complexity_limit=200)
    linear.service.identity()
    with pytest.raises(Rejected, match="too complex"):
        linear.service.search(["ENG"])


def test_page_with_an_error_in_it_is_not_used(linear: LinearRig) -> None:
    linear.issue()
    linear.fault("issues", "rate_limit", reason="lock timeout")
    with pytest.raises(Conflict):
        linear.service.search(["ENG"])


def test_a_page_begun_is_carried_through_and_the_next_one_waits(make_linear: MakeLinear) -> None:
    linear = make_linear(complexity_limit=16_000)
    edit(linear, linear.toy.issue(), 21)
    linear.service.identity()
    linear.sent.clear()
    # The page leaves less than the share that is kept for live events.
    (found,) = linear.service.search(["ENG"]).issues
    assert found.memory.whole and linear.requests == 2
    assert [scope for scope, _ in linear.gate.paused] == [BULK]
    with pytest.raises(Paused):
        linear.service.search(["ENG"])


@pytest.mark.parametrize("count", [660, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_issues_are_read_and_labelled_in_few_requests(linear: LinearRig, count: int) -> None:
    """Ten thousand in under three hundred: ninety-one pages of 110 issues, and for each of twelve sets of
    labels 834 or 833 issues in batches of fifty."""
    sets = 12
    pages, batches = ceil(count / 110), sets * ceil(count / sets / 50)
    linear.toy.http.timeout = 60
    wish = {"project": "ENG", "labels": ["Bug"], "body": "It fails now and then."}
    issues = [wish | {"title": f"Thing {n}"} for n in range(count)]
    linear.toy.control("POST", "/issues/many", {"issues": issues})
    for n in range(sets):
        linear.toy.control("POST", "/linear/labels", {"name": f"topic {n}", "team": "ENG"})
    linear.warm(linear.service.search(["ENG"], page_size=1).issues[0].issue)

    found = everything(linear)
    assert len({reading.issue.id for reading in found}) == count
    assert linear.requests == pages
    topics = [linear.label(found[0].issue, f"topic {n}") for n in range(sets)]
    marks = [Mark(reading.issue.id, "ENG", (topics[n % sets],), Memory()) for n, reading in enumerate(found)]
    done = [issue for step in linear.service.bulk_steps(marks) for issue in step.send().done]
    assert len(set(done)) == count
    assert operations(linear.calls).count("issueBatchUpdate") == batches
    assert linear.requests == len(linear.calls) == pages + batches
    assert linear.gate.paused == []
