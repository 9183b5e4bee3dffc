"""``connect``, first part: as far as the tracker, with credentials that hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rules.connection_schema import LINEAR_API, Deployment, Email, Plain, Url, Variable, WebhookAuth
from rules.connections import AccessToken, ApiKey, Auth, ClientCredentials, EmailToken
from sprintwarden.asking import Question, Terminal, fitting
from sprintwarden.connections_text import Reference
from sprintwarden.keeping import Kept, free_file, in_environment, in_file
from sprintwarden.probing import GATEWAY, OpenProbe, at_gateway, deployment_of
from sprintwarden.settings import Complaint
from trackers.errors import Forbidden, Gone, TrackerError, Unauthorized, Unreachable
from trackers.model import TrackerKind
from trackers.probe import Probe, Site
from workers.probes import Access

_REFUSED: Final = (Unauthorized, Forbidden, Gone)
"""How a Cloud site answers a scoped token, which is good at the gateway alone."""


AuthLines = tuple[tuple[str, str | Reference], ...]
"""What ``auth`` says in connections.yaml, key by key."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a secret is, as flags say it."""

    flag: str
    """The flags' common beginning: ``--token`` for ``--token-env`` and ``--token-file``."""
    env: str | None = None
    file: Path | None = None

    @property
    def flags(self) -> str:
        return f"{self.flag}-env or {self.flag}-file"

    def kept(self, config: Path) -> Kept | None:
        """The secret, None where no flag is given. Raises Complaint when it is not there."""
        if self.env is not None and self.file is not None:
            raise Complaint(f"Give one of {self.flag}-env and {self.flag}-file, not both.")
        if self.env is not None:
            return in_environment(fitting(Variable, self.env, f"{self.flag}-env"), f"{self.flag}-env")
        return in_file(self.file, config, f"{self.flag}-file") if self.file is not None else None


@dataclass(frozen=True, slots=True)
class Given:
    """What the flags say of a new connection; None is asked."""

    name: str | None = None
    tracker: TrackerKind | None = None
    deployment: Deployment | None = None
    url: str | None = None
    email: str | None = None
    token: Where = Where("--token")
    key: Where = Where("--key")
    client_id: str | None = None
    client_secret: Where = Where("--secret")
    places: tuple[str, ...] | None = None
    boards: tuple[str, ...] | None = None
    cycles: bool | None = None
    service_account: bool | None = None
    webhook: bool | None = None
    """Whether the tracker can reach this service."""
    public_url: str | None = None
    hook_secret: Where = Where("--hook-secret")
    hook_auth: WebhookAuth | None = None
    hook_user: str | None = None
    register: bool | None = None
    write: bool | None = None
    replace: bool = False
    gateway: str = GATEWAY


@dataclass(frozen=True, slots=True)
class Reached:
    """A tracker that took our credentials."""

    access: Access
    site: Site
    probe: Probe
    auth: AuthLines
    kept: Kept


@dataclass(frozen=True, slots=True)
class Walk:
    """What both parts of the walk work with."""

    given: Given
    terminal: Terminal
    config: Path
    """The folder of connections.yaml."""
    open_probe: OpenProbe

    def typed(self, what: str, flags: str, name: str) -> Kept:
        """A secret typed now, and where it will be kept; ``name`` is that of its file."""
        secret = self.terminal.secret(what, flags)
        place = free_file(self.config, name)
        if self.given.write is not False and self.terminal.yes(
            f"Shall it be kept in {self.config / place.name}, readable for you alone, when all is written?",
            default=True,
            unanswered=True,
        ):
            return Kept(secret, place, fresh=True)
        default = name.upper().replace("-", "_")
        variable = self.terminal.text(
            Question("Name of the environment variable that will hold it", flags, Variable, default)
        )
        return Kept(secret, Reference("env", variable), fresh=True)


def tracker_of(walk: Walk) -> tuple[TrackerKind, Deployment | None, str]:
    """Which tracker, of which deployment, at which address. Raises Complaint, Unreachable."""
    given = walk.given
    tracker = given.tracker or TrackerKind(
        walk.terminal.one(
            Question("Which tracker: jira or linear?", "--tracker", default="jira"), [*TrackerKind]
        )
    )
    _no_others(given, tracker)
    if tracker is TrackerKind.LINEAR:
        return tracker, None, fitting(Url, given.url or LINEAR_API, "--url")
    if given.url is not None:
        url = fitting(Url, given.url, "--url")
    else:
        question = Question(
            "Address of the site, such as https://acme.atlassian.net",
            "--url",
            Url,
            needed="An address, such as https://acme.atlassian.net.",
        )
        url = walk.terminal.text(question)
    return tracker, _deployment(walk, url), url


def _no_others(given: Given, tracker: TrackerKind) -> None:
    """Raises Complaint about a flag that is the other tracker's: it would change nothing."""
    flags: dict[str, tuple[TrackerKind, object]] = {
        "--deployment": (TrackerKind.JIRA, given.deployment),
        "--email": (TrackerKind.JIRA, given.email),
        given.token.flags: (TrackerKind.JIRA, given.token.env or given.token.file),
        "--boards": (TrackerKind.JIRA, given.boards),
        "--hook-auth": (TrackerKind.JIRA, given.hook_auth),
        "--hook-user": (TrackerKind.JIRA, given.hook_user),
        given.key.flags: (TrackerKind.LINEAR, given.key.env or given.key.file),
        "--client-id": (TrackerKind.LINEAR, given.client_id),
        given.client_secret.flags: (TrackerKind.LINEAR, given.client_secret.env or given.client_secret.file),
        "--cycles": (TrackerKind.LINEAR, given.cycles),
    }
    for flag, (whose, value) in flags.items():
        if whose is not tracker and value is not None:
            raise Complaint(f"{flag} is for {whose.title()}; this connection is for {tracker.title()}.")


