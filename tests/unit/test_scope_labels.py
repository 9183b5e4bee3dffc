"""The label of added issues on a real Redis: whose it is, whose no counts, and what a run costs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

import pytest

from store.inbox import Batch
from store.journal import Intent, Journal
from tests.conftest import Floor, ToyPalette, ToyTracker, issue, later
from tests.unit.sprint_scene import SPRINT
from trackers.errors import (
    Conflict,
    Forbidden,
    Gone,
    LimitReached,
    Rejected,
    ServerFault,
    TrackerError,
    Unauthorized,
    Unreachable,
)
from trackers.limits import Pause
from trackers.model import Hint, HintKind, Issue, Label, Memory, Subject, SubjectKind
from trackers.protocol import AddLabels, Failure, Operation, Reading, Recall, RemoveLabels, Step, Written
from workers.scope_labels import Marking, mark

NAME = "scope-added"
OURS = Label(NAME, NAME)
OTHER_SPRINT = Subject("acme", SubjectKind.SPRINT, "38")
NUMBERS = count()


@dataclass
class Issues(ToyTracker):
    """Any number of issues, each with labels of its own."""

    worn: dict[str, list[Label]] = field(default_factory=dict)
    """Issue id → its labels."""
    memories: dict[str, Memory] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Ids of issues that were read."""
    moved: dict[str, str] = field(default_factory=dict)
    """Issue id → another project than ABC."""
    refusing: Callable[[str, Operation], object] = lambda _issue, _operation: None
    """Raises, or gives a sentence, what a write is answered with."""
    newer: ToyPalette | None = None
    """What the tracker has by now."""

    def look_again(self, issue: Issue) -> bool:
        self.colours = self.newer or self.colours
        return self.newer is not None

    def read(self, issue: str, recall: Recall) -> Reading:
        self._fail("read")
        self.asked.append(issue)
        self.on_read()
        there = replace(
            self.now,
            id=issue,
            key=f"ABC-{issue}",
            project=self.moved.get(issue, "ABC"),
            labels=tuple(self.worn.get(issue, ())),
        )
        recalled = self.sees_own_labels or recall.memory
        return Reading(there, self.memories.get(issue, Memory()) if recalled else Memory())

    def steps(self, issue: Issue, operations: Collection[Operation]) -> tuple[Step, ...]:
        return tuple(Step("labels", (one,), partial(self._write, issue, one)) for one in operations)

    def _write(self, issue: Issue, operation: Operation) -> Written:
        sentence = self.refusing(issue.id, operation)
        if sentence:
            return Written(failures=(Failure(operation, str(sentence)),))
        self.writes.append(operation)
        worn = self.worn.setdefault(issue.id, [])
        assert isinstance(operation, AddLabels | RemoveLabels)
        self.memories[issue.id] = operation.remember
        if isinstance(operation, RemoveLabels):
            ids = {label.id for label in operation.labels}
            worn[:] = [label for label in worn if label.id not in ids]
            return Written(withdrawn=operation.labels)
        added = operation.labels + tuple(Label(f"id of {new.name}", new.name) for new in operation.new)
        worn.extend(added)
        return Written(added)


@dataclass
class Sprint:
    """One sprint whose runs follow each other, with what a run gave kept for the next."""

    floor: Floor
    tracker: Issues
    subject: Subject = SPRINT
    marking: Marking = field(default_factory=lambda: Marking(frozenset(), frozenset()))
    batch: Batch | None = None

    def begin(self) -> Batch:
        self.floor.offer(Hint(self.subject, HintKind.SPRINT_DUE, f"{next(NUMBERS)}"))
        batch = self.floor.shop.inbox.begin(self.subject, self.floor.token(self.subject))
        assert batch is not None
        return batch

    def run(self, *wanted: str, label: str = NAME) -> Marking:
        batch, desk = self.begin(), self.floor.shop.desks["acme"]
        try:
            self.marking = mark(
                self.floor.shop, desk, batch, label, wanted, self.marking.marked, self.marking.settled
            )
        finally:
            self.floor.shop.inbox.finish(batch)
        return self.marking

    def costs(self, *wanted: str) -> tuple[int, int]:
        """Readings and writes of one more run."""
        before = len(self.tracker.asked), len(self.tracker.writes)
        self.run(*wanted)
        return len(self.tracker.asked) - before[0], len(self.tracker.writes) - before[1]

    def beside(self) -> Sprint:
        """Another sprint on the same tracker."""
        return Sprint(self.floor, self.tracker, OTHER_SPRINT)

    def labels(self, id_: str = "20") -> list[str]:
        return [label.name for label in self.tracker.worn.get(id_, ())]

    def journal(self, id_: str = "20") -> Journal:
        return self.floor.shop.journals.read(about(id_))


