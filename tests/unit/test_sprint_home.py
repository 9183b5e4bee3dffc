"""Which issue the comment about a sprint stands on."""

from __future__ import annotations

from dataclasses import replace

from classifiers.sprint_judgement import Concern, Grown, Item, WayOut
from tests.conftest import ToyTracker, issue
from tests.unit.sprint_scene import reading, work
from tests.unit.test_sprint_plan import FOUND
from trackers.errors import Gone
from trackers.model import Label
from trackers.protocol import Recall
from trackers.sprints import Stage
from workers.sprint_book import Home
from workers.sprint_home import candidates, has_left, open_home, wears

SPRINT = reading(work(1, stage=Stage.DONE), work(2), work(3), work(4))


def keys(*args: object) -> list[str]:
    return [home.key for home in candidates(*args)]  # type: ignore[arg-type]


def test_the_issue_the_admin_named_is_the_only_one() -> None:
    (home,) = candidates(SPRINT, FOUND, "OPS-12", frozenset({"ABC"}))
    assert (home.key, home.tracking) == ("OPS-12", True)


def test_else_the_issue_that_crossed_the_line() -> None:
    crossed = replace(FOUND, scope=replace(FOUND.scope, crossing="ABC-4"))
    assert keys(SPRINT, crossed, None, None)[0] == "ABC-4"


def test_else_the_most_important_that_is_not_done_and_never_one_we_propose_to_move() -> None:
    moving = replace(FOUND, way_out=WayOut((Item("ABC-4", 3),), 0.5, 0.2, reaches=True))
    assert keys(SPRINT, moving, None, None) == ["ABC-2", "ABC-3", "ABC-4", "ABC-1"]


def test_an_issue_of_a_project_that_is_not_named_is_never_one() -> None:
    foreign = reading(replace(work(1), project="SECRET"), work(2))
    assert keys(foreign, FOUND, None, frozenset({"ABC"})) == ["ABC-2"]


def test_an_issue_that_grew_bears_the_word_about_itself() -> None:
    grown = replace(FOUND, concerns=frozenset({Concern.GROWN}), grown=(Grown("ABC-3", 2, 0),))
    assert keys(SPRINT, grown, None, None)[0] == "ABC-3"


def test_a_home_of_the_sprint_leaves_with_its_issue_and_a_tracking_issue_never_does() -> None:
    assert has_left(Home("9", "ABC-9"), SPRINT)
    assert not has_left(Home("2", "ABC-2"), SPRINT)
    assert not has_left(Home("9", "OPS-9", tracking=True), SPRINT)


class Missing(ToyTracker):
    """A tracker that does not have ABC-1 any more."""

    def read(self, issue: str, recall: Recall):  # type: ignore[no-untyped-def]
        if issue == "1":
            raise Gone("It is gone.")
        return super().read(issue, recall)


def test_an_issue_that_is_gone_is_passed_over() -> None:
    tracker = Missing(issue(), sprints={"37": SPRINT})
    opened = open_home(tracker, (Home("1", "ABC-1"), Home("2", "ABC-2")), Recall())
    assert opened is not None
    assert opened.home == Home("2", "ABC-2")
    assert open_home(tracker, (Home("1", "ABC-1"),), Recall()) is None


def test_a_label_is_worn_whatever_its_case_and_group() -> None:
    worn = replace(issue(), labels=(Label("u", "Snooze", "Bot"),))
    assert wears(worn, "snooze")
    assert wears(worn, "bot/snooze")
    assert not wears(worn, "snoozed")
