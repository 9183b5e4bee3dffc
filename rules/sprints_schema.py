"""What may stand under ``sprints`` in rules.yaml."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from rules.fields import Grace, Group, LabelName, Listed, Mode, Name, Strictly, setting
from rules.sprint_fields import (
    Day,
    IssueKey,
    Mention,
    Or,
    Share,
    SomeShare,
    TimeOfDay,
    Zone,
)
from rules.sprint_rules import LineKind, Measure
from rules.wording import TEMPLATES

MAX_HOLIDAYS = 500
MAX_AWAY = 500
MAX_LINES = 500
MAX_LINE_CHARS = 500


class Weekday(StrEnum):
    """A day of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Overcommit(Group):
    """When a sprint is said to hold more than its team usually finishes."""

    enabled: bool | None = setting("Whether it is said at all.", True)
    warn_below: SomeShare | None = setting(
        "Warn when the chance that enough gets done falls below this: a higher share warns more often.",
        "25%",
    )
    done_share: SomeShare | None = setting("The part of the commitment that counts as enough.", "80%")
    grace: Grace | None = setting("Nothing is said about it this soon after the start.", "0s")


class ScopeCreep(Group):
    """When a sprint is said to have grown since its start."""

    enabled: bool | None = setting("Whether it is said at all.", True)
    budget: Share | None = setting(
        "How much may be added before it is said, as a share of the work committed at the start.", "15%"
    )
    grace: Grace | None = setting("What is added this soon after the start is late planning.", "24h")
    label: Annotated[LabelName, Or((False, True))] | None = setting(
        "The label put on issues added after the grace; true for scope-added.", False, meaning="none"
    )


class Notify(Group):
    """Where and how a warning is written."""

    tracking_issue: Annotated[IssueKey, Or()] | None = setting(
        "The issue all warnings of a board or team stand on.",
        False,
        meaning="the issue that crossed the line",
    )
    mention: Annotated[Mention, Or()] | None = setting(
        "Put before a warning that is posted anew, in the tracker's own markup, such as [~accountid:...] on "
        "Jira.",
        False,
        meaning="nobody",
    )
    again: bool | None = setting("Whether a warning that got graver is posted anew instead of edited.", False)
    comment_outside: bool | None = setting(
        "Whether comments are written on Linear issues that are mirrored to places outside the workspace.",
        False,
    )
    snooze_label: LabelName | None = setting(
        "A label that silences the warnings of a sprint.", "sprintwarden-snooze"
    )


class QuietHours(Strictly):
    """The times of day at which no comment is written."""

    zone: Zone | None = Field(default=None, description="The time zone, such as Europe/Oslo.")
    from_: TimeOfDay = Field(alias="from", description='The first quiet minute, such as "18:00".')
    to: TimeOfDay = Field(
        description='The end, such as "08:00"; on the next day when it is earlier than the beginning.'
    )


class Absence(Strictly):
    """Somebody of the team is away."""

    who: Name | None = Field(default=None, description="For your own eyes: no comment or record names them.")
    from_: Day = Field(alias="from", description="The first day away, such as 2026-12-24.")
    to: Day = Field(description="The last day away.")


class RequirementLine(Strictly):
    """A line of a description that was judged wrongly, and what it is."""

    line: Annotated[str, Field(min_length=1, max_length=MAX_LINE_CHARS)] = Field(
        description="The line, as it stands in the description."
    )
    kind: Annotated[LineKind, Strict(False)] = Field(
        description="demand (asks for something new), clarification or formatting."
    )


class Sprints(Group):
    """How sprints and cycles are watched."""

    enabled: bool | None = setting("Whether they are watched at all.", True)
    mode: Annotated[Mode, Strict(False)] | None = setting(
        "dry_run only records what would be said, suggest writes the comment and no label, apply also the "
        "label of scope_creep.",
        meaning="the mode that holds for issues here",
    )
    measure: Annotated[Measure, Strict(False)] | None = setting(
        "What work is counted in: estimates, issues, or auto for estimates where most issues have one.",
        Measure.AUTO,
    )
    unestimated: Annotated[float, Field(ge=0, le=1000), Or()] | None = setting(
        "What an issue without an estimate counts.", False, meaning="what the tracker says, else 0"
    )
    min_history: Annotated[int, Field(ge=0, le=20)] | None = setting(
        "Finished sprints a board must have before anything is said.", 3
    )
    overcommit: Overcommit | None = setting(
        "When a sprint is said to hold more than its team usually finishes."
    )
    scope_creep: ScopeCreep | None = setting("When a sprint is said to have grown since its start.")
    requirements: bool | None = setting(
        "Whether issues whose description demands more since the start are told.", True
    )
    requirement_lines: (
        Annotated[tuple[RequirementLine, ...], Strict(False), Field(max_length=MAX_LINES)] | None
    ) = setting(
        "Lines that were taken for a demand and are none, or the other way round: they and their like are "
        "judged so from now on.",
        [],
    )
    stalled: bool | None = setting("Whether issues that have not moved for unusually long are told.", True)
    notify: Notify | None = setting("Where and how a warning is written.")
    quiet_hours: Annotated[QuietHours, Or()] | None = setting(
        "The times of day at which no comment is written.", False, meaning="none"
    )
    working_days: Listed[Annotated[Weekday, Strict(False)]] | None = setting(
        "The days on which comments are written and people work.", [*Weekday]
    )
    holidays: Annotated[tuple[Day, ...], Strict(False), Field(max_length=MAX_HOLIDAYS)] | None = setting(
        "Dates on which nobody works, such as 2026-12-25.", []
    )
    zone: Zone | None = setting(
        "The time zone of quiet hours, working days and holidays, unless quiet_hours names it.",
        meaning="the board's own, else UTC",
    )
    people: Annotated[int, Field(ge=1, le=1000), Or()] | None = setting(
        "The size of the team.", False, meaning="as many as have an issue in the sprint"
    )
    away: Annotated[tuple[Absence, ...], Strict(False), Field(max_length=MAX_AWAY)] | None = setting(
        "Who is away when, so that less can be done.", []
    )
    wording: dict[str, str] | None = setting(
        "Sentences of the comment in place of the shipped ones, by their name. An empty text leaves a "
        "sentence out where the comment reads well without it.",
        propertyNames={"enum": [*TEMPLATES]},
    )


for _model in (Overcommit, ScopeCreep, Notify, QuietHours, Absence, RequirementLine, Sprints):
    _model.model_rebuild()
