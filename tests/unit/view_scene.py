"""What is shown of a sprint, as tests of the console make it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from store.sprint_views import Change, Foreseen, Kind, Past, Point, SprintView, Standing, Warned
from tests.unit.sprint_scene import DAY, START
from trackers.sprints import Unit

HOSTILE: Final = "\"><script>alert(1)</script>{{ 7777 * 7 }}<svg/onload=a> \u202e&amp; '\x00"


def foreseen(
    t: float = 0.0, p: float = 0.2, low: float = 12, high: float = 24, planned: float = 40
) -> Foreseen:
    return Foreseen(START + t * 14 * DAY, t, planned, p / 2, p, (low + high) / 2, low, high)


def view(id_: str = "37", start: datetime = START, **more: Any) -> SprintView:
    """Day 7 of 14: 40 points planned, 5 came, 3 went, 12 are done; overcommitted, and said so."""

    def on(day: float) -> datetime:
        return start + day * DAY

    told: dict[str, Any] = {
        "connection": "acme",
        "name": f"Sprint {id_}",
        "noun": "sprint",
        "board": "12",
        "board_name": "ABC board",
        "unit": Unit.POINTS,
        "end": on(14),
        "end_is_planned": True,
        "rebuilt": False,
        "checked": on(7),
        "committed": 40.0,
        "committed_issues": 10,
        "done_share": 0.8,
        "budget": 0.2,
        "grown_by": 5.0,
        "points": (
            Point(on(0), 40, 0),
            Point(on(2), 45, 4),
            Point(on(4), 42, 4),
            Point(on(6), 42, 12),
        ),
        "changes": (Change(on(2), "ABC-20", 5, Kind.ADDED), Change(on(4), "ABC-3", 3, Kind.REMOVED)),
        "forecast": foreseen(0.5, 0.1),
        "first": foreseen(),
        "past": tuple(Past(on(-14 * n), 30, 14 + n) for n in (3, 2, 1)),
        "usual": (15.0, 17.0),
        "concerns": ("overcommitted",),
        "fix": ("ABC-8", "ABC-9"),
        "p_fixed": 0.4,
        "warned": Warned(
            Standing.OPEN,
            text="Sprint 37 holds too much.\n\n• Added: ABC-20",
            issue="ABC-1",
            url="https://acme.example/browse/ABC-1?focusedCommentId=7",
            at=on(1),
            snooze_label="sprintwarden-snooze",
        ),
        "url": "https://acme.example/sprint",
    }
    return SprintView(id=id_, start=start, **told | more)


def over(id_: str, p: float, delivered: float | None, **more: Any) -> SprintView:
    """One that is closed, of 40 points, with this first chance of enough."""
    told: dict[str, Any] = {"ended": START + 14 * DAY, "first": foreseen(p=p), "concerns": (), "fix": ()}
    return view(id_, delivered=delivered, **told | more)


def long(points: int) -> tuple[Point, ...]:
    """A course with so many points, an hour apart."""
    return tuple(Point(START + timedelta(hours=n), 40 + n % 7, min(n, 40)) for n in range(points))
