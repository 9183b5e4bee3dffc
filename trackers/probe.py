"""What can be found out about a tracker and our account there, for ``connect`` and ``doctor``.

Nothing here is asked while events are worked. ``jira.probe`` and ``linear.probe`` do it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from trackers.model import Identity


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works, but not as well as it could, or not for long."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    """What was looked at, in a few words: ``credentials``, ``board 12``."""
    sentence: str
    """How it is."""
    fix: str | None = None
    """What to do about it, where something is to be done."""


@dataclass(frozen=True, slots=True)
class Site:
    """Who and where we are."""

    identity: Identity
    name: str
    """The site's or the workspace's own name."""
    kind: str
    """``Jira Cloud``, ``Jira Data Center 10.3.5``, ``Linear``."""
    signs: bool = True
    """Whether its webhooks can be signed."""


@dataclass(frozen=True, slots=True)
class Place:
    """A project or a team."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class BoardPlace:
    """A board that has sprints, or a team that has cycles."""

    id: str
    """As connections.yaml names it: a Jira board's number, a Linear team's key."""
    name: str
    project: str | None
    unit: str
    """What its work is estimated in: the field's name, or that there is no estimate."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as the tracker has it."""

    id: str
    name: str
    url: str
    enabled: bool
    events: tuple[str, ...]
    """As the tracker names them."""
    signed: bool | None = None
    """Whether deliveries are signed; None where the tracker does not tell."""
    covers: frozenset[str] | None = None
    """The keys of the projects or teams it sends events of; None for all, or where ``remark`` says why that
    is not known."""
    remark: str | None = None
    """What a person must judge, as a clause without a full stop."""
    bodiless: bool = False
    """Whether deliveries come without what they are about."""


@dataclass(frozen=True, slots=True)
class HookWish:
    """A webhook that a person is to make."""

    url: str
    places: tuple[str, ...]
    """The projects or teams whose events are wanted."""
    sprints: bool
    """Whether those of sprints or cycles are, too."""
    secret: str
    """What holds its secret, as a phrase: ``the content of config/secrets/acme-jira-hook``."""
    there: bool = True
    """Whether that holds one already."""
    proof: Literal["signature", "basic", "token"] = "signature"
    """How deliveries prove where they come from."""
    user: str | None = None
    """With ``basic``."""


class Probe(Protocol):
    """Questions to one tracker under one account. Raises only ``trackers.errors``."""

    def site(self) -> Site:
        """Who and where we are. Raises Unauthorized when the credentials do not hold."""

    def expires(self) -> datetime | None:
        """When the credentials end; None where the tracker does not tell."""

    def places(self) -> tuple[Place, ...]:
        """The projects or teams the account can see, by key."""

    def boards(self, places: Sequence[str]) -> tuple[BoardPlace, ...]:
        """The boards with sprints (teams with cycles) of these projects or teams."""

    def fitness(self, places: Sequence[str], boards: Sequence[str]) -> tuple[Finding, ...]:
        """Whether the account may do in ``places`` and on ``boards`` what we need, and the fields are there.

        Each place and board is seen, issues can be edited and commented on (without mail, where that is a
        permission), and the fields of sprints and estimates are found by their schema, not their names.
        """

    def hooks(self) -> tuple[Hook, ...] | None:
        """The webhooks there are; None when the account may not see them."""

    def wanted_events(self, sprints: bool) -> tuple[str, ...]:
        """The events a webhook of ours needs; with ``sprints`` those of sprints or cycles too."""

    def register(self, url: str, secret: str, places: Sequence[str], sprints: bool) -> tuple[Hook, ...]:
        """Make the webhook for ``url``, signed with ``secret``; on Linear one a team where teams are private.

        Raises Forbidden when the account may not.
        """

    def enable(self, hook: Hook) -> None:
        """Switch a webhook on again. Raises Forbidden when the account may not."""

    def by_hand(self, wish: HookWish) -> str:
        """What to click to make the webhook, a line a step, for a person who may."""

    def nudge(self, issue: str) -> str:
        """Make the tracker send an event about an issue (key or id), and leave the issue as it was; its id.

        On Jira a label comes and goes and stays in the issue's history, on Linear its place in lists moves
        by a hair and back. Raises Gone, in words about the issue, when there is none.
        """
