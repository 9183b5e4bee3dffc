"""All that is found about a running sprint, put together. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from classifiers.capacity import Delivery, Forecaster
from classifiers.grown import grown
from classifiers.requirement_lines import LabelledLine
from classifiers.requirement_model import shipped as shipped_lines_judge
from classifiers.scope import row_of, scope_of
from classifiers.sprint_judgement import Concern, Forecast, Grown, Item, SprintJudgement, Stalled, WayOut
from classifiers.sprint_memory import SprintMemory
from classifiers.sprint_past import durations, past_of
from classifiers.sprint_rows import Moment, SprintRow
from classifiers.sprint_views import Careful, as_promised, taken_out, without_additions
from classifiers.stalled import stalled
from classifiers.way_out import way_out
from rules.sprint_rules import SprintRules, absent_share
from trackers.sprints import Finished, Sprint, SprintIssue, Stage, Unit

_WELL_AGAIN = 0.05
"""A warning stands until the chance is this much over the line: it must not come and go with every card."""
_PLANNED = 14.0
"""Days; how long a sprint without an end is taken to last where the board has finished none."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a judgement is made from."""

    sprint: Sprint
    issues: Sequence[SprintIssue]
    memory: SprintMemory
    unit: Unit
    count: Callable[[float | None], float]
    """What an issue with this estimate counts."""
    unestimated_as: float
    rules: SprintRules
    zone: str | None
    """The board's own."""
    finished: Sequence[Finished]
    rows: Sequence[SprintRow]
    """The finished sprints as forecasts read them, in the sprint's unit."""
    forecaster: Forecaster
    key: bytes
    """By which requirement lines were hashed."""
    now: datetime
    told: frozenset[str] = frozenset()
    """The concerns that our comment tells at present."""


@dataclass(frozen=True, slots=True)
class _Views:
    """What forecasts see of a sprint."""

    row: SprintRow
    moment: Moment
    """As if what was taken out of the commitment were still in it."""
    bare: Moment
    """The same without what was added."""
    moved: float
    """How much was taken out."""
    away: float


def judge(at: Outlook) -> SprintJudgement:
    """Everything that is found about a sprint as it stands.

    Its chances are about what is left of the commitment, with what the team can deliver held fixed: work
    that was taken out is the way out we proposed, and must count as it was promised to. Nor does work that
    was added make them better: teams that add much finish more, but not because they added it. Of two
    views, with what was added and without it, the more careful one counts.
    """
    sprint = _with_end(at)
    scope = scope_of(at.memory, at.count, grace=at.rules.scope_grace, budget=at.rules.budget)
    promised = as_promised(at.memory, at.count)
    row, moment = _row(at, sprint, promised)
    _, bare = _row(at, sprint, without_additions(promised))
    views = _Views(row, moment, bare, taken_out(at.memory, at.count), _away(at, sprint, moment))
    found = SprintJudgement(
        sprint=sprint,
        unit=at.unit,
        at=at.now,
        t=moment.t,
        activated=at.memory.activated,
        rebuilt=at.memory.rebuilt,
        scope=scope,
        forecast=_forecast(at, views),
        past=past_of(at.finished, at.unit),
        budget=at.rules.budget,
        done_share=at.rules.done_share,
        warn_below=at.rules.warn_below,
        away=views.away,
        unestimated_as=at.unestimated_as,
        watches_scope=at.rules.scope_creep,
        grown=_grown(at),
        stalled=_stalled(at),
    )
    concerns = _concerns(at, found)
    way = _way_out(at, views) if Concern.OVERCOMMITTED in concerns and found.t < 1 else None
    return replace(found, concerns=concerns, way_out=way)


def _forecast(at: Outlook, views: _Views) -> Forecast:
    """The more careful chances of both views; amounts tell of all that gets done, and so of the plain one."""

    def seen(moment: Moment) -> Forecast:
        return at.forecaster.without(
            views.row,
            moment,
            at.rows,
            views.moved,
            away=views.away,
            done_share=at.rules.done_share,
            creep_share=at.rules.budget,
        )

    plain, bare = seen(views.moment), seen(views.bare)
    return replace(
        plain,
        p_all_done=min(plain.p_all_done, bare.p_all_done),
        p_overcommitted=max(plain.p_overcommitted, bare.p_overcommitted),
    )


