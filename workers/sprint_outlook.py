"""What is found about a running sprint from one reading of it and what is remembered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from classifiers.sprint import Outlook, judge
from classifiers.sprint_judgement import SprintJudgement
from classifiers.sprint_past import rows_of, with_work
from rules.sprint_rules import SprintRules
from trackers.sprints import Board, Finished, SprintReading, Unit
from workers.forecasters import Forecasters
from workers.sprint_book import SprintBook
from workers.sprint_measure import counting, unestimated


def judged(
    connection: str,
    board: Board,
    reading: SprintReading,
    book: SprintBook,
    rules: SprintRules,
    finished: Sequence[Finished],
    forecasters: Forecasters,
    key: bytes,
    now: datetime,
) -> SprintJudgement:
    """Judge a sprint by ``rules``; ``finished`` are the board's other sprints, ``key`` that of the hashes
    in the book."""
    rows = rows_of(with_work(finished, book.unit), board.id)
    if book.unit is Unit.ISSUES:
        rows = [row.in_issues() for row in rows]
    outlook = Outlook(
        sprint=reading.sprint,
        issues=reading.issues,
        memory=book.memory,
        unit=book.unit,
        count=counting(book.unit, board, rules),
        unestimated_as=unestimated(book.unit, board, rules),
        rules=rules,
        zone=board.zone,
        finished=finished,
        rows=rows,
        forecaster=forecasters.of(connection, board.id, book.unit, rows),
        key=key,
        now=now,
        told=frozenset(book.said.concerns),
    )
    return judge(outlook)
