"""Past sprints forecast as they would have been at the time, beside the vendors' rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classifiers.capacity import Forecaster
from classifiers.capacity_rows import seen
from classifiers.intervals import Share
from classifiers.scores import Fifth, Scores, reliability, scores
from classifiers.sprint_history import Forecasts, in_its_unit, is_in_issues
from classifiers.sprint_judgement import Forecast
from classifiers.sprint_rows import SprintRow
from classifiers.velocity import NEEDED, RULES, Said, falls_short

OURS: Final = "ours"
LATE: Final = 0.8
"""All that was added counts as known from a moment no earlier than this share of the planned time."""


class Question(StrEnum):
    """What is asked of a sprint."""

    OVERCOMMITTED = "overcommitted"
    ALL_DONE = "all done"
    SCOPE_CREEP = "scope creep"


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares (0..1) of the commitment from which a sprint counts as something."""

    done: float = 0.8
    """With less than this done it was overcommitted."""
    creep: float = 0.2
    """With this much added its scope crept."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A past sprint, as forecast and as it went."""

    row: SprintRow
    forecast: Forecast
    truth: Mapping[Question, bool]
    """Without the questions that nobody can answer any more."""
    rules: Mapping[str, Said]
    """On overcommitted, by the names of ``RULES``; nothing while its board has too few past sprints."""

    def said(self, way: str, question: Question) -> Said:
        """What was said by ``OURS``, or on overcommitted by a rule."""
        if way != OURS:
            return self.rules[way]
        p = {
            Question.OVERCOMMITTED: self.forecast.p_overcommitted,
            Question.ALL_DONE: self.forecast.p_all_done,
            Question.SCOPE_CREEP: self.forecast.p_scope_creep,
        }[question]
        return Said(p, p)

    @property
    def covered(self) -> bool:
        """Whether the 80 % interval held what was delivered."""
        delivered = in_its_unit(self.row).delivered.points or 0.0
        return self.forecast.low <= delivered <= self.forecast.high


@dataclass(frozen=True, slots=True)
class Answers:
    """How good the ways to answer a question were, all on the same sprints."""

    question: Question
    happened: Share
    ways: Mapping[str, Scores]
    """Ours first."""
    fifths: Sequence[Fifth]
    """What ours said, and what happened."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """How good the forecasts of past sprints were."""

    tried: int
    in_issues: int
    """Those without points, which are counted in issues."""
    compared: Answers | None
    """Ours and the rules on overcommitted, where all can speak; None where they nowhere can."""
    alone: tuple[Answers, ...]
    """Ours on each question, wherever the truth is known."""
    covered: Share
    """Deliveries inside the 80 % interval."""


def walk(rows: Sequence[SprintRow], forecaster: Forecaster, at: float, bars: Bars) -> list[Tried]:
    """Forecast each sprint as known at the share ``at`` of its planned time, from what was earlier alone.

    Tried are sprints with a commitment and a known delivery, each once: on the board that saw most
    issues in it, with the past of that board.
    """
    forecasts = Forecasts(forecaster, rows)
    return [
        Tried(
            row=row,
            forecast=forecasts.at(row, at, done_share=bars.done, creep_share=bars.creep),
            truth=_truth(in_its_unit(row), at, bars),
            rules=_rules(in_its_unit(row), forecasts.past_of(row), bars),
        )
        for row in main_views(rows)
    ]


def main_views(rows: Iterable[SprintRow]) -> list[SprintRow]:
    """Of each sprint that can be judged, the view that saw most issues in it; in time order."""
    best: dict[tuple[str, float], SprintRow] = {}
    for row in sorted(rows, key=lambda one: (one.order, one.project, one.board, one.id)):
        counted = in_its_unit(row)
        if counted.start.points and counted.delivered.points is not None:
            place = (row.project, row.order)
            best[place] = max(best.get(place, row), row, key=seen)
    return list(best.values())


def judge(tried: Sequence[Tried]) -> Backtest:
    """How good the forecasts were, and the rules beside them; of at least one sprint."""
    compared = [one for one in tried if one.rules]
    return Backtest(
        tried=len(tried),
        in_issues=sum(is_in_issues(one.row) for one in tried),
        compared=_answers(compared, Question.OVERCOMMITTED, (OURS, *RULES)) if compared else None,
        alone=tuple(
            _answers(known, question, (OURS,))
            for question in Question
            if (known := [one for one in tried if question in one.truth])
        ),
        covered=Share(sum(one.covered for one in tried), len(tried)),
    )


def _truth(row: SprintRow, at: float, bars: Bars) -> dict[Question, bool]:
    start, delivered = row.start.points or 0.0, row.delivered.points or 0.0
    truth = {
        Question.OVERCOMMITTED: falls_short(delivered, bars.done * start),
        Question.ALL_DONE: not falls_short(delivered, start),
    }
    last = row.moments[-1] if row.moments else None
    # What was added by the moment that the forecast is told from is no test of it.
    if last and last.t >= LATE and last.t > at and last.added.points is not None:
        truth[Question.SCOPE_CREEP] = not falls_short(last.added.points, bars.creep * start)
    return truth


def _rules(row: SprintRow, past: Sequence[SprintRow], bars: Bars) -> dict[str, Said]:
    # A sprint in which nothing was estimated and nothing done tells nothing of what the team can do.
    delivered = [one.delivered.points or 0.0 for one in past if one.start.points or one.delivered.points]
    if len(delivered) < NEEDED:
        return {}
    return {name: rule(row.start.points or 0.0, delivered, bars.done) for name, rule in RULES.items()}


def _answers(known: Sequence[Tried], question: Question, ways: Sequence[str]) -> Answers:
    truth = [one.truth[question] for one in known]
    said = {way: [one.said(way, question) for one in known] for way in ways}
    return Answers(
        question=question,
        happened=Share(sum(truth), len(truth)),
        ways=dict(zip(ways, scores(list(said.values()), truth), strict=True)),
        fifths=reliability(said[OURS], truth),
    )
