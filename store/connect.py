"""How this service talks to Redis: one place for URLs, time-outs and retries."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

from store.address import Address, parse


def connect(url: str, *, patience: float = 5.0) -> Redis:
    """A client for ``url``, in any of the forms of ``store.address``, that answers text.

    ``patience`` is the longest wait in seconds for a connection or an answer. Nothing is
    retried behind the caller's back: whoever asked decides whether asking again is safe.
    With Sentinel every new connection goes to whoever is the master then, and one whose
    master was demoted ends with redis-py's ConnectionError at its next write. No connection is
    opened here. Raises ValueError as ``store.address.parse`` does.
    """
    return _client(
        parse(url),
        patience,
        decode_responses=True,
        socket_timeout=patience,
        socket_connect_timeout=min(patience, 2.0),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=30,
    )


def connect_for_rq(url: str) -> Redis:
    """A client as RQ wants it: it answers bytes and retries as redis-py does by default.

    RQ waits in a blocking pop, longer than our own patience, and sets the time-out for that itself.
    """
    return _client(parse(url), patience=5.0)


def trouble(error: RedisError) -> str:
    """Why Redis cannot be used and what to do, as a sentence that quotes nothing of the error.

    Redis-py's own words may quote the address, which may hold a password.
    """
    if isinstance(error, AuthenticationError):
        return "Redis refuses the user or the password of REDIS_URL."
    return f"Redis does not answer ({type(error).__name__}); start it or mend REDIS_URL."


class _ToMaster(SentinelManagedConnection):
    """A connection that was left in mid-answer, as by a signal, is closed.

    redis-py's other connections do so by default. This one would be used again, and give the next
    caller the answer that the one before did not wait for.
    """

    def read_response(self, *args: Any, disconnect_on_error: bool | None = True, **options: Any) -> Any:
        """As of redis-py's connections."""
        return super().read_response(*args, disconnect_on_error=disconnect_on_error, **options)


class _ToMasterOverTls(_ToMaster, SentinelManagedSSLConnection):
    pass


def _client(address: Address, patience: float, **ours: Any) -> Redis:
    options = {**address.options, **ours}
    if not address.sentinels:
        return Redis.from_pool(ConnectionPool(**options))
    tls = "connection_class" in options
    options["connection_class"] = _ToMasterOverTls if tls else _ToMaster
    # Asking all of them takes no longer than one answer of the master may, even if none answers.
    wait = patience / (2 * len(address.sentinels))
    there = {
        "ssl": tls,
        **{name: value for name, value in options.items() if name.startswith("ssl_")},
        **address.sentinel_login,
        "socket_timeout": wait,
        "socket_connect_timeout": wait,
        "retry": Retry(NoBackoff(), 0),
    }
    sentinel = Sentinel(address.sentinels, sentinel_kwargs=there)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(address.master, **options)  # type: ignore[no-untyped-call]
    return client


def lua(name: str) -> str:
    """The text of one of our scripts, by its name in ``store/lua``."""
    return resources.files("store").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def now_ms(time: tuple[int, int]) -> int:
    """Redis' answer to TIME in milliseconds."""
    seconds, micros = time
    return seconds * 1000 + micros // 1000


def ms(span: timedelta) -> int:
    """A span in whole milliseconds, as Redis takes it."""
    return int(span.total_seconds() * 1000)
