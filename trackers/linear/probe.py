"""What can be found out about a Linear workspace and our account in it.

Sources: linear.app/developers/webhooks (who may see and make webhooks, and that they are signed),
linear.app/developers/oauth-2-0-authentication (scopes) and the schema in github.com/linear/linear.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from trackers.errors import Forbidden, Gone, Rejected, ServerFault
from trackers.http import open_http
from trackers.linear.client import Credentials, LinearClient
from trackers.linear.cycle_fields import has_estimates
from trackers.linear.cycles import next_page
from trackers.linear.fields import identity_from_json
from trackers.probe import BoardPlace, Finding, Hook, HookWish, Level, Place, Site
from trackers.protocol import Gate
from trackers.reading import items, mapping, number, text

_NAME: Final = "Sprintwarden"
_HAIR: Final = 0.001
"""Places in lists lie whole numbers apart when made, and halve when something is put in between."""
_NO_ISSUE: Final = "00000000-0000-4000-8000-000000000000"

Raw = Mapping[str, Any]


def open_probe(
    url: str,
    gate: Gate,
    *,
    key: str | None = None,
    client: tuple[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> LinearProbe:
    """The probe of the API at ``url``, with a personal ``key`` or a ``client`` as (id, secret)."""
    http = open_http({"Accept": "application/json"}, context)
    return LinearProbe(LinearClient(http, url, gate, Credentials(key=key, client=client)))


class LinearProbe:
    """One account's Linear, as ``trackers.probe.Probe`` describes it; it asks for the teams only once."""

    def __init__(self, client: LinearClient) -> None:
        self._call = client.call
        self._known: Mapping[str, Raw] | None = None

    def site(self) -> Site:
        viewer = self._call("WhoAmI", {}).root("viewer", "WhoAmI")
        workspace = text(mapping(viewer.get("organization")).get("name")) or ""
        return Site(identity_from_json(viewer), workspace, "Linear")

    def expires(self) -> datetime | None:
        """Never known: a key has no end that Linear tells, and a client's tokens are made anew."""
        return None

    def places(self) -> tuple[Place, ...]:
        return tuple(Place(key, _name(team)) for key, team in sorted(self._teams().items()))

    def boards(self, places: Sequence[str]) -> tuple[BoardPlace, ...]:
        teams = self._teams()
        named = {key: teams[key] for key in sorted(places) if key in teams}
        return tuple(
            BoardPlace(key, _name(team), key, _unit(team))
            for key, team in named.items()
            if team.get("cyclesEnabled")
        )

    def fitness(self, places: Sequence[str], boards: Sequence[str]) -> tuple[Finding, ...]:
        """See ``trackers.probe.Probe.fitness``.

        Scopes cannot be asked for. Whether the account may write is told by how Linear refuses a change
        of an issue that does not exist: for want of the issue, or of the scope ``write``. A key that
        is limited to some teams shows by the teams it does not see.
        """
        teams = self._teams()
        findings = [
            self._may_write(),
            *(_place_fitness(key, teams.get(key)) for key in places),
            *(_board_fitness(key, teams.get(key)) for key in boards),
        ]
        # A team that is not seen is so as a place and as a board.
        return tuple(dict.fromkeys(findings))

    def hooks(self) -> tuple[Hook, ...] | None:
        try:
            return tuple(map(self._hook, self._pages("Webhooks", "webhooks")))
        except Forbidden:
            return None

    def wanted_events(self, sprints: bool) -> tuple[str, ...]:
        return ("Issue", "Cycle") if sprints else ("Issue",)

    def register(self, url: str, secret: str, places: Sequence[str], sprints: bool) -> tuple[Hook, ...]:
        """One webhook for all public teams, or for the one that is named, and one for each private team.

        Events of teams that are not named are dropped at the door at next to no cost, while every
        webhook more is one that can fail and be switched off alone. Without ``places`` all teams
        the account sees are meant.
        """
        teams = self._teams()
        named = [teams[key] for key in places or sorted(teams) if key in teams]
        public = [team for team in named if not _is_private(team)]
        single = [team for team in named if _is_private(team)]
        scopes: list[Raw] = [{"allPublicTeams": True}] if public else []
        if len(public) == 1 and places:
            scopes, single = [], public + single
        scopes += ({"teamId": team.get("id")} for team in single)
        wish = {
            "url": url,
            "secret": secret,
            "label": _NAME,
            "resourceTypes": list(self.wanted_events(sprints)),
        }
        return tuple(self._make(wish | dict(scope)) for scope in scopes)

    def enable(self, hook: Hook) -> None:
        self._call("EnableWebhook", {"id": hook.id}).root("webhookUpdate", "EnableWebhook")

    def by_hand(self, wish: HookWish) -> str:
        kinds = "Issues and Cycles" if wish.sprints else "Issues"
        return "\n".join(
            (
                "In Linear, as an admin of the workspace, open Settings > API > Webhooks > New webhook.",
                f"Label: {_NAME}.",
                f"URL: {wish.url}",
                f"Data change events: {kinds}, and nothing else.",
                "Teams: all public teams. A private team needs a webhook of its own.",
                f"Copy the signing secret, which Linear chooses itself: it must become {wish.secret}.",
                "Create the webhook.",
            )
        )

    def nudge(self, issue: str) -> str:
        try:
            found = self._call("IssuePlace", {"id": issue}).root("issue", "IssuePlace")
        except Gone as error:
            raise Gone(f"Linear has no issue {issue}, or the account may not see it.") from error
        place = number(found.get("sortOrder"))
        if place is None:
            raise ServerFault("Linear does not say where in its lists the issue stands.")
        moved = {"id": found.get("id"), "there": place + _HAIR, "back": place}
        answer = self._call("MoveAndBack", moved)
        for root in ("there", "back"):
            answer.root(root, "MoveAndBack")
        return text(found.get("id")) or issue

    def _make(self, wish: Raw) -> Hook:
        answer = self._call("CreateWebhook", {"input": wish})
        made = mapping(answer.root("webhookCreate", "CreateWebhook").get("webhook"))
        if text(made.get("id")) is None:
            raise ServerFault("Linear made a webhook but did not say its id.")
        return self._hook(made)

    def _hook(self, raw: Raw) -> Hook:
        """A webhook as Linear shows it; each has a secret, by which Linear signs. One for all public teams
        covers those that the account sees."""
        team = text(mapping(raw.get("team")).get("key"))
        name = text(raw.get("label")) or "(no label)"
        public = {key for key, one in self._teams().items() if not _is_private(one)}
        everywhere = public if raw.get("allPublicTeams") is True else None
        covers = {team} if team else everywhere
        return Hook(
            id=text(raw.get("id")) or "",
            name=f"{name}, team {team}" if team else name,
            url=text(raw.get("url")) or "",
            enabled=raw.get("enabled") is True,
            events=tuple(map(str, items(raw.get("resourceTypes")))),
            signed=True,
            covers=None if covers is None else frozenset(covers),
            remark="Linear does not tell which teams it is for" if covers is None else None,
        )

    def _may_write(self) -> Finding:
        about = "credentials"
        try:
            self._call("TryToWrite", {"id": _NO_ISSUE}).root("issueUpdate", "TryToWrite")
        except Gone:
            return Finding(Level.OK, about, "The account may change issues.")
        except Forbidden as refused:
            return Finding(
                Level.FAIL,
                about,
                f"The account may read but not change issues. {refused}",
                "Give the key, or the OAuth application, the scope `write`.",
            )
        except Rejected:
            pass
        return Finding(
            Level.WARN,
            about,
            "Linear does not tell whether the account may change issues.",
            "Make sure that the key, or the OAuth application, has the scope `write`.",
        )

    def _teams(self) -> Mapping[str, Raw]:
        """The teams the account sees, by key."""
        if self._known is None:
            found = self._pages("Teams", "teams")
            self._known = {key: team for team in found if (key := text(team.get("key")))}
        return self._known

    def _pages(self, operation: str, root: str) -> Iterator[Raw]:
        after = None
        while True:
            page = self._call(operation, {"after": after}).root(root, operation)
            yield from map(mapping, items(page.get("nodes")))
            after = next_page(page)
            if after is None:
                return


