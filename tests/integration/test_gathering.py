"""``gather_history`` from settings to file: a connections file, a toy Jira, the service's own Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from classifiers.examples import Target
from classifiers.training import Wish
from sandbox.faults import Fault
from sandbox.jira import JiraConfig, create_app
from sandbox.jira.toy import JiraToy
from sandbox.server import start
from sprintwarden import gathering
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.gathering import folder_of, gather_history
from sprintwarden.settings import Complaint, Settings
from sprintwarden.training import train_from_connection
from sprintwarden.wiring import read_connections
from store.budget import Budget

TOKEN = "a-token-of-decent-length"
CONNECTIONS = """\
version: 1
connections:
  acme:
    tracker: jira
    deployment: cloud
    url: {url}
    auth: {{email: bot@example.invalid, token: {{env: ACME_TOKEN}}}}
    service_account: true
    webhook: {{auth: signature, secrets: [{{env: ACME_HOOK}}]}}
    projects: [ABC]
"""


@pytest.fixture
def toy() -> Iterator[tuple[JiraToy, str]]:
    """A toy Jira with three issues, and where it is."""
    app = create_app(JiraConfig(token=TOKEN))
    toy: JiraToy = app.extensions["sandbox"]
    for project in ("ABC", "OPS", "ABC"):
        toy.create_issue({"project": project, "title": "The login is broken"})
    with start(app) as server:
        yield toy, server.url
    toy.sender.close()


@pytest.fixture
def settings(
    redis: Redis,
    redis_server: EmbeddedRedis,
    toy: tuple[JiraToy, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings of a service connected to the toy, with an empty Redis."""
    monkeypatch.setenv("ACME_TOKEN", TOKEN)
    monkeypatch.setenv("ACME_HOOK", "a-hook-secret-of-decent-length")
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    settings = Settings(config=tmp_path, data=tmp_path / "var")
    settings.connections_file.write_text(CONNECTIONS.format(url=toy[1]))
    return settings


def test_issues_of_a_connection_are_gathered_under_the_data_folder(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    found = gather_history(settings, "acme")
    assert found.issues.parent == folder_of(settings, "acme") == settings.data / "history" / "acme"
    keys = [json.loads(line)["key"] for line in found.issues.read_text("utf-8").splitlines()]
    assert keys == ["ABC-1", "ABC-2"]
    out, err = capfd.readouterr()
    assert out == "" and "acme" in err and "login" not in err


def test_what_was_gathered_long_ago_is_swept_before_the_next_gathering(settings: Settings) -> None:
    gather_history(settings, "acme")
    old = folder_of(settings, "acme").rename(folder_of(settings, "given up"))
    state = json.loads((old / "state.json").read_text())
    (old / "state.json").write_text(json.dumps(state | {"began": "2025-01-02T09:00:00+00:00"}))
    gather_history(settings, "acme")
    assert not old.exists() and folder_of(settings, "acme").exists()


def test_connection_that_cannot_be_gathered_from_is_a_complaint(
    settings: Settings, toy: tuple[JiraToy, str]
) -> None:
    with pytest.raises(Complaint, match="There is no connection 'other'"):
        gather_history(settings, "other")
    toy[0].faults.add(Fault("GET search", "status", status=403))
    with pytest.raises(Complaint, match=r"^acme: Jira forbids .*the same command goes on\.$"):
        gather_history(settings, "acme")


def test_gathering_shares_the_pauses_of_the_service(
    settings: Settings, toy: tuple[JiraToy, str], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    (connection,) = read_connections(settings.connections_file)
    budget = Budget(redis, toy[1].removeprefix("http://"), connection.account)
    budget.pause("all", timedelta(minutes=5), "the hour is used up")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        budget.lift("all")

    monkeypatch.setattr(gathering, "sleep", sleep)
    assert gather_history(settings, "acme").count == 2
    assert len(waited) == 1 and 200 < waited[0] <= 300


def test_what_was_too_little_once_is_gathered_anew(settings: Settings, toy: tuple[JiraToy, str]) -> None:
    def told() -> str:
        with pytest.raises(Complaint) as found:
            train_from_connection(settings, "acme", Wish(Target.LABELS), None, progress=lambda _: None)
        return str(found.value)

    assert told().startswith("Only 0 of 2 issues have labels")
    assert not folder_of(settings, "acme").exists(), "no text of issues is left lying about"
    toy[0].create_issue({"project": "ABC", "title": "Slow", "labels": ["pain"]})
    assert told().startswith("Only 1 of 3 issues have labels")
