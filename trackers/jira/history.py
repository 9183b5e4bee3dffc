"""Jira's past issues, page by page: Cloud's search by token, Data Center's by position.

Sources: developer.atlassian.com, Jira Cloud platform REST API v2, "Search for issues using JQL
enhanced search" (a page token is good for seven days) and "Bulk fetch changelogs"; Data Center's
"Search" with ``expand=changelog``. Version 2 of the API, because version 3 gives no plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from trackers.errors import Forbidden, Gone, Rejected, ServerFault
from trackers.jira.changelogs import Changelogs, token_of
from trackers.jira.client import JiraClient
from trackers.jira.memory import PROPERTY, memory_from
from trackers.jira.paging import PAGE, Place, Raw, from_place, id_of, in_projects, issues_of, whole_number
from trackers.jira.past import past_issue
from trackers.model import Identity, PastIssue
from trackers.protocol import Page
from trackers.reading import items, mapping

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
        issues = self._rolled_back(issues_of(answer, projects))
        more = None if answer.get("isLast") is True else token_of(answer)
        return Page(issues, more, self._count(asked) if after is None else None)

    def _rolled_back(self, found: Sequence[Raw]) -> tuple[PastIssue, ...]:
        memories = {id_of(raw): memory_from(mapping(raw.get("properties")).get(PROPERTY)) for raw in found}
        ours = [id_ for id_, memory in memories.items() if memory.applied]
        others = [id_ for id_, memory in memories.items() if not memory.applied]
        changes = self._changelogs.of(ours) | self._changelogs.of(others, _ROLLED_BACK)
        me = self._identity().id if ours else None
        made = (
            past_issue(raw, changes[id_of(raw)], memory=memories[id_of(raw)], me=me, whole=True)
            for raw in found
            if id_of(raw) in changes
        )
        return tuple(filter(None, made))

    def _count(self, asked: str) -> int | None:
        """About how many there are; not worth failing for."""
        try:
            answer = self._call("POST", "/rest/api/2/search/approximate-count", body={"jql": asked})
        except (Forbidden, Gone, Rejected, ServerFault):
            return None
        return whole_number(mapping(answer).get("count"))

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

        place = Place.parse(after) if after else None
        answer, more = from_place(search, place, size)
        issues = tuple(filter(None, map(self._from_expanded, issues_of(answer, projects))))
        return Page(issues, more, whole_number(answer.get("total")))

    def _from_expanded(self, raw: Raw) -> PastIssue | None:
        log = mapping(raw.get("changelog"))
        entries, total = items(log.get("histories")), whole_number(log.get("total"))
        # Whether the search gives properties depends on the release; where it does not, authorship tells.
        memory = memory_from(raw["properties"].get(PROPERTY)) if mapping(raw.get("properties")) else None
        return past_issue(
            raw,
            entries,
            memory=memory,
            me=self._identity().id,
            whole=total is None or len(entries) >= total,
        )


def jql(projects: Iterable[str], since: datetime | None) -> str:
    """All issues of ``projects``, oldest first; from a day before ``since``, for the sake of time zones."""
    bound = f' AND created >= "{since.astimezone(UTC) - _ZONES:%Y/%m/%d}"' if since else ""
    return f"{in_projects(projects)}{bound} ORDER BY created ASC, key ASC"
