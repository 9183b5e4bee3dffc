"""``replay``: what a saved webhook body would lead to, offline."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.unit.command import Command
from tests.unit.command import command as command
from tests.unit.front_door import jira_body, linear_body

RULES = """\
version: 1
defaults:
  mode: apply
  tagging:
    comment: true
    rules:
      - label: security
        text: {words: [xss]}
"""
CONFIG = Path(__file__).parents[2] / "config"
FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures"
RECORDED = sorted(FIXTURES.glob("*/*.json"))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def saved(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "payload.json"
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("tracker", ["jira", "linear"])
def test_an_issue_event_is_queued_with_its_plan(
    command: Command, tmp_path: Path, rules: Path, tracker: str
) -> None:
    body = (jira_body if tracker == "jira" else linear_body)(title="XSS in the search box")
    done = command("replay", "--tracker", tracker, saved(tmp_path, body), "--rules", rules, "--json")
    told = done.json()
    assert done.code == 0
    assert set(told) >= {"status", "reason", "hints", "plan"}
    assert (told["status"], told["reason"]) == ("queued", None)
    assert [hint["kind"] for hint in told["hints"]] == ["issue_created"]
    assert [label["label"] for label in told["decision"]["labels"]] == ["security"]
    assert [operation["do"] for operation in told["plan"]] == ["add_labels", "post_comment"]
    assert told["plan"][0]["labels"] == ["security"] and "XSS" in told["plan"][0]["because"]["security"][0]


@pytest.mark.parametrize("tracker", ["jira", "linear"])
def test_a_plan_is_shown_to_people_with_its_reasons(
    command: Command, tmp_path: Path, rules: Path, tracker: str
) -> None:
    body = (jira_body if tracker == "jira" else linear_body)(title="XSS in the search box")
    done = command("replay", "--tracker", tracker, saved(tmp_path, body), "--rules", rules)
    assert done.code == 0
    assert "queued" in done.out
    assert "Plan, in mode apply:" in done.out
    assert 'security: the title has the word "XSS"' in done.out
    assert "→ add security" in done.out


def test_a_plan_that_does_nothing_says_why(command: Command, tmp_path: Path, rules: Path) -> None:
    body = jira_body(title="Nothing to see")
    done = command("replay", "--tracker", "jira", saved(tmp_path, body), "--rules", rules)
    assert "Nothing to do: no rule fits." in done.out


def test_what_is_ignored_exits_0_with_its_reason(command: Command, tmp_path: Path, rules: Path) -> None:
    payload = saved(tmp_path, jira_body(webhookEvent="comment_created"))
    done = command("replay", "--tracker", "jira", payload, "--rules", rules, "--json")
    assert done.code == 0
    told = done.json()
    assert (told["status"], told["reason"], told["hints"], told["plan"]) == (
        "ignored",
        "unused_event",
        [],
        [],
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"{", "not_json"), (b"", "empty_body"), (b"[]", "wrong_shape"), (b"\xff", "not_json")],
)
def test_what_is_refused_exits_1_with_its_reason(
    command: Command, tmp_path: Path, rules: Path, body: bytes, reason: str
) -> None:
    done = command("replay", "--tracker", "jira", saved(tmp_path, body), "--rules", rules, "--json")
    assert (done.code, done.json()["status"], done.json()["reason"]) == (1, "refused", reason)
    assert done.json()["detail"].endswith(".")


def test_a_payload_that_is_not_there_is_a_wrong_usage(command: Command, tmp_path: Path) -> None:
    assert command("replay", "--tracker", "jira", tmp_path / "none.json").code == 2


def test_a_bad_rules_file_is_told_with_all_its_problems(command: Command, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\ndefaults: {mode: aply}\nextra: 1\n")
    done = command("replay", "--tracker", "jira", saved(tmp_path, jira_body()), "--rules", bad)
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 2)


@pytest.mark.parametrize("text", [b"{}", b'{"webhookEvent":"jira:issue_created","issue":{"id":1}}'])
def test_a_sparse_body_is_answered(command: Command, tmp_path: Path, rules: Path, text: bytes) -> None:
    done = command("replay", "--tracker", "jira", saved(tmp_path, text), "--rules", rules, "--json")
    assert done.json()["status"] in ("queued", "ignored", "refused")


@pytest.mark.skipif(not RECORDED, reason=f"There are no recorded webhook bodies at {FIXTURES}.")
def test_every_recorded_body_is_queued_or_ignored(command: Command) -> None:
    outcomes = {}
    for path in RECORDED:
        done = command("replay", "--tracker", path.parent.name, path, "--json", SPRINTWARDEN_CONFIG=CONFIG)
        told = done.json()
        outcomes[f"{path.parent.name}/{path.name}"] = (done.code, told["status"])
        assert told["status"] == "queued" or told["reason"], path
        assert orjson.dumps(told)
    assert set(outcomes.values()) <= {(0, "queued"), (0, "ignored")}, outcomes
