"""Figures of sprints as the console tells them: no more precisely than they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from store.sprint_views import Change, Foreseen, Kind
from trackers.spans import in_words
from trackers.sprints import Unit
from webhook_app.console.wording import and_list

KINDS: Final[Mapping[Kind, str]] = {
    Kind.ADDED: "added",
    Kind.LATE_PLANNING: "planned late",
    Kind.CARRIED_OVER: "left over from the sprint before",
    Kind.SUBTASK: "sub-task of planned work",
    Kind.AUTOMATED: "put in by an automation",
    Kind.UNDONE: "put in and taken out again at once",
    Kind.REMOVED: "taken out or cancelled",
    Kind.REESTIMATED: "re-estimated",
}
_MOST_NAMED: Final = 6
_HARDLY, _SURELY = 0.05, 0.95
_TWENTIETHS: Final = 20


def number(value: float) -> str:
    """``3``, ``3.5``: at most one decimal, and none that says nothing."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def amount(value: float, unit: Unit) -> str:
    """``9 points``, ``1 hour``."""
    return of(number(value), unit)


def of(figure: str, unit: Unit) -> str:
    """``figure`` with its unit behind it."""
    return f"{figure} {unit.removesuffix('s') if figure == '1' else unit}"


def roughly(value: float) -> str:
    """An amount that is only foreseen: whole from 5 on, in halves below."""
    return number(round(value) if value >= 5 else round(value * 2) / 2)


def between(low: float, high: float) -> str:
    """``18–46``."""
    return "–".join(dict.fromkeys((roughly(low), roughly(high))))


def ends(one: Foreseen) -> tuple[float, float]:
    """Between what a forecast lies of the work that was in the sprint: what was done stays done, and what
    may yet join is nobody's plan."""
    return _within(one.low, one.high, one.high if one.scope is None else one.scope, one.done)


def likely(one: Foreseen) -> str:
    """The same in words: ``18–46``, ``18 to all 40``, ``all 40``."""
    return between(*ends(one)) if one.scope is None else up_to(one.low, one.high, one.scope, one.done)


def up_to(low: float, high: float, scope: float, done: float) -> str:
    """The same of these ends, where so much was in the sprint and so much of it done."""
    least, most = _within(low, high, scope, done)
    if high < scope or number(scope) in ("0", "1"):
        return between(least, most)
    every = f"all {number(scope)}"
    return every if least >= scope else f"{roughly(least)} to {every}"


def _within(low: float, high: float, most: float, done: float) -> tuple[float, float]:
    return min(max(low, done), most), min(max(high, done), most)


def on_average(one: Foreseen) -> float | None:
    """What is foreseen on average; None where so much was not in the sprint."""
    return None if one.scope is not None and one.expected > one.scope else max(one.expected, one.done)


def about(p: float) -> str:
    """``25 %``, in steps of five; ``< 5 %``."""
    if _HARDLY <= p <= _SURELY:
        return _percent(round(p * _TWENTIETHS) * 100 / _TWENTIETHS)
    return f"< {_percent(5)}" if p < _HARDLY else f"> {_percent(95)}"


def chance(p: float) -> str:
    """The same in a sentence: ``about 25 %``, ``less than 5 %``."""
    if _HARDLY <= p <= _SURELY:
        return f"about {about(p)}"
    return f"less than {_percent(5)}" if p < _HARDLY else f"more than {_percent(95)}"


def percent(share: float) -> str:
    """``80 %``."""
    return _percent(100 * share)


def beyond(share: float, limit: float) -> str:
    """A share above ``limit`` in whole percents, told so that it does not read as equal to it."""
    told = round(share, 2)
    return percent(told) if told > limit else f"just over {percent(limit)}"


def named(keys: Sequence[str]) -> str:
    """``A-1, A-2 and A-3``; of many the first few."""
    told = [*keys[:_MOST_NAMED]]
    if len(keys) > _MOST_NAMED:
        told.append(f"{len(keys) - _MOST_NAMED} more")
    return and_list(told)


def _percent(value: float) -> str:
    return f"{number(value)}\N{NO-BREAK SPACE}%"


def enough(done_share: float) -> str:
    """How much of a plan must be done: ``at least 80 %``."""
    return "all" if done_share >= 1 else f"at least {percent(done_share)}"


def day(at: datetime) -> str:
    """``2 Mar``, in UTC."""
    moment = at.astimezone(UTC)
    return f"{moment.day} {moment:%b}"


def left(end: datetime, now: datetime) -> str:
    """How long a sprint still lasts: ``6 days left``."""
    span = end - now
    return f"{in_words(span)} left" if span > timedelta(0) else f"{in_words(-span)} past its end"


def change(one: Change, unit: Unit) -> str:
    """``ABC-20: 5 points, added``."""
    told = f"{'+' if one.amount > 0 else '−'}{amount(abs(one.amount), unit)}"
    shown = told if one.kind is Kind.REESTIMATED else amount(one.amount, unit)
    return f"{one.key}: {shown}, {KINDS[one.kind]}"
