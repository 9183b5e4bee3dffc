"""Comments: written, edited, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.linear import errors
from sandbox.linear.entities import Actor, Comment
from sandbox.linear.issues import bot_actor
from sandbox.linear.state import State, client_id, touched
from sandbox.linear.values import now_ms, stored_markdown


def create(state: State, actor: Actor, wish: Mapping[str, Any]) -> Comment:
    """Write a comment from a ``CommentCreateInput``.

    The client's own id makes a repeat harmless: it is refused with a conflict. The author is
    subscribed to the issue unless ``doNotSubscribeToIssue`` says no.
    """
    if not wish.get("issueId"):
        raise errors.bad_argument("issueId must be given")
    id = client_id(wish.get("id"), state.comments.keys() | state.deleted_comments, "Comment")
    issue = state.issue(wish["issueId"])
    if wish.get("parentId"):
        state.comment(wish["parentId"])
    now = now_ms()
    comment = Comment(
        id=id,
        created_at=now,
        updated_at=now,
        body=_body(wish),
        issue_id=issue.id,
        user_id=actor.user.id if actor.user else None,
        parent_id=wish.get("parentId"),
        quoted_text=wish.get("quotedText"),
        bot_actor=bot_actor(actor, wish.get("createAsUser")),
    )
    state.comments[comment.id] = comment
    if actor.user and not wish.get("doNotSubscribeToIssue") and actor.user.id not in issue.subscriber_ids:
        state.store_issue(replace(issue, subscriber_ids=(*issue.subscriber_ids, actor.user.id)))
    state.emit("create", comment, actor)
    return comment


def update(state: State, actor: Actor, comment: Comment, wish: Mapping[str, Any]) -> Comment:
    """Edit a comment's text; the same text again changes nothing."""
    if wish.get("body") is None:
        return comment
    body = _body(wish)
    if body == comment.body:
        return comment
    new = touched(comment)
    new = replace(new, body=body, edited_at=new.updated_at)
    state.comments[comment.id] = new
    state.emit("update", new, actor, comment)
    return new


def delete(state: State, actor: Actor, comment: Comment) -> None:
    """Delete a comment for good; the workspace may remember that its id was used."""
    del state.comments[comment.id]
    if state.deleted_ids_stay_taken:
        state.deleted_comments.add(comment.id)
    state.emit("remove", touched(comment), actor)


def _body(wish: Mapping[str, Any]) -> str:
    body = stored_markdown(str(wish.get("body") or ""))
    if not body:
        raise errors.bad_argument("body should not be empty")
    return body
