"""What may stand in rules.yaml. The models are the reference: editor completion is generated from them.

One principle holds everywhere: what stands side by side must all hold, and of a list one is enough.
"""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, Strict, WithJsonSchema

from rules.editor import EditorSchema, at_least_one, written
from rules.fields import (
    Duration,
    Group,
    LabelName,
    Listed,
    Name,
    Phrases,
    Regex,
    Strictly,
    Version,
    Words,
    refusal,
    setting,
)
from rules.fields import Mode as Mode
from rules.sprint_fields import Share
from rules.sprints_schema import Sprints
from trackers.model import AuthorKind

MAX_RULES = 200
MAX_LABELS = 20
MAX_NESTING = 8
MAX_NEVER = 500

_PROJECT = re.compile(r"(?:[a-z0-9][a-z0-9-]*/)?[A-Z0-9][A-Z0-9_]*\Z")
_BOARD = re.compile(r"(?:[a-z0-9][a-z0-9-]*/)?[1-9][0-9]*\Z")
_CONNECTION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


def _project_key(text: str) -> str:
    if not _PROJECT.match(text):
        if _PROJECT.match(text.upper()):
            raise refusal(f'project and team keys are written in capitals (did you mean "{text.upper()}"?)')
        raise refusal(
            "this is not a project or team key such as ABC, nor a connection with one such as acme-jira/ABC"
        )
    return text


def _board_id(text: str) -> str:
    if not _BOARD.match(text):
        raise refusal(
            "a board is named by its number, as seen in its address (rapidView=12 or boards/12), or by its "
            "connection and that, such as acme-jira/12; a Linear team stands under projects"
        )
    return text


def _in_json(pattern: re.Pattern[str]) -> str:
    """``pattern`` as JSON Schema has it, where an expression may match anywhere."""
    return "^(" + pattern.pattern.removesuffix(r"\Z") + ")$"


CONNECTION_IN_JSON = _in_json(_CONNECTION)


def connection_name(text: str) -> str:
    """``text`` if it can name a connection. Raises a validation error if not."""
    if not _CONNECTION.match(text):
        raise refusal("a connection's name is up to 63 small letters, digits and hyphens, such as acme-jira")
    return text


def _up_to_a_day(window: timedelta) -> timedelta:
    if window > timedelta(days=1):
        raise refusal("this can be at most 24h")
    return window


ProjectKey = Annotated[str, AfterValidator(_project_key)]
BoardId = Annotated[str, AfterValidator(_board_id)]
ConnectionName = Annotated[str, AfterValidator(connection_name)]


class TextCondition(Strictly):
    """What a text must hold. Keys side by side must all hold; of each list one is enough."""

    words: Words | None = Field(
        default=None,
        description="Whole words, one is enough. A space matches any white space; "
        "a star at the end matches any ending (secur*).",
    )
    phrases: Phrases | None = Field(
        default=None, description="Pieces of text found anywhere, also inside words. One is enough."
    )
    regex: Regex | None = Field(
        default=None,
        description="A regular expression as re2 reads it (no look-around, no back-references). "
        "Begin it with (?m) if ^ and $ are to mean lines.",
    )
    case_sensitive: bool | None = Field(
        default=None, description="Whether capitals matter in this condition. They do not by default."
    )

    model_config = ConfigDict(json_schema_extra=at_least_one("words", "phrases", "regex"))


class Conditions(Strictly):
    """Keys that say something about an issue. Side by side they must all hold."""

    title: TextCondition | None = Field(default=None, description="About the title.")
    body: TextCondition | None = Field(default=None, description="About the description.")
    text: TextCondition | None = Field(
        default=None, description="About the title or the description: one of them is enough."
    )
    type: Listed[Name] | None = Field(
        default=None, description="Issue types, such as Bug. One is enough. Linear has none."
    )
    priority: Listed[Name] | None = Field(
        default=None, description="Priorities as the tracker names them. One is enough."
    )
    component: Listed[Name] | None = Field(
        default=None, description="Jira components. One of them on the issue is enough."
    )
    project: Listed[Name] | None = Field(
        default=None, description="Jira project keys or Linear team keys. One is enough."
    )
    team: Listed[Name] | None = Field(
        default=None, description="The same as project, under Linear's name for it."
    )
    author: Listed[Annotated[AuthorKind, Strict(False)]] | None = Field(
        default=None, description="Who filed the issue: a person of the team, an app, a customer, or unknown."
    )
    any: Listed[Condition] | None = Field(default=None, description="At least one of these conditions holds.")
    all: Listed[Condition] | None = Field(default=None, description="All of these conditions hold.")
    not_: Condition | None = Field(default=None, alias="not", description="This condition does not hold.")


class Condition(Conditions):
    """One condition. Keys side by side must all hold."""

    labels: Listed[LabelName] | None = Field(
        default=None, description="Labels already on the issue (Linear: name or group/name). One is enough."
    )

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})


class Rule(Conditions):
    """Labels, and the conditions under which an issue gets them."""

    name: Name | None = Field(
        default=None, description="What the rule is called. By default its first label."
    )
    label: LabelName | None = Field(default=None, description="The label to put on.")
    labels: Annotated[Listed[LabelName], Field(max_length=MAX_LABELS)] | None = Field(
        default=None, description="Several labels to put on, in place of label."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["label"]}, {"required": ["labels"]}],
            **at_least_one(*(info.alias or name for name, info in Conditions.model_fields.items())),
        }
    )


