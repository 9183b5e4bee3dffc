"""Issues as the REST API shows them: chosen fields, properties, changelog, comments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.jira.model import Comment, Issue
from sandbox.jira.shapes import JSON
from sandbox.jira.state import State

_CHANGES_SHOWN = 100


class Views:
    """Answers about issues, for one caller's choice of fields."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._shapes = state.shapes

    def issue(
        self,
        issue: Issue,
        fields: Iterable[str] = ("*all",),
        properties: Iterable[str] = (),
        changelog: bool = False,
        extra: JSON | None = None,
    ) -> JSON:
        """An issue with the chosen ``fields``: names, ``*all``, ``*navigable``, ``-name``.

        Fields that do not exist are passed over, as Jira does. ``extra`` are fields that only some
        endpoints add.
        """
        shape: JSON = {"id": issue.id, "key": issue.key, "self": self._shapes.link(f"issue/{issue.id}")}
        everything = self._fields(issue) | (extra or {})
        everything["comment"] = self.comments(issue, 0, self._state.config.page_size)
        shape["fields"] = _chosen(everything, list(fields))
        wanted = list(properties)
        if wanted:
            every = "*all" in wanted
            shape["properties"] = {
                key: value for key, value in issue.properties.items() if every or key in wanted
            }
        if changelog:
            shape["changelog"] = self.changelog(issue)
        return shape

    def _fields(self, issue: Issue) -> JSON:
        return self._shapes.issue_fields(issue, self._state.parent(issue), self._state.linked(issue))

    def changelog(self, issue: Issue) -> JSON:
        """``expand=changelog``: on Cloud newest first, on Data Center oldest first."""
        entries = [self._shapes.history(entry) for entry in issue.history]
        if self._state.config.cloud:
            entries = entries[::-1][:_CHANGES_SHOWN]
        return {"startAt": 0, "maxResults": len(entries), "total": len(issue.history), "histories": entries}

    def comments(self, issue: Issue, start: int, size: int, newest_first: bool = False) -> JSON:
        """A page of comments."""
        ordered: list[Comment] = issue.comments[::-1] if newest_first else issue.comments
        shown = [self._shapes.comment(comment) for comment in ordered[start : start + size]]
        return {"comments": shown, "maxResults": size, "total": len(issue.comments), "startAt": start}


def names(text: str | None, otherwise: Iterable[str] = ()) -> list[str]:
    """A comma-separated query parameter as a list."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else list(otherwise)


def named_list(value: Any, otherwise: Iterable[str] = ()) -> list[str]:
    """A list of names from a JSON body, which may also be one comma-separated text."""
    if isinstance(value, list):
        return [str(name) for name in value]
    return names(value if isinstance(value, str) else None, otherwise)


def _chosen(fields: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    without = {name[1:] for name in asked if name.startswith("-")}
    positive = {name for name in asked if not name.startswith("-")}
    if "*all" in positive or not positive:
        chosen = set(fields)
    else:
        chosen = set(fields) & positive
        if "*navigable" in positive:
            chosen |= set(fields) - {"comment"}
    return {name: value for name, value in fields.items() if name in chosen - without}
