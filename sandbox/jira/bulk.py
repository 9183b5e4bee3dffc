"""REST v3, Cloud alone: writes of many issues at once, done behind the caller's back.

Source: Atlassian's OpenAPI document of the Jira Cloud platform REST API v3, groups issue bulk
operations, issue properties and tasks. The work is done when it is asked for; what takes its time is
to be told so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, g, request

from sandbox.jira.api import Api, ApiError, json_body
from sandbox.jira.editing import check_label, checked_property
from sandbox.jira.model import Issue, Named
from sandbox.jira.shapes import JSON

_API = "/rest/api/3"
_MOST = 1_000
_PARTS = frozenset({"editedFieldsInput", "selectedActions", "selectedIssueIdsOrKeys", "sendBulkNotification"})
_INPUTS = {"labelsFields": "labels", "multiselectComponents": "components"}
"""The parts of ``editedFieldsInput`` that are known here, and the fields they edit."""


@dataclass(slots=True)
class Task:
    """Work under way, and what will be told of it in the end."""

    id: str
    at: int
    """When it was asked for, in epoch milliseconds."""
    polls: int
    """How often it will still be found at work."""
    result: JSON
    is_edit: bool
    outcome: str = "COMPLETE"

    def asked(self) -> bool:
        """Whether it is over by now."""
        self.polls -= 1
        return self.polls < 0


class Tasks:
    """The long work there is."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, Task] = {}

    def begin(self, result: JSON, *, is_edit: bool) -> Task:
        """Take on what was done in truth already."""
        state = self._api.state
        at = int(state.now().timestamp() * 1000)
        polls = self._api.config.task_polls
        outcome = self._api.config.task_outcome
        task = Task(
            state.next_id("task"), at, polls, result if outcome == "COMPLETE" else {}, is_edit, outcome
        )
        self._known[task.id] = task
        return task

    def get(self, id_: str, is_edit: bool) -> Task:
        """A task of the asked kind."""
        task = self._known.get(id_)
        if task is None or task.is_edit is not is_edit:
            status = 400 if is_edit else 404
            raise ApiError(status, "The task associated with this taskId is not one of this kind.")
        return task


def add_bulk(api: Api) -> None:
    """Serve the bulk endpoints and the tasks they start."""
    tasks = Tasks(api)
    _add_edit(api, tasks)

    @api.route("PUT", f"{_API}/issue/properties/<name>", "issues property", only="cloud")
    def put_property(name: str) -> Any:
        body = json_body()
        ids = body.get("filter", {}).get("entityIds")
        if not isinstance(ids, list) or not all(isinstance(id_, int) for id_ in ids) or "value" not in body:
            raise ApiError(400, "Give a value, and the issues by their ids, which are numbers.")
        value = checked_property(body["value"])
        issues = [api.state.issues[str(id_)] for id_ in ids if str(id_) in api.state.issues]
        for issue in issues:
            api.state.set_property(issue, name, value, api.state.bot)
        task = tasks.begin({}, is_edit=False)
        g.detail |= {"issues": len(issues), "task": task.id}
        return Response("", 303, {"Location": _address(task)})

    @api.route("GET", f"{_API}/task/<task>", "task", only="cloud")
    def read_task(task: str) -> Any:
        return _task(tasks.get(task, is_edit=False))


def _add_edit(api: Api, tasks: Tasks) -> None:
    @api.route("POST", f"{_API}/bulk/issues/fields", "bulk edit", only="cloud")
    def edit() -> Any:
        if not api.config.may_bulk:
            return _errors(403, "You do not have the global permission to make bulk changes.")
        body = json_body()
        if problem := _problem(body):
            return _errors(400, problem)
        known, lost = _selected(api, body["selectedIssueIdsOrKeys"])
        if bare := {issue.project.key for issue in known} & set(api.config.without_labels):
            return _errors(400, f"The field labels cannot be edited in {', '.join(sorted(bare))}.")
        if api.config.task_outcome != "COMPLETE":
            known = []
        done, failed = _edited(api, known, body["editedFieldsInput"])
        result: JSON = {"processedAccessibleIssues": [int(issue.id) for issue in done]}
        result |= {"failedAccessibleIssues": failed} if failed else {}
        result |= {"invalidOrInaccessibleIssueCount": lost, "totalIssueCount": len(known) + lost}
        task = tasks.begin(result, is_edit=True)
        g.detail |= {"issues": len(done), "mail": body.get("sendBulkNotification", True), "task": task.id}
        return {"taskId": task.id}, 201

    @api.route("GET", f"{_API}/bulk/queue/<task>", "bulk progress", only="cloud")
    def progress(task: str) -> Any:
        return _progress(api, tasks.get(task, is_edit=True))


