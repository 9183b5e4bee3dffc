"""Trials of edited rules files, asked for in the console and carried out by a bulk worker.

Nothing of a trial outlives ``keys.TRIAL_LIFE``. Its result names issues by their keys, so all trials of a
connection are forgotten as soon as one of its issues is deleted.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline

from store import keys
from store.connect import lua, ms, now_ms

MOST: Final = 3
"""Trials that may be under way at once: bulk workers have other work, too."""
SILENT: Final = timedelta(seconds=45)
"""After this without a sign a trial's worker is taken for dead; one that lives gives several meanwhile."""
_LISTED: Final = 20
"""Of those that are over, the oldest make room for new ones."""

_ASKED, _CALLED, _BEGAN, _SIGN, _ENDED = "asked", "called", "began", "sign", "ended"
"""Fields that hold a moment (ms)."""
_TEXT, _RESULT = "text", "result"
_HEAD: Final = ("connection", "last", "by", _ASKED, _BEGAN, _SIGN, "issues", "doing", "why")
"""What is small: a text or a result may have hundreds of kilobytes."""


class State(StrEnum):
    """How far a trial is."""

    WAITING = "waiting"
    """For a bulk worker."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    """Its worker died over it."""

    @property
    def is_under_way(self) -> bool:
        return self in (State.WAITING, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be tried."""

    connection: str
    text: str
    """Of a rules file, which is good."""
    last: int
    """Over how many of the newest issues."""
    by: str
    """Who asked."""


@dataclass(frozen=True, slots=True)
class Head:
    """A trial as it stands, without its text and what came of it."""

    id: str
    connection: str
    last: int
    """Over how many of the newest issues at most."""
    by: str
    """Who asked."""
    asked: datetime
    state: State
    issues: int = 0
    """Looked at so far."""
    doing: str = ""
    """What its worker is at, in a sentence."""
    why: str = ""
    """It came to nothing, in a sentence."""


@dataclass(frozen=True, slots=True)
class Trial:
    """All of a trial."""

    head: Head
    text: str
    """Of the rules file that is tried."""
    result: Mapping[str, Any] | None = None
    """JSON, as the worker made it."""


class TooMany(Exception):
    """``MOST`` trials are under way already."""


