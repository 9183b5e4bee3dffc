"""``/readyz``: each check green and red, and which of them decide."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.budget import Budget
from store.cache import Cache
from store.connect import connect
from store.crew import BULK, LIVE
from store.inbox import Inbox
from store.models import ModelShelf, Refusal
from store.rulebook import RulebookShelf
from store.watch import Moved, Report, Watch
from store.writes import Writes
from tests.unit import front_door
from tests.unit.front_door import House, jira_body
from tests.unit.hired import hire, silence
from trackers.limits import CREDENTIALS_REFUSED, EVERYTHING, host_of

server, house = front_door.server, front_door.house


@pytest.fixture
def redis(server: EmbeddedRedis) -> Iterator[Redis]:
    """Redis with everything in it that a service in good health has."""
    client = connect(server.url)
    client.flushall()
    client.config_set("maxmemory-policy", "noeviction")
    RulebookShelf(client).publish("abc123", b"version: 1\n")
    client.set(keys.beat("clock"), "now")
    hire(server.url, LIVE)
    for connection in front_door.all_connections():
        Cache(client, connection.name, connection.account).put("identity", "{}", timedelta(minutes=1))
    yield client
    client.close()


class Told:
    """What /readyz says."""

    def __init__(self, client: FlaskClient) -> None:
        answer = client.get("/readyz")
        assert answer.json is not None
        self.status = answer.status_code
        self.ready: bool = answer.json["ready"]
        self.checks: dict[str, dict[str, Any]] = {check["name"]: check for check in answer.json["checks"]}

    def red(self) -> set[str]:
        return {name for name, check in self.checks.items() if not check["ok"]}


def test_all_is_green_when_all_is_well(house: House) -> None:
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (200, True, set())
    assert "abc123" in told.checks["rules"]["detail"]


@pytest.mark.fault(22)
def test_a_redis_that_may_throw_away_is_red(house: House, redis: Redis) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (503, False, {"redis keeps what it took"})
    assert "noeviction" in told.checks["redis keeps what it took"]["detail"]


@pytest.mark.fault(22)
def test_a_redis_that_forgets_at_a_restart_is_red(house: House, redis: Redis) -> None:
    redis.config_set("appendonly", "no")
    told = Told(house.client)
    redis.config_set("appendonly", "yes")
    while redis.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.01)
    assert (told.status, told.red()) == (503, {"redis survives a restart"})


@pytest.mark.fault(9)
def test_a_redis_that_answers_and_takes_nothing_is_red(house: House, redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    told = Told(house.client)
    redis.config_set("maxmemory", "0")
    assert (told.status, told.ready, told.red()) == (503, False, {"redis"})
    assert told.checks["redis"]["detail"].startswith("Redis answers, but every delivery is sent away")
    assert Told(house.client).red() == set()


def test_no_rules_yet_only_warns(house: House, redis: Redis) -> None:
    redis.delete(keys.RULEBOOK)
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (200, True, {"rules"})


def test_a_refused_rules_file_only_warns_and_says_all_that_is_wrong_and_since_when(
    house: House, redis: Redis
) -> None:
    problems = ["rules.yaml:3:1: unknown key", "rules.yaml:4:1: another"]
    RulebookShelf(redis).refuse("web-1:/etc/rules.yaml", "bad", problems)
    row = json.loads(str(redis.hget(keys.RULES_FILES, "web-1:/etc/rules.yaml")))
    row["turned"]["since"] = (datetime.now(UTC) - timedelta(minutes=3, seconds=9)).isoformat()
    redis.hset(keys.RULES_FILES, "web-1:/etc/rules.yaml", json.dumps(row))
    told = Told(house.client)
    assert (told.status, told.red()) == (200, {"newest rules file"})
    head, *lines = told.checks["newest rules file"]["detail"].split("\n")
    assert head == (
        "web-1:/etc/rules.yaml was refused 3 minutes ago; version abc123 stays in force. Mend it and save it."
    )
    assert lines == problems


def test_files_that_differ_between_machines_only_warn(house: House, redis: Redis) -> None:
    shelf = RulebookShelf(redis)
    shelf.accept("web-1:/rules.yaml", "abc123")
    assert Told(house.client).red() == set()
    shelf.accept("web-2:/rules.yaml", "older")
    told = Told(house.client)
    assert (told.status, told.red()) == (200, {"rules files"})
    assert (
        "web-2:/rules.yaml holds version older, but abc123 is in force"
        in told.checks["rules files"]["detail"]
    )


def test_writing_that_is_held_only_warns_and_says_what_to_do(house: House, redis: Redis) -> None:
    assert Told(house.client).checks["writing to jira"]["detail"] == "It goes on."
    for issue in ("1", "2", "3"):
        Writes(redis).ask("jira", issue, 2, timedelta(minutes=10))
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (200, True, {"writing to jira"})
    detail = told.checks["writing to jira"]["detail"]
    assert "2 issues were written to within 10 minutes" in detail
    assert "`sprintwarden resume jira`" in detail


def test_the_last_delivery_of_each_connection_is_told(house: House, redis: Redis) -> None:
    redis.hset(keys.HEARD, "jira", str(int((time.time() - 200) * 1000)))
    told = Told(house.client)
    assert told.red() == set(), "silence alone is no fault"
    assert told.checks["last delivery of jira"]["detail"] == "3 minutes ago."
    assert "None came yet" in told.checks["last delivery of linear"]["detail"]


def test_a_clock_that_stopped_only_warns_and_says_what_to_start(house: House, redis: Redis) -> None:
    redis.delete(keys.beat("clock"))
    told = Told(house.client)
    assert (told.status, told.red()) == (200, {"clock"})
    said = "No clock has ticked for 20 seconds: start `sprintwarden clock`."
    assert told.checks["clock"]["detail"] == said


def test_live_workers_that_died_only_warn_and_what_waits_is_told_with_its_age(
    house: House, redis: Redis, server: EmbeddedRedis
) -> None:
    (name,) = redis.smembers("rq:workers:live")
    redis.expire(str(name), 59)
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (200, True, {"live workers"})
    said = "No live worker is alive; nothing waits: start `sprintwarden work live`."
    assert told.checks["live workers"]["detail"] == said
    for id_ in ("1", "2"):
        house.jira(jira_body(id_))
    seconds, _ = redis.time()
    redis.zadd(keys.PENDING, {"jira:issue:1": (seconds - 75) * 1000, "jira:issue:2": (seconds - 5) * 1000})
    # One of them was handed out to nobody, and is not due again before its lease ends.
    assert len(Inbox(redis, lease=timedelta(minutes=1)).take(1)) == 1
    assert Told(house.client).checks["live workers"]["detail"] == (
        "No live worker is alive; 2 issues or sprints wait, the oldest for 1 minute: "
        "start `sprintwarden work live`."
    )
    hire(server.url, LIVE)
    told = Told(house.client)
    assert told.red() == set()
    assert told.checks["live workers"]["detail"].startswith("1 is alive; 2 issues or sprints wait")


def test_bulk_workers_are_missed_only_while_something_waits_for_them(
    house: House, redis: Redis, server: EmbeddedRedis
) -> None:
    told = Told(house.client)
    assert told.red() == set()
    assert "no training, backfill or trial waits" in told.checks["bulk workers"]["detail"]
    worker = hire(server.url, BULK)
    worker.queues[0].enqueue("os.getcwd")
    assert Told(house.client).red() == set()
    silence(redis, worker)
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (200, True, {"bulk workers"})
    assert (
        "1 training, backfill or trial waits: start `sprintwarden work bulk`"
        in told.checks["bulk workers"]["detail"]
    )


def test_an_account_not_known_yet_only_warns(house: House, redis: Redis) -> None:
    basic = next(one for one in front_door.all_connections() if one.name == "basic")
    Cache(redis, basic.name, basic.account).drop("identity")
    told = Told(house.client)
    assert (told.status, told.red()) == (200, {"identity of basic"})


def budget(client: Redis, name: str) -> Budget:
    one = next(one for one in front_door.all_connections() if one.name == name)
    return Budget(client, host_of(one.url), one.account)


def test_credentials_that_a_tracker_refuses_stop_no_delivery_and_are_told_wherever_they_are_used(
    house: House, redis: Redis
) -> None:
    budget(redis, "linear").pause(EVERYTHING, timedelta(minutes=5), CREDENTIALS_REFUSED)
    told = Told(house.client)
    # Both log in to the same tracker with the same.
    assert (told.status, told.red()) == (200, {"credentials of linear", "credentials of strict"})
    detail = told.checks["credentials of linear"]["detail"]
    assert "`sprintwarden doctor linear` tells whether it holds" in detail
    assert detail.endswith("They are tried again in 4 minutes.")
    assert told.checks["credentials of jira"]["detail"] == "They are not refused."


def test_a_limit_of_a_tracker_is_no_refusal(house: House, redis: Redis) -> None:
    budget(redis, "linear").pause(EVERYTHING, timedelta(minutes=5), "Linear's requests limit")
    assert Told(house.client).red() == set()


A, B = "a" * 64, "b" * 64


def test_a_connection_without_a_model_says_that_the_rules_alone_label(house: House) -> None:
    told = Told(house.client)
    assert told.checks["models of jira"]["detail"] == "There is no model: the rules alone label."
    assert "models of linear" in told.checks


def test_the_model_that_serves_and_the_one_staged_are_told(house: House, redis: Redis) -> None:
    shelf, place = ModelShelf(redis), ("jira", "components")
    shelf.stage(place, A, b"file", {})
    assert "No model serves" in Told(house.client).checks["model of jira for components"]["detail"]
    shelf.promote(place, A)
    shelf.stage(place, B, b"file", {})
    shelf.refuse(place, B, ["It is worse on the newest months."])
    told = Told(house.client)
    detail = told.checks["model of jira for components"]["detail"]
    assert f"Model {A[:12]} serves since 20" in detail
    assert f"Model {B[:12]} is staged since 20" in detail
    assert "the gate refused it: It is worse on the newest months." in detail
    assert "models of jira" not in told.checks
    assert (told.status, told.red()) == (200, set())


@pytest.mark.parametrize(
    ("instead", "said"), [(A, f"{A[:12]} serves instead."), (None, "The rules alone label")]
)
def test_a_model_that_workers_refuse_only_warns_and_says_what_serves(
    house: House, redis: Redis, instead: str | None, said: str
) -> None:
    shelf, place = ModelShelf(redis), ("jira", "labels")
    for id_ in (A, B):
        shelf.stage(place, id_, b"file", {})
        shelf.promote(place, id_)
    shelf.note_refusal(place, Refusal(B, "arrays.npz is missing.", datetime.now(UTC), instead))
    told = Told(house.client)
    assert (told.status, told.ready, told.red()) == (200, True, {"model of jira for labels"})
    detail = told.checks["model of jira for labels"]["detail"]
    assert f"Model {B[:12]} was refused by a worker" in detail
    assert "arrays.npz is missing." in detail
    assert said in detail


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((), "."),
        (("unknown",), "."),
        (("none", "unknown"), ". Its newest issues are like those it was trained on."),
        (("none", "some", "much"), ". Its newest issues have drifted: it is some; it is much."),
    ],
)
def test_drift_is_told_and_never_fails(house: House, redis: Redis, sizes: tuple[str, ...], said: str) -> None:
    shelf, place = ModelShelf(redis), ("jira", "labels")
    shelf.stage(place, A, b"file", {})
    shelf.promote(place, A)
    moved = tuple(Moved("best", size, 0.3, f"it is {size}") for size in sizes)
    Watch(redis).keep(place, Report(A, datetime.now(UTC), moved))
    told = Told(house.client)
    assert (told.status, told.red()) == (200, set())
    assert told.checks["model of jira for labels"]["detail"].partition(" UTC")[2] == said


def test_without_redis_it_is_red_and_says_what_to_mend(tmp_path_factory: pytest.TempPathFactory) -> None:
    client = front_door.app(f"unix://{tmp_path_factory.mktemp('none')}/redis.sock").test_client()
    told = Told(client)
    assert (told.status, told.red()) == (503, {"redis"})
    assert "REDIS_URL" in told.checks["redis"]["detail"]
    assert client.get("/healthz").status_code == 200
