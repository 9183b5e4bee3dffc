"""An admin's first hour on a toy Jira and a toy Linear, as a page: ``python -m sprintwarden.first_hour``.

Every command is the real one in a process of its own, and what it printed stands below it. Only addresses
are replaced by ones that read well, and so the warning that ours is local is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from sandbox.remote import Remote
from sprintwarden.stage import Script, Stage

JIRA: Final = "acme-jira"
LINEAR: Final = "acme-linear"
_LOCAL: Final = r"^  warn  public address: .* is this machine's own: .*\n"
_PATIENCE_S: Final = 30.0
_FILED: Final = (
    "XSS in the comment field",
    "The page is very slow when the search is empty",
    "Please add a dark theme",
    "Reports show a memory leak since the update",
    "Fix a typo in the readme",
    "Plan the team's offsite",
    "SQL injection in the export",
    "How do I export a board?",
)
"""Titles of issues that were there before."""


@dataclass(frozen=True, slots=True)
class Said:
    """A command, what it said, and how it ended."""

    command: str
    text: str
    code: int


@dataclass(slots=True)
class Hour:
    """The hour as it goes; ``said`` gathers what there is to show."""

    stage: Stage
    said: list[Said | str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """A paragraph between commands."""
        self.said.append(text)

    def run(self, *arguments: str, expect: int = 0) -> Said:
        """One command; raises AssertionError when it ends otherwise than with ``expect``."""
        done = subprocess.run(
            [sys.executable, "-m", "sprintwarden", *arguments],
            env={**os.environ, **self.stage.environ, "COLUMNS": "100", "NO_COLOR": "1"},
            cwd=self.stage.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        command = " ".join(map(_quoted, ("sprintwarden", *arguments)))
        said = Said(self._readable(command), self._readable(done.stdout.decode()), done.returncode)
        self.said.append(said)
        assert done.returncode == expect, f"{command} ended with {done.returncode}:\n{said.text}"
        return said

    def rules(self, change: Callable[[str], str]) -> None:
        """Save an edited rules file and wait until it is in force."""
        path = self.stage.folder / "config" / "rules.yaml"
        text = change(path.read_text(encoding="utf-8"))
        self.stage.write_rules(text)
        wait_until(lambda: self.stage.in_force() == text)

    def _readable(self, text: str) -> str:
        """Without the addresses and folders of this one walk."""
        for ours, shown in (
            (self.stage.url, "https://hooks.acme.example"),
            (self.stage.jira.url, "https://acme.atlassian.net"),
            (self.stage.linear.url, "https://api.linear.app"),
            (f"{self.stage.folder}/", ""),
        ):
            text = text.replace(ours, shown)
        text = re.sub(_LOCAL, "", text, flags=re.MULTILINE)
        return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


@contextmanager
def first_hour(folder: Path) -> Iterator[Hour]:
    """The hour up to the point where the service runs and both trackers are connected."""
    hour: list[Hour] = []

    def connect(stage: Stage) -> None:
        hour.append(Hour(stage))
        _connect(hour[0])

    rules = resources.files("sprintwarden").joinpath("demo_rules.yaml").read_text(encoding="utf-8")
    with Stage(folder, Script(_cautious(rules), prepare=_before, connect=connect)):
        yield hour[0]


def walk(hour: Hour) -> None:
    """The rest of the hour: prove, check, try, report, apply, label what was there."""
    stage = hour.stage
    hour.tell("## 2. Prove that it works")
    hour.run("doctor", "--public-url", stage.url)
    hour.run("doctor", JIRA, "--public-url", stage.url, "--touch", "ABC-1")
    hour.tell("## 3. Check the rules, and see where each value comes from")
    hour.run("check", "--connection", JIRA)
    hour.run("explain-config", "ABC")
    hour.tell("## 4. See before you act\n\nIssues are filed; in a dry run nothing is written.")
    keys = [stage.jira.create("ABC", title)["key"] for title in _FILED[:4]]
    keys += [stage.linear.create("ENG", title)["key"] for title in _FILED[4:]]
    wait_until(stage.idle)
    hour.run("report")
    hour.tell("A new rules file, not saved in its place yet: what would it do differently?")
    new = stage.folder / "new-rules.yaml"
    new.write_text(_with_theme(stage.rules()), encoding="utf-8")
    hour.run("try", "--rules", "new-rules.yaml", "--connection", JIRA)
    hour.tell("A slip is told with its place and changes nothing:")
    slip = stage.folder / "slip.yaml"
    slip.write_text(stage.rules().replace("mode: dry_run", "mode: aply", 1), encoding="utf-8")
    hour.run("check", "slip.yaml", expect=1)
    hour.tell("## 5. Let it write\n\n`rules.yaml` is saved with the new rule and `mode: apply` for ABC.")
    hour.rules(lambda text: _with_theme(text) + "projects:\n  ABC: {mode: apply}\n")
    key = stage.jira.create("ABC", "Please add a dark theme to the app")["key"]
    wait_until(lambda: bool(stage.jira.issue(key)["labels"]))
    wait_until(stage.idle)
    hour.run("explain", JIRA, key)
    hour.tell("## 6. Label what was there already")
    hour.run("backfill", JIRA)
    hour.run("backfill", JIRA, "--apply", "--yes")
    wait_until(stage.idle)
    hour.run("report")


def page(hour: Hour) -> str:
    """The hour as Markdown."""
    parts = [
        "# The first hour",
        "What an admin types and sees, from nothing to the first labels, on a toy Jira and a toy Linear. "
        "Made by `python -m sprintwarden.first_hour`; the guide is [admin.md](admin.md). The addresses stand "
        "for those of the toys and of the service on one machine; the warning that the service's is such a "
        "local one is left out.",
    ]
    for said in hour.said:
        if isinstance(said, str):
            parts.append(said)
        else:
            code = f"\n(exit code {said.code})" if said.code else ""
            parts.append(f"```\n$ {said.command}\n{said.text.rstrip()}{code}\n```")
    return "\n\n".join(parts) + "\n"


def wait_until(true: Callable[[], bool]) -> None:
    """Raises AssertionError when it does not come true."""
    deadline = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


def _connect(hour: Hour) -> None:
    stage = hour.stage
    config = stage.folder / "config"
    (config / "connections.yaml").write_text("version: 1\nconnections: {}\n", encoding="utf-8")
    hour.tell("## 1. Connect")
    common = ("--service-account", "--public-url", stage.url, "--register", "--write")
    jira = ("--tracker", "jira", "--deployment", "cloud", "--url", stage.jira.url)
    account = ("--email", "bot@example.invalid", "--token-env", "DEMO_JIRA_TOKEN")
    hour.run("connect", JIRA, *jira, *account, "--projects", "ABC", "--boards", "1", *common)
    linear = ("--tracker", "linear", "--url", stage.linear.url, "--key-env", "DEMO_LINEAR_KEY")
    hour.run("connect", LINEAR, *linear, "--teams", "ENG", "--cycles", *common)


def _before(jira: Remote, linear: Remote) -> None:
    for label in ("security", "performance", "documentation"):
        jira.create("ABC", f"An older issue about {label}", labels=[label])
    for title in _FILED:
        jira.create("ABC", title)
        linear.create("ENG", title)


def _cautious(rules: str) -> str:
    return re.sub(r"mode: \w+", "mode: dry_run", rules)


def _with_theme(rules: str) -> str:
    """The rules with one more."""
    rule = "      - label: theme\n        title: {words: [dark theme, light theme]}\n"
    return re.sub(r"(\n +rules:\n)", lambda found: found[1] + rule, rules, count=1)


def _quoted(word: str) -> str:
    return f"'{word}'" if re.search(r"[^\w./:@,-]", word) else word


def main() -> None:
    """Walk, and print the page."""
    with tempfile.TemporaryDirectory(prefix="sprintwarden-hour-") as folder, first_hour(Path(folder)) as hour:
        walk(hour)
        sys.stdout.write(page(hour))


if __name__ == "__main__":
    main()
