"""What a toy workspace holds before anyone comes. Ids are the same in every run."""

from __future__ import annotations

from sandbox.linear.config import LinearConfig
from sandbox.linear.entities import Cycle, Issue, Label, Project, Team, User, WorkflowState
from sandbox.linear.state import State
from sandbox.linear.values import DAY, now_ms, stable_id

BOT = "Sprintwarden"
"""The display name of the app user."""

WORKSPACE_LABELS = ("Bug", "Feature", "security", "documentation")
GROUP = ("Area", ("api", "ui"))

_COLUMNS = (
    ("Backlog", "backlog", "#bec2c8"),
    ("Todo", "unstarted", "#e2e2e2"),
    ("In Progress", "started", "#f2c94c"),
    ("In Review", "started", "#0f783c"),
    ("Done", "completed", "#5e6ad2"),
    ("Canceled", "canceled", "#95a2b3"),
    ("Duplicate", "duplicate", "#95a2b3"),
)
_SEED_POINTS = 3


def seed(state: State, config: LinearConfig) -> User:
    """Fill an empty workspace and give its app user."""
    now = now_ms()
    born = now - 400 * DAY
    bot = User(
        id=stable_id("user", BOT),
        created_at=born,
        updated_at=born,
        name=BOT,
        display_name=BOT.lower(),
        email=f"{BOT.lower()}@oauthapp.linear.app",
        app=True,
    )
    state.users[bot.id] = bot
    _seed_labels(state, born)
    for key in config.teams:
        _seed_team(state, config, key, born)
    return bot


def _seed_labels(state: State, born: int) -> None:
    for name in WORKSPACE_LABELS:
        _label(state, born, name)
    group, children = GROUP
    parent = _label(state, born, group, is_group=True)
    for name in children:
        _label(state, born, name, parent_id=parent.id)


def _label(
    state: State,
    born: int,
    name: str,
    *,
    is_group: bool = False,
    parent_id: str | None = None,
    team_id: str | None = None,
) -> Label:
    label = Label(
        id=stable_id("label", team_id or "", name),
        created_at=born,
        updated_at=born,
        name=name,
        is_group=is_group,
        parent_id=parent_id,
        team_id=team_id,
    )
    state.labels[label.id] = label
    return label


def _seed_team(state: State, config: LinearConfig, key: str, born: int) -> None:
    team_id = stable_id("team", key)
    team = Team(id=team_id, created_at=born, updated_at=born, key=key, name=f"{key.capitalize()} team")
    state.teams[team.id] = team
    for position, (name, kind, color) in enumerate(_COLUMNS):
        row = WorkflowState(
            id=stable_id("state", key, name),
            created_at=born,
            updated_at=born,
            name=name,
            type=kind,
            color=color,
            position=position,
            team_id=team.id,
        )
        state.states[row.id] = row
    _label(state, born, f"{key.lower()}-infra", team_id=team.id)
    project = Project(
        id=stable_id("project", key), created_at=born, updated_at=born, name=f"{key.capitalize()} launch"
    )
    state.projects[project.id] = project
    _seed_cycles(state, config, team)


def _seed_cycles(state: State, config: LinearConfig, team: Team) -> None:
    length = config.cycle_days * DAY
    began = now_ms() - round(config.cycle_elapsed_days * DAY)
    finished = len(config.past_cycles)
    for number in range(1, finished + 3):
        starts_at = began + (number - 1 - finished) * length
        ends_at = starts_at + length
        over = number <= finished
        cycle = Cycle(
            id=stable_id("cycle", team.key, str(number)),
            created_at=starts_at - length,
            updated_at=ends_at if over else starts_at - length,
            number=number,
            team_id=team.id,
            starts_at=starts_at,
            ends_at=ends_at,
            completed_at=ends_at if over else None,
        )
        state.cycles[cycle.id] = cycle
        if over:
            _seed_past(state, config, team, cycle)


def _seed_past(state: State, config: LinearConfig, team: Team, cycle: Cycle) -> None:
    """The issues of a finished cycle, all planned before its start, and its daily figures."""
    planned, done = config.past_cycles[cycle.number - 1]
    points = [min(_SEED_POINTS, done - at) for at in range(0, done, _SEED_POINTS)]
    for place, estimate in enumerate(points):
        done_at = cycle.starts_at + (place + 1) * (cycle.ends_at - cycle.starts_at) // (len(points) + 1)
        _seed_issue(state, team, cycle, estimate, done_at)
        day = (done_at - cycle.starts_at) // DAY
        state.samples.setdefault(cycle.id, {})[day] = (
            float(planned),
            float(sum(points[: place + 1])),
            0.0,
            len(points),
            place + 1,
        )
    state.samples.setdefault(cycle.id, {})[-1] = (float(planned), 0.0, 0.0, len(points), 0)


def _seed_issue(state: State, team: Team, cycle: Cycle, estimate: int, done_at: int) -> None:
    number = state.next_number(team.id)
    planned_at = cycle.starts_at - DAY
    state.store_issue(
        Issue(
            id=stable_id("issue", team.key, str(number)),
            created_at=planned_at,
            updated_at=done_at,
            number=number,
            identifier=f"{team.key}-{number}",
            team_id=team.id,
            title=f"Finished work {number}",
            state_id=stable_id("state", team.key, "Done"),
            estimate=float(estimate),
            cycle_id=cycle.id,
            added_to_team_at=planned_at,
            added_to_cycle_at=planned_at,
            started_at=cycle.starts_at,
            completed_at=done_at,
        )
    )
