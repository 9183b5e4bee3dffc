"""A backfill in a world that goes on: issues that change, waits, deaths, unanswered questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from store.backfills import Backfill, Phase, Question, Wish
from store.writes import Writes
from tests.conftest import Floor, hint, relabelled
from tests.unit.backfill_scene import RULES, Backfilling, backfilling, stored
from trackers.errors import LimitReached, Paused, ServerFault, TrackerError, Unreachable
from trackers.limits import Pause
from trackers.model import HintKind, Subject, SubjectKind
from workers.backfill import backfill
from workers.breaker import Breaker
from workers.gate import SharedGate
from workers.patience import TRIES
from workers.run import run

ALL = {f"ABC-{number}" for number in range(1, 8)}
WAITS = [
    Unreachable("No answer."),
    Paused("Waiting: live events go first.", timedelta(hours=1)),
    LimitReached("Too many requests.", (Pause("all", timedelta(hours=1), "x"),)),
]


class Killed(BaseException):
    """Stands for the process' death."""


@pytest.fixture
def scene(floor: Floor) -> Backfilling:
    return backfilling(floor)


def subject(number: int) -> Subject:
    return Subject("acme", SubjectKind.ISSUE, str(number))


def once(act: Callable[[], object]) -> Callable[..., None]:
    """Does something the first time it is called."""
    left = [act]

    def do(*_: object) -> None:
        if left:
            left.pop()()

    return do


def died(scene: Backfilling, place: str = "written") -> None:
    """A worker dies at a place of its first write."""

    def die(here: str) -> None:
        if here == place:
            raise Killed

    shop = scene.floor.shop
    scene.floor.shop = replace(shop, checkpoint=die)
    with pytest.raises(Killed):
        scene.work()
    scene.floor.shop = shop


