"""What ``REDIS_URL`` may say, and what a client has to be told for it.

Redis' own forms are read by redis-py. For Sentinel there is no official form; this is the one that
redis-sentinel-url introduced and LangChain, RedisVL and Prefect share: members before the first
slash, the master's name and the database behind it. Celery's form names the master elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.connection import ConnectionPool, parse_url
from redis.exceptions import RedisError

FORMS: Final = (
    "it looks like redis://host:6379/0, rediss://:password@host:6379/0, unix:///path/to/socket or "
    "redis+sentinel://:password@host1:26379,host2:26379/mymaster/0. In a password, signs that mean something "
    "in a URL are percent-encoded: @ is %40, / is %2F"
)
_SENTINEL_PORT: Final = 26379
_SENTINEL: Final[Mapping[str, str]] = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_MEMBER: Final = re.compile(
    r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<name>[^\[\]:@/,\s]+))(?::(?P<port>[0-9]{1,5}))?"
)
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is, and how to get in. Nothing of ``repr`` is secret."""

    options: Mapping[str, Any] = field(repr=False)
    """What redis-py's pool takes."""
    replicas: int
    """How many replicas must hold a delivery before it is answered."""
    sentinels: tuple[tuple[str, int], ...] = ()
    """Whom to ask where the master is; empty without Sentinel."""
    master: str = ""
    sentinel_login: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse(url: str) -> Address:
    """Read a URL. Raises ValueError with a sentence that quotes nothing of it: it may hold a password."""
    scheme, _, rest = url.partition("://")
    if scheme in _SENTINEL:
        return _with_sentinel(_SENTINEL[scheme], rest)
    options = _options(url)
    replicas = _replicas(options, 0)
    _check(options)
    return Address(options, replicas)


def _with_sentinel(scheme: str, rest: str) -> Address:
    place, mark, query = rest.partition("?")
    authority, _, path = place.partition("/")
    login, at, members = authority.rpartition("@")
    master, _, database = path.partition("/")
    sentinels = tuple(_member(member) for member in members.split(","))
    if not master:
        raise ValueError(
            "REDIS_URL does not say what the sentinels call their master: "
            "redis+sentinel://host1:26379,host2:26379/mymaster/0."
        )
    options = _options(f"{scheme}://{login}{at}sentinel/{database}{mark}{query}")
    login_there = {
        name: options.pop(f"sentinel_{name}")
        for name in ("username", "password")
        if f"sentinel_{name}" in options
    }
    replicas = _replicas(options, 1)
    _check(options)
    del options["host"]
    return Address(options, replicas, sentinels, unquote(master), login_there)


def _member(text: str) -> tuple[str, int]:
    found = _MEMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"REDIS_URL is no address of a Redis; {FORMS}.")
    return found["v6"] or found["name"], int(found["port"] or _SENTINEL_PORT)


def _options(url: str) -> dict[str, Any]:
    try:
        options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"REDIS_URL is no address of a Redis; {FORMS}.") from None
    database = parts.path.strip("/")
    if parts.scheme != "unix" and database and not database.isdecimal():
        raise ValueError("REDIS_URL names a database that is no number; databases are 0, 1, 2 and so on.")
    return options


def _replicas(options: dict[str, Any], usual: int) -> int:
    said = options.pop("replicas", str(usual))
    if not re.fullmatch("[0-9]", said):
        raise ValueError("REDIS_URL: replicas is a number from 0 to 9.")
    return int(said)


def _check(options: Mapping[str, Any]) -> None:
    """Whether redis-py takes the options. It says so only when a connection is made; none is opened."""
    for name in _FILES:
        if name in options and not Path(options[name]).is_file():
            raise ValueError(f"REDIS_URL: the file that {name} names is not there.")
    try:
        ConnectionPool(**options).make_connection()
    except (TypeError, ValueError, RedisError):
        raise ValueError(
            "REDIS_URL has an option behind its question mark that is not known, or a value that does not "
            "fit it. With rediss:// those are ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_cert_reqs and "
            "ssl_check_hostname; with Sentinel sentinel_username and sentinel_password; anywhere replicas."
        ) from None
