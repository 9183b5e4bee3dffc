"""Boards and sprints as people and tests handle them: the control endpoints' side of the state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.control import PERSON
from sandbox.jira.agile import sprint_values
from sandbox.jira.model import STATUSES, Board, Sprint
from sandbox.jira.seeding import Past, seed
from sandbox.jira.sprints import Sprints
from sandbox.jira.state import State

_KINDS = ("scrum", "kanban", "simple")
_ESTIMATIONS = ("points", "time", "issues", "none")


class Planning:
    """What people do with boards and sprints. Bad wishes raise ValueError with a sentence."""

    def __init__(self, state: State, sprints: Sprints) -> None:
        self._state = state
        self._sprints = sprints

    def add_board(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """One more board from ``{project, name?, type?, estimation?, columns?}``; see ``edit_board``."""
        with self._state.lock:
            project = self._state.projects.get(str(wish["project"]))
            if project is None:
                raise ValueError(f"there is no project {wish['project']}")
            board = self._state.add_board(project, "scrum")
            self._change(board, wish)
            return _board_view(board)

    def edit_board(self, id_: int, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Apply ``{name?, type?, estimation?, columns?}``.

        ``type`` is scrum, kanban or simple; ``estimation`` points, time, issues or none; ``columns``
        lists the names of the statuses of each, and may leave some out.
        """
        with self._state.lock:
            board = self._state.board(id_)
            self._change(board, wish)
            return _board_view(board)

    def _change(self, board: Board, wish: Mapping[str, Any]) -> None:
        board.name = str(wish.get("name") or board.name)
        board.kind = _one_of(_KINDS, wish.get("type", board.kind))
        board.estimation = _one_of(_ESTIMATIONS, wish.get("estimation", board.estimation))
        if "columns" in wish:
            known = {status.name: status for status in STATUSES}
            board.columns = [
                (f"Column {number}", tuple(known[_one_of(tuple(known), name)] for name in names))
                for number, names in enumerate(wish["columns"], start=1)
            ]

    def create_sprint(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Plan a sprint from ``{board | project, name, goal?, startDate?, endDate?}``."""
        with self._state.lock:
            board = self._board(wish)
            values = sprint_values(
                {key: value for key, value in wish.items() if key not in ("project", "board")}
            )
            sprint = self._sprints.create(
                values["name"], board.id, values.get("goal"), values.get("start"), values.get("end")
            )
            return self._state.shapes.sprint(sprint)

    def edit_sprint(self, id_: int, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Change, start, close or open again a sprint as a person.

        ``wish`` is ``{name?, goal?, state?, startDate?, endDate?, actor?}``.
        """
        with self._state.lock:
            values = sprint_values({key: value for key, value in wish.items() if key != "actor"})
            sprint, actor = self._state.sprint(id_), self._state.user(str(wish.get("actor") or PERSON))
            if sprint.state == "closed" and values.get("state") == "active":
                return self._state.shapes.sprint(self._sprints.reopen(sprint))
            return self._state.shapes.sprint(self._sprints.update(sprint, values, actor))

    def delete_sprint(self, id_: int) -> None:
        """Delete a sprint as a person."""
        with self._state.lock:
            self._sprints.delete(self._state.sprint(id_), self._state.user(PERSON))

    def past_sprint(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Write a sprint that is over, with issues of its own, telling nobody.

        ``wish`` is ``{board | project, name?, ended_days_ago?, days?, committed?, done?, added?}``:
        ``committed`` lists estimates, ``done`` says of each whether it was done (no, where it is
        shorter), ``added`` lists pairs of both.
        """
        with self._state.lock:
            board = self._board(wish)
            end = self._state.now() - timedelta(days=float(wish.get("ended_days_ago", 1)))
            committed, done = wish.get("committed") or [], [bool(was) for was in wish.get("done") or []]
            done += [False] * (len(committed) - len(done))
            past = Past(
                name=str(wish.get("name") or f"Sprint of {end:%d %b %Y}"),
                start=end - timedelta(days=float(wish.get("days", 14))),
                end=end,
                committed=[(_amount(one), was) for one, was in zip(committed, done, strict=True)],
                added=[(_amount(one), bool(was)) for one, was in wish.get("added") or []],
            )
            sprint, issues = seed(self._state, self._sprints, board, past)
            return self._state.shapes.sprint(sprint) | {"issues": [issue.key for issue in issues]}

    def sprint_views(self) -> list[dict[str, Any]]:
        """All sprints, oldest first, each with the keys of the issues in it now."""
        with self._state.lock:
            return [self._sprint_view(sprint) for sprint in self._state.sprints.values()]

    def _sprint_view(self, sprint: Sprint) -> dict[str, Any]:
        keys = [issue.key for issue in self._state.in_sprint(sprint)]
        return self._state.shapes.sprint(sprint) | {"issues": keys}

    def _board(self, wish: Mapping[str, Any]) -> Board:
        if "board" in wish:
            return self._state.board(int(wish["board"]))
        project = self._state.projects.get(str(wish.get("project")))
        if project is None or project.board is None:
            raise ValueError(f"there is no project {wish.get('project')} with a board")
        return self._state.board(project.board)


def _amount(value: Any) -> float | None:
    return None if value is None else float(value)


def _one_of(known: tuple[str, ...], value: object) -> str:
    if value not in known:
        raise ValueError(f"{value} is unknown here; known: {', '.join(known)}")
    return str(value)


def _board_view(board: Board) -> dict[str, Any]:
    columns = [[status.name for status in statuses] for _, statuses in board.columns]
    return {
        "id": board.id,
        "project": board.project.key,
        "name": board.name,
        "type": board.kind,
        "estimation": board.estimation,
        "columns": columns,
    }
