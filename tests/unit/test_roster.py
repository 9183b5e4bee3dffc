"""The baseline of a sprint and every coming and going since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.sprint_memory import SprintMemory
from tests.unit.sprint_scene import DAY, START, over, reading, told, work
from trackers.model import HintKind
from trackers.sprints import Estimate, IssuePast, Move, Stage
from workers.roster import LATE, activation, begin, follow

KEY = b"key"
MINUTE = timedelta(minutes=1)
SOON = START + MINUTE


def committed(memory: SprintMemory) -> dict[str, float | None]:
    return {id_: stay.first for id_, stay in memory.stays.items() if stay.committed}


def test_what_is_in_the_sprint_at_its_start_is_committed() -> None:
    memory = begin(reading(work(1, 3), work(2, None)), [], SOON, [], KEY)
    assert committed(memory) == {"1": 3, "2": None}
    assert (memory.activated, memory.rebuilt) == (START, False)


def test_the_start_is_when_the_event_says_not_when_the_field_says() -> None:
    started = START + timedelta(hours=2)
    hint = told(HintKind.SPRINT_CHANGED, started, changed=["state"])
    joined = IssuePast(moves=(Move(START + timedelta(hours=1), "37", joined=True),))
    memory = begin(reading(work(1, past=joined)), [hint], started + MINUTE, [], KEY)
    assert memory.activated == started
    assert committed(memory) == {"1": 3}


def test_a_change_of_the_sprint_that_is_no_start_says_nothing_of_it() -> None:
    renamed = told(HintKind.SPRINT_CHANGED, START + DAY, changed=["name"])
    assert activation(reading(), [renamed], START + 2 * DAY) == START


@pytest.mark.parametrize("start", [START + DAY, None])
def test_a_start_date_in_the_future_or_none_makes_the_sight_of_it_the_start(start: datetime | None) -> None:
    shown = reading(start=START)
    found = replace(shown, sprint=replace(shown.sprint, start=start))
    assert activation(found, [], START) == START


def test_a_sprint_began_no_earlier_than_it_was_last_seen_before_its_start() -> None:
    seen = START + timedelta(hours=1)
    assert activation(reading(), [], START + DAY, seen) == seen
    assert activation(reading(), [], START + DAY, START - DAY) == START


def test_a_late_baseline_is_put_together_from_the_past_and_says_so() -> None:
    late = START + 3 * DAY
    past = IssuePast(moves=(Move(START - DAY, "37", joined=True),), estimates=(Estimate(START + DAY, 3, 8),))
    newcomer = IssuePast(moves=(Move(START + DAY, "37", joined=True),))
    memory = begin(reading(work(1, 8, past=past), work(2, 5, past=newcomer)), [], late, [], KEY)
    assert memory.rebuilt
    assert committed(memory) == {"1": 3}
    assert memory.stays["2"].joined == START + DAY
    assert not begin(reading(work(1)), [], START + LATE, [], KEY).rebuilt


def test_an_issue_that_comes_after_the_start_joined_when_its_event_says() -> None:
    memory = begin(reading(work(1)), [], SOON, [], KEY)
    at = START + DAY
    hint = told(HintKind.SPRINT_JOINED, at, 2, automated=True)
    memory = follow(memory, reading(work(1), work(2, 5)), [hint], at + MINUTE, [])
    stay = memory.stays["2"]
    assert (stay.committed, stay.joined, stay.first, stay.automated) == (False, at, 5, True)


def test_an_issue_found_without_an_event_joined_when_the_tracker_says_or_now() -> None:
    memory = begin(reading(work(1)), [], SOON, [], KEY)
    now = START + DAY
    memory = follow(memory, reading(work(1), work(2), work(3, joined=START + 5 * MINUTE)), [], now, [])
    assert memory.stays["2"].joined == now
    assert memory.stays["3"].joined == START + 5 * MINUTE


def test_an_issue_that_is_gone_left_when_its_event_says_and_may_come_back() -> None:
    memory = begin(reading(work(1), work(2)), [], SOON, [], KEY)
    at = START + DAY
    memory = follow(memory, reading(work(1)), [told(HintKind.SPRINT_LEFT, at, 2)], at + MINUTE, [])
    assert memory.stays["2"].left == at
    again = follow(memory, reading(work(1)), [], at + DAY, [])
    assert again.stays["2"].left == at
    back = follow(again, reading(work(1), work(2)), [], at + DAY, [])
    assert back.stays["2"].left is None
    assert back.stays["2"].committed


def test_what_an_earlier_sprint_left_over_is_carried_only_where_that_sprint_has_just_ended() -> None:
    memory = begin(reading(work(1)), [], SOON, [], KEY)
    at = START + timedelta(hours=3)
    hints = [told(HintKind.SPRINT_JOINED, at, 2)]
    ended_late = over(0, ended=at - MINUTE)
    carried = follow(memory, reading(work(1), work(2, carried=True)), hints, at + MINUTE, [ended_late])
    assert carried.stays["2"].carried
    long_ago = follow(memory, reading(work(1), work(2, carried=True)), hints, at + MINUTE, [over(3)])
    assert not long_ago.stays["2"].carried
    new = follow(memory, reading(work(1), work(2)), hints, at + MINUTE, [ended_late])
    assert not new.stays["2"].carried


def test_what_was_carried_over_is_known_once_the_earlier_sprint_is() -> None:
    memory = begin(reading(work(1)), [], SOON, [], KEY)
    at = START + timedelta(hours=3)
    shown = reading(work(1), work(2, carried=True))
    memory = follow(memory, shown, [told(HintKind.SPRINT_JOINED, at, 2)], at + MINUTE, [])
    assert not memory.stays["2"].carried
    learnt = follow(memory, shown, [], at + DAY, [over(0, ended=at)])
    assert (learnt.stays["2"].carried, learnt.stays["1"].carried) == (True, False)
    reopened = follow(learnt, shown, [], at + DAY, [])
    assert not reopened.stays["2"].carried


def test_an_issue_that_became_a_sub_task_is_one_from_then_on() -> None:
    memory = begin(reading(work(1), work(2)), [], SOON, [], KEY)
    memory = follow(memory, reading(work(1), work(2, subtask=True, parent="1")), [], START + DAY, [])
    assert (memory.stays["2"].subtask, memory.stays["2"].parent) == (True, "1")
    back = follow(memory, reading(work(1), work(2)), [], START + DAY, [])
    assert not back.stays["2"].subtask


def test_how_far_cancelled_work_was_is_remembered() -> None:
    memory = begin(reading(work(1, stage=Stage.DOING)), [], SOON, [], KEY)
    gone = reading(work(1, stage=Stage.DROPPED, state="cancelled"))
    for _ in range(2):
        memory = follow(memory, gone, [], START + DAY, [])
    assert (memory.stays["1"].stage, memory.stays["1"].dropped_at) == (Stage.DROPPED, Stage.DOING)


def test_cancelled_work_that_was_never_seen_alive_is_in_no_plan_until_it_is_wanted_again() -> None:
    dropped = work(2, stage=Stage.DROPPED, state="cancelled")
    memory = begin(reading(work(1), dropped), [], SOON, [], KEY)
    assert set(memory.stays) == {"1"}
    back = follow(memory, reading(work(1), work(2)), [], START + DAY, [])
    assert (back.stays["2"].committed, back.stays["2"].joined) == (False, START + DAY)


def test_what_was_done_before_the_start_is_committed() -> None:
    assert committed(begin(reading(work(1, stage=Stage.DONE)), [], SOON, [], KEY)) == {"1": 3}


def test_how_long_an_issue_has_stood_is_known_from_the_look_that_saw_it_move() -> None:
    memory = begin(reading(work(1, stage=Stage.DOING, since=START - DAY)), [], SOON, [], KEY)
    assert memory.stays["1"].since == START - DAY
    later = START + DAY
    same = follow(memory, reading(work(1, stage=Stage.DOING)), [], later, [])
    assert same.stays["1"].since == START - DAY
    moved = follow(same, reading(work(1, stage=Stage.DOING, state="review")), [], later + DAY, [])
    assert moved.stays["1"].since == later + DAY


def test_the_text_of_an_issue_is_kept_as_hashes_only_and_only_of_what_was_committed() -> None:
    text = "* The export has a header\n* The export can be cancelled"
    memory = begin(reading(work(1, body=text)), [], SOON, [], KEY)
    lines = memory.stays["1"].lines
    assert lines is not None
    assert len(lines) == 2
    assert "export" not in repr(memory)
    late = follow(memory, reading(work(1, body=text), work(2, body=text)), [], START + DAY, [])
    assert late.stays["2"].lines is None


@given(
    st.lists(st.tuples(st.sampled_from(range(6)), st.booleans()), max_size=30),
    st.lists(st.integers(0, 3), max_size=4),
)
def test_after_any_coming_and_going_the_roster_is_what_the_tracker_shows(
    steps: list[tuple[int, bool]], repeats: list[int]
) -> None:
    there = {0, 1, 2}
    memory = begin(reading(*map(work, sorted(there))), [], SOON, [], KEY)
    now = SOON
    for number, joins in steps:
        now += timedelta(hours=1)
        if joins == (number in there):
            continue
        there = there ^ {number}
        kind = HintKind.SPRINT_JOINED if joins else HintKind.SPRINT_LEFT
        for _ in range(1 + (repeats[number % len(repeats)] if repeats else 0)):
            memory = follow(memory, reading(*map(work, sorted(there))), [told(kind, now, number)], now, [])
        present = {int(id_) for id_, stay in memory.stays.items() if stay.left is None}
        assert present == there
        assert {id_ for id_, stay in memory.stays.items() if stay.committed} == {"0", "1", "2"}
