"""Work that does not move: measured by the board's own past, or blocked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.sprint_judgement import Stalled
from classifiers.sprint_memory import SprintMemory, Stay
from classifiers.stalled import ENOUGH, stalled
from trackers.sprints import Stage

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
PAST = {"review": [float(hours) for hours in range(10, 210, 10)]}
"""85 % had left after 171.5 hours."""


def stay(number: int, hours: float | None, state: str = "review", **more: Any) -> Stay:
    since = None if hours is None else NOW - timedelta(hours=hours)
    known = {"committed": True, "first": 1.0, "points": 1.0, "stage": Stage.DOING, "since": since}
    return Stay(id=str(number), key=f"ABC-{number}", state=state, **{**known, **more})


def found(*stays: Stay, durations: Any = PAST, blockers: Any = None, **more: Any) -> tuple[Stalled, ...]:
    memory = SprintMemory(NOW - timedelta(days=20), stays={one.id: one for one in stays})
    return stalled(memory, NOW, durations, blockers or {}, **more)


def test_longer_than_most_of_the_boards_work_is_stalled() -> None:
    (one,) = found(stay(1, 180), stay(2, 171))
    assert (one.key, one.days, one.blockers) == ("ABC-1", 7.5, ())
    assert one.usual == pytest.approx(171.5 / 24)


@given(st.lists(st.floats(30, 1000), min_size=ENOUGH, max_size=60))
def test_usual_is_the_85th_percentile(hours: list[float]) -> None:
    (one,) = found(stay(1, 2000), durations={"review": hours})
    assert one.usual is not None
    assert one.usual * 24 == pytest.approx(float(np.percentile(hours, 85)))


def test_a_state_with_too_little_past_is_measured_by_all_of_them() -> None:
    durations = {"review": [1000.0] * (ENOUGH - 1), "build": [30.0] * 100}
    assert [one.usual for one in found(stay(1, 48), durations=durations)] == [30 / 24]
    assert found(stay(1, 48), durations={**durations, "review": [1000.0] * ENOUGH}) == ()


def test_with_too_little_past_everywhere_nothing_is_said() -> None:
    assert found(stay(1, 5000), durations={"review": [1.0] * (ENOUGH - 1)}) == ()
    assert found(stay(1, 5000), durations={}) == ()


def test_less_than_a_day_is_nobodys_worry() -> None:
    quick = {"review": [2.0] * 20}
    assert found(stay(1, 24), durations=quick) == ()
    (one,) = found(stay(1, 25), durations=quick)
    assert one.usual == 2 / 24  # what is told is the truth, not the floor


@pytest.mark.parametrize(
    "other",
    [
        stay(1, 900, stage=Stage.TODO),
        stay(1, 900, stage=Stage.DONE),
        stay(1, 900, stage=Stage.DROPPED),
        stay(1, 900, left=NOW),
        stay(1, 900, subtask=True),
    ],
)
def test_only_what_is_in_progress_can_stall(other: Stay) -> None:
    assert found(other, blockers={"1": ("OPS-1",)}) == ()


def test_blocked_work_is_listed_however_short_it_waits() -> None:
    blockers = {"1": ("OPS-1", "OPS-2"), "2": ()}
    assert found(stay(1, 12), stay(2, 12), blockers=blockers) == (
        Stalled("ABC-1", 0.5, None, ("OPS-1", "OPS-2")),
    )


def test_work_of_which_nobody_knows_since_when_it_is_there_is_listed_when_blocked() -> None:
    assert found(stay(1, None), stay(2, None), blockers={"2": ("OPS-1",)}) == (
        Stalled("ABC-2", 0.0, None, ("OPS-1",)),
    )


def test_a_sub_task_that_moves_moves_its_parent() -> None:
    assert found(stay(1, 500), stay(2, 10, subtask=True, parent="1")) == ()
    assert [one.key for one in found(stay(1, 500), stay(2, 400, subtask=True, parent="1"))] == ["ABC-1"]
    assert found(stay(1, 500), stay(2, 400, subtask=True, parent="1"))[0].days == 400 / 24


def test_the_worst_come_first() -> None:
    durations = {**PAST, "build": [40.0] * 20}
    stays = stay(1, 200), stay(2, 90, "build"), stay(3, 3), stay(4, 8), stay(5, 200)
    listed = found(*stays, durations=durations, blockers={"3": ("X-1",), "4": ("X-2",), "5": ("X-3",)})
    assert [one.key for one in listed] == ["ABC-2", "ABC-1", "ABC-5", "ABC-4", "ABC-3"]


def test_time_may_be_counted_in_working_hours() -> None:
    def working(start: datetime, end: datetime) -> float:
        return (end - start) / timedelta(hours=3)

    (one,) = found(stay(1, 240), durations={"review": [16.0] * 20}, hours=working, floor=8.0, day=8.0)
    assert (one.days, one.usual) == (10.0, 2.0)
