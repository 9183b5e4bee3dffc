"""Teams with sprints for end-to-end tests: each has a board of its own, a past, and a sprint to come."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import httpx

from sandbox.iterations import JiraSprint, LinearCycle
from sandbox.jira import people
from sprintwarden.stage import LINEAR, Script, Stage
from store import keys
from store.decisions import Decisions
from store.sprints import Sprints
from tests.integration import scene
from tests.integration.scene import Side, until
from trackers.model import Subject, SubjectKind
from workers.sprint_book import SprintBook

PROJECT: Final = "ABC"
OWN_BOARDS: Final = 2
"""Boards that the toy Jira has from the beginning."""
PACE: Final = scene.QUICK | {"SPRINTWARDEN_SETTLE_SPRINT_S": "0.3"}
"""No board is looked at unless a test asks for it."""
SOON_S: Final = 20
FULL: Final = (8.0,) * 7
"""56 points for a team that finishes about 15."""
FITTING: Final = (3.0, 2.0, 3.0)

_DAY_S: Final = 86_400
_PAST: Final = (5.0, 3.0, 5.0, 5.0, 5.0)
_DELIVERED: Final = (13, 18, 13, 18)

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Teams:
    """The teams of a stage, each by the name of its settings."""

    stage: Stage
    names: Sequence[str]

    def team(self, tracker: str, name: str) -> Team:
        """The team with the settings ``name``; on Jira the board of that place."""
        side, place = Side(self.stage, tracker), self.names.index(name)
        if tracker == "jira":
            return Team(side, name, str(_board(place)), PROJECT)
        key = _team_key(place)
        return Team(side, name, key, key)


def _board(place: int) -> int:
    return OWN_BOARDS + 1 + place


def _team_key(place: int) -> str:
    return f"T{chr(ord('A') + place)}"


@contextmanager
def teams(
    folder: Path, settings: Mapping[str, Settings], environ: Mapping[str, str] = PACE
) -> Iterator[Teams]:
    """A stage on which each name of ``settings`` is a Jira board and a Linear team with these rules."""
    names = tuple(settings)
    script = Script(
        rules_of(settings),
        without=frozenset({"bulk"}),
        environ=environ,
        boards=tuple(map(_board, range(len(names)))),
        teams=tuple(map(_team_key, range(len(names)))),
    )
    with Stage(folder, script) as made:
        for name in names:
            people.add_board(made.jira, PROJECT, name=name)
        _put_off(made, script.teams)
        yield Teams(made, names)


def _put_off(stage: Stage, teams: Sequence[str]) -> None:
    """Let the cycles that the toy Linear begins with not have begun, so that each team has two to come."""
    sprints = Sprints(stage.redis)
    until(stage, lambda: len(sprints.running(LINEAR)) == len(teams), SOON_S)
    scene.settle(stage)
    for team in teams:
        later = {"starts_in": _DAY_S, "ends_in": 15 * _DAY_S, "quiet": True}
        cycle = stage.linear.control("PATCH", f"/linear/cycles/{team}/active", later)
        sprints.forget(Subject(LINEAR, SubjectKind.SPRINT, cycle["id"]))


def rules_of(settings: Mapping[str, Settings]) -> str:
    """A rules file with no rule in it but how each team's sprints are watched."""
    own = [{"sprints": dict(one)} for one in settings.values()]
    return json.dumps(
        {
            "version": 1,
            "defaults": {"mode": "apply", "sprints": {"scope_creep": {"grace": "0s"}}},
            "projects": {_team_key(place): one for place, one in enumerate(own)},
            "boards": {str(_board(place)): one for place, one in enumerate(own)},
        }
    )


