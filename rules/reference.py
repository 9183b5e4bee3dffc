"""``python -m rules.reference > docs/rules.md``: the reference of both files, made from their schemas."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rules.connection_schema import connections_schema
from rules.schema import MAX_NESTING, json_schema
from rules.wording import TEMPLATES

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One topic of the reference: parts of a schema under a heading, with words of introduction."""

    heading: str
    text: str
    parts: Sequence[tuple[str, str]] = ()
    """Where each table's keys stand in the file, and the name of its definition in the schema."""


_RULES: Final = (
    Section(
        "Layers and what they inherit",
        "Settings stand in layers. What `defaults` say holds everywhere; a connection, then a project or "
        "team, and for its sprints a board refine that, the innermost ruling. A key that a layer does not "
        "mention is inherited by itself, so it is enough to write what differs. A list takes the inherited "
        "list's place as a whole, except `rules`, which are added up. The defaults in the tables are what "
        "holds where no layer says anything. `sprintwarden explain-config PROJECT` prints what all layers "
        "come to, each value with the line it comes from.",
        (("the top of the file", ""),),
    ),
    Section(
        "Mode, and what a layer may hold",
        "The mode decides what is done with a decision, and is the one thing to change once you have seen "
        "what would be done. Under a board only `sprints` may stand, and `writes` only under `defaults` or a "
        "connection.",
        (("defaults, connections", "WideLayer"), ("projects", "Layer"), ("boards", "BoardLayer")),
    ),
    Section(
        "Tagging",
        "What is put on new issues. A rule is called after its first label unless it has a name; by that "
        "name an inner layer replaces it or leaves it out. Beside its labels stand its conditions, which the "
        "next section has.",
        (("tagging", "Tagging"), ("tagging.rules[]", "Rule")),
    ),
    Section(
        "Conditions",
        "Keys side by side must all hold, and of a list one is enough. A rule holds its conditions itself; "
        f"those under `any`, `all` and `not` may hold further ones, {MAX_NESTING} levels deep. Capitals do "
        "not matter unless `case_sensitive` is true, and of names they never do.",
        (("any[], all[], not", "Condition"), ("title, body, text", "TextCondition")),
    ),
    Section(
        "Learned",
        "What models learnt from past issues is added to what the rules say. A label that a person took off "
        "is not put on again, whoever proposes it.",
        (("tagging.learned", "Learned"),),
    ),
    Section(
        "Sprints",
        "How Jira's sprints and Linear's cycles are watched. `false` takes away what an outer layer said of "
        "a key that takes it. A mode said of sprints rules over one said of everything, however far in that "
        "stands.",
        (
            ("sprints", "Sprints"),
            ("sprints.overcommit", "Overcommit"),
            ("sprints.scope_creep", "ScopeCreep"),
            ("sprints.notify", "Notify"),
            ("sprints.quiet_hours", "QuietHours"),
            ("sprints.away[]", "Absence"),
            ("sprints.requirement_lines[]", "RequirementLine"),
        ),
    ),
    Section(
        "Writes",
        "A limit for the day when a rule does what nobody meant.",
        (("writes", "Writes"),),
    ),
)
_CONNECTIONS: Final = (
    Section(
        "Connections",
        "`connections.yaml` names the trackers. It holds no secret, only where each is kept. What a "
        "connection may say depends on `tracker`, and for Jira on `deployment`.",
        (
            ("the top of the file", ""),
            ("connections.NAME, of Jira Cloud", "JiraCloudPart"),
            ("connections.NAME, of Jira Data Center", "JiraDataCenterPart"),
            ("connections.NAME, of Linear", "LinearPart"),
        ),
    ),
    Section(
        "Credentials and webhooks",
        "A secret is replaced without a gap by naming two for a while.",
        (
            ("auth, of Jira Cloud", "CloudAuth"),
            ("auth, of Jira Data Center", "DataCenterAuth"),
            ("auth, of Linear", "LinearAuth"),
            ("webhook, of Jira", "JiraWebhook"),
            ("webhook, of Linear", "LinearWebhook"),
            ("every secret", "SecretRef"),
        ),
    ),
)
_OPENING: Final = """\
# The configuration files

Written by `python -m rules.reference` from the models that check the files; a test holds it in step.

Two files in the configuration folder say what the service does: `connections.yaml` which trackers it is
connected to, and `rules.yaml` what it does there. Both are YAML 1.2 in UTF-8. A key that is not below is
refused, with a hint at what may have been meant. Editors that read the first line of the files complete
and check them while you write (in VS Code that takes the YAML extension); `sprintwarden check` finds
the same and more. A rules file that is saved takes effect within seconds; with a fault in it, the last good
one stays in force.
"""
_WORDING: Final = """\
## Sentences of the comments

`sprints.wording` replaces sentences of the comments about sprints by their names. What is in braces is
filled in; every sentence may also use `{sprint}` and `{noun}` (sprint or cycle). How they read together is
shown in [comments.md](comments.md). `""` leaves a sentence out, but for those marked with a star.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    rules, connections = _Page(json_schema(), _RULES), _Page(connections_schema(), _CONNECTIONS)
    wording = _WORDING + "\n" + _table(("name", "shipped as"), _sentences())
    return f"{_OPENING}\n{rules.text()}\n{wording}\n{connections.text()}"


class _Page:
    """The reference of one file."""

    def __init__(self, schema: Schema, sections: Sequence[Section]) -> None:
        self._schema = schema
        self._sections = sections
        self._condition = schema["$defs"].get("Condition", {}).get("properties", {})
        self._places = {name: where for section in sections for where, name in section.parts}

    def text(self) -> str:
        return "\n".join(map(self._section, self._sections))

    def _section(self, section: Section) -> str:
        pieces = [f"## {section.heading}\n\n{section.text}\n"]
        for where, name in section.parts:
            part = self._schema["$defs"][name] if name else self._schema
            head = ("key", "takes", "default", "meaning")
            pieces.append(f"### {where}\n\n{part['description']}\n\n" + _table(head, self._keys(part)))
        return "\n".join(pieces)

    def _keys(self, part: Schema) -> Iterator[Sequence[str]]:
        required = part.get("required", ())
        for key, field in sorted(part["properties"].items(), key=lambda item: item[0] not in required):
            if part["title"] == "Rule" and field == self._condition.get(key):
                continue
            default = _code(field["default"]) if "default" in field else "needed" if key in required else "–"
            meaning = _without_default(self._resolved(field)["description"], field)
            yield f"`{key}`", self._takes(field), default, meaning

    def _takes(self, field: Schema) -> str:
        """What may stand after a key, in words."""
        part = self._resolved(field)
        if "properties" in part:
            return self._mapping(field)
        if "enum" in part or "const" in part:
            return ", ".join(map(_code, part.get("enum") or [part["const"]]))
        if "examples" in part:
            return f"{part['title']}, such as {' or '.join(map(_code, part['examples'][:2]))}"
        if "anyOf" in part:
            return ", or ".join(map(self._takes, part["anyOf"]))
        if part["type"] == "array":
            most = f" of at most {part['maxItems']}" if "maxItems" in part else ""
            return f"a list{most}, each {self._takes(part['items'])}"
        if part["type"] == "object":
            return "names, each with " + self._takes(part["additionalProperties"])
        return str(part.get("title", _KINDS[part["type"]] + _range(part)))

    def _mapping(self, field: Schema) -> str:
        place = self._places.get(_referred(field))
        return f"[keys of its own](#{_anchor(place)})" if place else "keys of its own"

    def _resolved(self, field: Schema) -> Schema:
        """``field`` with what it refers to."""
        name = _referred(field)
        return {**self._schema["$defs"][name], **field} if name else field


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _sentences() -> Iterator[Sequence[str]]:
    for name, template in TEMPLATES.items():
        star = "" if template.optional else " \\*"
        yield f"`{name}`{star}", _code(template.text)


def _referred(field: Schema) -> str:
    return str(field.get("$ref", "")).removeprefix("#/$defs/")


def _anchor(heading: str) -> str:
    """The anchor that GitHub and others give a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


_KINDS: Final = {
    "boolean": "`true` or `false`",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "object": "a mapping",
}


def _range(part: Schema) -> str:
    if "minimum" in part and "maximum" in part:
        return f" from {part['minimum']:,} to {part['maximum']:,}"
    return f" of at most {part['maxLength']} characters" if "maxLength" in part else ""


def _without_default(meaning: str, field: Schema) -> str:
    """The default has a column of its own; what it means stays."""
    head, found, rest = meaning.rpartition(" Default ")
    if not found or "default" not in field:
        return meaning
    means = rest.partition(": ")[2]
    return f"{head} By default {means}" if means else head


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False).replace('"', "")
    return f"`{text}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
