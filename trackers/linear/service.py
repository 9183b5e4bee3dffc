"""Linear in domain words: what a run asks becomes as few GraphQL operations as can be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from trackers.errors import Conflict, Forbidden, Gone, Rejected, ServerFault, TrackerError
from trackers.linear.batch import LinearBatch
from trackers.linear.client import Answer, GraphQLError, LinearClient, as_exception
from trackers.linear.cycles import LinearCycles, next_page
from trackers.linear.fields import identity_from_json, issue_from_json
from trackers.linear.history import LinearHistory
from trackers.linear.memory import LinearMemory
from trackers.linear.search import LinearSearch
from trackers.linear.updates import LinearUpdates
from trackers.model import Comment, Identity, Issue, Label, Memory, TrackerKind
from trackers.protocol import (
    AddLabels,
    BulkStep,
    Cache,
    CreateLabel,
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
from trackers.reading import items, mapping, moment, reference, text
from trackers.sprints import Board, Finished, Sprint, SprintReading

_LABELS_LIFE: Final = timedelta(hours=1)
_LABELS_AGAIN: Final = timedelta(minutes=1)
"""A name that no label has is looked up anew this seldom."""
_IDENTITY_LIFE: Final = timedelta(days=1)
_UNTRUE: Final = "The comment was not written, for it tells of labels that could not be added."


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
    posts_once = True

    def __init__(self, client: LinearClient, cache: Cache, connection: str) -> None:
        self._client = client
        self._cache = cache
        self._connection = connection
        self._me: Identity | None = None
        self._cycles = LinearCycles(client, cache, partial(comment_id, connection))
        self._memory = LinearMemory(client, self.identity)
        self._search = LinearSearch(client, self._memory, self.read)
        self._updates = LinearUpdates(client)

    def identity(self) -> Identity:
        if self._me is None:
            self._me = self._who()
        return self._me

    def _who(self) -> Identity:
        held = self._cache.get("identity")
        if held is None:
            me = identity_from_json(self._client.call("WhoAmI", {}).root("viewer", "WhoAmI"))
            held = json.dumps([me.id, me.name, me.is_app])
            self._cache.put("identity", held, _IDENTITY_LIFE)
        id_, name, app = json.loads(held)
        return Identity(id_, name, app)

    def read(self, issue: str, recall: Recall) -> Reading:
        """Read an issue by id or key in one request; in two, where its comments are looked for by a key."""
        id_ = _uuid(issue)
        if id_ is None and recall.comments:
            # Only the issue's own id makes the ids of our comments.
            id_ = self.read(issue, Recall()).issue.id
        topics = {comment_id(self._connection, id_ or "", topic): topic for topic in recall.comments}
        variables = {
            "id": id_ or issue,
            "memory": recall.memory,
            "withComments": bool(topics),
            "comments": list(topics),
        }
        raw = self._client.call("ReadIssue", variables).root("issue", "ReadIssue")
        if reference(raw.get("id")) is None:
            raise ServerFault("Linear answered a reading without an issue in it.")
        if raw.get("trashed"):
            raise Gone("The issue is in Linear's trash.")
        memory = self._memory.of(issue, mapping(raw.get("history"))) if recall.memory else Memory()
        found = [mapping(node) for node in items(mapping(raw.get("comments")).get("nodes"))]
        comments = tuple(
            Comment(node["id"], topics[node["id"]], text(node.get("url")), text(node.get("body")) or "")
            for node in found
            if node.get("id") in topics
        )
        return Reading(issue_from_json(raw), memory, comments)

    def palette(self, issue: Issue) -> LinearPalette:
        return LinearPalette(self._usable_labels(issue.team_id or ""))

    def label_names(self, projects: Sequence[str]) -> frozenset[str] | None:
        teams = self._client.call("TeamsByKey", {"keys": list(projects)}).root("teams", "TeamsByKey")
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
        removal = next((item for item in operations if isinstance(item, RemoveLabels)), None)
        comment = next((item for item in operations if isinstance(item, PutComment)), None)
        name = "+".join(
            part
            for part, wanted in (("labels", labels or removal), ("comment", comment))
            if wanted is not None
        )
        return (Step(name, tuple(operations), partial(self._write, issue, labels, removal, comment)),)

    def past(
        self,
        projects: Sequence[str],
        after: str | None = None,
        since: datetime | None = None,
        page_size: int | None = None,
    ) -> Page:
        return LinearHistory(self._client, self.identity).page(projects, after, since, page_size)

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
        return LinearBatch(self._client).steps(marks)

    def glimpse(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        return LinearBatch(self._client).glimpse(issues)

    def remember(self, marks: Sequence[Mark]) -> None:
        """Nothing to do: the issues' own history remembers."""

    def board(self, board: str) -> Board:
        return self._cycles.board(board)

    def open_sprints(self, board: str) -> tuple[Sprint, ...]:
        return self._cycles.open(board)

    def sprint(self, sprint: str, past: bool = False) -> SprintReading:
        return self._cycles.reading(sprint, past)

    def finished(self, board: Board, known: Collection[str], most: int = 5) -> tuple[Finished, ...]:
        return self._cycles.finished(board, known, most)

    def _write(
        self,
        issue: Issue,
        labels: AddLabels | None,
        removal: RemoveLabels | None,
        comment: PutComment | None,
    ) -> Written:
        added, failures = self._to_add(issue, labels) if labels is not None else ((), ())
        if failures and comment is not None:
            failures += (Failure(comment, _UNTRUE),)
            comment = None
        removed = removal.labels if removal is not None else ()
        if not added and not removed and comment is None:
            return Written(failures=failures)
        variables: dict[str, Any] = {}
        if added or removed:
            variables["issue"] = issue.id
        if added:
            variables["added"] = [label.id for label in added]
        if removed:
            variables["removed"] = [label.id for label in removed]
        if comment is not None and comment.id is not None:
            variables |= {"id": comment.id, "body": comment.body}
        elif comment is not None:
            variables["comment"] = {
                "id": comment_id(self._connection, issue.id, comment.topic),
                "issueId": issue.id,
                "body": comment.body,
                "doNotSubscribeToIssue": True,
            }
        answer = self._client.call(_document(bool(added or removed), comment), variables)
        if removal is not None and (refused := answer.error_at("labels")) is not None:
            return self._write_rest(issue, labels, removal, comment, refused)
        written = self._outcome(issue, answer, labels if added else None, added, removed, comment)
        return replace(written, failures=failures + written.failures)

    def _write_rest(
        self,
        issue: Issue,
        labels: AddLabels | None,
        removal: RemoveLabels,
        comment: PutComment | None,
        refused: GraphQLError,
    ) -> Written:
        """All but the removal, which Linear would not have or which had been done by deleting the label."""
        gone = _unknown_label(refused)
        failures = () if gone else (Failure(removal, self._labels_refused(issue, refused)),)
        written = self._write(issue, labels, None, comment)
        return replace(
            written, failures=failures + written.failures, withdrawn=removal.labels if gone else ()
        )

    def _to_add(self, issue: Issue, labels: AddLabels) -> tuple[tuple[Label, ...], tuple[Failure, ...]]:
        """The labels to put on, those newly made among them, and why others could not be made."""
        made = [self._create(issue, new) for new in labels.new]
        added = labels.labels + tuple(label for label in made if isinstance(label, Label))
        return added, tuple(Failure(labels, str(error)) for error in made if isinstance(error, TrackerError))

    def _outcome(
        self,
        issue: Issue,
        answer: Answer,
        labels: AddLabels | None,
        added: tuple[Label, ...],
        removed: tuple[Label, ...],
        comment: PutComment | None,
    ) -> Written:
        failures: list[Failure] = []
        put: Comment | None = None
        if labels is not None and (refused := answer.error_at("labels")) is not None:
            failures.append(Failure(labels, self._labels_refused(issue, refused)))
            added = ()
        elif (added or removed) and not answer.done("labels") and answer.error_at("comment") is None:
            # An error of the comment takes all data away, but the labels stood first and are done.
            raise ServerFault("Linear does not say that the labels were changed.")
        if (
            comment is not None
            and failures
            and not (answer.data.get("comment") or answer.error_at("comment"))
        ):
            failures.append(Failure(comment, _UNTRUE))
        elif comment is not None:
            written = self._comment_outcome(issue, answer, comment)
            if isinstance(written, Failure):
                failures.append(written)
            else:
                put = written
        updated = moment(_at(answer, "labels", "issue", "updatedAt"))
        return Written(added, put, updated, tuple(failures), withdrawn=removed)

    def _labels_refused(self, issue: Issue, refused: GraphQLError) -> str:
        """Why the labels were not changed, when that is final."""
        if _unknown_label(refused) or refused.says("incorrect team"):
            # A label we knew was deleted or moved; the next run reads the labels anew.
            self._cache.drop(f"labels:{issue.team_id}")
            raise Conflict("Linear no longer has a label that was to be added.")
        return _final(refused, "changing labels")

    def _comment_outcome(self, issue: Issue, answer: Answer, comment: PutComment) -> Comment | Failure:
        refused = answer.error_at("comment")
        if refused is None and not answer.done("comment"):
            raise ServerFault("Linear does not say that the comment was written.")
        if refused is None:
            id_ = text(_at(answer, "comment", "comment", "id"))
            id_ = id_ or comment.id or comment_id(self._connection, issue.id, comment.topic)
            return Comment(id_, comment.topic, text(_at(answer, "comment", "comment", "url")))
        if comment.id is None and refused.says("conflict on insert", "already exists"):
            return self._edit_earlier(issue, comment)
        if comment.id is not None and refused.says("entity not found"):
            return Failure(
                comment, "The comment is no longer there; it is not written again.", comment_gone=True
            )
        return Failure(comment, _final(refused, "commenting"))

    def _edit_earlier(self, issue: Issue, comment: PutComment) -> Comment | Failure:
        """An earlier attempt got through without our knowing: its comment gets the present text."""
        earlier = replace(comment, id=comment_id(self._connection, issue.id, comment.topic))
        again = self._client.call("EditComment", {"id": earlier.id, "body": comment.body})
        written = self._comment_outcome(issue, again, earlier)
        return replace(written, operation=comment) if isinstance(written, Failure) else written

    def _create(self, issue: Issue, new: CreateLabel) -> Label | TrackerError:
        """The label as made or as already there, or why Linear will not have it."""
        wanted = {"name": new.name.strip(), "teamId": issue.team_id}
        try:
            answer = self._client.call("CreateLabel", {"input": wanted})
        except (Forbidden, Rejected) as error:
            return error
        self._cache.drop(f"labels:{issue.team_id}")
        if (refused := answer.error_at("issueLabelCreate")) is not None:
            found = self.palette(issue).find(new.name) if refused.says("duplicate label name") else None
            return found or Rejected(_final(refused, "creating a label"))
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
            page = answer.root("issueLabels", "UsableLabels")
            for node in map(mapping, items(page.get("nodes"))):
                if node.get("isGroup") or not text(node.get("id")):
                    continue
                group = text(mapping(node.get("parent")).get("name"))
                found.append([node["id"], node.get("name") or "", group, bool(node.get("team"))])
            after = next_page(page)
            if after is None:
                return found


def comment_id(connection: str, issue: str, topic: str) -> str:
    """The id of our comment on a topic of an issue: the same at every attempt, so that a repeated
    create meets Linear's conflict instead of making a second comment. A UUID of version 4 by form."""
    digest = hashlib.sha256(f"{connection}\n{issue}\n{topic}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def _unknown_label(refused: GraphQLError) -> bool:
    return refused.says("entity not found: issuelabel")


def _final(refused: GraphQLError, doing: str) -> str:
    """Linear's words for a refusal that stays one. Raises Conflict for trouble that passes."""
    error = as_exception(refused, doing)
    if isinstance(error, Conflict):
        raise error
    return str(error)


def _uuid(text_: str) -> str | None:
    """The id in Linear's own spelling; None for a key such as ``ENG-12``."""
    try:
        return str(UUID(text_))
    except ValueError:
        return None


def _document(labels: bool, comment: PutComment | None) -> str:
    if comment is None:
        return "EditLabels"
    action = "Post" if comment.id is None else "Edit"
    return f"EditLabelsAnd{action}Comment" if labels else f"{action}Comment"


def _at(answer: Answer, *path: str) -> Any:
    value: Any = answer.data
    for name in path:
        value = mapping(value).get(name)
    return value
