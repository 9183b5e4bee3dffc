"""From judgement to operations: the one comment about labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from classifiers.tagging import Judgement, Proposal
from rules.matching import ProjectRules
from rules.schema import Mode
from store.journal import CommentRecord, CommentState, Journal
from tests.conftest import ToyPalette, issue
from trackers.jira.markup import render
from trackers.model import Issue, Label, Memory
from trackers.protocol import AddLabels, PutComment
from workers.decide import Situation, situation
from workers.plan import digest, plan

APPLY = ProjectRules(Mode.APPLY, timedelta(hours=1), True, False, False, 5, ())
SUGGEST = replace(APPLY, mode=Mode.SUGGEST, comment=False)


def comment(
    rules: ProjectRules,
    *labels: str,
    there: tuple[str, ...] = (),
    ours: tuple[str, ...] = (),
    held: CommentRecord | None = None,
    found: CommentRecord | None = None,
    now: Issue | None = None,
) -> PutComment | None:
    """The comment planned for an issue on which these labels fit."""
    read = replace(now or issue(), labels=tuple(Label(name, name) for name in there))
    there_is = held or found
    journal = Journal(known=True, comments={"labels": held} if held else {})
    at = Situation(read, journal, {}, frozenset(ours), {"labels": there_is} if there_is else {})
    proposals = tuple(Proposal(name, f"rule {name}", (f"the title has {name}",)) for name in labels)
    made = plan(Judgement(proposals, (), ()), at, rules, ToyPalette(), render)
    return next((item for item in made.operations if isinstance(item, PutComment)), None)


def body(rules: ProjectRules, *labels: str, ours: tuple[str, ...] = ()) -> str:
    put = comment(rules, *labels, ours=ours)
    assert put is not None
    return put.body


def held(text: str, state: CommentState = CommentState.POSTED) -> CommentRecord:
    return CommentRecord("c1", digest(text), state)


def test_a_comment_says_each_label_with_its_reasons() -> None:
    text = body(APPLY, "security", "slow")
    assert text.index("*security*: the title has security.") < text.index("*slow*: the title has slow.")


@pytest.mark.parametrize(("rules", "speaks"), [(APPLY, True), (replace(APPLY, comment=False), False)])
def test_plain_tags_are_told_only_where_the_admin_wants_it(rules: ProjectRules, speaks: bool) -> None:
    assert (comment(rules, "slow") is not None) is speaks


def test_a_suggestion_is_always_told() -> None:
    assert comment(SUGGEST, "slow") is not None


@pytest.mark.parametrize("rules", [APPLY, SUGGEST])
@pytest.mark.parametrize("allowed", [True, False])
def test_an_issue_mirrored_outside_gets_no_comment_unless_allowed(rules: ProjectRules, allowed: bool) -> None:
    outside = replace(issue(), synced_outside=True)
    put = comment(replace(rules, comment_outside=allowed), "slow", now=outside)
    assert (put is not None) is allowed


def test_labels_go_on_even_where_no_comment_may() -> None:
    outside = replace(issue(), synced_outside=True)
    at = Situation(outside, Journal(), {}, frozenset(), {})
    judged = Judgement((Proposal("slow", "rule slow", ("x",)),), (), ())
    (only,) = plan(judged, at, APPLY, ToyPalette(), render).operations
    assert isinstance(only, AddLabels)


def test_the_same_text_is_not_written_again() -> None:
    assert comment(SUGGEST, "slow", held=held(body(SUGGEST, "slow"))) is None


def test_another_text_edits_the_comment_that_is_there() -> None:
    put = comment(SUGGEST, "slow", "security", held=held(body(SUGGEST, "slow")))
    assert put is not None
    assert (put.id, put.settles) == ("c1", False)


def test_a_suggestion_becomes_an_account_of_what_was_done_when_the_mode_changes() -> None:
    quiet = replace(APPLY, comment=False)
    put = comment(quiet, "slow", held=held(body(SUGGEST, "slow")))
    assert put is not None
    assert (put.id, put.body) == ("c1", body(APPLY, "slow"))


def test_a_comment_found_on_the_tracker_is_edited_not_repeated() -> None:
    put = comment(APPLY, "slow", found=CommentRecord("c7", digest("another text")))
    assert put is not None
    assert put.id == "c7"


def test_a_comment_found_on_the_tracker_that_says_the_same_is_left_alone() -> None:
    given_back = body(APPLY, "slow").replace("*", "").replace("\n\n", "\r\n")
    assert comment(APPLY, "slow", found=CommentRecord("c7", digest(given_back))) is None


def test_our_own_record_of_a_comment_goes_before_what_was_found() -> None:
    found = {"labels": CommentRecord("c7", "d7")}
    journal = Journal(comments={"labels": CommentRecord("c1", "d1")})
    assert situation(issue(), journal, Memory(), {}, found).comments == journal.comments


@pytest.mark.parametrize("rules", [APPLY, SUGGEST])
@pytest.mark.parametrize("labels", [("slow",), ()])
def test_a_comment_a_person_deleted_is_neither_edited_nor_repeated(
    rules: ProjectRules, labels: tuple[str, ...]
) -> None:
    assert comment(rules, *labels, held=held("", CommentState.DELETED)) is None


@pytest.mark.parametrize("labels", [(), ("slow",)])
def test_a_suggestion_is_settled_when_nothing_is_left_of_it(labels: tuple[str, ...]) -> None:
    put = comment(SUGGEST, *labels, there=labels, held=held(body(SUGGEST, "slow")))
    assert put is not None
    assert (put.id, put.settles) == ("c1", True)
    assert comment(SUGGEST, *labels, there=labels, held=held(put.body, CommentState.SETTLED)) is None


def test_a_settled_suggestion_opens_again_when_something_new_fits() -> None:
    put = comment(SUGGEST, "slow", held=held("settled", CommentState.SETTLED))
    assert put is not None
    assert (put.id, put.settles) == ("c1", False)


def test_nothing_is_settled_where_nothing_was_ever_said() -> None:
    assert comment(SUGGEST) is None


def test_a_comment_that_tells_what_was_done_stays_when_the_label_no_longer_fits() -> None:
    said = held(body(APPLY, "slow"))
    assert comment(APPLY, there=("slow",), ours=("slow",), held=said) is None


def test_a_comment_that_tells_what_was_done_is_settled_when_a_person_took_the_label_off() -> None:
    put = comment(APPLY, ours=("slow",), held=held(body(APPLY, "slow")))
    assert put is not None
    assert (put.id, put.settles) == ("c1", True)
    assert "taken off" in put.body and "not be put on this issue again" in put.body
    assert comment(APPLY, ours=("slow",), held=held(put.body, CommentState.SETTLED)) is None


def test_a_comment_goes_on_telling_of_the_label_that_is_left() -> None:
    said = held(body(APPLY, "security", "slow"))
    put = comment(APPLY, "slow", there=("slow",), ours=("slow", "security"), held=said)
    assert put is not None
    assert (put.settles, put.body) == (False, body(APPLY, "slow"))


def test_a_comment_a_crash_kept_from_being_written_is_still_owed() -> None:
    put = comment(APPLY, "slow", there=("slow",), ours=("slow",))
    assert put is not None
    assert put.body == body(APPLY, "slow")


def test_a_label_a_person_put_on_is_not_told_as_ours() -> None:
    assert comment(APPLY, "slow", there=("slow",)) is None


def test_the_order_of_the_text_does_not_depend_on_what_was_there_before() -> None:
    at_once = body(APPLY, "security", "slow")
    joined = comment(APPLY, "security", "slow", there=("slow",), ours=("slow",))
    later = comment(APPLY, "security", "slow", there=("slow", "security"), ours=("slow", "security"))
    assert joined is not None
    assert later is not None
    assert at_once == joined.body == later.body


def test_a_comment_keeps_what_was_put_on_for_reasons_the_text_no_longer_gives() -> None:
    ours = ("ui", "crash", "gone", "slow")
    put = comment(APPLY, "slow", there=("ui", "theirs", "crash"), ours=ours[:3], held=held("an older text"))
    assert put is not None
    assert put.body.index("*slow*") < put.body.index("Added earlier:\n\n* *crash*\n* *ui*\n\nIf one")
    assert "theirs" not in put.body and "gone" not in put.body
    for there in (("ui", "theirs", "crash", "slow"), ("slow", "crash", "ui")):
        assert comment(APPLY, "slow", there=there, ours=ours, held=held(put.body)) is None, "told once"
    put = comment(APPLY, "slow", there=("slow", "ui"), ours=ours, held=held(put.body))
    assert put is not None and "crash" not in put.body
