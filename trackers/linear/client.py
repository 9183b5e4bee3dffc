"""Linear over HTTP: one GraphQL operation a call, its errors told apart.

Sources: https://linear.app/developers/graphql (errors beside partial data, with HTTP 200 or 400),
https://linear.app/developers/rate-limiting, https://linear.app/developers/oauth-2-0-authentication
(a personal key goes without ``Bearer``; client credentials give a token of 30 days).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final

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
from trackers.limits import BULK, CREDENTIALS_REFUSED, EVERYTHING, endpoint_scope, linear_pauses
from trackers.protocol import Gate
from trackers.reading import items, mapping, text

CREDENTIALS_PAUSE: Final = timedelta(minutes=5)
_LIMIT_STATUSES: Final = frozenset({429, 503})
"""A 503 comes this far only when it says until when; without that it is no answer at all."""
_OPERATION: Final = re.compile(r"^(?:query|mutation) (\w+)", re.MULTILINE)
_ROOT: Final = re.compile(r"^  (?:\w+: )?(\w+)(?=[ (])", re.MULTILINE)
"""A root field, by the indentation of ``documents.graphql``; arguments and inner fields stand deeper."""
_WORTH_REPEATING: Final = frozenset({"lock timeout", "internal error", "network error", "bootstrap error"})


class TooComplex(Rejected):
    """One query asked for more points of complexity than Linear lets a query have; nothing was executed."""


@dataclass(frozen=True, slots=True)
class GraphQLError:
    """One entry of ``errors``, as far as it decides anything."""

    root: str | None
    """The root field (or its alias) that failed; None when the whole operation did."""
    inner: bool
    """Something below the root field failed, not the root field itself."""
    code: str
    type: str
    message: str
    presentable: str

    def says(self, *phrases: str) -> bool:
        """Whether the message holds any of ``phrases``, whatever the case."""
        said = f"{self.message} {self.presentable}".casefold()
        return any(phrase.casefold() in said for phrase in phrases)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gave: data by root field, and the errors of single root fields."""

    data: Mapping[str, Any]
    errors: tuple[GraphQLError, ...]

    def error_at(self, root: str) -> GraphQLError | None:
        """The first error of that root field."""
        return next((error for error in self.errors if error.root == root), None)

    def root(self, root: str, operation: str) -> Mapping[str, Any]:
        """What a root field gave, when all of it came. Raises what an error anywhere below it means."""
        if (error := self.error_at(root)) is not None:
            raise as_exception(error, operation)
        return mapping(self.data.get(root))

    def done(self, root: str) -> bool:
        """Whether the root field, a mutation's, says that it was carried out."""
        return mapping(self.data.get(root)).get("success") is True


class Credentials:
    """A personal key, or a client that mints its own app token. The token lives in this process only."""

    def __init__(self, *, key: str | None = None, client: tuple[str, str] | None = None) -> None:
        """Either a personal ``key`` or ``client`` as (id, secret)."""
        if (key is None) == (client is None):
            raise ValueError("Linear needs either a key or a client id with its secret.")
        self._key = key
        self._client = client
        self._token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({'key' if self._key else 'client'})"

    def header(self, http: httpx.Client, gate: Gate, base_url: str) -> str:
        """The ``Authorization`` header; mints a token first where none is held."""
        if self._key is not None:
            return self._key
        if self._token is None:
            self._token = self._mint(http, gate, base_url)
        return f"Bearer {self._token}"

    def renewable(self) -> bool:
        """Drop a refused token; True when another can be minted."""
        self._token = None
        return self._client is not None

    def _mint(self, http: httpx.Client, gate: Gate, base_url: str) -> str:
        assert self._client is not None
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client[0],
            "client_secret": self._client[1],
            "scope": "read,write",
        }
        request = http.build_request("POST", f"{base_url}/oauth/token", data=form)
        response = exchange(http, gate, request)
        if response.status_code in _LIMIT_STATUSES:
            raise _limit(response, gate, (EVERYTHING,))
        if response.is_server_error:
            raise ServerFault(f"Linear answered {response.status_code} to the request for a token.")
        token = text(mapping(json_of(response)).get("access_token")) if response.is_success else None
        if token is None:
            gate.limit(EVERYTHING, CREDENTIALS_PAUSE, CREDENTIALS_REFUSED)
            raise Unauthorized("Linear gives no token for the connection's client id and secret.")
        return token


