"""Boards' settings and issues' changelogs as Cloud and Data Center write them, and odd ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.jira.boards import BoardSettings, board_settings
from trackers.jira.changes import Reader
from trackers.jira.setup import Fields
from trackers.jira.sprints import sprint_from_json, sprint_issue
from trackers.sprints import IssuePast, Sprint, SprintState, Stage, Unit

Json = dict[str, Any]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIELDS = Fields("customfield_1", ("customfield_5", "customfield_6"), "Sprint")
POINTS = {"type": "field", "field": {"fieldId": "customfield_7", "displayName": "Effort"}}
SPRINT = Sprint("7", "Week", "1", SprintState.ACTIVE)


def settings(about: Json | None = None, **configuration: Any) -> BoardSettings:
    return board_settings({"id": 1, "name": "A"} | (about or {}), configuration, FIELDS)


def columns(*statuses: list[str]) -> Json:
    return {"columns": [{"name": "c", "statuses": [{"id": id_} for id_ in column]} for column in statuses]}


def reader(**configuration: Any) -> Reader:
    told = {"estimation": POINTS, "columnConfig": columns(["1"], ["2"], ["3"])} | configuration
    found = settings(**told)
    return Reader(FIELDS, found, lambda status: found.stage(status, "done"))


def item(field: str, field_id: str | None = None, custom: bool = False, **sides: Any) -> Json:
    named = {"fieldId": field_id} if field_id else {}
    return {"field": field, "fieldtype": "custom" if custom else "jira"} | named | sides


def past(*items: Json, by: Reader | None = None, whole: bool = True) -> IssuePast:
    author = {"accountId": "a", "accountType": "atlassian"}
    entry = {"id": "1", "created": "2026-03-02T09:00:00.000+0000", "author": author, "items": list(items)}
    return (by or reader()).past([entry], whole)


def test_boards_own_estimation_goes_first() -> None:
    found = settings(estimation=POINTS)
    assert (found.board.unit, found.estimate, found.estimate_name) == (Unit.POINTS, "customfield_7", "Effort")


@pytest.mark.parametrize("estimation", [{"type": "none"}, {"type": "issueCount"}, {"type": "field"}])
def test_board_that_estimates_nothing_counts_issues(estimation: Json) -> None:
    found = settings(estimation=estimation)
    assert (found.board.unit, found.estimate) == (Unit.ISSUES, None)


def test_board_that_tells_no_estimation_takes_the_best_field_of_the_site() -> None:
    assert settings().estimate == "customfield_5"
    without = board_settings({"id": 1}, {}, Fields("customfield_1", ()))
    assert (without.board.unit, without.estimate) == (Unit.ISSUES, None)


@pytest.mark.parametrize("odd", [{}, {"columnConfig": []}, {"columnConfig": {"columns": [None, {}]}}])
def test_without_columns_the_category_tells(odd: Json) -> None:
    found = settings(**odd)
    stages = [found.stage("1", category) for category in ("new", "indeterminate", "done", None)]
    assert stages == [Stage.TODO, Stage.DOING, Stage.DONE, Stage.DOING]


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (5, 5.0),
        ("5", 5.0),
        ("5.0", 5.0),
        ("", None),
        (None, None),
        ("many", None),
        ("nan", None),
        (True, None),
    ],
)
def test_amounts_are_read_from_fields_and_changelogs(value: object, amount: float | None) -> None:
    assert settings(estimation=POINTS).amount(value) == amount


def test_field_is_known_by_its_id_or_else_by_its_name() -> None:
    sides: Json = {"fromString": "1", "toString": "2"}
    for told in (
        item("Aufwand", "customfield_7", custom=True, **sides),
        item("effort", custom=True, **sides),
    ):
        (change,) = past(told).estimates
        assert (change.before, change.after) == (1, 2)
    for other in (
        item("Effort", "customfield_8", custom=True, **sides),
        item("Effort", **sides),
        item("Story Points", custom=True, **sides),
    ):
        assert past(other).estimates == ()


def test_custom_field_of_the_name_status_is_none() -> None:
    sides: Json = {"from": "1", "to": "2"}
    half: Json = {"from": None, "to": "2"}
    assert past(item("Status", custom=True, **sides)).shifts == ()
    (shift,) = past(item("Status", **sides)).shifts
    assert (shift.before, shift.after) == (Stage.TODO, Stage.DOING)
    assert past(item("status", "status", **half)).shifts == ()


def test_moves_are_the_difference_of_both_sides() -> None:
    found = past(item("Sprint", custom=True, **{"from": "5, 6", "to": "5, 7"}))
    assert [(move.sprint, move.joined) for move in found.moves] == [("6", False), ("7", True)]
    assert found.whole


def test_move_without_ids_leaves_the_past_in_doubt() -> None:
    found = past(item("Sprint", "customfield_1", custom=True, toString="Week 2"))
    assert found.moves == () and not found.whole


@pytest.mark.parametrize(
    ("author", "automated"),
    [({"accountId": "a", "accountType": "app"}, True), ({"name": "robin"}, False), (None, True)],
)
def test_an_apps_move_is_known_as_such(author: Json | None, automated: bool) -> None:
    change = item("Sprint", "customfield_1", custom=True, to="7")
    entry = {"created": "2026-03-02T09:00:00.000+0000", "author": author, "items": [change]}
    assert [move.automated for move in reader().past([entry], whole=True).moves] == [automated]


def test_issue_whose_past_was_cut_does_not_guess_when_it_joined() -> None:
    raw = {"id": "9", "key": "ABC-9", "fields": {"created": "2026-03-02T09:00:00.000+0000"}}
    cut = sprint_issue(raw, 0, SPRINT, settings(), IssuePast(whole=False))
    whole = sprint_issue(raw, 0, SPRINT, settings(), IssuePast())
    assert (cut.joined, cut.since, whole.joined, whole.since) == (None, None, whole.created, whole.created)


@pytest.mark.parametrize(
    "raw", [{}, {"id": 7, "originBoardId": 1, "state": "odd"}, {"originBoardId": 1, "state": "active"}]
)
def test_what_is_no_sprint_is_read_as_none(raw: Json) -> None:
    assert sprint_from_json(raw, "https://jira.example", NOW) is None


def test_sprint_that_lost_its_board_is_nobodys() -> None:
    found = sprint_from_json({"id": 7, "state": "active"}, "https://jira.example", NOW)
    assert found is not None and (found.board, found.url) == ("", None)


def test_end_that_was_mistyped_is_none() -> None:
    raw = {"id": 7, "originBoardId": 1, "state": "active", "startDate": "2026-03-02T09:00:00.000Z"}
    ends = ("2028-03-02T09:00:00.000Z", "2062-03-02T09:00:00.000Z", "9999-12-31T23:59:59.000Z")
    found = [sprint_from_json({**raw, "endDate": end}, "https://jira.example", NOW) for end in ends]
    assert [sprint and sprint.end and sprint.end.year for sprint in found] == [2028, None, None]
    assert all(sprint and sprint.start == NOW for sprint in found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("fields", "status", "issuetype", "parent", "issuelinks", "closedSprints", "created", "customfield_7")


@given(
    st.dictionaries(st.sampled_from(NAMES), json_values),
    st.lists(st.fixed_dictionaries({"created": json_values, "items": json_values}), max_size=3),
)
def test_odd_answers_do_no_harm(fields: Json, log: list[Json]) -> None:
    found = reader()
    told = found.past(log, whole=True)
    sprint_issue({"id": "1", "fields": fields}, 0, SPRINT, found.settings, told)
    board_settings(fields, fields, FIELDS)
    sprint_from_json(fields, "https://jira.example", NOW)
