"""What stands between us and a tracker, and answers in its place: nothing of that is taken for its word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis

from store import keys
from store.budget import standing_pauses
from tests.faults.shim import Shim, Way
from tests.faults.toys import Floor, Toy
from trackers import http
from trackers.jira import setup
from trackers.model import HintKind
from workers import doubles
from workers.decide import Because
from workers.record import Outcome

LOGIN: Final = "<html><title>Log in</title><form action='/login'></form></html>"
READ, WRITE, COMMENT = "GET issue|issue", "PUT issue|issueUpdate", "POST comment|commentCreate"
pytestmark = pytest.mark.fault(32, 33)


@pytest.fixture
def floor(redis: Redis, tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Floor:
    # After a comment of unknown outcome an issue is looked at once more; here at once.
    monkeypatch.setattr(doubles, "LOOK_AFTER", timedelta(0))
    floor = Floor(redis, tmp_path, (toy,))
    floor.rules(comment=True)
    return floor


def right(toy: Toy, key: str, *, labelled: bool = False) -> None:
    """The one effect there should be, when the label was not put on before the calls were forgotten."""
    assert toy.labels(key) == ["security"]
    assert len(toy.comments(key)) == 1
    assert sum(toy.effects(key).values()) == 2 - labelled


@pytest.mark.parametrize("status", [200, 401, 403, 404])
@pytest.mark.parametrize("operation", [READ, WRITE, COMMENT], ids=["read", "label", "comment"])
def test_a_page_in_the_trackers_place_costs_time_and_nothing_else(
    floor: Floor, toy: Toy, operation: str, status: int, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault(operation, "status", times=3, status=status, body=LOGIN, headers={"Location": "/login"})
    floor.tell(shop, toy.subject(key))
    for _ in range(3):
        floor.pull()
        floor.pauses_end()
        (ending,) = floor.work(shop)
        assert ending.outcome is Outcome.POSTPONED
    floor.pauses_end()
    if status == 200:
        # The toy counts what it answered so as done.
        toy.hand.forget_calls()
    floor.work_off(shop)
    right(toy, key, labelled=status == 200 and toy.is_jira and operation == COMMENT)
    seen("a login page or a proxy's 403 or 404 is waited out: no dead letter, nothing taken for gone")


@pytest.mark.parametrize("running", ["jira"], indirect=True)
def test_a_proxys_404_after_an_event_of_deletion_forgets_nothing(floor: Floor, toy: Toy) -> None:
    key, shop = toy.file(), floor.worker()
    floor.tell(shop, toy.subject(key))
    floor.work_off(shop)
    toy.hand.fault(READ, "status", status=404, body=LOGIN)
    # Out of order: the edit comes last, and the issue is still there.
    floor.tell(shop, toy.subject(key), HintKind.ISSUE_DELETED)
    floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    floor.work(shop)
    assert floor.redis.exists(keys.journal(toy.subject(key)))
    floor.work_off(shop)
    right(toy, key)


@pytest.mark.parametrize("status", [500, 502])
@pytest.mark.parametrize("operation", [READ, WRITE, COMMENT], ids=["read", "label", "comment"])
def test_a_server_in_trouble_is_asked_again(floor: Floor, toy: Toy, operation: str, status: int) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault(operation, "status", times=3, status=status, body="<html>")
    floor.tell(shop, toy.subject(key))
    for _ in range(4):
        floor.pauses_end()
        floor.pull()
        floor.work(shop)
    floor.work_off(shop)
    right(toy, key)


@pytest.mark.parametrize("running", ["jira"], indirect=True)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_write_that_jira_will_not_have_is_given_up_with_the_field(
    floor: Floor, toy: Toy, status: int, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(), floor.worker()
    said = '{"errorMessages": [], "errors": {"labels": "Field is not on the screen."}}'
    toy.hand.fault(WRITE, "status", status=status, body=said)
    floor.tell(shop, toy.subject(key))
    (ending,) = floor.work(shop)
    assert ending.outcome is Outcome.DEAD and "labels: Field is not on the screen." in ending.cause
    floor.tell(shop, toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    floor.work_off(shop)
    right(toy, key)
    seen("invalid: a dead letter with Jira's words about the field, which a new event revives")


@pytest.mark.parametrize("running", ["jira"], indirect=True)
def test_a_conflict_is_read_anew_and_written_once(
    floor: Floor, toy: Toy, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault(WRITE, "status", status=409)
    floor.tell(shop, toy.subject(key))
    floor.work(shop)
    asked = len(toy.asked())
    floor.work_off(shop)
    assert toy.asked()[asked] == "GET issue"
    right(toy, key)
    seen("a conflict is read anew")


@pytest.mark.parametrize("running", ["jira"], indirect=True)
def test_refused_credentials_make_all_wait_and_lose_nothing(
    floor: Floor, toy: Toy, seen: Callable[[str], None]
) -> None:
    keys_, shop = [toy.file(), toy.file()], floor.worker()
    toy.hand.fault(READ, "status", status=401, times=9)
    for key in keys_:
        floor.tell(shop, toy.subject(key))
    for ending in floor.work(shop):
        assert ending.outcome is Outcome.POSTPONED and ending.cause
    assert toy.asked().count("GET issue") == 1, "one refusal is enough: a CAPTCHA is not far"
    assert [scope.rpartition(":")[2] for scope, _ in standing_pauses(floor.redis)] == ["credentials"]
    toy.hand.no_faults()
    floor.pauses_end()
    floor.work_off(shop)
    for key in keys_:
        right(toy, key)
    seen("credentials refused once: all of the connection waits for five minutes, no attempt is spent")


def test_an_issue_that_is_gone_is_ignored(floor: Floor, toy: Toy) -> None:
    key, shop = toy.file(), floor.worker()
    floor.tell(shop, toy.subject(key))
    toy.hand.delete(key)
    (ending,) = floor.work(shop)
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.GONE)
    assert floor.redis.zcard(keys.PENDING) == 0


@pytest.fixture
def shim(toy: Toy) -> Iterator[Shim]:
    with Shim((urlsplit(toy.hand.url).hostname or "", urlsplit(toy.hand.url).port or 0)) as shim:
        yield shim


def through(shim: Shim, toy: Toy) -> Toy:
    """The toy behind the shim, for workers alone."""
    return replace(toy, connection=replace(toy.connection, url=f"http://127.0.0.1:{shim.port}"))


BREAKS: Final = ("hangs", "loses answers", "cuts answers", "refuses")


def breaks(shim: Shim, how: str) -> None:
    match how:
        case "hangs":
            shim.hang()
        case "loses answers":
            shim.half_open(Way.ANSWERS)
        case "cuts answers":
            shim.cut_after(0)
        case "refuses":
            shim.refuse()


@pytest.mark.parametrize("place", ["begun", "intended"], ids=["before reading", "before writing"])
@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_line_to_the_tracker_costs_time_and_nothing_else(
    floor: Floor,
    toy: Toy,
    shim: Shim,
    how: str,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    seen: Callable[[str], None],
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.4))
    monkeypatch.setattr(setup, "_TIMEOUT", (0.4, 0.4))
    floor.toys = (through(shim, toy),)
    key = toy.file()
    # What is asked once a day is known.
    shop = floor.worker(lambda here: breaks(shim, how) if here == place else None)
    shop.desks["acme"].tracker.identity()
    floor.tell(shop, toy.subject(key))
    (ending,) = floor.work(shop)
    assert ending.outcome is Outcome.POSTPONED and floor.until() < 12
    shim.pass_on()
    floor.pauses_end()
    floor.work_off(floor.worker())
    right(toy, key)
    seen("lines that hang, lose or cut answers: tried again in seconds, one effect")


def test_an_answer_in_slices_of_seven_bytes_is_an_answer(floor: Floor, toy: Toy, shim: Shim) -> None:
    floor.toys = (through(shim, toy),)
    key, shop = toy.file(), floor.worker()
    shim.slice(7)
    floor.tell(shop, toy.subject(key))
    assert [ending.outcome for ending in floor.work(shop)] == [Outcome.APPLIED]
    right(toy, key)


@pytest.mark.fault(37)
@pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
def test_nothing_is_written_until_our_own_name_is_known(
    floor: Floor, toy: Toy, status: int, seen: Callable[[str], None]
) -> None:
    key, shop = toy.file(), floor.worker()
    toy.hand.fault("GET myself|viewer", "status", times=3, status=status)
    floor.tell(shop, toy.subject(key))
    for _ in range(3):
        floor.work(shop)
        floor.pauses_end()
        floor.pull()
    assert toy.effects(key) == {}
    floor.work_off(shop)
    right(toy, key)
    seen("no write until it is known, then all of it")
