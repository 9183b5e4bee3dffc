"""The rules all processes work by: from the admin's file to a worker, and a bad file never in between."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import structlog
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from rules.source import MAX_BYTES
from store import keys
from store.rulebook import RulebookShelf, Turned
from tests.conftest import ISSUE, Floor, hint
from tests.unit.sprint_scene import BOARD, SPRINT, reading
from trackers.model import HintKind, Subject, SubjectKind
from workers.rules_in_force import LiveRules, RulesFile
from workers.run import run

ONE = "version: 1\ndefaults: {mode: apply}\n"
TWO = "version: 1\ndefaults: {mode: suggest}\n"
THREE = "version: 1\ndefaults: {mode: dry_run}\n"
BAD = "version: 1\ndefaults: {mood: apply, tagging: {window: soon}}\n"
HALF = TWO[: TWO.index("defaults")]
"""Good rules too, and not what the admin means."""


@pytest.fixture
def shelf(redis: Redis) -> RulebookShelf:
    return RulebookShelf(redis)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(ONE)
    return path


@pytest.fixture
def file(path: Path, shelf: RulebookShelf) -> RulesFile:
    """A clock's, whose file is in force."""
    file = RulesFile(path, shelf)
    look(file)
    return file


def look(file: RulesFile) -> None:
    """As often as it takes for a saved text to count."""
    file.look()
    file.look()


def version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def mode(rules: LiveRules) -> str | None:
    book = rules.now()
    return str(book.effective("acme", "ABC").mode) if book else None


def refused(shelf: RulebookShelf) -> Turned:
    turned = shelf.turned()
    assert turned is not None
    return turned


def test_where_nothing_is_in_force_a_good_file_is_at_once(shelf: RulebookShelf, path: Path) -> None:
    rules = LiveRules(shelf)
    assert mode(rules) is None
    RulesFile(path, shelf).look()
    assert shelf.version() == version(ONE)
    assert mode(rules) == "apply"


def test_a_saved_text_counts_when_two_looks_running_found_it(
    shelf: RulebookShelf, file: RulesFile, path: Path
) -> None:
    rules = LiveRules(shelf)
    assert mode(rules) == "apply"
    path.write_text(TWO)
    file.look()
    assert mode(rules) == "apply"
    file.look()
    assert mode(rules) == "suggest"


@pytest.mark.parametrize("half", [HALF, BAD, ""])
def test_what_an_editor_wrote_halfway_neither_rules_nor_is_complained_of(
    shelf: RulebookShelf, file: RulesFile, path: Path, half: str
) -> None:
    path.write_text(half)
    file.look()
    path.write_text(TWO)
    file.look()
    assert (shelf.version(), shelf.turned()) == (version(ONE), None)
    file.look()
    assert (shelf.version(), shelf.turned()) == (version(TWO), None)


@pytest.mark.fault(43)
def test_a_run_keeps_the_rules_it_took(shelf: RulebookShelf, file: RulesFile, path: Path) -> None:
    rules = LiveRules(shelf)
    held = rules.now()
    assert rules.now() is held, "compiled once"
    path.write_text(TWO)
    look(file)
    assert rules.taken is held
    assert held is not None
    assert str(held.effective("acme", "ABC").mode) == "apply"


@pytest.mark.fault(41)
def test_a_bad_file_leaves_the_good_one_and_tells_every_problem(
    shelf: RulebookShelf, file: RulesFile, path: Path
) -> None:
    path.write_text(BAD)
    look(file)
    assert mode(LiveRules(shelf)) == "apply"
    turned = refused(shelf)
    assert turned.version == version(BAD)
    assert len(turned.problems) == 2
    assert all(problem.startswith("rules.yaml:2:") for problem in turned.problems)


def test_the_good_file_put_back_clears_the_refusal(shelf: RulebookShelf, file: RulesFile, path: Path) -> None:
    held = shelf.in_force()
    path.write_text(BAD)
    look(file)
    path.write_text(ONE)
    look(file)
    assert shelf.turned() is None
    assert shelf.in_force() == held, "in force since then, not since now"


def test_a_refusal_keeps_its_age_until_another_text_is_refused(
    shelf: RulebookShelf, file: RulesFile, path: Path
) -> None:
    path.write_text(BAD)
    look(file)
    first = refused(shelf)
    look(RulesFile(path, shelf))
    assert refused(shelf) == first, "also by a clock that was started anew"
    path.write_text(BAD + "more: 1\n")
    look(file)
    assert refused(shelf).since > first.since


