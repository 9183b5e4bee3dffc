"""The mark of tests too slow for every day: they run only when asked for, with ``-m slow``."""

from __future__ import annotations

import pytest

SLOW = "slow: takes most of a minute; runs only when asked for by -m slow"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", SLOW)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in str(config.getoption("-m")):
        return
    wait = pytest.mark.skip(reason="It is slow: ask for it with -m slow.")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(wait)
