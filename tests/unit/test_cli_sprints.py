"""``sprints``, ``snooze`` and ``explain … sprint:ID``: what is watched, told to people and to machines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from classifiers.sprint_memory import SprintMemory, Stay
from sprintwarden.embedded import EmbeddedRedis
from store.decisions import Decisions
from store.inbox import Inbox
from store.sprints import Sprints
from tests.unit.command import Command
from tests.unit.command import command as command
from trackers.model import Subject, SubjectKind
from trackers.sprints import Stage, Unit
from workers.shop import LEASE
from workers.sprint_book import Home, Said, SprintBook

SPRINT = Subject("acme", SubjectKind.SPRINT, "37")
CONNECTIONS = """\
version: 1
connections:
  acme:
    tracker: jira
    url: https://acme.example
    auth: {email: bot@acme.example, token: {env: TOKEN}}
    webhook: {auth: signature, secrets: [{env: HOOK}]}
    projects: [ABC]
    boards: [12]
"""


@pytest.fixture
def environ(tmp_path: Path, redis: Redis, redis_server: EmbeddedRedis) -> dict[str, str]:
    """A service that watches one sprint."""
    (tmp_path / "connections.yaml").write_text(CONNECTIONS)
    stay = Stay("1", "ABC-1", True, 3, 3, Stage.TODO, "10000")
    memory = SprintMemory(datetime(2026, 3, 2, 9, tzinfo=UTC), stays={"1": stay})
    home, said = Home("1", "ABC-1"), Said(("overcommitted",))
    book = SprintBook(memory, Unit.POINTS, "12", "Sprint 37", home, said=said)
    Sprints(redis).keep(SPRINT, "12", book.to_text())
    record = {"at": "2026-03-02T09:01:00+00:00", "outcome": "applied", "hints": [{"kind": "sprint_due"}]}
    Decisions(redis).add(SPRINT, record, {})
    return {
        "REDIS_URL": redis_server.url,
        "SPRINTWARDEN_CONFIG": str(tmp_path),
        "TOKEN": "not-real",
        "HOOK": "not-real",
    }


def test_watched_sprints_are_listed(command: Command, environ: dict[str, str]) -> None:
    told = command("sprints", **environ)
    assert told.code == 0
    assert told.out == "acme  37  Sprint 37  (board 12): overcommitted, on ABC-1\n"
    (one,) = command("sprints", "acme", "--json", **environ).json()
    assert (one["sprint"], one["snoozed"], one["last"]["outcome"]) == ("37", False, "applied")


def test_where_none_is_watched_it_says_so(command: Command, environ: dict[str, str], redis: Redis) -> None:
    redis.flushall()
    assert command("sprints", **environ).out == "No sprint is watched at present.\n"


def test_a_sprint_is_snoozed_and_spoken_of_again(
    command: Command,
    environ: dict[str, str],
    redis: Redis,
) -> None:
    assert command("snooze", "acme", "37", **environ).code == 0
    assert Sprints(redis).is_snoozed(SPRINT)
    assert "snoozed" in command("sprints", **environ).out
    assert command("snooze", "acme", "37", "--off", **environ).code == 0
    assert not Sprints(redis).is_snoozed(SPRINT)
    assert [taken.subject for taken in Inbox(redis, lease=LEASE).take(5)] == [SPRINT]


@pytest.mark.parametrize("name", ["38", "ABC-1"])
def test_a_sprint_that_is_not_watched_cannot_be_snoozed(
    command: Command,
    environ: dict[str, str],
    name: str,
) -> None:
    told = command("snooze", "acme", name, **environ)
    assert told.code == 1
    assert told.err == f"'{name}' is no sprint that is watched on acme; watched are: 37.\n"


def test_a_sprint_is_explained_with_its_baseline_and_decisions(
    command: Command,
    environ: dict[str, str],
) -> None:
    told = command("explain", "acme", "sprint:37", **environ)
    assert told.code == 0
    assert "Sprint 37 (acme)" in told.out
    assert "Committed at the start: ABC-1." in told.out
    assert "Its comment stands on ABC-1." in told.out
    assert "2026-03-02 09:01 UTC  applied  on sprint due" in told.out
    assert command("explain", "acme", "sprint:37", "--json", **environ).json()["committed"] == ["ABC-1"]


def test_a_sprint_of_which_nothing_is_known_is_said_to_be_so(
    command: Command,
    environ: dict[str, str],
) -> None:
    told = command("explain", "acme", "sprint:99", **environ)
    assert told.code == 1
    assert told.err.startswith("Nothing is known of a sprint '99' on acme")
