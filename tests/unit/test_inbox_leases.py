"""Leases: who may still write, what an old token can do (nothing), and what becomes of the dead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis

from store import keys
from store.inbox import Batch, Inbox
from tests.conftest import hint, until
from trackers.model import HintKind, Subject, SubjectKind

A, B = (Subject("acme", SubjectKind.ISSUE, name) for name in "ab")
SHORT = timedelta(milliseconds=30)
LONG = timedelta(minutes=1)

Ending = Callable[[Inbox, Batch], bool]
ENDINGS: dict[str, Ending] = {
    "finish": lambda inbox, batch: inbox.finish(batch),
    "renew": lambda inbox, batch: inbox.renew(batch),
    "postpone": lambda inbox, batch: inbox.postpone(batch, timedelta(hours=1), "x", free=True),
    "bury": lambda inbox, batch: inbox.bury(batch, "x"),
}
EVERY_ENDING = pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())


@pytest.fixture
def inbox(redis: Redis) -> Inbox:
    return Inbox(redis, lease=LONG)


@pytest.fixture
def hasty(redis: Redis) -> Inbox:
    """The same inbox to a worker whose leases end at once."""
    return Inbox(redis, lease=SHORT)


def offer(inbox: Inbox, digest: str, subject: Subject = A) -> None:
    told = hint(HintKind.ISSUE_CHANGED, subject, digest)
    assert inbox.offer("acme", digest, [told], settle=timedelta(0), ceiling=timedelta(hours=1))


def begin(inbox: Inbox, subject: Subject = A) -> Batch:
    (taken,) = [item for item in inbox.take(9) if item.subject == subject]
    batch = inbox.begin(subject, taken.token)
    assert batch is not None
    return batch


def picture(redis: Redis, subject: Subject = A) -> tuple[object, ...]:
    """All that is stored about a subject."""
    return (
        redis.hgetall(keys.subject_state(subject)),
        redis.lrange(keys.hints(subject), 0, -1),
        redis.zscore(keys.PENDING, str(subject)),
        redis.zscore(keys.DEAD, str(subject)),
    )


def due(redis: Redis, subject: Subject = A) -> float:
    """Seconds from now until the subject is due."""
    score = redis.zscore(keys.PENDING, str(subject))
    assert isinstance(score, float)
    seconds, micros = redis.time()
    return score / 1000 - seconds - micros / 1e6


def test_a_lease_that_ends_is_given_to_another_with_a_newer_token(inbox: Inbox, hasty: Inbox) -> None:
    offer(inbox, "one")
    first = begin(hasty)
    second = None

    def again() -> bool:
        nonlocal second
        second = next(iter(inbox.take(1)), None)
        return second is not None

    until(again)
    assert second is not None
    assert second.token > first.token


def test_what_was_handed_out_waits_until_a_run_begins(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    late_by(redis, 100)
    (taken,) = inbox.take(9)
    depth = inbox.depth()
    assert (depth.pending, depth.due, depth.waiting) == (1, 0, 1)
    assert timedelta(seconds=99) <= depth.oldest_overdue < timedelta(seconds=130)
    assert inbox.begin(A, taken.token)
    depth = inbox.depth()
    assert (depth.pending, depth.waiting, depth.oldest_overdue) == (1, 0, timedelta(0))


def test_what_nobody_began_has_waited_since_it_was_due_at_first(
    inbox: Inbox, hasty: Inbox, redis: Redis
) -> None:
    offer(inbox, "one")
    late_by(redis, 100)
    hasty.take(9)
    until(lambda: due(redis) < 0)
    depth = inbox.depth()
    assert (depth.due, depth.waiting) == (1, 1)
    assert depth.oldest_overdue >= timedelta(seconds=99)
    inbox.take(9)
    assert inbox.depth().oldest_overdue >= timedelta(seconds=99)


def test_a_run_that_died_waits_since_its_lease_ended(inbox: Inbox, hasty: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    late_by(redis, 100)
    begin(hasty)
    until(lambda: due(redis) < 0)
    depth = inbox.depth()
    assert depth.waiting == 1
    assert timedelta(0) <= depth.oldest_overdue < timedelta(seconds=99)


def test_what_an_older_version_began_waits_no_more_when_it_is_done(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    assert inbox.finish(begin(inbox))
    redis.zadd(keys.HANDED, {str(A): 0})
    depth = inbox.depth()
    assert (depth.waiting, depth.oldest_overdue) == (0, timedelta(0))


def late_by(redis: Redis, seconds: int) -> None:
    """Have the subject be due for so long."""
    now, _ = redis.time()
    redis.zadd(keys.PENDING, {str(A): (now - seconds) * 1000})


@pytest.mark.fault(15)
@EVERY_ENDING
def test_an_old_token_can_do_nothing(inbox: Inbox, hasty: Inbox, redis: Redis, ending: Ending) -> None:
    offer(inbox, "one")
    old = begin(hasty)
    until(lambda: due(redis) < 0)
    begin(inbox)
    before = picture(redis)
    assert not ending(inbox, old)
    assert picture(redis) == before


@EVERY_ENDING
def test_nothing_can_be_done_to_a_run_that_has_ended(inbox: Inbox, redis: Redis, ending: Ending) -> None:
    offer(inbox, "one")
    batch = begin(inbox)
    assert inbox.finish(batch)
    assert not ending(inbox, batch)
    assert not redis.exists(keys.subject_state(A), keys.hints(A), keys.PENDING, keys.DEAD)


@EVERY_ENDING
@pytest.mark.parametrize("given_back", [ENDINGS["postpone"], ENDINGS["bury"]], ids=["postponed", "buried"])
def test_whoever_gave_a_subject_back_has_no_more_say_in_it(
    inbox: Inbox, redis: Redis, given_back: Ending, ending: Ending
) -> None:
    offer(inbox, "one")
    batch = begin(inbox)
    assert given_back(inbox, batch)
    before = picture(redis)
    assert not ending(inbox, batch)
    assert inbox.begin(A, batch.token) is None
    assert picture(redis) == before


def test_renewing_prolongs_a_lease_that_is_still_ours(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    batch = begin(inbox)
    assert Inbox(redis, lease=timedelta(hours=1)).renew(batch)
    assert due(redis) > 1_000
    assert inbox.take(1) == []


def test_a_lease_that_ran_out_is_not_renewed_even_while_nobody_else_has_it(
    inbox: Inbox, hasty: Inbox, redis: Redis
) -> None:
    offer(inbox, "one")
    batch = begin(hasty)
    until(lambda: due(redis) < 0)
    assert not inbox.renew(batch)
    assert [item.subject for item in inbox.take(1)] == [A]


def test_a_late_finish_counts_while_nobody_else_began(inbox: Inbox, hasty: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    batch = begin(hasty)
    until(lambda: due(redis) < 0)
    assert inbox.finish(batch)
    assert inbox.depth().pending == 0


@pytest.mark.parametrize(("free", "attempts", "waits"), [(True, 1, 1), (False, 2, 0)])
def test_a_free_postponement_spends_no_attempt(inbox: Inbox, free: bool, attempts: int, waits: int) -> None:
    offer(inbox, "one")
    assert inbox.postpone(begin(inbox), timedelta(0), "the limit", free=free)
    second = begin(inbox)
    assert (second.attempts, second.waits, second.cause) == (attempts, waits, "the limit")
    assert len(second.hints) == 1


def test_a_new_hint_does_not_come_before_the_time_it_was_put_off_to(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    inbox.postpone(begin(inbox), timedelta(minutes=10), "the limit", free=True)
    before = redis.zscore(keys.PENDING, str(A))
    offer(inbox, "two")
    assert redis.zscore(keys.PENDING, str(A)) == before
    assert inbox.take(1) == []


def test_after_a_success_the_time_it_was_put_off_to_is_forgotten(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    inbox.postpone(begin(inbox), timedelta(hours=1), "the limit", free=False)
    redis.zadd(keys.PENDING, {str(A): 0})
    batch = begin(inbox)
    offer(inbox, "two")
    inbox.finish(batch)
    second = begin(inbox)
    assert (second.attempts, second.cause) == (1, "")


def test_a_buried_subject_is_listed_with_its_cause_and_never_taken(inbox: Inbox) -> None:
    offer(inbox, "one")
    offer(inbox, "two")
    assert inbox.bury(begin(inbox), "the field is missing")
    (dead,) = inbox.dead()
    assert (dead.subject, dead.cause, dead.attempts, dead.hints) == (A, "the field is missing", 1, 2)
    assert inbox.take(9) == []
    depth = inbox.depth()
    assert (depth.pending, depth.dead) == (0, 1)


def test_the_dead_are_listed_newest_first_and_up_to_a_number(inbox: Inbox, redis: Redis) -> None:
    for subject in (A, B):
        offer(inbox, f"x{subject.id}", subject)
        inbox.bury(begin(inbox, subject), "x")
    redis.zadd(keys.DEAD, {str(A): 1_000, str(B): 2_000})
    assert [dead.subject for dead in inbox.dead()] == [B, A]
    assert [dead.subject for dead in inbox.dead(most=1)] == [B]


def test_reviving_gives_fresh_attempts_and_keeps_the_hints(inbox: Inbox) -> None:
    offer(inbox, "one")
    inbox.postpone(begin(inbox), timedelta(0), "x", free=False)
    inbox.bury(begin(inbox), "x")
    assert inbox.revive(A)
    batch = begin(inbox)
    assert (batch.attempts, batch.waits, batch.cause, len(batch.hints)) == (1, 0, "", 1)
    assert inbox.dead() == []


def test_only_the_dead_are_revived(inbox: Inbox, redis: Redis) -> None:
    assert not inbox.revive(A)
    offer(inbox, "one")
    before = picture(redis)
    assert not inbox.revive(A)
    assert picture(redis) == before


def test_a_new_hint_revives_the_dead_with_fresh_attempts(inbox: Inbox) -> None:
    offer(inbox, "one")
    inbox.bury(begin(inbox), "x")
    offer(inbox, "two")
    assert inbox.dead() == []
    batch = begin(inbox)
    assert (batch.attempts, batch.cause) == (1, "")
    assert [item.digest for item in batch.hints] == ["one", "two"]


def test_a_subject_that_got_a_newer_hint_is_not_buried_but_tried_afresh(inbox: Inbox) -> None:
    offer(inbox, "one")
    inbox.postpone(begin(inbox), timedelta(0), "x", free=False)
    batch = begin(inbox)
    assert batch.attempts == 2
    offer(inbox, "two")
    assert inbox.bury(batch, "x")
    assert inbox.dead() == []
    again = begin(inbox)
    assert (again.attempts, again.cause, len(again.hints)) == (1, "", 2)


def test_a_dead_subjects_token_is_worth_nothing_after_its_revival(inbox: Inbox) -> None:
    offer(inbox, "one")
    old = begin(inbox)
    inbox.bury(old, "x")
    inbox.revive(A)
    assert inbox.begin(A, old.token) is None
    assert not inbox.renew(old)


def test_only_dead_letters_past_their_life_are_forgotten(inbox: Inbox, redis: Redis) -> None:
    for subject in (A, B):
        offer(inbox, f"x{subject.id}", subject)
        inbox.bury(begin(inbox, subject), "x")
    seconds, _ = redis.time()
    life = int(keys.DEAD_LIFE.total_seconds())
    redis.zadd(keys.DEAD, {str(A): (seconds - life - 60) * 1000, str(B): (seconds - life + 600) * 1000})
    assert inbox.forget_old_dead() == 1
    assert [dead.subject for dead in inbox.dead()] == [B]
    assert not redis.exists(keys.subject_state(A), keys.hints(A))
    assert redis.exists(keys.subject_state(B), keys.hints(B)) == 2


def test_a_dead_letter_of_a_newer_version_hinders_neither_list_nor_forgetting(
    inbox: Inbox, redis: Redis
) -> None:
    redis.zadd(keys.DEAD, {"acme:release:1": 1_000})
    assert inbox.dead() == []
    assert inbox.forget_old_dead() == 1


def test_a_run_that_died_is_counted_when_the_subject_comes_again(inbox: Inbox, hasty: Inbox) -> None:
    offer(inbox, "one")
    begin(hasty)
    until(lambda: inbox.depth().due)
    assert begin(inbox).attempts == 2


def test_a_wake_up_that_comes_late_but_is_still_the_newest_begins(hasty: Inbox, redis: Redis) -> None:
    offer(hasty, "one")
    (taken,) = hasty.take(1)
    until(lambda: due(redis) < 0)
    assert hasty.begin(A, taken.token) is not None


def test_a_token_is_never_given_twice_though_the_counter_was_lost(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    (first,) = inbox.take(1)
    redis.delete(keys.TOKEN)
    redis.zadd(keys.PENDING, {str(A): 0})
    (second,) = inbox.take(1)
    assert second.token > first.token


def test_news_cuts_a_long_wait_after_failures_short(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    inbox.postpone(begin(inbox), timedelta(hours=18), "it failed", free=False)
    offer(inbox, "two")
    due = redis.zscore(keys.PENDING, str(A))
    seconds, _ = redis.time()
    assert due is not None
    assert due / 1000 - seconds < 3_700


def test_news_that_comes_while_a_run_fails_cuts_its_long_wait_short_too(inbox: Inbox, redis: Redis) -> None:
    offer(inbox, "one")
    batch = begin(inbox)
    offer(inbox, "two")
    inbox.postpone(batch, timedelta(hours=18), "it failed", free=False)
    assert 3_500 < due(redis) <= 3_600


def test_a_batch_tells_whether_the_run_before_it_came_to_an_end(inbox: Inbox, hasty: Inbox) -> None:
    offer(inbox, "one")
    assert not begin(hasty).silent
    until(lambda: inbox.depth().due)
    second = begin(inbox)
    assert second.silent
    inbox.postpone(second, timedelta(0), "x", free=False)
    third = begin(inbox)
    assert not third.silent
    offer(inbox, "two")
    inbox.finish(third)
    assert not begin(inbox).silent


def test_a_wake_up_that_was_lost_is_no_run_that_died(hasty: Inbox, inbox: Inbox) -> None:
    offer(inbox, "one")
    hasty.take(1)
    until(lambda: inbox.depth().due)
    assert not begin(inbox).silent
