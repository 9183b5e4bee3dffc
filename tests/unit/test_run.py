"""One run from its hints to its record, over a real Redis and a tracker that is a plain object."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from store import keys
from store.journal import CommentState, Intent
from store.rulebook import RulebookShelf
from tests.conftest import ISSUE, T0, Floor, changed, hint, issue, later, relabelled
from trackers.errors import Forbidden, Gone, ServerFault
from trackers.model import HintKind, Subject, SubjectKind
from trackers.protocol import AddLabels, PutComment
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.run import run


def go(floor: Floor) -> Ending:
    ending = run(floor.shop, ISSUE, floor.token())
    assert ending is not None
    return ending


def labels_written(floor: Floor) -> list[str]:
    return [label.name for op in floor.tracker.writes if isinstance(op, AddLabels) for label in op.labels]


def comments_written(floor: Floor) -> list[PutComment]:
    return [op for op in floor.tracker.writes if isinstance(op, PutComment)]


def waiting(floor: Floor) -> int:
    return floor.shop.inbox.depth().pending


def test_a_new_issue_gets_its_label_and_the_hint_is_done(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    ending = go(floor)
    assert ending.outcome is Outcome.APPLIED
    assert [label.name for label in floor.tracker.now.labels] == ["security"]
    assert waiting(floor) == 0
    (kept,) = floor.shop.decisions.of(ISSUE)
    assert kept["written"] == {"labels": ["security"], "comment": None}
    assert kept["plan"]["labels"][0]["because"] == ['the title has the word "XSS"']
    assert floor.shop.journals.read(ISSUE).applied == {"security": "security"}


def test_a_dry_run_tells_the_plan_and_writes_nothing(floor: Floor) -> None:
    floor.rules("dry_run", comment=True)
    floor.offer(hint())
    assert go(floor).outcome is Outcome.DRY_RUN
    assert floor.tracker.writes == []
    (kept,) = floor.shop.decisions.of(ISSUE)
    assert [operation["do"] for operation in kept["plan"]["operations"]] == ["add_labels", "post_comment"]
    assert floor.shop.journals.read(ISSUE).applied == {}


def test_a_suggestion_is_a_comment_and_no_label(floor: Floor) -> None:
    floor.rules("suggest")
    floor.offer(hint())
    assert go(floor).outcome is Outcome.SUGGESTED
    (comment,) = comments_written(floor)
    assert "security" in comment.body
    assert floor.tracker.now.labels == ()


def test_a_suggestion_somebody_followed_is_settled_once(floor: Floor) -> None:
    floor.rules("suggest")
    floor.offer(hint())
    go(floor)
    floor.tracker.now = issue("Stored XSS in comments", "security", updated=later(minutes=1))
    for minute in (1, 2):
        floor.offer(relabelled(["security"], updated=later(minutes=minute)))
        floor.tracker.now = replace(floor.tracker.now, updated=later(minutes=minute))
        go(floor)
    assert [comment.settles for comment in comments_written(floor)] == [False, True]
    assert floor.shop.journals.read(ISSUE).comments["labels"].state is CommentState.SETTLED


def test_a_comment_text_stays_the_same_when_a_label_joined_before_another(floor: Floor) -> None:
    floor.rules(comment=True)
    floor.tracker.now = issue("slow page")
    floor.offer(hint())
    go(floor)
    for minute in (1, 2):
        floor.tracker.now = replace(
            floor.tracker.now, title="XSS and a slow page", updated=later(minutes=minute)
        )
        floor.offer(changed("title", updated=later(minutes=minute)))
        go(floor)
    assert len(comments_written(floor)) == 2, "the third run has nothing new to say"


def test_our_own_echo_is_ignored_without_reading(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    go(floor)
    floor.tracker.reads.clear()
    floor.offer(relabelled(["security"], updated=floor.tracker.now.updated))
    ending = go(floor)
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.ECHO)
    assert floor.tracker.reads == []


def test_a_label_a_person_took_off_is_not_put_back(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    go(floor)
    floor.tracker.now = issue(updated=later(minutes=5))
    floor.offer(relabelled(removed=["security"], updated=later(minutes=5)))
    go(floor)
    floor.tracker.now = issue("XSS again", updated=later(minutes=6))
    floor.offer(changed("title", updated=later(minutes=6)))
    ending = go(floor)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.ALL_WITHHELD)
    assert labels_written(floor) == ["security"]


def test_a_removal_is_seen_from_state_even_when_its_event_was_lost(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    go(floor)
    floor.tracker.now = issue("XSS again", updated=later(minutes=6))
    floor.offer(changed("title", updated=later(minutes=6)))
    assert go(floor).because is Because.ALL_WITHHELD
    assert floor.shop.journals.read(ISSUE).vetoed == {"security": "state"}


def test_deletion_forgets_everything_about_the_issue(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    go(floor)
    floor.offer(hint(HintKind.ISSUE_DELETED))
    assert go(floor).because is Because.DELETED
    assert [key for key in floor.redis.scan_iter() if ISSUE.id in key] == []
    assert floor.shop.decisions.counters()["runs|acme|ignored|deleted"] == 1


def test_a_deletion_that_came_before_a_late_edit_still_forgets_everything(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    go(floor)
    floor.tracker.fails["read"] = Gone("No such issue.")
    floor.offer(hint(HintKind.ISSUE_DELETED))
    floor.offer(changed("title", updated=later(hours=1)))
    assert go(floor).because is Because.GONE
    assert [key for key in floor.redis.scan_iter() if ISSUE.id in key] == []


def test_an_issue_that_is_gone_is_ignored_with_that_reason(floor: Floor) -> None:
    floor.rules()
    floor.tracker.fails["read"] = Gone("No such issue.")
    floor.offer(hint())
    ending = go(floor)
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.GONE)
    assert waiting(floor) == 0


@pytest.mark.fault(27)
def test_a_hint_that_comes_in_mid_run_leads_to_a_second_run(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint(updated=T0))
    floor.tracker.on_read = lambda: floor.offer(changed("title", updated=later(seconds=1), digest="mid"))
    go(floor)
    floor.tracker.on_read = lambda: None
    floor.tracker.now = replace(floor.tracker.now, title="XSS and slow", updated=later(seconds=2))
    ending = go(floor)
    assert ending.outcome is Outcome.APPLIED
    assert labels_written(floor) == ["security", "slow"]
    assert waiting(floor) == 0


@pytest.mark.parametrize("where", ["labels", "comment"])
def test_what_a_failed_write_left_undone_is_done_by_the_next_run(floor: Floor, where: str) -> None:
    floor.rules(comment=True)
    floor.tracker.fails[where] = ServerFault("Jira failed.")
    floor.offer(hint(updated=T0))
    assert go(floor).outcome is Outcome.POSTPONED
    floor.tracker.fails.clear()
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    go(floor)
    assert [label.name for label in floor.tracker.now.labels] == ["security"]
    assert len(floor.tracker.comments) == 1
    assert waiting(floor) == 0


def test_a_run_that_dies_after_reading_is_not_taken_for_an_answer(floor: Floor) -> None:
    floor.rules()

    class Killed(BaseException): ...

    def die(place: str) -> None:
        if place == "loaded":
            raise Killed

    floor.offer(hint(updated=T0))
    with pytest.raises(Killed):
        run(replace(floor.shop, checkpoint=die), ISSUE, floor.token())
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    assert go(floor).outcome is Outcome.APPLIED


def test_a_run_that_dies_before_its_hints_are_removed_repeats_without_a_second_effect(floor: Floor) -> None:
    floor.rules(comment=True)

    class Killed(BaseException): ...

    def die(place: str) -> None:
        if place == "recorded":
            raise Killed

    floor.offer(hint(updated=T0))
    with pytest.raises(Killed):
        run(replace(floor.shop, checkpoint=die), ISSUE, floor.token())
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    go(floor)
    assert labels_written(floor) == ["security"]
    assert len(comments_written(floor)) == 1
    assert waiting(floor) == 0


def test_a_dead_letter_put_back_by_hand_is_really_worked(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint(updated=T0))
    batch = floor.shop.inbox.begin(ISSUE, floor.token())
    assert batch is not None
    floor.shop.journals.note_read(ISSUE, vetoed={}, applied=(), comments={})
    assert floor.shop.inbox.bury(batch, "it broke")
    assert floor.shop.inbox.revive(ISSUE)
    assert go(floor).outcome is Outcome.APPLIED


def test_an_event_older_than_the_last_completed_reading_needs_no_new_one(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint(updated=T0))
    go(floor)
    floor.tracker.reads.clear()
    floor.offer(changed("title", updated=later(seconds=-1)))
    assert go(floor).because is Because.ANSWERED
    assert floor.tracker.reads == []


def test_a_write_whose_outcome_is_unknown_is_asked_about(floor: Floor) -> None:
    floor.rules(comment=True)
    floor.shop.journals.intend(ISSUE, Intent(("security",), "labels"))
    floor.tracker.comments["c9"] = "posted by the run that died"
    floor.offer(hint(updated=T0))
    go(floor)
    assert floor.tracker.reads[0].comments == ("labels",)
    (comment,) = comments_written(floor)
    assert comment.id == "c9", "the comment that is there is edited, not repeated"


def test_with_no_rules_yet_the_event_waits_at_no_cost(floor: Floor) -> None:
    floor.offer(hint())
    assert go(floor).outcome is Outcome.POSTPONED
    assert floor.tracker.reads == []
    floor.rules()
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    batch = floor.shop.inbox.begin(ISSUE, floor.token())
    assert batch is not None
    assert (batch.attempts, batch.waits) == (1, 1)


def test_a_subject_of_no_known_connection_waits_for_a_worker_that_knows_it(floor: Floor) -> None:
    stranger = Subject("elsewhere", SubjectKind.ISSUE, "7")
    floor.offer(hint(subject=stranger))
    ending = run(floor.shop, stranger, floor.token(stranger))
    assert ending is not None
    assert ending.outcome is Outcome.POSTPONED
    assert "connections.yaml" in ending.cause
    assert floor.redis.llen(keys.hints(stranger)) == 1


def test_a_wake_up_with_an_old_token_does_nothing(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    old = floor.token()
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    new = floor.token()
    assert run(floor.shop, ISSUE, old) is None
    assert floor.tracker.reads == []
    assert run(floor.shop, ISSUE, new) is not None


def test_an_issue_of_a_project_nobody_named_is_left_alone(floor: Floor) -> None:
    floor.rules()
    floor.tracker.now = replace(issue(), project="XYZ")
    floor.offer(hint())
    assert go(floor).because is Because.PROJECT_NOT_NAMED
    assert floor.tracker.writes == []


def test_a_label_edit_on_an_old_issue_brings_no_new_label_even_where_we_commented(floor: Floor) -> None:
    floor.rules(comment=True)
    floor.offer(hint())
    go(floor)
    old = replace(floor.tracker.now, title="XSS and slow", created=T0 - timedelta(days=9))
    floor.tracker.now = replace(old, updated=later(days=1))
    floor.offer(relabelled(["urgent"], updated=later(days=1)))
    assert go(floor).outcome is Outcome.IGNORED
    assert labels_written(floor) == ["security"]


def test_a_run_keeps_the_rules_it_began_with_in_its_record(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    go(floor)
    (kept,) = floor.shop.decisions.of(ISSUE)
    book = floor.shop.rules.now()
    assert book is not None
    assert kept["rules"] == book.version_id
    assert RulebookShelf(floor.redis).version() is not None


def test_a_reading_in_whole_seconds_is_no_older_than_its_event(floor: Floor) -> None:
    floor.rules()
    floor.tracker.now = issue(updated=T0.replace(microsecond=0))
    floor.offer(hint(updated=T0.replace(microsecond=734_000)))
    ending = run(floor.shop, ISSUE, floor.token())
    assert ending is not None
    assert ending.outcome is Outcome.APPLIED


def test_a_wall_before_the_tracker_is_waited_out_and_not_told_of_the_issue(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    floor.tracker.fails["read"] = Forbidden("Jira forbids it.")
    ending = run(floor.shop, ISSUE, floor.token())
    assert ending is not None
    assert ending.outcome is Outcome.POSTPONED
    assert floor.shop.inbox.dead() == []


def test_what_was_ignored_for_its_age_does_not_answer_a_creation_still_to_come(floor: Floor) -> None:
    floor.rules()
    floor.tracker.now = replace(issue(), created=T0 - timedelta(days=9))
    floor.offer(changed("title", updated=T0))
    first = run(floor.shop, ISSUE, floor.token())
    assert first is not None
    assert first.because is Because.OLDER_THAN_WINDOW
    floor.offer(hint(digest="late", updated=T0))
    second = run(floor.shop, ISSUE, floor.token())
    assert second is not None
    assert second.outcome is Outcome.APPLIED
