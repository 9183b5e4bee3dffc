"""Pages of a search on Jira: which issues count, and how positions are kept when issues come and go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from trackers.errors import Rejected, ServerFault
from trackers.jira.fields import issue_id, project_key
from trackers.reading import items, mapping, moment

PAGE: Final = 100

Raw = Mapping[str, Any]
Search = Callable[[int], Raw]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a search by position has come. The last issue tells whether positions have shifted since."""

    position: int
    created: datetime
    issue: str

    def __str__(self) -> str:
        return f"{self.position} {self.created.isoformat()} {self.issue}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str(place)`` wrote. Raises Rejected for anything else."""
        try:
            position, created, issue = text.split(" ")
            place = cls(int(position), datetime.fromisoformat(created), issue)
        except ValueError:
            place = None
        if place is None or place.created.tzinfo is None or not place.issue:
            raise Rejected("That is no place in a search of Jira's.")
        return place

    @classmethod
    def after(cls, raw: Raw, position: int) -> Self:
        created = moment(mapping(raw.get("fields")).get("created"))
        if created is None:
            raise ServerFault("Jira answered a search with an issue that has no time of creation.")
        return cls(position, created, id_of(raw))

    def covers(self, raw: Raw, newest_first: bool) -> bool:
        """Whether an issue stands no later than the last one read."""
        created = moment(mapping(raw.get("fields")).get("created"))
        if id_of(raw) == self.issue:
            return True
        return created is not None and (created > self.created if newest_first else created < self.created)


def from_place(
    search: Search, place: Place | None, size: int, newest_first: bool = False
) -> tuple[Raw, str | None]:
    """The answer that goes on from ``place``, and where the next one does; None after the last.

    Issues deleted meanwhile move all later ones forward. So the page begins with the last issue
    read; where another stands there it steps back, ever further, to one that was read for sure.
    """
    start = max(0, place.position - 1) if place else 0
    while True:
        answer = search(start)
        shown = [mapping(raw) for raw in items(answer.get("issues"))]
        if place is None or start == 0 or (shown and place.covers(shown[0], newest_first)):
            break
        start = max(0, start - size)
        size *= 2
    end, total = start + len(shown), whole_number(answer.get("total"))
    if not shown or total is None or end >= total:
        return answer, None
    # A page of what was read before must not move the place back to it.
    is_old = place is not None and place.covers(shown[-1], newest_first)
    return answer, str(replace(place, position=end) if place and is_old else Place.after(shown[-1], end))


def in_projects(projects: Iterable[str]) -> str:
    """The clause that keeps a query to ``projects``."""
    # JQL's escapes in a quoted text are those of JSON.
    return f"project in ({', '.join(json.dumps(project) for project in sorted(projects))})"


def issues_of(answer: Raw, projects: set[str]) -> list[Raw]:
    """The issues of the projects themselves: JQL takes a project's name or id for its key, too."""
    found = (mapping(raw) for raw in items(answer.get("issues")))
    return [raw for raw in found if id_of(raw) and project_key(raw) in projects]


def id_of(raw: Raw) -> str:
    """The issue's id, or nothing."""
    return issue_id(raw) or ""


def whole_number(value: object) -> int | None:
    """The value when it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
