"""What all hints made from one webhook body have in common, and how they become an Event."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from trackers.model import Event, Hint, HintKind, IgnoredBecause, Scope, Subject, SubjectKind

MAX_HINTS = 50
"""More subjects than one genuine event ever touches; what is beyond it the clock finds."""

_LONGEST_DETAIL = 200


class Delivery(NamedTuple):
    """One webhook body on its way to becoming an Event."""

    name: str
    connection: str
    digest: str
    scope: Scope
    at: datetime | None
    actor: str | None
    automated: bool = False
    """The actor is an app or an automation, as far as the body tells."""

    def names_project(self, project: str | None) -> bool:
        """Whether the connection names this project; one that is not known may be named, if any is."""
        return _may_name(self.scope.projects, project)

    def names_board(self, board: str | None) -> bool:
        """Whether the connection names this board; one that is not known may be named, if any is."""
        return _may_name(self.scope.boards, board)

    def issue(
        self,
        kind: HintKind,
        issue: str,
        updated: datetime | None,
        *,
        changed: tuple[str, ...] = (),
        labels_added: tuple[str, ...] = (),
        labels_removed: tuple[str, ...] = (),
        sprints_joined: tuple[str, ...] = (),
        sprints_left: tuple[str, ...] = (),
    ) -> Hint:
        """A hint about an issue."""
        return Hint(
            subject=Subject(self.connection, SubjectKind.ISSUE, issue),
            kind=kind,
            digest=self.digest,
            at=self.at,
            updated=updated,
            actor=self.actor,
            automated=self.automated,
            changed=changed,
            labels_added=labels_added,
            labels_removed=labels_removed,
            sprints_joined=sprints_joined,
            sprints_left=sprints_left,
        )

    def sprint(
        self,
        kind: HintKind,
        sprint: str,
        *,
        updated: datetime | None = None,
        changed: tuple[str, ...] = (),
        issue: str | None = None,
    ) -> Hint:
        """A hint about a sprint or cycle; ``issue`` is the id of the one that joined, left or changed."""
        return Hint(
            subject=Subject(self.connection, SubjectKind.SPRINT, sprint),
            kind=kind,
            digest=self.digest,
            at=self.at,
            updated=updated,
            actor=self.actor,
            automated=self.automated,
            changed=changed,
            issue=issue,
        )

    def moves(self, joined: Iterable[str], left: Iterable[str], issue: str | None = None) -> list[Hint]:
        """A hint for each sprint an issue joined or left."""
        return [
            *(self.sprint(HintKind.SPRINT_JOINED, sprint, issue=issue) for sprint in joined),
            *(self.sprint(HintKind.SPRINT_LEFT, sprint, issue=issue) for sprint in left),
        ]

    def queued(self, hints: Iterable[Hint]) -> Event:
        """The event with its hints, once each and at most ``MAX_HINTS``."""
        distinct = {(hint.subject, hint.kind): hint for hint in hints}
        kept = tuple(distinct.values())[:MAX_HINTS]
        detail = "" if len(kept) == len(distinct) else f"{len(distinct) - MAX_HINTS} further hints left out"
        return Event(self.name, kept, detail=detail)

    def ignored(self, reason: IgnoredBecause, detail: str = "") -> Event:
        """The event with the reason why nothing follows from it."""
        if len(detail) > _LONGEST_DETAIL:
            detail = detail[: _LONGEST_DETAIL - 1] + "…"
        return Event(self.name, ignored=reason, detail=detail)


def _may_name(named: frozenset[str] | None, key: str | None) -> bool:
    return named is None or key in named or (key is None and bool(named))
