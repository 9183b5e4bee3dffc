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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol, Self, cast

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
_SKEW_LIFE_MS: Final = int(keys.SKEW_LIFE.total_seconds() * 1000)

_Arg = str | int | bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a hint waits for others about its subject."""

    settle_ms: int
    """After the last of them."""
    ceiling_ms: int
    """After the first of them, at most."""

    @classmethod
    def of(cls, settle: timedelta, ceiling: timedelta) -> Self:
        """From spans of time."""
        return cls(_ms(settle), _ms(ceiling))


class NotStored(Exception):
    """Redis did not take it: down, hanging, full, read-only or loading; or too few replicas have it yet.

    Nothing is half stored, and what is sent again is worked once.
    """


@dataclass(frozen=True, slots=True)
class Skew:
    """How far our clock seemed ahead of a tracker's when a body of its came."""

    connection: str
    ahead_ms: int
    """Below zero where ours was behind; the time that the body took to come makes it larger."""


class _Line(Protocol):
    """The part of a redis-py connection used here."""

    def send_command(self, *args: _Arg) -> object: ...

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
        # No command is waited for longer, and two of them are all that a sender's patience allows.
        self._patience = float(self._pool.connection_kwargs["socket_timeout"])
        self._openers = ThreadPoolExecutor(thread_name_prefix="redis")
        self._local = threading.local()
        self._hanging_until = 0.0
        self._offer = _Script("offer")
        self._note = _Script("note")

    def offer(
        self,
        connection: str,
        digest: str,
        hints: Sequence[Hint],
        waits: Sequence[Wait],
        skew: Skew | None = None,
    ) -> bool:
        """Claim a body and store its hints, both or neither; False when it was seen before.

        Either way the connection's tracker was heard. ``waits`` has one entry per hint. The ``skew`` of a
        body seen before counts for nothing: it is late. Raises NotStored.
        """
        list_, measured = _measured(skew)
        args: list[_Arg] = [keys.PREFIX, _CLAIM_LIFE_MS, connection, *measured]
        for hint, pause in zip(hints, waits, strict=True):
            args += [str(hint.subject), pause.settle_ms, pause.ceiling_ms, orjson.dumps(hint.to_json())]
        return bool(self._call(self._offer, [keys.claim(connection, digest), *list_], args, self._replicas))

    def note(self, book: str, note: dict[str, str], heard: str = "", skew: Skew | None = None) -> None:
        """Keep a note of a delivery that led to nothing in a list of its own name.

        ``heard`` is the connection of whose tracker it came for certain. Raises NotStored.
        """
        list_, measured = _measured(skew)
        args: list[_Arg] = [keys.PREFIX, heard, orjson.dumps(note), keys.DOOR_KEPT, _DOOR_LIFE_MS]
        self._call(self._note, [keys.door(book), *list_], [*args, *measured])

    def _call(self, script: _Script, names: Sequence[str], args: Sequence[_Arg], replicas: int = 0) -> object:
        now = time.monotonic()
        if now < self._hanging_until:
            raise NotStored("Redis did not answer a moment ago")
        by = now + 2 * self._patience
        try:
            return self._send(script, names, args, replicas, by)
        except RedisConnectionError:
            # An idle connection may have been closed under us. Asking once more is safe: the claim
            # makes a repeated offer a duplicate of itself. A time-out is not repeated: it has cost
            # the sender's patience already.
            self._drop()
        except RedisError as error:
            raise self._failed(error) from error
        try:
            return self._send(script, names, args, replicas, by)
        except RedisError as error:
            raise self._failed(error) from error

    def _failed(self, error: RedisError) -> NotStored:
        self._drop()
        if isinstance(error, RedisTimeoutError):
            # Whoever waits behind us must not wait as long again: its sender has little patience.
            self._hanging_until = time.monotonic() + HANGING_S
        return NotStored(_cause(error))

    def _send(
        self, script: _Script, names: Sequence[str], args: Sequence[_Arg], replicas: int, by: float
    ) -> object:
        line = self._line(by)
        try:
            answer = self._ask(line, by, "EVALSHA", script.digest, len(names), *names, *args)
        except NoScriptError:
            answer = self._ask(line, by, "EVAL", script.text, len(names), *names, *args)
        if replicas:
            self._await_replicas(line, by, replicas)
        return answer

    def _ask(self, line: _Line, by: float, *command: _Arg) -> object:
        """One command and its answer. None is sent whose answer might come after ``by``."""
        if time.monotonic() + self._patience > by:
            raise RedisTimeoutError("Redis is slow, and no time was left to ask it")
        line.send_command(*command)
        return line.read_response()

    def _await_replicas(self, line: _Line, by: float, replicas: int) -> None:
        """Replication is asynchronous: what only a master holds that fails now is gone. Raises NotStored.

        A duplicate waits too, for the delivery it repeats: both wrote, and replicas keep the order.
        """
        if int(cast("int", self._ask(line, by, "WAIT", replicas, REPLICAS_MS))) < replicas:
            self._hanging_until = time.monotonic() + HANGING_S
            raise NotStored(f"Fewer than {replicas} replicas have it yet")

    def _line(self, by: float) -> _Line:
        line: _Line | None = getattr(self._local, "line", None)
        if line is None:
            line = self._local.line = self._opened(by)
        return line

    def _opened(self, by: float) -> _Line:
        """A new line, opened aside: name servers and handshakes may take longer than a sender waits.

        One that opens too late for this delivery serves the thread's next.
        """
        opening: Future[Any] | None = getattr(self._local, "opening", None)
        if opening is None or (opening.done() and opening.exception()):
            opening = self._local.opening = self._openers.submit(self._pool.get_connection)
        wait((opening,), by - self._patience - time.monotonic())
        if not opening.done():
            raise RedisTimeoutError("No connection to Redis yet")
        self._local.opening = None
        return cast("_Line", opening.result())

    def _drop(self) -> None:
        line: _Line | None = getattr(self._local, "line", None)
        if line is not None:
            line.disconnect()
            self._pool.release(cast("Any", line))
            self._local.line = None


def _measured(skew: Skew | None) -> tuple[list[str], list[_Arg]]:
    """The list that a script keeps it in, and the arguments for that; nothing where it is not known."""
    if skew is None:
        return [], []
    return [keys.skew(skew.connection)], [skew.ahead_ms, keys.SKEW_KEPT, _SKEW_LIFE_MS]


def _cause(error: RedisError) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else 'no answer'}"


def notes(redis: Redis, connection: str) -> list[dict[str, str]]:
    """The newest deliveries of a connection that were ignored or refused, newest first."""
    raw = redis.lrange(keys.door(connection), 0, -1)
    assert isinstance(raw, list)
    return [json.loads(text) for text in raw]


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