def planned(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.floor.shop.backfills.wish("acme", [Wish.APPLY])


def wait_once(scene: Backfilling, error: TrackerError, *, after: bool = False) -> None:
    """The first write fails with ``error``, before or ``after`` it was carried out."""

    def fail() -> None:
        if after:
            for mark in scene.tracker.sent[-1]:
                scene.tracker.edit(int(mark.issue), *[label.name for label in mark.labels])
        raise error

    if after:
        scene.tracker.on_write = once(fail)
    else:
        scene.tracker.trouble = [error]


# Waits.


@pytest.mark.parametrize("error", WAITS, ids=lambda error: type(error).__name__)
def test_no_said_while_it_waits_counts(scene: Backfilling, error: TrackerError) -> None:
    planned(scene)
    wait_once(scene, error)
    said = once(lambda: scene.floor.shop.journals.note_vetoes(subject(1), {"security": "event"}))
    assert scene.work(said).backfill.phase is Phase.DONE
    assert scene.tracker.labels().keys() == ALL - {"ABC-1"}


@pytest.mark.fault(32, 35)
def test_label_that_is_taken_off_after_an_unheard_write_is_not_put_back(scene: Backfilling) -> None:
    planned(scene)
    wait_once(scene, Unreachable("The connection was cut."), after=True)

    def take_off() -> None:
        assert scene.tracker.labels()["ABC-1"] == ["security"]
        scene.tracker.edit(1)
        scene.tracker.now = scene.tracker.issues["1"]
        scene.floor.offer(replace(relabelled(removed=["security"]), subject=subject(1)))
        run(scene.floor.shop, subject(1), scene.floor.token(subject(1)))

    found = scene.work(once(take_off)).backfill
    assert found.phase is Phase.DONE and scene.tracker.labels().keys() == ALL - {"ABC-1"}
    assert "1" not in {mark.issue for marks in scene.tracker.sent[1:] for mark in marks}


def test_rules_that_change_while_it_waits_stop_it(scene: Backfilling) -> None:
    planned(scene)
    wait_once(scene, Unreachable("No answer."))
    change = once(lambda: scene.rules(RULES.replace("mode: apply", "mode: dry_run")))
    assert scene.work(change).backfill.phase is Phase.STOPPED
    assert scene.tracker.sent == [] and scene.tracker.labels() == {}


def test_writing_that_is_held_while_it_waits_ends_it(scene: Backfilling) -> None:
    desk, writes = scene.floor.shop.desks["acme"], Writes(scene.floor.redis)
    breaker = Breaker("acme", writes, scene.floor.shop.rules)
    scene.floor.shop.desks["acme"] = replace(desk, applier=replace(desk.applier, breaker=breaker))
    planned(scene)
    wait_once(scene, Unreachable("No answer."))

    def hold() -> None:
        for issue in ("98", "99"):
            writes.ask("acme", issue, 1, timedelta(minutes=10))

    found = scene.work(once(hold)).backfill
    assert found.phase is Phase.FAILED and scene.tracker.sent == []


def test_tracker_that_never_answers_a_write_ends_it(scene: Backfilling) -> None:
    planned(scene)
    scene.tracker.trouble = [Unreachable("No answer.")] * TRIES
    assert scene.work().backfill.phase is Phase.FAILED


# Issues that are not what was judged any more.


@pytest.mark.parametrize("change", ["moved", "retitled", "gone"])
def test_issue_that_changed_since_the_plan_is_left_out(scene: Backfilling, change: str) -> None:
    planned(scene)
    match change:
        case "moved":
            scene.tracker.edit(1, project="OPS", key="OPS-77")
        case "retitled":
            scene.tracker.edit(1, title="Harmless")
        case "gone":
            del scene.tracker.issues["1"]
    found = scene.work().backfill
    assert found.phase is Phase.DONE and scene.tracker.labels().keys() == ALL - {"ABC-1"}
    assert (found.progress.issues, found.progress.changed, found.progress.passed_over) == (6, 1, 0)
    assert not scene.floor.shop.journals.read(subject(1)).applied


def test_moved_issue_is_left_out_though_its_time_is_not_told(scene: Backfilling) -> None:
    planned(scene)
    scene.tracker.issues["1"] = replace(scene.tracker.issues["1"], project="OPS", updated=None)
    assert scene.work().backfill.progress.changed == 1


@pytest.mark.fault(35)
def test_label_a_person_put_on_meanwhile_is_not_ours(scene: Backfilling) -> None:
    planned(scene)
    scene.tracker.edit(1, "security")
    found = scene.work().backfill
    assert (found.progress.issues, found.progress.passed_over) == (6, 1)
    assert not scene.floor.shop.journals.read(subject(1)).applied


def test_label_a_person_puts_on_while_nothing_was_asked_yet_is_not_ours(scene: Backfilling) -> None:
    class Gate:
        requests = 0

    desk = scene.floor.shop.desks["acme"]
    gate: SharedGate = Gate()  # type: ignore[assignment]
    scene.floor.shop.desks["acme"] = replace(desk, gate=gate)
    planned(scene)
    wait_once(scene, Paused("Waiting: live events go first.", timedelta(hours=1)))
    scene.work(once(lambda: scene.tracker.edit(1, "security")))
    assert not scene.floor.shop.journals.read(subject(1)).applied


def test_look_before_writing_comes_in_few_requests(scene: Backfilling) -> None:
    planned(scene)
    scene.work()
    assert len(scene.tracker.glimpses) == 1 and len(scene.tracker.sent) == 3


# Deaths.


@pytest.mark.fault(32)
def test_what_a_worker_left_behind_is_looked_at_and_not_written_again(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY)
    died(scene)
    found = scene.work().backfill
    assert found.phase is Phase.DONE and found.progress.issues == 7
    assert len(scene.tracker.sent) == 3 and [mark.issue for mark in scene.tracker.remembered] == [
        "1",
        "3",
        "5",
    ]


@pytest.mark.fault(35)
def test_label_taken_off_after_a_death_is_not_put_back_though_nobody_told(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY)
    died(scene)
    scene.tracker.edit(1)
    found = scene.work().backfill
    assert scene.tracker.labels().keys() == ALL - {"ABC-1"}
    assert (found.progress.issues, found.progress.changed) == (6, 1)


@pytest.mark.parametrize("end", ["stop", "rules"])
def test_what_was_written_is_told_though_it_goes_no_further(scene: Backfilling, end: str) -> None:
    scene.wish(Wish.APPLY)
    died(scene)
    if end == "stop":
        scene.floor.shop.backfills.wish("acme", [Wish.STOP])
    else:
        scene.rules(RULES.replace("xss", "csrf"))
    found = scene.work().backfill
    assert found.phase is Phase.STOPPED and not found.in_hand
    assert_told(scene, found)


def assert_told(scene: Backfilling, found: Backfill) -> None:
    """What is on the tracker is in the journals, the records and the counters."""
    assert found.progress.issues == 3 == len(scene.tracker.labels())
    assert scene.floor.shop.decisions.counters() == {"labels|acme": 3}
    for number in (1, 3, 5):
        assert scene.floor.shop.journals.read(subject(number)).applied
        assert len(scene.floor.shop.decisions.of(subject(number))) == 1


@pytest.mark.parametrize("end", ["stop", "failed"])
def test_what_could_not_be_looked_at_is_told_by_the_next_backfill(scene: Backfilling, end: str) -> None:
    scene.wish(Wish.APPLY)
    died(scene)
    scene.tracker.fails["glimpse"] = ServerFault("It is still at work.")
    if end == "stop":
        scene.floor.shop.backfills.wish("acme", [Wish.STOP])
    assert len(scene.work().backfill.in_hand) == 3
    scene.tracker.fails.clear()
    scene.wish(most=2)
    found = scene.work().backfill
    assert found.phase is Phase.PLANNED and found.tally.all_there == 3 and found.tally.planned == 2
    assert_told(scene, found)


# Questions.


def few(scene: Backfilling, most: int = 4) -> None:
    scene.rules(RULES.replace("defaults:\n", f"defaults:\n  writes: {{most: {most}}}\n"))


def begin(scene: Backfilling, most: int, *wishes: Wish) -> Backfill:
    scene.floor.shop.backfills.begin("acme", Question(None, most), wishes)
    return scene.work().backfill


def test_unanswered_question_outlives_other_backfills_and_rules(scene: Backfilling) -> None:
    few(scene)
    asked = begin(scene, 1000, Wish.APPLY)
    assert asked.phase is Phase.ASKS
    assert begin(scene, 1000).phase is Phase.PLANNED, "to look costs nothing"
    few(scene, most=99)
    again = begin(scene, 1001, Wish.APPLY)
    assert (again.phase, again.said) == (Phase.ASKS, asked.said)
    assert len(scene.tracker.labels()) == 4
    assert begin(scene, 1001, Wish.APPLY, Wish.SURE).phase is Phase.DONE
    assert scene.tracker.labels().keys() == ALL
    scene.tracker.add(9, "XSS again")
    assert begin(scene, 1001, Wish.APPLY).phase is Phase.DONE, "a yes is given once"


def test_backfills_share_one_window(scene: Backfilling) -> None:
    few(scene)
    assert begin(scene, 3, Wish.APPLY).phase is Phase.DONE
    found = begin(scene, 1000, Wish.APPLY)
    assert found.phase is Phase.ASKS and len(scene.tracker.labels()) == 4
    assert found.progress.issues == 1


# A worker that is told to end.


def test_worker_that_is_told_to_end_leaves_after_the_write_in_hand(scene: Backfilling) -> None:
    leaving = Event()
    scene.tracker.on_write = leaving.set
    scene.wish(Wish.APPLY)
    backfill(scene.floor.shop, "acme", sleep=lambda _: None, apart_s=0, leaving=leaving)
    left = scene.now()
    assert left.is_under_way and not left.is_held and not left.backfill.in_hand
    assert (len(scene.tracker.sent), left.backfill.progress.issues, left.backfill.starts) == (1, 3, 0)
    assert scene.work().backfill.phase is Phase.DONE


def test_worker_that_is_told_to_end_waits_for_nothing(scene: Backfilling) -> None:
    leaving = Event()
    scene.tracker.trouble = [Paused("Waiting: live events go first.", timedelta(hours=1))]
    scene.wish(Wish.APPLY)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        leaving.set()

    backfill(scene.floor.shop, "acme", sleep=sleep, apart_s=0, leaving=leaving)
    assert scene.now().is_under_way and len(waited) == 1


# Issues that are deleted.


def delete(scene: Backfilling, number: int) -> None:
    scene.tracker.issues.pop(str(number), None)
    scene.floor.offer(hint(HintKind.ISSUE_DELETED, subject(number)))
    run(scene.floor.shop, subject(number), scene.floor.token(subject(number)))


def test_deleted_issue_is_named_no_more(scene: Backfilling) -> None:
    few(scene, most=3)
    asked = begin(scene, 1000, Wish.APPLY)
    assert "ABC-3" in asked.said and "ABC-3" in asked.progress.latest
    delete(scene, 3)
    delete(scene, 7)
    kept = stored(scene.floor.redis, "sw:backfill")
    assert "ABC-3" not in kept and "ABC-7" not in kept and "ABC-1" in kept
    found = scene.now().backfill
    assert [one.issue for one in found.tally.rows["security"].examples].count("a deleted issue") == 2
    assert len(found.tally.rows["security"].examples) == 4 and "a deleted issue" in found.said


def test_worker_at_it_hears_of_a_deletion(scene: Backfilling) -> None:
    scene.tracker.on_glimpse = once(lambda: delete(scene, 1))
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.phase is Phase.DONE
    assert "ABC-1" not in stored(scene.floor.redis, "sw:backfill")
