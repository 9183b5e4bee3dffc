"""A lease that is kept for as long as long work lasts, by a thread that renews it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from redis.exceptions import LockError, RedisError
from redis.lock import Lock


@contextmanager
def holding(lease: Lock, beat_s: float) -> Iterator[Event | None]:
    """Hold ``lease`` until the block ends, renewed every ``beat_s`` seconds; None when it is taken.

    The event is set once it was lost to another: whoever works in the block must stop then. A process that
    dies in it has held it for its life at most.
    """
    if not lease.acquire(blocking=False):
        yield None
        return
    lost, done = Event(), Event()
    keeper = Thread(target=_renew, args=(lease, beat_s, lost, done), name="lease", daemon=True)
    keeper.start()
    try:
        yield lost
    finally:
        done.set()
        keeper.join()
        # What cannot be given back, or is another's by now, ends by itself.
        with suppress(LockError, RedisError):
            lease.release()


def _renew(lease: Lock, beat_s: float, lost: Event, done: Event) -> None:
    while not done.wait(beat_s):
        try:
            lease.reacquire()
        except LockError:
            lost.set()
            return
        except RedisError:
            # It may be back before the lease ends.
            continue