class Trials:
    """All trials. Every method is two round trips at most unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._told = redis.register_script(lua("tell"))

    def ask(self, wish: Wish) -> Head:
        """Ask for a trial. Raises TooMany. Six round trips, and again where somebody else asks at the same
        moment."""

        id_, now = secrets.token_urlsafe(12), now_ms(self._redis.time())
        fields = {
            "connection": wish.connection,
            "last": str(wish.last),
            "by": wish.by,
            _ASKED: str(now),
            _TEXT: wish.text,
        }

        def add(pipe: Pipeline) -> None:
            before = self.listed()
            if sum(head.state.is_under_way for head in before) >= MOST:
                raise TooMany
            # One that is listed no more would escape `forget`, so it goes whole.
            crowded_out = [head.id for head in before[_LISTED - 1 :] if not head.state.is_under_way]
            pipe.multi()
            pipe.hset(keys.trial(id_), items=list(chain.from_iterable(fields.items())))
            pipe.pexpire(keys.trial(id_), keys.TRIAL_LIFE)
            pipe.zadd(keys.TRIALS, {id_: now})
            pipe.zremrangebyscore(keys.TRIALS, "-inf", now - ms(keys.TRIAL_LIFE))
            if crowded_out:
                pipe.delete(*map(keys.trial, crowded_out))
                pipe.zrem(keys.TRIALS, *crowded_out)
            pipe.pexpire(keys.TRIALS, keys.TRIAL_LIFE)

        self._redis.transaction(add, keys.TRIALS)
        at = datetime.fromtimestamp(now / 1000, UTC)
        return Head(id_, wish.connection, wish.last, wish.by, at, State.WAITING)

    def find(self, id_: str) -> Trial | None:
        """A trial; None when there is none, or none any more."""
        ((head, more),) = self._read([id_], (_TEXT, _RESULT))
        text, result = more
        if head is None or text is None:
            return None
        return Trial(head, text, json.loads(result) if result is not None else None)

    def listed(self) -> list[Head]:
        """The trials there are, newest first."""
        ids = cast("list[str]", self._redis.zrevrange(keys.TRIALS, 0, -1))
        return [head for head, _ in self._read(ids) if head is not None]

    def waiting(self) -> dict[str, timedelta | None]:
        """The trials that no worker has begun with → how long ago one was called, if one was."""
        ids = cast("list[str]", self._redis.zrange(keys.TRIALS, 0, -1))
        if not ids:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        for id_ in ids:
            pipe.hmget(keys.trial(id_), _ASKED, _CALLED, _BEGAN, _ENDED)
        time, *answers = pipe.execute()
        now, found = now_ms(time), dict[str, timedelta | None]()
        for id_, (asked, called, began, ended) in zip(ids, answers, strict=True):
            if asked is not None and began is None and ended is None:
                found[id_] = timedelta(milliseconds=now - int(called)) if called is not None else None
        return found

    def note_called(self, id_: str) -> None:
        """A worker was called to it."""
        self._tell(id_, _CALLED)

    def begin(self, id_: str) -> Trial | None:
        """The trial, for the one worker that may carry it out; None for every other."""
        return self.find(id_) if self._tell(id_, _BEGAN, once=True) else None

    def note(self, id_: str, issues: int, doing: str) -> None:
        """How far its worker is, and that it lives."""
        self._tell(id_, _SIGN, issues=str(issues), doing=doing)

    def note_alive(self, id_: str) -> None:
        """That its worker lives."""
        self._tell(id_, _SIGN)

    def keep(self, id_: str, result: Mapping[str, Any]) -> None:
        """What came of it; JSON. The first end counts, be it this or ``fail``."""
        self._tell(id_, _ENDED, once=True, result=json.dumps(result, default=str))

    def fail(self, id_: str, why: str) -> None:
        """That nothing came of it; ``why`` is a sentence."""
        self._tell(id_, _ENDED, once=True, why=why)

    def forget(self, connection: str) -> None:
        """Drop every trial of a connection: it may name an issue that was deleted. Three round trips."""
        ids = cast("list[str]", self._redis.zrange(keys.TRIALS, 0, -1))
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipe.hget(keys.trial(id_), "connection")
        gone = [id_ for id_, of in zip(ids, pipe.execute(), strict=True) if of == connection]
        if gone:
            pipe = self._redis.pipeline()
            pipe.delete(*map(keys.trial, gone))
            pipe.zrem(keys.TRIALS, *gone)
            pipe.execute()

    def _read(
        self, ids: Iterable[str], more: tuple[str, ...] = ()
    ) -> list[tuple[Head | None, list[str | None]]]:
        """The head of each, None of one that is gone, with the fields ``more``."""
        names = list(ids)
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        for id_ in names:
            pipe.hmget(keys.trial(id_), *_HEAD, *more)
            pipe.hexists(keys.trial(id_), _RESULT)
        time, *raw = pipe.execute()
        now = now_ms(time)
        return [
            (_head(id_, dict(zip(_HEAD, values, strict=False)), is_done, now), values[len(_HEAD) :])
            for id_, values, is_done in zip(names, raw[::2], raw[1::2], strict=True)
        ]

    def _tell(self, id_: str, moment: str, *, once: bool = False, **fields: str) -> bool:
        """Set ``moment`` to now, and ``fields``; of a trial that is gone nothing is kept. With ``once``
        nothing is set where ``moment`` is set already. Whether anything was."""
        args: list[str | int] = [moment, int(once), *chain.from_iterable(fields.items())]
        return bool(self._told(keys=[keys.trial(id_)], args=args))


def _head(id_: str, fields: Mapping[str, str | None], is_done: bool, now: int) -> Head | None:
    connection, by, asked = fields["connection"], fields["by"], fields[_ASKED]
    if connection is None or by is None or asked is None:
        return None
    return Head(
        id_,
        connection,
        int(fields["last"] or 0),
        by,
        datetime.fromtimestamp(int(asked) / 1000, UTC),
        State.DONE if is_done else _state(fields, now),
        int(fields["issues"] or 0),
        fields["doing"] or "",
        fields["why"] or "",
    )


def _state(fields: Mapping[str, str | None], now: int) -> State:
    # Not by when it ended: releases before did not tell that.
    if fields["why"] is not None:
        return State.FAILED
    sign = fields[_SIGN] or fields[_BEGAN]
    if sign is None:
        return State.WAITING
    return State.RUNNING if now - int(sign) <= ms(SILENT) else State.LOST
