"""What the work of a sprint is counted in, and how much an issue counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from classifiers.scope import Counted
from classifiers.sprint_memory import SprintMemory
from rules.sprint_rules import Measure, SprintRules
from trackers.sprints import Board, Finished, Unit

_ENOUGH = 0.5
"""Where fewer issues than this share have an estimate, sums of estimates tell little about the work."""


def measure(memory: SprintMemory, board: Board, rules: SprintRules, finished: Iterable[Finished]) -> Unit:
    """In what a sprint is counted; asked once, at its start, so that no sprint changes in mid-course."""
    if board.unit is Unit.ISSUES or rules.measure is Measure.ISSUES:
        return Unit.ISSUES
    if rules.measure is Measure.ESTIMATES:
        return board.unit
    planned = [stay for stay in memory.stays.values() if stay.committed and not stay.subtask]
    shares = [one.estimated for one in finished if one.unit is board.unit]
    if planned:
        share = sum(stay.first is not None for stay in planned) / len(planned)
    else:
        share = sum(shares) / len(shares) if shares else 1.0
    return board.unit if share >= _ENOUGH else Unit.ISSUES


def comparable(unit: Unit, board: Unit) -> bool:
    """Whether a sprint counted in ``unit`` can be, now that its board estimates in ``board``.

    Where not, estimates of before and after the change are of different things; only issues can still
    be counted.
    """
    return unit in (Unit.ISSUES, board)


def unestimated(unit: Unit, board: Board, rules: SprintRules) -> float:
    """What an issue without an estimate counts: by the admin's word, else as its tracker counts it."""
    if unit is Unit.ISSUES:
        return 1.0
    return rules.unestimated if rules.unestimated is not None else board.unestimated or 0.0


def counting(unit: Unit, board: Board, rules: SprintRules) -> Counted:
    """From an estimate to the amount an issue counts."""
    if unit is Unit.ISSUES:
        return lambda estimate: 1.0
    default = unestimated(unit, board, rules)
    return lambda estimate: default if estimate is None else estimate
