"""The way to a tracker's probe, and what a Jira site tells anybody about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from rules.connection_schema import Deployment
from sprintwarden.alone import OwnGate
from trackers.errors import ServerFault
from trackers.http import exchange, json_of, open_http
from trackers.probe import Probe
from trackers.reading import mapping, reference, text
from workers import probes
from workers.probes import Access

GATEWAY: Final = "https://api.atlassian.com"
"""Where scoped API tokens are good, under ``/ex/jira/`` and the site's cloud id."""


OpenProbe = Callable[[Access], Probe]


def open_probe(access: Access) -> Probe:
    """The probe behind ``access``, which waits for no budget. Asks nothing yet."""
    return probes.open_probe(access, OwnGate())


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
