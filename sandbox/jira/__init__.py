"""A toy Jira: a state machine with the shapes and quirks of Jira Cloud and Data Center."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, jsonify, request

from sandbox.control import asked, blueprint
from sandbox.jira.agile import add_agile
from sandbox.jira.api import Api
from sandbox.jira.comments import add_comments
from sandbox.jira.config import JiraConfig
from sandbox.jira.editing import Reader
from sandbox.jira.issues import add_issues
from sandbox.jira.search import add_search
from sandbox.jira.site import add_site
from sandbox.jira.toy import JiraToy
from sandbox.page import page

__all__ = ["JiraConfig", "create_app"]

_NOWHERE = "http://jira.invalid"


def create_app(config: JiraConfig) -> flask.Flask:
    """The toy Jira as a Flask app; ``app.extensions["sandbox"]`` is its :class:`JiraToy`."""
    app = flask.Flask("sandbox.jira", static_folder=None)
    toy = JiraToy(config, _base)
    app.extensions["sandbox"] = toy
    api = Api(app, toy.state, toy.faults, toy.calls)
    reader = Reader(toy.state, toy.sprints)
    add_site(api)
    add_issues(api, reader)
    add_comments(api, reader)
    add_search(api)
    add_agile(api, toy.sprints)
    control = blueprint(toy)
    _add_sprints(control, toy)
    app.register_blueprint(control)

    @app.get("/")
    def people() -> str:
        notes = [
            f"{sprint['name']}: {sprint['state']}, {len(sprint['issues'])} issues"
            for sprint in toy.sprint_views()
        ]
        return page("Toy Jira", toy.issue_views(), bot=config.bot_name, notes=notes)

    return app


def _base() -> str:
    return request.host_url.rstrip("/") if flask.has_request_context() else _NOWHERE


def _add_sprints(control: Blueprint, toy: JiraToy) -> None:
    """What only Jira's control page has: sprints as people handle them, and the site's clock."""
    keys = frozenset({"name", "goal", "startDate", "endDate"})

    @control.get("/sprints")
    def sprints() -> Response:
        return jsonify(toy.sprint_views())

    @control.post("/sprints")
    def create_sprint() -> tuple[Response, int]:
        return jsonify(toy.create_sprint(asked(keys | {"project"}, "project", "name"))), 201

    @control.patch("/sprints/<int:sprint>")
    def edit_sprint(sprint: int) -> Response:
        return jsonify(toy.edit_sprint(sprint, asked(keys | {"state", "actor"})))

    @control.delete("/sprints/<int:sprint>")
    def delete_sprint(sprint: int) -> tuple[str, int]:
        toy.delete_sprint(sprint)
        return "", 204

    @control.post("/clock")
    def clock() -> tuple[str, int]:
        toy.set_clock(asked(frozenset({"at"})).get("at"))
        return "", 204
