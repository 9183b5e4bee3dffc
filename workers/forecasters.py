"""The forecaster of each board: the shipped one, adapted to the board's own finished sprints."""

from __future__ import annotations

from collections.abc import Sequence

from classifiers.capacity import Forecaster, shipped
from classifiers.sprint_rows import SprintRow
from trackers.sprints import Unit

_KEPT = 200
"""Boards whose forecaster stays at hand; adapting one takes a fraction of a second."""


class Forecasters:
    """Keeps adapted forecasters, because adapting costs more than a hundred forecasts."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, Unit], tuple[tuple[SprintRow, ...], Forecaster]] = {}

    def of(self, connection: str, board: str, unit: Unit, past: Sequence[SprintRow]) -> Forecaster:
        """The forecaster for a board with these finished sprints, already in its unit.

        It is adapted anew when their figures change, too: a sprint that was opened again ends with others.
        """
        place, known = (connection, board, unit), tuple(past)
        held = self._held.pop(place, None)
        if held is None or held[0] != known:
            held = (known, shipped().refitted(past))
        self._held[place] = held
        while len(self._held) > _KEPT:
            del self._held[next(iter(self._held))]
        return held[1]
