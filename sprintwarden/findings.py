"""What is to be said of a connection, from what was found out about it. Asks nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sprintwarden.columns import plain
from trackers.errors import (
    Forbidden,
    Gone,
    LimitReached,
    Paused,
    ServerFault,
    TrackerError,
    Unauthorized,
    Unreachable,
    Walled,
)
from trackers.model import TrackerKind
from trackers.probe import Finding, Hook, Level, Site
from trackers.spans import in_utc, in_words

WARN_BEFORE: Final = timedelta(days=30)
"""So long before its end a token is spoken of: time enough to get a new one approved."""
_SILENCE: Final = timedelta(days=7)
HOOKS: Final = "webhook"
CATCH_UP: Final = "catch-up"
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_PORTS: Final = {"https": 443, "http": 80}
_LOCAL: Final = ("localhost", "127.", "[::1]", "::1")


def credentials(site: Site, *, service_account: bool) -> Finding:
    """Whose name we write under; a person's is warned of unless an admin declared it ours alone."""
    who = f"We are {site.identity.name} on {site.name} ({site.kind})"
    if site.identity.is_app:
        return Finding(Level.OK, "credentials", f"{who}, an app or service account.")
    if service_account:
        return Finding(Level.OK, "credentials", f"{who}, declared to be used by this service alone.")
    return Finding(
        Level.WARN,
        "credentials",
        f"{who}. That looks like a person: labels and comments appear under that name, that person's own "
        "edits cannot be told from ours (a label added by hand may pass for our own), and everything stops "
        "when the account is closed.",
        "Use an account of the service's own; if this is one, say service_account: true.",
    )


def ends(told: datetime | None, declared: datetime | None, now: datetime) -> Finding:
    """When the credentials end, as the tracker tells or an admin wrote; the earlier one counts."""
    known = [moment for moment in (told, declared) if moment is not None]
    if not known:
        said = "Neither the tracker nor connections.yaml (auth: expires) says when the credentials end."
        return Finding(Level.OK, "token expiry", said)
    end = min(known)
    fix = "Make a new token, put it where the old one is kept, and restart the processes."
    if end <= now:
        return Finding(Level.FAIL, "token expiry", f"The credentials ended on {end:%Y-%m-%d}.", fix)
    days = (end - now).days
    said = f"The credentials end on {end:%Y-%m-%d}, in {days} day{'' if days == 1 else 's'}."
    if end - now <= WARN_BEFORE:
        return Finding(Level.WARN, "token expiry", said, fix)
    return Finding(Level.OK, "token expiry", said)


def trouble(about: str, error: TrackerError) -> Finding:
    """A question that the tracker did not answer."""
    return Finding(Level.FAIL, about, str(error), _FIXES.get(type(error)))


_FIXES: Final[dict[type[TrackerError], str]] = {
    Unauthorized: "Make a new token for the account and put it where the old one is kept.",
    Forbidden: "Give the account this permission, or use one that has it.",
    Gone: "Check the name, and that the account can see it.",
    Unreachable: "Check the url and that this machine may reach it.",
    ServerFault: "Look at the tracker's own status; check that the url is the tracker's.",
    Walled: "Look at what stands in between, as a proxy, a firewall or a login page, and at the url.",
    LimitReached: "Wait, then run this again.",
    Paused: "Wait, then run this again.",
}


def address(public_url: str, name: str) -> str:
    """Where deliveries for the connection ``name`` go."""
    return f"{public_url.rstrip('/')}/webhooks/{name}"


def public_address(public_url: str) -> Finding:
    """Whether a tracker could reach the service there, as far as the address tells."""
    parts = urlsplit(public_url)
    if any((parts.hostname or "").startswith(local) for local in _LOCAL):
        return Finding(
            Level.WARN,
            "public address",
            f"{public_url} is this machine's own: no tracker elsewhere reaches it.",
            "Set SPRINTWARDEN_PUBLIC_URL to the address under which the tracker sees the service.",
        )
    if parts.scheme != "https":
        return Finding(
            Level.WARN,
            "public address",
            f"{public_url} is not https: Linear and Jira Cloud send to no other, and anyone may read along.",
            "Put a proxy with TLS in front and set SPRINTWARDEN_PUBLIC_URL to its https address.",
        )
    return Finding(Level.OK, "public address", f"Deliveries are to come to {public_url}.")


