"""What is found about a running sprint: every figure that a warning tells, and nothing else. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trackers.sprints import Sprint, Unit


class Concern(StrEnum):
    """What may be wrong with a sprint."""

    OVERCOMMITTED = "overcommitted"
    SCOPE_CREEP = "scope_creep"
    GROWN = "grown"
    """Committed issues that were described further, re-estimated or split after the start."""
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a sprint will come to. Chances are 0..1; amounts in the sprint's unit."""

    p_all_done: float
    """That everything committed is done by the end; of a running sprint, what is left of it."""
    p_overcommitted: float
    """That less than the ``done_share`` (80 % unless an admin says otherwise) of that is done."""
    p_scope_creep: float
    """That the work added by the end reaches the ``budget`` (20 % unless an admin says otherwise) of the
    commitment."""
    expected: float
    """Delivered by the end, on average: all that is done counts, also what was added."""
    low: float
    high: float
    """With these ends the interval holds what is delivered 8 times in 10."""


@dataclass(frozen=True, slots=True)
class Item:
    """An issue in a list: its key and its work as counted."""

    key: str
    amount: float


@dataclass(frozen=True, slots=True)
class Reestimate:
    key: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Scope:
    """How the work of a sprint changed since its start."""

    committed: float
    committed_issues: int
    now: float
    """All that is in the sprint now and was not cancelled."""
    done: float
    doing: float
    todo: float
    added: tuple[Item, ...] = ()
    """What counts as added, in the order it came."""
    removed: tuple[Item, ...] = ()
    """Committed and gone."""
    reestimated: tuple[Reestimate, ...] = ()
    """Committed, with an estimate other than at the start."""
    not_counted: dict[str, int] = field(default_factory=dict)
    """Additions that do not count, by why: ``late_planning``, ``carried_over``, ``automated``,
    ``subtask``, ``undone``; how many issues."""
    grown_by: float = 0.0
    """Points added, and points by which committed issues were re-estimated upwards."""
    share: float = 0.0
    """``grown_by`` over ``committed``; 0 without a commitment."""
    crossing: str | None = None
    """The key of the issue with which the budget was crossed; None while it is not."""
    unestimated: int = 0
    """Issues now in it, not done, without an estimate."""

    @property
    def plan_left(self) -> float:
        """What is left of the commitment: without what was taken out, or estimated lower since."""
        gone = sum(item.amount for item in self.removed)
        return self.committed - gone - sum(max(one.before - one.after, 0) for one in self.reestimated)


@dataclass(frozen=True, slots=True)
class Past:
    """What the board's finished sprints delivered, in the sprint's unit."""

    sprints: int
    low: float
    high: float
    """The middle 80 % of them; with fewer than five, all."""
    usual: float
    """The median."""
    last: int
    """How many of them these figures are taken from, the newest ones."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """The fewest unstarted, lowest-ranked issues whose move would help."""

    move: tuple[Item, ...]
    """Nothing when no move gets there and none helps enough to be worth saying."""
    p_enough: float
    """The chance afterwards that enough of what is left is done."""
    p_all_done: float
    reaches: bool
    """Whether that brings the chance over the admin's line."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A committed issue that asks for more than it did at the start."""

    key: str
    new_demands: int
    """Lines that ask for something new."""
    subtasks: int
    """Sub-tasks made after the start."""
    before: float | None = None
    after: float | None = None
    """Its estimates, where they differ."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """An issue in progress that does not move."""

    key: str
    days: float
    """At its present state."""
    usual: float | None
    """The days after which 85 % of this board's issues have left that state; None: blocked only."""
    blockers: tuple[str, ...] = ()
    """Keys of open issues it waits for."""


@dataclass(frozen=True, slots=True)
class SprintJudgement:
    """All that was found about a sprint at one moment."""

    sprint: Sprint
    unit: Unit
    at: datetime
    t: float
    """Share (0..1) of the planned time that has passed."""
    activated: datetime
    rebuilt: bool
    scope: Scope
    forecast: Forecast
    past: Past
    budget: float
    """Share of the commitment that may be added."""
    done_share: float
    """Less than this of the commitment done is overcommitted."""
    warn_below: float
    away: float = 0.0
    """Share (0..1) of the team's working days that fall out by absence, of those still to come."""
    unestimated_as: float = 0.0
    watches_scope: bool = True
    """Whether the admin wants to hear of its growth."""
    way_out: WayOut | None = None
    grown: tuple[Grown, ...] = ()
    stalled: tuple[Stalled, ...] = ()
    concerns: frozenset[Concern] = frozenset()
