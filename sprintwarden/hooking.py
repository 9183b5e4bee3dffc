"""``connect``, the part about the webhook: there already, made by us, or left to a person."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from rules.connection_schema import Plain, WebhookAuth
from rules.secret import Secret
from sprintwarden import findings
from sprintwarden.asking import Question, fitting
from sprintwarden.connections_text import Proof
from sprintwarden.keeping import Kept, free_file
from sprintwarden.reaching import Reached, Walk
from sprintwarden.settings import Complaint
from trackers.errors import TrackerError
from trackers.model import TrackerKind
from trackers.probe import Hook, HookWish

UNKNOWN_HOST: Final = "https://<your host>"
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Watch:
    """What of a tracker is watched."""

    places: tuple[str, ...]
    boards: tuple[str, ...] = ()
    cycles: bool = False

    @property
    def sprints(self) -> bool:
        """Whether sprints or cycles are."""
        return bool(self.boards) or self.cycles


class Fate(Enum):
    """What is to become of the webhook."""

    THERE = auto()
    MADE = auto()
    """As soon as connections.yaml is written: then only can its secret be found again."""
    BY_HAND = auto()


@dataclass(frozen=True, slots=True)
class Hooking:
    """The webhook of a new connection."""

    fate: Fate
    secret: Kept
    url: str
    watch: Watch
    proof: Proof


def wanted(walk: Walk, public_url: str | None) -> bool:
    """Whether there is to be a webhook at all; asked where no flag and no address tells. Raises Complaint."""
    given, terminal = walk.given, walk.terminal
    flags = {
        "--public-url": given.public_url,
        given.hook_secret.flags: given.hook_secret.env or given.hook_secret.file,
        "--hook-auth": given.hook_auth,
        "--hook-user": given.hook_user,
        "--register": given.register or None,
    }
    said = [flag for flag, value in flags.items() if value is not None]
    if given.webhook is False and said:
        raise Complaint(f"{said[0]} is for a webhook, and --no-webhook wants none.")
    if given.webhook is not None or said or public_url is not None:
        return given.webhook is not False
    terminal.say(
        "A tracker that cannot reach this service, as behind a firewall, is asked every minute instead."
    )
    return terminal.yes("Can the tracker reach this service?", default=True, unanswered=True)


def settle(walk: Walk, reached: Reached, name: str, watch: Watch, public_url: str | None) -> Hooking:
    """Look what there is and ask what to do. Writes nothing. Raises Complaint, or ``trackers.errors``."""
    given = walk.given
    if given.register and (public_url is None or given.write is False):
        raise Complaint("--register needs --public-url, and --write: else its secret would be kept nowhere.")
    proof = _proof(walk, reached)
    signed = proof.auth is WebhookAuth.SIGNATURE
    if given.register and not signed:
        raise Complaint("--register makes a webhook that signs: with any other proof it is made by hand.")
    url = findings.address(public_url or UNKNOWN_HOST, name)
    hooks = reached.probe.hooks()
    ours = findings.matching(hooks, name, public_url) if hooks and public_url else ()
    secret = given.hook_secret.kept(walk.config)
    if ours:
        _look_at(walk, reached, name, watch, ours, signed=signed)
        return Hooking(Fate.THERE, secret or _typed(walk, name), url, watch, proof)
    if signed and _may_make(walk, sure=hooks is not None and public_url is not None):
        return Hooking(Fate.MADE, secret or _generated(walk, name), url, watch, proof)
    if secret is None and _is_linear(reached):
        walk.terminal.say("Linear itself chooses the secret of a webhook that is made by hand.")
        if walk.terminal.yes("Do you have the webhook's signing secret at hand?"):
            secret = _typed(walk, name)
    return Hooking(Fate.BY_HAND, secret or _generated(walk, name), url, watch, proof)


def finish(walk: Walk, reached: Reached, hooking: Hooking, *, written: bool) -> None:
    """Make the webhook, or say what is left to do. Raises Complaint when it could not be made."""
    if hooking.fate is Fate.MADE and written:
        _make(walk, reached, hooking)
    elif hooking.fate is not Fate.THERE:
        _leave(walk, reached, hooking, written=written)


def _proof(walk: Walk, reached: Reached) -> Proof:
    """As the flags say; asked where the release is too old to sign. Raises Complaint."""
    given = walk.given
    if given.hook_user is not None and given.hook_auth is not WebhookAuth.BASIC:
        raise Complaint("--hook-user goes with --hook-auth basic.")
    auth = given.hook_auth
    if auth is None and not reached.site.signs:
        walk.terminal.say(f"{reached.site.kind} signs no deliveries: they are proven by their address.")
        question = Question("By a token in it, or by user and password (basic)?", "--hook-auth", str, "token")
        auth = WebhookAuth(walk.terminal.one(question, ["token", "basic"]))
    if auth is not WebhookAuth.BASIC:
        return Proof(auth or WebhookAuth.SIGNATURE)
    if given.hook_user is not None:
        return Proof(auth, fitting(Plain, given.hook_user, "--hook-user"))
    return Proof(auth, walk.terminal.text(Question("Its user", "--hook-user", Plain, "sprintwarden")))


def _may_make(walk: Walk, *, sure: bool) -> bool:
    """``sure`` is whether it may work at all; a flag has it tried all the same."""
    if walk.given.register is not None:
        return walk.given.register
    return sure and walk.terminal.yes(
        "Shall the webhook be made in the tracker, when all else is written?", default=True
    )


def _look_at(
    walk: Walk, reached: Reached, name: str, watch: Watch, ours: Sequence[Hook], *, signed: bool
) -> None:
    walk.terminal.say("The tracker has a webhook to this address already; only you know its secret.")
    wanted = reached.probe.wanted_events(watch.sprints)
    expected = findings.Expected(name, reached.access.tracker, wanted, signed, None, watch.places)
    for finding in findings.webhooks(expected, ours, ""):
        walk.terminal.say(findings.line(finding))


def _make(walk: Walk, reached: Reached, hooking: Hooking) -> None:
    say, watch = walk.terminal.say, hooking.watch
    try:
        made = reached.probe.register(
            hooking.url, hooking.secret.secret.reveal(), watch.places, watch.sprints
        )
    except TrackerError as error:
        say(f"The webhook was not made: {error}")
        _leave(walk, reached, hooking, written=True)
        raise Complaint(
            "The connection stands in connections.yaml; only the webhook is missing, on Linear perhaps for "
            "some of the teams alone: the tracker shows."
        ) from error
    except KeyboardInterrupt:
        say("\nThe connection stands in connections.yaml; whether the webhook was made, the tracker shows.")
        raise
    for hook in made:
        say(f"The webhook “{hook.name}” was made: {', '.join(hook.events)}.")


def _leave(walk: Walk, reached: Reached, hooking: Hooking, *, written: bool) -> None:
    """What a person has to click, and where the secret comes from or goes."""
    say, secret, proof = walk.terminal.say, hooking.secret, hooking.proof
    wish = HookWish(
        hooking.url,
        hooking.watch.places,
        hooking.watch.sprints,
        secret.holder(walk.config),
        there=written or not secret.generated,
        proof=proof.auth.value,
        user=proof.user,
    )
    say("The webhook is left to somebody who may make it:")
    for line in reached.probe.by_hand(wish).splitlines():
        say(f"  {line}")


def _is_linear(reached: Reached) -> bool:
    return reached.access.tracker is TrackerKind.LINEAR


def _typed(walk: Walk, name: str) -> Kept:
    return walk.typed("The webhook's secret", walk.given.hook_secret.flags, f"{name}-hook")


def _generated(walk: Walk, name: str) -> Kept:
    place = free_file(walk.config, f"{name}-hook")
    return Kept(Secret(secrets.token_urlsafe(_SECRET_BYTES)), place, fresh=True, generated=True)
