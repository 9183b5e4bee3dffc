"""What the changelog of a webhook says was edited. Pure.

The forms of each field are those of recorded bodies; see ChangeDetails in developer.atlassian.com, Jira
Cloud platform REST API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trackers.jira.fields import key_prefix, open_ids, sprint_ids, sprints_in, sprints_of
from trackers.model import component_label
from trackers.reading import mapping, text

_SYSTEM_FIELDS = {
    "summary": "title",
    "description": "description",
    "labels": "labels",
    "components": "components",
    "component": "components",
    "issuetype": "type",
    "issue type": "type",
    "priority": "priority",
    "status": "status",
    "resolution": "status",
    "assignee": "assignee",
    "project": "project",
    "key": "project",
    "parent": "parent",
    "issueparentassociation": "parent",
    "timeoriginalestimate": "points",
}
"""System fields by ``fieldId`` or, on Data Center, by lower-case ``field``."""

_CUSTOM_FIELDS = {
    "sprint": "sprint",
    "epic link": "parent",
    "story points": "points",
    "story point estimate": "points",
}
"""Fields that Jira's own products add as custom fields, by lower-case ``field``."""

_WATCHED = frozenset({"title", "description", "project", "labels", "components", "status"})
_COUNTED = frozenset({"points", "status", "description", "type", "parent", "project"})
"""What the figures of a sprint depend on. Labels are not among them: ours must not have it read again."""
_NUMBER = re.compile(r"-?[0-9]{1,12}([.,][0-9]{1,12})?").fullmatch


class Edits:
    """The items of a changelog, taken together."""

    __slots__ = (
        "fields",
        "has_number",
        "labels_added",
        "labels_removed",
        "old_projects",
        "sprints_joined",
        "sprints_left",
    )

    def __init__(self, changelog: list[Any], issue: Mapping[str, Any]) -> None:
        self.fields: list[str] = []
        self.labels_added: list[str] = []
        self.labels_removed: list[str] = []
        self.old_projects: list[str] = []
        self.sprints_joined: list[str] = []
        self.sprints_left: list[str] = []
        self.has_number = False
        """A custom field with a number changed: whether it is the board's estimate, only the site knows."""
        for entry in changelog:
            item = mapping(entry)
            field = _field(item, issue)
            if field is None:
                continue
            self.fields.append(field)
            self.has_number = self.has_number or _is_number(item)
            if field == "labels":
                self._read_labels(item)
            elif field == "components":
                self._read_component(item)
            elif field == "sprint":
                self._read_sprints(item, issue)
            elif field == "project":
                self._read_project(item)

    @property
    def are_watched(self) -> bool:
        """A label taken off may be a person's no to ours; one put on may settle what we suggested; an
        issue resolved with ours still on it is a yes."""
        return not _WATCHED.isdisjoint(self.fields)

    @property
    def are_counted(self) -> bool:
        """Whether the figures of a sprint may be others now."""
        return self.has_number or not _COUNTED.isdisjoint(self.fields)

    def _read_labels(self, item: Mapping[str, Any]) -> None:
        before = [label for label in (text(item.get("fromString")) or "").split(" ") if label]
        after = [label for label in (text(item.get("toString")) or "").split(" ") if label]
        self.labels_added += _without(after, before)
        self.labels_removed += _without(before, after)

    def _read_component(self, item: Mapping[str, Any]) -> None:
        # One item for each component, which stands among the labels from here on.
        before, after = text(item.get("fromString")), text(item.get("toString"))
        self.labels_added += [component_label(after).id] if after else []
        self.labels_removed += [component_label(before).id] if before else []

    def _read_sprints(self, item: Mapping[str, Any], issue: Mapping[str, Any]) -> None:
        """Both sides list every sprint of the issue, closed ones too: only the difference is news
        (support.atlassian.com, notification when an issue is added to or removed from a sprint).
        """
        before, after = sprint_ids(item.get("from")), sprint_ids(item.get("to"))
        if not before and not after and text(item.get("toString")):
            # Some bodies name the sprints without their ids; the issue's own field has them.
            after = open_ids(sprints_of(issue))
        self.sprints_joined += _without(after, before)
        self.sprints_left += _without(before, after)

    def _read_project(self, item: Mapping[str, Any]) -> None:
        # A move has an item for the project, which gives its name, and one for the issue's key.
        old = key_prefix(item.get("fromString")) if _lower(item.get("field")) == "key" else None
        self.old_projects += [key for key in (old, text(item.get("fromString"))) if key]


def _field(item: Mapping[str, Any], issue: Mapping[str, Any]) -> str | None:
    """The changed field in our words where we have one, else in Jira's own.

    Cloud gives a ``fieldId``; Data Center gives only ``field``, in varying case. A custom field
    may bear the name of a system field, so the two are never mixed up.
    """
    field_id, field = text(item.get("fieldId")), text(item.get("field"))
    is_custom = item.get("fieldtype") == "custom" or (field_id or "").startswith("customfield_")
    if not is_custom and (known := _SYSTEM_FIELDS.get(_lower(field_id)) or _SYSTEM_FIELDS.get(_lower(field))):
        return known
    if known := _CUSTOM_FIELDS.get(_lower(field)):
        return known
    if is_custom and field_id and sprints_in(mapping(issue.get("fields")).get(field_id)):
        return "sprint"
    return field or field_id


def _lower(value: object) -> str:
    return (text(value) or "").lower()


def _is_number(item: Mapping[str, Any]) -> bool:
    """Whether an item is of a custom number field: the values stand in the texts alone."""
    sides = [text(item.get(name)) or "" for name in ("fromString", "toString")]
    told = [side for side in sides if side]
    has_ids = item.get("from") is not None or item.get("to") is not None
    is_custom = item.get("fieldtype") == "custom"
    return is_custom and not has_ids and bool(told) and all(map(_NUMBER, told))


def _without(values: list[str], others: list[str]) -> list[str]:
    gone = set(others)
    return [value for value in values if value not in gone]
