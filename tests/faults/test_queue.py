"""What dies, hangs, freezes or is lost between any two steps of a run: one effect, and nothing forgotten."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.inbox import Inbox
from store.journal import CommentState, Journals
from store.rulebook import RulebookShelf
from tests.conftest import ISSUE, until
from tests.conftest import hint as hint_of
from tests.earlier_versions import EARLIER
from tests.faults.shim import Shim, Way
from tests.faults.toys import Floor, Toy
from trackers.model import HintKind, Subject
from workers import checkpoints
from workers.checkpoints import PLACES, Checkpoint
from workers.clock import Clock, run_clock
from workers.failures import ATTEMPTS
from workers.record import Outcome
from workers.rules_in_force import RulesFile
from workers.run import run
from workers.shop import Shop

Seen = Callable[[str], None]
IN_A_RUN: Final = tuple(place for place in PLACES if place != "popped")
ONE_TRACKER: Final = pytest.mark.parametrize("running", ["jira"], indirect=True)
"""Where what is tried lies before any tracker."""


@pytest.fixture
def floor(redis: Redis, tmp_path: Path, toy: Toy) -> Floor:
    made = Floor(redis, tmp_path, (toy,))
    made.rules(comment=True)
    return made


def work_off(floor: Floor, shop: Shop) -> None:
    """Have done what waits; looks for a comment that may yet come twice go on for minutes."""
    for _ in range(4):
        floor.pull()
        floor.work(shop)


def once(toy: Toy, key: str) -> None:
    """One label, one comment, and one request for each."""
    assert toy.labels(key) == ["security"]
    assert len(toy.comments(key)) == 1
    assert set(toy.effects(key).values()) == {1}, toy.effects(key)
    assert toy.effects(key).total() == 2


def at_place(place: str, do: Callable[[], object]) -> Callable[[str], None]:
    """A checkpoint that does something when it is first come to."""
    left = [do]

    def check(here: str) -> None:
        if here == place and left:
            left.pop()()

    return check


@dataclass
class Frozen:
    """A worker in a thread, stopped at a place as SIGSTOP would stop its process."""

    place: str
    reached: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)

    def checkpoint(self, here: str) -> None:
        if here == self.place and not self.reached.is_set():
            self.reached.set()
            assert self.woken.wait(30)


@pytest.mark.fault(15)
@pytest.mark.parametrize("place", ["begun", "loaded", "planned", "intended", "written"])
def test_a_worker_frozen_until_another_did_its_work_starts_no_write(
    floor: Floor, toy: Toy, place: str, seen: Seen
) -> None:
    frozen = Frozen(place)
    sleeper, other = floor.worker(frozen.checkpoint), floor.worker()
    key = toy.file()
    floor.tell(other, toy.subject(key))
    thread = threading.Thread(target=floor.work, args=(sleeper,), daemon=True)
    thread.start()
    assert frozen.reached.wait(10)
    floor.pull()
    floor.work(other)
    before, said = toy.effects(key), toy.comments(key)
    assert len(said) == 1
    frozen.woken.set()
    thread.join(10)
    work_off(floor, other)
    if place != "intended":
        assert toy.effects(key) == before
    # Else the request that it had begun still went out, and changed nothing.
    assert toy.labels(key) == ["security"]
    assert toy.comments(key) == said
    seen("no write by a worker that woke up late; the one under way changed nothing")


@ONE_TRACKER
@pytest.mark.fault(16)
def test_a_subject_that_kills_its_worker_every_time_holds_nothing_up(
    floor: Floor, toy: Toy, seen: Seen
) -> None:
    shop = floor.worker()
    deadly = floor.worker(at_place("loaded", lambda: os.kill(os.getpid(), signal.SIGKILL)))
    key = toy.file()
    subject = toy.subject(key)
    floor.tell(shop, subject)
    deaths, waits = 0, []
    while not shop.inbox.dead():
        floor.pull()
        (taken,) = shop.inbox.take(9)
        if _in_a_process(partial(run, deadly, taken.subject, taken.token)) == -signal.SIGKILL:
            deaths += 1
            fine = toy.file()
            floor.tell(shop, toy.subject(fine))
            floor.work(shop)
            once(toy, fine)
        elif not shop.inbox.dead():
            waits.append(floor.until())
    assert deaths == ATTEMPTS
    assert [wait > least for wait, least in zip(waits, (9, 59, 299, 1799, 7199, 21599), strict=True)]
    (dead,) = shop.inbox.dead()
    assert "died or hung" in dead.cause
    assert not toy.effects(key)
    floor.tell(shop, subject, HintKind.ISSUE_CHANGED, changed=("title",))
    work_off(floor, shop)
    assert toy.labels(key) == ["security"]
    seen(f"{deaths} deaths, spaced up to 6 h, then a dead letter; after each, another issue was labelled")


def _in_a_process(do: Callable[[], object]) -> int:
    """The exit code of a process that does just this; a signal that ended it, below zero."""
    if (child := os.fork()) == 0:
        try:
            do()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.fault(17)
def test_a_run_that_outlasts_its_limit_in_http_is_stopped_and_tried_again(
    floor: Floor, toy: Toy, seen: Seen
) -> None:
    shop = floor.worker()
    toy.hand.fault("GET issue|issue", "delay", seconds=5)
    key = toy.file()
    floor.tell(shop, toy.subject(key))
    with UnixSignalDeathPenalty(1, JobTimeoutException):  # type: ignore[no-untyped-call]
        (ending,) = floor.work(shop)
    assert ending.outcome is Outcome.POSTPONED
    assert "longer than it may" in ending.cause
    toy.hand.no_faults()
    work_off(floor, shop)
    once(toy, key)
    seen("stopped at its limit, labelled by the next attempt")


@ONE_TRACKER
@pytest.mark.fault(17)
def test_a_run_that_outlasts_its_limit_in_a_model_is_stopped_and_tried_again(floor: Floor, toy: Toy) -> None:
    class Endless:
        def ask(self, *_: object) -> Any:
            while True:
                time.sleep(0.01)

    shop = floor.worker()
    key = toy.file()
    floor.tell(shop, toy.subject(key))
    with UnixSignalDeathPenalty(1, JobTimeoutException):  # type: ignore[no-untyped-call]
        (ending,) = floor.work(replace(shop, taggers=Endless()))  # type: ignore[arg-type]
    assert (ending.outcome, "longer than it may" in ending.cause) == (Outcome.POSTPONED, True)
    work_off(floor, shop)
    once(toy, key)


@pytest.mark.fault(17)
def test_a_clock_that_hangs_ends_its_process_to_be_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hung:
        def tick(self) -> float:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            time.sleep(30)
            raise AssertionError("it woke up")

    monkeypatch.setattr("workers.clock._HUNG_S", 0.1)
    assert _in_a_process(lambda: run_clock(cast("Clock", Hung()), threading.Event())) == 1


@pytest.mark.fault(19)
@pytest.mark.parametrize("entry", EARLIER["hints"], ids=lambda entry: str(entry["hint"]["kind"]))
def test_a_hint_of_an_earlier_version_is_understood(redis: Redis, entry: dict[str, Any]) -> None:
    inbox = Inbox(redis, lease=timedelta(seconds=30))
    subject = Subject.parse(entry["hint"]["subject"])
    redis.hset(keys.subject_state(subject), mapping=EARLIER["subject"])
    redis.rpush(keys.hints(subject), f"1700000000000 {json.dumps(entry['hint'])}")
    redis.zadd(keys.PENDING, {str(subject): 0})
    (taken,) = inbox.take(9)
    batch = inbox.begin(taken.subject, taken.token)
    assert batch is not None
    (hint,) = batch.hints
    assert {name: getattr(hint, name) for name in entry["means"]} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in entry["means"].items()
    }
    assert (batch.attempts, batch.waits, batch.cause, batch.silent) == (3, 1, "500.", False)


@pytest.mark.fault(19)
def test_a_run_that_an_earlier_version_began_is_taken_over(floor: Floor, toy: Toy, seen: Seen) -> None:
    shop = floor.worker()
    key = toy.file()
    subject = toy.subject(key)
    floor.tell(shop, subject)
    (taken,) = shop.inbox.take(9)
    floor.redis.hset(keys.subject_state(subject), mapping={"attempts": 1, "lease": 1, "token": taken.token})
    floor.redis.hset(keys.journal(subject), mapping=EARLIER["journal_of_a_write_under_way"])
    work_off(floor, shop)
    once(toy, key)
    seen("hints, leases, journals of earlier versions were worked; of newer ones the subject was read anew")


@pytest.mark.fault(19)
def test_a_journal_of_an_earlier_version_is_understood(redis: Redis) -> None:
    redis.hset(keys.journal(ISSUE), mapping=EARLIER["journal"])
    journal = Journals(redis).read(ISSUE)
    assert journal.applied == {"security": "security"}
    assert journal.vetoed == {"slow": "event"}
    assert journal.comments["labels"].state is CommentState.POSTED
    assert journal.intent is not None
    assert journal.intent.labels == ("performance",)
    assert journal.read_updated is not None


@pytest.mark.fault(19)
@pytest.mark.parametrize("beside", ["alone", "beside our own echo"])
def test_a_hint_of_a_newer_version_has_its_subject_read_anew(floor: Floor, toy: Toy, beside: str) -> None:
    shop = floor.worker()
    key = toy.file("Nothing yet")
    subject = toy.subject(key)
    floor.tell(shop, subject)
    work_off(floor, shop)
    toy.hand.edit(key, title="XSS in the search box")
    toy.fresh()
    told = {"subject": str(subject), "kind": "issue_split", "digest": "d", "halves": [1, 2]}
    if beside != "alone":
        floor.tell(shop, subject, HintKind.ISSUE_CHANGED, changed=("status",))
    floor.redis.rpush(keys.hints(subject), f"1700000000000 {json.dumps(told)}")
    floor.redis.zadd(keys.PENDING, {str(subject): 0})
    work_off(floor, shop)
    assert toy.labels(key) == ["security"]


@pytest.mark.fault(19)
def test_a_subject_of_a_newer_version_is_left_to_that_version_and_in_nobodys_way(redis: Redis) -> None:
    inbox = Inbox(redis, lease=timedelta(seconds=30))
    redis.zadd(keys.PENDING, {"acme:release:1": 0})
    inbox.offer("acme", "d", [hint_of()], settle=timedelta(0), ceiling=timedelta(0))
    assert [item.subject for item in inbox.take(9)] == [ISSUE]
    assert inbox.take(9) == [], "it is asked for once in a lease's time, and not at every tick"
    assert redis.zscore(keys.PENDING, "acme:release:1") is not None


@pytest.mark.fault(20)
@pytest.mark.parametrize("place", IN_A_RUN)
def test_everything_is_flushed_in_mid_run(floor: Floor, toy: Toy, place: str, seen: Seen) -> None:
    other = floor.worker()
    key = toy.file()
    subject = toy.subject(key)
    floor.tell(other, subject)
    floor.work(floor.worker(at_place(place, floor.redis.flushall)))
    floor.rules(comment=True)
    # The hint went with all the rest: whoever sends it again, or a catch-up, tells of the issue anew.
    floor.tell(other, subject)
    work_off(floor, other)
    once(toy, key)
    seen("flushed or set back between any two steps: one effect")


@pytest.mark.fault(20)
@pytest.mark.parametrize("place", IN_A_RUN)
def test_a_failover_loses_what_came_after_any_step(floor: Floor, toy: Toy, place: str) -> None:
    kept: dict[Any, tuple[Any, int]] = {}
    raw = Redis(unix_socket_path=floor.redis.connection_pool.connection_kwargs["path"])

    def copy() -> None:
        for name in raw.keys("*"):
            kept[name] = (raw.dump(name), max(0, raw.pttl(name)))

    key = toy.file()
    floor.tell(floor.worker(), toy.subject(key))
    floor.work(floor.worker(at_place(place, copy)))
    raw.flushall()
    for name, (value, life) in kept.items():
        raw.restore(name, life, value)
    raw.close()
    work_off(floor, floor.worker())
    once(toy, key)


@pytest.fixture
def shim(redis_server: EmbeddedRedis) -> Iterator[Shim]:
    with Shim(Path(redis_server.url.removeprefix("unix://"))) as made:
        yield made


def behind(
    floor: Floor, shim: Shim, patience: float = 5.0, checkpoint: Checkpoint = checkpoints.nothing
) -> Shop:
    """A worker that reaches Redis through the shim."""
    far = connect(f"redis://127.0.0.1:{shim.port}/0", patience=patience)
    return replace(floor, redis=far).worker(checkpoint)


@ONE_TRACKER
@pytest.mark.fault(21)
@pytest.mark.parametrize("weather", ["slow", "sliced"])
def test_a_redis_that_is_slow_or_comes_in_slices_costs_only_time(
    floor: Floor, toy: Toy, shim: Shim, weather: str
) -> None:
    shop = behind(floor, shim)
    key = toy.file()
    floor.tell(shop, toy.subject(key))
    shim.delay(0.02) if weather == "slow" else shim.slice(7)
    floor.work(shop)
    once(toy, key)


@ONE_TRACKER
@pytest.mark.fault(21)
@pytest.mark.parametrize("weather", ["hang", "half_open answers", "half_open requests", "refuse"])
def test_a_redis_that_is_cut_off_ends_the_run_in_time_and_the_next_does_it_once(
    floor: Floor, toy: Toy, shim: Shim, weather: str
) -> None:
    what, _, lost = weather.partition(" ")
    way = [Way(lost)] if lost else []
    key = toy.file()
    subject = toy.subject(key)
    floor.tell(floor.worker(), subject)
    for place in ("loaded", "intended"):
        cut_off = behind(floor, shim, 0.15, at_place(place, lambda: getattr(shim, what)(*way)))
        floor.pull()
        with pytest.raises(RedisError):
            floor.work(cut_off)
        shim.pass_on()
    work_off(floor, floor.worker())
    once(toy, key)


@ONE_TRACKER
@pytest.mark.fault(21)
def test_the_line_to_redis_is_cut_within_any_answer(floor: Floor, toy: Toy, shim: Shim, seen: Seen) -> None:
    cut_off, other = behind(floor, shim, patience=1), floor.worker()
    cuts, whole = 0, False
    while not whole:
        key = toy.file()
        floor.tell(other, toy.subject(key))
        (taken,) = other.inbox.take(1)
        shim.cut_after(cuts * 149)
        try:
            run(cut_off, taken.subject, taken.token)
            whole = True
        except RedisError:
            cuts += 1
        shim.pass_on()
        work_off(floor, other)
        once(toy, key)
    assert cuts > 3
    seen("the line cut within any answer of a run: one effect each")


@pytest.mark.fault(21)
def test_a_clock_does_not_press_a_redis_that_refuses(redis: Redis, shim: Shim, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\n")
    far = connect(f"redis://127.0.0.1:{shim.port}/0")
    clock = Clock(far, Inbox(far, lease=timedelta(minutes=1)), RulesFile(rules, RulebookShelf(far)))
    stop = threading.Event()
    thread = threading.Thread(target=run_clock, args=(clock, stop), daemon=True)
    shim.refuse()
    thread.start()
    try:
        began = time.monotonic()
        until(lambda: shim.connections >= 3)
        # One try a second, however quickly each is refused.
        assert time.monotonic() - began > 1.5
        shim.pass_on()
        until(lambda: redis.exists(keys.beat("clock")))
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
