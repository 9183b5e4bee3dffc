"""Webhooks that are off, lost, or never were: catching up finds every issue, and each effect comes once."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from rules.connection_schema import Deployment, WebhookAuth
from rules.connections import ApiKey, Auth, Connection, EmailToken, Webhook
from rules.load import load_rules
from rules.secret import Secret
from sandbox.jira import JiraConfig
from sandbox.jira import create_app as create_jira
from sandbox.linear import LinearConfig
from sandbox.linear import create_app as create_linear
from sandbox.remote import Remote
from sandbox.server import start
from store import keys
from store.catch_ups import CatchUps, HookState, Standing
from store.rulebook import RulebookShelf
from tests.integration.scene import ONCE, WRITES, demo_rules
from trackers.model import TrackerKind
from webhook_app.health import checks
from workers.catch_up import offer, send_catch_ups
from workers.checkpoints import PLACES
from workers.run import run
from workers.shop import Shop, open_shop

TOKEN = "a-token"
NAME = "acme"
EVERY = timedelta(minutes=15)
HOOK = Webhook(WebhookAuth.SIGNATURE, (Secret("not-a-secret"),), 1024, keep_enabled=True)
ADDRESS = "http://127.0.0.1:9/webhooks/acme"
"""Where nobody listens."""
FITS = "XSS in the search box"
Tell = Callable[[str], None]


class Killed(BaseException):
    """Stands for the death of the process."""


@dataclass
class House:
    """One toy tracker, and a service that works on it only when told to."""

    redis: Redis
    toy: Remote
    sender: Any
    shop: Shop
    connection: Connection

    def file(self, title: str = FITS) -> str:
        project = "ABC" if self.connection.tracker is TrackerKind.JIRA else "ENG"
        return str(self.toy.create(project, title)["key"])

    def catch_up(self) -> None:
        """The clock says that it is time, and all that is found is worked."""
        self.redis.hset(keys.catch_up(NAME), "next", int(time.time() * 1000) - 1)
        assert send_catch_ups(self.shop.inbox, self.shop.catch_ups, [self.connection]) == 1
        self.work()

    def work(self) -> None:
        """Work until nothing waits, or only looks that are taken for minutes; what waits for later is due
        at once."""
        for _ in range(25):
            waiting = self.redis.zrange(keys.PENDING, 0, -1)
            if not waiting:
                return
            self.redis.zadd(keys.PENDING, dict.fromkeys(map(str, waiting), 0))
            for item in self.shop.inbox.take(5):
                run(self.shop, item.subject, item.token)

    def labels(self, key: str) -> set[str]:
        return set(self.toy.issue(key)["labels"])

    def writes(self, key: str) -> dict[str, int]:
        """How often we wrote what to the issue."""
        return dict(Counter(WRITES.get(one["operation"], one["operation"]) for one in self.toy.writes(key)))

    def requests(self) -> list[str]:
        """What was asked of the tracker since the last time this was called."""
        found = [str(call["operation"]) for call in self.toy.calls()]
        self.toy.forget_calls()
        return found

    def standing(self) -> Standing:
        found = CatchUps(self.redis).standing(NAME)
        assert found is not None
        return found


def _toy(kind: str, stack: ExitStack) -> tuple[Any, Connection]:
    auth: Auth
    if kind == "linear":
        app = create_linear(LinearConfig(token=TOKEN, teams=("ENG",)))
        tracker, deployment, auth, place = TrackerKind.LINEAR, None, ApiKey(Secret(TOKEN)), "ENG"
    else:
        config = JiraConfig(token=TOKEN)
        app = create_jira(config)
        tracker, deployment, place = TrackerKind.JIRA, Deployment.CLOUD, "ABC"
        auth = EmailToken(config.email, Secret(TOKEN))
    url = stack.enter_context(start(app)).url
    stack.callback(app.extensions["sandbox"].sender.close)
    made = Connection(NAME, tracker, deployment, url, auth, True, HOOK, (place,), catch_up=EVERY)
    return app.extensions["sandbox"].sender, made


@pytest.fixture(params=["jira", "linear"])
def house(request: pytest.FixtureRequest, redis: Redis, tmp_path: Path) -> Iterator[House]:
    """Each tracker in turn; its webhooks reach nobody, and all is caught up at the beginning."""
    rules = demo_rules().encode()
    RulebookShelf(redis).publish(load_rules(rules, "rules.yaml").version_id, rules)
    with ExitStack() as stack:
        sender, connection = _toy(request.param, stack)
        shop = open_shop(redis, [connection], data=tmp_path)
        shop.catch_ups.begin(NAME)
        yield House(redis, Remote(connection.url), sender, shop, connection)


only_linear = pytest.mark.parametrize("house", ["linear"], indirect=True)


@pytest.mark.fault(47)
def test_what_changed_while_nobody_listened_is_found_and_worked_once(house: House, seen: Tell) -> None:
    told, vetoed, lost = house.file(), house.file(), house.file()
    house.catch_up()
    assert [house.labels(key) for key in (told, vetoed, lost)] == [{"security"}] * 3
    # From here on the service is down.
    house.toy.edit(told, title="XSS, and the documentation is wrong")
    house.toy.edit(vetoed, remove_labels=["security"])
    house.toy.delete(lost)
    filed = [house.file(FITS if number % 2 else "Nothing that fits") for number in range(8)]
    house.toy.edit(filed[1], priority="High" if house.connection.tracker is TrackerKind.JIRA else 1)
    house.catch_up()
    for number, key in enumerate(filed):
        assert house.writes(key) == (ONCE if number % 2 else {}), key
    assert house.labels(told) == {"security", "documentation"}
    assert house.writes(told)["labels"] == 2
    assert house.labels(vetoed) == set()
    assert house.writes(vetoed)["labels"] == 1
    writes = len(house.toy.writes())
    house.catch_up()
    assert len(house.toy.writes()) == writes, "what is found again has no effect"
    seen(f"{len(filed)} issues filed, 1 title edited and 1 label taken off unheard: all found, each once")


@pytest.mark.fault(47)
def test_with_nothing_new_a_look_costs_a_request_or_two(house: House, seen: Tell) -> None:
    house.file()
    for _ in range(3):
        # Our own writes are found too, and read once.
        house.catch_up()
    house.requests()
    house.catch_up()
    asked = house.requests()
    assert len(asked) <= 2, asked
    seen(f"{house.connection.tracker}: {len(asked)} request a look that finds nothing new")


@pytest.mark.fault(47)
@pytest.mark.parametrize("house", ["jira"], indirect=True)
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_anywhere_while_catching_up_leaves_one_effect(house: House, place: str) -> None:
    keys_ = [house.file() for _ in range(2)]
    passed = 0

    def die(here: str) -> None:
        nonlocal passed
        passed += here == place
        if here == place and passed in (1, 3):
            raise Killed

    house.shop = killed_by(house.shop, die)
    for _ in range(4):
        with contextlib.suppress(Killed):
            house.catch_up()
    assert [house.writes(key) for key in keys_] == [ONCE] * 2


def killed_by(shop: Shop, die: Callable[[str], None]) -> Shop:
    """The same shop, of which a run dies where ``die`` raises."""
    desks = {
        name: replace(desk, applier=type(desk.applier)(desk.tracker, shop.inbox, shop.journals, die))
        for name, desk in shop.desks.items()
    }
    return replace(shop, desks=desks, checkpoint=die)


@pytest.mark.fault(48)
def test_without_a_webhook_polling_alone_labels_follows_edits_and_heeds_vetoes(
    house: House, tmp_path: Path, seen: Tell
) -> None:
    house.connection = replace(house.connection, webhook=None, catch_up=timedelta(minutes=1))
    house.shop = open_shop(house.redis, [house.connection], data=tmp_path)
    first, second = house.file(), house.file("Nothing that fits")
    house.catch_up()
    house.toy.edit(second, title="XSS after all")
    house.toy.edit(first, remove_labels=["security"])
    house.catch_up()
    house.catch_up()
    assert (house.labels(first), house.labels(second)) == (set(), {"security"})
    assert house.writes(first)["labels"] == 1
    assert house.writes(second) == ONCE
    house.toy.delete(first)
    house.catch_up()
    seen("labelled, edits followed, a person's no heeded")


@pytest.mark.fault(47)
@only_linear
def test_linears_webhook_is_on_again_and_a_persons_no_is_heeded(house: House, seen: Tell) -> None:
    house.toy.send_to(ADDRESS, "s3")
    house.sender.enable(False)
    house.catch_up()
    assert is_on(house)
    assert hooked(house) is HookState.ON
    assert check(house).ok
    house.sender.enable(False)
    for _ in range(2):
        look_is_due(house)
        house.catch_up()
        assert not is_on(house)
    assert hooked(house) is HookState.LEFT_OFF
    assert not check(house).ok
    house.sender.enable(True)
    look_is_due(house)
    house.catch_up()
    assert hooked(house) is HookState.ON
    seen("switched on again; off again within a day it is left alone, and /readyz says so")


@only_linear
def test_a_webhook_is_left_alone_where_the_admin_says_so(house: House, tmp_path: Path) -> None:
    house.toy.send_to(ADDRESS, "s3")
    house.sender.enable(False)
    house.connection = replace(house.connection, webhook=replace(HOOK, keep_enabled=False))
    house.shop = open_shop(house.redis, [house.connection], data=tmp_path)
    house.catch_up()
    assert not is_on(house)
    assert house.standing().hooked is None


@only_linear
def test_a_webhook_is_looked_at_once_an_hour_and_whenever_somebody_asks(house: House) -> None:
    house.toy.send_to(ADDRESS, "s3")
    house.catch_up()
    house.sender.enable(False)
    house.catch_up()
    assert not is_on(house)
    asked = house.shop.catch_ups.ask(NAME, None)
    offer(house.shop.inbox, NAME, asked.at)
    house.work()
    assert is_on(house)


def is_on(house: House) -> bool:
    return all(hook.enabled for hook in house.sender._state.hooks.values())


def hooked(house: House) -> HookState:
    found = house.standing().hooked
    assert found is not None
    return found.state


def look_is_due(house: House) -> None:
    """An hour later."""
    found = house.standing().hooked
    assert found is not None
    house.shop.catch_ups.note_hook(NAME, replace(found, looked=datetime.now(UTC) - timedelta(hours=2)))


def check(house: House) -> Any:
    """What /readyz says of the webhook."""
    return next(one for one in checks(house.redis, [house.connection]) if one.name == f"webhook of {NAME}")
