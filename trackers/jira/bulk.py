"""Many labels on many issues of Jira: on Cloud together, as background tasks; else one write an issue.

Sources: developer.atlassian.com, Jira Cloud platform REST API v3, "Bulk edit issues" (1,000 issues a
request, asynchronous), "Get bulk issue operation progress", "Bulk set issue property" and "Get task".
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, Final, TypeVar

from trackers.errors import Forbidden, Gone, Rejected, ServerFault
from trackers.jira.client import JiraClient
from trackers.jira.memory import PROPERTY, remembered
from trackers.jira.setup import JiraSetup
from trackers.model import COMPONENT
from trackers.protocol import BulkStep, Glimpse, Mark, Marked
from trackers.reading import ident, items, mapping, reference, text

_EDIT: Final = "/rest/api/3/bulk/issues/fields"
_PROGRESS: Final = "/rest/api/3/bulk/queue/{task}"
_REMEMBER: Final = "/rest/api/3/issue/properties/{property}"
_TASK: Final = "/rest/api/3/task/{task}"
_MOST: Final = 1_000
_WORTH: Final = 5
"""Fewer issues cost no more one by one: two writes and two looks at their tasks."""
PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each look at a task; the last one again and again."""
_LOOKS: Final = 12
"""About half a minute: a process that is told to end is not given much more."""
_UNDER_WAY: Final = frozenset({"ENQUEUED", "RUNNING", "CANCEL_REQUESTED"})
_GONE: Final = "The issue is gone, or the account may not see it."
_CANCELLED: Final = "The bulk edit was cancelled in Jira."

K = TypeVar("K")
Edit = Callable[[Mark, bool], datetime | None]
"""Writes one mark in one request, as bulk work or not, and gives the issue's new ``updated``."""
See = Callable[[Sequence[str]], Mapping[str, Glimpse]]
"""How issues (ids) stand now."""


@dataclass(frozen=True, slots=True)
class _Tags:
    """What a bulk edit adds to each of its issues."""

    labels: frozenset[str]
    components: frozenset[str]
    """By their ids, which differ from project to project."""


class JiraBulk:
    """The writes of many issues of one connection."""

    def __init__(self, client: JiraClient, setup: JiraSetup, edit: Edit, see: See, *, cloud: bool) -> None:
        self._see = see
        self._client = client
        self._setup = setup
        self._edit = edit
        self._cloud = cloud

    def steps(self, marks: Sequence[Mark]) -> tuple[BulkStep, ...]:
        """See ``trackers.protocol.Tracker.bulk_steps``."""
        groups: defaultdict[_Tags, list[Mark]] = defaultdict(list)
        alone: list[Mark] = []
        # Asked once for each project, not for each of thousands of marks.
        open_ = {project: self._ids_in(group) for project, group in _by(marks, _project).items()}
        for mark in marks:
            ids = open_[mark.project]
            tags = _tags(mark, ids) if ids is not None else None
            (alone if tags is None else groups[tags]).append(mark)
        steps: list[BulkStep] = []
        for tags, group in groups.items():
            if not self._is_worth_it(group):
                alone += group
                continue
            chunks = (tuple(group[start : start + _MOST]) for start in range(0, len(group), _MOST))
            steps += [BulkStep(chunk, partial(self._send, chunk, tags)) for chunk in chunks]
        steps += [BulkStep((mark,), partial(self._one_by_one, (mark,), True)) for mark in alone]
        return tuple(steps)

    def settle(self) -> None:
        """Wait for bulk edits that nobody saw the end of. Raises ServerFault while one is not over."""
        for task in self._setup.begun_edits():
            self._over(_PROGRESS, task)
            self._setup.edit_over(task)

    def remember(self, marks: Sequence[Mark]) -> None:
        """See ``trackers.protocol.Tracker.remember``; what is written one by one has it in the same write."""
        if self._cloud and marks:
            self._remember(marks)

    def _is_worth_it(self, group: Sequence[Mark]) -> bool:
        # A bulk edit is always without mail.
        projects = {mark.project for mark in group}
        return len(group) >= _WORTH or not all(map(self._setup.may_edit_quietly, projects))

    def _ids_in(self, marks: Sequence[Mark]) -> Mapping[str, str] | None:
        """The ids of a project's components, where ``marks`` of it have any; None where all of them must be
        written alone."""
        project = marks[0].project
        if not (self._cloud and self._setup.may_edit_in_bulk(project)):
            return None
        if not any(_components(mark) for mark in marks):
            return {}
        try:
            return self._setup.component_ids(project)
        except (Forbidden, Gone):
            return {}

    def _send(self, marks: Sequence[Mark], tags: _Tags, bulk: bool = True) -> Marked:
        try:
            answer = self._client.call(
                "POST", _EDIT, body=_edit_body(marks, tags), bulk=bulk, refuses_alone=True
            )
        except (Forbidden, Gone):
            self._setup.leave_bulk()
            return self._one_by_one(marks)
        except Rejected:
            return self._project_by_project(marks, tags)
        task = reference(mapping(answer).get("taskId"))
        if task is None:
            raise ServerFault("Jira took a bulk edit but did not say under what task.")
        self._setup.edit_begun(task)
        told = self._over(_PROGRESS, task)
        self._setup.edit_over(task)
        return self._settled(marks, told)

    def _project_by_project(self, marks: Sequence[Mark], tags: _Tags) -> Marked:
        """After a refusal as a whole: one project without the field on its screens must not cost the others
        the quick way."""
        projects = _by(marks, _project)
        if len(projects) > 1:
            return _joined([self._send(group, tags, bulk=False) for group in projects.values()])
        self._setup.leave_bulk(*projects)
        return self._one_by_one(marks)

    def _settled(self, marks: Sequence[Mark], told: Mapping[str, Any]) -> Marked:
        """What became of each, by a task that is over."""
        processed = {ident(id_) for id_ in items(told.get("processedAccessibleIssues"))}
        failed = mapping(told.get("failedAccessibleIssues"))
        done = [mark for mark in marks if mark.issue in processed]
        rest = [mark for mark in marks if mark.issue not in processed]
        failures = {mark.issue: _why(failed[mark.issue]) for mark in rest if mark.issue in failed}
        untold = [mark for mark in rest if mark.issue not in failed]
        if untold and text(told.get("status")) == "COMPLETE":
            seen = self._see([mark.issue for mark in untold])
            done += [mark for mark in untold if _is_there(mark, seen)]
            failures |= {mark.issue: _GONE for mark in untold if mark.issue not in seen}
            untold = [mark for mark in untold if mark.issue in seen and not _is_there(mark, seen)]
        # Only now: labels that we remember before they are there would read as taken off by a person.
        parts = [self._remember(done), Marked({}, failures)]
        if text(told.get("status")) == "CANCELLED":
            parts.append(Marked({}, {mark.issue: _CANCELLED for mark in untold}))
        else:
            parts.append(self._one_by_one(untold))
        return _joined(parts)

    def _remember(self, marks: Sequence[Mark]) -> Marked:
        """Set our property on issues that have their labels; one write for all that remember the same."""
        groups = list(_by(marks, lambda mark: mark.remember).items())
        unsure: list[Mark] = []
        tasks: list[tuple[str, list[Mark]]] = []
        for memory, group in groups:
            ids = [int(mark.issue) for mark in group]
            body = {"value": remembered(memory), "filter": {"entityIds": ids}}
            try:
                task = self._client.submit("PUT", _REMEMBER, path={"property": PROPERTY}, body=body)
                tasks.append((task, group))
            except (Forbidden, Gone, Rejected):
                unsure += group
        for task, group in tasks:
            if self._over(_TASK, task).get("status") != "COMPLETE":
                unsure += group
        written = self._one_by_one(unsure)
        doubted = {mark.issue for mark in unsure}
        sure = {mark.issue: None for mark in marks if mark.issue not in doubted}
        return _joined([Marked(sure), written])

    def _over(self, template: str, task: str) -> Mapping[str, Any]:
        """What is told of a task once it is over; nothing where Jira will not tell of it.

        Raises ServerFault when it takes too long.
        """
        for pause in chain(PAUSES, repeat(PAUSES[-1], _LOOKS - len(PAUSES))):
            time.sleep(pause)
            try:
                told = mapping(self._client.call("GET", template, path={"task": task}))
            except (Forbidden, Gone, Rejected):
                return {}
            if told.get("status") not in _UNDER_WAY:
                return told
        raise ServerFault(f"Jira is still at work on task {task}; it is waited for.")

    def _one_by_one(self, marks: Iterable[Mark], bulk: bool = False) -> Marked:
        done: dict[str, datetime | None] = {}
        failures: dict[str, str] = {}
        for mark in marks:
            try:
                done[mark.issue] = self._edit(mark, bulk)
            except Gone:
                failures[mark.issue] = _GONE
            except (Forbidden, Rejected) as error:
                failures[mark.issue] = str(error)
        return Marked(done, failures)


