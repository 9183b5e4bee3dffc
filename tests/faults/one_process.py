"""The whole service in this process, over both toy trackers by real HTTP: front door, inbox and runs.

What a clock and workers would do is done by ``work``, so that a test sees every step's end.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from redis import Redis

from rules.connection_schema import Deployment, WebhookAuth
from rules.connections import ApiKey, Auth, Connection, EmailToken, Webhook
from rules.load import load_rules
from rules.secret import Secret
from sandbox import jira, linear
from sandbox.iterations import Iteration, JiraSprint, LinearCycle
from sandbox.remote import Remote
from sandbox.server import start
from store.connect import connect
from store.rulebook import RulebookShelf
from trackers.model import Hint, HintKind, Subject, SubjectKind, TrackerKind
from webhook_app.app import WebSettings, create_app
from workers.record import Ending
from workers.run import run
from workers.shop import open_shop

JIRA: Final = "acme-jira"
LINEAR: Final = "acme-linear"
TOKEN: Final = "a-jira-token-of-acme"
KEY: Final = "lin_api_a-key-of-acme"
HOOK: Final = "a-webhook-secret"
RULES: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    comment: true
    create_labels: true
    rules:
      - {label: security, any: [{title: {words: [xss]}}, {body: {regex: 'CVE-[0-9]+.*'}}]}
      - {label: performance, title: {words: [slow]}}
      - {label: documentation, title: {regex: 'ABC-1 .*'}}
  sprints: {overcommit: {enabled: false}, scope_creep: {budget: 1%, grace: 0s, label: true}}
"""


class OneProcess:
    """Both toys, the front door before the Redis at ``url``, and a floor."""

    def __init__(self, stack: ExitStack, url: str, data: Path) -> None:
        self.toys = {
            JIRA: jira.create_app(jira.JiraConfig(token=TOKEN)),
            LINEAR: linear.create_app(linear.LinearConfig(token=KEY)),
        }
        self.urls = {name: stack.enter_context(start(toy)).url for name, toy in self.toys.items()}
        for toy in self.toys.values():
            stack.callback(toy.extensions["sandbox"].sender.close)
        self.redis: Redis = connect(url)
        stack.callback(self.redis.close)
        self.connections = (
            connection(JIRA, self.urls[JIRA], EmailToken(jira.JiraConfig(token=TOKEN).email, Secret(TOKEN))),
            connection(LINEAR, self.urls[LINEAR], ApiKey(Secret(KEY))),
        )
        self.rules(RULES)
        self.shop = open_shop(self.redis, self.connections, data=data)
        nothing = timedelta(0)
        door = create_app(WebSettings(url, self.connections, settle_issue=nothing, settle_sprint=nothing))
        self.door = stack.enter_context(start(door)).url
        for name in self.toys:
            self.remote(name).send_to(f"{self.door}/webhooks/{name}", HOOK)

    def rules(self, text: str) -> None:
        """Put rules in force."""
        RulebookShelf(self.redis).publish(load_rules(text.encode(), "rules.yaml").version_id, text.encode())

    def remote(self, name: str) -> Remote:
        """What a person does in a toy."""
        return Remote(self.urls[name])

    def file(self, name: str, title: str, **wish: Any) -> dict[str, Any]:
        """A person files an issue: how it stands."""
        return self.remote(name).create("ABC" if name == JIRA else "ENG", title, **wish)

    def sprint(self, name: str, title: str) -> Iteration:
        """The next sprint of a team, of that name."""
        if name == JIRA:
            return JiraSprint(self.remote(name), "ABC", 1, title)
        cycle = LinearCycle(self.remote(name), "ENG")
        named = {"name": title}
        cycle.toy.control("PATCH", f"/linear/cycles/{cycle.project}/{cycle.number}", named)
        return cycle

    def has_past(self, name: str) -> None:
        """Give a team finished sprints, and have its board looked at until they are known."""
        team = JiraSprint(self.remote(name)) if name == JIRA else LinearCycle(self.remote(name))
        for days in (15.0, 30.0, 45.0, 60.0):
            team.remember((5.0, 3.0, 5.0), 13, ended_days_ago=days)
        board = Subject(name, SubjectKind.BOARD, "1" if name == JIRA else "ENG")
        for number in range(3):
            hint = Hint(board, HintKind.BOARD_DUE, f"look {number}", at=datetime.now(UTC))
            self.shop.inbox.offer(name, hint.digest, [hint], settle=timedelta(0), ceiling=timedelta(0))
            self.work()

    def comments(self, name: str) -> list[str]:
        """Every comment of ours in a tracker."""
        return [
            str(comment["body"])
            for issue in self.remote(name).issues()
            for comment in issue["comments"]
            if comment["author"] == "Sprintwarden"
        ]

    def redis_text(self) -> dict[str, str]:
        """Everything that Redis holds: each key with all there is under it."""
        return {str(key): self._held(str(key)) for key in self.redis.scan_iter("*", count=1_000)}

    def _held(self, key: str) -> str:
        match self.redis.type(key):
            case "string":
                return str(self.redis.get(key))
            case "list":
                return str(self.redis.lrange(key, 0, -1))
            case "hash":
                return str(self.redis.hgetall(key))
            case "set":
                return str(self.redis.smembers(key))
            case "zset":
                return str(self.redis.zrange(key, 0, -1))
        raise AssertionError(f"{key} is of a type that nobody reads here")

    def work(self) -> list[Ending]:
        """Work until nothing is left that could be worked now: how each run ended."""
        endings: list[Ending] = []
        while True:
            self._await_deliveries()
            taken = self.shop.inbox.take(10)
            if not taken:
                return endings
            for item in taken:
                if item.subject.kind is not SubjectKind.CATCH_UP:
                    ending = run(self.shop, item.subject, item.token)
                    endings += [ending] if ending is not None else []

    def _await_deliveries(self) -> None:
        deadline = time.monotonic() + 20
        while any(toy.extensions["sandbox"].sender.pending() for toy in self.toys.values()):
            assert time.monotonic() < deadline, "a delivery is not answered"
            time.sleep(0.01)


def connection(name: str, url: str, auth: Auth) -> Connection:
    """A connection of that name to a toy."""
    is_jira = isinstance(auth, EmailToken)
    return Connection(
        name=name,
        tracker=TrackerKind.JIRA if is_jira else TrackerKind.LINEAR,
        deployment=Deployment.CLOUD if is_jira else None,
        url=url,
        auth=auth,
        service_account=True,
        webhook=Webhook(WebhookAuth.SIGNATURE, (Secret(HOOK),), 8 * 1024 * 1024),
        projects=("ABC",) if is_jira else ("ENG",),
        boards=("1",) if is_jira else (),
        cycles=not is_jira,
    )
