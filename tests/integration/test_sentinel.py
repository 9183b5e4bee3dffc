"""Sentinel names another master: what was answered with 200 is worked, once, and all processes go along."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from store.connect import connect
from tests.conftest import until
from tests.integration import scene
from tests.integration.scene import ONCE, QUICK, Side
from tests.redis_site import MASTER, Node, Site
from tests.unit import front_door
from tests.unit.front_door import House
from webhook_app.health import checks

pytestmark = pytest.mark.process


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as made:
        yield made


def url(*sentinels: Node) -> str:
    return f"redis+sentinel://{','.join(f'127.0.0.1:{one.port}' for one in sentinels)}/{MASTER}/0"


@pytest.mark.fault(20)
@pytest.mark.slow
def test_the_whole_service_follows_to_the_new_master(site: Site, tmp_path: Path) -> None:
    master = site.server(guarded=True)
    replica = site.server(of=master, guarded=True)
    sentinel = site.sentinel(master)
    with scene.stage(tmp_path / "stage", QUICK | {"REDIS_URL": url(sentinel)}) as stage:
        side = Side(stage, "jira")
        before = [side.file() for _ in range(3)]
        until(side.has(before[0], "security"))
        master.kill()
        during = [side.file() for _ in range(3)]
        scene.until(stage, lambda: replica.client.info("replication")["role"] == "master", 20)
        site.server(of=replica, guarded=True)
        after = [side.file() for _ in range(3)]
        for key in before + during + after:
            scene.until(stage, side.has(key, "security"), 60)
        assert [side.writes(key) for key in before + during + after] == [ONCE] * 9
        assert all(check["ok"] for name, check in scene.ready(stage).items() if name.startswith("redis"))


def test_what_meets_a_demoted_master_is_stored_by_the_new_one(site: Site) -> None:
    old = site.server()
    new = site.server(of=old)
    sentinel = site.sentinel(old)
    house, plain = House(url(sentinel)), connect(url(sentinel))
    plain.set("mine", "1")
    assert house.jira(front_door.jira_body("1")).status == 200
    new.client.replicaof("NO", "ONE")
    old.client.replicaof("127.0.0.1", new.port)
    until(lambda: new.client.wait(1, 50) >= 1)
    site.watch(sentinel, new)
    assert house.jira(front_door.jira_body("2")).status == 200
    assert new.client.llen("sw:hints:jira:issue:2") == 1
    with pytest.raises(RedisConnectionError):
        plain.set("mine", "2")
    plain.set("mine", "3")
    assert new.client.get("mine") == "3"


@pytest.mark.fault(20)
def test_a_delivery_that_no_replica_holds_is_refused_and_worked_once_when_it_comes_again(site: Site) -> None:
    master = site.server()
    replica = site.server(of=master)
    sentinel = site.sentinel(master)
    house = House(url(sentinel))
    assert house.jira(front_door.jira_body("1")).status == 200
    replica.kill()
    told = house.jira(front_door.jira_body("2"))
    assert (told.status, told.told["reason"]) == (503, "not_stored")
    found = checks(connect(url(sentinel)), (), replicas=1)
    assert [one.name for one in found if one.vital and not one.ok] == ["redis has replicas"]
    site.server(of=master)
    until(lambda: house.jira(front_door.jira_body("2")).status == 200)
    assert len(house.hints("jira:issue:2")) == 1


def test_sentinels_that_are_down_are_passed_over_and_none_left_is_no_answer(site: Site) -> None:
    master = site.server()
    site.server(of=master)
    sentinel = site.sentinel(master)
    nobody = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/{MASTER}/1?replicas=0"
    client = connect(nobody)
    assert client.set("here", "1")
    assert client.connection_pool.connection_kwargs["db"] == 1
    _cut_short(client)
    assert client.get("here") == "1", "not the answer to what was cut short"
    sentinel.kill()
    client.connection_pool.disconnect()
    with pytest.raises(RedisConnectionError, match=MASTER):
        client.get("here")


class _Signal(Exception):
    pass


def _cut_short(client: Redis) -> None:
    """Wait for what does not come, until a signal, as RQ does when it is told to stop."""

    def interrupt(*_: object) -> None:
        raise _Signal

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(_Signal):
            client.blpop("nothing", 3)
    finally:
        signal.signal(signal.SIGALRM, before)
