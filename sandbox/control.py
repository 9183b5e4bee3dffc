"""The hidden hand: what a person does in a toy tracker, and what a test wants to know of it.

One Flask blueprint under ``/_sandbox`` serves both toys. Nothing here is counted as an API call,
and every change made here is a person's, never the bot's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

import flask
from flask import Blueprint, Response, jsonify, request

from sandbox.calls import Calls
from sandbox.faults import Fault, Faults
from sandbox.sender import Delivery, Sender, Target

PERSON = "Robin Person"
"""The display name of the person who acts when a request names none."""

NEW_ISSUE = frozenset(
    {
        "project",
        "title",
        "body",
        "type",
        "priority",
        "components",
        "labels",
        "actor",
        "assignee",
        "sprint",
        "points",
        "parent",
        "blocked_by",
        "quiet",
    }
)
EDIT = frozenset(
    {
        "title",
        "body",
        "type",
        "status",
        "priority",
        "points",
        "components",
        "sprint",
        "assignee",
        "blocked_by",
        "add_labels",
        "remove_labels",
        "actor",
        "quiet",
    }
)
_COMMENT = frozenset({"body", "actor"})


class ControlledTracker(Protocol):
    """What a toy tracker offers to the control page.

    Methods raise LookupError for something that is not there (404) and ValueError for something
    that makes no sense (400); the message is shown. An issue view is
    ``{id, key, project, title, body, type, labels: [names], bot_labels: [names], comments:
    [{id, author, body, internal, created, updated}], updated, ...}``; a toy may add keys.
    """

    faults: Faults
    calls: Calls
    sender: Sender

    def create_issue(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Make an issue from ``{project, title, body?, type?, priority?, components?, labels?, actor?,
        assignee?, sprint?, points?, parent?, blocked_by?, quiet?}`` and give its view. ``blocked_by``
        lists keys; ``quiet`` loses the webhook."""

    def edit_issue(self, key: str, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Apply ``{title?, body?, type?, status?, priority?, points?, sprint?, assignee?, blocked_by?,
        add_labels?, remove_labels?, actor?, quiet?}`` and give the view."""

    def delete_issue(self, key: str) -> None:
        """Delete it, as a person."""

    def issue_view(self, key: str) -> dict[str, Any]:
        """One issue by key or id."""

    def issue_views(self) -> list[dict[str, Any]]:
        """All issues, oldest first."""

    def add_comment(self, key: str, body: str, actor: str) -> dict[str, Any]:
        """Write a comment as a person and give its view."""

    def delete_comment(self, comment_id: str) -> None:
        """Delete a comment, anyone's, as a person."""


def blueprint(tracker: ControlledTracker) -> Blueprint:
    """The control endpoints for one tracker, as JSON over HTTP."""
    control = Blueprint("control", __name__, url_prefix="/_sandbox")
    control.register_error_handler(LookupError, lambda error: _problem(404, error))
    control.register_error_handler(ValueError, lambda error: _problem(400, error))
    _add_issues(control, tracker)
    _add_many(control, tracker)
    _add_faults_and_calls(control, tracker)
    _add_webhook(control, tracker)
    return control


def _add_issues(control: Blueprint, tracker: ControlledTracker) -> None:
    @control.get("/issues")
    def issues() -> Response:
        return jsonify(tracker.issue_views())

    @control.post("/issues")
    def create() -> tuple[Response, int]:
        wish = asked(NEW_ISSUE, "project", "title")
        return jsonify(tracker.create_issue({"actor": PERSON} | wish)), 201

    @control.get("/issues/<key>")
    def issue(key: str) -> Response:
        return jsonify(tracker.issue_view(key))

    @control.patch("/issues/<key>")
    def edit(key: str) -> Response:
        return jsonify(tracker.edit_issue(key, {"actor": PERSON} | asked(EDIT)))

    @control.delete("/issues/<key>")
    def delete(key: str) -> tuple[str, int]:
        tracker.delete_issue(key)
        return "", 204

    @control.post("/issues/<key>/comments")
    def comment(key: str) -> tuple[Response, int]:
        wish = asked(_COMMENT, "body")
        return jsonify(tracker.add_comment(key, str(wish["body"]), str(wish.get("actor", PERSON)))), 201

    @control.delete("/comments/<comment_id>")
    def uncomment(comment_id: str) -> tuple[str, int]:
        tracker.delete_comment(comment_id)
        return "", 204


def _add_many(control: Blueprint, tracker: ControlledTracker) -> None:
    @control.post("/issues/many")
    def create_many() -> tuple[Response, int]:
        """Old issues of a person, told to nobody: thousands in seconds."""
        wishes = asked(frozenset({"issues"}), "issues")["issues"]
        for wish in wishes:
            if unknown := sorted(set(wish) - NEW_ISSUE):
                raise ValueError(f"unknown keys: {', '.join(unknown)}")
            tracker.create_issue({"actor": PERSON, "quiet": True} | wish)
        return jsonify({"made": len(wishes)}), 201


def _add_faults_and_calls(control: Blueprint, tracker: ControlledTracker) -> None:
    @control.get("/calls")
    def calls() -> Response:
        return jsonify(
            {"calls": [asdict(call) for call in tracker.calls.all()], "counts": tracker.calls.counts()}
        )

    @control.delete("/calls")
    def forget_calls() -> tuple[str, int]:
        tracker.calls.clear()
        return "", 204

    @control.post("/faults")
    def fault() -> tuple[str, int]:
        tracker.faults.add(Fault.from_json(asked(None)))
        return "", 204

    @control.delete("/faults")
    def forget_faults() -> tuple[str, int]:
        tracker.faults.clear()
        return "", 204


def _add_webhook(control: Blueprint, tracker: ControlledTracker) -> None:
    @control.post("/webhook")
    def webhook() -> tuple[str, int]:
        tracker.sender.set_target(Target(**asked(frozenset({"url", "secret", "auth"}), "url")))
        return "", 204

    @control.delete("/webhook")
    def no_webhook() -> tuple[str, int]:
        tracker.sender.set_target(None)
        return "", 204

    @control.get("/deliveries")
    def deliveries() -> Response:
        return jsonify([_delivery_view(delivery) for delivery in tracker.sender.deliveries()])

    @control.post("/deliveries/<int:n>/again")
    def again(n: int) -> tuple[Response, int]:
        wish = asked(frozenset({"forged"}))
        return jsonify({"n": tracker.sender.again(n, forged=bool(wish.get("forged", False)))}), 202

    @control.get("/pending")
    def pending() -> Response:
        return jsonify({"pending": tracker.sender.pending(), "sent": tracker.sender.sent()})


def asked(known: frozenset[str] | None, *needed: str) -> dict[str, Any]:
    """The JSON object of the present request. Raises ValueError on unknown or missing keys."""
    data = request.get_json(silent=True, force=True) if request.data else {}
    if not isinstance(data, dict):
        raise ValueError("the body must be a JSON object")
    unknown = sorted(set(data) - known) if known is not None else []
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(unknown)}")
    missing = [name for name in needed if not data.get(name)]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    return data


def _delivery_view(delivery: Delivery) -> dict[str, Any]:
    return {
        "n": delivery.n,
        "event": delivery.event,
        "digest": delivery.digest,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "answer": delivery.answer,
        "queued": delivery.queued,
        "took": delivery.took,
        "body": delivery.body.decode("utf-8", "replace"),
    }


def _problem(status: int, error: Exception) -> flask.typing.ResponseReturnValue:
    return jsonify({"error": str(error.args[0]) if error.args else type(error).__name__}), status
