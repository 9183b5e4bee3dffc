"""One connection's way in: how a delivery is proven and read, settled when the process starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from rules.connection_schema import Late, WebhookAuth
from rules.connections import Connection
from store.keys import CLAIM_LIFE
from trackers.credentials import verify_basic, verify_token
from trackers.jira import webhook as jira
from trackers.linear import webhook as linear
from trackers.model import Event, Refused, RefusedBecause, TrackerKind

Environ = Mapping[str, Any]
Verify = Callable[[bytes, Environ], None]
Read = Callable[[object, str], Event]
Age = Callable[[object], bool]

TOKEN_PARAMETER: Final = "token"  # noqa: S105  The parameter's name, not a token.
TOKEN_HEADER: Final = "HTTP_X_SPRINTWARDEN_TOKEN"  # noqa: S105
_SIGNATURES: Final = {
    TrackerKind.JIRA: ("HTTP_X_HUB_SIGNATURE", jira.verify),
    TrackerKind.LINEAR: ("HTTP_LINEAR_SIGNATURE", linear.verify),
}
_PARSERS: Final = {TrackerKind.JIRA: jira.parse, TrackerKind.LINEAR: linear.parse}


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where deliveries for one connection come in."""

    name: str
    max_body: int
    """In bytes."""
    verify: Verify
    """Raises Refused unless the raw body is the tracker's own."""
    read: Read
    """From the body's JSON and its digest to the event."""
    late: Age
    """Whether a proven body is older than the limit (taken as late). Raises Refused where it is not taken."""


def entrance(connection: Connection) -> Entrance:
    """The way in for ``connection``."""
    parse = _PARSERS[connection.tracker]
    scope = connection.scope()

    def read(payload: object, digest: str) -> Event:
        return parse(payload, connection=connection.name, digest=digest, scope=scope)

    return Entrance(
        connection.name, connection.webhook.max_body, _verifier(connection), read, _age(connection)
    )


def _verifier(connection: Connection) -> Verify:
    secrets = tuple(secret.reveal() for secret in connection.webhook.secrets)
    match connection.webhook.auth:
        case WebhookAuth.BASIC:
            accounts = tuple((connection.webhook.user or "", secret) for secret in secrets)
            return lambda body, environ: verify_basic(environ.get("HTTP_AUTHORIZATION"), accounts)
        case WebhookAuth.TOKEN:
            return lambda body, environ: verify_token(_token(environ), secrets)
    header, check = _SIGNATURES[connection.tracker]
    keys = tuple(secret.encode() for secret in secrets)
    return lambda body, environ: check(body, environ.get(header), keys)


def _token(environ: Environ) -> str | None:
    """A token from its header, or from the address for trackers that can send none."""
    header = environ.get(TOKEN_HEADER)
    if header:
        return str(header)
    try:
        given = parse_qs(str(environ.get("QUERY_STRING", "")), max_num_fields=20).get(TOKEN_PARAMETER)
    except ValueError:
        # More fields than any address of ours has.
        return None
    return given[0] if given else None


def _age(connection: Connection) -> Age:
    if connection.tracker is not TrackerKind.LINEAR or connection.webhook.max_age is None:
        # Jira signs no time: what is replayed meets the claim, or leads to a harmless reading.
        return lambda payload: False
    return partial(_linear_age, connection)


def _linear_age(connection: Connection, payload: object) -> bool:
    limit = connection.webhook.max_age
    assert limit is not None
    # A body older than the claims kept could have been seen before without our knowing.
    late = linear.check_age(linear.sent(payload), datetime.now(UTC), limit, CLAIM_LIFE)
    if late and connection.webhook.late is Late.REFUSE:
        raise Refused(
            RefusedBecause.TOO_OLD,
            "The delivery is older than the connection's age limit, and late ones are refused.",
        )
    return late
