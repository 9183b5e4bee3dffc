"""``check`` and ``schema``: problems with their places, exit codes, JSON, and labels a tracker lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from flask.testing import FlaskClient
from redis import Redis
from ruamel.yaml import YAML
from werkzeug.test import TestResponse

from rules.checking import folded
from rules.warning_names import WARNINGS
from sandbox import jira, linear
from sandbox.server import start
from sprintwarden.checking import check_rules
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import read_settings
from sprintwarden.wiring import build_shop, read_connections
from store.rulebook import RulebookShelf
from tests.unit import front_door
from tests.unit.command import Command, Done
from tests.unit.command import command as command
from tests.unit.console_scene import console_app, csrf_of, log_in
from webhook_app.console.trials import wrong
from workers.trial_jobs import carry_out

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
    assert (done.code, done.err) == (1, "1 problem.\n")
    assert done.out == f"{tmp_path}/none.yaml:1:1: this file cannot be read: No such file or directory\n"


def test_a_file_that_is_not_there_hides_nothing_of_the_others(
    command: Command, warned: Path, tmp_path: Path
) -> None:
    done = command("check", warned, tmp_path / "none.yaml", "--json")
    assert done.code == 1
    found = {(Path(one["file"]).name, one["severity"]) for one in done.json()}
    assert found == {(warned.name, "warning"), ("none.yaml", "error")}


FIXTURES = Path(__file__).parent / "rules_fixtures"


@pytest.mark.parametrize("name", ["twenty_five_mistakes", "broken_text"])
def test_all_mistakes_of_a_file_are_told_in_one_go(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(FIXTURES)
    done = command("check", f"{name}.yaml")
    assert done.code == 1
    assert done.out == (FIXTURES / f"{name}.txt").read_text(encoding="utf-8")


def test_each_of_the_twenty_five_mistakes_is_told_under_its_number(command: Command) -> None:
    path = FIXTURES / "twenty_five_mistakes.yaml"
    marked = [
        (int(found[1]), number)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := re.match(r" *# (\d+): ", line))
    ]
    assert [which for which, _ in marked] == list(range(1, 26))
    ends = [number for _, number in marked[1:]] + [1_000]
    told = [one["line"] for one in command("check", path, "--json").json()]
    assert [
        [line for line in told if start < line < end] for (_, start), end in zip(marked, ends, strict=True)
    ] == [[line] for line in told]


WARNED = """\
version: 1
defaults:
  tagging:
    rules:
      - {label: bug, title: {phrases: [ui]}}
