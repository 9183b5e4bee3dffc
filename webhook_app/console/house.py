"""What every page of the console is given, and how a page says what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from flask import Blueprint
from redis import Redis
from werkzeug.exceptions import NotFound

from rules.connections import Connection

if TYPE_CHECKING:
    from webhook_app.app import WebSettings


@dataclass(frozen=True, slots=True)
class House:
    """Where pages read from."""

    redis: Redis = field(repr=False)
    connections: Sequence[Connection]
    settings: WebSettings = field(repr=False)

    def known(self, connection: str | None) -> str | None:
        """The name of a connection if there is such a one, as from a filter in an address."""
        return connection if any(one.name == connection for one in self.connections) else None

    def require(self, connection: str) -> None:
        """Raise NotFound, with those there are, where there is no such connection."""
        if self.known(connection) is None:
            there = ", ".join(one.name for one in self.connections) or "none"
            raise NotFound(f"There is no connection of that name in connections.yaml. There are: {there}.")


@dataclass(frozen=True, slots=True)
class Page:
    """An entry of the navigation: ``Page("queue", "/console/queue", "Queue")``."""

    name: str
    path: str
    """Whole, from the root. Everything below it belongs to the page."""
    title: str


class PageModule(Protocol):
    """A module of this package that is a page."""

    @property
    def PAGE(self) -> Page:  # noqa: N802 - a constant of the module
        """What it is in the navigation."""

    def add(self, blueprint: Blueprint, house: House, /) -> None:
        """Add the page's views; their paths are whole: ``/console/queue`` and ``/api/v1/queue``."""
