"""Redis memory per 10,000 events: while they wait, and after they were worked; by kind of key.

``python -m benchmarks.memory [--issues 500] [--rounds 20] [--workers 2]``

The whole service runs (``sprintwarden.stage``). Each round puts one new delivery for every issue
into the inbox, as the receiver does, and lets the workers work them all; the first labels the
issues and comments on them, the later ones find all in order, and each run is recorded. More issues
than the rules let be written to within their window would never be done. Bytes of a key are
those of MEMORY USAGE, all members counted; the total is the growth of ``used_memory``.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from importlib import resources
from itertools import islice
from pathlib import Path

from redis import Redis

from benchmarks.worker import release
from sprintwarden.stage import JIRA, Script, Stage
from store.door import Door, Wait
from store.keys import PENDING
from trackers.model import Hint, HintKind, Subject, SubjectKind

MINUTE = Wait.of(timedelta(minutes=1), timedelta(minutes=1))


def offer(stage: Stage, issues: list[str], number: int) -> None:
    """One delivery for each issue, none of them seen before; all wait for a minute."""
    door = Door(stage.redis)
    for issue in issues:
        digest = hashlib.sha256(f"{issue} {number}".encode()).hexdigest()
        hint = Hint(Subject(JIRA, SubjectKind.ISSUE, issue), HintKind.ISSUE_CREATED, digest)
        door.offer(JIRA, digest, [hint], [MINUTE])


def settle(stage: Stage) -> None:
    """Wait until all is worked, and what our own writes brought about too."""
    quiet = 0
    while quiet < 10:
        time.sleep(0.1)
        quiet = 0 if stage.redis.zcard(PENDING) else quiet + 1


def used(redis: Redis) -> int:
    """Bytes of all that Redis holds, its own tables included."""
    return int(redis.info("memory")["used_memory"])


def by_kind(redis: Redis) -> dict[str, tuple[int, int]]:
    """How many keys of each kind there are, and their bytes; RQ's own count as one kind."""
    found: dict[str, list[int]] = defaultdict(list)
    names = iter(list(redis.scan_iter(count=1000)))
    while some := list(islice(names, 500)):
        pipeline = redis.pipeline(transaction=False)
        for name in some:
            pipeline.memory_usage(name, samples=0)
        for name, size in zip(some, pipeline.execute(), strict=True):
            prefix, _, rest = str(name).partition(":")
            kind = f"sw:{rest.partition(':')[0]}" if prefix == "sw" else f"{prefix}:*"
            found[kind].append(size or 0)
    return {kind: (len(sizes), sum(sizes)) for kind, sizes in sorted(found.items())}


def show(title: str, redis: Redis, grown: int, events: int) -> None:
    """A table of one moment."""
    per = grown / events * 10_000 / 1e6
    print(f"{title}: {grown / 1e6:.1f} MB for {events} events, {per:.1f} MB per 10,000")
    for kind, (number, size) in by_kind(redis).items():
        print(f"  {kind:20} {number:7} keys {size / 1e6:8.2f} MB {size / number:9.0f} bytes each")


def main() -> None:
    """Fill, look, work, look again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issues", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rules = resources.files("sprintwarden").joinpath("demo_rules.yaml").read_text()
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder), Script(rules, workers=options.workers)) as stage,
    ):
        made = [stage.jira.create("ABC", f"XSS on page {n}", quiet=True) for n in range(options.issues)]
        issues = [str(issue["id"]) for issue in made]
        before = used(stage.redis)
        for number in range(options.rounds):
            offer(stage, issues, number)
            if number == 0:
                show("waiting", stage.redis, used(stage.redis) - before, options.issues)
            release(stage)
            settle(stage)
        show("worked", stage.redis, used(stage.redis) - before, options.issues * options.rounds)


if __name__ == "__main__":
    main()
