"""What an edit changes, in the words of Jira's changelog.

The forms of each field (labels as one text joined by spaces, sprints as id lists, points in the
texts only, one item per component) are those of recorded webhook bodies; see ChangeDetails in
developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.jira.model import RESOLVED, TIME, ChangeItem, Issue, Named, Sprint, Status, User
from sandbox.jira.shapes import Shapes

Values = Mapping[str, Any]
"""New values by attribute: summary, description, labels, components, priority, type, assignee,
points, seconds, blockers, sprint (a Sprint or None) and status. What is absent stays as it is."""


class Changelog:
    """Compares values with an issue, item by item, in one deployment's style."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes

    def diff(self, issue: Issue, values: Values) -> tuple[ChangeItem, ...]:
        """The items by which ``values`` differ from ``issue``; empty for a no-op."""
        items: list[ChangeItem] = []
        for name, value in values.items():
            items += getattr(self, f"_{name}")(issue, value)
        return tuple(items)

    def initial(self, issue: Issue) -> tuple[ChangeItem, ...]:
        """The items of a creation: every set value, from nothing."""
        items = [
            _text("summary", None, issue.summary),
            _named("Status", "status", None, issue.status),
            _named("priority", "priority", None, issue.priority),
            self._person("reporter", None, issue.creator),
        ]
        if issue.description:
            items.append(_text("description", None, issue.description))
        if issue.labels:
            items.append(ChangeItem("labels", "labels", None, None, None, " ".join(issue.labels)))
        items += [_named("Component", "components", None, component) for component in issue.components]
        if issue.points is not None:
            items.append(self._points_item(issue, None, issue.points))
        if issue.sprints:
            items.append(self._sprint_item([], issue.sprints))
        return tuple(items)

    def sprints_after(self, issue: Issue, sprint: Sprint | None) -> list[int]:
        """The issue's sprint list once it is in ``sprint``: closed ones stay, an open one leaves."""
        kept = [id_ for id_ in issue.sprints if self._shapes.sprint_of(id_).state == "closed"]
        return kept if sprint is None or sprint.id in kept else [*kept, sprint.id]

    def _summary(self, issue: Issue, value: str) -> list[ChangeItem]:
        return [_text("summary", issue.summary, value)] if value != issue.summary else []

    def _description(self, issue: Issue, value: str | None) -> list[ChangeItem]:
        same = (value or None) == (issue.description or None)
        return [] if same else [_text("description", issue.description, value)]

    def _labels(self, issue: Issue, value: list[str]) -> list[ChangeItem]:
        before, after = " ".join(issue.labels), " ".join(value)
        return [] if before == after else [ChangeItem("labels", "labels", None, before, None, after)]

    def _components(self, issue: Issue, value: list[Named]) -> list[ChangeItem]:
        gone = [
            _named("Component", "components", item, None) for item in issue.components if item not in value
        ]
        new = [
            _named("Component", "components", None, item) for item in value if item not in issue.components
        ]
        return gone + new

    def _priority(self, issue: Issue, value: Named) -> list[ChangeItem]:
        return [_named("priority", "priority", issue.priority, value)] if value != issue.priority else []

    def _type(self, issue: Issue, value: Named) -> list[ChangeItem]:
        return [_named("issuetype", "issuetype", issue.type, value)] if value != issue.type else []

    def _assignee(self, issue: Issue, value: User | None) -> list[ChangeItem]:
        return [self._person("assignee", issue.assignee, value)] if value != issue.assignee else []

    def _status(self, issue: Issue, value: Status) -> list[ChangeItem]:
        if value == issue.status:
            return []
        items = [_named("status", "status", issue.status, value)]
        if (value.category == "done") != issue.done:
            before, after = (RESOLVED, None) if issue.done else (None, RESOLVED)
            items.insert(0, _named("resolution", "resolution", before, after))
        return items

    def _points(self, issue: Issue, value: float | None) -> list[ChangeItem]:
        return [self._points_item(issue, issue.points, value)] if value != issue.points else []

    def _seconds(self, issue: Issue, value: int | None) -> list[ChangeItem]:
        before, after = (None if side is None else str(side) for side in (issue.seconds, value))
        return [] if before == after else [ChangeItem(TIME, TIME, before, before, after, after)]

    def _blockers(self, issue: Issue, value: list[str]) -> list[ChangeItem]:
        """Links have a changelog of their own kind, which nothing here reads."""
        return [
            ChangeItem("Link", "", None, None, other, "This issue is blocked by another")
            for other in value
            if other not in issue.blockers
        ]

    def _sprint(self, issue: Issue, value: Sprint | None) -> list[ChangeItem]:
        after = self.sprints_after(issue, value)
        return [] if after == issue.sprints else [self._sprint_item(issue.sprints, after)]

    def _points_item(self, issue: Issue, before: float | None, after: float | None) -> ChangeItem:
        id_, name = self._shapes.points_field(issue.project)
        return ChangeItem(name, id_, None, self._number(before), None, self._number(after), custom=True)

    def _number(self, value: float | None) -> str | None:
        if value is None:
            return None
        return f"{value:g}" if self._shapes.config.cloud else str(float(value))

    def _sprint_item(self, before: list[int], after: list[int]) -> ChangeItem:
        def ids(sprints: list[int]) -> str:
            return ", ".join(str(id_) for id_ in sprints)

        def names(sprints: list[int]) -> str:
            return ", ".join(self._shapes.sprint_of(id_).name for id_ in sprints)

        field = self._shapes.fields.sprint
        return ChangeItem("Sprint", field, ids(before), names(before), ids(after), names(after), custom=True)

    def _person(self, field: str, before: User | None, after: User | None) -> ChangeItem:
        def id_(user: User | None) -> str | None:
            if user is None:
                return None
            return user.account_id if self._shapes.config.cloud else user.key

        names = [user.name if user else None for user in (before, after)]
        return ChangeItem(field, field, id_(before), names[0], id_(after), names[1])


def _text(field: str, before: str | None, after: str | None) -> ChangeItem:
    return ChangeItem(field, field, None, before, None, after)


def _named(field: str, id_: str, before: Named | None, after: Named | None) -> ChangeItem:
    return ChangeItem(
        field,
        id_,
        before.id if before else None,
        before.name if before else None,
        after.id if after else None,
        after.name if after else None,
    )
