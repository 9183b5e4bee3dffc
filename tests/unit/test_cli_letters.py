"""``dead-letters``: what was given up is listed with its cause, and put back with fresh attempts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store.decisions import Decisions
from store.inbox import Inbox
from tests.unit import front_door
from tests.unit.command import Command, Done
from tests.unit.command import command as command
from trackers.model import Hint, HintKind, Subject, SubjectKind

server, redis = front_door.server, front_door.redis

ONE, OTHER = "acme:issue:1", "acme:issue:2"
NOW = timedelta(0)


@pytest.fixture
def inbox(redis: Redis) -> Inbox:
    return Inbox(redis, lease=timedelta(seconds=5))


@pytest.fixture
def letters(command: Command, server: EmbeddedRedis) -> Command:
    def run(*arguments: str) -> Done:
        return command("dead-letters", *arguments, REDIS_URL=server.url)

    return run


def bury(inbox: Inbox, id_: str, cause: str) -> None:
    hint = Hint(Subject("acme", SubjectKind.ISSUE, id_), HintKind.ISSUE_CREATED, f"digest{id_}")
    inbox.offer("acme", hint.digest, [hint], settle=NOW, ceiling=NOW)
    (taken,) = inbox.take(1)
    batch = inbox.begin(taken.subject, taken.token)
    assert batch is not None
    inbox.bury(batch, cause)


def test_no_dead_letters_is_said(letters: Command, redis: Redis) -> None:
    assert letters("list").out == "No dead letters.\n"
    assert letters("list", "--json").json() == []


def test_dead_letters_are_listed_with_their_cause(letters: Command, inbox: Inbox) -> None:
    bury(inbox, "1", "The field labels is not on the screen.")
    done = letters("list")
    assert done.code == 0
    assert done.out.startswith(f"{ONE}  since ")
    assert "attempts: 1. The field labels is not on the screen." in done.out


def test_dead_letters_are_listed_as_json_newest_first(letters: Command, inbox: Inbox) -> None:
    bury(inbox, "1", "First.")
    bury(inbox, "2", "Second.")
    told = letters("list", "--json").json()
    assert {one["subject"]: (one["attempts"], one["hints"], one["cause"]) for one in told} == {
        OTHER: (1, 1, "Second."),
        ONE: (1, 1, "First."),
    }
    assert told[0]["since"] >= told[1]["since"]


def test_a_letter_is_put_back_with_fresh_attempts(letters: Command, inbox: Inbox) -> None:
    bury(inbox, "1", "First.")
    bury(inbox, "2", "Second.")
    done = letters("retry", ONE)
    assert (done.code, done.err) == (0, "Put back: 1.\n")
    assert [str(letter.subject) for letter in inbox.dead()] == [OTHER]
    (taken,) = inbox.take(5)
    batch = inbox.begin(taken.subject, taken.token)
    assert batch is not None
    assert (str(batch.subject), batch.attempts, len(batch.hints)) == (ONE, 1, 1)


def test_all_letters_are_put_back_at_once(letters: Command, inbox: Inbox) -> None:
    bury(inbox, "1", "First.")
    bury(inbox, "2", "Second.")
    assert letters("retry", "--all").err == "Put back: 2.\n"
    assert inbox.dead() == []


def test_a_subject_that_is_not_dead_is_told(letters: Command, inbox: Inbox) -> None:
    bury(inbox, "1", "First.")
    done = letters("retry", ONE, OTHER)
    assert done.code == 1
    assert done.err == f"Put back: 1.\nNot among the dead letters: {OTHER}.\n"


def test_a_subject_must_be_named(letters: Command, redis: Redis) -> None:
    done = letters("retry")
    assert done.code == 1
    assert "or --all" in done.err


@pytest.mark.parametrize("text", ["ABC-1", "acme:page:1", ""])
def test_a_text_that_is_no_subject_is_told(letters: Command, redis: Redis, text: str) -> None:
    done = letters("retry", text)
    assert (done.code, "is no subject; it looks like" in done.err) == (1, True)


def test_a_discarded_letter_is_dropped_and_counted(letters: Command, inbox: Inbox, redis: Redis) -> None:
    bury(inbox, "1", "x")
    done = letters("discard", ONE, OTHER)
    assert done.code != 0
    assert "Discarded: 1." in done.err
    assert f"Not among the dead letters: {OTHER}." in done.err
    assert inbox.dead() == []
    assert Decisions(redis).counters() == {"discarded|acme": 1}