"""


@pytest.fixture
def warned(tmp_path: Path) -> Path:
    path = tmp_path / "warned.yaml"
    path.write_text(WARNED)
    return path


def test_a_warning_has_a_name_and_does_no_harm(command: Command, warned: Path) -> None:
    done = command("check", warned)
    assert done.code == 0
    (only,) = done.out.splitlines()
    assert only.startswith(f'{warned}:5:40: warning: "ui" is found inside of other words')
    assert only.endswith("[short-phrase]")
    assert done.err == "1 warning.\n"


@pytest.mark.parametrize("how", [["--fatal", "short-phrase"], ["--strict"]])
def test_a_warning_can_be_made_fatal(command: Command, warned: Path, how: list[str]) -> None:
    done = command("check", warned, *how)
    assert done.code == 1
    assert done.out.startswith(f'{warned}:5:40: "ui" is found')
    assert done.out.endswith(" [short-phrase]\n")
    assert done.err == "1 problem.\n"


def test_another_fatal_name_leaves_it_a_warning(command: Command, warned: Path) -> None:
    assert command("check", warned, "--fatal", "quiet-by-day", "--fatal", "past-absence").code == 0


def test_a_name_that_is_none_is_told_with_those_there_are(command: Command, warned: Path) -> None:
    done = command("check", warned, "--fatal", "short-phrases")
    assert (done.code, done.out) == (2, "")
    assert 'There is no warning "short-phrases" (did you mean "short-phrase"?)' in done.err
    assert "`sprintwarden check --list-warnings` names them all" in done.err
    assert len(done.err) < 200
    assert command("check", warned, "--allow", "unknown-labels").code == 2


def test_severity_and_name_are_in_the_json(command: Command, warned: Path, tmp_path: Path) -> None:
    (only,) = command("check", warned, "--json").json()
    assert (only["severity"], only["name"], only["line"], only["column"]) == (
        "warning",
        "short-phrase",
        5,
        40,
    )
    (only,) = command("check", warned, "--json", "--strict").json()
    assert (only["severity"], only["name"]) == ("error", "short-phrase")
    bad = tmp_path / "bad.yaml"
    bad.write_text(BAD)
    assert {(one["severity"], one["name"]) for one in command("check", bad, "--json").json()} == {
        ("error", None)
    }


def test_errors_and_warnings_are_told_together(command: Command, warned: Path) -> None:
    warned.write_text(WARNED + "projects:\n  abc: {}\n")
    done = command("check", warned)
    assert [line.count(" warning: ") for line in done.out.splitlines()] == [1, 0]
    assert done.err == "1 problem and 1 warning.\n"


def test_several_files_are_checked_in_one_go(command: Command, rules: Path, warned: Path) -> None:
    done = command("check", rules, warned, "--strict")
    assert (done.code, len(done.out.splitlines())) == (1, 1)


def test_the_warnings_are_listed_by_name(command: Command) -> None:
    done = command("check", "--list-warnings")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(WARNINGS)
    assert command("check", "--list-warnings", "--json").json() == dict(WARNINGS)


@pytest.fixture
def trackers(tmp_path: Path) -> Iterator[Path]:
    """Both toys running, and a folder with the connections to them."""
    toy_jira = jira.create_app(jira.JiraConfig(token="token-for-jira"))
    toy_jira.extensions["sandbox"].create_issue({"project": "OPS", "title": "What our sprints come to"})
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
    boards: [1, 97]
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
    # The layer of ABC holds for the other connection alone.
    (only,) = done.out.splitlines()
    assert only.startswith(f'{rules}:8:23: space has no label "purple-elephant": it is not put on unless')
    assert only.endswith(" [unknown-label]")


def test_labels_that_are_meant_to_be_new_are_allowed(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    for more in ((), ("--strict",)):
        done = command("check", rules, "--connection", "space", "--allow", "unknown-label", *more, **environ)
        assert (done.code, done.out) == (0, "")


def test_a_warning_that_is_allowed_is_not_told(command: Command, warned: Path) -> None:
    done = command("check", warned, "--strict", "--allow", "short-phrase")
    assert (done.code, done.out, done.err) == (0, "", "The rules are good.\n")


def test_a_label_that_people_put_on_is_none_that_we_make(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    rules.write_text("version: 1\ndefaults: {sprints: {notify: {snooze_label: hush}}}\n")
    assert command("check", rules, "--connection", "site", **environ).out == "", "anybody can type it"
    assert command("check", rules, "--connection", "space", **environ).out == "", "it watches no cycles"
    connections = Path(str(environ["SPRINTWARDEN_CONFIG"])) / "connections.yaml"
    connections.write_text(connections.read_text() + "    cycles: true\n")
    done = command("check", rules, "--connection", "space", **environ)
    assert done.code == 0
    assert done.out == (
        f'{rules}:2:45: warning: space has no label "hush": make it, or nobody can silence a sprint with it '
        "[unknown-snooze-label]\n"
    )


def test_a_label_that_jira_writes_otherwise_is_told_so(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    rules.write_text("version: 1\ndefaults: {tagging: {rules: [{label: needs triage, type: [Bug]}]}}\n")
    told = command("check", rules, "--connection", "site", **environ).out
    assert (
        'site has no label "needs triage" (Jira labels hold no spaces: it becomes "needs-triage"): Jira'
        in told
    )


def test_new_labels_are_folded_into_a_sentence(
    trackers: Path, environ: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, str(value))
    labels = [f"new-{number:02}" for number in range(12)]
    rules = trackers / "rules.yaml"
    rules.write_text(
        f"version: 1\ndefaults: {{tagging: {{rules: [{{labels: [{', '.join(labels)}], type: [Bug]}}]}}}}\n"
        f"projects: {{ABD: {{}}, ABC: {{tagging: {{rules: [{{label: new-00, name: x, type: [Epic]}}]}}}}}}\n"
    )
    settings = read_settings()
    (sentence,), rest = folded(check_rules(settings, None, "site"))
    assert sentence == (
        f"12 labels of the rules are new to site: {', '.join(labels[:10])}, …. Jira makes them at first use."
    )
    assert {one.name for one in rest} == {"unknown-project", "too-many-labels"}
    rules.write_text("version: 1\ndefaults: {tagging: {rules: [{label: new, type: [Bug]}]}}\n")
    (sentence,), rest = folded(check_rules(settings, None, "space"))
    assert sentence == (
        "1 label of the rules is new to space: new. It is not put on unless create_labels is true."
    )
    assert rest == ()


CONNECTIONS = """\
version: 1
connections:
  site:
    tracker: jira
    auth: {email: bot@example.invalid, token: {env: NOT_SET}}
    projects: [ABC]
    boards: [12]
