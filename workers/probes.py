"""The way to a tracker's probe for whoever has credentials."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import assert_never

from rules.connection_schema import Deployment
from rules.connections import AccessToken, ApiKey, Auth, ClientCredentials, Connection, EmailToken
from trackers.jira import probe as jira
from trackers.linear import probe as linear
from trackers.model import TrackerKind
from trackers.probe import Probe
from trackers.protocol import Gate


@dataclass(frozen=True, slots=True)
class Access:
    """Which tracker, and as whom."""

    tracker: TrackerKind
    deployment: Deployment | None
    url: str
    api_url: str
    """Where requests go when not to ``url``; else empty."""
    auth: Auth

    @classmethod
    def of(cls, connection: Connection) -> Access:
        """That of a configured connection."""
        return cls(
            connection.tracker, connection.deployment, connection.url, connection.api_url, connection.auth
        )


def open_probe(access: Access, gate: Gate, context: ssl.SSLContext | None = None) -> Probe:
    """The probe behind ``access``, which waits for what ``gate`` says. Asks nothing yet."""
    url, cloud = access.url, access.deployment is Deployment.CLOUD
    match access.auth:
        case EmailToken(email, token):
            basic, api = (email, token.reveal()), access.api_url
            return jira.open_probe(url, gate, cloud=cloud, api_url=api, basic=basic, context=context)
        case AccessToken(token):
            return jira.open_probe(url, gate, cloud=cloud, bearer=token.reveal(), context=context)
        case ApiKey(key):
            return linear.open_probe(url, gate, key=key.reveal(), context=context)
        case ClientCredentials(client_id, secret):
            return linear.open_probe(url, gate, client=(client_id, secret.reveal()), context=context)
    assert_never(access.auth)
