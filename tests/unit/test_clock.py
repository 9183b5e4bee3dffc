"""The clock: due subjects become wake-ups, few at a time, as JSON, with an end to their lives."""

from __future__ import annotations

import json
import signal
import threading
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from redis import Redis
from redis.exceptions import ResponseError
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.crew import LIVE
from store.inbox import Inbox
from store.rulebook import RulebookShelf
from tests.conftest import CONNECTION, ISSUE, Floor, hint, until
from trackers.model import Subject, SubjectKind
from workers import tasks
from workers.clock import AHEAD, Clock, queue, run_clock
from workers.pool import OurJob
from workers.rules_in_force import RulesFile
from workers.shop import RUN_LIMIT

GOOD = "version: 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    return path


def clock_over(redis: Redis, file: Path, lease: timedelta = timedelta(minutes=1)) -> Clock:
    return Clock(redis, Inbox(redis, lease=lease), RulesFile(file, RulebookShelf(redis)))


def offer(redis: Redis, *names: str) -> None:
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    for name in names:
        subject = Subject("acme", SubjectKind.ISSUE, name)
        inbox.offer("acme", name, [hint(subject=subject)], settle=timedelta(0), ceiling=timedelta(0))


def wake_ups(raw: Redis) -> list[Job]:
    return queue(LIVE, raw).get_jobs()


