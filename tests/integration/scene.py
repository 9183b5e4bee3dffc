"""A stage for end-to-end tests: both toy trackers and the whole service, and what can be seen of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import httpx

from rules.load import load_rules
from sandbox.remote import Remote
from sprintwarden.stage import JIRA, LINEAR, Script, Stage
from store.decisions import Decisions
from store.rulebook import RulebookShelf
from trackers.http import tls_context
from trackers.model import Subject, SubjectKind

QUICK: Final = {"SPRINTWARDEN_SETTLE_ISSUE_S": "0.1", "SPRINTWARDEN_LEASE_S": "2"}
"""Short times, where what is tested is not their length."""
TRACKERS: Final = ("jira", "linear")
WRITES: Final = {
    "PUT issue": "labels",
    "issueUpdate": "labels",
    "POST comment": "comments",
    "commentCreate": "comments",
    "PUT comment": "comment edits",
    "commentUpdate": "comment edits",
}
ONCE: Final = {"labels": 1, "comments": 1}


def demo_rules() -> str:
    """Rules that put labels on with a comment: ``security`` for XSS, ``performance``, ``documentation``."""
    return resources.files("sprintwarden").joinpath("demo_rules.yaml").read_text(encoding="utf-8")


@contextmanager
def stage(folder: Path, environ: Mapping[str, str] | None = None, workers: int = 1) -> Iterator[Stage]:
    """The service at work with more ``environ``; without bulk work, which nothing here asks for."""
    script = Script(demo_rules(), environ=environ or {}, workers=workers, without=frozenset({"bulk"}))
    with Stage(folder, script) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Side:
    """One tracker of a stage."""

    stage: Stage
    tracker: str

    @property
    def toy(self) -> Remote:
        return self.stage.jira if self.tracker == "jira" else self.stage.linear

    @property
    def name(self) -> str:
        """The connection's name."""
        return JIRA if self.tracker == "jira" else LINEAR

    @property
    def hook(self) -> str:
        """The webhook's address."""
        return f"{self.stage.url}/webhooks/{self.name}"

    def file(self, title: str = "XSS in the search box", **wish: Any) -> str:
        """A person files an issue; its key."""
        project = "ABC" if self.tracker == "jira" else "ENG"
        key: str = self.toy.create(project, title, **wish)["key"]
        return key

    def labels(self, key: str) -> set[str]:
        return set(self.toy.issue(key)["labels"])

    def has(self, key: str, *labels: str) -> Callable[[], bool]:
        """Whether the issue has just these labels and our comment."""
        return lambda: self.labels(key) == set(labels) and len(self.comments(key)) == 1

    def comments(self, key: str) -> list[str]:
        """What we wrote on the issue."""
        return [one["body"] for one in self.toy.issue(key)["comments"] if one["author"] == "Sprintwarden"]

    def writes(self, key: str) -> dict[str, int]:
        """How often we wrote what to the issue; anything unforeseen by its own name."""
        return dict(
            Counter(WRITES.get(call["operation"], call["operation"]) for call in self.toy.writes(key))
        )

    def runs(self, key: str) -> list[dict[str, Any]]:
        """The records of the runs about the issue, newest first."""
        id_ = str(self.toy.issue(key)["id"])
        return Decisions(self.stage.redis).of(Subject(self.name, SubjectKind.ISSUE, id_))

    def outcomes(self, key: str) -> list[str]:
        """How the runs about the issue ended, newest first."""
        return [str(run["outcome"]) for run in self.runs(key)]


def until(stage: Stage, true: Callable[[], bool], within: float, *, supervised: bool = True) -> float:
    """Wait for something to be so, as the supervisor watches; the seconds it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < within, f"not so within {within} s"
        if supervised:
            stage.supervisor.check()
        time.sleep(0.05)
    return time.monotonic() - begun


def worked(stage: Stage) -> bool:
    """Whether nothing waits in the inbox."""
    return not stage.redis.zcard("sw:pending")


def settle(stage: Stage, within: float = 20, *, supervised: bool = True) -> None:
    """Wait until all is quiet, and remains so."""
    for _ in range(2):
        until(stage, stage.idle, within, supervised=supervised)
        time.sleep(0.3)


def put_in_force(stage: Stage, rules: str, within: float = 5) -> None:
    """Write the rules file and wait until all work by it."""
    stage.write_rules(rules)
    version = load_rules(rules.encode(), "rules.yaml").version_id
    until(stage, lambda: RulebookShelf(stage.redis).version() == version, within)
    until(stage, lambda: "newest rules file" not in ready(stage), within)


def ready(stage: Stage) -> dict[str, Any]:
    """What /readyz says, check by check."""
    answer = httpx.get(f"{stage.url}/readyz", timeout=5, trust_env=False, verify=tls_context()).json()
    return {check["name"]: check for check in answer["checks"]}
