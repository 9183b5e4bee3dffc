"""Sprints by the clock alone, after a loss of memory, in quiet hours, and when a worker dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.jira import people
from store import keys
from store.rulebook import RulebookShelf
from tests.integration import scene, sprint_stage
from tests.integration.scene import until
from tests.integration.sprint_stage import FULL, SOON_S, Of, Team, Teams

pytestmark = pytest.mark.process

PACE = sprint_stage.PACE | {"SPRINTWARDEN_SPRINT_LOOK_S": "1"}
SETTINGS: dict[str, dict[str, Any]] = {
    "start": {},
    "quiet": {},
    "flush": {},
    "death": {},
    "history": {},
    "forgotten": {},
    "dates": {},
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mark of a worker that was killed just after a write; taken away, the next one is."""
    mark = tmp_path_factory.mktemp("mark") / "killed"
    mark.touch()
    return mark


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory, killed: Path) -> Iterator[Teams]:
    deadly = PACE | {"SPRINTWARDEN_KILL_AT": f"written:{killed}", "SPRINTWARDEN_LEASE_S": "1"}
    with sprint_stage.teams(tmp_path_factory.mktemp("stage"), SETTINGS, deadly) as made:
        yield made


@pytest.mark.fault(30)
def test_a_start_that_nobody_tells_of_is_found_by_the_clock(team: Of) -> None:
    at = team("start")
    at.plan(FULL)
    at.settle()
    told = len(at.side.toy.deliveries())
    at.side.toy.send_nowhere()
    try:
        at.work.start(quiet=True)
        at.says("holds more than this team usually finishes", "planned at 56 points in 7 issues")
        assert len(at.side.toy.deliveries()) == told
    finally:
        at.stage.connect_webhooks()
    (begun,) = [record for record in at.records() if record["outcome"] == "applied"]
    assert {hint["kind"] for hint in begun["hints"]} == {"sprint_due"}
    assert at.figures()["rebuilt"] is False


def test_quiet_hours_hold_the_comment_back_until_the_rules_lift_them(team: Of) -> None:
    at = team("quiet")
    now = datetime.now(UTC)
    begin, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-2, 3))
    quiet = {"quiet_hours": {"zone": "UTC", "from": begin, "to": end}}
    scene.put_in_force(at.stage, sprint_stage.rules_of(SETTINGS | {"quiet": quiet}))
    at.plan(FULL)
    at.work.start()
    until(at.stage, at.ended("quiet_hours"), SOON_S)
    late = at.work.add("Came later", 5.0)
    scene.put_in_force(at.stage, sprint_stage.rules_of(SETTINGS))
    assert (len(at.comments()), at.records()[0]["outcome"]) == (0, "postponed")
    assert at.book() is not None
    # As when the quiet hours are over: until then, or for an hour, it waits.
    at.stage.redis.hdel(keys.SUBJECT + str(at.sprint), "not_before")
    at.says("planned at 56 points", "stands at 61 points", late)
    at.settle()


def test_a_worker_killed_before_it_noted_its_comment_leaves_one(team: Of, killed: Path) -> None:
    at = team("death")
    at.plan(FULL)
    at.settle()
    killed.unlink()
    at.work.start()
    until(at.stage, killed.exists, SOON_S)
    until(at.stage, lambda: any(record["attempt"] > 1 for record in at.records()), SOON_S)
    late = at.work.add("Came later", 5.0)
    at.says("stands at 61 points", late)
    at.settle()
    ((home, _),) = at.placed_comments()
    assert at.side.writes(home)["comments"] == 1


@pytest.mark.fault(20)
def test_after_redis_was_flushed_there_is_no_second_comment_and_the_numbers_are_right(team: Of) -> None:
    at = team("flush").warned()
    late = at.work.add("Came later", 5.0)
    at.side.toy.edit(at.keys[0], points=5)
    at.says("stands at 58 points")
    flush(at)
    last = at.work.add("Came last", 1.0)
    at.says("stands at 59 points", late, last)
    at.settle()
    figures = at.figures()
    assert (figures["committed"], figures["now"]) == (56.0, 59.0)
    assert set(figures["added"]) == {late, last}


@pytest.mark.fault(30)
def test_a_baseline_that_is_taken_from_changelogs_long_after_the_start_is_marked(teams: Teams) -> None:
    at = teams.team("jira", "history").with_past()
    began = datetime.now(UTC) - timedelta(hours=2)
    at.side.toy.control("POST", "/clock", {"at": (began - timedelta(minutes=10)).isoformat()})
    people.edit_sprint(at.side.toy, int(at.work.subject), startDate=began.isoformat())
    at.plan(FULL)
    at.side.toy.control("POST", "/clock", {"at": began.isoformat()})
    people.start_sprint(at.side.toy, int(at.work.subject))
    at.side.toy.control("POST", "/clock", {"at": None})
    at.says("planned at 56 points in 7 issues")
    late = at.work.add("Came later", 5.0)
    at.side.toy.edit(at.keys[0], points=5)
    at.says("stands at 58 points")
    flush(at)
    at.work.add("Came last", 1.0)
    at.says("stands at 59 points", "The start was seen late")
    at.settle()
    figures = at.figures()
    assert (figures["committed"], figures["now"], figures["rebuilt"]) == (56.0, 59.0, True)
    assert late in figures["added"]


def test_a_warning_is_not_settled_while_the_past_is_not_known_again(teams: Teams) -> None:
    at = teams.team("jira", "forgotten").with_past().warned()
    at.stage.redis.flushall()
    until(at.stage, lambda: RulebookShelf(at.stage.redis).version() is not None, SOON_S)
    at.work.add("Came later", 1.0)
    until(at.stage, lambda: at.book() is not None, SOON_S)
    at.settle()
    assert "no longer holds" not in at.comments()[0]


def flush(at: Team) -> None:
    """Let Redis forget everything, and the board be read again as for a worker that starts."""
    at.settle()
    at.stage.redis.flushall()
    until(at.stage, lambda: RulebookShelf(at.stage.redis).version() is not None, SOON_S)
    at.watch()
    at.know_past()


@pytest.mark.fault(30)
def test_a_late_jira_start_that_nobody_tells_of_has_its_whole_plan_as_baseline(teams: Teams) -> None:
    at = teams.team("jira", "dates").with_past()
    at.plan(FULL)
    at.look()
    at.settle()
    at.side.toy.send_nowhere()
    people.start_sprint(at.side.toy, int(at.work.subject))
    at.stage.connect_webhooks()
    at.look()
    at.says("planned at 56 points in 7 issues")
