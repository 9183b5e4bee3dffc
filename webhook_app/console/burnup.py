"""The burn-up of a sprint: what is in it, what of it is done, what came and went, and where it is heading.

Drawn twice, for wide screens and for narrow ones, of which the style sheet shows one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup

from store.sprint_views import Change, Foreseen, Kind, Point, SprintView
from webhook_app.console.charts import (
    Scale,
    Spot,
    apart,
    days,
    drawing,
    line,
    path,
    place,
    steps,
    text,
    ticks,
    under,
)
from webhook_app.console.sprint_states import has_plan
from webhook_app.console.sprint_words import (
    amount,
    between,
    change,
    day,
    ends,
    likely,
    number,
    on_average,
    roughly,
)

_LETTERS: Final = 12.0
"""Height of the text, and so the least distance of two lines of it."""
_LETTER: Final = 7.0
"""Width of a letter, with room to spare."""
_MARK: Final = 5.0
"""Half the width of the triangle of a change."""
_MOST_TOLD: Final = 8
_FEW: Final = 5
_BESIDE: Final = ("burn__scope", "burn__plan", "burn__done")
"""Lines at whose end a wide drawing says what they are."""


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing's measures in its own units, and how many ticks have room."""

    name: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    across: int
    up: int
    strip: float
    """Width of the strip beside the end, in which past sprints are marked."""
    words: bool
    """Whether there is room for words beside the figures at the end."""


