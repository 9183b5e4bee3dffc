"""Toy trackers with whole runs in this process, each running for as long as a module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import toys
from tests.faults.toys import Toy


@pytest.fixture(scope="module", params=["jira", "linear"])
def running(request: pytest.FixtureRequest) -> Iterator[Toy]:
    with getattr(toys, request.param)() as toy:
        yield toy


@pytest.fixture
def toy(running: Toy) -> Toy:
    running.fresh()
    return running
