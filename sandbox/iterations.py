"""A sprint or a cycle as people run it, in the same words for both toys: plan, start, change, end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sandbox.jira import people
from sandbox.remote import Remote

DAYS: Final = 14
_DAY_S: Final = 86_400


class Iteration(Protocol):
    """One team's next sprint or cycle in a toy."""

    toy: Remote
    project: str

    @property
    def subject(self) -> str:
        """The id that its tracker tells of it."""

    def remember(self, committed: Sequence[float], delivered: float, ended_days_ago: float) -> None:
        """Have finished one that was planned with ``committed`` and came to about ``delivered``."""

    def plan(self, title: str, points: float | None, **wish: Any) -> str:
        """File an issue into the next one, which has not begun; its key."""

    def start(self, *, quiet: bool = False) -> str:
        """Begin it; its id. ``quiet`` sends no webhook."""

    def add(self, title: str, points: float | None, **wish: Any) -> str:
        """File an issue into the running one; its key."""

    def take_out(self, key: str) -> None:
        """Move an issue from it to the backlog."""

    def put_in(self, key: str) -> None:
        """Move an issue from the backlog into the running one."""

    def close(self) -> None:
        """End it now."""


class JiraSprint:
    """The next sprint of a Jira board."""

    def __init__(self, toy: Remote, project: str = "ABC", board: int = 1, name: str = "Sprint 14") -> None:
        self.toy = toy
        self.project = project
        self._board = board
        self._name = name
        self._id: int | None = None

    def remember(self, committed: Sequence[float], delivered: float, ended_days_ago: float) -> None:
        done = _done(committed, delivered)
        people.past_sprint(self.toy, self._board, committed, done, ended_days_ago=ended_days_ago, days=DAYS)

    def plan(self, title: str, points: float | None, **wish: Any) -> str:
        return self.add(title, points, **wish)

    def start(self, *, quiet: bool = False) -> str:
        now = datetime.now(UTC)
        # The dialog in which people start a sprint sets its dates, too.
        dates = {"startDate": now.isoformat(), "endDate": (now + timedelta(days=DAYS)).isoformat()}
        people.edit_sprint(self.toy, self.id, state="active", **dates)
        return str(self.id)

    def add(self, title: str, points: float | None, **wish: Any) -> str:
        told = {"sprint": self.id, "points": points, "type": "Story"} | wish
        return str(self.toy.create(self.project, title, **told)["key"])

    def take_out(self, key: str) -> None:
        self.toy.edit(key, sprint=None)

    def put_in(self, key: str) -> None:
        self.toy.edit(key, sprint=self.id)

    def close(self) -> None:
        people.close_sprint(self.toy, self.id)

    @property
    def subject(self) -> str:
        return str(self.id)

    @property
    def id(self) -> int:
        """The sprint's id; it is made when it is first asked for."""
        if self._id is None:
            now = datetime.now(UTC)
            ends = now + timedelta(days=DAYS)
            self._id = people.create_sprint(self.toy, self._board, self._name, now, ends)
        return self._id


class LinearCycle:
    """The next cycle of a Linear team; the one that runs when it is planned is completed for it."""

    def __init__(self, toy: Remote, project: str = "ENG") -> None:
        self.toy = toy
        self.project = project
        self._which: int | None = None

    def remember(self, committed: Sequence[float], delivered: float, ended_days_ago: float) -> None:
        wish = {
            "team": self.project,
            "committed": list(committed),
            "done": _done(committed, delivered),
            "ended_days_ago": ended_days_ago,
            "days": DAYS,
        }
        self.toy.control("POST", "/linear/past_cycle", wish)

    def plan(self, title: str, points: float | None, **wish: Any) -> str:
        return self.add(title, points, **wish)

    def start(self, *, quiet: bool = False) -> str:
        dates = {"starts_in": 0, "ends_in": DAYS * _DAY_S, "quiet": quiet}
        view = self.toy.control("PATCH", f"/linear/cycles/{self.project}/{self.number}", dates)
        return str(view["id"])

    def add(self, title: str, points: float | None, **wish: Any) -> str:
        told = {"sprint": self.number, "points": points} | wish
        return str(self.toy.create(self.project, title, **told)["key"])

    def take_out(self, key: str) -> None:
        self.toy.edit(key, sprint=None)

    def put_in(self, key: str) -> None:
        self.toy.edit(key, sprint=self.number)

    def close(self) -> None:
        self.toy.control("PATCH", f"/linear/cycles/{self.project}/{self.number}", {"close": True})

    @property
    def subject(self) -> str:
        return next(str(one["id"]) for one in self._cycles() if one["number"] == self.number)

    @property
    def number(self) -> int:
        """The cycle's number. The one before it is completed when this is first asked for."""
        if self._which is None:
            cycles = [one for one in self._cycles() if one["state"] == "active"]
            for running in cycles:
                self.toy.control(
                    "PATCH", f"/linear/cycles/{self.project}/{running['number']}", {"close": True}
                )
            self._which = min(int(one["number"]) for one in self._cycles() if one["state"] == "future")
        return self._which

    def _cycles(self) -> list[dict[str, Any]]:
        every: list[dict[str, Any]] = self.toy.control("GET", "/linear/cycles")
        return [one for one in every if one["project"] == self.project]


def _done(committed: Sequence[float], delivered: float) -> list[bool]:
    """Which of the issues were done: the first ones, for as long as they come to what was delivered."""
    done, so_far = [], 0.0
    for points in committed:
        so_far += points
        done.append(so_far <= delivered)
    return done