def _deployment(walk: Walk, url: str) -> Deployment:
    found = deployment_of(url)
    said = walk.given.deployment
    if found is not None and said not in (None, found):
        raise Complaint(f"--deployment says {said}, but the site itself says {found}.")
    if found is not None:
        walk.terminal.say(f"The site says that it is {_WORDS[found]}.")
        return found
    if said is not None:
        return said
    walk.terminal.say("The site does not say what it is without credentials.")
    question = Question("Which is it: cloud or data_center?", "--deployment", default="cloud")
    return Deployment(walk.terminal.one(question, [*Deployment]))


_WORDS: Final = {Deployment.CLOUD: "Jira Cloud", Deployment.DATA_CENTER: "Jira Data Center"}


def default_name(tracker: TrackerKind, url: str) -> str:
    """A name for a connection to propose: ``acme-jira`` for https://acme.atlassian.net."""
    host = (urlsplit(url).hostname or "").removeprefix("jira.").partition(".")[0].lower()
    plain = host.isascii() and host.isalnum() and not host.isdigit()
    return f"{host}-jira" if tracker is TrackerKind.JIRA and plain else str(tracker)


def reach(walk: Walk, name: str, tracker: TrackerKind, deployment: Deployment | None, url: str) -> Reached:
    """With credentials of the flags or typed, until they hold. Raises a member of ``trackers.errors``."""
    while True:
        auth, lines, kept = _credentials(walk, name, tracker, deployment)
        access = Access(tracker, deployment, url, "", auth)
        try:
            return _entered(walk, access, lines, kept)
        except Unauthorized as error:
            if not kept.fresh:
                raise
            walk.terminal.say(f"  {error} Type it once more.")


def _entered(walk: Walk, access: Access, lines: AuthLines, kept: Kept) -> Reached:
    probe = walk.open_probe(access)
    try:
        return Reached(access, probe.site(), probe, lines, kept)
    except _REFUSED as refused:
        if access.deployment is not Deployment.CLOUD:
            raise
        return _by_gateway(walk, access, lines, kept, refused)


def _by_gateway(
    walk: Walk,
    access: Access,
    lines: AuthLines,
    kept: Kept,
    refused: TrackerError,
) -> Reached:
    """The same token at the gateway. Raises ``refused`` where it is no better there, or nobody answers."""
    try:
        through = at_gateway(access, walk.given.gateway)
        if through is None:
            raise refused
        probe = walk.open_probe(through)
        site = probe.site()
    except _REFUSED:
        raise refused from None
    except Unreachable as away:
        status = " (401)" if isinstance(refused, Unauthorized) else ""
        raise type(refused)(
            f"The site refuses the token{status}. If it is a scoped one, the gateway would take it, but that "
            f"could not be asked: {away}"
        ) from away
    walk.terminal.say(
        f"The site refuses the token, the gateway takes it: it is a scoped one ({through.api_url})."
    )
    return Reached(through, site, probe, lines, kept)


def _credentials(
    walk: Walk, name: str, tracker: TrackerKind, deployment: Deployment | None
) -> tuple[Auth, AuthLines, Kept]:
    given, config = walk.given, walk.config
    if tracker is TrackerKind.LINEAR:
        return _linear_credentials(walk, name)
    email = _asked_email(walk) if deployment is Deployment.CLOUD else None
    what = "API token" if email else "Personal access token"
    kept = given.token.kept(config) or walk.typed(what, given.token.flags, f"{name}-token")
    if email is None:
        return AccessToken(kept.secret), (("token", kept.reference),), kept
    return EmailToken(email, kept.secret), (("email", email), ("token", kept.reference)), kept


def _asked_email(walk: Walk) -> str:
    if walk.given.email is not None:
        return fitting(Email, walk.given.email, "--email")
    question = Question(
        "E-mail address of the token's account",
        "--email",
        Email,
        needed="An address, such as sprintwarden@acme.example.",
    )
    return walk.terminal.text(question)


def _linear_credentials(walk: Walk, name: str) -> tuple[Auth, AuthLines, Kept]:
    given, config = walk.given, walk.config
    key = given.key.kept(config)
    client_id = given.client_id
    if key is None and client_id is None and walk.terminal.yes("Is there an OAuth application to act as?"):
        client_id = walk.terminal.text(Question("Its client id", "--client-id", Plain))
    if client_id is None:
        kept = key or walk.typed("API key", given.key.flags, f"{name}-key")
        return ApiKey(kept.secret), (("key", kept.reference),), kept
    if key is not None:
        raise Complaint("Give a key or a client id with its secret, not both.")
    flags = given.client_secret.flags
    kept = given.client_secret.kept(config) or walk.typed("Client secret", flags, f"{name}-secret")
    auth = ClientCredentials(fitting(Plain, client_id, "--client-id"), kept.secret)
    return auth, (("client_id", client_id), ("client_secret", kept.reference)), kept
