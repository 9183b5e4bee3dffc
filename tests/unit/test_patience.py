"""Waiting for a tracker, and keeping requests apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trackers.errors import Conflict, Forbidden, LimitReached, Paused, ServerFault, TrackerError, Unreachable
from trackers.limits import Pause
from workers.patience import FIRST_WAIT_S, TRIES, Pace, patiently

MINUTE = timedelta(minutes=1)


def asking(*errors: TrackerError) -> tuple[str, list[tuple[float, str]]]:
    """What is answered after these errors, and the waits before."""
    left, waits = list(errors), []

    def ask() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return patiently(ask, lambda seconds, why: waits.append((seconds, why))), waits


def test_a_limit_is_waited_out_for_as_long_as_it_says() -> None:
    pauses = (Pause("all", MINUTE, "x"), Pause("bulk", 2 * MINUTE, "y"))
    answer, waits = asking(Paused("Live events go first.", MINUTE), LimitReached("Too many.", pauses))
    assert answer == "answer"
    assert waits == [(60, "Live events go first."), (120, "Too many.")]


@pytest.mark.fault(31)
def test_limits_never_end_the_patience() -> None:
    assert asking(*[Paused("Waiting.", MINUTE)] * 50)[0] == "answer"


def test_faults_that_pass_are_given_ever_more_time() -> None:
    _, waits = asking(Unreachable("a"), ServerFault("b"), Conflict("c"))
    assert [seconds for seconds, _ in waits] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]


def test_faults_that_do_not_pass_are_raised() -> None:
    with pytest.raises(Unreachable):
        asking(*[Unreachable("gone")] * TRIES)
    with pytest.raises(Forbidden):
        asking(Forbidden("no"))


def test_pace_keeps_requests_apart_but_makes_up_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waited.append(round(seconds, 3))

    monkeypatch.setattr("workers.patience.monotonic", lambda: now)
    pace = Pace(0.2, sleep)
    pace.spent(1)
    pace.spent(3)
    now += 5
    pace.spent(1)
    pace.spent(2)
    assert waited == [0.2, 0.6, 0.4]
