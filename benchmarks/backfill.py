"""What a backfill of many issues costs each tracker: requests by kind, and time.

``python -m benchmarks.backfill [--issues 10000] [--paced] [--data-center N]``

Toy trackers over HTTP and an embedded Redis; the backfill itself runs in this process. Of the issues three
quarters get a label or two, in six sets. Data Center takes one write an issue; with ``--paced`` at most
five requests a second are sent, as the product does, else time is spent on nothing but the work.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from redis import Redis

from rules.connection_schema import Deployment, WebhookAuth
from rules.connections import AccessToken, ApiKey, Connection, EmailToken, Webhook
from rules.load import load_rules
from rules.secret import Secret
from sandbox.remote import Remote
from sprintwarden import logs
from sprintwarden.embedded import EmbeddedRedis
from store.backfills import Backfill, Question, Wish
from store.connect import connect
from store.rulebook import RulebookShelf
from trackers.model import TrackerKind
from workers.backfill import APART_S, backfill
from workers.shop import open_shop

TOKEN: Final = "a-token-of-decent-length"
# Labels that the toy Linear has; the toy Jira takes any.
WORDS: Final = {"security": "XSS", "documentation": "manual", "Bug": "crash"}
RULES: Final = "version: 1\ndefaults:\n  mode: apply\n  tagging:\n    rules:\n" + "".join(
    f"      - {{label: {label}, title: {{words: [{word}]}}}}\n" for label, word in WORDS.items()
)
TRACKERS: Final = ("Linear", "Jira Cloud", "Jira Data Center")


def titles(count: int) -> list[str]:
    """Titles, each with a set of the words: none of them for a quarter, all three for some."""
    sets = [
        (),
        ("XSS",),
        ("crash",),
        ("XSS", "crash"),
        (),
        ("manual",),
        ("XSS", "manual"),
        tuple(WORDS.values()),
    ]
    return [" ".join(("Issue", str(n), *sets[n % len(sets)])) for n in range(count)]


@contextmanager
def toy(tracker: str) -> Iterator[Remote]:
    """A toy tracker in a process of its own."""
    command = [sys.executable, "-m", "sandbox", "linear" if tracker == "Linear" else "jira", "--token", TOKEN]
    if tracker == "Jira Data Center":
        command += ["--deployment", "data_center"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield Remote(process.stdout.readline().split()[1])
    finally:
        process.terminate()
        process.wait(10)


def connection(tracker: str, url: str) -> Connection:
    """How the tracker is reached."""
    linear = tracker == "Linear"
    return Connection(
        name="bench",
        tracker=TrackerKind.LINEAR if linear else TrackerKind.JIRA,
        deployment=None
        if linear
        else Deployment.CLOUD
        if tracker == "Jira Cloud"
        else Deployment.DATA_CENTER,
        url=url,
        auth=_auth(tracker),
        service_account=True,
        webhook=Webhook(WebhookAuth.SIGNATURE, (Secret(TOKEN),), 1024),
        projects=("ENG",) if linear else ("ABC",),
        boards=(),
    )


def _auth(tracker: str) -> ApiKey | EmailToken | AccessToken:
    match tracker:
        case "Linear":
            return ApiKey(Secret(TOKEN))
        case "Jira Cloud":
            return EmailToken("bot@example.invalid", Secret(TOKEN))
        case _:
            return AccessToken(Secret(TOKEN))


def measure(
    tracker: str, issues: int, redis: Redis, data: Path, apart_s: float
) -> tuple[Backfill, float, Counter[str]]:
    """Backfill so many issues: what came of it, in seconds, and the requests the toy saw by kind."""
    redis.flushall()
    RulebookShelf(redis).publish(load_rules(RULES.encode(), "rules.yaml").version_id, RULES.encode())
    with toy(tracker) as remote:
        project = "ENG" if tracker == "Linear" else "ABC"
        made = titles(issues)
        for start in range(0, issues, 1_000):
            remote.create_many(
                [{"project": project, "title": title} for title in made[start : start + 1_000]]
            )
        remote.forget_calls()
        shop = open_shop(redis, [connection(tracker, remote.url)], data=data)
        shop.backfills.begin("bench", Question(None, issues), [Wish.APPLY, Wish.SURE])
        begun = time.perf_counter()
        backfill(shop, "bench", apart_s=apart_s)
        took = time.perf_counter() - begun
        standing = shop.backfills.standing("bench")
        assert standing is not None
        return standing.backfill, took, Counter(call["operation"] for call in remote.calls())


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--issues", type=int, default=10_000)
    parser.add_argument("--data-center", type=int, default=1_000, help="issues there")
    parser.add_argument("--paced", action="store_true", help="five requests a second at most")
    parser.add_argument("--only", choices=TRACKERS)
    options = parser.parse_args()
    logs.configure()
    with TemporaryDirectory() as folder:
        server = EmbeddedRedis(Path(folder) / "redis")
        server.start()
        try:
            redis = connect(server.url)
            print(f"{'tracker':<18} {'issues':>7} {'labelled':>9} {'requests':>9} {'seconds':>8}  of which")
            for tracker in [options.only] if options.only else TRACKERS:
                issues = options.data_center if tracker == "Jira Data Center" else options.issues
                apart_s = APART_S if options.paced else 0.0
                done, took, calls = measure(tracker, issues, redis, Path(folder), apart_s)
                kinds = ", ".join(f"{kind} {times}" for kind, times in calls.most_common())
                print(
                    f"{tracker:<18} {done.tally.issues:>7} {done.progress.issues:>9} {calls.total():>9} "
                    f"{took:>8.1f}  {kinds}"
                )
                if done.said:
                    print(f"  {done.phase}: {done.said}")
                if done.requests != calls.total():
                    print(f"  counted by the backfill itself: {done.requests}")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
