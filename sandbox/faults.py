"""Scripted misbehaviour: which request of a toy tracker goes wrong, how, and how often."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from flask import Response

from sandbox.server import reset_connection

KINDS = frozenset({"status", "status_after", "delay", "reset", "reset_after", "delay_after", "rate_limit"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault.

    ``operation`` is a regular expression that must match the whole operation name. ``kind``:

    - ``status``: answer ``status``, ``headers`` and ``body`` without executing the request; an error without
      a body has an empty JSON object for one, as a tracker's own has something in JSON
    - ``status_after``: execute, then answer so, as a gateway does that gave up waiting
    - ``delay``: wait ``seconds``, then execute
    - ``reset``: cut the connection before executing
    - ``reset_after``: execute, then cut the connection
    - ``delay_after``: execute, wait ``seconds``, then answer
    - ``rate_limit``: refuse in the tracker's own dialect, for ``reason``, with ``headers`` added
    """

    operation: str
    kind: str
    times: int = 1
    status: int = 500
    seconds: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    issue: str | None = None
    """Only requests about this issue, named as in the log of calls (Jira: by key); None takes any."""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; known: {', '.join(sorted(KINDS))}")
        try:
            re.compile(self.operation)
        except re.error as error:
            raise ValueError(f"operation is not a regular expression: {error}") from error

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a fault from JSON. Raises ValueError on unknown keys or kinds."""
        unknown = set(data) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        if not {"operation", "kind"} <= set(data):
            raise ValueError("a fault needs operation and kind")
        return cls(**data)

    def matches(self, operation: str, issue: str | None) -> bool:
        """Whether this fault is meant for such a request."""
        return bool(re.fullmatch(self.operation, operation)) and self.issue in (None, issue)


class Faults:
    """The faults in waiting, first added first used; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in waiting for its next ``fault.times`` matching requests."""
        with self._lock:
            self._left.append((fault, fault.times))

    def clear(self) -> None:
        """Drop all faults in waiting."""
        with self._lock:
            self._left.clear()

    def take(self, operation: str, issue: str | None) -> Fault | None:
        """The fault this request shall suffer, counted as used; None for a healthy one."""
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if left > 0 and fault.matches(operation, issue):
                    self._left[place] = (fault, left - 1)
                    return fault
            return None


def play(
    fault: Fault | None,
    execute: Callable[[], Response],
    rate_limited: Callable[[Fault], Response],
    noted: Callable[[int], None],
) -> Response:
    """Answer one request under ``fault``.

    ``execute`` does the real work, ``rate_limited`` words a refusal in the tracker's dialect, and
    ``noted`` is told the status before the answer leaves (0 where the connection is cut before
    any work was done).
    """
    if fault is None:
        return _told(execute(), noted)
    if fault.kind == "status":
        return _told(_scripted(fault), noted)
    if fault.kind == "rate_limit":
        return _told(rate_limited(fault), noted)
    if fault.kind == "reset":
        noted(0)
        reset_connection()
    if fault.kind == "delay":
        time.sleep(fault.seconds)
    response = _told(execute(), noted)
    if fault.kind == "reset_after":
        reset_connection()
    if fault.kind == "delay_after":
        time.sleep(fault.seconds)
    return _scripted(fault) if fault.kind == "status_after" else response


def _scripted(fault: Fault) -> Response:
    body = "{}" if fault.body is None and fault.status >= 400 else fault.body or ""
    return Response(body, fault.status, dict(fault.headers))


def _told(response: Response, noted: Callable[[int], None]) -> Response:
    noted(response.status_code)
    return response
