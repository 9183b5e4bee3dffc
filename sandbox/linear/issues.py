"""Issues: made, changed, trashed; each change with its history entry and its event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.linear import cycles, errors
from sandbox.linear.entities import AUTOMATION, Actor, ActorBot, History, Issue, Relation
from sandbox.linear.labels import checked
from sandbox.linear.state import State, client_id, touched
from sandbox.linear.values import new_id, now_ms

_FROM_TO = ("title", "estimate", "cycle_id", "state_id", "project_id", "parent_id", "assignee_id", "priority")


def create(state: State, actor: Actor, team_id: str, wish: Mapping[str, Any], age_ms: int = 0) -> Issue:
    """Make an issue from fields of :class:`Issue`; ``state_id`` defaults to the backlog.

    An issue made straight into a cycle gets no history entry for that, only ``added_to_cycle_at``.
    """
    now = now_ms()
    team = state.teams[team_id]
    _check_references(state, team_id, wish)
    label_ids = checked(state, team_id, wish.get("label_ids") or ())
    given = {name: value for name, value in wish.items() if value is not None and name != "id"}
    id = client_id(wish.get("id"), state.issues, "Issue")
    number = state.next_number(team_id)
    fields: dict[str, Any] = {
        "state_id": state.states_of(team_id)[0].id,
        "creator_id": actor.user.id if actor.user else None,
        "subscriber_ids": (actor.user.id,) if actor.user else (),
        "sort_order": -37.0 * number,
    }
    fields |= given | {"label_ids": label_ids, "bot_label_ids": frozenset(label_ids if actor.api else ())}
    issue = Issue(
        id=id,
        created_at=now,
        updated_at=now,
        team_id=team_id,
        number=number,
        identifier=f"{team.key}-{number}",
        added_to_team_at=now,
        **fields,
    )
    issue = replace(issue, **_stamps(state, None, issue, now))
    state.store_issue(issue)
    cycles.sample(state, issue.cycle_id)
    state.emit("create", issue, actor, age_ms=age_ms)
    return issue


def update(state: State, actor: Actor, issue: Issue, wish: Mapping[str, Any], age_ms: int = 0) -> Issue:
    """Set fields of an issue. What is so already makes no change, no history and no event."""
    changes = {name: value for name, value in wish.items() if getattr(issue, name) != value}
    if not changes:
        return issue
    _check_references(state, issue.team_id, changes)
    new = replace(touched(issue), **changes)
    new = replace(
        new, **_stamps(state, issue, new, new.updated_at), bot_label_ids=_bot_labels(actor, issue, new)
    )
    state.store_issue(new)
    state.history.setdefault(issue.id, []).append(_entry(actor, issue, new))
    for cycle_id in {issue.cycle_id, new.cycle_id}:
        cycles.sample(state, cycle_id)
    state.emit("update", new, actor, issue, age_ms=age_ms)
    return _drawn_in(state, new) if "state_id" in changes else new


def _drawn_in(state: State, issue: Issue) -> Issue:
    """Put what was started or completed outside any cycle into the running one, where the team wants it."""
    team, kind = state.teams[issue.team_id], state.states[issue.state_id].type
    started = team.cycle_issue_auto_assign_started or team.cycle_lock_to_active
    wanted = (kind == "started" and started) or (
        kind == "completed" and team.cycle_issue_auto_assign_completed
    )
    running = cycles.active_of(state, issue.team_id)
    if not wanted or running is None or issue.cycle_id is not None:
        return issue
    return update(state, AUTOMATION, issue, {"cycle_id": running.id})


def set_blockers(state: State, issue: Issue, blockers: Iterable[Issue]) -> None:
    """Let these issues, and no others, block one. Relations are told by no webhook of the issue's."""
    for relation in state.blockers_of(issue.id):
        del state.relations[relation.id]
    for blocker in blockers:
        now = now_ms()
        relation = Relation(
            id=new_id(),
            created_at=now,
            updated_at=now,
            type="blocks",
            issue_id=blocker.id,
            related_issue_id=issue.id,
        )
        state.relations[relation.id] = relation


