"""A tracker's cache and gate for one command that runs without the service's Redis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta


class OwnCache:
    """Remembers for as long as the command runs. Fits ``trackers.protocol.Cache``."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self._held.get(name)

    def put(self, name: str, text: str, life: timedelta) -> None:
        self._held[name] = text

    def drop(self, name: str) -> None:
        self._held.pop(name, None)


class OwnGate:
    """Shares its budget with nobody. Fits ``trackers.protocol.Gate``."""

    def ask(self, scopes: Sequence[str]) -> None:
        return None

    def limit(self, scope: str, length: timedelta, reason: str) -> None:
        return None

    def unreachable(self) -> None:
        return None

    def answered(self) -> None:
        return None

    def left(self, share: float) -> None:
        return None
