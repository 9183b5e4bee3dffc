"""connections.yaml from text to connections with their secrets looked up."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from rules import connection_schema as schema
from rules.connection_schema import CATCH_UP_ALONE, CATCH_UP_BESIDE_WEBHOOK, Deployment, Late, WebhookAuth
from rules.problems import BadFile, Problem
from rules.secret import Secret
from rules.source import Path, Source, read_source
from rules.validate import did_you_mean, finish, validate
from trackers.model import Scope, TrackerKind

MIN_SECRET_CHARS = 8
MAX_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class EmailToken:
    """Jira Cloud: sent as basic authentication."""

    email: str
    token: Secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Jira Data Center: a personal access token, sent as bearer."""

    token: Secret


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Linear: a personal API key."""

    key: Secret


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Linear: an OAuth application that acts for itself."""

    client_id: str
    client_secret: Secret


Auth = EmailToken | AccessToken | ApiKey | ClientCredentials


@dataclass(frozen=True, slots=True)
class Webhook:
    """How deliveries of a connection are checked."""

    auth: WebhookAuth
    secrets: tuple[Secret, ...]
    """All that are good at present; never empty."""
    max_body: int
    """In bytes."""
    user: str | None = None
    """With ``basic`` only."""
    max_age: timedelta | None = None
    """Linear only."""
    late: Late = Late.ACCEPT
    keep_enabled: bool = False
    """Linear only, which switches a webhook off after failures: whether a catch-up switches it on again."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A tracker this service is connected to."""

    name: str
    tracker: TrackerKind
    deployment: Deployment | None
    """Jira only."""
    url: str
    """Without a slash at the end."""
    auth: Auth
    service_account: bool
    webhook: Webhook | None
    """None where the tracker cannot reach this service: all is found by catch-up."""
    projects: tuple[str, ...]
    """Jira project keys or Linear team keys; never empty."""
    boards: tuple[str, ...] = ()
    """Jira board ids."""
    cycles: bool = False
    """Linear: whether the teams' cycles are watched."""
    api_url: str = ""
    """Where requests go when not to ``url``: the gateway that a scoped Jira token needs. Else empty."""
    expires: date | None = None
    """The day the credentials end, where an admin said so."""
    catch_up: timedelta | None = None
    """How often the tracker is asked what changed; None only with a webhook, which is then trusted alone."""

    @property
    def api(self) -> str:
        """Where requests go."""
        return self.api_url or self.url

    @property
    def account(self) -> str:
        """Names the account we use, without giving its secret away: what is remembered of one account
        (its limits, its name) must not be taken for another's when the credentials change."""
        match self.auth:
            case EmailToken(email, _):
                told = email
            case AccessToken(token):
                told = token.reveal()
            case ApiKey(key):
                told = key.reveal()
            case ClientCredentials(client_id, _):
                told = client_id
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    def scope(self) -> Scope:
        """What this connection watches."""
        if self.tracker is TrackerKind.LINEAR:
            return Scope(frozenset(self.projects), frozenset(self.projects if self.cycles else ()))
        return Scope(frozenset(self.projects), frozenset(self.boards))


class NoSecrets(BadFile):
    """Nothing is wrong but that some secrets are not there, or could not be used."""

    def __init__(self, problems: Iterable[Problem], sound: tuple[Connection, ...] = ()) -> None:
        super().__init__(problems)
        self.sound = sound
        """The connections that have theirs."""


