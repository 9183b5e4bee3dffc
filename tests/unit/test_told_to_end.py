"""Signals that reach a worker in the middle of a long job."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from workers.tasks import told_to_end


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """What a handler like RQ's hears: it sets another for a second signal."""
    got: list[int] = []
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def second(number: int, _: object) -> None:
        got.append(-number)

    def first(number: int, _: object) -> None:
        got.append(number)
        signal.signal(signal.SIGTERM, second)

    signal.signal(signal.SIGTERM, first)
    yield got
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_job_hears_the_signal_beside_the_worker(heard: list[int]) -> None:
    with told_to_end() as leaving:
        assert not leaving.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert leaving.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    assert heard == [signal.SIGTERM, -signal.SIGTERM], "the worker's handler for a second signal stays"


def test_worker_gets_its_handlers_back(heard: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with told_to_end():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before and not heard
