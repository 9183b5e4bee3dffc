"""Jira in domain words: what a run asks becomes as few REST calls as can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from trackers.errors import Conflict, Forbidden, Gone, Rejected, ServerFault
from trackers.jira.agile import JiraAgile
from trackers.jira.bulk import JiraBulk
from trackers.jira.changelogs import Changelogs
from trackers.jira.client import JiraClient
from trackers.jira.comments import OwnComments
from trackers.jira.fields import issue_from_json, issue_id
from trackers.jira.glimpses import JiraGlimpses
from trackers.jira.history import JiraHistory
from trackers.jira.memory import PROPERTY, memory_from, remembered
from trackers.jira.search import READ_FIELDS, JiraSearch
from trackers.jira.setup import JiraSetup
from trackers.jira.updates import JiraUpdates
from trackers.model import COMPONENT, Comment, Identity, Issue, Label, Memory, TrackerKind, component_label
from trackers.protocol import (
    AddLabels,
    BulkStep,
    DropComment,
    Failure,
    Found,
    Glimpse,
    Mark,
    Operation,
    Page,
    PutComment,
    Reading,
    Recall,
    RemoveLabels,
    Step,
    Updates,
    Written,
)
from trackers.reading import ident, items, mapping, moment, text
from trackers.sprints import Board, Finished, Sprint, SprintReading

_INTERNAL: Final = {"key": "sd.public.comment", "value": {"internal": True}}
"""Keeps a comment in a service project from its customers."""
_ISSUE: Final = "/rest/api/2/issue/{issue}"
_LONGEST_LABEL: Final = 255


class JiraPalette:
    """Any name is a label on Jira, once it is made valid; a component must be one of the project's."""

    def __init__(self, components: Callable[[], Sequence[str]] | None = None) -> None:
        """``components`` are asked for when one is looked for; without it every name is one."""
        self._components = components

    def find(self, name: str) -> Label | None:
        if name.startswith(COMPONENT):
            wanted = name.removeprefix(COMPONENT)
            known = [wanted] if self._components is None else self._components()
            return next((component_label(one) for one in known if one.casefold() == wanted.casefold()), None)
        valid = valid_label(name)
        return Label(valid, valid) if valid else None

    def creatable(self, name: str) -> bool:
        return False


