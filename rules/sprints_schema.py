"""What may stand under ``sprints`` in rules.yaml."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from rules.fields import Grace, LabelName, Listed, Mode, Name, Strictly
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


class Overcommit(Strictly):
    """When a sprint is said to hold more than its team usually finishes."""

    enabled: bool | None = Field(default=None, description="Whether it is said at all. Default true.")
    warn_below: SomeShare | None = Field(
        default=None,
        description="Warn when the chance that enough gets done falls below this. Default 25%.",
    )
    done_share: SomeShare | None = Field(
        default=None,
        description="The part of the commitment that counts as enough. Default 80%.",
    )
    grace: Grace | None = Field(
        default=None,
        description="Nothing is said about it this soon after the start. Default 0s.",
    )


class ScopeCreep(Strictly):
    """When a sprint is said to have grown since its start."""

    enabled: bool | None = Field(default=None, description="Whether it is said at all. Default true.")
    budget: Share | None = Field(
        default=None,
        description="How much may be added before it is said, as a share of the work committed at the start. "
        "Default 15%.",
    )
    grace: Grace | None = Field(
        default=None, description="What is added this soon after the start is late planning. Default 24h."
    )
    label: Annotated[LabelName, Or((False, True))] | None = Field(
        default=None,
        description="The label put on issues added after the grace; true for scope-added. "
        "Default false: none.",
    )


class Notify(Strictly):
    """Where and how a warning is written."""

    tracking_issue: Annotated[IssueKey, Or()] | None = Field(
        default=None,
        description="The issue all warnings of a board or team stand on. Default false: the issue that "
        "crossed the line.",
    )
    mention: Annotated[Mention, Or()] | None = Field(
        default=None,
        description="Put before a warning that is posted anew, in the tracker's own markup, such as "
        "[~accountid:...] on Jira. Default false: nobody.",
    )
    again: bool | None = Field(
        default=None,
        description="Whether a warning that got graver is posted anew instead of edited. Default false.",
    )
    comment_outside: bool | None = Field(
        default=None,
        description="Whether comments are written on Linear issues that are mirrored to places outside the "
        "workspace. Default false.",
    )
    snooze_label: LabelName | None = Field(
        default=None,
        description="A label that silences the warnings of a sprint. Default sprintwarden-snooze.",
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


class Sprints(Strictly):
    """How sprints and cycles are watched."""

    enabled: bool | None = Field(default=None, description="Whether they are watched at all. Default true.")
    mode: Annotated[Mode, Strict(False)] | None = Field(
        default=None,
        description="dry_run only records what would be said, suggest writes the comment and no label, apply "
        "also the label of scope_creep. Default: the mode that holds for issues here.",
    )
    measure: Annotated[Measure, Strict(False)] | None = Field(
        default=None,
        description="What work is counted in: estimates, issues, or auto for estimates where most issues "
        "have one. Default auto.",
    )
    unestimated: Annotated[float, Field(ge=0, le=1000), Or()] | None = Field(
        default=None,
        description="What an issue without an estimate counts. Default false: what the tracker says, else 0.",
    )
    min_history: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None,
        description="Finished sprints a board must have before anything is said. Default 3.",
    )
    overcommit: Overcommit | None = Field(
        default=None, description="When a sprint is said to hold more than its team usually finishes."
    )
    scope_creep: ScopeCreep | None = Field(
        default=None, description="When a sprint is said to have grown since its start."
    )
    requirements: bool | None = Field(
        default=None,
        description="Whether issues whose description demands more since the start are told. Default true.",
    )
    requirement_lines: (
        Annotated[tuple[RequirementLine, ...], Strict(False), Field(max_length=MAX_LINES)] | None
    ) = Field(
        default=None,
        description="Lines that were taken for a demand and are none, or the other way round: they and their "
        "like are judged so from now on. Default none.",
    )
    stalled: bool | None = Field(
        default=None,
        description="Whether issues that have not moved for unusually long are told. Default true.",
    )
    notify: Notify | None = Field(default=None, description="Where and how a warning is written.")
    quiet_hours: Annotated[QuietHours, Or()] | None = Field(
        default=None,
        description="The times of day at which no comment is written. Default false: none.",
    )
    working_days: Listed[Annotated[Weekday, Strict(False)]] | None = Field(
        default=None,
        description="The days on which comments are written and people work: mon, tue, wed ... Default all.",
    )
    holidays: Annotated[tuple[Day, ...], Strict(False), Field(max_length=MAX_HOLIDAYS)] | None = Field(
        default=None, description="Dates on which nobody works, such as 2026-12-25. Default none."
    )
    zone: Zone | None = Field(
        default=None,
        description="The time zone of quiet hours, working days and holidays, unless quiet_hours names it. "
        "Default: the board's own, else UTC.",
    )
    people: Annotated[int, Field(ge=1, le=1000), Or()] | None = Field(
        default=None,
        description="The size of the team. Default false: as many as have an issue in the sprint.",
    )
    away: Annotated[tuple[Absence, ...], Strict(False), Field(max_length=MAX_AWAY)] | None = Field(
        default=None,
        description="Who is away when, so that less can be done. Default nobody.",
    )
    wording: dict[str, str] | None = Field(
        default=None,
        description="Sentences of the comment in place of the shipped ones, by their name.",
        json_schema_extra={"propertyNames": {"enum": [*TEMPLATES]}},
    )


for _model in (Overcommit, ScopeCreep, Notify, QuietHours, Absence, RequirementLine, Sprints):
    _model.model_rebuild()
