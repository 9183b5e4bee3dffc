"""Labels: who may wear which, and how they are made, renamed and deleted.

Rules measured on the real service: a group is not worn itself, an issue wears one child of each
group, a team's label stays in the team.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.linear import errors
from sandbox.linear.entities import Actor, Issue, Label
from sandbox.linear.state import State, client_id, touched
from sandbox.linear.values import now_ms


def checked(state: State, team_id: str, ids: Iterable[str]) -> tuple[str, ...]:
    """The ids without doubles, when an issue of that team may wear them together.

    Raises the refusals of the real service: unknown label, other team's label, a group, or two
    children of one group.
    """
    unique = tuple(dict.fromkeys(ids))
    rows = [state.label(id) for id in unique]
    if any(row.team_id not in (None, team_id) for row in rows):
        raise errors.wrong_team()
    if any(row.is_group for row in rows):
        raise errors.group_applied()
    parents = [row.parent_id for row in rows if row.parent_id]
    if len(set(parents)) < len(parents):
        raise errors.not_exclusive()
    return unique


def wanted(state: State, issue: Issue, wish: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels an update asks for: ``labelIds`` replaces, ``added…`` and ``removed…`` edit."""
    base = list(issue.label_ids if wish.get("labelIds") is None else wish["labelIds"])
    removed = {state.label(id).id for id in wish.get("removedLabelIds") or ()}
    base += [id for id in wish.get("addedLabelIds") or () if id not in base]
    result = tuple(id for id in base if id not in removed)
    if set(result) == set(issue.label_ids):
        return issue.label_ids
    return checked(state, issue.team_id, result)


def create(state: State, actor: Actor, wish: Mapping[str, Any]) -> Label:
    """Make a label from an ``IssueLabelCreateInput``."""
    if actor.api and not state.label_creation:
        raise errors.forbidden("label management is reserved to admins")
    name = _name(wish)
    team_id = state.team(wish["teamId"]).id if wish.get("teamId") else None
    parent_id = wish.get("parentId")
    if parent_id and not state.label(parent_id).is_group:
        raise errors.bad_argument("parentId must name a label group")
    _refuse_double(state, name, team_id, parent_id)
    now = now_ms()
    label = Label(
        id=client_id(wish.get("id"), state.labels, "IssueLabel"),
        created_at=now,
        updated_at=now,
        name=name,
        color=wish.get("color") or "#5e6ad2",
        description=wish.get("description"),
        is_group=bool(wish.get("isGroup")),
        parent_id=parent_id,
        team_id=team_id,
        creator_id=actor.user.id if actor.user else None,
    )
    state.labels[label.id] = label
    state.emit("create", label, actor)
    return label


def update(state: State, actor: Actor, label: Label, wish: Mapping[str, Any]) -> Label:
    """Apply an ``IssueLabelUpdateInput``."""
    changes = {name: value for name, value in wish.items() if getattr(label, name) != value}
    if not changes:
        return label
    if "name" in changes:
        changes["name"] = _name(changes)
        _refuse_double(state, changes["name"], label.team_id, label.parent_id, but=label.id)
    new = replace(touched(label), **changes)
    state.labels[label.id] = new
    state.emit("update", new, actor, label)
    return new


def delete(state: State, actor: Actor, label: Label) -> None:
    """Delete a label; it falls off its issues without an event for each."""
    del state.labels[label.id]
    for issue in [row for row in state.issues.values() if label.id in row.label_ids]:
        left = tuple(id for id in issue.label_ids if id != label.id)
        state.store_issue(replace(touched(issue), label_ids=left))
    state.emit("remove", replace(touched(label), archived_at=now_ms()), actor)


def find(state: State, team_id: str, path: str) -> Label:
    """A label an issue of that team may wear, by ``name`` or ``Group/name``. Raises LookupError."""
    *groups, name = path.split("/")
    for label in sorted(state.labels.values(), key=lambda row: row.team_id is None):
        parent = state.labels.get(label.parent_id or "")
        if (
            label.name.lower() == name.lower()
            and not label.is_group
            and label.team_id in (None, team_id)
            and (not groups or (parent is not None and parent.name.lower() == groups[-1].lower()))
        ):
            return label
    raise LookupError(f"there is no label {path!r}")


def _name(wish: Mapping[str, Any]) -> str:
    name = str(wish.get("name") or "").strip()
    if not name:
        raise errors.bad_argument("name should not be empty")
    return name


def _refuse_double(
    state: State, name: str, team_id: str | None, parent_id: str | None, but: str = ""
) -> None:
    for label in state.labels.values():
        same_place = (label.team_id, label.parent_id) == (team_id, parent_id)
        if same_place and label.id != but and label.name.lower() == name.lower():
            raise errors.duplicate_label(name)
