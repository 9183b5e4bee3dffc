"""Whether a sprint will get done: one distribution of what will be delivered, and all chances from it.

At each of four moments a signed regression and small monotone trees, averaged, answer "will less than
this be delivered?" for any bar; between the moments their log-odds are mixed. The answers never
contradict each other, because a higher bar is never less likely to be missed. Learnt by
``classifiers.capacity_fit``; ``shipped/priors.json`` says from what.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.capacity_rows import (
    DELIVERY,
    MARGIN,
    Ended,
    History,
    State,
    before,
    delivery_inputs,
    delivery_lessons,
    ended,
)
from classifiers.creep import CreepModel
from classifiers.signed_regression import LEAST, SignedRegression, adapted
from classifiers.sprint_judgement import Forecast
from classifiers.sprint_moments import MOMENTS, between, sure
from classifiers.sprint_rows import Moment, SprintRow
from classifiers.trees import Trees

_OVER: Final = 1.0
"""The share of the planned time at which nothing is left to forecast."""
_TAIL: Final = 0.16
"""Left out at either end of the interval. Points come in lumps and often none are delivered at all, so
the ends are rounded outwards, and the middle 68 % so rounded hold what comes 8 times in 10."""
_MOST_AWAY: Final = 0.95
_LEAST_BAR: Final = 1e-3
"""Of the commitment: an amount below is missed only by those who deliver nothing."""
_GRID: Final = np.concatenate(
    [np.linspace(0.02, 0.1, 3), np.arange(0.15, 1.5, 0.05), np.arange(1.5, 3.1, 0.25)]
)
"""Shares of the commitment at which the distribution is read off."""
_MOST: Final = 4.0
_MOST_USUAL: Final = 2.0
"""Nobody is expected to deliver more than the one times the commitment, or the other times what the board
usually delivers: the models have seen no questions about more, and their answers there only trail off."""


@dataclass(frozen=True, eq=False, slots=True)
class DeliveryModel:
    """How likely it is that less than a bar is delivered, at one moment."""

    regression: SignedRegression
    trees: Trees

    def log_odds(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each row of inputs as ``delivery_inputs`` gives them: the mean of both."""
        return (self.regression.log_odds(inputs) + self.trees.log_odds(inputs)) / 2

    def refitted(self, sprints: Sequence[Ended], t: float) -> DeliveryModel:
        """With the regression adapted to a team's own sprints, where enough of them are known at ``t``.

        The trees stay: grown on so few sprints they would learn them by heart.
        """
        lessons = delivery_lessons(sprints, t)
        return replace(self, regression=adapted(self.regression, lessons, tuple(DELIVERY.values())))


