"""The Flask application: thin views over ``intake``, ``health`` and ``metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
import structlog
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from rules.connections import Connection
from store.address import parse
from store.connect import connect
from store.door import Door
from store.inbox import Inbox
from webhook_app import health, metrics
from webhook_app.entrance import entrance
from webhook_app.intake import RETRY_AFTER_S, Intake, Pace

log = structlog.get_logger("web")

_PATIENCE_S = 0.8
"""For Redis. Two waits of it stay under the two seconds in which a sender gets its 503."""
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the front door needs to know."""

    redis_url: str = field(repr=False)
    connections: Sequence[Connection]
    settle_issue: timedelta = timedelta(seconds=3)
    settle_sprint: timedelta = timedelta(seconds=30)
    ceiling: timedelta = timedelta(minutes=5)
    redis_may_forget: bool = False
    """Whether a Redis that can lose events is no reason not to be ready."""


def create_app(settings: WebSettings) -> Flask:
    """Wire the application. Opens no connection yet: Redis may be away when the process starts."""
    app = Flask("webhook_app", static_folder=None)
    redis = connect(settings.redis_url, patience=_PATIENCE_S)
    replicas = parse(settings.redis_url).replicas
    names = [connection.name for connection in settings.connections]
    registry = CollectorRegistry()
    intake = Intake(
        entrances={connection.name: entrance(connection) for connection in settings.connections},
        door=Door(redis, replicas),
        pace=Pace.of(settings.settle_issue, settings.settle_sprint, settings.ceiling),
        count=metrics.DeliveryCounter(registry),
    )
    collector = metrics.StoreCollector(redis, Inbox(redis, lease=timedelta(minutes=1)), names)
    app.extensions["intake"] = intake

    @app.post("/webhooks/<connection>")
    def webhook(connection: str) -> Response:
        answer = intake.receive(connection, request.environ)
        response = Response(answer.body(), answer.status, content_type=_JSON)
        if answer.status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    @app.get("/healthz")
    def healthz() -> Response:
        return Response(b'{"alive":true}', content_type=_JSON)

    @app.get("/readyz")
    def readyz() -> Response:
        found = health.checks(
            redis, settings.connections, replicas=replicas, may_forget=settings.redis_may_forget
        )
        told = {"ready": health.ready(found), "checks": found}
        return Response(orjson.dumps(told), 200 if told["ready"] else 503, content_type=_JSON)

    @app.get("/metrics")
    def metrics_page() -> Response:
        return Response(metrics.render(registry, collector), content_type=CONTENT_TYPE_LATEST)

    @app.errorhandler(Exception)
    def our_fault(error: Exception) -> Response:
        log.exception("fault", path=request.path)
        told = {
            "status": "refused",
            "detail": "A fault of ours; it is in the log. Please send it again later.",
        }
        return Response(orjson.dumps(told), 500, content_type=_JSON)

    @app.errorhandler(HTTPException)
    def plain_error(error: HTTPException) -> Response:
        told = {"status": "refused", "detail": f"{error.code}: {error.name}."}
        response = Response(orjson.dumps(told), error.code, content_type=_JSON)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    return app
