"""The shared budget as a client meets it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from store.budget import Budget
from store.connect import connect
from trackers.errors import Paused
from workers.gate import SharedGate

MINUTE = timedelta(minutes=1)


@pytest.fixture
def budget(redis: Redis) -> Budget:
    return Budget(redis, "acme.example", "me")


@pytest.fixture
def gate(budget: Budget) -> SharedGate:
    return SharedGate(budget)


def left(budget: Budget) -> float:
    standing = budget.standing(["all"])
    return standing.left.total_seconds() if standing else 0.0


def test_nothing_in_the_way_lets_the_request_pass(gate: SharedGate) -> None:
    gate.ask(["all", "issue:1"])


def test_a_limit_one_worker_met_stops_every_worker(gate: SharedGate, budget: Budget) -> None:
    gate.limit("all", MINUTE, "the hour's limit")
    with pytest.raises(Paused, match="the hour's limit") as paused:
        SharedGate(budget).ask(["issue:1", "all"])
    assert timedelta(seconds=30) < paused.value.left <= MINUTE


def test_a_limit_on_one_issue_lets_others_pass(gate: SharedGate) -> None:
    gate.limit("issue:1", MINUTE, "x")
    gate.ask(["all", "issue:2"])
    with pytest.raises(Paused):
        gate.ask(["all", "issue:1"])


def test_one_lost_connection_pauses_nothing(gate: SharedGate) -> None:
    gate.unreachable()
    gate.ask(["all"])


def test_a_tracker_that_is_away_is_asked_ever_less(gate: SharedGate, budget: Budget) -> None:
    spans = []
    for _ in range(12):
        gate.unreachable()
        spans.append(left(budget))
        budget.lift("all")
    assert spans[0] == 0
    wanted = [2, 4, 8, 16, 32] + [60] * 6
    assert all(want - 1 < span <= want for want, span in zip(wanted, spans[1:], strict=True)), spans


def test_an_answer_forgives_earlier_failures(gate: SharedGate, budget: Budget) -> None:
    gate.unreachable()
    gate.answered()
    gate.unreachable()
    assert left(budget) == 0


def test_what_the_tracker_has_left_is_noted_now_and_then_for_people(
    gate: SharedGate, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert budget.left() is None
    moments = iter([100.0, 101.0, 106.0])
    monkeypatch.setattr("workers.gate.monotonic", lambda: next(moments))
    seen = []
    for share in (0.75, 0.5, 0.25):
        gate.left(share)
        noted = budget.left()
        assert noted is not None
        seen.append(noted.share)
    assert seen == [0.75, 0.75, 0.25]
    gate.ask(["all", "bulk"])


def test_what_was_left_is_told_with_its_age(budget: Budget, redis: Redis) -> None:
    budget.note_left(0.5)
    (name,) = redis.keys("sw:left:*")
    redis.pexpire(name, 600_000)
    noted = budget.left()
    assert noted is not None
    assert timedelta(minutes=49) < noted.ago <= timedelta(minutes=50, seconds=5)


def test_an_answer_is_not_lost_because_redis_went_away_meanwhile() -> None:
    nowhere = connect("redis://127.0.0.1:1/0", patience=0.1)
    SharedGate(Budget(nowhere, "acme.example", "me")).left(0.5)
