"""What RQ calls. A job carries only a reference: the work waits in the inbox, not in the job."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Final

from trackers.model import Subject
from workers.run import run
from workers.shop import Shop

WAKE = "workers.tasks.wake"
RETRAIN = "workers.tasks.retrain"
BACKFILL = "workers.tasks.backfill"
TRY_RULES = "workers.tasks.try_rules"
FAILED_JOBS_KEPT_S: Final = 24 * 3600
"""RQ keeps a job that failed for so long, for whoever looks into it."""
DRAIN_S: Final = 5.0
"""How long one wake-up goes on with other due subjects; the rest of the job's time is for the last run."""

_shop: Shop | None = None


def open_for_business(shop: Shop) -> None:
    """Give this process the floor its jobs work on; called once, before the first job."""
    global _shop
    _shop = shop


def wake(subject: str, token: int) -> None:
    """Run the subject under its lease, then whatever else is due, for a while.

    A wake-up whose token is not the newest does nothing for its subject. Going on by itself saves
    RQ's twenty round trips a job, which cost more than the run.
    """
    shop = _open()
    until = time.monotonic() + DRAIN_S
    run(shop, Subject.parse(subject), token)
    while time.monotonic() < until:
        taken = shop.inbox.take(1)
        if not taken:
            return
        run(shop, taken[0].subject, taken[0].token)


def retrain(connection: str) -> None:
    """Learn a connection's history anew; a job of the bulk queue."""
    from workers.retraining import retrain as retrain_models

    retrain_models(_open(), connection)


def backfill(connection: str) -> None:
    """Carry a connection's backfill on; a job of the bulk queue."""
    from workers.backfill import backfill as carry_on

    with told_to_end() as leaving:
        carry_on(_open(), connection, leaving=leaving)


def try_rules(trial: str) -> None:
    """Carry out the trial of an edited rules file; a job of the bulk queue."""
    from workers.trial_jobs import carry_out

    carry_out(_open(), trial)


@contextmanager
def told_to_end() -> Iterator[Event]:
    """Set once a signal asks this process to end, beside what RQ makes of it: RQ lets a job finish, and this
    one may take hours. To be called in the main thread."""
    leaving = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        leaving.set()
        told = before[signal.Signals(number)]
        if callable(told):
            told(number, frame)

    for number in before:
        signal.signal(number, note)
    try:
        yield leaving
    finally:
        for number, told in before.items():
            # RQ may have set another meanwhile, for a second signal.
            if signal.getsignal(number) is note:
                signal.signal(number, told)


def _open() -> Shop:
    if _shop is None:
        raise RuntimeError("This worker was not opened for business; start it with `sprintwarden work`.")
    return _shop
