"""Committed issues that ask for more than they did when the sprint began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from classifiers.requirement_model import LineJudge
from classifiers.requirements import new_lines
from classifiers.sprint_judgement import Grown
from classifiers.sprint_memory import SprintMemory, Stay
from rules.sprint_rules import LineKind
from trackers.sprints import Stage

ENOUGH: Final = 2
"""New demands that are a sign by themselves."""


def grown(memory: SprintMemory, texts: Mapping[str, str], key: bytes, judge: LineJudge) -> tuple[Grown, ...]:
    """The committed issues that have grown, in the sprint's own order; not what is done or gone.

    There are three signs: lines that ask for something new, sub-tasks made since the start, and an estimate
    that was raised. Each alone is everyday life: one line may be misread, teams break work down as they go,
    and a raised estimate is told with the sprint's scope. So an issue is told when two of them come
    together, or for two new demands.

    Args:
        texts: present descriptions by issue id; of one that is not there, no lines are compared.
        key: what the lines at the start were fingerprinted with.
    """
    subtasks = Counter(stay.parent for stay in memory.stays.values() if _new_subtask(stay))
    committed = [stay for stay in memory.stays.values() if _open_commitment(stay)]
    committed.sort(key=lambda stay: (stay.rank, stay.id))
    found = (
        Grown(
            key=stay.key,
            new_demands=_demands(stay, texts.get(stay.id), key, judge),
            subtasks=subtasks[stay.id],
            before=before,
            after=after,
        )
        for stay in committed
        for before, after in [_estimates(stay)]
    )
    return tuple(one for one in found if _is_told(one))


def _is_told(one: Grown) -> bool:
    raised = one.before is not None and one.after is not None and one.after > one.before
    return one.new_demands >= ENOUGH or (one.new_demands > 0) + (one.subtasks > 0) + raised >= 2


def _open_commitment(stay: Stay) -> bool:
    return (
        stay.committed
        and not stay.subtask
        and stay.left is None
        and stay.stage not in (Stage.DONE, Stage.DROPPED)
    )


def _new_subtask(stay: Stay) -> bool:
    return not stay.committed and stay.left is None and stay.stage is not Stage.DROPPED


def _demands(stay: Stay, text: str | None, key: bytes, judge: LineJudge) -> int:
    if stay.lines is None or text is None:
        return 0
    return sum(judge.judge(line) is LineKind.DEMAND for line in new_lines(stay.lines, text, key))


def _estimates(stay: Stay) -> tuple[float | None, float | None]:
    """Both, where they differ and there were two; a first estimate says nothing about growth."""
    if stay.first is None or stay.points is None or stay.first == stay.points:
        return None, None
    return stay.first, stay.points