@dataclass
class Team:
    """One team, as its people and as a test see it."""

    side: Side
    name: str
    board: str
    project: str
    keys: list[str] = field(default_factory=list)
    """What was planned, in its order."""

    @property
    def stage(self) -> Stage:
        return self.side.stage

    @property
    def is_jira(self) -> bool:
        return self.side.tracker == "jira"

    @cached_property
    def work(self) -> JiraSprint | LinearCycle:
        """Its next sprint."""
        return self.another(f"Sprint of {self.name}")

    def another(self, title: str) -> JiraSprint | LinearCycle:
        """One more sprint; ``title`` is its name, which all we ever say about it contains."""
        made = self._iteration(title)
        if isinstance(made, LinearCycle):
            self.side.toy.control("PATCH", f"/linear/cycles/{self.project}/{made.number}", {"name": title})
        return made

    def _iteration(self, title: str = "") -> JiraSprint | LinearCycle:
        if self.is_jira:
            return JiraSprint(self.side.toy, self.project, int(self.board), title)
        return LinearCycle(self.side.toy, self.project)

    @property
    def title(self) -> str:
        return f"Sprint of {self.name}"

    # -- what its people do ----------------------------------------------------------------------

    def with_past(self) -> Team:
        """Give it four finished sprints, and wait until they are known."""
        self.watch()
        past = self._iteration()
        for number, delivered in enumerate(_DELIVERED):
            past.remember(_PAST, delivered, ended_days_ago=15.0 * (len(_DELIVERED) - number))
        self.know_past(len(_DELIVERED))
        return self

    def watch(self) -> None:
        """Have the board looked at from now on."""
        self.sprints.watch([self._board])

    def know_past(self, most: int = len(_DELIVERED)) -> None:
        """Have the board looked at, and wait until so many finished sprints are known."""
        self.look()
        until(self.stage, lambda: len(self.sprints.finished(self.side.name, self.board)) >= most, SOON_S)

    def know_all_past(self) -> None:
        """Wait until the board is looked at no more on its own: all that is over has been read."""
        board, far = str(self._board), (datetime.now(UTC).timestamp() + 60) * 1000
        until(self.stage, lambda: (self.stage.redis.zscore(keys.ROUNDS, board) or 0) > far, SOON_S)
        self.settle()

    def an_hour_passes(self) -> None:
        """Nothing is held any more of what the tracker said about the board or team itself."""
        for name in (f"board:{self.board}", f"team:{self.project}"):
            for key in self.stage.redis.scan_iter(f"*:{name}"):
                self.stage.redis.delete(key)

    def plan(self, points: Sequence[float | None], **wish: Any) -> list[str]:
        """File issues into the sprint to come; their keys."""
        made = [self.work.plan(f"Planned {number}", one, **wish) for number, one in enumerate(points)]
        self.keys += made
        return made

    def backlog(self, points: Sequence[float | None], **wish: Any) -> list[str]:
        """File issues into no sprint, telling nobody; their keys."""
        asked = {"quiet": True} | wish
        if self.is_jira:
            asked |= {"type": "Story"}
        return [
            str(self.side.toy.create(self.project, f"Later {number}", points=one, **asked)["key"])
            for number, one in enumerate(points)
        ]

    def begun(self, points: Sequence[float | None] = FITTING) -> Team:
        """Plan, begin, and wait until the sprint is known."""
        self.plan(points)
        self.work.start()
        until(self.stage, lambda: self.book() is not None, SOON_S)
        self.settle()
        return self

    def warned(self) -> Team:
        """Plan too much, begin, and wait for the comment."""
        self.plan(FULL)
        self.work.start()
        until(self.stage, lambda: bool(self.comments()), SOON_S)
        self.settle()
        return self

    def deliver(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a webhook as the tracker would, and give what it was answered."""
        secret = self.stage.environ["DEMO_JIRA_HOOK" if self.is_jira else "DEMO_LINEAR_HOOK"]
        raw = json.dumps(body).encode()
        signature = hmac.new(secret.encode(), raw, "sha256").hexdigest()
        header = (
            ("X-Hub-Signature", f"sha256={signature}") if self.is_jira else ("Linear-Signature", signature)
        )
        headers = {"Content-Type": "application/json", header[0]: header[1]}
        answer: dict[str, Any] = httpx.post(
            self.side.hook, content=raw, headers=headers, timeout=5, trust_env=False
        ).json()
        return answer

    # -- what can be seen ------------------------------------------------------------------------

    @property
    def sprints(self) -> Sprints:
        return Sprints(self.stage.redis)

    @property
    def sprint(self) -> Subject:
        """The sprint that runs or is to come."""
        return self.subject(self.work)

    def subject(self, work: JiraSprint | LinearCycle) -> Subject:
        return Subject(self.side.name, SubjectKind.SPRINT, work.subject)

    def look(self) -> None:
        """Have the board looked at now, as the clock does every few minutes."""
        self.sprints.next_look(self._board, datetime.now(UTC))

    @property
    def _board(self) -> Subject:
        return Subject(self.side.name, SubjectKind.BOARD, self.board)

    def book(self, sprint: Subject | None = None) -> SprintBook | None:
        """What is remembered of the sprint."""
        text = self.sprints.book(sprint or self.sprint)
        return SprintBook.from_text(text) if text else None

    def comments(self, about: str | None = None) -> list[str]:
        """All we ever said about the sprint, wherever it stands, without the marks of the tracker."""
        return [body for _, body in self.placed_comments(about)]

    def placed_comments(self, about: str | None = None) -> list[tuple[str, str]]:
        """The same, each with the key of its issue."""
        found = [
            (str(issue["key"]), str(comment["body"]).replace("\\", ""))
            for issue in self.side.toy.issues()
            for comment in issue["comments"]
            if comment["author"] == "Sprintwarden"
        ]
        return [(key, body) for key, body in found if (about or self.title) in body]

    def records(self, sprint: Subject | None = None) -> list[dict[str, Any]]:
        """The records of the runs about the sprint, newest first."""
        return Decisions(self.stage.redis).of(sprint or self.sprint)

    def events(self) -> list[dict[str, Any]]:
        """Those of the runs that an event called for, not the clock alone."""
        return [one for one in self.records() if any(hint["kind"] != "sprint_due" for hint in one["hints"])]

    def ended(self, how: str) -> Callable[[], bool]:
        """Whether the newest run about the sprint ended so, or did nothing for that reason."""
        return lambda: any(how in (one["outcome"], one["because"]) for one in self.records()[:1])

    def figures(self, sprint: Subject | None = None) -> dict[str, Any]:
        """Those that the newest record tells."""
        return next(
            record["plan"]["sprint"]
            for record in self.records(sprint)
            if record.get("plan") and record["plan"]["sprint"]
        )

    def says(self, *words: str) -> None:
        """Wait until the one comment about the sprint says all of ``words``."""

        def told() -> bool:
            found = self.comments()
            return len(found) == 1 and all(word in found[0] for word in words)

        try:
            until(self.stage, told, SOON_S)
        except AssertionError:
            raise AssertionError(f"{words} not in {self.comments()}; {self.records()[:1]}") from None

    def settle(self) -> None:
        """Wait until all is quiet, and remains so."""
        for _ in range(2):
            until(self.stage, self.stage.idle, SOON_S)
            time.sleep(0.1)


Of = Callable[[str], Team]
"""Gives the team with the settings of that name."""
