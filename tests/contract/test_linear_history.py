"""Past Linear issues: as they were when filed as far as Linear tells, and of the named teams alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.linear import issues as toy_issues
from tests.contract.conftest import LinearRig, MakeLinear, add, operations
from trackers.errors import Gone, LimitReached, Paused, Rejected
from trackers.limits import BULK
from trackers.linear.history import past_issue
from trackers.model import Identity, Memory, PastIssue
from trackers.protocol import Page, Recall, RemoveLabels

HOUR_MS = 3_600_000
RAW: dict[str, Any] = {
    "id": "9f0c6bd2-4d7a-4a3e-9d7e-0a4f5a0f2a11",
    "identifier": "ENG-7",
    "title": "Now",
    "createdAt": "2026-03-02T09:00:00.000Z",
    "team": {"key": "ENG"},
}

ME = Identity("me", "Sprintwarden", True)


@pytest.fixture
def linear(make_linear: MakeLinear) -> LinearRig:
    """A workspace without finished cycles, and so without issues."""
    return make_linear(past_cycles=())


def pages(linear: LinearRig, *teams: str, size: int = 50, since: datetime | None = None) -> list[Page]:
    found = [linear.service.past(teams or ("ENG",), None, since, size)]
    while found[-1].next is not None:
        found.append(linear.service.past(teams or ("ENG",), found[-1].next, since, size))
        assert len(found) < 50
    return found


def past(linear: LinearRig, *teams: str, **how: Any) -> dict[str, PastIssue]:
    """By key, in the order in which they came."""
    return {issue.key: issue for page in pages(linear, *teams, **how) for issue in page.issues}


def edit(linear: LinearRig, key: str, **wish: Any) -> None:
    linear.tracker.edit_issue(key, wish)


def filed_earlier(linear: LinearRig, key: str, by_ms: int = HOUR_MS) -> None:
    """Let an issue look as if it had been filed that much earlier than it was."""
    issue = linear.tracker.state.issue(key)
    linear.tracker.state.store_issue(replace(issue, created_at=issue.created_at - by_ms))


def test_pages_hold_every_issue_once_oldest_first(linear: LinearRig) -> None:
    for n in range(5):
        linear.toy.issue(f"Problem {n}")
        filed_earlier(linear, f"ENG-{n + 1}", (9 - n) * HOUR_MS)
    found = pages(linear, size=2)
    told = [issue.title for page in found for issue in page.issues]
    assert told == [f"Problem {n}" for n in range(5)]
    assert len(found) == 3


def test_pages_stay_whole_while_issues_come_and_go(linear: LinearRig) -> None:
    for n in range(5):
        linear.toy.issue(f"Problem {n}")
        filed_earlier(linear, f"ENG-{n + 1}", (9 - n) * HOUR_MS)
    first = linear.service.past(["ENG"], page_size=2)
    linear.tracker.purge_issue("ENG-1")
    linear.tracker.purge_issue("ENG-2")
    linear.tracker.delete_issue("ENG-3")
    linear.toy.issue("New")
    rest = linear.service.past(["ENG"], first.next, page_size=9)
    assert [issue.key for issue in rest.issues] == ["ENG-4", "ENG-5", "ENG-6"]


def test_title_is_told_as_filed_and_labels_as_they_are(linear: LinearRig) -> None:
    key = linear.toy.issue("Login is broken", body="It says 500.", labels=["Bug"])
    edit(linear, key, title="Sign-in fails", add_labels=["Area/api"], remove_labels=["Bug"])
    edit(linear, key, title="Sign-in fails with 500", status="Done")
    (issue,) = past(linear).values()
    assert (issue.title, issue.body, issue.type) == ("Login is broken", "It says 500.", None)
    assert [label.path for label in issue.labels] == ["Area/api"]
    assert issue.resolved and issue.as_filed and not issue.moved
    assert "Robin Person" in issue.people


def test_description_edited_later_is_told_as_it_is_and_marked(linear: LinearRig) -> None:
    late, soon = linear.toy.issue("Slow", body="Ten seconds."), linear.toy.issue("Slow")
    for key in (late, soon):
        edit(linear, key, body="A minute.")
    filed_earlier(linear, late)
    found = past(linear)
    assert [found[key].body for key in (late, soon)] == ["A minute.", "A minute."]
    assert [found[key].as_filed for key in (late, soon)] == [False, True]


def test_first_title_is_found_behind_a_long_history(linear: LinearRig) -> None:
    key = linear.toy.issue("First")
    for n in range(45):
        edit(linear, key, title=f"Edit {n}")
    linear.forget_calls()
    (issue,) = past(linear).values()
    assert issue.title == "First" and issue.as_filed
    assert operations(linear.calls) == ["issues", "issue", "viewer"]


def test_history_too_long_to_be_read_makes_the_text_doubtful(
    linear: LinearRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackers.linear.history._MOST_HISTORY_PAGES", 1)
    key = linear.toy.issue("First")
    for n in range(21):
        edit(linear, key, title=f"Edit {n}")
    (issue,) = past(linear).values()
    assert not issue.as_filed


def test_issue_gone_before_its_history_was_read_costs_only_itself(linear: LinearRig) -> None:
    linear.toy.issue("Kept")
    key = linear.toy.issue("Gone")
    for n in range(25):
        edit(linear, key, title=f"Edit {n}")
    linear.fault("issue", "rate_limit", reason="entity not found")
    assert [issue.title for issue in past(linear).values()] == ["Kept"]


def test_other_teams_are_not_touched(linear: LinearRig) -> None:
    for team in ("OPS", "ENG", "OPS"):
        linear.toy.issue(project=team)
    assert list(past(linear)) == ["ENG-1"]
    assert set(past(linear, "OPS", "ENG", size=2)) == {"ENG-1", "OPS-1", "OPS-2"}
    for hostile in ('ENG"]}}){id}}', "ENG OPS", "eng", ""):
        assert past(linear, hostile) == {}
    linear.forget_calls()
    assert linear.service.past([]) == Page((), None, 0) and linear.calls == []


def test_trash_is_left_out_and_archived_issues_are_not(linear: LinearRig) -> None:
    trashed, archived = linear.toy.issue("Trashed"), linear.toy.issue("Archived")
    linear.tracker.delete_issue(trashed)
    row = linear.tracker.state.issue(archived)
    linear.tracker.state.store_issue(replace(row, archived_at=row.created_at))
    assert list(past(linear)) == [archived]


def test_only_issues_since_a_moment_are_told(linear: LinearRig) -> None:
    old, new = linear.toy.issue("Old"), linear.toy.issue("New")
    filed_earlier(linear, old)
    assert list(past(linear, since=datetime.now(UTC) - timedelta(minutes=30))) == [new]


def test_what_we_put_on_is_known_and_whether_people_came_after(linear: LinearRig) -> None:
    untouched, edited, removed = (linear.issue(labels=["Bug"]) for _ in range(3))
    security = linear.label(untouched, "security")
    for issue in (untouched, edited, removed):
        edit(linear, issue.key, title="Before")
        linear.send(issue, add(security))
    edit(linear, edited.key, priority="Low")
    edit(linear, removed.key, remove_labels=["security"])
    found = past(linear)
    assert {issue.labels_by_us for issue in found.values()} == {frozenset({security.id})}
    assert [found[issue.key].handled for issue in (untouched, edited, removed)] == [False, True, True]
    assert found[removed.key].taken_off == {security.id} and not found[edited.key].taken_off
    assert [label.name for label in found[removed.key].labels] == ["Bug"]


def test_what_we_took_off_ourselves_is_no_judgement(linear: LinearRig) -> None:
    issue = linear.issue()
    security = linear.label(issue, "security")
    linear.send(issue, add(security))
    linear.send(issue, RemoveLabels((security,), Memory()))
    found = past(linear)[issue.key]
    assert found.labels_by_us == {security.id} and not found.taken_off and not found.handled


def test_automation_and_a_dragged_card_are_no_judgement(linear: LinearRig) -> None:
    issue = linear.issue()
    linear.send(issue, add(linear.label(issue, "security")))
    edit(linear, issue.key, status="In Progress")
    edit(linear, issue.key, priority="Low", remove_labels=["security"], actor="automation")
    found = past(linear)[issue.key]
    assert not found.handled and found.labels_by_us and not found.taken_off


def test_full_page_costs_less_than_one_query_may(make_linear: MakeLinear) -> None:
    linear = make_linear(past_cycles=(), query_complexity_limit=6_000)
    actor = linear.tracker._actor(None)
    team = linear.tracker.state.team("ENG")
    for n in range(60):
        toy_issues.create(linear.tracker.state, actor, team.id, {"title": f"Problem {n}"})
    assert [len(page.issues) for page in pages(linear, size=1_000)] == [50, 10]


def test_page_that_costs_too_much_is_asked_for_in_parts(make_linear: MakeLinear) -> None:
    linear = make_linear(past_cycles=(), query_complexity_limit=3_000)
    for _ in range(3):
        linear.toy.issue()
    linear.forget_calls()
    assert len(past(linear)) == 3
    assert linear.requests == 3
    tiny = make_linear(past_cycles=(), query_complexity_limit=500)
    with pytest.raises(Rejected):
        tiny.service.past(["ENG"])


def test_limit_in_the_middle_is_told_and_the_page_is_there_afterwards(linear: LinearRig) -> None:
    for n in range(3):
        linear.toy.issue()
        filed_earlier(linear, f"ENG-{n + 1}", (9 - n) * HOUR_MS)
    first = linear.service.past(["ENG"], page_size=2)
    linear.fault("issues", "rate_limit", seconds=40)
    with pytest.raises(LimitReached):
        linear.service.past(["ENG"], first.next, page_size=2)
    with pytest.raises(Paused):
        linear.service.past(["ENG"], first.next, page_size=2)
    linear.gate.pauses.clear()
    assert [issue.key for issue in linear.service.past(["ENG"], first.next, page_size=2).issues] == ["ENG-3"]


def test_half_of_the_hour_is_left_to_live_events(make_linear: MakeLinear) -> None:
    linear = make_linear(past_cycles=(), requests_limit=10)
    issue = linear.issue()
    for _ in range(5):
        linear.service.read(issue.id, Recall())
    linear.gate.pauses.clear()
    linear.service.past(["ENG"])
    ((scope, length, _),) = linear.gate.pauses
    assert scope == BULK and timedelta(minutes=5) < length <= timedelta(minutes=30)
    with pytest.raises(Paused):
        linear.service.past(["ENG"])
    assert linear.service.read(issue.id, Recall()).issue.id == issue.id


def test_place_that_is_none_is_rejected(linear: LinearRig) -> None:
    linear.toy.issue()
    with pytest.raises((Rejected, Gone)):
        linear.service.past(["ENG"], "nonsense")


def test_issue_moved_from_another_team_is_told_so() -> None:
    here = past_issue(RAW | {"previousIdentifiers": []}, [], me=ME, whole=True)
    moved = past_issue(RAW | {"previousIdentifiers": ["OPS-3"]}, [], me=ME, whole=True)
    assert here is not None and moved is not None
    assert (here.project, here.moved) == ("ENG", False)
    assert (moved.project, moved.moved) == ("OPS", True)


def test_an_app_is_no_person_whose_name_must_be_hidden() -> None:
    app, robin = ({"name": name, "app": name != "Robin"} for name in ("Crash Reporter", "Robin"))
    found = past_issue(RAW | {"creator": app, "assignee": robin}, [], me=ME, whole=True)
    assert found is not None and found.people == {"Robin"}


@pytest.mark.parametrize("odd", [{"id": None}, {"id": "a/b"}, {"createdAt": None}, {"createdAt": "soon"}])
def test_issue_that_cannot_be_placed_is_passed_over(odd: dict[str, Any]) -> None:
    assert past_issue(RAW | odd, [], me=ME, whole=True) is None