def about(id_: str) -> Subject:
    return Subject("acme", SubjectKind.ISSUE, id_)


@pytest.fixture
def sprint(floor: Floor) -> Sprint:
    tracker = Issues(issue(updated=None))
    desk = floor.shop.desks["acme"]
    floor.shop.desks["acme"] = replace(desk, tracker=tracker, applier=replace(desk.applier, tracker=tracker))
    return Sprint(floor, tracker)


def test_what_is_wanted_gets_the_label_and_loses_it_when_it_is_not(sprint: Sprint) -> None:
    put_on = sprint.run("20", "21")
    assert (put_on.marked, put_on.changed) == (
        frozenset({"20", "21"}),
        (("ABC-20", "add_labels"), ("ABC-21", "add_labels")),
    )
    taken_off = sprint.run("21")
    assert (taken_off.marked, taken_off.changed) == (frozenset({"21"}), (("ABC-20", "remove_labels"),))
    assert (sprint.labels("20"), sprint.labels("21")) == ([], [NAME])
    assert (taken_off.more, taken_off.refused) == (False, ())


def test_a_label_we_took_off_ourselves_comes_back_with_its_issue(sprint: Sprint) -> None:
    for wanted in (("20",), (), ("20",)):
        sprint.run(*wanted)
    assert sprint.labels() == [NAME]
    assert (sprint.journal().held, sprint.journal().withdrawn) == ({NAME: "37"}, {})


