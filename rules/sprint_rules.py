"""What holds for the sprints of one board or team, inherited settings included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from rules.calendar import Calendar
from rules.fields import Mode

MOST_ABSENT: Final = 0.95
"""Somebody is always there: a team of which nobody is could not be told anything about its capacity."""


class LineKind(StrEnum):
    """What a line of a description is to whoever has to build it."""

    DEMAND = "demand"
    """It asks for something."""
    CLARIFICATION = "clarification"
    """It explains, narrows, asks, decides or reports."""
    FORMATTING = "formatting"
    """Headings, links, signatures and the like: nothing to build and nothing to know."""


class Measure(StrEnum):
    """What a board's work is counted in."""

    AUTO = "auto"
    """In the board's estimates where most issues have one, else in issues."""
    ESTIMATES = "estimates"
    ISSUES = "issues"


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody of the team is away, first and last day included."""

    first: date
    last: date
    who: str | None = None
    """For the admin's own eyes: no comment or record names them."""


@dataclass(frozen=True, slots=True)
class SprintRules:
    """All that an admin says about the sprints of a board."""

    enabled: bool = True
    mode: Mode = Mode.DRY_RUN
    measure: Measure = Measure.AUTO
    unestimated: float | None = None
    """What an issue without an estimate counts; None: what the tracker says, else 0."""
    min_history: int = 3
    """Finished sprints a board must have before anything is said."""
    overcommit: bool = True
    warn_below: float = 0.25
    """Warn when the chance (0..1) that at least ``done_share`` of the commitment gets done is below this."""
    done_share: float = 0.8
    overcommit_grace: timedelta = timedelta(0)
    """Nothing is said about overcommitment this soon after the start."""
    scope_creep: bool = True
    budget: float = 0.15
    """Share of the committed work that may be added before it is said."""
    scope_grace: timedelta = timedelta(hours=24)
    """What is added this soon after the start is late planning."""
    requirements: bool = True
    """Whether issues described further after the start are told."""
    requirement_lines: tuple[tuple[str, LineKind], ...] = ()
    """Lines of descriptions that were judged wrongly, each with what it is."""
    stalled: bool = True
    tracking_issue: str | None = None
    """Key of the issue that all warnings of this board stand on."""
    mention: str | None = None
    """Put before a warning that is posted anew; as the admin wrote it, in the tracker's own markup."""
    again: bool = False
    """Whether a warning that got graver is posted anew."""
    comment_outside: bool = False
    calendar: Calendar = field(default_factory=Calendar)
    """When comments may be written."""
    people: int | None = None
    """Size of the team; None: as many as have an issue in the sprint."""
    away: tuple[Away, ...] = ()
    scope_label: str | None = None
    """Put on issues that were added after the start; None: no such label."""
    snooze_label: str = "sprintwarden-snooze"
    wording: Mapping[str, str] = field(default_factory=dict)
    """Templates by name that take the place of the shipped ones (``rules.wording``)."""


def absent_share(
    away: Iterable[Away],
    people: int,
    calendar: Calendar,
    start: datetime,
    end: datetime,
    zone: str | None = None,
) -> float:
    """The share (0 to ``MOST_ABSENT``) of a team's working days from ``start`` to ``end`` that absences take.

    ``people`` is the size of the team: the admin's word (``SprintRules.people``), else the caller's
    count; without anybody the share is 0. One person's absences that overlap count once, as far as
    ``who`` tells. ``zone`` is the board's own, for a calendar without one.
    """
    days = calendar.working_days_between(start, end, zone)
    if people < 1 or not days:
        return 0.0
    absences = list(away)
    missing = sum(min(_missing(absences, day), people) for day in days)
    return min(missing / (people * len(days)), MOST_ABSENT)


def _missing(away: Iterable[Away], day: date) -> int:
    """How many people are away on ``day``."""
    those = [absence.who for absence in away if absence.first <= day <= absence.last]
    return those.count(None) + len({who for who in those if who is not None})