def _problem(body: Mapping[str, Any]) -> str | None:
    """What is wrong with a request as such."""
    unknown = sorted(set(body) - _PARTS)
    inputs, actions = body.get("editedFieldsInput"), body.get("selectedActions")
    selected = body.get("selectedIssueIdsOrKeys")
    if unknown or not isinstance(inputs, dict) or not isinstance(actions, list):
        return f"The request cannot be read. Unknown: {', '.join(unknown) or 'nothing'}."
    if not isinstance(selected, list) or not 0 < len(selected) <= _MOST:
        return f"Select 1 to {_MOST} issues."
    if other := sorted(set(inputs) - set(_INPUTS)):
        return f"This toy edits labels and components alone, not {', '.join(other)}."
    edited = {_INPUTS[name] for name in inputs}
    if edited != set(actions):
        return "The editedFieldsInput values and the selectedActions are not the same fields."
    for one in inputs.get("labelsFields", ()):
        if one.get("bulkEditMultiSelectFieldOption") != "ADD" or one.get("fieldId") != "labels":
            return "This toy only adds labels."
        try:
            for label in one["labels"]:
                check_label(label["name"])
        except ValueError as error:
            return str(error)
    return None


def _selected(api: Api, selected: list[Any]) -> tuple[list[Issue], int]:
    """The issues there are, and how many of those asked for there are not."""
    known = []
    for id_ in dict.fromkeys(map(str, selected)):
        try:
            known.append(api.state.issue(id_))
        except LookupError:
            continue
    return known, len(selected) - len(known)


def _edited(
    api: Api, issues: list[Issue], inputs: Mapping[str, Any]
) -> tuple[list[Issue], dict[str, list[str]]]:
    labels = [label["name"] for one in inputs.get("labelsFields", ()) for label in one["labels"]]
    wanted = [
        str(one["componentId"]) for one in inputs.get("multiselectComponents", {}).get("components", ())
    ]
    done: list[Issue] = []
    failed: dict[str, list[str]] = {}
    for issue in issues:
        components = [part for part in issue.project.components if part.id in wanted]
        if issue.key in api.config.archived:
            failed[issue.id] = ["The issue is archived."]
        elif len(components) != len(wanted):
            failed[issue.id] = ["The component is not one of the project's."]
        else:
            values = {"labels": [*dict.fromkeys([*issue.labels, *labels])]}
            values |= {"components": _with(issue.components, components)} if components else {}
            # What many issues suffer at once is told after what people do.
            api.state.edit(issue, values, api.state.bot, cascade=True)
            done.append(issue)
    return done, failed


def _with(held: list[Named], new: list[Named]) -> list[Named]:
    return held + [component for component in new if component not in held]


def _progress(api: Api, task: Task) -> JSON:
    over = task.asked()
    shape: JSON = {
        "taskId": task.id,
        "status": task.outcome if over else "RUNNING",
        "progressPercent": 100 if over else 50,
        "submittedBy": {"accountId": api.state.bot.account_id},
        "created": task.at,
        "started": task.at,
        "updated": task.at,
    }
    return shape | task.result if over else shape


def _address(task: Task) -> str:
    return f"{request.host_url.rstrip('/')}{_API}/task/{task.id}"


def _task(task: Task) -> JSON:
    over = task.asked()
    return {
        "self": _address(task),
        "id": task.id,
        "status": task.outcome if over else "RUNNING",
        "progress": 100 if over else 50,
        "elapsedRuntime": 10,
        "submitted": task.at,
        "started": task.at,
        "lastUpdate": task.at,
        "submittedBy": 10000,
    } | ({"finished": task.at} if over else {})


def _errors(status: int, message: str) -> tuple[JSON, int]:
    return {"errors": [{"message": message}]}, status
