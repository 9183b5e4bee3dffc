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
from store.backfills import Backfill, Standing

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
        said, done, total = _told(standing, hindrance)
        phase = _phase(standing.backfill)
        if self.task is None or phase != self.phase:
            self.task, self.phase = self.bar.add_task(said, total=total), phase
        self.bar.update(self.task, completed=done, total=total, description=said)


@dataclass(slots=True)
class _Lines:
    """A line when something changes, and every few seconds."""

    said: str = ""
    at: float = 0.0

    def __call__(self, standing: Standing, hindrance: str) -> None:
        said, done, total = _told(standing, hindrance)
        now = time.monotonic()
        if said != self.said or now - self.at >= _LINE_EVERY_S:
            of = f" of {total}" if total is not None else ""
            sys.stderr.write(f"{said}: {done}{of}\n")
            self.said, self.at = said, now


def _phase(backfill: Backfill) -> str:
    return "reading" if backfill.steps is None else "writing"


def _told(standing: Standing, hindrance: str) -> tuple[str, int, int | None]:
    """What it is at, how far, and of how much."""
    backfill = standing.backfill
    said = hindrance or (backfill.said if standing.is_under_way else "")
    if backfill.steps is None:
        tally = backfill.tally
        total = max(tally.total, tally.issues) if tally.total is not None else None
        return said or "issues read", tally.issues, total
    progress = backfill.progress
    done = progress.issues + progress.refused + progress.passed_over
    return said or "issues written to", done, backfill.tally.planned
