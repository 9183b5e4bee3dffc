"""Linear's issues as they are now, a page at a time, each with what its history tells of our labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from trackers.errors import Gone, Rejected
from trackers.linear.client import LinearClient, TooComplex
from trackers.linear.cycles import next_page
from trackers.linear.fields import issue_from_json
from trackers.linear.memory import LinearMemory
from trackers.protocol import Found, Reading, Recall
from trackers.reading import items, json_value, mapping, reference

PAGE: Final = 110
"""Issues with 10 labels and 20 entries of history each: about 9,300 points; one query may have 10,000."""
HISTORIES_PAGE: Final = 75
"""Issues with 50 entries of history each: about 9,200 points."""
_SMALLEST_PAGE: Final = 6
_LABELS: Final = 10
_OPEN: Final = {"state": {"type": {"nin": ["completed", "canceled", "duplicate"]}}}
_EXPECTED: Final = 'On Linear it is an IssueFilter, such as {"labels": {"length": {"eq": 0}}}.'

Raw = Mapping[str, Any]


class LinearSearch:
    """The issues of one connection that a query asks for."""

    def __init__(
        self, client: LinearClient, memory: LinearMemory, read: Callable[[str, Recall], Reading]
    ) -> None:
        """``read`` reads one issue by itself, as ``trackers.protocol.Tracker.read`` does."""
        self._call = client.call
        self._memory = memory
        self._read = read
        self._sizes = {"SearchIssues": PAGE, "Histories": HISTORIES_PAGE}

    def page(
        self, teams: Sequence[str], query: str | None, after: str | None, page_size: int | None
    ) -> Found:
        """One page; see ``trackers.protocol.Tracker.search``.

        A page with longer histories on it costs a request or two more, which ask for all of those at once.
        """
        wish = _OPEN if query is None else filter_of(query)
        if not teams:
            return Found((), None)
        variables = {
            "filter": {"and": [{"team": {"key": {"in": sorted(teams)}}}, wish]},
            "first": min(page_size or PAGE, self._sizes["SearchIssues"]),
            "after": after,
        }
        page = self._asked("SearchIssues", variables, bulk=True)
        found = _nodes(page)
        histories = self._long_histories(found)
        readings = (self._reading(raw, histories) for raw in found)
        return Found(tuple(filter(None, readings)), next_page(page))

    def _asked(self, operation: str, variables: Raw, *, bulk: bool) -> Raw:
        """A page of issues, or as much of it as Linear lets one query have; that size is kept to."""
        first = variables["first"]
        while True:
            try:
                answer = self._call(operation, {**variables, "first": first}, bulk=bulk)
                return answer.root("issues", operation)
            except TooComplex:
                if first <= _SMALLEST_PAGE:
                    raise
                first //= 2
                self._sizes[operation] = first

    def _long_histories(self, found: Sequence[Raw]) -> Mapping[str, Raw]:
        """More of the histories that did not fit on the page, by issue; the memory asks for the rest."""
        long = [str(raw.get("id")) for raw in found if next_page(mapping(raw.get("history")))]
        more: dict[str, Raw] = {}
        while long:
            size = self._sizes["Histories"]
            wanted, long = long[:size], long[size:]
            # Not as bulk work: a page begun is carried through, or it would be begun over and over.
            page = self._asked("Histories", {"issues": wanted, "first": len(wanted)}, bulk=False)
            more |= {str(raw.get("id")): mapping(raw.get("history")) for raw in _nodes(page)}
        return more

    def _reading(self, raw: Raw, histories: Mapping[str, Raw]) -> Reading | None:
        """None for an issue in the trash or gone meanwhile."""
        id_ = reference(raw.get("id"))
        if id_ is None or raw.get("trashed"):
            return None
        try:
            if len(items(raw.get("labelIds"))) > _LABELS:
                return self._read(id_, Recall(memory=True))
            history = histories.get(id_) or mapping(raw.get("history"))
            return Reading(issue_from_json(raw), self._memory.of(id_, history))
        except Gone:
            return None


def filter_of(query: str) -> Raw:
    """The ``IssueFilter`` that a query is, as JSON text. Raises Rejected where it is no JSON object."""
    try:
        wish = json_value(query.encode())
    except ValueError as error:
        raise Rejected(f"The query is not JSON ({error}). {_EXPECTED}") from None
    if not isinstance(wish, dict):
        raise Rejected(f"The query is JSON but not an object. {_EXPECTED}")
    return wish


def _nodes(page: Raw) -> list[Raw]:
    return [mapping(node) for node in items(page.get("nodes"))]
