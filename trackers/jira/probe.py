"""What can be found out about a Jira and our account there. See ``trackers.probe``.

Sources: developer.atlassian.com, Jira Cloud platform REST API ("Get server info", "Get projects
paginated"), Jira Software REST API ("Get all boards"); confluence.atlassian.com, "Using personal access
tokens" (Data Center); support.atlassian.com on scoped API tokens, which the gateway alone takes.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from trackers.errors import Forbidden, Gone, Rejected, ServerFault, Unauthorized, Walled
from trackers.http import open_http
from trackers.jira import hooks
from trackers.jira.client import JiraClient
from trackers.jira.fitness import JiraFitness
from trackers.jira.hooks import JiraHooks
from trackers.jira.setup import identity_from
from trackers.probe import BoardPlace, Finding, Hook, HookWish, Place, Site
from trackers.protocol import Gate
from trackers.reading import ident, items, mapping, moment, reference, text

NUDGE: Final = "sprintwarden-doctor"
"""The label that comes and goes to make Jira send an event."""
_ISSUE: Final = "/rest/api/2/issue/{issue}"
_BOARDS: Final = "/rest/agile/1.0/board"
_WITH_SPRINTS: Final = frozenset({"scrum", "simple"})

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself."""

    is_cloud: bool
    version: str
    major: int
    title: str

    @property
    def signs(self) -> bool:
        """Whether webhooks have a secret; Data Center's do from release 10 on."""
        return self.is_cloud or not 0 < self.major < 10

    @property
    def kind(self) -> str:
        return "Jira Cloud" if self.is_cloud else f"Jira Data Center {self.version}".strip()


def open_probe(
    url: str,
    gate: Gate,
    *,
    cloud: bool,
    api_url: str = "",
    basic: tuple[str, str] | None = None,
    bearer: str | None = None,
    context: ssl.SSLContext | None = None,
) -> JiraProbe:
    """The probe of the Jira at ``url``, whose requests go to ``api_url`` where that is another address.

    ``cloud`` is what the connection is meant to be. ``basic`` is (e-mail, API token) on Cloud; ``bearer`` a
    personal access token on Data Center. The ``gate`` should be nobody else's: what is refused to a probe
    must not pause the service. Asks nothing yet.
    """
    http = open_http({"Accept": "application/json"}, context)
    if basic is not None:
        http.auth = basic
    else:
        http.headers["Authorization"] = f"Bearer {bearer}"
    return JiraProbe(JiraClient(http, api_url or url, gate), url.rstrip("/"), cloud=cloud)


