"""What people call the subjects of decisions and of the queue, and where they find them in the tracker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from store import keys
from trackers.model import Subject, SubjectKind, TrackerKind
from webhook_app.console.house import House

_RECENT: Final = 5
"""Records of an issue among which one that tells its key is looked for."""


@dataclass(frozen=True, slots=True)
class Named:
    """A subject as people know it."""

    name: str
    """An issue's key or a sprint's name; where neither is known, what it is and its id."""
    url: str | None = None
    """In the tracker."""
    key: str | None = None
    """Of an issue, where it is known."""


def names(house: House, subjects: Iterable[Subject]) -> Mapping[Subject, Named]:
    """What people call these. One round trip."""
    asked = list(dict.fromkeys(subjects))
    pipe = house.redis.pipeline(transaction=False)
    for subject in asked:
        if subject.kind is SubjectKind.SPRINT:
            pipe.get(keys.sprint(subject))
        else:
            pipe.lrange(keys.decisions(subject), 0, _RECENT - 1)
    return {
        subject: _named(house, subject, answer) for subject, answer in zip(asked, pipe.execute(), strict=True)
    }


def named(house: House, subject: Subject, key: str, url: str) -> Named:
    """An issue whose key is known, with the address that its tracker gave, if it did."""
    return Named(key, address(house, subject.connection, key, url), key)


def address(house: House, connection: str, key: str, told: str = "") -> str | None:
    """Where an issue is found; None where that is not known."""
    known = next((one for one in house.connections if one.name == connection), None)
    if known is None:
        return None
    if known.tracker is TrackerKind.JIRA:
        return f"{known.url}/browse/{quote(key, safe='')}"
    return web(told)


def web(told: str | None) -> str | None:
    """An address that a tracker told, if it is one that a browser may be sent to."""
    return told if told and told.startswith(("https://", "http://")) else None


def _named(house: House, subject: Subject, answer: Any) -> Named:
    match subject.kind:
        case SubjectKind.SPRINT:
            name = json.loads(answer).get("name", "") if answer else ""
            return Named(name or f"Sprint {subject.id}")
        case SubjectKind.BOARD:
            return Named(f"Board {subject.id}")
        case SubjectKind.CATCH_UP:
            return Named("Catch-up")
        case SubjectKind.ISSUE:
            told = next((one for one in map(json.loads, answer) if one.get("issue")), None)
            if told is None:
                return Named(f"Issue {subject.id}")
            return named(house, subject, str(told["issue"]), str(told.get("url") or ""))
