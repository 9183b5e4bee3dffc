"""What is kept of a run: enough to explain it to a person, without the issue's text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from rules.schema import Mode
from store.inbox import Batch
from trackers.model import Hint
from workers.apply import Applied
from workers.decide import Because
from workers.plan import Plan
from workers.sprint_plan import SprintPlan


class Outcome(StrEnum):
    """How a run ended. Each is a metric's label, so the set is closed."""

    APPLIED = "applied"
    SUGGESTED = "suggested"
    DRY_RUN = "dry_run"
    NOTHING = "nothing"
    IGNORED = "ignored"
    PARTLY_REFUSED = "partly_refused"
    POSTPONED = "postponed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, and why where it did nothing or less than planned."""

    outcome: Outcome
    because: Because | None = None
    cause: str = ""
    plan: Plan | SprintPlan | None = None
    applied: Applied | None = None
    rules: str | None = None
    read: datetime | None = None
    """The issue's ``updated`` as of the reading that was acted on."""
    text: str | None = None
    """Digest of what the issue said then."""
    key: str | None = None
    """The issue's key as of that reading."""
    url: str | None = None
    """Where people find it, where that cannot be told from the connection."""
    purge: bool = False
    """Nothing about the subject shall be kept."""


def outcome_of(plan: Plan | SprintPlan, applied: Applied) -> Ending:
    """The ending of a run that came as far as applying its plan."""
    if applied.failures:
        cause = " ".join(failure.sentence for failure in applied.failures)
        return Ending(Outcome.PARTLY_REFUSED, cause=cause, plan=plan, applied=applied)
    if plan.because is not None:
        return Ending(Outcome.NOTHING, plan.because, plan=plan)
    if plan.dry:
        return Ending(Outcome.DRY_RUN, Because.DRY_RUN, plan=plan)
    outcome = Outcome.SUGGESTED if plan.mode is Mode.SUGGEST else Outcome.APPLIED
    return Ending(outcome, plan=plan, applied=applied)


_MOST_HINTS: Final = 20
"""Of a long row of events the last ones tell enough."""


def record(batch: Batch, ending: Ending, took: timedelta) -> dict[str, Any]:
    """The JSON-ready record of one run."""
    kept: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "outcome": str(ending.outcome),
        "because": str(ending.because) if ending.because else None,
        "cause": ending.cause,
        "hints": [_hint(hint) for hint in batch.hints[-_MOST_HINTS:]],
        "attempt": batch.attempts,
        "waited_ms": int(batch.waited.total_seconds() * 1000),
        "took_ms": int(took.total_seconds() * 1000),
        "rules": ending.rules,
    }
    if ending.key is not None:
        kept["issue"] = ending.key
    if ending.url is not None:
        kept["url"] = ending.url
    if ending.plan is not None:
        # The comment's text is on the issue; the reasons stand beside the labels already.
        plan = ending.plan.to_json()
        plan["operations"] = [
            {key: value for key, value in operation.items() if key not in ("body", "because")}
            for operation in plan["operations"]
        ]
        kept["plan"] = plan
    if ending.applied is not None:
        kept["written"] = {"labels": list(ending.applied.labels), "comment": ending.applied.comment}
        kept["refused"] = [failure.sentence for failure in ending.applied.failures]
    return kept


def counters(connection: str, ending: Ending) -> dict[str, int]:
    """What the run adds to the counters, by ``name{connection,outcome,because}``."""
    because = str(ending.because) if ending.because else ""
    counted = {f"runs|{connection}|{ending.outcome}|{because}": 1}
    if ending.applied is not None:
        if ending.applied.labels:
            counted[f"labels|{connection}"] = len(ending.applied.labels)
        if ending.applied.comment:
            counted[f"comments|{connection}"] = 1
    return counted


def _hint(hint: Hint) -> dict[str, Any]:
    """A hint as it is kept: of an issue in a sprint nothing that would have to be purged with the issue."""
    return {name: value for name, value in hint.to_json().items() if name not in ("subject", "issue")}
