"""What runs learn from people: over a real Redis and a tracker that is a plain object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

import pytest
import structlog

from store.decisions import Decisions
from store.journal import Forecast, Guess
from tests.conftest import ISSUE, ME, Floor, ToyPalette, changed, hint, issue, later, relabelled
from trackers.errors import ServerFault
from trackers.model import Hint, HintKind, Identity, Label, Subject, SubjectKind
from workers.decide import Because
from workers.learning import relearn, remember
from workers.record import Ending, Outcome
from workers.run import run

SOON = later(hours=1)
FORECAST = Forecast(
    "m1",
    "labels",
    "ABC",
    (Guess("security", "security", 0.9, applied=True), Guess("docs", "docs", 0.2, applied=False)),
)


def go(floor: Floor, *hints: Hint, subject: Subject = ISSUE) -> Ending:
    floor.offer(*(replace(told, subject=subject) for told in hints))
    ending = run(floor.shop, subject, floor.token(subject))
    assert ending is not None
    return ending


def labelled(floor: Floor, subject: Subject = ISSUE) -> None:
    """An issue comes, and the learned tagger puts a label on."""
    floor.rules()
    floor.tracker.now = issue()
    assert go(floor, hint(), subject=subject).outcome is Outcome.APPLIED
    remember(floor.shop.journals, subject, FORECAST)
    floor.tracker.reads.clear()


def is_now(floor: Floor, *labels: str, resolved: bool = False, updated: datetime = SOON) -> datetime:
    found = tuple(Label(name, name) for name in labels)
    floor.tracker.now = replace(floor.tracker.now, labels=found, resolved=resolved, updated=updated)
    return updated


def by(actor: str | None, told: Hint, *, automated: bool = False) -> Hint:
    return replace(told, actor=actor, automated=automated)


def outcomes(floor: Floor) -> list[tuple[str, bool, bool]]:
    """Tag, put on by us, right; oldest first."""
    rows = floor.shop.outcomes.rows("acme", "labels")
    return [(row.tag, row.applied, row.right) for row in reversed(rows)]


CONFIRMED, CORRECTED = ("security", True, True), ("security", True, False)
NO_DOCS = ("docs", False, False)


def test_a_label_on_a_resolved_issue_is_confirmed_once(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor, "security", resolved=True)
    ending = go(floor, by("robin", changed("status", updated=at)))
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.ONLY_STATUS_CHANGED)
    assert outcomes(floor) == [CONFIRMED, NO_DOCS]
    assert len(floor.tracker.reads) == 1
    for again in (at, later(hours=2)):
        floor.tracker.now = replace(floor.tracker.now, updated=again)
        ending = go(floor, by("robin", changed("status", updated=again)))
        assert ending.because is Because.NOTHING_TO_LEARN
    assert outcomes(floor) == [CONFIRMED, NO_DOCS]
    assert len(floor.tracker.reads) == 1


def test_a_label_a_person_takes_off_is_corrected_by_the_event_alone(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor)
    ending = go(floor, by("robin", relabelled(removed=["security"], updated=at)))
    assert ending.because is Because.ONLY_LABELS_CHANGED
    assert outcomes(floor) == [CORRECTED]
    assert floor.tracker.reads == []
    assert floor.shop.journals.read(ISSUE).vetoed == {"security": "event"}


def test_a_removal_nobody_told_of_is_seen_when_the_issue_is_resolved(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor, "docs", resolved=True)
    go(floor, by("robin", changed("status", updated=at)))
    assert outcomes(floor) == [CORRECTED, ("docs", False, True)]


def test_a_label_the_tracker_has_no_more_was_nobodys_correction(floor: Floor) -> None:
    labelled(floor)
    floor.tracker.colours = ToyPalette([Label("docs", "docs"), Label("safety", "safety")])
    at = is_now(floor, "docs", resolved=True)
    go(floor, by("robin", changed("status", updated=at)))
    assert outcomes(floor) == [("docs", False, True)]
    assert floor.shop.journals.read(ISSUE).taught["labels", "security"] == "void"


def test_an_edit_confirms_and_a_removal_after_it_takes_that_back(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor, "security")
    go(floor, by("robin", changed("title", updated=at)))
    assert outcomes(floor) == [CONFIRMED]
    at = is_now(floor, updated=later(hours=2))
    go(floor, by("robin", relabelled(removed=["security"], updated=at)))
    assert outcomes(floor) == [CORRECTED]
    counted = {name: n for name, n in Decisions(floor.redis).counters().items() if "outcomes" in name}
    assert counted == {
        f"outcomes|acme|labels|security|{what}": 1 for what in ("confirmed", "withdrawn", "corrected")
    }


@pytest.mark.parametrize(
    ("why", "actor", "automated"), [("our own", ME.id, False), ("an app's", "bot", True), ("?", None, False)]
)
def test_edits_that_are_no_persons_teach_nothing(
    floor: Floor, why: str, actor: str | None, automated: bool
) -> None:
    labelled(floor)
    at = is_now(floor, "security")
    go(floor, by(actor, changed("title", updated=at), automated=automated))
    at = is_now(floor, updated=later(hours=2))
    go(floor, by(actor, relabelled(removed=["security"], updated=at), automated=automated))
    assert outcomes(floor) == [], why
    is_now(floor, resolved=True, updated=later(hours=3))
    go(floor, by("robin", changed("status", updated=later(hours=3))))
    assert outcomes(floor) == [NO_DOCS], "what went by no person's doing is not held against the label"


def test_our_own_echo_costs_no_reading_and_teaches_nothing(floor: Floor) -> None:
    labelled(floor)
    told = relabelled(["security"], updated=floor.tracker.now.updated, actor=ME.id)
    assert go(floor, told).because is Because.ECHO
    assert (outcomes(floor), floor.tracker.reads) == ([], [])


def test_a_cancelled_issue_teaches_nothing(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor, "security", resolved=False)
    go(floor, by("robin", changed("status", updated=at)))
    assert outcomes(floor) == []


@pytest.mark.parametrize("comment", [True, False])
def test_a_status_of_an_issue_of_no_interest_asks_the_tracker_nothing(floor: Floor, comment: bool) -> None:
    floor.rules(comment=comment)
    floor.tracker.now = issue()
    go(floor, hint())
    floor.tracker.reads.clear()
    floor.tracker.fails = {"read": AssertionError("asked"), "identity": AssertionError("asked")}
    ending = go(floor, by("robin", changed("status", updated=later(hours=1))))
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.NOTHING_TO_LEARN)
    never_seen = Subject("acme", SubjectKind.ISSUE, "77")
    ending = go(floor, changed("status", updated=later(hours=1)), subject=never_seen)
    assert ending.because is Because.NOTHING_TO_LEARN


def test_a_status_puts_no_label_on(floor: Floor) -> None:
    labelled(floor)
    floor.tracker.writes.clear()
    at = is_now(floor, "security")
    floor.tracker.now = replace(floor.tracker.now, title="XSS and slow")
    go(floor, by("robin", changed("status", updated=at)))
    assert floor.tracker.reads
    assert floor.tracker.writes == []


def test_without_a_memory_all_is_unknown(floor: Floor) -> None:
    labelled(floor)
    floor.redis.flushall()
    floor.rules()
    at = is_now(floor, "security", resolved=True)
    assert go(floor, by("robin", changed("status", updated=at))).because is Because.NOTHING_TO_LEARN
    go(floor, by("robin", relabelled(removed=["security"], updated=at)))
    assert floor.shop.outcomes.ever() == {}


def test_a_run_that_fails_after_reading_counts_no_more_when_it_comes_again(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor, "security")
    floor.tracker.now = replace(floor.tracker.now, title="XSS and slow")
    floor.tracker.fails["labels"] = ServerFault("Try again.")
    assert go(floor, by("robin", changed("title", updated=at))).outcome is Outcome.POSTPONED
    assert outcomes(floor) == [CONFIRMED]
    floor.tracker.fails.clear()
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    ending = run(floor.shop, ISSUE, floor.token())
    assert ending is not None
    assert ending.outcome is Outcome.APPLIED
    assert outcomes(floor) == [CONFIRMED]


def test_a_deleted_issue_leaves_its_lessons_and_nothing_else(floor: Floor) -> None:
    labelled(floor)
    at = is_now(floor, "security", resolved=True)
    go(floor, by("robin", changed("status", updated=at)))
    go(floor, hint(HintKind.ISSUE_DELETED))
    assert outcomes(floor) == [CONFIRMED, NO_DOCS]
    assert [name for name in map(str, floor.redis.scan_iter()) if ISSUE.id in name] == []


def test_who_lends_us_a_token_is_a_person_all_the_same(floor: Floor) -> None:
    labelled(floor)
    desk = floor.shop.desks["acme"]
    floor.shop.desks["acme"] = replace(desk, connection=replace(desk.connection, service_account=False))
    floor.tracker.identity = lambda: Identity("me", "Robin")  # type: ignore[method-assign]
    at = is_now(floor, "security")
    go(floor, by("me", changed("title", updated=at)))
    assert outcomes(floor) == [CONFIRMED]


def corrected(floor: Floor, names: Sequence[str]) -> None:
    for name in names:
        subject = Subject("acme", SubjectKind.ISSUE, name)
        labelled(floor, subject)
        at = is_now(floor)
        go(floor, by("robin", relabelled(removed=["security"], updated=at)), subject=subject)


def test_ten_corrections_mute_a_label_and_the_admin_is_told_once(floor: Floor) -> None:
    names = (f"n{number}" for number in count())
    with structlog.testing.capture_logs() as logs:
        corrected(floor, [next(names) for _ in range(9)])
        relearn(floor.shop.outcomes)
        assert floor.shop.outcomes.standing("acme", "labels").muted == {}
        corrected(floor, [next(names) for _ in range(1)])
        relearn(floor.shop.outcomes)
        corrected(floor, [next(names) for _ in range(10)])
        relearn(floor.shop.outcomes)
    assert list(floor.shop.outcomes.standing("acme", "labels").muted) == ["security"]
    assert [log["right"] for log in logs if log["event"] == "label muted"] == [0]
