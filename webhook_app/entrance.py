"""One connection's way in: how a delivery is proven and read, settled when the process starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from rules.connection_schema import Late, WebhookAuth
from rules.connections import Connection, Webhook
from store.keys import CLAIM_LIFE
from trackers.credentials import verify_basic, verify_token
from trackers.jira import webhook as jira
from trackers.linear import webhook as linear
from trackers.model import Event, Refused, RefusedBecause, TrackerKind

Environ = Mapping[str, Any]
Verify = Callable[[bytes, Environ], None]
Read = Callable[[object, str], Event]
Age = Callable[[object], bool]
Told = Callable[[object], datetime | None]

TOKEN_PARAMETER: Final = "token"  # noqa: S105  The parameter's name, not a token.
TOKEN_HEADER: Final = "HTTP_X_SPRINTWARDEN_TOKEN"  # noqa: S105
_SIGNATURES: Final = {
    TrackerKind.JIRA: ("HTTP_X_HUB_SIGNATURE", jira.verify),
    TrackerKind.LINEAR: ("HTTP_LINEAR_SIGNATURE", linear.verify),
}
_CLOCKS: Final = {TrackerKind.JIRA: jira.told, TrackerKind.LINEAR: linear.told}
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
    told: Told
    """What the tracker's clock said when it made a body."""


def entrance(connection: Connection) -> Entrance | None:
    """The way in for ``connection``; None where its tracker is only polled."""
    webhook = connection.webhook
    if webhook is None:
        return None
    parse = _PARSERS[connection.tracker]
    scope = connection.scope()

    def read(payload: object, digest: str) -> Event:
        return parse(payload, connection=connection.name, digest=digest, scope=scope)

    return Entrance(
        connection.name,
        webhook.max_body,
        _verifier(connection.tracker, webhook),
        read,
        _age(webhook),
        _CLOCKS[connection.tracker],
    )


def _verifier(tracker: TrackerKind, webhook: Webhook) -> Verify:
    secrets = tuple(secret.reveal() for secret in webhook.secrets)
    match webhook.auth:
        case WebhookAuth.BASIC:
            accounts = tuple((webhook.user or "", secret) for secret in secrets)
            return lambda body, environ: verify_basic(environ.get("HTTP_AUTHORIZATION"), accounts)
        case WebhookAuth.TOKEN:
            return lambda body, environ: verify_token(_token(environ), secrets)
    header, check = _SIGNATURES[tracker]
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


def _age(webhook: Webhook) -> Age:
    if webhook.max_age is None:
        # Jira signs no time: what is replayed meets the claim, or leads to a harmless reading.
        return lambda payload: False
    return partial(_linear_age, webhook.max_age, webhook.late)


def _linear_age(limit: timedelta, taken: Late, payload: object) -> bool:
    # A body older than the claims kept could have been seen before without our knowing.
    late = linear.check_age(linear.sent(payload), datetime.now(UTC), limit, CLAIM_LIFE)
    if late and taken is Late.REFUSE:
        raise Refused(
            RefusedBecause.TOO_OLD,
            "The delivery is older than the connection's age limit, and late ones are refused.",
        )
    return late
