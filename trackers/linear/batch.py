"""The same labels put on many Linear issues at once.

``issueBatchUpdate`` changes up to fifty issues alike, all of them or none (the schema in
github.com/linear/linear). Which of them it is that cannot have the labels, a refusal does not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from trackers.errors import Forbidden, Gone, Rejected, ServerFault
from trackers.linear.client import LinearClient
from trackers.protocol import BulkStep, Glimpse, Mark, Marked
from trackers.reading import items, mapping, moment, text

MOST: Final = 50
"""Issues in one batch."""
SEEN: Final = 250
"""Issues in one glimpse: about 700 points; one query may have 10,000."""
_ROOT: Final = "issueBatchUpdate"


class LabelGone(Rejected):
    """A label to be added is no longer there: no issue can have it."""


class LinearBatch:
    """Labels on many issues of one connection."""

    def __init__(self, client: LinearClient) -> None:
        self._call = client.call

    def steps(self, marks: Sequence[Mark]) -> tuple[BulkStep, ...]:
        """One for every fifty issues that get the same; see ``trackers.protocol.Tracker.bulk_steps``.

        A mark without labels is in none of them.
        """
        alike: dict[tuple[str, ...], list[Mark]] = {}
        for mark in marks:
            alike.setdefault(tuple(sorted({label.id for label in mark.labels})), []).append(mark)
        return tuple(
            BulkStep(part, partial(self._send, labels, part, bulk=True))
            for labels, group in alike.items()
            for part in _parts(group, MOST)
            if labels
        )

    def glimpse(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        """See ``trackers.protocol.Tracker.glimpse``. Only the first request waits as bulk work."""
        seen: dict[str, Glimpse] = {}
        for start in range(0, len(issues), SEEN):
            part = list(issues[start : start + SEEN])
            answer = self._call("GlimpseIssues", {"issues": part, "first": len(part)}, bulk=start == 0)
            for raw in map(mapping, items(answer.root("issues", "GlimpseIssues").get("nodes"))):
                if not raw.get("trashed"):
                    seen[str(raw.get("id"))] = _glimpse(raw)
        return seen

    def _send(self, labels: Sequence[str], marks: Sequence[Mark], *, bulk: bool) -> Marked:
        """Label as many of the issues as can be: a batch that is refused is tried in halves."""
        try:
            return self._label(labels, marks, bulk)
        except Gone:
            why = "The issue is no longer there, or the account may not see it."
        except (Forbidden, LabelGone) as refused:
            return _failed(marks, str(refused))
        except Rejected as refused:
            why = str(refused)
        if len(marks) == 1:
            return _failed(marks, why)
        # Not as bulk work: a batch begun is carried through, or it would be begun over and over.
        halves = _parts(marks, -(-len(marks) // 2))
        tried = [self._send(labels, half, bulk=False) for half in halves]
        return Marked(
            {issue: updated for part in tried for issue, updated in part.done.items()},
            {issue: said for part in tried for issue, said in part.failures.items()},
        )

    def _label(self, labels: Sequence[str], marks: Sequence[Mark], bulk: bool) -> Marked:
        wanted = {"ids": [mark.issue for mark in marks], "labels": list(labels)}
        answer = self._call("LabelIssues", wanted, bulk=bulk)
        refused = answer.error_at(_ROOT)
        if refused is not None and refused.says("entity not found: issuelabel"):
            raise LabelGone("Linear no longer has a label that was to be added.")
        payload = answer.root(_ROOT, "LabelIssues")
        if not answer.done(_ROOT):
            raise ServerFault("Linear does not say that the labels were added.")
        return _outcome(payload, marks)


def _glimpse(raw: Mapping[str, Any]) -> Glimpse:
    labels = frozenset(filter(None, map(text, items(raw.get("labelIds")))))
    return Glimpse(text(mapping(raw.get("team")).get("key")) or "", moment(raw.get("updatedAt")), labels)


def _outcome(payload: Mapping[str, Any], marks: Sequence[Mark]) -> Marked:
    """Only what Linear names as changed counts as done: to hold a label for ours that was never put on
    would read as a person's no to it."""
    changed: dict[str, datetime | None] = {
        str(issue.get("id")): moment(issue.get("updatedAt"))
        for issue in map(mapping, items(payload.get("issues")))
    }
    left = [mark for mark in marks if mark.issue not in changed]
    failed = _failed(left, "Linear does not name the issue among those it changed.")
    return Marked(
        {mark.issue: changed[mark.issue] for mark in marks if mark.issue in changed}, failed.failures
    )


def _failed(marks: Sequence[Mark], why: str) -> Marked:
    return Marked({}, {mark.issue: why for mark in marks})


def _parts(marks: Sequence[Mark], most: int) -> list[tuple[Mark, ...]]:
    return [tuple(marks[begin : begin + most]) for begin in range(0, len(marks), most)]
