"""Jira's past issues, page by page: Cloud's search by token, Data Center's by position.

Sources: developer.atlassian.com, Jira Cloud platform REST API v2, "Search for issues using JQL
enhanced search" (a page token is good for seven days) and "Bulk fetch changelogs"; Data Center's
"Search" with ``expand=changelog``. Version 2 of the API, because version 3 gives no plain text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from trackers.errors import Forbidden, Gone, Rejected, ServerFault
from trackers.jira.changelogs import Changelogs, token_of
from trackers.jira.client import JiraClient
from trackers.jira.fields import issue_id, project_key
from trackers.jira.memory import PROPERTY, memory_from
from trackers.jira.past import past_issue
from trackers.model import Identity, PastIssue
from trackers.protocol import Page
from trackers.reading import items, mapping, moment

PAGE: Final = 100
_FIELDS: Final = (
    "summary",
    "description",
    "issuetype",
    "project",
    "components",
    "labels",
    "creator",
    "reporter",
    "assignee",
    "created",
    "resolution",
    "status",
)
_ROLLED_BACK: Final = ("summary", "description", "issuetype", "project", "Key")
"""Fields whose first value is looked for. The whole changelog is asked for only where we were at work."""
_ZONES: Final = timedelta(days=1)
"""Times in JQL are in the account's own time zone; a day more covers every zone."""

Raw = Mapping[str, Any]
Search = Callable[[int], Raw]


class JiraHistory:
    """The past issues of one connection.

    Only the search that begins a page is asked as bulk work: a page begun is carried through, or
    its first answer could be what holds its second request back, again and again.
    """

    def __init__(
        self,
        client: JiraClient,
        identity: Callable[[], Identity],
        confirm: Callable[[], None],
        *,
        cloud: bool,
    ) -> None:
        """``confirm`` raises Unauthorized when the credentials do not hold any more."""
        self._call = client.call
        self._changelogs = Changelogs(client)
        self._identity = identity
        self._confirm = confirm
        self._cloud = cloud

    def page(
        self, projects: Sequence[str], after: str | None, since: datetime | None, page_size: int | None
    ) -> Page:
        """One page; see ``trackers.protocol.Tracker.past``."""
        if not projects:
            return Page((), None, 0)
        asked = jql(projects, since)
        ask = self._on_cloud if self._cloud else self._on_data_center
        page = ask(asked, set(projects), after, max(2, page_size or PAGE))
        kept = tuple(issue for issue in page.issues if since is None or issue.created >= since)
        return Page(kept, page.next, page.total)

    def _on_cloud(self, asked: str, projects: set[str], after: str | None, size: int) -> Page:
        params = {
            "jql": asked,
            "fields": ",".join(_FIELDS),
            "properties": PROPERTY,
            "maxResults": str(size),
        }
        if after is not None:
            params["nextPageToken"] = after
        answer = mapping(self._call("GET", "/rest/api/2/search/jql", params=params, bulk=True))
        if not items(answer.get("issues")):
            # A bad token is a visitor to Cloud, and a visitor finds nothing.
            self._confirm()
        issues = self._rolled_back(_issues(answer, projects))
        more = None if answer.get("isLast") is True else token_of(answer)
        return Page(issues, more, self._count(asked) if after is None else None)

    def _rolled_back(self, found: Sequence[Raw]) -> tuple[PastIssue, ...]:
        memories = {_id(raw): memory_from(mapping(raw.get("properties")).get(PROPERTY)) for raw in found}
        ours = [id_ for id_, memory in memories.items() if memory.applied]
        others = [id_ for id_, memory in memories.items() if not memory.applied]
        changes = self._changelogs.of(ours) | self._changelogs.of(others, _ROLLED_BACK)
        me = self._identity().id if ours else None
        made = (
            past_issue(raw, changes[_id(raw)], memory=memories[_id(raw)], me=me, whole=True)
            for raw in found
            if _id(raw) in changes
        )
        return tuple(filter(None, made))

    def _count(self, asked: str) -> int | None:
        """About how many there are; not worth failing for."""
        try:
            answer = self._call("POST", "/rest/api/2/search/approximate-count", body={"jql": asked})
        except (Forbidden, Gone, Rejected, ServerFault):
            return None
        return _whole(mapping(answer).get("count"))

    def _on_data_center(self, asked: str, projects: set[str], after: str | None, size: int) -> Page:
        params = {
            "jql": asked,
            "fields": ",".join(_FIELDS),
            "properties": PROPERTY,
            "expand": "changelog",
            "maxResults": str(size),
        }

        def search(start: int) -> Raw:
            asked_at = {**params, "startAt": str(start)}
            return mapping(self._call("GET", "/rest/api/2/search", params=asked_at, bulk=True))

        start, answer = _from_place(search, Place.parse(after) if after else None, size)
        shown = [mapping(raw) for raw in items(answer.get("issues"))]
        end, total = start + len(shown), _whole(answer.get("total"))
        more = Place.after(shown[-1], end) if shown and total is not None and end < total else None
        issues = tuple(filter(None, map(self._from_expanded, _issues(answer, projects))))
        return Page(issues, str(more) if more else None, total)

    def _from_expanded(self, raw: Raw) -> PastIssue | None:
        log = mapping(raw.get("changelog"))
        entries, total = items(log.get("histories")), _whole(log.get("total"))
        # Whether the search gives properties depends on the release; where it does not, authorship tells.
        memory = memory_from(raw["properties"].get(PROPERTY)) if mapping(raw.get("properties")) else None
        return past_issue(
            raw,
            entries,
            memory=memory,
            me=self._identity().id,
            whole=total is None or len(entries) >= total,
        )


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
            return cls(int(position), datetime.fromisoformat(created), issue)
        except ValueError:
            raise Rejected("That is no place in a search of Jira's.") from None

    @classmethod
    def after(cls, raw: Raw, position: int) -> Self:
        created = moment(mapping(raw.get("fields")).get("created"))
        if created is None:
            raise ServerFault("Jira answered a search with an issue that has no time of creation.")
        return cls(position, created, _id(raw))

    def covers(self, raw: Raw) -> bool:
        """Whether an issue stands no later than the last one read."""
        created = moment(mapping(raw.get("fields")).get("created"))
        return _id(raw) == self.issue or (created is not None and created < self.created)


