"""How long the console's pages take the server, with much to show.

``python -m benchmarks.console [--decisions 10000] [--times 20]``

Fills a Redis of its own with decisions about issues and sprints that bear 500 labels in all, and with
subjects that wait or were given up. Then each page is asked for through Flask's test client, so that all is
counted but the network and the web server; the median and the slowest are told. A filter is worst that
nothing fits: every line of the feed is looked at.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from flask.testing import FlaskClient
from redis import Redis

from rules.connection_schema import Deployment
from rules.connections import Connection, EmailToken
from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.decisions import put
from store.feed import Feed
from store.inbox import Inbox
from trackers.model import Hint, HintKind, Subject, SubjectKind, TrackerKind
from webhook_app.app import WebSettings, create_app
from webhook_app.console.access import Access, hash_of

LABELS: Final = 500
ISSUES: Final = 2_500
SPRINTS: Final = 50
WAITING: Final = 1_000
NAME: Final = "acme-jira"
_PASSWORD: Final = "four plain words here"
_ENDINGS: Final = ("applied", "nothing", "ignored", "applied", "dry_run", "postponed", "suggested", "dead")


def record(number: int, at: datetime) -> dict[str, Any]:
    """A record as workers make it, of an issue that got one label."""
    outcome, label = _ENDINGS[number % len(_ENDINGS)], f"label {number % LABELS}"
    told = {
        "label": label,
        "source": "learned",
        "because": ["past issues like it usually got it here (about 94 in 100; 85 are needed)"],
        "chance": {
            "p": 0.94,
            "threshold": 0.85,
            "runner_up": {"label": "label 0", "p": 0.2},
            "terms": [{"text": "stack trace", "weight": 1.2}],
        },
    }
    kept: dict[str, Any] = {
        "at": at.isoformat(timespec="milliseconds"),
        "outcome": outcome,
        "because": "nothing_fits" if outcome == "nothing" else None,
        "cause": "The tracker answered 500." if outcome in ("postponed", "dead") else "",
        "hints": [{"kind": "issue_changed", "digest": "d" * 64, "at": at.isoformat(), "changed": ["title"]}],
        "attempt": 1,
        "waited_ms": 3_000,
        "took_ms": 400,
        "rules": "0123456789ab",
    }
    if outcome in ("applied", "suggested", "dry_run"):
        kept["plan"] = {
            "mode": "apply",
            "labels": [told],
            "already": [],
            "withheld": [],
            "operations": [{"do": "add_labels", "labels": [label], "create": []}, {"do": "post_comment"}],
            "because": None,
            "reads_like": None,
            "models": [],
        }
        kept["written"] = {"labels": [label], "comment": "1"}
        kept["refused"] = []
    return kept


def fill(redis: Redis, decisions: int) -> None:
    """Decisions over the last month, a tenth of them about sprints, and a queue."""
    began = datetime.now(UTC) - timedelta(days=30)
    step = timedelta(days=30) / decisions
    pipe = redis.pipeline()
    for number in range(decisions):
        kept = record(number, began + number * step)
        if number % 10 == 9:
            subject = Subject(NAME, SubjectKind.SPRINT, str(number % SPRINTS))
        else:
            subject = Subject(NAME, SubjectKind.ISSUE, str(10_000 + number % ISSUES))
            kept["issue"] = f"ABC-{number % ISSUES}"
        put(pipe, subject, kept)
        if number % 500 == 499:
            pipe.execute()
    pipe.execute()
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    for number in range(WAITING):
        subject = Subject(NAME, SubjectKind.ISSUE, str(10_000 + number))
        settle = timedelta(seconds=number % 2 * 600)
        hint = Hint(subject, HintKind.ISSUE_CHANGED, f"{number}")
        inbox.offer(NAME, f"{number}", [hint], settle=settle, ceiling=settle)
    for taken in inbox.take(WAITING // 3):
        batch = inbox.begin(taken.subject, taken.token)
        assert batch is not None
        match taken.token % 3:
            case 0:
                inbox.bury(batch, "The tracker answered 400: the field is not on the screen.")
            case 1:
                inbox.postpone(batch, timedelta(hours=1), "The tracker answered 503.", free=True)


def log_in(url: str) -> FlaskClient:
    """A browser that is let in."""
    auth = EmailToken("bot@acme.example", Secret("not-a-real-token"))
    site = "https://acme.example"
    known = Connection(NAME, TrackerKind.JIRA, Deployment.CLOUD, site, auth, True, None, ("ABC",))
    access = Access(password=Secret(hash_of(_PASSWORD)))
    client = create_app(WebSettings(redis_url=url, connections=[known], console=access)).test_client()
    client.post("/console/login", data={"password": _PASSWORD, "user": "ada"})
    return client


def pages(redis: Redis) -> Mapping[str, str]:
    """What is asked for, by what it is."""
    everything, page = "/console/decisions?outcome=everything", Feed(redis).slice(1)
    return {
        "decisions": "/console/decisions",
        "decisions, everything": everything,
        "decisions, page 100": f"{everything}&before={_middle(redis)}",
        "decisions, one label": "/console/decisions?label=label+8",
        "decisions, a label that nothing has": "/console/decisions?outcome=everything&label=none",
        "decisions, an outcome that nothing has": "/console/decisions?outcome=partly_refused",
        "decisions of one issue": "/console/decisions?key=ABC-8",
        "one decision": f"/console/decisions/{page.lines[0].place}",
        "queue": "/console/queue",
    }


def _middle(redis: Redis) -> str:
    lines = Feed(redis).newest(redis.zcard(keys.FEED))
    return str(lines[len(lines) // 2].place)


def measured(client: FlaskClient, path: str, times: int) -> Iterator[float]:
    """Milliseconds of each of so many requests."""
    for _ in range(times):
        began = time.perf_counter()
        answer = client.get(path)
        yield (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, (path, answer.status_code)


def main() -> None:
    """Fill, ask, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedRedis(Path(folder))
        server.start()
        try:
            redis = connect(server.url)
            fill(redis, options.decisions)
            lines, size = redis.zcard(keys.FEED), redis.memory_usage(keys.FEED, samples=0) or 0
            print(f"feed: {lines} lines, {size / 1e6:.1f} MB, {size / lines:.0f} bytes each")
            client = log_in(server.url)
            for name, path in pages(redis).items():
                took = list(measured(client, path, options.times))
                print(f"{name:42} median {statistics.median(took):6.1f} ms, slowest {max(took):6.1f} ms")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
