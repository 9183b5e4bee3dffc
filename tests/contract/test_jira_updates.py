"""What changed on Jira since a moment: all of it, in large pages, whatever the account's time zone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.jira.model import Issue
from tests.contract.conftest import JiraRig, MakeJira, all_updates, ids, operations
from trackers.errors import LimitReached, Paused, Rejected, Unauthorized
from trackers.jira import updates
from trackers.jira.updates import JiraUpdates
from trackers.limits import BULK
from trackers.protocol import Recall, Update

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FAR_EAST = "Pacific/Kiritimati"
"""Fourteen hours before the day of UTC: times in its JQL are another day's."""


@pytest.fixture(scope="module", params=["cloud", "data_center"])
def shared(request: pytest.FixtureRequest) -> Iterator[JiraRig]:
    with ExitStack() as stack:
        rig = JiraRig(stack, deployment=request.param, bot_zone=FAR_EAST, page_size=500)
        stack.enter_context(rig.site.toy.state.unheard())
        yield rig


@pytest.fixture
def jira(shared: JiraRig) -> JiraRig:
    """A site without issues, whose connection has asked all that is asked once."""
    toy = shared.site.toy
    toy.set_clock(None)
    for issue in list(toy.state.issues.values()):
        toy.state.delete(issue, toy.state.bot)
    shared.site.control("DELETE", "faults")
    shared.cache.held.clear()
    shared.gate.pauses.clear()
    shared.service.setup.fields()
    shared.forget_calls()
    return shared


def now() -> datetime:
    return datetime.now(UTC)


def file(jira: JiraRig, age: timedelta | None = None, **wish: Any) -> Issue:
    """An issue as the site holds it, filed so long ago."""
    toy = jira.site.toy
    toy.set_clock((now() - age).isoformat() if age else None)
    made = toy.create_issue({"project": "ABC", "title": "Broken"} | wish)
    toy.set_clock(None)
    issue: Issue = toy.state.issue(made["id"])
    return issue


def move(jira: JiraRig, issue: Issue, project: str) -> None:
    state = jira.site.toy.state
    state.move(issue, state.projects[project], state.user("Robin Person"))


def told(jira: JiraRig, since: datetime, *projects: str) -> list[Update]:
    return all_updates(jira.service, projects or ("ABC",), since)


def test_what_is_new_or_changed_is_told_and_nothing_else(jira: JiraRig) -> None:
    old = [file(jira, 3 * HOUR) for _ in range(6)]
    elsewhere = [file(jira, 3 * HOUR, project="OPS") for _ in range(2)]
    edit = jira.site.toy.edit_issue
    edit(old[1].key, {"body": "It happens on Mondays."})
    edit(old[2].key, {"add_labels": ["theirs"]})
    edit(old[3].key, {"status": "Done"})
    jira.site.toy.add_comment(old[4].key, "Me too.", "Robin Person")
    move(jira, old[5], "OPS")
    move(jira, elsewhere[0], "ABC")
    edit(elsewhere[1].key, {"title": "Broken there"})
    new = file(jira)
    expected = [old[1], old[2], old[3], old[4], elsewhere[0], new]
    since = now() - 5 * MINUTE
    assert sorted(ids(told(jira, since))) == sorted(issue.id for issue in expected)
    assert {old[5].id, elsewhere[1].id} < set(ids(told(jira, since, "OPS", "ABC")))


def test_an_update_says_what_a_reading_would(jira: JiraRig) -> None:
    issue = file(jira, 3 * HOUR)
    jira.site.toy.edit_issue(issue.key, {"add_labels": ["theirs"]})
    (update,) = told(jira, now() - MINUTE)
    read = jira.service.read(issue.id, Recall()).issue
    assert update == Update(issue.id, "ABC", issue.created, issue.updated)
    assert (update.created, update.updated) == (read.created, read.updated)


@pytest.mark.parametrize("age", [timedelta(), timedelta(seconds=1), 59 * MINUTE, 25 * HOUR])
def test_what_changed_at_that_very_moment_is_told(jira: JiraRig, age: timedelta) -> None:
    since = now() - age
    file(jira, age + 10 * MINUTE)
    issue = file(jira, age)
    # Some databases of Data Center keep whole seconds.
    issue.updated = since.replace(microsecond=0)
    assert ids(told(jira, since)) == [issue.id]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_the_zone_of_the_account_does_not_matter(make_jira: MakeJira, deployment: str) -> None:
    """Behind UTC; all other tests here are of an account before it."""
    jira = make_jira(deployment=deployment, bot_zone="Pacific/Niue")
    file(jira, 2 * HOUR)
    issue = file(jira, 30 * MINUTE)
    assert ids(told(jira, now() - HOUR)) == [issue.id]


