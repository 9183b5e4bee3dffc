"""Jira's webhooks as an administrator has them: those there are, and ours.

Sources: developer.atlassian.com, "Webhooks" (Cloud, and Data Center before 10, at
``/rest/webhooks/1.0/webhook``). Data Center 10 and later have them at ``/rest/jira-webhook/1.0/webhooks``,
say ``active`` for ``enabled``, take the secret under ``configuration`` and pass over it anywhere else.
Neither address is in a vendor's OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from trackers.errors import Forbidden, Gone, ServerFault, Unauthorized
from trackers.jira.client import JiraClient
from trackers.jira.paging import in_projects
from trackers.probe import Hook, HookWish
from trackers.reading import ident, items, mapping, reference, text

NAME: Final = "Sprintwarden"
_ISSUES: Final = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted")
_SPRINTS: Final = ("sprint_created", "sprint_updated", "sprint_started", "sprint_closed", "sprint_deleted")
_OLD: Final = "/rest/webhooks/1.0/webhook"
_NEW: Final = "/rest/jira-webhook/1.0/webhooks"
_FILTER: Final = "issue-related-events-section"
_LIST: Final = re.compile(r"(?i:project\s+in)\s*\(([^()]*)\)").fullmatch
_KEY: Final = re.compile(r'\s*("?)([A-Z][A-Z0-9_]*)\1\s*').fullmatch
"""The filter that ``register`` makes. Other JQL is not read: a name in small letters may be no key."""
_KEPT: Final = ("name", "url", "events", "filters", "excludeBody", "scopeType", "configuration")
"""What is sent back unchanged when a webhook is switched on; Jira keeps the secret itself."""


class JiraHooks:
    """The webhooks of one site."""

    def __init__(self, client: JiraClient, *, is_new: bool) -> None:
        """``is_new`` for Data Center from release 10 on."""
        # Some releases answer 401 to whoever is no administrator, however good the credentials.
        self._call = partial(client.call, refuses_alone=True)
        self._is_new = is_new
        self._path = _NEW if is_new else _OLD

    def all(self) -> tuple[Hook, ...] | None:
        """See ``trackers.probe.Probe.hooks``."""
        try:
            listed = items(self._call("GET", self._path))
        except (Forbidden, Gone, Unauthorized):
            return None
        return tuple(hook for raw in listed if (hook := _hook(mapping(raw))) is not None)

    def register(self, url: str, secret: str, places: Sequence[str], sprints: bool) -> Hook:
        """See ``trackers.probe.Probe.register``. Events of issues are those of ``places`` alone."""
        body: dict[str, Any] = {
            "name": NAME,
            "url": url,
            "events": list(wanted_events(sprints)),
            "filters": {_FILTER: in_projects(places)} if places else {},
        }
        if self._is_new:
            settings = {"SECRET": secret, "EXCLUDE_BODY": "false"}
            body |= {"active": True, "scopeType": "global", "configuration": settings}
        else:
            body |= {"excludeBody": False, "secret": secret}
        try:
            made = _hook(mapping(self._call("POST", self._path, body=body)))
        except (Gone, Unauthorized) as error:
            raise Forbidden("Jira does not let the account make webhooks.") from error
        if made is None:
            raise ServerFault("Jira took a webhook but did not say its id.")
        return made

    def enable(self, hook: Hook) -> None:
        """See ``trackers.probe.Probe.enable``."""
        one, path = self._path + "/{hook}", {"hook": hook.id}
        raw = mapping(self._call("GET", one, path=path))
        switch = "active" if "active" in raw else "enabled"
        body = {name: raw[name] for name in _KEPT if name in raw} | {switch: True}
        self._call("PUT", one, path=path, body=body)


def wanted_events(sprints: bool) -> tuple[str, ...]:
    """The events that are read; see ``trackers.jira.webhook``."""
    return (*_ISSUES, *(_SPRINTS if sprints else ()))


def by_hand(site: str, wish: HookWish, *, cloud: bool) -> str:
    """What an administrator of Jira clicks to make the webhook, a line a step."""
    way = "the cog > System > WebHooks" if cloud else "the cog > System > Advanced > WebHooks"
    steps = [
        f"Open {site}/plugins/servlet/webhooks ({way}) as an administrator of Jira; choose Create a WebHook.",
        f"Name: {NAME}. Status: Enabled. URL: {_address(wish)}",
        _secret(wish, cloud=cloud),
        f"Issue related events, JQL: {in_projects(wish.places)}",
        "Issue: tick created, updated and deleted. Leave comments, worklogs and the rest unticked.",
    ]
    if wish.sprints:
        steps.append("Sprint: tick created, updated, started, closed and deleted.")
    steps.append("Leave Exclude body unticked. Choose Create.")
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def _address(wish: HookWish) -> str:
    """Where it sends to; a proof that is no signature stands in the address."""
    scheme, _, rest = wish.url.partition("://")
    match wish.proof:
        case "basic":
            return f"{scheme}://{wish.user}:SECRET@{rest}"
        case "token":
            return f"{wish.url}?token=SECRET"
    return wish.url


def _secret(wish: HookWish, *, cloud: bool) -> str:
    if wish.proof != "signature":
        chosen = wish.secret if wish.there else f"a secret of your choice that becomes {wish.secret}"
        return f"For SECRET in that address write {chosen}. Leave the field Secret, if there is one, empty."
    chosen = wish.secret if wish.there else f"one of your choice, which becomes {wish.secret}"
    if cloud:
        return f"Secret: {chosen}."
    return (
        f"Secret: {chosen}. (Before release 10 Jira has no such field: run connect with --hook-auth "
        "token, or basic.)"
    )


def _hook(raw: Mapping[str, Any]) -> Hook | None:
    """A webhook as listed; older releases name its id in its own address alone."""
    address = (text(raw.get("self")) or "").rstrip("/").rpartition("/")[2]
    id_ = reference(raw.get("id")) or reference(address)
    url = text(raw.get("url"))
    if id_ is None or url is None:
        return None
    settings = mapping(raw.get("configuration"))
    signed = True if "SECRET" in settings else raw.get("isSigned")
    query = (text(mapping(raw.get("filters")).get(_FILTER)) or "").strip()
    covers = _named(query)
    return Hook(
        id=id_,
        name=text(raw.get("name")) or "",
        url=url,
        enabled=raw.get("enabled", raw.get("active")) is not False,
        events=tuple(event for event in map(ident, items(raw.get("events"))) if event),
        signed=signed if isinstance(signed, bool) else None,
        covers=covers,
        remark=f"its JQL is “{query[:300]}”" if query and covers is None else None,
        bodiless=raw.get("excludeBody") is True or str(settings.get("EXCLUDE_BODY")).lower() == "true",
    )


def _named(query: str) -> frozenset[str] | None:
    """The projects a filter lets through; None where it is empty, or says more than their keys."""
    listed = _LIST(query)
    keys = [_KEY(part) for part in listed[1].split(",")] if listed else []
    return frozenset(key[2] for key in keys if key) if keys and all(keys) else None
