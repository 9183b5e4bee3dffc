"""What both trackers' clients share: one careful HTTP exchange."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx

from trackers.errors import ServerFault, Unreachable, Walled
from trackers.limits import host_of, reserve_pause, share_left
from trackers.protocol import Gate
from trackers.reading import json_value

TIMEOUT: Final = httpx.Timeout(connect=5.0, read=15.0, write=10.0, pool=5.0)
"""Shorter together than a run's time limit, so that a hanging tracker is our error, not a killed job."""
GATEWAY_STATUSES: Final = frozenset({502, 503, 504})


def is_away(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer says that nobody is there: a gateway's own, but not a 503 that says until when."""
    return status in GATEWAY_STATUSES and not (status == 503 and "retry-after" in headers)


def open_http(headers: Mapping[str, str], context: ssl.SSLContext | None = None) -> httpx.Client:
    """A client with warm connections that follows no redirect: it never leaves the configured host."""
    return httpx.Client(
        headers=dict(headers),
        timeout=TIMEOUT,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=4, max_keepalive_connections=4, keepalive_expiry=30),
        verify=context or tls_context(),
        trust_env=False,
    )


@cache
def tls_context() -> ssl.SSLContext:
    """One for the whole process: making it reads every certificate there is."""
    return ssl.create_default_context()


def exchange(
    http: httpx.Client, gate: Gate, request: httpx.Request, *, see_other: bool = False
) -> httpx.Response:
    """Send one request and tell the gate whether the tracker answered at all.

    Raises Unreachable for no connection, a connection cut or a time-out: after a write its outcome
    is then unknown. Raises ServerFault for a body that cannot be decoded, and for a redirect, which a
    tracker's API has no reason to send; with ``see_other`` a 303 is an answer, which names a task and is
    not followed.
    """
    try:
        response = http.send(request)
    except httpx.DecodingError as error:
        gate.answered()
        raise ServerFault(
            f"{host_of(str(request.url))} answered something that is not in the encoding it names."
        ) from error
    except httpx.HTTPError as error:
        gate.unreachable()
        raise Unreachable(f"{host_of(str(request.url))} gave no answer ({type(error).__name__}).") from error
    if is_away(response.status_code, response.headers):
        gate.unreachable()
        raise Unreachable(f"{host_of(str(request.url))} answered {response.status_code}.")
    gate.answered()
    if (share := share_left(lower(response.headers))) is not None:
        gate.left(share)
    if response.is_redirect and not (see_other and response.status_code == 303):
        raise ServerFault(
            f"{host_of(str(request.url))} sent a redirect; set the connection's url to its final address."
        )
    return response


def keep_reserve(gate: Gate, response: httpx.Response) -> None:
    """Let bulk work stand back when an answer to it says that the tracker's limit runs low."""
    if (pause := reserve_pause(lower(response.headers))) is not None:
        gate.limit(pause.scope, pause.length, pause.reason)


def json_of(response: httpx.Response) -> Any:
    """The answer's JSON. Raises Walled when it is none (a login page, a proxy's error page)."""
    if not response.content:
        return None
    try:
        return json_value(response.content)
    except ValueError as error:
        raise Walled(f"{host_of(str(response.url))} answered something other than JSON.") from error


def is_own_word(content: bytes) -> bool:
    """Whether the body of an error is of the kind a tracker's API sends, a JSON object.

    A refusal in another form is that of something in between: it says nothing of permissions, nor that an
    issue is gone.
    """
    try:
        return isinstance(json_value(content), dict)
    except ValueError:
        return False


def lower(headers: httpx.Headers) -> dict[str, str]:
    """Headers by lower-case name, as ``limits`` reads them."""
    return {name.lower(): value for name, value in headers.items()}
