"""Webhooks: what each change looks like on the wire, and its way out.

Envelope, headers and signature: linear.app/developers/webhooks; the shapes of ``data`` are the
vendor schema's ``IssueWebhookPayload`` and its kin. Empty fields are left out of ``data``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.linear import cycles
from sandbox.linear.config import LinearConfig
from sandbox.linear.entities import Actor, Comment, Cycle, Event, Hook, Issue, Label, Row, User
from sandbox.linear.resolvers import comment_url, issue_url, site
from sandbox.linear.state import State, touched
from sandbox.linear.values import camel, iso, new_id, now_ms, stable_id
from sandbox.sender import Sender, Target

TYPES: dict[type[Row], str] = {Issue: "Issue", Comment: "Comment", Cycle: "Cycle", Label: "IssueLabel"}

_TOLD: dict[type[Row], str] = {
    Issue: "title description priority estimate label_ids state_id cycle_id project_id parent_id assignee_id "
    "added_to_cycle_at added_to_project_at started_at completed_at canceled_at sort_order updated_at",
    Comment: "body edited_at updated_at",
    Cycle: "name description starts_at ends_at completed_at updated_at",
    Label: "name color description updated_at",
}


def sign(body: bytes, target: Target) -> dict[str, str]:
    """The signature header: bare hex HMAC-SHA256 of the raw bytes."""
    return {"Linear-Signature": hmac.new(target.secret.encode(), body, hashlib.sha256).hexdigest()}


class HookSender(Sender):
    """A sender whose targets are the workspace's webhooks, as the API shows and changes them."""

    def __init__(self, state: State, config: LinearConfig) -> None:
        super().__init__(sign, config.webhook_retries)
        self._state = state
        self._aimed: Target | None = None
        self._later: set[threading.Timer] = set()
        self._later_lock = threading.Lock()

    def set_target(self, target: Target | None) -> None:
        """Register a webhook for all public teams at ``target`` and no other; None removes all."""
        with self._state.lock:
            self._state.hooks.clear()
            if target is not None:
                now = now_ms()
                hook = Hook(
                    id=stable_id("webhook"),
                    created_at=now,
                    updated_at=now,
                    url=target.url,
                    secret=target.secret,
                    resource_types=tuple(TYPES.values()),
                )
                self._state.hooks[hook.id] = hook
            self._aimed = target
            super().set_target(target)

    def enable(self, enabled: bool) -> None:
        """Switch the webhook, as Linear does to one whose URL stays unresponsive."""
        with self._state.lock:
            for hook in list(self._state.hooks.values()):
                self._state.hooks[hook.id] = replace(touched(hook), enabled=enabled)

    def publish(self, event: Event) -> None:
        """Queue the deliveries of one change. The caller holds the workspace's lock."""
        kind = TYPES.get(type(event.row))
        for hook in self._state.hooks.values():
            if kind not in hook.resource_types or not hook.enabled or not hook.url:
                continue
            if not self._covers(hook, _team_of(self._state, event.row)):
                continue
            self._aim(hook)
            body = envelope(self._state, hook, event)
            self.send(str(kind), json.dumps(body, ensure_ascii=False).encode(), headers(body))

    def _covers(self, hook: Hook, team_id: str | None) -> bool:
        """Whether a webhook is told what happens in a team; of private ones only their own are."""
        if hook.team_id is not None:
            return hook.team_id == team_id
        return team_id is None or self._state.teams[team_id].visibility != "private"

    def later(self, seconds: float, change: Callable[[], object]) -> None:
        """Run ``change`` after a while; until then it counts as pending."""

        def run() -> None:
            change()
            with self._later_lock:
                self._later.discard(timer)

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        with self._later_lock:
            self._later.add(timer)
        timer.start()

    def pending(self) -> int:
        """What waits or is under way, changes still to come included."""
        with self._later_lock:
            coming = len(self._later)
        return coming + super().pending()

    def close(self) -> None:
        """Give up what waits and end the threads."""
        with self._later_lock:
            for timer in self._later:
                timer.cancel()
            self._later.clear()
        super().close()

    def _aim(self, hook: Hook) -> None:
        aimed = self._aimed
        if aimed is None or (aimed.url, aimed.secret) != (hook.url, hook.secret or ""):
            self._aimed = Target(hook.url or "", hook.secret or "")
            super().set_target(self._aimed)


def headers(body: dict[str, Any]) -> dict[str, str]:
    """The unsigned headers of a delivery; they stay the same when it is tried again."""
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Accept-Charset": "utf-8",
        "User-Agent": "Linear-Webhook",
        "Linear-Delivery": new_id(),
        "Linear-Event": str(body["type"]),
        "Linear-Timestamp": str(body["webhookTimestamp"]),
    }


def envelope(state: State, hook: Hook, event: Event) -> dict[str, Any]:
    """The body of one delivery."""
    told_at = now_ms() - event.age_ms
    body: dict[str, Any] = {
        "action": event.action,
        "type": TYPES[type(event.row)],
        "actor": _actor(event.actor),
        "createdAt": iso(told_at),
        "data": _data(state, event.row),
    }
    if event.before is not None:
        body["updatedFrom"] = updated_from(event.before, event.row)
    if event.action != "remove":
        body["url"] = _url(state, event.row)
    body |= {
        "organizationId": state.organization_id,
        "webhookTimestamp": told_at,
        "webhookId": hook.id,
    }
    return body


