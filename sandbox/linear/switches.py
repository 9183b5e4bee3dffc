"""Linear's own control endpoints, beside the common ones: credentials, limits, cycles, labels."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, jsonify

from sandbox.control import EDIT, NEW_ISSUE, PERSON, asked
from sandbox.linear.tracker import TEAM_SETTINGS, LinearTracker

_NEW_ISSUE = NEW_ISSUE | {"status", "describe_later", "age_seconds"}
_EDIT = EDIT | {"parent"}
_SETTINGS = frozenset({"label_creation", "may_write", "webhook_access"})
_PAST_CYCLE = frozenset({"team", "ended_days_ago", "days", "name", "committed", "done", "added"})


def blueprint(tracker: LinearTracker) -> Blueprint:
    """Endpoints under ``/_sandbox``; to be registered before the common ones.

    ``POST /_sandbox/issues`` is the common one with three more keys, ``status``, ``describe_later``
    and ``age_seconds``; ``PATCH /_sandbox/issues/<key>`` has ``parent`` besides.
    """
    switches = Blueprint("linear_control", __name__, url_prefix="/_sandbox")
    switches.register_error_handler(LookupError, lambda error: _problem(404, error))
    switches.register_error_handler(ValueError, lambda error: _problem(400, error))
    _add_issues(switches, tracker)
    _add_credentials(switches, tracker)
    _add_workspace(switches, tracker)
    return switches


def _add_issues(switches: Blueprint, tracker: LinearTracker) -> None:
    @switches.post("/issues")
    def create() -> tuple[Response, int]:
        wish = asked(_NEW_ISSUE, "project", "title")
        return jsonify(tracker.create_issue({"actor": PERSON} | wish)), 201

    @switches.patch("/issues/<key>")
    def edit(key: str) -> Response:
        return jsonify(tracker.edit_issue(key, {"actor": PERSON} | asked(_EDIT)))

    @switches.post("/linear/issues/<key>/purge")
    def purge(key: str) -> tuple[str, int]:
        tracker.purge_issue(key)
        return "", 204


def _add_credentials(switches: Blueprint, tracker: LinearTracker) -> None:
    @switches.post("/linear/revoke")
    def revoke() -> tuple[str, int]:
        wish = asked(frozenset({"key", "tokens"}))
        tracker.door.revoke(key=bool(wish.get("key", True)), tokens=bool(wish.get("tokens", True)))
        return "", 204

    @switches.post("/linear/restore")
    def restore() -> tuple[str, int]:
        tracker.door.restore()
        return "", 204

    @switches.post("/linear/drain")
    def drain() -> tuple[str, int]:
        limit = asked(frozenset({"limit"}), "limit")["limit"]
        if limit not in ("requests", "complexity"):
            raise ValueError("limit must be requests or complexity")
        tracker.door.drain(limit)
        return "", 204

    @switches.patch("/linear/webhook")
    def webhook() -> tuple[str, int]:
        tracker.hooks.enable(bool(asked(frozenset({"enabled"}))["enabled"]))
        return "", 204

    @switches.patch("/linear/settings")
    def settings() -> tuple[str, int]:
        with tracker.state.lock:
            for name, value in asked(_SETTINGS).items():
                setattr(tracker.state, name, bool(value))
        return "", 204


def _add_workspace(switches: Blueprint, tracker: LinearTracker) -> None:
    @switches.get("/linear/cycles")
    def cycles() -> Response:
        return jsonify(tracker.cycle_views())

    @switches.patch("/linear/cycles/<team>/<which>")
    def cycle(team: str, which: str) -> Response:
        wish = asked(frozenset({"name", "starts_in", "ends_in", "close", "actor", "quiet"}))
        return jsonify(tracker.edit_cycle(team, int(which) if which.isdigit() else which, wish))

    @switches.post("/linear/past_cycle")
    def past_cycle() -> tuple[Response, int]:
        return jsonify(tracker.add_past_cycle(asked(_PAST_CYCLE, "team", "ended_days_ago"))), 201

    @switches.patch("/linear/teams/<key>")
    def team(key: str) -> tuple[str, int]:
        tracker.edit_team(key, asked(TEAM_SETTINGS))
        return "", 204

    @switches.get("/linear/labels")
    def labels() -> Response:
        return jsonify(tracker.label_views())

    @switches.post("/linear/labels")
    def create_label() -> tuple[Response, int]:
        return jsonify(tracker.create_label(asked(frozenset({"name", "team", "group"}), "name"))), 201

    @switches.patch("/linear/labels/<label_id>")
    def rename_label(label_id: str) -> Response:
        return jsonify(tracker.rename_label(label_id, str(asked(frozenset({"name"}), "name")["name"])))

    @switches.delete("/linear/labels/<label_id>")
    def delete_label(label_id: str) -> tuple[str, int]:
        tracker.delete_label(label_id)
        return "", 204


def _problem(status: int, error: Exception) -> flask.typing.ResponseReturnValue:
    return jsonify({"error": str(error.args[0]) if error.args else type(error).__name__}), status
