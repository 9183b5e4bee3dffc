"""What a backfill finds on a page of issues: each is judged as a run would judge it, and nothing is written.

No label is made for a backfill and no comment is written: of thousands of issues nobody wants to hear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rules.load import RuleBook
from rules.schema import Mode
from store.backfills import EXAMPLES, Example, Question, Row, Tally, Todo
from store.journal import Forecast, Journal
from trackers.model import Subject, SubjectKind
from trackers.protocol import AddLabels, Found, Reading, Written
from workers.apply import Applied
from workers.decide import situation
from workers.learning import kept
from workers.plan import Chosen, Plan, records
from workers.run import plan_for
from workers.shop import Desk, Shop
from workers.taggers import answers_of, forecasts
from workers.wording import and_list

_MOST_REASONS: Final = 30
"""Why labels are withheld, told apart."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One issue as the rules and the models see it."""

    mode: Mode
    """Of its project."""
    plan: Plan
    """As if the mode were ``apply``."""
    todo: Todo | None
    """What to write; None when there is nothing to."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """What one page adds."""

    tally: Tally
    """Of all pages so far."""
    todo: tuple[Todo, ...]


def read_page(
    shop: Shop, desk: Desk, book: RuleBook, question: Question, before: Tally, page: Found
) -> PageRead:
    """Judge a page of issues. Their journals take one round trip to Redis; the tracker is asked nothing
    but for labels that are not in its cache."""
    name = desk.connection.name
    subjects = [Subject(name, SubjectKind.ISSUE, reading.issue.id) for reading in page.issues]
    journals = shop.journals.read_many(subjects)
    listed = shop.backfills.listed(name, [subject.id for subject in subjects])
    judged = [
        judge(shop, desk, book, reading, journal)
        for reading, journal in zip(page.issues, journals, strict=True)
        # Issues that come in meanwhile push others onto the next page.
        if reading.issue.id not in listed
    ]
    tally = replace(before, total=page.total if page.total is not None else before.total)
    todo = []
    for one in judged:
        room = one.mode is Mode.APPLY and tally.planned < question.most
        if one.todo is not None and room:
            todo.append(replace(one.todo, place=tally.planned))
        tally = _counted(tally, one, room=room)
    return PageRead(tally, tuple(todo))


def judge(shop: Shop, desk: Desk, book: RuleBook, reading: Reading, journal: Journal) -> Judged:
    """What would be put on one issue, and why."""
    at = situation(reading.issue, journal, reading.memory, {}, records(reading.comments))
    rules = book.effective(desk.connection.name, at.issue.project)
    said = shop.taggers.ask(desk.connection.name, desk.tracker.kind, at.issue, rules)
    as_if = replace(rules, mode=Mode.APPLY, create_labels=False, comment=False)
    plan = plan_for(desk, at, as_if, answers_of(said))
    adds = next((item for item in plan.operations if isinstance(item, AddLabels)), None)
    if adds is None:
        return Judged(rules.mode, plan, None)
    as_written = Applied((Written(adds.labels),))
    todo = Todo(
        place=0,
        issue=at.issue.id,
        key=at.issue.key,
        project=at.issue.project,
        labels=adds.labels,
        told=tuple(plan.to_json()["labels"]),
        applied=frozenset(at.applied),
        vetoed=dict(at.vetoed),
        known=journal.known,
        updated=at.issue.updated,
        forecasts=tuple(_slim(forecasts(said, at, plan, as_written))),
    )
    return Judged(rules.mode, plan, todo)


def _slim(found: Iterable[Forecast]) -> Iterable[Forecast]:
    return (replace(one, guesses=kept(one.guesses)) for one in found)


def _counted(tally: Tally, judged: Judged, *, room: bool) -> Tally:
    tally = _withheld(replace(tally, issues=tally.issues + 1), judged.plan)
    if judged.todo is None:
        is_there = bool(judged.plan.already) and not judged.plan.withheld
        is_nothing = not judged.plan.already and not judged.plan.withheld
        return replace(tally, all_there=tally.all_there + is_there, nothing=tally.nothing + is_nothing)
    if judged.mode is not Mode.APPLY:
        _, issues = tally.held.get(judged.todo.project, ("", 0))
        held = {**tally.held, judged.todo.project: (str(judged.mode), issues + 1)}
        return replace(tally, held=held, rows=_rows(tally, judged.todo, judged.plan.chosen, held=True))
    if not room:
        return replace(tally, beyond=tally.beyond + 1)
    rows = _rows(tally, judged.todo, judged.plan.chosen, held=False)
    return replace(tally, planned=tally.planned + 1, rows=rows)


def _withheld(tally: Tally, plan: Plan) -> Tally:
    if not plan.withheld:
        return tally
    counted = dict(tally.withheld)
    for item in plan.withheld:
        told = f"{item.proposal.label}: {item.why}"
        if told in counted or len(counted) < _MOST_REASONS:
            counted[told] = counted.get(told, 0) + 1
    return replace(tally, withheld=counted)


def _rows(tally: Tally, todo: Todo, chosen: Sequence[Chosen], *, held: bool) -> dict[str, Row]:
    rows = dict(tally.rows)
    for item in chosen:
        row = rows.get(item.name, Row())
        why = and_list(list(item.proposal.told or item.proposal.because))
        examples = sorted([*row.examples, Example(todo.key, why, held, todo.issue)], key=lambda one: one.held)
        rows[item.name] = Row(row.issues + (not held), row.held + held, tuple(examples[:EXAMPLES]))
    return rows
