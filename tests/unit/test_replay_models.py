"""``replay`` and ``explain`` with models: what people and machines are shown of the learned part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from classifiers.examples import Target
from classifiers.tagger import Tagger
from rules.load import load_rules
from sprintwarden.offline import replay
from sprintwarden.showing import show_decision, show_replay
from tests.stand_in import WordHead, tagger
from tests.unit.command import Command
from tests.unit.command import command as command
from tests.unit.front_door import jira_body, linear_body
from trackers.model import TrackerKind

RULES = b"""\
version: 1
defaults:
  mode: apply
  tagging: {comment: true, rules: [{label: security, title: {words: [xss]}}]}
"""
BOOK = load_rules(RULES, "rules.yaml")
PARTS = tagger(WordHead({"button": ("Web shop", 0.9)}))
KINDS = tagger(WordHead({"segfault": ("Bug", 0.93), "please": ("Task", 0.04)}, exclusive=True))
TITLE = "XSS and a segfault on the slow button"


def told(title: str = TITLE, kind: TrackerKind = TrackerKind.JIRA, **models: Tagger) -> Any:
    payload = json.loads((jira_body if kind is TrackerKind.JIRA else linear_body)(title=title))
    if kind is TrackerKind.JIRA:
        payload["issue"]["fields"]["issuetype"] = {"name": "Task"}
    taggers = {Target(name): one for name, one in models.items()}
    return json.loads(json.dumps(replay(kind, json.dumps(payload).encode(), BOOK, taggers)))


@pytest.mark.parametrize("kind", list(TrackerKind))
def test_rules_and_models_make_one_plan(kind: TrackerKind) -> None:
    found = told(kind=kind, labels=tagger())
    assert found["plan"][0]["labels"] == ["security", "ui", "crash"]
    assert [label.get("chance", {}).get("p") for label in found["decision"]["labels"]] == [None, 0.97, 0.94]


def test_components_are_proposed_on_jira_alone() -> None:
    assert told(components=PARTS)["plan"][0]["labels"] == ["security", "component Web shop"]
    assert told(kind=TrackerKind.LINEAR, components=PARTS)["plan"][0]["labels"] == ["security"]


def test_people_read_reasons_and_what_was_kept_back() -> None:
    shown = show_replay(told(labels=tagger(), components=PARTS, type=KINDS))
    assert '  crash: issues that say "segfault" usually get it here (about 94 in 100; 85 are needed;' in shown
    assert '  performance: not by the model, below the line: 0.71, needed is 0.85 (for it: "slow")' in shown
    assert "reads like the type Bug" in shown
    assert "→ add security, ui, crash and component Web shop" in shown


def test_a_model_that_abstains_is_told_with_its_reason() -> None:
    shown = show_replay(told("segfault", labels=tagger()))
    assert "the model of labels is silent: the issue says too little" in shown
    assert "Nothing to do: no rule fits, and no model is sure of anything." in shown


def test_a_decision_kept_before_there_were_models_is_still_shown() -> None:
    kept = {"at": "2026-03-02T09:00:00", "outcome": "applied", "plan": {"mode": "apply", "labels": []}}
    assert show_decision(kept)


def test_a_folder_without_a_model_is_refused_in_a_sentence(command: Command, tmp_path: Path) -> None:
    rules, payload = tmp_path / "rules.yaml", tmp_path / "payload.json"
    rules.write_bytes(RULES)
    payload.write_bytes(jira_body(title=TITLE))
    done = command("replay", "--tracker", "jira", payload, "--rules", rules, "--model", tmp_path / "none")
    assert (done.code, done.out) == (1, "")
    assert str(tmp_path / "none") in done.err
