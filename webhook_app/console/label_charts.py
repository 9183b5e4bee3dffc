"""The drawings of labels: precision by week, and what was said against what was so. Pure.

All keep to one width, in which their letters can be read on a phone as well as on a wide screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from math import sqrt
from typing import Final

from markupsafe import Markup

from store.label_views import Bin, WeekRate
from store.watch import Rate
from webhook_app.console.charts import Scale, drawing, line, path, place, text
from webhook_app.console.label_words import counted, percent, share_of

_WIDTH: Final = 320.0
_LEFT: Final = 40.0
_RIGHT: Final = 312.0
_TOP: Final = 14.0
_HALVES: Final = (0.0, 0.5, 1.0)
_QUARTERS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_FEWEST_APART: Final = 14.0
"""Between two figures above each other."""

_WEEK: Final = 9.0
_SPARK_HEIGHT: Final = 22.0


# A page has a hundred of these, most of them as they were a moment ago, and each takes 0.3 ms.
@lru_cache(maxsize=1_000)
def spark(weeks: tuple[tuple[int, int], ...]) -> Markup:
    """Right, of how many, week by week, in the height of a line of text: higher is better."""
    up = Scale(0, 1, _SPARK_HEIGHT - 4, 4)
    places = [_WEEK * (number + 0.5) for number in range(len(weeks))]
    marks = Markup("").join(
        _dot((x, up(right / total)), _radius(total, 1.5, 3.2), "label-chart__dot")
        if total
        else path(line([(x - 1.5, _SPARK_HEIGHT - 2), (x + 1.5, _SPARK_HEIGHT - 2)]), "spark__none")
        for x, (right, total) in zip(places, weeks, strict=True)
    )
    told = [f"{right} of {total}" for right, total in weeks if total]
    return Markup('<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        place(_WEEK * len(weeks)),
        place(_SPARK_HEIGHT),
        f"Right by week, oldest first: {', '.join(told) or 'nothing is known yet'}",
        marks,
    )


def by_week(weeks: Iterable[WeekRate], newest: date, number: int, asked: float | None) -> Markup:
    """The share that was right in each of ``number`` weeks up to the Monday ``newest``, with its interval."""
    known = {one.start: one.rate for one in weeks}
    starts = [newest - timedelta(weeks=back) for back in reversed(range(number))]
    bottom = 168.0
    up, step = Scale(0, 1, bottom, _TOP), (_RIGHT - _LEFT) / number
    places = {start: _LEFT + step * (at + 0.5) for at, start in enumerate(starts)}

    def parts() -> Iterator[Markup]:
        yield from _across(up, _QUARTERS, asked)
        for start in (starts[0], starts[number // 2], starts[-1]):
            yield text((places[start], bottom + 17), f"{start.day} {start:%b}", "", "middle")
        for start, rate in known.items():
            if start in places:
                title = f"Week of {start.isoformat()}: {counted(rate)}"
                yield from _mark(places[start], rate, up, title)

    told = ". ".join(f"Week of {start.isoformat()}: {counted(rate)}" for start, rate in known.items())
    return drawing("by-week", (_WIDTH, bottom + 24), "Right, week by week", f"{told}.", parts())


def against_truth(bins: Sequence[Bin]) -> Markup:
    """Of each tenth of the chances how many were right, with the interval; on the dashed line what is said is
    so. Below stands how many answers there were."""
    bottom = _TOP + _RIGHT - _LEFT
    up, over = Scale(0, 1, bottom, _TOP), Scale(0, 1, _LEFT, _RIGHT)

    def parts() -> Iterator[Markup]:
        yield from _across(up, _QUARTERS)
        yield path(line([(over(0), up(0)), (over(1), up(1))]), "label-chart__even")
        for share in _HALVES:
            anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
            yield text((over(share), bottom + 34), f"{percent(share)} said", "", anchor)
        for one in bins:
            middle = (over(one.low) + over(one.high)) / 2
            yield text((middle, bottom + 15), _short(one.got.total), "", "middle")
            yield from _mark(over(one.said), one.got, up, _told(one))

    told = f"{'. '.join(map(_told, bins))}."
    size = (_WIDTH, bottom + 40)
    return drawing("against-truth", size, "Chance against truth", told, parts())


def _told(one: Bin) -> str:
    return f"Chances of {percent(one.said)} on average: {counted(one.got)}"


def _across(up: Scale, shares: Sequence[float], asked: float | None = None) -> Iterator[Markup]:
    """The scale of shares, and the one that is asked for in place of those too near to it."""
    for share in shares:
        kind = "chart__grid" if share else "chart__axis"
        yield path(line([(_LEFT, up(share)), (_RIGHT, up(share))]), kind)
        if asked is None or abs(up(share) - up(asked)) >= _FEWEST_APART:
            yield text((_LEFT - 6, up(share) + 4), percent(share), "", "end")
    if asked is not None:
        title = f"{percent(asked)} is asked"
        yield path(line([(_LEFT, up(asked)), (_RIGHT, up(asked))]), "label-chart__asked", title)
        yield text((_LEFT - 6, up(asked) + 4), percent(asked), "label-chart__asked-share", "end")


def _mark(x: float, rate: Rate, up: Scale, title: str) -> Iterator[Markup]:
    """A share with its interval."""
    yield path(line([(x, up(rate.low)), (x, up(rate.high))]), "label-chart__interval", title)
    spot = (x, up(rate.right / rate.total))
    yield _dot(spot, _radius(rate.total, 3, 6), "label-chart__dot", f"{title} ({share_of(rate)})")


def _dot(spot: tuple[float, float], radius: float, kind: str, title: str = "") -> Markup:
    x, y = map(place, spot)
    inside = Markup("<title>{}</title>").format(title) if title else Markup("")
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>').format(
        kind, x, y, place(radius), inside
    )


def _radius(total: int, least: float, most: float) -> float:
    """Its area grows with the count, up to twenty."""
    return least + (most - least) * sqrt(min(total, 20) / 20)


def _short(count: int) -> str:
    return f"{count / 1000:.1f}k" if count >= 1000 else str(count)
