"""Reading sprints and the issues in them as the agile API answers. Pure.

Source: developer.atlassian.com, Jira Software REST API, "Get sprint" and "Get issues for sprint";
Cloud and Data Center answer alike, but Data Center does not say since when a status holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from trackers.jira.boards import BoardSettings
from trackers.jira.fields import account, project_key, sprints_of
from trackers.model import Label
from trackers.reading import ident, items, mapping, moment, planned_moment, reference, text
from trackers.sprints import IssuePast, Sprint, SprintIssue, SprintState

COUNTED: Final = (
    "issuetype",
    "status",
    "project",
    "parent",
    "created",
)
"""Fields that figures are made of, beside the board's estimate."""
LIVE: Final = (
    "description",
    "labels",
    "assignee",
    "issuelinks",
    "statuscategorychangedate",
    "closedSprints",
)
"""Fields that only a running sprint is asked for, beside the sprint field."""
_STATES: Final = {str(state): state for state in SprintState}

Raw = Mapping[str, Any]


def sprint_from_json(raw: Raw, base_url: str, now: datetime) -> Sprint | None:
    """The sprint of an answer; None when it has no id or no known state.

    One that has lost the board it was made on has an empty ``board``, which nobody watches.
    """
    id_, board = reference(raw.get("id")), reference(raw.get("originBoardId"))
    state = _STATES.get((text(raw.get("state")) or "").lower())
    if id_ is None or state is None:
        return None
    page = f"{base_url.rstrip('/')}/secure/RapidBoard.jspa?rapidView={board}&sprint={id_}"
    return Sprint(
        id=id_,
        name=text(raw.get("name")) or "",
        board=board or "",
        state=state,
        start=planned_moment(raw.get("startDate"), now),
        end=planned_moment(raw.get("endDate"), now),
        completed=moment(raw.get("completeDate")),
        url=page if board else None,
    )


def sprint_issue(
    raw: Raw, rank: int, sprint: Sprint, settings: BoardSettings, past: IssuePast | None
) -> SprintIssue:
    """One issue of ``sprint``, counted as ``settings`` of the board it was made on say."""
    fields = mapping(raw.get("fields"))
    kind, status = mapping(fields.get("issuetype")), mapping(fields.get("status"))
    state, created = ident(status.get("id")) or "", moment(fields.get("created"))
    return SprintIssue(
        id=ident(raw.get("id")) or "",
        key=ident(raw.get("key")) or "",
        project=project_key(raw) or "",
        type=text(kind.get("name")),
        points=settings.amount(fields.get(settings.estimate)) if settings.estimate else None,
        stage=settings.stage(state, _category(status)),
        state=state,
        rank=rank,
        since=_since(fields, past, created),
        joined=_joined(sprint.id, past, created),
        created=created,
        parent=ident(mapping(fields.get("parent")).get("id")),
        subtask=kind.get("subtask") is True,
        assignee=account(fields.get("assignee")),
        labels=tuple(Label(one, one) for one in map(text, items(fields.get("labels"))) if one),
        body=text(fields.get("description")) or "",
        blockers=tuple(_blockers(fields)),
        carried=_is_carried(raw, sprint),
        past=past,
    )


def with_parents(issues: Sequence[SprintIssue]) -> tuple[SprintIssue, ...]:
    """Sub-tasks came when their parents did, or when they were filed after that."""
    parents = {issue.id: issue for issue in issues}

    def joined(issue: SprintIssue) -> datetime | None:
        parent = parents.get(issue.parent or "") if issue.subtask else None
        told = [at for at in (issue.joined, parent.joined if parent else None) if at is not None]
        return max(told, default=None)

    return tuple(replace(issue, joined=joined(issue)) for issue in issues)


def _category(status: Raw) -> str | None:
    return text(mapping(status.get("statusCategory")).get("key"))


def _since(fields: Raw, past: IssuePast | None, created: datetime | None) -> datetime | None:
    """Cloud tells since when the status's category holds, which is the best known without the past."""
    if past is not None and past.shifts:
        return past.shifts[-1].at
    if past is not None and past.whole:
        return created
    return moment(fields.get("statuscategorychangedate"))


def _joined(sprint: str, past: IssuePast | None, created: datetime | None) -> datetime | None:
    """Without any move of it, an issue was filed straight into the sprint."""
    if past is None:
        return None
    moves = [move for move in past.moves if move.sprint == sprint]
    if not moves:
        return created if past.whole else None
    return next((move.at for move in reversed(moves) if move.joined), None)


def _is_carried(raw: Raw, sprint: Sprint) -> bool:
    """Whether a sprint that ended earlier held it, too."""
    listed = items(mapping(raw.get("fields")).get("closedSprints"))
    ends = [moment(one.get("completeDate")) for one in map(mapping, listed)]
    ends = ends or [None for one in sprints_of(raw) if not one.is_open]
    ended = sprint.completed
    return any(ended is None or (at is not None and at < ended) for at in ends)


def _blockers(fields: Raw) -> list[str]:
    """Keys of open issues that a link says to block this one."""
    found = []
    for link in map(mapping, items(fields.get("issuelinks"))):
        kind, other = mapping(link.get("type")), mapping(link.get("inwardIssue"))
        blocks = text(kind.get("inward")) == "is blocked by" or text(kind.get("name")) == "Blocks"
        status = mapping(mapping(other.get("fields")).get("status"))
        key = ident(other.get("key"))
        if blocks and key and _category(status) != "done":
            found.append(key)
    return found
