"""Writing: the mutations of the schema, each one step under the workspace's lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.linear import comments, cycles, errors, issues, labels
from sandbox.linear.entities import Hook, Issue, ProjectUpdate
from sandbox.linear.resolvers import Context, Info, Resolver, admins_only
from sandbox.linear.state import client_id, touched
from sandbox.linear.values import new_id, now_ms, snake, stored_markdown

BATCH = 50
_LABEL_KEYS = frozenset({"labelIds", "addedLabelIds", "removedLabelIds"})


def _done(context: Context, **more: Any) -> dict[str, Any]:
    return {"success": True, "last_sync_id": context.state.sync_id(), **more}


def _plain(wish: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """An input's fields under the attribute names of the rows."""
    fields = {snake(name): value for name, value in wish.items() if name not in without}
    if fields.get("estimate") is not None:
        fields["estimate"] = float(fields["estimate"])
    if fields.get("description") is not None:
        fields["description"] = stored_markdown(fields["description"]) or None
    if fields.get("priority", 0) is None:
        fields["priority"] = 0
    return fields


def issue_create(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Make an issue; also with the client's own id."""
    context = info.context
    team = context.state.team(input["teamId"])
    fields = _plain(input, "teamId", "createAsUser", "displayIconUrl")
    if not fields.get("title"):
        raise errors.bad_argument("title should not be empty")
    fields["bot_actor"] = issues.bot_actor(context.actor, input.get("createAsUser"))
    return _done(context, issue=issues.create(context.state, context.actor, team.id, fields))


def _apply(context: Context, issue: Issue, input: Mapping[str, Any]) -> Issue:
    changes = _plain(input, *_LABEL_KEYS)
    if changes.get("title", "-") is None:
        raise errors.bad_argument("title should not be empty")
    changes["label_ids"] = labels.wanted(context.state, issue, input)
    return issues.update(context.state, context.actor, issue, changes)


def issue_update(source: Any, info: Info, id: str, input: dict[str, Any]) -> dict[str, Any]:
    """Change an issue; several labels at once go in ``addedLabelIds`` and ``removedLabelIds``."""
    context = info.context
    return _done(context, issue=_apply(context, context.state.issue(id), input))


def issue_batch_update(source: Any, info: Info, ids: list[str], input: dict[str, Any]) -> dict[str, Any]:
    """Change up to fifty issues alike; all of them or, on a refusal, none."""
    context = info.context
    if not 0 < len(ids) <= BATCH:
        raise errors.bad_argument(f"ids must contain between 1 and {BATCH} elements")
    rows = [context.state.issue(id) for id in ids]
    for row in rows:
        labels.wanted(context.state, row, input)
    return _done(context, issues=[_apply(context, row, input) for row in rows])


def issue_add_label(source: Any, info: Info, id: str, labelId: str) -> dict[str, Any]:
    """Put one label on; one that is there already is no change."""
    context = info.context
    context.state.label(labelId)
    issue = _apply(context, context.state.issue(id), {"addedLabelIds": [labelId]})
    return _done(context, issue=issue)


def issue_remove_label(source: Any, info: Info, id: str, labelId: str) -> dict[str, Any]:
    """Take one label off; one that is not there is no change."""
    context = info.context
    context.state.label(labelId)
    issue = _apply(context, context.state.issue(id), {"removedLabelIds": [labelId]})
    return _done(context, issue=issue)


def issue_delete(source: Any, info: Info, id: str, permanentlyDelete: bool | None = None) -> dict[str, Any]:
    """Move an issue to the trash, or delete it for good."""
    context = info.context
    issue = context.state.issue(id)
    if permanentlyDelete:
        issues.purge(context.state, context.actor, issue)
        return _done(context, entity=None)
    return _done(context, entity=issues.trash(context.state, context.actor, issue))


def label_create(
    source: Any, info: Info, input: dict[str, Any], replaceTeamLabels: bool | None = None
) -> dict[str, Any]:
    """Make a label, unless the workspace reserves that to its admins."""
    context = info.context
    return _done(context, issue_label=labels.create(context.state, context.actor, input))


def label_update(source: Any, info: Info, id: str, input: dict[str, Any]) -> dict[str, Any]:
    """Rename or recolour a label."""
    context = info.context
    label = labels.update(context.state, context.actor, context.state.label(id), _plain(input))
    return _done(context, issue_label=label)


def label_delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    """Delete a label."""
    context = info.context
    labels.delete(context.state, context.actor, context.state.label(id))
    return _done(context, entity_id=id)


def comment_create(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Write a comment."""
    context = info.context
    return _done(context, comment=comments.create(context.state, context.actor, input))


def comment_update(source: Any, info: Info, id: str, input: dict[str, Any]) -> dict[str, Any]:
    """Edit a comment of one's own; nobody edits another's."""
    context = info.context
    comment = context.state.comment(id)
    if comment.user_id != context.viewer.id:
        raise errors.forbidden("a comment is edited by its author alone")
    return _done(context, comment=comments.update(context.state, context.actor, comment, input))


def comment_delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    """Delete a comment."""
    context = info.context
    comments.delete(context.state, context.actor, context.state.comment(id))
    return _done(context, entity_id=id)


def cycle_update(source: Any, info: Info, id: str, input: dict[str, Any]) -> dict[str, Any]:
    """Rename a cycle or move its dates."""
    context = info.context
    cycle = cycles.update(context.state, context.actor, context.state.cycle(id), _plain(input))
    return _done(context, cycle=cycle)


def project_update_create(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Report on a project; its health follows the newest report."""
    context = info.context
    state = context.state
    project = state.project(input["projectId"])
    now = now_ms()
    row = ProjectUpdate(
        id=client_id(input.get("id"), state.project_updates, "ProjectUpdate"),
        created_at=now,
        updated_at=now,
        project_id=project.id,
        user_id=context.viewer.id,
        body=input.get("body") or "",
        health=input.get("health") or project.health or "onTrack",
    )
    state.project_updates[row.id] = row
    state.projects[project.id] = replace(touched(project), health=row.health, health_updated_at=now)
    return _done(context, project_update=row)


def webhook_create(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Register where events go, beside what is registered already."""
    context = info.context
    now = now_ms()
    fields = _hook_fields(input)
    team = context.state.team(fields.pop("team_id")) if fields.get("team_id") else None
    hook = Hook(
        id=client_id(fields.pop("id", None), context.state.hooks, "Webhook"),
        created_at=now,
        updated_at=now,
        team_id=team.id if team else None,
        all_public_teams=bool(fields.pop("all_public_teams", False)),
        secret=fields.pop("secret", None) or f"lin_wh_{new_id().replace('-', '')}",
        **{name: value for name, value in fields.items() if name != "team_id"},
    )
    if team is None and not hook.all_public_teams:
        raise errors.bad_argument("either teamId or allPublicTeams must be given")
    context.state.hooks[hook.id] = hook
    return _done(context, webhook=hook)


def webhook_update(source: Any, info: Info, id: str, input: dict[str, Any]) -> dict[str, Any]:
    """Change a webhook; ``enabled: true`` wakes one that failed too often."""
    context = info.context
    hook = replace(touched(context.state.hook(id)), **_hook_fields(input))
    context.state.hooks[id] = hook
    return _done(context, webhook=hook)


def webhook_delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    """Remove a webhook."""
    context = info.context
    del context.state.hooks[context.state.hook(id).id]
    return _done(context, entity_id=id)


def _hook_fields(input: Mapping[str, Any]) -> dict[str, Any]:
    fields = _plain(input)
    if fields.get("resource_types") is not None:
        fields["resource_types"] = tuple(fields["resource_types"])
    return fields


MUTATIONS: dict[str, Resolver] = {
    "issueCreate": issue_create,
    "issueUpdate": issue_update,
    "issueBatchUpdate": issue_batch_update,
    "issueAddLabel": issue_add_label,
    "issueRemoveLabel": issue_remove_label,
    "issueDelete": issue_delete,
    "issueLabelCreate": label_create,
    "issueLabelUpdate": label_update,
    "issueLabelDelete": label_delete,
    "commentCreate": comment_create,
    "commentUpdate": comment_update,
    "commentDelete": comment_delete,
    "cycleUpdate": cycle_update,
    "projectUpdateCreate": project_update_create,
    "webhookCreate": admins_only(webhook_create),
    "webhookUpdate": admins_only(webhook_update),
    "webhookDelete": admins_only(webhook_delete),
}
