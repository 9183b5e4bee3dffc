"""A tracker that answers what a test tells it to, and what ``connect`` and ``doctor`` did there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from trackers.model import Identity
from trackers.probe import BoardPlace, Finding, Hook, HookWish, Level, Place, Site

ROBOT = Identity("1", "Sprintwarden", is_app=True)
PERSON = Identity("2", "Ada")
EVENTS = ("created", "updated", "deleted")


@dataclass
class ScriptedProbe:
    """Fits ``trackers.probe.Probe``."""

    identity: Identity = ROBOT
    kind: str = "Jira Cloud"
    signs: bool = True
    ends: datetime | None = None
    there: tuple[str, ...] = ("ABC", "OPS")
    with_sprints: tuple[str, ...] = ("12", "13")
    fit: tuple[Finding, ...] = (Finding(Level.OK, "fields", "The sprint field is there."),)
    webhooks: list[Hook] | None = field(default_factory=list)
    fails: dict[str, BaseException] = field(default_factory=dict)
    """Method → what it raises."""
    nudged: Callable[[], object] = lambda: None
    nudged_id: str = "1"
    done: list[tuple[object, ...]] = field(default_factory=list)
    """What was written, in order."""

    def site(self) -> Site:
        self._fail("site")
        return Site(self.identity, "Acme", self.kind, self.signs)

    def expires(self) -> datetime | None:
        self._fail("expires")
        return self.ends

    def places(self) -> tuple[Place, ...]:
        self._fail("places")
        return tuple(Place(key, f"Project {key}") for key in self.there)

    def boards(self, places: Sequence[str]) -> tuple[BoardPlace, ...]:
        return tuple(BoardPlace(id_, f"Board {id_}", places[0], "story points") for id_ in self.with_sprints)

    def fitness(self, places: Sequence[str], boards: Sequence[str]) -> tuple[Finding, ...]:
        self._fail("fitness")
        return self.fit

    def hooks(self) -> tuple[Hook, ...] | None:
        self._fail("hooks")
        return None if self.webhooks is None else tuple(self.webhooks)

    def wanted_events(self, sprints: bool) -> tuple[str, ...]:
        return (*EVENTS, "sprint started") if sprints else EVENTS

    def register(self, url: str, secret: str, places: Sequence[str], sprints: bool) -> tuple[Hook, ...]:
        self._fail("register")
        self.done.append(("register", url, secret, tuple(places), sprints))
        hook = Hook("h1", "Sprintwarden", url, True, self.wanted_events(sprints), True)
        self.webhooks = [*(self.webhooks or []), hook]
        return (hook,)

    def enable(self, hook: Hook) -> None:
        self._fail("enable")
        self.done.append(("enable", hook.id))
        assert self.webhooks is not None
        self.webhooks = [replace(one, enabled=one.enabled or one.id == hook.id) for one in self.webhooks]

    def by_hand(self, wish: HookWish) -> str:
        secret = f"{wish.secret}{'' if wish.there else ' (yet to be chosen)'}, as {wish.proof} {wish.user}"
        return f"Open the settings of {', '.join(wish.places)}.\nEnter {wish.url}.\nIts secret: {secret}."

    def nudge(self, issue: str) -> str:
        self._fail("nudge")
        self.done.append(("nudge", issue))
        self.nudged()
        return self.nudged_id

    def _fail(self, method: str) -> None:
        if method in self.fails:
            raise self.fails[method]
