"""Every sentence that tells of a mistake is told by a test at least once, so none is there for nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TELLING = (
    "source",
    "load",
    "validate",
    "fields",
    "patterns",
    "meant",
    "misprints",
    "schema",
    "sprint_fields",
    "sprints_checks",
    "wording",
)
LEAST_WORDS = 4
"""Fewer may be a key or a part of a sentence."""


def sentences(module: str) -> Iterator[str]:
    """The sentences in the functions of a module of ``rules``; of one with gaps its longest piece."""
    tree = ast.parse((ROOT / "rules" / f"{module}.py").read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                    yield from (text for text in _texts(statement) if len(text.split()) >= LEAST_WORDS)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield max(
            (str(part.value) for part in node.values if isinstance(part, ast.Constant)), key=len, default=""
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for part in ast.iter_child_nodes(node):
            yield from _texts(part)


@pytest.fixture(scope="module")
def told() -> str:
    """All text of the tests of the rules and of their fixtures."""
    folder = ROOT / "tests" / "unit"
    expected = [path.read_text(encoding="utf-8") for path in (folder / "rules_fixtures").glob("*.txt")]
    for path in folder.glob("test_*.py"):
        if path != Path(__file__):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            expected += [
                node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return "\n".join(expected)


@pytest.mark.parametrize("module", TELLING)
def test_every_sentence_is_told_by_a_test(module: str, told: str) -> None:
    found = sorted(set(sentences(module)))
    assert found
    assert [text for text in found if not any(run in told for run in _runs(text))] == []


def _runs(text: str) -> Iterator[str]:
    """Each three words in a row: a test may quote but a part of a sentence."""
    words = text.split()
    yield from (" ".join(words[start : start + 3]) for start in range(len(words) - 2))
