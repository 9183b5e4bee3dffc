"""The moments of a sprint that were learnt from, and the time between them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.sprint_rows import Moment, SprintRow

MOMENTS: Final = (0.0, 0.3, 0.5, 0.8)
"""Shares of the planned time at which past sprints are known."""
_NEAR: Final = 0.1
SURE: Final = 0.99
"""As certain as a forecast gets, even of what is there to be counted."""
_SURE_ODDS: Final = math.log(SURE / (1 - SURE))


def at(row: SprintRow, t: float) -> Moment | None:
    """The sprint at about the share ``t`` of its planned time; None where it is not known then."""
    near = [moment for moment in row.moments if abs(moment.t - t) <= _NEAR]
    return min(near, key=lambda moment: abs(moment.t - t), default=None)


def between(
    t: float, moments: Sequence[float], log_odds: Callable[[int], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """The chances at ``t``: log-odds of the moments around it, mixed linearly in time.

    Args:
        moments: ascending; before the first and after the last, those speak alone.
        log_odds: what is answered at the moment with this place among them.
    """
    after = bisect_right(moments, t)
    if after in (0, len(moments)):
        return chance(log_odds(min(after, len(moments) - 1)))
    here, there = moments[after - 1], moments[after]
    part = (t - here) / (there - here)
    if part == 0:
        return chance(log_odds(after - 1))
    return chance((1 - part) * log_odds(after - 1) + part * log_odds(after))


def sure(yes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The log-odds of what can be counted."""
    return np.where(yes, _SURE_ODDS, -_SURE_ODDS)


def chance(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance with these log-odds."""
    p: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return p
