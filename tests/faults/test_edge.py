"""The front door under fault, as its senders see it: a real web server of four processes, a real Redis."""

from __future__ import annotations

import gzip
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event, Thread

import orjson
import pytest
from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

from sprintwarden.settings import Complaint
from store import keys
from store.connect import connect
from tests.conftest import until
from tests.faults.edge_site import BOARD, PROCESSES, EdgeSite, SettableRedis, hints_key
from tests.unit.front_door import jira_body

pytestmark = pytest.mark.process

SENDERS = 50
DELIVERIES = 4_000
LIMIT = 5 * 1024 * 1024
Seen = Callable[[str], None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeSite]:
    folder = tmp_path_factory.mktemp("edge")
    server = SettableRedis(folder / "redis")
    server.start()
    try:
        made = EdgeSite(folder, server)
        yield made
        made.stop()
    finally:
        server.stop()


@pytest.fixture
def redis(site: EdgeSite) -> Iterator[Redis]:
    client = connect(site.redis.url)
    client.flushall()
    yield client
    client.close()


@pytest.mark.fault(6)
def test_one_delivery_sent_50_times_at_once_is_stored_once(site: EdgeSite, redis: Redis, seen: Seen) -> None:
    rounds = 0
    while site.answered() < PROCESSES or not rounds:
        rounds += 1
        assert rounds < 40, "some process never had its turn"
        answers = site.at_once([jira_body(f"same{rounds}")] * SENDERS)
        assert [answer.status for answer in answers] == [200] * SENDERS
        told = sorted(answer.told["status"] for answer in answers)
        assert told == ["duplicate"] * (SENDERS - 1) + ["queued"]
        assert redis.llen(hints_key(f"same{rounds}")) == 1
    seen(f"1 queued, {SENDERS - 1} duplicates over {PROCESSES} processes")


# 5: what comes in is bounded


def _memory(pids: list[int]) -> int:
    """The most that any of the processes ever held, in bytes."""
    return max(
        int(line.split()[1]) * 1024
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        if line.startswith("VmHWM")
    )


def _told_too_large(site: EdgeSite) -> bytes:
    """The answer to a length alone, with nothing sent after it."""
    with site.line() as line:
        head = f"POST /webhooks/jira HTTP/1.1\r\nHost: x\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
        line.sendall(head.encode())
        return line.recv(12).split()[1]


