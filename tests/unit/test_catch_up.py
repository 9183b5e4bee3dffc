"""Catch-ups: the cursor's arithmetic, pages that are kept, what each find leads to, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rules.load import load_rules
from store import keys
from store.catch_ups import Asked, Scan, Standing
from store.journal import CommentRecord, Intent
from store.rulebook import RulebookShelf
from tests.conftest import CONNECTION, ISSUE, Floor, changed, hint, issue, relabelled
from tests.unit.sprint_scene import SPRINT
from trackers.errors import Rejected, ServerFault
from trackers.model import Subject, SubjectKind
from trackers.protocol import Update, Updates
from workers import catch_up
from workers.catch_up import CROWD, FARTHEST, OVERLAP, new_scan, send_catch_ups, subject_of
from workers.clock import Clock
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.rules_in_force import RulesFile
from workers.run import run

CATCH_UP = subject_of("acme")
MINUTE = timedelta(minutes=1)
EVERY = timedelta(minutes=15)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Killed(BaseException):
    """Stands for the death of the process."""


class Listing:
    """A tracker's list of what changed, in pages of ``size``; each request is noted."""

    def __init__(self, *found: Update, size: int = 100) -> None:
        self.found = list(found)
        self.size = size
        self.asked: list[tuple[datetime, str | None]] = []
        self.forgets = False
        self.unknown: tuple[str, ...] = ()

    def __call__(self, projects: Sequence[str], since: datetime, after: str | None = None) -> Updates:
        self.asked.append((since, after))
        if after is not None and self.forgets:
            raise Rejected("The token is not known.")
        here = int(after or 0)
        told = [one for one in self.found if one.updated >= since]
        more = str(here + self.size) if here + self.size < len(told) else None
        return Updates(tuple(told[here : here + self.size]), more, self.unknown)


def now() -> datetime:
    return datetime.now(UTC)


def update(
    number: int | str = 1, *, created: datetime | None = None, at: datetime | None = None, **more: Any
) -> Update:
    moment = at or now()
    return Update(str(number), "ABC", created or moment, moment, **more)


def lists(floor: Floor, *found: Update, size: int = 100) -> Listing:
    listing = Listing(*found, size=size)
    floor.tracker.updates = listing  # type: ignore[method-assign]
    return listing


def known_since(floor: Floor, ago: timedelta) -> None:
    """The service came so long ago, and was caught up then."""
    moment = int((now() - ago).timestamp() * 1000)
    floor.redis.hset(keys.catch_up("acme"), mapping={"first": moment, "cursor": moment})


def standing(floor: Floor) -> Standing:
    found = floor.shop.catch_ups.standing("acme")
    assert found is not None
    return found


def planned(floor: Floor) -> datetime:
    """When a catch-up is due next."""
    return datetime.fromtimestamp(int(str(floor.redis.hget(keys.catch_up("acme"), "next"))) / 1000, UTC)


def go(floor: Floor) -> Ending:
    """Ask for a catch-up and run it."""
    catch_up.offer(floor.shop.inbox, "acme", now())
    floor.redis.zadd(keys.PENDING, {str(CATCH_UP): 0})
    ending = run(floor.shop, CATCH_UP, floor.token(CATCH_UP))
    assert ending is not None
    return ending


def offered(floor: Floor) -> dict[str, list[str]]:
    """Which hints wait, by issue."""
    waiting: dict[str, list[str]] = {}
    for name in map(str, floor.redis.scan_iter(f"{keys.HINTS}*")):
        raw = floor.redis.lrange(name, 0, -1)
        assert isinstance(raw, list)
        subject = name.removeprefix(f"{keys.HINTS}acme:")
        waiting[subject] = [str(entry).partition('"kind": "')[2].partition('"')[0] for entry in raw]
    return waiting


@pytest.fixture
def ruled(floor: Floor) -> Floor:
    floor.rules(comment=True)
    return floor


def test_the_first_cursor_is_now_and_the_first_scan_comes_one_period_later(ruled: Floor) -> None:
    assert send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching()]) == 0
    first = standing(ruled).first
    assert abs(now() - first) < MINUTE
    assert standing(ruled).cursor == first
    assert ruled.shop.inbox.take(9) == []
    assert planned(ruled) == first + EVERY


