"""A Jira board's own settings: its estimates and its columns. Pure.

Source: developer.atlassian.com, Jira Software REST API, "Get board" and "Get configuration"; Cloud
and Data Center answer alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trackers.jira.setup import Fields
from trackers.reading import ident, items, mapping, number, text
from trackers.sprints import Board, Stage, Unit

ORIGINAL_ESTIMATE: Final = "timeoriginalestimate"
"""A system field in seconds; boards that estimate time name it."""
_HOUR: Final = 3600
_CATEGORIES: Final = {"new": Stage.TODO, "indeterminate": Stage.DOING, "done": Stage.DONE}


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """A board with what only readings of its sprints need."""

    board: Board
    is_scrum: bool
    """Whether it is of the type that always has sprints; team-managed boards may have them."""
    estimate: str | None
    """The id of the field that holds estimates; None where issues are counted."""
    estimate_name: str | None
    """Its name, by which Data Center's changelogs call it."""
    columns: Mapping[str, Stage]
    """By the id of a workflow status."""

    def stage(self, status: str, category: str | None) -> Stage:
        """Where a status stands; one in no column by its ``category``."""
        return self.columns.get(status) or _CATEGORIES.get(category or "", Stage.DOING)

    def amount(self, value: object) -> float | None:
        """An estimate in the board's unit, from the field's value or a changelog's text."""
        found = _amount(value)
        return found / _HOUR if found is not None and self.board.unit is Unit.HOURS else found


def board_settings(
    about: Mapping[str, Any], configuration: Mapping[str, Any], fields: Fields
) -> BoardSettings:
    """The settings from the board's two answers.

    The board's own estimation goes before anything else. A board without one (team-managed projects
    tell none) takes the first of the site's ``fields`` for story points; where there is none either,
    issues are counted.
    """
    unit, estimate, name = _estimation(configuration, fields)
    location = mapping(about.get("location"))
    board = Board(
        id=ident(about.get("id")) or "",
        name=text(about.get("name")) or "",
        project=text(location.get("projectKey")),
        has_sprints=about.get("type") != "kanban",
        unit=unit,
    )
    return BoardSettings(board, about.get("type") == "scrum", estimate, name, _columns(configuration))


def _estimation(configuration: Mapping[str, Any], fields: Fields) -> tuple[Unit, str | None, str | None]:
    estimation = mapping(configuration.get("estimation"))
    field = mapping(estimation.get("field"))
    id_ = text(field.get("fieldId"))
    if not estimation:
        first = next(iter(fields.points), None)
        return (Unit.POINTS, first, None) if first else (Unit.ISSUES, None, None)
    if estimation.get("type") != "field" or id_ is None:
        return Unit.ISSUES, None, None
    unit = Unit.HOURS if id_ == ORIGINAL_ESTIMATE else Unit.POINTS
    return unit, id_, text(field.get("displayName"))


def _columns(configuration: Mapping[str, Any]) -> dict[str, Stage]:
    """The last column with statuses counts as done, as the vendor's page says; the first as not begun."""
    listed = [
        [ident(mapping(status).get("id")) for status in items(mapping(column).get("statuses"))]
        for column in items(mapping(configuration.get("columnConfig")).get("columns"))
    ]
    columns = [[status for status in column if status] for column in listed if column]
    found = {status: Stage.DOING for column in columns[1:-1] for status in column}
    found |= dict.fromkeys(columns[0] if len(columns) > 1 else (), Stage.TODO)
    return found | dict.fromkeys(columns[-1] if columns else (), Stage.DONE)


def _amount(value: object) -> float | None:
    """Jira writes points as a number, and in changelogs as text: ``5``, ``5.0``."""
    if not isinstance(value, str):
        return number(value)
    try:
        return number(float(value))
    except ValueError:
        return None
