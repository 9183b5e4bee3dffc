"""Ways from one page of the console to another."""

from __future__ import annotations

from urllib.parse import quote

from store.sprint_views import SprintViews
from trackers.model import Subject, SubjectKind
from webhook_app.console.frame import HOME, link
from webhook_app.console.house import House


def to_decisions(subject: Subject) -> str:
    """To all that was decided about it."""
    return link(f"{HOME}/decisions", subject=subject)


def to_sprint(sprint: Subject) -> str:
    """To its page."""
    return f"{HOME}/sprints/{quote(sprint.connection, safe='')}/{quote(sprint.id, safe='')}"


def to_shown_sprint(house: House, subject: Subject) -> str | None:
    """The same, where ``subject`` is a sprint and one that is shown."""
    if subject.kind is not SubjectKind.SPRINT or house.known(subject.connection) is None:
        return None
    return to_sprint(subject) if SprintViews(house.redis).of(subject) else None
