"""The receiver's way into the store: one script and one round trip per delivery.

The web process spends more time in its Redis client than in anything it does itself, so each of
its threads keeps one connection and sends the packed command straight over it. Everything the
receiver stores goes through here; whoever is not answering webhooks uses ``Inbox``.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, Protocol, cast

import orjson
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from store import keys
from store.connect import lua
from trackers.model import Hint

HANGING_S: Final = 0.5
"""After a time-out, how long Redis is not asked again."""
REPLICAS_MS: Final = 400
"""How long a delivery waits for replicas to hold it; shorter than the receiver's patience for an answer."""
_CLAIM_LIFE_MS: Final = int(keys.CLAIM_LIFE.total_seconds() * 1000)
_DOOR_LIFE_MS: Final = int(keys.DOOR_LIFE.total_seconds() * 1000)


class NotStored(Exception):
    """Redis did not take it: down, hanging, full, read-only or loading; or too few replicas have it yet.

    Nothing is half stored, and what is sent again is worked once.
    """


class _Line(Protocol):
    """The part of a redis-py connection used here."""

    def send_command(self, *args: str | int | bytes) -> object: ...

    def read_response(self) -> object: ...

    def disconnect(self) -> object: ...


class _Script:
    def __init__(self, name: str) -> None:
        self.text = lua(name)
        # Redis names a loaded script by its SHA-1; nothing here rests on its strength.
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Door:
    """Stores deliveries for ``webhook_app``. Thread-safe: each thread has its own connection."""

    def __init__(self, redis: Redis, replicas: int = 0) -> None:
        """``replicas`` is how many of them must hold a delivery before it counts as stored."""
        self._pool = redis.connection_pool
        self._replicas = replicas
        self._local = threading.local()
        self._hanging_until = 0.0
        self._offer = _Script("offer")
        self._note = _Script("note")

    def offer(
        self, connection: str, digest: str, hints: Sequence[Hint], settle_ms: Sequence[int], ceiling_ms: int
    ) -> bool:
        """Claim a body and store its hints, both or neither; False when it was seen before.

        Either way the connection's tracker was heard. ``settle_ms`` has one entry per hint. Raises NotStored.
        """
        claim = keys.claim(connection, digest)
        args: list[str | int | bytes] = [claim, keys.PREFIX, _CLAIM_LIFE_MS, connection]
        for hint, settle in zip(hints, settle_ms, strict=True):
            args += [str(hint.subject), settle, ceiling_ms, orjson.dumps(hint.to_json())]
        return bool(self._call(self._offer, args, self._replicas))

    def note(self, book: str, note: dict[str, str], heard: str = "") -> None:
        """Keep a note of a delivery that led to nothing in a list of its own name.

        ``heard`` is the connection of whose tracker it came for certain. Raises NotStored.
        """
        args: list[str | int | bytes] = [keys.door(book), keys.PREFIX, heard, orjson.dumps(note)]
        self._call(self._note, [*args, keys.DOOR_KEPT, _DOOR_LIFE_MS])

    def _call(self, script: _Script, args: Sequence[str | int | bytes], replicas: int = 0) -> object:
        if time.monotonic() < self._hanging_until:
            raise NotStored("Redis did not answer a moment ago")
        try:
            return self._send(script, args, replicas)
        except RedisConnectionError:
            # An idle connection may have been closed under us. Asking once more is safe: the claim
            # makes a repeated offer a duplicate of itself. A time-out is not repeated: it has cost
            # the sender's patience already.
            self._drop()
        except RedisError as error:
            raise self._failed(error) from error
        try:
            return self._send(script, args, replicas)
        except RedisError as error:
            raise self._failed(error) from error

    def _failed(self, error: RedisError) -> NotStored:
        self._drop()
        if isinstance(error, RedisTimeoutError):
            # Whoever waits behind us must not wait as long again: its sender has little patience.
            self._hanging_until = time.monotonic() + HANGING_S
        return NotStored(_cause(error))

    def _send(self, script: _Script, args: Sequence[str | int | bytes], replicas: int) -> object:
        connection = self._connection()
        connection.send_command("EVALSHA", script.digest, 1, *args)
        try:
            answer = connection.read_response()
        except NoScriptError:
            connection.send_command("EVAL", script.text, 1, *args)
            answer = connection.read_response()
        if replicas:
            self._await_replicas(connection, replicas)
        return answer

    def _await_replicas(self, connection: _Line, replicas: int) -> None:
        """Replication is asynchronous: what only a master holds that fails now is gone. Raises NotStored.

        A duplicate waits too, for the delivery it repeats: both wrote, and replicas keep the order.
        """
        connection.send_command("WAIT", replicas, REPLICAS_MS)
        if int(cast("int", connection.read_response())) < replicas:
            self._hanging_until = time.monotonic() + HANGING_S
            raise NotStored(f"Fewer than {replicas} replicas have it yet")

    def _connection(self) -> _Line:
        line: _Line | None = getattr(self._local, "line", None)
        if line is None:
            line = cast("_Line", self._pool.get_connection())
            self._local.line = line
        return line

    def _drop(self) -> None:
        line: _Line | None = getattr(self._local, "line", None)
        if line is not None:
            line.disconnect()
            self._pool.release(cast("Any", line))
            self._local.line = None


def _cause(error: RedisError) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else 'no answer'}"


def notes(redis: Redis, connection: str) -> list[dict[str, str]]:
    """The newest deliveries of a connection that were ignored or refused, newest first."""
    raw = redis.lrange(keys.door(connection), 0, -1)
    assert isinstance(raw, list)
    return [json.loads(text) for text in raw]


def settle_ms(span: timedelta) -> int:
    """A settle time as the script takes it."""
    return int(span.total_seconds() * 1000)
