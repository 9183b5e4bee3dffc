"""Reading ``sprints.jsonl``: a sprint as one board shows it a line, every bad line named by file and line.

``id``, ``project``, ``board``, ``order`` (a number or an ISO 8601 time), ``planned_days``, ``start``
(``issues``, ``points``), ``moments`` (``t``, and ``issues`` and ``points`` of ``added``, ``removed``,
``todo``, ``doing``, ``done``, and ``team``), of past ones ``delivered_points`` and perhaps
``delivered_issues``. Any amount may be null or missing; further keys are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from classifiers.json_lines import BadLine, Wrong, kind, parse_lines, text, when
from classifiers.sprint_rows import Count, Moment, SprintRow

MOST: Final = 1e9
"""No sprint holds so much of anything, not even seconds; a larger number is a slip."""


class Orders:
    """What ``order`` is in each project: all numbers or all times, over all files that belong together."""

    def __init__(self) -> None:
        self._is_time: dict[str, bool] = {}

    def read(self, data: Mapping[str, Any], project: str) -> float:
        """The place of a line's sprint in time. Raises Wrong."""
        order = when(data, "order")
        if self._is_time.setdefault(project, order.is_time) != order.is_time:
            here, elsewhere = ("a time", "numbers") if order.is_time else ("a number", "times")
            raise Wrong(
                f"order is {here}, but other sprints of project {project!r} have {elsewhere}; use one kind."
            )
        return order.value


def read_sprints(path: Path, orders: Orders) -> Iterator[SprintRow | BadLine]:
    """The sprints of a file in its order, bad lines among them. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        yield from parse_sprints(file, str(path), orders)


def parse_sprints(lines: Iterable[bytes], file: str, orders: Orders) -> Iterator[SprintRow | BadLine]:
    """The same for lines at hand; ``file`` names them in complaints. An id met twice is a bad line."""
    seen: set[str] = set()

    def parse(data: Mapping[str, Any]) -> SprintRow:
        row = _row(data, orders)
        if row.id in seen:
            raise Wrong(f"the id {row.id!r} stands in an earlier line already.")
        seen.add(row.id)
        return row

    return parse_lines(lines, file, parse)


def _row(data: Mapping[str, Any], orders: Orders) -> SprintRow:
    project = _name(data, "project")
    start = _object(data.get("start"), "start")
    return SprintRow(
        id=_name(data, "id"),
        project=project,
        board=_name(data, "board"),
        order=orders.read(data, project),
        planned_days=_amount(data, "planned_days"),
        start=Count(_amount(start, "issues", "start."), _amount(start, "points", "start.")),
        moments=_moments(data.get("moments")),
        delivered=Count(_amount(data, "delivered_issues"), _amount(data, "delivered_points")),
    )


def _name(data: Mapping[str, Any], key: str) -> str:
    """A text; trackers number their sprints and boards, so a whole number is one, too."""
    value = data.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(data, key, required=True)


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Wrong(f"{where} is {kind(value)}; it must be an object.")
    return value


def _moments(value: Any) -> tuple[Moment, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Wrong(f"moments is {kind(value)}; it must be a list.")
    moments = sorted((_moment(one, f"moments[{at}]") for at, one in enumerate(value)), key=lambda one: one.t)
    for one, following in pairwise(moments):
        if one.t == following.t:
            raise Wrong(f"moments has t {one.t:g} twice.")
    return tuple(moments)


def _moment(value: Any, where: str) -> Moment:
    data = _object(value, where)
    t = _number(data, "t", f"{where}.")
    if t is None or not 0 <= t <= 1:
        found = "missing" if t is None else f"{t:g}"
        raise Wrong(f"{where}.t is {found}; it must be the share of the planned time, 0 to 1.")
    return Moment(
        t=t,
        added=_change(data, "added", where),
        removed=_change(data, "removed", where),
        todo=_change(data, "todo", where),
        doing=_change(data, "doing", where),
        done=_change(data, "done", where),
        team=_amount(data, "team", f"{where}."),
    )


def _change(data: Mapping[str, Any], name: str, where: str) -> Count:
    """A remainder worked out by subtraction falls below 0 where work was re-estimated: nothing is left."""
    issues, points = (_number(data, f"{name}_{unit}", f"{where}.") for unit in ("issues", "points"))
    return Count(None if issues is None else max(0.0, issues), None if points is None else max(0.0, points))


def _amount(data: Mapping[str, Any], key: str, where: str = "") -> float | None:
    value = _number(data, key, where)
    if value is not None and value < 0:
        raise Wrong(f"{where}{key} is {value:g}; it cannot be negative.")
    return value


def _number(data: Mapping[str, Any], key: str, where: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"{where}{key} is {kind(value)}; it must be a number or null.")
    if isinstance(value, float) and math.isnan(value):
        raise Wrong(f"{where}{key} is not a number (NaN); write null where it is not known.")
    if abs(value) > MOST:
        raise Wrong(f"{where}{key} is larger than any sprint's ({MOST:,.0f}).")
    return float(value)
