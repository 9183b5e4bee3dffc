"""Reading the bodies of issue creations and edits, as strictly as Jira does.

Rules of developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues: a field stands in
``fields`` or in ``update``, never in both; errors are told per field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sandbox.jira.api import ApiError
from sandbox.jira.model import PRIORITIES, TYPES, Issue, IssueType, Named, Project, Sprint, User
from sandbox.jira.sprints import Sprints
from sandbox.jira.state import Draft, State

_Thing = TypeVar("_Thing", bound=Named)

MAX_LABEL = 255
MAX_PROPERTY = 32_768
_SUMMARY = 255


class Reader:
    """Turns request bodies into checked values. Collects the errors of all fields, then raises ApiError."""

    def __init__(self, state: State, sprints: Sprints) -> None:
        self._state = state
        self._sprints = sprints
        fields = state.shapes.fields
        self._readers: dict[str, tuple[str, Callable[[Any, Project], Any]]] = {
            "summary": ("summary", _summary),
            "description": ("description", _description),
            "labels": ("labels", lambda value, _: _labels(value)),
            "components": ("components", _components),
            "priority": ("priority", lambda value, _: _one_of(PRIORITIES, value)),
            "issuetype": ("type", lambda value, _: _one_of(TYPES, value)),
            "assignee": ("assignee", lambda value, _: self._person(value)),
            fields.points: ("points", self._points_in(fields.points)),
            fields.sprint: ("sprint", lambda value, _: self._sprint(value)),
        }
        if fields.estimate:
            self._readers[fields.estimate] = ("points", self._points_in(fields.estimate))

    def edit(self, issue: Issue, body: Mapping[str, Any]) -> dict[str, Any]:
        """The new values that an edit asks for, by attribute."""
        fields, update = _object(body, "fields"), _object(body, "update")
        unknown = set(body) - {"fields", "update", "properties", "historyMetadata"}
        if unknown:
            raise ApiError(400, f"Unknown parts of the request: {', '.join(sorted(unknown))}.")
        errors = dict.fromkeys(set(fields) & set(update), "This field is both in fields and in update.")
        values: dict[str, Any] = {}
        for name, value in fields.items():
            self._read(name, value, issue.project, values, errors)
        for name, operations in update.items():
            if name not in errors:
                self._read(name, _Operations(operations), issue.project, values, errors, issue)
        if not errors and "sprint" in values:
            _try(
                lambda: self._sprints.check_move(issue, values["sprint"]),
                self._state.shapes.fields.sprint,
                errors,
            )
        if errors:
            raise ApiError(400, errors=errors)
        return values

    def draft(self, body: Mapping[str, Any]) -> Draft:
        """The issue that a creation asks for; project, issue type and summary are required."""
        fields = dict(_object(body, "fields"))
        errors: dict[str, str] = {}
        project = self._project(fields.pop("project", None), errors)
        for name in ("summary", "issuetype"):
            if not fields.get(name):
                errors[name] = f"{name} is required."
        parent = self._parent(fields.pop("parent", None), errors)
        values: dict[str, Any] = {}
        for name, value in fields.items():
            if name not in errors and project is not None:
                self._read(name, value, project, values, errors)
        kind = values.get("type")
        if isinstance(kind, IssueType) and kind.subtask and parent is None:
            errors["parent"] = "A sub-task needs a parent."
        sprint = values.get("sprint")
        if isinstance(sprint, Sprint) and sprint.state == "closed":
            errors[self._state.shapes.fields.sprint] = "An issue cannot be created in a closed sprint."
        if errors or project is None:
            raise ApiError(400, errors=errors)
        for name in ("labels", "components"):
            values[name] = tuple(values.get(name, ()))
        return Draft(project=project, parent=parent, **values)

    def properties(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The entity properties that ride in a request."""
        listed = body.get("properties", [])
        if not isinstance(listed, list) or not all(
            isinstance(item, dict) and "key" in item for item in listed
        ):
            raise ApiError(400, "properties must be a list of objects with key and value.")
        return {str(item["key"]): item.get("value") for item in listed}

    def _read(
        self,
        name: str,
        value: Any,
        project: Project,
        values: dict[str, Any],
        errors: dict[str, str],
        issue: Issue | None = None,
    ) -> None:
        if name not in self._readers:
            errors[name] = f"{name} is not a field that can be set here."
            return
        attribute, reader = self._readers[name]

        def read() -> None:
            wanted = value
            if isinstance(value, _Operations):
                assert issue is not None
                wanted = value.outcome(name, issue)
            values[attribute] = reader(wanted, project)

        _try(read, name, errors)

    def _project(self, value: Any, errors: dict[str, str]) -> Project | None:
        for project in self._state.projects.values():
            if isinstance(value, dict) and (value.get("key") == project.key or value.get("id") == project.id):
                return project
        errors["project"] = "A valid project is required."
        return None

    def _parent(self, value: Any, errors: dict[str, str]) -> str | None:
        if value is None:
            return None
        try:
            return self._state.issue(str(value.get("key") or value.get("id"))).id
        except (AttributeError, LookupError):
            errors["parent"] = "There is no such parent."
            return None

    def _person(self, value: Any) -> User | None:
        if value is None:
            return None
        shown = "account_id" if self._state.config.cloud else "login"
        asked = (
            value.get("accountId" if self._state.config.cloud else "name")
            if isinstance(value, dict)
            else None
        )
        for user in self._state.users.values():
            if getattr(user, shown) == asked:
                return user
        raise ValueError("There is no such user.")

    def _points_in(self, field: str) -> Callable[[Any, Project], float | None]:
        def points(value: Any, project: Project) -> float | None:
            if self._state.shapes.points_field(project)[0] != field:
                raise ValueError("This field is not on the project's screens.")
            if value is None:
                return None
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError("This must be a number.")
            return float(value)

        return points

    def _sprint(self, value: Any) -> Sprint | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("The sprint is given by its id, a number.")
        try:
            return self._state.sprint(value)
        except LookupError:
            raise ValueError("There is no such sprint.") from None


