"""Writes of which nobody knows what became: looked up before they are repeated, so that each is done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from redis import Redis

from store.journal import CommentState
from tests.conftest import until
from tests.faults.toys import Floor, Killed, Toy
from trackers import http
from trackers.model import HintKind
from trackers.protocol import LABELS_TOPIC
from workers import checkpoints, doubles
from workers.checkpoints import Checkpoint
from workers.record import Outcome

pytestmark = pytest.mark.fault(32)

READS: Final = {"GET issue", "issue"}
POSTS: Final = {"POST comment", "commentCreate"}


@pytest.fixture
def floor(redis: Redis, tmp_path: Path, toy: Toy) -> Floor:
    return Floor(redis, tmp_path, (toy,))


def dies_at(place: str, time: int) -> Checkpoint:
    """A process that ends when it comes to ``place`` for that time."""
    left = time

    def end(here: str) -> None:
        nonlocal left
        left -= here == place
        if here == place and left == 0:
            raise Killed

    return end


@dataclass(frozen=True)
class Write:
    """One kind of write, and how a run comes to do it."""

    name: str
    jira: str
    linear: str
    step: int
    """Which write of its run it is on Jira; on Linear all is one request."""
    prepare: Callable[[Floor, Toy], str]
    """Makes the issue; the next run does the write."""
    labels: frozenset[str]
    says: str | None
    """A word of the one comment there is at the end; None for no comment."""

    def operation(self, toy: Toy) -> str:
        return self.jira if toy.is_jira else self.linear


def filed(floor: Floor, toy: Toy, *, comment: bool) -> str:
    floor.rules(comment=comment)
    key = toy.file()
    floor.tell(floor.worker(), toy.subject(key))
    return key


def worked(floor: Floor, toy: Toy) -> str:
    """An issue with a label and a comment of ours."""
    key = filed(floor, toy, comment=True)
    floor.work_off(floor.worker())
    assert len(toy.comments(key)) == 1
    return key


def retitled(floor: Floor, toy: Toy) -> str:
    key = worked(floor, toy)
    toy.hand.edit(key, title="XSS in the docs")
    floor.tell(floor.worker(), toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    return key


def unlabelled(floor: Floor, toy: Toy) -> str:
    key = worked(floor, toy)
    toy.hand.edit(key, remove_labels=["security"])
    floor.tell(floor.worker(), toy.subject(key), HintKind.ISSUE_CHANGED, changed=("labels",))
    return key


WRITES: Final = (
    Write(
        "labels",
        "PUT issue",
        "issueUpdate",
        1,
        lambda floor, toy: filed(floor, toy, comment=False),
        frozenset({"security"}),
        None,
    ),
    Write(
        "a first comment",
        "POST comment",
        "commentCreate",
        2,
        lambda floor, toy: filed(floor, toy, comment=True),
        frozenset({"security"}),
        "security",
    ),
    Write(
        "an edited comment",
        "PUT comment",
        "commentUpdate",
        2,
        retitled,
        frozenset({"security", "documentation"}),
        "documentation",
    ),
    Write("a settled comment", "PUT comment", "commentUpdate", 1, unlabelled, frozenset(), "taken off"),
)
LOSSES: Final = ("cut", "502", "no answer in time", "death")
CASES: Final = [
    *(pytest.param(loss, False, id=loss) for loss in LOSSES),
    # Which way the answer was lost makes no difference to the next run: one of them will do each day.
    pytest.param("cut", True, id="cut-no-journal"),
    *(pytest.param(loss, True, id=f"{loss}-no-journal", marks=pytest.mark.slow) for loss in LOSSES[1:]),
]


def lose(floor: Floor, toy: Toy, write: Write, loss: str) -> None:
    """Have a worker do the write, and lose what the tracker says to it."""
    checkpoint: Checkpoint = checkpoints.nothing
    operation = write.operation(toy)
    match loss:
        case "cut":
            toy.hand.fault(operation, "reset_after")
        case "502":
            toy.hand.fault(operation, "status_after", status=502, body="<html>Bad gateway</html>")
        case "no answer in time":
            toy.hand.fault(operation, "delay_after", seconds=0.6)
        case "death":
            checkpoint = dies_at("written", write.step if toy.is_jira else 1)
    floor.pull()
    try:
        (ending,) = floor.work(floor.worker(checkpoint))
    except Killed:
        return
    assert ending.outcome is Outcome.POSTPONED


def unknown(
    floor: Floor, toy: Toy, write: Write, loss: str, monkeypatch: pytest.MonkeyPatch, *, forgotten: bool
) -> str:
    """Prepare an issue, lose the write, forget what Redis knows of it if asked; the issue's key."""
    key = write.prepare(floor, toy)
    toy.hand.forget_calls()
    if loss == "no answer in time":
        monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.3))
    lose(floor, toy, write, loss)
    monkeypatch.undo()
    assert toy.effects(key)[write.operation(toy)] == 1, "it was to be accepted"
    if forgotten:
        floor.lose_journals()
    return key


