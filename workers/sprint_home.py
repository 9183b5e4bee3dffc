"""Which issue the comment about a sprint stands on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from classifiers.sprint_judgement import Concern, SprintJudgement
from trackers.errors import Forbidden, Gone
from trackers.model import AuthorKind, Issue
from trackers.protocol import Reading, Recall, Tracker
from trackers.sprints import SprintReading, Stage
from workers.sprint_book import GONE, Home

_TRIED: Final = 3
"""Issues that may have been deleted a moment ago; a sprint of which more are is read anew soon."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A home, with its issue as it is now."""

    home: Home
    reading: Reading


def candidates(
    reading: SprintReading,
    judgement: SprintJudgement,
    tracking_issue: str | None,
    projects: frozenset[str] | None,
) -> Iterator[Home]:
    """Where the comment may stand, best first: the issue that the admin named, else one of the sprint.

    Of the sprint's own the one that crossed the line; else one that is spoken of and is to stay; else the
    most important that is not done: everybody looks at that, and nobody moves it out. Never one of a
    project that the connection does not name.
    """
    if tracking_issue is not None:
        yield Home("", tracking_issue, tracking=True)
        return
    ids = {issue.key: issue.id for issue in reading.issues if projects is None or issue.project in projects}
    named = dict.fromkeys(key for key in _named(reading, judgement) if key in ids)
    yield from (Home(ids[key], key) for key in named)


def _named(reading: SprintReading, judgement: SprintJudgement) -> Iterator[str]:
    if judgement.scope.crossing:
        yield judgement.scope.crossing
    if Concern.OVERCOMMITTED not in judgement.concerns:
        yield from (one.key for one in judgement.grown)
        yield from (one.key for one in judgement.stalled)
    yield from (issue.key for issue in reading.issues if issue.stage in (Stage.TODO, Stage.DOING))
    yield from (issue.key for issue in reading.issues)


def has_left(home: Home, reading: SprintReading) -> bool:
    """Whether the issue that bears the comment is no longer in the sprint."""
    return not home.tracking and home.issue not in {issue.id for issue in reading.issues}


def as_listed(home: Home, reading: SprintReading) -> Opened | None:
    """A home as the sprint's own reading tells it, which is enough to edit what stands there already."""
    for issue in reading.issues:
        if issue.id == home.issue:
            told = Issue(
                id=issue.id,
                key=issue.key,
                project=issue.project,
                title="",
                body="",
                type=issue.type,
                priority=None,
                components=(),
                labels=issue.labels,
                author=AuthorKind.UNKNOWN,
                created=issue.created,
                updated=None,
            )
            return Opened(home, Reading(told))
    return None


def open_home(tracker: Tracker, homes: Iterable[Home], recall: Recall) -> Opened | None:
    """The first of ``homes`` that is there and may be read, with its present state; None when none is."""
    for home in islice(homes, _TRIED):
        if home.key == GONE:
            continue
        try:
            reading = tracker.read(home.issue or home.key, recall)
        except (Gone, Forbidden):
            continue
        return Opened(Home(reading.issue.id, reading.issue.key, home.tracking), reading)
    return None


def wears(issue: Issue, label: str) -> bool:
    """Whether an issue has a label of that name, whatever the case."""
    wanted = label.casefold()
    return any(wanted in (one.name.casefold(), one.path.casefold()) for one in issue.labels)
