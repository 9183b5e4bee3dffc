"""Carrying a plan out: the lease and the intent before each write, the outcome after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from store.inbox import Batch
from store.journal import CommentRecord, CommentState, Intent, Journal
from tests.conftest import ISSUE, Floor, ToyTracker, hint, issue
from trackers.errors import ServerFault, Unauthorized
from trackers.model import Label, Memory
from trackers.protocol import AddLabels, CreateLabel, Failure, Operation, PutComment, Step, Written
from workers import checkpoints
from workers.apply import Applied, Applier, LeaseLost
from workers.plan import digest

ADD = AddLabels((Label("l1", "security", "Kind"),), (CreateLabel("new"),), Memory())
POST = PutComment("labels", "the text")
EDIT = PutComment("labels", "the text", "c1")


@pytest.fixture
def batch(floor: Floor) -> Batch:
    floor.offer(hint())
    begun = floor.shop.inbox.begin(ISSUE, floor.token())
    assert begun is not None
    return begun


def apply(
    floor: Floor,
    batch: Batch,
    *operations: Operation,
    checkpoint: checkpoints.Checkpoint = checkpoints.nothing,
) -> Applied:
    applier = Applier(floor.tracker, floor.shop.inbox, floor.shop.journals, checkpoint)
    return applier.apply(batch, issue(), operations)


def journal(floor: Floor) -> Journal:
    return floor.shop.journals.read(ISSUE)


def test_what_was_written_is_told_and_noted(floor: Floor, batch: Batch) -> None:
    done = apply(floor, batch, ADD, POST)
    assert (done.labels, done.comment, done.failures) == (("Kind/security", "new"), "c1", ())
    noted = journal(floor)
    assert noted.applied == {"l1": "security", "new": "new"}
    assert noted.comments == {"labels": CommentRecord("c1", digest("the text"))}
    assert noted.write_updated == floor.tracker.now.updated
    assert noted.intent is None


def test_without_operations_nothing_is_asked_or_written(floor: Floor, batch: Batch) -> None:
    floor.tracker.fails["identity"] = AssertionError("asked")
    assert apply(floor, batch) == Applied()
    assert journal(floor) == Journal()


def test_nothing_is_written_before_our_name_is_known(floor: Floor, batch: Batch) -> None:
    floor.tracker.fails["identity"] = Unauthorized("Who are we?")
    with pytest.raises(Unauthorized):
        apply(floor, batch, ADD)
    assert floor.tracker.writes == []
    assert journal(floor).intent is None


def test_without_the_lease_no_write_is_started(floor: Floor, batch: Batch) -> None:
    floor.redis.zadd("sw:pending", {str(ISSUE): 0})
    floor.token()
    with pytest.raises(LeaseLost):
        apply(floor, batch, ADD)
    assert floor.tracker.writes == []
    assert journal(floor) == Journal()


def test_a_lease_lost_between_two_writes_stops_the_second(floor: Floor, batch: Batch) -> None:
    def lose() -> None:
        floor.redis.hset(f"sw:subject:{ISSUE}", "lease", 1)

    floor.tracker.on_write = lose
    with pytest.raises(LeaseLost):
        apply(floor, batch, ADD, POST)
    assert floor.tracker.writes == [ADD]
    assert "l1" in journal(floor).applied, "what was written is noted all the same"


def test_the_intent_stands_while_the_write_is_under_way_and_only_then(floor: Floor, batch: Batch) -> None:
    seen: list[Intent | None] = []
    floor.tracker.on_write = lambda: seen.append(journal(floor).intent)
    apply(floor, batch, ADD, POST)
    assert seen == [Intent(("l1",), None), Intent((), "labels")]
    assert journal(floor).intent is None


def test_the_intent_outlives_a_write_whose_outcome_is_unknown(floor: Floor, batch: Batch) -> None:
    floor.tracker.fails["comment"] = ServerFault("500.")
    with pytest.raises(ServerFault):
        apply(floor, batch, ADD, POST)
    noted = journal(floor)
    assert noted.intent == Intent((), "labels")
    assert noted.applied == {"l1": "security", "new": "new"}


def test_a_write_renews_the_lease(floor: Floor, batch: Batch) -> None:
    floor.redis.zadd("sw:pending", {str(ISSUE): 5})
    apply(floor, batch, ADD)
    score = floor.redis.zscore("sw:pending", str(ISSUE))
    assert isinstance(score, float)
    assert score > 5


def test_a_comment_a_person_deleted_is_noted_as_deleted(floor: Floor, batch: Batch) -> None:
    floor.tracker.gone_comments.add("c1")
    done = apply(floor, batch, EDIT)
    assert done.comment is None
    assert [failure.sentence for failure in done.failures] == ["The comment is gone."]
    assert journal(floor).comments == {"labels": CommentRecord("c1", "", CommentState.DELETED)}


def test_a_settling_edit_is_noted_as_settled(floor: Floor, batch: Batch) -> None:
    apply(floor, batch, replace(EDIT, settles=True))
    assert journal(floor).comments["labels"].state is CommentState.SETTLED


def test_of_a_step_that_half_failed_only_the_other_half_is_noted(floor: Floor, batch: Batch) -> None:
    class Half(ToyTracker):
        def steps(self, issue: object, operations: object) -> tuple[Step, ...]:
            failure = Failure(POST, "Comments are locked.")
            return (Step("both", (ADD, POST), lambda: Written(ADD.labels, failures=(failure,))),)

    floor.tracker.__class__ = Half
    done = apply(floor, batch, ADD, POST)
    assert done.failures == (Failure(POST, "Comments are locked."),)
    noted = journal(floor)
    assert noted.applied == {"l1": "security"}
    assert noted.comments == {}


def test_the_places_are_passed_in_order_at_each_write(floor: Floor, batch: Batch) -> None:
    places: list[str] = []
    apply(floor, batch, ADD, POST, checkpoint=places.append)
    assert places == ["intended", "written", "noted"] * 2
    assert set(places) < set(checkpoints.PLACES)


def test_a_write_after_the_lease_ran_out_is_refused_even_without_a_rival(floor: Floor, batch: Batch) -> None:
    floor.redis.hset(f"sw:subject:{ISSUE}", "lease", 1)
    with pytest.raises(LeaseLost):
        apply(floor, batch, ADD)
    assert floor.shop.inbox.depth().pending == 1
    assert timedelta(0) <= batch.waited
