"""The inbox: offering, taking, beginning and finishing, over a real Redis."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from redis import Redis

from store import keys
from store.inbox import Batch, Inbox
from tests.conftest import T0, changed, hint, until
from trackers.model import Hint, HintKind, Subject, SubjectKind

A, B, C = (Subject("acme", SubjectKind.ISSUE, name) for name in "abc")
SPRINT = Subject("acme", SubjectKind.SPRINT, "7")
NOW = timedelta(0)
HOUR = timedelta(hours=1)


@pytest.fixture
def inbox(redis: Redis) -> Inbox:
    return Inbox(redis, lease=timedelta(minutes=1))


def offer(
    inbox: Inbox, digest: str, *hints: Hint, settle: timedelta = NOW, ceiling: timedelta = HOUR
) -> bool:
    return inbox.offer("acme", digest, hints, settle=settle, ceiling=ceiling)


def about(subject: Subject, digest: str = "x") -> Hint:
    return hint(HintKind.ISSUE_CHANGED, subject, digest)


def begin(inbox: Inbox, subject: Subject) -> Batch:
    """Take the subject, leaving others alone, and begin its run."""
    (taken,) = [item for item in inbox.take(100) if item.subject == subject]
    batch = inbox.begin(subject, taken.token)
    assert batch is not None
    return batch


def due(redis: Redis, subject: Subject) -> int:
    score = redis.zscore(keys.PENDING, str(subject))
    assert isinstance(score, float)
    return int(score)


def state(redis: Redis, subject: Subject, *fields: str) -> list[int]:
    found = cast("list[str]", redis.hmget(keys.subject_state(subject), list(fields)))
    return [int(value) for value in found]


def test_a_body_seen_before_stores_nothing(inbox: Inbox, redis: Redis) -> None:
    assert offer(inbox, "one", about(A))
    assert not offer(inbox, "one", about(A), about(B))
    assert redis.llen(keys.hints(A)) == 1
    assert inbox.depth().pending == 1


def test_the_same_body_on_another_connection_is_another_body(inbox: Inbox) -> None:
    assert offer(inbox, "one", about(A))
    other = replace(A, connection="other")
    assert inbox.offer("other", "one", [about(other)], settle=NOW, ceiling=HOUR)


def test_a_body_without_hints_is_claimed_too(inbox: Inbox) -> None:
    assert offer(inbox, "one")
    assert not offer(inbox, "one")
    assert inbox.depth().pending == 0


def test_one_body_may_tell_of_several_subjects_and_twice_of_one(inbox: Inbox) -> None:
    hints = [about(A, "1"), about(B, "1"), replace(about(A, "1"), kind=HintKind.ISSUE_CREATED)]
    assert offer(inbox, "one", *hints, replace(about(A), subject=SPRINT, kind=HintKind.SPRINT_JOINED))
    tokens = {item.subject: item.token for item in inbox.take(9)}
    assert set(tokens) == {A, B, SPRINT}
    batch = inbox.begin(A, tokens[A])
    assert batch is not None
    assert batch.hints == (hints[0], hints[2])


def test_a_hint_comes_back_as_it_was_put_in(inbox: Inbox) -> None:
    full = Hint(
        A, HintKind.ISSUE_CHANGED, "d", T0, T0, "somebody", ("title", "ünïcode ☃"), ("l1",), ("l2",), ("7",),
        ("8",), late=True,
    )  # fmt: skip
    offer(inbox, "one", full)
    assert begin(inbox, A).hints == (full,)


@pytest.mark.parametrize(
    ("settle", "ceiling"), [(60_000, 3_600_000), (60_000, 10_000), (0, 0), (5_000, 300_000)]
)
def test_the_due_time_is_last_plus_settle_but_first_plus_ceiling_at_most(
    inbox: Inbox, redis: Redis, settle: int, ceiling: int
) -> None:
    spans = {"settle": timedelta(milliseconds=settle), "ceiling": timedelta(milliseconds=ceiling)}
    offer(inbox, "one", about(A), **spans)
    first, _ = state(redis, A, "first", "last")
    until(lambda: offer(inbox, str(redis.time()), about(A), **spans) and _apart(redis))
    again, last = state(redis, A, "first", "last")
    assert again == first, "the first hint stays the first"
    assert due(redis, A) == min(last + settle, first + ceiling)


def _apart(redis: Redis) -> bool:
    first, last = state(redis, A, "first", "last")
    return last > first


@pytest.mark.fault(28)
def test_a_stream_of_hints_cannot_put_a_run_off_past_the_ceiling(inbox: Inbox, redis: Redis) -> None:
    spans = {"settle": HOUR, "ceiling": timedelta(milliseconds=50)}
    count = 0

    def another() -> bool:
        nonlocal count
        count += 1
        offer(inbox, f"n{count}", about(A), **spans)
        return bool(inbox.take(1))

    until(another)
    assert count > 1


def test_nothing_is_taken_before_it_is_due(inbox: Inbox) -> None:
    offer(inbox, "one", about(A), settle=HOUR)
    assert inbox.take(9) == []
    depth = inbox.depth()
    assert (depth.pending, depth.due, depth.oldest_overdue) == (1, 0, NOW)


def test_taking_respects_most_and_takes_the_longest_due_first(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A), about(B), about(C))
    redis.zadd(keys.PENDING, {str(B): 1_000, str(C): 2_000, str(A): 3_000})
    assert [item.subject for item in inbox.take(2)] == [B, C]
    assert [item.subject for item in inbox.take(2)] == [A]
    assert inbox.take(2) == []


def test_tokens_only_grow(inbox: Inbox, redis: Redis) -> None:
    tokens = []
    for name in ("one", "two", "three"):
        offer(inbox, name, about(A), about(B))
        redis.zadd(keys.PENDING, {str(A): 0, str(B): 0})
        tokens += [item.token for item in inbox.take(2)]
    assert tokens == sorted(set(tokens))


def test_beginning_counts_an_attempt_and_taking_does_not(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A))
    for _ in range(3):
        inbox.take(1)
        redis.zadd(keys.PENDING, {str(A): 0})
    assert begin(inbox, A).attempts == 1
    redis.zadd(keys.PENDING, {str(A): 0})
    assert begin(inbox, A).attempts == 2


@pytest.mark.parametrize("wrong", [0, -1, 10**9])
def test_a_token_that_was_never_given_begins_nothing(inbox: Inbox, redis: Redis, wrong: int) -> None:
    offer(inbox, "one", about(A))
    inbox.take(1)
    assert inbox.begin(A, wrong) is None
    assert redis.hget(keys.subject_state(A), "attempts") is None


def test_a_subject_that_is_not_there_begins_nothing(inbox: Inbox) -> None:
    assert inbox.begin(A, 1) is None


def test_finishing_removes_exactly_the_hints_that_were_read(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A, "read"))
    batch = begin(inbox, A)
    offer(inbox, "two", about(A, "new"))
    assert inbox.finish(batch)
    second = begin(inbox, A)
    assert [item.digest for item in second.hints] == ["new"]
    assert (second.attempts, second.waits, second.cause) == (1, 0, "")
    assert inbox.finish(second)
    assert not redis.exists(keys.hints(A), keys.subject_state(A))
    assert inbox.depth().pending == 0


def test_after_a_run_the_rest_is_due_by_its_own_times(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A))
    batch = begin(inbox, A)
    inbox.offer("acme", "two", [about(A)], settle=timedelta(seconds=40), ceiling=timedelta(seconds=30))
    inbox.finish(batch)
    first, last, settle, ceiling = state(redis, A, "first", "last", "settle", "ceiling")
    assert first == last
    assert due(redis, A) == first + ceiling == min(last + settle, first + ceiling)


def test_a_hint_that_comes_while_leased_does_not_shorten_the_lease(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A))
    begin(inbox, A)
    before = due(redis, A)
    offer(inbox, "two", about(A))
    assert due(redis, A) == before
    assert inbox.take(9) == []


@pytest.mark.parametrize(
    "strange",
    [
        '{"subject": "acme:issue:a", "kind": "issue_teleported", "digest": "x"}',
        '{"kind": "issue_created"}',
        '{"subject": 5, "kind": "issue_created", "digest": "x"}',
        '{"subject": "acme:issue:a", "kind": "issue_created", "digest": "x", "at": 5}',
        '{"subject": "acme:issue:a", "kind": "issue_created", "digest": "x", "changed": 5}',
        "[]",
        "null",
        "not json",
        "",
    ],
)
def test_a_hint_nobody_can_read_has_its_subject_looked_at_and_is_removed_by_the_run(
    inbox: Inbox, redis: Redis, strange: str
) -> None:
    offer(inbox, "one", about(A, "good"))
    redis.rpush(keys.hints(A), f"1700000000000 {strange}")
    batch = begin(inbox, A)
    assert [item.digest for item in batch.hints] == ["good", ""]
    assert batch.hints[1].changed, "its subject is looked at again"
    inbox.finish(batch)
    assert redis.llen(keys.hints(A)) == 0


def test_a_kind_of_subject_only_a_newer_version_knows_is_passed_over(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A))
    redis.zadd(keys.PENDING, {"acme:release:1": 0})
    assert [item.subject for item in inbox.take(9)] == [A]
    assert redis.zscore(keys.PENDING, "acme:release:1") is not None


@pytest.mark.parametrize("name", ["a:b", "::", "with space", "ünïcode", "*", "a:issue:b"])
def test_an_id_may_hold_any_character(inbox: Inbox, name: str) -> None:
    odd = Subject("acme", SubjectKind.ISSUE, name)
    offer(inbox, "one", about(odd))
    batch = begin(inbox, odd)
    assert batch.subject == odd
    assert inbox.finish(batch)
    assert inbox.depth().pending == 0


def test_the_depth_tells_how_full_and_how_late(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", about(A), about(B))
    offer(inbox, "two", about(C), settle=HOUR)
    seconds, _ = redis.time()
    redis.zadd(keys.PENDING, {str(A): (seconds - 100) * 1000})
    depth = inbox.depth()
    assert (depth.pending, depth.due, depth.waiting, depth.dead) == (3, 2, 2, 0)
    assert timedelta(seconds=99) <= depth.oldest_overdue < timedelta(seconds=130)


def test_a_batch_tells_how_long_its_first_hint_waited(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one", changed("title"))
    (taken,) = inbox.take(1)
    redis.hincrby(keys.subject_state(taken.subject), "first", -5_000)
    batch = inbox.begin(taken.subject, taken.token)
    assert batch is not None
    assert timedelta(seconds=5) <= batch.waited < timedelta(seconds=35)
