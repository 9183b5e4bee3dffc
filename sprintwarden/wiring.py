"""From settings to parts: the one place that knows how the rooms fit together.

Each room is imported by the function that needs it: the web process loads neither RQ nor any
classifier, and no other process loads Flask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from rules.connections import Connection, load_connections
from rules.problems import BadFile
from rules.validate import did_you_mean
from sprintwarden.fitness import look_at_redis
from sprintwarden.settings import Complaint, Settings
from store.connect import connect, connect_for_rq
from store.inbox import Inbox
from store.rulebook import RulebookShelf

if TYPE_CHECKING:
    from flask import Flask

    from webhook_app.console.access import Access
    from workers.clock import Clock
    from workers.pool import WarmPool
    from workers.shop import Shop


def read_connections(path: Path) -> tuple[Connection, ...]:
    """The connections an admin configured. Raises Complaint with every problem of the file."""
    try:
        return load_connections(path.read_bytes(), str(path), os.environ)
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    except BadFile as error:
        raise Complaint(str(error)) from error


def named(connections: Sequence[Connection], name: str) -> Connection:
    """The connection of that name. Raises Complaint with the names there are."""
    for connection in connections:
        if connection.name == name:
            return connection
    raise unknown(name, [connection.name for connection in connections])


def unknown(name: str, known: Sequence[str]) -> Complaint:
    """What to say of a connection that is not among those ``known``."""
    told = f"; known are: {', '.join(known)}" if known else ", and no other is configured"
    return Complaint(f"There is no connection {name!r}{did_you_mean(name, known)}{told}.")


def build_web(settings: Settings) -> Flask:
    """The front door."""
    from webhook_app.app import WebSettings, create_app

    return create_app(
        WebSettings(
            redis_url=settings.redis(),
            connections=read_connections(settings.connections_file),
            settle_issue=settings.settle_issue,
            settle_sprint=settings.settle_sprint,
            ceiling_issue=settings.ceiling_issue,
            ceiling_sprint=settings.ceiling_sprint,
            redis_may_forget=settings.redis_may_forget,
            metrics_token=settings.metrics_secret(),
            threads=settings.web_threads,
            console=_console(settings),
        )
    )


def _console(settings: Settings) -> Access | None:
    """Who may see the console."""
    from webhook_app.console.access import NoAccess, access

    hash_, header, proxies = settings.console_secret(), settings.console_header, settings.console_proxies
    try:
        return access(hash_, header, proxies, settings.public_url)
    except NoAccess as fault:
        raise Complaint(str(fault)) from None


def build_shop(settings: Settings) -> tuple[Redis, Shop]:
    """A worker process' Redis for RQ, and its floor with a Redis client of its own."""
    from workers import checkpoints
    from workers.rules_in_force import RulesFile
    from workers.shop import open_shop

    connections = read_connections(settings.connections_file)
    checkpoint = checkpoints.from_environment(os.environ)
    floor = connect(settings.redis())
    RulesFile(settings.rules_file, RulebookShelf(floor)).look()
    shop = open_shop(
        floor,
        connections,
        data=settings.data,
        checkpoint=checkpoint,
        lease=settings.lease,
        look_every=settings.sprint_look,
    )
    return connect_for_rq(settings.redis()), shop


def build_pool(settings: Settings, queue: str, count: int) -> WarmPool:
    """The workers of one queue. Raises Complaint when Redis is not fit for them."""
    from workers.pool import WarmPool

    # Said here and not by each worker in turn.
    read_connections(settings.connections_file)
    look_at_redis(settings)
    return WarmPool(queue, connect_for_rq(settings.redis()), count, lambda: build_shop(settings))


def build_clock(settings: Settings) -> Clock:
    """A clock. Raises Complaint when Redis is not fit for it."""
    from workers.clock import Clock
    from workers.retraining import Retraining
    from workers.rules_in_force import RulesFile

    connections = read_connections(settings.connections_file)
    look_at_redis(settings)
    redis = connect(settings.redis())
    return Clock(
        redis,
        Inbox(redis, lease=settings.lease),
        RulesFile(settings.rules_file, RulebookShelf(redis)),
        Retraining(redis, settings.retrain_every),
        connections,
    )
