"""What bulk work does about a tracker that wants it to wait: it waits, however long that takes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from trackers.errors import Conflict, LimitReached, Paused, ServerFault, Unreachable

TRIES: Final = 6
"""How often a request is sent that fails for a reason which may pass."""
FIRST_WAIT_S: Final = 5.0
"""After the first failure; each further wait is twice as long."""
Waiting = Callable[[float, str], None]
"""Given seconds to wait and why, in a sentence."""
T = TypeVar("T")


def patiently(ask: Callable[[], T], waiting: Waiting) -> T:
    """The answer, once limits have been waited out and faults that pass have passed.

    Raises whatever of ``trackers.errors`` does not pass by itself.
    """
    faults = 0
    while True:
        try:
            return ask()
        except Paused as error:
            waiting(error.left.total_seconds(), str(error))
        except LimitReached as error:
            waiting(max(pause.length for pause in error.pauses).total_seconds(), str(error))
        except (Unreachable, ServerFault, Conflict) as error:
            faults += 1
            if faults == TRIES:
                raise
            waiting(FIRST_WAIT_S * 2 ** (faults - 1), str(error))


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
