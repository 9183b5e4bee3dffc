"""Webhooks as an administrator registers them by REST: where events go, besides the one made by hand.

Sources: developer.atlassian.com, "Webhooks" (Cloud and Data Center before 10: ``/rest/webhooks/1.0``);
Data Center from 10 on has them at ``/rest/jira-webhook/1.0``, says ``active`` for ``enabled`` and takes
the secret under ``configuration``; one at the top it passes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, json_body
from sandbox.jira.jql import Test
from sandbox.jira.model import Issue
from sandbox.jira.search import read_query
from sandbox.jira.shapes import JSON
from sandbox.sender import Sender, Target

_OLD, _NEW = "/rest/webhooks/1.0/webhook", "/rest/jira-webhook/1.0/webhooks"
_BY_HAND = "1"
_SECTION = "issue-related-events-section"
_KEYS = {"name", "url", "events", "filters", "excludeBody", "secret"}
_OLD_KEYS = _KEYS | {"enabled"}
_NEW_KEYS = _KEYS | {"id", "active", "scopeType", "configuration", "sslVerificationRequired"}


@dataclass(slots=True)
class Hook:
    """A registered webhook."""

    id: str
    name: str
    url: str
    events: list[str]
    filters: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    enabled: bool = True
    exclude_body: bool = False
    matches: Test | None = None
    """What an issue must be for its events to be sent; None takes all."""


class Hooks:
    """All webhooks of a site, the one made by hand first."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._by_hand = True
        self.registered: dict[str, Hook] = {}

    @property
    def are_there(self) -> bool:
        """Whether anybody listens."""
        return bool(self.registered) or self._sender.target is not None

    def targets(self, event: str, issue: Issue | None) -> list[tuple[Target, bool]]:
        """Where an event goes, each with whether its body is left out."""
        by_hand = self._sender.target if self._by_hand else None
        found = [(by_hand, False)] if by_hand else []
        for hook in self.registered.values():
            wanted = issue is None or hook.matches is None or hook.matches(issue)
            if hook.enabled and event in hook.events and wanted:
                found.append((Target(hook.url, hook.secret), hook.exclude_body))
        return found

    def all(self) -> list[Hook]:
        """Each as it is."""
        target = self._sender.target
        if target is None:
            return [*self.registered.values()]
        by_hand = Hook(
            _BY_HAND, "Made by hand", target.url, [*_EVENTS], secret=target.secret, enabled=self._by_hand
        )
        return [by_hand, *self.registered.values()]

    def get(self, id_: str) -> Hook:
        """One by its id."""
        for hook in self.all():
            if hook.id == id_:
                return hook
        raise LookupError(f"there is no webhook {id_}")

    def switch(self, id_: str, enabled: bool) -> None:
        """Switch one on or off."""
        if id_ == _BY_HAND:
            self._by_hand = enabled
        else:
            self.get(id_).enabled = enabled


_EVENTS = (
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issue_property_set",
    "sprint_created",
    "sprint_updated",
    "sprint_started",
    "sprint_closed",
    "sprint_deleted",
)


def add_hooks(api: Api, hooks: Hooks) -> None:
    """Serve the endpoints, at the address of the release that is played."""
    is_new = not api.config.cloud and api.config.version[0] >= 10
    path = _NEW if is_new else _OLD

    @api.route("GET", path, "webhooks")
    def listed() -> Any:
        _admit(api)
        return [_shown(hook, path) for hook in hooks.all()]

    @api.route("POST", path, "webhooks")
    def register() -> Any:
        _admit(api)
        hook = Hook(api.state.next_id("webhook", 2), "", "", [])
        _apply(api, hook, _body(path))
        if not hook.name or not hook.url or not hook.events:
            raise ApiError(400, "A webhook needs a name, a url and events.")
        hooks.registered[hook.id] = hook
        g.detail |= {"url": hook.url}
        return _shown(hook, path), 201

    _add_one(api, hooks, path)


def _add_one(api: Api, hooks: Hooks, path: str) -> None:
    @api.route("GET", f"{path}/<id_>", "webhook")
    def read(id_: str) -> Any:
        _admit(api)
        return _shown(hooks.get(id_), path)

    @api.route("PUT", f"{path}/<id_>", "webhook")
    def change(id_: str) -> Any:
        _admit(api)
        hook = hooks.get(id_)
        _apply(api, hook, _body(path))
        hooks.switch(id_, hook.enabled)
        return _shown(hook, path)

    @api.route("DELETE", f"{path}/<id_>", "webhook")
    def remove(id_: str) -> Any:
        _admit(api)
        hooks.registered.pop(hooks.get(id_).id, None)
        return HTTPStatus.NO_CONTENT


def _admit(api: Api) -> None:
    if not api.config.may_webhooks:
        raise ApiError(403, "Only an administrator of Jira may see or change webhooks.")


def _shown(hook: Hook, path: str) -> JSON:
    told: JSON = {"name": hook.name, "url": hook.url, "events": hook.events}
    if path == _NEW:
        settings = {"EXCLUDE_BODY": str(hook.exclude_body).lower()}
        told["filters"] = hook.filters
        more = {"active": hook.enabled, "scopeType": "global", "configuration": settings}
        return {"id": int(hook.id), **told, **more}
    return {
        "self": f"{request.host_url.rstrip('/')}{path}/{hook.id}",
        **told,
        "filters": hook.filters,
        "excludeBody": hook.exclude_body,
        "enabled": hook.enabled,
        "isSigned": bool(hook.secret),
    }


def _body(path: str) -> JSON:
    """What was sent, in the words of the older address."""
    body = json_body()
    if unknown := sorted(set(body) - (_NEW_KEYS if path == _NEW else _OLD_KEYS)):
        raise ApiError(400, f"Unknown keys: {', '.join(unknown)}.")
    if path == _OLD:
        return body
    settings = body.get("configuration") or {}
    body["secret"] = settings.get("SECRET")
    body["excludeBody"] = settings.get("EXCLUDE_BODY") == "true"
    return body | ({"enabled": body["active"]} if "active" in body else {})


def _apply(api: Api, hook: Hook, body: Mapping[str, Any]) -> None:
    hook.name, hook.url = str(body.get("name", hook.name)), str(body.get("url", hook.url))
    hook.events = [str(event) for event in body.get("events", hook.events)]
    if other := sorted(set(hook.events) - set(_EVENTS)):
        raise ApiError(400, f"Unknown events: {', '.join(other)}.")
    hook.filters = dict(body.get("filters") or hook.filters)
    text = hook.filters.get(_SECTION)
    hook.matches = read_query(api, text).test if text else None
    hook.exclude_body = bool(body.get("excludeBody", hook.exclude_body))
    hook.secret = str(body.get("secret") or hook.secret)
    hook.enabled = bool(body.get("enabled", hook.enabled))
