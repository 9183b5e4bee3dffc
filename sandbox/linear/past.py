"""A cycle that is over, made after the fact: its issues, its daily figures, its place among the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.linear.entities import Cycle, Issue, Team
from sandbox.linear.state import State
from sandbox.linear.values import DAY, new_id, now_ms

_ADDED_AT = 0.4
"""Share of the cycle after which its additions join."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One issue of the cycle: its estimate, when it came in and when, if ever, it was done."""

    points: float | None
    joined_at: int
    done_at: int | None


def add(state: State, team: Team, wish: Mapping[str, Any]) -> Cycle:
    """Make a finished cycle without telling anyone.

    ``committed`` are the estimates of what it began with (null: not estimated), ``done`` says of
    each whether it was finished, ``added`` are pairs of estimate and done. What is done is so at
    even distances; what is not goes back to the backlog and counts as left over. Later cycles get
    higher numbers. Raises ValueError where the lists do not fit.
    """
    committed, done, added = wish.get("committed") or [], wish.get("done") or [], wish.get("added") or []
    if len(committed) != len(done):
        raise ValueError("done must say of each of committed whether it was finished")
    length = round(float(wish.get("days") or 14) * DAY)
    ends_at = now_ms() - round(float(wish["ended_days_ago"]) * DAY)
    cycle = Cycle(
        id=new_id(),
        created_at=ends_at - 2 * length,
        updated_at=ends_at,
        number=_make_room(state, team, ends_at - length),
        team_id=team.id,
        name=wish.get("name"),
        starts_at=ends_at - length,
        ends_at=ends_at,
        completed_at=ends_at,
    )
    planned = [
        (points, cycle.starts_at - DAY, is_done) for points, is_done in zip(committed, done, strict=True)
    ]
    joining = cycle.starts_at + round(_ADDED_AT * length)
    work = _scheduled(cycle, planned + [(points, joining, is_done) for points, is_done in added])
    left = tuple(_store(state, team, cycle, piece) for piece in work)
    cycle = replace(cycle, uncompleted_ids=tuple(id for id in left if id))
    state.cycles[cycle.id] = cycle
    state.samples[cycle.id] = {
        day: _standing(team, work, cycle.starts_at + (day + 1) * DAY) for day in range(-1, -(-length // DAY))
    }
    return cycle


def _make_room(state: State, team: Team, starts_at: int) -> int:
    """The number of a cycle that began then; those after it move up by one."""
    cycles = state.cycles_of(team.id)
    later = [cycle for cycle in cycles if cycle.starts_at > starts_at]
    for cycle in later:
        state.cycles[cycle.id] = replace(cycle, number=cycle.number + 1)
    return later[0].number if later else len(cycles) + 1


def _scheduled(cycle: Cycle, work: Sequence[tuple[Any, int, bool]]) -> list[_Work]:
    finished = sum(is_done for _, _, is_done in work)
    pieces: list[_Work] = []
    place = 0
    for points, joined_at, is_done in work:
        place += is_done
        span = cycle.ends_at - max(joined_at, cycle.starts_at)
        done_at = cycle.ends_at - span + span * place // (finished + 1) if is_done else None
        pieces.append(_Work(None if points is None else float(points), joined_at, done_at))
    return pieces


def _store(state: State, team: Team, cycle: Cycle, work: _Work) -> str | None:
    """Keep the issue; its id where it was left over."""
    number = state.next_number(team.id)
    columns = {column.type: column.id for column in reversed(state.states_of(team.id))}
    done = work.done_at is not None
    begun = max(work.joined_at, cycle.starts_at)
    issue = Issue(
        id=new_id(),
        created_at=work.joined_at,
        updated_at=work.done_at or cycle.ends_at,
        number=number,
        identifier=f"{team.key}-{number}",
        team_id=team.id,
        title=f"Earlier work {number}",
        state_id=columns["completed" if done else "backlog"],
        estimate=work.points,
        sort_order=-37.0 * number,
        cycle_id=cycle.id if done else None,
        added_to_team_at=work.joined_at,
        added_to_cycle_at=work.joined_at if done else None,
        started_at=begun + (work.done_at - begun) // 2 if work.done_at is not None else None,
        completed_at=work.done_at,
    )
    state.store_issue(issue)
    return None if done else issue.id


def _standing(team: Team, work: Sequence[_Work], at: int) -> tuple[float, float, float, int, int]:
    """Scope, completed scope, scope in progress, issues, completed issues at a moment."""
    here = [piece for piece in work if piece.joined_at < at]
    done = [piece for piece in here if piece.done_at is not None and piece.done_at < at]
    return _points(team, here), _points(team, done), 0.0, len(here), len(done)


def _points(team: Team, work: Sequence[_Work]) -> float:
    default = team.default_issue_estimate
    return sum(default if piece.points is None else piece.points for piece in work)
