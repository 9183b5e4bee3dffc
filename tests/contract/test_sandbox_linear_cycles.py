"""The toy Linear's cycles: finished ones made afterwards, the clock, automations, relations."""

from __future__ import annotations

from typing import Any

from tests.contract.conftest import MakeLinear
from tests.contract.linear_toy import Toy

FINISHED = """{ cycles(filter: {team: {key: {eq: "ENG"}}, isPast: {eq: true}}, first: 5) { nodes {
  number completedAt scopeHistory completedScopeHistory issueCountHistory completedIssueCountHistory
  uncompletedIssuesUponClose { nodes { state { type } cycle { id } } }
  issues { nodes { startedAt completedAt createdAt estimate } } } } }"""


def cycles(toy: Toy) -> list[tuple[int, str]]:
    views = toy.control("GET", "/linear/cycles")
    return [(view["number"], view["state"]) for view in views if view["project"] == "ENG"]


def told(toy: Toy) -> list[Any]:
    return [delivery["event"] for delivery in toy.control("GET", "/deliveries")]


def heard(make_linear: MakeLinear) -> Toy:
    """A workspace with a webhook that nobody answers."""
    toy = make_linear(past_cycles=(), webhook_retries=()).toy
    toy.control("POST", "/webhook", {"url": "http://127.0.0.1:9/", "secret": "s"})
    return toy


def test_finished_cycle_has_a_past_of_its_own(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    wish = {"committed": [3, 5, 2], "done": [True, False, True], "added": [[2, True]], "days": 10}
    toy.control("POST", "/linear/past_cycle", {"team": "ENG", "ended_days_ago": 14} | wish)
    (cycle,) = toy.data(FINISHED)["cycles"]["nodes"]
    assert len(cycle["scopeHistory"]) == 10 and cycle["completedAt"]
    assert (cycle["scopeHistory"][0], cycle["scopeHistory"][-1]) == (10, 12)
    assert (cycle["completedScopeHistory"][0], cycle["completedScopeHistory"][-1]) == (0, 7)
    assert (cycle["issueCountHistory"][-1], cycle["completedIssueCountHistory"][-1]) == (4, 3)
    assert cycle["completedScopeHistory"] == sorted(cycle["completedScopeHistory"])
    assert len(cycle["issues"]["nodes"]) == 3
    for issue in cycle["issues"]["nodes"]:
        assert issue["createdAt"] < issue["startedAt"] < issue["completedAt"] < cycle["completedAt"]
    assert cycle["uncompletedIssuesUponClose"]["nodes"] == [{"state": {"type": "backlog"}, "cycle": None}]
    assert told(toy) == []


def test_numbers_follow_the_dates(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    for days in (20, 60, 40):
        toy.control("POST", "/linear/past_cycle", {"team": "ENG", "ended_days_ago": days, "name": str(days)})
    assert cycles(toy) == [(1, "past"), (2, "past"), (3, "past"), (4, "active"), (5, "future")]
    named = [view["name"] for view in toy.control("GET", "/linear/cycles") if view["project"] == "ENG"]
    assert named == ["60", "40", "20", None, None]
    assert toy.issue(sprint="active") and toy.control("GET", "/issues/ENG-1")["sprint"] == 4


def test_lists_of_a_finished_cycle_must_fit(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    wish = {"team": "ENG", "ended_days_ago": 3, "committed": [1, 2], "done": [True]}
    answer = toy.http.post("/_sandbox/linear/past_cycle", json=wish)
    assert answer.status_code == 400 and "committed" in answer.text
    assert cycles(toy) == [(1, "active"), (2, "future")]


def test_passing_of_time_is_told_to_nobody(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    toy.control("PATCH", "/linear/cycles/ENG/active", {"ends_in": -2, "quiet": True})
    toy.control("PATCH", "/linear/cycles/ENG/next", {"starts_in": -1, "quiet": True})
    assert cycles(toy) == [(1, "past"), (2, "active")] and told(toy) == []
    toy.control("PATCH", "/linear/cycles/ENG/2", {"ends_in": 3600})
    assert told(toy) == ["Cycle"]


def test_started_work_is_drawn_into_the_running_cycle_by_nobody(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    before, later = toy.issue(), toy.issue(sprint="next")
    toy.control("PATCH", f"/issues/{before}", {"status": "In Progress"})
    assert toy.control("GET", f"/issues/{before}")["sprint"] is None
    toy.control("PATCH", "/linear/teams/ENG", {"cycle_issue_auto_assign_started": True})
    after = toy.issue()
    for key in (after, later):
        toy.control("PATCH", f"/issues/{key}", {"status": "In Progress"})
    assert [toy.control("GET", f"/issues/{key}")["sprint"] for key in (after, later)] == [1, 2]
    query = "query($id: String!) { issue(id: $id) { history { nodes { actorId toCycleId toStateId } } } }"
    drawn, started = toy.data(query, id=after)["issue"]["history"]["nodes"]
    assert drawn["toCycleId"] and drawn["actorId"] is None
    assert started["toStateId"] and started["actorId"]


def test_issue_has_a_parent_and_blockers(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    parent, blocker = toy.issue(), toy.issue()
    key = toy.issue(parent=parent, blocked_by=[blocker], assignee="Kim")
    query = """query($id: String!) { issue(id: $id) { parent { identifier } assignee { name }
      inverseRelations { nodes { type issue { identifier } relatedIssue { identifier } } } } }"""
    issue = toy.data(query, id=key)["issue"]
    assert (issue["parent"], issue["assignee"]) == ({"identifier": parent}, {"name": "Kim"})
    assert issue["inverseRelations"]["nodes"] == [
        {"type": "blocks", "issue": {"identifier": blocker}, "relatedIssue": {"identifier": key}}
    ]
    toy.control("PATCH", f"/issues/{key}", {"parent": None, "blocked_by": []})
    view = toy.control("GET", f"/issues/{key}")
    assert (view["parent"], view["blocked_by"]) == (None, [])


def test_quiet_edit_is_told_to_nobody(make_linear: MakeLinear) -> None:
    toy = heard(make_linear)
    key = toy.issue(quiet=True)
    toy.control("PATCH", f"/issues/{key}", {"points": 5, "quiet": True})
    assert toy.control("GET", f"/issues/{key}")["points"] == 5 and told(toy) == []
    toy.control("PATCH", f"/issues/{key}", {"points": 3})
    assert told(toy) == ["Issue"]
