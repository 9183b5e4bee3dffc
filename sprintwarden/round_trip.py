"""The way in, proven: a signed delivery of our own to the public address, and what its answer tells.

It names an event that no tracker sends, so the service takes it for genuine, notes it and does nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from rules.connection_schema import WebhookAuth
from rules.connections import Connection, Webhook
from sprintwarden.findings import address
from trackers.model import TrackerKind
from trackers.probe import Finding, Level
from webhook_app.intake import OWN_EVENT

ABOUT: Final = "way in"
PATIENCE_S: Final = 10.0
_MOST_BYTES: Final = 64 * 1024
_RESTART: Final = "Restart the service's processes: connections.yaml and its secrets are read at the start."


@dataclass(frozen=True, slots=True)
class Knock:
    """A delivery of ours, ready to be sent."""

    url: str
    """May hold a token: never shown."""
    body: bytes
    headers: dict[str, str]
    auth: tuple[str, str] | None = None

    @property
    def digest(self) -> str:
        """By which the service notes it."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as far as it decides anything."""

    status: int
    kind: str
    """The content type without parameters."""
    server: str
    """Whoever says to have answered; a proxy often does."""
    told: dict[str, Any]
    """The JSON, where it is an object."""


def knock(connection: Connection, webhook: Webhook, public_url: str) -> Knock:
    """A delivery for ``connection``, proven in the way and with the first secret that ``webhook`` names."""
    nonce = secrets.token_hex(8)
    now = int(time.time() * 1000)
    if connection.tracker is TrackerKind.LINEAR:
        body = orjson.dumps({"type": OWN_EVENT, "action": "test", "nonce": nonce, "webhookTimestamp": now})
    else:
        body = orjson.dumps({"webhookEvent": OWN_EVENT, "nonce": nonce, "timestamp": now})
    url = address(public_url, connection.name)
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    secret = webhook.secrets[0].reveal()
    match webhook.auth:
        case WebhookAuth.BASIC:
            return Knock(url, body, headers, (webhook.user or "", secret))
        case WebhookAuth.TOKEN:
            return Knock(f"{url}?{urlencode({'token': secret})}", body, headers)
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    if connection.tracker is TrackerKind.LINEAR:
        return Knock(url, body, headers | {"Linear-Signature": signature})
    return Knock(url, body, headers | {"X-Hub-Signature": f"sha256={signature}"})


def send(delivery: Knock, patience: float = PATIENCE_S) -> Answer | Finding:
    """Deliver it, to that address alone; a Finding when there is no whole answer within ``patience``."""
    future: Future[Answer | Finding] = Future()

    def run() -> None:
        try:
            future.set_result(_exchange(delivery, patience))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    # HTTP's own time limits hold for each byte: an answer may drip in for ever.
    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(patience)
    except TimeoutError:
        return _late(delivery.url)


def _exchange(delivery: Knock, patience: float) -> Answer | Finding:
    try:
        with (
            httpx.Client(timeout=patience, follow_redirects=False, trust_env=False) as http,
            http.stream(
                "POST", delivery.url, content=delivery.body, headers=delivery.headers, auth=delivery.auth
            ) as response,
        ):
            # As it comes: what is packed all the same is no answer of ours.
            start = next(response.iter_raw(_MOST_BYTES), b"")
    except httpx.HTTPError as error:
        return _unanswered(error, delivery.url)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        told = orjson.loads(start)
    except ValueError:
        told = None
    server = response.headers.get("server", "")[:60]
    return Answer(response.status_code, kind, server, told if isinstance(told, dict) else {})


def _unanswered(error: httpx.HTTPError, url: str) -> Finding:
    where = urlsplit(url).hostname or ""
    if isinstance(error, httpx.ConnectTimeout | httpx.ReadTimeout | httpx.WriteTimeout):
        return _late(url)
    if "CERTIFICATE" in str(error).upper():
        return Finding(
            Level.FAIL,
            ABOUT,
            f"The certificate of {where} is not accepted: trackers will not accept it either.",
            "Give the proxy a valid certificate for this name, with its intermediate ones.",
        )
    if "SSL" in str(error).upper():
        return _fail(f"{where} does not speak TLS on that port.", "Put a proxy with TLS there.")
    return Finding(
        Level.FAIL,
        ABOUT,
        f"{where} cannot be connected to ({type(error).__name__}).",
        "Check SPRINTWARDEN_PUBLIC_URL, the name in the DNS, and that proxy and web process run.",
    )


