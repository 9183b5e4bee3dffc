"""The page of the queue: what waits where, and that putting back and discarding are asked, done and noted."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.crew import QUEUES
from store.decisions import Decisions
from store.inbox import Batch, Inbox
from store.lineup import lineup
from tests.conftest import CONNECTION, hint
from tests.unit.console_scene import console_app, csrf_of, log_in
from trackers.model import Subject, SubjectKind
from webhook_app.app import WebSettings
from webhook_app.console.changes import changes, note_change
from webhook_app.console.house import House
from webhook_app.console.queue import QueuePage, gather
from webhook_app.console.queue_changes import put_back

NOW = timedelta(0)
LATER = timedelta(minutes=10)
BROKEN = "The field is not on the screen."
HOSTILE = "<img src=x>"


@pytest.fixture
def inbox(redis: Redis) -> Inbox:
    return Inbox(redis, lease=timedelta(minutes=1))


@pytest.fixture
def house(redis: Redis) -> House:
    return House(redis, (CONNECTION,), WebSettings(redis_url="", connections=(CONNECTION,)))


@pytest.fixture
def browser(redis: Redis, redis_server: EmbeddedRedis) -> FlaskClient:
    return log_in(console_app(redis_server.url, [CONNECTION]))


def issue(id_: str) -> Subject:
    return Subject("acme", SubjectKind.ISSUE, id_)


def offer(inbox: Inbox, id_: str, settle: timedelta = NOW, digest: str = "") -> Subject:
    told = hint(subject=issue(id_), digest=digest or f"digest {id_}")
    assert inbox.offer("acme", told.digest, [told], settle=settle, ceiling=settle)
    return issue(id_)


def begin(inbox: Inbox, id_: str) -> Batch:
    offer(inbox, id_)
    (taken,) = inbox.take(1)
    batch = inbox.begin(taken.subject, taken.token)
    assert batch is not None
    return batch


def bury(inbox: Inbox, id_: str, cause: str = BROKEN) -> Subject:
    assert inbox.bury(begin(inbox, id_), cause)
    return issue(id_)


def one_of_each(inbox: Inbox) -> None:
    bury(inbox, "1")
    inbox.postpone(begin(inbox, "2"), LATER, "The hour's limit.", free=True)
    begin(inbox, "3")
    offer(inbox, "4")
    inbox.take(1)
    offer(inbox, "5", LATER)
    offer(inbox, "6")


def ids(page: QueuePage, part: str) -> list[str]:
    return [item.subject.rpartition(":")[2] for item in getattr(page, part).items]


def post(browser: FlaskClient, path: str, **fields: str) -> TestResponse:
    token = csrf_of(browser.get("/console/queue").text)
    return browser.post(f"/console/queue/{path}", data={"csrf": token, **fields})


def test_each_subject_stands_where_it_is(inbox: Inbox, house: House) -> None:
    one_of_each(inbox)
    page = gather(house)
    found = {part: ids(page, part) for part in ("dead", "postponed", "at_work", "settling", "due")}
    assert found == {
        "dead": ["1"],
        "postponed": ["2"],
        "at_work": ["3", "4"],
        "settling": ["5"],
        "due": ["6"],
    }
    assert [item.stage for item in page.at_work.items] == ["running", "handed"]
    assert (page.dead.items[0].cause, page.dead.items[0].hints, page.dead.items[0].due) == (BROKEN, 1, None)
    assert page.postponed.items[0].cause == "The hour's limit."
    assert (page.postponed.items[0].attempts, page.at_work.items[0].attempts) == (0, 1)
    assert page.later == 0
    assert [jobs.queue for jobs in page.jobs] == list(QUEUES)


def test_some_are_shown_and_all_are_counted(inbox: Inbox, redis: Redis) -> None:
    for number in range(7):
        offer(inbox, f"{number}")
        offer(inbox, f"1{number}", LATER)
        bury_at(redis, f"2{number}")
    found = lineup(redis, most=3, passing=2)
    parts = (found.due, found.settling, found.dead)
    assert [(len(part.items), part.total) for part in parts] == [(2, 7), (2, 7), (3, 7)]


def bury_at(redis: Redis, id_: str) -> None:
    redis.zadd(keys.DEAD, {str(issue(id_)): int(id_)})


def test_those_far_ahead_are_but_counted(inbox: Inbox, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.lineup._TOLD_APART", 2)
    for number in range(5):
        offer(inbox, f"{number}", LATER)
    found = lineup(redis)
    assert (found.settling.total, found.later) == (2, 3)


def test_a_subject_of_another_release_is_told_all_the_same(redis: Redis, browser: FlaskClient) -> None:
    redis.zadd(keys.DEAD, {"acme:galaxy:5": 1})
    assert "galaxy:5" in browser.get("/console/queue").text


def test_the_page_names_issues_by_their_keys(inbox: Inbox, redis: Redis, browser: FlaskClient) -> None:
    record = {"at": "2026-03-02T09:00:00.000+00:00", "outcome": "applied", "issue": "ABC-1"}
    Decisions(redis).add(bury(inbox, "1"), record, {})
    page = browser.get("/console/queue").text
    assert 'href="https://acme.example/browse/ABC-1"' in page
    assert BROKEN in page


def test_an_empty_queue_teaches(browser: FlaskClient) -> None:
    assert "Nothing waits" in browser.get("/console/queue").text


def test_a_dead_letter_is_put_back_once_it_was_asked(
    inbox: Inbox, redis: Redis, browser: FlaskClient
) -> None:
    subject = bury(inbox, "1")
    asked = browser.get(f"/console/queue/put-back?subject={subject}").text
    assert BROKEN in asked
    assert inbox.dead(), "asking alone changes nothing"
    answer = browser.post(
        "/console/queue/put-back",
        data={"csrf": csrf_of(asked), "subject": str(subject)},
        follow_redirects=True,
    )
    assert "Put back: 1." in answer.text
    assert inbox.dead() == []
    assert inbox.is_waiting(subject)
    assert [(one.user, one.did, one.about) for one in changes(redis)] == [("ada", "put back", str(subject))]


def test_all_of_one_cause_are_put_back_and_no_others(
    inbox: Inbox, redis: Redis, house: House, browser: FlaskClient
) -> None:
    for id_ in ("1", "2", "3"):
        bury(inbox, id_, BROKEN if id_ != "3" else "Another.")
    assert [(one.cause, one.letters) for one in gather(house).causes] == [(BROKEN, 2)]
    assert "2 dead letters" in browser.get("/console/queue/put-back", query_string={"cause": BROKEN}).text
    assert post(browser, "put-back", cause=BROKEN).status_code == 303
    assert [letter.subject.id for letter in inbox.dead()] == ["3"]
    assert {one.about for one in changes(redis)} == {"acme:issue:1", "acme:issue:2"}


def test_what_was_put_back_is_noted_though_redis_goes_away_amid_it(
    inbox: Inbox, redis: Redis, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [bury(inbox, id_) for id_ in ("1", "2")]
    revive = Inbox.revive

    def at_first(self: Inbox, subject: Subject) -> bool:
        if subject != letters[0]:
            raise ConnectionError
        return revive(self, subject)

    monkeypatch.setattr(Inbox, "revive", at_first)
    with pytest.raises(ConnectionError):
        put_back(house, letters, "ada")
    assert [(one.user, one.about) for one in changes(redis)] == [("ada", str(letters[0]))]


def test_the_number_that_was_really_put_back_is_told(inbox: Inbox, browser: FlaskClient) -> None:
    def press(asked: str) -> str:
        form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked))
        return unescape(browser.post("/console/queue/put-back", data=form, follow_redirects=True).text)

    def asked() -> str:
        return unescape(browser.get("/console/queue/put-back", query_string={"cause": BROKEN}).text)

    for id_ in ("1", "2", "3"):
        bury(inbox, id_)
    page = asked()
    assert inbox.revive(issue("1"))
    inbox.discard(issue("2"))
    assert "Put back: 1." in (said := press(page))
    assert "You saw 3: others were put back, worked or discarded meanwhile." in said
    for id_ in ("4", "5"):
        bury(inbox, id_)
    page = asked()
    bury(inbox, "6")
    assert "Put back: 3." in (said := press(page))
    assert "You saw 2: more were given up for it meanwhile." in said
    bury(inbox, "7")
    assert "You saw" not in press(asked())


def test_a_cause_counts_those_as_well_that_are_not_listed(
    inbox: Inbox, redis: Redis, house: House, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        bury(inbox, f"{number}")
    monkeypatch.setattr("webhook_app.console.queue.MOST", 2)
    page = gather(house)
    assert (len(page.dead.items), page.dead.total) == (2, 5)
    assert [(one.cause, one.letters) for one in page.causes] == [(BROKEN, 5)]
    assert "5 dead letters" in browser.get("/console/queue/put-back", query_string={"cause": BROKEN}).text


def test_letters_without_a_cause_have_none_in_common(inbox: Inbox, house: House) -> None:
    for id_ in ("1", "2"):
        bury(inbox, id_, "")
    assert gather(house).causes == ()


def test_changes_of_other_pages_hide_none_of_the_queue(redis: Redis, house: House) -> None:
    note_change(redis, "ada", "discarded", "acme:issue:1")
    for number in range(30):
        note_change(redis, "ada", "muted", f"label {number}")
    assert [one.about for one in gather(house).changes] == ["acme:issue:1"]


def test_a_discarded_letter_is_gone_counted_and_noted(
    inbox: Inbox, redis: Redis, house: House, browser: FlaskClient
) -> None:
    subject, other = bury(inbox, "1"), bury(inbox, "2")
    assert "cannot be undone" in browser.get(f"/console/queue/discard?subject={subject}").text
    assert post(browser, "discard", subject=str(subject)).status_code == 303
    assert [letter.subject for letter in inbox.dead()] == [other]
    assert not redis.exists(keys.hints(subject), keys.subject_state(subject))
    assert Decisions(redis).counters()["discarded|acme"] == 1
    assert [(one.user, one.did, one.about) for one in changes(redis)] == [("ada", "discarded", str(subject))]
    assert [one.did for one in gather(house).changes] == ["discarded"]
    assert "ada discarded" in browser.get("/console/queue").text


def test_a_discarded_issue_is_worked_at_its_next_event(inbox: Inbox, browser: FlaskClient) -> None:
    subject = bury(inbox, "1")
    post(browser, "discard", subject=str(subject))
    offer(inbox, "1", digest="news")
    (taken,) = inbox.take(9)
    batch = inbox.begin(taken.subject, taken.token)
    assert batch is not None
    assert (batch.attempts, len(batch.hints)) == (1, 1)


@pytest.mark.parametrize("path", ["put-back", "discard"])
def test_what_is_not_dead_is_neither_put_back_nor_discarded(
    inbox: Inbox, redis: Redis, browser: FlaskClient, path: str
) -> None:
    bury(inbox, "9")
    subject = offer(inbox, "1")
    assert browser.get(f"/console/queue/{path}?subject={subject}").status_code == 404
    assert post(browser, path, subject=str(subject)).status_code == 404
    assert inbox.is_waiting(subject)
    assert changes(redis) == ()


@pytest.mark.parametrize("path", ["put-back", "discard"])
def test_nothing_is_changed_without_the_token(inbox: Inbox, browser: FlaskClient, path: str) -> None:
    subject = bury(inbox, "1")
    assert browser.post(f"/console/queue/{path}", data={"subject": str(subject)}).status_code == 403
    assert len(inbox.dead()) == 1


@pytest.mark.parametrize("path", ["put-back", "discard"])
def test_a_change_names_what_it_is_about(browser: FlaskClient, path: str) -> None:
    assert browser.get(f"/console/queue/{path}").status_code == 400
    assert post(browser, path).status_code == 400


def test_a_stranger_sees_and_changes_nothing(inbox: Inbox, redis_server: EmbeddedRedis) -> None:
    subject = bury(inbox, "1")
    stranger = console_app(redis_server.url, [CONNECTION]).test_client()
    for path in ("", "/put-back", "/discard"):
        assert BROKEN not in stranger.get(f"/console/queue{path}?subject={subject}").text
        stranger.post(f"/console/queue{path}", data={"subject": str(subject)})
    assert len(inbox.dead()) == 1


def test_nothing_a_tracker_says_becomes_part_of_the_page(inbox: Inbox, browser: FlaskClient) -> None:
    for id_ in ("1", HOSTILE):
        bury(inbox, id_, HOSTILE)
    inbox.postpone(begin(inbox, "3"), LATER, HOSTILE, free=True)
    for path in ("", f"/put-back?cause={HOSTILE}", "/discard?subject=acme:issue:1"):
        page = browser.get(f"/console/queue{path}").text
        assert HOSTILE not in page
        assert HOSTILE in unescape(page)
    answer = browser.get("/console/queue")
    post(browser, "discard", subject=f"acme:issue:{HOSTILE}")
    assert HOSTILE not in browser.get("/console/queue").text
    assert answer.status_code == 200


def test_what_is_gathered_is_ready_for_machines(inbox: Inbox, house: House) -> None:
    one_of_each(inbox)
    told = orjson.loads(orjson.dumps(gather(house)))
    assert told["dead"]["items"][0]["subject"] == "acme:issue:1"
    assert told["postponed"]["items"][0]["due"].endswith("+00:00")
