"""Linear in domain words: what a run asks becomes as few GraphQL operations as can be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from trackers.errors import Conflict, Gone, Rejected, ServerFault
from trackers.linear.client import Answer, LinearClient, as_exception
from trackers.linear.fields import issue_from_json
from trackers.model import Comment, Identity, Issue, Label, Memory, TrackerKind
from trackers.protocol import (
    AddLabels,
    Cache,
    CreateLabel,
    Failure,
    Operation,
    PutComment,
    Reading,
    Recall,
    Step,
    Written,
)
from trackers.reading import items, mapping, moment, text

_LABELS_LIFE: Final = timedelta(hours=1)
_LABELS_AGAIN: Final = timedelta(minutes=1)
"""A name that no label has is looked up anew this seldom."""
_IDENTITY_LIFE: Final = timedelta(days=1)
_MOST_HISTORY_PAGES: Final = 4


@dataclass(frozen=True, slots=True)
class UsableLabel:
    """A label that may be put on a team's issues, with what decides between two of one name."""

    label: Label
    of_team: bool


class LinearPalette:
    """The labels of one team and of the workspace."""

    def __init__(self, labels: Sequence[UsableLabel], create: bool = True) -> None:
        self._labels = labels
        self._create = create

    def find(self, name: str) -> Label | None:
        """By ``name`` or ``group/name``, whatever the case; the team's own before the workspace's."""
        wanted = name.strip().casefold()
        named = [usable for usable in self._labels if usable.label.path.casefold() == wanted]
        named = named or [usable for usable in self._labels if usable.label.name.casefold() == wanted]
        named.sort(key=lambda usable: (not usable.of_team, usable.label.group is not None, usable.label.id))
        return named[0].label if named else None

    def creatable(self, name: str) -> bool:
        return bool(name.strip()) and "/" not in name


