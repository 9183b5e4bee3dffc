"""Jira over HTTP: REST v2, which Cloud and Data Center serve alike, with wiki text in and out.

One request per call; nothing is repeated here. Every answer that is not a success becomes one of
``trackers.errors``. Source of the statuses: the Jira Cloud platform OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from trackers.errors import (
    Conflict,
    Forbidden,
    Gone,
    LimitReached,
    Rejected,
    ServerFault,
    TrackerError,
    Unauthorized,
    Walled,
)
from trackers.http import exchange, is_own_word, json_of, keep_reserve, lower
from trackers.limits import (
    BULK,
    CREDENTIALS_REFUSED,
    EVERYTHING,
    endpoint_scope,
    issue_scope,
    jira_pause,
)
from trackers.protocol import Gate
from trackers.reading import items, json_value, mapping, reference, text

CREDENTIALS_PAUSE: Final = timedelta(minutes=5)
"""Refused credentials are tried again this seldom; on Data Center each try brings a CAPTCHA nearer."""

_WORDED: Final = frozenset({400, 403, 404, 409, 410, 422})
"""Refusals that Jira gives a reason for. A 401 has none on Data Center, a 413 holds whoever says it."""


class JiraClient:
    """One connection's Jira. ``http`` carries the credentials in its headers."""

    def __init__(self, http: httpx.Client, base_url: str, gate: Gate) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._gate = gate

    def call(
        self,
        method: str,
        template: str,
        *,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        writes: str | None = None,
        bulk: bool = False,
        refuses_alone: bool = False,
    ) -> Any:
        """Ask once and give the answer's JSON (None for 204).

        ``template`` is the path with ``{names}`` filled from ``path``: it is also the name by which
        Jira's per-endpoint limit is kept. ``writes`` is the id of the issue written to, if any;
        ``bulk`` work waits while what is left of the limits is kept for live events. Of a call that
        ``refuses_alone`` a 401 proves nothing of the credentials: it is Forbidden, and pauses nothing.
        Raises the members of ``trackers.errors``.
        """
        asked = self._ask(
            method, template, path or {}, params, body, writes, bulk, refuses_alone=refuses_alone
        )
        return json_of(asked)

    def submit(self, method: str, template: str, *, path: Mapping[str, str], body: Any) -> str:
        """Ask for long work that Jira does by and by, and give the id of its task.

        Jira answers 303 with the task's address, of which only the last part is taken: where to ask is
        ours to say (developer.atlassian.com, REST API v3, "Asynchronous operations"). Raises as ``call``.
        """
        response = self._ask(method, template, path, None, body, None, False, see_other=True)
        task = reference(urlsplit(str(response.headers.get("Location"))).path.rpartition("/")[2])
        if task is None:
            raise ServerFault(f"Jira took {method} {template} but did not say under what task.")
        return task

    def _ask(
        self,
        method: str,
        template: str,
        path: Mapping[str, str],
        params: Mapping[str, str] | None,
        body: Any,
        writes: str | None,
        bulk: bool,
        see_other: bool = False,
        refuses_alone: bool = False,
    ) -> httpx.Response:
        operation = f"{method} {template}"
        scopes = [EVERYTHING, endpoint_scope(operation)]
        if writes is not None:
            scopes.append(issue_scope(writes))
        if bulk:
            scopes.append(BULK)
        self._gate.ask(scopes)
        url = self._base + template.format(**{name: _segment(value) for name, value in path.items()})
        request = self._http.build_request(method, url, params=params, json=body)
        response = exchange(self._http, self._gate, request, see_other=see_other)
        if response.is_success or response.is_redirect:
            if bulk:
                keep_reserve(self._gate, response)
            return response
        if refuses_alone and response.status_code == 401:
            raise Forbidden(f"Jira refuses the account {operation}.")
        raise self._error(response, operation, writes)

    def _error(self, response: httpx.Response, operation: str, issue: str | None) -> TrackerError:
        status = response.status_code
        if status in (429, 503):
            pause = jira_pause(
                lower(response.headers), operation=operation, issue=issue, now=datetime.now(UTC)
            )
            self._gate.limit(pause.scope, pause.length, pause.reason)
            return LimitReached(f"Jira limits {operation}: {pause.reason}.", (pause,))
        if status == 401 or (status == 403 and "x-authentication-denied-reason" in response.headers):
            self._gate.limit(EVERYTHING, CREDENTIALS_PAUSE, CREDENTIALS_REFUSED)
            return Unauthorized("Jira refuses the connection's credentials; check the token and its expiry.")
        if status in _WORDED and not is_own_word(response.content):
            return Walled(f"Something other than Jira answered {operation} with {status}.")
        why = complaint(response)
        match status:
            case 403:
                return Forbidden(f"Jira forbids {operation}: {why}")
            case 404 | 410:
                return Gone(f"Jira does not know what {operation} asked for, or the account may not see it.")
            case 409:
                return Conflict(f"Jira reports a conflict on {operation}.")
            case 400 | 413 | 422:
                return Rejected(f"Jira will not have {operation}: {why}")
        return ServerFault(f"Jira answered {status} to {operation}.")


def complaint(response: httpx.Response) -> str:
    """Jira's own words about a refused request: the fields it names and its messages, shortened."""
    try:
        answer = mapping(json_value(response.content))
    except ValueError:
        return f"status {response.status_code}"
    messages = [message for message in map(text, items(answer.get("errorMessages"))) if message]
    messages += [f"{field}: {message}" for field, message in mapping(answer.get("errors")).items()]
    # Bulk work lists its errors instead.
    listed = [text(mapping(error).get("message")) for error in items(answer.get("errors"))]
    messages += [message for message in listed if message]
    return ("; ".join(messages) or f"status {response.status_code}")[:300]


def _segment(value: str) -> str:
    """One path segment: an id with a slash or dots in it must not reach another endpoint."""
    if not value or not all(character.isalnum() or character in "-_" for character in value):
        raise Rejected("An id with characters that no Jira id has was not asked for.")
    return value
