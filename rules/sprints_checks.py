"""What a schema cannot say about the settings of sprints.

These look at the plain data, so that they speak even when the schema has found something else wrong;
each therefore passes over whatever has not the shape it expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from rules.problems import Problem
from rules.source import Path, Source
from rules.sprint_fields import read_day
from rules.sprints_schema import MAX_AWAY, MAX_HOLIDAYS, Notify, Overcommit, QuietHours, ScopeCreep, Weekday
from rules.validate import ONCE_BOOLEAN, SWITCHES, listed_twice
from rules.wording import TEMPLATES, check_template

_GROUPS: Final[dict[str, type[BaseModel]]] = {
    "overcommit": Overcommit,
    "scope_creep": ScopeCreep,
    "notify": Notify,
    "quiet_hours": QuietHours,
}


def sprint_hint(key: str) -> str | None:
    """A better sentence for a key that is unknown right under ``sprints`` but known one level deeper."""
    groups = [
        group
        for group, model in _GROUPS.items()
        if key in {info.alias or name for name, info in model.model_fields.items()}
    ]
    return f'"{key}" does not stand here: put it under {" or ".join(groups)}' if groups else None


def sprint_problems(source: Source, path: Path, sprints: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with the ``sprints`` of one layer, which stand at ``path``."""
    for key, most in (("working_days", len(Weekday)), ("holidays", MAX_HOLIDAYS)):
        yield from listed_twice(source, (*path, key), _list(sprints.get(key))[: most + 1])
    yield from _quiet_hours(source, path, sprints)
    for index, absence in enumerate(_list(sprints.get("away"))[:MAX_AWAY]):
        yield from _absence(source, (*path, "away", index), absence)
    yield from _wording(source, (*path, "wording"), sprints.get("wording"))
    yield from _not_text(
        source, (*path, "scope_creep"), sprints.get("scope_creep"), "label", ("true", "false")
    )
    yield from _not_text(source, (*path, "notify"), sprints.get("notify"), "mention", ("false",))


def _quiet_hours(source: Source, path: Path, sprints: dict[str, Any]) -> Iterator[Problem]:
    quiet = sprints.get("quiet_hours")
    if not isinstance(quiet, dict):
        return
    if "zone" in sprints and "zone" in quiet:
        message = "the zone is said here and under quiet_hours: keep one of them"
        yield source.problem((*path, "zone"), message, at_key=True)
    if isinstance(quiet.get("from"), str) and quiet["from"] == quiet.get("to"):
        message = "quiet hours that end when they begin would be all day or none: change one of them"
        yield source.problem((*path, "quiet_hours", "to"), message)


def _absence(source: Source, path: Path, absence: Any) -> Iterator[Problem]:
    if not isinstance(absence, dict):
        return
    first, last = _day(absence.get("from")), _day(absence.get("to"))
    if first and last and last < first:
        yield source.problem((*path, "to"), f"this absence ends before it begins on {first}")


def _day(value: Any) -> date | None:
    try:
        return read_day(value)
    except PydanticCustomError:
        return None


def _wording(source: Source, path: Path, wording: Any) -> Iterator[Problem]:
    if not isinstance(wording, dict):
        return
    for name, text in wording.items():
        if isinstance(text, str) and (fault := check_template(name, text)):
            yield source.problem((*path, name), fault, at_key=name not in TEMPLATES)


def _not_text(source: Source, path: Path, group: Any, key: str, words: tuple[str, ...]) -> Iterator[Problem]:
    """A word that YAML once took for true or false, where those may stand too: it is never meant as text."""
    value = group.get(key) if isinstance(group, dict) else None
    if not isinstance(value, str) or not source.is_bare((*path, key)):
        return
    meant = SWITCHES[value.casefold()] if value.casefold() in ONCE_BOOLEAN else None
    if meant in words:
        message = f'"{value}" is text here: did you mean {meant}? For a {key} of that name write it in quotes'
        yield source.problem((*path, key), message)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
