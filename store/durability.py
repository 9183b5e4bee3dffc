"""Whether a Redis keeps what it was given, as far as it tells: eviction, the append-only file, replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import ResponseError

_UNTOLD: Final = "Redis does not tell this user"


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that decides whether events can be lost."""

    name: str
    ok: bool | None
    """None where Redis does not tell: managed ones may keep INFO, or parts of it, to themselves."""
    sentence: str
    vital: bool = True
    """Whether no delivery should be taken while it is not so."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is used of it, in bytes."""

    used: int
    limit: int
    """From here on Redis takes nothing more; 0 where there is no limit."""


def traits(redis: Redis) -> tuple[Trait, ...]:
    """Whether Redis may throw keys away, and survives a restart. Raises RedisError when it is away."""
    info = _info(redis)
    return _eviction(info), _append_only(info)


def copies(redis: Redis, wanted: int) -> tuple[Trait, ...]:
    """Whether ``wanted`` replicas can hold a delivery; none for 0, of which Redis is not asked.

    Raises RedisError when it is away.
    """
    if not wanted:
        return ()
    info = _info(redis)
    return _replicas(info, wanted), _cut_off(info)


def rewriting(redis: Redis) -> Trait | None:
    """Whether the append-only file can be written anew; None where there is none, or Redis does not tell.

    Raises RedisError when it is away.
    """
    info = _info(redis)
    if not info.get("aof_enabled") or "aof_last_bgrewrite_status" not in info:
        return None
    name = "redis rewrites its file"
    if info["aof_last_bgrewrite_status"] == "ok":
        return Trait(name, True, "The append-only file is written anew when it has grown.", vital=False)
    said = (
        "The append-only file could not be written anew, so it grows until its disk is full: see to the room "
        "there and to who may write, then say `redis-cli bgrewriteaof`."
    )
    return Trait(name, False, said, vital=False)


def memory(redis: Redis) -> Memory | None:
    """How full it is; None where it does not tell. Raises RedisError when it is away."""
    info = _info(redis)
    used, limit = info.get("used_memory"), info.get("maxmemory")
    return None if used is None or limit is None else Memory(used, limit)


def _info(redis: Redis) -> Mapping[str, Any]:
    try:
        return cast("Mapping[str, Any]", redis.info())
    except ResponseError:
        return {}


def _eviction(info: Mapping[str, Any]) -> Trait:
    name, policy = "redis keeps what it took", info.get("maxmemory_policy")
    if policy is None:
        return Trait(name, None, f"{_UNTOLD} its maxmemory-policy; see to it that it is noeviction.")
    if policy == "noeviction":
        return Trait(name, True, "maxmemory-policy is noeviction.")
    said = f"maxmemory-policy is {policy}: it may throw events away; set it to noeviction."
    return Trait(name, False, said)


def _append_only(info: Mapping[str, Any]) -> Trait:
    name, enabled = "redis survives a restart", info.get("aof_enabled")
    if enabled is None:
        return Trait(name, None, f"{_UNTOLD} whether it appends to disk; see to it that appendonly is yes.")
    if enabled:
        return Trait(name, True, "The append-only file is on.")
    said = "The append-only file is off: a restart would lose events; set appendonly yes."
    return Trait(name, False, said)


def _replicas(info: Mapping[str, Any], wanted: int) -> Trait:
    name, there = "redis has replicas", info.get("connected_slaves")
    if there is None:
        return Trait(name, None, f"{_UNTOLD} how many replicas follow it; deliveries wait for {wanted}.")
    if there >= wanted:
        return Trait(name, True, f"Replicas that follow: {there}; a delivery waits until {wanted} hold it.")
    said = (
        f"Replicas that follow: {there}. A delivery is taken when {wanted} hold it, so all are refused: "
        "start a replica, or set replicas=0 in REDIS_URL and accept that a failover loses events."
    )
    return Trait(name, False, said)


def _cut_off(info: Mapping[str, Any]) -> Trait:
    """Redis tells the number of good replicas only when it is told to mind them."""
    name = "redis stops when it is cut off"
    if not info:
        return Trait(name, None, f"{_UNTOLD} its min-replicas-to-write; see to it that it is 1.")
    if "min_slaves_good_slaves" in info:
        return Trait(name, True, "A master without replicas takes no writes.")
    said = (
        "min-replicas-to-write is 0: a master that is cut off goes on taking what workers write, and forgets "
        "it afterwards; set it to 1."
    )
    return Trait(name, False, said, vital=False)
