"""How this service talks to Redis: one place for URLs, time-outs and retries."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, *, patience: float = 5.0) -> Redis:
    """A client for ``url`` (``redis://``, ``rediss://`` or ``unix://``) that answers text.

    ``patience`` is the longest wait in seconds for a connection or an answer. Nothing is
    retried behind the caller's back: whoever asked decides whether asking again is safe.
    No connection is opened here.
    """
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=patience,
        socket_connect_timeout=min(patience, 2.0),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=30,
    )


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