def trash(state: State, actor: Actor, issue: Issue) -> Issue:
    """Move an issue to the trash, where it can still be read by id."""
    if issue.trashed:
        return issue
    now = now_ms()
    new = replace(touched(issue), trashed=True, archived_at=now)
    state.store_issue(new)
    entry = replace(_entry(actor, issue, new), trashed=True, archived=True)
    state.history.setdefault(issue.id, []).append(entry)
    cycles.sample(state, issue.cycle_id)
    state.emit("remove", new, actor)
    return new


def purge(state: State, actor: Actor, issue: Issue) -> None:
    """Delete for good: after this the issue is not found any more."""
    trash(state, actor, issue)
    state.drop_issue(issue)


def bot_actor(actor: Actor, as_user: str | None) -> ActorBot | None:
    """The author line of a write with ``createAsUser``, which only an app may use."""
    if not as_user:
        return None
    if actor.user is None or not actor.user.app:
        raise errors.bad_argument("createAsUser needs a token of actor=app")
    return ActorBot(id=actor.user.id, type="app", name=actor.user.name, user_display_name=as_user)


def _check_references(state: State, team_id: str, wish: Mapping[str, Any]) -> None:
    if wish.get("title") == "":
        raise errors.bad_argument("title should not be empty")
    if wish.get("priority") is not None and not 0 <= wish["priority"] <= 4:
        raise errors.bad_argument("priority must be between 0 and 4")
    if wish.get("estimate") is not None and wish["estimate"] < 0:
        raise errors.bad_argument("estimate must not be negative")
    if wish.get("cycle_id") and state.cycle(wish["cycle_id"]).team_id != team_id:
        raise errors.bad_argument("cycleId must name a cycle of the issue's team")
    if wish.get("state_id") and state.states.get(wish["state_id"]) not in state.states_of(team_id):
        raise errors.not_found("WorkflowState")
    if wish.get("project_id"):
        state.project(wish["project_id"])
    if wish.get("parent_id"):
        state.issue(wish["parent_id"])
    if wish.get("assignee_id") and state.user_of(wish["assignee_id"]) is None:
        raise errors.not_found("User")


def _stamps(state: State, old: Issue | None, new: Issue, now: int) -> dict[str, Any]:
    stamps: dict[str, Any] = {}
    if (old.cycle_id if old else None) != new.cycle_id:
        stamps["added_to_cycle_at"] = now if new.cycle_id else None
    if (old.project_id if old else None) != new.project_id:
        stamps["added_to_project_at"] = now if new.project_id else None
    if old is None or old.state_id != new.state_id:
        kind = state.states[new.state_id].type
        begun = kind in ("started", "completed")
        stamps["started_at"] = (new.started_at or now) if begun else None
        stamps["completed_at"] = now if kind == "completed" else None
        stamps["canceled_at"] = now if kind in ("canceled", "duplicate") else None
    return stamps


def _bot_labels(actor: Actor, old: Issue, new: Issue) -> frozenset[str]:
    added = frozenset(new.label_ids) - frozenset(old.label_ids)
    kept = old.bot_label_ids & frozenset(new.label_ids)
    return kept | added if actor.api else kept


def _entry(actor: Actor, old: Issue, new: Issue) -> History:
    told: dict[str, Any] = {}
    for name in _FROM_TO:
        if getattr(old, name) != getattr(new, name):
            told[f"from_{name}"], told[f"to_{name}"] = getattr(old, name), getattr(new, name)
    if old.description != new.description:
        told["updated_description"] = True
    added = tuple(id for id in new.label_ids if id not in old.label_ids)
    removed = tuple(id for id in old.label_ids if id not in new.label_ids)
    return History(
        id=new_id(),
        created_at=new.updated_at,
        updated_at=new.updated_at,
        issue_id=new.id,
        actor_id=actor.user.id if actor.user else None,
        added_label_ids=added or None,
        removed_label_ids=removed or None,
        **told,
    )
