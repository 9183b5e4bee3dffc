"""Reading: how each type of the schema finds its fields in the rows.

Fields without a resolver here are attributes of their row, in Python's spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import flask
from graphql import GraphQLInputObjectType, GraphQLResolveInfo

from sandbox.linear import cycles, errors
from sandbox.linear.entities import Actor, Comment, Cycle, History, Issue, Label, Row, Team, User
from sandbox.linear.filters import matches
from sandbox.linear.limits import HOUR_MS, Budget
from sandbox.linear.paging import connection
from sandbox.linear.state import State
from sandbox.linear.values import snake

Resolver = Callable[..., Any]
_NOWHERE = "https://linear.app/sandbox"


@dataclass(frozen=True, slots=True)
class Context:
    """What the resolvers of one request know. ``failures`` are errors scripted per root field."""

    state: State
    viewer: User
    budget: Budget
    kind: str = "api key"
    failures: Mapping[str, errors.LinearError] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        return Actor(self.viewer, api=True)


Info: TypeAlias = "GraphQLResolveInfo[Context]"


def default(source: Any, info: Info, **arguments: Any) -> Any:
    """The value of a plain field: an item or attribute of the source."""
    name = snake(info.field_name)
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)


def _one(table: str, attribute: str) -> Resolver:
    """The row an optional reference points to."""

    def resolve(source: Any, info: Info) -> Any:
        return getattr(info.context.state, table).get(getattr(source, attribute))

    return resolve


def _many(table: str, attribute: str) -> Resolver:
    """The rows a list of references points to; those deleted since are left out."""

    def resolve(source: Any, info: Info) -> list[Any] | None:
        rows = getattr(info.context.state, table)
        ids = getattr(source, attribute)
        return None if ids is None else [rows[id] for id in ids if id in rows]

    return resolve


def _list(rows: Callable[[State, Any], Iterable[Row]]) -> Resolver:
    """A connection over the rows that ``rows`` finds and the filter lets through."""

    def resolve(source: Any, info: Info, **arguments: Any) -> dict[str, Any]:
        found = rows(info.context.state, source)
        wish = arguments.pop("filter", None)
        asked = {snake(name): value for name, value in arguments.items()}
        if not wish:
            return connection(found, asked)
        kind = info.parent_type.fields[info.field_name].args["filter"].type
        assert isinstance(kind, GraphQLInputObjectType)
        get = partial(_value, info.context.state)
        return connection(found, asked, lambda row: matches(kind, wish, row, get))

    return resolve


def _value(state: State, row: Any, name: str) -> Any:
    """What a filter's field means for a row."""
    if isinstance(row, Cycle) and name.startswith("is"):
        return _CYCLE_FLAGS[name](state, row)
    if name == "team":
        return state.teams.get(row.team_id or "")
    if name == "parent":
        return state.labels.get(row.parent_id or "")
    if isinstance(row, Issue):
        if name == "cycle":
            return state.cycles.get(row.cycle_id or "")
        if name == "state":
            return state.states[row.state_id]
        if name == "labels":
            return [state.labels[id] for id in row.label_ids if id in state.labels]
        if name == "addedToCyclePeriod":
            return cycles.period_of(state, row)
    return getattr(row, snake(name))


_CYCLE_FLAGS: dict[str, Callable[[State, Cycle], bool]] = {
    "isActive": lambda state, row: cycles.is_active(row),
    "isPast": lambda state, row: cycles.is_past(row),
    "isFuture": lambda state, row: cycles.is_future(row),
    "isNext": lambda state, row: cycles.next_of(state, row.team_id) == row,
    "isPrevious": lambda state, row: cycles.previous_of(state, row.team_id) == row,
}


def _flag(name: str) -> Resolver:
    return lambda row, info: _CYCLE_FLAGS[name](info.context.state, row)


def _figure(name: str) -> Resolver:
    return lambda row, info: cycles.figures(info.context.state, row)[name]


def _organization(source: Any, info: Info) -> dict[str, str]:
    return {"id": info.context.state.organization_id, "name": "Sandbox", "url_key": "sandbox"}


def _rate_limits(source: Any, info: Info) -> dict[str, Any]:
    context = info.context
    standings = (("request", context.budget.requests()), ("complexity", context.budget.complexity()))
    return {
        "identifier": context.viewer.id,
        "kind": context.kind,
        "limits": [
            {
                "type": name,
                "requested_amount": 0,
                "allowed_amount": standing.limit,
                "remaining_amount": standing.remaining,
                "period": HOUR_MS,
                "reset": standing.reset,
            }
            for name, standing in standings
        ],
    }


def _by_id(find: Callable[[State], Callable[[str], Any]]) -> Resolver:
    return lambda source, info, id=None: find(info.context.state)(id or "")


def admins_only(resolver: Resolver) -> Resolver:
    """The resolver of what only admins may see or change."""

    def resolve(source: Any, info: Info, **arguments: Any) -> Any:
        if not info.context.state.webhook_access:
            raise errors.missing_scope("admin")
        return resolver(source, info, **arguments)

    return resolve


def site() -> str:
    """Where people open the workspace: the toy itself, which has one page for everything."""
    return flask.request.host_url.rstrip("/") if flask.has_request_context() else _NOWHERE


def issue_url(issue: Issue) -> str:
    """Where a person opens the issue."""
    return f"{site()}/issue/{issue.identifier}"


def comment_url(state: State, comment: Comment) -> str:
    """Where a person opens the comment."""
    return f"{issue_url(state.issues[comment.issue_id])}#comment-{comment.id[:8]}"


def _history(state: State, issue: Issue) -> list[History]:
    return state.history.get(issue.id, [])


