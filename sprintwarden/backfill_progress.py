"""How far a backfill is, shown while somebody follows it: a bar, or lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sprintwarden.backfilling import Tell
from sprintwarden.columns import counted
from store.backfills import Phase, Standing

_LINE_EVERY_S: Final = 10.0


@contextmanager
def telling() -> Iterator[Tell]:
    """A progress bar on a terminal; elsewhere a line now and then. Both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        yield _Bar(bar)


@dataclass(slots=True)
class _Bar:
    """A bar for the reading, then one for the writing."""

    bar: Progress
    task: TaskID | None = None
    phase: str = ""

    def __call__(self, standing: Standing, hindrance: str) -> None:
        done, total = _figures(standing)
        phase = "issues read" if _is_reading(standing) else "issues written to"
        said = _waits(standing, hindrance) or phase
        if self.task is None or phase != self.phase:
            self.task, self.phase = self.bar.add_task(said, total=total), phase
        self.bar.update(self.task, completed=done, total=total, description=said)


@dataclass(slots=True)
class _Lines:
    """A line when it turns to something else, every few seconds, and at the end."""

    about: str = ""
    line: str = ""
    at: float = 0.0

    def __call__(self, standing: Standing, hindrance: str) -> None:
        waits = _waits(standing, hindrance)
        about = waits or ("reading" if _is_reading(standing) else "writing")
        line = waits or _line(standing)
        now = time.monotonic()
        is_due = about != self.about or not standing.is_under_way or now - self.at >= _LINE_EVERY_S
        if is_due and line != self.line:
            sys.stderr.write(f"{line}\n")
            self.about, self.line, self.at = about, line, now


def _waits(standing: Standing, hindrance: str) -> str:
    """What it waits for, in a sentence; nothing while it gets on."""
    return hindrance or (standing.backfill.said if standing.is_under_way else "")


def _is_reading(standing: Standing) -> bool:
    backfill = standing.backfill
    planned = backfill.phase is Phase.PLANNED and not standing.is_under_way
    return backfill.steps is None or not backfill.tally.planned or planned


def _line(standing: Standing) -> str:
    done, total = _figures(standing)
    if not _is_reading(standing):
        planned = counted(total or 0, "issue")
        return f"Written to {done} of {planned}." if done else f"Writing to {planned}."
    if not done and standing.backfill.phase is not Phase.PLANNED:
        return "Reading issues."
    of = f" of about {total}" if total is not None and standing.is_under_way else ""
    return f"Read {done}{of} issues." if of else f"Read {counted(done, 'issue')}."


def _figures(standing: Standing) -> tuple[int, int | None]:
    """How many issues are read or written to, and of how many."""
    tally, progress = standing.backfill.tally, standing.backfill.progress
    if _is_reading(standing):
        return tally.issues, max(tally.total, tally.issues) if tally.total is not None else None
    done = progress.issues + progress.refused + progress.passed_over + progress.changed
    return done, tally.planned