def _with_end(at: Outlook) -> Sprint:
    """The sprint with an end to reckon by: where it has no date, the board's usual length."""
    if at.sprint.end is not None:
        return at.sprint
    lengths = [one.planned_days for one in at.finished if one.planned_days > 0]
    planned = statistics.median(lengths) if lengths else _PLANNED
    return replace(at.sprint, end=at.memory.activated + timedelta(days=planned))


def _row(at: Outlook, sprint: Sprint, memory: SprintMemory) -> tuple[SprintRow, Moment]:
    people = {issue.assignee for issue in at.issues if issue.assignee}
    row, moment = row_of(
        memory, sprint, at.now, at.count, project=at.sprint.board, team=float(len(people)) or None
    )
    if at.unit is Unit.ISSUES:
        row = row.in_issues()
        moment = row.moments[0]
    # A sprint that overlapped with this one has ended all the same, so it is evidence now.
    return replace(row, order=at.now.timestamp()), moment


def _away(at: Outlook, sprint: Sprint, moment: Moment) -> float:
    if not at.rules.away or sprint.end is None or sprint.end <= at.now:
        return 0.0
    people = at.rules.people or int(moment.team or 0)
    return absent_share(at.rules.away, people, at.rules.calendar, at.now, sprint.end, at.zone)


def _concerns(at: Outlook, found: SprintJudgement) -> frozenset[Concern]:
    rules, forecast = at.rules, found.forecast
    is_told = Concern.OVERCOMMITTED in at.told
    line = rules.warn_below + (_WELL_AGAIN if is_told else 0.0)
    settled_in = at.now - at.memory.activated >= rules.overcommit_grace
    has = {
        Concern.OVERCOMMITTED: rules.overcommit
        and settled_in
        # Sprints run on until somebody closes them: then no warning is new, but one that holds stands.
        and (found.t < 1 or is_told)
        and found.scope.committed > 0
        and 1 - forecast.p_overcommitted < line,
        Concern.SCOPE_CREEP: rules.scope_creep and found.scope.crossing is not None,
        Concern.GROWN: bool(found.grown),
        Concern.STALLED: bool(found.stalled),
    }
    return frozenset(concern for concern, there in has.items() if there)


def _grown(at: Outlook) -> tuple[Grown, ...]:
    if not at.rules.requirements:
        return ()
    texts = {issue.id: issue.body for issue in at.issues}
    corrections = (LabelledLine(line, kind) for line, kind in at.rules.requirement_lines)
    return grown(at.memory, texts, at.key, shipped_lines_judge().with_corrections(corrections))


def _stalled(at: Outlook) -> tuple[Stalled, ...]:
    if not at.rules.stalled:
        return ()
    blockers = {issue.id: issue.blockers for issue in at.issues if issue.blockers}
    return stalled(at.memory, at.now, durations(at.finished), blockers)


def _way_out(at: Outlook, views: _Views) -> WayOut | None:
    """What to move so that the warning goes."""

    def seen(moment: Moment) -> Delivery | None:
        return at.forecaster.delivery_of(views.row, moment, at.rows, away=views.away)

    plain, bare = seen(views.moment), seen(views.bare)
    if plain is None or bare is None:
        return None
    stays = at.memory.stays.values()
    unstarted = sorted(
        (stay for stay in stays if stay.committed and stay.left is None and stay.stage is Stage.TODO),
        key=lambda stay: (-stay.rank, stay.id),
    )
    items = [Item(stay.key, at.count(stay.points)) for stay in unstarted if not stay.subtask]
    return way_out(
        Careful(plain, bare),
        items,
        line=min(at.rules.warn_below + _WELL_AGAIN, 1.0),
        done_share=at.rules.done_share,
        already=views.moved,
    )
