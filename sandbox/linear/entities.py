"""The rows of a toy workspace. Frozen: a change puts a new row in the old one's place.

Times are milliseconds. Attribute names are Linear's field names in Python's spelling.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every entity has."""

    id: str
    created_at: int
    updated_at: int
    archived_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Row):
    name: str
    display_name: str
    email: str
    app: bool = False
    active: bool = True
    admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Team(Row):
    key: str
    name: str
    description: str | None = None
    parent: None = None
    visibility: str = "public"
    timezone: str = "Europe/Oslo"
    triage_enabled: bool = False
    cycles_enabled: bool = True
    cycle_duration: float = 2
    cycle_start_day: float = 1
    cycle_cooldown_time: float = 0
    upcoming_cycle_count: float = 1
    cycle_issue_auto_assign_started: bool = False
    cycle_issue_auto_assign_completed: bool = False
    cycle_lock_to_active: bool = False
    issue_estimation_type: str = "fibonacci"
    issue_estimation_allow_zero: bool = False
    issue_estimation_extended: bool = False
    inherit_issue_estimation: bool = False
    default_issue_estimate: float = 1
    auto_archive_period: float = 6
    group_issue_history: bool = False
    label_management: str = "member"
    """The least role in the team that may make its labels: ``member`` or ``owner``."""

    @property
    def display_name(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowState(Row):
    name: str
    type: str
    color: str
    position: float
    team_id: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Row):
    name: str
    color: str = "#5e6ad2"
    description: str | None = None
    is_group: bool = False
    parent_id: str | None = None
    team_id: str | None = None
    """None for a label of the whole workspace."""
    creator_id: str | None = None
    inherited_from: None = None
    last_applied_at: int | None = None
    retired_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle(Row):
    number: int
    team_id: str
    starts_at: int
    ends_at: int
    name: str | None = None
    description: str | None = None
    completed_at: int | None = None
    uncompleted_ids: tuple[str, ...] = ()
    inherited_from: None = None
    auto_archived_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Row):
    name: str
    health: str | None = None
    health_updated_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUpdate(Row):
    project_id: str
    user_id: str
    body: str
    health: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorBot:
    id: str | None
    type: str
    name: str
    user_display_name: str | None = None
    sub_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue(Row):
    number: int
    identifier: str
    team_id: str
    title: str
    state_id: str
    description: str | None = None
    priority: int = 0
    estimate: float | None = None
    sort_order: float = 0
    label_ids: tuple[str, ...] = ()
    cycle_id: str | None = None
    project_id: str | None = None
    parent_id: str | None = None
    assignee_id: str | None = None
    creator_id: str | None = None
    bot_actor: ActorBot | None = None
    subscriber_ids: tuple[str, ...] = ()
    added_to_team_at: int | None = None
    added_to_cycle_at: int | None = None
    added_to_project_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    canceled_at: int | None = None
    trashed: bool | None = None
    bot_label_ids: frozenset[str] = frozenset()
    """Labels put on through the API; not part of what Linear tells, shown by the toy's own page."""

    @property
    def priority_label(self) -> str:
        return PRIORITIES[self.priority]


PRIORITIES = ("No priority", "Urgent", "High", "Medium", "Low")


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Row):
    """One entry of an issue's history; None where that property did not change."""

    issue_id: str
    actor_id: str | None
    updated_description: bool | None = None
    from_title: str | None = None
    to_title: str | None = None
    from_estimate: float | None = None
    to_estimate: float | None = None
    from_cycle_id: str | None = None
    to_cycle_id: str | None = None
    from_state_id: str | None = None
    to_state_id: str | None = None
    from_project_id: str | None = None
    to_project_id: str | None = None
    from_parent_id: str | None = None
    to_parent_id: str | None = None
    from_assignee_id: str | None = None
    to_assignee_id: str | None = None
    from_priority: float | None = None
    to_priority: float | None = None
    added_label_ids: tuple[str, ...] | None = None
    removed_label_ids: tuple[str, ...] | None = None
    archived: bool | None = None
    trashed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Row):
    body: str
    issue_id: str
    user_id: str | None
    parent_id: str | None = None
    quoted_text: str | None = None
    bot_actor: ActorBot | None = None
    edited_at: int | None = None
    resolved_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation(Row):
    """One issue's relation to another: ``blocks``, ``duplicate`` or ``related``."""

    type: str
    issue_id: str
    related_issue_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook(Row):
    url: str | None
    resource_types: tuple[str, ...]
    secret: str | None = None
    label: str | None = None
    enabled: bool = True
    all_public_teams: bool = True
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change. ``user`` is None for Linear's own automations."""

    user: User | None
    api: bool = False
    """Whether the change came through the API, and so from the bot."""


AUTOMATION = Actor(None)
"""Linear itself."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change to be told by webhook: the row as it is now, and as it was before an update."""

    action: str
    row: Row
    actor: Actor
    before: Row | None = None
    age_ms: int = 0