@pytest.mark.parametrize(("loss", "forgotten"), CASES)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
def test_a_write_of_unknown_outcome_is_looked_up_before_it_is_repeated(
    floor: Floor,
    toy: Toy,
    write: Write,
    loss: str,
    forgotten: bool,
    monkeypatch: pytest.MonkeyPatch,
    seen: Callable[[str], None],
) -> None:
    key = unknown(floor, toy, write, loss, monkeypatch, forgotten=forgotten)
    before = len(toy.asked())
    floor.work_off(floor.worker())
    assert set(toy.labels(key)) == write.labels
    assert set(toy.asked()[before : before + 1]) <= READS
    assert toy.effects(key)[write.operation(toy)] == 1
    told = [comment["body"] for comment in toy.comments(key)]
    assert len(told) == (write.says is not None) and all(str(write.says) in body for body in told)
    assert floor.redis.zcard("sw:pending") == 0
    seen("the next run reads first: one label, one comment, with our own record or without it")


@pytest.mark.parametrize("running", ["linear"], indirect=True)
@pytest.mark.parametrize("kind", ["reset_after", "status_after"])
def test_a_label_made_without_our_knowing_is_found_and_not_made_twice(
    floor: Floor, toy: Toy, kind: str
) -> None:
    name = f"made-{kind.replace('_', '-')}"
    floor.rules(create=True, new=name)
    key = toy.file("A novel idea")
    toy.hand.fault("issueLabelCreate", kind, status=502)
    floor.tell(floor.worker(), toy.subject(key))
    floor.work_off(floor.worker())
    assert toy.labels(key) == [name] and toy.effects(key)["issueUpdate"] == 1
    made = toy.hand.control("GET", "/linear/labels")
    assert [label["name"] for label in made].count(name) == 1


