"""A toy tracker over real HTTP, and workers that meet it in this process: whole runs, but no stage.

Each worker is a ``Shop`` of its own on the one Redis, as each process has one. Time passes by ``pull``:
what waits for later is made due at once, so that no test sleeps through a lease or a delay.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from redis import Redis

from rules.connections import ApiKey, Connection, EmailToken
from rules.load import load_rules
from rules.secret import Secret
from sandbox.jira import JiraConfig
from sandbox.jira import create_app as create_jira
from sandbox.linear import LinearConfig
from sandbox.linear import create_app as create_linear
from sandbox.remote import Remote
from sandbox.server import start
from store import keys
from store.rulebook import RulebookShelf
from tests.conftest import CONNECTION
from trackers.model import Hint, HintKind, Subject, SubjectKind, TrackerKind
from workers import checkpoints
from workers.checkpoints import Checkpoint
from workers.record import Ending
from workers.run import run
from workers.shop import Shop, open_shop

TOKEN: Final = "a-token"
BOT: Final = "Sprintwarden"
RULES: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    create_labels: {create}
    comment: {comment}
    rules:
      - {{label: security, title: {{words: [xss]}}}}
      - {{label: documentation, title: {{words: [docs]}}}}
      - {{label: {new}, title: {{words: [novel]}}}}
"""


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@dataclass
class Toy:
    """One running toy tracker and what a person does in it."""

    hand: Remote
    connection: Connection

    @property
    def is_jira(self) -> bool:
        return self.connection.tracker is TrackerKind.JIRA

    def file(self, title: str = "XSS in the search box", **wish: Any) -> str:
        """A person files an issue; its key."""
        key: str = self.hand.create("ABC" if self.is_jira else "ENG", title, **wish)["key"]
        return key

    def subject(self, key: str) -> Subject:
        return Subject(self.connection.name, SubjectKind.ISSUE, str(self.hand.issue(key)["id"]))

    def labels(self, key: str) -> list[str]:
        return sorted(self.hand.issue(key)["labels"])

    def comments(self, key: str) -> list[dict[str, Any]]:
        """What we wrote on the issue."""
        return [one for one in self.hand.issue(key)["comments"] if one["author"] == BOT]

    def fresh(self) -> None:
        """Forget what earlier tests asked and wanted to go wrong."""
        self.hand.no_faults()
        self.hand.forget_calls()

    def asked(self) -> list[str]:
        """The names of the requests, oldest first."""
        return [call["operation"] for call in self.hand.calls()]

    def effects(self, key: str) -> Counter[str]:
        """Requests that changed the issue, whether or not their answer came through."""
        return Counter(
            call["operation"]
            for call in self.hand.calls()
            if call["write"] and call["issue"] == key and 200 <= call["status"] < 300
            if call["detail"].get("changed", True)
        )


@contextmanager
def jira(**config: Any) -> Iterator[Toy]:
    """A toy Jira Cloud, or with ``deployment`` the other one."""
    with _running(create_jira(JiraConfig(token=TOKEN, **config))) as hand:
        auth = EmailToken("bot@example.invalid", Secret(TOKEN))
        yield Toy(hand, replace(CONNECTION, url=hand.url, auth=auth))


@contextmanager
def linear(**config: Any) -> Iterator[Toy]:
    """A toy Linear whose key belongs to an app user."""
    with _running(create_linear(LinearConfig(token=TOKEN, **config))) as hand:
        given = replace(CONNECTION, tracker=TrackerKind.LINEAR, deployment=None, projects=("ENG",), boards=())
        yield Toy(hand, replace(given, url=hand.url, auth=ApiKey(Secret(TOKEN))))


@contextmanager
def _running(app: Any) -> Iterator[Remote]:
    with start(app) as server:
        hand = Remote(server.url)
        yield hand
        hand.close()
    app.extensions["sandbox"].sender.close()


@dataclass
class Floor:
    """The Redis that workers share, and the toys they work for."""

    redis: Redis
    folder: Path
    toys: tuple[Toy, ...]
    extra: tuple[Connection, ...] = ()
    """Further connections, as to the same toy under another name."""
    told: list[Ending] = field(default_factory=list)
    """How every run ended, oldest first."""

    def rules(self, *, comment: bool = False, create: bool = False, new: str = "brand-new") -> None:
        """Put rules in force that know three labels."""
        text = RULES.format(comment=str(comment).lower(), create=str(create).lower(), new=new).encode()
        RulebookShelf(self.redis).publish(load_rules(text, "rules.yaml").version_id, text)

    def worker(self, checkpoint: Checkpoint = checkpoints.nothing) -> Shop:
        """One more worker: connections, memory of failures and all of its own."""
        connections = [*(toy.connection for toy in self.toys), *self.extra]
        return open_shop(self.redis, connections, data=self.folder, checkpoint=checkpoint)

    def tell(
        self, shop: Shop, subject: Subject, kind: HintKind = HintKind.ISSUE_CREATED, **more: Any
    ) -> None:
        """An event about an issue comes in."""
        digest = f"{time.monotonic_ns()}"
        hint = Hint(subject, kind, digest, at=datetime.now(UTC), **more)
        nothing = timedelta(0)
        assert shop.inbox.offer(subject.connection, digest, [hint], settle=nothing, ceiling=nothing)

    def pull(self) -> None:
        """Let all time pass that anything waits for, leases included."""
        for name, _ in self._pending():
            self.redis.zadd(keys.PENDING, {name: 0})

    def work(self, shop: Shop) -> list[Ending]:
        """Run what is due, each once."""
        endings = [run(shop, item.subject, item.token) for item in shop.inbox.take(50)]
        self.told += (ended := [ending for ending in endings if ending is not None])
        return ended

    def work_off(self, shop: Shop, rounds: int = 10) -> list[Ending]:
        """Run until nothing waits, however long it would have had to wait."""
        ended: list[Ending] = []
        for _ in range(rounds):
            self.pull()
            if not (now := self.work(shop)):
                return ended
            ended += now
        raise AssertionError(f"still not done: {[ending.cause or ending.because for ending in ended[-3:]]}")

    def until(self) -> float:
        """Seconds until the next subject is due."""
        (_, score), *_ = self._pending()
        seconds, micros = self.redis.time()
        return score / 1000 - (seconds + micros / 1e6)

    def _pending(self) -> list[tuple[str, float]]:
        """What waits, by when it is due (ms)."""
        return cast("list[tuple[str, float]]", self.redis.zrange(keys.PENDING, 0, -1, withscores=True))

    def lose_journals(self) -> None:
        """Redis forgets what we did to issues."""
        for name in self.redis.scan_iter(match=f"{keys.JOURNAL}*"):
            self.redis.delete(name)

    def pauses_end(self) -> None:
        """Let all pauses be over."""
        for name in self.redis.scan_iter(match=f"{keys.PAUSE}*"):
            self.redis.delete(name)
