"""A worker calls nothing but the wake-up, whatever somebody puts into its queue."""

from __future__ import annotations

import json
import pickle
import uuid
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from store.crew import LIVE
from workers.clock import queue
from workers.pool import OurJob


class Payload:
    """Leaves a file behind when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def put(redis: Redis, data: bytes) -> str:
    """A job as an intruder with access to Redis would write it."""
    job = uuid.uuid4().hex
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = {"data": data, "created_at": now, "enqueued_at": now, "status": "queued", "origin": LIVE}
    redis.hset(f"rq:job:{job}", mapping=fields | {"description": "", "timeout": "30"})  # type: ignore[arg-type]
    redis.sadd("rq:queues", f"rq:queue:{LIVE}")
    redis.rpush(f"rq:queue:{LIVE}", job)
    return job


def work_off(redis: Redis) -> None:
    raw = Redis.from_url(f"unix://{redis.connection_pool.connection_kwargs['path']}")
    worker = SimpleWorker([queue(LIVE, raw)], connection=raw, serializer=JSONSerializer, job_class=OurJob)
    worker.work(burst=True, logging_level="CRITICAL")


def test_a_pickled_job_is_not_unpickled(redis: Redis, tmp_path: Path) -> None:
    mark = tmp_path / "unpickled"
    put(redis, zlib.compress(pickle.dumps(Payload(mark))))
    put(redis, pickle.dumps(("os.getcwd", None, (Payload(mark),), {})))
    work_off(redis)
    assert not mark.exists()


@pytest.mark.parametrize("function", ["os.mkdir", "workers.run.run", "pathlib.Path.mkdir"])
def test_a_job_naming_another_function_is_not_run(redis: Redis, tmp_path: Path, function: str) -> None:
    mark = tmp_path / "called"
    job = put(redis, zlib.compress(json.dumps([function, None, [str(mark)], {}]).encode()))
    work_off(redis)
    assert not mark.exists()
    assert redis.hget(f"rq:job:{job}", "status") == "failed"