def test_the_clocks_of_both_sides_need_not_agree(jira: JiraRig) -> None:
    toy = jira.site.toy
    for behind in (-HOUR, HOUR):
        toy.set_clock((now() - behind - 10 * MINUTE).isoformat())
        issue = toy.create_issue({"project": "ABC", "title": "Broken"})
        toy.set_clock((now() - behind).isoformat())
        assert ids(told(jira, now() - 11 * MINUTE)) == [issue["id"]]
        toy.delete_issue(issue["key"])


def test_sprints_that_are_not_over_are_told(jira: JiraRig) -> None:
    old, running = jira.site.sprint(start=True, name="Old"), jira.site.sprint(name="Next")
    issue = file(jira, sprint="Old")
    jira.site.toy.planning.edit_sprint(old, {"state": "closed"})
    jira.site.toy.edit_issue(issue.key, {"sprint": "Next"})
    assert issue.sprints == [old, running]
    assert told(jira, now() - MINUTE)[0].sprints == (str(running),)
    jira.cache.held["fields"] = "[]"
    assert told(jira, now() - MINUTE)[0].sprints == (), "a site without the field"


def test_hundreds_of_issues_are_one_request_of_live_work(jira: JiraRig) -> None:
    for _ in range(130):
        file(jira)
    jira.forget_calls()
    assert len(told(jira, now() - MINUTE)) == 130
    assert operations(jira.calls) == ["POST search"]
    assert not any(BULK in scopes for scopes in jira.gate.asked)


def test_nothing_new_is_believed_on_cloud_when_the_credentials_hold(jira: JiraRig) -> None:
    assert told(jira, now() - MINUTE) == []
    assert operations(jira.calls) == ["POST search", *(["GET myself"] if jira.cloud else [])]
    jira.forget_calls()
    assert jira.service.updates([], now()).found == ()
    assert jira.calls == []


def test_a_visitor_is_told_of_its_credentials(jira: JiraRig) -> None:
    file(jira)
    with pytest.raises(Unauthorized):
        jira.another(token="expired", kept=False).updates(["ABC"], now() - MINUTE)


def _meddle(jira: JiraRig, chance: random.Random) -> None:
    """A few things that people do, whichever issues they come upon."""
    state, toy = jira.site.toy.state, jira.site.toy
    for _ in range(chance.randrange(5)):
        issue = chance.choice([*state.issues.values()] or [file(jira)])
        match chance.randrange(5):
            case 0 | 1:
                toy.delete_issue(issue.key)
            case 2:
                toy.edit_issue(issue.key, {"title": f"Broken {chance.random()}"})
            case 3:
                move(jira, issue, chance.choice(["ABC", "OPS"]))
            case 4:
                toy.create_issue({"project": "ABC", "title": "Broken"})


