"""A sprint from its planning to its end: nothing before the start, one comment after it, and its one home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.jira import people
from tests.integration import scene, sprint_stage
from tests.integration.scene import until
from tests.integration.sprint_stage import FULL, SOON_S, Of, Teams

pytestmark = pytest.mark.process

SETTINGS: dict[str, dict[str, Any]] = {
    "start": {},
    "course": {},
    "reopening": {},
    "deletion": {},
    "leaving": {},
    "tracking": {},
    "label": {},
    "command": {},
    "deleting": {},
    "recorded": {},
}
FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures"


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    with sprint_stage.teams(tmp_path_factory.mktemp("stage"), SETTINGS) as made:
        yield made


def test_planning_makes_nothing_and_a_start_over_capacity_one_comment_on_one_issue(team: Of) -> None:
    at = team("start")
    at.plan(FULL)
    at.settle()
    assert [record["because"] for record in at.events()] == ["sprint_not_started"]
    assert (at.book(), at.comments()) == (None, [])
    at.work.start()
    at.says("holds more than this team usually finishes", "planned at 56 points in 7 issues", "Moving")
    at.settle()
    ((home, _),) = at.placed_comments()
    assert home in at.keys
    assert at.side.writes(home) == {"comments": 1}
    assert not any(at.side.writes(key) for key in at.keys if key != home)
    assert at.figures()["rebuilt"] is False


def test_the_comment_is_edited_as_things_move_settled_when_well_and_says_what_came_of_it(team: Of) -> None:
    at = team("course").warned()
    late = at.work.add("Came later", 5.0)
    at.says("stands at 61 points", "Added", late)
    at.side.toy.edit(at.keys[0], points=13)
    at.says("stands at 66 points", f"{at.keys[0]} from 8 to 13 points")
    for key in (late, *at.keys[2:]):
        at.work.take_out(key)
    at.says("no longer holds", "now stands at 21 points")
    for key in at.keys[2:]:
        at.work.put_in(key)
    at.says("stands at 61 points", "Moving")
    at.side.toy.edit(at.keys[1], status="Done")
    at.settle()
    at.work.close()
    at.says("is over", "planned at 56 points", "ended with 8 points done")
    at.settle()
    ((home, _),) = at.placed_comments()
    assert at.side.writes(home)["comments"] == 1
    assert at.records()[0]["outcome"] == "applied"
    kept = at.book()
    assert kept is not None
    assert kept.closed


def test_a_sprint_opened_again_goes_on_from_its_own_baseline(jira: Of) -> None:
    at = jira("reopening").warned()
    at.side.toy.edit(at.keys[0], status="Done")
    at.settle()
    at.work.close()
    at.says("is over")
    people.reopen_sprint(at.side.toy, int(at.work.subject))
    for key in at.keys[1:]:
        at.work.put_in(key)
    at.says("planned at 56 points", "Done so far: 8 points")
    late = at.work.add("Came later", 5.0)
    at.says("planned at 56 points", "stands at 61 points", "Done so far: 8 points", late)
    at.settle()
    figures = at.figures()
    assert (figures["committed"], figures["now"], figures["added"]) == (56.0, 61.0, [late])
    assert figures["rebuilt"] is False
    kept = at.book()
    assert kept is not None
    assert not kept.closed
    assert at.work.subject not in at.sprints.finished(at.side.name, at.board)


def test_a_sprint_that_is_deleted_has_its_comment_settled_and_is_forgotten(jira: Of) -> None:
    at = jira("deletion").warned()
    people.delete_sprint(at.side.toy, int(at.work.subject))
    at.says("is not there any more")
    at.settle()
    assert at.book() is None
    assert at.work.subject not in at.sprints.running(at.side.name)


def test_the_home_that_leaves_points_to_the_one_new_comment(team: Of) -> None:
    at = team("leaving").warned()
    ((home, _),) = at.placed_comments()
    at.work.take_out(home)
    until(at.stage, lambda: len(at.comments()) == 2, SOON_S)
    at.settle()
    told = dict(at.placed_comments())
    (heir,) = told.keys() - {home}
    assert f"now stands on {heir}" in told[home].replace("*", "")
    assert "stands at 48 points" in told[heir]
    assert heir in at.keys
    at.work.put_in(home)
    until(at.stage, lambda: at.figures()["now"] == 56, SOON_S)
    at.settle()
    assert len(at.comments()) == 2


def test_every_sprint_of_the_board_is_told_on_the_tracking_issue(team: Of) -> None:
    at = team("tracking")
    (tracking,) = at.backlog([None])
    rules = SETTINGS | {"tracking": {"notify": {"tracking_issue": tracking}}}
    scene.put_in_force(at.stage, sprint_stage.rules_of(rules))
    at.warned()
    assert [key for key, _ in at.placed_comments()] == [tracking]
    at.work.take_out(at.keys[0])
    at.says("stands at 48 points")
    at.work.close()
    at.says("is over")
    second = at.another("Sprint that follows")
    for number in range(7):
        second.plan(f"Planned next {number}", 8.0)
    second.start()
    until(at.stage, lambda: bool(at.comments("Sprint that follows")), SOON_S)
    at.settle()
    assert [key for key, _ in at.placed_comments("Sprint that follows")] == [tracking]
    assert len(at.side.comments(tracking)) == 2


def test_the_label_on_its_issue_silences_a_sprint_until_it_is_taken_off(team: Of) -> None:
    at = team("label").warned()
    ((home, _),) = at.placed_comments()
    if not at.is_jira:
        at.side.toy.control("POST", "/linear/labels", {"name": "sprintwarden-snooze"})
    at.side.toy.edit(home, add_labels=["sprintwarden-snooze"])
    at.work.add("Came later", 5.0)
    at.says("No more is said about")
    at.work.add("Came later still", 3.0)
    at.settle()
    assert at.figures()["now"] == 64
    assert "64" not in at.comments()[0]
    at.side.toy.edit(home, remove_labels=["sprintwarden-snooze"])
    at.work.add("Came last", 2.0)
    at.says("stands at 66 points")


def test_the_command_silences_a_sprint_until_it_is_taken_back(team: Of) -> None:
    at = team("command")
    at.begun()
    at.sprints.snooze(at.sprint, on=True)
    keys = [at.work.add(f"Came later {number}", 8.0) for number in range(5)]
    until(at.stage, at.ended("snoozed"), SOON_S)
    at.settle()
    assert at.comments() == []
    at.sprints.snooze(at.sprint, on=False)
    at.work.take_out(keys[0])
    at.says("stands at 40 points")


def test_a_comment_that_a_person_deleted_is_not_written_again(team: Of) -> None:
    at = team("deleting").warned()
    ((home, _),) = at.placed_comments()
    (comment,) = at.side.toy.issue(home)["comments"]
    at.side.toy.delete_comment(comment["id"])
    at.work.add("Came later", 5.0)
    until(at.stage, at.ended("partly_refused"), SOON_S)
    at.work.add("Came later still", 5.0)
    until(at.stage, at.ended("comment_deleted"), SOON_S)
    at.work.close()
    at.settle()
    assert at.comments() == []


def test_a_start_told_in_the_words_of_a_recorded_event_is_acted_upon(team: Of) -> None:
    recorded = {
        "jira": FIXTURES / "jira" / "cloud-sprint_updated.json",
        "linear": FIXTURES / "linear" / "cycle-update-rename-2021.json",
    }
    at = team("recorded")
    if not recorded[at.side.tracker].exists():
        pytest.skip("The recorded payloads are not beside the project.")
    body = json.loads(recorded[at.side.tracker].read_bytes())
    at.plan(FULL)
    at.settle()
    at.side.toy.send_nowhere()
    at.work.start()
    at.stage.connect_webhooks()
    now = int(datetime.now(UTC).timestamp() * 1000)
    if at.is_jira:
        for part in (body["sprint"], body["oldValue"]):
            part |= {"id": int(at.work.subject), "originBoardId": int(at.board)}
        body["timestamp"] = now
    else:
        body["data"] |= {"id": at.work.subject}
        body["webhookTimestamp"] = now
    assert at.deliver(body)["status"] == "queued"
    at.says("planned at 56 points in 7 issues")
    at.settle()
    assert len(at.comments()) == 1
