"""REST v2: issues, their properties, transitions and changelog.

Source: developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues and
api-group-issue-properties.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, flag, json_body, page_window
from sandbox.jira.editing import Reader, checked_property
from sandbox.jira.model import TRANSITIONS, History, Issue
from sandbox.jira.state import State
from sandbox.jira.views import Views, named_list, names

_API = "/rest/api/2"
_FETCHED = 100
_BULK_ISSUES, _BULK_FIELDS, _BULK_ENTRIES = 1_000, 10, 10_000


def add_issues(api: Api, reader: Reader) -> None:
    """Serve the issue endpoints."""
    state, views = api.state, Views(api.state)

    @api.route("GET", f"{_API}/issue/<key>", "issue", anonymous="hide")
    def get_issue(key: str) -> Any:
        return _shown(views, api.issue(key))

    @api.route("PUT", f"{_API}/issue/<key>", "issue", anonymous="hide")
    def put_issue(key: str) -> Any:
        issue = api.issue(key)
        body = json_body()
        values, properties = reader.edit(issue, body), reader.properties(body)
        _check_editable(api, issue, values)
        mail = mail_goes_out(api)
        for value in properties.values():
            checked_property(value)
        before = set(issue.labels)
        changed = state.edit(issue, values, state.bot) is not None
        for name, value in properties.items():
            state.set_property(issue, name, value, state.bot)
        after = set(issue.labels)
        g.detail |= {
            "fields": sorted(values),
            "properties": sorted(properties),
            "changed": changed,
            "labels_added": sorted(after - before),
            "labels_removed": sorted(before - after),
            "mail": mail and changed,
        }
        # Data Center knows no returnIssue and passes over it.
        if flag("returnIssue", False) and api.config.cloud:
            return _shown(views, issue)
        return HTTPStatus.NO_CONTENT

    @api.route("GET", f"{_API}/issue/<key>/editmeta", "edit meta", anonymous="hide")
    def edit_meta(key: str) -> Any:
        project = api.issue(key).project.key
        lists = ["components"] if project in api.config.without_labels else ["components", "labels"]
        return {"fields": {name: _list_field(name) for name in lists} | {"summary": _text_field("summary")}}

    _add_life(api, reader)
    _add_many(api, views)
    _add_changelogs(api)
    _add_transitions(api)
    _add_properties(api)


def _add_life(api: Api, reader: Reader) -> None:
    state = api.state

    @api.route("DELETE", f"{_API}/issue/<key>", "issue", anonymous="hide")
    def delete_issue(key: str) -> Any:
        state.delete(api.issue(key), state.bot)
        return HTTPStatus.NO_CONTENT

    @api.route("POST", f"{_API}/issue", "issue")
    def post_issue() -> Any:
        body = json_body()
        properties = {name: checked_property(value) for name, value in reader.properties(body).items()}
        issue = state.create(reader.draft(body), state.bot)
        for name, value in properties.items():
            state.set_property(issue, name, value, state.bot)
        g.issue = issue.key
        return {"id": issue.id, "key": issue.key, "self": state.shapes.link(f"issue/{issue.id}")}, 201


def _add_many(api: Api, views: Views) -> None:
    @api.route("POST", f"{_API}/issue/bulkfetch", "issues", anonymous="serve", only="cloud", reads=True)
    def issues() -> Any:
        body = json_body()
        asked, fields = body.get("issueIdsOrKeys"), named_list(body.get("fields"), ("*navigable",))
        if not isinstance(asked, list) or not 0 < len(asked) <= _FETCHED:
            raise ApiError(400, f"Give 1 to {_FETCHED} issues.")
        found = []
        for key in dict.fromkeys(map(str, asked)) if g.known else ():
            with contextlib.suppress(LookupError):
                found.append(api.state.issue(key))
        found.sort(key=lambda issue: int(issue.id))
        properties = named_list(body.get("properties"))
        return {"issues": [views.issue(issue, fields, properties) for issue in found], "issueErrors": []}


def _add_changelogs(api: Api) -> None:
    state = api.state

    @api.route("GET", f"{_API}/issue/<key>/changelog", "changelog", anonymous="hide", only="cloud")
    def changelog(key: str) -> Any:
        history = api.issue(key).history
        start, size = page_window(100)
        values = [state.shapes.history(entry) for entry in history[start : start + size]]
        last = start + len(values) >= len(history)
        return {"startAt": start, "maxResults": size, "total": len(history), "isLast": last, "values": values}

    @api.route("POST", f"{_API}/changelog/bulkfetch", "changelogs", only="cloud", reads=True)
    def changelogs() -> Any:
        body = json_body()
        asked, fields = body.get("issueIdsOrKeys"), body.get("fieldIds") or []
        if not isinstance(asked, list) or not 0 < len(asked) <= _BULK_ISSUES or len(fields) > _BULK_FIELDS:
            raise ApiError(400, "Give 1 to 1000 issues and at most 10 fields.")
        found = _changes(state, {api.issue(str(key)).id for key in asked}, set(fields))
        start, size = _window(body)
        logs: dict[str, list[Any]] = {}
        for id_, entry in found[start : start + size]:
            logs.setdefault(id_, []).append(state.shapes.history(entry))
        answer: dict[str, Any] = {
            "issueChangeLogs": [{"issueId": id_, "changeHistories": log} for id_, log in logs.items()]
        }
        if start + size < len(found):
            answer["nextPageToken"] = str(start + size)
        return answer


def _changes(state: State, ids: set[str], fields: set[str]) -> list[tuple[str, History]]:
    """What ``fields`` (all, when empty) have of the issues' changelogs, oldest first."""
    found = []
    for id_ in ids:
        for entry in state.issues[id_].history:
            items = tuple(item for item in entry.items if not fields or item.id in fields)
            if items:
                found.append((id_, replace(entry, items=items)))
    return sorted(found, key=lambda change: (change[1].at, int(change[0])))


