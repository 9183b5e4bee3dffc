"""REST: who and where we are, which fields, projects, labels and permissions there are.

Source: developer.atlassian.com/cloud/jira/platform/rest/v2, groups server info, myself, issue
fields, permissions, projects and labels.
"""

from __future__ import annotations

from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, page_window
from sandbox.jira.model import STATUSES, TYPES, Project
from sandbox.jira.shapes import JSON, stamp
from sandbox.jira.views import names

_PERMISSIONS = {
    "ADMINISTER": "GLOBAL",
    "ADMINISTER_PROJECTS": "PROJECT",
    "ADD_COMMENTS": "PROJECT",
    "BROWSE_PROJECTS": "PROJECT",
    "BULK_CHANGE": "GLOBAL",
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
        version = config.version
        return {
            "baseUrl": request.host_url.rstrip("/"),
            "version": "1001.0.0-SNAPSHOT" if config.cloud else config.release,
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
    _add_access(api)


def _add_access(api: Api) -> None:
    state, config = api.state, api.config

    @api.route("GET", "/_edge/tenant_info", "tenant info", anonymous="serve", only="cloud")
    def tenant_info() -> Any:
        return {"cloudId": config.cloud_id}

    @api.route("GET", "/rest/pat/latest/tokens", "access tokens", only="data_center")
    def tokens() -> Any:
        """The account's tokens; which of them was used to ask is not told."""
        now = stamp(state.now())
        told = {"createdAt": now, "lastAccessedAt": now}
        ours = {"id": 1, "name": "sprintwarden", "expiringAt": config.token_expires}
        others = [
            {"id": n + 2, "name": f"other {n}", "expiringAt": f"2030-01-0{n + 1}T00:00:00.000+0000"}
            for n in range(config.other_tokens)
        ]
        return [told | one for one in [ours, *others]]


def _add_projects(api: Api) -> None:
    state = api.state

    @api.route("GET", "/rest/api/2/project", "projects", anonymous="serve")
    def projects() -> Any:
        return [state.shapes.project(project) for project in state.projects.values()] if g.known else []

    for version in ("2", "3"):

        @api.route(
            "GET", f"/rest/api/{version}/project/search", "project search", anonymous="serve", only="cloud"
        )
        def found() -> Any:
            every = [state.shapes.project(project) for project in state.projects.values()] if g.known else []
            every.sort(key=lambda project: str(project["key"]))
            start, size = page_window(min(100, api.config.page_size))
            values = every[start : start + size]
            last = start + len(values) >= len(every)
            shape = {"startAt": start, "maxResults": size, "total": len(every), "isLast": last}
            return shape | {"self": request.url, "values": values}

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
    missing = {"ADMINISTER", *api.config.lacking}
    missing |= set() if api.config.may_suppress_mail else {"ADMINISTER_PROJECTS"}
    missing |= set() if api.config.may_bulk else {"BULK_CHANGE"}
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
