"""``explain-config`` as an admin uses it: which connection is meant, what is printed, what is remarked."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from redis import Redis
from typer.testing import CliRunner, Result

from rules.load import load_rules
from sprintwarden.cli_config import explain_config
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import Complaint
from store.rulebook import RulebookShelf

app = typer.Typer()
app.command()(explain_config)

RULES = """\
version: 1
defaults:
  tagging:
    rules:
      - {label: bug, type: [Bug]}
      - {label: crash, title: {words: [crash*]}}
connections:
  acme-jira: {mode: suggest}
projects:
  ABC:
    tagging: {without: [bug], rules: [{name: crash, labels: [crash, urgent], title: {words: [boom]}}]}
  acme-jira/ABC: {mode: apply}
boards:
  12:
    sprints: {mode: dry_run, scope_creep: {budget: 25%}}
"""
CONNECTIONS = """\
version: 1
connections:
  acme-jira:
    tracker: jira
    url: https://acme.atlassian.net
    auth: {email: bot@acme.example, token: {env: A_VARIABLE_THAT_IS_NOT_SET}}
    webhook: {secrets: [{env: ANOTHER_ONE}]}
    projects: [ABC, OPS]
    boards: [12]
  acme-linear:
    tracker: linear
    auth: {key: {env: A_THIRD_ONE}}
    webhook: {secrets: [{env: ANOTHER_ONE}]}
    teams: [ENG, OPS]
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both files, which is the working directory's ``config``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("SPRINTWARDEN_CONFIG", raising=False)
    monkeypatch.delenv("SPRINTWARDEN_DATA", raising=False)
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "connections.yaml").write_text(CONNECTIONS, encoding="utf-8")
    return folder


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None, result.exception
    return result


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, Complaint)
    return str(result.exception)


def mode(*arguments: str) -> list[tuple[str | None, str]]:
    """The mode of issues by connection."""
    told = json.loads(run(*arguments, "--json").stdout)
    return [(one["connection"], one["settings"][0]["value"]) for one in told["connections"]]


def test_what_somebody_set_is_shown_with_its_line() -> None:
    version = load_rules(RULES.encode(), "rules.yaml").version_id
    result = run("ABC", "--board", "12")
    assert result.stderr == ""
    assert (
        result.stdout
        == f"""\
ABC on acme-jira, board 12, by config/rules.yaml (version {version})

mode                        apply    config/rules.yaml:12  projects acme-jira/ABC
sprints.mode                dry_run  config/rules.yaml:15  boards 12
sprints.scope_creep.budget  25%      config/rules.yaml:15  boards 12

Rules, in this order:
  crash: crash, urgent  config/rules.yaml:11  projects ABC
      title has "boom"

Inherited, but not in use here:
  bug    config/rules.yaml:5  defaults
      left out by config/rules.yaml:11  projects ABC
  crash  config/rules.yaml:6  defaults
      replaced by config/rules.yaml:11  projects ABC
"""
    )


def test_the_defaults_are_shown_on_request_and_fit_the_screen() -> None:
    shown = run("ENG", "--all").stdout
    lines = shown.splitlines()
    (most,) = [line.split(maxsplit=2) for line in lines if line.startswith("writes.most")]
    assert most == ["writes.most", "500", "built-in default"]
    assert max(map(len, lines)) <= 100
    assert "built-in default" not in run("ABC").stdout


def test_the_connection_that_names_the_project_is_taken() -> None:
    assert mode("ABC") == [("acme-jira", "apply")]
    assert mode("eng") == [("acme-linear", "dry_run")]


def test_of_several_connections_each_is_told() -> None:
    assert mode("OPS") == [("acme-jira", "suggest"), ("acme-linear", "dry_run")]
    result = run("OPS")
    assert result.stdout.count("\nOPS on ") == 1
    assert result.stderr == "OPS is named by acme-jira and acme-linear: what holds is told for each.\n"


