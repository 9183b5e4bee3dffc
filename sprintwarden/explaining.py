"""``explain``: past decisions about an issue, the plan as of now, and why nothing is done. Read-only."""

from __future__ import annotations

from typing import Any

from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from store.connect import connect
from store.decisions import Decisions
from store.rulebook import RulebookShelf
from store.sprints import Sprints
from trackers.errors import Gone
from trackers.model import Subject, SubjectKind
from trackers.protocol import LABELS_TOPIC, Recall
from workers.decide import Because, Situation, situation
from workers.plan import Plan, records
from workers.run import plan_for
from workers.shop import Shop, open_shop
from workers.sprint_book import SprintBook
from workers.taggers import answers_of


def explain(settings: Settings, name: str, issue: str) -> dict[str, Any]:
    """Everything ``explain --json`` prints. Raises Complaint, or a member of ``trackers.errors``."""
    connections = read_connections(settings.connections_file)
    connection = named(connections, name)
    redis = connect(settings.redis())
    shop = open_shop(redis, [connection], data=settings.data)
    desk = shop.desks[name]
    book = shop.rules.now()
    if book is None:
        raise Complaint(
            "No rules are in force yet: start the service once, so that its clock reads rules.yaml."
        )
    try:
        first = desk.tracker.read(issue, Recall())
        subject = Subject(name, SubjectKind.ISSUE, first.issue.id)
        at = _situation(shop, subject)
    except Gone:
        raise Complaint(f"{name} has no issue {issue}, or the account may not see it.") from None
    scope = connection.scope()
    if scope.projects is not None and at.issue.project not in scope.projects:
        plan: Plan | None = None
        because: str | None = str(Because.PROJECT_NOT_NAMED)
    else:
        rules = book.effective(name, at.issue.project)
        said = shop.taggers.ask(name, desk.tracker.kind, at.issue, rules)
        plan = plan_for(desk, at, rules, answers_of(said))
        why_not = plan.because or (Because.DRY_RUN if plan.dry else None)
        because = str(why_not) if why_not else None
    shelf = RulebookShelf(redis)
    turned = shelf.turned()
    return {
        "connection": name,
        "issue": at.issue.key,
        "subject": str(subject),
        "labels": [label.path for label in at.issue.tags],
        "rules": {"version": book.version_id, "refused": list(turned.problems) if turned else []},
        "decisions": shop.decisions.of(subject),
        "now": plan.to_json() if plan else None,
        "because": because,
        "silent": [
            {
                "source": silent.source,
                "labels": list(silent.labels),
                "lacking": list(silent.lacking),
                "alternatives": silent.alternatives,
            }
            for silent in (plan.silent if plan else ())
        ],
    }


def explain_sprint(settings: Settings, name: str, sprint: str) -> dict[str, Any]:
    """What was decided about a sprint so far, and what is remembered of it.

    Raises Complaint when it is not watched and never was.
    """
    named(read_connections(settings.connections_file), name)
    redis = connect(settings.redis())
    subject = Subject(name, SubjectKind.SPRINT, sprint)
    text, decisions = Sprints(redis).book(subject), Decisions(redis).of(subject)
    if text is None and not decisions:
        raise Complaint(
            f"Nothing is known of a sprint {sprint!r} on {name}; `sprintwarden sprints` lists those watched."
        )
    book = SprintBook.from_text(text) if text else None
    return {
        "connection": name,
        "sprint": sprint,
        "subject": str(subject),
        "name": book.name if book else "",
        "activated": book.memory.activated.isoformat() if book else None,
        "rebuilt": book.memory.rebuilt if book else None,
        "counted_in": str(book.unit) if book else None,
        "committed": _committed(book) if book else [],
        "home": book.home.key if book and book.home else None,
        "decisions": decisions,
    }


def _committed(book: SprintBook) -> list[str]:
    return sorted(stay.key for stay in book.memory.stays.values() if stay.committed)


def _situation(shop: Shop, subject: Subject) -> Situation:
    desk = shop.desks[subject.connection]
    journal = shop.journals.read(subject)
    topics = () if LABELS_TOPIC in journal.comments else (LABELS_TOPIC,)
    recall = Recall(memory=not desk.tracker.sees_own_labels, comments=topics)
    reading = desk.tracker.read(subject.id, recall)
    return situation(reading.issue, journal, reading.memory, {}, records(reading.comments))
