"""The log of API requests a toy tracker has answered: what tests count writes by."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One API request as answered. ``status`` 0 means the connection was cut instead."""

    n: int
    operation: str
    status: int
    write: bool
    issue: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    at: float = 0.0
    """When it was answered, in seconds since 1970."""


class Calls:
    """A thread-safe list of calls, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._numbered = 0

    def record(
        self,
        operation: str,
        status: int,
        *,
        write: bool,
        issue: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Note one answered request, failed ones included."""
        with self._lock:
            self._numbered += 1
            self._calls.append(
                Call(self._numbered, operation, status, write, issue, dict(detail or {}), time.time())
            )

    def all(self) -> list[Call]:
        """All calls since the last ``clear``."""
        with self._lock:
            return list(self._calls)

    def counts(self) -> dict[str, int]:
        """How many calls each operation has had, whatever their status."""
        return dict(Counter(call.operation for call in self.all()))

    def clear(self) -> None:
        """Forget all calls; numbering goes on."""
        with self._lock:
            self._calls.clear()
