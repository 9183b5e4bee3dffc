"""The inbox against a plain model of it: no hint is lost, no two leases on a subject are good at once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from threading import Barrier, Thread
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.inbox import Batch, Inbox, Taken
from tests.conftest import hint
from trackers.model import HintKind, Subject, SubjectKind

SUBJECTS = tuple(Subject("acme", SubjectKind.ISSUE, name) for name in "abc")
NOW = timedelta(0)


class Model(RuleBasedStateMachine):
    """Time does not pass here: a lease ends when the rule says so."""

    redis: Redis

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.inbox = Inbox(self.redis, lease=timedelta(hours=1))
        self.count = 0
        self.hints: dict[Subject, list[str]] = {subject: [] for subject in SUBJECTS}
        self.newest: dict[Subject, int] = {}
        self.leased: set[Subject] = set()
        self.dead: set[Subject] = set()

    taken = Bundle("taken")
    batches = Bundle("batches")

    @rule(subjects=st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=3))
    def offer(self, subjects: list[Subject]) -> None:
        self.count += 1
        digest = f"d{self.count}"
        told = [hint(HintKind.ISSUE_CHANGED, subject, digest) for subject in subjects]
        assert self.inbox.offer("acme", digest, told, settle=NOW, ceiling=NOW)
        for subject in subjects:
            self.hints[subject].append(digest)
            self.dead.discard(subject)

    @precondition(lambda self: self.count)
    @rule()
    def offer_again(self) -> None:
        told = [hint(HintKind.ISSUE_CHANGED, SUBJECTS[0], f"d{self.count}")]
        assert not self.inbox.offer("acme", f"d{self.count}", told, settle=NOW, ceiling=NOW)

    @rule(target=taken, most=st.integers(1, 3))
    def take_only(self, most: int) -> object:
        return multiple(*self.take(most))

    def take(self, most: int) -> list[Taken]:
        found = self.inbox.take(most)
        assert len(found) <= most
        for item in found:
            assert self.hints[item.subject], "there is something to do"
            assert item.subject not in self.leased | self.dead
            assert item.token > max(self.newest.values(), default=0)
            self.newest[item.subject] = item.token
            self.leased.add(item.subject)
        return found

    @rule(target=batches, item=taken)
    def begin(self, item: Taken) -> object:
        batch = self._begun(item)
        return multiple(batch) if batch else multiple()

    def _begun(self, item: Taken) -> Batch | None:
        batch = self.inbox.begin(item.subject, item.token)
        if self.newest.get(item.subject) != item.token:
            assert batch is None
            return None
        assert batch is not None
        assert [told.digest for told in batch.hints] == self.hints[item.subject]
        self.leased.add(item.subject)
        return batch

    @rule(target=batches)
    def take_and_begin(self) -> object:
        return multiple(*filter(None, map(self._begun, self.take(3))))

    @rule(subject=st.sampled_from(SUBJECTS))
    def end_lease(self, subject: Subject) -> None:
        if subject in self.leased:
            self.redis.hset(keys.subject_state(subject), "lease", 1)
            self.redis.zadd(keys.PENDING, {str(subject): 1})
            self.leased.discard(subject)

    def ours(self, batch: Batch) -> bool:
        return self.newest.get(batch.subject) == batch.token

    @rule(batch=batches)
    def renew(self, batch: Batch) -> None:
        assert self.inbox.renew(batch) is (self.ours(batch) and batch.subject in self.leased)

    @rule(batch=batches)
    def finish(self, batch: Batch) -> None:
        ours = self.ours(batch)
        assert self.inbox.finish(batch) is ours
        if ours:
            del self.hints[batch.subject][: len(batch.hints)]
            self._released(batch.subject)

    @rule(batch=batches, free=st.booleans())
    def postpone(self, batch: Batch, free: bool) -> None:
        ours = self.ours(batch)
        assert self.inbox.postpone(batch, NOW, "later", free=free) is ours
        if ours:
            self._released(batch.subject)

    @rule(batch=batches)
    def bury(self, batch: Batch) -> None:
        ours = self.ours(batch)
        assert self.inbox.bury(batch, "no more") is ours
        if ours:
            self._released(batch.subject)
            if len(self.hints[batch.subject]) == len(batch.hints):
                self.dead.add(batch.subject)

    @rule(subject=st.sampled_from(SUBJECTS))
    def revive(self, subject: Subject) -> None:
        assert self.inbox.revive(subject) is (subject in self.dead)
        self.dead.discard(subject)

    def _released(self, subject: Subject) -> None:
        del self.newest[subject]
        self.leased.discard(subject)

    @invariant()
    def no_hint_is_lost_or_invented(self) -> None:
        for subject in SUBJECTS:
            stored = cast("list[str]", self.redis.lrange(keys.hints(subject), 0, -1))
            assert [entry.partition('"digest": "')[2].partition('"')[0] for entry in stored] == (
                self.hints[subject]
            )

    @invariant()
    def whatever_has_hints_waits_or_is_dead(self) -> None:
        pending = cast("list[str]", self.redis.zrange(keys.PENDING, 0, -1))
        assert set(pending) == {
            str(subject) for subject in SUBJECTS if self.hints[subject] and subject not in self.dead
        }
        assert {dead.subject for dead in self.inbox.dead()} == self.dead


def test_whatever_happens_no_hint_is_lost_and_one_lease_is_good(redis: Redis) -> None:
    Model.redis = redis
    run_state_machine_as_test(
        Model,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )


@pytest.mark.parametrize("most", [1, 3])
def test_two_takers_never_get_the_same_subject(redis: Redis, redis_server: EmbeddedRedis, most: int) -> None:
    many = [Subject("acme", SubjectKind.ISSUE, f"n{number}") for number in range(60)]
    setup = Inbox(redis, lease=timedelta(minutes=5))
    for subject in many:
        told = [hint(HintKind.ISSUE_CHANGED, subject, subject.id)]
        setup.offer("acme", subject.id, told, settle=NOW, ceiling=NOW)
    got: list[Taken] = []
    begun: list[int] = []
    start = Barrier(4)

    def taker() -> None:
        client = connect(redis_server.url)
        inbox = Inbox(client, lease=timedelta(minutes=5))
        start.wait()
        while found := inbox.take(most):
            got.extend(found)
            begun.extend(item.token for item in found if inbox.begin(item.subject, item.token))
        client.close()

    threads = [Thread(target=taker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(item.subject for item in got) == Counter(many)
    assert sorted(begun) == sorted(item.token for item in got)
    assert len(set(begun)) == len(many)
