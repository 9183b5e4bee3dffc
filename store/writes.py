"""How many issues of a connection were written to lately, and whether writing there is held (P1).

Issues are counted, not requests: what an admin has to undo after a bad rule is a number of issues. One
that is written to twice within the window counts once, for as long as its last write is in it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from redis import Redis

from store import keys
from store.connect import lua, ms

_OPENED: Final = 2


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing is written to a connection's tracker until somebody lifts it."""

    since: datetime
    issues: int
    """Written to in the window before."""
    most: int
    """As the rules had it then, within ``window``."""
    window: timedelta
    is_new: bool = False
    """This very question crossed the limit."""


class Writes:
    """The count and the hold of each connection, by Redis' own clock. Every method is one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._count = redis.register_script(lua("count_write"))

    def ask(self, connection: str, issue: str, most: int, window: timedelta) -> Held | None:
        """Count ``issue`` as written to; what holds it back when writing is held, or is from now on."""
        names = [keys.written(connection), keys.held(connection)]
        answer = cast("list[int | str]", self._count(keys=names, args=[issue, most, ms(window)]))
        if answer[0] == 0:
            return None
        return _held(answer[1:], is_new=answer[0] == _OPENED)

    def spend(self, connection: str, issue: str, most: int, window: timedelta) -> timedelta | None:
        """Count one more run that writes to ``issue``; how long it has to wait when that is one too many.

        The window begins with the first write and ends as a whole.
        """
        name = keys.issue_writes(connection, issue)
        pipe = self._redis.pipeline()
        pipe.incr(name)
        pipe.pexpire(name, ms(window), nx=True)
        pipe.pttl(name)
        count, _, left = cast("list[int]", pipe.execute())
        return timedelta(milliseconds=left) if count > most else None

    def forget(self, connection: str, issue: str) -> None:
        """Let the count name a deleted issue (id) no more; it counts as before. A few round trips."""
        name = keys.written(connection)
        self._redis.delete(keys.issue_writes(connection, issue))
        at = self._redis.zscore(name, issue)
        if at is not None:
            pipe = self._redis.pipeline()
            # In this order, or an empty set would go and take its end of life along.
            pipe.zadd(name, {f"deleted {secrets.token_hex(8)}": at})
            pipe.zrem(name, issue)
            pipe.execute()

    def held(self, connection: str) -> Held | None:
        """What holds writing there, if anything does."""
        found = cast(
            "list[str | None]",
            self._redis.hmget(keys.held(connection), ["since", "issues", "most", "window"]),
        )
        return _held([one for one in found if one is not None]) if found[0] is not None else None

    def lift(self, connection: str) -> bool:
        """Let writing go on, with nothing counted yet; False when it was not held."""
        pipe = self._redis.pipeline()
        pipe.delete(keys.held(connection))
        pipe.delete(keys.written(connection))
        return bool(pipe.execute()[0])


def _held(numbers: list[int | str], *, is_new: bool = False) -> Held:
    since, issues, most, window = map(int, numbers)
    return Held(
        datetime.fromtimestamp(since / 1000, UTC), issues, most, timedelta(milliseconds=window), is_new
    )