def _late(url: str) -> Finding:
    return _fail(
        f"{urlsplit(url).hostname or ''} did not answer in time.",
        "Open the port in the firewall, and check that the proxy reaches the web process.",
    )


def judged(answer: Answer, *, noted: bool | None) -> Finding:
    """What an answer proves. ``noted`` is whether the delivery stands in the service's notes in Redis."""
    reason = str(answer.told.get("reason", ""))
    if answer.status == 200 and answer.told.get("status") == "ignored":
        return _arrived(noted)
    if 300 <= answer.status < 400:
        return _fail(
            f"The address answers with a redirect ({answer.status}), which no tracker follows.",
            "Set SPRINTWARDEN_PUBLIC_URL and the webhook to the final address (https, no other host).",
        )
    if answer.told.get("status") != "refused":
        return _not_ours(answer)
    if answer.status == 404:
        return _fail("The service does not know this connection.", _RESTART)
    if reason in ("bad_signature", "bad_credentials", "missing_credentials"):
        return _fail(
            f"The service refuses our proof ({reason}): it holds another secret than this command, or a "
            "proxy changes the body or takes the header out.",
            f"{_RESTART} Let every process and this command see the same secret.",
        )
    if reason in ("too_old", "in_future"):
        return _fail(
            f"The service takes our delivery for {reason.replace('_', ' ')}.",
            "Set the clocks of this machine and the service's by NTP.",
        )
    detail = str(answer.told.get("detail", ""))[:300]
    fix = "Start Redis or mend REDIS_URL of the web process." if answer.status == 503 else None
    return _fail(f"The service refuses ({answer.status}{f' {reason}' if reason else ''}): {detail}", fix)


def _arrived(noted: bool | None) -> Finding:
    if noted is None:
        return Finding(
            Level.WARN,
            ABOUT,
            "A signed delivery was taken; whether by this service cannot be seen without its Redis.",
            "Run this again when the service's Redis answers this command, too (REDIS_URL).",
        )
    if not noted:
        return _fail(
            "A service answered as ours would, but the delivery is not in this command's Redis.",
            "Give this command the REDIS_URL of the web process, or mend the address.",
        )
    return Finding(
        Level.OK,
        ABOUT,
        "A signed delivery of ours arrived: the address, whatever stands before the service, and the "
        "secret are right.",
    )


def _not_ours(answer: Answer) -> Finding:
    by = f", from {answer.server}" if answer.server else ""
    if answer.status in (502, 503, 504):
        return _fail(
            f"A proxy answers {answer.status}{by}: it does not reach the service.",
            "Start the web process and check the address the proxy passes requests to.",
        )
    if answer.status in (401, 403):
        return _fail(
            f"Something before the service wants a login ({answer.status}{by}).",
            "Let requests to /webhooks/ through without one: they are signed.",
        )
    if answer.status in (404, 405):
        return _fail(
            f"Something else answers there ({answer.status}{by}): the path does not lead to the service.",
            "Have the proxy pass /webhooks/ on as it is.",
        )
    if answer.status == 413:
        return _fail(f"A proxy takes no body of this size{by}.", "Allow bodies of 5 MiB for /webhooks/.")
    page = "a web page" if answer.kind == "text/html" else answer.kind or "nothing that could be read"
    return _fail(
        f"Something else answers there: {answer.status} with {page}{by}.",
        "Have the proxy pass /webhooks/ on to the service, without a login page or a notice before it.",
    )


def _fail(sentence: str, fix: str | None) -> Finding:
    return Finding(Level.FAIL, ABOUT, sentence, fix)
