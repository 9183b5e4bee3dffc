"""Cycles: where each stands in time, its daily figures, its dates.

Rules: linear.app/docs/use-cycles and the vendor's schema (type ``Cycle``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.linear.entities import Actor, Cycle, Issue
from sandbox.linear.state import Samples, State, touched
from sandbox.linear.values import DAY, SECOND, now_ms


def is_past(cycle: Cycle) -> bool:
    return cycle.completed_at is not None or cycle.ends_at <= now_ms()


def is_active(cycle: Cycle) -> bool:
    return not is_past(cycle) and cycle.starts_at <= now_ms()


def is_future(cycle: Cycle) -> bool:
    return not is_past(cycle) and cycle.starts_at > now_ms()


def next_of(state: State, team_id: str) -> Cycle | None:
    """The first cycle that has not begun."""
    return next((cycle for cycle in state.cycles_of(team_id) if is_future(cycle)), None)


def previous_of(state: State, team_id: str) -> Cycle | None:
    """The last cycle that is over."""
    return next((cycle for cycle in reversed(state.cycles_of(team_id)) if is_past(cycle)), None)


def active_of(state: State, team_id: str) -> Cycle | None:
    """The cycle that runs now."""
    return next((cycle for cycle in state.cycles_of(team_id) if is_active(cycle)), None)


def figures(state: State, cycle: Cycle) -> dict[str, list[float]]:
    """The five history arrays: one value per day, a day without change repeating the last."""
    end = cycle.completed_at or cycle.ends_at
    days = _day(cycle, min(now_ms(), end - 1)) + 1 if cycle.starts_at <= now_ms() else 0
    samples = state.samples.get(cycle.id, {})
    rows: list[tuple[float, ...]] = []
    for day in range(days):
        last: tuple[float, ...] = rows[-1] if rows else _before_start(samples)
        rows.append(samples.get(day, last))
    names = (
        "scope_history",
        "completed_scope_history",
        "in_progress_scope_history",
        "issue_count_history",
        "completed_issue_count_history",
    )
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def progress(state: State, cycle: Cycle) -> float:
    """Completed plus a quarter of what is in progress, over all; 0 without points."""
    scope, done, doing, _, _ = _measure(state, cycle)
    return (done + doing / 4) / scope if scope else 0.0


def sample(state: State, cycle_id: str | None) -> None:
    """Note the figures of a cycle for the day, after a change inside it."""
    cycle = state.cycles.get(cycle_id or "")
    if cycle is None:
        return
    day = _day(cycle, min(now_ms(), cycle.ends_at - 1))
    state.samples.setdefault(cycle.id, {})[day] = _measure(state, cycle)


def update(state: State, actor: Actor, cycle: Cycle, changes: Mapping[str, Any]) -> Cycle:
    """Set fields of a cycle and tell it; nothing where nothing differs."""
    changed = {name: value for name, value in changes.items() if getattr(cycle, name) != value}
    if not changed:
        return cycle
    new = replace(touched(cycle), **changed)
    state.cycles[cycle.id] = new
    state.emit("update", new, actor, cycle)
    return new


def move(state: State, actor: Actor, cycle: Cycle, starts_in: float | None, ends_in: float | None) -> Cycle:
    """Set a cycle's dates, in seconds from now."""
    changes = {}
    if starts_in is not None:
        changes["starts_at"] = now_ms() + round(starts_in * SECOND)
    if ends_in is not None:
        changes["ends_at"] = now_ms() + round(ends_in * SECOND)
    return update(state, actor, cycle, changes)


def period_of(state: State, issue: Issue) -> str | None:
    """Whether an issue joined its present cycle before, during or after it."""
    cycle = state.cycles.get(issue.cycle_id or "")
    if cycle is None or issue.added_to_cycle_at is None:
        return None
    if issue.added_to_cycle_at < cycle.starts_at:
        return "before"
    return "during" if issue.added_to_cycle_at < (cycle.completed_at or cycle.ends_at) else "after"


def _day(cycle: Cycle, at: int) -> int:
    return (at - cycle.starts_at) // DAY


def _before_start(samples: Samples) -> tuple[float, ...]:
    early = [day for day in samples if day < 0]
    return samples[max(early)] if early else (0.0, 0.0, 0.0, 0, 0)


def _state_type(state: State, issue: Issue) -> str:
    return state.states[issue.state_id].type


def _measure(state: State, cycle: Cycle) -> tuple[float, float, float, int, int]:
    default = state.teams[cycle.team_id].default_issue_estimate
    scope = done = doing = 0.0
    count = finished = 0
    for issue in state.issues_in(cycle.id):
        kind = _state_type(state, issue)
        if kind in ("canceled", "duplicate"):
            continue
        points = default if issue.estimate is None else issue.estimate
        scope, count = scope + points, count + 1
        done += points if kind == "completed" else 0
        doing += points if kind == "started" else 0
        finished += kind == "completed"
    return scope, done, doing, count, finished
