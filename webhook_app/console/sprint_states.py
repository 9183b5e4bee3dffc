"""How a sprint is going, and what forecasts were worth, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from store.reasons import why
from store.sprint_views import SprintView, Standing
from trackers.spans import in_words
from webhook_app.console.sprint_words import amount, between, chance, day, enough, number, of, percent

EARLY: Final = 0.2
"""A forecast later than this share of the time is none of the start."""
_GRAVE: Final = 0.1
_LIKELY, _UNLIKELY = 0.7, 0.3
_OPEN: Final = (0.4, 0.6)
"""A chance between these says that it could go either way."""
_FEW: Final = 10
"""Fewer sprints than this say little about how far chances can be trusted."""
_MOST_NAMED: Final = 6
_OUT_OF_DATE: Final = timedelta(days=2)
"""Every sprint that is watched is looked at more often."""
_TOO_FEW: Final = "too_few_finished_sprints"


@dataclass(frozen=True, slots=True)
class State:
    """How a sprint is going, at a glance."""

    level: str
    """ok, amber, red or quiet."""
    word: str
    sentence: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the first forecasts of sprints that are over held."""

    sprints: int
    """Foreseen at their start, and over."""
    likely: int
    """Of them those given 70 % or more to get enough of their plan done."""
    likely_done: int
    unlikely: int
    """Those given 30 % or less."""
    unlikely_done: int
    within: int
    """Those whose delivery lay in the interval, which is made to hold it 8 times in 10."""
    sentences: tuple[str, ...]


def state_of(view: SprintView, now: datetime) -> State:
    """How a sprint is going: the gravest of what there is to say."""
    if view.ended is not None:
        return State(*verdict(view), f"{came(view)} {foreseen(view)}", "")
    if now - view.checked > _OUT_OF_DATE:
        sentence = f"It was last looked at {in_words(now - view.checked)} ago; what stands here was so then."
        todo = (
            "See on the page Now whether the clock and the workers are alive. Where the connection or the "
            "rules no longer watch its board, it is not looked at any more."
        )
        return State("quiet", "Out of date", sentence, todo)
    if view.end <= now:
        return _past_its_end(view)
    if view.warned.because == _TOO_FEW:
        sentence = f"This board has too few finished {view.noun}s to be judged by. {_outlook(view)}"
        return State("quiet", "Learning", sentence, "It is judged once a few more have ended.")
    return _course(view)


def _course(view: SprintView) -> State:
    """How one goes that is judged and not over."""
    if "overcommitted" in view.concerns:
        level = "red" if view.forecast.p_enough < _GRAVE else "amber"
        return State(level, "Holds too much", _outlook(view), _way_out(view))
    if "scope_creep" in view.concerns:
        grown, plan = amount(view.grown_by, view.unit), number(view.committed)
        sentence = f"{grown} came on top of the {plan} planned; the budget is {percent(view.budget)}."
        return State("amber", "Growing", sentence, "Agree on what makes room for it.")
    if view.concerns:
        what = "stand still" if "stalled" in view.concerns else "ask for more than at the start"
        return State(
            "amber", "Look at it", f"Some issues {what}. {_outlook(view)}", "The warning names them."
        )
    if not has_plan(view):
        return State("quiet", "No plan", _outlook(view), "")
    if view.forecast.p_enough < _OPEN[1]:
        return State("quiet", "Uncertain", _outlook(view), "")
    return State("ok", "On course", _outlook(view), "")


def has_plan(view: SprintView) -> bool:
    """Whether anything that was planned is left in it, of which a share can be foreseen."""
    return view.forecast.planned > 0


def _past_its_end(view: SprintView) -> State:
    done = f"{number(view.done)} of {amount(view.scope, view.unit)} done."
    if view.noun == "cycle":
        return State("quiet", "Over", f"{done} What came of it stands here after the next check.", "")
    todo = f"Complete the {view.noun} in its tracker: until then its work counts as unfinished."
    return State("amber", "Past its end", done, todo)


