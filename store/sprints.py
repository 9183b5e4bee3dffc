"""What is remembered of sprints: running ones, finished ones, and when a board is looked at next.

Running sprints are kept as text made by ``workers.sprint_book``: numbers, ids and keyed hashes.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

from redis import Redis

from store import keys
from trackers.model import Subject
from trackers.sprints import Amount, Finished, Unit


class Sprints:
    """The memory of all sprints. Every method is one round trip unless it says otherwise."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def book(self, sprint: Subject) -> str | None:
        """What was kept of a running sprint; None when nothing is."""
        return cast("str | None", self._redis.get(keys.sprint(sprint)))

    def keep(self, sprint: Subject, board: str, text: str) -> None:
        """Keep ``text`` of a running sprint; it is listed among its board's until it is closed."""
        pipe = self._redis.pipeline()
        pipe.set(keys.sprint(sprint), text, ex=keys.SPRINT_LIFE)
        pipe.hset(keys.running(sprint.connection), sprint.id, board)
        pipe.expire(keys.running(sprint.connection), keys.SPRINT_LIFE)
        pipe.execute()

    def close(self, sprint: Subject, text: str) -> None:
        """Keep the last of a sprint that is over; it may be opened again."""
        closed, now = keys.closed(sprint.connection), datetime.now(UTC)
        pipe = self._redis.pipeline()
        pipe.set(keys.sprint(sprint), text, ex=keys.SPRINT_LIFE)
        pipe.hdel(keys.running(sprint.connection), sprint.id)
        pipe.zadd(closed, {sprint.id: _ms(now)})
        pipe.zremrangebyscore(closed, "-inf", _ms(now - keys.SPRINT_LIFE))
        pipe.expire(closed, keys.SPRINT_LIFE)
        pipe.execute()

    def note_planned(self, connection: str, sprints: Collection[str], now: datetime) -> None:
        """Sprints that have not begun yet, as of ``now``."""
        if sprints:
            pipe = self._redis.pipeline()
            pipe.hset(keys.planned(connection), mapping=dict.fromkeys(sprints, _ms(now)))
            pipe.expire(keys.planned(connection), keys.PLANNED_LIFE)
            pipe.execute()

    def planned_until(self, sprint: Subject) -> datetime | None:
        """When a sprint was last seen before its start."""
        at = cast("str | None", self._redis.hget(keys.planned(sprint.connection), sprint.id))
        return datetime.fromtimestamp(int(at) / 1000, UTC) if at is not None else None

    def let_go(self, sprint: Subject) -> None:
        """List a sprint no longer among those that run; what was kept of it lives on."""
        self._redis.hdel(keys.running(sprint.connection), sprint.id)

    def snooze(self, sprint: Subject, *, on: bool) -> None:
        """Be silent about a sprint, or no longer."""
        if on:
            self._redis.set(keys.snooze(sprint), "1", ex=keys.SPRINT_LIFE)
        else:
            self._redis.delete(keys.snooze(sprint))

    def is_snoozed(self, sprint: Subject) -> bool:
        """Whether the command asked for silence."""
        return bool(self._redis.exists(keys.snooze(sprint)))

    def forget(self, sprint: Subject) -> None:
        """Forget a sprint that was deleted."""
        pipe = self._redis.pipeline()
        pipe.delete(keys.sprint(sprint), keys.sprint_view(sprint), keys.sprint_short(sprint))
        pipe.delete(keys.snooze(sprint))
        pipe.hdel(keys.running(sprint.connection), sprint.id)
        pipe.zrem(keys.closed(sprint.connection), sprint.id)
        pipe.hdel(keys.planned(sprint.connection), sprint.id)
        pipe.execute()

    def running(self, connection: str) -> dict[str, str]:
        """The sprints that are watched at present: id → board."""
        return cast("dict[str, str]", self._redis.hgetall(keys.running(connection)))

    def closed(self, connection: str) -> list[str]:
        """The ids of sprints that were closed and of which something may still be kept, oldest first.

        One that was opened again may be among them.
        """
        return cast("list[str]", self._redis.zrange(keys.closed(connection), 0, -1))

    def secret(self) -> bytes:
        """The key of all hashes of issue texts; made at first need, so that none can be read back.

        Two round trips.
        """
        self._redis.set(keys.HASH_KEY, secrets.token_hex(32), nx=True)
        return bytes.fromhex(cast("str", self._redis.get(keys.HASH_KEY)))

    def finished(self, connection: str, board: str) -> dict[str, Finished]:
        """The finished sprints known of a board, by id."""
        raw = cast("dict[str, str]", self._redis.hgetall(keys.finished(connection, board)))
        return {id_: _finished(text) for id_, text in raw.items()}

    def add_finished(self, connection: str, board: str, sprints: Collection[Finished]) -> None:
        """Keep finished sprints as numbers, of a board the newest; three round trips where older ones go."""
        name = keys.finished(connection, board)
        pipe = self._redis.pipeline()
        for sprint in sprints:
            pipe.hset(name, sprint.id, json.dumps(asdict(sprint), default=datetime.isoformat))
        pipe.expire(name, keys.FINISHED_LIFE)
        pipe.hlen(name)
        if pipe.execute()[-1] > keys.FINISHED_KEPT:
            held = sorted(self.finished(connection, board).values(), key=lambda one: (one.ended, one.id))
            self._redis.hdel(name, *(one.id for one in held[: -keys.FINISHED_KEPT]))

    def drop_finished(self, connection: str, board: str, sprint: str) -> None:
        """Forget the numbers of a sprint that was opened again."""
        self._redis.hdel(keys.finished(connection, board), sprint)

    def watch(self, boards: Collection[Subject]) -> None:
        """Have ``boards`` looked at from now on; one that is known keeps its time."""
        if boards:
            self._redis.zadd(keys.ROUNDS, {str(board): 0 for board in boards}, nx=True)

    def unwatch(self, board: Subject) -> None:
        """Look at a board no longer."""
        self._redis.zrem(keys.ROUNDS, str(board))

    def watched(self) -> list[Subject]:
        """The boards that are looked at, of all connections."""
        return [Subject.parse(name) for name in cast("list[str]", self._redis.zrange(keys.ROUNDS, 0, -1))]

    def due(self, now: datetime, most: int = 100) -> list[tuple[Subject, int]]:
        """Boards to be looked at, with the time (ms) for which that was planned."""
        found = cast(
            "list[tuple[str, float]]",
            self._redis.zrangebyscore(keys.ROUNDS, "-inf", _ms(now), 0, most, withscores=True),
        )
        return [(Subject.parse(name), int(at)) for name, at in found]

    def next_look(self, board: Subject, at: datetime) -> None:
        """When a board is looked at next; nothing for one that is not watched."""
        self._redis.zadd(keys.ROUNDS, {str(board): _ms(at)}, xx=True)


def _ms(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() * 1000)


def _finished(text: str) -> Finished:
    """Read what this or an earlier version wrote; keys it does not know are passed over."""
    raw: Mapping[str, Any] = json.loads(text)
    return Finished(
        id=raw["id"],
        board=raw["board"],
        start=datetime.fromisoformat(raw["start"]),
        ended=datetime.fromisoformat(raw["ended"]),
        planned_days=raw["planned_days"],
        committed=Amount(**raw["committed"]),
        delivered=Amount(**raw["delivered"]),
        added=Amount(**raw["added"]),
        estimated=raw["estimated"],
        stays=tuple((state, hours) for state, hours in raw.get("stays", ())),
        approximate=raw.get("approximate", False),
        unit=Unit(raw.get("unit", Unit.POINTS)),
    )
