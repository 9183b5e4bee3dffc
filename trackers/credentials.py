"""Proof that a delivery comes from who it says: shared secrets, several at once for rotation.

Every check looks at all secrets before it answers and compares in constant time, so that the
time taken tells nothing about which secret was nearly right. An empty secret never matches.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode
from collections.abc import Sequence

from trackers.model import Refused, RefusedBecause


def verify_basic(header: str | None, secrets: Sequence[tuple[str, str]]) -> None:
    """Check an ``Authorization`` header against pairs of user name and password (RFC 7617).

    Raises Refused with MISSING_CREDENTIALS when there is no header, with BAD_CREDENTIALS when it
    is not Basic, cannot be decoded, or names no pair we know.
    """
    if header is None or not header.strip():
        raise Refused(
            RefusedBecause.MISSING_CREDENTIALS,
            "There is no Authorization header. Set this connection's user name and password on the webhook.",
        )
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise Refused(
            RefusedBecause.BAD_CREDENTIALS,
            "The Authorization header is not of the kind Basic, which is what this connection expects.",
        )
    try:
        given = b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(
            RefusedBecause.BAD_CREDENTIALS,
            "The Authorization header cannot be decoded. Enter the webhook's user name and password again.",
        ) from None
    known = [f"{user}:{password}".encode() for user, password in secrets if password]
    if not _matches_any(given, known):
        raise Refused(
            RefusedBecause.BAD_CREDENTIALS,
            "The user name or password is not one of this connection's. Set them again on the webhook.",
        )


def verify_token(token: str | None, secrets: Sequence[str]) -> None:
    """Check a token taken from the address or a header against the connection's tokens.

    Raises Refused with MISSING_CREDENTIALS or BAD_CREDENTIALS.
    """
    if token is None or not token:
        raise Refused(
            RefusedBecause.MISSING_CREDENTIALS,
            "There is no token. Use the webhook address that belongs to this connection, token included.",
        )
    if not _matches_any(token.encode("utf-8", "replace"), [secret.encode() for secret in secrets if secret]):
        raise Refused(
            RefusedBecause.BAD_CREDENTIALS,
            "The token is not one of this connection's. Copy the webhook address again, token included.",
        )


def signed_by_any(body: bytes, signature: str, method: str, secrets: Sequence[bytes]) -> bool:
    """Whether ``signature`` is the lower-case hex HMAC of ``body`` under any of the secrets.

    ``method`` is a hash that :mod:`hashlib` knows; the caller decides which ones it allows.
    """
    given = signature.encode("utf-8", "replace")
    found = False
    for secret in secrets:
        if secret:
            expected = hmac.digest(secret, body, method).hex().encode("ascii")
            found |= hmac.compare_digest(given, expected)
    return found


def _matches_any(given: bytes, known: Sequence[bytes]) -> bool:
    # Comparing digests, not the values, keeps a secret's length from showing in the time.
    digest = hashlib.sha256(given).digest()
    found = False
    for secret in known:
        found |= hmac.compare_digest(digest, hashlib.sha256(secret).digest())
    return found