@pytest.mark.fault(35)
@pytest.mark.parametrize("forgotten", [False, True], ids=["journal", "no-journal"])
def test_a_label_taken_off_before_we_know_that_it_was_put_on_stays_off(
    floor: Floor, toy: Toy, forgotten: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = unknown(floor, toy, WRITES[0], "death", monkeypatch, forgotten=forgotten)
    toy.hand.edit(key, remove_labels=["security"])
    floor.work_off(floor.worker())
    floor.tell(floor.worker(), toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    floor.work_off(floor.worker())
    assert toy.labels(key) == [] and toy.effects(key)[WRITES[0].operation(toy)] == 1


@pytest.fixture
def late(floor: Floor, toy: Toy) -> str:
    """An issue whose comment Jira holds for longer than we wait, and then posts all the same: the next run
    has looked, found nothing and posted by then."""
    return held_up(floor, toy, died=None)


def held_up(floor: Floor, toy: Toy, *, died: str | None) -> str:
    """The same; of the two runs that follow the first dies at the place ``died``."""
    key = filed(floor, toy, comment=True)
    toy.hand.fault("POST comment|commentCreate", "delay", seconds=0.9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "TIMEOUT", httpx.Timeout(0.3))
        floor.work(floor.worker())
    if died is not None:
        floor.pull()
        with pytest.raises(Killed):
            floor.work(floor.worker(dies_at(died, 1)))
    floor.pull()
    floor.work(floor.worker())
    assert len(toy.comments(key)) == 1
    until(lambda: sum(call["operation"] in POSTS for call in toy.hand.calls()) == 2)
    return key


def test_a_comment_that_was_held_up_and_posted_late_is_not_left_there_twice(
    floor: Floor, toy: Toy, late: str, seen: Callable[[str], None]
) -> None:
    theirs = toy.hand.control("POST", f"/issues/{late}/comments", {"body": "Thank you."})
    assert len(toy.comments(late)) == (2 if toy.is_jira else 1)
    first, *_ = toy.comments(late)
    if toy.is_jira:
        assert 100 < floor.until() < 130, "it is looked at once more when the first attempt is surely over"
    floor.pull()
    floor.work(floor.worker())
    assert [comment["id"] for comment in toy.comments(late)] == [first["id"]]
    assert theirs["id"] in {comment["id"] for comment in toy.hand.issue(late)["comments"]}
    seen("a comment that Jira held up and posted late: two for two minutes at most, then one")


def test_a_late_comment_is_dropped_though_the_run_died_that_had_looked_for_it(floor: Floor, toy: Toy) -> None:
    """Its reading had settled the intent already; it died before it posted a second one."""
    key = held_up(floor, toy, died="decided")
    assert len(toy.comments(key)) == (2 if toy.is_jira else 1)
    floor.pull()
    floor.work(floor.worker())
    assert len(toy.comments(key)) == 1


def test_a_late_comment_is_dropped_though_the_other_is_settled_by_then(
    floor: Floor, toy: Toy, late: str
) -> None:
    worker, subject = floor.worker(), toy.subject(late)
    held = worker.journals.read(subject).comments[LABELS_TOPIC]
    settled = replace(held, state=CommentState.SETTLED)
    worker.journals.note_written(subject, comments={LABELS_TOPIC: settled})
    floor.pull()
    floor.work(worker)
    assert [comment["id"] for comment in toy.comments(late)] == [held.id]


def test_a_late_comment_is_left_in_a_project_that_is_named_no_more(floor: Floor, toy: Toy, late: str) -> None:
    before = toy.comments(late)
    elsewhere = replace(toy, connection=replace(toy.connection, projects=("OTHER",)))
    floor.pull()
    floor.work(replace(floor, toys=(elsewhere,)).worker())
    assert toy.comments(late) == before


def test_a_late_comment_of_which_a_person_deleted_one_is_left_alone(
    floor: Floor, toy: Toy, late: str
) -> None:
    known, *others = toy.comments(late)
    toy.hand.delete_comment(known["id"])
    floor.pull()
    floor.work(floor.worker())
    assert toy.comments(late) == others


def test_looking_for_a_late_comment_comes_to_an_end(
    floor: Floor, toy: Toy, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubles, "LOOK_AFTER", timedelta(0))
    floor.pull()
    floor.work(floor.worker())
    assert floor.redis.zcard("sw:pending") == 0
    assert floor.worker().journals.read(toy.subject(late)).doubted == {}


@pytest.mark.fault(35)
def test_a_comment_deleted_before_we_know_that_it_was_posted_is_not_fought(
    floor: Floor, toy: Toy, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    key = unknown(floor, toy, WRITES[1], "cut", monkeypatch, forgotten=False)
    monkeypatch.setattr(doubles, "LOOK_AFTER", timedelta(0))
    toy.hand.delete_comment(toy.comments(key)[0]["id"])
    floor.work_off(floor.worker())
    # Jira keeps no trace of a comment: that it was there once cannot be known. Linear keeps its id.
    assert len(toy.comments(key)) == (1 if toy.is_jira else 0)
    for comment in toy.comments(key):
        toy.hand.delete_comment(comment["id"])
    toy.hand.edit(key, title="XSS in the docs")
    floor.tell(floor.worker(), toy.subject(key), HintKind.ISSUE_CHANGED, changed=("title",))
    floor.work_off(floor.worker())
    assert toy.comments(key) == []
    seen("a comment deleted before its posting was confirmed: on Linear never again, on Jira once more")
