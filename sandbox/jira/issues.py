"""REST v2: issues, their properties, transitions and changelog.

Source: developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues and
api-group-issue-properties.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, flag, json_body, page_window
from sandbox.jira.editing import Reader, checked_property
from sandbox.jira.model import TRANSITIONS, Issue
from sandbox.jira.state import State
from sandbox.jira.views import Views, names

_API = "/rest/api/2"


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

    _add_life(api, reader)
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

    @api.route("GET", f"{_API}/issue/<key>/changelog", "changelog", anonymous="hide", only="cloud")
    def changelog(key: str) -> Any:
        history = api.issue(key).history
        start, size = page_window(100)
        values = [state.shapes.history(entry) for entry in history[start : start + size]]
        last = start + len(values) >= len(history)
        return {"startAt": start, "maxResults": size, "total": len(history), "isLast": last, "values": values}


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
