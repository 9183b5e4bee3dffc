"""A wake-up: its own subject first, then whatever else is due, for a while."""

from __future__ import annotations

import pytest

from tests.conftest import ISSUE, Floor, hint
from trackers.model import Subject, SubjectKind
from workers import tasks

OTHERS = [Subject("acme", SubjectKind.ISSUE, name) for name in ("2", "3")]


@pytest.fixture(autouse=True)
def open_floor(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    floor.rules("dry_run")
    floor.offer(hint(), *(hint(subject=subject) for subject in OTHERS))
    monkeypatch.setattr(tasks, "_shop", floor.shop)


def lease(floor: Floor) -> int:
    """Take the issue alone, leaving the others due."""
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    (taken,) = floor.shop.inbox.take(1)
    assert taken.subject == ISSUE
    return taken.token


def worked(floor: Floor) -> list[Subject]:
    return [subject for subject in (ISSUE, *OTHERS) if floor.shop.decisions.of(subject)]


def test_a_wake_up_goes_on_with_what_else_is_due(floor: Floor) -> None:
    tasks.wake(str(ISSUE), lease(floor))
    assert worked(floor) == [ISSUE, *OTHERS]
    assert floor.shop.inbox.depth().pending == 0


def test_a_wake_up_ends_after_a_while_with_work_left(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "DRAIN_S", 0.0)
    tasks.wake(str(ISSUE), lease(floor))
    assert worked(floor) == [ISSUE]
    assert floor.shop.inbox.depth().due == len(OTHERS)


def test_a_wake_up_with_an_old_token_leaves_its_subject_to_the_newer_one(floor: Floor) -> None:
    old, new = lease(floor), lease(floor)
    tasks.wake(str(ISSUE), old)
    assert worked(floor) == OTHERS
    tasks.wake(str(ISSUE), new)
    assert ISSUE in worked(floor)


def test_a_process_that_was_never_opened_says_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_shop", None)
    with pytest.raises(RuntimeError, match="sprintwarden work"):
        tasks.wake(str(ISSUE), 1)
