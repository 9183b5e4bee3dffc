"""Where models stand: every switch whole or not at all, whoever else switches, and no file left over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from redis import Redis
from redis.exceptions import RedisError

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.models import MOST_BYTES, ModelShelf, NotSwitched, Refusal, Slot, Slots, Verdict

LABELS, TYPE, OTHER = ("acme", "labels"), ("acme", "type"), ("other", "labels")
A, B, C, D = (letter * 64 for letter in "abcd")
FACTS = {"created": "2026-03-02T09:00:00+00:00", "issues": 120, "tags": 7}
FILE = bytes(range(256)) * 3
"""Bytes that are no text in any encoding we use."""


@pytest.fixture
def shelf(redis: Redis) -> ModelShelf:
    return ModelShelf(redis)


def stand(shelf: ModelShelf, place: tuple[str, str] = LABELS) -> tuple[str, str, str]:
    """The first letters of what is staged, serves and served; a dash for none."""
    slots = shelf.slots(place) or Slots()
    staged, serving, previous = (slots.models.get(slot) for slot in Slot)
    return tuple(entry.id[0] if entry else "-" for entry in (staged, serving, previous))  # type: ignore[return-value]


def files(redis: Redis) -> set[str]:
    """The first letters of the models whose file is kept."""
    return {str(name)[len(keys.MODEL)] for name in redis.scan_iter(match=f"{keys.MODEL}*")}


def serve(shelf: ModelShelf, *ids: str, place: tuple[str, str] = LABELS) -> None:
    for id_ in ids:
        shelf.stage(place, id_, FILE, FACTS)
        shelf.promote(place, id_)


def test_a_file_comes_back_byte_for_byte(shelf: ModelShelf) -> None:
    noise = os.urandom(100_000)
    for file in (FILE, noise, b"\r\n$5\r\n", b"\xff\xfe", b""):
        shelf.stage(LABELS, A, file, FACTS)
        assert shelf.file(A) == file
    assert shelf.file(B) is None


def test_a_model_goes_from_staged_to_serving_to_previous(shelf: ModelShelf) -> None:
    assert shelf.slots(LABELS) is None
    shelf.stage(LABELS, A, FILE, FACTS)
    assert stand(shelf) == ("a", "-", "-")
    shelf.promote(LABELS, A)
    assert stand(shelf) == ("-", "a", "-")
    shelf.stage(LABELS, B, FILE, FACTS)
    assert stand(shelf) == ("b", "a", "-")
    shelf.promote(LABELS, B)
    assert stand(shelf) == ("-", "b", "a")
    serve(shelf, C)
    assert stand(shelf) == ("-", "c", "b")


def test_a_slot_tells_what_stands_there_since_when_and_why(shelf: ModelShelf) -> None:
    before = datetime.now(UTC)
    verdict = Verdict(True, ("It is better on the newest months (0.61 against 0.58).", "No label is worse."))
    shelf.stage(LABELS, A, FILE, FACTS, verdict)
    slots = shelf.promote(LABELS, A, ("By command.",))
    assert slots == shelf.slots(LABELS)
    serving, switch = slots.serving, slots.switch
    assert serving is not None
    assert switch is not None
    assert (serving.id, serving.facts, serving.verdict) == (A, FACTS, verdict)
    assert (switch.did, switch.because) == ("promote", ("By command.",))
    assert before <= switch.at == serving.since <= datetime.now(UTC)


def test_rollback_swaps_and_swaps_back(shelf: ModelShelf) -> None:
    serve(shelf, A, B)
    shelf.stage(LABELS, C, FILE, FACTS)
    shelf.rollback(LABELS, B)
    assert stand(shelf) == ("c", "a", "b")
    shelf.rollback(LABELS, A)
    assert stand(shelf) == ("c", "b", "a")


def test_rolling_back_the_first_model_leaves_the_rules_alone(shelf: ModelShelf, redis: Redis) -> None:
    serve(shelf, A)
    shelf.rollback(LABELS, A)
    assert stand(shelf) == ("-", "-", "a")
    assert files(redis) == {"a"}
    shelf.rollback(LABELS, None)
    assert stand(shelf) == ("-", "a", "-")


def test_what_served_before_a_promotion_is_what_a_rollback_brings_back(shelf: ModelShelf) -> None:
    serve(shelf, A)
    shelf.rollback(LABELS, A)
    serve(shelf, B)
    assert stand(shelf) == ("-", "b", "-"), "nothing served before"


def test_a_model_staged_again_mends_its_file(shelf: ModelShelf, redis: Redis) -> None:
    serve(shelf, A, B)
    redis.set(keys.model(B), b"damaged")
    before = shelf.slots(LABELS)
    shelf.stage(LABELS, B, FILE, FACTS)
    assert shelf.file(B) == FILE
    shelf.promote(LABELS, B)
    assert stand(shelf) == ("-", "b", "a")
    after = shelf.slots(LABELS)
    assert before is not None
    assert after is not None
    assert after.generation > before.generation, "workers look at it again"


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        (lambda shelf: shelf.promote(LABELS, B), "No model is staged for labels of acme."),
        (lambda shelf: shelf.promote(TYPE, A), "No model is staged for type of acme."),
        (lambda shelf: shelf.refuse(LABELS, A, ["Worse."]), "No model is staged"),
        (lambda shelf: shelf.rollback(LABELS, B), "Another model serves labels of acme by now"),
        (lambda shelf: shelf.rollback(LABELS, None), "Another model serves"),
        (lambda shelf: shelf.rollback(TYPE, None), "No model serves type of acme"),
        (lambda shelf: shelf.stage(LABELS, B, b"x" * (MOST_BYTES + 1), FACTS), "at most 10,000,000"),
    ],
)
def test_a_switch_that_cannot_be_leaves_all_as_it_was(
    shelf: ModelShelf, redis: Redis, switch: Callable[[ModelShelf], object], said: str
) -> None:
    serve(shelf, A)
    before = redis.hgetall(keys.MODELS)
    with pytest.raises(NotSwitched, match=said):
        switch(shelf)
    assert redis.hgetall(keys.MODELS) == before
    assert files(redis) == {"a"}


def test_another_staged_model_is_not_promoted_by_mistake(shelf: ModelShelf) -> None:
    shelf.stage(LABELS, A, FILE, FACTS)
    shelf.stage(LABELS, B, FILE, FACTS)
    with pytest.raises(NotSwitched, match="Another model is staged"):
        shelf.promote(LABELS, A)
    assert stand(shelf) == ("b", "-", "-")


def test_a_model_the_gate_refused_serves_only_by_force(shelf: ModelShelf) -> None:
    serve(shelf, A)
    shelf.stage(LABELS, B, FILE, FACTS)
    shelf.refuse(LABELS, B, ["It is worse on the newest months.", "Label billing fell from 0.9 to 0.6."])
    with pytest.raises(NotSwitched, match=r"The gate refused .* newest months. Label billing fell"):
        shelf.promote(LABELS, B)
    assert stand(shelf) == ("b", "a", "-")
    shelf.promote(LABELS, B, force=True)
    assert stand(shelf) == ("-", "b", "a")


def test_files_go_when_no_slot_of_any_place_names_them(shelf: ModelShelf, redis: Redis) -> None:
    serve(shelf, A, B)
    serve(shelf, A, place=OTHER)
    serve(shelf, C)
    assert files(redis) == {"a", "b", "c"}, "the other connection still needs a"
    serve(shelf, D, place=OTHER)
    assert files(redis) == {"a", "b", "c", "d"}, "it is the other one's previous model"
    serve(shelf, B, place=OTHER)
    assert files(redis) == {"b", "c", "d"}
    shelf.stage(TYPE, A, FILE, FACTS)
    shelf.stage(TYPE, B, FILE, FACTS)
    assert files(redis) == {"b", "c", "d"}, "staged over"


def test_every_place_is_told_apart(shelf: ModelShelf) -> None:
    serve(shelf, A)
    serve(shelf, B, place=TYPE)
    shelf.stage(OTHER, C, FILE, FACTS)
    assert {place: stand(shelf, place) for place in shelf.all()} == {
        LABELS: ("-", "a", "-"),
        TYPE: ("-", "b", "-"),
        OTHER: ("c", "-", "-"),
    }
    assert shelf.all()[TYPE] == shelf.slots(TYPE)


def test_the_generation_changes_with_every_switch_of_the_place_alone(shelf: ModelShelf) -> None:
    seen = [
        shelf.stage(LABELS, A, FILE, FACTS),
        shelf.refuse(LABELS, A, ["Worse."]),
        shelf.promote(LABELS, A, force=True),
        shelf.rollback(LABELS, A),
    ]
    generations = [slots.generation for slots in seen]
    assert sorted(set(generations)) == generations
    serve(shelf, B, place=OTHER)
    assert shelf.slots(LABELS) == seen[-1]


def test_a_flushed_redis_gives_no_generation_twice(shelf: ModelShelf, redis: Redis) -> None:
    before = shelf.stage(LABELS, A, FILE, FACTS)
    redis.flushall()
    assert shelf.slots(LABELS) is None
    assert shelf.stage(LABELS, B, FILE, FACTS).generation > before.generation


@pytest.fixture
def crowd(redis_server: EmbeddedRedis, redis: Redis) -> Iterator[list[ModelShelf]]:
    """Shelves with a client each, as several machines have."""
    clients = [connect(redis_server.url) for _ in range(4)]
    yield [ModelShelf(client) for client in clients]
    for client in clients:
        client.close()


def race(shelves: list[ModelShelf], switch: Callable[[ModelShelf], object]) -> int:
    """All at once; how many switched."""
    start = Barrier(len(shelves))

    def one(shelf: ModelShelf) -> bool:
        start.wait()
        try:
            switch(shelf)
        except NotSwitched:
            return False
        return True

    with ThreadPoolExecutor(len(shelves)) as pool:
        return sum(pool.map(one, shelves))


def test_of_many_who_promote_or_take_back_one_does(crowd: list[ModelShelf], shelf: ModelShelf) -> None:
    serve(shelf, A)
    for _ in range(10):
        shelf.stage(LABELS, B, FILE, FACTS)
        assert race(crowd, lambda one: one.promote(LABELS, B)) == 1
        assert stand(shelf) == ("-", "b", "a")
        assert race(crowd, lambda one: one.rollback(LABELS, B)) == 1
        assert stand(shelf) == ("-", "a", "b")


def test_switches_of_many_places_at_once_lose_nothing(
    crowd: list[ModelShelf], shelf: ModelShelf, redis: Redis
) -> None:
    names = dict(zip(map(id, crowd), "abcd", strict=True))

    def train(one: ModelShelf) -> None:
        place = (names[id(one)], "labels")
        for digit in "123456":
            serve(one, names[id(one)] + digit * 63, place=place)

    assert race(crowd, train) == 4
    for name in "abcd":
        slots = shelf.slots((name, "labels"))
        assert slots is not None
        assert [slots.models[slot].id[1] for slot in (Slot.SERVING, Slot.PREVIOUS)] == ["6", "5"]
    kept = {str(name)[len(keys.MODEL) :][:2] for name in redis.scan_iter(match=f"{keys.MODEL}*")}
    assert kept == {name + digit for name in "abcd" for digit in "56"}


def test_a_redis_that_takes_no_more_leaves_all_as_it_was(own_redis_server: EmbeddedRedis) -> None:
    redis = connect(own_redis_server.url)
    shelf = ModelShelf(redis)
    serve(shelf, A)
    before = redis.hgetall(keys.MODELS)
    redis.config_set("maxmemory", 1)
    with pytest.raises(RedisError):
        shelf.stage(LABELS, B, FILE * 1000, FACTS)
    redis.config_set("maxmemory", 0)
    assert redis.hgetall(keys.MODELS) == before
    assert files(redis) == {"a"}
    redis.close()


def test_a_workers_refusal_is_told_until_a_switch_or_its_end(shelf: ModelShelf, redis: Redis) -> None:
    serve(shelf, A, B)
    refusal = Refusal(B, "arrays.npz is missing.", datetime(2026, 3, 2, 9, tzinfo=UTC), A)
    assert shelf.refusal(LABELS) is None
    shelf.note_refusal(LABELS, refusal)
    assert shelf.refusal(LABELS) == refusal
    assert shelf.refusal(TYPE) is None
    left = redis.pttl(keys.model_refused("acme:labels"))
    assert 0 < left <= keys.MODEL_REFUSED_LIFE.total_seconds() * 1000
    shelf.rollback(LABELS, B)
    assert shelf.refusal(LABELS) is None
    shelf.note_refusal(LABELS, refusal)
    shelf.settle_refusal(LABELS)
    assert shelf.refusal(LABELS) is None


def test_a_slot_only_a_newer_release_knows_is_passed_over(shelf: ModelShelf, redis: Redis) -> None:
    serve(shelf, A)
    raw = str(redis.hget(keys.MODELS, "acme:labels"))
    redis.hset(keys.MODELS, "acme:labels", raw.replace('"serving":', '"shadow":', 1))
    slots = shelf.slots(LABELS)
    assert slots is not None
    assert slots.models == {}
