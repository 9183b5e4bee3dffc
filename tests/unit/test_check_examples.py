"""The examples for pre-commit and CI are well-formed, and what they call does what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.unit.command import Command
from tests.unit.command import command as command

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
MISTAKES = ROOT / "tests" / "unit" / "rules_fixtures" / "twenty_five_mistakes.yaml"


def read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def hook() -> dict[str, Any]:
    (only,) = read(ROOT / ".pre-commit-hooks.yaml")
    return dict(only)


def calls() -> list[str]:
    """Every call of ours that the examples make, as a shell would be given it."""
    steps = read(EXAMPLES / "ci-github.yml")["jobs"]["check"]["steps"]
    lines = [step["run"] for step in steps if "run" in step] + read(EXAMPLES / "ci-gitlab.yml")["rules"][
        "script"
    ]
    found = [line for line in lines if line.startswith("sprintwarden ")]
    assert len(found) == 2
    return [*found, f"{hook()['entry']} config/rules.yaml"]


@pytest.mark.parametrize("call", calls())
def test_the_call_of_an_example_takes_good_rules_and_no_others(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    _, *arguments = shlex.split(call)
    monkeypatch.chdir(ROOT)
    assert command(*arguments).code == 0
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    for text in (
        MISTAKES.read_text(encoding="utf-8"),
        "version: 1\ndefaults: {sprints: {working_days: [sat]}}\n",
    ):
        Path("config/rules.yaml").write_text(text, encoding="utf-8")
        assert command(*arguments).code == 1


def test_the_example_for_pre_commit_names_our_hook() -> None:
    (repo,) = read(EXAMPLES / "pre-commit-config.yaml")["repos"]
    assert [one["id"] for one in repo["hooks"]] == [hook()["id"]]


def test_the_hook_is_called_for_rules_files_alone() -> None:
    files = re.compile(hook()["files"])
    assert files.search("config/rules.yaml")
    assert files.search("rules.yaml")
    assert not files.search("config/alert-rules.yaml")
    assert not files.search("config/rules.schema.json")
    assert not files.search("config/connections.yaml")


@pytest.mark.parametrize(
    ("kind", "path"),
    [("manifest", ROOT / ".pre-commit-hooks.yaml"), ("config", EXAMPLES / "pre-commit-config.yaml")],
)
def test_pre_commit_takes_the_file(kind: str, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", f"validate-{kind}", str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
