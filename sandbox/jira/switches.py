"""What only Jira's control page has: boards, sprints as people handle them, and the site's clock."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from sandbox.control import asked
from sandbox.jira.toy import JiraToy

_SPRINT = frozenset({"name", "goal", "startDate", "endDate"})
_BOARD = frozenset({"name", "type", "estimation", "columns"})
_PAST = frozenset({"board", "project", "name", "ended_days_ago", "days", "committed", "done", "added"})


def add_switches(control: Blueprint, toy: JiraToy) -> None:
    """Serve them beside the common endpoints."""
    _add_boards(control, toy)
    _add_sprints(control, toy)

    @control.patch("/hooks/<hook>")
    def switch_hook(hook: str) -> tuple[str, int]:
        toy.hooks.switch(hook, bool(asked(frozenset({"enabled"})).get("enabled")))
        return "", 204

    @control.post("/clock")
    def clock() -> tuple[str, int]:
        toy.set_clock(asked(frozenset({"at"})).get("at"))
        return "", 204


def _add_boards(control: Blueprint, toy: JiraToy) -> None:
    @control.post("/boards")
    def add_board() -> tuple[Response, int]:
        return jsonify(toy.planning.add_board(asked(_BOARD | {"project"}, "project"))), 201

    @control.patch("/boards/<int:board>")
    def edit_board(board: int) -> Response:
        return jsonify(toy.planning.edit_board(board, asked(_BOARD)))


def _add_sprints(control: Blueprint, toy: JiraToy) -> None:
    @control.get("/sprints")
    def sprints() -> Response:
        return jsonify(toy.planning.sprint_views())

    @control.post("/sprints")
    def create_sprint() -> tuple[Response, int]:
        wish = asked(_SPRINT | {"project", "board"}, "name")
        return jsonify(toy.planning.create_sprint(wish)), 201

    @control.patch("/sprints/<int:sprint>")
    def edit_sprint(sprint: int) -> Response:
        return jsonify(toy.planning.edit_sprint(sprint, asked(_SPRINT | {"state", "actor"})))

    @control.delete("/sprints/<int:sprint>")
    def delete_sprint(sprint: int) -> tuple[str, int]:
        toy.planning.delete_sprint(sprint)
        return "", 204

    @control.post("/past_sprint")
    def past_sprint() -> tuple[Response, int]:
        return jsonify(toy.planning.past_sprint(asked(_PAST))), 201
