"""A backfill: read in pages, planned, written many at once; killed, stopped, asked and taken up again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from time import sleep

import pytest

from store import keys
from store.backfills import Backfills, Phase, Wish
from store.crew import BULK
from store.journal import Forecast, Guess
from store.rulebook import RulebookShelf
from store.writes import Writes
from tests.conftest import CONNECTION, Floor, changed, hint, relabelled
from tests.unit.backfill_scene import RULES, Backfilling, backfilling, stored
from trackers.errors import Forbidden, Gone, LimitReached, Paused, Rejected, Unreachable
from trackers.limits import Pause
from trackers.model import HintKind, Memory, Subject, SubjectKind
from workers.backfill import backfill
from workers.backfill_calls import revive
from workers.breaker import Breaker
from workers.clock import Clock, queue
from workers.decide import is_echo
from workers.rules_in_force import RulesFile
from workers.run import run

ALL = {"ABC-1", "ABC-2", "ABC-3", "ABC-4", "ABC-5", "ABC-6", "ABC-7"}


class Killed(BaseException):
    """Stands for the process' death."""


@pytest.fixture
def scene(floor: Floor) -> Backfilling:
    return backfilling(floor)


def subject(number: int) -> Subject:
    return Subject("acme", SubjectKind.ISSUE, str(number))


def test_dry_run_tells_what_would_be_done_and_writes_nothing(scene: Backfilling) -> None:
    scene.tracker.add(9, "XSS again", "security")
    scene.tracker.add(10, "XSS at night", project="OPS")
    scene.wish()
    found = scene.work().backfill
    assert found.phase is Phase.PLANNED and not scene.now().is_under_way
    tally = found.tally
    assert (tally.issues, tally.total, tally.planned, tally.all_there, tally.nothing) == (10, 10, 7, 1, 1)
    assert tally.held == {"OPS": ("dry_run", 1)}
    assert tally.rows["security"].issues == 4 and tally.rows["security"].held == 1
    examples = tally.rows["security"].examples
    assert examples[0].issue == "ABC-1" and "xss" in examples[0].because.casefold()
    assert [one.held for one in examples] == [False] * 4 + [True]
    assert found.steps == 3, "four of one label set and three of another, three at a time"
    assert scene.tracker.sent == [] and scene.tracker.labels() == {"ABC-9": ["security"]}
    assert not scene.floor.shop.journals.read(subject(1)).known


