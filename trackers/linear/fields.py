"""Reading a Linear issue, as the API answers it and as webhooks carry it.

The two shapes differ: the API nests (``labels { nodes }``, ``creator { app }``), a webhook is flat
(``labelIds`` beside ``labels``, ``creatorId``) and leaves empty fields out. Shapes after
``IssueWebhookPayload`` and ``Issue`` of the schema in github.com/linear/linear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackers.errors import ServerFault
from trackers.model import AuthorKind, Identity, Issue, Label, Refused, RefusedBecause
from trackers.reading import ident, items, mapping, moment, number, reference, text

_PRIORITIES = {1: "Urgent", 2: "High", 3: "Medium", 4: "Low"}

_INWARD_SOURCES = frozenset({"airbyte", "githubImport", "mcpServer", "mcpServerPersonal"})
"""Sources that put issues in and read nothing back: importers, and assistants acting for a person."""

_NO_GROUPS: Mapping[str, str] = {}


def issue_from_json(
    data: Mapping[str, Any], *, url: str | None = None, groups: Mapping[str, str] = _NO_GROUPS
) -> Issue:
    """The issue told by a webhook's ``data`` or by the API's ``issue``.

    Absent and null fields read alike: title and body become ``""``, the rest ``None`` or empty.
    ``url`` is the envelope's, for recordings whose data has none. ``groups`` gives label groups
    by id, because a webhook names a label's group by ``parentId`` alone; without it such a label
    reads as one without a group.
    Raises Refused (WRONG_SHAPE) when there is no usable id.
    """
    id_ = reference(data.get("id"))
    if id_ is None:
        raise Refused(
            RefusedBecause.WRONG_SHAPE, "The Linear issue has no usable id; expected a UUID in data.id."
        )
    team = team_key(data) or ""
    return Issue(
        id=id_,
        key=_identifier(data, team),
        project=team,
        title=text(data.get("title")) or "",
        body=text(data.get("description")) or "",
        type=None,
        priority=_PRIORITIES.get(int(number(data.get("priority")) or 0)),
        components=(),
        labels=labels_of(data, groups),
        author=_author(data),
        created=moment(data.get("createdAt")),
        updated=moment(data.get("updatedAt")),
        url=text(data.get("url")) or url,
        synced_outside=_synced_outside(data),
        team_id=reference(mapping(data.get("team")).get("id")) or reference(data.get("teamId")),
        resolved=mapping(data.get("state")).get("type") == "completed",
    )


def identity_from_json(viewer: Mapping[str, Any]) -> Identity:
    """Whose credentials these are. Raises ServerFault when Linear does not say."""
    id_ = text(viewer.get("id"))
    if id_ is None:
        raise ServerFault("Linear does not say who the credentials belong to.")
    return Identity(id_, text(viewer.get("displayName")) or "", bool(viewer.get("app")))


def team_key(data: Mapping[str, Any]) -> str | None:
    """The team's key, from the team or, where that is missing, from the issue's identifier."""
    return ident(mapping(data.get("team")).get("key")) or identifier_prefix(data.get("identifier"))


def identifier_prefix(identifier: object) -> str | None:
    """``ENG`` for ``ENG-12``; ``None`` when the value is not an identifier."""
    prefix, dash, _ = (text(identifier) or "").rpartition("-")
    return ident(prefix) if dash else None


def _identifier(data: Mapping[str, Any], team: str) -> str:
    """Old bodies have no identifier, but both of its parts."""
    if found := ident(data.get("identifier")):
        return found
    count = number(data.get("number"))
    return f"{team}-{count:.0f}" if team and count is not None and 0 < count < 1e9 else ""


def labels_of(data: Mapping[str, Any], groups: Mapping[str, str] = _NO_GROUPS) -> tuple[Label, ...]:
    """The labels told in full, then those told by id alone, which go by their id for a name."""
    told = data.get("labels")
    found: dict[str, Label] = {}
    for entry in items(mapping(told).get("nodes") if isinstance(told, dict) else told):
        label = mapping(entry)
        if id_ := reference(label.get("id")):
            found[id_] = Label(id_, text(label.get("name")) or id_, _group(label, groups))
    for entry in items(data.get("labelIds")):
        if (id_ := reference(entry)) and id_ not in found:
            found[id_] = Label(id_, id_)
    return tuple(found.values())


def _group(label: Mapping[str, Any], groups: Mapping[str, str]) -> str | None:
    parent = mapping(label.get("parent"))
    told = text(parent.get("name"))
    return told or groups.get(ident(parent.get("id")) or ident(label.get("parentId")) or "")


def _author(data: Mapping[str, Any]) -> AuthorKind:
    """Who filed the issue. An external user is outside the workspace, hence a customer.

    Only the API says of a creator whether it is an app. A webhook does not; there a bot beside
    the creator is the better evidence.
    """
    if data.get("externalUserCreator") or data.get("externalUserCreatorId"):
        return AuthorKind.CUSTOMER
    creator = mapping(data.get("creator"))
    if isinstance(app := creator.get("app"), bool):
        return AuthorKind.APP if app else AuthorKind.PERSON
    if data.get("botActor"):
        return AuthorKind.APP
    return AuthorKind.PERSON if creator or data.get("creatorId") else AuthorKind.UNKNOWN


def _synced_outside(data: Mapping[str, Any]) -> bool:
    """Whether a comment on the issue might be read outside the workspace; in doubt, yes.

    ``syncedWith`` says so outright; an issue that came from an integration or from an external
    user may have a thread there, unless its source is one that reads nothing back.
    """
    if data.get("syncedWith") or data.get("externalUserCreator") or data.get("externalUserCreatorId"):
        return True
    source = text(data.get("integrationSourceType"))
    return bool(source) and source not in _INWARD_SOURCES
