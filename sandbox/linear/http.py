"""The toy's two API endpoints, ``POST /graphql`` and ``POST /oauth/token``, with scripted faults."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import Fault, play
from sandbox.linear import errors
from sandbox.linear.api import Api, Prepared, RootField, answer
from sandbox.linear.auth import Identity
from sandbox.linear.limits import Standing
from sandbox.linear.resolvers import Context
from sandbox.linear.tracker import LinearTracker
from sandbox.linear.values import SECOND, now_ms

_FIELD_FAILURES: dict[str, Callable[[int], errors.LinearError]] = {
    "lock timeout": errors.lock_timeout,
    "internal error": errors.internal,
    "entity not found": lambda status: errors.not_found("Issue"),
    "forbidden": lambda status: errors.forbidden("not allowed"),
}
"""Reasons of a ``rate_limit`` fault that fail one root field in its turn instead of the request."""

_UNSET_STATUS = 500
_DEFAULT_PAUSE = 60


@dataclass(frozen=True, slots=True)
class _Script:
    """What shall go wrong with one request."""

    fault: Fault | None
    failures: dict[str, errors.LinearError]
    field: RootField | None = None


class Endpoints:
    """The API of one workspace."""

    def __init__(self, tracker: LinearTracker) -> None:
        self._tracker = tracker
        self._api = Api()
        self._numbered = itertools.count(1)

    def graphql(self) -> Response:
        """Answer one GraphQL request."""
        identity = self._tracker.door.identify(request.headers.get("Authorization", ""))
        if identity is None:
            return self._refused(errors.not_authenticated(), "unauthenticated")
        try:
            prepared = self._api.prepare(request.get_json(force=True, silent=True))
        except errors.LinearError as refusal:
            response = self._refused(refusal, "invalid")
            response.headers.update(identity.budget.headers(0))
            return response
        script = self._script(prepared)
        return play(
            script.fault,
            lambda: self._execute(identity, prepared, script.failures),
            lambda fault: self._limited(identity, fault, script.field),
            self._noter(prepared, script),
        )

    def token(self) -> Response:
        """Answer one token request of the client-credentials grant."""

        def grant() -> Response:
            status, body = self._tracker.door.grant(request.form, request.headers.get("Authorization", ""))
            response = jsonify(body)
            response.status_code = status
            response.headers["Cache-Control"] = "no-store"
            return response

        return play(
            self._tracker.faults.take("oauthToken", None),
            grant,
            lambda fault: _merged(Response("", _status(fault, 429)), fault.headers),
            lambda status: self._tracker.calls.record("oauthToken", status, write=False),
        )

    def _refused(self, refusal: errors.LinearError, operation: str) -> Response:
        response = _refusal(refusal)
        self._tracker.calls.record(
            operation, response.status_code, write=False, detail={"request": next(self._numbered)}
        )
        return response

    def _script(self, prepared: Prepared) -> _Script:
        failures: dict[str, errors.LinearError] = {}
        for field in prepared.fields:
            key, id = self._issue(field)
            fault = self._tracker.faults.take(field.name, key)
            if fault is None and id is not None:
                fault = self._tracker.faults.take(field.name, id)
            if fault is None:
                continue
            if fault.kind == "rate_limit" and fault.reason in _FIELD_FAILURES:
                failures[field.key] = _FIELD_FAILURES[fault.reason](_status(fault, 200))
                continue
            return _Script(fault, failures, field)
        return _Script(None, failures)

    def _issue(self, field: RootField) -> tuple[str | None, str | None]:
        """The key and the id of the issue a field is about."""
        state = self._tracker.state
        with state.lock:
            ref = field.issue_ref()
            comment = state.comments.get(field.comment_ref() or "")
            found = state.find_issue(comment.issue_id if comment else ref or "")
            return (found.identifier, found.id) if found else (ref, None)

    def _noter(self, prepared: Prepared, script: _Script) -> Callable[[int], None]:
        number = next(self._numbered)
        about = [(field, self._issue(field)[0]) for field in prepared.fields]

        def note(status: int) -> None:
            for field, key in about:
                failed = script.failures.get(field.key)
                detail: dict[str, Any] = {"request": number, "arguments": dict(field.arguments)}
                if failed is not None:
                    detail["error"] = failed.message
                self._tracker.calls.record(field.name, status, write=prepared.write, issue=key, detail=detail)

        return note

    def _execute(
        self, identity: Identity, prepared: Prepared, failures: dict[str, errors.LinearError]
    ) -> Response:
        limit = self._tracker.config.query_complexity_limit
        if prepared.cost > limit:
            response = _refusal(errors.too_complex(prepared.cost, limit))
        elif exhausted := identity.budget.spend(prepared.cost):
            response = _refusal(_limit_error(exhausted, _standing(identity, exhausted)))
        else:
            context = Context(self._tracker.state, identity.user, identity.budget, identity.kind, failures)
            result = self._api.execute(prepared, context)
            status, body = answer(result, self._tracker.config.input_error_status)
            response = jsonify(body)
            response.status_code = status
        response.headers.update(identity.budget.headers(prepared.cost))
        return response

    def _limited(self, identity: Identity, fault: Fault, field: RootField | None) -> Response:
        """A refusal scripted by a ``rate_limit`` fault.

        Its reason is ``requests`` (also when empty), ``complexity``, ``endpoint`` or
        ``query too complex``; its seconds say when the limit resets, its headers are added last
        and an empty one takes the header away.
        """
        if fault.reason == "query too complex":
            limit = self._tracker.config.query_complexity_limit
            response = _refusal(errors.too_complex(limit + 1, limit))
            response.headers.update(identity.budget.headers(limit + 1))
            return _merged(response, fault.headers)
        limited = fault.reason or "requests"
        reset = now_ms() + round((fault.seconds or _DEFAULT_PAUSE) * SECOND)
        standing = Standing(_standing(identity, limited).limit, 0, reset)
        response = _refusal(_limit_error(limited, standing, _status(fault, 400)))
        response.headers.update(identity.budget.headers(1))
        response.headers.update(standing.headers(_HEADER_NAMES.get(limited, "Requests")))
        if limited == "endpoint" and field is not None:
            response.headers["X-RateLimit-Endpoint-Name"] = field.name
        return _merged(response, fault.headers)


_HEADER_NAMES = {"requests": "Requests", "complexity": "Complexity", "endpoint": "Endpoint-Requests"}
_ENDPOINT_LIMIT = 60


def _standing(identity: Identity, limited: str) -> Standing:
    if limited == "complexity":
        return identity.budget.complexity()
    if limited == "endpoint":
        return Standing(_ENDPOINT_LIMIT, 0, 0)
    return identity.budget.requests()


def _limit_error(limited: str, standing: Standing, status: int = 400) -> errors.LinearError:
    what = "complexity points" if limited == "complexity" else "requests"
    return errors.rate_limited(standing.limit, what, standing.reset, status)


def _status(fault: Fault, otherwise: int) -> int:
    return otherwise if fault.status == _UNSET_STATUS else fault.status


def _refusal(error: errors.LinearError) -> Response:
    response = jsonify(error.body())
    response.status_code = error.status or 400
    return response


def _merged(response: Response, headers: Any) -> Response:
    for name, value in headers.items():
        if value == "":
            response.headers.pop(name, None)
        else:
            response.headers[name] = value
    return response


def blueprint(tracker: LinearTracker) -> Blueprint:
    """The endpoints as a blueprint."""
    endpoints = Endpoints(tracker)
    api = Blueprint("linear_api", __name__)
    api.add_url_rule("/graphql", view_func=endpoints.graphql, methods=["POST"])
    api.add_url_rule("/oauth/token", view_func=endpoints.token, methods=["POST"])
    return api
