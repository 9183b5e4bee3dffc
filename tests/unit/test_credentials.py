"""Basic authentication and tokens: several secrets at once, and what is said when none fits."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.credentials import signed_by_any, verify_basic, verify_token
from trackers.model import Refused, RefusedBecause

PAIRS = [("jira", "old-password"), ("jira", "new:password"), ("ünicode", "pässword")]
TOKENS = ["first-token", "second-token"]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def reason(check: Callable[[], None]) -> RefusedBecause:
    with pytest.raises(Refused) as caught:
        check()
    for secret in ["old-password", "new:password", "wrong", *TOKENS]:
        assert secret not in caught.value.sentence
    return caught.value.reason


@pytest.mark.parametrize(("user", "password"), PAIRS)
def test_basic_takes_each_of_several_pairs(user: str, password: str) -> None:
    verify_basic(basic(user, password), PAIRS)
    verify_basic(basic(user, password).replace("Basic", "bAsIc"), PAIRS)


@pytest.mark.parametrize("header", [None, "", "  "])
def test_basic_without_header(header: str | None) -> None:
    assert reason(lambda: verify_basic(header, PAIRS)) is RefusedBecause.MISSING_CREDENTIALS


@pytest.mark.parametrize(
    "header",
    [
        basic("jira", "wrong"),
        basic("other", "old-password"),
        basic("jira", "old-password")[:-3],
        "Bearer " + basic("jira", "old-password")[6:],
        "Basic",
        "Basic é",
        "Basic ****",
        "Basic a",
    ],
)
def test_basic_that_fits_no_pair(header: str) -> None:
    assert reason(lambda: verify_basic(header, PAIRS)) is RefusedBecause.BAD_CREDENTIALS


def test_token() -> None:
    for token in TOKENS:
        verify_token(token, TOKENS)
    assert reason(lambda: verify_token(None, TOKENS)) is RefusedBecause.MISSING_CREDENTIALS
    assert reason(lambda: verify_token("", TOKENS)) is RefusedBecause.MISSING_CREDENTIALS
    assert reason(lambda: verify_token("first-toke", TOKENS)) is RefusedBecause.BAD_CREDENTIALS
    assert reason(lambda: verify_token("\ud800", TOKENS)) is RefusedBecause.BAD_CREDENTIALS


def test_an_empty_secret_never_matches() -> None:
    assert reason(lambda: verify_basic(basic("", ""), [("", "")])) is RefusedBecause.BAD_CREDENTIALS
    assert reason(lambda: verify_token("x", ["", "y"])) is RefusedBecause.BAD_CREDENTIALS
    assert not signed_by_any(b"body", hmac.new(b"", b"body", "sha256").hexdigest(), "sha256", [b""])
    assert not signed_by_any(b"body", "", "sha256", [])


def test_all_secrets_are_looked_at_even_when_the_first_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    genuine = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        nonlocal compared
        compared += 1
        return genuine(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    verify_token("first-token", TOKENS)
    assert compared == 2
    verify_basic(basic(*PAIRS[0]), PAIRS)
    assert compared == 5
    assert signed_by_any(b"b", hmac.new(b"k", b"b", "sha256").hexdigest(), "sha256", [b"k", b"l", b"m"])
    assert compared == 8


@given(st.text(), st.text())
def test_nothing_but_refused_is_raised(header: str, token: str) -> None:
    with pytest.raises(Refused):
        verify_basic(header, PAIRS)
    with pytest.raises(Refused):
        verify_basic(f"Basic {header}", PAIRS)
    with pytest.raises(Refused):
        verify_token(f"no {token}", TOKENS)
