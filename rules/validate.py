"""A schema's verdict on a file, in sentences an admin can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from rules.problems import Problem
from rules.source import Path, Source

M = TypeVar("M", bound=BaseModel)
Quiet = Callable[[Path], bool]
"""Says of a path whether what stands there may be secret, so that it is never quoted."""
Hints = Callable[[type[BaseModel], str], str | None]
"""Gives a better sentence for an unknown key of a model, where there is one."""
Values = Callable[[Path, type[BaseModel] | None, Any], str | None]
"""Gives a better sentence for what does not fit at a path, where there is one; an empty one says nothing.
The model is what a mapping there would be held against; an unknown key is given without its value."""

MAX_QUOTED = 60
MAX_FAULTS = 1_000
"""More are not put into words: finding what was meant takes time for each."""

_KINDS = {
    "string_type": "text: put it in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "tuple_type": "a list, even of one: [...]",
    "list_type": "a list, even of one: [...]",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
SWITCHES = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""Words that YAML once took for true and false."""
ONCE_BOOLEAN = frozenset({"yes", "no", "on", "off"})
"""Those that stand for nothing else: a label y or n may well be meant."""
_DECIMAL = re.compile(r"[0-9]{1,3},[0-9]{1,6} ?%?\Z")
_LIMITS = {
    "greater_than_equal": ("must be {ge:g} or more", "ge"),
    "less_than_equal": ("must be {le:g} or less", "le"),
}


def quoted(text: str) -> str:
    """``text`` in quotes, on one line and not too long to read."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * MAX_QUOTED]).split())
    return f'"{line[: MAX_QUOTED - 1]}…"' if len(line) > MAX_QUOTED else f'"{line}"'


def did_you_mean(wrong: str, known: Sequence[str]) -> str:
    """`` (did you mean "x"?)`` if something known is close to ``wrong``, else nothing."""
    if len(wrong) > MAX_QUOTED:
        return ""
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(wrong.casefold(), by_fold, n=1, cutoff=0.6)
    return f' (did you mean "{by_fold[close[0]]}"?)' if close else ""


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a mapping that is held against ``model``."""
    return [field.alias or name for name, field in model.model_fields.items()]