@pytest.mark.parametrize("arguments", [["acme-linear/OPS"], ["OPS", "--connection", "acme-linear"]])
def test_a_connection_may_be_named(arguments: list[str]) -> None:
    assert mode(*arguments) == [("acme-linear", "dry_run")]
    assert run(*arguments).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "remark"),
    [
        (["ABD"], 'No connection of config/connections.yaml names ABD (did you mean "ABC"?): '),
        (["ABC", "--connection", "acme-linear"], "acme-linear does not name ABC, so its issues are ignored."),
        (["ABC", "--board", "13"], "acme-jira does not name board 13, so its sprints are not watched."),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_remarked_and_explained_all_the_same(arguments: list[str], remark: str) -> None:
    result = run(*arguments)
    assert result.stderr.startswith(remark)
    assert "mode" in result.stdout


@pytest.mark.parametrize("text", [None, "version: 1\nconnections: [", "connections: {acme: {"])
def test_connections_that_cannot_be_read_are_no_hindrance(config: Path, text: str | None) -> None:
    (config / "connections.yaml").unlink()
    if text is not None:
        (config / "connections.yaml").write_text(text, encoding="utf-8")
    result = run("ABC")
    assert result.stderr.startswith("config/connections.yaml cannot be read, so this is by the rules alone: ")
    assert result.stdout.startswith("ABC, by config/rules.yaml")
    assert mode("acme-jira/ABC") == [("acme-jira", "apply")]


@pytest.mark.parametrize("text", ["", "version: 1", "connections: 5", "connections: {a: 5, b: {boards: 7}}"])
def test_whatever_connections_hold_is_no_hindrance(config: Path, text: str) -> None:
    (config / "connections.yaml").write_text(text, encoding="utf-8")
    assert mode("ABC") == [(None, "dry_run")]


@pytest.mark.parametrize("arguments", [["ABC", "--connection", "acme-jra"], ["acme-jra/ABC"]])
def test_a_connection_that_there_is_not_is_refused_with_what_was_meant(arguments: list[str]) -> None:
    assert "There is no connection 'acme-jra' (did you mean \"acme-jira\"?)" in refused(*arguments)


def test_two_connections_at_once_are_refused() -> None:
    assert "keep one of them" in refused("acme-jira/ABC", "--connection", "acme-linear")


def test_a_bad_file_is_told_with_all_its_errors(config: Path) -> None:
    other = config / "other.yaml"
    other.write_text("version: 2\ndefaults: {mood: apply}", encoding="utf-8")
    lines = refused("ABC", "--rules", str(other)).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{other}:1:10", f"{other}:2:12"]
    assert "cannot be read" in refused("ABC", "--rules", "nowhere.yaml")


def test_while_the_file_is_bad_what_is_in_force_is_explained(
    config: Path, redis: Redis, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    (config / "rules.yaml").write_text(RULES.replace("mode: suggest", "mode: sugest"), encoding="utf-8")
    assert refused("ABC").startswith("config/rules.yaml:8:21: ")
    since = datetime(2026, 11, 22, 19, 15, tzinfo=ZoneInfo("Europe/Oslo"))
    version = load_rules(RULES.encode(), "rules.yaml").version_id
    RulebookShelf(redis).publish(version, RULES.encode(), since)
    told = CliRunner().invoke(app, ["ABC"])
    assert told.exit_code == 1
    assert told.stderr.splitlines()[0].startswith("config/rules.yaml:8:21: ")
    assert f"What follows is by version {version}, in force since 2026-11-22 18:15 UTC." in told.stderr
    assert f"ABC on acme-jira, by the text in force (version {version})" in told.stdout
    assert "the text in force:12  projects acme-jira/ABC" in told.stdout
    # Of a file that is asked for by name, nothing else is explained.
    assert refused("ABC", "--rules", "config/rules.yaml").startswith("config/rules.yaml:8:21: ")


def test_json_has_every_setting_with_its_origin() -> None:
    told = json.loads(run("ABC", "--json").stdout)
    assert (told["file"], told["project"], told["board"]) == ("config/rules.yaml", "ABC", None)
    (one,) = told["connections"]
    found = {setting["path"]: setting for setting in one["settings"]}
    origin = {"layer": "projects acme-jira/ABC", "file": "config/rules.yaml", "line": 12}
    assert found["mode"] == {"path": "mode", "value": "apply", "origin": origin}
    assert found["writes.window"] == {"path": "writes.window", "value": "10m", "origin": None}
    assert one["dropped"][0]["rule"]["name"] == "bug"


def test_another_version_in_force_is_remarked(
    redis: Redis, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    assert run("ABC").stderr == ""
    book = load_rules(RULES.encode(), "rules.yaml")
    RulebookShelf(redis).publish("0123456789ab", b"version: 1")
    assert run("ABC").stderr == (
        f"The rules in force are another version (0123456789ab) than config/rules.yaml ({book.version_id}).\n"
    )
    RulebookShelf(redis).publish(book.version_id, RULES.encode())
    assert run("ABC").stderr == ""


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "no address"])
def test_a_silent_redis_is_no_hindrance(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert run("ABC").stderr == ""
