"""What people do with sprints in a toy Jira in another process, by its control endpoints.

Issues are put in, re-estimated, described, moved and finished with ``Remote`` itself: ``create`` and
``edit`` take ``sprint`` (an id, or None for the backlog), ``points``, ``body`` and ``status``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.remote import Remote


def create_sprint(jira: Remote, board: int, name: str, start: datetime, end: datetime) -> int:
    """A person plans a sprint on a board; its id."""
    wish = {"board": board, "name": name, "startDate": start.isoformat(), "endDate": end.isoformat()}
    return int(jira.control("POST", "/sprints", wish)["id"])


def start_sprint(jira: Remote, sprint: int) -> None:
    """A person starts a planned sprint."""
    jira.control("PATCH", f"/sprints/{sprint}", {"state": "active"})


def edit_sprint(jira: Remote, sprint: int, **wish: Any) -> None:
    """A person changes a sprint's ``name``, ``goal``, ``startDate`` or ``endDate``."""
    jira.control("PATCH", f"/sprints/{sprint}", wish)


def close_sprint(jira: Remote, sprint: int) -> None:
    """A person completes a sprint, early or not; its open issues go to the next planned one."""
    jira.control("PATCH", f"/sprints/{sprint}", {"state": "closed"})


def reopen_sprint(jira: Remote, sprint: int) -> None:
    """An administrator opens a completed sprint again."""
    jira.control("PATCH", f"/sprints/{sprint}", {"state": "active"})


def delete_sprint(jira: Remote, sprint: int) -> None:
    """A person deletes a sprint that is not completed."""
    jira.control("DELETE", f"/sprints/{sprint}")


def past_sprint(
    jira: Remote,
    board: int,
    committed: Sequence[float | None],
    done: Sequence[bool],
    added: Sequence[tuple[float | None, bool]] = (),
    *,
    ended_days_ago: float = 1,
    days: float = 14,
) -> int:
    """A sprint that is over, told to nobody; its id.

    ``committed`` are estimates in the board's unit, ``done`` says of each whether it was done, and
    ``added`` gives both for what came after the start.
    """
    wish = {
        "board": board,
        "committed": list(committed),
        "done": list(done),
        "added": [list(one) for one in added],
        "ended_days_ago": ended_days_ago,
        "days": days,
    }
    return int(jira.control("POST", "/past_sprint", wish)["id"])


def add_board(jira: Remote, project: str, **wish: Any) -> int:
    """An administrator makes one more board: ``name``, ``type``, ``estimation``, ``columns``; its id."""
    return int(jira.control("POST", "/boards", {"project": project} | wish)["id"])


def edit_board(jira: Remote, board: int, **wish: Any) -> None:
    """An administrator changes a board's ``name``, ``type``, ``estimation`` or ``columns``."""
    jira.control("PATCH", f"/boards/{board}", wish)
