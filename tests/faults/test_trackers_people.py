"""What people do to labels while the service does its work: theirs stays theirs, and their no is final."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from tests.faults.toys import Floor, Toy
from trackers.model import HintKind

pytestmark = pytest.mark.fault(35)


@pytest.fixture
def floor(redis: Redis, tmp_path: Path, toy: Toy) -> Floor:
    floor = Floor(redis, tmp_path, (toy,))
    floor.rules()
    return floor


@pytest.mark.parametrize("forgotten", [False, True], ids=["journal", "no-journal"])
def test_a_label_that_was_taken_off_is_not_put_back_though_no_event_told(
    floor: Floor, toy: Toy, forgotten: bool, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(), floor.worker()
    floor.tell(shop, toy.subject(key))
    floor.work_off(shop)
    toy.hand.edit(key, remove_labels=["security"])
    if forgotten:
        floor.lose_journals()
    for _ in range(3):
        toy.hand.edit(key, body="More words.")
        floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("description",))
        floor.work_off(shop)
    assert toy.labels(key) == [] and sum(toy.effects(key).values()) == 1
    seen("a label taken off stays off, also after our own record is lost")


def test_a_label_that_a_person_put_on_first_is_theirs(
    floor: Floor, toy: Toy, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(labels=["security"]), floor.worker()
    floor.tell(shop, toy.subject(key))
    floor.work_off(shop)
    assert toy.effects(key) == {}
    assert shop.journals.read(toy.subject(key)).applied == {}
    # Who put it on may take it off, and put it on again: neither is a word to us.
    toy.hand.edit(key, remove_labels=["security"])
    toy.hand.edit(key, add_labels=["security"])
    floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    floor.work_off(shop)
    assert toy.effects(key) == {} and toy.labels(key) == ["security"]
    seen("one that a person put on first is never ours")
