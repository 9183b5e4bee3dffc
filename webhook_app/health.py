"""``/readyz``: whether deliveries can be taken and will be worked, each check with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError

from rules.connections import Connection
from store.cache import Cache
from store.keys import beat
from store.rulebook import RulebookShelf


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``vital`` ones decide readiness; the others only warn."""

    name: str
    ok: bool
    detail: str
    vital: bool = True


def checks(redis: Redis, connections: Iterable[Connection]) -> tuple[Check, ...]:
    """Look at everything the service needs. Never raises."""
    try:
        return (*_redis(redis), *_rules(redis), _clock(redis), *_identities(redis, connections))
    except RedisError as error:
        return (
            Check(
                "redis", False, f"Redis does not answer ({type(error).__name__}); start it or mend REDIS_URL."
            ),
        )


def ready(found: Iterable[Check]) -> bool:
    """Whether every vital check is well."""
    return all(check.ok for check in found if check.vital)


def _redis(redis: Redis) -> Iterable[Check]:
    info = redis.info()
    yield Check("redis", True, "Redis answers.")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    yield Check(
        "redis keeps what it took",
        policy == "noeviction",
        f"maxmemory-policy is {policy}"
        + ("." if policy == "noeviction" else ": it may throw events away; set it to noeviction."),
    )
    append_only = str(info.get("aof_enabled", "1")) == "1"
    yield Check(
        "redis survives a restart",
        append_only,
        "The append-only file is on."
        if append_only
        else "The append-only file is off: a restart would lose events; set appendonly yes.",
    )


def _rules(redis: Redis) -> Iterable[Check]:
    shelf = RulebookShelf(redis)
    version = shelf.version()
    yield Check(
        "rules",
        version is not None,
        f"Version {version} is in force." if version else "No good rules file was seen yet; start the clock.",
        vital=False,
    )
    if (refused := shelf.turned()) is not None:
        yield Check("newest rules file", False, "It is not taken: " + " ".join(refused.problems), vital=False)


def _clock(redis: Redis) -> Check:
    alive = redis.get(beat("clock")) is not None
    said = "The clock ticks." if alive else "No clock has ticked for 5 minutes: start `sprintwarden clock`."
    return Check("clock", alive, said, vital=False)


def _identities(redis: Redis, connections: Iterable[Connection]) -> Iterable[Check]:
    for connection in connections:
        known = Cache(redis, connection.name, connection.account).get("identity") is not None
        said = "The account is known." if known else "No worker has learned yet whose account the token is."
        yield Check(f"identity of {connection.name}", known, said, vital=False)