class JiraProbe:
    """Questions to one Jira under one account, as ``trackers.probe.Probe`` describes them."""

    def __init__(self, client: JiraClient, url: str, *, cloud: bool) -> None:
        """``cloud`` is what the connection is meant to be."""
        self._call = client.call
        self._client = client
        self._url = url
        self._cloud = cloud

    def site(self) -> Site:
        # Open to everybody: what the site is, is known before it refuses us.
        server = self._server
        try:
            identity = identity_from(mapping(self._call("GET", "/rest/api/2/myself")))
        except Unauthorized as error:
            raise Unauthorized(f"{error}{self._hint(server)}") from error
        return Site(identity, server.title, server.kind, server.signs)

    def _hint(self, server: Server) -> str:
        if server.is_cloud is not self._cloud:
            return f" {_other_kind(server, self._cloud)}"
        return " A scoped API token is good at the gateway alone (api_url)." if self._cloud else ""

    @cached_property
    def _server(self) -> Server:
        # Every Jira answers it, whoever asks: no name is wrong and no permission missing.
        try:
            raw = mapping(self._call("GET", "/rest/api/2/serverInfo"))
        except (Gone, Walled) as error:
            raise ServerFault(
                "What answers there is no Jira, or something stands before it: no /rest/api/2/serverInfo."
            ) from error
        except Forbidden as error:
            raise ServerFault(
                "Something before Jira refuses /rest/api/2/serverInfo (403), which Jira shows everybody."
            ) from error
        if not (text(raw.get("deploymentType")) or text(raw.get("version"))):
            raise ServerFault("What answers there does not say that it is a Jira.")
        numbers = items(raw.get("versionNumbers"))
        return Server(
            is_cloud=raw.get("deploymentType") == "Cloud",
            version=text(raw.get("version")) or "",
            major=numbers[0] if numbers and isinstance(numbers[0], int) else 0,
            title=text(raw.get("serverTitle")) or self._url,
        )

    def expires(self) -> datetime | None:
        """See ``trackers.probe.Probe.expires``. Only where the account has a single token that still holds
        is it known to be ours: Jira does not say which was used."""
        if self._cloud:
            return None
        try:
            listed = items(self._call("GET", "/rest/pat/latest/tokens"))
        except (Forbidden, Gone, Rejected, ServerFault, Unauthorized):
            return None
        ends = [moment(mapping(token).get("expiringAt")) for token in listed]
        holding = [end for end in ends if end is None or end > datetime.now(UTC)]
        return holding[0] if len(holding) == 1 else None

    def places(self) -> tuple[Place, ...]:
        listed = self._paged("/rest/api/2/project/search", {}) if self._cloud else self._projects()
        found = [
            Place(key, text(raw.get("name")) or key)
            for raw in listed
            if (key := ident(raw.get("key"))) and not raw.get("archived")
        ]
        return tuple(sorted(found, key=lambda place: place.key))

    def _projects(self) -> Iterator[Raw]:
        return map(mapping, items(self._call("GET", "/rest/api/2/project")))

    def boards(self, places: Sequence[str]) -> tuple[BoardPlace, ...]:
        found: dict[str, BoardPlace] = {}
        for place in places:
            for raw in self._paged(_BOARDS, {"projectKeyOrId": place}):
                id_ = reference(raw.get("id"))
                if id_ is None or id_ in found or raw.get("type") not in _WITH_SPRINTS:
                    continue
                board = self._fitness.board(id_)
                if board.has_sprints:
                    found[id_] = BoardPlace(id_, board.name, board.project, board.unit)
        return tuple(found.values())

    def _paged(self, path: str, params: Mapping[str, str]) -> Iterator[Raw]:
        start = 0
        while True:
            asked = {**params, "startAt": str(start), "maxResults": "50"}
            page = mapping(self._call("GET", path, params=asked))
            values = items(page.get("values"))
            yield from map(mapping, values)
            start += len(values)
            if not values or page.get("isLast", True):
                return

    @cached_property
    def _fitness(self) -> JiraFitness:
        return JiraFitness(self._call, cloud=self._cloud)

    def fitness(self, places: Sequence[str], boards: Sequence[str]) -> tuple[Finding, ...]:
        """See ``trackers.probe.Probe.fitness``. Says too when the site is of the other kind."""
        server = self._server
        wrong = None if server.is_cloud is self._cloud else _other_kind(server, self._cloud)
        return self._fitness.findings(places, boards, wrong)

    def hooks(self) -> tuple[Hook, ...] | None:
        return self._hooks.all()

    @cached_property
    def _hooks(self) -> JiraHooks:
        server = self._server
        return JiraHooks(self._client, is_new=not server.is_cloud and server.major >= 10)

    def wanted_events(self, sprints: bool) -> tuple[str, ...]:
        return hooks.wanted_events(sprints)

    def register(self, url: str, secret: str, places: Sequence[str], sprints: bool) -> tuple[Hook, ...]:
        return (self._hooks.register(url, secret, places, sprints),)

    def enable(self, hook: Hook) -> None:
        self._hooks.enable(hook)

    def by_hand(self, wish: HookWish) -> str:
        return hooks.by_hand(self._url, wish, cloud=self._cloud)

    def nudge(self, issue: str) -> str:
        """See ``trackers.probe.Probe.nudge``: the label ``NUDGE`` is added and taken off, in two writes and
        without mail where we may."""
        try:
            found = mapping(self._call("GET", _ISSUE, path={"issue": issue}, params={"fields": "labels"}))
            self._label(issue, "add")
        except Gone as error:
            raise Gone(f"Jira has no issue {issue}, or the account may not see it.") from error
        self._label(issue, "remove")
        return ident(found.get("id")) or issue

    def _label(self, issue: str, verb: str) -> None:
        body = {"update": {"labels": [{verb: NUDGE}]}}

        def put(**params: str) -> None:
            path = {"issue": issue}
            self._call("PUT", _ISSUE, path=path, params=params, body=body, writes=issue)

        try:
            put(notifyUsers="false")
        except Forbidden:
            put()


def _other_kind(server: Server, cloud: bool) -> str:
    meant, other = ("cloud", "data_center") if cloud else ("data_center", "cloud")
    return f"The site is {server.kind} (deployment: {other}), but the connection says deployment: {meant}."
