"""What was changed in the console, and by whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import cast

import orjson
import structlog
from redis import Redis

from store import keys
from webhook_app.console.moments import moment

log = structlog.get_logger("console")


@dataclass(frozen=True, slots=True)
class Change:
    """One of them. It holds no text of an issue."""

    at: str
    user: str
    did: str
    """What, in the past: ``put back``."""
    about: str
    """Which thing, by its id: ``acme:issue:10001``."""


def note_change(redis: Redis, user: str, did: str, about: str) -> None:
    """Keep and log that somebody changed something."""
    change = Change(moment(datetime.now(UTC)), user, did, about)
    log.info("changed in the console", user=user, did=did, about=about)
    pipe = redis.pipeline()
    pipe.lpush(keys.CONSOLE_LOG, orjson.dumps(asdict(change)))
    pipe.ltrim(keys.CONSOLE_LOG, 0, keys.CONSOLE_LOG_KEPT - 1)
    pipe.expire(keys.CONSOLE_LOG, keys.CONSOLE_LOG_LIFE)
    pipe.execute()


def changes(redis: Redis, most: int = 20) -> tuple[Change, ...]:
    """The newest changes, newest first."""
    raw = cast("list[str]", redis.lrange(keys.CONSOLE_LOG, 0, most - 1))
    return tuple(Change(**orjson.loads(text)) for text in raw)