class _Operations:
    """The operations on one field in ``update``, applied in order to its present value."""

    def __init__(self, operations: Any) -> None:
        valid = isinstance(operations, list) and all(
            isinstance(one, dict) and len(one) == 1 for one in operations
        )
        self._operations: list[tuple[str, Any]] | None = [*map(_only, operations)] if valid else None

    def outcome(self, field: str, issue: Issue) -> Any:
        if self._operations is None:
            raise ValueError("Operations are a list of objects with one operation each.")
        lists: dict[str, list[Any]] = {
            "labels": list(issue.labels),
            "components": [{"id": part.id, "name": part.name} for part in issue.components],
        }
        value: Any = lists.get(field)
        for verb, operand in self._operations:
            if verb == "set":
                value = operand
            elif verb == "add" and isinstance(value, list):
                value = value if any(_is(item, operand) for item in value) else [*value, operand]
            elif verb == "remove" and isinstance(value, list):
                value = [item for item in value if not _is(item, operand)]
            else:
                raise ValueError(f"The operation {verb} is not known for this field.")
        return value


def checked_property(value: Any) -> Any:
    """A property's value, refused with 400 when it is too long."""
    if len(json.dumps(value)) > MAX_PROPERTY:
        raise ApiError(400, f"A property value has at most {MAX_PROPERTY} characters.")
    return value


def _only(operation: Mapping[str, Any]) -> tuple[str, Any]:
    return next(iter(operation.items()))


def _try(read: Callable[[], None], name: str, errors: dict[str, str]) -> None:
    try:
        read()
    except ValueError as error:
        errors[name] = str(error)


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise ApiError(400, f"{name} must be an object.")
    return value


def _summary(value: Any, _: Project) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("A summary must be a text that is not empty.")
    if len(value) > _SUMMARY or "\n" in value:
        raise ValueError(f"A summary is one line of at most {_SUMMARY} characters.")
    return value


def _description(value: Any, _: Project) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("The description must be a text.")
    return value or None


def _labels(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("Labels are a list of texts.")
    for label in value:
        check_label(label)
    return list(dict.fromkeys(value))


def check_label(label: Any) -> None:
    """Raise ValueError for what Jira takes for no label: blanks inside, or too long."""
    if not isinstance(label, str) or not label:
        raise ValueError("A label is a text that is not empty.")
    if any(character.isspace() for character in label):
        raise ValueError(f"The label '{label}' contains spaces which is invalid.")
    if len(label) > MAX_LABEL:
        raise ValueError(f"A label has at most {MAX_LABEL} characters.")


def _components(value: Any, project: Project) -> list[Named]:
    if not isinstance(value, list):
        raise ValueError("Components are a list of objects.")
    return [_one_of(project.components, item) for item in value]


def _one_of(known: Iterable[_Thing], value: Any) -> _Thing:
    if isinstance(value, dict) and {"id", "name"} & set(value):
        for thing in known:
            if value.get("id", thing.id) == thing.id and value.get("name", thing.name) == thing.name:
                return thing
    raise ValueError("This is not one of the allowed values; give an object with id or name.")


def _is(item: Any, operand: Any) -> bool:
    if isinstance(item, dict) and isinstance(operand, dict):
        return bool(operand) and all(item.get(key) == value for key, value in operand.items())
    return bool(item == operand)
