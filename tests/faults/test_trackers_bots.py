"""Another bot that answers each write of ours: the writes on one issue are bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from redis import Redis

from tests.faults.toys import Floor, Toy
from trackers.model import HintKind
from workers.breaker import ISSUE_MOST

pytestmark = pytest.mark.fault(36)
ROUNDS: Final = ISSUE_MOST + 3


@pytest.fixture
def floor(redis: Redis, tmp_path: Path, toy: Toy) -> Floor:
    floor = Floor(redis, tmp_path, (toy,))
    floor.rules(comment=True)
    return floor


@pytest.fixture
def key(toy: Toy) -> str:
    return toy.file()


def test_a_bot_that_takes_our_label_off_each_time_does_so_once(
    floor: Floor, toy: Toy, key: str, seen: Callable[[str], None]
) -> None:
    shop = floor.worker()
    floor.tell(shop, toy.subject(key))
    for _ in range(4):
        floor.work_off(shop)
        toy.hand.edit(key, remove_labels=["security"])
        floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("labels",), automated=True)
        floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",), automated=True)
    floor.work_off(shop)
    assert toy.labels(key) == []
    # The label and its comment, and that the matter is closed.
    assert sum(toy.effects(key).values()) == 3
    seen("a label that a bot takes off stays off")


def test_a_bot_that_edits_back_and_forth_has_our_comment_edited_so_often_and_no_more(
    floor: Floor, toy: Toy, key: str, seen: Callable[[str], None]
) -> None:
    shop = floor.worker()
    floor.tell(shop, toy.subject(key))
    for round_ in range(ROUNDS):
        floor.pull()
        floor.work(shop)
        toy.hand.edit(key, title=f"{('Docs', 'XSS')[round_ % 2]} of the search box")
        floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    edits = sum(count for name, count in toy.effects(key).items() if "omment" in name)
    assert 2 < edits <= ISSUE_MOST
    assert len(toy.comments(key)) == 1
    assert any("back and forth" in ending.cause for ending in floor.told[-2:])
    seen(f"{ROUNDS} edits by a bot, {ISSUE_MOST} runs that write in an hour; the rest waits and says why")


def test_after_the_hour_what_then_is_so_is_said(floor: Floor, toy: Toy, key: str) -> None:
    shop = floor.worker()
    subject = toy.subject(key)
    floor.redis.set(f"sw:issue-writes:{subject.connection}:{subject.id}", ISSUE_MOST, ex=3600)
    floor.tell(shop, subject)
    floor.work(shop)
    assert toy.effects(key) == {}
    assert 3500 < floor.until() <= 3600 + 60
    other = toy.file()
    floor.tell(shop, toy.subject(other))
    floor.work(shop)
    assert toy.labels(other) == ["security"], "other issues go on"
    floor.redis.delete(f"sw:issue-writes:{subject.connection}:{subject.id}")
    floor.work_off(shop)
    assert toy.labels(key) == ["security"] and floor.told[-1].applied is not None


def test_a_bot_that_answers_every_comment_is_not_answered(floor: Floor, toy: Toy, key: str) -> None:
    shop = floor.worker()
    floor.tell(shop, toy.subject(key))
    floor.work_off(shop)
    before = toy.effects(key)
    for _ in range(4):
        toy.hand.control("POST", f"/issues/{key}/comments", {"body": "Thank you for your comment!"})
        # Jira tells of it as a change of the issue, too.
        floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, automated=True)
        floor.work_off(shop)
    assert toy.effects(key) == before
