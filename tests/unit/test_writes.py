"""The count of issues written to in a window, and the hold that stays until it is lifted."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.writes import Writes
from tests.conftest import until

LONG = timedelta(minutes=10)


@pytest.fixture
def writes(redis: Redis) -> Writes:
    return Writes(redis)


def passed(writes: Writes, *issues: str, most: int = 3, window: timedelta = LONG) -> list[bool]:
    return [writes.ask("acme", issue, most, window) is None for issue in issues]


def test_just_as_many_issues_as_are_allowed_pass(writes: Writes) -> None:
    assert passed(writes, "1", "2", "3", "4", "5") == [True, True, True, False, False]


def test_an_issue_that_is_written_to_again_counts_once(writes: Writes) -> None:
    assert all(passed(writes, "1", "1", "2", "1", "3", "2", "3"))
    assert not all(passed(writes, "4"))


def test_once_held_not_even_an_issue_counted_before_is_written_to(writes: Writes) -> None:
    passed(writes, "1", "2", "3", "4")
    assert passed(writes, "1") == [False]


def test_what_left_the_window_counts_no_more(writes: Writes, redis: Redis) -> None:
    window = timedelta(milliseconds=50)
    assert all(passed(writes, "1", "2", "3", window=window))
    time.sleep(0.06)
    assert all(passed(writes, "4", "5", "6", window=window))


def test_an_issue_counts_from_its_last_write(writes: Writes, redis: Redis) -> None:
    passed(writes, "1", "2", "3")
    before = redis.time()[0] * 1000 - 700_000
    redis.zadd(keys.written("acme"), {"1": before, "2": before})
    assert all(passed(writes, "4", "5"))
    assert not all(passed(writes, "6"))


def test_who_crosses_the_limit_is_told_apart_from_those_behind(writes: Writes) -> None:
    passed(writes, "1", "2", "3")
    first, second = writes.ask("acme", "4", 3, LONG), writes.ask("acme", "5", 3, LONG)
    assert first is not None
    assert second is not None
    assert (first.is_new, second.is_new) == (True, False)
    assert (second.issues, second.most, second.window, second.since) == (3, 3, LONG, first.since)
    assert datetime.now(UTC) - first.since < timedelta(minutes=1)


def test_a_hold_stays_though_the_window_passes_and_the_limit_is_raised(writes: Writes) -> None:
    passed(writes, "1", "2", "3", "4", window=timedelta(milliseconds=500))
    time.sleep(0.55)
    assert passed(writes, "5", most=1000) == [False]
    held = writes.held("acme")
    assert held is not None
    assert not held.is_new


def test_lifting_it_begins_a_fresh_window(writes: Writes) -> None:
    passed(writes, "1", "2", "3", "4")
    assert writes.lift("acme")
    assert writes.held("acme") is None
    assert passed(writes, "4", "5", "6", "7") == [True, True, True, False]


def test_what_is_not_held_cannot_be_lifted(writes: Writes) -> None:
    assert writes.held("acme") is None
    assert not writes.lift("acme")


def test_connections_are_counted_apart(writes: Writes) -> None:
    passed(writes, "1", "2", "3", "4")
    assert writes.ask("other", "4", 3, LONG) is None
    assert writes.held("other") is None


def test_memory_is_bounded_by_the_limit_and_ends_with_the_window(writes: Writes, redis: Redis) -> None:
    passed(writes, *map(str, range(50)))
    assert redis.zcard(keys.written("acme")) == 3
    passed(Writes(redis), "x", window=timedelta(milliseconds=20))
    writes.lift("acme")
    passed(writes, "1", window=timedelta(milliseconds=20))
    until(lambda: not redis.exists(keys.written("acme")))


def test_many_at_once_pass_no_more_than_allowed(redis_server: EmbeddedRedis, writes: Writes) -> None:
    def ask(number: int) -> bool:
        return Writes(connect(redis_server.url)).ask("acme", str(number), 10, LONG) is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(40))) == 10
