"""What needs a person, and what that person is to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from store.inbox import Depth
from store.keys import DEAD_LIFE
from trackers.spans import in_words
from webhook_app.console import levels
from webhook_app.console.frame import HOME
from webhook_app.health import Check

_LINES: Final = 8
"""Of what is wrong with one thing; the page that helps has all."""
_LATE: Final = timedelta(minutes=5)
"""What is due for longer comes late; from here on there is an alert about it, too."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person."""

    level: str
    title: str
    sentences: tuple[str, ...]
    """What is so, and what to do."""
    href: str | None = None
    """The page that helps."""
    href_text: str = ""


def needs(found: Sequence[Check], depths: Depth) -> tuple[Need, ...]:
    """All there are, red first."""
    every = (*_ill(found), *_late(depths), *_dead(depths.dead))
    return tuple(sorted(every, key=lambda need: -levels.rank(need.level)))


def headline(number: int) -> str:
    """How many things need somebody."""
    if not number:
        return "All is well."
    return "One thing needs you." if number == 1 else f"{number} things need you."


def _ill(found: Sequence[Check]) -> Iterator[Need]:
    for check in found:
        if not check.ok:
            href, text = _way(check.name)
            title = f"{check.name[:1].upper()}{check.name[1:]}"
            yield Need(levels.of_check(check), title, tuple(_lines(check.detail)), href, text)


def _lines(detail: str) -> Iterator[str]:
    lines = detail.splitlines()
    yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"And {len(lines) - _LINES} more."


def _way(name: str) -> tuple[str | None, str]:
    """The page that helps with a check, and how to name it."""
    first = name.partition(" ")[0]
    if first in ("rules", "newest"):
        return f"{HOME}/rules", "Look at the rules"
    if first in ("model", "models"):
        return f"{HOME}/labels", "Look at the labels"
    return None, ""


def _late(depths: Depth) -> Iterator[Need]:
    if depths.oldest_overdue > _LATE:
        due = (
            "one issue, sprint or board is"
            if depths.waiting == 1
            else f"{depths.waiting:,} issues, sprints and boards are"
        )
        told = (
            f"Labels and warnings come late: {due} due, the oldest for {in_words(depths.oldest_overdue)}. "
            "After an import or a move of many issues that takes its time. If they do not become fewer, "
            "start more workers (`sprintwarden work live`); where no run ends at all, start the workers anew."
        )
        yield Need("amber", "Work is late", (told,), f"{HOME}/queue", "Look at the queue")


def _dead(number: int) -> Iterator[Need]:
    if number:
        are = (
            "One issue, sprint or board was" if number == 1 else f"{number:,} issues, sprints and boards were"
        )
        told = (
            f"{are} given up: attempts failed too often, or no more of them would help. Each tells why: mend "
            f"that, then put it back, or discard it. After {in_words(DEAD_LIFE)} they go by themselves."
        )
        yield Need(levels.GIVEN_UP, "Dead letters", (told,), f"{HOME}/queue", "Look at the queue")
