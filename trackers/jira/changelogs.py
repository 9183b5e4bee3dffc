"""The changelogs of many issues at once, which Cloud alone serves.

Source: developer.atlassian.com, Jira Cloud platform REST API v2, "Bulk fetch changelogs".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from trackers.errors import Gone, Rejected
from trackers.jira.client import JiraClient
from trackers.jira.past import Entry
from trackers.reading import ident, items, mapping

_CHANGES: Final = 10_000
"""The most entries of changelogs that one answer holds."""


class Changelogs:
    """The changelogs of issues on Cloud, by issue id."""

    def __init__(self, client: JiraClient) -> None:
        self._call = client.call

    def of(self, ids: Sequence[str], fields: Sequence[str] = ()) -> dict[str, list[Entry]]:
        """All that changed, or what did in ``fields`` (ids); an issue deleted meanwhile is left out."""
        if not ids:
            return {}
        try:
            return self._together(ids, fields)
        except (Gone, Rejected):
            # What is said of one issue that is gone must not cost the others their past.
            alone = {id_: self._alone(id_) for id_ in ids}
            return {id_: entries for id_, entries in alone.items() if entries is not None}

    def _together(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, list[Entry]]:
        body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "maxResults": _CHANGES}
        if fields:
            body["fieldIds"] = list(fields)
        found: defaultdict[str, list[Entry]] = defaultdict(list, {id_: [] for id_ in ids})
        while True:
            answer = mapping(self._call("POST", "/rest/api/2/changelog/bulkfetch", body=body))
            for log in map(mapping, items(answer.get("issueChangeLogs"))):
                found[ident(log.get("issueId")) or ""] += map(mapping, items(log.get("changeHistories")))
            token = token_of(answer)
            if token is None or token == body.get("nextPageToken"):
                return dict(found)
            body["nextPageToken"] = token

    def _alone(self, issue: str) -> list[Entry] | None:
        found: list[Entry] = []
        path = {"issue": issue}
        while True:
            params = {"startAt": str(len(found)), "maxResults": "100"}
            try:
                answer = self._call("GET", "/rest/api/2/issue/{issue}/changelog", path=path, params=params)
            except Gone:
                return None
            page = mapping(answer)
            entries = [mapping(entry) for entry in items(page.get("values"))]
            found += entries
            if not entries or page.get("isLast", True):
                return found


def token_of(answer: Entry) -> str | None:
    """The token of the next page, which may be long."""
    value = answer.get("nextPageToken")
    return value if isinstance(value, str) and value else None
