"""How many issues of Jira stand now, in few fields: whether they are still as they were read.

Sources: developer.atlassian.com, Jira Cloud platform REST API v2, "Bulk fetch issues" (100 a request, not
from the index of the search, which lags behind); Data Center's "Search" (``validateQuery``: an id that is
gone is no error).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from trackers.errors import Rejected, ServerFault
from trackers.jira.client import JiraClient
from trackers.jira.fields import issue_id, project_key
from trackers.jira.paging import Raw, whole_number
from trackers.model import COMPONENT
from trackers.protocol import Glimpse
from trackers.reading import items, mapping, moment, text

_MOST: Final = 100
_FIELDS: Final = ("project", "updated", "labels", "components")


class JiraGlimpses:
    """Glimpses of the issues of one connection."""

    def __init__(self, client: JiraClient, confirm: Callable[[], None], *, cloud: bool) -> None:
        """``confirm`` raises Unauthorized when the credentials do not hold any more."""
        self._call = client.call
        self._confirm = confirm
        self._ask = self._on_cloud if cloud else self._on_data_center

    def of(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        """By ids; see ``trackers.protocol.Tracker.glimpse``. Only the first request waits as bulk work."""
        seen: dict[str, Glimpse] = {}
        for start in range(0, len(issues), _MOST):
            for raw in map(mapping, self._ask(issues[start : start + _MOST], bulk=start == 0)):
                id_ = issue_id(raw)
                if id_ is not None:
                    seen[id_] = _glimpse(raw)
        if issues and not seen:
            # A bad token is a visitor to Cloud, and a visitor sees nothing.
            self._confirm()
        return seen

    def _on_cloud(self, ids: Sequence[str], *, bulk: bool) -> list[Any]:
        body = {"issueIdsOrKeys": list(ids), "fields": list(_FIELDS)}
        answer = mapping(self._call("POST", "/rest/api/2/issue/bulkfetch", body=body, bulk=bulk))
        if items(answer.get("issueErrors")):
            raise ServerFault("Jira could not tell of all issues asked for just now.")
        return items(answer.get("issues"))

    def _on_data_center(self, ids: Sequence[str], *, bulk: bool) -> list[Any]:
        if not all(id_.isdecimal() for id_ in ids):
            raise Rejected("An id with characters that no Jira id has was not asked for.")
        asked = {"jql": f"id in ({', '.join(ids)})", "fields": list(_FIELDS), "validateQuery": False}
        found: list[Any] = []
        while True:
            body = asked | {"startAt": len(found), "maxResults": _MOST}
            # A page begun is carried through, or it would be begun over and over.
            answer = mapping(self._call("POST", "/rest/api/2/search", body=body, bulk=bulk and not found))
            page = items(answer.get("issues"))
            found += page
            if not page or len(found) >= (whole_number(answer.get("total")) or 0):
                return found


def _glimpse(raw: Raw) -> Glimpse:
    fields = mapping(raw.get("fields"))
    labels = {label for label in map(text, items(fields.get("labels"))) if label}
    named = (text(mapping(component).get("name")) for component in items(fields.get("components")))
    components = {f"{COMPONENT}{name}" for name in named if name}
    return Glimpse(project_key(raw) or "", moment(fields.get("updated")), frozenset(labels | components))
