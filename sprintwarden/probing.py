"""The way to a tracker's probe, and what a Jira site tells anybody about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from rules.connection_schema import Deployment
from rules.connections import AccessToken, ApiKey, Auth, ClientCredentials, Connection, EmailToken
from sprintwarden.alone import OwnGate
from trackers.errors import ServerFault
from trackers.http import exchange, json_of, open_http
from trackers.jira import probe as jira
from trackers.linear import probe as linear
from trackers.model import TrackerKind
from trackers.probe import Probe
from trackers.reading import mapping, reference, text

GATEWAY: Final = "https://api.atlassian.com"
"""Where scoped API tokens are good, under ``/ex/jira/`` and the site's cloud id."""


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


OpenProbe = Callable[[Access], Probe]


def open_probe(access: Access) -> Probe:
    """The probe behind ``access``, which waits for no budget. Asks nothing yet."""
    cloud = access.deployment is Deployment.CLOUD
    match access.auth:
        case EmailToken(email, token):
            basic = (email, token.reveal())
            return jira.open_probe(access.url, OwnGate(), cloud=cloud, api_url=access.api_url, basic=basic)
        case AccessToken(token):
            return jira.open_probe(access.url, OwnGate(), cloud=cloud, bearer=token.reveal())
        case ApiKey(key):
            return linear.open_probe(access.url, OwnGate(), key=key.reveal())
        case ClientCredentials(client_id, secret):
            return linear.open_probe(access.url, OwnGate(), client=(client_id, secret.reveal()))
    assert_never(access.auth)


def at_gateway(access: Access, gateway: str) -> Access | None:
    """The same account by way of the gateway, where a scoped API token is good; None where the site does
    not tell its cloud id, which is asked without credentials.

    Raises Unreachable. Source: support.atlassian.com on scoped API tokens.
    """
    id_ = reference(_public(f"{access.url}/_edge/tenant_info").get("cloudId"))
    return None if id_ is None else replace(access, api_url=f"{gateway.rstrip('/')}/ex/jira/{id_}")


def deployment_of(url: str) -> Deployment | None:
    """What the Jira at ``url`` says it is, asked without credentials; None where it tells nobody.

    Raises Unreachable. Source: Jira's REST API, "Get server info", ``deploymentType``.
    """
    kind = text(_public(f"{url}/rest/api/2/serverInfo").get("deploymentType"))
    if kind is None:
        return None
    return Deployment.CLOUD if kind == "Cloud" else Deployment.DATA_CENTER


def _public(url: str) -> Mapping[str, Any]:
    """The JSON object that anybody gets there, empty where there is none. Raises Unreachable."""
    with open_http({"Accept": "application/json"}) as http:
        try:
            response = exchange(http, OwnGate(), http.build_request("GET", url))
            return mapping(json_of(response)) if response.is_success else {}
        except ServerFault:
            return {}
