"""What becomes of a run that goes wrong: each row of the table, seen in the inbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.timeouts import JobTimeoutException

from store.inbox import Batch, Inbox
from tests.conftest import ISSUE, T0, Floor, changed, hint, later
from trackers.errors import (
    Conflict,
    Forbidden,
    LimitReached,
    Paused,
    Rejected,
    ServerFault,
    Stale,
    TrackerError,
    Unauthorized,
    Unreachable,
)
from trackers.limits import Pause
from workers.failures import ATTEMPTS
from workers.record import Ending, Outcome
from workers.run import run

FREE: list[tuple[Exception, float, float]] = [
    (Paused("Waiting.", timedelta(seconds=40)), 40, 41),
    (LimitReached("Too many.", (Pause("all", timedelta(seconds=90), "x"),)), 90, 91),
    (Unauthorized("The token is not accepted."), 300, 305),
    (Unreachable("No answer."), 5, 10),
    (Stale("Too old."), 1, 1.5),
]
SPACED: list[Exception] = [
    Conflict("Somebody was quicker."),
    ServerFault("500."),
    JobTimeoutException("too long"),
    ZeroDivisionError("ours"),
]


@pytest.fixture(autouse=True)
def rules(floor: Floor) -> None:
    floor.rules()


def go(floor: Floor) -> Ending:
    ending = run(floor.shop, ISSUE, floor.token())
    assert ending is not None
    return ending


def due_in(floor: Floor) -> float:
    """Seconds until the subject is looked at again."""
    score = floor.redis.zscore("sw:pending", str(ISSUE))
    assert isinstance(score, float)
    seconds, micros = floor.redis.time()
    return score / 1000 - (seconds + micros / 1e6)


def again(floor: Floor) -> Batch:
    """Make the subject due now and begin its next run."""
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    batch = floor.shop.inbox.begin(ISSUE, floor.token())
    assert batch is not None
    return batch


@pytest.mark.parametrize(("error", "least", "most"), FREE, ids=lambda value: type(value).__name__)
def test_what_is_not_the_subjects_fault_costs_no_attempt(
    floor: Floor, error: Exception, least: float, most: float
) -> None:
    floor.tracker.fails["read"] = error
    floor.offer(hint())
    assert go(floor).outcome is Outcome.POSTPONED
    assert least - 5 < due_in(floor) <= most
    batch = again(floor)
    assert (batch.attempts, batch.waits) == (1, 1)
    assert batch.cause == str(error)
    assert len(batch.hints) == 1


@pytest.mark.parametrize("error", SPACED, ids=lambda error: type(error).__name__)
def test_what_may_be_the_subjects_fault_is_spaced_and_counted(floor: Floor, error: Exception) -> None:
    floor.tracker.fails["read"] = error
    floor.offer(hint())
    assert go(floor).outcome is Outcome.POSTPONED
    assert 5 < due_in(floor) <= 12
    batch = again(floor)
    assert (batch.attempts, batch.waits) == (2, 0)


@pytest.mark.parametrize("error", [Rejected("The field is not on the screen."), Forbidden("May not.")])
def test_what_repeating_cannot_help_goes_to_the_dead_letters_at_once(
    floor: Floor, error: TrackerError
) -> None:
    floor.tracker.fails["labels"] = error
    floor.offer(hint())
    assert go(floor).outcome is Outcome.DEAD
    (dead,) = floor.shop.inbox.dead()
    assert (dead.subject, dead.cause, dead.hints) == (ISSUE, str(error), 1)
    assert floor.shop.inbox.depth().pending == 0


def test_a_subject_is_given_up_after_all_its_attempts(floor: Floor) -> None:
    floor.tracker.fails["read"] = ServerFault("500.")
    floor.offer(hint())
    outcomes = []
    for _ in range(ATTEMPTS):
        floor.redis.zadd("sw:pending", {str(ISSUE): 0})
        outcomes.append(go(floor).outcome)
    assert outcomes == [Outcome.POSTPONED] * (ATTEMPTS - 1) + [Outcome.DEAD]
    (dead,) = floor.shop.inbox.dead()
    assert (dead.attempts, dead.cause) == (ATTEMPTS, "500.")


def test_a_new_hint_gives_a_dead_subject_fresh_attempts(floor: Floor) -> None:
    floor.tracker.fails["labels"] = Rejected("No.")
    floor.offer(hint())
    go(floor)
    floor.tracker.fails.clear()
    floor.offer(changed("title"))
    ending = go(floor)
    assert ending.outcome is Outcome.APPLIED
    newest = floor.shop.decisions.of(ISSUE)[0]
    assert (newest["attempt"], len(newest["hints"])) == (1, 2)


@pytest.mark.fault(16)
def test_runs_that_die_without_a_word_end_among_the_dead_letters(floor: Floor) -> None:
    floor.offer(hint())
    for attempt in range(1, ATTEMPTS + 1):
        floor.redis.zadd("sw:pending", {str(ISSUE): 0})
        batch = floor.shop.inbox.begin(ISSUE, floor.token())
        assert batch is not None
        assert batch.attempts == attempt
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    assert go(floor).outcome is Outcome.DEAD
    assert floor.tracker.reads == [], "the poison is not tasted again"
    (dead,) = floor.shop.inbox.dead()
    assert "without a word" in dead.cause


def test_a_reading_older_than_its_event_is_made_again_and_not_acted_on(floor: Floor) -> None:
    floor.offer(hint(updated=later(seconds=1)))
    ending = go(floor)
    assert ending.outcome is Outcome.POSTPONED
    assert floor.tracker.writes == []
    floor.tracker.now = replace(floor.tracker.now, updated=later(seconds=1))
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    assert go(floor).outcome is Outcome.APPLIED


def test_a_tracker_that_never_catches_up_begins_to_cost_attempts(floor: Floor) -> None:
    floor.offer(hint(updated=later(hours=1)))
    floor.redis.hincrby(f"sw:subject:{ISSUE}", "first", -120_000)
    go(floor)
    assert again(floor).attempts == 2


def test_an_unknown_fault_is_logged_with_its_place(floor: Floor) -> None:
    floor.tracker.fails["read"] = ZeroDivisionError("ours")
    floor.offer(hint())
    with structlog.testing.capture_logs() as logs:
        go(floor)
    (failed,) = [entry for entry in logs if entry["event"] == "run failed"]
    assert failed["exc_info"]
    assert again(floor).cause == "The run failed: ZeroDivisionError. The worker's log has the place."


def test_a_fault_the_table_names_is_no_error_in_the_log(floor: Floor) -> None:
    floor.tracker.fails["read"] = Unreachable("No answer.")
    floor.offer(hint())
    with structlog.testing.capture_logs() as logs:
        go(floor)
    assert [entry["event"] for entry in logs] == ["run"]


def test_a_failing_redis_is_raised_and_spends_nothing_but_the_lease(floor: Floor) -> None:
    floor.tracker.fails["read"] = RedisConnectionError("gone")
    floor.offer(hint())
    token = floor.token()
    with pytest.raises(RedisConnectionError):
        run(floor.shop, ISSUE, token)
    assert floor.shop.inbox.depth().pending == 1
    assert floor.shop.decisions.of(ISSUE) == []


def test_a_run_whose_lease_has_passed_on_writes_nothing_and_ends(floor: Floor) -> None:
    floor.offer(hint(updated=T0))
    token = floor.token()

    def another() -> None:
        floor.redis.zadd("sw:pending", {str(ISSUE): 0})
        floor.token()

    floor.tracker.on_read = another
    assert run(floor.shop, ISSUE, token) is None
    assert floor.tracker.writes == []
    assert floor.shop.inbox.depth().pending == 1


def test_a_pause_leaves_the_due_time_to_the_pause_even_when_a_hint_comes(floor: Floor) -> None:
    floor.tracker.fails["read"] = Paused("Waiting.", timedelta(seconds=60))
    floor.offer(hint())
    go(floor)
    before = due_in(floor)
    floor.offer(changed("title"))
    assert due_in(floor) >= before - 1
    assert floor.shop.inbox.take(1) == []


def test_a_postponed_run_tells_its_cause_in_the_record(floor: Floor) -> None:
    floor.tracker.fails["read"] = Unreachable("No answer.")
    floor.offer(hint())
    go(floor)
    (kept,) = floor.shop.decisions.of(ISSUE)
    assert (kept["outcome"], kept["cause"]) == ("postponed", "No answer.")
    assert floor.shop.decisions.counters() == {"runs|acme|postponed|": 1}


def test_a_lost_bury_is_harmless(floor: Floor) -> None:
    floor.offer(hint())
    old = floor.shop.inbox.begin(ISSUE, floor.token())
    assert old is not None
    again(floor)
    inbox: Inbox = floor.shop.inbox
    assert not inbox.bury(old, "too late")
    assert inbox.dead() == []
