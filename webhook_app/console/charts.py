"""Charts as SVG, drawn on the server: scales, ticks, lines, and labels that keep clear of each other. Pure.

Shapes get classes and the style sheet gives them their colours, so that both themes hold and the content
policy needs no exception. Coordinates are those of the drawing's ``viewBox``, in which text is 12 units high.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup

Spot = tuple[float, float]
"""x to the right and y down, in units of the drawing."""

_DAY: Final = timedelta(days=1)
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAY_STEPS: Final = (1, 2, 7, 14, 28, 56)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values between ``low`` and ``high`` to places between ``start`` and ``end``; linear."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.0
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Round values from at or below ``low`` to at or above ``high``: about ``most``, and two at least."""
    span = high - low
    if not span > 0:
        return (low, low + 1)
    rough = span / max(most - 1, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(one * power for one in _STEPS if one * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 10) for number in range(first, last + 1))


def days(start: datetime, end: datetime, most: int) -> tuple[datetime, ...]:
    """Midnights (UTC) between two moments, evenly spaced and at most ``most``; none in less than a day."""
    first = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if first < start:
        first += _DAY
    count = max((end - first) // _DAY + 1, 0)
    step = next((one for one in _DAY_STEPS if -(-count // one) <= most), -(-count // most))
    return tuple(first + number * _DAY for number in range(0, count, step))


def place(value: float) -> str:
    """A coordinate as text: a tenth of a unit is finer than anybody sees."""
    return f"{round(value, 1) + 0.0:g}"


def line(spots: Iterable[Spot]) -> str:
    """The path through ``spots``."""
    return "M" + "L".join(f"{place(x)} {place(y)}" for x, y in spots)


def steps(spots: Sequence[Spot]) -> str:
    """The path that stays at each spot's height until the next one."""
    parts = [f"M{place(spots[0][0])} {place(spots[0][1])}"]
    parts += [f"H{place(x)}V{place(y)}" for x, y in spots[1:]]
    return "".join(parts)


def under(path: str, spots: Sequence[Spot], ground: float) -> str:
    """The area between a ``path`` through ``spots`` and the height ``ground``."""
    return f"{path}V{place(ground)}H{place(spots[0][0])}Z"


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> tuple[float, ...]:
    """Places as near to ``wanted`` as they can be, ``gap`` from each other and between ``low`` and ``high``.

    They keep their order. Where there is no room for all, they stand evenly, closer than ``gap``.
    """
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    room = (high - low) / (len(wanted) - 1) if len(wanted) > 1 else gap
    gap = min(gap, room)
    placed: list[float] = []
    for number in order:
        placed.append(max(wanted[number], placed[-1] + gap if placed else low))
    bound = high
    for at in reversed(range(len(placed))):
        placed[at] = bound = min(placed[at], bound)
        bound -= gap
    return tuple(at for _, at in sorted(zip(order, placed, strict=True)))


def path(way: str, class_: str, title: str = "") -> Markup:
    """The shape along ``way``; with a ``title`` it says what it is when pointed at."""
    if not title:
        return Markup('<path class="{}" d="{}"/>').format(class_, way)
    return Markup('<path class="{}" d="{}"><title>{}</title></path>').format(class_, way, title)


def text(spot: Spot, words: str, class_: str = "", anchor: str = "start") -> Markup:
    """``words`` on the base line at ``spot``; ``anchor`` is start, middle or end."""
    x, y = map(place, spot)
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        class_, x, y, anchor, words
    )


def drawing(
    name: str, size: Spot, title: str, description: str, parts: Iterable[Markup], class_: str = ""
) -> Markup:
    """A whole chart of this size, whose id on the page is ``name``.

    ``title`` and ``description`` say what it shows to those who do not see it.
    """
    return Markup(
        '<svg class="chart {class_}" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{title}</title>'
        '<desc id="{name}-desc">{description}</desc>{parts}</svg>'
    ).format(
        class_=class_,
        width=place(size[0]),
        height=place(size[1]),
        name=name,
        title=title,
        description=description,
        parts=Markup("").join(parts),
    )
