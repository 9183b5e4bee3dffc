"""The bodies and headers of the toy Jira's webhooks.

Shapes are those of recorded bodies (developer.atlassian.com/cloud/jira/platform/webhooks): sprint
events name no user, comment events on Cloud carry a trimmed issue and on Data Center none, and
Data Center tells each comment a second time as an issue update without changelog.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from sandbox.jira.hooks import Hooks
from sandbox.jira.model import Comment, History, Issue, User
from sandbox.jira.shapes import JSON
from sandbox.jira.state import State
from sandbox.jira.views import Views
from sandbox.sender import Sender, Target

_TRIMMED = ("summary", "issuetype", "project", "assignee", "priority", "status")
_TWINS = {
    "comment_created": "issue_commented",
    "comment_updated": "issue_comment_edited",
    "comment_deleted": "issue_comment_deleted",
}
P = ParamSpec("P")
_RETRIED = frozenset({408, 409, 425, 429})


def sign(body: bytes, target: Target) -> dict[str, str]:
    """The signature header: HMAC-SHA256 of the raw body, in WebSub's form."""
    digest = hmac.new(target.secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature": f"sha256={digest}"}


def retry_on(status: int) -> bool:
    """Which answers Jira tries again: timeouts, conflicts, too early, too many, server errors.

    Source: community.developer.atlassian.com, the new Jira Cloud webhook retry policy (30554).
    """
    return status in _RETRIED or status >= 500


def _heard(tell: Callable[Concatenate[Webhooks, P], None]) -> Callable[Concatenate[Webhooks, P], None]:
    """Where nobody listens no body is written: thousands of issues change in seconds."""

    def told(self: Webhooks, /, *what: P.args, **how: P.kwargs) -> None:
        if self.is_heard:
            tell(self, *what, **how)

    return told


class Webhooks:
    """Tells the sender of each change, as ``state.Teller``."""

    def __init__(self, state: State, sender: Sender, hooks: Hooks) -> None:
        self._state = state
        self._shapes = state.shapes
        self._sender = sender
        self._hooks = hooks

    @property
    def is_heard(self) -> bool:
        return self._hooks.are_there

    @_heard
    def issue_created(self, issue: Issue, actor: User, entry: History) -> None:
        """``jira:issue_created``; only Cloud adds a changelog."""
        body = self._issue_body("issue_created", issue, actor)
        if self._state.config.cloud:
            body["changelog"] = self._changelog(entry)
        self._send("jira:issue_created", body, issue)

    @_heard
    def issue_updated(self, issue: Issue, actor: User, entry: History, kind: str, cascade: bool) -> None:
        """``jira:issue_updated`` with its changelog; ``cascade`` marks the fallout of another change."""
        body = self._issue_body(kind, issue, actor) | {"changelog": self._changelog(entry)}
        self._send("jira:issue_updated", body, issue, "Secondary" if cascade else "Primary")

    @_heard
    def issue_deleted(self, issue: Issue, actor: User) -> None:
        """``jira:issue_deleted``: no changelog, no event type name."""
        body = {"user": self._shapes.user(actor), "issue": self._issue(issue)}
        self._send("jira:issue_deleted", body, issue)

    @_heard
    def comment(self, event: str, issue: Issue, comment: Comment, actor: User) -> None:
        """``comment_*``; on Data Center also the twin ``jira:issue_updated``."""
        body: JSON = {"comment": self._shapes.comment(comment)}
        if self._state.config.cloud:
            whole = self._issue(issue)
            whole["fields"] = {name: whole["fields"][name] for name in _TRIMMED}
            self._send(event, body | {"issue": whole}, issue)
            return
        if event != "comment_created":
            body["user"] = self._shapes.user(actor)
        self._send(event, body, issue)
        self._send("jira:issue_updated", self._issue_body(_TWINS[event], issue, actor) | body, issue)

    @_heard
    def sprint(self, event: str, sprint: JSON, old: JSON | None = None) -> None:
        """``sprint_*``: the sprint alone, and the one before on an update."""
        body: JSON = {"sprint": _without_created(sprint)}
        if old is not None:
            body["oldValue"] = _without_created(old)
        self._send(event, body)

    @_heard
    def property_set(self, issue: Issue, key: str, value: Any, actor: User) -> None:
        """``issue_property_set``. No recording of its body is known; this is the plainest reading."""
        whole = self._issue(issue)
        del whole["fields"]
        body = {"user": self._shapes.user(actor), "issue": whole, "property": {"key": key, "value": value}}
        self._send("issue_property_set", body, issue)

    def _issue_body(self, kind: str, issue: Issue, actor: User) -> JSON:
        user = self._shapes.user(actor)
        return {"issue_event_type_name": kind, "user": user, "issue": self._issue(issue)}

    def _issue(self, issue: Issue) -> JSON:
        fields = self._shapes.issue_fields(issue, self._state.parent(issue), self._state.linked(issue))
        if not self._state.config.cloud:
            fields["comment"] = Views(self._state).comments(issue, 0, self._state.config.page_size)
        return {
            "id": issue.id,
            "self": self._shapes.link(f"issue/{issue.id}"),
            "key": issue.key,
            "fields": fields,
        }

    def _changelog(self, entry: History) -> JSON:
        return {"id": entry.id, "items": [self._shapes.change(item) for item in entry.items]}

    def _send(self, event: str, body: JSON, issue: Issue | None = None, flow: str = "Primary") -> None:
        timestamp = int(self._state.now().timestamp() * 1000)
        whole = {"timestamp": timestamp, "webhookEvent": event} | body
        written = json.dumps(whole, ensure_ascii=False).encode()
        for target, is_bare in self._hooks.targets(event, issue):
            self._sender.send(event, b"" if is_bare else written, self._headers(flow), target)

    def _headers(self, flow: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "Atlassian Webhook HTTP Client"}
        if self._state.config.cloud:
            headers["X-Atlassian-Webhook-Identifier"] = str(uuid.uuid4())
            headers["X-Atlassian-Webhook-Flow"] = flow
        return headers


def _without_created(sprint: JSON) -> JSON:
    return {key: value for key, value in sprint.items() if key != "createdDate"}
