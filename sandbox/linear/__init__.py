"""A toy Linear: one workspace in memory behind Linear's GraphQL API, OAuth grant and webhooks.

``create_app(LinearConfig(...))`` gives a Flask app to be served by ``sandbox.server.start``.
"""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from sandbox import control
from sandbox.linear import http, switches
from sandbox.linear.config import LinearConfig
from sandbox.linear.tracker import LinearTracker
from sandbox.page import page
from sandbox.routes import routes_of

__all__ = ["LinearConfig", "LinearTracker", "create_app"]


def create_app(config: LinearConfig | None = None) -> flask.Flask:
    """The workspace as an app: ``/graphql``, ``/oauth/token``, ``/_sandbox/…`` and a page at ``/``.

    ``app.extensions["sandbox"]`` is the workspace itself, a ``ControlledTracker``.
    """
    tracker = LinearTracker(config or LinearConfig())
    app = flask.Flask(__name__, static_folder=None)
    app.url_map = routes_of("linear")
    # GraphQL promises the fields of an answer in the order of the query.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["sandbox"] = tracker
    app.register_blueprint(http.blueprint(tracker))
    app.register_blueprint(switches.blueprint(tracker))
    app.register_blueprint(control.blueprint(tracker))

    @app.get("/")
    def overview() -> str:
        notes = [
            f"{cycle['project']} cycle {cycle['number']}: {cycle['state']}, "
            f"{cycle['starts'][:10]} to {cycle['ends'][:10]}"
            for cycle in tracker.cycle_views()
        ]
        return page("Toy Linear", tracker.issue_views(), bot=tracker.key_user.name, notes=notes)

    @app.get("/issue/<key>")
    @app.get("/team/<_team>/cycle/<int:_cycle>")
    def one(key: str = "", **_: object) -> Response:
        return flask.redirect(f"/#{key}")

    return app
