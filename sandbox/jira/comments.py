"""REST v2: comments and their properties.

Source: developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-comments. There is no
way to tell Jira not to mail for a new comment, and no idempotency key.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import g, request

from sandbox.jira.api import Api, ApiError, json_body, page_window
from sandbox.jira.editing import Reader, checked_property
from sandbox.jira.issues import mail_goes_out, one_property, property_body, property_keys
from sandbox.jira.model import Comment, Issue
from sandbox.jira.views import Views, names

MAX_BODY = 32_767
_LISTED = 100


def add_comments(api: Api, reader: Reader) -> None:
    """Serve the comment endpoints."""
    state, views = api.state, Views(api.state)
    path = "/rest/api/2/issue/<key>/comment"

    @api.route("GET", path, "comments", anonymous="hide")
    def list_comments(key: str) -> Any:
        issue = api.issue(key)
        start, size = page_window(min(_LISTED, api.config.page_size))
        return views.comments(issue, start, size, request.args.get("orderBy", "").startswith("-"))

    @api.route("POST", path, "comment", anonymous="hide")
    def post_comment(key: str) -> Any:
        issue = api.issue(key)
        body = json_body()
        text, properties = _text(body), reader.properties(body)
        for value in properties.values():
            checked_property(value)
        comment = state.add_comment(issue, text, state.bot, properties)
        g.detail |= {"comment": comment.id, "internal": comment.internal, "changed": True, "mail": True}
        return state.shapes.comment(comment), 201

    @api.route("GET", f"{path}/<comment_id>", "comment", anonymous="hide")
    def get_comment(key: str, comment_id: str) -> Any:
        return state.shapes.comment(_comment(api.issue(key), comment_id))

    @api.route("PUT", f"{path}/<comment_id>", "comment", anonymous="hide")
    def put_comment(key: str, comment_id: str) -> Any:
        issue = api.issue(key)
        comment = _comment(issue, comment_id)
        body = json_body()
        text, mail = _text(body), mail_goes_out(api)
        changed = state.edit_comment(issue, comment, text, state.bot)
        comment.properties.update(reader.properties(body))
        g.detail |= {"comment": comment.id, "changed": changed, "mail": mail and changed}
        return state.shapes.comment(comment)

    @api.route("DELETE", f"{path}/<comment_id>", "comment", anonymous="hide")
    def delete_comment(key: str, comment_id: str) -> Any:
        issue = api.issue(key)
        state.delete_comment(issue, _comment(issue, comment_id), state.bot)
        g.detail |= {"comment": comment_id}
        return HTTPStatus.NO_CONTENT

    _add_properties(api)


def _add_properties(api: Api) -> None:
    state = api.state
    path = "/rest/api/2/comment/<comment_id>/properties"

    def properties(comment_id: str) -> dict[str, Any]:
        try:
            return state.comment(comment_id)[1].properties
        except LookupError:
            raise ApiError(404, "Comment does not exist or you cannot see it.") from None

    @api.route("GET", path, "comment properties", anonymous="hide")
    def keys(comment_id: str) -> Any:
        return property_keys(state, f"comment/{comment_id}", properties(comment_id))

    @api.route("GET", f"{path}/<name>", "comment property", anonymous="hide")
    def get_property(comment_id: str, name: str) -> Any:
        return one_property(properties(comment_id), name)

    @api.route("PUT", f"{path}/<name>", "comment property", anonymous="hide")
    def put_property(comment_id: str, name: str) -> Any:
        held = properties(comment_id)
        new = name not in held
        held[name] = checked_property(property_body())
        return HTTPStatus.CREATED if new else HTTPStatus.OK

    @api.route("POST", "/rest/api/2/comment/list", "comment list", only="cloud", reads=True)
    def by_ids() -> Any:
        ids = json_body().get("ids")
        if not isinstance(ids, list) or len(ids) > 1000:
            raise ApiError(400, "ids must be a list of at most 1000 comment ids.")
        wanted = {str(id_) for id_ in ids}
        found = [
            comment for issue in state.issues.values() for comment in issue.comments if comment.id in wanted
        ]
        with_properties = "properties" in names(request.args.get("expand"))
        values = [state.shapes.comment(comment, with_properties) for comment in found]
        return {"startAt": 0, "maxResults": 1000, "total": len(values), "isLast": True, "values": values}


def _comment(issue: Issue, comment_id: str) -> Comment:
    for comment in issue.comments:
        if comment.id == comment_id:
            return comment
    raise ApiError(404, "There is no such comment on this issue.")


def _text(body: dict[str, Any]) -> str:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip():
        raise ApiError(400, errors={"comment": "The body of a comment must be a text that is not empty."})
    if len(text) > MAX_BODY:
        raise ApiError(413, f"A comment has at most {MAX_BODY} characters.")
    return text
