"""The issues of Linear that are new or have changed since a moment, in few fields and large pages.

Source: the schema in github.com/linear/linear. In the order of their last change an issue that changes
while pages are read would leave the pages to come; in that of their creation none moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from trackers.errors import ServerFault
from trackers.linear.client import LinearClient
from trackers.linear.cycles import next_page
from trackers.protocol import Update, Updates
from trackers.reading import items, mapping, moment, reference, text

PAGE: Final = 250
"""The most that Linear gives; about 900 points, and one query may have 10,000."""


class LinearUpdates:
    """What changed on one connection."""

    def __init__(self, client: LinearClient) -> None:
        self._call = client.call

    def page(self, teams: Sequence[str], since: datetime, after: str | None) -> Updates:
        """One page, the newest issues first; see ``trackers.protocol.Tracker.updates``.

        Linear says nothing of a team that it does not know.
        """
        if not teams:
            return Updates((), None)
        variables = {
            "teams": sorted(teams),
            # Linear keeps milliseconds: what changed in the same one may stand before ``since``.
            "since": since.replace(microsecond=0).isoformat(),
            "first": PAGE,
            "after": after,
        }
        page = self._call("Updates", variables).root("issues", "Updates")
        return Updates(tuple(_update(mapping(raw)) for raw in items(page.get("nodes"))), next_page(page))


def _update(raw: Mapping[str, Any]) -> Update:
    id_, project = reference(raw.get("id")), text(mapping(raw.get("team")).get("key"))
    created, updated = moment(raw.get("createdAt")), moment(raw.get("updatedAt"))
    if id_ is None or project is None or created is None or updated is None:
        raise ServerFault("Linear listed an issue without an id, a team or its times.")
    cycle = reference(mapping(raw.get("cycle")).get("id"))
    return Update(id_, project, created, updated, (cycle,) if cycle else (), raw.get("trashed") is True)
