"""A sprint as numbers: what forecasts read, live and from ``sprints.jsonl``."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Count:
    """Some work, counted both ways; None where it is not known."""

    issues: float | None = None
    points: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A sprint at one moment of its planned time."""

    t: float
    """Share (0..1) of the planned time that has passed."""
    added: Count = Count()
    """Since the start, removed later or not."""
    removed: Count = Count()
    todo: Count = Count()
    doing: Count = Count()
    done: Count = Count()
    team: float | None = None
    """People with an issue in the sprint."""


@dataclass(frozen=True, slots=True)
class SprintRow:
    """One sprint as one board shows it."""

    id: str
    project: str
    board: str
    order: float
    """Sorts the sprints of a project in time; the same sprint seen on another board has the same."""
    planned_days: float | None
    start: Count
    """Committed: in it when it was started."""
    moments: tuple[Moment, ...] = ()
    """By ``t``."""
    delivered: Count = Count()
    """Done by its end; nothing in it while it is open."""

    def in_issues(self) -> SprintRow:
        """The same with issues in the place of points, for a team that does not estimate."""
        moments = tuple(
            replace(
                moment,
                added=_one_by_one(moment.added),
                removed=_one_by_one(moment.removed),
                todo=_one_by_one(moment.todo),
                doing=_one_by_one(moment.doing),
                done=_one_by_one(moment.done),
            )
            for moment in self.moments
        )
        return replace(
            self,
            start=_one_by_one(self.start),
            moments=moments,
            delivered=_one_by_one(self.delivered),
        )


def _one_by_one(count: Count) -> Count:
    return Count(count.issues, count.issues)
