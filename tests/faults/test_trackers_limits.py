"""Rate limits: what one covers is left alone by all workers until it ends, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis

from rules.connections import ApiKey, EmailToken
from rules.secret import Secret
from store.budget import standing_pauses
from tests.faults import toys
from tests.faults.test_trackers_unknown_outcomes import dies_at
from tests.faults.toys import TOKEN, Floor, Killed, Toy
from trackers.limits import BULK
from workers.record import Outcome

pytestmark = pytest.mark.fault(31)

MINUTES: Final = {"Retry-After": "600"}


@pytest.fixture(scope="module")
def jira() -> Iterator[Toy]:
    with toys.jira() as toy:
        yield toy


@pytest.fixture(scope="module")
def linear() -> Iterator[Toy]:
    with toys.linear() as toy:
        yield toy


@pytest.fixture(params=["jira", "linear"])
def toy(request: pytest.FixtureRequest) -> Toy:
    """Each of the two in turn, or the one that a test names."""
    toy: Toy = request.getfixturevalue(request.param)
    toy.fresh()
    return toy


@pytest.fixture
def floor(redis: Redis, tmp_path: Path, toy: Toy) -> Floor:
    floor = Floor(redis, tmp_path, (toy,))
    floor.rules()
    return floor


@dataclass(frozen=True)
class Limit:
    """A limit that a first worker meets as it labels an issue, and what it covers."""

    name: str
    tracker: str
    fault: dict[str, Any]
    other_issues: bool
    """Whether labels may be put on other issues meanwhile."""
    reads: bool
    """Whether issues may be read meanwhile."""


LIMITS: Final = (
    Limit("burst", "jira", {"reason": "jira-burst-based", "headers": MINUTES}, False, True),
    Limit("issue", "jira", {"reason": "jira-per-issue-on-write", "headers": MINUTES}, True, True),
    Limit("quota", "jira", {"reason": "jira-quota-tenant-based", "headers": MINUTES}, False, False),
    Limit("bucket", "jira", {"kind": "status", "status": 429, "headers": MINUTES}, False, False),
    Limit("requests", "linear", {"reason": "requests", "status": 400, "seconds": 600}, False, False),
    Limit("complexity", "linear", {"reason": "complexity", "status": 429, "seconds": 600}, False, False),
    Limit("with 200", "linear", {"reason": "requests", "status": 200, "seconds": 600}, False, False),
    Limit("endpoint", "linear", {"reason": "endpoint", "seconds": 600}, False, True),
)
WRITE: Final = "PUT issue|issueUpdate"


@pytest.mark.parametrize(
    ("toy", "limit"),
    [(limit.tracker, limit) for limit in LIMITS],
    ids=[limit.name for limit in LIMITS],
    indirect=["toy"],
)
def test_a_limit_that_one_worker_meets_holds_for_all_and_for_no_more_than_it_covers(
    floor: Floor, toy: Toy, limit: Limit, seen: Callable[[str], None]
) -> None:
    first, other = toy.file(), toy.file()
    met, fresh = floor.worker(), floor.worker()
    toy.hand.fault(WRITE, **{"kind": "rate_limit"} | limit.fault)
    floor.tell(met, toy.subject(first))
    assert [ending.outcome for ending in floor.work(met)] == [Outcome.POSTPONED]
    assert 590 < floor.until() < 602
    toy.hand.forget_calls()

    floor.pull()
    floor.tell(fresh, toy.subject(other))
    for _ in range(2):
        floor.work(fresh)
        floor.pull()
    assert toy.effects(first) == {} and toy.labels(first) == []
    assert (toy.labels(other) == ["security"]) is limit.other_issues
    assert any(name in ("GET issue", "issue") for name in toy.asked()) is limit.reads

    floor.pauses_end()
    ended = floor.work_off(floor.worker())
    assert toy.labels(first) == toy.labels(other) == ["security"]
    assert [sum(toy.effects(key).values()) for key in (first, other)] == [1, 1]
    assert all(ending.outcome is not Outcome.DEAD for ending in ended)
    seen("all workers leave alone what the limit covers, and only that, until it ends")


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "0"}, 1, 3),
        ({"Retry-After": "-5"}, 30, 32),
        ({"Retry-After": "nan"}, 30, 32),
        ({"Retry-After": "31536000"}, 3600, 3602),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 1, 3),
        ({}, 30, 32),
    ],
)
def test_whatever_a_limit_says_the_wait_is_between_a_second_and_an_hour(
    floor: Floor, toy: Toy, headers: dict[str, str], least: int, most: int, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault("GET issue|issue", "status", status=429, headers=headers)
    floor.tell(shop, toy.subject(key))
    floor.work(shop)
    assert least - 1 < floor.until() < most + 1
    seen("from 1 s to 1 h, 30 s where nothing sensible is said")


def test_limits_without_end_spend_no_attempt(floor: Floor, toy: Toy, seen: Callable[[str], None]) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault("GET issue|issue", "status", times=20, status=429, headers={"Retry-After": "1"})
    floor.tell(shop, toy.subject(key))
    for _ in range(20):
        floor.pull()
        floor.pauses_end()
        assert [ending.outcome for ending in floor.work(shop)] == [Outcome.POSTPONED]
    floor.pauses_end()
    floor.work_off(shop)
    assert toy.labels(key) == ["security"] and sum(toy.effects(key).values()) == 1
    seen("20 limits in a row spend no attempt")


def test_a_503_that_says_when_to_return_is_waited_out_by_all(floor: Floor, toy: Toy) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault(WRITE, "status", status=503, headers={"Retry-After": "600"}, body="<html>")
    floor.tell(shop, toy.subject(key))
    floor.work(shop)
    asked = len(toy.asked())
    floor.pull()
    floor.work(floor.worker())
    assert len(toy.asked()) == asked
    floor.pauses_end()
    floor.work_off(shop)
    assert sum(toy.effects(key).values()) == 1


def test_a_pause_outlives_the_worker_that_met_the_limit(floor: Floor, toy: Toy) -> None:
    key = toy.file()
    toy.hand.fault("GET issue|issue", "status", status=429, headers=MINUTES)
    floor.tell(floor.worker(), toy.subject(key))
    with pytest.raises(Killed):
        # It dies before it has given the subject back.
        floor.work(floor.worker(dies_at("recorded", 1)))
    toy.hand.forget_calls()
    floor.pull()
    floor.work(floor.worker())
    assert toy.asked() == []


@pytest.mark.parametrize("toy", ["jira"], indirect=True)
def test_a_limit_between_two_writes_repeats_none_and_loses_none(floor: Floor, toy: Toy) -> None:
    floor.rules(comment=True)
    key = toy.file()
    toy.hand.fault("POST comment", "rate_limit", reason="jira-burst-based", headers=MINUTES)
    floor.tell(floor.worker(), toy.subject(key))
    floor.work(floor.worker())
    assert toy.labels(key) == ["security"] and toy.comments(key) == []
    floor.pauses_end()
    floor.work_off(floor.worker())
    assert toy.effects(key) == {"PUT issue": 1, "POST comment": 1}
    assert len(toy.comments(key)) == 1


def test_connections_of_one_account_share_a_budget_and_others_have_their_own(
    floor: Floor, toy: Toy, seen: Callable[[str], None]
) -> None:
    same = replace(toy.connection, name="again")
    auth = EmailToken("other@example.invalid", Secret(TOKEN)) if toy.is_jira else ApiKey(Secret("other"))
    others = (replace(toy.connection, name="other", auth=auth),)
    floor.extra = (same, *others)
    key, shop = toy.file(), floor.worker()
    subject = toy.subject(key)
    toy.hand.fault("GET issue|issue", "status", status=429, headers=MINUTES)
    floor.tell(shop, subject)
    floor.work(shop)
    toy.hand.forget_calls()
    floor.tell(shop, replace(subject, connection="again"))
    floor.work(shop)
    assert toy.asked() == []
    for other in others:
        floor.tell(shop, replace(subject, connection=other.name))
        floor.work(shop)
        assert toy.asked() != []
    seen("one budget for a tracker's host and account, whatever connections use it")


def test_bulk_work_waits_for_the_reserve_while_live_events_go_on(
    floor: Floor, toy: Toy, seen: Callable[[str], None]
) -> None:
    shop, key = floor.worker(), toy.file()
    gate = shop.desks["acme"].gate
    assert gate is not None
    gate.limit(BULK, timedelta(minutes=6), "the rest of the tracker's limit is kept for live events")
    floor.tell(shop, toy.subject(key))
    floor.work(shop)
    assert toy.labels(key) == ["security"]
    assert [scope.rpartition(":")[2] for scope, _ in standing_pauses(floor.redis)] == [BULK]
    seen("live events go on while training and backfill wait for half of the limit to come back")
