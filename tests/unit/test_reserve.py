"""What bulk work leaves to live events: a share of the tracker's limit, and its turn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from redis import Redis

from store import keys
from store.budget import Budget
from trackers.errors import Paused
from trackers.limits import BULK, FLOOR, reserve_pause
from workers.gate import SharedGate

HOURLY = {"x-ratelimit-limit": "1000"}


def linear(requests: int, complexity: int) -> dict[str, str]:
    return {
        "x-ratelimit-requests-limit": "2500",
        "x-ratelimit-requests-remaining": str(requests),
        "x-ratelimit-complexity-limit": "3000000",
        "x-ratelimit-complexity-remaining": str(complexity),
    }


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        (HOURLY | {"x-ratelimit-remaining": "1000"}, None),
        (HOURLY | {"x-ratelimit-remaining": "500"}, None),
        (HOURLY | {"x-ratelimit-remaining": "400"}, timedelta(minutes=6)),
        (HOURLY | {"x-ratelimit-remaining": "0"}, timedelta(minutes=30)),
        (HOURLY | {"x-ratelimit-remaining": "-3"}, timedelta(minutes=30)),
        (HOURLY | {"x-ratelimit-remaining": "499.99"}, FLOOR),
        ({"x-ratelimit-nearlimit": "true"}, timedelta(minutes=18)),
        ({"x-ratelimit-nearlimit": "false"}, None),
        (linear(2_500, 3_000_000), None),
        (linear(1_000, 3_000_000), timedelta(minutes=6)),
        (linear(2_500, 300_000), timedelta(minutes=24)),
        (
            HOURLY | {"x-ratelimit-remaining": "250", "x-ratelimit-interval-seconds": "40"},
            timedelta(seconds=10),
        ),
        (HOURLY | {"x-ratelimit-remaining": "0", "x-ratelimit-interval-seconds": "1"}, FLOOR),
        (
            HOURLY | {"x-ratelimit-remaining": "0", "x-ratelimit-interval-seconds": "-1"},
            timedelta(minutes=30),
        ),
        ({"x-ratelimit-limit": "0", "x-ratelimit-remaining": "0"}, None),
        (HOURLY | {"x-ratelimit-remaining": "nan"}, None),
        ({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "0"}, None),
    ],
)
def test_bulk_work_stands_back_until_half_has_come_back(
    headers: Mapping[str, str], expected: timedelta | None
) -> None:
    pause = reserve_pause(headers)
    assert (pause.length if pause else None) == expected
    assert pause is None or pause.scope == BULK


@pytest.fixture
def gate(redis: Redis) -> SharedGate:
    return SharedGate(Budget(redis, "acme.example", "me"))


def overdue(redis: Redis, by_ms: int, *, clock: bool = True) -> None:
    """A subject that has been due for so long, with or without a clock at work."""
    seconds, micros = redis.time()
    redis.zadd(keys.PENDING, {"acme:issue:1": seconds * 1000 + micros // 1000 - by_ms})
    if clock:
        redis.set(keys.beat("clock"), "now")


def test_bulk_work_waits_for_its_own_pause_alone(gate: SharedGate) -> None:
    gate.limit(BULK, timedelta(minutes=1), "kept for live events")
    gate.ask(["all", "endpoint:x"])
    with pytest.raises(Paused, match="kept for live events"):
        gate.ask(["all", "endpoint:x", BULK])


@pytest.mark.fault(52)
def test_bulk_work_lets_live_events_go_first(gate: SharedGate, redis: Redis) -> None:
    overdue(redis, 60_000)
    gate.ask(["all"])
    with pytest.raises(Paused, match="live events go first") as paused:
        gate.ask(["all", BULK])
    assert timedelta(0) < paused.value.left <= timedelta(seconds=10)


def test_events_that_are_not_late_yet_hold_nothing_up(gate: SharedGate, redis: Redis) -> None:
    overdue(redis, -60_000)
    gate.ask(["all", BULK])


def test_events_that_no_clock_will_take_hold_nothing_up(gate: SharedGate, redis: Redis) -> None:
    overdue(redis, 60_000, clock=False)
    gate.ask(["all", BULK])