def catching(every: timedelta | None = EVERY) -> Any:
    return replace(CONNECTION, catch_up=every)


def test_what_changed_before_the_service_came_is_none_of_ours(ruled: Floor) -> None:
    listing = lists(ruled)
    go(ruled)
    assert listing.asked == [(standing(ruled).first, None)]


def test_a_finished_scan_moves_the_cursor_to_when_it_began_and_the_next_overlaps(ruled: Floor) -> None:
    known_since(ruled, timedelta(hours=5))
    listing = lists(ruled)
    cursor = standing(ruled).cursor
    assert go(ruled).because is Because.CAUGHT_UP
    done = standing(ruled).done
    assert done is not None
    assert done.scan.since == cursor, "which is the first, and nothing before it is ours"
    assert standing(ruled).cursor == done.scan.began
    go(ruled)
    assert abs(listing.asked[1][0] - (done.scan.began - OVERLAP)) < timedelta(milliseconds=2)


@pytest.mark.parametrize(
    ("cursor", "first", "asked", "since", "cut"),
    [
        (20, 90, None, 30, False),
        (20, 25, None, 25, False),
        (20, 90, 120, 120, False),
        (20, 90, 5, 30, False),
        (60 * 24 * 40, 60 * 24 * 50, None, FARTHEST / MINUTE, True),
        (20, 90, 60 * 24 * 40, FARTHEST / MINUTE, True),
    ],
)
def test_from_when_a_scan_asks(
    cursor: float, first: float, asked: float | None, since: float, cut: bool
) -> None:
    """All in minutes ago."""
    person = None if asked is None else Asked(NOW, NOW - asked * MINUTE)
    at = Standing(NOW - first * MINUTE, NOW - cursor * MINUTE, asked=person)
    scan = new_scan(at, NOW)
    assert (scan.since, scan.cut, scan.asked) == (NOW - since * MINUTE, cut, person is not None)


def test_two_clocks_ask_once_and_the_next_is_due_a_period_later(ruled: Floor) -> None:
    known_since(ruled, timedelta(hours=1))
    ruled.redis.hset(keys.catch_up("acme"), "next", 1)
    sent = [send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching()]) for _ in range(2)]
    assert sent == [1, 0]
    assert len(offered(ruled)["catch_up:issues"]) == 1
    assert (
        int(str(ruled.redis.hget(keys.catch_up("acme"), "next"))) > (now() + EVERY - MINUTE).timestamp() * 1e3
    )


def test_two_clocks_at_the_same_moment_are_one(ruled: Floor) -> None:
    for _ in range(2):
        catch_up.offer(ruled.shop.inbox, "acme", NOW)
    assert len(offered(ruled)["catch_up:issues"]) == 1


def test_a_catch_up_that_waits_for_hours_is_reminded_once_an_hour(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    day = NOW.replace(hour=0)
    for minute in range(3 * 60):
        moment = int((day + minute * MINUTE).timestamp() * 1000)
        ruled.redis.hset(keys.catch_up("acme"), "next", moment)
        send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching(MINUTE)])
    assert len(offered(ruled)["catch_up:issues"]) <= 4


def test_the_clock_has_connections_caught_up(ruled: Floor, tmp_path: Path) -> None:
    known_since(ruled, timedelta(hours=1))
    ruled.redis.hset(keys.catch_up("acme"), "next", 1)
    file = tmp_path / "rules.yaml"
    file.write_text("version: 1\n")
    rules = RulesFile(file, RulebookShelf(ruled.redis))
    Clock(ruled.redis, ruled.shop.inbox, rules, connections=[catching()]).tick()
    assert ruled.redis.hget(keys.subject_state(CATCH_UP), "token") is not None, "it is handed to a worker"


def test_a_connection_that_is_never_caught_up_is_left_alone(ruled: Floor) -> None:
    assert send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching(None)]) == 0
    assert ruled.shop.catch_ups.standing("acme") is None


def test_a_period_made_shorter_holds_at_once(ruled: Floor) -> None:
    send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching(timedelta(days=1))])
    send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching(MINUTE)])
    assert planned(ruled) <= now() + MINUTE


