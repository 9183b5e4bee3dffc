"""The toy Jira as people and tests handle it: the control endpoints' side of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from sandbox.calls import Calls
from sandbox.control import PERSON
from sandbox.faults import Faults
from sandbox.jira.agile import moment
from sandbox.jira.config import JiraConfig
from sandbox.jira.editing import check_label
from sandbox.jira.hooks import Hooks
from sandbox.jira.model import PRIORITIES, STATUSES, TYPES, Comment, Issue, Named, Project, Sprint, User
from sandbox.jira.planning import Planning
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
        self.hooks = Hooks(self.sender)
        self.state.tell = Webhooks(self.state, self.sender, self.hooks)
        self.sprints = Sprints(self.state)
        self.planning = Planning(self.state, self.sprints)

    def create_issue(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """File an issue as a person; type Task and priority Medium where none is named."""
        with self.state.lock:
            draft, actor = self._draft(wish), self._actor(wish)
            blockers = self._blockers(wish.get("blocked_by"))
            with self._heard(wish):
                issue = self.state.create(draft, actor)
                if blockers:
                    self.state.edit(issue, {"blockers": blockers}, actor)
            return self._view(issue)

    def _draft(self, wish: Mapping[str, Any]) -> Draft:
        project = self.state.projects.get(str(wish["project"]))
        if project is None:
            raise ValueError(f"there is no project {wish['project']}")
        labels = tuple(dict.fromkeys(wish.get("labels") or ()))
        for label in labels:
            check_label(label)
        kind = _named(TYPES, wish.get("type") or ("Sub-task" if wish.get("parent") else "Task"))
        if kind.subtask and not wish.get("parent"):
            raise ValueError("a sub-task needs a parent")
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
            assignee=self._person(wish.get("assignee")),
            sprint=sprint,
            parent=self.state.issue(str(wish["parent"])).id if wish.get("parent") else None,
            **self._estimate(project, wish.get("points")),
        )

    def _estimate(self, project: Project, amount: Any) -> dict[str, Any]:
        """An estimate in the unit of the project's first board: points, or hours of work."""
        board = self.state.boards.get(project.board or 0)
        if board is not None and board.estimation == "time":
            return {"seconds": None if amount is None else int(float(amount) * 3600)}
        return {"points": None if amount is None else float(amount)}

    def _blockers(self, keys: Iterable[object] | None) -> list[str]:
        return [self.state.issue(str(key)).id for key in keys or ()]

    def _person(self, name: object) -> User | None:
        return self._actor({"actor": name}) if name else None

    def _heard(self, wish: Mapping[str, Any]) -> AbstractContextManager[None]:
        return self.state.unheard() if wish.get("quiet") else nullcontext()

    def edit_issue(self, key: str, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Edit as a person: fields in one change, then the status, then the sprint, as in the UI."""
        with self.state.lock:
            issue, actor = self.state.issue(key), self._actor(wish)
            values = self._values(issue, wish)
            status = _named(STATUSES, wish["status"]) if "status" in wish else issue.status
            sprint = self._sprint(issue.project, wish.get("sprint"))
            if "sprint" in wish:
                self.sprints.check_move(issue, sprint)
            with self._heard(wish):
                self.state.edit(issue, values, actor)
                self.state.edit(issue, {"status": status}, actor)
                if "sprint" in wish:
                    self.sprints.move(issue, sprint, actor)
            return self._view(issue)

    def _values(self, issue: Issue, wish: Mapping[str, Any]) -> dict[str, Any]:
        readers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "title": lambda title: {"summary": str(title)},
            "body": lambda body: {"description": body or None},
            "type": lambda name: {"type": _named(TYPES, name)},
            "priority": lambda name: {"priority": _named(PRIORITIES, name)},
            "points": lambda amount: self._estimate(issue.project, amount),
            "assignee": lambda name: {"assignee": self._person(name)},
            "blocked_by": lambda keys: {"blockers": self._blockers(keys)},
            "components": lambda names: {
                "components": [self._component(issue.project, name) for name in names]
            },
        }
        values: dict[str, Any] = {}
        for name, read in readers.items():
            if name in wish:
                values |= read(wish[name])
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