def load_connections(text: bytes, file: str, environ: Mapping[str, str]) -> tuple[Connection, ...]:
    """Read and check a connections file and look its secrets up.

    ``file`` is its name in messages, and files of secrets are found relative to its folder.
    Raises BadFile with everything that is wrong, as NoSecrets where it is that alone; no message holds a
    secret.
    """
    source = read_source(text, file)
    whole, problems = validate(schema.ConnectionsFile, source, quiet=_quiet)
    found = source.data.get("connections")
    connections: list[Connection] = []
    lacking: list[Problem] = []
    for name, part in (found if isinstance(found, dict) else {}).items():
        if isinstance(part, dict):
            reader = _Reader(source, ("connections", name), environ)
            connection = reader.read(part)
            problems += reader.problems
            lacking += reader.lacking
            if connection is not None:
                connections.append(connection)
    every = finish(source, [*problems, *lacking])
    if lacking and every == lacking:
        raise NoSecrets(every, tuple(connections))
    if whole is None or every:
        raise BadFile(every)
    return tuple(connections)


class _Reader:
    """Reads one connection; what is wrong gathers in ``problems``, and in ``lacking`` of its secrets."""

    def __init__(self, source: Source, at: Path, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.lacking: list[Problem] = []
        self._source = source
        self._at = at
        self._environ = environ

    def read(self, part: dict[str, Any]) -> Connection | None:
        """The connection, or None when anything is wrong with it."""
        model = self._model(part)
        if model is None:
            return None
        checked, problems = validate(model, self._source, self._at, quiet=_quiet, hints=_hint)
        said = {(problem.line, problem.column) for problem in self.problems}
        self.problems += [problem for problem in problems if (problem.line, problem.column) not in said]
        self._meaning(part)
        secrets = dict(self._secrets(part))
        if self.problems or self.lacking or checked is None:
            return None
        return _connection(str(self._at[-1]), checked, secrets)

    def _model(self, part: dict[str, Any]) -> type[schema.Part] | None:
        tracker, deployment = part.get("tracker"), part.get("deployment", "cloud")
        if tracker == "linear":
            return schema.LinearPart
        if tracker != "jira":
            self._choice(part, "tracker", ("jira", "linear"))
            return None
        if deployment == "data_center":
            return schema.JiraDataCenterPart
        if deployment != "cloud":
            self._choice(part, "deployment", ("cloud", "data_center"))
        return schema.JiraCloudPart

    def _choice(self, part: dict[str, Any], key: str, choices: tuple[str, ...]) -> None:
        allowed = " or ".join(choices)
        if key not in part:
            self._say((), at_key=True, message=f'the key "{key}" is missing: it says {allowed}')
        elif isinstance(part[key], str):
            self._say((key,), f'"{key}" must be {allowed}' + did_you_mean(part[key], choices))
        elif part[key] is not None:
            self._say((key,), f'"{key}" must be {allowed}')

    def _say(self, path: Path, message: str, *, at_key: bool = False) -> None:
        self.problems.append(self._source.problem((*self._at, *path), message, at_key=at_key))

    def _meaning(self, part: dict[str, Any]) -> None:
        """What a schema cannot say."""
        auth, webhook = part.get("auth"), part.get("webhook")
        if part.get("tracker") == "linear" and isinstance(auth, dict):
            self._linear_auth(auth.keys())
        if part.get("tracker") == "jira" and isinstance(webhook, dict):
            basic = webhook.get("auth") == "basic"
            if basic and "user" not in webhook:
                self._say(("webhook",), 'auth: basic needs the key "user" beside it')
            if not basic and "user" in webhook:
                self._say(("webhook", "user"), '"user" goes with auth: basic only', at_key=True)
        self._polling(part)

    def _polling(self, part: dict[str, Any]) -> None:
        if "webhook" in part and part["webhook"] is None:
            self._say(
                ("webhook",),
                'there is nothing under "webhook": write how a delivery is proven, or take the line out to '
                "have the tracker polled instead",
                at_key=True,
            )
        elif "webhook" not in part and part.get("catch_up") == schema.OFF:
            self._say(
                ("catch_up",),
                "without a webhook nothing would be found: write how often the tracker is asked, such as 1m",
            )

    def _linear_auth(self, keys: Any) -> None:
        application = {"client_id", "client_secret"} & keys
        if "key" in keys and application:
            self._say(("auth",), "auth has both a key and client credentials: keep one of them")
        elif "key" not in keys and len(application) < 2:
            self._say(("auth",), "auth for Linear needs key, or client_id and client_secret")

    def _secrets(self, part: dict[str, Any]) -> Iterator[tuple[Path, Secret]]:
        for path, reference in _references(part):
            secret = self._secret(path, reference)
            if secret is not None:
                yield path, secret

    def _secret(self, path: Path, reference: dict[str, Any]) -> Secret | None:
        kinds = [kind for kind in ("env", "file") if kind in reference]
        if len(kinds) != 1:
            self._say(path, "a secret is referred to by exactly one of env and file")
            return None
        name = reference[kinds[0]]
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            return None  # the schema has said so
        if kinds[0] == "env" and not schema.VARIABLE.match(name):
            return None
        try:
            if kinds[0] == "env":
                return secret_of(self._environ.get(name), f"the environment variable {name}")
            return secret_in(FilePath(self._source.file).parent / name, f"the file {name}")
        except NoSecret as fault:
            self.lacking.append(self._source.problem((*self._at, *path, kinds[0]), str(fault)))
            return None


class NoSecret(ValueError):
    """There is no secret, or none that could be used. The sentence, without a full stop, never quotes it."""


def secret_in(file: FilePath, where: str) -> Secret:
    """The secret a file holds; ``where`` names the file in the sentence of NoSecret."""
    try:
        with file.open("rb") as stream:
            held = stream.read(MAX_SECRET_BYTES + 1)
        text = held.decode("utf-8")
    except OSError as error:
        raise NoSecret(f"{where} cannot be read ({error.strerror})") from None
    except ValueError:
        raise NoSecret(f"{where} is not UTF-8 text") from None
    if len(held) > MAX_SECRET_BYTES:
        raise NoSecret(f"{where} is too large for a secret")
    return secret_of(text, where)


def secret_of(value: str | None, where: str) -> Secret:
    """The secret that stands at ``where`` as ``value``: all of it but the line end. Raises NoSecret.

    Characters outside ASCII mean no one thing in HTTP headers, and spaces around are lost there
    (RFC 9110, 5.5).
    """
    if value is None:
        raise NoSecret(f"{where} is not set")
    bare = value.rstrip("\r\n")
    if not bare.strip():
        raise NoSecret(f"{where} is empty")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in bare):
        raise NoSecret(f"{where} holds a line break or control character inside the secret")
    if not bare.isascii():
        raise NoSecret(f"{where} holds a character outside ASCII, such as é or a no-break space")
    if bare != bare.strip():
        raise NoSecret(f"{where} holds a space before or after the secret")
    if len(bare) < MIN_SECRET_CHARS:
        raise NoSecret(f"{where} is shorter than {MIN_SECRET_CHARS} characters")
    return Secret(bare)


