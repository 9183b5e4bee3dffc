"""``forecast`` and ``backtest`` as typed: the lines on stdout, and what is said of bad files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sprintwarden import cli_sprints
from sprintwarden.settings import Complaint
from tests.unit.sprint_lines import Line, moment, sprint, team, write

PAST = team(24)
KEYS = ["id", "t", "p_all_done", "p_overcommitted", "p_scope_creep", "expected_delivered", "interval80"]


def run(*arguments: object) -> Result:
    app = typer.Typer()
    for command in (cli_sprints.forecast, cli_sprints.backtest):
        app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def forecast(
    tmp_path: Path, open_: Sequence[Line], past: Sequence[Line] | None = PAST, *more: str
) -> list[Any]:
    history = [] if past is None else ["--history", write(tmp_path / "past.jsonl", past)]
    result = run("forecast", *history, "--sprints", write(tmp_path / "open.jsonl", open_), *more)
    assert result.exit_code == 0 and result.stderr == "", result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_for_each_moment_of_each_sprint_in_order(tmp_path: Path) -> None:
    found = forecast(tmp_path, [sprint(30, board="1"), sprint(25, id="other", moments=[moment(0.3)])])
    assert [(one["id"], one["t"]) for one in found] == [
        ("1-30", 0),
        ("1-30", 0.5),
        ("1-30", 0.8),
        ("other", 0.3),
    ]
    for one in found:
        assert list(one) == KEYS
        assert all(0 <= one[key] <= 1 for key in KEYS[2:5])
        low, high = one["interval80"]
        assert 0 <= low <= high and one["expected_delivered"] >= 0
        assert one["p_all_done"] + one["p_overcommitted"] <= 1 + 1e-6


def test_a_sprint_without_moments_is_told_from_its_start(tmp_path: Path) -> None:
    empty, missing = forecast(tmp_path, [sprint(30, moments=[]), sprint(30, id="b", moments=None)])
    assert empty["t"] == 0 and missing == empty | {"id": "b"}


def test_the_first_day_needs_no_history(tmp_path: Path) -> None:
    open_ = [sprint(30)]
    assert forecast(tmp_path, open_, None) == forecast(tmp_path, open_, []) != forecast(tmp_path, open_)


def test_neither_the_order_of_lines_nor_the_company_matters(tmp_path: Path) -> None:
    open_ = [sprint(order, 20, None, moments=[moment(0)], id=f"o{order}") for order in (5, 12, 18, 30)]
    alone = [one for line in open_ for one in forecast(tmp_path, [line])]
    assert forecast(tmp_path, open_, [*reversed(PAST)]) == alone
    assert forecast(tmp_path, open_[::-1]) == alone[::-1]


def test_nothing_later_and_no_other_view_of_it_changes_a_line(tmp_path: Path) -> None:
    now = sprint(20, 20, None, id="now")
    before = forecast(tmp_path, [now], [line for line in PAST if line["order"] < 20])
    later = now | {"delivered_points": 1, "moments": [*now["moments"][:2], moment(0.8, done_points=99)]}
    elsewhere = sprint(20, 10, 0, board="2")
    assert forecast(tmp_path, [later], [*PAST, elsewhere])[:2] == before[:2]
    assert forecast(tmp_path, [now, sprint(10, 50, 0, id="open")], PAST)[:3] == before, (
        "an open one is no past"
    )
    assert forecast(tmp_path, [now], [*PAST, sprint(19.5, 20, 0)])[0] != before[0]


def test_nulls_everywhere_are_answered(tmp_path: Path) -> None:
    bare = {"id": 1, "project": "ABC", "board": 1, "order": 30, "planned_days": None}
    nothing = bare | {
        "id": 2,
        "start": {"issues": None, "points": None},
        "moments": [dict.fromkeys(moment(0)) | {"t": 0.4}],
    }
    empty = bare | {"id": 3, "start": {"issues": 0, "points": 0}, "moments": [moment(0.9)]}
    past = [*PAST, bare | {"id": 4, "order": 3}, nothing | {"id": 5, "order": 4, "delivered_points": 3}]
    found = forecast(tmp_path, [bare, nothing, empty], past)
    assert [(one["id"], one["t"]) for one in found] == [("1", 0), ("2", 0.4), ("3", 0.9)]
    for one in found:
        assert all(isinstance(one[key], float | int) for key in KEYS[2:6])


def test_without_points_it_is_told_in_issues(tmp_path: Path) -> None:
    def a_point_each(line: Line) -> Line:
        return line | {
            "start": {"issues": line["start"]["points"], "points": line["start"]["points"]},
            "moments": [
                one | {key.replace("points", "issues"): one[key] for key in one if key.endswith("points")}
                for one in line["moments"]
            ],
            "delivered_issues": line["delivered_points"],
        }

    def without_points(line: Line) -> Line:
        moments = [{key: one[key] for key in one if not key.endswith("points")} for one in line["moments"]]
        start = {"issues": line["start"]["issues"], "points": 0}
        return line | {"start": start, "moments": moments, "delivered_points": None}

    pointed = [a_point_each(line) for line in (*PAST, sprint(30, 20, None))]
    *past, now = [without_points(line) for line in pointed]
    assert forecast(tmp_path, [now], past) == forecast(tmp_path, pointed[-1:], pointed[:-1])


def test_the_shares_may_be_set(tmp_path: Path) -> None:
    (usual, lower) = (
        forecast(tmp_path, [sprint(30, moments=[])], PAST, "--done-share", share)[0]
        for share in ("0.8", "0.5")
    )
    assert lower["p_overcommitted"] < usual["p_overcommitted"] and lower["p_all_done"] == usual["p_all_done"]
    (higher,) = forecast(tmp_path, [sprint(30, moments=[])], PAST, "--creep-share", "0.5")
    assert higher["p_scope_creep"] < usual["p_scope_creep"]


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_a_bad_line_is_named_and_nothing_is_printed(tmp_path: Path, command: str) -> None:
    bad = [sprint(1), sprint(2, planned_days=-1), sprint(1), *(sprint(f"soon {at}") for at in range(30))]
    result = run(command, "--sprints", write(tmp_path / "open.jsonl", bad))
    assert result.exit_code == 1 and result.stdout == ""
    assert isinstance(result.exception, Complaint)
    lines = str(result.exception).splitlines()
    assert lines[0] == f"{tmp_path}/open.jsonl:2: planned_days is -1; it cannot be negative."
    assert "3: the id '1-1' stands in an earlier line already." in lines[1]
    assert len(lines) == 22 and lines[-2] == "... and 12 more bad lines."


def test_both_files_are_read_before_any_is_complained_of(tmp_path: Path) -> None:
    past = write(tmp_path / "past.jsonl", [sprint(1), sprint("soon", id="a")])
    open_ = write(tmp_path / "open.jsonl", [sprint("2026-03-01T09:00:00Z", id="b")])
    result = run("forecast", "--history", past, "--sprints", open_)
    said = str(result.exception)
    assert "past.jsonl:2: order is neither" in said
    assert "open.jsonl:1: order is a time, but other sprints of project 'ABC' have numbers" in said
    assert result.stdout == ""


def test_backtest_prints_a_table_or_json_and_draws(tmp_path: Path) -> None:
    file = write(tmp_path / "s.jsonl", PAST)
    table = run("backtest", "--sprints", file, "--plot", tmp_path / "out.svg")
    assert table.exit_code == 0 and table.stdout.startswith("24 sprints") and "Monte Carlo" in table.stdout
    assert (tmp_path / "out.svg").read_text().startswith("<svg")
    told = json.loads(run("backtest", "--sprints", file, "--json", "--at", "0.5").stdout)
    assert told["at"] == 0.5 and told["sprints"] == 24 and told["compared"]["sprints"] == 21