def replaced(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text(TWO)
    new.replace(path)


def moved_away_and_back(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.write_text(TWO)


def in_place(path: Path) -> None:
    with path.open("r+") as file:
        file.write(TWO)
        file.truncate()


@pytest.mark.parametrize("save", [replaced, moved_away_and_back, in_place])
def test_every_way_in_which_editors_save_is_seen(
    shelf: RulebookShelf, file: RulesFile, path: Path, save: Callable[[Path], None]
) -> None:
    save(path)
    look(file)
    assert shelf.version() == version(TWO)


def test_a_mounted_folder_whose_link_is_turned_is_seen(shelf: RulebookShelf, tmp_path: Path) -> None:
    """As Kubernetes updates a ConfigMap: rules.yaml → ..data/rules.yaml, ..data → a folder of its own."""
    for name, text in (("..1", ONE), ("..2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "rules.yaml").symlink_to("..data/rules.yaml")
    file = RulesFile(tmp_path / "rules.yaml", shelf)
    look(file)
    assert shelf.version() == version(ONE)
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    look(file)
    assert shelf.version() == version(TWO)


def vanish(path: Path) -> None:
    path.unlink()


def turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def turn_into_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def lead_in_a_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def grow(path: Path) -> None:
    path.write_text(ONE + "# more\n" * (10 * MAX_BYTES // 7))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (vanish, "cannot be read (No such file or directory)"),
        (turn_into_a_folder, "a folder or a device"),
        (turn_into_a_pipe, "a folder or a device"),
        (lead_in_a_circle, "cannot be read (Too many levels of symbolic links)"),
        (grow, "10,485,7"),
    ],
)
def test_what_is_no_readable_file_is_told_of_until_it_is_back(
    shelf: RulebookShelf, file: RulesFile, path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(path)
    look(file)
    assert said in refused(shelf).problems[0]
    assert mode(LiveRules(shelf)) == "apply"
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_text(ONE)
    look(file)
    assert (shelf.version(), shelf.turned()) == (version(ONE), None)


@pytest.mark.skipif(os.geteuid() == 0, reason="The superuser may read everything.")
def test_a_file_that_may_not_be_read_is_told_of(shelf: RulebookShelf, file: RulesFile, path: Path) -> None:
    path.chmod(0)
    look(file)
    assert "cannot be read (Permission denied)" in refused(shelf).problems[0]


@pytest.mark.fault(41)
def test_rules_outlive_a_restart_with_a_bad_file(shelf: RulebookShelf, file: RulesFile, path: Path) -> None:
    path.write_text(BAD)
    look(RulesFile(path, shelf))
    assert mode(LiveRules(shelf)) == "apply"
    assert refused(shelf).version == version(BAD)


def test_a_file_that_was_edited_while_no_clock_ran_is_taken_by_the_next(
    shelf: RulebookShelf, file: RulesFile, path: Path
) -> None:
    path.write_text(TWO)
    look(RulesFile(path, shelf))
    assert shelf.version() == version(TWO)
    path.write_text(ONE)
    look(RulesFile(path, shelf))
    assert shelf.version() == version(ONE), "also back to what it was before"


def test_a_process_that_looks_only_once_changes_nothing(
    shelf: RulebookShelf, file: RulesFile, path: Path
) -> None:
    path.write_text(TWO)
    RulesFile(path, shelf).look()
    assert shelf.version() == version(ONE)


@pytest.mark.parametrize("now", [ONE, BAD])
def test_rules_come_back_after_redis_was_flushed_whatever_the_file_holds_now(
    shelf: RulebookShelf, file: RulesFile, path: Path, redis: Redis, now: str
) -> None:
    path.write_text(now)
    look(file)
    held = shelf.in_force()
    redis.flushall()
    look(file)
    assert shelf.in_force() == held
    assert (shelf.turned() is None) is (now == ONE)


def test_a_save_is_put_back_that_a_crash_of_redis_lost(
    shelf: RulebookShelf, file: RulesFile, path: Path, redis: Redis
) -> None:
    before = cast("dict[str, str]", redis.hgetall(keys.RULEBOOK))
    path.write_text(TWO)
    look(file)
    held = shelf.in_force()
    redis.hset(keys.RULEBOOK, items=[part for field in before.items() for part in field])
    assert shelf.version() == version(ONE)
    file.look()
    assert shelf.in_force() == held


def test_a_worker_keeps_its_rules_while_a_flushed_redis_has_none(
    shelf: RulebookShelf, file: RulesFile, redis: Redis
) -> None:
    rules = LiveRules(shelf)
    assert mode(rules) == "apply"
    redis.flushall()
    assert mode(rules) == "apply"


def test_a_text_only_another_release_can_read_leaves_the_rules_as_they_were(
    shelf: RulebookShelf, file: RulesFile
) -> None:
    rules = LiveRules(shelf)
    assert mode(rules) == "apply"
    shelf.publish("v9", b"version: 9\n")
    with structlog.testing.capture_logs() as logs:
        assert mode(rules) == "apply"
        assert mode(rules) == "apply"
    assert [entry["version"] for entry in logs] == ["v9"], "said once"
    shelf.publish(version(TWO), TWO.encode())
    assert mode(rules) == "suggest"


def test_an_unchanged_file_is_not_published_again(
    shelf: RulebookShelf, file: RulesFile, redis: Redis
) -> None:
    redis.hset(keys.RULEBOOK, "since", "2020-01-01T00:00:00+00:00")
    look(file)
    since = shelf.since()
    assert since is not None
    assert since.year == 2020


def test_a_save_that_redis_failed_to_take_is_not_forgotten(
    shelf: RulebookShelf, file: RulesFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(version: str, text: bytes, since: datetime | None = None) -> None:
        raise RedisConnectionError("gone")

    path.write_text(TWO)
    file.look()
    with monkeypatch.context() as patch:
        patch.setattr(shelf, "publish", gone)
        with pytest.raises(RedisConnectionError):
            file.look()
    file.look()
    assert shelf.version() == version(TWO)


@dataclass
class Machines:
    """Two machines with a rules file and a clock each."""

    folder: Path
    shelf: RulebookShelf

    def path(self, machine: str) -> Path:
        path = self.folder / machine / "rules.yaml"
        path.parent.mkdir(exist_ok=True)
        return path

    def start(self, machine: str, text: str) -> RulesFile:
        """Bring a text along and start the clock."""
        self.path(machine).write_text(text)
        file = RulesFile(self.path(machine), self.shelf)
        look(file)
        return file

    def forget(self, machine: str, redis: Redis) -> None:
        """Its clock has not been heard of for long."""
        redis.hdel(keys.RULES_FILES, *[seen.place for seen in self.shelf.files() if machine in seen.place])

    def rule(self) -> str | None:
        return self.shelf.version()


@pytest.fixture
def machines(tmp_path: Path, shelf: RulebookShelf) -> Machines:
    return Machines(tmp_path, shelf)


def test_of_two_machines_with_different_files_the_one_that_was_saved_rules_and_they_never_flip(
    machines: Machines,
) -> None:
    first, second = machines.start("first", ONE), machines.start("second", ONE)
    machines.path("second").write_text(TWO)
    look(second)
    for _ in range(3):
        look(first)
        look(second)
        assert machines.rule() == version(TWO)
    held = {seen.place.split("/")[-2]: seen.version for seen in machines.shelf.files()}
    assert held == {"first": version(ONE), "second": version(TWO)}, "and health can tell of it"


def test_a_clock_that_starts_anew_with_an_older_file_does_not_undo_a_newer_one(machines: Machines) -> None:
    machines.start("old", ONE)
    newer = machines.start("new", TWO)
    assert machines.rule() == version(TWO), "it was never in force before"
    anew = machines.start("old", ONE)
    for _ in range(3):
        look(newer)
        look(anew)
    assert machines.rule() == version(TWO)
    machines.path("old").write_text(THREE)
    look(anew)
    assert machines.rule() == version(THREE), "what is saved under its eyes rules"


def test_a_restart_while_the_newer_machines_clock_restarts_too_undoes_nothing(machines: Machines) -> None:
    machines.start("old", ONE)
    machines.start("new", TWO)
    machines.start("old", ONE)
    machines.start("new", TWO)
    assert machines.rule() == version(TWO)


def test_a_machine_left_behind_does_not_take_over_when_the_newer_one_is_gone(
    machines: Machines, redis: Redis
) -> None:
    behind, newer = machines.start("behind", ONE), machines.start("new", ONE)
    machines.path("new").write_text(TWO)
    look(newer)
    machines.forget("new", redis)
    look(behind)
    assert machines.rule() == version(TWO), "its own file has not changed"


def test_a_newer_file_that_went_bad_still_counts_for_what_it_was(machines: Machines) -> None:
    machines.start("old", ONE)
    newer = machines.start("new", TWO)
    machines.path("new").write_text(BAD)
    look(newer)
    machines.start("old", ONE)
    assert machines.rule() == version(TWO)


def test_a_whole_deployment_may_go_back_to_older_rules(machines: Machines, redis: Redis) -> None:
    machines.start("before", ONE)
    machines.start("now", TWO)
    machines.forget("before", redis)
    rolled_back = machines.start("after", ONE)
    assert machines.rule() == version(TWO), "the newer one is still about"
    machines.forget("now", redis)
    look(rolled_back)
    assert machines.rule() == version(ONE)


def test_a_rollback_waits_no_longer_than_a_restart_for_a_clock_that_ended(
    machines: Machines, redis: Redis
) -> None:
    machines.start("before", ONE)
    now = machines.start("now", TWO)
    machines.forget("before", redis)
    now.leave()
    rolled_back = machines.start("after", ONE)
    assert machines.rule() == version(TWO), "it may only be starting anew"
    grow_older(redis, keys.RULES_FILE_RESTART)
    look(rolled_back)
    assert machines.rule() == version(ONE)


def test_a_clock_that_starts_anew_at_once_counts_again(machines: Machines, redis: Redis) -> None:
    machines.start("old", ONE)
    machines.start("new", TWO).leave()
    machines.start("new", TWO)
    grow_older(redis, keys.RULES_FILE_RESTART)
    machines.start("old", ONE)
    assert machines.rule() == version(TWO)


def test_a_file_is_told_of_often_enough_to_count(
    file: RulesFile, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, started = RulebookShelf(redis), time.monotonic()
    for second in range(60):
        monkeypatch.setattr(time, "monotonic", partial(float, started + second))
        grow_older(redis, timedelta(seconds=1))
        file.look()
        assert shelf.files()


def grow_older(redis: Redis, span: timedelta) -> None:
    """What clocks told of their files was told that much earlier."""
    for place, text in cast("dict[str, str]", redis.hgetall(keys.RULES_FILES)).items():
        told = json.loads(text)
        told["at"] -= int(span.total_seconds() * 1000) + 1
        redis.hset(keys.RULES_FILES, place, json.dumps(told))


def test_one_machines_good_file_does_not_hide_that_anothers_is_bad(machines: Machines) -> None:
    good, bad = machines.start("good", ONE), machines.start("bad", ONE)
    machines.path("bad").write_text(BAD)
    look(bad)
    machines.path("good").write_text(TWO)
    look(good)
    assert refused(machines.shelf).version == version(BAD)
    machines.path("bad").write_text(TWO)
    look(bad)
    assert machines.shelf.turned() is None


def test_a_clock_that_is_heard_of_no_more_counts_no_more(machines: Machines, redis: Redis) -> None:
    machines.start("gone", BAD)
    assert machines.shelf.turned() is not None
    (seen,) = machines.shelf.files()
    told = json.loads(str(redis.hget(keys.RULES_FILES, seen.place)))
    told["at"] -= int(keys.RULES_FILE_LIFE.total_seconds() * 1000) + 1_000
    redis.hset(keys.RULES_FILES, seen.place, json.dumps(told))
    assert machines.shelf.turned() is None


@pytest.mark.fault(43)
def test_every_kind_of_run_records_by_which_rules_it_was_made(floor: Floor) -> None:
    floor.rules()
    floor.tracker.boards["12"] = BOARD
    floor.tracker.sprints["37"] = reading()
    kinds = {
        ISSUE: HintKind.ISSUE_CREATED,
        SPRINT: HintKind.SPRINT_DUE,
        Subject("acme", SubjectKind.BOARD, "12"): HintKind.BOARD_DUE,
        Subject("acme", SubjectKind.SPRINT, "99"): HintKind.SPRINT_DUE,
    }
    for subject, kind in kinds.items():
        floor.offer(hint(kind, subject))
        run(floor.shop, subject, floor.token(subject))
    book = floor.shop.rules.taken
    assert book is not None
    recorded = [floor.shop.decisions.of(subject)[0]["rules"] for subject in kinds]
    assert recorded == [book.version_id] * 3 + [None], "of a sprint that is not there no rule was asked"
