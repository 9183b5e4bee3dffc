"""What several processes that run the tests at once need not each do for themselves.

Before pytest runs a test module it rewrites its asserts, which for all of them takes longer than to import
them, and keeps what came of it beside the module. Processes that collect the same modules in the same order
at the same time would each rewrite every one. So each first loads another share of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Load this process's share of the test modules; what is wrong with one is told when it is collected."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or sys.dont_write_bytecode:
        return
    first, step = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for name in sorted(_modules(session.config))[first::step]:
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(name)


def _modules(config: pytest.Config) -> Iterator[str]:
    """The names of the test modules in the folders that are asked for."""
    asked = [Path(name).resolve() for name in config.args]
    for file in Path(__file__).parent.rglob("test_*.py"):
        if any(file.is_relative_to(folder) for folder in asked):
            yield ".".join(file.relative_to(config.rootpath).with_suffix("").parts)
