"""The agile API 1.0: boards, their configuration, sprints and the issues in them.

Source: developer.atlassian.com/cloud/jira/software/rest, groups board and sprint; Cloud and Data
Center answer alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, json_body, page_window
from sandbox.jira.model import TIME, Board, Issue, Sprint
from sandbox.jira.search import read_query
from sandbox.jira.shapes import JSON
from sandbox.jira.sprints import Sprints
from sandbox.jira.views import Views, names

_BASE = "/rest/agile/1.0"
_STATES = ("future", "active", "closed")
_MOVED = 50
_KEYS = {"name": "name", "goal": "goal", "state": "state", "startDate": "start", "endDate": "end"}


def add_agile(api: Api, sprints: Sprints) -> None:
    """Serve the agile endpoints."""
    _add_boards(api)
    _add_sprints(api, sprints)
    _add_sprint_issues(api, sprints)


def _add_boards(api: Api) -> None:
    state = api.state

    @api.route("GET", f"{_BASE}/board", "boards")
    def boards() -> Any:
        wanted, kind = request.args.get("projectKeyOrId"), request.args.get("type")
        shown = [
            _shown(board)
            for board in state.boards.values()
            if (wanted is None or wanted.upper() in (board.project.key, board.project.id))
            and (not kind or board.kind in names(kind))
        ]
        return _page(api, shown, total=True)

    @api.route("GET", f"{_BASE}/board/<int:board>", "board")
    def board(board: int) -> Any:
        return _shown(_board(api, board))

    @api.route("GET", f"{_BASE}/board/<int:board>/configuration", "board configuration")
    def configuration(board: int) -> Any:
        return _configuration(api, _board(api, board))

    @api.route("GET", f"{_BASE}/board/<int:board>/sprint", "sprints")
    def sprints_of(board: int) -> Any:
        known = _board(api, board)
        if known.kind == "kanban":
            raise ApiError(400, "The board does not support sprints.")
        asked = names(request.args.get("state"), _STATES)
        if unknown := set(asked) - set(_STATES):
            raise ApiError(400, f"Unknown sprint states: {', '.join(sorted(unknown))}.")
        found = [sprint for sprint in state.on_board(known) if sprint.state in asked]
        return _page(api, [state.shapes.sprint(sprint) for sprint in found], total=False)


def _add_sprints(api: Api, sprints: Sprints) -> None:
    state = api.state

    @api.route("POST", f"{_BASE}/sprint", "sprint")
    def create() -> Any:
        body = json_body()
        board = body.get("originBoardId")
        if not isinstance(board, int) or not isinstance(body.get("name"), str):
            raise ApiError(400, "A sprint needs a name and the number of its originBoardId.")
        values = sprint_values({key: value for key, value in body.items() if key != "originBoardId"})
        if "state" in values:
            raise ApiError(400, "A new sprint is a future sprint; state cannot be given.")
        sprint = sprints.create(
            values["name"], board, values.get("goal"), values.get("start"), values.get("end")
        )
        g.detail |= {"sprint": sprint.id}
        return state.shapes.sprint(sprint), 201

    @api.route("GET", f"{_BASE}/sprint/<int:sprint>", "sprint")
    def read(sprint: int) -> Any:
        return state.shapes.sprint(_sprint(api, sprint))

    @api.route("POST", f"{_BASE}/sprint/<int:sprint>", "sprint")
    def update(sprint: int) -> Any:
        g.detail |= {"sprint": sprint}
        changed = sprints.update(_sprint(api, sprint), sprint_values(json_body()), state.bot)
        return state.shapes.sprint(changed)

    @api.route("DELETE", f"{_BASE}/sprint/<int:sprint>", "sprint")
    def delete(sprint: int) -> Any:
        sprints.delete(_sprint(api, sprint), state.bot)
        return HTTPStatus.NO_CONTENT


def _add_sprint_issues(api: Api, sprints: Sprints) -> None:
    state = api.state

    @api.route("POST", f"{_BASE}/sprint/<int:sprint>/issue", "sprint issues")
    def move(sprint: int) -> Any:
        listed = json_body().get("issues")
        if not isinstance(listed, list) or not 0 < len(listed) <= _MOVED:
            raise ApiError(400, f"issues must list 1 to {_MOVED} issues.")
        goal, moved = _sprint(api, sprint), [api.issue(str(key)) for key in listed]
        for issue in moved:
            sprints.check_move(issue, goal)
        for issue in moved:
            sprints.move(issue, goal, state.bot)
        g.detail |= {"sprint": sprint, "issues": [issue.key for issue in moved]}
        return HTTPStatus.NO_CONTENT

    @api.route("GET", f"{_BASE}/sprint/<int:sprint>/issue", "sprint issues")
    def issues(sprint: int) -> Any:
        return _issues(api, list(state.in_sprint(_sprint(api, sprint))))

    @api.route("GET", f"{_BASE}/board/<int:board>/sprint/<int:sprint>/issue", "board sprint issues")
    def board_issues(board: int, sprint: int) -> Any:
        project = _board(api, board).project
        found = state.in_sprint(_sprint(api, sprint))
        return _issues(api, [issue for issue in found if issue.project is project])


def sprint_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """A sprint's new values from JSON. Raises ValueError on unknown keys and bad dates."""
    unknown = set(body) - set(_KEYS) - {"id", "self", "originBoardId", "createdDate", "completeDate"}
    if unknown:
        raise ValueError(f"Unknown keys: {', '.join(sorted(unknown))}.")
    values = {_KEYS[key]: value for key, value in body.items() if key in _KEYS}
    for name in ("start", "end"):
        if values.get(name) is not None:
            values[name] = moment(values[name])
    for name in ("name", "state"):
        if name in values and (
            not isinstance(values[name], str) or (name == "state" and values[name] not in _STATES)
        ):
            raise ValueError(f"The {name} of a sprint is not valid.")
    return values


