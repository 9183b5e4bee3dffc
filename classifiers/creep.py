"""The chance that a sprint's scope creeps: that the work added comes to a share of the commitment.

Learnt from sprints of which the additions up to 80 % of their time are known. From half time on the
forecast passes over into the count: what was added by then is nearly all that will be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.capacity_rows import MARGIN, Ended, History, State, added_share, counted, lessons, states
from classifiers.signed_regression import Lessons, SignedRegression, adapted
from classifiers.sprint_moments import MOMENTS, SURE, between, sure

CREEP: Final = {
    "beyond": 1,  # of the past sprints with at least as much added as now: how many came to the share
    "load": 0,  # the commitment against what the board usually delivers, as a difference of logarithms
    "team": 0,  # ln(1 + people with an issue in the sprint)
    "days": 0,  # ln(1 + planned days)
    "share": -1,  # ln of the share asked about
    "reached": 1,  # so much is added already
    "left": -1,  # what is left to the share, as a part of it
    "current": 0,  # all that is in the sprint now, as a share of the commitment
    "begun": 0,  # some of its work is in progress or done
}
"""The inputs for "will this share be added?", and what more of each may do to the chance: 1 only raise
it, -1 only lower it, 0 either."""
SHARES: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 1.0)
"""Every past sprint is asked about each."""
_LEAST_SHARE: Final = 1e-6
FORECAST: Final = MOMENTS[:-1]
"""At the last of the moments there is nothing left to forecast."""


def creep_inputs(state: State, history: History, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inputs for each share of the commitment (above 0), in the order of ``CREEP``."""
    added = state.added / state.start
    inputs = np.empty((len(shares), len(CREEP)))
    reached = added >= shares - MARGIN
    inputs[:, 0] = np.where(reached, 1.0, _went_on(history.added, added, shares))
    inputs[:, 1] = history.weight * (math.log1p(state.start) - history.level)
    inputs[:, 2] = math.log1p(state.team)
    inputs[:, 3] = math.log1p(state.days)
    inputs[:, 4] = np.log(shares)
    inputs[:, 5] = reached
    inputs[:, 6] = np.clip((shares - added) / shares, -1, 1)
    inputs[:, 7] = min(max(state.current / state.start, 0.0), 4.0)
    inputs[:, 8] = state.doing + state.done > 0
    return inputs


def _went_on(past: NDArray[np.float64], added: float, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    got_here = np.sort(past[past >= added - MARGIN])
    return counted(len(got_here) - np.searchsorted(got_here, shares - MARGIN), len(got_here))


def creep_lessons(sprints: Sequence[Ended], t: float) -> Lessons | None:
    """What they answered to "was this share added by 80 %?", each counting once over all its questions;
    None where none is known at ``t`` and at 80 %."""
    shares = np.array(SHARES)
    inputs, yes = [], []
    for one, state in states(sprints, t):
        came_to = added_share(one.row)
        if came_to is not None:
            inputs.append(creep_inputs(state, one.history, shares))
            yes.append(came_to >= shares - MARGIN)
    return lessons(inputs, yes)


@dataclass(frozen=True, eq=False, slots=True)
class CreepModel:
    """A regression for each moment of ``FORECAST``."""

    regressions: tuple[SignedRegression, ...]

    def chance(self, state: State, history: History, t: float, share: float) -> float:
        """That the work added by the end reaches ``share`` of the commitment; certain once it has."""
        share = max(share, _LEAST_SHARE)
        if state.added >= share * state.start - MARGIN:
            return SURE
        inputs = creep_inputs(state, history, np.array([share]))

        def at(place: int) -> NDArray[np.float64]:
            if place == len(FORECAST):
                return sure(np.array([False]))
            return self.regressions[place].log_odds(inputs)

        return float(between(t, MOMENTS, at)[0])

    def refitted(self, sprints: Sequence[Ended]) -> CreepModel:
        """Adapted to a team's own sprints, as far as they are known at each moment."""
        return CreepModel(
            tuple(
                adapted(regression, creep_lessons(sprints, t), tuple(CREEP.values()))
                for t, regression in zip(FORECAST, self.regressions, strict=True)
            )
        )

    def to_facts(self) -> list[dict[str, Any]]:
        return [regression.to_facts(tuple(CREEP)) for regression in self.regressions]

    @classmethod
    def from_facts(cls, facts: Sequence[Mapping[str, Any]]) -> CreepModel:
        """As told by ``to_facts``. Raises ValueError and KeyError as ``SignedRegression.from_facts``."""
        return cls(tuple(SignedRegression.from_facts(one, tuple(CREEP)) for one in facts))
