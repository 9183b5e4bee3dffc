"""The conditions of a rule as one line, for somebody who looks it up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_TEXTS: Final = {"title": "title", "body": "description", "text": "title or description"}
_KINDS: Final = {"words": "has", "phrases": "contains"}
_NOT_CONDITIONS: Final = frozenset({"name", "label", "labels"})


def condition_line(rule: dict[str, Any]) -> str:
    """The conditions of a rule that the schema has found good, as it stands in the file."""
    return _all({key: value for key, value in rule.items() if key not in _NOT_CONDITIONS})


def _all(conditions: dict[str, Any]) -> str:
    return " and ".join(part for key, value in conditions.items() for part in _parts(key, value))


def _parts(key: str, value: Any) -> Iterator[str]:
    match key:
        case "title" | "body" | "text":
            yield from _text(_TEXTS[key], value)
        case "any":
            yield _joined(" or ", value)
        case "all":
            yield _joined(" and ", value)
        case "not":
            bracketed = len(value) == 1 and len(value.get("any", value.get("all", ()))) > 1
            yield f"not {_all(value)}" if bracketed else f"not ({_all(value)})"
        case "labels":
            yield f"has the label {_either(value)}"
        case _:
            yield f"{key} is {_either(value)}"


def _text(where: str, condition: dict[str, Any]) -> Iterator[str]:
    exactly = " exactly" if condition.get("case_sensitive") else ""
    for key, verb in _KINDS.items():
        if key in condition:
            looked_for = _either([f'"{text}"' for text in condition[key]])
            yield f"{where} {verb}{exactly} {looked_for}"
    if "regex" in condition:
        yield f"{where} matches{exactly} /{condition['regex']}/"


def _joined(word: str, conditions: list[dict[str, Any]]) -> str:
    return "(" + word.join(map(_all, conditions)) + ")" if len(conditions) > 1 else _all(conditions[0])


def _either(texts: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
