"""The memory of what we did to an issue: what goes in comes out, and everything has an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis

from store import keys
from store.journal import CommentRecord, CommentState, Intent, Journal, Journals
from tests.conftest import ISSUE, T0, later
from trackers.model import Subject, SubjectKind


@pytest.fixture
def journals(redis: Redis) -> Journals:
    return Journals(redis)


def test_an_issue_never_seen_is_not_known(journals: Journals) -> None:
    assert journals.read(ISSUE) == Journal(known=False)


def test_what_was_written_is_remembered(journals: Journals) -> None:
    comment = CommentRecord("c1", "d1", CommentState.SETTLED)
    journals.note_written(ISSUE, labels={"l:1": "größe: x"}, comments={"labels": comment}, updated=T0)
    assert journals.read(ISSUE) == Journal(
        applied={"l:1": "größe: x"}, comments={"labels": comment}, write_updated=T0
    )


def test_what_was_read_is_remembered(journals: Journals) -> None:
    journals.note_read(
        ISSUE, vetoed={"l2": "state"}, applied=["l1"], comments={"labels": CommentRecord("c1", "d1")}
    )
    assert journals.read(ISSUE) == Journal(
        known=True,
        applied={"l1": "l1"},
        vetoed={"l2": "state"},
        comments={"labels": CommentRecord("c1", "d1", CommentState.POSTED)},
    )


def test_a_reading_counts_as_an_answer_only_when_that_is_said(journals: Journals) -> None:
    journals.note_read(ISSUE, vetoed={"l2": "state"}, applied=[], comments={})
    assert journals.read(ISSUE).read_updated is None
    journals.note_answered(ISSUE, T0)
    assert journals.read(ISSUE).read_updated == T0


@pytest.mark.parametrize("intent", [Intent(("l1", "l2"), "labels"), Intent((), "labels"), Intent(("l1",))])
def test_an_intent_is_kept_until_its_outcome_is_known(journals: Journals, intent: Intent) -> None:
    journals.intend(ISSUE, intent)
    assert journals.read(ISSUE).intent == intent
    journals.note_vetoes(ISSUE, {"l3": "event"})
    journals.note_answered(ISSUE, T0)
    assert journals.read(ISSUE).intent == intent
    journals.note_written(ISSUE)
    assert journals.read(ISSUE).intent is None


def test_a_reading_settles_an_intent(journals: Journals) -> None:
    journals.intend(ISSUE, Intent(("l1",)))
    journals.note_read(ISSUE, vetoed={}, applied=[], comments={})
    assert journals.read(ISSUE).intent is None


def test_later_notes_add_to_earlier_ones(journals: Journals) -> None:
    journals.note_written(ISSUE, labels={"l1": "one"}, updated=T0)
    journals.note_written(ISSUE, labels={"l2": "two"}, updated=later(seconds=1))
    journals.note_vetoes(ISSUE, {"l1": "event"})
    found = journals.read(ISSUE)
    assert found.applied == {"l1": "one", "l2": "two"}
    assert found.vetoed == {"l1": "event"}
    assert found.write_updated == later(seconds=1)


def test_a_write_that_tells_no_time_leaves_the_time_of_the_one_before(journals: Journals) -> None:
    journals.note_written(ISSUE, updated=T0)
    journals.note_written(ISSUE, comments={"labels": CommentRecord("c1", "x")})
    assert journals.read(ISSUE).write_updated == T0


def test_no_veto_writes_nothing(journals: Journals, redis: Redis) -> None:
    journals.note_vetoes(ISSUE, {})
    assert redis.dbsize() == 0


def test_issues_are_kept_apart(journals: Journals) -> None:
    other = Subject(ISSUE.connection, SubjectKind.ISSUE, f"{ISSUE.id}0")
    journals.note_written(ISSUE, labels={"l1": "one"})
    assert journals.read(other) == Journal()
    journals.purge(other)
    assert journals.read(ISSUE).applied == {"l1": "one"}


def test_every_note_starts_the_lifetime_anew(journals: Journals, redis: Redis) -> None:
    notes: list[Callable[[], None]] = [
        lambda: journals.intend(ISSUE, Intent(("l1",))),
        lambda: journals.note_read(
            ISSUE, vetoed={}, applied=[], comments={"labels": CommentRecord("c1", "d1")}
        ),
        lambda: journals.note_answered(ISSUE, T0),
        lambda: journals.note_vetoes(ISSUE, {"l1": "event"}),
        lambda: journals.note_written(ISSUE, labels={"l1": "one"}),
    ]
    for note in notes:
        note()
        left = timedelta(seconds=redis.ttl(keys.journal(ISSUE)))
        assert left > keys.JOURNAL_LIFE - timedelta(minutes=5)
        redis.expire(keys.journal(ISSUE), 60)


def test_purging_leaves_nothing(journals: Journals, redis: Redis) -> None:
    journals.note_written(ISSUE, labels={"l1": "one"})
    journals.purge(ISSUE)
    # When the connection was last written to says nothing of an issue.
    assert redis.keys() == [keys.LAST_WRITE]


def test_many_are_read_in_the_order_asked_for(journals: Journals) -> None:
    other = Subject("acme", SubjectKind.ISSUE, "other")
    journals.note_written(other, labels={"l1": "slow"})
    assert journals.read_many([ISSUE, other]) == [Journal(), journals.read(other)]
    assert journals.read_many([]) == []


def test_what_is_noted_together_is_kept_when_all_is_said(journals: Journals) -> None:
    with journals.together() as noted:
        noted.intend(ISSUE, Intent(("l1",)))
        noted.note_vetoes(ISSUE, {"l2": "event"})
        assert not journals.read(ISSUE).known
    assert journals.read(ISSUE).intent == Intent(("l1",)) and journals.read(ISSUE).vetoed == {"l2": "event"}


def test_what_is_noted_together_is_dropped_when_it_breaks_off(journals: Journals) -> None:
    def break_off() -> None:
        with journals.together() as noted:
            noted.intend(ISSUE, Intent(("l1",)))
            raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        break_off()
    assert not journals.read(ISSUE).known


def test_only_who_asked_the_tracker_knows_all_there_is(journals: Journals) -> None:
    journals.note_vetoes(ISSUE, {"l1": "event"})
    journals.note_written(ISSUE, labels={"l2": "two"}, updated=T0)
    journals.note_answered(ISSUE, T0)
    journals.note_read(ISSUE, vetoed={}, applied=[], comments=None)
    assert not journals.read(ISSUE).known
    journals.note_read(ISSUE, vetoed={}, applied=[], comments={})
    assert journals.read(ISSUE).known