def _project(mark: Mark) -> str:
    return mark.project


def _is_there(mark: Mark, seen: Mapping[str, Glimpse]) -> bool:
    return mark.issue in seen and seen[mark.issue].tags >= {label.id for label in mark.labels}


def _components(mark: Mark) -> list[str]:
    """The names of those among its labels."""
    return [label.id.removeprefix(COMPONENT) for label in mark.labels if label.id.startswith(COMPONENT)]


def _tags(mark: Mark, ids: Mapping[str, str]) -> _Tags | None:
    """None for a mark that must be written alone: it has no label, or a component without an id."""
    named = _components(mark)
    if not mark.labels or not ids.keys() >= set(named):
        return None
    labels = frozenset(label.id for label in mark.labels if not label.id.startswith(COMPONENT))
    return _Tags(labels, frozenset(ids[name] for name in named))


def _edit_body(marks: Sequence[Mark], tags: _Tags) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if tags.labels:
        labels = [{"name": label} for label in sorted(tags.labels)]
        fields["labelsFields"] = [_adding("labels", labels)]
    if tags.components:
        components = [{"componentId": int(id_)} for id_ in sorted(tags.components)]
        fields["multiselectComponents"] = _adding("components", components)
    edited = [name for name, has in (("labels", tags.labels), ("components", tags.components)) if has]
    return {
        "editedFieldsInput": fields,
        "selectedActions": edited,
        "selectedIssueIdsOrKeys": [mark.issue for mark in marks],
        "sendBulkNotification": False,
    }


def _adding(field: str, values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"fieldId": field, "bulkEditMultiSelectFieldOption": "ADD", field: values}


def _by(marks: Iterable[Mark], key: Callable[[Mark], K]) -> dict[K, list[Mark]]:
    groups: defaultdict[K, list[Mark]] = defaultdict(list)
    for mark in marks:
        groups[key(mark)].append(mark)
    return groups


def _joined(parts: Iterable[Marked]) -> Marked:
    done: dict[str, datetime | None] = {}
    failures: dict[str, str] = {}
    for part in parts:
        done |= part.done
        failures |= part.failures
    return Marked(done, failures)


def _why(reasons: object) -> str:
    told = "; ".join(filter(None, map(text, items(reasons))))[:200]
    return f"Jira would not edit it: {told or 'no reason was told'}"
