"""``try`` on a connection: the newest issues of a toy tracker, in any state, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from redis import Redis
from typer.testing import CliRunner

from sandbox.jira import JiraConfig, create_app
from sandbox.server import start
from sprintwarden import cli_try
from sprintwarden.embedded import EmbeddedRedis
from tests.contract.conftest import JiraRig, LinearRig, jira_labels
from tests.contract.linear_toy import KEY
from workers.try_rules import newest

TOKEN = "long-enough-for-a-token"
OLD = """\
version: 1
defaults:
  tagging:
    rules:
      - {label: security, title: {words: [xss]}}
"""
NEW = OLD.replace("[xss]", "[csrf]") + "      - {label: unheard-of, title: {words: [csrf]}}\n"
JIRA = """\
version: 1
connections:
  acme:
    tracker: jira
    url: %s
    auth: {email: %s, token: {env: TOKEN}}
    webhook: {auth: signature, secrets: [{env: HOOK}]}
    projects: [ABC]
"""
LINEAR = """\
version: 1
connections:
  acme:
    tracker: linear
    url: %s
    auth: {key: {env: TOKEN}}
    webhook: {secrets: [{env: HOOK}]}
    teams: [ENG]
"""

app = typer.Typer()
app.command("try")(cli_try.try_rules)
app.command()(cli_try.report)


def test_the_newest_jira_issues_come_in_any_state(jira: JiraRig) -> None:
    made = [jira.issue(title=f"Issue {number}").key for number in range(4)]
    jira.site.toy.edit_issue(made[3], {"status": "Done"})
    found = [issue.key for issue in newest(jira.service, ["ABC"], 3)]
    assert found == made[:0:-1]


def test_the_newest_linear_issues_come_in_any_state(linear: LinearRig) -> None:
    made = [linear.issue(title=f"Issue {number}").key for number in range(4)]
    linear.toy.control("PATCH", f"/issues/{made[3]}", {"status": "Done"})
    found = [issue.key for issue in newest(linear.service, ["ENG"], 3)]
    assert found == made[:0:-1]


def test_labels_that_we_put_on_are_left_out(cloud: JiraRig) -> None:
    issue = cloud.issue(labels=["theirs"])
    cloud.send(issue, jira_labels("ours"))
    (found,) = newest(cloud.service, ["ABC"], 5)
    assert [label.name for label in found.labels] == ["theirs"]


def run(folder: Path, connections: str, token: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, text in {"rules.yaml": OLD, "new.yaml": NEW, "connections.yaml": connections}.items():
        (folder / name).write_text(text)
    for name, value in {"SPRINTWARDEN_CONFIG": str(folder), "TOKEN": token, "HOOK": "not-a-real-one"}.items():
        monkeypatch.setenv(name, value)
    arguments = ["try", "--rules", str(folder / "new.yaml"), "--connection", "acme", "--json"]
    told = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert told.exit_code == 0
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


def test_a_jira_connection_is_tried_and_nothing_is_written(
    tmp_path: Path, redis: Redis, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = create_app(JiraConfig(token=TOKEN))
    toy = site.extensions["sandbox"]
    keys = [
        toy.create_issue({"project": "ABC", "title": title})["key"] for title in ("XSS", "csrf", "nothing")
    ]
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    with start(site) as server:
        told = run(tmp_path, JIRA % (server.url, JiraConfig(token=TOKEN).email), TOKEN, monkeypatch)
    toy.sender.close()
    assert (told["issues"], told["changed"]) == (3, 2)
    labels = {label["label"]: label for label in told["labels"]}
    assert labels["security"]["gained_on"] == [keys[1]]
    assert labels["security"]["lost_on"] == [keys[0]]
    assert [setting["path"] for setting in told["settings"]] == []
    assert [call.operation for call in toy.calls.all() if call.write] == []
    assert list(redis.scan_iter()) == []


def test_a_label_that_linear_lacks_is_told_as_withheld(
    linear: LinearRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("SPRINTWARDEN_DATA", str(tmp_path))
    key = linear.issue(title="csrf").key
    told = run(tmp_path, LINEAR % linear.url, KEY, monkeypatch)
    labels = {label["label"]: label for label in told["labels"]}
    (held,) = labels["unheard-of"]["withheld"]
    assert (held["why"], held["examples"]) == ("the tracker has no such label, and none is made", [key])
    assert "no model was asked" in " ".join(told["remarks"])
