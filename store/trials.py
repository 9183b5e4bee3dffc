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

from store import keys
from store.connect import ms, now_ms

MOST: Final = 3
"""Trials that may be under way at once: bulk workers have other work, too."""
SILENT: Final = timedelta(seconds=60)
"""After this without a sign a trial's worker is taken for dead; one that lives tells every few seconds."""
_LISTED: Final = 20
"""Of those that are over, the oldest make room for new ones."""


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
class Trial:
    """A trial as it stands."""

    id: str
    wish: Wish
    asked: datetime
    state: State
    issues: int = 0
    """Looked at so far."""
    doing: str = ""
    """What its worker is at, in a sentence."""
    why: str = ""
    """It came to nothing, in a sentence."""
    result: Mapping[str, Any] | None = None
    """JSON, as the worker made it."""


class TooMany(Exception):
    """``MOST`` trials are under way already."""


class Trials:
    """All trials. Every method is two round trips at most unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def ask(self, wish: Wish) -> Trial:
        """Ask for a trial. Raises TooMany. Up to five round trips."""
        before = self.listed()
        if sum(trial.state.is_under_way for trial in before) >= MOST:
            raise TooMany
        # One that is listed no more would escape `forget`, so it goes whole.
        crowded_out = [trial.id for trial in before[_LISTED - 1 :] if not trial.state.is_under_way]
        id_, now = secrets.token_urlsafe(12), self._now()
        pipe = self._redis.pipeline()
        fields = {
            "connection": wish.connection,
            "text": wish.text,
            "last": str(wish.last),
            "by": wish.by,
            "asked": str(now),
        }
        pipe.hset(keys.trial(id_), items=list(chain.from_iterable(fields.items())))
        pipe.pexpire(keys.trial(id_), keys.TRIAL_LIFE)
        pipe.zadd(keys.TRIALS, {id_: now})
        pipe.zremrangebyscore(keys.TRIALS, "-inf", now - ms(keys.TRIAL_LIFE))
        if crowded_out:
            pipe.delete(*map(keys.trial, crowded_out))
            pipe.zrem(keys.TRIALS, *crowded_out)
        pipe.pexpire(keys.TRIALS, keys.TRIAL_LIFE)
        pipe.execute()
        return _trial(id_, fields, now)

    def find(self, id_: str) -> Trial | None:
        """A trial; None when there is none, or none any more."""
        return next(iter(self._read([id_])), None)

    def listed(self) -> list[Trial]:
        """The trials there are, newest first."""
        ids = cast("list[str]", self._redis.zrevrange(keys.TRIALS, 0, -1))
        return self._read(ids) if ids else []

    def uncalled(self) -> list[str]:
        """The ids of trials that no worker was called to yet."""
        ids = cast("list[str]", self._redis.zrange(keys.TRIALS, 0, -1))
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipe.hmget(keys.trial(id_), "asked", "called")
        answers = cast("list[list[str | None]]", pipe.execute())
        return [
            id_
            for id_, (asked, called) in zip(ids, answers, strict=True)
            if asked is not None and called is None
        ]

    def note_called(self, id_: str) -> None:
        """A worker was called to it."""
        self._tell(id_, {"called": "1"})

    def begin(self, id_: str) -> Trial | None:
        """The trial, for the one worker that may carry it out; None for every other. Four round trips."""
        trial = self.find(id_)
        if trial is None or not self._redis.hsetnx(keys.trial(id_), "began", self._now()):
            return None
        self.note(id_, 0, "")
        return trial

    def note(self, id_: str, issues: int, doing: str) -> None:
        """How far its worker is, and that it lives."""
        self._tell(id_, {"issues": str(issues), "doing": doing, "sign": str(self._now())})

    def keep(self, id_: str, result: Mapping[str, Any]) -> None:
        """What came of it; JSON."""
        self._tell(id_, {"result": json.dumps(result, default=str)})

    def fail(self, id_: str, why: str) -> None:
        """That nothing came of it; ``why`` is a sentence."""
        self._tell(id_, {"why": why})

    def forget(self, connection: str) -> None:
        """Drop every trial of a connection: it may name an issue that was deleted. Three round trips."""
        ids = cast("list[str]", self._redis.zrange(keys.TRIALS, 0, -1))
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            # Alone: an issue is deleted more often than rules are tried, and their texts are long.
            pipe.hget(keys.trial(id_), "connection")
        gone = [id_ for id_, of in zip(ids, pipe.execute(), strict=True) if of == connection]
        if gone:
            pipe = self._redis.pipeline()
            pipe.delete(*map(keys.trial, gone))
            pipe.zrem(keys.TRIALS, *gone)
            pipe.execute()

    def _read(self, ids: Iterable[str]) -> list[Trial]:
        names = list(ids)
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        for id_ in names:
            pipe.hgetall(keys.trial(id_))
        time, *raw = pipe.execute()
        now = now_ms(time)
        return [_trial(id_, fields, now) for id_, fields in zip(names, raw, strict=True) if "text" in fields]

    def _tell(self, id_: str, fields: dict[str, str]) -> None:
        """Of a trial that is gone nothing is kept."""
        name = keys.trial(id_)
        if self._redis.exists(name):
            pipe = self._redis.pipeline()
            pipe.hset(name, items=list(chain.from_iterable(fields.items())))
            # Should it have gone in between, what is left of it goes no later.
            pipe.pexpire(name, keys.TRIAL_LIFE, nx=True)
            pipe.execute()

    def _now(self) -> int:
        return now_ms(self._redis.time())


def _trial(id_: str, fields: Mapping[str, str], now: int) -> Trial:
    return Trial(
        id_,
        Wish(fields["connection"], fields["text"], int(fields["last"]), fields["by"]),
        datetime.fromtimestamp(int(fields["asked"]) / 1000, UTC),
        _state(fields, now),
        int(fields.get("issues", 0)),
        fields.get("doing", ""),
        fields.get("why", ""),
        json.loads(fields["result"]) if "result" in fields else None,
    )


def _state(fields: Mapping[str, str], now: int) -> State:
    if "result" in fields:
        return State.DONE
    if "why" in fields:
        return State.FAILED
    sign = fields.get("sign", fields.get("began"))
    if sign is None:
        return State.WAITING
    return State.RUNNING if now - int(sign) <= ms(SILENT) else State.LOST
