"""Finished sprints of Jira as numbers, through the service over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from classifiers.sprint_past import with_work
from sandbox.jira import people
from sandbox.remote import Remote
from tests.contract.conftest import JiraRig, MakeJira, operations
from trackers.errors import Forbidden, LimitReached, Paused, Rejected, ServerFault
from trackers.limits import BULK
from trackers.sprints import Amount, Finished, Unit

READ = ["GET sprint", "GET sprint issues"]


def finished(jira: JiraRig, *known: str, board: int = 1, most: int = 5) -> tuple[Finished, ...]:
    return tuple(jira.service.finished(jira.service.board(str(board)), known, most))


def seed(jira: JiraRig, *numbers: int, board: int = 1) -> list[str]:
    """A sprint for each number, which is its points and how many days ago it ended."""
    toy = Remote(jira.site.url)
    return [
        str(people.past_sprint(toy, board, [number], [True], ended_days_ago=number)) for number in numbers
    ]


def test_finished_sprint_is_told_in_numbers(jira: JiraRig) -> None:
    toy = Remote(jira.site.url)
    sprint = people.past_sprint(toy, 1, [3, 5, None, 2], [True, False, True], [(2, True), (8, False)])
    (found,) = finished(jira)
    assert (found.id, found.board, found.planned_days) == (str(sprint), "1", 14)
    assert found.ended - found.start == timedelta(days=14)
    assert found.committed == Amount(4, 10)
    assert found.delivered == Amount(3, 5)
    assert found.added == Amount(2, 10)
    assert (found.estimated, found.approximate) == (0.75, False)
    assert [(state, round(hours)) for state, hours in found.stays] == [("10001", 168)] * 3


@pytest.mark.parametrize(("estimation", "points"), [("none", 2), ("issues", 2), ("time", 9)])
def test_work_is_counted_as_the_board_counts_it(jira: JiraRig, estimation: str, points: float) -> None:
    toy = Remote(jira.site.url)
    board = people.add_board(toy, "OPS", estimation=estimation)
    people.past_sprint(toy, board, [4, 5], [True, True])
    (found,) = finished(jira, board=board)
    assert found.committed == found.delivered == Amount(2, points)


def test_team_managed_project_estimates_in_the_field_of_its_own(make_jira: MakeJira) -> None:
    jira = make_jira(team_managed=("ABC",))
    seed(jira, 3)
    (found,) = finished(jira)
    assert found.committed == found.delivered == Amount(1, 3)


def test_newest_come_first_and_known_ones_not_at_all(jira: JiraRig) -> None:
    one, three, two = seed(jira, 1, 3, 2)
    assert [sprint.id for sprint in finished(jira)] == [one, two, three]
    assert [sprint.id for sprint in finished(jira, one, most=1)] == [two]
    assert finished(jira, one, two, three) == ()


def test_each_sprint_costs_two_requests_and_an_unchanged_list_one(jira: JiraRig) -> None:
    seed(jira, 1, 2)
    (newest,) = finished(jira, most=1)
    jira.forget_calls()
    finished(jira, newest.id)
    assert operations(jira.calls) == ["GET sprints", *READ]
    jira.forget_calls()
    assert finished(jira, "1", "2") == ()
    assert operations(jira.calls) == ["GET sprints"]
    assert jira.cache.lives["closed-sprints:1"] == timedelta(days=1)


def test_a_sprint_that_has_just_ended_is_found_at_once(jira: JiraRig) -> None:
    seed(jira, 1)
    assert [sprint.id for sprint in finished(jira)] == ["1"]
    (newer,) = seed(jira, 5)
    assert [sprint.id for sprint in finished(jira, "1")] == [newer]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_only_the_newest_thirty_are_read(make_jira: MakeJira, deployment: str) -> None:
    jira = make_jira(deployment=deployment, page_size=20)
    ids = seed(jira, *range(1, 33))
    assert [sprint.id for sprint in finished(jira, *ids[:29])] == [ids[29]]
    assert finished(jira, *ids[:30]) == ()


def test_sprints_made_on_another_board_are_not_its_own(jira: JiraRig) -> None:
    other = people.add_board(Remote(jira.site.url), "ABC")
    seed(jira, 1)
    (own,) = seed(jira, 2, board=other)
    assert [sprint.id for sprint in finished(jira, board=other)] == [own]


def test_sprint_opened_again_since_it_was_listed_is_not_finished(jira: JiraRig) -> None:
    (sprint,) = seed(jira, 1)
    finished(jira, sprint)
    people.reopen_sprint(Remote(jira.site.url), int(sprint))
    assert finished(jira) == ()


def test_early_end_keeps_the_planned_days(jira: JiraRig) -> None:
    toy = Remote(jira.site.url)

    def at(day: int) -> None:
        toy.control("POST", "/clock", {"at": f"2026-03-{day:02}T09:00:00+00:00"})

    at(1)
    sprint = int(
        toy.control(
            "POST",
            "/sprints",
            {
                "board": 1,
                "name": "Short",
                "startDate": "2026-03-02T09:00:00Z",
                "endDate": "2026-03-16T09:00:00Z",
            },
        )["id"]
    )
    for points in (3, 5):
        toy.create("ABC", "Work", points=points, sprint=sprint)
    at(2)
    people.start_sprint(toy, sprint)
    at(8)
    toy.edit("ABC-1", status="Done")
    people.close_sprint(toy, sprint)
    (found,) = finished(jira)
    assert (found.planned_days, (found.ended - found.start).days) == (14, 6)
    assert (found.committed, found.delivered) == (Amount(2, 8), Amount(1, 3))


def test_only_bulk_work_is_held_back(jira: JiraRig) -> None:
    seed(jira, 1, 2)
    board = jira.service.board("1")
    jira.gate.limit(BULK, timedelta(minutes=5), "kept for live events")
    with pytest.raises(Paused):
        next(jira.service.finished(board, ()))
    jira.gate.pauses.clear()
    assert finished(jira, "1", "2") == ()
    jira.gate.limit(BULK, timedelta(minutes=5), "kept for live events")
    jira.forget_calls()
    with pytest.raises(Paused):
        next(jira.service.finished(board, ()))
    assert jira.calls == [] and jira.service.sprint("1").issues


def test_held_back_in_the_middle_what_was_read_is_told(jira: JiraRig) -> None:
    first, _ = seed(jira, 1, 2)
    jira.fault("GET sprint", "delay")
    jira.fault("GET sprint", "rate_limit", headers={"Retry-After": "60"})
    told = jira.service.finished(jira.service.board("1"), ())
    assert next(told).id == first
    with pytest.raises(LimitReached):
        next(told)


def test_each_is_read_when_it_is_asked_for(jira: JiraRig) -> None:
    seed(jira, 1, 2)
    told = jira.service.finished(jira.service.board("1"), ())
    next(told)
    jira.forget_calls()
    next(told)
    assert operations(jira.calls) == READ


@pytest.mark.parametrize(("status", "error"), [(400, Rejected), (403, Forbidden), (500, ServerFault)])
def test_one_that_cannot_be_read_keeps_no_other_from_being_told(
    jira: JiraRig, status: int, error: type[Exception]
) -> None:
    first, _, last = seed(jira, 1, 2, 3)
    jira.fault("GET sprint", "delay")
    jira.fault("GET sprint issues", "delay")
    jira.fault("GET sprint issues", "status", status=status)
    told = jira.service.finished(jira.service.board("1"), ())
    assert [next(told).id, next(told).id] == [first, last]
    with pytest.raises(error):
        next(told)


def test_one_that_had_no_time_is_told_as_one_without_work_and_its_issues_are_not_read(jira: JiraRig) -> None:
    toy = Remote(jira.site.url)
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def at(day: int) -> datetime:
        now = start + timedelta(days=day)
        toy.control("POST", "/clock", {"at": now.isoformat()})
        return now

    sprint = people.create_sprint(toy, 1, "Moved", at(0), start + timedelta(days=14))
    toy.create("ABC", "Work", points=3, sprint=sprint)
    people.start_sprint(toy, sprint)
    people.edit_sprint(toy, sprint, startDate=(start + timedelta(days=10)).isoformat())
    ended = at(7)
    people.close_sprint(toy, sprint)
    jira.service.board("1")
    jira.forget_calls()
    (found,) = finished(jira)
    assert operations(jira.calls) == ["GET sprints", "GET sprint"]
    assert (found.id, found.ended, found.approximate) == (str(sprint), ended, True)
    assert found.committed == found.delivered == found.added == Amount()
    assert with_work([found], Unit.POINTS) == []


def test_no_more_are_tried_than_were_asked_for(jira: JiraRig) -> None:
    for sprint in seed(jira, *range(1, 8)):
        finished(jira, *map(str, range(1, 8)))
        people.reopen_sprint(Remote(jira.site.url), int(sprint))
    jira.forget_calls()
    assert finished(jira) == ()
    assert operations(jira.calls) == ["GET sprints", *5 * ["GET sprint"]]
    jira.forget_calls()
    assert finished(jira) == ()
    assert operations(jira.calls) == ["GET sprints"], "the list was read anew"


def test_what_is_carried_over_is_delivered_where_it_was_done(jira: JiraRig) -> None:
    toy = Remote(jira.site.url)
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def at(day: float) -> None:
        toy.control("POST", "/clock", {"at": (start + timedelta(days=day)).isoformat()})

    at(-1)
    first, second = (
        people.create_sprint(toy, 1, name, start + timedelta(days=day), start + timedelta(days=day + 7))
        for name, day in (("One", 0), ("Two", 7))
    )
    for points in (3, 5):
        toy.create("ABC", "Work", points=points, sprint=first)
    at(0)
    people.start_sprint(toy, first)
    at(6)
    toy.edit("ABC-1", status="Done")
    at(7)
    people.close_sprint(toy, first)
    people.start_sprint(toy, second)
    at(12)
    toy.edit("ABC-2", status="Done", points=8)
    at(14)
    people.close_sprint(toy, second)
    later, earlier = finished(jira)
    assert (earlier.committed, earlier.delivered) == (Amount(2, 8), Amount(1, 3))
    # The open issue came in the very moment that the next sprint began.
    assert (later.committed, later.delivered, later.added) == (Amount(1, 5), Amount(1, 8), Amount())