@pytest.fixture
def raw(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    """A client that answers bytes, as RQ's workers use."""
    client = Redis.from_url(redis_server.url)
    yield client
    client.close()


def test_a_due_subject_becomes_a_wake_up_with_its_newest_token(redis: Redis, raw: Redis, file: Path) -> None:
    offer(redis, ISSUE.id)
    clock_over(redis, file).tick()
    (job,) = wake_ups(raw)
    token = redis.hget(keys.subject_state(ISSUE), "token")
    assert token is not None
    assert (job.func_name, job.args) == (tasks.WAKE, [str(ISSUE), int(token)])


def test_a_subject_that_is_not_due_becomes_none(redis: Redis, raw: Redis, file: Path) -> None:
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    inbox.offer("acme", "x", [hint()], settle=timedelta(hours=1), ceiling=timedelta(hours=2))
    clock_over(redis, file).tick()
    assert wake_ups(raw) == []


def test_rqs_queue_is_kept_short_and_filled_up_again(redis: Redis, raw: Redis, file: Path) -> None:
    offer(redis, *(str(number) for number in range(AHEAD + 10)))
    clock = clock_over(redis, file)
    for _ in range(3):
        clock.tick()
        assert len(wake_ups(raw)) == AHEAD
    waiting = queue(LIVE, raw)
    for job in waiting.get_jobs()[:4]:
        waiting.remove(job)
    clock.tick()
    assert len(wake_ups(raw)) == AHEAD
    leased = [name for name in redis.keys(keys.SUBJECT + "*") if redis.hexists(name, "lease")]
    assert len(leased) == AHEAD + 4, "what does not fit is not leased"


def test_two_clocks_wake_a_subject_once(redis: Redis, raw: Redis, file: Path) -> None:
    offer(redis, "1", "2", "3")
    for clock in (clock_over(redis, file), clock_over(redis, file)):
        clock.tick()
    assert sorted(job.args[0] for job in wake_ups(raw)) == [f"acme:issue:{number}" for number in "123"]


def test_a_subject_whose_lease_ended_is_woken_again(redis: Redis, raw: Redis, file: Path) -> None:
    offer(redis, ISSUE.id)
    clock = clock_over(redis, file, lease=timedelta(milliseconds=20))
    until(lambda: clock.tick() and len(wake_ups(raw)) >= 2)
    tokens = [job.args[1] for job in wake_ups(raw)]
    assert tokens == sorted(set(tokens))


def test_a_job_is_json_all_through(redis: Redis, raw: Redis, file: Path) -> None:
    offer(redis, ISSUE.id)
    clock_over(redis, file).tick()
    (name,) = [key for key in cast("list[bytes]", raw.keys("rq:job:*")) if key.count(b":") == 2]
    stored = cast("dict[bytes, bytes]", raw.hgetall(name))
    data = zlib.decompress(stored[b"data"])
    token = int(redis.hget(keys.subject_state(ISSUE), "token") or 0)
    assert json.loads(data) == [tasks.WAKE, None, [str(ISSUE), token], {}]
    for field, value in stored.items():
        assert not value.startswith(b"\x80"), f"{field!r} looks like pickle"


def test_nothing_in_redis_looks_like_pickle_after_a_run(floor: Floor, raw: Redis, file: Path) -> None:
    floor.rules("dry_run")
    offer(floor.redis, ISSUE.id)
    clock_over(floor.redis, file).tick()
    work(floor, raw)
    for key in cast("list[bytes]", raw.keys("*")):
        assert b"\x80\x04" not in (raw.dump(key) or b""), key


def work(floor: Floor, raw: Redis) -> None:
    """Work off the queue as a worker process does."""
    tasks.open_for_business(floor.shop)
    worker = SimpleWorker([queue(LIVE, raw)], connection=raw, serializer=JSONSerializer, job_class=OurJob)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        worker.work(burst=True, logging_level="ERROR")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_wake_up_that_was_worked_leaves_no_job_behind(floor: Floor, raw: Redis, file: Path) -> None:
    floor.rules("dry_run")
    offer(floor.redis, ISSUE.id)
    clock_over(floor.redis, file).tick()
    work(floor, raw)
    assert len(floor.shop.decisions.of(ISSUE)) == 1
    assert raw.keys("rq:job:*") == []


def test_a_job_that_failed_ends_by_itself(floor: Floor, raw: Redis) -> None:
    tasks.open_for_business(floor.shop)
    job = queue(LIVE, raw).enqueue(tasks.WAKE, "not a subject", 1, result_ttl=0, failure_ttl=24 * 3600)
    work(floor, raw)
    assert job.is_failed
    for key in cast("list[bytes]", raw.keys("rq:job:*")):
        assert 0 < raw.ttl(key) <= 24 * 3600, key


def test_each_wake_up_says_how_long_it_may_take_and_is_kept(redis: Redis, raw: Redis, file: Path) -> None:
    offer(redis, ISSUE.id)
    clock_over(redis, file).tick()
    (job,) = wake_ups(raw)
    assert job.timeout == RUN_LIMIT.total_seconds()
    assert (job.result_ttl, job.failure_ttl) == (0, 24 * 3600)
    assert job.ttl is None, "a wake-up never expires without a word"


def test_a_tick_shows_a_sign_of_life_and_puts_the_rules_in_force(redis: Redis, file: Path) -> None:
    clock_over(redis, file).tick()
    assert 0 < redis.ttl(keys.beat("clock")) <= keys.BEAT_LIFE.total_seconds()
    held = RulebookShelf(redis).in_force()
    assert held is not None
    assert held.text == GOOD.encode()


def test_a_tick_forgets_old_dead_letters(redis: Redis, file: Path) -> None:
    redis.zadd(keys.DEAD, {str(ISSUE): 1})
    clock_over(redis, file).tick()
    assert redis.zcard(keys.DEAD) == 0


def test_boards_that_a_flushed_redis_lost_are_looked_at_again(redis: Redis, file: Path) -> None:
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    clock = Clock(redis, inbox, RulesFile(file, RulebookShelf(redis)), connections=[CONNECTION])
    clock.tick()
    redis.flushall()
    clock._next_housekeeping = clock._next_rules = 0.0
    clock.tick()
    clock._next_rules = 0.0
    clock.tick()
    board = Subject("acme", SubjectKind.BOARD, "12")
    assert redis.exists(keys.hints(board))
    assert redis.zscore(keys.ROUNDS, str(board))


def test_a_fault_in_the_minutes_housekeeping_keeps_no_work_waiting(
    floor: Floor, raw: Redis, file: Path
) -> None:
    row = ["2026", "m", "labels", "ABC", "ui", 0.9, True, True, "a column of another release"]
    floor.redis.lpush(keys.outcomes("acme", "labels"), json.dumps(row))
    floor.redis.hset(keys.LESSONS, "acme:labels", 10)
    floor.offer(hint())
    with structlog.testing.capture_logs() as logs:
        clock_over(floor.redis, file).tick()
    assert queue(LIVE, raw).count == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["housekeeping failed"]


def test_what_redis_refuses_of_the_console_stops_nothing_else(floor: Floor, raw: Redis, file: Path) -> None:
    floor.redis.set(keys.TRIALS, "no sorted set")
    floor.redis.zadd(keys.DEAD, {str(ISSUE): 0})
    floor.offer(hint())
    clock = clock_over(floor.redis, file)
    with pytest.raises(ResponseError):
        clock.tick()
    assert queue(LIVE, raw).count == 1
    assert floor.redis.zcard(keys.DEAD) == 0


def test_a_busy_clock_sleeps_less(redis: Redis, file: Path) -> None:
    clock = clock_over(redis, file)
    idle = clock.tick()
    offer(redis, ISSUE.id)
    assert 0 < clock.tick() < idle


def test_a_clock_that_ends_need_not_be_waited_for(redis: Redis, file: Path) -> None:
    shelf = RulebookShelf(redis)
    RulesFile(file, shelf).look()
    (before,) = told_of_files(redis)
    stop = threading.Event()
    stop.set()
    run_clock(clock_over(redis, file), stop)
    (after,) = told_of_files(redis)
    assert before["at"] - after["at"] > (keys.RULES_FILE_LIFE - keys.RULES_FILE_RESTART).total_seconds() * 900


def told_of_files(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(text) for text in cast("dict[str, str]", redis.hgetall(keys.RULES_FILES)).values()]


def test_the_clock_outlives_an_absence_of_redis(own_redis_server: EmbeddedRedis, file: Path) -> None:
    redis = connect(own_redis_server.url, patience=1.0)
    redis.config_set("appendfsync", "always")
    stop = threading.Event()
    with structlog.testing.capture_logs() as logs:
        thread = threading.Thread(target=run_clock, args=(clock_over(redis, file), stop), daemon=True)
        thread.start()

        def said(event: str) -> int:
            return sum(entry["event"] == event for entry in logs)

        try:
            until(lambda: redis.exists(keys.beat("clock")))
            own_redis_server.kill()
            until(lambda: said("redis is away"))
            own_redis_server.start()
            until(lambda: said("redis is back"))
            offer(redis, ISSUE.id)
            until(lambda: queue(LIVE, redis).count)
        finally:
            stop.set()
            thread.join(10)
    assert not thread.is_alive()
    assert (said("redis is away"), said("redis is back")) == (1, 1)