def updated_from(before: Row, after: Row) -> dict[str, Any]:
    """The previous values of what an update changed, under the id-style names; None stays null."""
    old: dict[str, Any] = {}
    for name in _TOLD[type(after)].split():
        value = getattr(before, name)
        if value != getattr(after, name):
            old[camel(name)] = _plain(name, value)
    if "description" in old and isinstance(after, Issue):
        old["descriptionData"] = document(old["description"]) if old["description"] else None
    if isinstance(after, Issue) and ("stateId" in old or "cycleId" in old):
        old["sortOrder"] = after.sort_order
    return old


def document(markdown: str) -> str:
    """Markdown as the JSON text of an editor document, paragraph by paragraph."""
    content = [
        {"type": "paragraph", "content": [{"type": "text", "text": part}]}
        for part in markdown.split("\n\n")
        if part
    ]
    return json.dumps({"type": "doc", "content": content}, ensure_ascii=False, separators=(",", ":"))


def _team_of(state: State, row: Row) -> str | None:
    if isinstance(row, Comment):
        issue = state.issues.get(row.issue_id)
        return issue.team_id if issue else None
    return row.team_id if isinstance(row, (Issue, Cycle, Label)) else None


def _actor(actor: Actor) -> dict[str, Any] | None:
    user = actor.user
    if user is None:
        return None
    if user.app:
        return {"id": user.id, "type": "OauthClient", "name": user.name}
    return _user(user) | {"type": "user"}


def _user(user: User) -> dict[str, Any]:
    url = f"{site()}/profiles/{user.display_name}"
    return {"id": user.id, "name": user.name, "email": user.email, "url": url}


def _url(state: State, row: Row) -> str:
    if isinstance(row, Issue):
        return issue_url(row)
    if isinstance(row, Comment):
        return comment_url(state, row)
    if isinstance(row, Cycle):
        return f"{site()}/team/{state.teams[row.team_id].key}/cycle/{row.number}"
    return f"{site()}/settings/labels"


def _plain(name: str, value: Any) -> Any:
    if value is not None and name.endswith("_at"):
        return iso(value)
    return list(value) if isinstance(value, tuple) else value


def _fields(row: Row, names: str) -> dict[str, Any]:
    """Fields of a row as the wire has them, empty ones left out."""
    values = ((camel(name), _plain(name, getattr(row, name))) for name in names.split())
    return {name: value for name, value in values if value is not None}


def _data(state: State, row: Row) -> dict[str, Any]:
    if isinstance(row, Issue):
        return _issue(state, row)
    if isinstance(row, Comment):
        return _comment(state, row)
    if isinstance(row, Cycle):
        return _cycle(state, row)
    assert isinstance(row, Label)
    return _fields(
        row,
        "id created_at updated_at archived_at name color description is_group parent_id team_id creator_id",
    )


def _issue(state: State, row: Issue) -> dict[str, Any]:
    data = _fields(
        row,
        "id created_at updated_at archived_at identifier number title description priority priority_label "
        "estimate sort_order label_ids state_id team_id cycle_id project_id parent_id creator_id assignee_id "
        "subscriber_ids added_to_cycle_at added_to_project_at added_to_team_at started_at completed_at "
        "canceled_at trashed",
    )
    data |= {"prioritySortOrder": row.sort_order, "previousIdentifiers": [], "reactionData": []}
    data["url"] = issue_url(row)
    if row.description:
        data["descriptionData"] = document(row.description)
    for name, user in (("creator", row.creator_id), ("assignee", row.assignee_id)):
        if (found := state.user_of(user)) is not None:
            data[name] = _user(found)
    if row.cycle_id:
        data["cycle"] = _fields(state.cycles[row.cycle_id], "id number name starts_at ends_at")
    if row.project_id:
        data["project"] = _fields(state.projects[row.project_id], "id name")
    data["state"] = _fields(state.states[row.state_id], "id color name type")
    data["team"] = _fields(state.teams[row.team_id], "id key name")
    data["labels"] = [_fields(state.labels[id], "id color name parent_id") for id in row.label_ids]
    return data


def _comment(state: State, row: Comment) -> dict[str, Any]:
    data = _fields(
        row, "id created_at updated_at archived_at edited_at body issue_id parent_id user_id quoted_text"
    )
    data["reactionData"] = []
    issue = state.issues.get(row.issue_id)
    if issue is not None:
        data["issue"] = _fields(issue, "id title team_id identifier") | {"url": issue_url(issue)}
    if (user := state.user_of(row.user_id)) is not None:
        data["user"] = _user(user)
    return data


def _cycle(state: State, row: Cycle) -> dict[str, Any]:
    data = _fields(
        row,
        "id created_at updated_at archived_at number name description starts_at ends_at completed_at team_id",
    )
    figures = cycles.figures(state, row)
    data |= {camel(name): values for name, values in figures.items()}
    return data | {"uncompletedIssuesUponCloseIds": list(row.uncompleted_ids)}
