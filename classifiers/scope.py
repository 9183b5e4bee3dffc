"""How the work of a running sprint changed since its start, as people are told it and as forecasts read it.

The two differ on purpose. A warning tells what nobody would dispute, so it leaves out what trackers and
habits put into every sprint. A forecast was fitted on sprints where nobody could tell these apart, so it
takes every coming and going as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from classifiers.sprint_judgement import Item, Reestimate, Scope
from classifiers.sprint_memory import SprintMemory, Stay
from classifiers.sprint_rows import Count, Moment, SprintRow
from trackers.sprints import Sprint, Stage

UNDONE: Final = timedelta(hours=1)
"""What joined and left again so soon was a slip of the hand."""
_ROUNDING: Final = 1e-9
_DAY: Final = timedelta(days=1)

Counted = Callable[[float | None], float]
"""What an issue with this estimate counts; None is an issue without one."""


def scope_of(memory: SprintMemory, counted: Counted, *, grace: timedelta, budget: float) -> Scope:
    """How the scope of a sprint changed since its start.

    ``grown_by`` is what was added and is still asked for, plus what re-estimates of committed issues come
    to together where that is more than nothing. What was taken out is told beside it and not taken off:
    a swap hands back the room in the plan, not the time and the thought that went into what left, and
    what the swap does for the rest of the sprint is the forecast's to say. For the same reason estimates
    that fell never make up for additions. A first estimate for an issue that had none shows among the
    re-estimates but is no growth: the work is known better, not larger.

    Added issues count by their present estimate. They do not count if they came over unfinished from an
    earlier sprint, were put in by an automation, belong to a committed issue, joined within the grace,
    or are gone again. Sub-tasks whose estimates boards do not count appear in no amount.

    Args:
        counted: what an issue counts, in the sprint's unit; 1 for every issue where issues are counted.
        grace: after the activation; what joins until then is late planning.
        budget: share of the commitment that may be added. Where nothing was committed there is no plan to
            outgrow, and nothing crosses it.
    """
    stays = _whole(memory)
    committed = [stay for stay in stays if stay.committed]
    present = [stay for stay in stays if not is_gone(stay)]
    added, not_counted = _additions(memory, grace)
    items = tuple(Item(stay.key, counted(stay.points)) for stay in added)
    changed = [
        stay for stay in committed if not is_gone(stay) and counted(stay.points) != counted(stay.first)
    ]
    rises = [
        Item(stay.key, counted(stay.points) - counted(stay.first))
        for stay in changed
        if stay.first is not None
    ]
    plan = _sum(committed, counted, at_start=True)
    grown_by = sum(item.amount for item in items) + max(0.0, sum(rise.amount for rise in rises))
    return Scope(
        committed=plan,
        committed_issues=len(committed),
        now=_sum(present, counted),
        done=_sum(_at(present, Stage.DONE), counted),
        doing=_sum(_at(present, Stage.DOING), counted),
        todo=_sum(_at(present, Stage.TODO), counted),
        added=items,
        removed=tuple(Item(stay.key, counted(stay.first)) for stay in committed if is_gone(stay)),
        reestimated=tuple(Reestimate(s.key, counted(s.first), counted(s.points)) for s in changed),
        not_counted=not_counted,
        grown_by=grown_by,
        share=grown_by / plan if plan > 0 else 0.0,
        crossing=_crossing(items, rises, budget * plan) if _over(grown_by, budget * plan, plan) else None,
        unestimated=sum(stay.points is None and stay.stage is not Stage.DONE for stay in present),
    )


def row_of(
    memory: SprintMemory, sprint: Sprint, now: datetime, counted: Counted, *, project: str, team: float | None
) -> tuple[SprintRow, Moment]:
    """An open sprint as forecasts read it, and its present moment, which is the row's only one.

    Added is all that joined after the start, removed all that left or was cancelled; in issues,
    start + added - removed = todo + doing + done. In points re-estimates come between.

    Args:
        project: the key of the board's project; rows of one project share a history.
        team: people with an issue in the sprint.
    """
    stays = _whole(memory)
    present = [stay for stay in stays if not is_gone(stay)]
    planned = sprint.end - memory.activated if sprint.end is not None else None
    moment = Moment(
        t=passed(memory, sprint, now),
        added=_count((stay for stay in stays if not stay.committed), counted),
        removed=_count((stay for stay in stays if is_gone(stay)), counted),
        todo=_count(_at(present, Stage.TODO), counted),
        doing=_count(_at(present, Stage.DOING), counted),
        done=_count(_at(present, Stage.DONE), counted),
        team=team,
    )
    row = SprintRow(
        id=sprint.id,
        project=project,
        board=sprint.board,
        order=memory.activated.timestamp(),
        planned_days=max(planned / _DAY, 0.0) if planned is not None else None,
        start=_count((stay for stay in stays if stay.committed), counted, at_start=True),
        moments=(moment,),
    )
    return row, moment


def passed(memory: SprintMemory, sprint: Sprint, now: datetime) -> float:
    """The share (0..1) of the planned time that has passed; 0 for a sprint without an end."""
    if sprint.end is None:
        return 0.0
    if sprint.end <= memory.activated:
        return 1.0
    return min(max((now - memory.activated) / (sprint.end - memory.activated), 0.0), 1.0)


def _whole(memory: SprintMemory) -> list[Stay]:
    """All stays that boards count, in the sprint's own order."""
    counted = (stay for stay in memory.stays.values() if not stay.subtask)
    return sorted(counted, key=lambda stay: (stay.rank, stay.id))


