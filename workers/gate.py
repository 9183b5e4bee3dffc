"""The shared budget as a tracker's client meets it: asked before and told after every request."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Final

from redis.exceptions import RedisError

from store.budget import Budget
from trackers.errors import Paused
from trackers.limits import BULK, EVERYTHING

_FIRST_PAUSE: Final = timedelta(seconds=2)
_LONGEST_PAUSE: Final = timedelta(seconds=60)
_LATE: Final = timedelta(seconds=2)
"""Live events that have been due for longer than this go before bulk work."""
_TELL_EVERY_S: Final = 5.0
"""How often it is noted, for people, what a tracker has left."""


class SharedGate:
    """Fits ``trackers.protocol.Gate`` over the budget all workers share."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._strikes = 0
        self._tell_at = 0.0
        self.requests = 0
        """Let through so far."""

    def ask(self, scopes: Sequence[str]) -> None:
        standing = self._budget.standing(scopes)
        if standing is not None:
            raise Paused(f"Waiting: {standing.reason}.", standing.left)
        if BULK in scopes and self._budget.live_waits(_LATE):
            raise Paused("Waiting: live events go first.", _LATE)
        self.requests += 1

    def limit(self, scope: str, length: timedelta, reason: str) -> None:
        self._budget.pause(scope, length, reason)

    def unreachable(self) -> None:
        # One failure may be a single lost connection; a row of them means that the tracker is away.
        if self._strikes:
            length = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._strikes - 1, 6))
            self._budget.pause(EVERYTHING, length, "the tracker cannot be reached")
        self._strikes += 1

    def answered(self) -> None:
        self._strikes = 0

    def left(self, share: float) -> None:
        now = monotonic()
        if now >= self._tell_at:
            self._tell_at = now + _TELL_EVERY_S
            # Nothing is decided by it: an answer that is here already must not be lost over it.
            with suppress(RedisError):
                self._budget.note_left(share)
