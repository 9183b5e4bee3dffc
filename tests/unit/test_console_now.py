"""The page Now: all is well, or what is not and what to do about it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.budget import Budget
from store.cache import Cache
from store.catch_ups import CatchUps, Hooked, HookState
from store.connect import connect
from store.door import Door
from store.inbox import Inbox
from store.journal import CommentRecord, CommentState, Journals
from store.models import ModelShelf, Refusal, Verdict
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprint_views import SprintViews, subject_of
from store.sprints import Sprints
from store.watch import Rate, Report, Watch
from store.writes import Writes
from tests.conftest import CONNECTION, ISSUE, hint
from tests.unit.console_scene import PASSWORD, console_app, log_in
from tests.unit.view_scene import view
from trackers.limits import CREDENTIALS_REFUSED, host_of
from trackers.model import Subject, SubjectKind
from webhook_app.console.changes import note_change
from webhook_app.console.wording import LEVELS

HOSTILE = "<script>alert('1')</script>"
POLLED = replace(CONNECTION, name="polled", webhook=None, catch_up=timedelta(minutes=5))


@pytest.fixture
def browser(redis: Redis, redis_server: EmbeddedRedis) -> FlaskClient:
    """Somebody logged in at a console of two connections."""
    return log_in(console_app(redis_server.url, [CONNECTION, POLLED]))


def now(browser: FlaskClient) -> dict[str, Any]:
    answer = browser.get("/api/v1/now")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.get_json()
    return told


def page(browser: FlaskClient) -> str:
    answer = browser.get("/console/now")
    assert answer.status_code == 200
    return answer.text


def own(browser: FlaskClient, name: str = "acme") -> dict[str, Any]:
    """What is told of one connection."""
    found: dict[str, Any] = next(one for one in now(browser)["connections"] if one["name"] == name)
    return found


def needs(browser: FlaskClient) -> dict[str, dict[str, Any]]:
    return {need["title"]: need for need in now(browser)["needs"]}


def budget(redis: Redis) -> Budget:
    return Budget(redis, host_of(CONNECTION.url), CONNECTION.account)


def well(redis: Redis) -> None:
    """What a service in health leaves in Redis."""
    for beat in ("clock", "web"):
        redis.set(keys.beat(beat), "now")
    RulebookShelf(redis).publish("abc", b"version: 1")
    redis.sadd("rq:workers:live", "rq:worker:one")
    redis.hset("rq:worker:one", "state", "busy")
    redis.expire("rq:worker:one", 90)
    for one in (CONNECTION, POLLED):
        Cache(redis, one.name, one.account).put("identity", "{}", timedelta(minutes=1))
        CatchUps(redis).begin(one.name)


def test_a_service_in_health_needs_nobody(browser: FlaskClient, redis: Redis) -> None:
    well(redis)
    told = now(browser)
    assert (told["headline"], told["level"], told["needs"]) == ("All is well.", "ok", [])
    assert "<h1>All is well.</h1>" in page(browser)
    assert (told["service"]["clock"], told["service"]["live"], told["service"]["live_busy"]) == (True, 1, 1)


def test_the_headline_counts_what_needs_somebody(browser: FlaskClient, redis: Redis) -> None:
    told = now(browser)
    assert told["headline"] == f"{len(told['needs'])} things need you."
    assert told["headline"] in page(browser)
    assert told["level"] == "red"
    levels = [need["level"] for need in told["needs"]]
    assert levels == sorted(levels, key=["red", "amber"].index)


def test_everything_that_needs_somebody_says_what_to_do(browser: FlaskClient, redis: Redis) -> None:
    found = needs(browser)
    assert "start `sprintwarden clock`" in found["Clock"]["sentences"][0]
    assert "start `sprintwarden work live`" in found["Live workers"]["sentences"][0]
    assert "sprintwarden doctor acme" in found["Identity of acme"]["sentences"][0]
    assert (found["Rules"]["level"], found["Rules"]["href"]) == ("red", "/console/rules")


def test_what_the_newest_file_is_refused_for_stands_there_line_by_line(
    browser: FlaskClient, redis: Redis
) -> None:
    well(redis)
    RulebookShelf(redis).refuse("host:/rules.yaml", "v2", [f"rules.yaml:3:5: {HOSTILE} is no key", "two"])
    told = now(browser)["rules"]
    assert (told["version"], told["file"]) == ("abc", "host:/rules.yaml")
    assert told["problems"] == [f"rules.yaml:3:5: {HOSTILE} is no key", "two"]
    text = page(browser)
    assert "rules.yaml:3:5: &lt;script&gt;" in text
    assert HOSTILE not in text


def test_sprints_that_run_stand_there_the_next_to_end_first(browser: FlaskClient, redis: Redis) -> None:
    assert "Ends" not in page(browser)
    end = datetime.now(UTC) + timedelta(days=1)
    for number in range(14):
        shown = view(str(number), name=f"{HOSTILE} {number}", end=end + timedelta(days=number))
        SprintViews(redis).keep(shown)
        Sprints(redis).keep(subject_of(shown), "12", "{}")
    over = view("99", ended=end, delivered=3.0)
    SprintViews(redis).keep(over)
    Sprints(redis).close(subject_of(over), "{}")
    told = now(browser)
    assert [one["id"] for one in told["sprints"]] == [str(number) for number in range(12)]
    assert told["sprints_more"] == 2
    text = page(browser)
    assert HOSTILE not in text
    assert 'href="/console/sprints/acme/11"' in text
    assert ">2 more</a>" in text


def test_the_last_event_and_the_last_write_are_told(browser: FlaskClient, redis: Redis) -> None:
    assert (own(browser)["last_event"], own(browser)["last_write"]) == (None, None)
    Door(redis).note("acme", {"outcome": "ignored"}, heard="acme")
    Journals(redis).note_written(ISSUE, labels={"l1": "security"})
    for what in ("last_event", "last_write"):
        ago = datetime.now(UTC) - datetime.fromisoformat(own(browser)[what])
        assert timedelta(seconds=-2) < ago < timedelta(minutes=1)
    assert own(browser, "polled")["last_write"] is None
    # It had a webhook once.
    Door(redis).note("polled", {"outcome": "ignored"}, heard="polled")
    assert own(browser, "polled")["last_event"] is None


def test_what_was_not_done_is_no_write(redis: Redis) -> None:
    journals = Journals(redis)
    journals.note_written(ISSUE)
    journals.note_written(ISSUE, comments={"labels": CommentRecord("7", "", CommentState.DELETED)})
    assert journals.last_write("acme") is None
    journals.note_written(ISSUE, comments={"labels": CommentRecord("7", "d")})
    assert journals.last_write("acme") is not None


def test_what_waits_is_told_of_its_own_connection(browser: FlaskClient, redis: Redis) -> None:
    inbox = Inbox(redis, lease=timedelta(minutes=1))
    for number in "12":
        subject = Subject("acme", SubjectKind.ISSUE, number)
        inbox.offer("acme", number, [hint(subject=subject)], settle=timedelta(), ceiling=timedelta())
    ago = redis.time()[0] * 1000 - 90_000
    redis.zadd(keys.PENDING, {"acme:issue:1": ago})
    told = own(browser)
    assert (told["waiting"], told["oldest"]) == (2, "1 minute")
    # Handed out and not begun, it has waited as long.
    assert inbox.take(2)
    told = own(browser)
    assert (told["waiting"], told["oldest"]) == (2, "1 minute")
    assert own(browser, "polled")["waiting"] == 0


def test_all_is_not_well_while_work_is_late(browser: FlaskClient, redis: Redis) -> None:
    well(redis)
    Inbox(redis, lease=timedelta(minutes=1)).offer(
        "acme", "1", [hint()], settle=timedelta(), ceiling=timedelta()
    )
    now_ms = redis.time()[0] * 1000
    redis.zadd(keys.PENDING, {str(ISSUE): now_ms - 240_000})
    assert now(browser)["headline"] == "All is well."
    redis.zadd(keys.PENDING, {str(ISSUE): now_ms - 400_000})
    told = now(browser)
    assert (told["headline"], told["level"]) == ("One thing needs you.", "amber")
    found = needs(browser)["Work is late"]
    assert "one issue, sprint or board is due, the oldest for 6 minutes" in found["sentences"][0]
    assert found["href"] == "/console/queue"


def test_dead_letters_lead_to_the_queue(browser: FlaskClient, redis: Redis) -> None:
    redis.zadd(keys.DEAD, {str(ISSUE): redis.time()[0] * 1000})
    found = needs(browser)["Dead letters"]
    assert (found["level"], found["href"]) == (LEVELS["dead"], "/console/queue") == ("red", "/console/queue")
    assert "One issue, sprint or board was given up" in found["sentences"][0]


def test_pauses_and_what_is_left_of_the_limit_are_told(browser: FlaskClient, redis: Redis) -> None:
    budget(redis).pause("all", timedelta(seconds=90), f"rate limit {HOSTILE}")
    budget(redis).pause("bulk", timedelta(seconds=90), "kept for live events")
    budget(redis).note_left(0.25)
    told = own(browser)
    assert [(pause["level"], pause["bulk"], pause["why"]) for pause in told["pauses"]] == [
        ("quiet", False, f"rate limit {HOSTILE}"),
        ("quiet", True, "kept for live events"),
    ]
    assert (told["writing"]["level"], told["writing"]["word"]) == ("quiet", "Waits")
    assert told["budget"]["share"] == 0.25
    text = page(browser)
    assert re.search(r"25\s%\sleft", text)
    assert HOSTILE not in text


def test_credentials_that_are_refused_need_somebody_at_once(browser: FlaskClient, redis: Redis) -> None:
    budget(redis).pause("all", timedelta(minutes=5), CREDENTIALS_REFUSED)
    found = needs(browser)["Credentials of acme"]
    assert (found["level"], own(browser)["level"]) == ("red", "red")
    assert (own(browser)["writing"]["level"], own(browser)["writing"]["word"]) == ("red", "Waits")
    assert "Renew the token" in found["sentences"][0]
    assert page(browser).count("Renew the token") == 2, "once for each connection of the account"


def test_writing_that_is_held_is_red_and_says_how_to_go_on(browser: FlaskClient, redis: Redis) -> None:
    for number in "12":
        Writes(redis).ask("acme", number, 1, timedelta(minutes=10))
    assert own(browser)["writing"]["level"] == "red"
    assert own(browser)["level"] == "red"
    found = needs(browser)["Writing to acme"]
    assert "sprintwarden resume acme" in found["sentences"][0]
    assert page(browser).count("sprintwarden resume acme") == 1


def test_catching_up_is_told_as_it_goes(browser: FlaskClient, redis: Redis) -> None:
    assert own(browser)["catch_up"]["word"] == "Switched off"
    assert (own(browser, "polled")["catch_up"]["level"], own(browser, "polled")["catch_up"]["word"]) == (
        "quiet",
        "Not begun",
    )
    CatchUps(redis).begin("polled")
    assert own(browser, "polled")["catch_up"]["word"] == "Up to date"
    long_ago = (redis.time()[0] - 3_600) * 1000
    redis.hset(keys.catch_up("polled"), "first", long_ago)
    assert own(browser, "polled")["catch_up"] == {
        "level": "amber",
        "word": "Late",
        "detail": "",
        "seen": None,
    }
    assert "sprintwarden catch-up polled" in needs(browser)["Catch-up of polled"]["sentences"][0]


def test_of_many_errors_the_first_are_told_here(browser: FlaskClient, redis: Redis) -> None:
    RulebookShelf(redis).refuse(
        "host:/rules.yaml", "v2", [f"rules.yaml:{line}:1: no" for line in range(1, 21)]
    )
    said = needs(browser)["Newest rules file"]["sentences"]
    assert said[1] == "rules.yaml:1:1: no"
    assert said[-1] == "And 13 more."
    assert len(now(browser)["rules"]["problems"]) == 20


def test_the_webhook_is_told_as_it_was_found(browser: FlaskClient, redis: Redis) -> None:
    assert own(browser)["webhook"]["word"] == "Not looked at yet"
    assert own(browser, "polled")["webhook"]["detail"] == "The tracker is asked what changed every 5 minutes."
    catch_ups = CatchUps(redis)
    catch_ups.begin("acme")
    looked = datetime.now(UTC) - timedelta(minutes=50)
    catch_ups.note_hook("acme", Hooked(HookState.OFF, looked, said=f"{HOSTILE}."))
    seen = looked.isoformat(timespec="seconds")
    assert own(browser)["webhook"] == {"level": "amber", "word": "Off", "detail": "", "seen": seen}
    assert f'seen <time datetime="{seen}"' in page(browser)
    assert "Switch it on in the tracker" in needs(browser)["Webhook of acme"]["sentences"][0]
    assert HOSTILE not in page(browser)


def test_models_are_told_with_what_they_got_right(browser: FlaskClient, redis: Redis) -> None:
    shelf, place = ModelShelf(redis), ("acme", "labels")
    facts = {"created": "2026-03-02T09:00:00+00:00", "issues": 900, "tags": 12}
    for letter in "ab":
        shelf.stage(place, letter * 64, b"file", facts, Verdict(letter == "a", (f"{HOSTILE} is worse.",)))
        if letter == "a":
            shelf.promote(place, letter * 64, ("By command.",))
    Watch(redis).keep(place, Report("a" * 64, datetime.now(UTC), labels={"security": Rate(9, 10, 0.6, 0.98)}))
    Outcomes(redis).mute("acme", "labels", HOSTILE, "1 of 20 were right")
    (told,) = own(browser)["targets"]
    assert (told["target"], told["muted"]) == ("labels", 1)
    assert (told["serving"]["id"], told["serving"]["right"], told["serving"]["judged"]) == ("a" * 12, 9, 10)
    assert told["staged"]["refused"] == [f"{HOSTILE} is worse."]
    text = page(browser)
    assert "9 of 10 right" in text
    assert 'href="/console/labels?connection=acme"' in text
    assert HOSTILE not in text
    shelf.note_refusal(place, Refusal("a" * 64, "It is broken.", datetime.now(UTC), None))
    assert needs(browser)["Model of acme for labels"]["level"] == "amber"
    assert own(browser)["level"] == "amber"
    assert own(browser, "polled")["targets"] == []


def test_the_last_changes_are_told(browser: FlaskClient, redis: Redis) -> None:
    for number in range(7):
        note_change(redis, HOSTILE, "put back", f"acme:issue:{number}")
    told = now(browser)["changes"]
    assert [change["about"] for change in told] == [f"acme:issue:{number}" for number in (6, 5, 4, 3, 2)]
    assert HOSTILE not in page(browser)


def test_a_console_without_connections_teaches(redis: Redis, redis_server: EmbeddedRedis) -> None:
    assert "sprintwarden connect" in page(log_in(console_app(redis_server.url)))


def test_a_redis_that_is_full_is_told_of(own_redis_server: EmbeddedRedis) -> None:
    browser = log_in(console_app(own_redis_server.url, [CONNECTION]))
    assert page(browser)
    connect(own_redis_server.url).config_set("maxmemory", 1)
    assert "Redis answers, but every delivery is sent away" in page(browser)
    answer = browser.post("/console/login", data={"password": PASSWORD})
    assert answer.status_code == 503
    assert "Redis answers, but refuses: " in answer.text


def test_strangers_learn_nothing(redis: Redis, redis_server: EmbeddedRedis) -> None:
    stranger = console_app(redis_server.url, [CONNECTION]).test_client()
    assert stranger.get("/console/now").status_code == 303
    assert stranger.get("/api/v1/now").status_code == 401


def test_no_level_is_told_by_colour_alone(browser: FlaskClient) -> None:
    text = page(browser)
    assert text.count('class="pill pill--') == text.count("</svg><span>") > 0