@dataclass(frozen=True, eq=False, slots=True)
class Delivery:
    """What a sprint may deliver by its end, as a distribution."""

    models: tuple[DeliveryModel, ...]
    state: State
    history: History
    t: float
    away: float
    """The share (0..1) of the working time still to come that falls out."""

    def below(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance that less than each amount (points) is delivered; never falls as amounts rise.

        Work still to be done counts as 1 / (1 - ``away``) of itself: a team that misses a fifth of its
        working days has the chance that it would otherwise have with a quarter more to do. That is an
        assumption; no data behind the models says who was away.
        """
        done = self.state.done
        bars = np.where(amounts > done, done + (amounts - done) / (1 - self.away), amounts)
        bars = np.maximum(bars, _LEAST_BAR * self.state.start)
        inputs = delivery_inputs(self.state, self.history, bars)

        def at(place: int) -> NDArray[np.float64]:
            if place == len(self.models):
                return sure(done < bars - MARGIN)
            return self.models[place].log_odds(inputs)

        return between(self.t, (*MOMENTS, _OVER), at)

    def spread(self) -> tuple[float, float, float]:
        """The expected delivery, and the ends of its 80 % interval, in points."""
        usual = self.history.delivered.mean() if len(self.history.delivered) else 0.0
        most = max(_MOST * self.state.start, _MOST_USUAL * usual, self.state.done)
        asked = _GRID * self.state.start
        amounts = np.append(asked, np.linspace(asked[-1], most, 6)[1:])
        below = np.maximum.accumulate(self.below(amounts))
        left = np.append(1.0, 1 - below)
        expected = float(np.sum((left[1:] + left[:-1]) / 2 * np.diff(amounts, prepend=0.0)))
        low = 0.0 if below[0] >= _TAIL else math.floor(np.interp(_TAIL, below, amounts) + MARGIN)
        high = math.ceil(np.interp(1 - _TAIL, below, amounts) - MARGIN)
        return min(max(expected, low), high), float(low), float(high)


@dataclass(frozen=True, eq=False, slots=True)
class Forecaster:
    """What will come of sprints."""

    delivery: tuple[DeliveryModel, ...]
    """One for each of ``MOMENTS``."""
    creep: CreepModel

    def forecast(
        self,
        row: SprintRow,
        moment: Moment,
        past: Sequence[SprintRow],
        *,
        away: float = 0.0,
        done_share: float = 0.8,
        creep_share: float = 0.2,
    ) -> Forecast:
        """What will come of a sprint as it stands at ``moment``; of ``row.moments`` nothing is read.

        Counts points; give ``row.in_issues()`` (moments and past alike) for a team without estimates.
        A moment of which nothing is known is taken for the start.

        Args:
            past: sprints of any boards; only finished ones of the same board with a smaller order count.
            away: the share (0..1) of the team's working time still to come that falls out by absence.
            done_share: less than this of the commitment done is overcommitted.
            creep_share: the work added reaches this of the commitment.
        """
        return self.without(row, moment, past, 0.0, away=away, done_share=done_share, creep_share=creep_share)

    def without(
        self,
        row: SprintRow,
        moment: Moment,
        past: Sequence[SprintRow],
        moved: float,
        *,
        away: float = 0.0,
        done_share: float = 0.8,
        creep_share: float = 0.2,
    ) -> Forecast:
        """The same if ``moved`` points of unstarted committed work went to a later sprint.

        What the team can deliver is held fixed and only the bar is lowered: past sprints with a smaller
        commitment delivered less as well, so they do not tell what taking work out would do.
        """
        delivery = self.delivery_of(row, moment, past, away=away)
        if delivery is None:
            return _without_commitment(row, History.of(before(row, past)))
        committed = max(delivery.state.start - moved, 0.0)
        all_missed, enough_missed = delivery.below(np.array([committed, done_share * committed]))
        expected, low, high = delivery.spread()
        counted_at = 0.0 if moment.added.points is None else moment.t
        return Forecast(
            p_all_done=float(1 - all_missed),
            p_overcommitted=float(enough_missed),
            p_scope_creep=self.creep.chance(delivery.state, delivery.history, counted_at, creep_share),
            expected=expected,
            low=low,
            high=high,
        )

    def delivery_of(
        self, row: SprintRow, moment: Moment, past: Sequence[SprintRow], *, away: float = 0.0
    ) -> Delivery | None:
        """What it may deliver, as ``forecast`` sees it; None without a commitment."""
        state = State.of(row, moment)
        if state is None:
            return None
        told = (moment.todo.points, moment.doing.points, moment.done.points)
        t = 0.0 if told == (None, None, None) else min(max(moment.t, 0.0), _OVER)
        history = History.of(before(row, past))
        return Delivery(self.delivery, state, history, t, min(max(away, 0.0), _MOST_AWAY))

    def refitted(self, past_of_project: Sequence[SprintRow]) -> Forecaster:
        """Adapted to a project's own finished sprints; the same while too few of them are known.

        A sprint on several boards is learnt from once. Each moment is adapted from the sprints whose
        state was known then; totals alone speak through the history that every forecast reads.
        """
        sprints = ended(past_of_project)
        if len(sprints) < LEAST:
            return self
        delivery = [model.refitted(sprints, t) for model, t in zip(self.delivery, MOMENTS, strict=True)]
        return Forecaster(tuple(delivery), self.creep.refitted(sprints))

    def to_facts(self) -> dict[str, Any]:
        return {
            "delivery": [
                {
                    "t": t,
                    "regression": model.regression.to_facts(tuple(DELIVERY)),
                    "trees": model.trees.to_facts(),
                }
                for t, model in zip(MOMENTS, self.delivery, strict=True)
            ],
            "creep": self.creep.to_facts(),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Forecaster:
        """The forecaster as told by ``to_facts``.

        Raises:
            ValueError: if parts of it are of other inputs, or damaged.
            KeyError: if a part is missing.
        """
        delivery = tuple(
            DeliveryModel(
                SignedRegression.from_facts(one["regression"], tuple(DELIVERY)),
                Trees.from_facts(one["trees"]),
            )
            for one in facts["delivery"]
        )
        return cls(delivery, CreepModel.from_facts(facts["creep"]))


@cache
def shipped() -> Forecaster:
    """The forecaster that comes with the product."""
    text = resources.files("classifiers").joinpath("shipped", "priors.json").read_text(encoding="utf-8")
    return Forecaster.from_facts(json.loads(text))


def _without_commitment(row: SprintRow, history: History) -> Forecast:
    """Nothing committed is done already; of an unknown commitment nothing can be said. What the team
    delivers all the same is what it usually does."""
    chances = (0.5, 0.5, 0.5) if row.start.points is None else (1.0, 0.0, 0.0)
    if not len(history.delivered):
        return Forecast(*chances, 0.0, 0.0, 0.0)
    low, high = np.quantile(history.delivered, [_TAIL, 1 - _TAIL])
    low, high = math.floor(low), math.ceil(high)
    expected = min(max(float(history.delivered.mean()), low), high)
    return Forecast(*chances, expected, float(low), float(high))
