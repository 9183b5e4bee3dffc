"""How a sprint is going, and what forecasts were worth, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from store.reasons import why
from store.sprint_views import Foreseen, SprintView, Standing
from trackers.spans import in_words
from webhook_app.console.sprint_words import (
    amount,
    beyond,
    chance,
    day,
    enough,
    likely,
    named,
    number,
    of,
    percent,
)

EARLY: Final = 0.2
"""A forecast later than this share of the time is none of the start."""
_GRAVE: Final = 0.1
_LIKELY, _UNLIKELY = 0.7, 0.3
_OPEN: Final = (0.4, 0.6)
"""A chance between these says that it could go either way."""
_FEW: Final = 10
"""Fewer sprints than this say little about how far chances can be trusted."""
_LATE: Final = timedelta(hours=1)
"""Every sprint that is watched is looked at each quarter of an hour."""
_OUT_OF_DATE: Final = timedelta(days=2)
_SOON: Final = timedelta(days=1)
"""Few teams complete a sprint on the minute."""
_LITTLE: Final = 0.05
"""An amount smaller than this is a matter of rounding."""
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
        return _past_its_end(view, now)
    state = _running(view)
    return state if now - view.checked < _LATE else _as_it_was(state, now - view.checked)


def _as_it_was(state: State, ago: timedelta) -> State:
    """Nobody may take what stands here for how it is now."""
    told = f"So it was {in_words(ago)} ago, and it was not looked at since: the page Now may say why."
    level = "quiet" if state.level == "ok" else state.level
    return replace(state, level=level, sentence=f"{told} {state.sentence}")


def _running(view: SprintView) -> State:
    if view.warned.because == _TOO_FEW:
        sentence = f"This board has too few finished {view.noun}s to be judged by. {_outlook(view)}"
        return State("quiet", "Learning", sentence, "It is judged once a few more have ended.")
    return _course(view)


def _course(view: SprintView) -> State:
    """How one goes that is judged and not over."""
    if "overcommitted" in view.concerns:
        level = "red" if view.forecast.p_enough < _GRAVE else "amber"
        return State(level, "Likely to fall short", f"{_outlook(view)}{_growth(view)}", _way_out(view))
    if "scope_creep" in view.concerns:
        sentence = f"{_outlook(view)}{_growth(view)}"
        return State("amber", "Growing", sentence, "Agree on what makes room for it.")
    if view.concerns:
        told = {"stalled": "Some issues stand still.", "grown": "Some issues ask for more than at the start."}
        what = " ".join(told[one] for one in view.concerns if one in told)
        return State("amber", "Look at it", f"{what} {_outlook(view)}".strip(), "The warning names them.")
    if not has_plan(view.forecast):
        return State("quiet", "No plan", _outlook(view), "")
    if view.forecast.p_enough < _OPEN[0]:
        return State("quiet", "May fall short", _outlook(view), "")
    if view.forecast.p_enough < _OPEN[1]:
        return State("quiet", "Uncertain", _outlook(view), "")
    return State("ok", "On course", _outlook(view), "")


def has_plan(one: Foreseen) -> bool:
    """Whether anything that was planned was left in the sprint then: without a plan nothing is foreseen."""
    return one.planned > 0


def _growth(view: SprintView) -> str:
    """What came on top, in the words of the warning; empty where that is within the limit."""
    if "scope_creep" not in view.concerns or view.committed <= 0:
        return ""
    return (
        f" Added work and raised estimates come to {amount(view.grown_by, view.unit)}, "
        f"{beyond(view.grown_by / view.committed, view.budget)} of the plan; the limit is "
        f"{percent(view.budget)}."
    )


def _past_its_end(view: SprintView, now: datetime) -> State:
    done = f"{number(view.done)} of {amount(view.scope, view.unit)} done."
    if view.noun == "cycle":
        return State("quiet", "Over", f"{done} What came of it stands here after the next check.", "")
    todo = f"Complete the {view.noun} in its tracker: until then its work counts as unfinished."
    return State("quiet" if now - view.end < _SOON else "amber", "Past its end", done, todo)


def _outlook(view: SprintView) -> str:
    told = view.forecast
    if not has_plan(told):
        return f"{_no_plan(view)}, so nothing is foreseen."
    planned = amount(told.planned, view.unit)
    planned += " left of the plan" if view.committed - told.planned >= _LITTLE else " planned"
    sentence = (
        f"The chance that {enough(view.done_share)} of the {planned} gets done is {chance(told.p_enough)}. "
        f"Likely by the end: {of(likely(told), view.unit)} done."
    )
    if view.usual is None and view.warned.because != _TOO_FEW:
        sentence += f" This board has hardly finished a {view.noun}: this is mostly what other teams' tell."
    return sentence


def _no_plan(view: SprintView) -> str:
    if view.committed <= 0:
        return "Nothing was planned"
    return f"Nothing is left of the {amount(view.committed, view.unit)} planned"


def _way_out(view: SprintView) -> str:
    if not view.fix or view.p_fixed is None or chance(view.p_fixed) == chance(view.forecast.p_enough):
        return f"Moving single issues to a later {view.noun} would change little: agree on what matters most."
    keys, after = named(view.fix), chance(view.p_fixed)
    return f"Move {keys} to a later {view.noun}: for the rest the chance would then be {after}."


def verdict(view: SprintView) -> tuple[str, str]:
    """What the first forecast was worth, with the level of its pill."""
    if view.committed <= 0:
        return "quiet", "No plan"
    if view.delivered is None or not has_plan(view.first):
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
    if view.committed <= 0:
        return f"{amount(view.delivered, view.unit)} done."
    return f"{number(view.delivered)} done of {planned} planned."


def foreseen(view: SprintView) -> str:
    """What was expected of it at first."""
    first = view.first
    when = "At the start" if first.t <= EARLY else f"On {day(first.at)}"
    if not has_plan(first):
        return "Nothing was planned, so nothing was foreseen." if view.committed <= 0 else f"{when}: nothing."
    told = of(likely(first), view.unit)
    return f"{when}: {told}; {chance(first.p_enough)} that {enough(view.done_share)} of the plan gets done."


def standing(view: SprintView) -> str:
    """What became of the warning, in a sentence."""
    warned = view.warned
    reason = why(warned.because) if warned.because else "the tracker would not take it"
    match warned.standing:
        case Standing.NONE:
            return f"Nothing was said of this {view.noun}."
        case Standing.OPEN:
            return "It stands in the tracker."
        case Standing.SETTLED:
            if view.ended:
                return f"It was withdrawn when the {view.noun} was over, and now tells what came of it."
            return "It was withdrawn: what it warned of no longer holds."
        case Standing.SNOOZED:
            return f"Somebody asked for silence about this {view.noun}."
        case Standing.DELETED:
            return "A person deleted it, so it is not written again."
        case Standing.HELD_BACK:
            return f"It was not written: {reason}."


def calibration(ended: Iterable[SprintView]) -> Calibration:
    """How far the first forecasts of sprints that are over held."""
    told = [one for one in ended if _was_foreseen(one)]
    probable = [_is_enough(one) for one in told if one.first.p_enough >= _LIKELY]
    unlikely = [_is_enough(one) for one in told if one.first.p_enough <= _UNLIKELY]
    within = sum(one.first.low <= (one.delivered or 0.0) <= one.first.high for one in told)
    sentences = [
        f"Of {_many(len(group))} given {words} to get enough of the plan done, {sum(group)} did."
        for group, words in ((probable, "70 % or more"), (unlikely, "30 % or less"))
        if group
    ]
    if told:
        sentences.append(
            f"In {within} of {len(told)}, what was done lay in the interval foreseen, "
            "which is made to hold it 8 times in 10."
        )
        if min(len(group) for group in (told, probable, unlikely) if group) < _FEW:
            sentences.append(f"Fewer than {_FEW} sprints say little.")
    return Calibration(
        len(told), len(probable), sum(probable), len(unlikely), sum(unlikely), within, tuple(sentences)
    )


def _many(sprints: int) -> str:
    return f"{sprints} sprint{'' if sprints == 1 else 's'}"


def _was_foreseen(view: SprintView) -> bool:
    """Whether there was a forecast at its start that what came can be held against."""
    is_early = view.first.t <= EARLY
    return view.delivered is not None and is_early and view.committed > 0 and has_plan(view.first)


def _is_enough(view: SprintView) -> bool:
    """Whether enough of the plan was done."""
    return (view.delivered or 0.0) >= view.done_share * view.committed
