"""What several layers of a rules file say about sprints, as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from rules.calendar import EVERY_DAY, Calendar
from rules.fields import Mode
from rules.sprint_rules import Away, SprintRules
from rules.sprints_schema import Absence, Notify, Overcommit, ScopeCreep, Sprints, Weekday

SCOPE_LABEL: Final = "scope-added"

_OVERCOMMIT: Final = {"enabled": "overcommit", "grace": "overcommit_grace"}
_SCOPE_CREEP: Final = {"enabled": "scope_creep", "grace": "scope_grace", "label": "scope_label"}
_MAY_BE_NONE: Final = frozenset({"unestimated", "tracking_issue", "mention", "people", "scope_label"})
_WEEKDAYS: Final = {day: number for number, day in enumerate(Weekday)}


def combined_sprints(layers: Iterable[tuple[Mode | None, Sprints | None]]) -> SprintRules:
    """The settings of all layers, each given as its mode and its ``sprints``; the later ones rule.

    A mode said of sprints rules over one said of everything, however far in that stands.
    """
    general: Mode | None = None
    said: dict[str, Any] = {}
    wording: dict[str, str] = {}
    for mode, sprints in layers:
        general = mode or general
        if sprints is not None:
            said.update(_said(sprints))
            wording.update(sprints.wording or {})
    said.setdefault("mode", general or Mode.DRY_RUN)
    return SprintRules(**_gathered(said), wording=wording)


def _said(sprints: Sprints) -> Iterator[tuple[str, Any]]:
    """What one layer says, under the names ``SprintRules`` and ``Calendar`` have for it."""
    for name, value in _flat(sprints):
        if value is not None:
            yield name, _meant(name, value)
    if sprints.quiet_hours and sprints.quiet_hours.zone:
        yield "zone", sprints.quiet_hours.zone


def _flat(sprints: Sprints) -> Iterator[tuple[str, Any]]:
    for name, value in sprints:
        match value:
            case Overcommit():
                yield from ((_OVERCOMMIT.get(key, key), part) for key, part in value)
            case ScopeCreep():
                yield from ((_SCOPE_CREEP.get(key, key), part) for key, part in value)
            case Notify():
                yield from value
            case _ if name != "wording":
                yield name, value


def _meant(name: str, value: Any) -> Any:
    if name == "scope_label" and value is True:
        return SCOPE_LABEL
    return None if name in _MAY_BE_NONE and value is False else value


def _gathered(said: dict[str, Any]) -> dict[str, Any]:
    """``said`` with the calendar's part made a calendar."""
    rest = dict(said)
    quiet = rest.pop("quiet_hours", False)
    days = rest.pop("working_days", None)
    calendar = Calendar(
        zone=rest.pop("zone", None),
        quiet_from=quiet.from_ if quiet else None,
        quiet_to=quiet.to if quiet else None,
        working_days=frozenset(_WEEKDAYS[day] for day in days) if days else EVERY_DAY,
        holidays=frozenset(rest.pop("holidays", ())),
    )
    away = tuple(map(_away, rest.pop("away", ())))
    lines = tuple((one.line, one.kind) for one in rest.pop("requirement_lines", ()))
    return {**rest, "calendar": calendar, "away": away, "requirement_lines": lines}


def _away(absence: Absence) -> Away:
    return Away(absence.from_, absence.to, absence.who)