class LinearClient:
    """One connection's Linear."""

    def __init__(self, http: httpx.Client, base_url: str, gate: Gate, credentials: Credentials) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._gate = gate
        self._credentials = credentials
        self._documents = documents()
        self._scopes = {name: _scopes(name, document) for name, document in self._documents.items()}

    def call(self, operation: str, variables: Mapping[str, Any], *, bulk: bool = False) -> Answer:
        """Send one operation of ``documents.graphql``.

        ``bulk`` work waits while what is left of the limits is kept for live events. Gives data and
        the errors of single root fields. Raises a member of ``trackers.errors`` when
        the operation as a whole was not carried out.
        """
        scopes = self._scopes[operation]
        self._gate.ask((*scopes, BULK) if bulk else scopes)
        answer = self._send(operation, variables, bulk)
        if answer is None:
            # The held token has ended and the call was not carried out: once more with a new one is safe.
            answer = self._send(operation, variables, bulk)
        if answer is None:
            self._gate.limit(EVERYTHING, CREDENTIALS_PAUSE, CREDENTIALS_REFUSED)
            raise Unauthorized("Linear refuses the connection's credentials; check the key or the client.")
        return answer

    def _send(self, operation: str, variables: Mapping[str, Any], bulk: bool) -> Answer | None:
        header = self._credentials.header(self._http, self._gate, self._base)
        body = {"query": self._documents[operation], "variables": variables, "operationName": operation}
        request = self._http.build_request(
            "POST", f"{self._base}/graphql", json=body, headers={"Authorization": header}
        )
        response = exchange(self._http, self._gate, request)
        answer = mapping(_json(response))
        errors = tuple(_error(mapping(error)) for error in items(answer.get("errors")))
        if response.status_code == 401 or any(_unauthenticated(error) for error in errors):
            if self._credentials.renewable():
                return None
            self._gate.limit(EVERYTHING, CREDENTIALS_PAUSE, CREDENTIALS_REFUSED)
            raise Unauthorized("Linear refuses the connection's credentials; check the key.")
        if any(_limited(error) for error in errors) or response.status_code in _LIMIT_STATUSES:
            raise _limit(response, self._gate, self._scopes[operation])
        if not errors and response.is_client_error and not is_own_word(response.content):
            raise Walled(f"Something other than Linear answered {operation} with {response.status_code}.")
        if not errors and not response.is_success:
            raise ServerFault(f"Linear answered {response.status_code} to {operation}.")
        whole = next((error for error in errors if error.root is None), None)
        if whole is not None:
            raise as_exception(whole, operation)
        if bulk:
            keep_reserve(self._gate, response)
        return Answer(mapping(answer.get("data")), errors)


def documents() -> dict[str, str]:
    """The text of every operation by name."""
    text_ = resources.files("trackers.linear").joinpath("documents.graphql").read_text(encoding="utf-8")
    starts = list(_OPERATION.finditer(text_))
    ends = [match.start() for match in starts[1:]] + [len(text_)]
    return {
        match.group(1): text_[match.start() : end].strip() for match, end in zip(starts, ends, strict=True)
    }


def _scopes(operation: str, document: str) -> tuple[str, ...]:
    """What a pause over the operation may be named by: its own name, or that of one of its root fields."""
    roots = map(endpoint_scope, _ROOT.findall(document))
    return tuple(dict.fromkeys((EVERYTHING, endpoint_scope(operation), *roots)))


def _limit(response: httpx.Response, gate: Gate, scopes: Sequence[str]) -> LimitReached:
    """Put in force what a limit pauses; an endpoint whose name we never ask by is the operation asked."""
    told = linear_pauses(lower(response.headers), now=datetime.now(UTC))
    pauses = tuple(
        pause
        if pause.scope in scopes
        else replace(pause, scope=scopes[-1] if len(scopes) == 1 else scopes[1])
        for pause in told
    )
    for pause in pauses:
        gate.limit(pause.scope, pause.length, pause.reason)
    return LimitReached(f"Linear limits us: {pauses[0].reason}.", pauses)


def _json(response: httpx.Response) -> Any:
    """The answer's JSON. A page in its place is a fault, unless the status alone says what happened."""
    try:
        return json_of(response)
    except ServerFault:
        if response.is_success:
            raise
        return None


def as_exception(error: GraphQLError, operation: str) -> TrackerError:
    """What an error that ends the operation means. The sentence holds Linear's own words, shortened."""
    words = (error.presentable or error.message)[:300]
    if error.says("entity not found"):
        return Gone(f"Linear does not know what {operation} asked for, or the account may not see it.")
    if error.type in _WORTH_REPEATING or error.code in ("INTERNAL_SERVER_ERROR", "LOCK_TIMEOUT"):
        return Conflict(f"Linear failed on {operation}: {words}")
    forbidden = error.type in ("forbidden", "feature not accessible") or error.code == "FORBIDDEN"
    if forbidden or error.says("invalid scope"):
        return Forbidden(f"Linear forbids {operation}: {words}")
    if error.says("query too complex"):
        return TooComplex(f"Linear finds {operation} too complex: {words}")
    return Rejected(f"Linear will not have {operation}: {words}")


def _error(raw: Mapping[str, Any]) -> GraphQLError:
    extensions = mapping(raw.get("extensions"))
    path = items(raw.get("path"))
    return GraphQLError(
        root=text(path[0]) if path else None,
        inner=len(path) > 1,
        code=text(extensions.get("code")) or "",
        type=(text(extensions.get("type")) or "").casefold(),
        message=text(raw.get("message")) or "",
        presentable=text(extensions.get("userPresentableMessage")) or "",
    )


def _limited(error: GraphQLError) -> bool:
    return error.code == "RATELIMITED" or error.type == "ratelimited"


def _unauthenticated(error: GraphQLError) -> bool:
    return error.code == "AUTHENTICATION_ERROR" or error.type == "authentication error"