"""


def test_the_connections_beside_the_file_are_read_without_their_secrets(
    command: Command, rules: Path
) -> None:
    rules.write_text(
        "version: 1\nconnections: {siet: {mode: apply}}\nprojects: {ABCD: {}}\nboards: {13: {}}\n"
    )
    assert command("check", rules).out == ""
    (rules.parent / "connections.yaml").write_text(CONNECTIONS)
    done = command("check", rules, "--json")
    assert done.code == 0
    assert names_at(done) == [("unknown-connection", 2), ("unknown-project", 3), ("unknown-board", 4)]
    assert 'there is no connection "siet" (did you mean "site"?)' in done.out.replace('\\"', '"')


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nconnections: {}\n",
        "version: 1\nconnections: {site: {tracker: jira\n",
        "[]",
        "version: 1\nconnections: {site: {projects: [ABC]}, space: {tracker: linear}}\n",
    ],
)
def test_connections_that_do_not_tell_what_they_watch_are_passed_over(
    command: Command, rules: Path, text: str
) -> None:
    rules.write_text("version: 1\nprojects: {ABCD: {mode: apply}}\n")
    (rules.parent / "connections.yaml").write_text(text)
    assert command("check", rules).out == ""


def test_a_label_that_linear_lacks_and_the_rules_have_made_is_told_so(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("tagging:", "tagging:\n    create_labels: true", 1), encoding="utf-8")
    told = command("check", rules, "--connection", "space", **environ).out
    assert 'no label "purple-elephant": it is made at its first use, as create_labels says' in told


def test_labels_jira_does_not_have_are_told(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    done = command("check", rules, "--connection", "site", "--json", **environ)
    assert done.code == 1
    told = {(one["line"], one["message"]) for one in done.json()}
    assert (14, 'site has no label "green-giraffe": Jira makes it at its first use') in told


def names_at(done: Done) -> list[tuple[str | None, int]]:
    return [(one["name"], one["line"]) for one in done.json()]


def test_what_jira_does_not_have_is_told(command: Command, rules: Path, environ: dict[str, object]) -> None:
    rules.write_text("""\
version: 1
defaults:
  sprints: {notify: {tracking_issue: ABC-404}}
projects:
  ABC: {sprints: {scope_creep: {label: true}}}
  ABD: {mode: apply}
boards:
  1: {sprints: {notify: {tracking_issue: OPS-1}}}
  97: {sprints: {people: 3}}
  98: {sprints: {people: 3}}
  space/1: {sprints: {people: 3}}
""")
    done = command("check", rules, "--connection", "site", "--json", **environ)
    assert done.code == 1
    assert names_at(done) == [
        ("unknown-issue", 3),
        ("unknown-label", 5),
        ("unknown-project", 6),
        ("unwatched-issue", 8),
        ("unknown-board", 9),
        ("unknown-board", 10),
        ("unknown-board", 11),
    ]
    told = {one["line"]: one["message"] for one in done.json()}
    assert told[5].startswith('site has no label "scope-added"')
    assert told[6] == 'no connection watches the project or team ABD (did you mean "ABC"?)'
    assert told[8] == "OPS-1 is of OPS, which site does not watch"
    assert told[9] == "site has no board 97 that its account can see"
    assert told[11] == "space does not watch board 1"


def test_what_linear_does_not_have_is_told(command: Command, rules: Path, environ: dict[str, object]) -> None:
    rules.write_text("""\
version: 1
defaults:
  tagging:
    learned: {never: [Bug, Bugg]}
    rules:
      - {label: Bugs, title: {words: [crash]}}
connections:
  space: {tagging: {rules: [{label: Bug, type: [Bug]}]}}
