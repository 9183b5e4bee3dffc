"""Whether hints call for anything: echoes, answers, removals, windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rules.load import load_rules
from store.journal import CommentRecord, CommentState, Forecast, Guess, Intent, Journal
from tests.conftest import T0, changed, hint, issue, later, relabelled
from trackers.model import Hint, HintKind, Label, Memory, Scope
from trackers.protocol import Recall
from workers.decide import (
    Because,
    applies,
    glance,
    has_open_comment,
    is_answered,
    is_echo,
    situation,
)
from workers.lessons import Us

WHOLE = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
"""A moment as a database keeps it that knows no fractions of a second."""
OURS = Journal(known=True, applied={"l1": "security"}, write_updated=T0)
NO_TIME = replace(OURS, write_updated=None)
RULES = load_rules(b"version: 1\ndefaults: {tagging: {window: 1h}}", "rules.yaml").effective("acme", "ABC")
US = Us("me", only_ours=True)
OPEN = {"labels": CommentRecord("c1", "x")}


@pytest.mark.parametrize(
    ("why", "told", "journal", "me", "expected"),
    [
        ("our labels at our write's time", relabelled(["l1"], updated=T0, actor="me"), OURS, "me", True),
        ("whoever is named", relabelled(["l1"], updated=T0, actor="you"), OURS, None, True),
        (
            "our name, another time",
            relabelled(["l1"], updated=later(seconds=1), actor="me"),
            OURS,
            "me",
            False,
        ),
        ("our name, no time told", relabelled(["l1"], actor="me"), OURS, "me", False),
        ("no time known, our name", relabelled(["l1"], updated=T0, actor="me"), NO_TIME, "me", True),
        ("no time known, a person", relabelled(["l1"], updated=T0, actor="you"), NO_TIME, "me", False),
        ("no time known, nobody knows us", relabelled(["l1"], actor=None), NO_TIME, None, False),
        ("a label that is not ours", relabelled(["l2"], updated=T0), OURS, "me", False),
        ("ours and another", relabelled(["l1", "l2"], updated=T0), OURS, "me", False),
        ("one taken off as well", relabelled(["l1"], ["l2"], updated=T0), OURS, "me", False),
        ("ours taken off", relabelled([], ["l1"], updated=T0, actor="me"), OURS, "me", False),
        ("no label at all", changed("labels", updated=T0), OURS, "me", False),
        (
            "the title as well",
            replace(relabelled(["l1"], updated=T0), changed=("labels", "title")),
            OURS,
            "me",
            False,
        ),
        ("a creation", hint(added=["l1"], updated=T0, actor="me"), OURS, "me", False),
        ("nothing of ours yet", relabelled(["l1"], updated=T0, actor="me"), Journal(), "me", False),
    ],
)
def test_an_echo_needs_our_content_and_our_time_or_name(
    why: str, told: Hint, journal: Journal, me: str | None, expected: bool
) -> None:
    assert is_echo(told, journal, me) is expected, why


@pytest.mark.parametrize(
    ("why", "updated", "read", "removed", "expected"),
    [
        ("read later", T0, later(seconds=1), [], True),
        ("read earlier", T0, later(seconds=-1), [], False),
        ("read just then", T0, T0, [], True),
        ("read in the same whole second", WHOLE, WHOLE, [], False),
        ("read a whole second later", WHOLE, WHOLE + timedelta(seconds=1), [], True),
        ("never read", T0, None, [], False),
        ("no time told", None, T0, [], False),
        ("a label taken off is news by itself", T0, later(hours=1), ["l1"], False),
    ],
)
def test_an_event_is_answered_by_a_reading_as_new_as_it(
    why: str, updated: datetime | None, read: datetime | None, removed: list[str], expected: bool
) -> None:
    told = relabelled(removed=removed, updated=updated)
    assert is_answered(told, Journal(known=True, read_updated=read)) is expected, why


DELETED = hint(HintKind.ISSUE_DELETED)
READ = Journal(known=True, read_updated=T0)
SPOKEN = Journal(known=True, comments=OPEN)
ANSWERED = Journal(
    known=True, forecasts={"labels": Forecast("m1", "labels", "ABC", (Guess("ui", "l3", 0.2, False),))}
)
SETTLED = replace(ANSWERED, taught={("labels", "ui"): "seen"})


@pytest.mark.parametrize(
    ("why", "hints", "journal", "expected"),
    [
        ("deleted at last", [changed("title"), DELETED], Journal(), Because.DELETED),
        ("deleted and back again", [DELETED, changed("title")], Journal(), None),
        ("deleted and back again with labels", [DELETED, relabelled(["l9"])], Journal(), None),
        ("all echoes", [relabelled(["l1"], updated=T0)] * 2, OURS, Because.ECHO),
        ("an echo and a person", [relabelled(["l1"], updated=T0), changed("title")], OURS, None),
        ("all answered", [changed("title", updated=T0)], READ, Because.ANSWERED),
        ("one answered", [changed("title", updated=T0), changed("title", updated=later(days=1))], READ, None),
        ("labels alone", [relabelled(["l9"])], Journal(known=True), Because.ONLY_LABELS_CHANGED),
        ("labels alone, never seen", [relabelled(["l9"])], Journal(), Because.ONLY_LABELS_CHANGED),
        ("labels, an open comment", [relabelled(["l9"])], Journal(known=True, comments=OPEN), None),
        ("a status, nothing to learn", [changed("status")], Journal(), Because.NOTHING_TO_LEARN),
        ("a status, an open comment", [changed("status")], SPOKEN, Because.NOTHING_TO_LEARN),
        ("a status and labels, an open comment", [changed("status"), relabelled(["l9"])], SPOKEN, None),
        ("a status and a title", [changed("status", "title")], Journal(), None),
        ("a status, an answer open", [changed("status")], ANSWERED, None),
        ("a status, all settled", [changed("status")], SETTLED, Because.NOTHING_TO_LEARN),
        ("created", [hint()], Journal(), None),
        ("nothing anybody could read", [], Journal(), None),
    ],
)
def test_some_hints_need_no_reading(
    why: str, hints: Sequence[Hint], journal: Journal, expected: Because | None
) -> None:
    seen = glance(hints, journal, US, recalls_labels=False)
    assert seen.because is expected, why
    assert (seen.recall is None) is (expected is not None), why


@pytest.mark.parametrize("journal", [Journal(), OURS, READ])
def test_a_removal_is_remembered_whether_or_not_a_reading_is_needed(journal: Journal) -> None:
    told = [relabelled(removed=["l1"], updated=later(hours=-1)), relabelled(["l2"], updated=T0)]
    assert glance(told, journal, US, recalls_labels=False).vetoed == {"l1": "event"}


@pytest.mark.parametrize(
    ("why", "journal", "recalls_labels", "expected"),
    [
        ("never seen, Jira", Journal(), False, Recall(False, ("labels",))),
        ("never seen, Linear", Journal(), True, Recall(True, ("labels",))),
        ("known", Journal(known=True, comments=OPEN), True, Recall()),
        ("known, no comment on record", Journal(known=True), True, Recall(False, ("labels",))),
        ("known, intent open, Jira", Journal(known=True, intent=Intent()), False, Recall(False, ("labels",))),
        ("known, intent open, Linear", Journal(known=True, intent=Intent()), True, Recall(True, ("labels",))),
        ("comment on record", Journal(known=True, intent=Intent(), comments=OPEN), True, Recall(True, ())),
    ],
)
def test_the_tracker_is_asked_to_recall_what_our_record_cannot_tell(
    why: str, journal: Journal, recalls_labels: bool, expected: Recall
) -> None:
    assert glance([hint()], journal, US, recalls_labels=recalls_labels).recall == expected, why


def labels(*ids: str) -> tuple[Label, ...]:
    return tuple(Label(id_, id_) for id_ in ids)


@pytest.mark.parametrize(
    ("why", "there", "journal", "memory", "seen", "expected"),
    [
        ("ours is gone", [], {"l1": "x"}, Memory(), {}, {"l1": "state"}),
        ("ours is there", ["l1"], {"l1": "x"}, Memory(), {}, {}),
        ("ours by the tracker's memory is gone", [], {}, Memory(frozenset({"l1"})), {}, {"l1": "state"}),
        ("taken off in history", [], {}, Memory(vetoed=frozenset({"l1"})), {}, {"l1": "history"}),
        ("taken off and put back by hand", ["l1"], {}, Memory(vetoed=frozenset({"l1"})), {}, {}),
        ("taken off as an event told", ["l1"], {}, Memory(), {"l1": "event"}, {"l1": "event"}),
        ("never ours and not there", [], {}, Memory(), {}, {}),
    ],
)
def test_what_people_took_off_is_known_from_state(
    why: str,
    there: list[str],
    journal: dict[str, str],
    memory: Memory,
    seen: dict[str, str],
    expected: dict[str, str],
) -> None:
    now = replace(issue(), labels=labels(*there))
    at = situation(now, Journal(known=True, applied=journal), memory, seen, {})
    assert dict(at.vetoed) == expected, why


def test_a_veto_on_record_stays_even_when_the_label_is_back() -> None:
    now = replace(issue(), labels=labels("l1"))
    at = situation(now, Journal(known=True, vetoed={"l1": "event"}), Memory(), {}, {})
    assert at.vetoed == {"l1": "event"}


@pytest.mark.parametrize(
    ("read", "written", "vetoed"),
    [
        (T0, later(seconds=1), False),
        (later(seconds=1), T0, True),
        (T0, T0, True),
        (None, T0, True),
        (T0, None, True),
    ],
)
def test_a_reading_older_than_our_write_vetoes_nothing(
    read: datetime | None, written: datetime | None, vetoed: bool
) -> None:
    journal = Journal(known=True, applied={"l1": "x"}, write_updated=written)
    at = situation(issue(updated=read), journal, Memory(), {}, {})
    assert ("l1" in at.vetoed) is vetoed
    assert at.applied == {"l1"}


NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NEW, OLD = NOW - timedelta(minutes=59), NOW - timedelta(minutes=61)


@pytest.mark.parametrize(
    ("why", "hints", "created", "open_comment", "expected"),
    [
        ("a creation, however late", [hint()], OLD, False, None),
        ("a title in the first hour", [changed("title")], NEW, False, None),
        ("a description in the first hour", [changed("status", "description")], NEW, False, None),
        ("moved here in the first hour", [changed("project")], NEW, False, None),
        ("a title later", [changed("title")], OLD, False, Because.OLDER_THAN_WINDOW),
        ("creation and later title", [hint(), changed("title")], OLD, False, None),
        ("age unknown", [changed("title")], None, False, None),
        ("a status", [changed("status")], NEW, False, Because.ONLY_STATUS_CHANGED),
        ("a status, a comment open", [changed("status")], NEW, True, Because.ONLY_STATUS_CHANGED),
        ("a status and labels", [changed("status", "labels")], NEW, False, Because.ONLY_LABELS_CHANGED),
        ("labels, waiting to be settled", [relabelled(["l1"])], OLD, True, None),
        ("labels, nothing waiting", [relabelled(["l1"])], NEW, False, Because.ONLY_LABELS_CHANGED),
        ("unreadable hints, new issue", [], NEW, False, None),
        ("unreadable hints, old issue", [], OLD, False, Because.OLDER_THAN_WINDOW),
    ],
)
def test_tagging_acts_on_what_is_new(
    why: str, hints: list[Hint], created: datetime | None, open_comment: bool, expected: Because | None
) -> None:
    now = replace(issue(), created=created)
    found = applies(hints, now, RULES, Scope(), now=NOW, open_comment=open_comment)
    assert found is expected, why


@pytest.mark.parametrize(
    ("named", "expected"),
    [(None, None), (frozenset({"ABC"}), None), (frozenset({"XYZ"}), Because.PROJECT_NOT_NAMED)],
)
def test_only_named_projects_are_acted_on(named: frozenset[str] | None, expected: Because | None) -> None:
    found = applies([hint()], issue(), RULES, Scope(projects=named), now=NOW, open_comment=False)
    assert found is expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [(CommentState.POSTED, True), (CommentState.SETTLED, False), (CommentState.DELETED, False)],
)
def test_only_a_standing_comment_waits_to_be_settled(state: CommentState, expected: bool) -> None:
    assert has_open_comment({"labels": CommentRecord("c1", "x", state)}) is expected
    assert not has_open_comment({"other": CommentRecord("c1", "x")})


def test_a_deletion_is_never_taken_for_answered() -> None:
    journal = Journal(known=True, read_updated=later(minutes=5))
    gone = hint(HintKind.ISSUE_DELETED, updated=T0)
    edit = hint(HintKind.ISSUE_CHANGED, updated=T0, changed=["title"])
    assert not is_answered(gone, journal)
    assert glance([gone, edit], journal, None, recalls_labels=False).because is not Because.ANSWERED
