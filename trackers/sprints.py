"""The vocabulary of sprints (Linear: cycles): what a board, a sprint and the work in it are.

Plain frozen dataclasses, as in ``trackers.model``. Amounts of work are floats in the board's unit;
``None`` means that an issue has no estimate. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trackers.model import Comment, Label


class Unit(StrEnum):
    """What a board's estimates are in."""

    POINTS = "points"
    ISSUES = "issues"
    """No estimates at all: every issue counts as one."""
    HOURS = "hours"
    """Jira boards that estimate time."""


class SprintState(StrEnum):
    FUTURE = "future"
    ACTIVE = "active"
    CLOSED = "closed"


class Stage(StrEnum):
    """How far an issue is, as its board counts it."""

    TODO = "todo"
    DOING = "doing"
    DONE = "done"
    DROPPED = "dropped"
    """Cancelled or a duplicate: it belongs to nobody's plan any more (Linear; Jira tells no difference)."""


@dataclass(frozen=True, slots=True)
class Board:
    """Whose sprints they are: a Jira board, or a Linear team with its cycles."""

    id: str
    """Jira: the board's id. Linear: the team's key."""
    name: str
    project: str | None
    """Jira: the key of the project it belongs to, if any. Linear: the team's key."""
    has_sprints: bool
    """False for a kanban board, and for a team that has switched cycles off."""
    unit: Unit
    unestimated: float | None = None
    """What the tracker itself counts for an issue without an estimate; None where it counts nothing."""
    zone: str | None = None
    """Its time zone, where the tracker tells one."""


@dataclass(frozen=True, slots=True)
class Sprint:
    """A sprint or cycle as of one reading."""

    id: str
    name: str
    board: str
    """The board it was made on (Jira: ``originBoardId``); its settings hold wherever else it shows."""
    state: SprintState
    start: datetime | None = None
    """The start date; on Jira people can change it at any time."""
    end: datetime | None = None
    """The planned end."""
    completed: datetime | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """An issue joined or left a sprint."""

    at: datetime
    sprint: str
    joined: bool
    automated: bool = False
    """By an app, an automation or the tracker itself, as far as it tells."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An issue's estimate changed."""

    at: datetime
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Shift:
    """An issue went from one workflow state to another."""

    at: datetime
    before: Stage
    after: Stage
    before_state: str
    """The tracker's id of the state it left."""
    after_state: str


@dataclass(frozen=True, slots=True)
class IssuePast:
    """What a changelog or history tells of an issue's stay in sprints; each oldest first."""

    moves: tuple[Move, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    shifts: tuple[Shift, ...] = ()
    whole: bool = True
    """False when older entries were not read."""


@dataclass(frozen=True, slots=True)
class SprintIssue:
    """An issue as a sprint holds it."""

    id: str
    key: str
    project: str
    type: str | None
    points: float | None
    """Its estimate in the board's unit, never the team's default. For ``Unit.ISSUES`` always None."""
    stage: Stage
    state: str
    """The tracker's id of its workflow state."""
    rank: int
    """Its place in the sprint's own order: 0 is the most important."""
    since: datetime | None = None
    """Since when it is at this state, where the tracker tells."""
    joined: datetime | None = None
    """When it came into the sprint, where the tracker tells."""
    created: datetime | None = None
    parent: str | None = None
    """The id of its parent issue."""
    subtask: bool = False
    """A Jira sub-task: boards do not count its estimate beside its parent's."""
    assignee: str | None = None
    """Only to count people; never shown."""
    labels: tuple[Label, ...] = ()
    body: str = ""
    """Never kept: of it only keyed hashes are."""
    blockers: tuple[str, ...] = ()
    """Keys of unfinished issues that block it."""
    carried: bool = False
    """It was left unfinished by an earlier sprint."""
    past: IssuePast | None = None
    """None when it was not asked for."""


@dataclass(frozen=True, slots=True)
class OwnComment:
    """A comment of ours about a sprint, and the issue it stands on."""

    issue: str
    """The issue's id."""
    key: str
    comment: Comment


@dataclass(frozen=True, slots=True)
class SprintReading:
    """A sprint with all that is in it now."""

    sprint: Sprint
    issues: tuple[SprintIssue, ...]
    """In the sprint's own order."""
    ours: tuple[OwnComment, ...] = ()
    """Comments of ours on its issues; looked for only where the past is asked for too."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Some work, counted both ways."""

    issues: float = 0.0
    points: float = 0.0
    """In the board's unit; issues without an estimate at the tracker's default, else at 0."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A sprint that is over, in numbers."""

    id: str
    board: str
    start: datetime
    ended: datetime
    planned_days: float
    committed: Amount
    """In it when it was started."""
    delivered: Amount
    """Done by its end, whatever was committed."""
    added: Amount
    """Joined between its start and 80 % of its planned time."""
    estimated: float
    """Share (0..1) of the committed issues that had an estimate."""
    stays: tuple[tuple[str, float], ...] = ()
    """Workflow state in progress → hours an issue stayed there before it moved on; many."""
    approximate: bool = False
    """Taken from daily totals, not from each issue's changes."""
    unit: Unit = Unit.POINTS
    """What ``points`` of its amounts are in; the board's at that time, which may be changed since."""


def sprint_topic(sprint: str, round_: int = 0) -> str:
    """The topic of the one comment about a sprint; each that takes an earlier one's place has its own."""
    return f"sprint {sprint} again {round_}" if round_ else f"sprint {sprint}"


def round_of(sprint: str, topic: str) -> int | None:
    """How often a comment about a sprint had been posted anew when the one with this topic was; None for a
    topic that is not about it."""
    if topic == sprint_topic(sprint):
        return 0
    number = topic.removeprefix(f"sprint {sprint} again ")
    return int(number) if number != topic and number.isdecimal() else None