def _relations(end: str) -> Callable[[State, Issue], list[Row]]:
    """The relations that have an issue at that end."""
    return lambda state, issue: [row for row in state.relations.values() if getattr(row, end) == issue.id]


def _children(state: State, row: Row) -> list[Row]:
    table: Iterable[Label | Issue] = (state.labels if isinstance(row, Label) else state.issues).values()
    return [child for child in table if child.parent_id == row.id]


def _team_labels(state: State, team: Team) -> list[Label]:
    return [label for label in state.labels.values() if label.team_id == team.id]


RESOLVERS: dict[str, dict[str, Resolver]] = {
    "Query": {
        "viewer": lambda source, info: info.context.viewer,
        "organization": _organization,
        "rateLimitStatus": _rate_limits,
        "teams": _list(lambda state, source: state.teams.values()),
        "team": _by_id(lambda state: state.team),
        "workflowStates": _list(lambda state, source: state.states.values()),
        "issue": _by_id(lambda state: state.issue),
        "issues": _list(lambda state, source: state.issues.values()),
        "issueLabels": _list(lambda state, source: state.labels.values()),
        "issueLabel": _by_id(lambda state: state.label),
        "cycles": _list(lambda state, source: state.cycles.values()),
        "cycle": _by_id(lambda state: state.cycle),
        "comment": _by_id(lambda state: state.comment),
        "comments": _list(lambda state, source: state.comments.values()),
        "project": _by_id(lambda state: state.project),
        "webhooks": admins_only(_list(lambda state, source: state.hooks.values())),
        "webhook": admins_only(_by_id(lambda state: state.hook)),
    },
    "User": {
        "organization": _organization,
        "url": lambda row, info: f"{site()}/profiles/{row.display_name}",
    },
    "Team": {
        "securitySettings": lambda row, info: {"labelManagement": row.label_management},
        "activeCycle": lambda row, info: cycles.active_of(info.context.state, row.id),
        "defaultIssueState": lambda row, info: info.context.state.states_of(row.id)[0],
        "states": _list(lambda state, team: state.states_of(team.id)),
        "labels": _list(_team_labels),
        "cycles": _list(lambda state, team: state.cycles_of(team.id)),
    },
    "WorkflowState": {"team": _one("teams", "team_id")},
    "IssueLabel": {
        "parent": _one("labels", "parent_id"),
        "team": _one("teams", "team_id"),
        "creator": _one("users", "creator_id"),
        "children": _list(_children),
    },
    "Cycle": {
        **{name: _flag(name) for name in _CYCLE_FLAGS},
        **{
            name: _figure(snake(name))
            for name in (
                "scopeHistory",
                "completedScopeHistory",
                "inProgressScopeHistory",
                "issueCountHistory",
                "completedIssueCountHistory",
            )
        },
        "team": _one("teams", "team_id"),
        "progress": lambda row, info: cycles.progress(info.context.state, row),
        "issues": _list(
            lambda state, cycle: [row for row in state.issues.values() if row.cycle_id == cycle.id]
        ),
        "uncompletedIssuesUponClose": _list(
            lambda state, cycle: [state.issues[id] for id in cycle.uncompleted_ids if id in state.issues]
        ),
    },
    "Project": {"url": lambda row, info: f"{site()}/project/{row.id[:8]}"},
    "ProjectUpdate": {
        "project": _one("projects", "project_id"),
        "user": _one("users", "user_id"),
        "url": lambda row, info: f"{site()}/project/{row.project_id[:8]}#project-update-{row.id[:8]}",
    },
    "Issue": {
        "url": lambda row, info: issue_url(row),
        "previousIdentifiers": lambda row, info: [],
        "labels": _list(
            lambda state, issue: [state.labels[id] for id in issue.label_ids if id in state.labels]
        ),
        "state": _one("states", "state_id"),
        "team": _one("teams", "team_id"),
        "cycle": _one("cycles", "cycle_id"),
        "project": _one("projects", "project_id"),
        "parent": _one("issues", "parent_id"),
        "children": _list(_children),
        "creator": _one("users", "creator_id"),
        "assignee": _one("users", "assignee_id"),
        "comments": _list(lambda state, issue: state.comments_on(issue.id)),
        "history": _list(_history),
        "prioritySortOrder": lambda row, info: row.sort_order,
        "relations": _list(_relations("issue_id")),
        "inverseRelations": _list(_relations("related_issue_id")),
    },
    "IssueRelation": {
        "issue": _one("issues", "issue_id"),
        "relatedIssue": _one("issues", "related_issue_id"),
    },
    "IssueHistory": {
        "issue": _one("issues", "issue_id"),
        "actor": _one("users", "actor_id"),
        "fromCycle": _one("cycles", "from_cycle_id"),
        "toCycle": _one("cycles", "to_cycle_id"),
        "fromState": _one("states", "from_state_id"),
        "toState": _one("states", "to_state_id"),
        "addedLabels": _many("labels", "added_label_ids"),
        "removedLabels": _many("labels", "removed_label_ids"),
        "descriptionUpdatedBy": lambda row, info: (
            [info.context.state.users[row.actor_id]] if row.updated_description and row.actor_id else None
        ),
    },
    "Comment": {
        "issue": _one("issues", "issue_id"),
        "parent": _one("comments", "parent_id"),
        "user": _one("users", "user_id"),
        "hideInLinear": lambda row, info: False,
        "url": lambda row, info: comment_url(info.context.state, row),
    },
    "Webhook": {
        "team": _one("teams", "team_id"),
        "teamIds": lambda row, info: [row.team_id] if row.team_id else None,
    },
}
