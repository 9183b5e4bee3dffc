"""``sprintwarden resume``: what was held, and that it no longer is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from redis import Redis
from typer.testing import CliRunner

from sprintwarden.cli_writes import resume
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import Complaint
from store.writes import Writes
from tests.unit import front_door

app = typer.Typer()
app.command()(resume)


@pytest.fixture(autouse=True)
def surroundings(
    redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "connections.yaml").write_bytes(front_door.connections_text())
    for name, secret in front_door.SECRETS.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("SPRINTWARDEN_CONFIG", str(tmp_path))


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def hold(redis: Redis) -> Writes:
    writes = Writes(redis)
    for issue in ("1", "2", "3"):
        writes.ask("jira", issue, 2, timedelta(minutes=10))
    assert writes.held("jira") is not None
    return writes


def test_it_tells_how_much_was_written_and_lets_writing_go_on(redis: Redis) -> None:
    writes = hold(redis)
    told = said("jira")
    assert "2 issues had been written to within 10 minutes" in told
    assert writes.held("jira") is None
    assert writes.ask("jira", "4", 1, timedelta(minutes=10)) is None, "counted anew"


def test_a_machine_gets_the_same_as_json(redis: Redis) -> None:
    hold(redis)
    told = json.loads(said("jira", "--json"))
    assert (told["was_held"], told["issues_written"], told["most"], told["window_s"]) == (True, 2, 2, 600)
    assert json.loads(said("jira", "--json")) == {"connection": "jira", "was_held": False}


def test_what_was_not_held_is_said_to_be_so() -> None:
    assert "was not held" in said("jira")


def test_a_connection_that_is_not_there_is_complained_of_with_those_that_are() -> None:
    with pytest.raises(Complaint, match=r"known are: .*jira"):
        said("jura")