def test_our_own_removal_in_an_issues_history_is_no_persons_no(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.run()
    assert sprint.journal().held == {}
    sprint.tracker.memories["20"] = Memory(frozenset({NAME}), frozenset({NAME}))
    sprint.run("20")
    assert sprint.labels() == [NAME]


def test_the_tracker_remembers_what_is_ours_and_what_people_took_off(sprint: Sprint) -> None:
    sprint.tracker.memories["20"] = Memory(frozenset({"ui"}), frozenset({"ui"}))
    sprint.run("20")
    assert sprint.tracker.memories["20"] == Memory(frozenset({"ui", NAME}), frozenset({"ui"}))
    sprint.run()
    assert sprint.tracker.memories["20"] == Memory(frozenset({"ui"}), frozenset({"ui"}))


def test_what_stands_as_it_should_costs_nothing(sprint: Sprint) -> None:
    sprint.tracker.worn["21"] = [OURS]
    sprint.run("20", "21")
    assert sprint.costs("20", "21") == (0, 0)


def test_an_issue_that_moves_on_to_another_sprint_bears_the_label_for_that_one(sprint: Sprint) -> None:
    other = sprint.beside()
    sprint.run("20")
    other.run("20")
    for _ in range(3):
        other.run("20")
        sprint.run()
    assert (sprint.labels(), sprint.journal().held) == ([NAME], {NAME: "38"})
    assert len(sprint.tracker.writes) == 1
    assert (sprint.marking.marked, other.marking.marked) == (frozenset(), frozenset({"20"}))
    other.run()
    assert sprint.labels() == []


def test_two_sprints_that_look_at_one_moment_do_not_lose_the_label_for_good(sprint: Sprint) -> None:
    other = sprint.beside()
    sprint.run("20")

    def meanwhile() -> None:
        sprint.tracker.on_read = lambda: None
        other.run("20")

    sprint.tracker.on_read = meanwhile
    sprint.run()
    assert sprint.labels() == []
    assert other.marking.more
    other.run("20")
    assert (sprint.labels(), other.marking.marked) == ([NAME], frozenset({"20"}))


def test_what_is_more_than_a_run_may_do_is_left_for_the_next(sprint: Sprint) -> None:
    ids = [str(number) for number in range(100, 130)]
    assert [sprint.run(*ids).more for _ in range(2)] == [True, False]
    assert all(sprint.labels(id_) == [NAME] for id_ in ids)
    first = sprint.run()
    assert (first.more, len(first.marked)) == (True, 10)
    assert (sprint.run().more, sprint.marking.marked) == (False, frozenset())
    assert not any(sprint.labels(id_) for id_ in ids)


def test_what_was_put_on_under_an_earlier_name_is_taken_off(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.run("20", "21", label="late")
    assert (sprint.labels("20"), sprint.labels("21")) == ([NAME], ["late"])
    sprint.run(label="late")
    assert (sprint.labels("20"), sprint.labels("21")) == ([], [])


def test_an_earlier_name_will_do_for_a_run_that_lost_count(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.marking = Marking(frozenset(), frozenset())
    assert sprint.run("20", label="late").marked == {"20"}
    assert sprint.labels() == [NAME]


def test_other_labels_of_ours_stay(sprint: Sprint) -> None:
    security = Label("security", "security")
    sprint.tracker.worn["20"] = [security]
    sprint.floor.shop.journals.note_written(about("20"), labels={security.id: security.name})
    sprint.run("20")
    sprint.run()
    assert sprint.labels() == ["security"]


@pytest.mark.parametrize("name", [NAME, "Scope-Added"])
def test_a_persons_own_label_is_neither_ours_nor_doubled(sprint: Sprint, name: str) -> None:
    sprint.tracker.worn["20"] = [Label(name, name)]
    sprint.run("20")
    sprint.run()
    assert (sprint.labels(), sprint.tracker.writes) == ([name], [])


def test_a_removal_by_a_person_counts_though_its_event_was_lost(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.tracker.worn["20"] = []
    assert sprint.costs() == (1, 0)
    assert sprint.journal().vetoed == {NAME: "state"}
    sprint.run("20")
    assert (sprint.labels(), sprint.marking.settled) == ([], frozenset({"20"}))
    assert sprint.costs("20") == (0, 0)


def test_a_removal_that_an_event_told_of_is_not_asked_about(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.tracker.worn["20"] = []
    sprint.floor.shop.journals.note_vetoes(about("20"), {NAME: "event"})
    assert sprint.costs() == (0, 0)
    assert sprint.costs("20") == (0, 0)


def test_a_no_holds_whatever_the_case(sprint: Sprint) -> None:
    sprint.floor.shop.journals.note_vetoes(about("20"), {NAME.upper(): "event"})
    assert (sprint.run("20").settled, sprint.labels()) == (frozenset({"20"}), [])


def test_what_a_person_put_back_after_taking_it_off_is_theirs(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.floor.shop.journals.note_vetoes(about("20"), {NAME: "event"})
    sprint.run()
    assert sprint.labels() == [NAME]


@pytest.mark.parametrize("sees", [True, False], ids=["with every reading", "when asked"])
def test_after_a_loss_of_redis_the_trackers_memory_tells_what_is_ours(sprint: Sprint, sees: bool) -> None:
    sprint.tracker.sees_own_labels = sees
    sprint.run("20", "21")
    sprint.tracker.worn["21"] = []
    sprint.floor.redis.flushall()
    sprint.marking = Marking(frozenset(), frozenset())
    found = sprint.run("20", "21")
    assert (found.marked, found.settled, found.changed) == (frozenset({"20"}), frozenset({"21"}), ())
    assert sprint.journal("21").vetoed == {NAME: "state"}
    assert sprint.costs("20", "21") == (0, 0)
    sprint.run()
    assert (sprint.labels("20"), sprint.labels("21")) == ([], [])


def test_a_label_that_the_issues_own_run_found_again_is_ours(sprint: Sprint) -> None:
    label = Label("uuid", NAME)
    sprint.tracker.colours, sprint.tracker.worn["20"] = ToyPalette([label]), [label]
    sprint.floor.shop.journals.note_read(about("20"), vetoed={}, applied=[label.id], comments={})
    assert [sprint.run("20").more for _ in range(2)] == [True, False]
    assert sprint.marking.marked == {"20"}
    sprint.run()
    assert sprint.labels() == []


def test_nothing_is_put_on_where_a_persons_no_may_be_forgotten(sprint: Sprint) -> None:
    sprint.tracker.memories["20"] = Memory(whole=False)
    assert sprint.run("20").settled == {"20"}
    assert sprint.tracker.writes == []


def test_a_run_that_died_after_its_write_is_gone_on_from(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.marking = Marking(frozenset(), frozenset())
    assert sprint.costs("20") == (0, 0)
    assert sprint.marking.marked == {"20"}


def test_a_run_that_died_in_its_write_is_gone_on_from(sprint: Sprint) -> None:
    sprint.tracker.worn["20"] = [OURS]
    sprint.floor.shop.journals.note_written(about("20"), labels={NAME: NAME})
    assert [sprint.costs("20") for _ in range(2)] == [(0, 0), (0, 0)]
    assert (sprint.marking.marked, sprint.marking.more) == (frozenset({"20"}), False)


def test_a_removal_that_a_dead_run_may_have_done_is_no_persons_no(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.tracker.worn["20"], sprint.tracker.memories["20"] = [], Memory()
    sprint.floor.shop.journals.intend(about("20"), Intent())
    sprint.run()
    assert (sprint.journal().vetoed, set(sprint.journal().withdrawn)) == ({}, {NAME})
    sprint.run("20")
    assert sprint.labels() == [NAME]


def test_a_reading_older_than_our_own_write_is_no_persons_no(sprint: Sprint) -> None:
    sprint.run("20")
    sprint.floor.shop.journals.note_written(about("20"), updated=later(seconds=9))
    sprint.tracker.now = replace(sprint.tracker.now, updated=later(seconds=1))
    shown, sprint.tracker.worn["20"], sprint.tracker.memories["20"] = sprint.tracker.worn["20"], [], Memory()
    sprint.run()
    assert shown
    assert (sprint.journal().vetoed, set(sprint.journal().withdrawn)) == ({}, {NAME})


def test_a_comment_that_a_dead_run_may_have_posted_is_still_looked_for(sprint: Sprint) -> None:
    intent = Intent((), "labels")
    sprint.floor.shop.journals.intend(about("20"), intent)
    sprint.run("20")
    assert (sprint.labels(), sprint.journal().intent) == ([NAME], intent)


def test_an_issue_of_a_project_that_is_not_named_is_left_alone(sprint: Sprint) -> None:
    sprint.tracker.moved["20"] = "SECRET"
    assert sprint.run("20").settled == {"20"}
    sprint.run("21")
    sprint.tracker.moved["21"] = "SECRET"
    sprint.run()
    assert (sprint.labels("20"), sprint.labels("21"), len(sprint.tracker.writes)) == ([], [NAME], 1)


def test_a_label_that_is_missing_is_made_once(sprint: Sprint) -> None:
    sprint.tracker.colours = ToyPalette([])
    sprint.run("20")
    assert (sprint.labels(), sprint.journal().held) == ([NAME], {f"id of {NAME}": "37"})
    sprint.run()
    assert sprint.labels() == []


def test_a_list_of_labels_that_is_old_is_asked_for_anew(sprint: Sprint) -> None:
    sprint.tracker.colours = ToyPalette([], may_create=False)
    sprint.tracker.newer = ToyPalette([OURS])
    sprint.run("20")
    assert sprint.labels() == [NAME]


def test_a_label_that_can_not_be_made_is_told_and_not_asked_for_again(sprint: Sprint) -> None:
    sprint.tracker.colours = ToyPalette([], may_create=False)
    found = sprint.run("20")
    assert found.refused == (
        "The label of ABC-20 stays as it is: the tracker has no such label, and none can be made.",
    )
    assert sprint.costs("20") == (0, 0)


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [(Forbidden, False), (Rejected, False), (Gone, False), (Conflict, True), (ServerFault, True)],
)
@pytest.mark.parametrize("where", ["read", "write"])
def test_trouble_with_one_issue_does_not_keep_the_others_from_theirs(
    sprint: Sprint, error: type[TrackerError], goes_on: bool, where: str
) -> None:
    def fail(id_: str) -> None:
        if id_ == "20":
            raise error("It may not be edited.")

    if where == "read":
        sprint.tracker.on_read = lambda: fail(sprint.tracker.asked[-1])
    else:
        sprint.tracker.refusing = lambda id_, _operation: fail(id_)
    found = sprint.run("20", "21")
    assert (found.marked, found.more) == (frozenset({"21"}), goes_on)
    assert sprint.costs("20", "21") == ((1, 0) if goes_on else (0, 0))
    told = error is not Gone
    assert found.refused == ("The label of issue 20 stays as it is: It may not be edited.",) * told


def test_a_refusal_is_told_once_and_not_asked_for_again_until_the_issue_comes_back(sprint: Sprint) -> None:
    sprint.tracker.refusing = lambda _id, _operation: "It is locked."
    assert sprint.run("20").refused == ("The label of ABC-20 stays as it is: It is locked.",)
    assert (sprint.marking.marked, sprint.marking.settled) == (frozenset(), frozenset({"20"}))
    assert (sprint.run("20").refused, len(sprint.tracker.asked)) == ((), 1)
    assert sprint.run().settled == set()


def test_a_label_that_can_not_be_taken_off_does_not_keep_a_sprint_open(sprint: Sprint) -> None:
    sprint.run("20", "21")
    sprint.tracker.refusing = lambda id_, _operation: "It is locked." if id_ == "20" else None
    found = sprint.run()
    assert (found.marked, found.more) == (frozenset(), False)
    assert found.refused == ("The label of ABC-20 stays as it is: It is locked.",)
    assert sprint.labels("21") == []


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("The token is not accepted."),
        Unreachable("There is no answer."),
        LimitReached("Slower.", (Pause("hour", later() - later(seconds=-5), "hour"),)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stops_the_tracker_ends_the_run_and_the_next_goes_on(
    sprint: Sprint, error: TrackerError
) -> None:
    def stop(id_: str, _operation: Operation) -> None:
        if id_ == "21":
            raise error

    sprint.tracker.refusing = stop
    with pytest.raises(type(error)):
        sprint.run("20", "21")
    sprint.tracker.refusing = lambda _id, _operation: None
    assert sprint.run("20", "21").marked == {"20", "21"}
    assert len(sprint.tracker.writes) == 2
