"""The table from what went wrong to what becomes of the run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rq.timeouts import JobTimeoutException

from trackers import errors
from trackers.limits import Pause
from workers.apply import LeaseLost
from workers.breaker import WritingHeld, WrittenTooOften
from workers.decide import Because
from workers.failures import ATTEMPTS, Again, Bury, Ignore, Leave, NoRules, Standing, died, fate, is_ours

FIRST = Standing(attempts=1, waited=timedelta(0))
LIMITS = (
    Pause("endpoint:x", timedelta(seconds=3), "burst"),
    Pause("all", timedelta(seconds=70), "hour"),
)


def delays(error: Exception, at: Standing, times: int = 20) -> tuple[float, float]:
    """The shortest and the longest of many delays."""
    found = []
    for _ in range(times):
        decided = fate(error, at)
        assert isinstance(decided, Again)
        found.append(decided.delay.total_seconds())
    return min(found), max(found)


def test_a_wall_is_waited_for_as_long_as_an_outage_and_then_taken_for_the_subjects_own() -> None:
    low, high = delays(errors.Walled("x"), Standing(attempts=ATTEMPTS, waited=timedelta(hours=23)))
    assert 300 <= low <= high <= 305
    later = Standing(attempts=1, waited=timedelta(hours=25))
    spaced = fate(errors.Walled("x"), later)
    assert isinstance(spaced, Again) and not spaced.free
    assert isinstance(fate(errors.Walled("x"), Standing(ATTEMPTS, later.waited)), Bury)


def test_a_lost_lease_leaves_the_subject_to_its_new_holder() -> None:
    assert fate(LeaseLost("x"), FIRST) == Leave()


def test_what_is_gone_is_ignored() -> None:
    assert fate(errors.Gone("x"), FIRST) == Ignore(Because.GONE)


@pytest.mark.parametrize("error", [errors.Rejected("why"), errors.Forbidden("why")])
def test_what_no_repetition_helps_is_buried_with_its_cause(error: Exception) -> None:
    assert fate(error, FIRST) == Bury("why")


def test_several_limits_wait_for_the_longest() -> None:
    low, high = delays(errors.LimitReached("x", LIMITS), FIRST)
    assert low >= 70
    assert high <= 71


def test_waiting_for_rules_is_free() -> None:
    assert fate(NoRules("x"), FIRST) == Again(timedelta(seconds=5), "x", free=True)


def test_writing_that_is_held_is_asked_for_again_in_about_a_minute_for_free() -> None:
    decided = fate(WritingHeld("x"), Standing(attempts=ATTEMPTS, waited=timedelta(days=3)))
    assert isinstance(decided, Again)
    assert decided.free
    low, high = delays(WritingHeld("x"), FIRST)
    assert 60 <= low <= high <= 65


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 10), (2, 60), (3, 300), (4, 1800), (5, 7200), (6, 21600), (7, 64800)]
)
def test_attempts_are_spaced_ever_wider_and_scattered(attempts: int, seconds: int) -> None:
    low, high = delays(errors.ServerFault("x"), Standing(attempts, timedelta(0)))
    assert seconds <= low < high <= seconds * 1.2


def test_the_last_attempt_comes_more_than_a_day_after_the_first() -> None:
    shortest = sum(
        delays(errors.ServerFault("x"), Standing(attempt, timedelta(0)), 1)[0]
        for attempt in range(1, ATTEMPTS)
    )
    assert shortest > 24 * 3600


@pytest.mark.parametrize("error", [errors.ServerFault("x"), errors.Conflict("x"), KeyError("x")])
def test_the_last_attempt_is_not_followed_by_another(error: Exception) -> None:
    assert isinstance(fate(error, Standing(ATTEMPTS, timedelta(0))), Bury)


@pytest.mark.parametrize(("waited", "free"), [(0, True), (59, True), (61, False)])
def test_a_stale_reading_is_free_for_a_minute(waited: int, free: bool) -> None:
    decided = fate(errors.Stale("x"), Standing(1, timedelta(seconds=waited)))
    assert isinstance(decided, Again)
    assert decided.free is free


@pytest.mark.parametrize(
    ("attempts", "cause", "expected"),
    [
        (ATTEMPTS, "", None),
        (ATTEMPTS + 1, "known", Bury("known")),
    ],
)
def test_poison_is_given_up_when_a_run_begins(attempts: int, cause: str, expected: Bury | None) -> None:
    assert died(attempts, cause, silent=False) == expected


def test_a_first_death_is_followed_by_a_run_at_once() -> None:
    assert died(2, "", silent=True) is None


@pytest.mark.parametrize(("attempts", "seconds"), [(3, 10), (4, 60), (ATTEMPTS, 21_600)])
def test_further_deaths_are_spaced_and_the_attempt_is_not_spent_twice(attempts: int, seconds: int) -> None:
    decided = died(attempts, "known", silent=True)
    assert isinstance(decided, Again)
    assert decided.free
    assert seconds <= decided.delay.total_seconds() <= seconds * 1.2
    assert died(attempts, "known", silent=False) is None


def test_poison_is_buried_as_what_it_was_at_last() -> None:
    given_up = died(ATTEMPTS + 1, "It failed long ago.", silent=True)
    assert isinstance(given_up, Bury)
    assert "died or hung" in given_up.cause


def test_poison_without_a_known_cause_still_says_something() -> None:
    given_up = died(ATTEMPTS + 1, "", silent=False)
    assert isinstance(given_up, Bury)
    assert given_up.cause


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (KeyError("x"), True),
        (errors.Stale("x"), False),
        (JobTimeoutException("x"), False),
        (NoRules("x"), False),
        (WritingHeld("x"), False),
        (WrittenTooOften(timedelta(minutes=5)), False),
        (errors.Walled("x"), False),
    ],
)
def test_only_what_the_table_does_not_name_is_our_fault(error: Exception, ours: bool) -> None:
    assert is_ours(error) is ours


def test_a_fault_of_ours_does_not_quote_the_exceptions_text() -> None:
    decided = fate(ValueError("the issue's own words"), FIRST)
    assert isinstance(decided, Again)
    assert "words" not in decided.cause


def test_every_error_of_the_trackers_room_has_a_row() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.TrackerError):
            if error in (errors.TrackerError,):
                continue
            made = {
                errors.Paused: lambda: errors.Paused("x", timedelta(0)),
                errors.LimitReached: lambda: errors.LimitReached("x", LIMITS),
            }.get(error, lambda kind=error: kind("x"))()
            assert not is_ours(made), error
