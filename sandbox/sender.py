"""Deliver webhooks: sign, post, try again, and remember what was sent.

The bytes of a delivery are fixed when it is queued; retries and repeats carry the same ones.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx

_THREADS = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Where webhooks go and how the receiver tells that they are genuine.

    ``auth`` is ``signature`` (the secret signs the body), ``basic`` (the secret is
    ``user:password``) or ``token`` (the secret is appended to the URL as ``?token=``).
    """

    url: str
    secret: str = ""
    auth: str = "signature"

    def __post_init__(self) -> None:
        if self.auth not in ("signature", "basic", "token"):
            raise ValueError(f"unknown webhook auth {self.auth!r}; known: signature, basic, token")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands: ``status`` is that of the newest attempt, None for no answer."""

    n: int
    event: str
    digest: str
    """SHA-256 of the body, hex."""
    status: int | None = None
    attempts: int = 0
    answer: dict[str, Any] | None = None
    """What the receiver answered, where that was a JSON object."""
    body: bytes = b""
    queued: float = 0.0
    """In seconds since 1970."""
    took: float = 0.0
    """Seconds that the receiver took to answer the newest attempt."""


@dataclass(frozen=True, slots=True)
class _Parcel:
    target: Target
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    forged: bool = False


def retry_unless_200(status: int) -> bool:
    """The strict habit: any answer but 200 is tried again."""
    return status != 200


class Sender:
    """A queue of deliveries worked off by a few daemon threads, started with the first one.

    ``sign`` makes the signature headers of a body for a target. ``retries`` are the waits, in
    seconds, before each further attempt. ``retry_on`` says which statuses are tried again (no
    answer at all always is); ``retry_header`` names a header that carries the number of the retry.
    """

    def __init__(
        self,
        sign: Callable[[bytes, Target], dict[str, str]],
        retries: Sequence[float],
        *,
        retry_on: Callable[[int], bool] = retry_unless_200,
        retry_header: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._sign = sign
        self._retries = tuple(retries)
        self._retry_on = retry_on
        self._retry_header = retry_header
        self._timeout = timeout
        self._lock = threading.Condition()
        self._target: Target | None = None
        self._deliveries: list[Delivery] = []
        self._parcels: dict[int, _Parcel] = {}
        self._due: list[tuple[float, int]] = []
        self._at_work = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._client: httpx.Client | None = None

    def set_target(self, target: Target | None) -> None:
        """Where events go from now on; None switches the webhook off."""
        with self._lock:
            self._target = target

    @property
    def target(self) -> Target | None:
        """Where events go at present."""
        with self._lock:
            return self._target

    def send(
        self, event: str, body: bytes, headers: dict[str, str], target: Target | None = None
    ) -> int | None:
        """Queue a delivery, to ``target`` or where events go, and give its number; None (and nothing kept)
        when that is nowhere."""
        return self._queue(event, body, headers, forged=False, target=target)

    def forge(self, event: str, body: bytes, headers: dict[str, str]) -> int | None:
        """Queue a delivery whose signature (or password, or token) is wrong."""
        return self._queue(event, body, headers, forged=True)

    def again(self, n: int, forged: bool = False) -> int | None:
        """Send the very same bytes and headers of delivery ``n`` as a new delivery.

        Raises LookupError for a number that was never sent.
        """
        with self._lock:
            if n not in self._parcels:
                raise LookupError(f"there is no delivery {n}")
            parcel, event = self._parcels[n], self._deliveries[n - 1].event
        return self._queue(event, parcel.body, parcel.headers, forged=forged)

    def deliveries(self) -> list[Delivery]:
        """All deliveries, oldest first."""
        with self._lock:
            return list(self._deliveries)

    def pending(self) -> int:
        """How many deliveries wait, are under way, or wait for a retry."""
        with self._lock:
            return len(self._due) + self._at_work

    def sent(self) -> int:
        """How many deliveries there have been."""
        with self._lock:
            return len(self._deliveries)

    def close(self) -> None:
        """Give up what waits and end the threads."""
        with self._lock:
            self._closed = True
            self._due.clear()
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(self._timeout)
        if self._client is not None:
            self._client.close()

    def _queue(
        self,
        event: str,
        body: bytes,
        headers: Mapping[str, str],
        forged: bool,
        target: Target | None = None,
    ) -> int | None:
        with self._lock:
            target = target or self._target
            if target is None or self._closed:
                return None
            n = len(self._deliveries) + 1
            self._deliveries.append(
                Delivery(n, event, hashlib.sha256(body).hexdigest(), body=body, queued=time.time())
            )
            self._parcels[n] = _Parcel(target, body, dict(headers), forged)
            heapq.heappush(self._due, (time.monotonic(), n))
            self._start()
            self._lock.notify()
            return n

    def _start(self) -> None:
        if self._threads:
            return
        self._client = httpx.Client(timeout=self._timeout, trust_env=False)
        for number in range(_THREADS):
            thread = threading.Thread(target=self._work, daemon=True, name=f"sandbox-sender-{number}")
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (n := self._next()) is not None:
            begun = time.perf_counter()
            status, answer = self._attempt(n)
            self._settle(n, status, answer, time.perf_counter() - begun)

    def _next(self) -> int | None:
        with self._lock:
            while not self._closed:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    self._at_work += 1
                    return heapq.heappop(self._due)[1]
                self._lock.wait(self._due[0][0] - now if self._due else None)
            return None

    def _attempt(self, n: int) -> tuple[int | None, dict[str, Any] | None]:
        assert self._client is not None
        parcel = self._parcels[n]
        retry = self._deliveries[n - 1].attempts
        headers = dict(parcel.headers)
        if retry and self._retry_header:
            headers[self._retry_header] = str(retry)
        url, proof = self._proof(parcel)
        try:
            response = self._client.post(url, content=parcel.body, headers=headers | proof)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None, None
        return response.status_code, _json_object(response)

    def _proof(self, parcel: _Parcel) -> tuple[str, dict[str, str]]:
        target = parcel.target
        secret = f"{target.secret}-forged" if parcel.forged else target.secret
        if target.auth == "basic":
            coded = base64.b64encode(secret.encode()).decode()
            return target.url, {"Authorization": f"Basic {coded}"}
        if target.auth == "token":
            joint = "&" if "?" in target.url else "?"
            return f"{target.url}{joint}token={quote(secret, safe='')}", {}
        if not target.secret:
            return target.url, {}
        signed = self._sign(parcel.body, target)
        if parcel.forged:
            signed = {name: _flipped(value) for name, value in signed.items()}
        return target.url, signed

    def _settle(self, n: int, status: int | None, answer: dict[str, Any] | None, took: float) -> None:
        with self._lock:
            delivery = self._deliveries[n - 1]
            attempts = delivery.attempts + 1
            self._deliveries[n - 1] = replace(
                delivery, status=status, attempts=attempts, answer=answer, took=took
            )
            failed = status is None or self._retry_on(status)
            if failed and attempts <= len(self._retries) and not self._closed:
                heapq.heappush(self._due, (time.monotonic() + self._retries[attempts - 1], n))
                self._lock.notify()
            self._at_work -= 1


def _flipped(signature: str) -> str:
    return signature[:-1] + ("0" if signature[-1:] != "0" else "1")


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        data = response.json()
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
