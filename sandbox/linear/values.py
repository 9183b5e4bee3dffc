"""Times and ids as Linear writes them: milliseconds, ISO 8601 in UTC, version 4 UUIDs."""

from __future__ import annotations

import functools
import hashlib
import re
import time
import uuid
from datetime import UTC, datetime

SECOND = 1000
DAY = 24 * 3600 * SECOND

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_SECONDS = {
    "years": 365 * 86400,
    "months": 30 * 86400,
    "weeks": 7 * 86400,
    "days": 86400,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}
_BULLET = re.compile(r"^(\s*)[*+] ", re.MULTILINE)
_LINE_END = re.compile(r"[ \t]+$", re.MULTILINE)


def now_ms() -> int:
    """The present time in whole milliseconds."""
    return time.time_ns() // 1_000_000


def iso(ms: int) -> str:
    """``ms`` as ``2026-11-22T10:00:00.123Z``."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def parse_time(text: str) -> int:
    """Milliseconds of an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def parse_time_or_duration(text: str) -> int:
    """Like :func:`parse_time`, and a duration such as ``-P2W`` counts from now. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return parse_time(text)
    seconds = sum(int(match[unit] or 0) * weight for unit, weight in _SECONDS.items())
    return now_ms() + (-seconds if match["sign"] else seconds) * SECOND


def new_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


def stable_id(*parts: str) -> str:
    """A UUID that is the same in every run, for seeded things."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def is_uuid4(text: str) -> bool:
    """Whether ``text`` has the form that clients' own ids must have."""
    return _UUID4.fullmatch(text) is not None


@functools.lru_cache(maxsize=512)
def snake(name: str) -> str:
    """``fieldName`` as ``field_name``."""
    return re.sub(r"(?<!^)([A-Z])", lambda found: f"_{found[1].lower()}", name)


@functools.lru_cache(maxsize=512)
def camel(name: str) -> str:
    """``field_name`` as ``fieldName``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def stored_markdown(text: str) -> str:
    """Markdown as it is read back: Linear keeps a document and derives the text from it anew."""
    return _LINE_END.sub("", _BULLET.sub(r"\1- ", text.replace("\r\n", "\n"))).strip("\n")
