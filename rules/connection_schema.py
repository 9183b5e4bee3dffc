"""What may stand in connections.yaml, by tracker and deployment."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from rules.fields import Duration, Listed, Size, Strictly, Version, refusal
from rules.schema import ConnectionName
from rules.sprint_fields import Day

LINEAR_API = "https://api.linear.app"

_KEY = re.compile(r"[A-Z0-9][A-Z0-9_]*\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")


class Deployment(StrEnum):
    CLOUD = "cloud"
    DATA_CENTER = "data_center"


class WebhookAuth(StrEnum):
    """How a delivery proves that it comes from the tracker."""

    SIGNATURE = "signature"
    BASIC = "basic"
    TOKEN = "token"  # noqa: S105 - the word itself


class Late(StrEnum):
    """What becomes of a genuine delivery that is older than the age limit."""

    ACCEPT = "accept"
    REFUSE = "refuse"


def _url(text: str) -> str:
    # The text is never quoted: an address may carry a password.
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise refusal("this is not a web address such as https://acme.atlassian.net") from None
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
        raise refusal(
            "a web address starts with https:// (or http://) and a host, such as https://acme.atlassian.net"
        )
    if "@" in parts.netloc:
        raise refusal("a web address must not hold a user or password: use auth for that")
    if parts.query or parts.fragment:
        raise refusal('a web address must end before any "?" or "#"')
    return text.rstrip("/")


def _key(text: str) -> str:
    if _KEY.match(text):
        return text
    hint = f' (did you mean "{text.upper()}"?)' if _KEY.match(text.upper()) else ""
    raise refusal(f"project and team keys are capitals, digits and underscores, such as ABC{hint}")


def _board(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return value
    raise refusal("a board is named by its number, as seen in its address (rapidView=12 or boards/12)")


def _email(text: str) -> str:
    if not _EMAIL.match(text):
        raise refusal("this is not an e-mail address: Jira Cloud wants the one the token belongs to")
    return text


def _variable(text: str) -> str:
    if not VARIABLE.match(text):
        raise refusal(
            "this cannot be the name of an environment variable: name the variable, do not write the secret"
        )
    return text


def _plain(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise refusal("this must be text without line breaks or control characters, and not empty")
    return text


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise refusal(f'"{value}" is listed twice')
    return values


Url = Annotated[str, AfterValidator(_url)]
Keys = Annotated[Listed[Annotated[str, AfterValidator(_key)]], Field(max_length=500), AfterValidator(_unique)]
Boards = Annotated[
    Listed[Annotated[str, BeforeValidator(_board)]], Field(max_length=500), AfterValidator(_unique)
]
Plain = Annotated[str, AfterValidator(_plain)]


class SecretRef(Strictly):
    """Where a secret is kept: an environment variable or a file, never the secret itself."""

    env: Annotated[str, AfterValidator(_variable)] | None = Field(
        default=None, description="The variable that holds it."
    )
    file: Plain | None = Field(
        default=None, description="The file that holds it; relative to this file's folder."
    )


def _reference(value: Any) -> Any:
    if isinstance(value, dict | None):
        return value
    raise refusal("a secret is never written here: refer to it as {env: NAME} or {file: PATH}")


Reference = Annotated[SecretRef, BeforeValidator(_reference)]


class Credentials(Strictly):
    """What every kind of credentials may say."""

    expires: Day | None = Field(
        default=None,
        description="The day the token ends, such as 2027-03-01, where the tracker does not tell it: you are "
        "warned from 30 days before.",
    )


class CloudAuth(Credentials):
    """Jira Cloud: an account's e-mail address and its API token."""

    email: Annotated[str, AfterValidator(_email)]
    token: Reference


class DataCenterAuth(Credentials):
    """Jira Data Center: a personal access token."""

    token: Reference


class LinearAuth(Credentials):
    """Linear: a personal API key, or an OAuth application's client credentials."""

    key: Reference | None = None
    client_id: Plain | None = None
    client_secret: Reference | None = None


class WebhookPart(Strictly):
    """How deliveries are checked, whatever the tracker."""

    secrets: Annotated[Listed[Reference], Field(max_length=5)] = Field(
        description="The secrets that are good; several while one replaces another."
    )
    max_body: Size = Field(default=5 * 1024 * 1024, description="The largest delivery taken.")


class JiraWebhook(WebhookPart):
    auth: Annotated[WebhookAuth, Strict(False)] = Field(
        default=WebhookAuth.SIGNATURE,
        description="signature (a signed body), basic (user and password) or token (in the address).",
    )
    user: Plain | None = Field(default=None, description="The user name that goes with auth: basic.")


class LinearWebhook(WebhookPart):
    auth: Literal["signature"] = "signature"
    max_age: Duration = Field(
        default="60s", validate_default=True, description="The oldest delivery that is not late."
    )
    late: Annotated[Late, Strict(False)] = Field(
        default=Late.ACCEPT, description="What becomes of a genuine delivery that is late."
    )


class Common(Strictly):
    service_account: bool = Field(
        default=False,
        description="The credentials belong to an account that only this service uses, not to a person.",
    )


class JiraCloudPart(Common):
    """A Jira Cloud site."""

    tracker: Literal["jira"]
    deployment: Literal["cloud"] = "cloud"
    url: Url
    api_url: Url | None = Field(
        default=None,
        description="Where a scoped API token is good: https://api.atlassian.com/ex/jira/ and the "
        "site's cloud id. Default: the site itself.",
    )
    auth: CloudAuth
    webhook: JiraWebhook
    projects: Keys
    boards: Boards | None = None


class JiraDataCenterPart(Common):
    """A Jira Data Center or Server site."""

    tracker: Literal["jira"]
    deployment: Literal["data_center"]
    url: Url
    auth: DataCenterAuth
    webhook: JiraWebhook
    projects: Keys
    boards: Boards | None = None


class LinearPart(Common):
    """A Linear workspace."""

    tracker: Literal["linear"]
    url: Url = LINEAR_API
    auth: LinearAuth
    webhook: LinearWebhook
    teams: Keys
    cycles: bool = Field(default=False, description="Whether the teams' cycles are watched.")


class ConnectionsFile(Strictly):
    """The trackers this service is connected to. Each connection is held against its own model."""

    version: Version
    connections: dict[ConnectionName, dict[str, Any]]


Part = JiraCloudPart | JiraDataCenterPart | LinearPart
