"""The shared budget as a tracker's client meets it: asked before and told after every request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from store.budget import Budget
from trackers.errors import Paused
from trackers.limits import BULK, EVERYTHING

_FIRST_PAUSE: Final = timedelta(seconds=2)
_LONGEST_PAUSE: Final = timedelta(seconds=60)
_LATE: Final = timedelta(seconds=2)
"""Live events that have been due for longer than this go before bulk work."""


class SharedGate:
    """Fits ``trackers.protocol.Gate`` over the budget all workers share."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._strikes = 0
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