def _window(body: dict[str, Any]) -> tuple[int, int]:
    size, token = body.get("maxResults", 1_000), str(body.get("nextPageToken") or "0")
    if not isinstance(size, int) or not 0 < size <= _BULK_ENTRIES or not token.isdecimal():
        raise ApiError(400, "maxResults must be between 1 and 10000, nextPageToken one of ours.")
    return int(token), size


def _add_transitions(api: Api) -> None:
    state = api.state

    @api.route("GET", f"{_API}/issue/<key>/transitions", "transitions", anonymous="hide")
    def transitions(key: str) -> Any:
        api.issue(key)
        shown = [
            {"id": id_, "name": status.name, "to": state.shapes.status(status)}
            for id_, status in TRANSITIONS.items()
        ]
        return {"expand": "transitions", "transitions": shown}

    @api.route("POST", f"{_API}/issue/<key>/transitions", "transitions", anonymous="hide")
    def transit(key: str) -> Any:
        issue = api.issue(key)
        wanted = json_body().get("transition")
        status = TRANSITIONS.get(str(wanted.get("id"))) if isinstance(wanted, dict) else None
        if status is None:
            raise ApiError(400, "A valid transition id is required.")
        state.edit(issue, {"status": status}, state.bot)
        return HTTPStatus.NO_CONTENT


def _add_properties(api: Api) -> None:
    state = api.state
    path = f"{_API}/issue/<key>/properties"

    @api.route("GET", path, "issue properties", anonymous="hide")
    def keys(key: str) -> Any:
        return property_keys(state, f"issue/{key}", api.issue(key).properties)

    @api.route("GET", f"{path}/<name>", "issue property", anonymous="hide")
    def get_property(key: str, name: str) -> Any:
        return one_property(api.issue(key).properties, name)

    @api.route("PUT", f"{path}/<name>", "issue property", anonymous="hide")
    def put_property(key: str, name: str) -> Any:
        value = checked_property(property_body())
        new = state.set_property(api.issue(key), name, value, state.bot)
        return HTTPStatus.CREATED if new else HTTPStatus.OK

    @api.route("DELETE", f"{path}/<name>", "issue property", anonymous="hide")
    def delete_property(key: str, name: str) -> Any:
        issue = api.issue(key)
        one_property(issue.properties, name)
        del issue.properties[name]
        return HTTPStatus.NO_CONTENT


def _list_field(name: str) -> dict[str, Any]:
    schema = {"type": "array", "items": "string" if name == "labels" else "component", "system": name}
    return _text_field(name) | {"schema": schema, "operations": ["add", "set", "remove"]}


def _text_field(name: str) -> dict[str, Any]:
    schema = {"type": "string", "system": name}
    return {"required": False, "schema": schema, "name": name.title(), "key": name, "operations": ["set"]}


def _check_editable(api: Api, issue: Issue, values: dict[str, Any]) -> None:
    if issue.key in api.config.archived:
        raise ApiError(400, "The issue is archived and cannot be edited.")
    if "labels" in values and issue.project.key in api.config.without_labels:
        message = "Field 'labels' cannot be set. It is not on the appropriate screen, or unknown."
        raise ApiError(400, errors={"labels": message})


def mail_goes_out(api: Api) -> bool:
    """Whether an edit mails the watchers; 403 where the caller may not ask for silence."""
    if flag("notifyUsers", True):
        return True
    if api.config.may_suppress_mail:
        return False
    if api.config.mail_refusal == "refuse":
        raise ApiError(403, "Only a project administrator may edit without notifying users.")
    return True


def property_body() -> Any:
    """Any JSON value but none at all."""
    value = request.get_json(force=True, silent=True)
    if value is None:
        raise ApiError(400, "The value of a property must be JSON that is not empty.")
    return value


def one_property(properties: dict[str, Any], name: str) -> dict[str, Any]:
    """``{key, value}``, or 404."""
    if name not in properties:
        raise ApiError(404, f"There is no property with the key {name}.")
    return {"key": name, "value": properties[name]}


def property_keys(state: State, path: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The keys of an entity's properties."""
    return {
        "keys": [{"self": state.shapes.link(f"{path}/properties/{key}"), "key": key} for key in properties]
    }


def _shown(views: Views, issue: Issue) -> dict[str, Any]:
    arguments = request.args
    return views.issue(
        issue,
        names(arguments.get("fields"), ("*all",)),
        names(arguments.get("properties")),
        "changelog" in names(arguments.get("expand")),
    )
