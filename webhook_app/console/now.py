"""The page Now: whether all is well, and what to do where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response

from store.address import parse
from store.inbox import depth
from store.sprint_views import SprintViews
from webhook_app.console.changes import Change, changes
from webhook_app.console.frame import HOME, show
from webhook_app.console.house import House, Page
from webhook_app.console.levels import worst
from webhook_app.console.moments import moment
from webhook_app.console.now_connections import ConnectionNow, connections_now
from webhook_app.console.now_needs import Need, headline, needs
from webhook_app.console.now_service import RulesNow, ServiceNow, rules_now, service_now
from webhook_app.console.sprints import Running, in_order
from webhook_app.health import checks

PAGE: Final = Page("now", f"{HOME}/now", "Now")
_REFRESH_S: Final = 10
_CHANGES: Final = 5
_SPRINTS: Final = 12


@dataclass(frozen=True, slots=True)
class Now:
    """The page."""

    at: str
    headline: str
    level: str
    needs: tuple[Need, ...]
    sprints: tuple[Running, ...]
    """The next to end."""
    sprints_more: int
    """How many more run."""
    connections: tuple[ConnectionNow, ...]
    rules: RulesNow
    service: ServiceNow
    changes: tuple[Change, ...]


def add(blueprint: Blueprint, house: House, /) -> None:
    """Add the page."""

    @blueprint.get(PAGE.path, endpoint="now")
    def page() -> Response:
        return show("now.html", title="Now", refresh=_REFRESH_S, now=gather(house))


def gather(house: House) -> Now:
    """How everything is at this moment. Raises RedisError while Redis is away."""
    at, settings = datetime.now(UTC), house.settings
    found = checks(
        house.redis,
        house.connections,
        replicas=parse(settings.redis_url).replicas,
        may_forget=settings.redis_may_forget,
    )
    depths = depth(house.redis)
    connections = connections_now(house, at, found)
    running = in_order(SprintViews(house.redis).running([one.name for one in house.connections]), at)
    every = needs(found, depths)
    return Now(
        at=moment(at),
        headline=headline(len(every)),
        level=worst(need.level for need in every),
        needs=every,
        sprints=running[:_SPRINTS],
        sprints_more=len(running[_SPRINTS:]),
        connections=connections,
        rules=rules_now(house.redis),
        service=service_now(house.redis, depths),
        changes=changes(house.redis, _CHANGES),
    )
