"""Workers as Redis knows them, without a process behind."""

from __future__ import annotations

from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from store.connect import connect_for_rq
from workers.clock import queue


def hire(url: str, name: str) -> SimpleWorker:
    """A worker on the queue ``name`` that has just begun."""
    raw = connect_for_rq(url)
    worker = SimpleWorker([queue(name, raw)], connection=raw, serializer=JSONSerializer, worker_ttl=30)
    worker.register_birth()  # type: ignore[no-untyped-call]
    return worker


def silence(redis: Redis, worker: SimpleWorker) -> None:
    """What Redis knows of a worker that was killed, when its next sign of life is overdue."""
    redis.expire(worker.key, 59)
