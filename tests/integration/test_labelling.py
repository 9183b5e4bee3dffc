"""The main job through real processes: what is written, once; rules edited meanwhile; ``explain``."""

from __future__ import annotations

import hmac
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sprintwarden.stage import Stage
from tests.integration import scene
from tests.integration.scene import ONCE, Side, until

pytestmark = pytest.mark.process

SETTLED_S = 10


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with scene.stage(tmp_path_factory.mktemp("stage"), scene.QUICK, workers=2) as made:
        yield made


@pytest.mark.fault(36)
def test_the_echo_of_our_own_write_leads_to_no_second_one_and_asks_nothing(side: Side) -> None:
    key = side.file()
    until(side.stage, side.has(key, "security"), SETTLED_S)
    scene.settle(side.stage)
    assert side.writes(key) == ONCE
    newest, *rest = side.runs(key)
    assert (newest["because"], [run["outcome"] for run in rest]) == ("echo_of_our_own_write", ["applied"])
    about = [call for call in side.toy.calls() if call["issue"] in (key, side.toy.issue(key)["id"])]
    assert about[-1]["write"]


def test_the_same_delivery_twenty_times_at_once_is_one_run_and_one_write(side: Side) -> None:
    secret = side.stage.environ["DEMO_JIRA_HOOK" if side.tracker == "jira" else "DEMO_LINEAR_HOOK"]
    side.toy.send_to("http://127.0.0.1:1/nowhere", secret)
    key = side.file()
    body = side.toy.deliveries()[-1]["body"].encode()
    side.stage.connect_webhooks()
    signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature": f"sha256={signature}",
        "Linear-Signature": signature,
    }

    def post(_: int) -> str:
        answer = httpx.post(side.hook, content=body, headers=headers, trust_env=False)
        return str(answer.json()["status"])

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(post, range(20))) == {"queued": 1, "duplicate": 19}
    until(side.stage, side.has(key, "security"), SETTLED_S)
    time.sleep(0.5)
    until(side.stage, lambda: scene.worked(side.stage), SETTLED_S)
    assert side.writes(key) == ONCE
    assert side.outcomes(key).count("applied") == 1


def test_rules_edited_while_running_are_in_force_within_five_seconds(side: Side) -> None:
    scene.put_in_force(side.stage, scene.demo_rules().replace("xss", "zanzibar"), within=5)
    key = side.file("Zanzibar is down")
    until(side.stage, side.has(key, "security"), SETTLED_S)
    scene.put_in_force(side.stage, scene.demo_rules())


def test_bad_rules_leave_the_old_ones_in_force_and_readiness_says_why(stage: Stage) -> None:
    side = Side(stage, "jira")
    stage.write_rules(scene.demo_rules().replace("mode: apply", "mode: aply"))
    until(stage, lambda: "newest rules file" in scene.ready(stage), 5)
    told = scene.ready(stage)["newest rules file"]
    assert (told["ok"], told["vital"]) == (False, False)
    assert 'rules.yaml:4:9: "mode" must be' in told["detail"]
    key = side.file()
    until(stage, side.has(key, "security"), SETTLED_S)
    scene.put_in_force(stage, scene.demo_rules())


def explain(side: Side, *arguments: str) -> str:
    command = [sys.executable, "-m", "sprintwarden", "explain", side.name, *arguments]
    environ = {**os.environ, **side.stage.environ}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_explain_tells_what_was_decided_and_why_nothing_is_done_now(side: Side) -> None:
    key = side.file()
    until(side.stage, side.has(key, "security"), SETTLED_S)
    scene.settle(side.stage)
    before = side.toy.writes()
    told = json.loads(explain(side, key, "--json"))
    assert (told["issue"], told["labels"], told["because"]) == (key, ["security"], "all_there_already")
    assert [run["outcome"] for run in told["decisions"]] == ["ignored", "applied"]
    assert told["decisions"][1]["written"]["labels"] == ["security"]
    shown = explain(side, key)
    assert "security: there already" in shown
    assert "Nothing to do: every label that fits is there already." in shown
    assert "applied" in shown
    assert 'security: the title has the word "XSS"' in shown
    assert side.toy.writes() == before


def test_explain_tells_of_a_label_a_person_took_off(side: Side) -> None:
    key = side.file()
    until(side.stage, side.has(key, "security"), SETTLED_S)
    side.toy.edit(key, remove_labels=["security"])
    scene.settle(side.stage)
    assert "security: withheld, a person took it off this issue" in explain(side, key)


def test_explain_tells_of_rules_that_are_silent(side: Side) -> None:
    key = side.file("Nothing to see")
    told = json.loads(explain(side, key, "--json"))
    assert told["because"] == "nothing_fits"
    assert len(told["silent"]) == 3
    assert all(one["lacking"] for one in told["silent"])


def test_explain_tells_that_a_dry_run_writes_nothing(stage: Stage) -> None:
    side = Side(stage, "jira")
    scene.put_in_force(stage, scene.demo_rules().replace("mode: apply", "mode: dry_run"))
    key = side.file()
    until(stage, lambda: side.outcomes(key) == ["dry_run"], SETTLED_S)
    told = json.loads(explain(side, key, "--json"))
    assert told["because"] == "dry_run"
    assert [operation["do"] for operation in told["now"]["operations"]] == ["add_labels", "post_comment"]
    assert "Not done: the mode is dry_run: nothing is written." in explain(side, key)
    assert side.writes(key) == {}
    scene.put_in_force(stage, scene.demo_rules())
