"""How far each connection is caught up: the cursor, the scan under way, the last that ended, the webhook.

Every moment is by Redis' clock, which all machines share.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, cast

from pydantic import TypeAdapter
from redis import Redis

from store import keys
from store.connect import ms, now_ms

SET_BACK: Final = timedelta(days=1)
"""From how long ago a connection is caught up whose cursor lies in the future: that tells of nothing."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over all that changed since a moment."""

    since: datetime
    began: datetime
    after: str | None = None
    """Where its next page begins, as the tracker has it."""
    over: bool = False
    """There is no further page."""
    seen: int = 0
    """Issues it was told of so far."""
    unread: int = 0
    """Those of them that no run had seen so new a state of, and that none was about to see. Most were told
    of, in events that called for no reading, or are as we left them ourselves."""
    cut: bool = False
    """It should have begun at an earlier moment, which was too long ago."""
    asked: bool = False
    """By a person."""
    unknown: tuple[str, ...] = ()
    """Projects that the tracker does not know, so that nothing of them is found."""
    blind: datetime | None = None
    """From when on nothing was found of the projects that the scan before this one had unknown."""


@dataclass(frozen=True, slots=True)
class Done:
    """A scan that came to its end."""

    scan: Scan
    ended: datetime


class HookState(StrEnum):
    """How our webhook was found."""

    ON = "on"
    OFF = "off"
    """It could not be switched on again."""
    LEFT_OFF = "left_off"
    """It was off again within a day of our switching it on, so somebody wants it off."""
    NONE = "none"
    """The tracker has none of ours."""
    UNSEEN = "unseen"
    """The account may not see webhooks."""


@dataclass(frozen=True, slots=True)
class Hooked:
    """What is known of a connection's webhook."""

    state: HookState
    looked: datetime
    enabled: datetime | None = None
    """When we last switched it on."""
    said: str = ""
    """Why it could not be switched on, in a sentence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for."""

    at: datetime
    since: datetime | None
    """None: since the last time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is known of one connection's catching up."""

    first: datetime
    """When it was first heard of: what changed earlier is none of ours unless a person says so."""
    cursor: datetime
    """All that changed earlier was found."""
    scan: Scan | None = None
    done: Done | None = None
    asked: Asked | None = None
    hooked: Hooked | None = None


class CatchUps:
    """The memory of all catch-ups. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def now(self) -> datetime:
        """The time by Redis' clock."""
        return _moment(now_ms(self._redis.time()))

    def standing(self, connection: str) -> Standing | None:
        """How a connection stands; None before it was first heard of."""
        return self.standings([connection]).get(connection)

    def standings(self, connections: Sequence[str]) -> dict[str, Standing]:
        """How each of them stands that was ever heard of."""
        pipe = self._redis.pipeline(transaction=False)
        for connection in connections:
            pipe.hgetall(keys.catch_up(connection))
        answers = cast("list[dict[str, str]]", pipe.execute())
        return {
            name: _standing(raw) for name, raw in zip(connections, answers, strict=True) if "first" in raw
        }

    def begin(self, connection: str) -> Standing:
        """How a connection stands, which is heard of from now on at the latest. Up to five round trips."""
        now = self.now()
        self._redis.hsetnx(keys.catch_up(connection), "first", _ms(now))
        standing = self.standing(connection)
        assert standing is not None
        if standing.first > now or standing.cursor > now:
            # The clock was ahead of the time then: nothing would be found until it came to be so late.
            return self._set_back(connection, standing, now)
        return standing

    def _set_back(self, connection: str, standing: Standing, now: datetime) -> Standing:
        first = min(standing.first, now)
        cursor = min(standing.cursor, max(first, now - SET_BACK))
        pipe = self._redis.pipeline()
        pipe.hset(keys.catch_up(connection), mapping={"first": _ms(first), "cursor": _ms(cursor)})
        pipe.hdel(keys.catch_up(connection), "scan")
        pipe.execute()
        return replace(standing, first=first, cursor=cursor, scan=None)

    def due(self, every: Mapping[str, timedelta]) -> list[tuple[str, datetime]]:
        """The connections whose time has come, with the moment for which that was planned.

        ``every`` says how often; one that is new is due after its first such span. A span that was made
        shorter holds at once. One round trip, and another where anything is to be put down.
        """
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        for name in every:
            pipe.hget(keys.catch_up(name), "next")
        clock, *planned = pipe.execute()
        now, found = now_ms(clock), []
        for (name, span), at in zip(every.items(), planned, strict=True):
            if at is None or int(at) > now + ms(span):
                self.plan(name, _moment(now) + span, first=_moment(now))
            elif int(at) <= now:
                found.append((name, _moment(int(at))))
        return found

    def plan(self, connection: str, at: datetime, first: datetime | None = None) -> None:
        """When a connection is due next; ``first`` is now, for one that may be new."""
        pipe = self._redis.pipeline()
        pipe.hset(keys.catch_up(connection), "next", _ms(at))
        if first is not None:
            pipe.hsetnx(keys.catch_up(connection), "first", _ms(first))
        pipe.execute()

    def ask(self, connection: str, since: datetime | None) -> Asked:
        """Have a new scan begun, from ``since`` at the latest. Up to five round trips."""
        self.begin(connection)
        asked = Asked(self.now(), since)
        self._redis.hset(keys.catch_up(connection), "asked", _asked_text(asked))
        return asked

    def start(self, connection: str, scan: Scan) -> None:
        """Keep a scan that begins and that answers what was asked."""
        pipe = self._redis.pipeline()
        pipe.hset(keys.catch_up(connection), "scan", _text(scan))
        pipe.hdel(keys.catch_up(connection), "asked")
        pipe.execute()

    def keep(self, connection: str, scan: Scan) -> None:
        """Keep how far a scan is."""
        self._redis.hset(keys.catch_up(connection), "scan", _text(scan))

    def finish(self, connection: str, scan: Scan) -> Done:
        """End a scan: all that changed before it began was found. Two round trips."""
        done = Done(scan, self.now())
        pipe = self._redis.pipeline()
        pipe.hset(keys.catch_up(connection), "cursor", _ms(scan.began))
        pipe.hset(keys.catch_up(connection), "done", _DONE.dump_json(done).decode())
        pipe.hdel(keys.catch_up(connection), "scan")
        pipe.execute()
        return done

    def note_hook(self, connection: str, hooked: Hooked) -> None:
        """Keep what is known of the webhook."""
        self._redis.hset(keys.catch_up(connection), "hook", _HOOKED.dump_json(hooked).decode())


_SCAN: Final = TypeAdapter(Scan)
_DONE: Final = TypeAdapter(Done)
_HOOKED: Final = TypeAdapter(Hooked)


def _text(scan: Scan) -> str:
    return _SCAN.dump_json(scan).decode()


def _asked_text(asked: Asked) -> str:
    return json.dumps([_ms(asked.at), _ms(asked.since) if asked.since is not None else None])


def _asked(text: str) -> Asked:
    at, since = json.loads(text)
    return Asked(_moment(at), _moment(since) if since is not None else None)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _standing(raw: Mapping[str, str]) -> Standing:
    return Standing(
        first=_moment(int(raw["first"])),
        cursor=_moment(int(raw.get("cursor", raw["first"]))),
        scan=_SCAN.validate_json(raw["scan"]) if "scan" in raw else None,
        done=_DONE.validate_json(raw["done"]) if "done" in raw else None,
        asked=_asked(raw["asked"]) if "asked" in raw else None,
        hooked=_HOOKED.validate_json(raw["hook"]) if "hook" in raw else None,
    )


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
