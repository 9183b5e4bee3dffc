"""The issues of today that a query asks for, page by page and in one request each.

Sources: developer.atlassian.com, Jira Cloud platform REST API v2, "Search for issues using JQL
enhanced search" (a page token is good for seven days); Data Center's "Search". Version 2 of the API,
because version 3 gives no plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from trackers.errors import Forbidden, Gone, Rejected, ServerFault
from trackers.jira.changelogs import token_of
from trackers.jira.client import JiraClient
from trackers.jira.fields import issue_from_json
from trackers.jira.memory import PROPERTY, memory_from
from trackers.jira.paging import PAGE, Place, Raw, from_place, id_of, issues_of, whole_number
from trackers.jira.past import past_issue
from trackers.jira.query import bound_jql
from trackers.model import Identity, Memory
from trackers.protocol import Found, Reading
from trackers.reading import items, mapping

READ_FIELDS: Final = (
    "summary",
    "description",
    "issuetype",
    "priority",
    "components",
    "labels",
    "project",
    "creator",
    "reporter",
    "created",
    "updated",
    "status",
    "resolution",
)
"""What a reading of an issue holds, whether of one or of many."""


class JiraSearch:
    """The issues of one connection that a query finds, as live readings."""

    def __init__(
        self,
        client: JiraClient,
        identity: Callable[[], Identity],
        confirm: Callable[[], None],
        *,
        cloud: bool,
        base_url: str,
    ) -> None:
        """``confirm`` raises Unauthorized when the credentials do not hold any more."""
        self._call = client.call
        self._identity = identity
        self._confirm = confirm
        self._cloud = cloud
        self._base_url = base_url

    def page(
        self, projects: Sequence[str], query: str | None, after: str | None, page_size: int | None
    ) -> Found:
        """One page; see ``trackers.protocol.Tracker.search``.

        On Cloud the first page costs a second request, for how many there are. Data Center pages by
        position: issues that are filed, done or deleted meanwhile make none be passed over, and what was
        filed since the first page is left out. One that comes back into the query may be missed.
        """
        if not projects:
            return Found((), None, 0)
        asked: dict[str, Any] = {
            "jql": bound_jql(query, projects),
            "fields": [*READ_FIELDS],
            "properties": [PROPERTY],
            "maxResults": max(2, min(page_size or PAGE, PAGE)),
        }
        ask = self._on_cloud if self._cloud else self._on_data_center
        return ask(asked, set(projects), after)

    def _on_cloud(self, asked: dict[str, Any], projects: set[str], after: str | None) -> Found:
        token = {"nextPageToken": after} if after is not None else {}
        answer = mapping(self._call("POST", "/rest/api/2/search/jql", body=asked | token, bulk=True))
        if not items(answer.get("issues")):
            # A bad token is a visitor to Cloud, and a visitor finds nothing.
            self._confirm()
        found = tuple(self._reading(raw) for raw in issues_of(answer, projects))
        more = None if answer.get("isLast") is True else token_of(answer)
        return Found(found, more, self._count(asked["jql"]) if after is None else None)

    def _count(self, jql: str) -> int | None:
        """About how many there are; not worth failing for."""
        try:
            answer = self._call("POST", "/rest/api/2/search/approximate-count", body={"jql": jql})
        except (Forbidden, Gone, Rejected, ServerFault):
            return None
        return whole_number(mapping(answer).get("count"))

    def _on_data_center(self, asked: dict[str, Any], projects: set[str], after: str | None) -> Found:
        # A search there gives no properties: who put a label on is read from the changelog.
        del asked["properties"]
        asked["expand"] = ["changelog"]

        def search(start: int) -> Raw:
            body = asked | {"startAt": start}
            return mapping(self._call("POST", "/rest/api/2/search", body=body, bulk=True))

        place = Place.parse(after) if after else None
        answer, more = from_place(search, place, asked["maxResults"], newest_first=True)
        fresh = _untold(issues_of(answer, projects), place)
        return Found(tuple(map(self._reading, fresh)), more, whole_number(answer.get("total")))

    def _reading(self, raw: Raw) -> Reading:
        return Reading(issue_from_json(raw, base_url=self._base_url), self._memory(raw))

    def _memory(self, raw: Raw) -> Memory:
        if self._cloud:
            return memory_from(mapping(raw.get("properties")).get(PROPERTY))
        log = mapping(raw.get("changelog"))
        entries, total = items(log.get("histories")), whole_number(log.get("total"))
        whole = total is None or len(entries) >= total
        past = past_issue(raw, entries, memory=None, me=self._identity().id, whole=whole)
        return Memory(past.labels_by_us, past.taken_off, whole) if past else Memory(whole=False)


def _untold(listed: Sequence[Raw], place: Place | None) -> Sequence[Raw]:
    """What no earlier page has told: all behind the last issue read, and nothing filed after it."""
    if place is None:
        return listed
    ids = [id_of(raw) for raw in listed]
    behind = listed[ids.index(place.issue) + 1 :] if place.issue in ids else listed
    return [raw for raw in behind if not place.covers(raw, newest_first=True)]
