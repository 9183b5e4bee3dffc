"""How sure a share is: intervals for counts, and levels corrected for looking at many labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Two-sided, wherever nothing else is said."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True, slots=True)
class Share:
    """``right`` of ``total``, as counted."""

    right: int
    total: int

    @property
    def value(self) -> float | None:
        """``None`` of nothing."""
        return self.right / self.total if self.total else None

    def interval(self, level: float = LEVEL) -> Interval:
        """Wilson's, see :func:`wilson`."""
        return wilson(self.right, self.total, level)


def z_of(level: float) -> float:
    """The standard normal's two-sided point: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(right: float, total: float, level: float = LEVEL) -> Interval:
    """The score interval of a share, two-sided; all of 0 to 1 when nothing was counted.

    (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n), from E. B. Wilson, "Probable inference, the
    law of succession, and statistical inference", JASA 22 (1927). It needs no table and never
    leaves 0 to 1; its true level strays less than that of the exact interval (Brown, Cai,
    DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16, 2001).
    """
    if total <= 0:
        return Interval(0.0, 1.0)
    z2 = z_of(level) ** 2
    share = right / total
    centre = share + z2 / (2 * total)
    half = sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total * total)))
    scale = 1 + z2 / total
    return Interval(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def wilson_lows(right: NDArray[np.float64], total: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """The lower ends of :func:`wilson` for many counts at once; every total at least 1."""
    z2 = z_of(level) ** 2
    share = right / total
    half = np.sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total * total)))
    lows: NDArray[np.float64] = np.maximum(0.0, (share + z2 / (2 * total) - half) / (1 + z2 / total))
    return lows


def difference(one: Share, other: Share, level: float = LEVEL) -> Interval:
    """Where ``one - other`` lies, from the two shares' own Wilson intervals; -1 to 1 of nothing.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17 (1998). Two models that answer the same issues err
    together, so for them it is too wide rather than too narrow.
    """
    if one.value is None or other.value is None:
        return Interval(-1.0, 1.0)
    here, there = one.interval(level), other.interval(level)
    apart = one.value - other.value
    down = sqrt((one.value - here.low) ** 2 + (there.high - other.value) ** 2)
    up = sqrt((here.high - one.value) ** 2 + (other.value - there.low) ** 2)
    return Interval(max(-1.0, apart - down), min(1.0, apart + up))


def corrected(looks: int, level: float = LEVEL) -> float:
    """The level for each of ``looks`` intervals that all hold together at ``level`` (Bonferroni).

    1 - (1 - level) / looks; O. J. Dunn, "Multiple comparisons among means", JASA 56 (1961).
    """
    return 1 - (1 - level) / max(1, looks)