def test_plan_is_written_as_it_was_seen(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.tracker.add(11, "XSS that came later")
    scene.floor.shop.backfills.wish("acme", [Wish.APPLY])
    found = scene.work().backfill
    assert found.phase is Phase.DONE
    assert scene.tracker.labels().keys() == ALL and len(scene.tracker.searches) == 4
    assert (found.progress.issues, found.progress.labels, found.progress.refused) == (7, 7, 0)
    assert scene.floor.shop.decisions.counters() == {"labels|acme": 7}


def test_what_was_done_can_be_explained_and_is_remembered_as_ours(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY)
    scene.work()
    record = scene.floor.shop.decisions.last(subject(1))
    assert record is not None
    assert (record["outcome"], record["because"]) == ("applied", "backfill")
    assert record["written"] == {"labels": ["security"], "comment": None}
    assert record["plan"]["labels"][0]["source"] == "rule security"
    journal = scene.floor.shop.journals.read(subject(1))
    assert journal.applied == {"security": "security"} and journal.write_updated is not None


def test_nothing_of_an_issues_text_is_kept(scene: Backfilling) -> None:
    scene.tracker.add(12, "XSS in the Bluebird console")
    scene.wish()
    scene.work()
    kept = stored(scene.floor.redis, "sw:backfill")
    assert "ABC-12" in kept and "Bluebird" not in kept


def test_list_of_issues_goes_with_the_end(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY)
    scene.work()
    assert scene.floor.shop.backfills.todo("acme") == []
    assert not scene.now().wishes


@pytest.mark.parametrize(
    ("place", "nth"),
    [("begun", 1), *product(("loaded", "planned", "intended", "written", "noted", "recorded"), (1, 2, 3))],
)
def test_killed_anywhere_it_goes_on_where_it_was(scene: Backfilling, place: str, nth: int) -> None:
    passed = 0

    def die(here: str) -> None:
        nonlocal passed
        passed += here == place
        if here == place and passed == nth:
            raise Killed

    scene.wish(Wish.APPLY)
    scene.floor.shop = replace(scene.floor.shop, checkpoint=die)
    with pytest.raises(Killed):
        scene.work()
    assert scene.now().is_under_way
    found = scene.work().backfill
    assert found.phase is Phase.DONE and (found.progress.issues, found.progress.labels) == (7, 7)
    assert scene.tracker.labels().keys() == ALL
    assert all(len(labels) == 1 for labels in scene.tracker.labels().values())
    again = 1 if place == "loaded" else 0
    assert len(scene.tracker.searches) == 4 + again, "only the page in hand is read twice"
    assert scene.floor.shop.decisions.counters() == {"labels|acme": 7}
    for number in range(1, 8):
        assert len(scene.floor.shop.decisions.of(subject(number))) == 1
        assert scene.floor.shop.journals.read(subject(number)).applied


def test_worker_that_always_dies_of_it_is_not_called_for_ever(scene: Backfilling) -> None:
    def die(here: str) -> None:
        raise Killed

    scene.wish()
    scene.floor.shop = replace(scene.floor.shop, checkpoint=die)
    for _ in range(5):
        with pytest.raises(Killed):
            scene.work()
    found = scene.work().backfill
    assert found.phase is Phase.FAILED and "5 workers" in found.said


def test_cap_leaves_the_rest_and_says_how_many(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY, most=4)
    found = scene.work().backfill
    assert (found.tally.planned, found.tally.beyond, found.progress.issues) == (4, 3, 4)
    assert scene.tracker.labels().keys() == {"ABC-1", "ABC-2", "ABC-3", "ABC-4"}


def test_too_many_writes_stop_and_ask(scene: Backfilling) -> None:
    scene.rules(RULES.replace("defaults:\n", "defaults:\n  writes: {most: 4}\n"))
    scene.wish(Wish.APPLY)
    found = scene.work()
    assert found.backfill.phase is Phase.ASKS and not found.is_under_way
    assert found.backfill.progress.issues == 4 == len(scene.tracker.labels())
    assert found.backfill.said.startswith("4 issues were labelled") and "ABC-" in found.backfill.said
    scene.floor.shop.backfills.wish("acme", [Wish.SURE])
    assert scene.work().backfill.phase is Phase.DONE
    assert scene.tracker.labels().keys() == ALL


def test_who_is_sure_is_not_asked(scene: Backfilling) -> None:
    scene.rules(RULES.replace("defaults:\n", "defaults:\n  writes: {most: 1}\n"))
    scene.wish(Wish.APPLY, Wish.SURE)
    assert scene.work().backfill.phase is Phase.DONE
    assert len(scene.tracker.sent) == 3, "a limit that nobody minds breaks no step in two"


def test_limit_is_not_asked_about_when_nothing_is_left(scene: Backfilling) -> None:
    scene.rules(RULES.replace("defaults:\n", "defaults:\n  writes: {most: 7}\n"))
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.phase is Phase.DONE


def test_label_a_person_took_off_in_between_is_not_put_on(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.floor.shop.journals.note_vetoes(subject(3), {"security": "event"})
    scene.floor.shop.backfills.wish("acme", [Wish.APPLY])
    found = scene.work().backfill
    assert scene.tracker.labels().keys() == ALL - {"ABC-3"}
    assert (found.progress.issues, found.progress.passed_over) == (6, 1)


def test_what_a_run_did_in_between_is_not_done_twice(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.floor.shop.journals.note_written(subject(3), labels={"security": "security"})
    scene.floor.shop.backfills.wish("acme", [Wish.APPLY])
    assert scene.work().backfill.progress.passed_over == 1
    assert "3" not in {mark.issue for marks in scene.tracker.sent for mark in marks}


def test_vetoes_are_respected_and_told(scene: Backfilling) -> None:
    scene.floor.shop.journals.note_vetoes(subject(1), {"security": "event"})
    scene.tracker.memories["3"] = Memory(applied=frozenset({"security"}))
    scene.wish(Wish.APPLY)
    found = scene.work().backfill
    assert found.tally.withheld == {"security: a person took it off this issue": 2}
    assert scene.tracker.labels().keys() == ALL - {"ABC-1", "ABC-3"}


def test_what_the_tracker_remembers_of_an_issue_without_record_is_kept(scene: Backfilling) -> None:
    scene.tracker.memories["1"] = Memory(frozenset({"slow"}), frozenset({"old"}))
    scene.wish(Wish.APPLY)
    scene.work()
    journal = scene.floor.shop.journals.read(subject(1))
    assert journal.vetoed.keys() == {"slow", "old"} and journal.applied.keys() == {"slow", "security"}
    assert journal.intent is not None, "the next run looks for a comment of ours there"
    (mark,) = [mark for marks in scene.tracker.sent for mark in marks if mark.issue == "1"]
    assert mark.remember == Memory(frozenset({"slow", "security"}), frozenset({"slow", "old"}))


def test_only_projects_in_mode_apply_are_written_to(scene: Backfilling) -> None:
    scene.rules(RULES.replace("dry_run", "suggest"))
    scene.tracker.add(20, "XSS at night", project="OPS")
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.tally.held == {"OPS": ("suggest", 1)}
    assert scene.tracker.labels().keys() == ALL


def test_rules_that_change_while_it_reads_are_read_by_anew(scene: Backfilling) -> None:
    def change() -> None:
        if len(scene.tracker.searches) == 2:
            scene.rules(RULES.replace("label: slow", "label: performance"))

    scene.tracker.on_search = change
    scene.wish()
    found = scene.work().backfill
    assert found.phase is Phase.PLANNED and found.tally.rows.keys() == {"security", "performance"}
    assert found.tally.issues == 8 and scene.tracker.searches == [None, "2", None, "2", "4", "6"]


def test_rules_that_change_later_stop_the_writing(scene: Backfilling) -> None:
    scene.tracker.on_write = lambda: scene.rules(RULES.replace("xss", "csrf"))
    scene.wish(Wish.APPLY)
    found = scene.work().backfill
    assert found.phase is Phase.STOPPED and found.said.startswith("The rules have changed")
    assert found.progress.issues == 3 == len(scene.tracker.labels())


def test_it_stops_when_somebody_says_so(scene: Backfilling) -> None:
    scene.tracker.on_write = lambda: scene.floor.shop.backfills.wish("acme", [Wish.STOP])
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.phase is Phase.STOPPED
    assert len(scene.tracker.sent) == 1 and not scene.now().wishes


@pytest.mark.fault(52)
def test_limits_and_passing_faults_are_waited_out(scene: Backfilling) -> None:
    minute = timedelta(minutes=1)
    scene.tracker.trouble = [
        Paused("Waiting: live events go first.", minute),
        LimitReached("Too many requests.", (Pause("all", minute, "x"),)),
        Unreachable("No answer."),
    ]
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.phase is Phase.DONE


@pytest.mark.fault(52)
def test_it_says_why_it_waits(scene: Backfilling, floor: Floor) -> None:
    scene.tracker.trouble = [Paused("Waiting: live events go first.", timedelta(seconds=3))]
    scene.wish()
    said: list[str] = []
    backfill(floor.shop, "acme", sleep=lambda _: said.append(scene.now().backfill.said), apart_s=0)
    assert said == ["Waiting: live events go first."] * 3
    assert scene.now().backfill.said == ""


def test_what_the_tracker_refuses_is_told_and_the_rest_is_done(scene: Backfilling) -> None:
    scene.tracker.refuses = {"1", "2"}
    scene.wish(Wish.APPLY)
    found = scene.work().backfill
    assert found.phase is Phase.DONE
    assert (found.progress.issues, found.progress.refused) == (5, 2)
    assert found.progress.refusals == ("It is archived.",)
    record = scene.floor.shop.decisions.last(subject(1))
    assert record is not None and record["outcome"] == "partly_refused"
    assert not scene.floor.shop.journals.read(subject(1)).applied


def test_step_that_is_refused_as_a_whole_does_not_keep_the_others(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.tracker.trouble = [Rejected("Linear will not have it.")]
    scene.floor.shop.backfills.wish("acme", [Wish.APPLY])
    found = scene.work().backfill
    assert found.phase is Phase.DONE and (found.progress.issues, found.progress.refused) == (4, 3)


def test_tracker_that_forbids_it_fails_and_can_be_taken_up_again(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.tracker.trouble = [Forbidden("Jira forbids it.")]
    scene.floor.shop.backfills.wish("acme", [Wish.APPLY])
    found = scene.work().backfill
    assert found.phase is Phase.FAILED and found.said == "Jira forbids it."
    scene.floor.shop.backfills.take_up("acme", replace(found, phase=Phase.PLANNED), [Wish.APPLY])
    assert scene.work().backfill.phase is Phase.DONE
    assert scene.tracker.labels().keys() == ALL


def test_place_that_the_tracker_has_forgotten_is_read_from_the_start(scene: Backfilling) -> None:
    scene.wish()
    scene.floor.shop = replace(scene.floor.shop, checkpoint=_dies_at("planned"))
    with pytest.raises(Killed):
        scene.work()
    scene.tracker.trouble = [Gone("The page is not known any more.")]
    assert scene.work().backfill.tally.issues == 8


def test_query_that_is_none_is_told(scene: Backfilling) -> None:
    scene.tracker.trouble = [Rejected("Jira says: the field 'foo' does not exist.")]
    scene.wish()
    found = scene.work().backfill
    assert found.phase is Phase.FAILED and "'foo'" in found.said


def _dies_at(place: str) -> Callable[[str], None]:
    left = [place]

    def die(here: str) -> None:
        if here in left:
            left.remove(here)
            raise Killed

    return die


def test_two_workers_do_not_work_at_one_backfill(scene: Backfilling) -> None:
    lease = scene.floor.shop.backfills.lease("acme")
    assert lease.acquire(blocking=False)
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.phase is Phase.READING and scene.tracker.searches == []
    lease.release()


def test_worker_whose_lease_was_lost_writes_no_more(scene: Backfilling) -> None:
    backfills = Backfills(scene.floor.redis, lease=timedelta(seconds=0.2))
    scene.floor.shop = replace(scene.floor.shop, backfills=backfills)

    def lose() -> None:
        scene.floor.redis.set(keys.backfill_lease("acme"), "another's")
        sleep(0.5)

    scene.tracker.on_write = lose
    scene.wish(Wish.APPLY)
    found = scene.work()
    assert found.is_held and found.backfill.phase is Phase.WRITING
    assert len(scene.tracker.sent) == 1 and len(found.backfill.in_hand) == 3


def test_backfill_nobody_is_at_is_called_for_once(scene: Backfilling) -> None:
    bulk, backfills = queue(BULK, scene.floor.redis), scene.floor.shop.backfills
    revive(bulk, backfills, ["acme", "other"])
    assert bulk.count == 0, "there is none yet"
    scene.wish(Wish.APPLY)
    revive(bulk, backfills, ["acme"])
    revive(bulk, backfills, ["acme"])
    assert bulk.count == 1
    scene.floor.shop = replace(scene.floor.shop, checkpoint=_dies_at("written"))
    with pytest.raises(Killed):
        scene.work()
    revive(bulk, backfills, ["acme"])
    assert bulk.count == 2, "the first job was taken, and its worker died"
    scene.work()
    backfills.answer("acme")
    revive(bulk, backfills, ["acme"])
    assert bulk.count == 2, "it is done"


def test_clock_calls_for_it(scene: Backfilling, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    rules = RulesFile(file, RulebookShelf(scene.floor.redis))
    scene.wish()
    Clock(scene.floor.redis, scene.floor.shop.inbox, rules, connections=[CONNECTION]).tick()
    assert queue(BULK, scene.floor.redis).count == 1


def test_backfill_somebody_is_at_is_not_called_for(scene: Backfilling) -> None:
    bulk, backfills = queue(BULK, scene.floor.redis), scene.floor.shop.backfills
    scene.wish()
    with backfills.lease("acme"):
        revive(bulk, backfills, ["acme"])
    assert bulk.count == 0


def test_nothing_is_written_while_writing_is_held(scene: Backfilling) -> None:
    desk, writes = scene.floor.shop.desks["acme"], Writes(scene.floor.redis)
    breaker = Breaker("acme", writes, scene.floor.shop.rules)
    scene.floor.shop.desks["acme"] = replace(desk, applier=replace(desk.applier, breaker=breaker))
    for issue in ("98", "99"):
        writes.ask("acme", issue, 1, timedelta(minutes=10))
    scene.wish(Wish.APPLY)
    found = scene.work().backfill
    assert found.phase is Phase.FAILED and "sprintwarden resume acme" in found.said
    assert scene.tracker.sent == []


def test_deleted_issue_leaves_the_list(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    scene.floor.offer(hint(HintKind.ISSUE_DELETED, subject(1)))
    run(scene.floor.shop, subject(1), scene.floor.token(subject(1)))
    assert "1" not in {item.issue for item in scene.floor.shop.backfills.todo("acme")}


@pytest.mark.parametrize("tells_updated", [True, False])
def test_event_of_our_own_write_costs_no_reading(scene: Backfilling, *, tells_updated: bool) -> None:
    scene.tracker.tells_updated = tells_updated
    scene.wish(Wish.APPLY)
    scene.work()
    updated = scene.tracker.issues["1"].updated
    echo = replace(relabelled(["security"], updated=updated, actor="me"), subject=subject(1))
    assert is_echo(echo, scene.floor.shop.journals.read(subject(1)), "me")
    scene.floor.offer(echo)
    run(scene.floor.shop, subject(1), scene.floor.token(subject(1)))
    assert scene.tracker.reads == []


def test_event_that_comes_before_our_write_is_noted_costs_no_reading(scene: Backfilling) -> None:
    scene.tracker.tells_updated = False

    def deliver() -> None:
        if scene.tracker.reads or len(scene.tracker.sent) > 1:
            return
        echo = replace(relabelled(["security"], updated=None, actor="me"), subject=subject(1))
        scene.floor.offer(echo)
        run(scene.floor.shop, subject(1), scene.floor.token(subject(1)))

    scene.tracker.on_write = deliver
    scene.wish(Wish.APPLY)
    assert scene.work().backfill.phase is Phase.DONE
    assert scene.tracker.reads == []
    last = scene.floor.shop.decisions.of(subject(1))[-1]
    assert last["because"] == "echo_of_our_own_write"


def test_answers_of_models_are_remembered_where_labels_were_put_on(scene: Backfilling) -> None:
    scene.wish()
    scene.work()
    backfills = scene.floor.shop.backfills
    first = next(item for item in backfills.todo("acme") if item.issue == "1")
    said = Forecast("m1", "labels", "ABC", (Guess("security", "security", 0.9, applied=True),))
    backfills.keep_page("acme", scene.now().backfill, [replace(first, forecasts=(said,))])
    backfills.wish("acme", [Wish.APPLY])
    scene.work()
    assert scene.floor.shop.journals.read(subject(1)).forecasts == {"labels": said}


def test_edit_of_an_issue_that_was_backfilled_is_worked_as_ever(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY)
    scene.work()
    scene.floor.offer(replace(hint(), subject=subject(1)), replace(changed("title"), subject=subject(1)))
    run(scene.floor.shop, subject(1), scene.floor.token(subject(1)))
    assert len(scene.tracker.reads) == 1