def _outlook(view: SprintView) -> str:
    told, likely = view.forecast, between(view.forecast.low, view.forecast.high)
    likely += " is likely" if likely == "1" else " are likely"
    if not has_plan(view):
        return f"What is left of the plan comes to {amount(0, view.unit)}, so no chance is told; {likely}."
    planned = amount(told.planned, view.unit)
    return (
        f"The chance that {enough(view.done_share)} of the {planned} planned gets done is "
        f"{chance(told.p_enough)}; {likely}."
    )


def _way_out(view: SprintView) -> str:
    if not view.fix or view.p_fixed is None:
        return "No issue that is not begun would mend it by moving: agree on what matters most."
    named, more = ", ".join(view.fix[:_MOST_NAMED]), len(view.fix) - _MOST_NAMED
    named += f" and {more} more" if more > 0 else ""
    return f"Moving {named} out makes that {chance(view.p_fixed)}."


def verdict(view: SprintView) -> tuple[str, str]:
    """What the first forecast was worth, with the level of its pill."""
    if view.delivered is None or view.committed <= 0:
        return "quiet", "Not known"
    if _OPEN[0] < view.first.p_enough < _OPEN[1]:
        return "quiet", "Could go either way"
    if (view.first.p_enough > _OPEN[0]) is _is_enough(view):
        return "ok", "As foreseen"
    return "quiet", "Did better" if _is_enough(view) else "Did worse"


def came(view: SprintView) -> str:
    """What was done in a sprint that is over."""
    planned = amount(view.committed, view.unit)
    if view.delivered is None:
        return f"Planned at {planned}; what came of it is not known, for the unit of its estimates changed."
    return f"{number(view.delivered)} done of {planned} planned."


def foreseen(view: SprintView) -> str:
    """What was expected of it at first."""
    first = view.first
    when = "At the start" if first.t <= EARLY else f"On {day(first.at)}"
    likely = of(between(first.low, first.high), view.unit)
    return f"{when}: {likely}; {chance(first.p_enough)} that {enough(view.done_share)} gets done."


def standing(view: SprintView) -> str:
    """What became of the warning, in a sentence."""
    warned = view.warned
    reason = why(warned.because) if warned.because else "the tracker would not take it"
    match warned.standing:
        case Standing.NONE:
            return f"Nothing was said of this {view.noun}."
        case Standing.OPEN:
            return "It stands."
        case Standing.SETTLED:
            return "It is settled." if view.ended else "It is settled: what it warned of no longer holds."
        case Standing.SNOOZED:
            return f"Somebody asked for silence about this {view.noun}."
        case Standing.DELETED:
            return "A person deleted it, so it is not written again."
        case Standing.HELD_BACK:
            return f"It was not written: {reason}."


def calibration(ended: Iterable[SprintView]) -> Calibration:
    """How far the first forecasts of sprints that are over held."""
    told = [one for one in ended if _was_foreseen(one)]
    likely = [_is_enough(one) for one in told if one.first.p_enough >= _LIKELY]
    unlikely = [_is_enough(one) for one in told if one.first.p_enough <= _UNLIKELY]
    within = sum(one.first.low <= (one.delivered or 0.0) <= one.first.high for one in told)
    sentences = [
        f"Of {_many(len(group))} given {words} to get enough of the plan done, {sum(group)} did."
        for group, words in ((likely, "70 % or more"), (unlikely, "30 % or less"))
        if group
    ]
    if told:
        sentences.append(
            f"In {within} of {len(told)}, what was done lay in the interval foreseen, "
            "which is made to hold it 8 times in 10."
        )
        if len(told) < _FEW:
            sentences.append("So few say little yet.")
    return Calibration(
        len(told), len(likely), sum(likely), len(unlikely), sum(unlikely), within, tuple(sentences)
    )


def _many(sprints: int) -> str:
    return f"{sprints} sprint{'' if sprints == 1 else 's'}"


def _was_foreseen(view: SprintView) -> bool:
    """Whether there was a forecast at its start that what came can be held against."""
    return view.delivered is not None and view.first.t <= EARLY and view.committed > 0


def _is_enough(view: SprintView) -> bool:
    """Whether enough of the plan was done."""
    return (view.delivered or 0.0) >= view.done_share * view.committed
