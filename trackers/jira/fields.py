"""Reading a Jira issue, as REST v2 answers it and as webhooks carry it (the shapes are one).

Shapes after developer.atlassian.com, "Get issue" of the Jira Cloud platform REST API v2; text
fields are wiki text there. Data Center differs in its users: they have no ``accountType``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from trackers.model import AuthorKind, Issue, Label, Refused, RefusedBecause
from trackers.reading import ident, items, mapping, moment, reference, text

_AUTHORS = {
    "atlassian": AuthorKind.PERSON,
    "app": AuthorKind.APP,
    "customer": AuthorKind.CUSTOMER,
}

_SPRINT_STATES = frozenset({"active", "future", "closed"})
_SPRINT_CLASS = "greenhopper.service.sprint.Sprint"
# The attributes come in two orders: id first, or sorted by name so that the goal comes before the
# id. Name and goal are free text that may itself look like an attribute, hence two patterns.
_ID_FIRST = re.compile(r"\[id=([0-9]{1,20}),").search
_ID_SORTED = re.compile(r",id=([0-9]{1,20}),name=").search
_STATES = re.compile(r"[\[,]state=(active|future|closed)(?=[,\]])", re.IGNORECASE).findall
_BOARDS = re.compile(r"[\[,]rapidViewId=([0-9]{1,20})(?=[,\]])").findall


class SprintRef(NamedTuple):
    """A sprint as an issue's field value names it."""

    id: str
    state: str
    """``active``, ``future`` or ``closed``."""
    board: str | None = None
    """The board it was made on, where the value tells."""

    @property
    def is_open(self) -> bool:
        return self.state != "closed"


def issue_from_json(issue: Mapping[str, Any], *, base_url: str | None = None) -> Issue:
    """The issue told by a REST v2 answer or by the ``issue`` of a webhook body.

    Absent and null fields read alike: title and body become ``""``, the rest ``None`` or empty.
    ``base_url`` is the site's address as configured; with it the issue gets a ``url`` (the body's
    own ``self`` is not dependable and never used).
    Raises Refused (WRONG_SHAPE) when there is no usable id.
    """
    id_ = issue_id(issue)
    if id_ is None:
        raise Refused(
            RefusedBecause.WRONG_SHAPE, "The Jira issue has no usable id; expected digits in issue.id."
        )
    fields = mapping(issue.get("fields"))
    project = mapping(fields.get("project"))
    key = ident(issue.get("key")) or ""
    return Issue(
        id=id_,
        key=key,
        project=project_key(issue) or "",
        title=text(fields.get("summary")) or "",
        body=text(fields.get("description")) or "",
        type=_name(fields.get("issuetype")),
        priority=_name(fields.get("priority")),
        components=tuple(name for item in items(fields.get("components")) if (name := _name(item))),
        labels=tuple(Label(label, label) for item in items(fields.get("labels")) if (label := text(item))),
        author=_author(fields),
        created=moment(fields.get("created")),
        updated=moment(fields.get("updated")),
        url=f"{base_url.rstrip('/')}/browse/{key}" if base_url and key else None,
        service_project=project.get("projectTypeKey") == "service_desk",
        resolved=_resolved(fields),
    )


def issue_id(issue: Mapping[str, Any]) -> str | None:
    """The issue's id, or ``None`` when it has none that could stand in an address."""
    return reference(issue.get("id"))


def project_key(issue: Mapping[str, Any]) -> str | None:
    """The project's key, from the project or, where that is missing, from the issue's own key."""
    project = mapping(mapping(issue.get("fields")).get("project"))
    return ident(project.get("key")) or key_prefix(issue.get("key"))


def key_prefix(key: object) -> str | None:
    """``ABC`` for ``ABC-12``; ``None`` when the value is not an issue key."""
    prefix, dash, _ = (text(key) or "").rpartition("-")
    return ident(prefix) if dash else None


def sprints_in(value: object) -> list[SprintRef]:
    """The sprints in a field's value, or nothing when it is not the sprint field.

    The field's id differs from site to site, so it is known by its shape: objects with ``id`` and
    ``state`` (Cloud since 2020) or the old text form of older sites and Data Center
    (developer.atlassian.com, deprecation notice on the toString form of sprints).
    """
    found = []
    for entry in items(value):
        if isinstance(entry, str):
            sprint = _sprint_from_text(entry) if _SPRINT_CLASS in entry[:200] else None
        else:
            sprint = _sprint_from_object(mapping(entry))
        if sprint is None:
            return []
        found.append(sprint)
    return found


def sprints_of(issue: Mapping[str, Any]) -> list[SprintRef]:
    """The sprints an issue was ever in, as its fields tell them."""
    fields = mapping(issue.get("fields"))
    return [sprint for value in fields.values() if isinstance(value, list) for sprint in sprints_in(value)]


def open_ids(sprints: Iterable[SprintRef]) -> list[str]:
    """The ids of those that are not closed."""
    return [sprint.id for sprint in sprints if sprint.is_open]


def is_person(user: object) -> bool:
    """Cloud tells apps by their account type; automations without an author are nobody."""
    person = mapping(user)
    return bool(person) and person.get("accountType") != "app"


def account(user: object) -> str | None:
    """How a user is named in an API: by account id on Cloud, by name or key on Data Center."""
    person = mapping(user)
    return text(person.get("accountId")) or text(person.get("name")) or text(person.get("key"))


def sprint_ids(value: object) -> list[str]:
    """The ids on one side of a changelog's Sprint item: a text of numbers with commas between them."""
    # A long list is longer than any one id, so text comes first.
    found = (part.strip() for part in (text(value) or ident(value) or "").split(","))
    return [part for part in found if part.isdecimal() and reference(part)]


def _sprint_from_object(entry: Mapping[str, Any]) -> SprintRef | None:
    id_ = reference(entry.get("id"))
    state = (text(entry.get("state")) or "").lower()
    if id_ is None or state not in _SPRINT_STATES:
        return None
    return SprintRef(id_, state, reference(entry.get("boardId")))


def _sprint_from_text(entry: str) -> SprintRef | None:
    states, boards = _STATES(entry), _BOARDS(entry)
    first = _ID_FIRST(entry)
    found, place = (first, 0) if first else (_ID_SORTED(entry), -1)
    if found is None or not states:
        return None
    return SprintRef(found[1], states[place].lower(), boards[place] if boards else None)


def _name(value: object) -> str | None:
    return text(mapping(value).get("name"))


def _resolved(fields: Mapping[str, Any]) -> bool:
    """A workflow may set the one without the other: a resolution, or a status of the category done."""
    category = mapping(mapping(fields.get("status")).get("statusCategory"))
    return bool(mapping(fields.get("resolution"))) or category.get("key") == "done"


def _author(fields: Mapping[str, Any]) -> AuthorKind:
    user = mapping(fields.get("creator")) or mapping(fields.get("reporter"))
    kind = text(user.get("accountType"))
    if kind is None:
        return AuthorKind.PERSON if user else AuthorKind.UNKNOWN
    return _AUTHORS.get(kind, AuthorKind.UNKNOWN)
