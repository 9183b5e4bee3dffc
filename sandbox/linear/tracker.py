"""The people of a toy workspace: what the control endpoints do and see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sandbox.calls import Calls
from sandbox.control import PERSON
from sandbox.faults import Faults
from sandbox.linear import comments, cycles, issues, labels, past, rollover
from sandbox.linear.auth import Door
from sandbox.linear.config import LinearConfig
from sandbox.linear.entities import PRIORITIES, Actor, Comment, Cycle, Issue, Label, Row, Team
from sandbox.linear.errors import LinearError
from sandbox.linear.seed import seed
from sandbox.linear.state import State, touched
from sandbox.linear.values import SECOND, iso
from sandbox.linear.webhooks import HookSender
from sandbox.sender import Sender

T = TypeVar("T")
R = TypeVar("R", bound=Row)

AUTOMATION = "automation"
"""The actor name that stands for Linear itself: such changes have no actor at all."""

TEAM_SETTINGS = frozenset(
    {
        "timezone",
        "cycles_enabled",
        "cycle_duration",
        "cycle_issue_auto_assign_started",
        "cycle_issue_auto_assign_completed",
        "cycle_lock_to_active",
        "issue_estimation_type",
        "default_issue_estimate",
        "visibility",
        "label_management",
    }
)
"""Linear's own, in Python's spelling."""

_SPRINT_WORDS = {"active": cycles.active_of, "next": cycles.next_of, "previous": cycles.previous_of}


class LinearTracker:
    """One workspace with its webhook, its faults and its call log (a ``ControlledTracker``)."""

    faults: Faults
    calls: Calls
    sender: Sender

    def __init__(self, config: LinearConfig) -> None:
        self.config = config
        self.faults = Faults()
        self.calls = Calls()
        self.state = State(config.label_creation, config.deleted_ids_stay_taken)
        self.state.may_write, self.state.webhook_access = config.may_write, config.webhook_access
        self.bot = seed(self.state, config)
        owner = self.bot if config.dedicated_app else self.state.person(PERSON)
        self.key_user = owner
        self.door = Door(config, owner, self.bot)
        self.hooks = HookSender(self.state, config)
        self.sender = self.hooks
        self.state.on_event = self.hooks.publish

    # -- issues --------------------------------------------------------------------------------

    def create_issue(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Make an issue as a person.

        ``describe_later`` lets the description follow in an update of its own, ``age_seconds``
        dates the webhook back, ``quiet`` loses it.
        """
        with self.state.lock:
            team = self._team(str(wish["project"]))
            actor = self._actor(wish.get("actor"))
            fields = self._fields(team, wish, None)
            body = fields.pop("description", None)
            later = body is not None and bool(wish.get("describe_later"))
            if not later:
                fields["description"] = body
            age_ms = round(float(wish.get("age_seconds") or 0) * SECOND)

            def make() -> Issue:
                return issues.create(self.state, actor, team.id, fields, age_ms)

            issue = self._asked(lambda: self._quietly(wish, make))
            self._block(issue, wish)
            if later:
                self.hooks.later(
                    self.config.describe_delay, lambda: self._describe(issue.id, actor, str(body))
                )
            return self._view(issue)

    def edit_issue(self, key: str, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Change an issue as a person."""
        with self.state.lock:
            issue = self._issue(key)
            changes = self._fields(self.state.teams[issue.team_id], wish, issue)
            actor = self._actor(wish.get("actor"))
            self._block(issue, wish)

            def change() -> Issue:
                return issues.update(self.state, actor, issue, changes)

            return self._view(self._asked(lambda: self._quietly(wish, change)))

    def delete_issue(self, key: str) -> None:
        """Move an issue to the trash as a person; it can still be read by id."""
        with self.state.lock:
            issues.trash(self.state, self._actor(None), self._issue(key))

    def purge_issue(self, key: str) -> None:
        """Delete an issue for good as a person."""
        with self.state.lock:
            issues.purge(self.state, self._actor(None), self._issue(key))

    def issue_view(self, key: str) -> dict[str, Any]:
        """One issue by key or id."""
        with self.state.lock:
            return self._view(self._issue(key))

    def issue_views(self) -> list[dict[str, Any]]:
        """All issues but the trashed ones, oldest first."""
        with self.state.lock:
            rows = sorted(self.state.issues.values(), key=lambda row: (row.created_at, row.number))
            return [self._view(row) for row in rows if not row.trashed]

    # -- comments ------------------------------------------------------------------------------

    def add_comment(self, key: str, body: str, actor: str) -> dict[str, Any]:
        """Write a comment as a person."""
        with self.state.lock:
            wish = {"issueId": self._issue(key).id, "body": body}
            made = self._asked(lambda: comments.create(self.state, self._actor(actor), wish))
            return self._comment_view(made)

    def delete_comment(self, comment_id: str) -> None:
        """Delete anyone's comment as a person."""
        with self.state.lock:
            comment = self.state.comments.get(comment_id)
            if comment is None:
                raise LookupError(f"there is no comment {comment_id}")
            comments.delete(self.state, self._actor(None), comment)

    # -- cycles and labels ---------------------------------------------------------------------

    def cycle_views(self) -> list[dict[str, Any]]:
        """All cycles, team by team."""
        with self.state.lock:
            return [
                self._cycle_view(cycle)
                for team in self.state.teams.values()
                for cycle in self.state.cycles_of(team.id)
            ]

    def edit_cycle(self, team_key: str, which: int | str, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Apply ``{name?, starts_in?, ends_in?, close?, quiet?}``, times in seconds from now.

        ``which`` is a number, ``active``, ``next`` or ``previous``. A change told to nobody
        (``quiet``) stands for the passing of time, which has no webhook.
        """
        with self.state.lock:
            cycle = self._cycle(self._team(team_key), which)
            assert cycle is not None
            actor = self._actor(wish.get("actor"))

            def change() -> Cycle:
                new = cycles.move(self.state, actor, cycle, wish.get("starts_in"), wish.get("ends_in"))
                if "name" in wish:
                    new = cycles.update(self.state, actor, new, {"name": wish["name"]})
                return rollover.close(self.state, actor, new) if wish.get("close") else new

            return self._cycle_view(self._quietly(wish, change))

    def add_past_cycle(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Make a finished cycle; see :func:`sandbox.linear.past.add`."""
        with self.state.lock:
            return self._cycle_view(past.add(self.state, self._team(str(wish["team"])), wish))

    def edit_team(self, key: str, wish: Mapping[str, Any]) -> None:
        """Change a team's settings, which no webhook tells."""
        with self.state.lock:
            team = self._team(key)
            self.state.teams[team.id] = replace(touched(team), **wish)

    def create_label(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Make a label from ``{name, team?, group?}`` as a person."""
        with self.state.lock:
            group = next(
                (
                    row.id
                    for row in self.state.labels.values()
                    if row.is_group and row.name == wish.get("group")
                ),
                None,
            )
            asked = {"name": wish["name"], "teamId": wish.get("team"), "parentId": group}
            return _label_view(self._asked(lambda: labels.create(self.state, self._actor(None), asked)))

    def rename_label(self, label_id: str, name: str) -> dict[str, Any]:
        """Rename a label as a person."""
        with self.state.lock:
            label = self._asked(lambda: self.state.label(label_id))
            new = self._asked(lambda: labels.update(self.state, self._actor(None), label, {"name": name}))
            return _label_view(new)

    def delete_label(self, label_id: str) -> None:
        """Delete a label as a person."""
        with self.state.lock:
            label = self._asked(lambda: self.state.label(label_id))
            labels.delete(self.state, self._actor(None), label)

    def label_views(self) -> list[dict[str, Any]]:
        """All labels."""
        with self.state.lock:
            return [_label_view(label) for label in self.state.labels.values()]

    # -- inside --------------------------------------------------------------------------------

    def _quietly(self, wish: Mapping[str, Any], change: Callable[[], R]) -> R:
        """Make a change and, where it is wished, lose its webhooks."""
        return self.state.silently(change) if wish.get("quiet") else change()

    def _block(self, issue: Issue, wish: Mapping[str, Any]) -> None:
        if "blocked_by" in wish:
            blockers = [self._issue(str(key)) for key in wish["blocked_by"] or ()]
            issues.set_blockers(self.state, issue, blockers)

    def _describe(self, issue_id: str, actor: Actor, body: str) -> None:
        with self.state.lock:
            issue = self.state.issues.get(issue_id)
            if issue is not None and not issue.trashed:
                issues.update(self.state, actor, issue, {"description": body})

    def _actor(self, name: Any) -> Actor:
        return Actor(None if name == AUTOMATION else self.state.person(str(name or PERSON)))

    def _team(self, key: str) -> Team:
        found = next((team for team in self.state.teams.values() if key in (team.key, team.id)), None)
        if found is None:
            raise LookupError(f"there is no team {key!r}")
        return found

    def _issue(self, key: str) -> Issue:
        found = self.state.find_issue(key)
        if found is None:
            raise LookupError(f"there is no issue {key!r}")
        return found

    def _cycle(self, team: Team, sprint: Any) -> Cycle | None:
        if sprint is None:
            return None
        if sprint in _SPRINT_WORDS:
            found = _SPRINT_WORDS[sprint](self.state, team.id)
        else:
            found = next((row for row in self.state.cycles_of(team.id) if row.number == sprint), None)
        if found is None:
            raise LookupError(f"team {team.key} has no cycle {sprint!r}")
        return found

    def _fields(self, team: Team, wish: Mapping[str, Any], issue: Issue | None) -> dict[str, Any]:
        if wish.get("type") or wish.get("components"):
            raise ValueError("Linear knows neither issue types nor components")
        fields: dict[str, Any] = {}
        if "title" in wish:
            fields["title"] = str(wish["title"])
        if "body" in wish:
            fields["description"] = wish["body"] or None
        if "points" in wish:
            fields["estimate"] = None if wish["points"] is None else float(wish["points"])
        if "sprint" in wish:
            cycle = self._cycle(team, wish["sprint"])
            fields["cycle_id"] = cycle.id if cycle else None
        if wish.get("status") is not None:
            fields["state_id"] = self._state_id(team, str(wish["status"]))
        if wish.get("priority") is not None:
            fields["priority"] = _priority(wish["priority"])
        return fields | self._others(wish) | self._label_fields(team, wish, issue)

    def _others(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that name another issue or a person."""
        fields: dict[str, Any] = {}
        if "parent" in wish:
            fields["parent_id"] = self._issue(str(wish["parent"])).id if wish["parent"] else None
        if "assignee" in wish:
            fields["assignee_id"] = self.state.person(str(wish["assignee"])).id if wish["assignee"] else None
        return fields

    def _label_fields(self, team: Team, wish: Mapping[str, Any], issue: Issue | None) -> dict[str, Any]:
        def ids(name: str) -> list[str]:
            return [labels.find(self.state, team.id, str(path)).id for path in wish.get(name) or ()]

        if issue is None:
            return {"label_ids": tuple(ids("labels"))}
        asked = {"addedLabelIds": ids("add_labels"), "removedLabelIds": ids("remove_labels")}
        return {"label_ids": self._asked(lambda: labels.wanted(self.state, issue, asked))}

    def _state_id(self, team: Team, status: str) -> str:
        for state in self.state.states_of(team.id):
            if status.lower() in (state.name.lower(), state.type):
                return state.id
        raise LookupError(f"team {team.key} has no status {status!r}")

    def _asked(self, change: Callable[[], T]) -> T:
        """A person's change; a refusal of the tracker becomes the control page's own."""
        try:
            return change()
        except LinearError as refusal:
            raise ValueError(refusal.message) from refusal

    def _view(self, issue: Issue) -> dict[str, Any]:
        state = self.state
        cycle = state.cycles.get(issue.cycle_id or "")
        return {
            "id": issue.id,
            "key": issue.identifier,
            "project": state.teams[issue.team_id].key,
            "title": issue.title,
            "body": issue.description or "",
            "type": None,
            "status": state.states[issue.state_id].name,
            "priority": issue.priority_label if issue.priority else None,
            "points": issue.estimate,
            "sprint": cycle.number if cycle else None,
            "parent": state.issues[issue.parent_id].identifier if issue.parent_id in state.issues else None,
            "blocked_by": [state.issues[row.issue_id].identifier for row in state.blockers_of(issue.id)],
            "labels": [state.labels[id].name for id in issue.label_ids],
            "bot_labels": [state.labels[id].name for id in issue.label_ids if id in issue.bot_label_ids],
            "comments": [self._comment_view(comment) for comment in state.comments_on(issue.id)],
            "subscribers": [state.users[id].name for id in issue.subscriber_ids],
            "trashed": bool(issue.trashed),
            "created": iso(issue.created_at),
            "updated": iso(issue.updated_at),
        }

    def _comment_view(self, comment: Comment) -> dict[str, Any]:
        author = self.state.user_of(comment.user_id)
        return {
            "id": comment.id,
            "author": author.name if author else "",
            "body": comment.body,
            "internal": False,
            "created": iso(comment.created_at),
            "updated": iso(comment.updated_at),
        }

    def _cycle_view(self, cycle: Cycle) -> dict[str, Any]:
        return {
            "id": cycle.id,
            "project": self.state.teams[cycle.team_id].key,
            "number": cycle.number,
            "name": cycle.name,
            "starts": iso(cycle.starts_at),
            "ends": iso(cycle.ends_at),
            "state": "past" if cycles.is_past(cycle) else "active" if cycles.is_active(cycle) else "future",
        }


def _priority(wish: Any) -> int:
    if isinstance(wish, str):
        names = [name.lower() for name in PRIORITIES]
        if wish.lower() not in names:
            raise ValueError(f"unknown priority {wish!r}; known: {', '.join(PRIORITIES)}")
        return names.index(wish.lower())
    return int(wish)


def _label_view(label: Label) -> dict[str, Any]:
    return {"id": label.id, "name": label.name, "group": label.is_group, "team": label.team_id}
