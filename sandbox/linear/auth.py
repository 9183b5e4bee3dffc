"""Who asks: personal keys, and tokens of the client-credentials grant.

A key is sent bare, a token after ``Bearer`` (linear.app/developers/oauth-2-0-authentication).
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.linear.config import LinearConfig
from sandbox.linear.entities import User
from sandbox.linear.limits import Budget


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller: the user it acts as, its kind of credential, its budget."""

    user: User
    kind: str
    budget: Budget


class Door:
    """Knows which credentials are good at present; thread-safe."""

    def __init__(self, config: LinearConfig, key_user: User, app_user: User) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}
        self._key_good = True
        self._by_key = Identity(key_user, "apiKey", Budget(config.requests_limit, config.complexity_limit))
        self._by_token = Identity(
            app_user, "oauthApp", Budget(config.oauth_requests_limit, config.oauth_complexity_limit)
        )

    def identify(self, authorization: str) -> Identity | None:
        """The caller behind an ``Authorization`` header; None where it is not (any more) good."""
        with self._lock:
            if self._key_good and secrets.compare_digest(authorization.encode(), self._config.token.encode()):
                return self._by_key
            scheme, _, token = authorization.partition(" ")
            if scheme == "Bearer" and self._tokens.get(token, 0) > time.monotonic():
                return self._by_token
            return None

    def grant(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, object]]:
        """Answer a token request: the HTTP status and the JSON body (RFC 6749, section 4.4)."""
        client = (form.get("client_id", ""), form.get("client_secret", ""))
        if authorization.startswith("Basic "):
            client = _basic(authorization[len("Basic ") :])
        if client != (self._config.client_id, self._config.client_secret):
            return 401, {"error": "invalid_client", "error_description": "Unknown client or wrong secret."}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "Use client_credentials."}
        token = f"lin_oauth_{secrets.token_hex(24)}"
        with self._lock:
            self._tokens[token] = time.monotonic() + self._config.token_lifetime
        return 200, {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(self._config.token_lifetime),
            "scope": form.get("scope") or "read write",
        }

    def revoke(self, *, key: bool = True, tokens: bool = True) -> None:
        """Refuse the key and all tokens given so far; new tokens can still be had."""
        with self._lock:
            if key:
                self._key_good = False
            if tokens:
                self._tokens.clear()

    def restore(self) -> None:
        """Let the personal key in again."""
        with self._lock:
            self._key_good = True

    def drain(self, limit: str) -> None:
        """Use up a budget of all callers, ``requests`` or ``complexity``."""
        for identity in (self._by_key, self._by_token):
            identity.budget.drain(limit)


def _basic(coded: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(coded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret
