"""The receiver's way into the store, also when Redis is away, full or has cut the line."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.door import Door, NotStored, Wait, notes
from store.heard import Heard
from store.inbox import Inbox
from tests.conftest import ISSUE, hint, until
from tests.redis_site import Site
from trackers.model import Hint, HintKind, Subject, SubjectKind

OTHER = Subject("acme", SubjectKind.SPRINT, "7")
NOTE = {"outcome": "ignored", "reason": "unused_event"}


@pytest.fixture
def door(redis: Redis) -> Door:
    return Door(redis)


def offer(door: Door, digest: str, *hints: Hint) -> bool:
    told = hints or (hint(digest=digest),)
    return door.offer("acme", digest, told, [Wait(0, 60_000)] * len(told))


def counted(redis: Redis) -> int:
    """Connections other than the one that asks."""
    return len(cast("list[Any]", redis.client_list())) - 1


def test_what_the_door_stores_the_inbox_reads(door: Door, redis: Redis) -> None:
    told = (hint(digest="one", changed=["title", "ünïcode ☃"]), hint(HintKind.SPRINT_JOINED, OTHER, "one"))
    assert offer(door, "one", *told)
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    for item in inbox.take(9):
        batch = inbox.begin(item.subject, item.token)
        assert batch is not None
        assert batch.hints == tuple(each for each in told if each.subject == item.subject)


def test_a_body_seen_by_the_inbox_is_a_duplicate_to_the_door(door: Door, redis: Redis) -> None:
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    assert inbox.offer("acme", "one", [hint()], settle=timedelta(0), ceiling=timedelta(0))
    assert not offer(door, "one")
    assert redis.llen(keys.hints(ISSUE)) == 1


def test_each_hint_has_its_own_settle_time(door: Door, redis: Redis) -> None:
    told = [hint(), hint(HintKind.SPRINT_JOINED, OTHER)]
    door.offer("acme", "one", told, [Wait(1_000, 300_000), Wait(30_000, 300_000)])
    settles = [redis.hget(keys.subject_state(subject), "settle") for subject in (ISSUE, OTHER)]
    assert settles == ["1000", "30000"]


def test_a_settle_time_missing_for_a_hint_is_a_mistake_of_ours(door: Door, redis: Redis) -> None:
    with pytest.raises(ValueError, match="zip"):
        door.offer("acme", "one", [hint(), hint()], [Wait(0, 0)])
    assert redis.dbsize() == 0


def test_claims_last_as_long_as_senders_repeat(door: Door, redis: Redis) -> None:
    offer(door, "one")
    left = redis.ttl(keys.claim("acme", "one"))
    assert timedelta(seconds=left) > keys.CLAIM_LIFE - timedelta(minutes=5)


def test_notes_are_kept_newest_first_up_to_a_number_and_a_time(
    door: Door, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "DOOR_KEPT", 3)
    for number in range(5):
        door.note("acme", NOTE | {"digest": str(number)})
    assert [note["digest"] for note in notes(redis, "acme")] == ["4", "3", "2"]
    assert 0 < redis.ttl(keys.door("acme")) <= keys.DOOR_LIFE.total_seconds()


def test_the_moment_of_a_delivery_is_kept_whatever_became_of_it(door: Door, redis: Redis) -> None:
    heard = Heard(redis)
    offer(door, "one")
    moments = [heard.last("acme")]
    for again in (lambda: offer(door, "one"), lambda: door.note("acme", NOTE, heard="acme")):
        redis.hset(keys.HEARD, "acme", "1000")
        again()
        moments.append(heard.last("acme"))
    now = datetime.now(UTC)
    assert all(moment is not None and now - moment < timedelta(minutes=1) for moment in moments)


def test_who_was_refused_was_not_heard_nor_are_our_own_hints(door: Door, redis: Redis) -> None:
    door.note("acme:refused", NOTE)
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    inbox.offer("acme", "one", [hint()], settle=timedelta(0), ceiling=timedelta(0))
    assert Heard(redis).last("acme") is None
    assert not redis.exists(keys.HEARD)


def test_a_script_redis_forgot_is_sent_again(door: Door, redis: Redis) -> None:
    assert offer(door, "one")
    redis.script_flush()
    assert offer(door, "two")
    assert not offer(door, "one")
    redis.script_flush()
    door.note("acme", NOTE)
    assert len(notes(redis, "acme")) == 1


def test_a_line_that_was_cut_in_between_is_opened_anew_and_stores_once(door: Door, redis: Redis) -> None:
    assert offer(door, "one")
    redis.client_kill_filter(_type="normal", skipme=True)
    until(lambda: counted(redis) == 0)
    assert offer(door, "two")
    assert not offer(door, "two")
    assert redis.llen(keys.hints(ISSUE)) == 2


@pytest.mark.fault(10)
def test_an_answer_lost_on_the_way_stores_once(
    door: Door, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(door, "zero")
    line = door._local.line
    read = line.read_response

    def lose(*args: object, **more: object) -> object:
        read()
        monkeypatch.undo()
        raise ConnectionResetError

    def reset() -> object:
        try:
            return lose()
        except ConnectionResetError as error:
            from redis.exceptions import ConnectionError as Lost

            raise Lost("reset") from error

    monkeypatch.setattr(line, "read_response", reset)
    assert not offer(door, "one"), "recognised as stored"
    assert redis.llen(keys.hints(ISSUE)) == 2


def test_each_thread_keeps_one_line_of_its_own(door: Door, redis: Redis) -> None:
    def lines(work: Callable[[], object]) -> int:
        before = counted(redis)
        work()
        return counted(redis) - before

    seen: list[object] = []

    def twice() -> None:
        for _ in range(2):
            offer(door, f"{id(seen)}{len(seen)}")
            seen.append(door._local.line)

    def both() -> None:
        threads = [Thread(target=twice) for _ in range(2)]
        for thread in threads:
            thread.start()
            thread.join()

    assert lines(twice) == 1
    assert lines(twice) == 0
    both()
    assert len({id(line) for line in seen}) == 3


def test_with_redis_killed_nothing_is_stored_and_the_door_says_so(own_redis_server: EmbeddedRedis) -> None:
    door = Door(connect(own_redis_server.url, patience=1.0))
    assert offer(door, "one")
    own_redis_server.kill()
    for _ in range(2):
        with pytest.raises(NotStored):
            offer(door, "two")
        with pytest.raises(NotStored):
            door.note("acme", NOTE)


def test_when_redis_is_back_the_door_works_again_and_knows_what_it_had(
    own_redis_server: EmbeddedRedis,
) -> None:
    door = Door(connect(own_redis_server.url, patience=1.0))
    client = connect(own_redis_server.url)
    client.config_set("appendfsync", "always")
    assert offer(door, "one")
    own_redis_server.kill()
    with pytest.raises(NotStored):
        offer(door, "two")
    own_redis_server.start()
    assert not offer(door, "one")
    assert offer(door, "two")


@pytest.mark.fault(9, 22)
def test_a_full_redis_stores_neither_claim_nor_hint(own_redis_server: EmbeddedRedis) -> None:
    client = connect(own_redis_server.url)
    door = Door(client)
    assert offer(door, "one")
    client.config_set("maxmemory", 1)
    with pytest.raises(NotStored, match="OutOfMemory"):
        offer(door, "two")
    client.config_set("maxmemory", 0)
    assert not client.exists(keys.claim("acme", "two"))
    assert client.llen(keys.hints(ISSUE)) == 1
    assert offer(door, "two")


def test_a_redis_that_hangs_costs_one_patience_and_no_more(own_redis_server: EmbeddedRedis) -> None:
    client = connect(own_redis_server.url)
    door = Door(connect(own_redis_server.url, patience=0.3))
    assert offer(door, "one")
    client.client_pause(1_500)
    with pytest.raises(NotStored, match="Timeout"):
        offer(door, "two")
    client.client_unpause()
    until(lambda: not offer(door, "two"))
    assert client.llen(keys.hints(ISSUE)) == 2


def test_who_comes_behind_a_time_out_does_not_wait_as_long_again(
    own_redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.door.HANGING_S", 60.0)
    client = connect(own_redis_server.url)
    door = Door(connect(own_redis_server.url, patience=0.3))
    client.client_pause(600)
    with pytest.raises(NotStored, match="Timeout"):
        offer(door, "one")
    client.client_unpause()
    with pytest.raises(NotStored, match="a moment ago"):
        offer(door, "two")
    assert client.llen(keys.hints(ISSUE)) <= 1


def test_a_read_only_redis_is_told_of(own_redis_server: EmbeddedRedis) -> None:
    client = connect(own_redis_server.url)
    door = Door(client)
    client.replicaof("127.0.0.1", "1")
    with pytest.raises(NotStored):
        offer(door, "one")


@contextmanager
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Meanwhile names are looked up and no answer comes."""
    over = Event()
    look_up = socket.getaddrinfo

    def asked(*args: Any, **more: Any) -> Any:
        over.wait()
        return look_up(*args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    try:
        yield
    finally:
        over.set()


@pytest.mark.fault(9)
def test_a_name_server_that_is_silent_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Site(tmp_path) as site:
        door = Door(connect(f"redis://localhost:{site.server().port}", patience=0.2))
        with no_name_server(monkeypatch), pytest.raises(NotStored, match="No connection to Redis yet"):
            offer(door, "one")
        until(lambda: stored(door, "one"))


def stored(door: Door, digest: str) -> bool:
    try:
        return offer(door, digest)
    except NotStored:
        return False


@pytest.mark.fault(9)
def test_a_redis_that_answers_slowly_is_asked_no_further_than_patience_allows(
    own_redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(connect(own_redis_server.url, patience=5.0))
    assert offer(door, "one")
    asked: list[object] = []
    line, clock = door._local.line, [0.0]
    send = line.send_command

    def slowly(*command: Any) -> object:
        clock[0] += 4.0
        asked.append(command[0])
        return send(*command)

    monkeypatch.setattr(line, "send_command", slowly)
    monkeypatch.setattr("store.door.time.monotonic", lambda: clock[0])
    connect(own_redis_server.url).script_flush()
    assert offer(door, "two")
    assert asked == ["EVALSHA", "EVAL"]
    connect(own_redis_server.url).script_flush()
    slow = Door(connect(own_redis_server.url, patience=5.0), replicas=1)
    slow._local.line = line
    asked.clear()
    with pytest.raises(NotStored, match="no time was left"):
        offer(slow, "three")
    assert asked == ["EVALSHA", "EVAL"]


@pytest.mark.parametrize(("span", "expected"), [(0.0, 0), (0.0015, 1), (3.0, 3_000), (90.0, 90_000)])
def test_settle_times_are_whole_milliseconds(span: float, expected: int) -> None:
    assert Wait.of(timedelta(), timedelta(seconds=span)) == Wait(0, expected)
