"""Linear's cycles as sprints: asked for in as few operations as can be."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from trackers.errors import Forbidden, Gone, Rejected
from trackers.linear.client import Answer, LinearClient
from trackers.linear.cycle_fields import (
    Raw,
    board_of,
    finished_of,
    hours_in_progress,
    in_order,
    issue_past,
    left_over,
    sprint_issue,
    sprint_of,
)
from trackers.model import Comment
from trackers.protocol import Cache
from trackers.reading import items, mapping, text
from trackers.sprints import (
    Board,
    Finished,
    IssuePast,
    OwnComment,
    Sprint,
    SprintReading,
    SprintState,
    sprint_topic,
)

PAGE: Final = 100
"""Issues of a cycle with labels and blockers: about 5,100 points; one query may have 10,000."""
PAST_PAGE: Final = 60
"""Issues with 20 entries of history each: about 6,300 points."""
_SMALLEST_PAGE: Final = 6
_ROOM: Final = 15
"""More issues than a cycle had the last time that still come in one request."""
_SIZE_LIFE: Final = timedelta(days=1)
_BOARD_LIFE: Final = timedelta(hours=1)
_MOST_HISTORY_PAGES: Final = 4
_ROUNDS: Final = 6
"""Comments about one cycle that are looked for; hardly any is posted anew more often."""
_STAYS_OF: Final = 3
"""Finished cycles whose issues are asked how long they were in progress."""


class LinearCycles:
    """The cycles of one connection."""

    def __init__(self, client: LinearClient, cache: Cache, own_comment: Callable[[str, str], str]) -> None:
        """``own_comment`` gives the id of our comment, by an issue's id and the comment's topic."""
        self._call = client.call
        self._cache = cache
        self._own_comment = own_comment

    def board(self, team: str) -> Board:
        """A team by its key; see ``trackers.protocol.Tracker.board``."""
        name = f"team:{team}"
        held = self._cache.get(name)
        if held is None:
            nodes = self._call("Team", {"key": team}).root("teams", "Team").get("nodes")
            if not items(nodes):
                raise Gone(f"Linear has no team {team}, or the account may not see it.")
            held = json.dumps(items(nodes)[0])
            self._cache.put(name, held, _BOARD_LIFE)
        return board_of(mapping(json.loads(held)))

    def open(self, team: str) -> tuple[Sprint, ...]:
        """The running cycle, if any, and those to come, soonest first."""
        answer = self._call("OpenCycles", {"team": team}).root("cycles", "OpenCycles")
        now = datetime.now(UTC)
        found = (sprint_of(mapping(node), now) for node in items(answer.get("nodes")))
        still = [sprint for sprint in found if sprint.state is not SprintState.CLOSED]
        return tuple(sorted(still, key=lambda sprint: sprint.start or now))

    def reading(self, cycle: str, past: bool) -> SprintReading:
        """A cycle with what is in it; see ``trackers.protocol.Tracker.sprint``."""
        head, found = self._contents(cycle)
        sprint, team, carried = sprint_of(head, datetime.now(UTC)), mapping(head.get("team")), left_over(head)
        pasts: Mapping[str, IssuePast] = {}
        comments: Sequence[tuple[str, Comment]] = ()
        if past and found:
            pasts, comments = self._pasts(sprint, team, [str(raw.get("id")) for raw in found])
            # What has no past any more was deleted in between.
            found = [raw for raw in found if raw.get("id") in pasts]
        issues = tuple(
            sprint_issue(raw, rank, team, raw.get("id") in carried, pasts.get(str(raw.get("id"))))
            for rank, raw in enumerate(in_order(found))
        )
        keys = {issue.id: issue.key for issue in issues}
        ours = (OwnComment(issue, keys[issue], comment) for issue, comment in comments if issue in keys)
        return SprintReading(sprint, issues, tuple(ours))

    def _contents(self, cycle: str) -> tuple[Raw, list[Raw]]:
        """The cycle itself, and its issues in no order.

        Linear charges for the page asked for, not for what is on it, so that no more is asked for
        than the cycle may have by now.
        """
        name = f"cycle-size:{cycle}"
        held = self._cache.get(name)
        first = PAGE if held is None else min(PAGE, int(held) + _ROOM)
        head: Raw = {}
        found: list[Raw] = []
        for answer, page in self._pages("Cycle", {"id": cycle, "cycle": cycle}, first):
            head = _part(answer, "cycle", "Cycle")
            found += page
        self._cache.put(name, str(len(found)), _SIZE_LIFE)
        return head, found

    def finished(self, board: Board, known: Collection[str], most: int) -> tuple[Finished, ...]:
        """Past cycles in numbers; see ``trackers.protocol.Tracker.finished``."""
        answer = self._call("PastCycles", {"team": board.id}, bulk=True).root("cycles", "PastCycles")
        cycles = [mapping(node) for node in items(answer.get("nodes"))]
        cycles.sort(key=lambda cycle: str(cycle.get("endsAt")), reverse=True)
        asked = [cycle for cycle in cycles if cycle.get("id") not in known][:most]
        stays = self._stays([str(cycle.get("id")) for cycle in asked[:_STAYS_OF]])
        found = (finished_of(cycle, board, stays.get(str(cycle.get("id")), ())) for cycle in asked)
        return tuple(cycle for cycle in found if cycle is not None)

    def _stays(self, cycles: Sequence[str]) -> Mapping[str, list[float]]:
        """By cycle, the hours that each issue completed in it was in progress."""
        found: dict[str, list[float]] = {cycle: [] for cycle in cycles}
        if cycles:
            answer = self._call("PastCycleIssues", {"cycles": list(cycles)}, bulk=True)
            for issue in map(mapping, items(answer.root("issues", "PastCycleIssues").get("nodes"))):
                cycle, hours = str(mapping(issue.get("cycle")).get("id")), hours_in_progress(issue)
                if cycle in found and hours is not None:
                    found[cycle].append(hours)
        return found

    def _pasts(
        self, sprint: Sprint, team: Raw, issues: Sequence[str]
    ) -> tuple[Mapping[str, IssuePast], Sequence[tuple[str, Comment]]]:
        """By issue, its past; and our comments about the sprint with their issues, oldest first."""
        stands_on = {
            self._own_comment(issue, topic): (issue, topic)
            for topic in (sprint_topic(sprint.id, round_) for round_ in range(_ROUNDS))
            for issue in issues
        }
        pasts: dict[str, IssuePast] = {}
        comments: dict[str, Comment] = {}
        wanted = {"issues": list(issues), "comments": list(stands_on)}
        for answer, page in self._pages("CyclePasts", wanted, min(PAST_PAGE, len(issues))):
            for raw in page:
                entries, whole = self._entries(raw)
                pasts[str(raw.get("id"))] = issue_past(entries, team, whole)
            for node in map(mapping, items(_part(answer, "comments", "CyclePasts").get("nodes"))):
                id_ = str(node.get("id"))
                if id_ in stands_on:
                    _, topic = stands_on[id_]
                    comments[id_] = Comment(id_, topic, text(node.get("url")), text(node.get("body")) or "")
        return pasts, [(issue, comments[id_]) for id_, (issue, _) in stands_on.items() if id_ in comments]

    def _entries(self, raw: Raw) -> tuple[list[Raw], bool]:
        """An issue's history, newest first, and whether that is all of it."""
        page = mapping(raw.get("history"))
        found = [mapping(node) for node in items(page.get("nodes"))]
        for _ in range(_MOST_HISTORY_PAGES - 1):
            if (after := next_page(page)) is None:
                break
            try:
                answer = self._call("CyclePast", {"id": raw.get("id"), "after": after})
                page = mapping(answer.root("issue", "CyclePast").get("history"))
            except Gone:
                # The issue is, which says nothing of the cycle.
                break
            found += map(mapping, items(page.get("nodes")))
        return found, next_page(page) is None

    def _pages(
        self, operation: str, wanted: Mapping[str, Any], first: int
    ) -> Iterator[tuple[Answer, list[Raw]]]:
        """Page after page of an operation's ``issues``, each with the answer it came in.

        Linear counts complexity by a rule of its own: pages it finds too large are halved.
        """
        after = None
        while True:
            try:
                answer = self._call(operation, {**wanted, "first": first, "after": after})
            except Rejected:
                if first <= _SMALLEST_PAGE:
                    raise
                first //= 2
                continue
            page = _part(answer, "issues", operation)
            yield answer, [mapping(node) for node in items(page.get("nodes"))]
            after = next_page(page)
            if after is None:
                return


def _part(answer: Answer, root: str, operation: str) -> Raw:
    """What a root field of a cycle's reading gave, as ``Answer.root`` does.

    Only the cycle itself can be gone: raises Forbidden where anything else cannot be seen.
    """
    error = answer.error_at(root)
    if error is not None and error.says("entity not found") and (error.inner or root != "cycle"):
        raise Forbidden(
            "The cycle's team, or something in the cycle, cannot be seen: give the account access to it."
        )
    return answer.root(root, operation)


def next_page(page: Mapping[str, Any]) -> str | None:
    """Where the next page of a list begins; None after the last."""
    info = mapping(page.get("pageInfo"))
    return text(info.get("endCursor")) if info.get("hasNextPage") else None