class LearnedTarget(StrEnum):
    """What a model may say something about."""

    LABELS = "labels"
    COMPONENTS = "components"
    TYPE = "type"


def _attainable(share: float) -> float:
    if not 0.5 <= share <= 0.99:
        raise refusal("this must be from 50% to 99%")
    return share


Precision = Annotated[
    Share,
    AfterValidator(_attainable),
    WithJsonSchema(
        {
            "title": "a share",
            "anyOf": [
                {"type": "number", "minimum": 0.5, "maximum": 0.99},
                {
                    "type": "string",
                    "pattern": r"^([5-8][0-9](\.[0-9]{1,3})?|9[0-8](\.[0-9]{1,3})?|99(\.0{1,3})?) ?%$",
                },
            ],
            "examples": ["85%", 0.85],
        }
    ),
]


class Learned(Group):
    """What is asked of the models that learnt from past issues. Without a model nothing of it matters."""

    enabled: bool | None = setting("Whether what models learnt is used at all.", True)
    targets: Listed[Annotated[LearnedTarget, Strict(False)]] | None = setting(
        "What models may speak about: labels and components (Jira) are put on, a type is only remarked upon.",
        [*LearnedTarget],
    )
    precision: Precision | None = setting(
        "The share of the labels put on that must be right, from 50% to 99%: the more is asked, the fewer "
        "are put on. Holds for types too.",
        "85%",
    )
    components_precision: Precision | None = setting(
        "The same for components, which are harder to tell.", "80%"
    )
    max_labels: Annotated[int, Field(ge=1, le=10)] | None = setting(
        "The most labels, and the most components, that models put on one issue.", 3
    )
    never: Annotated[tuple[LabelName, ...], Strict(False), Field(max_length=MAX_NEVER)] | None = setting(
        "Labels, components and types that models never propose.", []
    )


class Tagging(Group):
    """How issues are labelled."""

    window: Duration | None = setting(
        "How long after its creation a change of title or description is looked at.", "1h"
    )
    comment: bool | None = setting("Whether a comment tells the reasons when labels are put on.", False)
    comment_outside: bool | None = setting(
        "Whether comments are written on Linear issues that are mirrored to places outside the workspace.",
        False,
    )
    create_labels: bool | None = setting("Whether labels the tracker lacks may be created.", False)
    max_labels: Annotated[int, Field(ge=1, le=20)] | None = setting("The most labels put on one issue.", 5)
    rules: Annotated[Listed[Rule], Field(max_length=MAX_RULES)] | None = setting(
        "Added after the rules inherited; one of the same name takes the inherited one's place."
    )
    without: Listed[Name] | None = setting("Names of inherited rules that do not apply here.")
    learned: Learned | None = setting("What is asked of models that learnt from past issues.")


class Layer(Group):
    """Settings for a project or team."""

    mode: Annotated[Mode, Strict(False)] | None = setting(
        "dry_run only records what would be done, suggest writes one comment and no label, apply puts labels "
        "on.",
        Mode.DRY_RUN,
    )
    tagging: Tagging | None = setting("How issues are labelled.")
    sprints: Sprints | None = setting("How sprints and cycles are watched.")


class Writes(Group):
    """More than this is not done without asking: whatever goes wrong then goes wrong a little."""

    most: Annotated[int, Field(ge=1, le=1_000_000)] | None = setting(
        "How many issues may be written to within the window. When more are to be, all writing to this "
        "tracker waits until you say `sprintwarden resume CONNECTION`.",
        500,
    )
    window: Annotated[Duration, AfterValidator(_up_to_a_day)] | None = setting(
        "The span in which they are counted, at most 24h.", "10m"
    )


class WideLayer(Layer):
    """Settings for everything or for a connection."""

    writes: Writes | None = setting("How much may be written in a short time before writing stops and asks.")


class BoardLayer(Group):
    """Settings for one board's sprints."""

    sprints: Sprints | None = setting("How the board's sprints are watched.")


class RulesFile(Strictly):
    """What is done with issues and sprints: defaults, refined by connection, project or team, and board."""

    version: Version = Field(description="The version of this file's format.")
    defaults: WideLayer | None = setting("What holds everywhere unless refined below.")
    connections: dict[ConnectionName, WideLayer] | None = setting(
        "Refinements by connection, under its name in connections.yaml.",
        propertyNames={"pattern": CONNECTION_IN_JSON},
    )
    projects: dict[ProjectKey, Layer] | None = setting(
        "Refinements by Jira project key or Linear team key; CONNECTION/KEY where two trackers share a key.",
        propertyNames={"pattern": _in_json(_PROJECT)},
    )
    boards: dict[BoardId, BoardLayer] | None = setting(
        "Refinements for the sprints of a Jira board, under its number; CONNECTION/NUMBER where two sites "
        "have a board of that number. Those of a Linear team stand under projects.",
        propertyNames={"pattern": _in_json(_BOARD)},
    )


for _model in (Conditions, Condition, Rule, Learned, Tagging, Layer, WideLayer, RulesFile):
    _model.model_rebuild()


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of rules.yaml, for completion in editors."""
    schema = RulesFile.model_json_schema(schema_generator=EditorSchema)
    return {"$schema": EditorSchema.schema_dialect, **schema, "title": "Sprintwarden rules"}


if __name__ == "__main__":
    sys.stdout.write(written(json_schema()))
