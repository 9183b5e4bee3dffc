"""How many pages are made at a time: they are work for Python alone, which webhooks beside them wait for."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Final, Self

_AT_A_TIME: Final = 2
_WAITING: Final = 4
"""Who opens a handful of tabs at once gets them all."""


class Turns:
    """``most`` at a time, and ``waiting`` more who wait for ``patience_s`` seconds at most; for one process.

    Whoever comes then is sent away: a thread that waits for its turn takes no webhooks meanwhile.
    """

    def __init__(self, most: int, waiting: int, patience_s: float) -> None:
        self._room = BoundedSemaphore(most + waiting)
        self._turns = BoundedSemaphore(most)
        self._patience_s = patience_s

    @classmethod
    def among(cls, threads: int, patience_s: float) -> Self:
        """Two at a time and four who wait, or fewer where there are few ``threads``: webhooks need some."""
        most = min(_AT_A_TIME, max(1, threads // 4))
        return cls(most, min(_WAITING, (threads - most) * 2 // 3), patience_s)

    def take(self) -> bool:
        """Wait for a turn; whether there is one now, which must then be given back."""
        if not self._room.acquire(blocking=False):
            return False
        if self._turns.acquire(timeout=self._patience_s):
            return True
        self._room.release()
        return False

    def give_back(self) -> None:
        """The page is made."""
        self._turns.release()
        self._room.release()