@dataclass(frozen=True, slots=True)
class Expected:
    """The webhook a connection needs."""

    name: str
    """The connection's."""
    tracker: TrackerKind
    events: Collection[str]
    signed: bool
    """Whether its deliveries are proven by a signature."""
    public_url: str | None
    places: tuple[str, ...] = ()
    """The projects or teams whose events are needed."""


def webhooks(expected: Expected, hooks: Sequence[Hook] | None, by_hand: str) -> Iterator[Finding]:
    """Whether the tracker sends us what we need. ``hooks`` is None when the account may not see them."""
    if hooks is None:
        yield Finding(
            Level.WARN,
            HOOKS,
            "Webhooks may not be seen with these credentials.",
            f"Look by hand that it is there and enabled, or make it:\n{by_hand}",
        )
        return
    ours = matching(hooks, expected.name, expected.public_url)
    if not ours:
        yield _none_of_ours(hooks, expected.name, by_hand)
        return
    for hook in ours:
        yield from _one(expected, hook)
    yield from _reach(expected, ours)


def matching(hooks: Sequence[Hook], name: str, public_url: str | None) -> tuple[Hook, ...]:
    """The webhooks that send to us: to this address, or where it is not known, to this path anywhere."""
    if public_url is not None:
        wanted = _place(address(public_url, name))
        return tuple(hook for hook in hooks if _place(hook.url) == wanted)
    return tuple(hook for hook in hooks if _place(hook.url)[-1].endswith(f"/webhooks/{name}"))


