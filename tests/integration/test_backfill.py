"""Backfill end to end: the command, a bulk worker that dies in it, both trackers, and the echoes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from sandbox.remote import Remote
from sprintwarden.stage import Script, Stage
from tests.integration.scene import QUICK, TRACKERS, Side, settle

RULES: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    comment: false
    rules:
      - {label: security, title: {words: [xss]}}
"""
ISSUES: Final = 12
READS: Final = {"GET issue", "issue"}
"""How a run reads an issue."""


def _history(jira: Remote, linear: Remote) -> None:
    for toy, project in ((jira, "ABC"), (linear, "ENG")):
        toy.create_many([{"project": project, "title": "XSS in the search box"}] * ISSUES)


def _backfill(stage: Stage, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "sprintwarden", "backfill", *arguments, "--json"]
    done = subprocess.run(
        command, capture_output=True, env={**os.environ, **stage.environ}, timeout=60, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_old_issues_are_labelled_once_though_the_worker_dies_of_it(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    environ = {**QUICK, "SPRINTWARDEN_KILL_AT": f"written:{killed}"}
    with Stage(tmp_path / "stage", Script(RULES, prepare=_history, environ=environ)) as stage:
        for side in (Side(stage, tracker) for tracker in TRACKERS):
            done = _backfill(stage, side.name, "--apply")
            assert (done["phase"], done["progress"]["issues"]) == ("done", ISSUES)
            assert killed.exists()
            settle(stage)
            asked = {call["operation"] for call in side.toy.calls()}
            assert READS.isdisjoint(asked), "no echo of it costs a reading"
            for issue in side.toy.issues():
                assert len(issue["labels"]) == 1
                assert [run["because"] for run in side.runs(issue["key"])].count("backfill") == 1
