"""Rate limits: two leaky buckets per identity, and what the answer headers say of them.

Rules and header names: linear.app/developers/rate-limiting. Resets are in milliseconds.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sandbox.linear.values import now_ms

HOUR_MS = 3600 * 1000


class Bucket:
    """An allowance per hour, refilled evenly."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._left = float(limit)
        self._at = now_ms()

    def left(self) -> float:
        """What may be spent now."""
        now = now_ms()
        self._left = min(self.limit, self._left + (now - self._at) * self.limit / HOUR_MS)
        self._at = now
        return self._left

    def spend(self, amount: float) -> None:
        """Take ``amount`` out."""
        self._left = self.left() - amount

    def reset(self) -> int:
        """When the bucket will be full again."""
        return now_ms() + round((self.limit - self.left()) * HOUR_MS / self.limit)


@dataclass(frozen=True, slots=True)
class Standing:
    """One bucket as told to the client."""

    limit: int
    remaining: int
    reset: int

    def headers(self, name: str) -> dict[str, str]:
        """Its three headers, for ``name`` such as ``Requests``."""
        return {
            f"X-RateLimit-{name}-Limit": str(self.limit),
            f"X-RateLimit-{name}-Remaining": str(self.remaining),
            f"X-RateLimit-{name}-Reset": str(self.reset),
        }


class Budget:
    """The requests and the complexity points of one identity; thread-safe."""

    def __init__(self, requests: int, complexity: int) -> None:
        self._lock = threading.Lock()
        self._requests = Bucket(requests)
        self._complexity = Bucket(complexity)

    def spend(self, cost: int) -> str | None:
        """Pay for one request; the name of the exhausted limit (and nothing paid) if it cannot be."""
        with self._lock:
            if self._requests.left() < 1:
                return "requests"
            if self._complexity.left() < cost:
                return "complexity"
            self._requests.spend(1)
            self._complexity.spend(cost)
            return None

    def drain(self, limit: str) -> None:
        """Empty one of the two, ``requests`` or ``complexity``, as a busy hour would."""
        with self._lock:
            bucket = self._complexity if limit == "complexity" else self._requests
            bucket.spend(bucket.left())

    def requests(self) -> Standing:
        """How the requests stand."""
        with self._lock:
            return _standing(self._requests)

    def complexity(self) -> Standing:
        """How the points stand."""
        with self._lock:
            return _standing(self._complexity)

    def headers(self, cost: int) -> dict[str, str]:
        """The headers of an answer to a request of ``cost`` points."""
        return (
            self.requests().headers("Requests")
            | self.complexity().headers("Complexity")
            | {"X-Complexity": str(cost)}
        )


def _standing(bucket: Bucket) -> Standing:
    return Standing(bucket.limit, max(0, int(bucket.left())), bucket.reset())
