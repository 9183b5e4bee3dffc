"""What is taken for scope creep and what is not, labels for it, and sprints beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.iterations import JiraSprint, LinearCycle
from sandbox.jira import people
from sandbox.linear.tracker import AUTOMATION
from store.decisions import Decisions
from tests.integration import sprint_stage
from tests.integration.scene import TRACKERS, until
from tests.integration.sprint_stage import FITTING, FULL, SOON_S, Of, Team, Teams
from trackers.model import Subject, SubjectKind

pytestmark = pytest.mark.process

LABEL = "scope-added"
CALM: dict[str, Any] = {"overcommit": {"enabled": False}}
"""Nothing is said but of what was added."""
SETTINGS: dict[str, dict[str, Any]] = {
    "labels": CALM | {"scope_creep": {"label": True}},
    "again": CALM | {"scope_creep": {"label": True}},
    "parallel": {},
    "shown": {"wording": {"head_overcommitted": "{sprint} is too much for its own board."}},
    "showing": {"wording": {"head_overcommitted": "{sprint} is too much for another board."}},
    "flow": {},
    "from": CALM,
    "to": CALM,
    "pause": {},
    "children": CALM,
    "issues": {},
    "carried": CALM,
    "automation": CALM,
    "at once": CALM,
}


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    with sprint_stage.teams(tmp_path_factory.mktemp("stage"), SETTINGS) as made:
        yield made


@pytest.fixture
def linear(teams: Teams) -> Of:
    return lambda name: teams.team("linear", name).with_past()


def test_added_issues_bear_a_label_that_restarts_no_run_and_that_a_person_may_take_off(team: Of) -> None:
    at = labelling(team("labels"))
    first, second, third = (at.work.add(f"Came later {number}", 1.0) for number in range(3))
    until(at.stage, lambda: all(at.side.labels(key) == {LABEL} for key in (first, second, third)), SOON_S)
    at.settle()
    runs = len(at.events())
    assert not any(at.side.labels(key) for key in at.keys)
    at.work.take_out(first)
    until(at.stage, lambda: at.side.labels(first) == set(), SOON_S)
    at.side.toy.edit(second, remove_labels=[LABEL])
    at.settle()
    assert len(at.events()) == runs + 1
    at.side.toy.edit(third, points=2)
    until(at.stage, lambda: at.figures()["now"] == 11, SOON_S)
    at.settle()
    assert (at.side.labels(second), at.side.labels(third)) == (set(), {LABEL})
    assert [at.side.writes(key)["labels"] for key in (second, third)] == [1, 1]


def test_an_issue_that_comes_back_bears_the_label_again(team: Of) -> None:
    at = labelling(team("again"))
    key = at.work.add("Came later", 5.0)
    until(at.stage, lambda: at.side.labels(key) == {LABEL}, SOON_S)
    at.work.take_out(key)
    until(at.stage, lambda: at.side.labels(key) == set(), SOON_S)
    at.settle()
    at.work.put_in(key)
    until(at.stage, lambda: at.side.labels(key) == {LABEL}, SOON_S)
    at.settle()
    assert at.side.writes(key)["labels"] == 3


def labelling(at: Team) -> Team:
    """The same with the label known to its tracker, and a sprint begun."""
    if not at.is_jira and LABEL not in {one["name"] for one in at.side.toy.control("GET", "/linear/labels")}:
        at.side.toy.control("POST", "/linear/labels", {"name": LABEL})
    return at.begun()


def test_parallel_sprints_of_one_board_have_one_comment_each(jira: Of) -> None:
    at = jira("parallel").warned()
    beside = at.another("Sprint beside it")
    keys = [beside.plan(f"Planned beside {number}", 8.0) for number in range(7)]
    beside.start()
    until(at.stage, lambda: bool(at.comments("Sprint beside it")), SOON_S)
    at.work.take_out(at.keys[1])
    at.says("stands at 48 points")
    at.settle()
    ((home, body),) = at.placed_comments("Sprint beside it")
    assert home in keys
    assert "48 points" not in body
    assert len(at.comments()) == 1


def test_a_sprint_that_two_boards_show_has_one_comment_by_the_board_it_was_made_on(jira: Of) -> None:
    other, at = jira("showing"), jira("shown")
    at.warned()
    listed = at.side.toy.control("GET", "/sprints")
    assert at.work.subject in {str(one["id"]) for one in listed}
    for board in (other, at):
        board.look()
    at.settle()
    other.look()
    at.settle()
    (body,) = at.comments()
    assert "is too much for its own board." in body
    kept = at.book()
    assert kept is not None
    assert kept.board == at.board


def test_a_kanban_board_is_passed_over_for_that_reason(teams: Teams) -> None:
    at = teams.team("jira", "flow")
    at.side.toy.send_nowhere()
    at.plan(FULL)
    people.edit_board(at.side.toy, int(at.board), type="kanban")
    at.an_hour_passes()
    at.stage.connect_webhooks()
    at.look()
    board = Subject(at.side.name, SubjectKind.BOARD, at.board)
    until(at.stage, lambda: bool(Decisions(at.stage.redis).of(board)), SOON_S)
    (newest, *_) = Decisions(at.stage.redis).of(board)
    assert (newest["outcome"], newest["because"]) == ("ignored", "board_without_sprints")
    at.work.start()
    until(at.stage, lambda: bool(at.records()), SOON_S)
    at.settle()
    assert {record["because"] for record in at.records()} == {"board_without_sprints"}
    assert (at.book(), at.comments()) == (None, [])


def test_an_issue_moved_to_a_sprint_of_another_board_leaves_the_one_and_is_added_to_the_other(
    jira: Of,
) -> None:
    before, after = jira("from").begun(), jira("to").begun()
    key = before.keys[0]
    after.work.put_in(key)
    after.says("has grown past its limit", key)
    until(before.stage, lambda: before.figures()["removed"] == [key], SOON_S)
    before.settle()
    assert before.comments() == []
    assert before.figures()["added"] == []
    assert after.figures()["added"] == [key]
    before.work.put_in(key)
    until(before.stage, lambda: before.figures()["removed"] == [], SOON_S)
    after.says("no longer holds")
    before.settle()
    assert before.figures()["added"] == []


def test_between_two_cycles_nothing_is_said(linear: Of) -> None:
    at = linear("pause").begun()
    address = f"/linear/cycles/{at.project}"
    at.side.toy.control("PATCH", f"{address}/active", {"starts_in": -90_000, "ends_in": -1, "quiet": True})
    ended = at.sprint
    at.look()
    until(at.stage, lambda: ended.id not in at.sprints.running(at.side.name), SOON_S)
    coming = at.another("Cycle to come")
    for number in range(7):
        coming.plan(f"Planned next {number}", 8.0)
    at.look()
    at.settle()
    assert at.sprints.running(at.side.name).get(coming.subject) is None
    assert at.book(at.subject(coming)) is None
    assert at.comments("Cycle to come") == at.comments() == []


def test_the_parts_of_planned_work_are_no_scope_creep(team: Of) -> None:
    at = team("children").begun()
    for number in range(3):
        if at.is_jira:
            at.side.toy.create(at.project, f"Part {number}", parent=at.keys[0], points=5.0)
        else:
            part = at.work.add(f"Part {number}", 5.0, quiet=True)
            at.side.toy.edit(part, parent=at.keys[0])
    at.side.toy.edit(at.keys[1], points=2.5)
    until(at.stage, lambda: at.figures()["not_counted"] == {"subtask": 3}, SOON_S)
    at.settle()
    figures = at.figures()
    assert (figures["added"], figures["concerns"]) == ([], [])
    assert figures["now"] == (8.5 if at.is_jira else 23.5)
    assert at.comments() == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_team_without_estimates_is_counted_in_issues(teams: Teams, tracker: str) -> None:
    at = teams.team(tracker, "issues")
    if at.is_jira:
        people.edit_board(at.side.toy, int(at.board), estimation="none")
    else:
        at.side.toy.control("PATCH", f"/linear/teams/{at.project}", {"issue_estimation_type": "notUsed"})
    at.an_hour_passes()
    at.with_past()
    at.plan([None] * 40)
    at.work.start()
    at.says("holds more than this team usually finishes", "planned at 40 issues")
    assert at.figures()["unit"] == "issues"
    assert "points" not in at.comments()[0]


def two_begun(at: Team) -> tuple[list[str], JiraSprint | LinearCycle]:
    """Begin the team's sprint and another beside it; the keys in the first, and the other."""
    left = [at.work.plan(f"Left over {number}", 5.0) for number in range(3)]
    at.work.start()
    following = at.another("Sprint that follows")
    for points in FITTING:
        following.plan("Planned next", points)
    following.start()
    until(at.stage, lambda: at.book(at.subject(following)) is not None, SOON_S)
    at.settle()
    return left, following


