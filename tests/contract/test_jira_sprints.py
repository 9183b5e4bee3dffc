"""Boards and sprints of Jira through the service, over real HTTP: what is read, and for how many requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.jira import people
from sandbox.remote import Remote
from tests.contract.conftest import JiraRig, MakeJira, operations
from trackers.errors import Forbidden, Gone, Rejected, ServerFault, Stale
from trackers.model import Label
from trackers.protocol import PutComment, Recall
from trackers.sprints import (
    Board,
    IssuePast,
    SprintIssue,
    SprintReading,
    SprintState,
    Stage,
    Unit,
    sprint_topic,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = START + timedelta(days=10)
SPRINT_READ = ["GET sprint", "GET sprint issues"]


class Team:
    """People at work on a toy Jira whose clock they set."""

    def __init__(self, jira: JiraRig) -> None:
        self.jira = jira
        self.remote = Remote(jira.site.url)

    def at(self, moment: datetime | None) -> None:
        self.remote.control("POST", "/clock", {"at": moment.isoformat() if moment else None})

    def sprint(self, *points: float | None, board: int = 1, started: bool = True, **wish: Any) -> int:
        """A sprint planned the day before its start, with an issue for each of ``points``."""
        self.at(START - timedelta(days=1))
        sprint = people.create_sprint(self.remote, board, "Week 1", START, END)
        for amount in points:
            self.issue(points=amount, sprint=sprint, **wish)
        self.at(START)
        if started:
            people.start_sprint(self.remote, sprint)
        return sprint

    def issue(self, **wish: Any) -> str:
        return str(self.remote.create("ABC", "Some work", **wish)["key"])

    def read(self, sprint: int, past: bool = False) -> SprintReading:
        return self.jira.service.sprint(str(sprint), past)


@pytest.fixture
def team(jira: JiraRig) -> Team:
    return Team(jira)


def the(issues: Sequence[SprintIssue], key: str = "ABC-1") -> SprintIssue:
    return next(issue for issue in issues if issue.key == key)


def past_of(issue: SprintIssue) -> IssuePast:
    assert issue.past is not None
    return issue.past


def test_board_tells_its_unit_and_its_project(jira: JiraRig) -> None:
    assert jira.service.board("2") == Board("2", "OPS board", "OPS", has_sprints=True, unit=Unit.POINTS)


@pytest.mark.parametrize(
    ("wish", "unit", "has_sprints"),
    [
        ({"estimation": "points"}, Unit.POINTS, True),
        ({"estimation": "time"}, Unit.HOURS, True),
        ({"estimation": "issues"}, Unit.ISSUES, True),
        ({"estimation": "none"}, Unit.ISSUES, True),
        ({"type": "simple"}, Unit.POINTS, True),
        ({"type": "kanban"}, Unit.POINTS, False),
    ],
)
def test_unit_is_that_of_the_boards_own_estimation(
    team: Team, wish: dict[str, str], unit: Unit, has_sprints: bool
) -> None:
    board = team.jira.service.board(str(people.add_board(team.remote, "ABC", **wish)))
    assert (board.unit, board.has_sprints) == (unit, has_sprints)


def test_board_without_an_estimation_on_a_site_without_points_counts_issues(team: Team) -> None:
    team.jira.fault("GET field", "status", status=200, body="[]")
    board = people.add_board(team.remote, "ABC", type="simple")
    assert team.jira.service.board(str(board)).unit is Unit.ISSUES


def test_board_is_asked_for_once_and_remembered_for_all(jira: JiraRig) -> None:
    jira.service.board("1")
    jira.another().board("1")
    assert operations(jira.calls) == ["GET board", "GET board configuration", "GET field"]
    assert jira.cache.lives["board:1"] == timedelta(hours=1)


def test_unknown_board_is_gone(jira: JiraRig) -> None:
    with pytest.raises(Gone):
        jira.service.board("99")


def test_open_sprints_are_those_made_on_the_board(team: Team) -> None:
    running = team.sprint(3)
    planned = team.sprint(started=False)
    other = people.add_board(team.remote, "ABC", name="The same issues")
    people.past_sprint(team.remote, 1, [1], [True])
    team.jira.forget_calls()
    found = team.jira.service.open_sprints("1")
    assert [(sprint.id, sprint.state) for sprint in found] == [
        (str(running), SprintState.ACTIVE),
        (str(planned), SprintState.FUTURE),
    ]
    assert (found[0].start, found[0].end, found[0].completed) == (START, END, None)
    assert operations(team.jira.calls) == ["GET sprints"]
    shown = team.jira.site.api.get(f"/rest/agile/1.0/board/{other}/sprint").json()["values"]
    assert str(running) in [str(sprint["id"]) for sprint in shown]
    assert team.jira.service.open_sprints(str(other)) == ()


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_sprints_are_listed_beyond_the_first_page(make_jira: MakeJira, deployment: str) -> None:
    team = Team(make_jira(deployment=deployment, page_size=2))
    made = [str(team.sprint(started=False)) for _ in range(5)]
    assert [sprint.id for sprint in team.jira.service.open_sprints("1")] == made


def test_kanban_board_has_no_sprints_to_list(team: Team) -> None:
    board = people.add_board(team.remote, "ABC", type="kanban")
    assert team.jira.service.open_sprints(str(board)) == ()


def test_sprint_is_read_with_all_its_issues_in_order(team: Team) -> None:
    sprint = team.sprint(3, None)
    team.remote.edit("ABC-1", status="In Progress", assignee="Sam Writer", add_labels=["api"], body="Do it")
    team.issue(points=8)
    reading = team.read(sprint)
    assert (reading.sprint.id, reading.sprint.name, reading.sprint.board) == (str(sprint), "Week 1", "1")
    assert reading.sprint.state is SprintState.ACTIVE and reading.sprint.url is not None
    first, second = reading.issues
    assert (first.key, first.points, first.stage, first.state) == ("ABC-1", 3, Stage.DOING, "10001")
    assert (first.body, first.labels, first.project) == ("Do it", (Label("api", "api"),), "ABC")
    assert first.assignee is not None and first.created == START - timedelta(days=1)
    assert (second.key, second.points, second.stage, second.rank) == ("ABC-2", None, Stage.TODO, 1)
    assert reading.ours == () and first.past is None and first.joined is None


def test_only_cloud_tells_since_when_without_the_past(team: Team) -> None:
    sprint = team.sprint(3)
    team.at(START + timedelta(hours=3))
    team.remote.edit("ABC-1", status="In Progress")
    since = START + timedelta(hours=3)
    assert the(team.read(sprint).issues).since == (since if team.jira.cloud else None)
    assert the(team.read(sprint, past=True).issues).since == since


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_sixty_issues_are_read_in_two_requests(make_jira: MakeJira, deployment: str) -> None:
    team = Team(make_jira(deployment=deployment, page_size=100))
    sprint = team.sprint(*range(60), quiet=True)
    team.read(sprint)
    team.jira.forget_calls()
    assert len(team.read(sprint).issues) == 60
    assert operations(team.jira.calls) == SPRINT_READ
    team.jira.forget_calls()
    assert len(team.read(sprint, past=True).issues) == 60
    assert operations(team.jira.calls) == [*SPRINT_READ, "GET myself"]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_issues_beyond_the_first_page_are_read(make_jira: MakeJira, deployment: str) -> None:
    team = Team(make_jira(deployment=deployment, page_size=2))
    sprint = team.sprint(*range(5))
    reading = team.read(sprint)
    assert [issue.points for issue in reading.issues] == [0, 1, 2, 3, 4]
    assert [issue.rank for issue in reading.issues] == [0, 1, 2, 3, 4]


def test_estimates_are_those_of_the_board_the_sprint_was_made_on(team: Team) -> None:
    by_time = people.add_board(team.remote, "ABC", estimation="time")
    uncounted = people.add_board(team.remote, "ABC", estimation="none")
    people.edit_board(team.remote, 1, estimation="time")
    key = team.issue(points=6)
    people.edit_board(team.remote, 1, estimation="points")
    team.remote.edit(key, points=3)
    found = []
    for board in (1, by_time, uncounted):
        sprint = team.sprint(board=board, started=False)
        team.remote.edit(key, sprint=sprint)
        found.append(the(team.read(sprint).issues).points)
    assert found == [3, 6, None]


def test_issue_of_a_project_the_connection_does_not_name_counts(team: Team) -> None:
    sprint = team.sprint(3)
    team.remote.create("OPS", "Some help", sprint=sprint, points=2)
    assert [(issue.project, issue.points) for issue in team.read(sprint).issues] == [("ABC", 3), ("OPS", 2)]


def test_done_is_what_stands_in_the_last_column(team: Team) -> None:
    sprint = team.sprint(1, 1, 1)
    team.remote.edit("ABC-2", status="In Progress")
    team.remote.edit("ABC-3", status="Done")

    def stages(columns: list[list[str]]) -> list[Stage]:
        people.edit_board(team.remote, 1, columns=columns)
        team.jira.cache.drop("board:1")
        return [issue.stage for issue in team.read(sprint).issues]

    todo, doing, done = Stage.TODO, Stage.DOING, Stage.DONE
    assert stages([["To Do"], ["In Progress"], ["Done"]]) == [todo, doing, done]
    assert stages([["To Do"], ["In Progress", "Done"], []]) == [todo, done, done]
    assert stages([["To Do"], ["Done"], ["In Progress"]]) == [todo, done, doing]
    assert stages([["In Progress"]]) == [todo, done, done]
    assert stages([]) == [todo, doing, done]


def test_sub_tasks_follow_their_parents(team: Team) -> None:
    sprint = team.sprint(5)
    team.at(START + timedelta(days=2))
    team.issue(parent="ABC-1", points=2)
    parent, child = team.read(sprint, past=True).issues
    assert child.subtask and child.parent == parent.id and not parent.subtask
    assert (parent.joined, child.joined) == (START - timedelta(days=1), START + timedelta(days=2))


def test_open_blockers_are_named_and_done_ones_are_not(team: Team) -> None:
    sprint = team.sprint(1)
    blocking, settled = team.issue(), team.issue()
    team.remote.edit("ABC-1", blocked_by=[blocking, settled])
    team.remote.edit(settled, status="Done")
    assert the(team.read(sprint).issues).blockers == (blocking,)
    team.remote.edit(blocking, sprint=sprint)
    assert the(team.read(sprint).issues, blocking).blockers == ()


def test_what_an_earlier_sprint_left_unfinished_is_carried_over(team: Team) -> None:
    first = team.sprint(3)
    second = team.sprint(2, started=False)
    people.close_sprint(team.remote, first)
    carried = {issue.key: issue.carried for issue in team.read(second).issues}
    assert carried == {"ABC-1": True, "ABC-2": False}
    assert not the(team.read(first).issues).carried


def test_past_tells_moves_estimates_and_shifts(team: Team) -> None:
    sprint = team.sprint()
    team.at(START + timedelta(days=1))
    key = team.issue(points=3)
    team.at(START + timedelta(days=2))
    team.remote.edit(key, sprint=sprint)
    team.at(START + timedelta(days=3))
    team.remote.edit(key, points=5.5)
    team.at(START + timedelta(days=4))
    team.remote.edit(key, status="In Progress", actor="Sam Writer")
    issue = the(team.read(sprint, past=True).issues)
    past = past_of(issue)
    assert [(move.at, move.sprint, move.joined) for move in past.moves] == [
        (START + timedelta(days=2), str(sprint), True)
    ]
    assert [(change.at, change.before, change.after) for change in past.estimates] == [
        (START + timedelta(days=3), 3, 5.5)
    ]
    (shift,) = past.shifts
    assert (shift.before, shift.after) == (Stage.TODO, Stage.DOING)
    assert (shift.before_state, shift.after_state) == ("10000", "10001")
    assert past.whole and issue.joined == START + timedelta(days=2)
    assert issue.since == shift.at == START + timedelta(days=4)


def test_past_in_hours_is_told_in_hours(team: Team) -> None:
    people.edit_board(team.remote, 1, estimation="time")
    sprint = team.sprint(4)
    team.remote.edit("ABC-1", points=6)
    (change,) = past_of(the(team.read(sprint, past=True).issues)).estimates
    assert (change.before, change.after) == (4, 6)


def test_issue_filed_straight_into_the_sprint_joined_when_it_was_filed(team: Team) -> None:
    sprint = team.sprint()
    team.at(START + timedelta(days=1))
    team.issue(sprint=sprint)
    issue = the(team.read(sprint, past=True).issues)
    assert past_of(issue).moves == () and issue.joined == issue.created == START + timedelta(days=1)


def test_status_in_no_column_is_known_by_its_category(team: Team) -> None:
    people.edit_board(team.remote, 1, columns=[["To Do"], ["Done"]])
    sprint = team.sprint(1)
    team.remote.edit("ABC-1", status="In Progress")
    team.remote.edit("ABC-1", status="To Do")
    shifts = past_of(the(team.read(sprint, past=True).issues)).shifts
    assert [(shift.before, shift.after) for shift in shifts] == [
        (Stage.TODO, Stage.DOING),
        (Stage.DOING, Stage.TODO),
    ]


def test_move_by_an_app_is_known_where_the_tracker_tells(make_jira: MakeJira) -> None:
    team = Team(make_jira(bot_is_app=True))
    sprint = team.sprint()
    team.remote.edit(team.issue(), sprint=sprint, actor="Sprintwarden")
    team.remote.edit(team.issue(), sprint=sprint)
    issues = team.read(sprint, past=True).issues
    assert [past_of(issue).moves[0].automated for issue in issues] == [True, False]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_long_changelog_is_read_whole(make_jira: MakeJira, deployment: str) -> None:
    team = Team(make_jira(deployment=deployment))
    sprint = team.sprint(1, 1)
    for number in range(120):
        team.remote.edit("ABC-1", points=number + 2)
    team.read(sprint)
    team.jira.service.identity()
    team.jira.forget_calls()
    past = past_of(the(team.read(sprint, past=True).issues))
    assert past.whole and [change.after for change in past.estimates] == [n + 2 for n in range(120)]
    more = ["POST changelogs"] if team.jira.cloud else []
    assert operations(team.jira.calls) == [*SPRINT_READ, *more]


def test_changelog_that_data_center_cuts_leaves_the_past_in_doubt(data_center: JiraRig) -> None:
    team = Team(data_center)
    sprint = team.sprint(1)
    team.read(sprint)
    path = f"/rest/agile/1.0/sprint/{sprint}/issue"
    told = data_center.site.api.get(path, params={"expand": "changelog"}).json()
    told["issues"][0]["changelog"] = {"total": 300, "histories": []}
    data_center.fault("GET sprint issues", "status", status=200, body=json.dumps(told))
    (issue,) = team.read(sprint, past=True).issues
    assert not past_of(issue).whole and (issue.joined, issue.since) == (None, None)


def test_own_comment_about_the_sprint_is_found(team: Team) -> None:
    sprint = team.sprint(1, 2, 3)
    topic = sprint_topic(str(sprint))
    for n, key in enumerate(("ABC-1", "ABC-2")):
        issue = team.jira.service.read(key, Recall()).issue
        team.jira.send(issue, PutComment("labels", "about labels"))
        if n:
            team.jira.send(issue, PutComment(topic, "about the sprint"))
    team.jira.forget_calls()
    assert team.read(sprint).ours == ()
    (own,) = team.read(sprint, past=True).ours
    assert (own.key, own.comment.topic, own.comment.body) == ("ABC-2", topic, "about the sprint")
    asked = [call for call in operations(team.jira.calls) if "comment" in call]
    assert asked == (["POST comment list"] if team.jira.cloud else ["GET comment property"] * 3)


def test_own_comments_come_in_the_order_they_were_written(team: Team) -> None:
    sprint = team.sprint(1, 2)
    topic = sprint_topic(str(sprint))
    for hours, key in ((2, "ABC-1"), (1, "ABC-2")):
        team.at(START + timedelta(hours=hours))
        team.jira.send(team.jira.service.read(key, Recall()).issue, PutComment(topic, "About it"))
    assert [own.key for own in team.read(sprint, past=True).ours] == ["ABC-2", "ABC-1"]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_own_comments_posted_anew_are_found(make_jira: MakeJira, deployment: str) -> None:
    team = Team(make_jira(deployment=deployment))
    sprint = team.sprint(1, 2)
    topic = sprint_topic(str(sprint))
    others = (f"{topic}7", f"{sprint_topic(str(sprint) + '7')} again 1")
    for hours, name in enumerate((topic, f"{topic} again 1", f"{topic} again 12", *others)):
        team.at(START + timedelta(hours=hours))
        key = f"ABC-{hours % 2 + 1}"
        team.jira.send(team.jira.service.read(key, Recall()).issue, PutComment(name, "About it"))
    assert [(own.key, own.comment.topic) for own in team.read(sprint, past=True).ours] == [
        ("ABC-1", topic),
        ("ABC-2", f"{topic} again 1"),
        ("ABC-1", f"{topic} again 12"),
    ]


def first_page(team: Team, sprint: int) -> dict[str, Any]:
    """The first two issues of a sprint as Jira lists them now."""
    params = {"maxResults": "2", "fields": "*all"}
    told = team.jira.site.api.get(f"/rest/agile/1.0/sprint/{sprint}/issue", params=params).json()
    return dict(told)


def test_pages_without_a_total_are_read_to_the_end(make_jira: MakeJira) -> None:
    team = Team(make_jira(page_size=2))
    sprint = team.sprint(*range(5))
    told = first_page(team, sprint)
    del told["total"]
    team.jira.fault("GET sprint issues", "status", status=200, body=json.dumps(told))
    assert [issue.points for issue in team.read(sprint).issues] == [0, 1, 2, 3, 4]


def test_issue_that_leaves_between_two_pages_hides_no_other(make_jira: MakeJira) -> None:
    team = Team(make_jira(page_size=2))
    sprint = team.sprint(*range(5))
    team.jira.fault("GET sprint issues", "status", status=200, body=json.dumps(first_page(team, sprint)))
    team.remote.edit("ABC-1", sprint=None)
    with pytest.raises(Stale):
        team.read(sprint)
    assert [issue.points for issue in team.read(sprint).issues] == [1, 2, 3, 4]


def test_issue_that_comes_twice_hides_no_other(make_jira: MakeJira) -> None:
    team = Team(make_jira(page_size=2))
    sprint = team.sprint(*range(5))
    told = first_page(team, sprint)
    # The third stood among the first two when they were listed.
    third = team.jira.site.api.get(
        f"/rest/agile/1.0/sprint/{sprint}/issue", params={"startAt": "2", "maxResults": "1"}
    ).json()
    told["issues"][1] = third["issues"][0]
    team.jira.fault("GET sprint issues", "status", status=200, body=json.dumps(told))
    with pytest.raises(Stale):
        team.read(sprint)


def test_refusal_to_list_is_no_board_without_sprints(team: Team) -> None:
    team.sprint(1)
    team.jira.fault("GET sprints", "status", status=400, body='{"errorMessages":["Unknown state"]}')
    with pytest.raises(Rejected):
        team.jira.service.open_sprints("1")


def test_refusal_of_a_later_page_loses_no_sprint(make_jira: MakeJira) -> None:
    team = Team(make_jira(page_size=1))
    board = people.add_board(team.remote, "ABC", type="simple")
    for _ in range(2):
        team.sprint(board=board, started=False)
    team.jira.fault("GET sprints", "delay", seconds=0)
    team.jira.fault("GET sprints", "status", status=400)
    with pytest.raises(Rejected):
        team.jira.service.open_sprints(str(board))


@pytest.mark.parametrize("asked", ["GET board", "GET board configuration"])
def test_sprint_whose_board_cannot_be_seen_is_not_gone(team: Team, asked: str) -> None:
    sprint = team.sprint(1)
    team.jira.fault(asked, "status", status=404)
    with pytest.raises(Forbidden, match="The sprint's board cannot be seen: board 1"):
        team.read(sprint)


@pytest.mark.parametrize("asked", ["GET sprint issues", "POST comment list"])
def test_what_goes_away_in_a_sprint_does_not_take_it_along(make_jira: MakeJira, asked: str) -> None:
    team = Team(make_jira())
    sprint = team.sprint(1)
    for topic in ("labels", sprint_topic(str(sprint))):
        team.jira.send(team.jira.service.read("ABC-1", Recall()).issue, PutComment(topic, "About it"))
    team.jira.fault(asked, "status", status=404)
    with pytest.raises(Stale):
        team.read(sprint, past=True)


def test_sprint_that_lost_its_board_is_read_as_nobodys(team: Team) -> None:
    sprint = team.sprint(1)
    told = team.jira.site.api.get(f"/rest/agile/1.0/sprint/{sprint}").json()
    del told["originBoardId"]
    team.jira.forget_calls()
    team.jira.fault("GET sprint", "status", status=200, body=json.dumps(told))
    reading = team.read(sprint)
    assert (reading.sprint.board, reading.sprint.state, reading.issues) == ("", SprintState.ACTIVE, ())
    assert operations(team.jira.calls) == ["GET sprint"]


def test_unknown_sprint_is_gone(jira: JiraRig) -> None:
    with pytest.raises(Gone):
        jira.service.sprint("99")


def test_answer_without_a_sprint_is_a_server_fault(jira: JiraRig) -> None:
    jira.fault("GET sprint$", "status", status=200, body="{}")
    with pytest.raises(ServerFault):
        jira.service.sprint("1")