def listed_twice(source: Source, path: Path, values: Iterable[Any]) -> Iterator[Problem]:
    """A problem for each text of a list that stands in it before, whatever its capitals."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if isinstance(value, str) and value.casefold() in seen:
            yield source.problem((*path, index), f"{quoted(value)} is listed twice")
        seen.add(str(value).casefold())


def validate(
    model: type[M],
    source: Source,
    at: Path = (),
    *,
    quiet: Quiet = lambda path: False,
    hints: Hints = lambda model, key: None,
    values: Values = lambda path, model, value: None,
) -> tuple[M | None, list[Problem]]:
    """Hold the value at ``at`` against ``model``.

    Gives the model's instance, or None and everything that is wrong, each in a sentence.
    """
    value: Any = source.data
    for step in at:
        value = value[step]
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        found = error.errors(include_url=False)
    problems = []
    for fault in found[:MAX_FAULTS]:
        path = at + tuple(step for step in fault["loc"] if step != "[key]")
        known = fault["type"] != "extra_forbidden"
        better = values(path, _owner(model, path[len(at) :]), fault["input"] if known else None)
        if better == "":
            continue
        if not better and fault["input"] is None and fault["type"] not in ("missing", "extra_forbidden"):
            continue  # told as an empty value, in one wording for all kinds
        if fault["type"] == "too_short" and fault["input"]:
            continue  # its entries are wrong, and told one by one
        sentence = better or _sentence(model, path[len(at) :], dict(fault), quiet(path), hints)
        problems.append(_placed(source, path, fault["type"], "[key]" in fault["loc"], sentence))
    return None, problems


def finish(source: Source, problems: Sequence[Problem]) -> list[Problem]:
    """All problems of a file: those given, those of its text, and its empty values.

    An empty value is told only where nothing else is wrong at the same place, and what a text's own
    fault may have led to is not told.
    """
    faults = {(problem.line, problem.column) for problem in source.problems}
    sound = [
        one
        for one in problems
        if (one.line, one.column) not in faults and not source.is_torn(one.line, one.column)
    ]
    found = [*sound, *source.problems]
    places = {(problem.line, problem.column) for problem in found}
    for path in source.empty:
        line, column = source.locate_key(path)
        if (line, column) not in places and not source.is_torn(line, column):
            message = "there is no value here: write one, or remove the line"
            found.append(Problem(source.file, line, column, message))
    return found


def _placed(source: Source, path: Path, kind: str, in_key: bool, sentence: str) -> Problem:
    if kind == "missing":
        return source.problem(path[:-1], sentence, at_key=True)
    return source.problem(path, sentence, at_key=in_key or kind == "extra_forbidden")


def _sentence(model: type[BaseModel], path: Path, fault: dict[str, Any], quiet: bool, hints: Hints) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    what = _what(path)
    if kind == "sentence":
        return str(context["sentence"])
    if kind == "extra_forbidden":
        return _unknown_key(model, path, quiet, hints)
    if kind == "missing":
        return f'the key "{path[-1]}" is missing'
    if kind in _KINDS:
        return f"{what} must be {_KINDS[kind]}" + ("" if quiet else _meant(kind, fault["input"]))
    if kind in ("enum", "literal_error"):
        return _not_a_choice(what, fault["input"], str(context.get("expected", "")), quiet)
    if kind == "too_short":
        return f"{what} is an empty list: name at least one"
    if kind == "too_long":
        return f"{what} has {context['actual_length']} entries; at most {context['max_length']} are allowed"
    if kind in _LIMITS:
        return f"{what} " + _LIMITS[kind][0].format(**context) + _meant(kind, fault["input"], context)
    return f"{what} does not fit here"


def _meant(kind: str, value: Any, context: Mapping[str, Any] = MappingProxyType({})) -> str:
    """What was meant by an old word for true and false, or by a percentage where a share is wanted."""
    if kind == "bool_type" and isinstance(value, str) and value.casefold() in SWITCHES:
        return f" (did you mean {SWITCHES[value.casefold()]}?)"
    if kind == "less_than_equal" and context["le"] <= 1 and 1 < value <= 100:
        return f" (did you mean {value / 100:g}?)"
    return with_point(value) if kind == "float_type" else ""


def with_point(value: Any) -> str:
    """What to add of a number with a comma in it, such as ``0,25``; nothing of anything else."""
    if not isinstance(value, str) or not _DECIMAL.match(value):
        return ""
    return f" (a decimal point, not a comma: did you mean {value.replace(',', '.')}?)"


def _what(path: Path) -> str:
    """The place as an admin would name it: its key, or an entry of its key's list."""
    keys = [step for step in path if isinstance(step, str)]
    if not keys:
        return "this"
    return f'"{keys[-1]}"' if isinstance(path[-1], str) else f'an entry of "{keys[-1]}"'


def _unknown_key(model: type[BaseModel], path: Path, quiet: bool, hints: Hints) -> str:
    owner = _owner(model, path[:-1])
    known = keys_of(owner) if owner else []
    expected = ", ".join(sorted(known))
    key = str(path[-1])
    hint = hints(owner, key) if owner else None
    if hint:
        return hint
    named = "unknown key" if quiet else f"unknown key {quoted(key)}"
    return named + (did_you_mean(key, known) or f": only {expected} can stand here")


def _not_a_choice(what: str, value: Any, expected: str, quiet: bool) -> str:
    choices = re.findall(r"'([^']*)'", expected)
    allowed = expected.replace("'", "") if choices else expected
    if quiet or not isinstance(value, str) or not choices:
        return f"{what} must be {allowed}"
    return f"{what} must be {allowed}, not {quoted(value)}{did_you_mean(value, choices)}"


def _owner(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that the mapping at ``path`` is held against."""
    candidates: list[Any] = [model]
    for step in path:
        candidates = [inner for kind in candidates for inner in _inside(kind, step)]
    models = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return models[0] if models else None


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    """The kinds that may stand under ``step`` in a value of this kind."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step == (field.alias or name):
                yield from _models_in(field.annotation)
        return
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(step, int):
        yield from _models_in(arguments[0])
    elif origin is dict and isinstance(step, str):
        yield from _models_in(arguments[1])


def _models_in(kind: Any) -> Iterator[Any]:
    """``kind`` without what Annotated and Union wrap around it."""
    origin = get_origin(kind)
    if origin in (tuple, dict) or origin is None:
        yield kind
        return
    for argument in get_args(kind):
        if argument is not type(None):
            yield from _models_in(argument)
