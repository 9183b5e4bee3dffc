"""Calls a bulk worker to a backfill: when a person asks for it, and again when nobody is at it any more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from rq import Queue
from rq.queue import EnqueueData

from store.backfills import Backfills
from workers.retraining import BULK_LIMIT
from workers.tasks import BACKFILL, FAILED_JOBS_KEPT_S

_WAITS: Final = timedelta(minutes=1)
"""After this a job that nobody took is called again: without a bulk worker they must not pile up."""


def revive(bulk: Queue, backfills: Backfills, connections: Iterable[str]) -> None:
    """Enqueue a job for each backfill of ``connections`` that is under way with nobody at it.

    Any number of clocks and commands may: each is called for once in ``keys.BACKFILL_CALL_LIFE``.
    """
    for connection in connections:
        standing = backfills.standing(connection)
        if standing is None or standing.is_held or not standing.is_under_way:
            continue
        if backfills.call(connection):
            bulk.enqueue_many([_job(connection)])


def _job(connection: str) -> EnqueueData:
    return Queue.prepare_data(
        BACKFILL,
        args=(connection,),
        timeout=int(BULK_LIMIT.total_seconds()),
        ttl=int(_WAITS.total_seconds()),
        result_ttl=0,
        failure_ttl=FAILED_JOBS_KEPT_S,
        description=f"backfill {connection}",
    )
