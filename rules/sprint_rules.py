"""What holds for the sprints of one board or team, inherited settings included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from rules.calendar import Calendar
from rules.schema import Mode


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
    """For the admin's own eyes: never shown, never stored."""


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
