"""What changed on Linear since a moment: all of it, in large pages, what lies in the trash as well."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.linear import issues as rows
from sandbox.linear.entities import AUTOMATION, Issue
from tests.contract.conftest import LinearRig, all_updates, ids
from trackers.errors import LimitReached, Paused, Rejected
from trackers.limits import BULK
from trackers.linear import updates
from trackers.protocol import Recall, Update

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def shared() -> Iterator[LinearRig]:
    with ExitStack() as stack:
        yield LinearRig(stack)


@pytest.fixture
def linear(shared: LinearRig) -> LinearRig:
    """A workspace without issues."""
    for issue in list(shared.tracker.state.issues.values()):
        shared.tracker.state.drop_issue(issue)
    shared.toy.control("DELETE", "/faults")
    shared.gate.pauses.clear()
    shared.forget_calls()
    return shared


def now() -> datetime:
    return datetime.now(UTC)


def file(linear: LinearRig, age: timedelta | None = None, **wish: Any) -> Issue:
    """An issue as the workspace holds it, filed so long ago."""
    made = linear.tracker.create_issue({"project": "ENG", "title": "Broken"} | wish)
    issue = linear.tracker.state.issue(made["id"])
    if age is not None:
        then = round((now() - age).timestamp() * 1000)
        issue = replace(issue, created_at=then, updated_at=then)
        linear.tracker.state.store_issue(issue)
    return issue


def move(linear: LinearRig, issue: Issue, team: str) -> None:
    state = linear.tracker.state
    rows.update(state, AUTOMATION, state.issue(issue.id), {"team_id": state.team(team).id})


def told(linear: LinearRig, since: datetime, *teams: str) -> list[Update]:
    return all_updates(linear.service, teams or ("ENG",), since)


def test_what_is_new_or_changed_is_told_and_nothing_else(linear: LinearRig) -> None:
    old = [file(linear, 3 * HOUR) for _ in range(6)]
    elsewhere = [file(linear, 3 * HOUR, project="OPS") for _ in range(2)]
    edit = linear.tracker.edit_issue
    edit(old[1].identifier, {"body": "It happens on Mondays."})
    edit(old[2].identifier, {"add_labels": ["Bug"]})
    edit(old[3].identifier, {"status": "Done"})
    linear.tracker.delete_issue(old[4].identifier)
    move(linear, old[5], "OPS")
    move(linear, elsewhere[0], "ENG")
    edit(elsewhere[1].identifier, {"title": "Broken there"})
    new = file(linear)
    since = now() - MINUTE
    expected = [old[1], old[2], old[3], old[4], elsewhere[0], new]
    found = told(linear, since)
    assert sorted(ids(found)) == sorted(issue.id for issue in expected)
    assert [update.issue for update in found if update.gone] == [old[4].id]
    assert {old[5].id, elsewhere[1].id} < set(ids(told(linear, since, "OPS", "ENG")))


def test_what_is_deleted_for_good_is_on_no_list(linear: LinearRig) -> None:
    issue = file(linear)
    linear.tracker.purge_issue(issue.identifier)
    assert told(linear, now() - MINUTE) == []


def test_an_update_says_what_a_reading_would(linear: LinearRig) -> None:
    issue = file(linear, 3 * HOUR)
    linear.tracker.edit_issue(issue.identifier, {"sprint": "active"})
    (update,) = told(linear, now() - MINUTE)
    read = linear.service.read(issue.id, Recall()).issue
    cycle = linear.tracker.state.issue(issue.id).cycle_id
    assert read.created is not None and read.updated is not None and cycle is not None
    assert update == Update(issue.id, "ENG", read.created, read.updated, (cycle,))


def test_what_changed_at_that_very_moment_is_told(linear: LinearRig) -> None:
    since = now().replace(microsecond=123_456)
    issue = file(linear)
    millisecond = int(since.timestamp() * 1000)
    linear.tracker.state.store_issue(replace(issue, updated_at=millisecond))
    assert ids(told(linear, since)) == [issue.id]


def test_hundreds_of_issues_are_one_request_of_live_work(linear: LinearRig) -> None:
    for _ in range(130):
        file(linear)
    linear.forget_calls()
    assert len(told(linear, now() - MINUTE)) == 130
    assert linear.requests == 1
    assert not any(BULK in scopes for scopes in linear.gate.asked)
    linear.forget_calls()
    assert linear.service.updates([], now()).found == ()
    assert linear.requests == 0


def _meddle(linear: LinearRig, chance: random.Random) -> None:
    """A few things that people do, whichever issues they come upon."""
    state, tracker = linear.tracker.state, linear.tracker
    for _ in range(chance.randrange(5)):
        issue = chance.choice([*state.issues.values()] or [file(linear)])
        match chance.randrange(6):
            case 0:
                tracker.delete_issue(issue.id)
            case 1:
                tracker.purge_issue(issue.id)
            case 2 | 3:
                tracker.edit_issue(issue.id, {"title": f"Broken {chance.random()}"})
            case 4:
                move(linear, issue, chance.choice(["ENG", "OPS"]))
            case 5:
                file(linear)


@pytest.mark.fault(47)
@pytest.mark.parametrize("seed", range(6))
def test_none_is_passed_over_whatever_happens_between_pages(
    linear: LinearRig, seed: int, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    monkeypatch.setattr(updates, "PAGE", 3)
    chance, state = random.Random(seed), linear.tracker.state
    for _ in range(chance.randrange(8, 20)):
        # An import files many in one moment.
        issue = file(linear, chance.randrange(2, 5) * HOUR)
        if chance.random() < 0.8:
            linear.tracker.edit_issue(issue.id, {"title": "Broken here"})
    since = now() - MINUTE
    wanted = {row.id for row in state.issues.values() if row.updated_at >= since.timestamp() * 1000}
    assert len(wanted) > 3
    found: set[str] = set()
    page = linear.service.updates(["ENG"], since)
    for _ in range(100):
        found |= set(ids(page.found))
        if page.next is None:
            break
        _meddle(linear, chance)
        page = linear.service.updates(["ENG"], since, page.next)
    here = {row.id for row in state.issues.values() if state.teams[row.team_id].key == "ENG"}
    assert page.next is None
    assert wanted & here <= found
    seen("no list passes over an issue, whatever is changed, moved or deleted between its pages")


def test_a_limit_is_told_and_the_page_is_there_afterwards(
    linear: LinearRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "PAGE", 3)
    filed = [file(linear) for _ in range(5)]
    since = now() - MINUTE
    first = linear.service.updates(["ENG"], since)
    linear.fault("issues", "rate_limit")
    with pytest.raises(LimitReached):
        linear.service.updates(["ENG"], since, first.next)
    with pytest.raises(Paused):
        linear.service.updates(["ENG"], since, first.next)
    linear.gate.pauses.clear()
    second = linear.service.updates(["ENG"], since, first.next)
    assert sorted(ids(first.found) + ids(second.found)) == sorted(issue.id for issue in filed)


def test_a_place_that_is_none_is_rejected(linear: LinearRig) -> None:
    with pytest.raises(Rejected):
        linear.service.updates(["ENG"], now(), "nonsense")


def test_a_glimpse_tells_what_is_gone_from_what_was_only_archived(linear: LinearRig) -> None:
    here, archived, trashed, purged = (file(linear) for _ in range(4))
    linear.tracker.state.store_issue(replace(archived, archived_at=archived.updated_at))
    linear.tracker.delete_issue(trashed.identifier)
    linear.tracker.purge_issue(purged.identifier)
    glimpsed = linear.service.glimpse([issue.id for issue in (here, archived, trashed, purged)])
    assert glimpsed.keys() == {here.id, archived.id}


def test_a_team_that_is_not_there_costs_the_others_nothing(linear: LinearRig) -> None:
    issue = file(linear)
    assert ids(told(linear, now() - MINUTE, "GONE", "ENG")) == [issue.id]
