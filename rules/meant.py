"""What was surely meant by a key or a value of rules.yaml that stands where it cannot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from rules.fields import Mode
from rules.misprints import SPACE_AFTER_COLON, SPACE_AFTER_DASH, odd_space
from rules.schema import (
    BoardLayer,
    Condition,
    Conditions,
    Layer,
    Learned,
    RulesFile,
    Tagging,
    TextCondition,
    WideLayer,
)
from rules.source import Path
from rules.sprints_checks import sprint_hint
from rules.sprints_schema import Absence, QuietHours, Sprints
from rules.validate import keys_of, quoted

_DEEPER: Final[tuple[tuple[type[BaseModel], str, type[BaseModel]], ...]] = (
    (RulesFile, "defaults", WideLayer),
    (Layer, "tagging", Tagging),
    (Layer, "sprints", Sprints),
    (Tagging, "learned", Learned),
)
"""Where a key may stand that was written one level too high: the model it was in, the key to put it under."""
_LOOKED_FOR: Final = ("words", "phrases", "regex")
_TEXTS: Final = ("title", "body", "text")

_LOOKS: Final = {
    "contains": "words",
    "keywords": "words",
    "keyword": "words",
    "matches": "regex",
    "pattern": "regex",
}
_SPAN: Final = {"start": "from", "begin": "from", "since": "from", "until": "to", "till": "to", "end": "to"}
_OTHER_NAMES: Final[tuple[tuple[type[BaseModel], Mapping[str, str]], ...]] = (
    (
        Conditions,
        {
            "description": "body", "summary": "title", "subject": "title", "reporter": "author",
            "creator": "author", "or": "any", "and": "all", "none": "not", "issuetype": "type",
            "issue_type": "type",
        },
    ),
    (TextCondition, _LOOKS),
    (Absence, {**_SPAN, "name": "who", "person": "who"}),
    (QuietHours, {**_SPAN, "timezone": "zone"}),
    (Sprints, {"timezone": "zone"}),
)  # fmt: skip
"""What a key of a model is called elsewhere."""
_NEVER_ASKED: Final = frozenset(
    {"assignee", "status", "state", "resolution", "sprint", "cycle", "epic", "milestone"}
)

_UNSPACED: Final = re.compile(r"(-? *[a-z_]+):([^ ].*)\Z", re.DOTALL)
_HOURS: Final = re.compile(r"([0-9]{1,2}:[0-9]{2}) *(?:-|–|to|until) *([0-9]{1,2}:[0-9]{2})\Z")
_DIGITS: Final = re.compile(r"[0-9]{1,6}\Z")


def meant_key(model: type[BaseModel], key: str) -> str | None:
    """A better sentence for an unknown key of a model, where there is one."""
    if unspaced := _unspaced(key, keys_of(model)):
        return unspaced
    if key.startswith("-") and key[1:] in keys_of(model):
        return f'{SPACE_AFTER_DASH}: did you mean "- {key[1:]}"?'
    if issubclass(model, Conditions):
        if key in _LOOKED_FOR:
            return f'"{key}" does not say where to look: put it under title, body or text'
        if key in _LOOKS:
            return (
                f'"{key}" does not say where to look: did you mean text: {{{_LOOKS[key]}: ...}}, or title or '
                "body in place of text?"
            )
        if key in _NEVER_ASKED:
            return f'"{key}" cannot be asked for: only {", ".join(sorted(keys_of(model)))} can stand here'
    for owner, names in _OTHER_NAMES:
        if issubclass(model, owner) and key in names:
            return f'unknown key "{key}" (did you mean "{names[key]}"?)'
    return _misplaced(model, key)


def _misplaced(model: type[BaseModel], key: str) -> str | None:
    if key == "label" and model is Condition:
        return 'a condition on labels already there is written "labels: [...]"'
    if key == "writes" and model is Layer:
        return '"writes" stands under defaults or a connection: it is about all that is written to a tracker'
    if key == "mode" and model is BoardLayer:
        return 'a board\'s mode is said of its sprints: "sprints: {mode: ...}"'
    if model is Sprints:
        return sprint_hint(key)
    deeper = [
        f'"{group}"' for above, group, inner in _DEEPER if issubclass(model, above) and key in keys_of(inner)
    ]
    return f'"{key}" does not stand here: put it under {" or ".join(deeper)}' if deeper else None


def _unspaced(text: str, known: list[str]) -> str | None:
    hit = _UNSPACED.match(text)
    if hit is None or hit[1].lstrip("- ") not in known:
        return None
    if odd := odd_space(hit[2][0]):
        return f"behind the colon {odd}"
    return f"{SPACE_AFTER_COLON}: did you mean {quoted(f'{hit[1]}: {hit[2]}')}?"


def meant_value(data: Mapping[str, Any], path: Path, model: type[BaseModel] | None, value: Any) -> str | None:
    """A better sentence for what stands at ``path`` of a rules file and does not fit there.

    ``model`` is what a mapping there is held against, None where none can stand. An empty sentence says that
    it is told of another place.
    """
    key = str(path[-1]) if path else ""
    if (decimal := _decimal(data, path, value)) is not None:
        return decimal
    if isinstance(value, str) and model is not None:
        return _not_a_mapping(key, model, value)
    if key == "label" and isinstance(value, list):
        return f'several labels go under "labels": labels: {_flow(value)}'
    if key in _TEXTS and isinstance(value, list):
        return f"say what to look for: {key}: {{words: {_flow(value)}}}"
    if path[-1:] and isinstance(value, dict) and key in ("rules", "any", "all"):
        if any(str(one).startswith("-") for one in value):
            return SPACE_AFTER_DASH
        return f'"{key}" must be a list, even of one: begin each entry with "- ", or write [{{...}}]'
    return None


def _not_a_mapping(key: str, model: type[BaseModel], value: str) -> str | None:
    if unspaced := _unspaced(value, keys_of(model)):
        return unspaced
    if key in _TEXTS:
        return f"say what to look for: {key}: {{words: {_flow([value])}}}"
    if key == "quiet_hours" and (hours := _HOURS.match(value)):
        first, last = (one.rjust(5, "0") for one in hours.groups())
        return f'"quiet_hours" has two ends, such as {{from: "{first}", to: "{last}"}}'
    if value in list(Mode) and issubclass(model, Layer | BoardLayer):
        said = f"{{mode: {value}}}" if issubclass(model, Layer) else f"{{sprints: {{mode: {value}}}}}"
        return f"a layer is a mapping: did you mean {key}: {said}?"
    return None


def _flow(texts: list[Any]) -> str:
    shown = [str(text) if re.match(r"[\w -]+\Z", str(text)) else quoted(str(text)) for text in texts[:5]]
    return f"[{', '.join([*shown, '...'] if len(texts) > len(shown) else shown)}]"


def _decimal(data: Mapping[str, Any], path: Path, value: Any) -> str | None:
    """In braces ``a: 0,25`` is a 0 and a key 25. It is told at the key, and of the 0 nothing."""
    # Right under projects and boards digits may be a key.
    if len(path) < 3 or not (type(value) is int or _DIGITS.match(str(path[-1]))):
        return None
    around: Any = data
    for step in path[:-1]:
        around = around.get(step) if isinstance(around, dict) else None
    keys = list(around) if isinstance(around, dict) else []
    at = keys.index(path[-1]) if path[-1] in keys else len(keys)
    if at + 1 < len(keys) and _is_decimal(around, keys[at], keys[at + 1]):
        return ""
    if 0 < at < len(keys) and _is_decimal(around, keys[at - 1], keys[at]):
        meant = f"{around[keys[at - 1]]}.{keys[at]}"
        return f"a decimal point, not a comma: did you mean {keys[at - 1]}: {meant}?"
    return None


def _is_decimal(around: Mapping[str, Any], first: str, second: str) -> bool:
    whole = around[first]
    return type(whole) is int and around[second] is None and _DIGITS.match(second) is not None
