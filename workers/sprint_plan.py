"""What is to be written about a sprint, or why nothing is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from classifiers.sprint_judgement import Concern, SprintJudgement
from rules.schema import Mode
from trackers.prose import Prose
from trackers.protocol import Operation
from workers import told
from workers.decide import Because
from workers.sprint_book import Home, Said

_NOISE: Final = 0.1
"""Chances move by this much and more before a comment is edited for them alone."""
_GRAVE: Final = 0.9
_MANY: Final = 3
"""Issues that stall are worth a comment of their own from this many on; fewer are told beside other news."""


@dataclass(frozen=True, slots=True)
class SprintPlan:
    """What one run means to do about a sprint."""

    mode: Mode
    judgement: SprintJudgement | None = None
    operations: tuple[Operation, ...] = ()
    """On the home of the comment."""
    home: Home | None = None
    because: Because | None = None
    """Why there is nothing to write; None when there is."""
    labels: tuple[tuple[str, str], ...] = ()
    """Keys of issues whose label was brought in step, each with what was done."""
    refused: tuple[str, ...] = ()
    """Why a label could not be, as sentences."""
    until: datetime | None = None
    """When what is held back may be written."""
    prose: Prose = ()
    """What the comment among the operations says."""

    @property
    def dry(self) -> bool:
        """Nothing of it is written."""
        return self.mode is Mode.DRY_RUN

    def to_json(self) -> dict[str, Any]:
        """The plan as the record shows it."""
        return {
            "mode": str(self.mode),
            "sprint": figures_json(self.judgement) if self.judgement else None,
            "home": self.home.key if self.home else None,
            "operations": [told.operation_json(operation) for operation in self.operations],
            "marked": dict(self.labels),
            "labels_refused": list(self.refused),
            "because": str(self.because) if self.because else None,
            "until": self.until.isoformat(timespec="minutes") if self.until else None,
        }


def figures_json(judgement: SprintJudgement) -> dict[str, Any]:
    """Every figure of a judgement, for the record."""
    scope, forecast = judgement.scope, judgement.forecast
    return {
        "unit": str(judgement.unit),
        "t": round(judgement.t, 3),
        "rebuilt": judgement.rebuilt,
        "committed": scope.committed,
        "now": scope.now,
        "done": scope.done,
        "doing": scope.doing,
        "todo": scope.todo,
        "added": [item.key for item in scope.added],
        "removed": [item.key for item in scope.removed],
        "reestimated": [item.key for item in scope.reestimated],
        "not_counted": dict(scope.not_counted),
        "grown_by": scope.grown_by,
        "share": round(scope.share, 3),
        "budget": judgement.budget,
        "forecast": {name: round(value, 4) for name, value in asdict(forecast).items()},
        "past": asdict(judgement.past),
        "away": round(judgement.away, 3),
        "way_out": [item.key for item in judgement.way_out.move] if judgement.way_out else None,
        "grown": [item.key for item in judgement.grown],
        "stalled": [item.key for item in judgement.stalled],
        "concerns": sorted(judgement.concerns),
    }


def scope_told(plan: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a plan's figures those that change by what people do, not by the hour."""
    figures = (plan or {}).get("sprint") or {}
    names = ("committed", "now", "done", "added", "removed", "not_counted", "concerns")
    return {name: figures.get(name) for name in names}


def worth_saying(judgement: SprintJudgement) -> bool:
    """Whether what was found is worth a comment where there is none yet."""
    weighty = judgement.concerns - {Concern.STALLED}
    return bool(weighty) or len(judgement.stalled) >= _MANY


def said_of(judgement: SprintJudgement, at: datetime) -> Said:
    """What a comment made from a judgement tells."""
    forecast, scope = judgement.forecast, judgement.scope
    move = judgement.way_out.move if judgement.way_out else ()
    named = [item.key for item in (*scope.added, *scope.removed, *move)]
    named += [one.key for one in scope.reestimated]
    named += [one.key for one in judgement.grown]
    named += [one.key for one in judgement.stalled]
    return Said(
        concerns=tuple(sorted(judgement.concerns)),
        figures={
            "p_all_done": forecast.p_all_done,
            "p_overcommitted": forecast.p_overcommitted,
            "now": scope.now,
        },
        keys=tuple(sorted(set(named))),
        severity=severity(judgement),
        at=at,
    )


def severity(judgement: SprintJudgement) -> int:
    """How grave it is: each of the two great concerns counts, and a sprint that is all but lost."""
    great = judgement.concerns & {Concern.OVERCOMMITTED, Concern.SCOPE_CREEP}
    # When time is up the chance is a fact, and no graver for that.
    lost = judgement.t < 1 and judgement.forecast.p_overcommitted >= _GRAVE
    return len(great) + (Concern.OVERCOMMITTED in great and lost)


def is_news(before: Said, now: Said) -> bool:
    """Whether a comment that tells ``before`` must be edited to tell ``now``: noise is none."""
    if before.concerns != now.concerns or before.keys != now.keys:
        return True
    if before.figures.get("now") != now.figures.get("now"):
        return True
    if any(_moved(before.figures, now.figures, name) for name in ("p_all_done", "p_overcommitted")):
        return True
    return before.at is None


def _moved(before: Mapping[str, float], now: Mapping[str, float], name: str) -> bool:
    return name not in before or abs(before[name] - now[name]) >= _NOISE