class LinearService:
    """One Linear connection, as ``trackers.protocol.Tracker`` describes it."""

    kind = TrackerKind.LINEAR
    sees_own_labels = False

    def __init__(self, client: LinearClient, cache: Cache, connection: str) -> None:
        self._client = client
        self._cache = cache
        self._connection = connection
        self._me: Identity | None = None

    def identity(self) -> Identity:
        if self._me is None:
            self._me = self._who()
        return self._me

    def _who(self) -> Identity:
        held = self._cache.get("identity")
        if held is None:
            viewer = mapping(self._client.call("WhoAmI", {}).data.get("viewer"))
            if text(viewer.get("id")) is None:
                raise ServerFault("Linear does not say who the credentials belong to.")
            held = json.dumps([viewer["id"], viewer.get("displayName") or "", bool(viewer.get("app"))])
            self._cache.put("identity", held, _IDENTITY_LIFE)
        id_, name, app = json.loads(held)
        return Identity(id_, name, app)

    def read(self, issue: str, recall: Recall) -> Reading:
        topic = next(iter(recall.comments), None)
        variables = {
            "id": issue,
            "memory": recall.memory,
            "withComment": topic is not None,
            # Only an issue id makes the comment's id; a key is resolved by a first reading.
            "comment": comment_id(self._connection, issue, topic) if topic else None,
        }
        answer = self._client.call("ReadIssue", variables)
        raw = mapping(answer.data.get("issue"))
        if not raw:
            error = answer.error_at("issue")
            raise (
                as_exception(error, "ReadIssue")
                if error
                else ServerFault("Linear answered without an issue.")
            )
        if raw.get("trashed"):
            raise Gone("The issue is in Linear's trash.")
        memory = self._memory(issue, mapping(raw.get("history"))) if recall.memory else Memory()
        found = [mapping(node) for node in items(mapping(raw.get("comments")).get("nodes"))]
        comments = tuple(
            Comment(str(node["id"]), topic or "", text(node.get("url"))) for node in found if node.get("id")
        )
        return Reading(issue_from_json(raw), memory, comments)

    def palette(self, issue: Issue) -> LinearPalette:
        return LinearPalette(self._usable_labels(issue.team_id or ""))

    def label_names(self, projects: Sequence[str]) -> frozenset[str] | None:
        teams = mapping(self._client.call("TeamsByKey", {"keys": list(projects)}).data.get("teams"))
        found: set[str] = set()
        for team in map(mapping, items(teams.get("nodes"))):
            for usable in self._usable_labels(str(team.get("id"))):
                found |= {usable.label.name, usable.label.path}
        return frozenset(found)

    def label_name(self, name: str) -> str:
        return name.strip()

    def look_again(self, issue: Issue) -> bool:
        marker = f"labels-again:{issue.team_id}"
        if self._cache.get(marker) is not None:
            return False
        self._cache.put(marker, "1", _LABELS_AGAIN)
        self._cache.drop(f"labels:{issue.team_id}")
        return True

    def steps(self, issue: Issue, operations: Sequence[Operation]) -> tuple[Step, ...]:
        if not operations:
            return ()
        labels = next((item for item in operations if isinstance(item, AddLabels)), None)
        comment = next((item for item in operations if isinstance(item, PutComment)), None)
        name = "+".join(
            part for part, wanted in (("labels", labels), ("comment", comment)) if wanted is not None
        )
        return (Step(name, tuple(operations), partial(self._write, issue, labels, comment)),)

    def _write(self, issue: Issue, labels: AddLabels | None, comment: PutComment | None) -> Written:
        added: tuple[Label, ...] = ()
        variables: dict[str, Any] = {}
        if labels is not None:
            added = labels.labels + tuple(self._create(issue, new) for new in labels.new)
            variables |= {"issue": issue.id, "added": [label.id for label in added]}
        if comment is not None and comment.id is not None:
            variables |= {"id": comment.id, "body": comment.body}
        elif comment is not None:
            variables["comment"] = {
                "id": comment_id(self._connection, issue.id, comment.topic),
                "issueId": issue.id,
                "body": comment.body,
                "doNotSubscribeToIssue": True,
            }
        answer = self._client.call(_document(labels, comment), variables)
        return self._outcome(issue, answer, labels, added, comment)

    def _outcome(
        self,
        issue: Issue,
        answer: Answer,
        labels: AddLabels | None,
        added: tuple[Label, ...],
        comment: PutComment | None,
    ) -> Written:
        failures: list[Failure] = []
        put: Comment | None = None
        updated = None
        if labels is not None:
            if (refused := answer.error_at("labels")) is not None:
                if refused.says("entity not found: issuelabel", "incorrect team"):
                    # A label we knew was deleted or moved; the next run reads the labels anew.
                    self._cache.drop(f"labels:{issue.team_id}")
                    raise Conflict("Linear no longer has a label that was to be added.")
                failures.append(Failure(labels, str(as_exception(refused, "adding labels"))))
                added = ()
            else:
                updated = moment(_at(answer, "labels", "issue", "updatedAt"))
        if comment is not None:
            written = self._comment_outcome(issue, answer, comment)
            if isinstance(written, Failure):
                failures.append(written)
            else:
                put = written
        return Written(added, put, updated, tuple(failures))

    def _comment_outcome(self, issue: Issue, answer: Answer, comment: PutComment) -> Comment | Failure:
        refused = answer.error_at("comment")
        if refused is None:
            id_ = text(_at(answer, "comment", "comment", "id"))
            id_ = id_ or comment.id or comment_id(self._connection, issue.id, comment.topic)
            return Comment(id_, comment.topic, text(_at(answer, "comment", "comment", "url")))
        if comment.id is None and refused.says("conflict on insert", "already exists"):
            return self._edit_earlier(issue, comment)
        if refused.says("entity not found"):
            return Failure(
                comment, "The comment is no longer there; it is not written again.", comment_gone=True
            )
        return Failure(comment, str(as_exception(refused, "commenting")))

    def _edit_earlier(self, issue: Issue, comment: PutComment) -> Comment | Failure:
        """An earlier attempt got through without our knowing: its comment gets the present text."""
        id_ = comment_id(self._connection, issue.id, comment.topic)
        again = self._client.call("EditComment", {"id": id_, "body": comment.body})
        if (refused := again.error_at("comment")) is None:
            return Comment(id_, comment.topic, text(_at(again, "comment", "comment", "url")))
        gone = refused.says("entity not found")
        return Failure(comment, str(as_exception(refused, "commenting")), comment_gone=gone)

    def _create(self, issue: Issue, new: CreateLabel) -> Label:
        wanted = {"name": new.name.strip(), "teamId": issue.team_id}
        answer = self._client.call("CreateLabel", {"input": wanted})
        self._cache.drop(f"labels:{issue.team_id}")
        if (refused := answer.error_at("issueLabelCreate")) is not None:
            if refused.says("duplicate label name"):
                found = self.palette(issue).find(new.name)
                if found is not None:
                    return found
            raise Rejected(str(as_exception(refused, "creating a label")))
        made = mapping(_at(answer, "issueLabelCreate", "issueLabel"))
        if text(made.get("id")) is None:
            raise ServerFault("Linear made a label but did not say its id.")
        return Label(str(made["id"]), text(made.get("name")) or new.name)

    def _usable_labels(self, team: str) -> list[UsableLabel]:
        held = self._cache.get(f"labels:{team}")
        if held is None:
            held = json.dumps(self._fetch_labels(team))
            self._cache.put(f"labels:{team}", held, _LABELS_LIFE)
        return [UsableLabel(Label(id_, name, group), own) for id_, name, group, own in json.loads(held)]

    def _fetch_labels(self, team: str) -> list[list[Any]]:
        found: list[list[Any]] = []
        after = None
        while True:
            answer = self._client.call("UsableLabels", {"team": team, "after": after})
            page = mapping(answer.data.get("issueLabels"))
            for node in map(mapping, items(page.get("nodes"))):
                if node.get("isGroup") or not text(node.get("id")):
                    continue
                group = text(mapping(node.get("parent")).get("name"))
                found.append([node["id"], node.get("name") or "", group, bool(node.get("team"))])
            after = _next(page)
            if after is None:
                return found

    def _memory(self, issue: str, history: Mapping[str, Any]) -> Memory:
        """Labels taken off by anybody but us, and labels we put on, from the issue's history."""
        me = self.identity().id
        applied: set[str] = set()
        vetoed: set[str] = set()
        for page in self._history_pages(issue, history):
            for node in map(mapping, items(page.get("nodes"))):
                ours = me in (node.get("actorId"), mapping(node.get("botActor")).get("id"))
                if ours:
                    applied.update(map(str, items(node.get("addedLabelIds"))))
                else:
                    vetoed.update(map(str, items(node.get("removedLabelIds"))))
        return Memory(frozenset(applied), frozenset(vetoed))

    def _history_pages(self, issue: str, first: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        pages = [first]
        while (after := _next(pages[-1])) is not None:
            if len(pages) == _MOST_HISTORY_PAGES:
                raise Rejected("The issue's history is too long to know whether a person took a label off.")
            answer = self._client.call("MoreHistory", {"id": issue, "after": after})
            pages.append(mapping(_at(answer, "issue", "history")))
        return pages


def comment_id(connection: str, issue: str, topic: str) -> str:
    """The id of our comment on a topic of an issue: the same at every attempt, so that a repeated
    create meets Linear's conflict instead of making a second comment. A UUID of version 4 by form."""
    digest = hashlib.sha256(f"{connection}\n{issue}\n{topic}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def _document(labels: AddLabels | None, comment: PutComment | None) -> str:
    if comment is None:
        return "AddLabels"
    action = "Post" if comment.id is None else "Edit"
    return f"AddLabelsAnd{action}Comment" if labels is not None else f"{action}Comment"


def _at(answer: Answer, *path: str) -> Any:
    value: Any = answer.data
    for name in path:
        value = mapping(value).get(name)
    return value


def _next(page: Mapping[str, Any]) -> str | None:
    info = mapping(page.get("pageInfo"))
    return text(info.get("endCursor")) if info.get("hasNextPage") else None
