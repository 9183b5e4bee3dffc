"""Pages are made a few at a time, so that readers do not keep webhooks waiting."""

from __future__ import annotations

from threading import Thread

import pytest
from flask import Flask
from redis import Redis

from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from tests.conftest import until
from tests.unit.console_scene import HASH, TOKEN, console_app, log_in
from webhook_app.console.sessions import Sessions
from webhook_app.console.turns import Turns


def test_so_many_have_a_turn_and_who_is_too_many_is_sent_away_at_once() -> None:
    turns = Turns(2, 0, 60)
    assert [turns.take(), turns.take(), turns.take()] == [True, True, False]
    turns.give_back()
    assert turns.take()


def test_a_few_wait_for_theirs() -> None:
    turns, got = Turns(1, 1, 60), []
    assert turns.take()
    second = Thread(target=lambda: got.append(turns.take()), daemon=True)
    second.start()
    until(lambda: turns._room._value == 0)
    turns.give_back()
    second.join(30)
    assert got == [True]


def test_nobody_waits_for_ever() -> None:
    turns = Turns(1, 1, 0.01)
    assert [turns.take(), turns.take(), turns.take()] == [True, False, False]
    turns.give_back()
    assert turns.take()


@pytest.mark.parametrize(
    ("threads", "most", "waiting"), [(1, 1, 0), (2, 1, 0), (3, 1, 1), (4, 1, 2), (8, 2, 4), (64, 2, 4)]
)
def test_threads_stay_free_for_webhooks_but_where_there_is_one(threads: int, most: int, waiting: int) -> None:
    turns = Turns.among(threads, 0.01)
    assert [turns.take() for _ in range(most + 1)] == [True] * most + [False]
    assert turns._room._value == waiting
    assert most + waiting < max(threads, 2)


@pytest.fixture
def full(redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A console where all turns are taken."""
    monkeypatch.setattr(Turns, "among", lambda *_: Turns(0, 0, 0))
    return console_app(redis_server.url)


def test_a_reader_who_is_too_many_is_told_so(full: Flask) -> None:
    browser = log_in(full)
    answer = browser.get("/console/sprints?connection=acme")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Many read the console at this moment" in answer.text
    assert 'href="/console/sprints?connection=acme"' in answer.text
    told = full.test_client().get("/api/v1/now", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (told.status_code, told.get_json()["status"]) == (503, "refused")


def test_strangers_and_webhooks_need_no_turn(full: Flask) -> None:
    stranger = full.test_client()
    assert stranger.get("/console/login").status_code == 200
    assert stranger.get("/console/now").status_code == 303
    assert stranger.get("/healthz").status_code == 200
    assert stranger.post("/webhooks/nobody").status_code == 404


def test_log_out_needs_no_turn(full: Flask, redis: Redis) -> None:
    browser = log_in(full)
    cookie = browser.get_cookie("sprintwarden-session")
    assert cookie is not None
    held = Sessions(redis, Secret(HASH))
    visit = held.find(cookie.value)
    assert visit is not None
    assert browser.post("/console/logout", data={"csrf": visit.csrf}).status_code == 303
    assert held.find(cookie.value) is None


def test_whatever_comes_of_a_page_its_turn_is_given_back(redis_server: EmbeddedRedis) -> None:
    browser = log_in(console_app(redis_server.url))
    for _ in range(7):
        assert browser.get("/console/now").status_code == 200
        assert browser.get("/console/nowhere").status_code == 404
        assert browser.post("/console/logout").status_code == 403
