"""What to move to a later sprint, so that the rest gets done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from classifiers.capacity_rows import State
from classifiers.sprint_judgement import Item, WayOut

_MOST: Final = 0.5
"""Who moves more than this share of a commitment plans another sprint."""
_TELLING: Final = 0.1
"""A move that falls short of the line must raise the chance by this much to be worth saying."""


class Deliverable(Protocol):
    """What a sprint may deliver; ``capacity.Delivery`` is one."""

    @property
    def state(self) -> State: ...

    def below(self, amounts: NDArray[np.float64], /) -> NDArray[np.float64]: ...


def way_out(
    delivery: Deliverable,
    unstarted: Sequence[Item],
    *,
    line: float,
    done_share: float = 0.8,
    already: float = 0.0,
) -> WayOut:
    """The fewest unstarted issues whose move makes it likely that enough of the rest gets done.

    By the what-if of ``Forecaster.without``. Taken by rank, the lowest first; issues that count nothing
    and those that would bring the move over half of the commitment are passed over. Of what was taken,
    the smallest issues stay in the sprint again if the others are enough.

    Args:
        delivery: what the sprint may deliver, as ``Forecaster.delivery_of`` gives it.
        unstarted: committed issues nobody has begun, the lowest-ranked first.
        line: the chance (0..1) of at least ``done_share`` of what is left done that is to be reached.
        already: points of the commitment that were moved before.
    """
    left = max(delivery.state.start - already, 0.0)

    def chances(move: Sequence[Item]) -> tuple[float, float]:
        rest = max(left - _sum(move), 0.0)
        p_missed, p_some_missed = delivery.below(np.array([done_share * rest, rest]))
        return float(1 - p_missed), float(1 - p_some_missed)

    def reaches(move: Sequence[Item]) -> bool:
        return chances(move)[0] >= line

    if reaches([]):
        return WayOut((), *chances([]), reaches=True)
    move: list[Item] = []
    for item in unstarted:
        if item.amount > 0 and _sum(move) + item.amount <= _MOST * left:
            move.append(item)
            if reaches(move):
                needed = _needed(move, reaches)
                return WayOut(tuple(needed), *chances(needed), reaches=True)
    if chances(move)[0] < chances([])[0] + _TELLING:
        move = []
    return WayOut(tuple(move), *chances(move), reaches=False)


def _needed(move: Sequence[Item], reaches: Callable[[Sequence[Item]], bool]) -> list[Item]:
    needed = list(move)
    for _, item in sorted(enumerate(move), key=lambda one: (one[1].amount, -one[0])):
        rest = [one for one in needed if one is not item]
        if reaches(rest):
            needed = rest
    return needed


def _sum(items: Sequence[Item]) -> float:
    return sum(item.amount for item in items)
