"""What may stand in connections.yaml, by tracker and deployment."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic.json_schema import models_json_schema

from rules.editor import EditorSchema, written
from rules.fields import Duration, Listed, Size, Strictly, Version, read_duration, refusal
from rules.schema import CONNECTION_IN_JSON, ConnectionName
from rules.sprint_fields import Day

LINEAR_API = "https://api.linear.app"
OFF: Final = "off"
_NEVER: Final = frozenset({"off", "no", "false", "never", "none", "0", "0s"})
SHORTEST_CATCH_UP: Final = timedelta(seconds=5)
LONGEST_CATCH_UP: Final = timedelta(days=1)
CATCH_UP_BESIDE_WEBHOOK: Final = timedelta(minutes=15)
CATCH_UP_ALONE: Final = timedelta(minutes=1)
"""How often the tracker is asked where no webhook tells anything."""

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


def _catch_up(value: Any) -> timedelta | str:
    if value == OFF:
        return OFF
    if isinstance(value, str | int) and str(value).casefold() in _NEVER:
        raise refusal('this is a duration, such as 15m, or off (did you mean "off"?)')
    span = read_duration(value)
    if not SHORTEST_CATCH_UP <= span <= LONGEST_CATCH_UP:
        raise refusal("a catch-up can come every 5s at the most and every 1d at the least")
    return span


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise refusal(f'"{value}" is listed twice')
    return values


Url = Annotated[
    str,
    AfterValidator(_url),
    WithJsonSchema(
        {"title": "a web address", "type": "string", "pattern": r"^https?://[^\s@?#/]+(/[^\s?#]*)?$"}
    ),
]
Key = Annotated[
    str,
    AfterValidator(_key),
    WithJsonSchema(
        {"title": "a key", "type": "string", "pattern": "^[A-Z0-9][A-Z0-9_]*$", "examples": ["ABC"]}
    ),
]
Keys = Annotated[Listed[Key], Field(max_length=500), AfterValidator(_unique)]
Board = Annotated[
    str,
    BeforeValidator(_board),
    WithJsonSchema(
        {
            "title": "a board's number",
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]+$"}],
            "examples": [12],
        }
    ),
]
Boards = Annotated[Listed[Board], Field(max_length=500), AfterValidator(_unique)]
Plain = Annotated[str, AfterValidator(_plain), WithJsonSchema({"type": "string", "pattern": r"\S"})]
Email = Annotated[
    str,
    AfterValidator(_email),
    WithJsonSchema(
        {
            "title": "an e-mail address",
            "type": "string",
            "pattern": r"^[^@\s]+@[^@\s]+$",
            "examples": ["bot@acme.example"],
        }
    ),
]
Variable = Annotated[
    str,
    AfterValidator(_variable),
    WithJsonSchema(
        {
            "title": "a variable's name",
            "type": "string",
            "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
            "examples": ["ACME_JIRA_TOKEN"],
        }
    ),
]


CatchUp = Annotated[
    timedelta | Literal["off"],
    BeforeValidator(_catch_up),
    WithJsonSchema(
        {
            "title": "a duration from `5s` to `1d`, or `off`",
            "type": "string",
            "pattern": "^(off|[1-9][0-9]{0,4}(s|m|h)|1d)$",
            "examples": ["15m", OFF],
        }
    ),
]


class SecretRef(Strictly):
    """Where a secret is kept: an environment variable or a file, never the secret itself."""

    env: Variable | None = Field(default=None, description="The environment variable that holds it.")
    file: Plain | None = Field(
        default=None, description="The file that holds it; relative to this file's folder."
    )

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})


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

    email: Email = Field(description="The e-mail address of the account that the token belongs to.")
    token: Reference = Field(description="Where its API token is kept.")


class DataCenterAuth(Credentials):
    """Jira Data Center: a personal access token."""

    token: Reference = Field(description="Where the personal access token is kept.")


class LinearAuth(Credentials):
    """Linear: a personal API key, or an OAuth application's client credentials."""

    key: Reference | None = Field(default=None, description="Where the personal API key is kept.")
    client_id: Plain | None = Field(default=None, description="The id of the OAuth application.")
    client_secret: Reference | None = Field(
        default=None, description="Where the application's secret is kept."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["key"], "properties": {"client_id": False, "client_secret": False}},
                {"required": ["client_id", "client_secret"], "properties": {"key": False}},
            ]
        }
    )


class WebhookPart(Strictly):
    """How deliveries are checked, whatever the tracker."""

    secrets: Annotated[Listed[Reference], Field(max_length=5)] = Field(
        description="The secrets that are good; several while one replaces another."
    )
    max_body: Size = Field(
        default="5MiB", validate_default=True, description="The largest delivery taken. Default 5MiB."
    )


class JiraWebhook(WebhookPart):
    """How Jira's deliveries are checked."""

    auth: Annotated[WebhookAuth, Strict(False)] = Field(
        default=WebhookAuth.SIGNATURE,
        description="signature (a signed body), basic (user and password) or token (in the address). Default "
        "signature.",
    )
    user: Plain | None = Field(default=None, description="The user name that goes with auth: basic.")

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"auth": {"const": "basic"}}, "required": ["auth"]},
            "then": {"required": ["user"]},
            "else": {"properties": {"user": False}},
        }
    )


class LinearWebhook(WebhookPart):
    """How Linear's deliveries are checked."""

    auth: Literal["signature"] = Field(
        default="signature", description="Linear always signs its deliveries. Default signature."
    )
    max_age: Duration = Field(
        default="60s",
        validate_default=True,
        description="The oldest delivery that is not late. Default 60s.",
    )
    late: Annotated[Late, Strict(False)] = Field(
        default=Late.ACCEPT,
        description="What becomes of a genuine delivery that is late: accept or refuse. Default accept.",
    )
    keep_enabled: bool = Field(
        default=True,
        description="Whether a catch-up that finds the webhook switched off, as Linear does after many "
        "failures, switches it on again where the account may. Default true.",
    )