def _place(url: str) -> tuple[str, str, int | None, str]:
    """An address as far as it says where; a token in it is left out."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ("", "", None, "")
    return (
        parts.scheme.lower(),
        (parts.hostname or "").lower(),
        port or _PORTS.get(parts.scheme.lower()),
        parts.path.rstrip("/"),
    )


def _none_of_ours(hooks: Sequence[Hook], name: str, by_hand: str) -> Finding:
    elsewhere = [hook for hook in hooks if _place(hook.url)[-1].endswith(f"/webhooks/{name}")]
    if elsewhere:
        host = urlsplit(elsewhere[0].url).netloc.rpartition("@")[-1]
        return Finding(
            Level.FAIL,
            HOOKS,
            f"“{elsewhere[0].name}” sends to another address, on {host}.",
            "Change its address in the tracker, or mend SPRINTWARDEN_PUBLIC_URL.",
        )
    return Finding(Level.FAIL, HOOKS, "The tracker has none that sends to us.", f"Make it:\n{by_hand}")


def _one(expected: Expected, hook: Hook) -> Iterator[Finding]:
    about = f"{HOOKS} “{hook.name}”" if hook.name else HOOKS
    faults = [Finding(Level.FAIL, about, *told) for told in _faults(expected, hook)]
    yield from faults
    if not faults:
        yield Finding(Level.OK, about, f"It is enabled and sends {len(hook.events)} kinds of events to us.")
    if hook.remark:
        needed = f"see that it is for {' and '.join(expected.places)}" if expected.places else "look at it"
        yield Finding(Level.WARN, about, f"{hook.remark[:1].upper()}{hook.remark[1:]}: {needed}.")


def _faults(expected: Expected, hook: Hook) -> Iterator[tuple[str, str]]:
    """What is wrong with a webhook, each with what to do."""
    if not hook.enabled:
        linear = expected.tracker is TrackerKind.LINEAR
        why = " Linear does that to one that failed for long." if linear else ""
        yield (
            f"It is switched off.{why}",
            "Prove the way in first, then switch it on: `sprintwarden doctor --mend`, or in the tracker.",
        )
    if missing := [event for event in expected.events if event not in hook.events]:
        yield (
            f"It does not send {', '.join(missing)}.",
            "Tick these events in the tracker's settings of the webhook.",
        )
    if expected.signed and hook.signed is False:
        yield (
            "It has no secret, so its deliveries are unsigned and refused.",
            "Enter the secret that connections.yaml refers to in the tracker's settings of the webhook.",
        )
    if hook.bodiless:
        yield (
            "It leaves the body out, so its deliveries tell nothing.",
            "Untick Exclude body in the tracker's settings of the webhook.",
        )


def _reach(expected: Expected, ours: Sequence[Hook]) -> Iterator[Finding]:
    """Whether they are for all that is watched, together."""
    covered: set[str] = set()
    for hook in ours:
        if hook.covers is None:
            return
        covered |= hook.covers
    missed = [place for place in expected.places if place not in covered]
    if not missed:
        return
    linear = expected.tracker is TrackerKind.LINEAR
    yield Finding(
        Level.FAIL,
        HOOKS,
        f"None that sends to us is for {' or '.join(missed)}: what happens there is not heard.",
        "Make one more to this address for each of these teams (private ones need their own), and add its "
        "secret to webhook.secrets."
        if linear
        else f"Let its JQL in the tracker name them all: project in ({', '.join(expected.places)}).",
    )


def last_heard(last: datetime | None, now: datetime) -> Finding:
    """When the tracker was last heard of; silence alone is no fault, as it may have had nothing to say."""
    if last is None:
        return Finding(
            Level.WARN,
            "deliveries",
            "None that is genuine came yet.",
            "Edit an issue in the tracker, or let `sprintwarden doctor CONNECTION --touch ISSUE` do it.",
        )
    said = f"The last genuine one came {in_words(now - last)} ago, {in_utc(last)}."
    if now - last > _SILENCE:
        fix = "Prove the way with `sprintwarden doctor CONNECTION --touch ISSUE`."
        return Finding(Level.WARN, "deliveries", said, fix)
    return Finding(Level.OK, "deliveries", said)


def catch_up(every: timedelta | None, *, hooked: bool) -> Finding:
    """How often the tracker is asked what changed, beside a webhook or without one, and what that costs."""
    if every is None:
        return Finding(
            Level.WARN,
            CATCH_UP,
            "It is off: what happens while the webhook is off or this service down is never found.",
            "Take the line “catch_up: off” out of connections.yaml.",
        )
    number = timedelta(days=1) // every
    requests = f"{number:,} request{'' if number == 1 else 's'} a day or more"
    asked = f"asked {_often(every)} what changed, in {requests}"
    if hooked:
        return Finding(Level.OK, CATCH_UP, f"Beside the webhook the tracker is {asked}.")
    return Finding(Level.OK, CATCH_UP, f"There is no webhook: the tracker is polled, {asked}.")


def _often(span: timedelta) -> str:
    """``every minute``, ``every 90 seconds``: in the largest unit that loses nothing."""
    seconds = int(span.total_seconds())
    unit, length = next(one for one in _UNITS if not seconds % one[1])
    number = seconds // length
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def unwanted(hooks: Sequence[Hook] | None, name: str, public_url: str | None) -> Iterator[Finding]:
    """Webhooks that send to a connection that connections.yaml gives none: each delivery is refused."""
    for hook in matching(hooks or (), name, public_url):
        yield Finding(
            Level.WARN,
            f"{HOOKS} “{hook.name}”" if hook.name else HOOKS,
            "It sends to us, but connections.yaml names no webhook here: every delivery is refused.",
            "Take it out of the tracker, or say under webhook how its deliveries are proven.",
        )


def line(finding: Finding) -> str:
    """A finding as it is printed: level, what, how it is, the fix. What has several lines goes on below."""
    fix = f" Fix: {finding.fix}" if finding.fix else ""
    first, *rest = plain(f"{finding.sentence}{fix}").splitlines()
    return "\n".join(
        [f"  {finding.level:<4}  {plain(finding.about)}: {first}", *(f"        {more}" for more in rest)]
    )