def what_is_left_counts_as_carried_over(
    at: Team, left: list[str], following: JiraSprint | LinearCycle
) -> None:
    """Put it into the other sprint, and wait until it is there and counts as no addition."""
    for key in left:
        following.put_in(key)
    until(at.stage, lambda: at.figures(at.subject(following))["now"] == 23, SOON_S)
    # The sprint that ended is learnt by the look that follows.
    carried = {"carried_over": 3}
    until(at.stage, lambda: at.figures(at.subject(following))["not_counted"] == carried, SOON_S)
    assert at.figures(at.subject(following))["added"] == []


def test_what_the_sprint_before_left_over_is_no_scope_creep(jira: Of) -> None:
    at = jira("carried")
    left, following = two_begun(at)
    at.work.close()
    known = at.sprints.finished
    until(at.stage, lambda: at.work.subject in known(at.side.name, at.board), SOON_S)
    what_is_left_counts_as_carried_over(at, left, following)
    assert at.comments("Sprint that follows") == []


def test_what_a_cycle_leaves_over_is_planned_work_of_the_next(linear: Of) -> None:
    at = linear("carried").begun()
    left = at.keys
    at.work.close()
    at.settle()
    following = at.another("Cycle that follows")
    following.plan("Planned next", 5.0)
    at.settle()
    following.start()
    until(at.stage, lambda: bool(at.records(at.subject(following))), SOON_S)
    at.settle()
    figures = at.figures(at.subject(following))
    assert isinstance(following, LinearCycle)
    assert {at.side.toy.issue(key)["sprint"] for key in left} == {following.number}
    assert (figures["committed"], figures["now"], figures["added"]) == (13.0, 13.0, [])
    assert at.comments("Cycle that follows") == []


def test_what_linear_itself_puts_into_the_cycle_is_no_scope_creep(linear: Of) -> None:
    at = linear("automation")
    setting = {"cycle_issue_auto_assign_started": True}
    at.side.toy.control("PATCH", f"/linear/teams/{at.project}", setting)
    at.begun()
    assert isinstance(at.work, LinearCycle)
    drawn, moved = at.backlog([5.0, 5.0])
    at.side.toy.edit(drawn, status="In Progress")
    at.side.toy.edit(moved, sprint=at.work.number, actor=AUTOMATION)
    until(at.stage, lambda: at.figures()["now"] == 18, SOON_S)
    at.settle()
    assert (at.figures()["not_counted"], at.figures()["added"]) == ({"automated": 2}, [])
    assert at.comments() == []
    by_hand = at.work.add("Added by hand", 5.0)
    at.says("has grown past its limit", f"crossed with {by_hand}")


def test_what_closing_a_sprint_moves_into_a_running_one_is_no_scope_creep(jira: Of) -> None:
    at = jira("at once")
    left, following = two_begun(at)
    at.work.close()
    what_is_left_counts_as_carried_over(at, left, following)
