"""Who is logged in: random ids in signed cookies, each with a row in Redis that log-out deletes."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, cast

from itsdangerous import BadSignature, TimestampSigner
from redis import Redis

from rules.secret import Secret
from store import keys

LIFE: Final = timedelta(hours=12)
"""From log-in, however busy the session is."""
BROWSER_LIFE: Final = timedelta(days=180)
"""How long a browser is remembered to have logged in once; see ``attempts``."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who may see the console, for one request."""

    user: str
    key: bytes = field(repr=False)
    session: str | None = field(default=None, repr=False)
    """Digest of the session's id; None where a proxy says who it is."""

    @property
    def csrf(self) -> str:
        """The token of this session's forms; where a proxy logs people in, that of its user's."""
        bound = f"session {self.session}" if self.session else f"user {self.user}"
        return _mac(self.key, f"csrf {bound}")

    def seal(self, text: str) -> str:
        """Text that goes through the browser and comes back unchanged, or not at all."""
        return _signer(self.key, "said").sign(text).decode()

    def unseal(self, sealed: str, seconds: int) -> str | None:
        """What was sealed in the last ``seconds``; None when it was not by us."""
        return _unsigned(_signer(self.key, "said"), sealed, seconds)


class Sessions:
    """The sessions of all web processes. ``password`` is the hash people log in against."""

    def __init__(self, redis: Redis, password: Secret | None) -> None:
        self._redis = redis
        self._password = password

    def key(self) -> bytes:
        """The key of all signatures, made at first need. One round trip, then.

        It is not kept in memory: processes must agree after Redis was emptied.
        """
        held = cast("str | None", self._redis.get(keys.CONSOLE_KEY))
        if held is None:
            # Only then is it written: a Redis that is full can be looked at all the same.
            self._redis.set(keys.CONSOLE_KEY, secrets.token_hex(32), nx=True)
            held = cast("str", self._redis.get(keys.CONSOLE_KEY))
        return bytes.fromhex(held)

    def begin(self, user: str) -> str:
        """Log somebody in; gives the cookie's value."""
        id_, key = secrets.token_urlsafe(32), self.key()
        row = json.dumps({"user": user, "password": self._fingerprint(key)})
        self._redis.set(keys.console_session(_digest(id_)), row, ex=keys.CONSOLE_IDLE)
        return _signer(key, "session").sign(id_).decode()

    def find(self, cookie: str, *, renew: bool = True) -> Visit | None:
        """Whose cookie it is; None for one that is forged, too old, idle for too long or logged out.

        A session whose password was changed since has ended too. With ``renew`` it was not idle.
        """
        key = self.key()
        id_ = _unsigned(_signer(key, "session"), cookie, int(LIFE.total_seconds()))
        if id_ is None or self._password is None:
            return None
        name = keys.console_session(_digest(id_))
        pipe = self._redis.pipeline()
        pipe.get(name)
        if renew:
            pipe.expire(name, keys.CONSOLE_IDLE)
        text = pipe.execute()[0]
        row: Mapping[str, str] = json.loads(text) if text else {}
        if not hmac.compare_digest(row.get("password", ""), self._fingerprint(key)):
            return None
        return Visit(row["user"], key, _digest(id_))

    def end(self, visit: Visit) -> None:
        """Log out: the cookie is worth nothing from now on."""
        if visit.session:
            self._redis.delete(keys.console_session(visit.session))

    def mark_browser(self) -> str:
        """The value of a cookie that tells a browser somebody has logged in with, by this password."""
        return self._marks().sign(secrets.token_urlsafe(16)).decode()

    def browser(self, cookie: str) -> str | None:
        """What ``mark_browser`` named the browser that shows this cookie."""
        return _unsigned(self._marks(), cookie, int(BROWSER_LIFE.total_seconds()))

    def _marks(self) -> TimestampSigner:
        # Who knew the password before may be the one whom it was changed for.
        key = self.key()
        return _signer(key, f"browser {self._fingerprint(key)}")

    def _fingerprint(self, key: bytes) -> str:
        return _mac(key, f"password {self._password.reveal() if self._password else ''}")


def _signer(key: bytes, purpose: str) -> TimestampSigner:
    return TimestampSigner(
        key, salt=f"sprintwarden console {purpose}", key_derivation="hmac", digest_method=hashlib.sha256
    )


def _unsigned(signer: TimestampSigner, signed: str, seconds: int) -> str | None:
    try:
        return signer.unsign(signed, max_age=seconds).decode()
    except (BadSignature, UnicodeError):
        return None


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _digest(id_: str) -> str:
    """What Redis holds of an id: who reads Redis cannot take over a session."""
    return hashlib.sha256(id_.encode()).hexdigest()
