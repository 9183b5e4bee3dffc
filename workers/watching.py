"""The models that serve, watched: what an answer adds to the counts, and what a clock makes of them.

The first is part of a run; the second opens no model file, because what it needs of a model stands
in the registry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from store.models import Entry, ModelShelf, Place
from store.outcomes import Outcomes, Row, Spent
from store.watch import Moved, Rate, Reply, Report, Sighting, Watch, Week, week_of
from trackers.model import Hint, HintKind
from workers.decide import Situation
from workers.learning import live

if TYPE_CHECKING:
    from classifiers.examples import Target
    from classifiers.intervals import Share
    from classifiers.tagger import Answer
    from workers.taggers import Said

log = structlog.get_logger("watching")

MOST_WEEKS: Final = 4
"""An issue older than that is no news."""
MOST_RATES: Final = 200
"""Tags, and projects, whose live precision is told; a tracker may have thousands."""


def sightings(
    said: Mapping[Target, Said], hints: Sequence[Hint], at: Situation, now: datetime
) -> tuple[Sighting, ...]:
    """What is to be counted of the answers about an issue: nothing unless it is new, and of each model
    nothing that its journal remembers already."""
    if not any(hint.kind is HintKind.ISSUE_CREATED for hint in hints):
        return ()
    held = {target: one.model for target, one in at.journal.forecasts.items()}
    project, week = at.issue.project, week_of(now.astimezone(UTC))
    return tuple(
        Sighting(one.model, str(target), project, _reply(one.answer), week, one.cells)
        for target, one in said.items()
        if held.get(target) != one.model
    )


def _reply(answer: Answer) -> Reply:
    if answer.abstained is not None:
        return Reply.ABSTAINED
    return Reply.TAGGED if answer.applied else Reply.SILENT


def look(shelf: ModelShelf, watch: Watch, outcomes: Outcomes, now: datetime) -> None:
    """Hold the newest issues of every serving model against its training window, work out its live
    precision, and forget models that neither serve nor are the previous one.

    Any number of clocks may do so: an alarm is told by one of them.
    Raises what a failing Redis raises.
    """
    ever = outcomes.ever()
    for place, slots in shelf.all().items():
        kept = [entry.id for entry in (slots.serving, slots.previous) if entry is not None]
        watch.forget_others(place, kept)
        if slots.serving is not None:
            report = _report(place, slots.serving, watch, outcomes, ever.get(place, 0), now)
            watch.keep(place, report)
            _tell(place, watch, report)


def _report(
    place: Place, serving: Entry, watch: Watch, outcomes: Outcomes, ever: int, now: datetime
) -> Report:
    newest = week_of(now.astimezone(UTC))
    moved = _moved(place, serving, watch.weeks(place, serving.id, newest, MOST_WEEKS))
    before = watch.report(place, serving.id)
    spent = outcomes.standing(*place).spent
    of = (ever, sum(map(len, spent.values())))
    if before is not None and before.of == of:
        return Report(serving.id, now, moved, before.labels, before.projects, of)
    tags, projects = tallies(outcomes.rows(*place), spent)
    return Report(serving.id, now, moved, _rates(tags), _rates(projects), of)


def _moved(place: Place, serving: Entry, weeks: Iterable[Week]) -> tuple[Moved, ...]:
    facts: Mapping[str, Any] | None = serving.facts.get("drift")
    if not facts:
        return ()
    from classifiers.drift import Reference, compare

    try:
        drift = compare(Reference.of_facts(facts), _newest(weeks))
    except (ValueError, IndexError) as error:
        # A model that tells of its window what nobody can read must not stop the clock.
        log.error(
            "drift not measured",
            connection=place[0],
            target=place[1],
            model=serving.id[:12],
            error=str(error),
        )
        return ()
    return tuple(
        Moved(str(one.measure), str(one.size), round(one.index, 4), one.sentence) for one in drift.moved
    )


def _newest(weeks: Iterable[Week]) -> Counter[str]:
    """The cells of as few weeks, newest first, as it takes to say anything: an old difference shall not
    hide a new one."""
    from classifiers.drift import LEAST_ISSUES

    found: Counter[str] = Counter()
    issues = 0
    for week in weeks:
        if issues >= LEAST_ISSUES:
            break
        found.update(week.cells)
        issues += week.issues
    return found


def tallies(rows: Sequence[Row], spent: Spent) -> tuple[dict[str, Share], dict[str, Share]]:
    """How often what was put on was right, by tag and by project; ``spent`` as in ``learning.live``."""
    from classifiers.intervals import Share

    own: dict[str, list[Row]] = {}
    for row in rows:
        own.setdefault(row.project, []).append(row)
    tags = {tag: Share(one.right, one.total) for tag, one in live(rows, spent).items()}
    projects = {}
    for project in sorted(own):
        found = live(own[project], spent).values()
        share = Share(sum(one.right for one in found), sum(one.total for one in found))
        if share.total:
            projects[project] = share
    return tags, projects


def _rates(shares: Mapping[str, Share]) -> dict[str, Rate]:
    """Those with the most outcomes."""
    most = sorted(shares, key=lambda name: (-shares[name].total, name))[:MOST_RATES]
    found = {}
    for name in most:
        ends = shares[name].interval()
        found[name] = Rate(shares[name].right, shares[name].total, round(ends.low, 4), round(ends.high, 4))
    return found


def _tell(place: Place, watch: Watch, report: Report) -> None:
    watch.calm(place, report.model, [one.measure for one in report.moved if one.size == "none"])
    for one in report.moved:
        if one.size == "much" and watch.tell(place, report.model, one.measure):
            log.warning(
                "issues have drifted",
                connection=place[0],
                target=place[1],
                measure=one.measure,
                index=one.index,
                said=one.sentence,
            )
