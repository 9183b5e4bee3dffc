"""REST: who and where we are, which fields, projects, labels and permissions there are.

Source: developer.atlassian.com/cloud/jira/platform/rest/v2, groups server info, myself, issue
fields, permissions, projects and labels.
"""

from __future__ import annotations

from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, page_window
from sandbox.jira.model import STATUSES, TYPES, Project
from sandbox.jira.shapes import JSON
from sandbox.jira.views import names

_PERMISSIONS = {
    "ADMINISTER": "GLOBAL",
    "ADMINISTER_PROJECTS": "PROJECT",
    "ADD_COMMENTS": "PROJECT",
    "BROWSE_PROJECTS": "PROJECT",
    "CREATE_ISSUES": "PROJECT",
    "EDIT_ALL_COMMENTS": "PROJECT",
    "EDIT_ISSUES": "PROJECT",
    "EDIT_OWN_COMMENTS": "PROJECT",
    "MANAGE_SPRINTS_PERMISSION": "PROJECT",
}
_SYSTEM = (
    ("summary", "Summary", "string"),
    ("description", "Description", "string"),
    ("issuetype", "Issue Type", "issuetype"),
    ("project", "Project", "project"),
    ("status", "Status", "status"),
    ("priority", "Priority", "priority"),
    ("assignee", "Assignee", "user"),
    ("created", "Created", "datetime"),
    ("updated", "Updated", "datetime"),
    ("resolution", "Resolution", "resolution"),
)


def add_site(api: Api) -> None:
    """Serve the endpoints about the site itself."""
    state, config = api.state, api.config

    @api.route("GET", "/rest/api/2/serverInfo", "serverInfo", anonymous="serve")
    def server_info() -> Any:
        version = [1001, 0, 0] if config.cloud else [10, 3, 5]
        return {
            "baseUrl": request.host_url.rstrip("/"),
            "version": "1001.0.0-SNAPSHOT" if config.cloud else "10.3.5",
            "versionNumbers": version,
            "deploymentType": "Cloud" if config.cloud else "Server",
            "buildNumber": 100_000 + version[1],
            "serverTitle": "Toy Jira",
        }

    @api.route("GET", "/rest/api/2/myself", "myself")
    def myself() -> Any:
        return state.shapes.user(state.bot)

    @api.route("GET", "/rest/api/2/field", "field")
    def fields() -> Any:
        return _fields(api)

    @api.route("GET", "/rest/api/2/mypermissions", "mypermissions")
    def my_permissions() -> Any:
        return {"permissions": _permissions(api)}

    @api.route("GET", "/rest/api/2/status", "statuses")
    def statuses() -> Any:
        return [state.shapes.status(status) for status in STATUSES]

    _add_projects(api)


def _add_projects(api: Api) -> None:
    state = api.state

    @api.route("GET", "/rest/api/2/project", "projects", anonymous="serve")
    def projects() -> Any:
        return [state.shapes.project(project) for project in state.projects.values()] if g.known else []

    @api.route("GET", "/rest/api/2/project/<project>", "project", anonymous="hide")
    def one_project(project: str) -> Any:
        return _whole_project(api, _project(api, project))

    @api.route("GET", "/rest/api/2/project/<project>/components", "components", anonymous="hide")
    def components(project: str) -> Any:
        known = _project(api, project)
        return [
            state.shapes.named("component", component) | {"project": known.key, "archived": False}
            for component in known.components
        ]

    @api.route("GET", "/rest/api/2/label", "label", only="cloud")
    def labels() -> Any:
        every = sorted({label for issue in state.issues.values() for label in issue.labels})
        start, size = page_window(1000)
        values = every[start : start + size]
        last = start + len(values) >= len(every)
        return {"startAt": start, "maxResults": size, "total": len(every), "isLast": last, "values": values}


def _project(api: Api, name: str) -> Project:
    for known in api.state.projects.values():
        if name.upper() == known.key or name == known.id:
            return known
    raise ApiError(404, f"No project could be found with key '{name}'.")


def _permissions(api: Api) -> JSON:
    asked = names(request.args.get("permissions"))
    if api.config.cloud and not asked:
        raise ApiError(400, "The permissions parameter is required.")
    unknown = set(asked) - set(_PERMISSIONS)
    if api.config.cloud and unknown:
        raise ApiError(400, f"Unrecognized permission: {', '.join(sorted(unknown))}.")
    missing = {"ADMINISTER"} | (set() if api.config.may_suppress_mail else {"ADMINISTER_PROJECTS"})
    return {
        key: {
            "id": str(number),
            "key": key,
            "name": key.replace("_", " ").title(),
            "type": kind,
            "description": "",
            "havePermission": key not in missing,
        }
        for number, (key, kind) in enumerate(_PERMISSIONS.items())
        # Data Center answers with all permissions, whatever was asked.
        if not api.config.cloud or key in asked
    }


def _whole_project(api: Api, project: Project) -> JSON:
    shapes = api.state.shapes
    return shapes.project(project) | {
        "components": [shapes.named("component", component) for component in project.components],
        "issueTypes": [shapes.issue_type(kind) for kind in TYPES],
        "versions": [],
    }


def _fields(api: Api) -> list[JSON]:
    ids, cloud = api.state.shapes.fields, api.config.cloud
    number = "com.atlassian.jira.plugin.system.customfieldtypes:float"
    greenhopper = "com.pyxis.greenhopper.jira"
    shown = [_field(id_, name, {"type": kind, "system": id_}) for id_, name, kind in _SYSTEM]
    shown += [
        _field("labels", "Labels", {"type": "array", "items": "string", "system": "labels"}),
        _field("components", "Components", {"type": "array", "items": "component", "system": "components"}),
        _custom(ids.sprint, "Sprint", f"{greenhopper}:gh-sprint", "array", "json" if cloud else "string"),
        _custom(ids.rank, "Rank", f"{greenhopper}:gh-lexo-rank", "any"),
        _custom(ids.points, "Story Points", number, "number"),
    ]
    if ids.estimate:
        shown.append(
            _custom(ids.estimate, "Story point estimate", f"{greenhopper}:jsw-story-points", "number")
        )
    return shown


def _field(id_: str, name: str, schema: JSON) -> JSON:
    return {
        "id": id_,
        "name": name,
        "custom": "customId" in schema,
        "orderable": True,
        "navigable": True,
        "searchable": True,
        "clauseNames": [id_],
        "schema": schema,
    }


def _custom(id_: str, name: str, custom: str, kind: str, items: str | None = None) -> JSON:
    number = int(id_.removeprefix("customfield_"))
    schema: JSON = {"type": kind, "custom": custom, "customId": number} | ({"items": items} if items else {})
    return _field(id_, name, schema) | {"clauseNames": [f"cf[{number}]", name]}