def _place_fitness(key: str, team: Raw | None) -> Finding:
    about = f"team {key}"
    if team is None:
        return _unseen(key)
    if mapping(team.get("securitySettings")).get("labelManagement") == "owner":
        return Finding(
            Level.WARN,
            about,
            f"The account sees {_name(team)}, but only the team's owners may make labels there.",
            "Make the labels that the rules name, or let every member make labels in the team's settings.",
        )
    private = " It is private, and needs a webhook of its own." if _is_private(team) else ""
    return Finding(Level.OK, about, f"The account sees {_name(team)}.{private}")


def _board_fitness(key: str, team: Raw | None) -> Finding:
    about = f"cycles of {key}"
    if team is None:
        return _unseen(key)
    if not team.get("cyclesEnabled"):
        return Finding(
            Level.FAIL,
            about,
            f"{_name(team)} has no cycles.",
            "Switch cycles on in the team's settings, or take the team's cycles out of the connection.",
        )
    if not has_estimates(team):
        return Finding(
            Level.WARN,
            about,
            f"{_name(team)} gives no estimates: issues are counted, as if all were the same work.",
            "If the team plans by points, switch estimates on in its settings.",
        )
    return Finding(Level.OK, about, f"{_name(team)} has cycles, and estimates in {_unit(team)}.")


def _unseen(key: str) -> Finding:
    return Finding(
        Level.FAIL,
        f"team {key}",
        f"The account sees no team {key}.",
        "Check the team's key. If the team is private, invite the account into it; if the key is limited "
        "to some teams, add this one.",
    )


def _is_private(team: Raw) -> bool:
    """Restricted teams, which lie within private ones, are no public teams either."""
    return team.get("visibility") != "public"


def _name(team: Raw) -> str:
    return text(team.get("name")) or text(team.get("key")) or ""


def _unit(team: Raw) -> str:
    return f"points ({text(team.get('issueEstimationType'))})" if has_estimates(team) else "no estimates"