def is_gone(stay: Stay) -> bool:
    """Whether it left the sprint or was cancelled."""
    return stay.left is not None or stay.stage is Stage.DROPPED


def _at(stays: Iterable[Stay], stage: Stage) -> list[Stay]:
    return [stay for stay in stays if stay.stage is stage]


def _additions(memory: SprintMemory, grace: timedelta) -> tuple[list[Stay], dict[str, int]]:
    """What counts as added, in the order it came, and how many do not by why."""
    counts: list[Stay] = []
    why_not: Counter[str] = Counter()
    for stay in memory.stays.values():
        if stay.committed:
            continue
        reason = not_counted_because(stay, memory, grace)
        if reason is not None:
            why_not[reason] += 1
        elif not is_gone(stay):
            counts.append(stay)
    last = max((stay.joined for stay in counts if stay.joined is not None), default=memory.activated)
    counts.sort(key=lambda stay: (stay.joined or last, stay.id))
    return counts, {reason: why_not[reason] for reason in sorted(why_not)}


def not_counted_because(stay: Stay, memory: SprintMemory, grace: timedelta) -> str | None:
    """Why an addition does not count; the first that holds, from the most to the least telling.

    None where it does, and for what stayed a while and is gone again.
    """
    if is_gone(stay):
        slipped = stay.joined and stay.left and stay.left - stay.joined <= UNDONE
        return "undone" if slipped else None
    if stay.carried:
        return "carried_over"
    if stay.subtask or _of_committed(stay, memory.stays):
        return "subtask"
    if stay.automated:
        return "automated"
    if stay.joined is not None and stay.joined - memory.activated <= grace:
        return "late_planning"
    return None


def _of_committed(stay: Stay, stays: Mapping[str, Stay]) -> bool:
    """Whether an issue above it, however far, was committed."""
    met: set[str] = set()
    above = stays.get(stay.parent or "")
    while above is not None and above.id not in met:
        if above.committed:
            return True
        met.add(above.id)
        above = stays.get(above.parent or "")
    return False


def _over(grown_by: float, allowed: float, plan: float) -> bool:
    return plan > 0 and grown_by > allowed + _ROUNDING


def _crossing(added: Sequence[Item], rises: Sequence[Item], allowed: float) -> str | None:
    """The key of what crossed the budget. Of re-estimates nobody remembers when they were, so they come
    after the additions, the largest first."""
    so_far = 0.0
    for item in (*added, *sorted(rises, key=lambda rise: (-rise.amount, rise.key))):
        so_far += item.amount
        if so_far > allowed + _ROUNDING:
            return item.key
    return None


def _sum(stays: Iterable[Stay], counted: Counted, *, at_start: bool = False) -> float:
    return float(sum(counted(stay.first if at_start else stay.points) for stay in stays))


def _count(stays: Iterable[Stay], counted: Counted, *, at_start: bool = False) -> Count:
    these = list(stays)
    return Count(float(len(these)), _sum(these, counted, at_start=at_start))
