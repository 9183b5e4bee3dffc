"""The rules all processes work by: from the admin's file to a worker, and a bad file never in between."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import structlog
from redis import Redis

from store import keys
from store.rulebook import RulebookShelf
from workers.rules_in_force import LiveRules, RulesFile

ONE = "version: 1\ndefaults: {mode: apply}\n"
TWO = "version: 1\ndefaults: {mode: suggest}\n"
BAD = "version: 1\ndefaults: {mood: apply, tagging: {window: soon}}\n"


@pytest.fixture
def shelf(redis: Redis) -> RulebookShelf:
    return RulebookShelf(redis)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(ONE)
    return path


def version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def mode(rules: LiveRules) -> str | None:
    book = rules.now()
    return str(book.effective("acme", "ABC").mode) if book else None


def test_a_good_file_is_put_in_force(shelf: RulebookShelf, path: Path) -> None:
    rules = LiveRules(shelf)
    assert mode(rules) is None
    RulesFile(path, shelf).look()
    assert shelf.version() == version(ONE)
    assert mode(rules) == "apply"


def test_a_changed_file_reaches_workers_that_run_already(shelf: RulebookShelf, path: Path) -> None:
    rules, file = LiveRules(shelf), RulesFile(path, shelf)
    file.look()
    assert mode(rules) == "apply"
    path.write_text(TWO)
    file.look()
    assert mode(rules) == "suggest"


def test_a_run_keeps_the_rules_it_took(shelf: RulebookShelf, path: Path) -> None:
    rules, file = LiveRules(shelf), RulesFile(path, shelf)
    file.look()
    held = rules.now()
    assert rules.now() is held, "compiled once"
    path.write_text(TWO)
    file.look()
    assert held is not None
    assert str(held.effective("acme", "ABC").mode) == "apply"


def test_a_bad_file_leaves_the_good_one_and_tells_every_problem(shelf: RulebookShelf, path: Path) -> None:
    rules, file = LiveRules(shelf), RulesFile(path, shelf)
    file.look()
    path.write_text(BAD)
    file.look()
    assert mode(rules) == "apply"
    turned = shelf.turned()
    assert turned is not None
    assert turned.version == version(BAD)
    assert len(turned.problems) == 2
    assert all(problem.startswith("rules.yaml:2:") for problem in turned.problems)


def test_the_good_file_put_back_clears_the_refusal(shelf: RulebookShelf, path: Path) -> None:
    file = RulesFile(path, shelf)
    file.look()
    held = shelf.in_force()
    path.write_text(BAD)
    file.look()
    path.write_text(ONE)
    file.look()
    assert shelf.turned() is None
    assert shelf.in_force() == held, "in force since then, not since now"


def test_a_file_that_vanishes_is_told_of_until_it_is_back(shelf: RulebookShelf, path: Path) -> None:
    file = RulesFile(path, shelf)
    file.look()
    path.unlink()
    file.look()
    turned = shelf.turned()
    assert turned is not None
    assert "cannot be read" in turned.problems[0]
    assert shelf.version() == version(ONE)
    path.write_text(ONE)
    file.look()
    assert shelf.turned() is None


def test_a_refusal_is_noted_once(shelf: RulebookShelf, path: Path) -> None:
    path.write_text(BAD)
    file = RulesFile(path, shelf)
    file.look()
    before = shelf.turned()
    file.look()
    assert shelf.turned() == before


def test_rules_outlive_a_restart_with_a_bad_file(shelf: RulebookShelf, path: Path) -> None:
    RulesFile(path, shelf).look()
    path.write_text(BAD)
    RulesFile(path, shelf).look()
    assert mode(LiveRules(shelf)) == "apply"


def test_rules_come_back_after_redis_was_flushed(shelf: RulebookShelf, path: Path, redis: Redis) -> None:
    file = RulesFile(path, shelf)
    file.look()
    redis.flushall()
    file.look()
    assert shelf.version() == version(ONE)
    assert mode(LiveRules(shelf)) == "apply"


def test_a_worker_keeps_its_rules_while_a_flushed_redis_has_none(
    shelf: RulebookShelf, path: Path, redis: Redis
) -> None:
    rules = LiveRules(shelf)
    RulesFile(path, shelf).look()
    assert mode(rules) == "apply"
    redis.flushall()
    assert mode(rules) == "apply"


def test_a_text_only_another_release_can_read_leaves_the_rules_as_they_were(
    shelf: RulebookShelf, path: Path
) -> None:
    rules = LiveRules(shelf)
    RulesFile(path, shelf).look()
    assert mode(rules) == "apply"
    shelf.publish("v9", b"version: 9\n")
    with structlog.testing.capture_logs() as logs:
        assert mode(rules) == "apply"
        assert mode(rules) == "apply"
    assert [entry["version"] for entry in logs] == ["v9"], "said once"
    shelf.publish(version(TWO), TWO.encode())
    assert mode(rules) == "suggest"


def test_an_unchanged_file_is_not_published_again(shelf: RulebookShelf, path: Path, redis: Redis) -> None:
    file = RulesFile(path, shelf)
    file.look()
    redis.hset(keys.RULEBOOK, "since", "2020-01-01T00:00:00+00:00")
    file.look()
    held = shelf.in_force()
    assert held is not None
    assert held.since.year == 2020
