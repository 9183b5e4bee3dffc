"""The way to a tracker's probe for whoever has a connection's credentials."""

from __future__ import annotations

import ssl
from typing import assert_never

from rules.connection_schema import Deployment
from rules.connections import AccessToken, ApiKey, ClientCredentials, Connection, EmailToken
from trackers.jira import probe as jira
from trackers.linear import probe as linear
from trackers.probe import Probe
from trackers.protocol import Gate


def open_probe(connection: Connection, gate: Gate, context: ssl.SSLContext | None = None) -> Probe:
    """The probe behind a connection, which waits for what ``gate`` says. Asks nothing yet."""
    url, cloud = connection.url, connection.deployment is Deployment.CLOUD
    match connection.auth:
        case EmailToken(email, token):
            basic, api = (email, token.reveal()), connection.api_url
            return jira.open_probe(url, gate, cloud=cloud, api_url=api, basic=basic, context=context)
        case AccessToken(token):
            return jira.open_probe(url, gate, cloud=cloud, bearer=token.reveal(), context=context)
        case ApiKey(key):
            return linear.open_probe(url, gate, key=key.reveal(), context=context)
        case ClientCredentials(client_id, secret):
            return linear.open_probe(url, gate, client=(client_id, secret.reveal()), context=context)
    assert_never(connection.auth)