def _chunked_without_end(site: EdgeSite) -> int:
    """Send until the door has heard enough; how much it took, in bytes."""
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    with site.line() as line:
        line.sendall(
            b"POST /webhooks/jira HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with suppress(OSError):
            while sent < 20 * LIMIT:
                line.sendall(piece)
                sent += len(piece)
        return sent


@pytest.mark.fault(5)
def test_bodies_made_to_do_harm_are_refused_in_bounded_memory(
    site: EdgeSite, redis: Redis, seen: Seen
) -> None:
    assert site.send(jira_body("before")).status == 200
    before = _memory(site.pids())
    bomb = gzip.compress(b" " * 40 * LIMIT)
    answers = {
        415: [site.send(bomb, Content_Encoding="gzip")],
        400: [
            site.send(bomb),
            site.send(b'{"issue": "\xff\xfe"}'),
            site.send(b"[" * LIMIT),
            site.send(b'{"a":' * (LIMIT // 5)),
            site.send(b'{"timestamp": NaN}'),
        ],
    }
    for status, given in answers.items():
        assert [answer.status for answer in given] == [status] * len(given)
    assert _told_too_large(site) == b"413"
    assert _chunked_without_end(site) < 4 * LIMIT
    grown = _memory(site.pids()) - before
    assert grown < 8 * LIMIT
    assert not list(redis.scan_iter(keys.CLAIM + "*", count=1_000))[1:]
    seen(f"a process grew by {grown // 2**20} MB at most; a body that names a compression has 415")


# 9: Redis does not take it


@contextmanager
def refusing(site: EdgeSite, redis: Redis) -> Iterator[None]:
    site.redis.halt()
    yield
    site.redis.start()


@contextmanager
def hanging(site: EdgeSite, redis: Redis) -> Iterator[None]:
    assert site.redis.pid is not None
    os.kill(site.redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(site.redis.pid, signal.SIGCONT)


@contextmanager
def full(site: EdgeSite, redis: Redis) -> Iterator[None]:
    redis.config_set("maxmemory", "1")
    yield
    redis.config_set("maxmemory", "0")


@contextmanager
def read_only(site: EdgeSite, redis: Redis) -> Iterator[None]:
    redis.replicaof("127.0.0.1", "1")
    yield
    redis.replicaof("NO", "ONE")


@contextmanager
def loading(site: EdgeSite, redis: Redis) -> Iterator[None]:
    redis.mset({f"ballast:{number}": "x" * 100 for number in range(2_000)})
    redis.bgrewriteaof()
    until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"])
    site.redis.kill()
    site.redis.more = ("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sprintwarden.embedded._START_S", 0)
        with pytest.raises(Complaint):
            site.redis.start()
    site.redis.more = ()
    until(lambda: _says_loading(redis))
    yield
    until(lambda: not _says_loading(redis))


def _says_loading(redis: Redis) -> bool:
    try:
        redis.get("ballast:1")
    except BusyLoadingError:
        return True
    except RedisError:
        pass
    return False


FAULTS = [refusing, hanging, full, read_only, loading]


@pytest.mark.fault(9, 22)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_while_redis_takes_nothing_every_sender_soon_has_its_503_and_afterwards_its_200(
    site: EdgeSite,
    redis: Redis,
    seen: Seen,
    fault: Callable[[EdgeSite, Redis], AbstractContextManager[None]],
) -> None:
    bodies = [jira_body(f"{fault.__name__}{number}") for number in range(SENDERS)]
    assert site.at_once([jira_body("before")] * 8)[0].status == 200
    with fault(site, redis):
        answers = site.at_once(bodies)
        assert [answer.status for answer in answers] == [503] * SENDERS
        assert {answer.headers["Retry-After"] for answer in answers} == {"30"}
        ready = site.ready()
    assert ready == 503
    if fault is not hanging:
        # One that hangs may take what it was sent when it wakes; its sender's next try is then a duplicate.
        assert not [key for key in redis.scan_iter("sw:*") if fault.__name__ in str(key)]
        assert redis.zcard(keys.PENDING) == 1
    until(lambda: site.send(jira_body("after")).status == 200)
    until(lambda: {answer.status for answer in site.at_once(bodies)} == {200})
    assert [redis.llen(hints_key(f"{fault.__name__}{number}")) for number in range(SENDERS)] == [1] * SENDERS
    slowest = max(answer.took_s for answer in answers)
    seen(f"{fault.__name__.replace('_', ' ')}: the slowest of {SENDERS} at once after {slowest:.1f} s")


# 10: Redis dies at any moment


def _of_two_subjects(number: int) -> bytes:
    """A new issue in a sprint: a hint about each."""
    fields = {
        "project": {"key": "ABC"},
        "customfield_1": [{"id": 31, "boardId": int(BOARD), "state": "active", "name": "S"}],
    }
    return jira_body(issue={"id": str(number), "key": f"ABC-{number}", "fields": fields})


def _send_until_taken(site: EdgeSite, body: bytes) -> int:
    """Again and again, as a tracker does; how often it took."""
    for tries in range(1, 1_000):
        with suppress(OSError):
            if site.send(body).status == 200:
                return tries
        time.sleep(0.02)
    raise AssertionError


def _set_after(over: Event, sent: Sequence[Future[int]]) -> None:
    wait(sent)
    over.set()


def _kill_at_random(site: EdgeSite, over: Event) -> int:
    dice, kills = Random(10), 0
    while not over.wait(dice.uniform(0.05, 0.6)):
        site.redis.kill()
        site.redis.start()
        kills += 1
    return kills


@pytest.mark.slow
@pytest.mark.fault(10)
@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_redis_killed_at_random_under_a_stream_leaves_every_delivery_once_or_not_at_all(
    site: EdgeSite, redis: Redis, seen: Seen, fsync: str
) -> None:
    site.redis.more = ("--appendfsync", fsync)
    site.redis.kill()
    site.redis.start()
    over = Event()
    with ThreadPoolExecutor(8) as senders:
        sent = [
            senders.submit(_send_until_taken, site, _of_two_subjects(number)) for number in range(DELIVERIES)
        ]
        Thread(target=_set_after, args=(over, sent)).start()
        kills = _kill_at_random(site, over)
    tries = sum(each.result() for each in sent)
    about_issues = [redis.llen(hints_key(str(number))) for number in range(DELIVERIES)]
    entries = redis.lrange(f"{keys.HINTS}jira:sprint:31", 0, -1)
    about_sprint = Counter(int(orjson.loads(str(entry).partition(" ")[2])["issue"]) for entry in entries)
    assert [about_sprint[number] for number in range(DELIVERIES)] == about_issues
    assert set(about_issues) <= {0, 1}
    claims = sum(1 for _ in redis.scan_iter(keys.CLAIM + "*", count=1_000))
    lost = about_issues.count(0)
    assert claims == DELIVERIES - lost
    assert kills > 5
    # Between two writes to disk Redis answers what a crash may take back; a catch-up finds it.
    assert lost == 0 or fsync == "everysec"
    seen(
        f"`appendfsync {fsync}`: {DELIVERIES:,} deliveries, {kills} kills, "
        f"{tries - DELIVERIES:,} further tries: {lost} lost, none twice, none by half"
    )