def _references(part: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every well-formed place of a secret in a connection."""
    auth, webhook = part.get("auth"), part.get("webhook")
    for key in ("token", "key", "client_secret"):
        if isinstance(auth, dict) and isinstance(auth.get(key), dict):
            yield ("auth", key), auth[key]
    secrets = webhook.get("secrets") if isinstance(webhook, dict) else None
    for index, secret in enumerate(secrets if isinstance(secrets, list) else []):
        if isinstance(secret, dict):
            yield ("webhook", "secrets", index), secret


def _quiet(path: Path) -> bool:
    """Whether what stands at ``path`` could be a secret somebody wrote in the wrong place."""
    return "auth" in path or "secrets" in path


def _hint(model: type[BaseModel], key: str) -> str | None:
    """A sentence for a key that would be right for the other tracker or deployment."""
    return _HINTS.get((model, key))


_JIRA_PARTS = (schema.JiraCloudPart, schema.JiraDataCenterPart)
_JIRA_AUTHS = (schema.CloudAuth, schema.DataCenterAuth)
_NO_TIME = "is for Linear: Jira's deliveries carry no signed time"
_HINTS: dict[tuple[type[BaseModel], str], str] = {
    (schema.LinearPart, "deployment"): '"deployment" is for Jira: Linear has but one',
    (schema.LinearPart, "projects"): '"projects" is for Jira: on Linear name the teams, "teams: [ENG]"',
    (
        schema.LinearPart,
        "boards",
    ): '"boards" is for Jira: on Linear "cycles: true" watches the teams\' cycles',
    (schema.LinearAuth, "email"): '"email" is for Jira: on Linear use key, or client_id and client_secret',
    (schema.LinearAuth, "token"): '"token" is for Jira: on Linear use key, or client_id and client_secret',
    (schema.LinearWebhook, "user"): '"user" is for Jira: Linear always signs its deliveries',
    (schema.DataCenterAuth, "email"): '"email" is for Jira Cloud: Data Center needs the token alone',
    (schema.JiraWebhook, "max_age"): f'"max_age" {_NO_TIME}',
    (schema.JiraWebhook, "late"): f'"late" {_NO_TIME}',
    (
        schema.JiraWebhook,
        "keep_enabled",
    ): '"keep_enabled" is for Linear: Jira switches no webhook off by itself',
    **{
        (part, "teams"): '"teams" is for Linear: on Jira name the projects, "projects: [ABC]"'
        for part in _JIRA_PARTS
    },
    **{
        (part, "cycles"): '"cycles" is for Linear: on Jira name the boards, "boards: [12]"'
        for part in _JIRA_PARTS
    },
    **{
        (auth, key): f'"{key}" is for Linear: on Jira use token (with email on Jira Cloud)'
        for auth in _JIRA_AUTHS
        for key in ("key", "client_id", "client_secret")
    },
}


def _connection(name: str, part: schema.Part, secrets: dict[Path, Secret]) -> Connection:
    return Connection(
        name=name,
        tracker=TrackerKind(part.tracker),
        deployment=None if isinstance(part, schema.LinearPart) else Deployment(part.deployment),
        url=part.url,
        auth=_auth(part, secrets),
        service_account=part.service_account,
        webhook=_webhook(part.webhook, secrets) if part.webhook is not None else None,
        projects=part.teams if isinstance(part, schema.LinearPart) else part.projects,
        boards=() if isinstance(part, schema.LinearPart) else part.boards or (),
        cycles=isinstance(part, schema.LinearPart) and part.cycles,
        api_url=(part.api_url or "") if isinstance(part, schema.JiraCloudPart) else "",
        expires=part.auth.expires,
        catch_up=_catch_up(part),
    )


def _webhook(hook: schema.JiraWebhook | schema.LinearWebhook, secrets: dict[Path, Secret]) -> Webhook:
    linear = hook if isinstance(hook, schema.LinearWebhook) else None
    return Webhook(
        auth=WebhookAuth(hook.auth),
        secrets=tuple(secrets["webhook", "secrets", index] for index in range(len(hook.secrets))),
        max_body=hook.max_body,
        user=hook.user if isinstance(hook, schema.JiraWebhook) else None,
        max_age=linear.max_age if linear else None,
        late=linear.late if linear else Late.ACCEPT,
        keep_enabled=linear is not None and linear.keep_enabled,
    )


def _catch_up(part: schema.Part) -> timedelta | None:
    if part.catch_up is None:
        return CATCH_UP_BESIDE_WEBHOOK if part.webhook is not None else CATCH_UP_ALONE
    return part.catch_up if isinstance(part.catch_up, timedelta) else None


def _auth(part: schema.Part, secrets: dict[Path, Secret]) -> Auth:
    if isinstance(part, schema.JiraCloudPart):
        return EmailToken(part.auth.email, secrets["auth", "token"])
    if isinstance(part, schema.JiraDataCenterPart):
        return AccessToken(secrets["auth", "token"])
    if part.auth.client_id is not None:
        return ClientCredentials(part.auth.client_id, secrets["auth", "client_secret"])
    return ApiKey(secrets["auth", "key"])
