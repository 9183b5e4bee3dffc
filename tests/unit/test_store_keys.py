"""Every key has a lifetime, is under our prefix, and nothing of a deleted issue stays."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from classifiers.sprint_memory import SprintMemory, Stay
from store import keys
from store.backfills import Backfills, Question, Todo
from store.budget import Budget
from store.cache import Cache
from store.catch_ups import CatchUps
from store.door import Door, Skew, Wait
from store.journal import Forecast, Guess, Intent
from store.label_views import Head, LabelViews
from store.models import ModelShelf, Refusal
from store.outcomes import Lesson, Row, Verdict
from store.sprint_views import Change, Kind, SprintViews
from store.sprints import Sprints
from store.trials import Trials, Wish
from store.watch import Reply, Sighting
from store.writes import Writes
from tests.conftest import ISSUE, Floor, changed, hint
from tests.unit.sprint_scene import BOARD, SPRINT, over, reading
from tests.unit.view_scene import view
from trackers.errors import Rejected
from trackers.model import HintKind, Label, Subject, SubjectKind
from trackers.sprints import SprintReading, SprintState, Stage, Unit
from webhook_app.console.attempts import FREE, Attempts
from webhook_app.console.changes import note_change
from webhook_app.console.sessions import Sessions
from workers.clock import Clock
from workers.retraining import Retraining
from workers.rules_in_force import RulesFile
from workers.run import run
from workers.sprint_book import SprintBook

CLOSED = Subject("acme", SubjectKind.SPRINT, "38")
KEPT = {
    keys.TOKEN, keys.COUNTERS, keys.RULEBOOK, keys.MODELS, keys.ROUNDS, keys.HASH_KEY, keys.HEARD,
    keys.CONSOLE_KEY, keys.LAST_WRITE,
}  # fmt: skip
"""Bounded by what they are: one number, one row per counter, one text, one row per connection and target,
one row per board, one secret, two moments per connection, one more secret."""
ONE_A_CONNECTION = keys.CATCH_UP
UNTIL_LIFTED = keys.HELD
"""One per connection, until somebody has looked and says to go on."""
WHILE_A_SLOT_NAMES_IT = keys.MODEL
"""``test_store_models`` holds that no file outlives its slots."""
WHILE_WORK_WAITS = (keys.PENDING, keys.HANDED, keys.DEAD, keys.HINTS, keys.SUBJECT)
"""End with the work itself: when it is done, or with the life of a dead letter."""


def lived_through(floor: Floor, tmp_path: Path) -> None:
    """Make every kind of key that the store and the clock can make."""
    floor.rules(comment=True)
    file = tmp_path / "rules.yaml"
    file.write_text("version: 2")
    rules = RulesFile(file, floor.shop.rules._shelf)
    rules.look()
    Clock(floor.redis, floor.shop.inbox, rules).tick()
    door = Door(floor.redis)
    door.note("acme", {"outcome": "ignored"}, heard="acme")
    door.offer("acme", "one", [hint()], [Wait(0, 0)], Skew("acme", 5))
    floor.shop.journals.intend(ISSUE, Intent(("l1",)))
    run(floor.shop, ISSUE, floor.token())
    _learn(floor)
    shelf = ModelShelf(floor.redis)
    shelf.stage(("acme", "labels"), "a" * 64, b"file", {})
    shelf.note_refusal(("acme", "labels"), Refusal("a" * 64, "x", datetime.now(UTC), None))
    writes = Writes(floor.redis)
    for issue in ("1", "2"):
        writes.ask("acme", issue, 1, timedelta(minutes=10))
    writes.spend("acme", ISSUE.id, 1, timedelta(minutes=10))
    budget = Budget(floor.redis, "acme.example", "me")
    budget.pause("all", timedelta(minutes=1), "x")
    budget.note_left(0.5)
    Trials(floor.redis).ask(Wish("acme", "version: 1", 200, "ada"))
    Retraining(floor.redis, timedelta(days=7))._claim("acme")
    sprints = Sprints(floor.redis)
    stay = Stay(ISSUE.id, "ABC-1", True, 3, 3, Stage.TODO, "1", lines=("hashes",))
    memory = SprintMemory(datetime.now(UTC), stays={ISSUE.id: stay})
    book = SprintBook(memory, Unit.POINTS, "12")
    sprints.keep(SPRINT, "12", book.to_text())
    change = Change(datetime.now(UTC), "ABC-1", 3, Kind.ADDED)
    SprintViews(floor.redis).keep(view(changes=(change,), fix=("ABC-1",)))
    sprints.close(CLOSED, replace(book, closed=True).to_text())
    sprints.snooze(SPRINT, on=True)
    sprints.note_planned("acme", ["38"], datetime.now(UTC))
    sprints.add_finished("acme", "12", [over(1)])
    sprints.watch([Subject("acme", SubjectKind.BOARD, "12")])
    sprints.secret()
    _console(floor)
    _backfill(Backfills(floor.redis))
    CatchUps(floor.redis).begin("acme")
    Cache(floor.redis, "acme", "bot").put("labels", "[]", timedelta(hours=1))
    # Handed out, and never begun.
    handed = Subject("acme", SubjectKind.ISSUE, "3")
    floor.offer(hint(subject=handed))
    floor.token(handed)


def _console(floor: Floor) -> None:
    Sessions(floor.redis, None).begin("ada")
    attempts = Attempts(floor.redis)
    for _ in range(FREE):
        attempts.wait("192.0.2.1", known=False)
    note_change(floor.redis, "ada", "put back", str(ISSUE))
    LabelViews(floor.redis).keep(Head("acme", "labels", datetime.now(UTC), date(2026, 3, 2)), (), "stamp")


def _backfill(backfills: Backfills) -> None:
    assert backfills.lease("acme").acquire()
    backfills.begin("acme", Question(None, 9), [])
    assert backfills.call("acme")
    standing = backfills.standing("acme")
    assert standing is not None
    item = Todo(0, ISSUE.id, "ABC-1", "ABC", (Label("slow", "slow"),), (), frozenset(), {}, known=False)
    backfills.keep_page("acme", standing.backfill, [item])


def _learn(floor: Floor) -> None:
    guess = Guess("security", "security", 0.9, applied=True)
    seen = Sighting("m1", "labels", "ABC", Reply.TAGGED, date(2026, 3, 2), ("best:3",))
    floor.shop.journals.note_forecast(ISSUE, Forecast("m1", "labels", "ABC", (guess,)), sightings=[seen])
    row = Row("2026-03-02T09:00:00+00:00", "m1", "labels", "ABC", "security", 0.9, applied=True, right=True)
    floor.shop.outcomes.settle(ISSUE, [Lesson(Verdict.CONFIRMED, row)])
    floor.shop.outcomes.mute("acme", "labels", "security", "1 of 20 were right")
    floor.shop.outcomes.keep_shift("acme", "labels", {"shared": 0.1}, 1)


def bury(floor: Floor, name: str) -> Subject:
    subject = Subject("acme", SubjectKind.ISSUE, name)
    floor.tracker.fails["read"] = Rejected("no")
    floor.offer(changed("title"), hint(subject=subject))
    run(floor.shop, subject, floor.token(subject))
    return subject


def test_every_key_ends_but_for_a_known_few(floor: Floor, tmp_path: Path) -> None:
    lived_through(floor, tmp_path)
    bury(floor, "2")
    endless = {name for name in map(str, floor.redis.scan_iter()) if floor.redis.ttl(name) < 0}
    assert {
        name
        for name in endless - KEPT
        if not name.startswith((*WHILE_WORK_WAITS, WHILE_A_SLOT_NAMES_IT, UNTIL_LIFTED, ONE_A_CONNECTION))
    } == set()
    made = {name.split(":")[1] for name in map(str, floor.redis.scan_iter("sw:*"))}
    known = {value.split(":")[1] for name, value in vars(keys).items() if _names_a_key(name, value)}
    assert made == known, "this test makes every kind of key"


def _names_a_key(name: str, value: object) -> bool:
    return name.isupper() and name != "PREFIX" and isinstance(value, str)


def test_what_waits_leaves_nothing_behind_when_it_is_done(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    left = [name for name in map(str, floor.redis.scan_iter()) if name.startswith(WHILE_WORK_WAITS)]
    assert left == []


def test_dead_letters_leave_nothing_behind_at_the_end_of_their_life(floor: Floor) -> None:
    floor.rules()
    dead = bury(floor, "2")
    floor.redis.zadd(keys.DEAD, {str(dead): 1})
    assert floor.shop.inbox.forget_old_dead() == 1
    left = [name for name in map(str, floor.redis.scan_iter()) if name.startswith(WHILE_WORK_WAITS)]
    assert [name for name in left if str(dead) in name] == []


def test_nothing_names_a_deleted_issue(floor: Floor, tmp_path: Path) -> None:
    lived_through(floor, tmp_path)
    assert [name for name in map(str, floor.redis.scan_iter()) if str(ISSUE) in name]
    floor.offer(hint(HintKind.ISSUE_DELETED))
    run(floor.shop, ISSUE, floor.token())
    floor.tracker.boards["12"] = BOARD
    floor.tracker.sprints |= {"37": reading(), "38": _over()}
    for item in floor.shop.inbox.take(9):
        run(floor.shop, item.subject, item.token)
    names = [name for name in map(str, floor.redis.scan_iter()) if name.startswith(keys.PREFIX)]
    assert [name for name in names if ISSUE.id in name] == []
    assert not floor.redis.hexists(keys.backfill_todo("acme"), ISSUE.id)
    books = [str(floor.redis.get(name)) for name in names if name.startswith(keys.SPRINT)]
    assert len(books) == 2
    for book in books:
        assert ISSUE.id not in book
        assert "hashes" not in book
    for name in (keys.sprint_view(SPRINT), keys.sprint_short(SPRINT)):
        assert not re.search(r"ABC-1\b", str(floor.redis.get(name)))
    for name in names:
        kind = str(floor.redis.type(name))
        if kind == "zset":
            assert str(ISSUE) not in " ".join(cast("list[str]", floor.redis.zrange(name, 0, -1))).split()


def _over() -> SprintReading:
    shown = reading(state=SprintState.CLOSED)
    return replace(shown, sprint=replace(shown.sprint, id=CLOSED.id))


def test_no_text_of_an_issue_is_stored_but_what_a_rule_found(floor: Floor) -> None:
    floor.rules(comment=True)
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    for name in map(str, floor.redis.scan_iter()):
        dumped = repr(_content(floor.redis, name))
        assert "Stored XSS in comments" not in dumped, name


def _content(redis: Redis, name: str) -> object:
    match str(redis.type(name)):
        case "hash":
            return redis.hgetall(name)
        case "list":
            return redis.lrange(name, 0, -1)
        case "zset":
            return redis.zrange(name, 0, -1)
        case _:
            return redis.get(name)


@pytest.mark.parametrize(
    "make",
    [keys.hints, keys.subject_state, keys.journal, keys.decisions],
)
def test_no_two_subjects_share_a_key(make: object) -> None:
    assert callable(make)
    subjects = [
        Subject("a", SubjectKind.ISSUE, "1"),
        Subject("a", SubjectKind.SPRINT, "1"),
        Subject("a", SubjectKind.ISSUE, "issue:1"),
        Subject("a-issue", SubjectKind.ISSUE, "1"),
    ]
    assert len({make(subject) for subject in subjects}) == len(subjects)
