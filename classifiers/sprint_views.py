"""A running sprint as forecasts are to see it: as it was promised, with what was added and without. Pure.

What a team can deliver is judged by its whole plan, and what was taken out of it only lowers the bar: else
taking out what is half done would look like losing it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classifiers.capacity import Delivery
from classifiers.capacity_rows import State
from classifiers.scope import Counted, is_gone
from classifiers.sprint_memory import SprintMemory, Stay
from trackers.sprints import Stage


def as_promised(memory: SprintMemory, counted: Counted) -> SprintMemory:
    """As if nothing had been taken out of the commitment, nor any of its estimates lowered.

    What was taken out is put back as far as it had come.
    """

    def put_back(stay: Stay) -> Stay:
        points = max(stay.points, stay.first, key=counted)
        return replace(stay, left=None, stage=_reached(stay), points=points)

    stays = {id_: put_back(stay) if stay.committed else stay for id_, stay in memory.stays.items()}
    return replace(memory, stays=stays)


def without_additions(memory: SprintMemory) -> SprintMemory:
    """As if nothing had been added, nor any estimate raised; a first estimate is no raise."""

    def as_estimated(stay: Stay) -> Stay:
        return stay if stay.first is None else replace(stay, points=stay.first)

    stays = {id_: as_estimated(stay) for id_, stay in memory.stays.items() if stay.committed}
    return replace(memory, stays=stays)


def taken_out(memory: SprintMemory, counted: Counted) -> float:
    """How much less is to be done of what was committed: what left or was cancelled, and lowered estimates.

    What had been done by then is done all the same, so that it lowers nothing.
    """
    plan = (stay for stay in memory.stays.values() if stay.committed and not stay.subtask)
    return float(sum(_less(stay, counted) for stay in plan if _reached(stay) is not Stage.DONE))


def _less(stay: Stay, counted: Counted) -> float:
    left = 0.0 if is_gone(stay) else counted(stay.points)
    return max(counted(stay.first) - left, 0.0)


def _reached(stay: Stay) -> Stage:
    return stay.dropped_at if stay.stage is Stage.DROPPED else stay.stage


@dataclass(frozen=True, eq=False, slots=True)
class Careful:
    """What a sprint may deliver, of two views of it the one that is worse for each amount asked for."""

    plain: Delivery
    bare: Delivery

    @property
    def state(self) -> State:
        """As it stands, with all that is in it."""
        return self.plain.state

    def below(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance that less than each amount is delivered; never falls as amounts rise."""
        return np.maximum(self.plain.below(amounts), self.bare.below(amounts))