""")
    done = command("check", rules, "--connection", "space", "--json", **environ)
    assert names_at(done) == [("unknown-never", 4), ("unknown-label", 6), ("never-here", 8)]
    assert [one["message"].endswith('(did you mean "Bug"?)') for one in done.json()] == [True, True, False]


def test_of_a_file_with_errors_the_tracker_is_asked_too(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    rules.write_text(GOOD + "  abc: {}\n")
    done = command("check", rules, "--connection", "space", "--json", **environ)
    assert [one["line"] for one in done.json()] == [8, 16]


def test_data_center_cannot_list_labels_and_the_rest_is_told(
    command: Command, rules: Path, environ: dict[str, object]
) -> None:
    toy = jira.create_app(jira.JiraConfig(token="token-for-jira", deployment="data_center"))
    with start(toy) as server:
        folder = Path(str(environ["SPRINTWARDEN_CONFIG"]))
        (folder / "connections.yaml").write_text(f"""\
version: 1
connections:
  old:
    tracker: jira
    deployment: data_center
    url: {server.url}
    auth: {{token: {{env: A_TOKEN}}}}
    webhook: {{secrets: [{{env: A_HOOK}}]}}
    projects: [OPS]
""")
        done = command("check", rules, "--connection", "old", **environ)
    toy.extensions["sandbox"].sender.close()
    assert done.code == 0
    assert done.out.startswith(f"{rules}:11:3: warning: old does not watch the project or team ABC")
    assert done.err.startswith("old cannot list its labels, since Jira Data Center offers no way to ask")


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


WORDY = """\
version: 1
defaults:
  mode: apply
  tagging:
    max_labels: 2
    rules:
      - {name: one, labels: [purple-elephant, green-giraffe], title: {phrases: [a]}}
      - {name: two, label: Purple-Elephant, title: {phrases: [a]}}
projects:
  XYZ: {mode: suggest}
boards:
  "97": {sprints: {mode: suggest}}
"""
"""With warnings of its own, of connections.yaml, and of the tracker."""


@pytest.fixture
def site(environ: dict[str, object], monkeypatch: pytest.MonkeyPatch, redis: Redis) -> FlaskClient:
    """Somebody at the console of the toys, with rules in force."""
    for name, value in environ.items():
        monkeypatch.setenv(name, str(value))
    RulebookShelf(redis).publish("before", b"version: 1")
    connections = read_connections(read_settings().connections_file)
    return log_in(console_app(str(environ["REDIS_URL"]), connections))


def sent(site: FlaskClient, text: str) -> TestResponse:
    form = {"csrf": csrf_of(site.get("/console/rules/try").text), "text": text, "connection": "site"}
    return site.post("/console/rules/trials", data=form)


def test_the_console_tells_the_same_of_a_bad_file(site: FlaskClient) -> None:
    """But for what only the tracker knows: it is not asked about a file that is to be mended first."""
    text = WORDY.replace("max_labels: 2", "max_labels: none")
    file = read_settings().rules_file
    file.write_text(text)
    said = [
        str(one).replace(str(file), "rules.yaml")
        for one in check_rules(read_settings(), None, "site", allow={"unknown-label"})
        if "its account can see" not in one.problem.message
    ]
    answer = sent(site, text)
    assert answer.status_code == 422
    house = site.application.extensions["console"].house
    problems, warnings = wrong(house, "site", text)
    assert sorted([*problems, *warnings]) == sorted(said)
    assert len(problems) == 1 and {"label-spelling", "unknown-project"} <= names_of(warnings)
    assert problems[0] in unescape(answer.text)


def test_the_console_tells_the_same_of_a_good_file_with_its_trial(site: FlaskClient) -> None:
    settings = read_settings()
    settings.rules_file.write_text(WORDY)
    new_labels, rest = folded(check_rules(settings, None, "site"))
    assert sent(site, WORDY).status_code == 303
    raw, shop = build_shop(settings)
    (trial,) = shop.trials.listed()
    carry_out(shop, trial.id)
    raw.close()
    result = site.get(f"/api/v1/trials/{trial.id}").get_json()["result"]
    assert result["new_labels"] == list(new_labels) != []
    assert result["warnings"] == [{**one.to_json(), "file": "rules.yaml"} for one in rest]
    assert {one["name"] for one in result["warnings"]} >= {"unknown-board", "unknown-project"}


def names_of(lines: Sequence[str]) -> set[str]:
    return {line.rpartition("[")[2].rstrip("]") for line in lines}