class Common(Strictly):
    """What every connection may say."""

    service_account: bool = Field(
        default=False,
        description="The credentials belong to an account that only this service uses, not to a person. "
        "Default false.",
    )
    catch_up: CatchUp | None = Field(
        default=None,
        description="How often the tracker is asked what changed, so that nothing is lost of which no "
        "delivery came; from 5s to 1d, or off, which needs a webhook. Each time is one request at least. "
        "Default: 15m, or 1m without a webhook.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"catch_up": {"const": OFF}}, "required": ["catch_up"]},
            "then": {"required": ["webhook"]},
        }
    )


_UNHOOKED = "Left out, nothing is delivered: the tracker is only asked, as catch_up says."
_PROJECTS = "The keys of the projects whose issues are labelled; everything else is ignored."
_BOARDS = "The numbers of the boards whose sprints are watched. Default none."


class JiraCloudPart(Common):
    """A Jira Cloud site."""

    tracker: Literal["jira"] = Field(description="Which tracker it is: jira or linear.")
    deployment: Literal["cloud"] = Field(
        default="cloud",
        description="cloud, or data_center for a Jira that runs on your own machines. Default cloud.",
    )
    url: Url = Field(description="Where people open the site, such as https://acme.atlassian.net.")
    api_url: Url | None = Field(
        default=None,
        description="Where a scoped API token is good: https://api.atlassian.com/ex/jira/ and the "
        "site's cloud id. Default: the site itself.",
    )
    auth: CloudAuth = Field(description="What this service signs in with.")
    webhook: JiraWebhook | None = Field(
        default=None, description=f"How a delivery proves that it comes from this site. {_UNHOOKED}"
    )
    projects: Keys = Field(description=_PROJECTS)
    boards: Boards | None = Field(default=None, description=_BOARDS)


class JiraDataCenterPart(Common):
    """A Jira Data Center or Server site."""

    tracker: Literal["jira"] = Field(description="Which tracker it is: jira or linear.")
    deployment: Literal["data_center"] = Field(
        description="data_center; without this key a Jira is one of Atlassian's cloud."
    )
    url: Url = Field(description="Where people open the site, with its path if it has one.")
    auth: DataCenterAuth = Field(description="What this service signs in with.")
    webhook: JiraWebhook | None = Field(
        default=None, description=f"How a delivery proves that it comes from this site. {_UNHOOKED}"
    )
    projects: Keys = Field(description=_PROJECTS)
    boards: Boards | None = Field(default=None, description=_BOARDS)


class LinearPart(Common):
    """A Linear workspace."""

    tracker: Literal["linear"] = Field(description="Which tracker it is: jira or linear.")
    url: Url = Field(default=LINEAR_API, description=f"Linear's API. Default {LINEAR_API}.")
    auth: LinearAuth = Field(description="What this service signs in with.")
    webhook: LinearWebhook | None = Field(
        default=None, description=f"How a delivery proves that it comes from this workspace. {_UNHOOKED}"
    )
    teams: Keys = Field(description="The keys of the teams whose issues are labelled; all else is ignored.")
    cycles: bool = Field(default=False, description="Whether the teams' cycles are watched. Default false.")


class ConnectionsFile(Strictly):
    """The trackers this service is connected to. Each connection is held against its own model."""

    version: Version = Field(description="The version of this file's format.")
    connections: dict[ConnectionName, dict[str, Any]] = Field(
        description="Each tracker under a name of your choice, which is also the last part of the address "
        "its webhook goes to, /webhooks/NAME.",
        json_schema_extra={"propertyNames": {"pattern": CONNECTION_IN_JSON}},
    )


Part = JiraCloudPart | JiraDataCenterPart | LinearPart

_MODELS = (JiraCloudPart, JiraDataCenterPart, LinearPart)


def connections_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of connections.yaml, for completion in editors."""
    whole = ConnectionsFile.model_json_schema(schema_generator=EditorSchema)
    refs, parts = models_json_schema(
        [(model, "validation") for model in _MODELS], schema_generator=EditorSchema
    )
    whole["properties"]["connections"]["additionalProperties"] = {"$ref": "#/$defs/Connection"}
    cloud, data_center, linear = (refs[model, "validation"] for model in _MODELS)
    return {
        "$schema": EditorSchema.schema_dialect,
        **whole,
        "title": "Sprintwarden connections",
        "$defs": {**parts["$defs"], "Connection": _connection(cloud, data_center, linear)},
    }


def _connection(cloud: dict[str, Any], data_center: dict[str, Any], linear: dict[str, Any]) -> dict[str, Any]:
    """Chosen by what the connection says it is: of a plain union an editor would show the faults of all."""
    jira = {"properties": {"tracker": {"const": "jira"}}, "required": ["tracker"]}
    hosted = {"properties": {"deployment": {"const": "data_center"}}, "required": ["deployment"]}
    return {
        "type": "object",
        "properties": {
            "tracker": {"enum": ["jira", "linear"]},
            "deployment": {"enum": [*Deployment]},
        },
        "required": ["tracker"],
        "allOf": [
            {
                "if": jira,
                "then": {"if": hosted, "then": data_center, "else": cloud},
            },
            {
                "if": {"properties": {"tracker": {"const": "linear"}}, "required": ["tracker"]},
                "then": linear,
            },
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(written(connections_schema()))
