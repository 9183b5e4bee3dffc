"""What an issue's history tells of our labels: those we put on, and those that people took off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trackers.linear.client import LinearClient
from trackers.linear.cycles import next_page
from trackers.model import Identity, Memory
from trackers.reading import items, mapping

_MOST_PAGES: Final = 4

Raw = Mapping[str, Any]


class LinearMemory:
    """What Linear remembers of one account's doings."""

    def __init__(self, client: LinearClient, identity: Callable[[], Identity]) -> None:
        self._call = client.call
        self._identity = identity

    def of(self, issue: str, history: Raw) -> Memory:
        """Labels that people took off, and labels we put on; ``history`` is the newest page of it.

        What an app's account took off, we did. Where the key is a person's, a removal of ours cannot
        be told from that person's, and is taken for it. Raises Gone where an issue with more history
        than that page is not there any more.
        """
        me = self._identity()
        applied: set[str] = set()
        vetoed: set[str] = set()
        pages, whole = self._pages(issue, history)
        for node in (mapping(node) for page in pages for node in items(page.get("nodes"))):
            ours = me.id in (node.get("actorId"), mapping(node.get("botActor")).get("id"))
            if ours:
                applied.update(map(str, items(node.get("addedLabelIds"))))
            if not (ours and me.is_app):
                vetoed.update(map(str, items(node.get("removedLabelIds"))))
        return Memory(frozenset(applied), frozenset(vetoed), whole)

    def _pages(self, issue: str, first: Raw) -> tuple[list[Raw], bool]:
        """The newest pages of a history, and whether they are all of it."""
        pages = [first]
        while (after := next_page(pages[-1])) is not None:
            if len(pages) == _MOST_PAGES:
                return pages, False
            answer = self._call("MoreHistory", {"id": issue, "after": after})
            pages.append(mapping(answer.root("issue", "MoreHistory").get("history")))
        return pages, True