def moment(text: object) -> datetime:
    """A time with an offset, as ISO 8601. Raises ValueError."""
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"'{text}' is not a time in ISO 8601.") from None
    if read.tzinfo is None:
        raise ValueError(f"'{text}' lacks an offset from UTC.")
    return read.astimezone(UTC)


def _sprint(api: Api, id_: int) -> Sprint:
    try:
        return api.state.sprint(id_)
    except LookupError:
        raise ApiError(404, "Sprint does not exist or you do not have permission to see it.") from None


def _board(api: Api, board: int) -> Board:
    try:
        return api.state.board(board)
    except LookupError:
        raise ApiError(404, "The requested board cannot be viewed because it does not exist.") from None


def _shown(board: Board) -> JSON:
    project = board.project
    location = {"projectId": int(project.id), "projectKey": project.key, "projectName": project.name}
    return {
        "id": board.id,
        "self": f"{request.host_url}rest/agile/1.0/board/{board.id}",
        "name": board.name,
        "type": board.kind,
        "location": location | {"displayName": project.name, "name": f"{project.name} ({project.key})"},
    }


def _configuration(api: Api, board: Board) -> JSON:
    link, project = api.state.shapes.link, board.project
    columns = [
        {
            "name": name,
            "statuses": [{"id": status.id, "self": link(f"status/{status.id}")} for status in statuses],
        }
        for name, statuses in board.columns
    ]
    shape: JSON = {
        "id": board.id,
        "name": board.name,
        "type": board.kind,
        "self": f"{request.host_url}rest/agile/1.0/board/{board.id}/configuration",
        "location": {"type": "project", "key": project.key, "id": project.id, "name": project.name},
        "filter": {"id": str(1000 + board.id), "self": link(f"filter/{1000 + board.id}")},
        "columnConfig": {"columns": columns, "constraintType": "none"},
        "ranking": {"rankCustomFieldId": int(api.state.shapes.fields.rank.removeprefix("customfield_"))},
    }
    if board.kind == "kanban":
        shape["subQuery"] = {"query": "fixVersion in unreleasedVersions() OR fixVersion is EMPTY"}
    if board.kind == "scrum":
        shape["estimation"] = _estimation(api, board)
    return shape


def _estimation(api: Api, board: Board) -> JSON:
    if board.estimation == "points":
        field, name = api.state.shapes.points_field(board.project)
    elif board.estimation == "time":
        field, name = TIME, "Original Time Estimate"
    else:
        return {"type": "none" if board.estimation == "none" else "issueCount"}
    return {"type": "field", "field": {"fieldId": field, "displayName": name}}


def _issues(api: Api, found: list[Issue]) -> JSON:
    text = request.args.get("jql", "")
    found = read_query(api, text).run(found) if text else found
    start, size = page_window(api.config.page_size)
    fields = names(request.args.get("fields"), ("*all",))
    changelog = "changelog" in names(request.args.get("expand"))
    views = Views(api.state)
    shown = [
        views.issue(issue, fields, (), changelog, _agile_fields(api, issue))
        for issue in found[start : start + size]
    ]
    return {"startAt": start, "maxResults": size, "total": len(found), "issues": shown}


def _agile_fields(api: Api, issue: Issue) -> JSON:
    sprints = [api.state.sprint(id_) for id_ in api.state.sprints_of(issue)]
    now = [api.state.shapes.sprint(sprint) for sprint in sprints if sprint.state != "closed"]
    closed = [api.state.shapes.sprint(sprint) for sprint in sprints if sprint.state == "closed"]
    return {"sprint": now[0] if now else None, "closedSprints": closed, "epic": None, "flagged": False}


def _page(api: Api, values: list[JSON], total: bool) -> JSON:
    start, size = page_window(api.config.page_size)
    shown = values[start : start + size]
    page: JSON = {
        "maxResults": size,
        "startAt": start,
        "isLast": start + len(shown) >= len(values),
        "values": shown,
    }
    return page | ({"total": len(values)} if total else {})
