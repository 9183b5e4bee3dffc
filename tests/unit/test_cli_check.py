"""``check`` and ``schema``: problems with their places, exit codes, JSON, and labels a tracker lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from ruamel.yaml import YAML

from sandbox import jira, linear
from sandbox.server import start
from sprintwarden.embedded import EmbeddedRedis
from tests.unit import front_door
from tests.unit.command import Command
from tests.unit.command import command as command

server, redis = front_door.server, front_door.redis

GOOD = """\
version: 1
defaults:
  tagging:
    rules:
      - label: Bug
        text: {words: [crash]}
      - name: elephants
        labels: [Bug, purple-elephant]
        text: {words: [elephant]}
projects:
  ABC:
    tagging:
      rules:
        - label: green-giraffe
          text: {words: [giraffe]}
"""
BAD = """\
version: 1
defaults:
  mode: aply
  taging: {}
"""
CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_exits_0_and_says_so(command: Command, rules: Path) -> None:
    done = command("check", rules)
    assert (done.code, done.out, done.err) == (0, "", "The rules are good.\n")


def test_the_shipped_rules_are_good_and_found_by_the_setting(command: Command) -> None:
    assert command("check", SPRINTWARDEN_CONFIG=CONFIG).code == 0


def test_every_problem_is_told_with_file_line_and_column(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    done = command("check", path)
    assert done.code == 1
    first, second = done.out.splitlines()
    assert first.startswith(f"{path}:3:9: ")
    assert 'did you mean "apply"?' in first
    assert second.startswith(f"{path}:4:3: ")
    assert 'did you mean "tagging"?' in second
    assert done.err == "2 problems.\n"


def test_problems_are_told_as_json(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    done = command("check", path, "--json")
    assert done.code == 1
    assert [(one["file"], one["line"], one["column"]) for one in done.json()] == [
        (str(path), 3, 9),
        (str(path), 4, 3),
    ]
    assert all(one["message"] for one in done.json())


def test_a_good_file_is_an_empty_list_as_json(command: Command, rules: Path) -> None:
    done = command("check", rules, "--json")
    assert (done.code, done.json()) == (0, [])


def test_a_file_that_is_not_there_is_told_in_a_sentence(command: Command, tmp_path: Path) -> None:
    done = command("check", tmp_path / "none.yaml")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"{tmp_path}/none.yaml cannot be read: No such file or directory.\n"


@pytest.fixture
def trackers(tmp_path: Path) -> Iterator[Path]:
    """Both toys running, and a folder with the connections to them."""
    toy_jira = jira.create_app(jira.JiraConfig(token="token-for-jira"))
    toy_linear = linear.create_app(linear.LinearConfig(token="key-for-linear"))
    with start(toy_jira) as first, start(toy_linear) as second:
        (tmp_path / "connections.yaml").write_text(f"""\
version: 1
connections:
  site:
    tracker: jira
    url: {first.url}
    auth: {{email: bot@example.invalid, token: {{env: A_TOKEN}}}}
    webhook: {{secrets: [{{env: A_HOOK}}]}}
    projects: [ABC]
  space:
    tracker: linear
    url: {second.url}
    auth: {{key: {{env: A_KEY}}}}
    webhook: {{secrets: [{{env: A_HOOK}}]}}
    teams: [ENG]
""")
        yield tmp_path
    for toy in (toy_jira, toy_linear):
        toy.extensions["sandbox"].sender.close()


@pytest.fixture
def environ(trackers: Path, server: EmbeddedRedis) -> dict[str, object]:
    return {
        "SPRINTWARDEN_CONFIG": trackers,
        "REDIS_URL": server.url,
        "A_TOKEN": "token-for-jira",
        "A_KEY": "key-for-linear",
        "A_HOOK": "hook-secret-0001",
    }


def test_labels_linear_does_not_have_are_told_with_their_places(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    done = command("check", rules, "--connection", "space", **environ)
    assert done.code == 1
    one, other = done.out.splitlines()
    assert one.startswith(f'{rules}:8:23: space has no label "purple-elephant": it is not put on unless')
    assert other.startswith(f'{rules}:14:18: space has no label "green-giraffe"')


def test_labels_jira_does_not_have_are_told(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    done = command("check", rules, "--connection", "site", "--json", **environ)
    assert done.code == 1
    told = {(one["line"], one["message"]) for one in done.json()}
    assert (14, 'site has no label "green-giraffe": Jira makes it at its first use') in told


def test_a_wrong_key_is_told_in_a_sentence(command: Command, rules: Path, environ: dict[str, object]) -> None:
    done = command("check", rules, "--connection", "space", **environ | {"A_KEY": "another-key-0001"})
    assert (done.code, done.out) == (1, "")
    assert done.err.strip().endswith(".")
    assert "another-key" not in done.err


def test_an_unknown_connection_is_told_with_those_there_are(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    done = command("check", rules, "--connection", "nobody", **environ)
    assert done.code == 1
    assert done.err == "There is no connection 'nobody'; known are: site, space.\n"


def test_the_schema_is_a_schema_that_takes_the_shipped_rules(command: Command) -> None:
    done = command("schema")
    assert done.code == 0
    jsonschema.Draft202012Validator.check_schema(done.json())
    shipped = YAML(typ="safe").load((CONFIG / "rules.yaml").read_text())
    jsonschema.validate(shipped, done.json())
