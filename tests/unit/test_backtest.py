"""The walk through past sprints: what is tried, what each is forecast from, what is counted and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from classifiers.backtest import OURS, Backtest, Bars, Question, Tried, judge, main_views, walk
from classifiers.capacity import shipped
from classifiers.velocity import RULES
from sprintwarden.backtesting import backtest
from sprintwarden.reliability_plot import draw
from sprintwarden.settings import Complaint
from tests.unit.sprint_lines import Line, moment, rows, sprint, team, write

LINES = [*team(16), *team(16, seed=1, board="2", project="XYZ")]


def tried(lines: Sequence[Line], at: float = 0.0) -> dict[str, Tried]:
    return {one.row.id: one for one in walk(rows(lines), shipped(), at, Bars())}


def judged(lines: Sequence[Line]) -> Backtest:
    return judge(walk(rows(lines), shipped(), 0.0, Bars()))


def test_a_sprint_is_tried_once_as_the_board_saw_it_that_saw_most() -> None:
    lines = [
        sprint(1, 30),
        sprint(1, 13, board="2", start={"issues": 9, "points": 13}),
        sprint(1, 13, board="3", start={"issues": 9, "points": 13}),
        sprint(1, 5, project="XYZ", id="x"),
    ]
    assert [row.id for row in main_views(rows(lines))] == ["2-1", "x"]
    undelivered = [sprint(1, 8), sprint(1, 13, None, board="2"), sprint(2, 0), sprint(3, None)]
    assert [row.id for row in main_views(rows(undelivered))] == ["1-1"], "nothing is known of the others"


@pytest.mark.parametrize("at", [0.0, 0.5])
def test_nothing_later_and_no_other_view_of_it_changes_a_forecast(at: float) -> None:
    before = tried(LINES, at)["1-12"]
    changed = [dict(line) for line in LINES]
    for line in changed:
        if line["project"] == "ABC" and line["order"] >= 12:
            line["delivered_points"] = 0 if line["order"] > 12 else line["delivered_points"]
            line["moments"] = [
                one if one["t"] <= at else one | {"done_points": 99} for one in line["moments"]
            ]
    elsewhere = [sprint(12, 3, 3, board="9"), sprint(40, 30, 0)]
    after = tried([*reversed(changed), *elsewhere], at)["1-12"]
    assert (after.forecast, after.rules) == (before.forecast, before.rules)
    earlier = [line | {"delivered_points": 0} if line["order"] < 12 else line for line in LINES]
    assert tried(earlier, at)["1-12"].forecast != before.forecast


def test_other_projects_change_nothing() -> None:
    together = tried(LINES)
    for own in (LINES[:16], LINES[16:]):
        assert tried(own).items() <= together.items()


def test_what_became_of_a_sprint_does_not_change_its_own_forecast() -> None:
    changed = [line | {"delivered_points": 77} if line["id"] == "1-16" else line for line in LINES]
    before, after = tried(LINES)["1-16"], tried(changed)["1-16"]
    assert after.forecast == before.forecast and after.rules == before.rules
    assert after.truth != before.truth


def test_what_happened_is_read_from_the_delivery_and_the_last_moment() -> None:
    late, early = [moment(0), moment(0.8, added_points=4)], [moment(0.5, added_points=9)]
    found = tried(
        [
            sprint(1, 20, 15, moments=late),
            sprint(2, 20, 16, moments=[moment(0), moment(0.8, added_points=3)]),
            sprint(3, 20, 20, moments=early),
            sprint(4, 20, 20, moments=[moment(0.9, added_points=None)]),
        ]
    )
    over, done, creep = Question
    assert creep not in tried([sprint(1, 20, 15, moments=late)], at=0.8)["1-1"].truth, (
        "it is there to be read"
    )
    assert found["1-1"].truth == {over: True, done: False, creep: True}
    assert found["1-2"].truth == {over: False, done: False, creep: False}
    assert found["1-3"].truth == found["1-4"].truth == {over: False, done: True}


def test_rules_speak_from_the_boards_third_finished_sprint_on() -> None:
    idle = sprint(3, 0, 0, id="idle")
    found = tried(
        [sprint(1, 20, 10), sprint(2, 20, 20), idle, sprint(4, 20, 30), sprint(5, 15), sprint(5.5, board="2")]
    )
    assert not found["1-4"].rules, "a sprint with nothing in it does not count"
    assert not found["2-5.5"].rules, "another board's do not either"
    assert {name: said.yes for name, said in found["1-5"].rules.items()} == dict.fromkeys(RULES, False)
    assert found["1-5"].rules["mean of the last 3 (Linear)"].rank == 15 / 35


def test_a_team_without_points_is_tried_in_issues() -> None:
    lines = [
        sprint(order, None, None, delivered_issues=order, start={"issues": 8}, moments=[])
        for order in range(1, 7)
    ]
    found = tried(lines)
    assert [one.truth[Question.ALL_DONE] for one in found.values()] == [False] * 6
    assert found["1-6"].rules["the last sprint"].rank == 8 / 13
    assert judge(list(found.values())).in_issues == 6


def test_an_interval_holds_its_own_ends() -> None:
    (one,) = tried([sprint(1, 20, 15)]).values()
    within = [
        replace(one, forecast=replace(one.forecast, low=low, high=high)).covered
        for low, high in ((15, 15), (10, 14), (16, 20))
    ]
    assert within == [True, False, False]


def test_all_ways_are_scored_on_the_same_sprints() -> None:
    found = judged(LINES)
    assert found.compared is not None
    assert list(found.compared.ways) == [OURS, *RULES]
    assert found.tried == 32 and found.compared.happened.total == 26
    assert [answers.happened.total for answers in found.alone] == [32, 32, 32]
    assert sum(fifth.happened.right for fifth in found.alone[0].fifths) == found.alone[0].happened.right
    assert judged(LINES[:3]).compared is None


def test_the_table_tells_what_the_json_tells(tmp_path: Path) -> None:
    report = backtest(write(tmp_path / "s.jsonl", LINES), 0.5, Bars(), None)
    text, told = report.text(), json.loads(json.dumps(report.to_json()))
    assert (
        "32 sprints with a commitment and a known delivery, each forecast at 50 % of the planned time" in text
    )
    assert f"overcommitted: {told['compared']['happened']} of 26 sprints with 3 or more" in text
    for name, figures in told["compared"]["ways"].items():
        (line,) = (line for line in text.splitlines() if line.startswith(name + "  "))
        assert f"{figures['roc_auc']['value']:.3f} (" in line and f"{figures['brier']['value']:.3f} (" in line
    assert [one["question"] for one in told["ours"]] == [str(question) for question in Question]
    for one in told["ours"]:
        assert sum(fifth["of"] for fifth in one["reliability"]) == one["sprints"] == 32


def test_the_curves_are_drawn_as_xml_with_their_points(tmp_path: Path) -> None:
    found = judged(LINES)
    svg = ElementTree.fromstring(draw(found.alone, "R&D <said>"))
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert svg.findtext("svg:title", namespaces=space) == "R&D <said>"
    panels = svg.findall("svg:g", space)
    assert [panel.findtext("svg:text", namespaces=space) for panel in panels] == [
        str(one) for one in Question
    ]
    for panel, answers in zip(panels, found.alone, strict=True):
        points = panel.findall("svg:circle", space)
        said = [240 * one.said for one in answers.fifths]
        happened = [240 * (1 - (one.happened.value or 0)) for one in answers.fifths]
        assert [float(point.attrib["cx"]) for point in points] == pytest.approx(said, abs=0.06)
        assert [float(point.attrib["cy"]) for point in points] == pytest.approx(happened, abs=0.06)
    backtest(write(tmp_path / "s.jsonl", LINES), 0.0, Bars(), tmp_path / "out.svg")
    assert ElementTree.parse(tmp_path / "out.svg").getroot().tag.endswith("svg")


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    file = write(tmp_path / "s.jsonl", [sprint(1, 20, None)])
    with pytest.raises(Complaint, match="holds no sprint to judge by"):
        backtest(file, 0.0, Bars(), None)
    with pytest.raises(Complaint, match="cannot be written: No such file or directory"):
        backtest(write(file, LINES), 0.0, Bars(), tmp_path / "none" / "out.svg")
