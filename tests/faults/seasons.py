"""The sprints of a team in a toy tracker, in the same words for a Jira board and the cycles of a Linear team.

Each season begins in a toy of its own: what an earlier one left would be finished sprints of this one.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from redis import Redis

from sandbox.linear.entities import Cycle
from sandbox.linear.values import DAY, new_id, now_ms
from store import keys
from tests.faults.interleaving import BOT, NAME, World
from trackers.model import Subject, SubjectKind
from trackers.sprints import Finished
from workers.rounds import send_round, watch_boards

SCOPE_LABEL: Final = "scope-added"
_PAST: Final = (5.0, 3.0, 5.0, 5.0, 5.0)
_DELIVERED: Final = (3, 4, 3, 4)
"""How many of these issues each finished sprint came to."""
_DAYS: Final = 14
_known: Final[dict[str, dict[str, Finished]]] = {}
"""By kind of tracker, what a look at the board taught of its past: reading that takes the longest."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment of ours."""

    id: str
    key: str
    """Of its issue."""
    body: str


class Season:
    """A team with a past, and the service that watches its board."""

    def __init__(self, stack: ExitStack, redis: Redis, kind: str, folder: Path) -> None:
        self.world = World(stack, redis, kind, folder)
        self.toy = self.world.toy
        self.is_linear = self.world.is_linear
        self.project = self.world.project
        self.board = Subject(NAME, SubjectKind.BOARD, "ENG" if self.is_linear else "1")
        self.ids: dict[str, Any] = {}
        """Of each sprint by its name: the sprint's id, or the cycle's number."""
        for number, delivered in enumerate(_DELIVERED):
            done = [place < delivered for place in range(len(_PAST))]
            ago = 15.0 * (len(_DELIVERED) - number)
            wish = {"committed": list(_PAST), "done": done, "ended_days_ago": ago, "days": _DAYS}
            if self.is_linear:
                self.toy.add_past_cycle(wish | {"team": self.project})
            else:
                self.toy.planning.past_sprint(wish | {"board": 1})
        if self.is_linear:
            self.toy.edit_cycle(self.project, "active", {"close": True, "quiet": True})
            state = self.toy.state
            state.cycles = {one.id: one for one in state.cycles.values() if one.completed_at is not None}
            self.toy.create_label({"name": SCOPE_LABEL})

    def begin(self, rules: str) -> None:
        """An empty memory, but for the board's past, and these rules."""
        self.world.begin(rules)
        if self.world.kind not in _known:
            self.look()
            while self.world.work():
                self.world.time_passes()
                self.look()
                if len(found := self.finished()) >= len(_DELIVERED):
                    _known[self.world.kind] = found
                    break
            self.world.begin(rules)
        sprints = self.world.shop.sprints
        sprints.add_finished(NAME, self.board.id, list(_known[self.world.kind].values()))

    def finished(self) -> dict[str, Finished]:
        return self.world.shop.sprints.finished(NAME, self.board.id)

    def look(self) -> None:
        """Have the board looked at, as the clock does every few minutes."""
        shop = self.world.shop
        watch_boards(shop.sprints, [shop.desks[NAME].connection])
        shop.sprints.next_look(self.board, datetime.now(UTC))
        send_round(shop.inbox, shop.sprints, datetime.now(UTC) + timedelta(seconds=1))

    # -- what people do -------------------------------------------------------------------------

    def plan(self, name: str) -> None:
        if self.is_linear:
            state = self.toy.state
            team, number = state.team(self.project).id, 100 + len(self.ids)
            starts = now_ms() + (1 + _DAYS * len(self.ids)) * DAY
            cycle = Cycle(
                id=new_id(),
                created_at=now_ms(),
                updated_at=now_ms(),
                number=number,
                team_id=team,
                starts_at=starts,
                ends_at=starts + _DAYS * DAY,
                name=name,
            )
            state.cycles[cycle.id] = cycle
            self.ids[name] = number
            return
        now = datetime.now(UTC)
        dates = {"startDate": now.isoformat(), "endDate": (now + timedelta(days=_DAYS)).isoformat()}
        made = self.toy.planning.create_sprint({"board": 1, "name": name} | dates)
        self.ids[name] = int(made["id"])

    def start(self, name: str, *, quiet: bool = False) -> None:
        """Begin it; ``quiet``: nobody tells, as of a cycle whose day has come."""
        if self.is_linear:
            span = {"starts_in": 0, "ends_in": _DAYS * 86_400, "quiet": quiet}
            self.toy.edit_cycle(self.project, self.ids[name], span)
            return
        now = datetime.now(UTC)
        dates = {"startDate": now.isoformat(), "endDate": (now + timedelta(days=_DAYS)).isoformat()}
        self.toy.planning.edit_sprint(self.ids[name], {"state": "active"} | dates)

    def close(self, name: str) -> None:
        if self.is_linear:
            self.toy.edit_cycle(self.project, self.ids[name], {"close": True})
        else:
            self.toy.planning.edit_sprint(self.ids[name], {"state": "closed"})

    def file(self, title: str, points: float, sprint: str | None) -> str:
        wish: dict[str, Any] = {"project": self.project, "title": title, "points": points}
        if sprint is not None:
            wish["sprint"] = self.ids[sprint]
        if not self.is_linear:
            wish["type"] = "Story"
        return str(self.toy.create_issue(wish)["key"])

    def put(self, key: str, sprint: str | None) -> None:
        self.toy.edit_issue(key, {"sprint": None if sprint is None else self.ids[sprint]})

    # -- what can be seen -----------------------------------------------------------------------

    def sprint_of(self, key: str) -> str | None:
        """The sprint of this season that an issue is in now."""
        view = self.world.issue(key)
        told = view["sprint"] if view else None
        return next((name for name, id_ in self.ids.items() if told in (name, id_)), None)

    def remarks(self, about: str) -> list[Remark]:
        """All we say about a sprint now, oldest first."""
        state = self.toy.state
        if self.is_linear:
            bot = self.toy.bot.id
            every = [
                Remark(one.id, state.issues[one.issue_id].identifier, one.body)
                for one in state.comments.values()
                if one.user_id == bot and not state.issues[one.issue_id].trashed
            ]
        else:
            every = [
                Remark(one.id, issue.key, one.body)
                for issue in state.issues.values()
                for one in issue.comments
                if one.author.name == BOT
            ]
        return [replace(one, body=one.body.replace("\\", "")) for one in every if about in one.body]

    def writes(self) -> int:
        """How many writes were accepted."""
        return sum(
            call.write and 200 <= call.status < 300 and "error" not in call.detail
            for call in self.toy.calls.all()
        )

    def forget_books(self) -> None:
        """Redis loses all that was kept of this season's sprints."""
        redis = self.world.redis
        for pattern in (f"{keys.SPRINT}*", f"{keys.JOURNAL}{NAME}:sprint:*"):
            for name in redis.scan_iter(match=pattern):
                redis.delete(name)