def _from_place(search: Search, place: Place | None, size: int) -> tuple[int, Raw]:
    """The answer that goes on from ``place``, and the position it begins at.

    Issues deleted meanwhile move all later ones forward. So the page begins with the last issue
    read; where another stands there it steps back, ever further, to one that was read for sure.
    """
    start = max(0, place.position - 1) if place else 0
    while True:
        answer = search(start)
        shown = [mapping(raw) for raw in items(answer.get("issues"))]
        if place is None or start == 0 or (shown and place.covers(shown[0])):
            return start, answer
        start = max(0, start - size)
        size *= 2


def jql(projects: Iterable[str], since: datetime | None) -> str:
    """All issues of ``projects``, oldest first; from a day before ``since``, for the sake of time zones."""
    # JQL's escapes in a quoted text are those of JSON.
    named = ", ".join(json.dumps(project) for project in sorted(projects))
    bound = f' AND created >= "{since.astimezone(UTC) - _ZONES:%Y/%m/%d}"' if since else ""
    return f"project in ({named}){bound} ORDER BY created ASC, key ASC"


def _issues(answer: Raw, projects: set[str]) -> list[Raw]:
    """The issues of the projects themselves: JQL takes a project's name or id for its key, too."""
    found = (mapping(raw) for raw in items(answer.get("issues")))
    return [raw for raw in found if _id(raw) and project_key(raw) in projects]


def _id(raw: Raw) -> str:
    return issue_id(raw) or ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
