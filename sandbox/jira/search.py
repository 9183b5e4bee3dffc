"""Search: on Cloud by page token and without a total, on Data Center the classic one.

Source: developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search and the removal
notice for the classic search (changelog CHANGE-2046).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, json_body
from sandbox.jira.jql import Query, parse
from sandbox.jira.model import Issue
from sandbox.jira.shapes import JSON
from sandbox.jira.views import Views, named_list, names

_MOST = 5000
_RECONCILED = 50


def add_search(api: Api) -> None:
    """Serve the search endpoints; on Cloud under both API versions."""
    for version in ("2", "3"):
        _add_cloud(api, f"/rest/api/{version}/search")
    _add_classic(api)


def _add_cloud(api: Api, path: str) -> None:
    views = Views(api.state)

    @api.route("GET|POST", f"{path}/jql", "search", anonymous="serve", only="cloud", reads=True)
    def search() -> Any:
        asked = _asked()
        query = _bounded(api, asked)
        found = query.run(_visible(api, asked)) if g.known else []
        if (place := _place(asked)) is not None:
            found = [issue for issue in found if query.behind(issue, place)]
        size = min(_number(asked, "maxResults", api.config.page_size), api.config.page_size, _MOST)
        answer: JSON = {"issues": [_shown(views, issue, asked) for issue in found[:size]]}
        answer["isLast"] = size == 0 or size >= len(found)
        if not answer["isLast"]:
            answer["nextPageToken"] = _token(asked, query.place(found[size - 1]))
        return answer

    @api.route("POST", f"{path}/approximate-count", "count", anonymous="serve", only="cloud", reads=True)
    def count() -> Any:
        asked = json_body()
        return {"count": len(_bounded(api, asked).run(_visible(api, asked))) if g.known else 0}


def _add_classic(api: Api) -> None:
    views = Views(api.state)

    @api.route("GET|POST", "/rest/api/2/search", "search", reads=True)
    def classic() -> Any:
        if api.config.cloud:
            raise ApiError(410, "This API has been removed; use /rest/api/3/search/jql.")
        asked = _asked()
        found = _query(api, asked).run(api.state.issues.values())
        start = _number(asked, "startAt", 0)
        size = min(_number(asked, "maxResults", api.config.page_size), api.config.page_size)
        fields = named_list(asked.get("fields"), ("*navigable",))
        changelog = "changelog" in named_list(asked.get("expand"))
        issues = [views.issue(issue, fields, (), changelog) for issue in found[start : start + size]]
        return {"startAt": start, "maxResults": size, "total": len(found), "issues": issues}

    @api.route("GET|POST", "/rest/api/3/search", "search", only="cloud", reads=True)
    def removed() -> Any:
        raise ApiError(410, "This API has been removed; use /rest/api/3/search/jql.")


def read_query(api: Api, text: str) -> Query:
    """JQL as the token's account means it, or a 400."""
    try:
        projects = frozenset[str]().union(*(project.names for project in api.state.projects.values()))
        return parse(text, api.state.now(), api.config.bot_zone, projects)
    except ValueError as error:
        raise ApiError(400, str(error)) from None


def _query(api: Api, asked: Mapping[str, Any]) -> Query:
    return read_query(api, str(asked.get("jql") or ""))


def _bounded(api: Api, asked: Mapping[str, Any]) -> Query:
    query = _query(api, asked)
    if query.test is None:
        raise ApiError(400, "Unbounded JQL queries are not allowed here; add a search restriction.")
    return query


def _visible(api: Api, asked: Mapping[str, Any]) -> list[Issue]:
    # The real index lags behind; only issues named for reconciliation are read fresh.
    fresh = {str(id_) for id_ in named_list(asked.get("reconcileIssues"))}
    if isinstance(asked.get("reconcileIssues"), list):
        fresh = {str(id_) for id_ in asked["reconcileIssues"]}
    if len(fresh) > _RECONCILED:
        raise ApiError(400, f"At most {_RECONCILED} issues can be reconciled.")
    indexed = api.state.now() - timedelta(seconds=api.config.search_lag)
    return [issue for issue in api.state.issues.values() if issue.created <= indexed or issue.id in fresh]


def _shown(views: Views, issue: Issue, asked: Mapping[str, Any]) -> JSON:
    fields = named_list(asked.get("fields"), ("id",))
    if fields == ["id"]:
        return {"id": issue.id}
    expand = named_list(asked.get("expand"))
    return views.issue(issue, fields, named_list(asked.get("properties")), "changelog" in expand)


def _asked() -> dict[str, Any]:
    if request.method == "POST":
        return json_body()
    asked: dict[str, Any] = dict(request.args)
    asked["reconcileIssues"] = [
        id_ for text in request.args.getlist("reconcileIssues") for id_ in names(text)
    ]
    return asked


def _number(asked: Mapping[str, Any], name: str, default: int) -> int:
    try:
        value = int(asked.get(name, default))
    except (TypeError, ValueError):
        raise ApiError(400, f"{name} must be a whole number.") from None
    if value < 0:
        raise ApiError(400, f"{name} must not be negative.")
    return value


def _mark(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(str(asked.get("jql")).encode()).hexdigest()[:12]


def _token(asked: Mapping[str, Any], place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_mark(asked), place]).encode()).decode()


def _place(asked: Mapping[str, Any]) -> list[Any] | None:
    """Where the page begins: a token names a place in the query's order, not a number of issues."""
    token = asked.get("nextPageToken")
    if not token:
        return None
    try:
        mark, place = json.loads(base64.urlsafe_b64decode(str(token)))
    except (binascii.Error, ValueError, TypeError):
        mark, place = None, []
    if mark != _mark(asked):
        raise ApiError(400, "The nextPageToken does not belong to this query.")
    return list(place)
