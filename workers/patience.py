"""What bulk work does about a tracker that wants it to wait: it waits, however long that takes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from trackers.errors import Conflict, LimitReached, Paused, ServerFault, TrackerError, Unreachable

TRIES: Final = 6
"""How often a request is sent that fails for a reason which may pass."""
FIRST_WAIT_S: Final = 5.0
"""After the first failure; each further wait is twice as long."""
PASSING: Final = (Paused, LimitReached, Unreachable, ServerFault, Conflict)
"""What may pass by itself."""
Waiting = Callable[[float, str], None]
"""Given seconds to wait and why, in a sentence."""
T = TypeVar("T")


def patiently(ask: Callable[[], T], waiting: Waiting) -> T:
    """The answer, once limits have been waited out and faults that pass have passed.

    Raises whatever of ``trackers.errors`` does not pass by itself.
    """
    patience = Patience(waiting)
    while True:
        try:
            return ask()
        except PASSING as error:
            patience.wait_out(error)


class Patience:
    """How much longer a tracker is waited for."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._faults = 0

    def wait_out(self, error: TrackerError) -> None:
        """Wait as long as ``error`` wants; raises it where it does not pass, or has not for too long."""
        match error:
            case Paused():
                self._waiting(error.left.total_seconds(), str(error))
            case LimitReached():
                self._waiting(max(pause.length for pause in error.pauses).total_seconds(), str(error))
            case _:
                self._faults += 1
                if self._faults == TRIES or not isinstance(error, PASSING):
                    raise error
                self._waiting(FIRST_WAIT_S * 2 ** (self._faults - 1), str(error))

    def restore(self) -> None:
        """It answered: what failed before counts no more."""
        self._faults = 0


class Pace:
    """Keeps requests apart, on the average of each step that takes some."""

    def __init__(self, apart_s: float, sleep: Callable[[float], None]) -> None:
        self._apart_s = apart_s
        self._sleep = sleep
        self._free_at = monotonic()

    def spent(self, requests: int) -> None:
        """Wait until the next request may be sent, after a step that took ``requests``."""
        self._free_at += requests * self._apart_s
        now = monotonic()
        if now < self._free_at:
            self._sleep(self._free_at - now)
        else:
            # What a slow tracker left unused is not made up for in a burst.
            self._free_at = now
