"""The Flask application: thin views over ``intake``, ``health`` and ``metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
import structlog
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from structlog.contextvars import clear_contextvars
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from rules.connections import Connection
from rules.secret import Secret
from store.address import parse
from store.connect import connect
from store.door import Door, Wait
from webhook_app import health, metrics
from webhook_app.console import open_console
from webhook_app.console.access import Access
from webhook_app.console.house import House
from webhook_app.entrance import entrance
from webhook_app.insiders import Insiders
from webhook_app.intake import RETRY_AFTER_S, Intake, Pace
from webhook_app.store_metrics import StoreCollector

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
    ceiling_issue: timedelta = timedelta(seconds=30)
    ceiling_sprint: timedelta = timedelta(minutes=5)
    redis_may_forget: bool = False
    """Whether a Redis that can lose events is no reason not to be ready."""
    metrics_token: Secret | None = None
    """Who shows it is told metrics and checks; without one, who asks on this machine."""
    threads: int = 8
    """How many requests a process takes at a time."""
    console: Access | None = None
    """Who may see the console; without it there is none."""


def create_app(settings: WebSettings) -> Flask:
    """Wire the application. Opens no connection yet: Redis may be away when the process starts."""
    app = Flask("webhook_app", static_folder=None)
    redis = connect(settings.redis_url, patience=_PATIENCE_S)
    replicas = parse(settings.redis_url).replicas
    names = [connection.name for connection in settings.connections]
    registry = CollectorRegistry()
    entrances = map(entrance, settings.connections)
    intake = Intake(
        entrances={one.name: one for one in entrances if one is not None},
        door=Door(redis, replicas),
        pace=Pace(
            issue=Wait.of(settings.settle_issue, settings.ceiling_issue),
            sprint=Wait.of(settings.settle_sprint, settings.ceiling_sprint),
        ),
        count=metrics.DeliveryCounter(registry),
    )

    def look() -> tuple[health.Check, ...]:
        return health.checks(
            redis, settings.connections, replicas=replicas, may_forget=settings.redis_may_forget
        )

    collectors = (
        metrics.DeliveryCollector(registry, intake.entrances),
        metrics.HealthCollector(look),
        StoreCollector(redis, names),
    )
    insiders = Insiders(settings.metrics_token)
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
        found = look()
        told: dict[str, object] = {"ready": health.ready(found)}
        if insiders.admit(request.environ):
            told["checks"] = found
        return Response(orjson.dumps(told), 200 if told["ready"] else 503, content_type=_JSON)

    @app.get("/metrics")
    def metrics_page() -> Response:
        if not insiders.admit(request.environ):
            told = {"status": "refused", "detail": insiders.turned_away()}
            return Response(orjson.dumps(told), 403, content_type=_JSON)
        return Response(metrics.render(*collectors), content_type=CONTENT_TYPE_LATEST)

    open_console(app, House(redis, settings.connections, settings))
    # A thread serves many requests, and what one of them was about is told of no other.
    app.before_request(clear_contextvars)
    app.after_request(_keep_to_yourself)
    app.register_error_handler(Exception, _our_fault)
    app.register_error_handler(HTTPException, _plain_error)
    return app


def _keep_to_yourself(response: Response) -> Response:
    # Static files of the console ask to be checked again, which is cheaper.
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _our_fault(error: Exception) -> Response:
    log.exception("fault", path=request.path)
    told = {
        "status": "refused",
        "detail": "A fault of ours; it is in the log. Please send it again later.",
    }
    return Response(orjson.dumps(told), 500, content_type=_JSON)


def _plain_error(error: HTTPException) -> Response:
    told = {"status": "refused", "detail": f"{error.code}: {error.name}."}
    response = Response(orjson.dumps(told), error.code, content_type=_JSON)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response
