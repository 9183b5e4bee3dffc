"""The end of a cycle: what is unfinished moves on by itself (linear.app/docs/use-cycles)."""

from __future__ import annotations

from sandbox.linear import cycles, issues
from sandbox.linear.entities import AUTOMATION, Actor, Cycle
from sandbox.linear.state import State
from sandbox.linear.values import now_ms

CLOSED = frozenset({"completed", "canceled", "duplicate"})


def close(state: State, actor: Actor, cycle: Cycle) -> Cycle:
    """End a cycle now: its unfinished issues are noted and roll over to the next one."""
    left = [issue for issue in state.issues_in(cycle.id) if state.states[issue.state_id].type not in CLOSED]
    now = now_ms()
    closed = cycles.update(
        state,
        actor,
        cycle,
        {
            "completed_at": now,
            "ends_at": min(cycle.ends_at, now),
            "uncompleted_ids": tuple(issue.id for issue in left),
        },
    )
    target = cycles.next_of(state, cycle.team_id)
    for issue in left:
        issues.update(state, AUTOMATION, issue, {"cycle_id": target.id if target else None})
    return closed
