"""RQ workers under RQ's pool: non-forking, respawned when they die, warm before the first job.

A worker that forks for every job pays for it with a cold HTTP connection each time. These do not
fork; what a fork would protect from, a job that kills its process, costs a lease and not an event.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import worker_registration
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import SimpleWorker
from rq.worker_pool import ForkProcess, WorkerPool

from store.crew import BULK
from trackers.errors import TrackerError
from workers import checkpoints, tasks
from workers.checkpoints import Checkpoint
from workers.clock import queue
from workers.lifeline import end_with_parent
from workers.shop import Shop

log = structlog.get_logger("pool")

Wiring = Callable[[], tuple[Redis, Shop]]
"""Opens the Redis client of one worker process and its floor; called in that process."""

_WORKER_TTL_S: Final = 30
"""A worker that shows no sign of life for so long counts as dead; an idle one shows it twice as often."""
_BEAT_S: Final = 10.0
_AWAY_S: Final = 1.0
"""Between two looks for a Redis that is away when a worker starts."""
_GRACE_S: Final = 5
"""A job that is told to stop at its limit has so long to do it."""
_OURS: Final[Mapping[str, Callable[..., object]]] = {
    tasks.WAKE: tasks.wake,
    tasks.RETRAIN: tasks.retrain,
    tasks.BACKFILL: tasks.backfill,
    tasks.TRY_RULES: tasks.try_rules,
}


class OurJob(Job):
    """A job that can be one of our own things only: a wake-up, a training, a backfill, or a trial.

    RQ calls whatever function a job names. Without this, whoever can write to Redis could have any
    importable function called in a worker, pickle or no pickle.
    """

    @property
    def func(self) -> Callable[..., object]:
        """The function to call. Raises ValueError when the job names another one."""
        called = _OURS.get(self.func_name or "")
        if called is None:
            raise ValueError("Not one of our jobs: it names a function that none of them calls.")
        return called


class SteadyWorker(SimpleWorker):
    """Shows signs of life while it works, too, and ends itself when it hangs.

    By itself RQ waits for the end of the job, which for a training may be hours: a worker that was
    killed would seem to work until then. And it stops a job by a signal, which code that never comes
    back to Python does not hear; nobody watches a worker that does not fork.
    """

    max_connection_wait_time = 5.0
    """RQ asks an absent Redis ever more seldom; this is the longest it waits in between, in seconds."""
    checkpoint: Checkpoint = staticmethod(checkpoints.nothing)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """RQ's hook for how a job is done."""
        self.checkpoint("popped")
        done = threading.Event()
        threading.Thread(target=self._beat, args=(done,), name="beat", daemon=True).start()
        if job.timeout:
            # Needs neither signals nor the interpreter's lock, and tells in the log where it hung.
            faulthandler.dump_traceback_later(int(job.timeout) + _GRACE_S, exit=True)
        try:
            super().execute_job(job, queue)
        finally:
            faulthandler.cancel_dump_traceback_later()
            done.set()

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """RQ's sign of life. A Redis that has lost everything learns of this worker anew."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        with self.connection.pipeline(transaction=False) as own:
            own.sismember(self.redis_workers_keys, self.key)
            super().heartbeat(timeout, own)
            known = own.execute()[0]
        if not known:
            with self.connection.pipeline() as own:
                own.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, own)
                super().heartbeat(timeout, own)
                own.execute()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(_BEAT_S):
            try:
                self.heartbeat()
            except RedisError:
                # It may be back at the next one.
                continue


class WarmPool(WorkerPool):
    """RQ's pool, with workers that wire their own floor."""

    def __init__(self, name: str, redis: Redis, count: int, wiring: Wiring) -> None:
        super().__init__(
            [name], redis, num_workers=count, worker_class=SteadyWorker, serializer=JSONSerializer
        )
        self._queue_name = name
        self._wiring = wiring

    def get_worker_process(
        self, name: str, burst: bool, _sleep: float = 0, logging_level: str = "INFO"
    ) -> Any:
        """RQ's hook for how a worker process is made."""
        # RQ forgets the level when it starts one anew.
        del burst, _sleep, logging_level
        return ForkProcess(
            target=work,
            args=(name, self._queue_name, self._wiring, os.getpid()),
            name=f"sprintwarden {self._queue_name}",
        )


def work(name: str, queue_name: str, wiring: Wiring, pool: int) -> None:
    """Be one worker on one queue until told to stop.

    ``pool`` is the process id of the pool, with which the worker ends.
    One queue only: on several, RQ loses a job that was popped by a worker dying at that moment.
    """
    _start_afresh(pool)
    redis, shop = _wired(wiring)
    tasks.open_for_business(shop)
    warm_up(shop)
    worker = SteadyWorker(
        [queue(queue_name, redis)],
        name=name,
        connection=redis,
        serializer=JSONSerializer,
        job_class=OurJob,
        worker_ttl=_WORKER_TTL_S,
    )
    worker.checkpoint = shop.checkpoint
    # What a training loaded and left behind goes with its process; the pool starts a fresh one.
    most = 1 if queue_name == BULK else None
    worker.work(burst=False, with_scheduler=False, logging_level="WARNING", max_jobs=most)


def _wired(wiring: Wiring) -> tuple[Redis, Shop]:
    """What ``wiring`` opens. While Redis is away it waits and says so once: one that ended instead would be
    started and would fail again every second.
    """
    away = False
    while True:
        try:
            return wiring()
        except RedisError as error:
            if not away:
                log.warning("redis is away", error=type(error).__name__)
                away = True
            time.sleep(_AWAY_S)


def warm_up(shop: Shop) -> None:
    """Do before the first job what would make it slow: compile the rules, learn who we are.

    A tracker or a Redis that is away now is no reason not to start.
    """
    try:
        shop.rules.now()
    except RedisError as error:
        log.warning("redis is away", error=type(error).__name__)
        return
    for name, desk in shop.desks.items():
        try:
            me = desk.tracker.identity()
        except (TrackerError, RedisError) as error:
            log.warning("identity not known yet", connection=name, error=str(error))
            continue
        if not me.is_app and not desk.connection.service_account:
            log.warning(
                "the token belongs to a person: their own edits and ours cannot be told apart by name; "
                "use a service account, or say service_account: true if it is one",
                connection=name,
            )
    gc.collect()
    gc.freeze()


def _start_afresh(pool: int) -> None:
    """Shed what the fork brought along; until RQ sets its own handlers, a signal just ends us."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Without this a killed pool would leave workers behind beside those of its successor.
    end_with_parent(pool)