@pytest.mark.fault(47)
@pytest.mark.parametrize("seed", range(6))
def test_none_is_passed_over_whatever_happens_between_pages(
    jira: JiraRig, seed: int, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    monkeypatch.setattr(updates, "PAGE", 3)
    chance, state, toy = random.Random(seed), jira.site.toy.state, jira.site.toy
    start = now()
    for _ in range(chance.randrange(8, 20)):
        # An import files many in one moment.
        toy.set_clock((start - chance.randrange(2, 5) * HOUR).isoformat())
        issue = state.issue(toy.create_issue({"project": "ABC", "title": "Broken"})["id"])
        if chance.random() < 0.8:
            toy.set_clock((start - MINUTE).isoformat())
            toy.edit_issue(issue.key, {"title": "Broken here"})
    since = start - 2 * MINUTE
    wanted = {issue.id for issue in state.issues.values() if issue.updated >= since}
    assert len(wanted) > 3
    toy.set_clock(start.isoformat())
    found: set[str] = set()
    page = jira.service.updates(["ABC"], since)
    for turn in range(1, 100):
        found |= set(ids(page.found))
        if page.next is None:
            break
        toy.set_clock((start + turn * timedelta(seconds=1)).isoformat())
        _meddle(jira, chance)
        page = jira.service.updates(["ABC"], since, page.next)
    here = {issue.id for issue in state.issues.values() if issue.project.key == "ABC"}
    assert page.next is None
    assert wanted & here <= found
    seen("no list passes over an issue, whatever is changed, moved or deleted between its pages")


def test_a_window_that_has_moved_on_begins_again(jira: JiraRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "PAGE", 3)
    start, passed = now(), timedelta()
    issues = [file(jira, timedelta(seconds=10 + n)) for n in range(7)]
    service = JiraUpdates(
        jira.service._client, jira.service.setup, cloud=jira.cloud, now=lambda: start + passed
    )
    page = service.page(["ABC"], start - MINUTE, None)
    found = ids(page.found)
    for _ in range(9):
        if page.next is None:
            break
        passed += 15 * MINUTE
        jira.site.toy.set_clock((start + passed).isoformat())
        page = service.page(["ABC"], start - MINUTE, page.next)
        found += ids(page.found)
    assert set(found) == {issue.id for issue in issues}
    assert page.next is None


def test_a_limit_is_told_and_the_page_is_there_afterwards(
    jira: JiraRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "PAGE", 3)
    issues = [file(jira, timedelta(seconds=20 - n)) for n in range(5)]
    since = now() - MINUTE
    first = jira.service.updates(["ABC"], since)
    jira.fault("POST search", "rate_limit", headers={"Retry-After": "7"})
    with pytest.raises(LimitReached):
        jira.service.updates(["ABC"], since, first.next)
    with pytest.raises(Paused):
        jira.service.updates(["ABC"], since, first.next)
    jira.gate.pauses.clear()
    second = jira.service.updates(["ABC"], since, first.next)
    assert set(ids(first.found) + ids(second.found)) == {issue.id for issue in issues}


def test_a_place_that_is_none_is_rejected(jira: JiraRig) -> None:
    file(jira)
    for place in ("nonsense", "5", "5 nonsense", "5 2026-11-22T10:00:00 "):
        with pytest.raises(Rejected):
            jira.service.updates(["ABC"], now(), place)


def test_a_project_that_is_not_there_holds_up_no_others(
    jira: JiraRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "PAGE", 3)
    issues = [file(jira, timedelta(seconds=20 - n)) for n in range(5)]
    since, found, after = now() - MINUTE, set[str](), None
    for _ in range(9):
        page = jira.service.updates(["ABC", "GONE", "OPS"], since, after)
        assert page.unknown == ("GONE",)
        found |= set(ids(page.found))
        after = page.next
        if after is None:
            break
    assert found == {issue.id for issue in issues}


def test_a_project_that_is_back_is_told_at_once(jira: JiraRig) -> None:
    issue = file(jira, project="OPS")
    since, goal = now() - MINUTE, jira.site.toy.state.projects["OPS"]
    goal.key, goal.name = "NEW", "New project"
    try:
        assert jira.service.updates(["ABC", "OPS"], since).unknown == ("OPS",)
    finally:
        goal.key, goal.name = "OPS", "Ops project"
    page = jira.service.updates(["ABC", "OPS"], since)
    assert (ids(page.found), page.unknown) == ([issue.id], ())


def test_what_is_unknown_among_many_is_found_in_few_requests(make_jira: MakeJira) -> None:
    projects = tuple(f"P{n}" for n in range(32))
    jira = make_jira(projects=projects)
    jira.warm("P0")
    page = jira.service.updates([*projects, "GONE"], now())
    assert page.unknown == ("GONE",)
    assert operations(jira.calls).count("POST search") < 16


def test_no_project_that_is_known_is_an_error_that_names_them(jira: JiraRig) -> None:
    with pytest.raises(Rejected, match="Jira knows no project GONE, LOST"):
        jira.service.updates(["LOST", "GONE"], now() - MINUTE)


def test_a_refusal_that_is_no_projects_fault_is_told_in_jiras_words(jira: JiraRig) -> None:
    jira.fault("POST search", "status", status=400, body='{"errorMessages": ["The index is rebuilt."]}')
    with pytest.raises(Rejected, match="POST /rest/api/2/search"):
        jira.service.updates(["ABC"], now() - MINUTE)
