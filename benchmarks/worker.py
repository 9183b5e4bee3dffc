"""Runs per second and memory per worker, tagging issues of a toy tracker.

``python -m benchmarks.worker [--issues 600] [--workers 1]``

The whole service runs (``sprintwarden.stage``); the hints are put straight into the inbox, all due
at once, so that what is measured is clock, RQ, run and the tracker's answers. Each issue gets a
label: one reading and one write over HTTP. The toy shares the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import cast

from benchmarks.measuring import cpu_seconds, pss_mb, tree
from sandbox.remote import Remote
from sprintwarden.stage import JIRA, LINEAR, Script, Stage
from store.inbox import Inbox
from trackers.model import Hint, HintKind, Subject, SubjectKind

NOW = timedelta()


def fill(stage: Stage, name: str, toy: Remote, project: str, number: int) -> None:
    """File issues that no webhook tells of, and offer a hint for each."""
    inbox = Inbox(stage.redis, lease=timedelta(seconds=45))
    for n in range(number):
        issue = toy.create(project, f"XSS on page {n}", quiet=True)
        subject = Subject(name, SubjectKind.ISSUE, issue["id"])
        hint = Hint(subject, HintKind.ISSUE_CREATED, f"{n:064x}")
        inbox.offer(name, hint.digest, [hint], settle=timedelta(seconds=60), ceiling=timedelta(seconds=60))


def release(stage: Stage) -> None:
    """Make everything due now."""
    for member in cast("list[str]", stage.redis.zrange("sw:pending", 0, -1)):
        stage.redis.zadd("sw:pending", {member: 0})


def measure(stage: Stage, name: str, toy: Remote, project: str, number: int) -> None:
    """One tracker's issues through the workers."""
    fill(stage, name, toy, project, number)
    toy.forget_calls()
    pids = stage.supervisor.pids()
    workers = [pid for pid in tree(pids["worker"]) if pid != pids["worker"]]
    before = cpu_seconds(workers)
    release(stage)
    started = time.perf_counter()
    while stage.redis.zcard("sw:pending"):
        time.sleep(0.02)
    took = time.perf_counter() - started
    used = cpu_seconds(workers) - before
    labelled = sum(bool(issue["labels"]) for issue in toy.issues())
    requests = len(toy.calls())
    print(
        f"{name:12} {number / took:6.1f} runs/s   {used / number * 1000:5.1f} ms CPU a run in the worker   "
        f"{requests / number:.2f} requests an issue   {labelled}/{number} labelled"
    )


def main() -> None:
    """Measure both trackers, then the memory of what ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issues", type=int, default=600)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    rules = (
        resources.files("sprintwarden")
        .joinpath("demo_rules.yaml")
        .read_text()
        .replace("comment: true", "comment: false")
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder), Script(rules, workers=options.workers)) as stage,
    ):
        measure(stage, JIRA, stage.jira, "ABC", options.issues)
        measure(stage, LINEAR, stage.linear, "ENG", options.issues)
        pool = stage.supervisor.pids()["worker"]
        for pid in tree(pool):
            print(f"{'pool' if pid == pool else 'worker':12} {pss_mb(pid):6.1f} MB (PSS)")


if __name__ == "__main__":
    main()
