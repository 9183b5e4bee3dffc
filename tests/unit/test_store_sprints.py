"""The memory of sprints in Redis: what was kept comes back, with a life, and boards come up in turn."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

from store import keys
from store.sprints import Sprints, _ms
from trackers.model import Subject, SubjectKind
from trackers.sprints import Amount, Finished, Unit

SPRINT = Subject("acme", SubjectKind.SPRINT, "37")
BOARD = Subject("acme", SubjectKind.BOARD, "12")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def finished(id_: str = "36") -> Finished:
    return Finished(
        id=id_,
        board="12",
        start=NOW - timedelta(days=14),
        ended=NOW,
        planned_days=14.0,
        committed=Amount(8, 30),
        delivered=Amount(7, 26.5),
        added=Amount(1, 3),
        estimated=0.875,
        stays=(("10001", 12.5), ("10001", 40.0)),
        approximate=True,
        unit=Unit.HOURS,
    )


def test_a_book_is_kept_and_listed_until_its_sprint_is_closed(redis: Redis) -> None:
    sprints = Sprints(redis)
    assert sprints.book(SPRINT) is None
    sprints.keep(SPRINT, "12", "one")
    assert (sprints.book(SPRINT), sprints.running("acme")) == ("one", {"37": "12"})
    sprints.close(SPRINT, "two")
    assert (sprints.book(SPRINT), sprints.running("acme"), sprints.closed("acme")) == ("two", {}, ["37"])


def test_closed_sprints_are_listed_as_long_as_their_books_live(redis: Redis) -> None:
    sprints, other = Sprints(redis), Subject("acme", SubjectKind.SPRINT, "38")
    sprints.close(SPRINT, "one")
    redis.zadd(keys.closed("acme"), {"37": _ms(datetime.now(UTC) - keys.SPRINT_LIFE)})
    sprints.close(other, "two")
    assert sprints.closed("acme") == ["38"]


def test_a_sprint_that_is_let_go_is_not_forgotten(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.keep(SPRINT, "12", "one")
    sprints.let_go(SPRINT)
    assert (sprints.book(SPRINT), sprints.running("acme")) == ("one", {})


def test_nothing_of_a_deleted_sprint_stays(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.keep(SPRINT, "12", "one")
    sprints.snooze(SPRINT, on=True)
    sprints.close(SPRINT, "two")
    sprints.keep(SPRINT, "12", "three")
    sprints.forget(SPRINT)
    assert redis.keys("*37*") == []
    assert (sprints.running("acme"), sprints.closed("acme")) == ({}, [])


def test_finished_sprints_come_back_as_they_were(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.add_finished("acme", "12", [finished("35"), finished("36")])
    assert sprints.finished("acme", "12") == {"35": finished("35"), "36": finished("36")}
    sprints.drop_finished("acme", "12", "35")
    assert set(sprints.finished("acme", "12")) == {"36"}
    assert sprints.finished("acme", "13") == {}


def test_a_finished_sprint_that_another_version_wrote_is_read(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.add_finished("acme", "12", [finished()])
    name = keys.finished("acme", "12")
    raw = json.loads(cast("str", redis.hget(name, "36")))
    for key in ("unit", "stays", "approximate"):
        del raw[key]
    redis.hset(name, "36", json.dumps({**raw, "of_a_later_version": 1}))
    (read,) = sprints.finished("acme", "12").values()
    assert read == replace(finished(), unit=Unit.POINTS, stays=(), approximate=False)


def test_of_finished_sprints_the_newest_by_their_end_are_kept(redis: Redis) -> None:
    sprints = Sprints(redis)
    ended = [NOW + timedelta(days=7 * number) for number in range(keys.FINISHED_KEPT + 20)]
    made = [replace(finished(f"n{number}"), ended=at) for number, at in enumerate(ended)]
    sprints.add_finished("acme", "12", made[20:])
    assert set(sprints.finished("acme", "12")) == {one.id for one in made[20:]}
    for older in made[:20]:
        sprints.add_finished("acme", "12", [older])
    assert set(sprints.finished("acme", "12")) == {one.id for one in made[20:]}
    sprints.add_finished("acme", "12", [replace(finished("new"), ended=ended[-1] + timedelta(days=7))])
    assert set(sprints.finished("acme", "12")) == {*(one.id for one in made[21:]), "new"}


def test_the_key_of_hashes_is_made_once_and_differs_from_store_to_store(redis: Redis) -> None:
    one = Sprints(redis).secret()
    assert Sprints(redis).secret() == one
    assert len(one) == 32
    redis.flushall()
    assert Sprints(redis).secret() != one


def test_a_board_comes_up_at_once_and_then_when_it_was_said(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.watch([BOARD])
    assert [board for board, _ in sprints.due(NOW)] == [BOARD]
    sprints.next_look(BOARD, NOW + timedelta(minutes=5))
    sprints.watch([BOARD])
    assert sprints.due(NOW + timedelta(minutes=4)) == []
    assert [board for board, _ in sprints.due(NOW + timedelta(minutes=5))] == [BOARD]


def test_a_board_that_is_not_watched_is_never_due(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.next_look(BOARD, NOW)
    assert sprints.due(NOW) == []
    sprints.watch([BOARD])
    assert sprints.watched() == [BOARD]
    sprints.unwatch(BOARD)
    assert (sprints.due(NOW), sprints.watched()) == ([], [])


def test_snoozing_is_remembered_by_sprint(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.snooze(SPRINT, on=True)
    assert sprints.is_snoozed(SPRINT)
    assert not sprints.is_snoozed(Subject("acme", SubjectKind.SPRINT, "38"))
    sprints.snooze(SPRINT, on=False)
    assert not sprints.is_snoozed(SPRINT)


def test_everything_about_sprints_has_a_life(redis: Redis) -> None:
    sprints = Sprints(redis)
    sprints.keep(SPRINT, "12", "one")
    sprints.snooze(SPRINT, on=True)
    sprints.close(Subject("acme", SubjectKind.SPRINT, "38"), "two")
    sprints.add_finished("acme", "12", [finished()])
    lives = {name: redis.ttl(name) for name in cast("list[str]", redis.keys("*"))}
    assert len(lives) == 6
    assert all(0 < life <= keys.FINISHED_LIFE.total_seconds() for life in lives.values())
