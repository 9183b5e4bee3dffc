"""``REDIS_URL``: every form it may have, and what is said of one that is wrong, without quoting it."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.address import parse
from store.connect import connect, connect_for_rq

PLAIN = [
    ("redis://host", {"host": "host"}),
    ("redis://[::1]:6380/2", {"host": "::1", "port": 6380, "db": 2}),
    ("redis://u:p%40ss@host?protocol=2", {"username": "u", "password": "p@ss", "protocol": 2}),
    ("unix:///run/redis.sock?db=3", {"path": "/run/redis.sock", "db": 3}),
    ("rediss://host?ssl_cert_reqs=none", {"host": "host", "ssl_cert_reqs": "none"}),
]
SENTINEL = [
    ("redis+sentinel://a:1,b/main", (("a", 1), ("b", 26379)), "main", {}),
    ("redis+sentinel://u:p@[::1]:7,10.0.0.1/m/4", (("::1", 7), ("10.0.0.1", 26379)), "m", {"db": 4}),
    ("rediss+sentinel://:p%2F@a/m", (("a", 26379),), "m", {"password": "p/"}),
]


@pytest.mark.parametrize(("url", "options"), PLAIN)
def test_redis_own_forms_are_as_in_redis_py(url: str, options: dict[str, object]) -> None:
    address = parse(url)
    assert options.items() <= dict(address.options).items()
    assert (address.sentinels, address.replicas) == ((), 0)


@pytest.mark.parametrize(("url", "sentinels", "master", "options"), SENTINEL)
def test_sentinels_are_listed_before_the_masters_name(
    url: str, sentinels: object, master: str, options: dict[str, object]
) -> None:
    address = parse(url)
    assert (address.sentinels, address.master, address.replicas) == (sentinels, master, 1)
    assert options.items() <= dict(address.options).items()
    assert "host" not in address.options


def test_the_sentinels_have_a_login_of_their_own() -> None:
    address = parse("redis+sentinel://me:mine@a/m?sentinel_username=them&sentinel_password=theirs")
    assert address.sentinel_login == {"username": "them", "password": "theirs"}
    assert address.options == {"username": "me", "password": "mine"}


@pytest.mark.parametrize("url", ["redis://host?replicas=2", "redis+sentinel://a/m?replicas=2"])
def test_how_many_replicas_hold_a_delivery_can_be_said(url: str) -> None:
    assert parse(url).replicas == 2
    assert "replicas" not in parse(url).options


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://:pass-word@host", "no address of a Redis"),
        ("redis+cluster://:pass-word@host", "no address of a Redis"),
        ("redis://:pass-/word@host", "no address of a Redis"),
        ("redis+sentinel://:pass-word@a,,b/m", "no address of a Redis"),
        ("redis+sentinel://:pass-@word@a:99999999/m", "no address of a Redis"),
        ("redis+sentinel://:pass-word@a:1", "what the sentinels call their master"),
        ("redis+sentinel://:pass-word@a/m/first", "a database that is no number"),
        ("redis://:pass-word@host/first", "a database that is no number"),
        ("redis://:pass-word@host?pass-=word", "an option behind its question mark"),
        ("rediss://:pass-word@host?ssl_cert_reqs=pass-", "an option behind its question mark"),
        ("rediss://:pass-word@host?ssl_ca_certs=/pass-", "the file that ssl_ca_certs names"),
        ("redis://:pass-word@host?replicas=pass-", "replicas is a number from 0 to 9"),
    ],
)
def test_what_is_wrong_is_told_and_not_quoted(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        parse(url)
    assert str(refused.value).startswith("REDIS_URL")
    assert "pass-" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["redis://:pass-word@host", "redis+sentinel://:pass-word@a/m?sentinel_password=pass-too"]
)
def test_no_password_is_shown_by_what_is_made_of_it(url: str) -> None:
    assert "pass-" not in f"{parse(url)!r} {connect(url)!r} {connect_for_rq(url)!r}"


def test_a_file_of_tls_that_is_there_is_taken(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert parse(f"rediss://host?ssl_ca_certs={tmp_path}/ca.pem").options["ssl_ca_certs"]
