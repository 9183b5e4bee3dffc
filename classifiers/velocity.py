"""What teams are told today about a commitment: rules over what their board delivered before.

None of them knows more than the commitment and the totals of past sprints, newest last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

NEEDED: Final = 3
"""Past sprints from which all of them speak: Linear's dial is a guess from the team's size before that."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a yes-or-no question before it was answered."""

    rank: float
    """The higher, the likelier yes; only the order counts."""
    p: float
    """The chance of yes (0..1); a rule that knows only yes and no says 1 or 0."""

    @property
    def yes(self) -> bool:
        return self.p >= 0.5


def falls_short(amount: float, bar: float) -> bool:
    """Whether it is less than the bar, which in binary may come out a hair above where it should be."""
    return amount < bar - 1e-9


Rule = Callable[[float, Sequence[float], float], Said]
"""Of a commitment above 0, past deliveries (at least one) and a share: will less than that be done?"""


def over_the_mean(last: int, commitment: float, delivered: Sequence[float], _: float) -> Said:
    """Too much when it is more than the last sprints delivered on average.

    With ``last`` = 3 it is how Linear's capacity dial is described (over 100 % of the velocity of the
    previous three completed cycles), with 5 the recent average that Jira's commitment panel compares
    a planned sprint with, with 1 "yesterday's weather" (K. Beck, M. Fowler, "Planning Extreme
    Programming", 2000). Ranked by commitment / (commitment + mean), which orders sprints as the ratio
    of the two does and stays finite.
    """
    recent = delivered[-last:]
    mean = sum(recent) / len(recent)
    return Said(commitment / (commitment + mean), float(falls_short(mean, commitment)))


def monte_carlo(commitment: float, delivered: Sequence[float], done_share: float) -> Said:
    """The share of past sprints that delivered less than ``done_share`` of this commitment.

    The resampling of past throughput for one sprint ahead (T. Magennis, "Forecasting and simulating
    software development projects", 2011): each draw is one past total, so the share counted over all
    of them is what any number of draws comes to.
    """
    short = sum(falls_short(total, done_share * commitment) for total in delivered) / len(delivered)
    return Said(short, short)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "mean of the last 3 (Linear)": partial(over_the_mean, 3),
        "mean of the last 5 (Jira)": partial(over_the_mean, 5),
        "the last sprint": partial(over_the_mean, 1),
        "Monte Carlo": monte_carlo,
    }
)
"""By the name they are shown under."""
