"""The issues of Jira that are new or have changed since a moment, in few fields and large pages.

Sources: developer.atlassian.com, Jira Cloud platform REST API v2, "Search for issues using JQL enhanced
search" (a page token belongs to the text of its query); Data Center's "Search"; support.atlassian.com,
"JQL fields", on "Updated": ``-90m`` is ninety minutes before now, whatever the account's time zone. Jira
answers 400 to a query that names a project it does not have, whatever else the query names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from trackers.errors import Rejected, ServerFault
from trackers.jira.changelogs import token_of
from trackers.jira.client import JiraClient
from trackers.jira.fields import open_ids, project_key, sprints_in
from trackers.jira.paging import Place, Raw, from_place, id_of, in_projects, issues_of
from trackers.jira.setup import JiraSetup
from trackers.protocol import Update, Updates
from trackers.reading import items, mapping, moment

PAGE: Final = 500
_FIELDS: Final = ("created", "updated", "project")
_ORDER: Final = "ORDER BY created ASC, key ASC"
"""No change of an issue moves it, so that none can slip from a page to come to one that was read."""
_MINUTE: Final = timedelta(minutes=1)
_SPARE: Final = 2
"""Minutes that are asked for beyond ``since``: Jira may cut its own times to the minute."""
_LONG: Final = 60
"""The same for a reading whose first window moved on past ``since`` before its last page."""


class JiraUpdates:
    """What changed on one connection."""

    def __init__(
        self,
        client: JiraClient,
        setup: JiraSetup,
        *,
        cloud: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._call = client.call
        self._setup = setup
        self._cloud = cloud
        self._now = now

    def page(self, projects: Sequence[str], since: datetime, after: str | None) -> Updates:
        """One page; see ``trackers.protocol.Tracker.updates``.

        Issues that changed up to three minutes before ``since`` may be told, too. On Cloud a page without
        issues costs a second request, for whether the credentials hold, and the index of the search is some
        seconds behind: whoever asks on and on should let the times overlap.

        Projects that Jira does not know stand in ``Updates.unknown`` and hold up no others. Which they are is
        found out anew each time, by some requests more for each, so that none is missed for longer than it
        is away. Raises Rejected when none is known.
        """
        if not projects:
            return Updates((), None)
        try:
            return self._told(set(projects), set(), since, after)
        except Rejected:
            # To a visitor every project of Cloud's is unknown.
            self._setup.confirm_identity()
            unknown = self._unknown_among(sorted(set(projects)))
            if not unknown:
                raise
        known = set(projects) - unknown
        if not known:
            named = ", ".join(sorted(unknown))
            raise Rejected(f"Jira knows no project {named}, or the account may not see any such.")
        return self._told(known, unknown, since, after)

    def _told(self, asked: set[str], unknown: set[str], since: datetime, after: str | None) -> Updates:
        sprint = self._setup.fields().sprint
        ask = self._on_cloud if self._cloud else self._on_data_center
        answer, more = ask(asked, [*_FIELDS, *([sprint] if sprint else [])], since, after)
        found = tuple(_update(raw, sprint) for raw in issues_of(answer, asked))
        return Updates(found, more, tuple(sorted(unknown)))

    def _on_cloud(
        self, projects: set[str], fields: list[str], since: datetime, after: str | None
    ) -> tuple[Raw, str | None]:
        """The cursor holds the minutes, because the token belongs to a query with the very same.

        What changed long ago leaves such a window as time goes by. So a reading that took too long begins
        again with minutes to spare.
        """
        minutes, token = _cursor(after) if after else (self._minutes(since) + _SPARE, None)
        if minutes < self._minutes(since):
            minutes, token = self._minutes(since) + _LONG, None
        body = {"jql": _jql(projects, minutes), "fields": fields, "maxResults": PAGE}
        body |= {"nextPageToken": token} if token else {}
        answer = mapping(self._call("POST", "/rest/api/2/search/jql", body=body))
        if not items(answer.get("issues")):
            # A bad token is a visitor to Cloud, and a visitor finds nothing.
            self._setup.confirm_identity()
        more = None if answer.get("isLast") is True else token_of(answer)
        return answer, f"{minutes} {more}" if more else None

    def _on_data_center(
        self, projects: set[str], fields: list[str], since: datetime, after: str | None
    ) -> tuple[Raw, str | None]:
        asked = _jql(projects, self._minutes(since) + _SPARE)

        def search(start: int) -> Raw:
            body = {"jql": asked, "fields": fields, "maxResults": PAGE, "startAt": start}
            return mapping(self._call("POST", "/rest/api/2/search", body=body))

        return from_place(search, Place.parse(after) if after else None, PAGE)

    def _minutes(self, since: datetime) -> int:
        """Whole minutes from ``since`` to now, rounded up."""
        return max(0, -(-(self._now() - since) // _MINUTE))

    def _unknown_among(self, projects: Sequence[str]) -> set[str]:
        """Which of ``projects`` Jira will have in no query, found by halves."""
        if self._are_known(projects):
            return set()
        half = len(projects) // 2
        if half == 0:
            return set(projects)
        return self._unknown_among(projects[:half]) | self._unknown_among(projects[half:])

    def _are_known(self, projects: Sequence[str]) -> bool:
        path = "/rest/api/2/search/jql" if self._cloud else "/rest/api/2/search"
        body = {"jql": in_projects(projects), "fields": ["project"], "maxResults": 1}
        try:
            self._call("POST", path, body=body)
        except Rejected:
            return False
        return True


def _jql(projects: Collection[str], minutes: int) -> str:
    return f'{in_projects(projects)} AND updated >= "-{minutes}m" {_ORDER}'


def _cursor(text: str) -> tuple[int, str | None]:
    minutes, _, token = text.partition(" ")
    if not minutes.isdecimal() or not token:
        raise Rejected("That is no place in a list of Jira's changes.")
    return int(minutes), token


def _update(raw: Raw, sprint: str | None) -> Update:
    fields: Any = mapping(raw.get("fields"))
    created, updated = moment(fields.get("created")), moment(fields.get("updated"))
    if created is None or updated is None:
        raise ServerFault("Jira answered a search with an issue that has no times.")
    sprints = open_ids(sprints_in(fields.get(sprint))) if sprint else []
    return Update(id_of(raw), project_key(raw) or "", created, updated, tuple(sprints))