WIDE: Final = Size(
    "wide", 760, 350, left=40, right=136, top=24, bottom=26, across=9, up=6, strip=16, words=True
)
NARROW: Final = Size(
    "narrow", 300, 280, left=28, right=64, top=22, bottom=26, across=4, up=6, strip=10, words=False
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend: a sample of the drawing, and what it means."""

    sample: Markup
    words: str
    beside: bool = False
    """Whether a wide drawing says as much beside the line itself."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """A view with the scales that it is drawn by."""

    view: SprintView
    size: Size
    now: datetime
    across: Scale
    up: Scale
    marks: tuple[float, ...]
    """The values at which the height is told."""

    def spot(self, at: datetime, value: float) -> Spot:
        return self.across(at.timestamp()), self.up(value)

    @property
    def ground(self) -> float:
        return self.up(0)

    @property
    def until(self) -> datetime:
        """As far as the work's course is known."""
        return self.view.ended or max(self.now, self.view.points[-1].at)


def burn_up(view: SprintView, size: Size, now: datetime) -> Markup:
    """The drawing of a sprint at a size, as of ``now``."""
    at = _plot(view, size, now)
    parts = (_ground(at), _cone(at), _work(at), _changes(at), _moments(at), _past(at), _labels(at))
    return drawing(
        f"burn-up-{size.name}",
        (size.width, size.height),
        f"Burn-up of {view.name}",
        in_words(view),
        (one for part in parts for one in part),
        f"chart--{size.name}",
    )


def in_words(view: SprintView) -> str:
    """What the drawing shows, for those who do not see it."""
    seen = f"Planned {amount(view.committed, view.unit)}, now {amount(view.scope, view.unit)} in it, "
    seen += f"{number(view.done)} of them done."
    if _shows_cone(view):
        how = "foreseen by the end" if view.ended is None else "were foreseen at first"
        seen += f" {_interval(view)} {how}{_average(view)}."
    if view.usual:
        seen += f" Past {view.noun}s delivered {between(*view.usual)}."
    return f"{seen} The same figures are in the table below."


def legend(view: SprintView) -> tuple[Entry, ...]:
    """What is in the drawing of a sprint."""
    triangle = "M7 10h10l-5-8z"
    has_counted = any(map(_counts, view.changes))
    has_others = any(_is_more(one) and not _counts(one) for one in view.changes)
    has_less = not all(map(_is_more, view.changes))
    foreseen = "foreseen at first" if view.ended else "foreseen"
    has_cone, usual = _shows_cone(view), between(*view.usual) if view.usual else ""
    average = on_average(_shown(view))
    entries = (
        ("M2 9H9V4H22", "burn__scope", f"in the {view.noun}: {number(view.scope)}", True),
        ("M2 6H22", "burn__plan", f"planned at the start: {number(view.committed)}", True),
        ("M2 9H9V4H22", "burn__done", f"done: {number(view.done)}", True),
        ("M2 10 22 1V11Z", "burn__cone", f"{foreseen}, 8 times in 10: {_interval(view)}", has_cone),
        (
            "M2 10 22 4",
            "burn__expected",
            f"{foreseen}, on average: {roughly(average or 0)}",
            has_cone and average is not None,
        ),
        ("M4 1H20V11H4Z", "burn__usual", f"{_most_past(view)} delivered: {usual}", bool(usual)),
        ("M4 6H20", "burn__past", f"each past {view.noun}", bool(view.past)),
        (triangle, "burn__added", "counts as added", has_counted),
        (triangle, "burn__other", "came, and does not count as added", has_others),
        ("M7 2h10l-5 8z", "burn__removed", "taken out, or estimated lower", has_less),
    )
    return tuple(
        Entry(_sample(way, class_), words, beside=class_ in _BESIDE)
        for way, class_, words, is_there in entries
        if is_there
    )


def _sample(way: str, class_: str) -> Markup:
    return Markup('<svg viewBox="0 0 24 12" aria-hidden="true">{}</svg>').format(path(way, class_))


def _plot(view: SprintView, size: Size, now: datetime) -> _Plot:
    last = max(view.end, view.ended or now)
    values = [view.committed, *(ends(one)[1] for one in (view.forecast, view.first) if has_plan(one))]
    values += [point.scope for point in view.points] + [point.done for point in view.points]
    values += [one.delivered for one in view.past]
    marks = ticks(0.0, max(*values, 1.0), size.up)
    across = Scale(view.start.timestamp(), last.timestamp(), size.left, size.width - size.right)
    up = Scale(0.0, marks[-1], size.height - size.bottom, size.top)
    return _Plot(view, size, now, across, up, marks)


def _ground(at: _Plot) -> Iterator[Markup]:
    """Grid, and what its lines stand for."""
    size, right = at.size, at.across.end
    for value in at.marks:
        y = at.up(value)
        yield path(line([(size.left, y), (right, y)]), "chart__axis" if value == 0 else "chart__grid")
        yield text((size.left - 6, y + 4), number(value), anchor="end")
    start, end = (
        datetime.fromtimestamp(one, tz=at.view.start.tzinfo) for one in (at.across.low, at.across.high)
    )
    for moment in days(start, end, size.across):
        x = at.across(moment.timestamp())
        yield path(line([(x, at.ground), (x, at.ground + 4)]), "chart__axis")
        yield text((x, at.ground + 18), day(moment), anchor="middle")


def _shows_cone(view: SprintView) -> bool:
    return has_plan(_shown(view)) and (view.ended is not None or view.checked < view.end)


def _cone(at: _Plot) -> Iterator[Markup]:
    """Of a running sprint from now to the end; of one that is over as it was first foreseen."""
    view = at.view
    if not _shows_cone(view):
        return
    foreseen = _shown(view)
    begins = min(max(at.until if view.ended is None else foreseen.at, view.start), view.end)
    done = _as_of(view.points, begins).done
    tip = at.spot(begins, done)
    low, high = (at.spot(view.end, max(value, done)) for value in ends(foreseen))
    yield path(f"{line([tip, high, low])}Z", "burn__cone")
    average = on_average(foreseen)
    if average is not None:
        yield path(line([tip, at.spot(view.end, max(average, done))]), "burn__expected")


def _as_of(points: Sequence[Point], at: datetime) -> Point:
    """The point that holds at a moment."""
    return next((point for point in reversed(points) if point.at <= at), points[0])


def _work(at: _Plot) -> Iterator[Markup]:
    view = at.view
    yield path(line([at.spot(view.start, view.committed), at.spot(_last(at), view.committed)]), "burn__plan")
    # Points go on to be true until the next one, and the last one until now.
    known = [*view.points, Point(at.until, view.points[-1].scope, view.points[-1].done)]
    done = [at.spot(point.at, point.done) for point in known]
    way = steps(done)
    if view.ended is None:
        yield path(under(way, done, at.ground), "burn__done-area")
    if at.until < view.end:
        yield path(line([at.spot(at.until, view.scope), at.spot(view.end, view.scope)]), "burn__ahead")
    yield path(steps([at.spot(point.at, point.scope) for point in known]), "burn__scope")
    yield path(way, "burn__done")


def _last(at: _Plot) -> datetime:
    return max(at.view.end, at.until)


def _changes(at: _Plot) -> Iterator[Markup]:
    """A triangle for what came, up, and one for what went, down; those that would overlap are one."""
    for is_more in (True, False):
        groups: list[list[Change]] = []
        for one in (each for each in at.view.changes if _is_more(each) is is_more):
            x = at.across(one.at.timestamp())
            if groups and x - at.across(groups[-1][0].at.timestamp()) < 2 * _MARK + 1:
                groups[-1].append(one)
            else:
                groups.append([one])
        for group in groups:
            yield _mark(at, group, is_more=is_more)


def _mark(at: _Plot, group: Sequence[Change], *, is_more: bool) -> Markup:
    x = at.across(min(max(group[0].at, at.view.start), at.until).timestamp())
    y = at.up(_as_of(at.view.points, group[-1].at).scope)
    tall = 1.6 * _MARK * (-1 if is_more else 1)
    base = y + (-3 if is_more else 3)
    way = f"M{place(x - _MARK)} {place(base)}h{place(2 * _MARK)}l{place(-_MARK)} {place(tall)}z"
    class_ = ("burn__added" if any(map(_counts, group)) else "burn__other") if is_more else "burn__removed"
    told = [change(one, at.view.unit) for one in group[:_MOST_TOLD]]
    if len(group) > _MOST_TOLD:
        told.append(f"and {len(group) - _MOST_TOLD} more")
    return path(way, class_, f"{day(group[0].at)}: {'; '.join(told)}")


def _is_more(one: Change) -> bool:
    return one.kind is not Kind.REMOVED and one.amount >= 0


def _counts(one: Change) -> bool:
    return one.kind is Kind.ADDED or (one.kind is Kind.REESTIMATED and one.amount > 0)


def _moments(at: _Plot) -> Iterator[Markup]:
    """The planned end, and now or when it was completed."""
    view, top = at.view, at.size.top
    end = at.across(view.end.timestamp())
    yield path(line([(end, top - 4), (end, at.ground)]), "burn__end")
    here = at.across(at.until.timestamp())
    yield path(line([(here, top - 4), (here, at.ground)]), "burn__now")
    words = "now" if view.ended is None else "completed"
    ending = "end" if view.end_is_planned else "end, as usual"
    if abs(here - end) < (len(words) + len(ending)) * _LETTER / 2 + _LETTERS:
        both = words if view.ended else "now, end"
        yield text((max(here, end), top - 9), both, anchor="end")
        return
    is_first = here - at.size.left < 2 * _LETTERS
    yield text((here, top - 9), words, anchor="start" if is_first else "middle")
    yield text((end, top - 9), ending, anchor="middle")


def _past(at: _Plot) -> Iterator[Markup]:
    """What the board's last sprints delivered, beside the end."""
    left = at.across.end + 4
    if at.view.usual:
        low, high = (at.up(value) for value in at.view.usual)
        top, height = min(high, low - 2), max(low - high, 2)
        yield path(
            f"M{place(left)} {place(top)}h{place(at.size.strip)}v{place(height)}h{place(-at.size.strip)}z",
            "burn__usual",
            f"{_most_past(at.view)} delivered {between(*at.view.usual)}",
        )
    for one in at.view.past:
        y = at.up(one.delivered)
        told = f"{day(one.ended)}: {number(one.delivered)} of {amount(one.committed, at.view.unit)}"
        yield path(line([(left, y), (left + at.size.strip, y)]), "burn__past", told)


def _most_past(view: SprintView) -> str:
    """Of which sprints the usual delivery is; of few it is that of all."""
    last = f"the last {len(view.past)} {view.noun}s"
    return f"most of {last}" if len(view.past) >= _FEW else last


def _labels(at: _Plot) -> Iterator[Markup]:
    """What the lines end at, beside them."""
    told = _ends(at.view)
    heights = apart([at.up(one.value) for one in told], _LETTERS + 3, at.size.top, at.ground)
    x = at.across.end + 4 + at.size.strip + 6
    for y, one in zip(heights, told, strict=True):
        words = f"{one.figure} {one.word}" if at.size.words else one.figure
        yield text((x, y + 4), words, f"burn__label--{one.name}")


@dataclass(frozen=True, slots=True)
class _End:
    """Where a line ends."""

    name: str
    value: float
    figure: str
    word: str


def _ends(view: SprintView) -> list[_End]:
    is_as_planned = number(view.committed) == number(view.scope)
    told = [_End("scope", view.scope, number(view.scope), "planned" if is_as_planned else "in it")]
    if not is_as_planned:
        told.append(_End("plan", view.committed, number(view.committed), "planned"))
    if _shows_cone(view):
        low, high = ends(_shown(view))
        told.append(_End("foreseen", max((low + high) / 2, view.done), between(low, high), "foreseen"))
    if view.usual:
        told.append(_End("usual", sum(view.usual) / 2, between(*view.usual), "usual"))
    told.append(_End("done", view.done, number(view.done), "done"))
    return told


def _shown(view: SprintView) -> Foreseen:
    """The forecast that is drawn: of a sprint that is over the first one, to be held against what came."""
    return view.forecast if view.ended is None else view.first


def _interval(view: SprintView) -> str:
    return likely(_shown(view))


def _average(view: SprintView) -> str:
    average = on_average(_shown(view))
    return f", {roughly(average)} on average" if average is not None else ""
