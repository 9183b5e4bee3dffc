"""Decisions, pauses, rules in force and cached readings: round trips and lifetimes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from store import keys
from store.budget import Budget, standing_pauses
from store.cache import Cache
from store.decisions import Decisions
from store.rulebook import RulebookShelf
from tests.conftest import ISSUE, until
from trackers.limits import CREDENTIALS_REFUSED, issue_scope
from trackers.model import Subject, SubjectKind

MINUTE = timedelta(minutes=1)


@pytest.fixture
def decisions(redis: Redis) -> Decisions:
    return Decisions(redis)


@pytest.fixture
def budget(redis: Redis) -> Budget:
    return Budget(redis, "acme.example", "someone")


@pytest.fixture
def shelf(redis: Redis) -> RulebookShelf:
    return RulebookShelf(redis)


def test_decisions_come_newest_first(decisions: Decisions) -> None:
    for number in range(3):
        decisions.add(ISSUE, {"n": number, "text": "ünïcode ☃"}, {})
    assert [record["n"] for record in decisions.of(ISSUE)] == [2, 1, 0]
    assert decisions.of(ISSUE)[0]["text"] == "ünïcode ☃"


def test_only_so_many_decisions_are_kept(decisions: Decisions) -> None:
    for number in range(keys.DECISIONS_KEPT + 3):
        decisions.add(ISSUE, {"n": number}, {})
    kept = decisions.of(ISSUE)
    assert len(kept) == keys.DECISIONS_KEPT
    assert kept[0] == {"n": keys.DECISIONS_KEPT + 2}


def test_counters_add_up_with_and_without_a_record(decisions: Decisions) -> None:
    decisions.add(ISSUE, {}, {"runs": 1, "labels": 2})
    decisions.count({"runs": 1})
    assert decisions.counters() == {"runs": 2, "labels": 2}


def test_purging_one_subject_leaves_others_and_the_counters(decisions: Decisions) -> None:
    other = Subject("acme", SubjectKind.ISSUE, "2")
    decisions.add(ISSUE, {}, {"runs": 1})
    decisions.add(other, {}, {"runs": 1})
    decisions.purge(ISSUE)
    assert decisions.of(ISSUE) == []
    assert len(decisions.of(other)) == 1
    assert decisions.counters() == {"runs": 2}


def test_a_pause_stands_for_all_who_share_host_and_identity(budget: Budget, redis: Redis) -> None:
    budget.pause("all", MINUTE, "the hour's limit")
    standing = Budget(redis, "acme.example", "someone").standing(["issue:1", "all"])
    assert standing is not None
    assert (standing.scope, standing.reason) == ("all", "the hour's limit")
    assert timedelta(seconds=30) < standing.left <= MINUTE


@pytest.mark.parametrize(
    ("host", "identity", "scope"),
    [
        ("other.example", "someone", "all"),
        ("acme.example", "else", "all"),
        ("acme.example", "someone", "issue:1"),
    ],
)
def test_a_pause_covers_no_more_than_it_says(
    budget: Budget, redis: Redis, host: str, identity: str, scope: str
) -> None:
    budget.pause("all", MINUTE, "x")
    assert Budget(redis, host, identity).standing([scope]) is None


def test_the_longest_of_several_pauses_is_told(budget: Budget) -> None:
    budget.pause("issue:1", MINUTE, "short")
    budget.pause("all", 10 * MINUTE, "long")
    standing = budget.standing(["all", "issue:1"])
    assert standing is not None
    assert standing.reason == "long"


@pytest.mark.parametrize(("second", "least"), [(MINUTE, 500), (20 * MINUTE, 1_100)])
def test_a_pause_is_prolonged_but_never_shortened(budget: Budget, second: timedelta, least: int) -> None:
    budget.pause("all", 10 * MINUTE, "first")
    budget.pause("all", second, "second")
    standing = budget.standing(["all"])
    assert standing is not None
    assert standing.left.total_seconds() > least
    assert standing.reason == ("second" if second > 10 * MINUTE else "first")
    ((_, left),) = standing_pauses(budget._redis)
    assert least < left <= standing.left.total_seconds() + 1


def test_a_pause_ends_by_itself_and_can_be_lifted(budget: Budget, redis: Redis) -> None:
    budget.pause("issue:1", timedelta(milliseconds=20), "x")
    until(lambda: budget.standing(["issue:1"]) is None)
    until(lambda: standing_pauses(redis) == [])
    assert not redis.exists(keys.PAUSES), "it lives no longer than they do"
    budget.pause("all", MINUTE, "x")
    budget.lift("all")
    assert budget.standing(["all"]) is None
    assert standing_pauses(redis) == []


def test_a_pause_of_no_length_does_not_stand_for_ever(budget: Budget) -> None:
    budget.pause("all", timedelta(0), "x")
    until(lambda: budget.standing(["all"]) is None)


def test_asking_about_no_scope_finds_nothing(budget: Budget) -> None:
    assert budget.standing([]) is None


def test_all_pauses_can_be_listed(budget: Budget, redis: Redis) -> None:
    budget.pause("all", MINUTE, "x")
    Budget(redis, "b.example", "me").pause("issue:1", MINUTE, "x")
    found = standing_pauses(redis)
    assert [name for name, _ in found] == ["acme.example:someone:all", "b.example:me:issue"]
    assert all(0 < left <= 60 for _, left in found)


def test_the_list_does_not_grow_with_the_issues_that_are_paused(budget: Budget, redis: Redis) -> None:
    budget.pause(issue_scope("7"), 2 * MINUTE, "x")
    for number in range(20):
        budget.pause(issue_scope(f"1000{number}"), MINUTE, "x")
    ((name, left),) = standing_pauses(redis)
    assert name == "acme.example:someone:issue"
    assert 60 < left <= 120, "the longest"
    assert redis.zcard(keys.PAUSES) == 1


def test_what_is_over_leaves_the_list_with_the_next_pause(budget: Budget, redis: Redis) -> None:
    budget.pause("all", MINUTE, "x")
    redis.zadd(keys.PAUSES, {"acme.example:someone:all": 1})
    assert standing_pauses(redis) == []
    budget.pause("bulk", MINUTE, "x")
    assert redis.zrange(keys.PAUSES, 0, -1) == ["acme.example:someone:bulk"]


def test_a_refusal_is_listed_apart_from_limits(budget: Budget, redis: Redis) -> None:
    budget.pause("all", MINUTE, CREDENTIALS_REFUSED)
    assert [name for name, _ in standing_pauses(redis)] == ["acme.example:someone:credentials"]
    budget.lift("all")
    assert standing_pauses(redis) == []


def test_a_pause_that_no_list_names_stands_all_the_same(budget: Budget, redis: Redis) -> None:
    """As one of a version before there was a list."""
    redis.set(keys.pause("acme.example", "someone", "all"), "x", px=60_000)
    assert budget.standing(["all"]) is not None
    budget.pause("all", timedelta(seconds=1), "y")
    standing = budget.standing(["all"])
    assert standing is not None
    assert standing.reason == "x"


def test_before_the_first_good_file_nothing_is_in_force(shelf: RulebookShelf) -> None:
    assert (shelf.version(), shelf.in_force(), shelf.turned()) == (None, None, None)


def test_rules_in_force_come_back_byte_for_byte(shelf: RulebookShelf) -> None:
    text = "\ufeffversion: 1 # ünïcode ☃\r\n".encode()
    shelf.publish("v1", text)
    held = shelf.in_force()
    assert held is not None
    assert (held.version, held.text, shelf.version()) == ("v1", text, "v1")


def test_a_refused_text_leaves_the_one_in_force(shelf: RulebookShelf) -> None:
    shelf.publish("v1", b"good")
    shelf.refuse("here", "v2", ["rules.yaml:1:1: no"])
    turned = shelf.turned()
    assert turned is not None
    assert (turned.version, turned.problems) == ("v2", ("rules.yaml:1:1: no",))
    assert shelf.version() == "v1"


def test_a_good_text_clears_the_refusal_at_its_own_place(shelf: RulebookShelf) -> None:
    shelf.refuse("here", "v2", ["no"])
    shelf.accept("there", "v3")
    assert shelf.turned() is not None
    shelf.accept("here", "v3")
    assert shelf.turned() is None
    assert [(seen.place, seen.version) for seen in shelf.files()] == [("here", "v3"), ("there", "v3")]


def test_a_place_stands_for_its_last_good_text_while_it_holds_a_bad_one(shelf: RulebookShelf) -> None:
    shelf.accept("here", "v1")
    shelf.refuse("here", "v2", ["no"])
    (seen,) = shelf.files()
    assert (seen.version, seen.turned and seen.turned.version) == ("v1", "v2")


def test_what_made_way_is_remembered_for_a_while(
    shelf: RulebookShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.rulebook._PAST_KEPT", 2)
    for version in ("v1", "v2", "v3", "v4"):
        shelf.publish(version, b"good")
    assert [shelf.made_way(f"v{number}") for number in (1, 2, 3, 4)] == [False, True, True, False]


def test_a_cached_reading_is_one_connections_own(redis: Redis) -> None:
    mine, other = Cache(redis, "acme", "bot"), Cache(redis, "other", "bot")
    mine.put("labels:t1", "[1]", MINUTE)
    assert (mine.get("labels:t1"), other.get("labels:t1")) == ("[1]", None)
    other.drop("labels:t1")
    assert mine.get("labels:t1") == "[1]"
    mine.drop("labels:t1")
    assert mine.get("labels:t1") is None


def test_a_cached_reading_ends_when_its_writer_said(redis: Redis) -> None:
    cache = Cache(redis, "acme", "bot")
    cache.put("x", "1", timedelta(milliseconds=20))
    until(lambda: cache.get("x") is None)
    cache.put("y", "1", MINUTE)
    assert 0 < redis.ttl(keys.cache("acme:bot:y")) <= 60
