"""Writing stops when too many issues are written to, the events wait, and people let it go on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog

from rules.load import load_rules
from store.rulebook import RulebookShelf
from store.writes import Writes
from tests.conftest import ISSUE, RULES, Floor, hint
from trackers.errors import Paused, ServerFault
from trackers.model import HintKind, Subject, SubjectKind
from trackers.protocol import PutComment
from workers.breaker import Breaker
from workers.record import Ending, Outcome
from workers.run import run


def rules(floor: Floor, most: int = 2, mode: str = "apply", *, comment: bool = False) -> None:
    plain = RULES.format(mode=mode, comment=str(comment).lower())
    text = plain.replace("  tagging:", f"  writes: {{most: {most}, window: 10m}}\n  tagging:").encode()
    RulebookShelf(floor.redis).publish(load_rules(text, "rules.yaml").version_id, text)


@pytest.fixture
def guarded(floor: Floor) -> Floor:
    """A floor with the breaker in place."""
    desk = floor.shop.desks["acme"]
    breaker = Breaker("acme", Writes(floor.redis), floor.shop.rules)
    desks = {"acme": replace(desk, applier=replace(desk.applier, breaker=breaker))}
    return replace(floor, shop=replace(floor.shop, desks=desks))


def subject(number: int) -> Subject:
    return Subject("acme", SubjectKind.ISSUE, str(number))


def go(floor: Floor, about: Subject = ISSUE, kind: HintKind = HintKind.ISSUE_CREATED) -> Ending:
    """An event about a new issue, worked."""
    plain = tuple(label for label in floor.tracker.now.labels if label.name != "security")
    floor.tracker.now = replace(floor.tracker.now, id=about.id, key=f"ABC-{about.id}", labels=plain)
    floor.offer(hint(kind, about))
    ending = run(floor.shop, about, floor.token(about))
    assert ending is not None
    return ending


def again(floor: Floor, about: Subject) -> Ending:
    """The same subject, due once more."""
    floor.redis.zadd("sw:pending", {str(about): 0})
    ending = run(floor.shop, about, floor.token(about))
    assert ending is not None
    return ending


@pytest.mark.fault(50)
def test_what_comes_after_the_limit_waits_and_spends_no_attempt(guarded: Floor) -> None:
    rules(guarded)
    endings = [go(guarded, subject(number)) for number in range(4)]
    assert [ending.outcome for ending in endings] == [Outcome.APPLIED] * 2 + [Outcome.POSTPONED] * 2
    assert len(guarded.tracker.writes) == 2
    assert guarded.shop.inbox.depth().pending == 2
    assert guarded.shop.inbox.dead() == []
    (kept,) = guarded.shop.decisions.of(subject(3))
    assert kept["outcome"] == "postponed"
    assert "2 issues were written to within 10 minutes" in kept["cause"]
    assert "`sprintwarden resume acme`" in kept["cause"]


@pytest.mark.fault(50)
def test_it_is_said_in_the_log_once(guarded: Floor) -> None:
    rules(guarded)
    with structlog.testing.capture_logs() as logs:
        for number in range(5):
            go(guarded, subject(number))
    (held,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (held["event"], held["connection"]) == ("writing is held", "acme")


@pytest.mark.fault(50)
def test_what_waits_costs_the_tracker_nothing_and_is_done_once_after_resume(guarded: Floor) -> None:
    rules(guarded)
    for number in range(3):
        go(guarded, subject(number))
    reads = len(guarded.tracker.reads)
    for _ in range(12):
        assert again(guarded, subject(2)).outcome is Outcome.POSTPONED
    assert len(guarded.tracker.reads) == reads
    assert len(guarded.shop.decisions.of(subject(2))) == 1, "a long wait is no long story"
    Writes(guarded.redis).lift("acme")
    assert again(guarded, subject(2)).outcome is Outcome.APPLIED
    assert len(guarded.tracker.writes) == 3
    assert guarded.shop.inbox.depth().pending == 0


@pytest.mark.fault(50)
def test_a_run_that_passed_carries_all_its_writes_through(guarded: Floor) -> None:
    rules(guarded, most=1, comment=True)
    assert go(guarded, subject(1)).outcome is Outcome.APPLIED
    assert len(guarded.tracker.writes) == 2, "its label and its comment"
    assert go(guarded, subject(2)).outcome is Outcome.POSTPONED


def test_a_repeated_write_to_one_issue_counts_once(guarded: Floor) -> None:
    rules(guarded, most=1)
    guarded.tracker.fails["labels"] = ServerFault("500.")
    assert go(guarded).outcome is Outcome.POSTPONED
    guarded.tracker.fails.clear()
    assert again(guarded, ISSUE).outcome is Outcome.APPLIED


def test_a_dry_run_counts_nothing_and_is_held_by_nothing(guarded: Floor) -> None:
    rules(guarded, most=1, mode="dry_run")
    endings = [go(guarded, subject(number)) for number in range(3)]
    assert [ending.outcome for ending in endings] == [Outcome.DRY_RUN] * 3
    assert Writes(guarded.redis).held("acme") is None


@pytest.mark.fault(50)
def test_a_deletion_is_heeded_while_writing_is_held(guarded: Floor) -> None:
    rules(guarded, most=1)
    for number in (1, 2):
        go(guarded, subject(number))
    guarded.redis.zadd("sw:pending", {str(subject(2)): 0})
    guarded.redis.hdel(f"sw:subject:{subject(2)}", "not_before")
    assert go(guarded, subject(2), HintKind.ISSUE_DELETED).purge
    assert guarded.shop.decisions.of(subject(2)) == []


def test_who_waited_for_another_reason_goes_on_while_nothing_is_held(guarded: Floor) -> None:
    rules(guarded)
    guarded.tracker.fails["read"] = Paused("Waiting.", guarded.shop.look_every)
    go(guarded)
    guarded.tracker.fails.clear()
    assert again(guarded, ISSUE).outcome is Outcome.APPLIED


def test_the_limit_is_that_of_the_rules_the_run_took(guarded: Floor) -> None:
    rules(guarded, most=1)
    go(guarded, subject(1))
    rules(guarded, most=3)
    assert go(guarded, subject(2)).outcome is Outcome.APPLIED


def test_a_comment_about_a_sprint_counts_for_the_issue_it_stands_on(guarded: Floor) -> None:
    rules(guarded, most=1)
    sprint = Subject("acme", SubjectKind.SPRINT, "37")
    guarded.offer(hint(HintKind.SPRINT_DUE, sprint))
    batch = guarded.shop.inbox.begin(sprint, guarded.token(sprint))
    assert batch is not None
    assert guarded.shop.rules.now() is not None
    guarded.shop.desks["acme"].applier.apply(batch, guarded.tracker.now, [PutComment("sprint", "the text")])
    assert go(guarded, subject(2)).outcome is Outcome.POSTPONED
