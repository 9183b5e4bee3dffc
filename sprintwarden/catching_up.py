"""``catch-up`` from a person's side: ask for one, follow it, say what it found. A live worker does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep
from typing import Any, Final

from redis import Redis

from sprintwarden.columns import counted
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from store.catch_ups import Asked, CatchUps, HookState, Standing
from store.connect import connect
from store.crew import LIVE, Crew
from store.inbox import Inbox
from store.keys import beat
from trackers.spans import in_utc
from workers.catch_up import FARTHEST, offer, subject_of

PATIENCE_S: Final = 60.0
"""How long nothing may get on before following ends; what was asked for is done all the same, later."""
_NOBODY_S: Final = 5.0
"""For a worker or a clock to show a sign of life."""
_LOOK_S: Final = 0.2
_LINE_EVERY_S: Final = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Office:
    """Where catch-ups are asked for."""

    redis: Redis
    inbox: Inbox
    catch_ups: CatchUps
    names: Sequence[str]

    @classmethod
    def open(cls, settings: Settings, name: str | None) -> Office:
        """For one connection or for all. Raises Complaint when there is none such, or no Redis."""
        every = read_connections(settings.connections_file)
        names = [named(every, name).name] if name is not None else [one.name for one in every]
        if not names:
            raise Complaint("No connection is configured: `sprintwarden connect` makes one.")
        redis = connect(settings.redis())
        return cls(redis, Inbox(redis, lease=settings.lease), CatchUps(redis), names)

    def now(self) -> datetime:
        """The time by Redis' clock."""
        return self.catch_ups.now()

    def ask(self, since: datetime | None) -> dict[str, Asked]:
        """Ask for a catch-up of each connection; what was asked, by its name."""
        asked = {}
        for name in self.names:
            asked[name] = self.catch_ups.ask(name, since)
            self.inbox.revive(subject_of(name))
            offer(self.inbox, name, asked[name].at)
        return asked

    def follow(self, name: str, asked: Asked, say: Say) -> Standing:
        """Tell how one gets on until it has ended; how the connection stands then.

        Raises Complaint when it cannot get on: nobody is there to do it, or the tracker cannot be asked.
        """
        begun, told_at, moved = monotonic(), monotonic(), monotonic()
        before: Standing | None = None
        said = ""
        while True:
            standing = self.catch_ups.standing(name)
            if standing is None:
                raise Complaint("Redis knows nothing of what was asked any more; was it emptied?")
            if standing.done is not None and standing.done.scan.began >= asked.at:
                return standing
            if standing != before:
                before, moved = standing, monotonic()
            if monotonic() - begun > _NOBODY_S:
                self._require_somebody()
            self._require_hope(name, silent=monotonic() - moved > PATIENCE_S)
            if monotonic() - told_at > _LINE_EVERY_S and (line := self._line(name, standing)) != said:
                say(line)
                said, told_at = line, monotonic()
            sleep(_LOOK_S)

    def _line(self, name: str, standing: Standing) -> str:
        """How far it is, and what holds it up."""
        seen = f"{counted(standing.scan.seen, 'issue')} seen." if standing.scan else "It has not begun."
        return f"{name}: {seen} {self.inbox.cause(subject_of(name))}".rstrip()

    def _require_somebody(self) -> None:
        if not Crew(self.redis).alive(LIVE):
            raise Complaint(
                "No live worker is alive to do it, start one: `sprintwarden work live`. It is done then."
            )
        if self.redis.get(beat("clock")) is None:
            raise Complaint(
                "No clock is alive to have it done, start one: `sprintwarden clock`. It is done then."
            )

    def _require_hope(self, name: str, *, silent: bool) -> None:
        subject = subject_of(name)
        for letter in self.inbox.dead():
            if letter.subject == subject:
                raise Complaint(f"The catch-up of {name} was given up: {letter.cause}")
        if silent:
            cause = self.inbox.cause(subject)
            raise Complaint(
                f"The catch-up of {name} does not get on{f': {cause}' if cause else '.'} It is tried again "
                "and again; the same command follows it."
            )


def as_told(name: str, standing: Standing) -> dict[str, Any]:
    """What the last catch-up of a connection found, for a machine."""
    assert standing.done is not None
    scan, hooked = standing.done.scan, standing.hooked
    return {
        "connection": name,
        "since": scan.since.isoformat(),
        "until": scan.began.isoformat(),
        "cut": scan.cut,
        "issues_seen": scan.seen,
        "issues_unread": scan.unread,
        "unknown_projects": list(scan.unknown),
        "webhook": str(hooked.state) if hooked else None,
        "webhook_switched_on": bool(hooked and hooked.enabled and hooked.enabled >= scan.began),
    }


def show(told: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{told['connection']}: from {in_utc(told['since'])} to {in_utc(told['until'])}, "
        f"{_changed(told['issues_seen'], told['issues_unread'])}."
    ]
    if told["cut"]:
        lines.append(f"  What changed more than {FARTHEST.days} days ago was left out.")
    if told["unknown_projects"]:
        unknown = ", ".join(told["unknown_projects"])
        lines.append(f"  The tracker knows no project {unknown}, or the account may not see it.")
    if told["webhook_switched_on"]:
        lines.append("  The webhook was off, and was switched on again.")
    elif (webhook := told["webhook"]) in _WEBHOOK:
        lines.append(f"  {_WEBHOOK[webhook]}")
    return "\n".join(lines)


def _changed(seen: int, unread: int) -> str:
    if not seen:
        return "nothing changed"
    news = f"; {unread} of them stand as no run has seen them, and are looked at now"
    return f"{counted(seen, 'issue')} changed{news if unread else ', and nothing of it is new'}"


_WEBHOOK: Final[Mapping[str, str]] = {
    HookState.ON: "The webhook is on.",
    HookState.OFF: "The webhook is off and could not be switched on: /readyz says why.",
    HookState.LEFT_OFF: "The webhook is off. We had switched it on, and somebody switched it off again.",
    HookState.NONE: "The tracker has no webhook for this connection.",
}
