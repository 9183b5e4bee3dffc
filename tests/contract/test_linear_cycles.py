"""Linear's cycles through the service: teams, cycles, their work and its past, and what each costs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.linear import issues as toy_issues
from sandbox.linear.entities import Actor
from tests.contract.conftest import LinearRig, MakeLinear, operations
from trackers.errors import Forbidden, Gone, Rejected
from trackers.limits import BULK
from trackers.model import Issue, Label
from trackers.protocol import PutComment
from trackers.sprints import (
    Amount,
    Board,
    Finished,
    Sprint,
    SprintIssue,
    SprintReading,
    SprintState,
    Stage,
    Unit,
    sprint_topic,
)

DAY = 24 * 3600


@pytest.fixture
def linear(make_linear: MakeLinear) -> LinearRig:
    """A workspace whose teams are in their first cycle."""
    return make_linear(past_cycles=())


def active(linear: LinearRig) -> Sprint:
    (sprint,) = (one for one in linear.service.open_sprints("ENG") if one.state is SprintState.ACTIVE)
    return sprint


def planned(linear: LinearRig, **wish: Any) -> Issue:
    """An issue in the running cycle."""
    return linear.issue(**{"sprint": "active"} | wish)


def move_cycle(linear: LinearRig, which: str, **wish: Any) -> None:
    linear.toy.control("PATCH", f"/linear/cycles/ENG/{which}", wish)


def team_is(linear: LinearRig, **settings: Any) -> None:
    linear.toy.control("PATCH", "/linear/teams/ENG", settings)


def edit(linear: LinearRig, issue: Issue, **wish: Any) -> None:
    linear.toy.control("PATCH", f"/issues/{issue.key}", wish)


def reading(linear: LinearRig, past: bool = False) -> SprintReading:
    """The running cycle, with only its own requests counted."""
    sprint = active(linear)
    linear.forget_calls()
    return linear.service.sprint(sprint.id, past)


def held(linear: LinearRig, issue: Issue, past: bool = False) -> SprintIssue:
    (found,) = (one for one in reading(linear, past).issues if one.id == issue.id)
    return found


# -- the team ------------------------------------------------------------------------------------


def test_team_is_asked_once_an_hour(linear: LinearRig) -> None:
    board = linear.service.board("ENG")
    assert board == Board("ENG", "Eng team", "ENG", True, Unit.POINTS, 1.0, "Europe/Oslo")
    assert linear.service.board("ENG") == board and linear.requests == 1
    assert set(linear.cache.lives.values()) == {timedelta(hours=1)}


def test_team_without_estimates_counts_issues(linear: LinearRig) -> None:
    team_is(linear, issue_estimation_type="notUsed", cycles_enabled=False)
    board = linear.service.board("ENG")
    assert (board.unit, board.unestimated, board.has_sprints) == (Unit.ISSUES, None, False)
    issue = planned(linear, points=3)
    edit(linear, issue, points=5)
    found = held(linear, issue, past=True)
    assert found.points is None and found.past is not None and found.past.estimates == ()


def test_team_that_is_not_there_is_gone(linear: LinearRig) -> None:
    with pytest.raises(Gone, match="NOPE"):
        linear.service.board("NOPE")
    assert linear.service.open_sprints("NOPE") == ()


# -- which cycles are open -----------------------------------------------------------------------


def test_running_cycle_and_the_next_come_in_one_request(linear: LinearRig) -> None:
    move_cycle(linear, "active", name="Autumn")
    linear.forget_calls()
    running, coming = linear.service.open_sprints("ENG")
    assert linear.requests == 1 and operations(linear.calls) == ["cycles"]
    assert (running.name, running.board, running.state) == ("Autumn", "ENG", SprintState.ACTIVE)
    assert (coming.name, coming.state) == ("Cycle 2", SprintState.FUTURE)
    assert running.start and running.end and running.end - running.start == timedelta(days=14)
    assert coming.start == running.end and running.completed is None


def test_none_is_active_in_the_cool_down(linear: LinearRig) -> None:
    closed = active(linear).id
    move_cycle(linear, "active", close=True)
    assert [sprint.state for sprint in linear.service.open_sprints("ENG")] == [SprintState.FUTURE]
    over = linear.service.sprint(closed).sprint
    assert over.state is SprintState.CLOSED and over.completed == over.end


def test_cycle_begins_by_the_clock(linear: LinearRig) -> None:
    move_cycle(linear, "active", close=True)
    move_cycle(linear, "next", starts_in=-1, quiet=True)
    assert active(linear).name == "Cycle 2"


def test_cycle_of_another_team_is_not_told(linear: LinearRig) -> None:
    ours = {sprint.id for sprint in linear.service.open_sprints("ENG")}
    assert ours.isdisjoint(sprint.id for sprint in linear.service.open_sprints("OPS"))


def test_cycle_that_is_not_there_is_gone(linear: LinearRig) -> None:
    with pytest.raises(Gone):
        linear.service.sprint("0a0a0a0a-0000-4000-8000-000000000000")


@pytest.mark.parametrize("path", [["cycle", "team"], ["issues", "nodes", 0, "state"], ["issues"]])
def test_cycle_whose_team_cannot_be_seen_is_not_gone(linear: LinearRig, path: list[object]) -> None:
    unseen = {"message": "Entity not found: Team", "path": path, "extensions": {"type": "invalid input"}}
    sprint = active(linear)
    linear.fault("cycle", "status", status=200, body=json.dumps({"data": None, "errors": [unseen]}))
    with pytest.raises(Forbidden, match="access"):
        linear.service.sprint(sprint.id)


# -- what is in a cycle --------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "requests"), [(60, 1), (100, 1), (101, 2)])
def test_cycle_of_many_issues_is_read_in_few_requests(linear: LinearRig, size: int, requests: int) -> None:
    for _ in range(size):
        linear.toy.issue(sprint="active", points=1)
    linear.toy.issue(sprint="next")
    found = reading(linear)
    assert linear.requests == requests
    assert len({issue.key for issue in found.issues}) == size
    assert [issue.rank for issue in found.issues] == list(range(size))
    assert found.ours == () and all(issue.past is None for issue in found.issues)


def test_page_is_no_larger_than_the_cycle_needs(linear: LinearRig) -> None:
    def asked() -> list[int]:
        """The pages asked for to read the cycle."""
        expected = len(linear.tracker.state.issues)
        assert len(reading(linear).issues) == expected
        return [json.loads(request.content)["variables"]["first"] for request in linear.sent]

    for _ in range(20):
        linear.toy.issue(sprint="active")
    assert (asked(), asked()) == ([100], [35])
    for _ in range(16):
        linear.toy.issue(sprint="active")
    assert (asked(), asked()) == ([35, 35], [51])


def test_page_that_is_too_costly_is_halved(make_linear: MakeLinear) -> None:
    linear = make_linear(past_cycles=(), query_complexity_limit=1_600)
    keys = {linear.toy.issue(sprint="active") for _ in range(30)}
    assert {issue.key for issue in reading(linear).issues} == keys
    assert linear.requests == 2 + 2


def test_page_is_not_halved_for_ever(make_linear: MakeLinear) -> None:
    linear = make_linear(past_cycles=(), query_complexity_limit=350)
    with pytest.raises(Rejected):
        reading(linear)


def test_issue_is_told_as_the_cycle_holds_it(linear: LinearRig) -> None:
    parent = planned(linear, points=5)
    issue = planned(
        linear, body="Must be fast", points=2, labels=["Area/api"], assignee="Kim", parent=parent.key
    )
    found = held(linear, issue)
    todo = next(s for s in linear.tracker.state.states.values() if s.type == "backlog")
    assert (found.key, found.project, found.type, found.points) == (issue.key, "ENG", None, 2)
    assert (found.stage, found.state, found.since) == (Stage.TODO, todo.id, None)
    assert found.joined == found.created == issue.created
    assert (found.parent, found.subtask, found.body) == (parent.id, False, "Must be fast")
    assert found.labels == (Label(linear.toy.labels()["api"], "api", "Area"),)
    assert found.assignee == linear.tracker.state.person("Kim").id
    assert (found.blockers, found.carried) == ((), False)


def test_unestimated_issue_has_no_points(linear: LinearRig) -> None:
    assert held(linear, planned(linear)).points is None


@pytest.mark.parametrize(
    ("status", "stage", "stamp"),
    [
        ("Todo", Stage.TODO, None),
        ("In Review", Stage.DOING, "started_at"),
        ("Done", Stage.DONE, "completed_at"),
        ("Canceled", Stage.DROPPED, "canceled_at"),
        ("Duplicate", Stage.DROPPED, "canceled_at"),
    ],
)
def test_stage_is_the_type_of_the_state(
    linear: LinearRig, status: str, stage: Stage, stamp: str | None
) -> None:
    issue = planned(linear)
    edit(linear, issue, status=status)
    found = held(linear, issue)
    at = getattr(linear.tracker.state.issue(issue.id), stamp) if stamp else None
    assert (found.stage, found.since and round(found.since.timestamp() * 1000)) == (stage, at)


def test_priority_ranks_before_place(linear: LinearRig) -> None:
    first, second = planned(linear, title="No priority"), planned(linear, title="Low", priority="Low")
    third, fourth = planned(linear, priority="Urgent"), planned(linear, priority="Urgent")
    keys = [issue.key for issue in reading(linear).issues]
    # The toy puts what is new on top.
    assert keys == [fourth.key, third.key, second.key, first.key]


def test_only_open_issues_block(linear: LinearRig) -> None:
    open_, done = linear.issue(), linear.issue()
    edit(linear, done, status="Done")
    issue = planned(linear, blocked_by=[open_.key, done.key])
    assert held(linear, issue).blockers == (open_.key,)
    assert held(linear, planned(linear)).blockers == ()


def test_deleted_issue_is_left_out(linear: LinearRig) -> None:
    gone, kept = planned(linear), planned(linear)
    linear.toy.control("DELETE", f"/issues/{gone.key}")
    assert [issue.key for issue in reading(linear).issues] == [kept.key]


def test_what_rolled_over_is_carried_without_a_further_request(linear: LinearRig) -> None:
    left, done = planned(linear), planned(linear)
    edit(linear, done, status="Done")
    closed = active(linear).id
    move_cycle(linear, "active", close=True)
    move_cycle(linear, "next", starts_in=-1)
    new = planned(linear)
    carried = {issue.key: issue.carried for issue in reading(linear).issues}
    assert carried == {left.key: True, new.key: False} and linear.requests == 1
    assert [issue.key for issue in linear.service.sprint(closed).issues] == [done.key]


def test_only_the_cycle_before_leaves_work_over(linear: LinearRig) -> None:
    issue = planned(linear)
    for _ in range(2):
        linear.toy.control("POST", "/linear/past_cycle", {"team": "ENG", "ended_days_ago": 30})
    older = linear.tracker.state.cycles_of(linear.tracker.state.team("ENG").id)[0]
    linear.tracker.state.cycles[older.id] = replace(older, uncompleted_ids=(issue.id,))
    assert not held(linear, issue).carried


# -- the past ------------------------------------------------------------------------------------


def test_past_costs_one_more_request(linear: LinearRig) -> None:
    for _ in range(60):
        linear.toy.issue(sprint="active")
    assert all(issue.past is not None for issue in reading(linear, past=True).issues)
    assert linear.requests == 2


def test_past_of_an_empty_cycle_is_not_asked(linear: LinearRig) -> None:
    assert reading(linear, past=True).issues == () and linear.requests == 1


def test_past_tells_moves_estimates_and_states_oldest_first(linear: LinearRig) -> None:
    issue = linear.issue(points=3)
    edit(linear, issue, sprint="next")
    edit(linear, issue, sprint="active", points=5)
    edit(linear, issue, status="In Progress")
    edit(linear, issue, status="Done", points=None)
    past = held(linear, issue, past=True).past
    assert past is not None and past.whole
    running, coming = linear.service.open_sprints("ENG")
    assert [(move.sprint, move.joined, move.automated) for move in past.moves] == [
        (coming.id, True, False),
        (coming.id, False, False),
        (running.id, True, False),
    ]
    assert [(one.before, one.after) for one in past.estimates] == [(3, 5), (5, None)]
    assert [(one.before, one.after) for one in past.shifts] == [
        (Stage.TODO, Stage.DOING),
        (Stage.DOING, Stage.DONE),
    ]
    names = linear.tracker.state.states
    assert [names[one.after_state].name for one in past.shifts] == ["In Progress", "Done"]
    assert names[past.shifts[0].before_state].name == "Backlog"
    assert past.moves[0].at < past.moves[1].at == past.moves[2].at == past.estimates[0].at
    assert past.shifts[0].at < past.shifts[1].at == past.estimates[1].at


def test_what_linear_moves_by_itself_is_automated(linear: LinearRig) -> None:
    rolled = planned(linear)
    move_cycle(linear, "active", close=True)
    move_cycle(linear, "next", starts_in=-1)
    team_is(linear, cycle_issue_auto_assign_started=True)
    drawn, dragged = linear.issue(), linear.issue()
    edit(linear, drawn, status="In Progress")
    edit(linear, dragged, sprint="active")
    automated = {
        issue.key: [move.automated for move in issue.past.moves if move.joined]
        for issue in reading(linear, past=True).issues
        if issue.past is not None
    }
    assert automated == {rolled.key: [True], drawn.key: [True], dragged.key: [False]}


@pytest.mark.parametrize("automation", [True, False])
def test_joining_by_being_started_is_automated_where_the_team_lets_linear_do_so(
    linear: LinearRig, automation: bool
) -> None:
    issue = linear.issue()
    # One entry for both, as Linear groups what one person did.
    edit(linear, issue, sprint="active", status="In Progress")
    team_is(linear, cycle_issue_auto_assign_started=automation)
    past = held(linear, issue, past=True).past
    assert past is not None and [move.automated for move in past.moves] == [automation]


def busy(linear: LinearRig, issue: Issue, changes: int) -> None:
    """Let a person change the estimate that often."""
    state = linear.tracker.state
    with state.lock:
        actor = Actor(state.person("Robin Person"))
        for points in range(1, changes + 1):
            toy_issues.update(state, actor, state.issue(issue.id), {"estimate": float(points)})


@pytest.mark.parametrize(
    ("changes", "requests", "read", "whole"),
    [(20, 2, 20, True), (21, 3, 21, True), (320, 5, 320, True), (321, 5, 320, False)],
)
def test_long_past_is_read_on_up_to_a_bound(
    linear: LinearRig, changes: int, requests: int, read: int, whole: bool
) -> None:
    issue = planned(linear)
    busy(linear, issue, changes)
    past = held(linear, issue, past=True).past
    assert past is not None and (len(past.estimates), past.whole) == (read, whole)
    assert past.estimates[-1].after == changes and linear.requests == requests


def test_issue_purged_while_it_is_read_does_not_make_the_cycle_gone(linear: LinearRig) -> None:
    issue = planned(linear)
    busy(linear, issue, 30)
    sprint = active(linear)
    linear.fault("issue", "rate_limit", reason="entity not found")
    (found,) = linear.service.sprint(sprint.id, past=True).issues
    assert found.past is not None and (len(found.past.estimates), found.past.whole) == (20, False)


def test_issue_deleted_between_two_requests_is_left_out(linear: LinearRig) -> None:
    gone, kept = planned(linear), planned(linear)
    sprint = active(linear)

    def delete(request: httpx.Request) -> None:
        if b"CyclePasts" in request.content:
            linear.tracker.delete_issue(gone.key)

    linear.http.event_hooks["request"].append(delete)
    assert [issue.key for issue in linear.service.sprint(sprint.id, past=True).issues] == [kept.key]


def test_our_comment_about_the_cycle_is_found_with_the_past(linear: LinearRig) -> None:
    issue, other = planned(linear), planned(linear)
    sprint = active(linear)
    linear.send(issue, PutComment(sprint_topic(sprint.id), "Too much."))
    linear.send(other, PutComment(sprint_topic("another"), "Not about this one."))
    (ours,) = reading(linear, past=True).ours
    assert (ours.issue, ours.key) == (issue.id, issue.key)
    assert (ours.comment.topic, ours.comment.body) == (sprint_topic(sprint.id), "Too much.")
    assert ours.comment.url and linear.requests == 2
    assert reading(linear).ours == ()


def test_our_comments_posted_anew_are_found_in_their_order(linear: LinearRig) -> None:
    first, second = planned(linear), planned(linear)
    topic = sprint_topic(active(linear).id)
    for issue, name in ((first, f"{topic} again 2"), (second, topic), (second, f"{topic} again 1")):
        linear.send(issue, PutComment(name, "Too much."))
    ours = reading(linear, past=True).ours
    assert [(one.key, one.comment.topic) for one in ours] == [
        (second.key, topic),
        (second.key, f"{topic} again 1"),
        (first.key, f"{topic} again 2"),
    ]


# -- finished cycles -----------------------------------------------------------------------------


def past_cycle(linear: LinearRig, ended_days_ago: float, **wish: Any) -> str:
    """The id of a finished cycle."""
    made = linear.toy.control(
        "POST", "/linear/past_cycle", {"team": "ENG", "ended_days_ago": ended_days_ago} | wish
    )
    return str(made["id"])


def finished(linear: LinearRig, *known: str, most: int = 5) -> tuple[Finished, ...]:
    board = linear.service.board("ENG")
    linear.forget_calls()
    return linear.service.finished(board, known, most)


def test_finished_cycle_in_numbers(linear: LinearRig) -> None:
    id_ = past_cycle(
        linear, 14, committed=[3, 5, 2, None], done=[True, False, True, True], added=[[2, True], [8, False]]
    )
    (cycle,) = finished(linear)
    assert linear.requests == 2 and all(BULK in scopes for scopes in linear.gate.asked)
    assert (cycle.id, cycle.board, cycle.planned_days, cycle.approximate) == (id_, "ENG", 14, True)
    assert cycle.committed == Amount(4, 11) and cycle.delivered == Amount(4, 8)
    assert (cycle.added, cycle.estimated) == (Amount(2, 10), 1)
    assert cycle.ended - cycle.start == timedelta(days=14)
    assert {state for state, _ in cycle.stays} == {""} and len(cycle.stays) == 4
    assert all(0 < hours < 14 * 24 for _, hours in cycle.stays)


def test_finished_cycles_come_newest_first_and_without_the_known(linear: LinearRig) -> None:
    oldest, newest, middle = (past_cycle(linear, days, committed=[1], done=[True]) for days in (60, 10, 30))
    assert [cycle.id for cycle in finished(linear)] == [newest, middle, oldest]
    assert [cycle.id for cycle in finished(linear, newest)] == [middle, oldest]
    assert [cycle.id for cycle in finished(linear, most=2)] == [newest, middle]


def test_nothing_new_costs_one_request(linear: LinearRig) -> None:
    known = past_cycle(linear, 10, committed=[1], done=[True])
    assert finished(linear, known) == () and linear.requests == 1


def test_stays_are_asked_of_the_newest_alone(linear: LinearRig) -> None:
    for days in (10, 30, 50, 70):
        past_cycle(linear, days, committed=[1], done=[True])
    assert [len(cycle.stays) for cycle in finished(linear)] == [1, 1, 1, 0]


def test_cycle_without_any_work_is_told_with_zeros(linear: LinearRig) -> None:
    past_cycle(linear, 5)
    (cycle,) = finished(linear)
    assert cycle.committed == cycle.delivered == cycle.added == Amount(0, 0) and cycle.stays == ()


def test_late_addition_is_not_counted_as_added(linear: LinearRig) -> None:
    move_cycle(linear, "active", starts_in=-13.5 * DAY)
    linear.toy.issue(sprint="active", points=8)
    move_cycle(linear, "active", ends_in=-1, quiet=True)
    (cycle,) = finished(linear)
    assert (cycle.committed, cycle.added) == (Amount(0, 0), Amount(0, 0))


def test_cycle_completed_early_keeps_its_planned_length(linear: LinearRig) -> None:
    move_cycle(linear, "active", starts_in=-3.4 * DAY)
    move_cycle(linear, "active", close=True)
    (cycle,) = finished(linear)
    assert cycle.planned_days == 14 and cycle.ended - cycle.start < timedelta(days=4)


def test_archived_cycle_is_read_too(linear: LinearRig) -> None:
    id_ = past_cycle(linear, 10, committed=[1], done=[True])
    cycles = linear.tracker.state.cycles
    cycles[id_] = replace(cycles[id_], archived_at=cycles[id_].completed_at)
    assert [cycle.id for cycle in finished(linear)] == [id_]


def test_running_cycle_is_not_finished(linear: LinearRig) -> None:
    assert finished(linear) == ()