def test_a_new_issue_that_nobody_told_of_is_labelled_even_a_day_later(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    filed = now() - timedelta(days=1)
    ruled.tracker.now = replace(issue(updated=filed), created=filed)
    lists(ruled, update(ISSUE.id, created=filed, at=filed))
    go(ruled)
    assert offered(ruled) == {"issue:10001": ["issue_created"]}
    run(ruled.shop, ISSUE, ruled.token())
    assert [label.name for label in ruled.tracker.now.labels] == ["security"]


def test_what_a_scan_finds_again_costs_no_further_run(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    lists(ruled, update(), update(2))
    ruled.tracker.now = issue(updated=now())
    go(ruled)
    for item in ruled.shop.inbox.take(9):
        run(ruled.shop, item.subject, item.token)
    go(ruled)
    assert offered(ruled) == {}


def test_what_a_webhook_told_and_a_run_has_read_costs_no_request(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    at = now()
    ruled.tracker.now = issue(updated=at)
    ruled.offer(hint(updated=at))
    run(ruled.shop, ISSUE, ruled.token())
    lists(ruled, update(ISSUE.id, at=at))
    go(ruled)
    assert offered(ruled) == {}
    done = standing(ruled).done
    assert done is not None
    assert (done.scan.seen, done.scan.unread) == (1, 0)


def test_an_event_and_a_find_that_wait_together_are_worked_by_one_reading(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    at = now()
    ruled.tracker.now = issue(updated=at)
    ruled.offer(hint(updated=at))
    lists(ruled, update(ISSUE.id, at=at))
    go(ruled)
    assert offered(ruled) == {"issue:10001": ["issue_created", "issue_created"]}
    assert standing(ruled).done is not None
    assert standing(ruled).done.scan.unread == 0  # type: ignore[union-attr]
    ruled.redis.zadd(keys.PENDING, {str(ISSUE): 0})
    run(ruled.shop, ISSUE, ruled.token())
    assert len(ruled.tracker.reads) == 1
    assert len(ruled.tracker.comments) == 1


def test_the_echo_of_our_write_needs_no_reading(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    ruled.tracker.now = issue(updated=now())
    ruled.offer(hint(updated=ruled.tracker.now.updated))
    run(ruled.shop, ISSUE, ruled.token())
    written = ruled.tracker.now.updated
    ruled.offer(relabelled(["security"], updated=written, actor="me"))
    assert run(ruled.shop, ISSUE, ruled.token()).because is Because.ECHO  # type: ignore[union-attr]
    lists(ruled, update(ISSUE.id, at=written))
    go(ruled)
    assert offered(ruled) == {}


def test_an_old_issue_without_anything_of_ours_is_passed_over(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    lists(ruled, update(created=now() - timedelta(days=9)))
    go(ruled)
    assert offered(ruled) == {}


@pytest.mark.parametrize("ours", ["applied", "comment", "intent"])
def test_an_old_issue_with_something_of_ours_is_looked_at(ruled: Floor, ours: str) -> None:
    known_since(ruled, timedelta(days=2))
    journals = ruled.shop.journals
    match ours:
        case "applied":
            journals.note_written(ISSUE, labels={"security": "security"})
        case "comment":
            journals.note_written(ISSUE, comments={"labels": CommentRecord("c1", "d")})
        case _:
            journals.intend(ISSUE, Intent(("security",)))
    lists(ruled, update(ISSUE.id, created=now() - timedelta(days=9)))
    go(ruled)
    assert offered(ruled) == {"issue:10001": ["issue_found"]}


@pytest.mark.parametrize(("ago", "labels"), [(30, ["security"]), (90, [])])
def test_an_issue_that_changed_and_that_nobody_judged_is_judged_within_its_window(
    ruled: Floor, ago: int, labels: list[str]
) -> None:
    """It was filed before the service came, or before Redis lost everything; its title may have changed."""
    known_since(ruled, timedelta(minutes=5))
    filed = now() - timedelta(minutes=ago)
    ruled.tracker.now = replace(issue(updated=now()), created=filed)
    ruled.shop.journals.note_looked(ISSUE, now() - timedelta(minutes=20))
    ruled.shop.journals.note_held(ISSUE, "7", [], applied={"carry-over": "carry-over"})
    lists(ruled, update(ISSUE.id, created=filed, at=ruled.tracker.now.updated))
    go(ruled)
    run(ruled.shop, ISSUE, ruled.token())
    assert [label.name for label in ruled.tracker.now.labels] == labels


def labelled(floor: Floor) -> None:
    """A new issue was told, labelled and commented on."""
    floor.tracker.now = issue(updated=now() - MINUTE)
    floor.offer(hint(updated=floor.tracker.now.updated))
    run(floor.shop, ISSUE, floor.token())
    floor.tracker.writes.clear()


def person(floor: Floor, **wish: Any) -> None:
    """A person edits the issue, and no webhook tells of it."""
    floor.tracker.now = replace(floor.tracker.now, updated=now(), **wish)


def found(floor: Floor) -> Ending:
    """The edit is found and worked."""
    created, at = floor.tracker.now.created, floor.tracker.now.updated
    lists(floor, update(ISSUE.id, created=created, at=at))
    go(floor)
    ending = run(floor.shop, ISSUE, floor.token())
    assert ending is not None
    return ending


def labels(floor: Floor) -> list[str]:
    return [label.name for label in floor.tracker.now.labels]


def test_a_new_title_that_nobody_told_of_is_judged(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    labelled(ruled)
    person(ruled, title="XSS, and slow")
    assert found(ruled).outcome is Outcome.APPLIED
    assert labels(ruled) == ["security", "slow"]


def test_a_change_of_anything_else_calls_for_no_label(ruled: Floor) -> None:
    """By rules that would label it now, and did not when its text was judged."""
    known_since(ruled, timedelta(days=2))
    ruled.tracker.now = issue("Nothing fits", updated=now() - MINUTE)
    ruled.offer(hint(updated=ruled.tracker.now.updated))
    run(ruled.shop, ISSUE, ruled.token())
    later = (
        b"version: 1\ndefaults: {mode: apply, tagging: {rules: [{label: fits, title: {words: [fits]}}]}}\n"
    )
    publish(ruled, later)
    person(ruled, priority="High")
    assert found(ruled).because is Because.ALREADY_JUDGED
    assert labels(ruled) == []
    lists(ruled, update(ISSUE.id, created=ruled.tracker.now.created, at=ruled.tracker.now.updated))
    ruled.redis.delete(*ruled.redis.keys(f"{keys.CLAIM}*"))
    go(ruled)
    assert offered(ruled) == {}, "a find that led to nothing is not looked at again"


def publish(floor: Floor, text: bytes) -> None:
    RulebookShelf(floor.redis).publish(load_rules(text, "rules.yaml").version_id, text)
    floor.shop.rules.now()


def test_a_label_that_a_person_took_off_stays_off_and_the_comment_follows(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    labelled(ruled)
    person(ruled, labels=())
    found(ruled)
    assert labels(ruled) == []
    assert ruled.shop.journals.read(ISSUE).vetoed == {"security": "state"}
    person(ruled, title="XSS once more")
    found(ruled)
    assert labels(ruled) == []


def test_a_title_whose_event_was_lost_is_judged_though_a_later_event_was_read(ruled: Floor) -> None:
    """The status' event is dismissed or read; either way the title is still to be judged."""
    known_since(ruled, timedelta(days=2))
    labelled(ruled)
    person(ruled, title="XSS, and slow")
    ruled.offer(relabelled(removed=["x"], updated=ruled.tracker.now.updated, actor="robin"))
    run(ruled.shop, ISSUE, ruled.token())
    assert labels(ruled) == ["security"]
    found(ruled)
    assert labels(ruled) == ["security", "slow"]


def test_an_event_that_comes_after_the_find_does_nothing_more(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    labelled(ruled)
    person(ruled, title="XSS, and slow")
    at = ruled.tracker.now.updated
    found(ruled)
    writes = list(ruled.tracker.writes)
    ruled.offer(changed("title", updated=at))
    ending = run(ruled.shop, ISSUE, ruled.token())
    assert ending is not None
    assert ending.because is Because.ANSWERED
    assert ruled.tracker.writes == writes


@pytest.mark.parametrize("known", [True, False])
def test_an_issue_in_the_trash_is_forgotten_if_anything_is_kept_of_it(ruled: Floor, known: bool) -> None:
    known_since(ruled, timedelta(days=2))
    if known:
        labelled(ruled)
    lists(ruled, update(ISSUE.id, gone=True))
    go(ruled)
    assert offered(ruled) == ({"issue:10001": ["issue_deleted"]} if known else {})
    if known:
        run(ruled.shop, ISSUE, ruled.token())
        assert [name for name in map(str, ruled.redis.scan_iter()) if str(ISSUE) in name] == []


def test_running_sprints_that_an_issue_is_in_are_looked_at_together_and_no_others(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    ruled.shop.sprints.keep(SPRINT, "12", "{}")
    old = now() - timedelta(days=9)
    lists(ruled, *(update(number, created=old, sprints=("37", "99")) for number in (1, 2)))
    go(ruled)
    assert offered(ruled) == {"sprint:37": ["sprint_touched", "sprint_touched"]}
    assert ruled.shop.inbox.take(9) == [], "it settles first"
    go(ruled)
    assert len(offered(ruled)["sprint:37"]) == 2


@pytest.mark.parametrize("place", ["begun", "loaded", "planned", "noted", "recorded"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_run_that_dies_anywhere_loses_nothing_and_does_nothing_twice(
    ruled: Floor, place: str, nth: int
) -> None:
    known_since(ruled, timedelta(days=2))
    at = now()
    lists(ruled, *(update(number, at=at) for number in range(5)), size=2)
    catch_up.offer(ruled.shop.inbox, "acme", at)
    left = nth

    def die(here: str) -> None:
        nonlocal left
        left -= here == place
        if left == 0 and here == place:
            raise Killed

    try:
        run(replace(ruled.shop, checkpoint=die), CATCH_UP, ruled.token(CATCH_UP))
    except Killed:
        ruled.redis.zadd(keys.PENDING, {str(CATCH_UP): 0})
        run(ruled.shop, CATCH_UP, ruled.token(CATCH_UP))
    assert offered(ruled) == {f"issue:{number}": ["issue_created"] for number in range(5)}
    assert standing(ruled).scan is None
    assert standing(ruled).cursor >= at


def test_a_long_scan_goes_on_at_once_where_it_was(ruled: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    known_since(ruled, timedelta(days=2))
    listing = lists(ruled, *(update(number) for number in range(5)), size=2)
    monkeypatch.setattr(catch_up, "_RUN_S", -1.0)
    assert go(ruled).outcome is Outcome.POSTPONED
    assert listing.asked == []
    monkeypatch.undo()
    assert run(ruled.shop, CATCH_UP, ruled.token(CATCH_UP)).because is Because.CAUGHT_UP  # type: ignore[union-attr]
    assert [after for _, after in listing.asked] == [None, "2", "4"]
    assert len(offered(ruled)) == 5


def test_a_page_that_the_tracker_has_forgotten_begins_the_scan_anew(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    listing = lists(ruled, *(update(number) for number in range(3)), size=2)
    listing.forgets = True
    assert go(ruled).outcome is Outcome.POSTPONED
    listing.forgets = False
    go(ruled)
    assert [after for _, after in listing.asked] == [None, "2", None, "2"]
    assert standing(ruled).done is not None
    assert all(len(kinds) == 1 for kinds in offered(ruled).values())


def test_a_tracker_that_fails_is_asked_again_for_ever(ruled: Floor) -> None:
    ruled.tracker.fails["updates"] = ServerFault("Jira failed.")
    for _ in range(12):
        assert go(ruled).outcome is Outcome.POSTPONED
    ruled.tracker.fails.clear()
    ruled.tracker.now = replace(issue(), updated=None)
    assert go(ruled).because is Because.CAUGHT_UP


def test_a_catch_up_that_was_given_up_is_revived_by_the_clock(ruled: Floor) -> None:
    known_since(ruled, timedelta(hours=1))
    ruled.tracker.fails["updates"] = Rejected("no such project")
    assert go(ruled).outcome is Outcome.DEAD
    ruled.tracker.fails.clear()
    lists(ruled)
    ruled.redis.hset(keys.catch_up("acme"), "next", 1)
    send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching()])
    assert run(ruled.shop, CATCH_UP, ruled.token(CATCH_UP)).because is Because.CAUGHT_UP  # type: ignore[union-attr]


def test_it_offers_no_more_while_many_issues_wait(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    listing = lists(ruled, update())
    pending = {str(Subject("acme", SubjectKind.ISSUE, f"w{number}")): 1 for number in range(CROWD + 1)}
    catch_up.offer(ruled.shop.inbox, "acme", now())
    token = ruled.token(CATCH_UP)
    ruled.redis.zadd(keys.PENDING, pending)
    ending = run(ruled.shop, CATCH_UP, token)
    assert ending is not None
    assert (ending.outcome, listing.asked) == (Outcome.POSTPONED, [])
    ruled.redis.zrem(keys.PENDING, *pending)
    go(ruled)
    assert len(listing.asked) == 1


def test_a_person_asks_for_more_and_the_cursor_is_not_lost(ruled: Floor) -> None:
    known_since(ruled, timedelta(hours=2))
    old = now() - timedelta(days=3)
    listing = lists(ruled, update(1, created=old, at=old))
    ruled.shop.catch_ups.keep("acme", Scan(now(), now(), after="7"))
    asked = ruled.shop.catch_ups.ask("acme", old - MINUTE)
    go(ruled)
    assert abs(listing.asked[0][0] - (old - MINUTE)) < timedelta(milliseconds=2)
    assert offered(ruled) == {"issue:1": ["issue_created"]}
    done = standing(ruled).done
    assert done is not None
    assert done.scan.began >= asked.at
    assert standing(ruled).asked is None
    assert standing(ruled).cursor == done.scan.began


def test_an_event_that_comes_while_it_runs_gives_one_effect(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    at = now()
    ruled.tracker.now = issue(updated=at)
    listing = lists(ruled, update(ISSUE.id, at=at))

    def told(projects: Sequence[str], since: datetime, after: str | None = None) -> Updates:
        page = listing(projects, since, after)
        ruled.offer(hint(updated=at))
        run(ruled.shop, ISSUE, ruled.token())
        return page

    ruled.tracker.updates = told  # type: ignore[method-assign]
    go(ruled)
    for item in ruled.shop.inbox.take(9):
        run(ruled.shop, item.subject, item.token)
    assert len(ruled.tracker.comments) == 1
    assert len(ruled.tracker.reads) == 1


def test_figures_are_counted(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    lists(ruled, update(), update(2, created=now() - timedelta(days=9)))
    go(ruled)
    counted = ruled.shop.decisions.counters()
    assert counted["catch_up|acme|seen"] == 2
    assert standing(ruled).done.scan.unread == 1  # type: ignore[union-attr]


def test_what_is_missed_is_what_something_came_of_that_only_catching_up_told(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    at = now()
    ruled.tracker.now = issue(updated=at)
    lists(ruled, update(ISSUE.id, at=at))
    go(ruled)
    run(ruled.shop, ISSUE, ruled.token())
    assert ruled.shop.decisions.counters()["catch_up|acme|missed"] == 1
    # Our own comment moved the issue on, which no event tells on Jira; and then somebody replied.
    for _ in range(2):
        ruled.tracker.now = replace(ruled.tracker.now, updated=now())
        assert found(ruled).outcome is Outcome.IGNORED
    assert ruled.shop.decisions.counters()["catch_up|acme|missed"] == 1


def test_what_an_event_told_as_well_was_not_missed(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=2))
    at = now()
    ruled.tracker.now = issue(updated=at)
    ruled.offer(hint(updated=at))
    lists(ruled, update(ISSUE.id, at=at))
    go(ruled)
    ruled.redis.zadd(keys.PENDING, {str(ISSUE): 0})
    assert run(ruled.shop, ISSUE, ruled.token()).outcome is Outcome.APPLIED  # type: ignore[union-attr]
    assert "catch_up|acme|missed" not in ruled.shop.decisions.counters()


def test_what_was_passed_over_as_old_is_new_to_who_asks_from_earlier(ruled: Floor) -> None:
    known_since(ruled, timedelta(minutes=5))
    rules_without_labels, filed = b"version: 1\ndefaults: {mode: apply}\n", now() - timedelta(minutes=50)
    publish(ruled, rules_without_labels)
    ruled.tracker.now = replace(issue(updated=now()), created=filed)
    lists(ruled, update(ISSUE.id, created=filed, at=ruled.tracker.now.updated))
    go(ruled)
    assert offered(ruled) == {"issue:10001": ["issue_found"]}
    # Its run comes when it is not young any more, so that it is left alone.
    ruled.tracker.now = replace(ruled.tracker.now, created=filed - timedelta(minutes=20))
    assert run(ruled.shop, ISSUE, ruled.token()).because is Because.OLDER_THAN_WINDOW  # type: ignore[union-attr]
    ruled.rules(comment=True)
    ruled.shop.rules.now()
    ruled.shop.catch_ups.ask("acme", now() - timedelta(hours=2))
    go(ruled)
    assert offered(ruled) == {"issue:10001": ["issue_created"]}
    assert run(ruled.shop, ISSUE, ruled.token()).outcome is Outcome.APPLIED  # type: ignore[union-attr]


@pytest.mark.parametrize("first", [timedelta(days=9), timedelta(days=-9)])
def test_a_cursor_in_the_future_is_set_back(ruled: Floor, first: timedelta) -> None:
    """Redis' clock was a year ahead, for a while or when the connection was first seen."""
    ahead = now() + timedelta(days=365)
    known_since(ruled, -first)
    at = {"cursor": ahead, "first": now() + first, "next": ahead}
    ruled.redis.hset(
        keys.catch_up("acme"), mapping={name: int(moment.timestamp() * 1000) for name, moment in at.items()}
    )
    ruled.shop.catch_ups.keep("acme", Scan(ahead, ahead, after="7"))
    listing = lists(ruled, update())
    go(ruled)
    asked = now() - listing.asked[0][0]
    assert abs(asked - (timedelta(0) if first > timedelta(0) else timedelta(days=1))) < OVERLAP + MINUTE
    assert standing(ruled).cursor <= now()
    assert standing(ruled).first <= now()
    send_catch_ups(ruled.shop.inbox, ruled.shop.catch_ups, [catching()])
    assert planned(ruled) <= now() + EVERY


def test_a_catch_up_that_is_refused_for_ever_does_not_grow_for_ever(ruled: Floor) -> None:
    ruled.tracker.fails["updates"] = Rejected("no such project")
    for _ in range(3):
        assert go(ruled).outcome is Outcome.DEAD
    ruled.redis.rpush(f"{keys.HINTS}{CATCH_UP}", *["1 {}"] * 200)
    assert go(ruled).outcome is Outcome.DEAD
    assert len(offered(ruled)["catch_up:issues"]) <= 100


def test_a_worker_whose_clock_is_behind_asks_as_far_back_as_redis_counts(
    ruled: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_since(ruled, timedelta(days=2))
    ahead = now() + timedelta(hours=3)
    monkeypatch.setattr(ruled.shop.catch_ups, "now", lambda: ahead)
    ruled.shop.catch_ups.keep("acme", Scan(ahead - EVERY, ahead))
    listing = lists(ruled)
    go(ruled)
    assert abs(now() - EVERY - listing.asked[0][0]) < MINUTE


def test_a_project_that_was_hidden_for_days_is_caught_up_from_when_it_was(ruled: Floor) -> None:
    known_since(ruled, timedelta(days=9))
    listing = lists(ruled)
    listing.unknown = ("ABC", "MISSPELT")
    for ago in (timedelta(days=3), timedelta(days=2), timedelta(hours=1)):
        ruled.redis.hset(keys.catch_up("acme"), "cursor", int((now() - ago).timestamp() * 1000))
        go(ruled)
    lost = listing.asked[0][0]
    assert now() - lost > timedelta(days=3)
    ruled.redis.hset(keys.catch_up("acme"), "cursor", int((now() - EVERY).timestamp() * 1000))
    listing.unknown = ("MISSPELT",)
    go(ruled)
    assert listing.asked[-1][0] > now() - timedelta(hours=2)
    assert ruled.shop.inbox.is_waiting(CATCH_UP)
    run(ruled.shop, CATCH_UP, ruled.token(CATCH_UP))
    assert timedelta(0) <= listing.asked[-1][0] - lost < MINUTE
    assert not ruled.shop.inbox.is_waiting(CATCH_UP), "what is misspelt asks for nothing"
    go(ruled)
    assert not ruled.shop.inbox.is_waiting(CATCH_UP)
