"""``forecast`` and ``backtest`` over files: what they read, and how they complain of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from classifiers.json_lines import BadLine
from classifiers.sprint_rows import SprintRow
from classifiers.sprints_file import Orders, read_sprints
from sprintwarden.issue_files import MOST_SHOWN
from sprintwarden.settings import Complaint


def read_all(paths: Iterable[Path]) -> list[list[SprintRow]]:
    """The sprints of files that belong together, a list for each.

    Raises Complaint, with a sentence for each bad line of all files, unless every line is good: a sprint
    left out would change the forecasts of others unseen.
    """
    orders = Orders()
    lines = [_lines(path, orders) for path in paths]
    bad = [str(line) for file in lines for line in file if isinstance(line, BadLine)]
    if bad:
        more = [f"... and {len(bad) - MOST_SHOWN} more bad lines."] if len(bad) > MOST_SHOWN else []
        raise Complaint(
            "\n".join([*bad[:MOST_SHOWN], *more, "Nothing was forecast; mend these lines first."])
        )
    return [[line for line in file if isinstance(line, SprintRow)] for file in lines]


def _lines(path: Path, orders: Orders) -> list[SprintRow | BadLine]:
    try:
        return list(read_sprints(path, orders))
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
