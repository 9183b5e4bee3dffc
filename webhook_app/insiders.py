"""Who is told more than yes or no: ``/metrics`` and the checks of ``/readyz`` name connections and causes."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from rules.secret import Secret

_FORWARDED: Final = ("HTTP_X_FORWARDED_", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
"""What a proxy adds: behind one on this machine, everybody comes from here."""
_HERE: Final = "localhost"


@dataclass(frozen=True, slots=True)
class Insiders:
    """Whoever shows ``token``; without one, whoever asks on this machine and not through a proxy."""

    token: Secret | None = None

    def admit(self, environ: Mapping[str, Any]) -> bool:
        """Whether the request of this WSGI environment is one of theirs."""
        if self.token is not None:
            scheme, _, given = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
            return scheme.lower() == "bearer" and Secret(given.strip()) == self.token
        if any(name.startswith(_FORWARDED) for name in environ):
            return False
        # A page in a browser on this machine may reach us by a name of its own (DNS rebinding).
        return _is_here(str(environ.get("REMOTE_ADDR", ""))) and _is_here(_name(environ))

    def turned_away(self) -> str:
        """What to tell those who are not, as a sentence."""
        if self.token is not None:
            return "Send the token of SPRINTWARDEN_METRICS_TOKEN as `Authorization: Bearer …`."
        return (
            "This is told on the service's own machine only. To ask from elsewhere, or through a proxy, set "
            "SPRINTWARDEN_METRICS_TOKEN or SPRINTWARDEN_METRICS_TOKEN_FILE there and send it as "
            "`Authorization: Bearer …`."
        )


def _name(environ: Mapping[str, Any]) -> str:
    """The host that was asked for, without its port; empty where that cannot be told."""
    try:
        return urlsplit(f"//{environ.get('HTTP_HOST', _HERE)}").hostname or ""
    except ValueError:
        return ""


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == _HERE
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