class JiraService:
    """One Jira connection, as ``trackers.protocol.Tracker`` describes it."""

    kind = TrackerKind.JIRA
    sees_own_labels = True
    posts_once = False

    def __init__(self, client: JiraClient, setup: JiraSetup, *, cloud: bool, base_url: str) -> None:
        self._client = client
        self._setup = setup
        self._cloud = cloud
        self._base_url = base_url
        self._me: Identity | None = None
        self._comments = OwnComments(client, self.identity, cloud=cloud)
        confirm = setup.confirm_identity
        self._glimpses = JiraGlimpses(client, confirm, cloud=cloud)
        self._bulk = JiraBulk(client, setup, self._mark, self._glimpses.of, cloud=cloud)
        self._search = JiraSearch(client, self.identity, confirm, cloud=cloud, base_url=base_url)
        self._updates = JiraUpdates(client, setup, cloud=cloud)
        changelogs = Changelogs(client) if cloud else None
        self._agile = JiraAgile(self._call, setup, self._comments, changelogs, base_url)

    @property
    def setup(self) -> JiraSetup:
        """What was asked once: fields, boards, permissions, history."""
        return self._setup

    def identity(self) -> Identity:
        if self._me is None:
            self._me = self._setup.identity()
        return self._me

    def read(self, issue: str, recall: Recall) -> Reading:
        fields = [*READ_FIELDS, "comment"] if recall.comments else list(READ_FIELDS)
        params = {"fields": ",".join(fields), "properties": PROPERTY}
        raw = mapping(self._call("GET", _ISSUE, path={"issue": issue}, params=params))
        if issue_id(raw) is None or not mapping(raw.get("fields")):
            raise ServerFault("Jira answered a reading without an issue in it.")
        memory = memory_from(mapping(raw.get("properties")).get(PROPERTY))
        ours = self._comments.on([raw], recall.comments.__contains__) if recall.comments else []
        comments = tuple(comment for _, comment in ours)
        return Reading(issue_from_json(raw, base_url=self._base_url), memory, comments)

    def palette(self, issue: Issue) -> JiraPalette:
        return JiraPalette(partial(self._components, issue.project))

    def _components(self, project: str) -> Sequence[str]:
        try:
            return self._setup.components(project)
        except (Forbidden, Gone):
            # Labels are put on all the same.
            self._setup.leave_components(project)
            return ()

    def label_names(self, projects: Sequence[str]) -> frozenset[str] | None:
        if not self._cloud:
            return None
        found: set[str] = set()
        while True:
            params = {"startAt": str(len(found)), "maxResults": "1000"}
            page = mapping(self._client.call("GET", "/rest/api/2/label", params=params))
            values = [label for label in map(text, items(page.get("values"))) if label]
            found.update(values)
            if not values or page.get("isLast", True):
                return frozenset(found)

    def label_name(self, name: str) -> str:
        return valid_label(name)

    def look_again(self, issue: Issue) -> bool:
        return self._setup.forget_components(issue.project)

    def steps(self, issue: Issue, operations: Sequence[Operation]) -> tuple[Step, ...]:
        steps = []
        for operation in operations:
            match operation:
                case AddLabels():
                    send = partial(self._add_labels, issue, operation)
                    steps.append(Step("labels", (operation,), send))
                case RemoveLabels():
                    send = partial(self._remove_labels, issue, operation)
                    steps.append(Step("labels off", (operation,), send))
                case PutComment():
                    send = partial(self._put_comment, issue, operation)
                    steps.append(Step("comment", (operation,), send))
                case DropComment():
                    send = partial(self._drop_comment, issue, operation)
                    steps.append(Step("comment off", (operation,), send))
        return tuple(steps)

    def past(
        self,
        projects: Sequence[str],
        after: str | None = None,
        since: datetime | None = None,
        page_size: int | None = None,
    ) -> Page:
        confirm = self._setup.confirm_identity
        history = JiraHistory(self._client, self.identity, confirm, cloud=self._cloud)
        return history.page(projects, after, since, page_size)

    def search(
        self,
        projects: Sequence[str],
        query: str | None = None,
        after: str | None = None,
        page_size: int | None = None,
    ) -> Found:
        return self._search.page(projects, query, after, page_size)

    def updates(self, projects: Sequence[str], since: datetime, after: str | None = None) -> Updates:
        return self._updates.page(projects, since, after)

    def bulk_steps(self, marks: Sequence[Mark]) -> tuple[BulkStep, ...]:
        return self._bulk.steps(marks)

    def glimpse(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        self._bulk.settle()
        return self._glimpses.of(issues)

    def remember(self, marks: Sequence[Mark]) -> None:
        self._bulk.remember(marks)

    def board(self, board: str) -> Board:
        return self._agile.board(board)

    def open_sprints(self, board: str) -> tuple[Sprint, ...]:
        return self._agile.open_sprints(board)

    def sprint(self, sprint: str, past: bool = False) -> SprintReading:
        return self._agile.sprint(sprint, past)

    def finished(self, board: Board, known: Collection[str], most: int = 5) -> Iterator[Finished]:
        return self._agile.finished(board, known, most)

    def _add_labels(self, issue: Issue, operation: AddLabels) -> Written:
        update = _update("add", operation.labels)
        try:
            updated = self._edit_tags(issue.id, issue.project, update, operation.remember)
        except Rejected as error:
            if "components" not in update:
                raise
            # One may be gone, or the field not on the screen: the labels are not to suffer for it.
            self._setup.leave_components(issue.project)
            raise Conflict(f"It is tried again without components. {error}") from error
        return Written(labels=operation.labels, updated=updated)

    def _remove_labels(self, issue: Issue, operation: RemoveLabels) -> Written:
        # Jira passes over the removal of a label that is not there.
        update = _update("remove", operation.labels)
        updated = self._edit_tags(issue.id, issue.project, update, operation.remember)
        return Written(withdrawn=operation.labels, updated=updated)

    def _mark(self, mark: Mark, bulk: bool) -> datetime | None:
        update = _update("add", mark.labels)
        try:
            return self._edit_tags(mark.issue, mark.project, update, mark.remember, bulk=bulk)
        except Rejected:
            if "components" in update:
                self._setup.leave_components(mark.project)
            raise

    def _edit_tags(
        self, issue: str, project: str, update: Mapping[str, Any], remember: Memory, *, bulk: bool = False
    ) -> datetime | None:
        """Labels, components and what we remember of them in one write; the issue's new ``updated``."""
        body = {"update": update, "properties": [{"key": PROPERTY, "value": remembered(remember)}]}
        params = {"returnIssue": "true"} if self._cloud else {}
        put = partial(self._call, "PUT", _ISSUE, path={"issue": issue}, body=body, writes=issue, bulk=bulk)
        answer = self._quietly(put, project, params)
        return moment(mapping(mapping(answer).get("fields")).get("updated"))

    def _quietly(self, put: Callable[..., Any], project: str, params: Mapping[str, str]) -> Any:
        """A PUT without mail where we may, with it where we may not."""
        if not self._setup.may_edit_quietly(project):
            return put(params=params)
        try:
            return put(params={**params, "notifyUsers": "false"})
        except Forbidden:
            # The permission may have been taken from us since it was asked about.
            answer = put(params=params)
            self._setup.must_mail(project)
            return answer

    def _call(self, method: str, template: str, **asked: Any) -> Any:
        """Ask about an issue; to be told that it is gone makes us look whether the credentials hold."""
        try:
            return self._client.call(method, template, **asked)
        except Gone:
            self._setup.confirm_identity()
            raise

    def _put_comment(self, issue: Issue, operation: PutComment) -> Written:
        if operation.id is None:
            return self._post_comment(issue, operation)
        path = {"issue": issue.id, "comment": operation.id}
        try:
            edit = partial(self._call, "PUT", _ISSUE + "/comment/{comment}", path=path, writes=issue.id)
            self._quietly(partial(edit, body={"body": operation.body}), issue.project, {})
        except Gone:
            sentence = "The comment is no longer there; it is not written again."
            return Written(failures=(Failure(operation, sentence, comment_gone=True),))
        return Written(comment=Comment(operation.id, operation.topic))

    def _drop_comment(self, issue: Issue, operation: DropComment) -> Written:
        path = {"issue": issue.id, "comment": operation.id}
        try:
            self._call("DELETE", _ISSUE + "/comment/{comment}", path=path, writes=issue.id)
        except Gone:
            return Written()
        except Forbidden as error:
            return Written(failures=(Failure(operation, str(error)),))
        return Written()

    def _post_comment(self, issue: Issue, operation: PutComment) -> Written:
        properties: list[Mapping[str, Any]] = [{"key": PROPERTY, "value": {"v": 1, "topic": operation.topic}}]
        if issue.service_project:
            properties.append(_INTERNAL)
        body = {"body": operation.body, "properties": properties}
        path = {"issue": issue.id}
        answer = self._call("POST", _ISSUE + "/comment", path=path, body=body, writes=issue.id)
        comment = ident(mapping(answer).get("id"))
        if comment is None:
            raise ServerFault("Jira took a comment but did not say its id.")
        return Written(comment=Comment(comment, operation.topic))


def _update(verb: str, labels: Sequence[Label]) -> dict[str, list[Mapping[str, Any]]]:
    """Labels and, told by their ids, components in the words of an edit."""
    update: dict[str, list[Mapping[str, Any]]] = {}
    for label in labels:
        if label.id.startswith(COMPONENT):
            component = {"name": label.id.removeprefix(COMPONENT)}
            update.setdefault("components", []).append({verb: component})
        else:
            update.setdefault("labels", []).append({verb: label.id})
    return update


def valid_label(name: str) -> str:
    """``name`` as a Jira label: without white space and control characters, at most 255 characters.

    The case is kept: teams that write ``TechDebt`` would not want a second label ``techdebt``.
    """
    printable = "".join(character if character.isprintable() else " " for character in name)
    return re.sub(r"\s+", "-", printable.strip())[:_LONGEST_LABEL]
