"""What every REST request of the toy Jira goes through: faults, who is asking, limits, errors, the log."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import flask
from flask import Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.calls import Calls
from sandbox.faults import Fault, Faults, play
from sandbox.jira.config import JiraConfig
from sandbox.jira.model import Issue
from sandbox.jira.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

GONE = "Issue does not exist or you do not have permission to see it."
GATEWAY = "sandbox.gateway"
"""Set in the environment of a request that came through the gateway."""
View = Callable[..., Any]
Anonymous = Literal["refuse", "hide", "serve"]
_PER_ISSUE = ((20, 2.0), (100, 30.0))


class ApiError(Exception):
    """An error answer in Jira's shape: ``{"errorMessages": [...], "errors": {field: message}}``."""

    def __init__(self, status: int, message: str = "", errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.messages = [message] if message else []
        self.errors = errors or {}


class WriteLimit:
    """Cloud's limit per issue: 20 writes in 2 s and 100 in 30 s.

    Source: developer.atlassian.com/cloud/jira/platform/rate-limiting. Refused writes do not count.
    """

    def __init__(self) -> None:
        self._writes: dict[str, deque[float]] = {}

    def wait(self, issue_id: str) -> float:
        """0 and one write counted, or the seconds until the next one is allowed."""
        now = time.monotonic()
        writes = self._writes.setdefault(issue_id, deque(maxlen=_PER_ISSUE[-1][0]))
        for most, window in _PER_ISSUE:
            if len(writes) >= most and now - writes[-most] < window:
                return window - (now - writes[-most])
        writes.append(now)
        return 0.0


class Gateway:
    """Atlassian's gateway, where a site is reached under ``/ex/jira/<cloudId>`` of another host."""

    def __init__(self, inner: WSGIApplication, cloud_id: str) -> None:
        self._inner = inner
        self._prefix = f"/ex/jira/{cloud_id}/"

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(self._prefix):
            path = environ["PATH_INFO"][len(self._prefix) - 1 :]
            environ = environ | {"PATH_INFO": path, GATEWAY: True}
        return self._inner(environ, start)


class Api:
    """Registers views so that each is authenticated, faulted, limited, locked and logged alike."""

    def __init__(self, app: flask.Flask, state: State, faults: Faults, calls: Calls) -> None:
        self.state = state
        self.config: JiraConfig = state.config
        self._app = app
        self._faults = faults
        self._calls = calls
        self._limit = WriteLimit()
        for status in (404, 405):
            app.register_error_handler(status, self._unknown)

    def _unknown(self, error: HTTPException) -> Response:
        """An address the toy does not have: logged too, so that a client's wrong turn is seen."""
        status = error.code or 404
        if request.path.startswith("/rest/"):
            write = request.method != "GET"
            self._calls.record(
                f"{request.method} unknown", status, write=write, detail={"path": request.path}
            )
        return _error(ApiError(status, "There is nothing at this address."))

    def route(
        self,
        methods: str,
        path: str,
        operation: str,
        *,
        anonymous: Anonymous = "refuse",
        only: str | None = None,
        reads: bool = False,
    ) -> Callable[[View], View]:
        """Serve ``path`` for the ``methods`` (joined by "|") under the name "METHOD operation".

        ``anonymous``: what an unknown caller gets on Cloud: 401, 404 as for a hidden issue, or the
        view itself. ``only`` names the one deployment that has this endpoint. ``reads`` marks a
        POST that changes nothing.
        """

        def register(view: View) -> View:
            def answer(**arguments: Any) -> Response:
                if only is not None and only != self.config.deployment:
                    return _error(ApiError(404, "There is nothing at this address on this deployment."))
                return self._answer(operation, view, arguments, anonymous, reads)

            self._app.add_url_rule(path, f"{methods} {path}", answer, methods=methods.split("|"))
            return view

        return register

    def issue(self, key: str) -> Issue:
        """The issue, or Jira's 404."""
        try:
            return self.state.issue(key)
        except LookupError:
            raise ApiError(404, GONE) from None

    def _answer(
        self, operation: str, view: View, arguments: dict[str, Any], anonymous: Anonymous, reads: bool
    ) -> Response:
        name = f"{request.method} {operation}"
        write = request.method != "GET" and not reads
        g.detail, g.issue = {}, self._issue_key(arguments)

        def execute() -> Response:
            return self._execute(view, arguments, anonymous, write)

        def noted(status: int) -> None:
            detail = g.detail | ({"fault": fault.kind} if fault else {})
            self._calls.record(name, status, write=write, issue=g.issue, detail=detail)

        fault = self._faults.take(name, g.issue)
        return play(fault, execute, self._rate_limited, noted)

    def _issue_key(self, arguments: dict[str, Any]) -> str | None:
        with self.state.lock:
            try:
                if "comment_id" in arguments and "key" not in arguments:
                    return self.state.comment(str(arguments["comment_id"]))[0].key
                return self.state.issue(str(arguments["key"])).key if "key" in arguments else None
            except LookupError:
                return str(arguments["key"]) if "key" in arguments else None

    def _execute(self, view: View, arguments: dict[str, Any], anonymous: Anonymous, write: bool) -> Response:
        with self.state.lock:
            try:
                self._admit(anonymous)
                if write and g.issue is not None and self.config.cloud:
                    self._pace(g.issue)
                return _response(view(**arguments))
            except ApiError as error:
                return _error(error)
            except ValueError as error:
                return _error(ApiError(400, str(error)))
            except LookupError as error:
                return _error(ApiError(404, str(error.args[0])))

    def _admit(self, anonymous: Anonymous) -> None:
        g.known = self._is_known()
        if g.known:
            return
        if self.config.cloud:
            # Cloud takes a bad token for a visitor without an account, not for an error.
            if anonymous == "serve":
                return
            if anonymous == "hide":
                raise ApiError(404, GONE)
        elif anonymous == "serve" and "Authorization" not in request.headers:
            return
        raise ApiError(401, "Client must be authenticated to access this resource.")

    def _is_known(self) -> bool:
        if self.config.cloud and self.config.scoped and GATEWAY not in request.environ:
            return False
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if not self.config.cloud:
            return scheme.lower() == "bearer" and _same(value, self.config.token)
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return _same(given, f"{self.config.email}:{self.config.token}")

    def _pace(self, key: str) -> None:
        try:
            wait = self._limit.wait(self.state.issue(key).id)
        except LookupError:
            return
        if wait:
            raise _Limited("jira-per-issue-on-write", {"Retry-After": str(math.ceil(wait))})

    def _rate_limited(self, fault: Fault) -> Response:
        return _error(self._limited(fault.reason, dict(fault.headers)))

    def _limited(self, reason: str, headers: dict[str, str]) -> ApiError:
        if self.config.cloud:
            return _Limited(reason or "jira-burst-based", headers)
        bucket = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0", "X-RateLimit-FillRate": "5"}
        return _Limited("", bucket | {"X-RateLimit-Interval-Seconds": "1"} | headers)


class _Limited(ApiError):
    def __init__(self, reason: str, headers: dict[str, str]) -> None:
        super().__init__(429, "Rate limit exceeded.")
        self.headers = headers | (
            {"RateLimit-Reason": reason, "X-RateLimit-Remaining": "0"} if reason else {}
        )


def json_body() -> dict[str, Any]:
    """The JSON object that was sent. Raises ApiError 400 for anything else."""
    if request.mimetype != "application/json":
        raise ApiError(415, "The body must be sent as application/json.")
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise ApiError(400, "The body is not a JSON object.")
    return data


def flag(name: str, default: bool) -> bool:
    """A yes-or-no query parameter."""
    return request.args.get(name, str(default)).lower() == "true"


def page_window(most: int, limit: int | None = None) -> tuple[int, int]:
    """``startAt`` and ``maxResults`` as asked, the latter capped at ``most``."""
    start = _whole("startAt", 0)
    size = _whole("maxResults", most if limit is None else limit)
    return start, min(size, most)


def _whole(name: str, default: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise ApiError(400, f"{name} must be a whole number.")
    return int(text)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _response(result: Any) -> Response:
    if isinstance(result, Response):
        return result
    if isinstance(result, HTTPStatus):
        return Response("", result.value)
    status = 200
    if isinstance(result, tuple):
        result, status = result
    response = jsonify(result)
    response.status_code = status
    return response


def _error(error: ApiError) -> Response:
    response = jsonify({"errorMessages": error.messages, "errors": error.errors})
    response.status_code = error.status
    if isinstance(error, _Limited):
        response.headers.update(error.headers)
    return response
