"""A sprint rolled back to an earlier moment, and a finished one in numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.sprint_rules import SprintRules
from trackers.rebuild import as_of, delivered, finished
from trackers.sprints import (
    Amount,
    Board,
    Estimate,
    Finished,
    IssuePast,
    Move,
    Shift,
    Sprint,
    SprintIssue,
    SprintReading,
    SprintState,
    Stage,
    Unit,
    round_of,
    sprint_topic,
)
from workers.roster import begin
from workers.sprint_measure import counting

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SPRINT = Sprint("7", "Week", "1", SprintState.CLOSED, START, START + timedelta(days=10))
TODO, DOING, DONE = Stage.TODO, Stage.DOING, Stage.DONE


def day(number: float) -> datetime:
    """Days since the start."""
    return START + timedelta(days=number)


def issue(id: str = "a", **known: Any) -> SprintIssue:
    told: dict[str, Any] = {
        "key": id,
        "project": "ABC",
        "type": "Task",
        "points": 3.0,
        "stage": TODO,
        "state": "todo",
        "rank": 0,
        "created": day(-9),
    }
    return SprintIssue(id, **told | known)


def came(at: float, sprint: str = "7") -> Move:
    return Move(day(at), sprint, joined=True)


def went(at: float, sprint: str = "7") -> Move:
    return Move(day(at), sprint, joined=False)


def shift(at: float, before: Stage, after: Stage) -> Shift:
    return Shift(day(at), before, after, str(before), str(after))


def done(id: str, at: float, points: float | None = 3.0, *moves: Move, begun: float = 1) -> SprintIssue:
    """An issue begun and done at these days."""
    shifts = (shift(min(begun, at), TODO, DOING), shift(at, DOING, DONE))
    past = IssuePast(moves or (came(-1),), shifts=shifts)
    return issue(id, points=points, stage=DONE, state="done", past=past)


def reading(*issues: SprintIssue, **sprint: Any) -> SprintReading:
    return SprintReading(replace(SPRINT, **sprint), issues)


def members(found: SprintReading, at: float) -> list[str]:
    return [issue.id for issue in as_of(found, day(at))]


def numbers(found: SprintReading, unit: Unit = Unit.POINTS, unestimated: float | None = None) -> Finished:
    told = finished(found, unit, unestimated)
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("moves", "there"),
    [
        ((came(-1),), [True, True, True]),
        ((came(1),), [False, False, True]),
        ((came(0),), [False, True, True]),
        ((went(1), came(3)), [True, True, False]),
        ((came(-2), went(-1), came(1)), [False, False, True]),
        ((came(1, "8"), went(2, "8")), [True, True, True]),
        ((), [True, True, True]),
    ],
)
def test_moves_tell_who_was_in_it(moves: tuple[Move, ...], there: list[bool]) -> None:
    found = reading(issue(past=IssuePast(moves)))
    assert [bool(members(found, at)) for at in (-0.5, 0, 2)] == there


def test_nobody_is_in_it_before_being_filed() -> None:
    found = reading(issue(created=day(2), past=IssuePast()), issue("b", created=None, past=IssuePast()))
    assert (members(found, 1), members(found, 2)) == (["b"], ["a", "b"])


def test_without_a_past_the_time_of_joining_tells() -> None:
    found = reading(issue(joined=day(2)), issue("b"))
    assert (members(found, 1), members(found, 2)) == (["b"], ["a", "b"])


def test_sub_task_comes_with_its_parent() -> None:
    parent = issue(past=IssuePast((came(1),)))
    child = issue("b", subtask=True, parent="a", past=IssuePast())
    late = issue("c", subtask=True, parent="a", created=day(3), past=IssuePast())
    found = reading(parent, child, late)
    assert (members(found, 0), members(found, 2), members(found, 3)) == ([], ["a", "b"], ["a", "b", "c"])


def test_estimate_and_state_are_those_of_the_moment() -> None:
    estimates = (Estimate(day(1), None, 2.0), Estimate(day(3), 2.0, 3.0))
    shifts = (shift(2, TODO, DOING), shift(4, DOING, DONE))
    past = IssuePast((came(-1),), estimates, shifts)
    found = reading(issue(stage=DONE, state="done", since=day(4), past=past))

    def then(at: float) -> tuple[float | None, Stage, str, datetime | None]:
        (told,) = as_of(found, day(at))
        return told.points, told.stage, told.state, told.since

    assert then(0) == (None, TODO, "todo", day(-9))
    assert then(1) == (2.0, TODO, "todo", day(-9))
    assert then(2.5) == (2.0, DOING, "doing", day(2))
    assert then(9) == (3.0, DONE, "done", day(4))


def test_what_the_past_does_not_tell_is_as_it_is_now() -> None:
    (told,) = as_of(reading(issue(points=5.0, stage=DOING, state="doing")), day(0))
    assert (told.points, told.stage, told.state) == (5.0, DOING, "doing")


def test_commitment_delivery_and_additions() -> None:
    found = reading(
        done("done", 3),
        issue("open", points=5.0, past=IssuePast((came(-1),))),
        done("added", 6, 2.0, came(4)),
        done("too late for the count of additions", 9.5, 1.0, came(9)),
        done("done after the end", 11, 8.0),
    )
    told = numbers(found, Unit.POINTS)
    assert told.committed == Amount(3, 16)
    assert told.delivered == Amount(3, 6)
    assert told.added == Amount(1, 2)
    assert (told.planned_days, told.start, told.ended, told.approximate) == (10, START, day(10), False)


def test_what_was_done_before_the_start_is_commitment_and_delivery_as_in_a_running_sprint() -> None:
    found = reading(done("early", -0.5), done("a", 2), issue("open", past=IssuePast((came(-1),))))
    told = numbers(found)
    assert (told.committed, told.delivered) == (Amount(3, 9), Amount(2, 6))
    running = begin(found, [], day(5), [], b"key")
    committed = [stay.first or 0 for stay in running.stays.values() if stay.committed]
    assert told.committed == Amount(len(committed), sum(committed))


def test_what_was_done_before_the_start_and_taken_out_is_not_delivered() -> None:
    early = done("early", -0.5, 3.0, came(-1), went(1), came(11))
    told = numbers(reading(early))
    assert (told.committed, told.delivered) == (Amount(1, 3), Amount())


@pytest.mark.parametrize("unit", Unit)
def test_numbers_say_what_they_are_in(unit: Unit) -> None:
    assert numbers(reading(done("a", 2)), unit).unit is unit


def test_what_is_done_after_a_sprint_was_closed_is_not_its_delivery() -> None:
    def now(id: str, since: float | None, **known: Any) -> SprintIssue:
        at = None if since is None else day(since)
        return issue(id, stage=DONE, state="done", since=at, **known)

    found = reading(
        now("in time", 8, points=1.0),
        now("late", 11, points=2.0),
        now("who knows", None, points=4.0),
        now("joined late", 8, joined=day(12), points=8.0),
        now("a part of it", 8, points=16.0, subtask=True),
        issue("open", points=32.0),
        completed=day(10),
    )
    count = counting(Unit.POINTS, Board("1", "Week", "ABC", True, Unit.POINTS), SprintRules())
    assert delivered(found, count) == 5
    assert delivered(replace(found, sprint=replace(found.sprint, completed=day(11))), count) == 7
    assert delivered(found, lambda estimate: 1.0) == 2


def test_a_delivery_told_by_the_past_is_the_one_of_the_finished_sprint() -> None:
    found = reading(done("a", 3), done("b", 6, 2.0), done("late", 11, 8.0), completed=day(10))
    assert delivered(found, lambda estimate: estimate or 0.0) == numbers(found).delivered.points == 5


def test_a_closed_sprint_without_an_end_delivered_what_is_done() -> None:
    assert delivered(reading(done("a", 3), end=None), lambda estimate: estimate or 0.0) == 3


def test_what_was_done_already_when_it_came_counts_as_delivered() -> None:
    told = numbers(reading(done("a", 1, 3.0, came(2))))
    assert (told.committed, told.delivered, told.added) == (Amount(), Amount(1, 3), Amount(1, 3))


def test_commitment_is_counted_as_estimated_then_and_delivery_as_now() -> None:
    past = IssuePast((came(-1),), (Estimate(day(2), 3.0, 8.0),), (shift(5, TODO, DONE),))
    told = numbers(reading(issue(points=8.0, stage=DONE, state="done", past=past)))
    assert (told.committed.points, told.delivered.points) == (3, 8)


def test_sub_tasks_and_cancelled_issues_are_not_counted() -> None:
    parent = issue(past=IssuePast((came(-1),)))
    child = issue("b", subtask=True, parent="a", past=IssuePast())
    dropped = issue("c", stage=Stage.DROPPED, state="x", past=IssuePast((came(-1),)))
    told = numbers(reading(parent, child, dropped))
    assert told.committed == Amount(1, 3)


@pytest.mark.parametrize(
    ("unit", "unestimated", "points"),
    [(Unit.POINTS, None, 3), (Unit.POINTS, 1.0, 4), (Unit.HOURS, None, 3), (Unit.ISSUES, None, 2)],
)
def test_issue_without_an_estimate_counts_as_the_tracker_counts_it(
    unit: Unit, unestimated: float | None, points: float
) -> None:
    found = reading(issue(past=IssuePast((came(-1),))), issue("b", points=None, past=IssuePast((came(-1),))))
    told = numbers(found, unit, unestimated)
    assert (told.committed, told.estimated) == (Amount(2, points), 0.5)


def test_early_end_counts_what_was_done_by_then() -> None:
    told = numbers(reading(done("a", 3), done("b", 6), completed=day(5)))
    assert (told.delivered, told.planned_days, told.ended) == (Amount(1, 3), 10, day(5))


@pytest.mark.parametrize("sprint", [{"start": None}, {"end": None}, {"completed": day(-1)}])
def test_sprint_without_a_span_has_no_numbers(sprint: dict[str, Any]) -> None:
    assert finished(reading(issue(), **sprint), Unit.POINTS) is None


def test_sprint_without_a_planned_end_was_planned_as_long_as_it_took() -> None:
    assert numbers(reading(issue(), end=None, completed=day(4))).planned_days == 4


def test_stays_in_progress_are_counted_in_the_sprint_in_which_they_ended() -> None:
    shifts = (
        shift(-5, TODO, DOING),
        shift(-4, DOING, TODO),
        shift(1, TODO, DOING),
        shift(2, DOING, DONE),
        shift(11, DONE, DOING),
        shift(12, DOING, DONE),
    )
    found = issue(past=IssuePast((came(-1),), shifts=shifts))
    sub = issue("b", subtask=True, past=IssuePast(shifts=shifts))
    assert numbers(reading(found, sub)).stays == (("doing", 24.0),)


# Whatever people do, the past is told as it was


times = st.floats(-3, 13, allow_nan=False).map(lambda at: round(at, 3))


@st.composite
def histories(draw: st.DrawFn) -> tuple[SprintIssue, list[tuple[float, bool, float | None, Stage]]]:
    """An issue after some changes, and how it stood from each moment on."""
    there, points, stage = draw(st.booleans()), draw(st.sampled_from([None, 1.0, 5.0])), TODO
    stood: list[tuple[float, bool, float | None, Stage]] = [(-9, there, points, stage)]
    moves: list[Move] = []
    estimates: list[Estimate] = []
    shifts: list[Shift] = []
    for at in sorted(draw(st.lists(times, unique=True, max_size=8))):
        match draw(st.sampled_from("mes")):
            case "m":
                there = not there
                moves.append(Move(day(at), "7", joined=there))
            case "e":
                after = draw(st.sampled_from([None, 1.0, 2.0, 8.0]))
                estimates.append(Estimate(day(at), points, after))
                points = after
            case _:
                new = draw(st.sampled_from([TODO, DOING, DONE]))
                shifts.append(shift(at, stage, new))
                stage = new
        stood.append((at, there, points, stage))
    past = IssuePast(tuple(moves), tuple(estimates), tuple(shifts))
    # Without a move, only who was in it from the beginning is in it now.
    if not moves and not there:
        return draw(histories())
    return issue(points=points, stage=stage, state=str(stage), past=past), stood


@given(histories(), times)
def test_any_moment_is_told_as_it_was(
    history: tuple[SprintIssue, list[tuple[float, bool, float | None, Stage]]], at: float
) -> None:
    found, stood = history
    _, there, points, stage = [state for state in stood if state[0] <= at][-1]
    told = as_of(reading(found), day(at))
    assert [(one.points, one.stage, one.state) for one in told] == (
        [(points, stage, str(stage))] if there else []
    )


@given(st.lists(histories(), max_size=6), st.sampled_from(Unit))
def test_delivery_is_part_of_what_was_committed_or_came(
    drawn: list[tuple[SprintIssue, list[tuple[float, bool, float | None, Stage]]]], unit: Unit
) -> None:
    found = reading(*(replace(one, id=str(n)) for n, (one, _) in enumerate(drawn)))
    told = numbers(found, unit)
    assert told.delivered.issues <= len(drawn)
    assert told.committed.issues + told.added.issues <= len(drawn)
    assert 0 <= told.estimated <= 1
    assert all(hours > 0 for _, hours in told.stays)
    if unit is Unit.ISSUES:
        assert told.committed.points == told.committed.issues


@given(st.integers(1, 99), st.integers(1, 99), st.integers(0, 99))
def test_a_topic_tells_its_sprint_and_its_round(one: int, other: int, round_: int) -> None:
    topic = sprint_topic(str(one), round_)
    assert round_of(str(one), topic) == round_
    assert (round_of(str(other), topic) is None) == (one != other)
    assert round_of(str(one), "labels") is None
