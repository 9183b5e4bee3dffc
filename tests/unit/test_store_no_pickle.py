"""Nothing of ours reads or writes pickle, which would run whatever stands in Redis or in a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("classifiers", "rules", "sandbox", "sprintwarden", "store", "trackers", "webhook_app", "workers")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
MAKERS = {"Queue": "workers/clock.py", "SteadyWorker": "workers/pool.py", "Worker": "", "WorkerPool": ""}
"""What of RQ takes a serializer, and the one file that may call it."""


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield str(name), node


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_what_runs_what_it_reads(room: str) -> None:
    for path in FILES:
        if path.is_relative_to(ROOT / room):
            assert not RUNS_WHAT_IT_READS & set(imported(ast.parse(path.read_text()))), path


def test_queues_and_workers_are_made_in_one_place_each() -> None:
    for path in FILES:
        where = str(path.relative_to(ROOT))
        for name, call in calls(ast.parse(path.read_text())):
            if name in MAKERS and "rq" in path.read_text():
                assert where == MAKERS[name], f"{where}:{call.lineno}"


def test_every_queue_and_worker_is_given_the_json_serializer() -> None:
    seen = set()
    for path in (ROOT / "workers" / "clock.py", ROOT / "workers" / "pool.py"):
        for name, call in calls(ast.parse(path.read_text())):
            if name in {"Queue", "SteadyWorker"}:
                given = {word.arg: ast.unparse(word.value) for word in call.keywords}
                assert given["serializer"] == "JSONSerializer", f"{path}:{call.lineno}"
                seen.add(name)
    assert seen == {"Queue", "SteadyWorker"}


def test_the_pool_hands_the_json_serializer_on() -> None:
    source = (ROOT / "workers" / "pool.py").read_text()
    (init,) = [call for name, call in calls(ast.parse(source)) if name == "__init__"]
    given = {word.arg: ast.unparse(word.value) for word in init.keywords}
    assert given["serializer"] == "JSONSerializer"
