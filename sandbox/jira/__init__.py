"""A toy Jira: a state machine with the shapes and quirks of Jira Cloud and Data Center."""

from __future__ import annotations

import flask
from flask import request
from werkzeug.wrappers import Response

from sandbox.control import blueprint
from sandbox.jira.agile import add_agile
from sandbox.jira.api import Api, Gateway
from sandbox.jira.bulk import add_bulk
from sandbox.jira.comments import add_comments
from sandbox.jira.config import JiraConfig
from sandbox.jira.editing import Reader
from sandbox.jira.hooks import add_hooks
from sandbox.jira.issues import add_issues
from sandbox.jira.search import add_search
from sandbox.jira.site import add_site
from sandbox.jira.switches import add_switches
from sandbox.jira.toy import JiraToy
from sandbox.page import page
from sandbox.routes import routes_of

__all__ = ["JiraConfig", "create_app"]

_NOWHERE = "http://jira.invalid"


def create_app(config: JiraConfig) -> flask.Flask:
    """The toy Jira as a Flask app; ``app.extensions["sandbox"]`` is its :class:`JiraToy`."""
    app = flask.Flask("sandbox.jira", static_folder=None)
    app.url_map = routes_of(f"{config.deployment} {config.release}")
    toy = JiraToy(config, _base)
    app.extensions["sandbox"] = toy
    api = Api(app, toy.state, toy.faults, toy.calls)
    reader = Reader(toy.state, toy.sprints)
    add_site(api)
    add_issues(api, reader)
    add_comments(api, reader)
    add_search(api)
    add_bulk(api)
    add_hooks(api, toy.hooks)
    add_agile(api, toy.sprints)
    control = blueprint(toy)
    add_switches(control, toy)
    app.register_blueprint(control)

    if config.cloud:
        app.wsgi_app = Gateway(app.wsgi_app, config.cloud_id)  # type: ignore[method-assign, assignment]

    @app.get("/")
    def people() -> str:
        notes = [
            f"{sprint['name']}: {sprint['state']}, {len(sprint['issues'])} issues"
            for sprint in toy.planning.sprint_views()
        ]
        return page("Toy Jira", toy.issue_views(), bot=config.bot_name, notes=notes)

    @app.get("/browse/<key>")
    @app.get("/secure/RapidBoard.jspa")
    def one(key: str = "") -> Response:
        return flask.redirect(f"/#{key}")

    return app


def _base() -> str:
    return request.host_url.rstrip("/") if flask.has_request_context() else _NOWHERE
