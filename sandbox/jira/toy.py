"""The toy Jira as people and tests handle it: the control endpoints' side of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sandbox.calls import Calls
from sandbox.control import PERSON
from sandbox.faults import Faults
from sandbox.jira.agile import moment, sprint_values
from sandbox.jira.config import JiraConfig
from sandbox.jira.editing import check_label
from sandbox.jira.model import PRIORITIES, STATUSES, TYPES, Comment, Issue, Named, Project, Sprint, User
from sandbox.jira.shapes import number, stamp
from sandbox.jira.sprints import Sprints
from sandbox.jira.state import Draft, State
from sandbox.jira.webhooks import Webhooks, retry_on, sign
from sandbox.sender import Sender

_Thing = TypeVar("_Thing", bound=Named)


class JiraToy:
    """A :class:`sandbox.control.ControlledTracker`, with sprints and a clock besides."""

    def __init__(self, config: JiraConfig, base: Callable[[], str]) -> None:
        self.faults = Faults()
        self.calls = Calls()
        retry_header = "X-Atlassian-Webhook-Retry" if config.cloud else None
        # Data Center documents no retries: at most once.
        retries = config.retries if config.cloud else ()
        self.sender = Sender(sign, retries, retry_on=retry_on, retry_header=retry_header)
        self.state = State(config, base)
        self.state.tell = Webhooks(self.state, self.sender)
        self.sprints = Sprints(self.state)

    def create_issue(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """File an issue as a person; type Task and priority Medium where none is named."""
        with self.state.lock:
            issue = self.state.create(self._draft(wish), self._actor(wish), bool(wish.get("quiet")))
            return self._view(issue)

    def _draft(self, wish: Mapping[str, Any]) -> Draft:
        project = self.state.projects.get(str(wish["project"]))
        if project is None:
            raise ValueError(f"there is no project {wish['project']}")
        labels = tuple(dict.fromkeys(wish.get("labels") or ()))
        for label in labels:
            check_label(label)
        points, kind = wish.get("points"), _named(TYPES, wish.get("type") or "Task")
        if kind.subtask:
            raise ValueError("a sub-task needs a parent; create it through the API")
        sprint = self._sprint(project, wish.get("sprint"))
        if sprint is not None and sprint.state == "closed":
            raise ValueError("nothing can be put into a closed sprint")
        return Draft(
            project=project,
            type=kind,
            summary=str(wish["title"]),
            description=wish.get("body") or None,
            priority=_named(PRIORITIES, wish.get("priority") or "Medium"),
            labels=labels,
            components=tuple(self._component(project, name) for name in wish.get("components") or ()),
            points=None if points is None else float(points),
            sprint=sprint,
        )

    def edit_issue(self, key: str, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Edit as a person: fields in one change, then the status, then the sprint, as in the UI."""
        with self.state.lock:
            issue, actor = self.state.issue(key), self._actor(wish)
            values = self._values(issue, wish)
            status = _named(STATUSES, wish["status"]) if "status" in wish else issue.status
            sprint = self._sprint(issue.project, wish.get("sprint"))
            if "sprint" in wish:
                self.sprints.check_move(issue, sprint)
            self.state.edit(issue, values, actor)
            self.state.edit(issue, {"status": status}, actor)
            if "sprint" in wish:
                self.sprints.move(issue, sprint, actor)
            return self._view(issue)

    def _values(self, issue: Issue, wish: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "title" in wish:
            values["summary"] = str(wish["title"])
        if "body" in wish:
            values["description"] = wish["body"] or None
        if "type" in wish:
            values["type"] = _named(TYPES, wish["type"])
        if "priority" in wish:
            values["priority"] = _named(PRIORITIES, wish["priority"])
        if "points" in wish:
            values["points"] = None if wish["points"] is None else float(wish["points"])
        if "components" in wish:
            values["components"] = [self._component(issue.project, name) for name in wish["components"]]
        added, removed = wish.get("add_labels") or (), wish.get("remove_labels") or ()
        if added or removed:
            for label in added:
                check_label(label)
            kept = dict.fromkeys([*issue.labels, *added])
            values["labels"] = [label for label in kept if label not in removed]
        return values

    def delete_issue(self, key: str) -> None:
        """Delete an issue as a person."""
        with self.state.lock:
            self.state.delete(self.state.issue(key), self.state.user(PERSON))

    def issue_view(self, key: str) -> dict[str, Any]:
        """One issue by key or id."""
        with self.state.lock:
            return self._view(self.state.issue(key))

    def issue_views(self) -> list[dict[str, Any]]:
        """All issues, oldest first."""
        with self.state.lock:
            return [self._view(issue) for issue in self.state.issues.values()]

    def add_comment(self, key: str, body: str, actor: str) -> dict[str, Any]:
        """Comment as a person."""
        with self.state.lock:
            person = self._actor({"actor": actor})
            return _comment_view(self.state.add_comment(self.state.issue(key), body, person))

    def delete_comment(self, comment_id: str) -> None:
        """Delete anyone's comment as a person."""
        with self.state.lock:
            issue, comment = self.state.comment(comment_id)
            self.state.delete_comment(issue, comment, self.state.user(PERSON))

    def set_clock(self, at: str | None) -> None:
        """Stop the site's clock at an ISO time, to write history; None lets it run again."""
        with self.state.lock:
            self.state.frozen = None if at is None else moment(at)

    def create_sprint(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Plan a sprint on a project's board from ``{project, name, goal?, startDate?, endDate?}``."""
        with self.state.lock:
            project = self.state.projects.get(str(wish["project"]))
            if project is None or project.board is None:
                raise ValueError(f"there is no project {wish['project']} with a board")
            values = sprint_values({key: value for key, value in wish.items() if key != "project"})
            sprint = self.sprints.create(
                values["name"], project.board, values.get("goal"), values.get("start"), values.get("end")
            )
            return self.state.shapes.sprint(sprint)

    def edit_sprint(self, id_: int, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Change, start or close a sprint as a person.

        ``wish`` is ``{name?, goal?, state?, startDate?, endDate?, actor?}``.
        """
        with self.state.lock:
            values = sprint_values({key: value for key, value in wish.items() if key != "actor"})
            sprint = self.sprints.update(self.state.sprint(id_), values, self._actor(wish))
            return self.state.shapes.sprint(sprint)

    def delete_sprint(self, id_: int) -> None:
        """Delete a sprint as a person."""
        with self.state.lock:
            self.sprints.delete(self.state.sprint(id_), self.state.user(PERSON))

    def sprint_views(self) -> list[dict[str, Any]]:
        """All sprints, oldest first, each with the keys of the issues in it now."""
        with self.state.lock:
            return [self._sprint_view(sprint) for sprint in self.state.sprints.values()]

    def _sprint_view(self, sprint: Sprint) -> dict[str, Any]:
        keys = [issue.key for issue in self.state.in_sprint(sprint)]
        return self.state.shapes.sprint(sprint) | {"issues": keys}

    def _actor(self, wish: Mapping[str, Any]) -> User:
        name = str(wish.get("actor") or PERSON)
        try:
            return self.state.user(name)
        except LookupError as error:
            raise ValueError(str(error.args[0])) from None

    def _component(self, project: Project, name: str) -> Named:
        for component in project.components:
            if component.name == name:
                return component
        component = Named(self.state.next_id("component"), name)
        project.components.append(component)
        return component

    def _sprint(self, project: Project, wanted: object) -> Sprint | None:
        return None if wanted is None else self.sprints.named(project.board, wanted)

    def _view(self, issue: Issue) -> dict[str, Any]:
        sprint = next(
            (s for s in map(self.state.sprint, self.state.sprints_of(issue)) if s.state != "closed"), None
        )
        return {
            "id": issue.id,
            "key": issue.key,
            "project": issue.project.key,
            "title": issue.summary,
            "body": issue.description or "",
            "type": issue.type.name,
            "status": issue.status.name,
            "priority": issue.priority.name,
            "points": number(issue.points),
            "sprint": sprint.name if sprint else None,
            "components": [component.name for component in issue.components],
            "labels": list(issue.labels),
            "bot_labels": [label for label in issue.labels if issue.label_by.get(label) == self.state.bot],
            "comments": [_comment_view(comment) for comment in issue.comments],
            "properties": dict(issue.properties),
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
            "history": [self.state.shapes.history(entry) for entry in issue.history],
        }


def _comment_view(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "author": comment.author.name,
        "body": comment.body,
        "internal": comment.internal,
        "created": stamp(comment.created),
        "updated": stamp(comment.updated),
        "properties": dict(comment.properties),
    }


def _named(known: Iterable[_Thing], name: object) -> _Thing:
    known = tuple(known)
    for thing in known:
        if thing.name == name:
            return thing
    raise ValueError(f"{name} is unknown here; known: {', '.join(thing.name for thing in known)}")
