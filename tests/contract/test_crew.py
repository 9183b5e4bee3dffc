"""``store.crew`` against RQ itself: its key names, and how long it lets a worker's key live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from sprintwarden.embedded import EmbeddedRedis
from store.connect import connect, connect_for_rq
from store.crew import BULK, LIVE, Crew, Hand
from tests.conftest import until
from workers import pool
from workers.clock import queue
from workers.pool import SteadyWorker

WORKER = """
import sys
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from store.connect import connect_for_rq
from workers.clock import queue

redis = connect_for_rq(sys.argv[1])
worker = SimpleWorker([queue("live", redis)], connection=redis, serializer=JSONSerializer, worker_ttl=2)
worker.work(logging_level="CRITICAL")
"""

START_S = 60
"""For a process that loads RQ on a machine with other things to do."""


@pytest.fixture
def crew(redis: Redis) -> Crew:
    return Crew(redis)


@contextmanager
def worker(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, url])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.fault(20)
def test_a_redis_that_lost_everything_learns_of_its_workers_again(
    redis_server: EmbeddedRedis, redis: Redis, crew: Crew
) -> None:
    raw = connect_for_rq(redis_server.url)
    steady = SteadyWorker([queue(LIVE, raw)], connection=raw, serializer=JSONSerializer, worker_ttl=30)
    steady.register_birth()  # type: ignore[no-untyped-call]
    redis.flushall()
    assert crew.alive(LIVE) == ()
    steady.heartbeat()
    assert crew.alive(LIVE) == (Hand(busy=False),)
    steady.register_death()  # type: ignore[no-untyped-call]
    assert crew.alive(LIVE) == ()


def test_a_worker_that_ends_is_gone(redis_server: EmbeddedRedis, crew: Crew) -> None:
    with worker(redis_server.url) as process:
        until(lambda: crew.alive(LIVE) == (Hand(busy=False),), START_S)
        assert crew.alive(BULK) == ()
        process.terminate()
        until(lambda: crew.alive(LIVE) == ())


def test_a_worker_that_is_stopped_or_killed_counts_no_more(redis_server: EmbeddedRedis, crew: Crew) -> None:
    with worker(redis_server.url) as process:
        until(lambda: crew.alive(LIVE), START_S)
        process.send_signal(signal.SIGSTOP)
        until(lambda: not crew.alive(LIVE))
        process.send_signal(signal.SIGCONT)
        until(lambda: crew.alive(LIVE))
        process.kill()
        until(lambda: not crew.alive(LIVE))


def look(url: str) -> None:
    """A job that looks at its own worker, and stays until that has shown a sign of life."""
    redis = connect(url)
    crew = Crew(redis)
    assert crew.alive(LIVE) == (Hand(busy=True),)
    (name,) = map(str, redis.smembers("rq:workers:live"))
    until(lambda: int(redis.ttl(name)) <= 90)
    assert crew.alive(LIVE) == (Hand(busy=True),)
    redis.set("looked", 1)


def test_a_worker_shows_that_it_lives_while_it_works(
    redis_server: EmbeddedRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_BEAT_S", 0.05)
    raw = connect_for_rq(redis_server.url)
    # By itself RQ would let the worker seem alive for all this time.
    queue(LIVE, raw).enqueue("tests.contract.test_crew.look", redis_server.url, job_timeout=3_600)
    steady = SteadyWorker([queue(LIVE, raw)], connection=raw, serializer=JSONSerializer, worker_ttl=30)
    steady.work(burst=True, logging_level="CRITICAL")
    assert redis.exists("looked")


def test_by_itself_a_worker_is_thought_alive_until_its_job_must_be_over(
    redis_server: EmbeddedRedis, redis: Redis, crew: Crew
) -> None:
    raw = connect_for_rq(redis_server.url)
    plain = SimpleWorker([queue(LIVE, raw)], connection=raw, serializer=JSONSerializer, worker_ttl=30)
    plain.register_birth()  # type: ignore[no-untyped-call]
    job = queue(LIVE, raw).enqueue("os.getcwd", job_timeout=35)
    plain.prepare_execution(job)
    plain.prepare_job_execution(job)
    assert 60 + 35 - 5 <= int(redis.ttl(plain.key)) <= 60 + 35
    assert crew.alive(LIVE) == (Hand(busy=True),)


def test_jobs_that_wait_are_counted_but_not_those_whose_time_is_up(
    redis_server: EmbeddedRedis, redis: Redis, crew: Crew
) -> None:
    bulk = queue(BULK, connect_for_rq(redis_server.url))
    assert crew.waiting(BULK) == 0
    lasting = bulk.enqueue("os.getcwd", ttl=int(timedelta(hours=1).total_seconds()))
    ended = bulk.enqueue("os.getcwd", ttl=60)
    assert crew.waiting(BULK) == 2
    redis.delete(ended.key)
    assert crew.waiting(BULK) == 1
    assert bulk.job_ids == [lasting.id, ended.id]


def test_an_own_prefix_of_rq_is_heeded(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "RQ_KEY_PREFIX", "mine")
    redis.sadd("mine:workers:live", "mine:worker:1")
    redis.hset("mine:worker:1", "state", "idle")
    redis.expire("mine:worker:1", 90)
    assert Crew(redis).alive(LIVE) == (Hand(busy=False),)
