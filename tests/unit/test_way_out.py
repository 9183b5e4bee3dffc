"""The way out proposes the fewest issues, from the bottom of the list, or says that there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from classifiers.capacity import Delivery, shipped
from classifiers.sprint_judgement import Item
from classifiers.way_out import way_out
from tests.unit.made_sprints import moment, sprint, team

COMMITTED = 40.0


@pytest.fixture(scope="module")
def delivery() -> Delivery:
    """A team that delivers about 20 points and has committed to 40."""
    row = sprint(100, COMMITTED)
    found = shipped().delivery_of(row, moment(0.0, COMMITTED), team(20))
    assert found is not None
    return found


def chance_of_enough(delivery: Delivery, moved: float) -> float:
    import numpy as np

    return 1 - float(delivery.below(np.array([0.8 * (COMMITTED - moved)]))[0])


def items(*amounts: float) -> Sequence[Item]:
    return [Item(f"SHOP-{at}", amount) for at, amount in enumerate(amounts)]


def test_it_takes_the_lowest_ranked_until_the_line_is_reached(delivery: Delivery) -> None:
    line = chance_of_enough(delivery, 8)
    found = way_out(delivery, items(5, 3, 8, 13), line=line)
    assert [item.key for item in found.move] == ["SHOP-0", "SHOP-1"]
    assert found.reaches
    assert found.p_enough == pytest.approx(line)
    assert found.p_all_done <= found.p_enough


def test_what_is_not_needed_stays(delivery: Delivery) -> None:
    found = way_out(delivery, items(1, 2, 8, 5), line=chance_of_enough(delivery, 8))
    assert [item.key for item in found.move] == ["SHOP-2"]


def test_issues_that_count_nothing_are_passed_over(delivery: Delivery) -> None:
    found = way_out(delivery, items(0, 5, 0, 3), line=chance_of_enough(delivery, 8))
    assert [item.amount for item in found.move] == [5, 3]


def test_more_than_half_of_the_commitment_is_never_moved(delivery: Delivery) -> None:
    found = way_out(delivery, items(13, 13, 5, 13), line=0.999)
    assert [item.amount for item in found.move] == [13, 5]
    assert not found.reaches


def test_a_move_that_hardly_helps_is_not_worth_saying(delivery: Delivery) -> None:
    found = way_out(delivery, items(1), line=0.999)
    assert found.move == ()
    assert not found.reaches
    assert found.p_enough == pytest.approx(chance_of_enough(delivery, 0))


def test_nothing_to_move_is_said_so(delivery: Delivery) -> None:
    assert way_out(delivery, [], line=0.999).move == ()


def test_where_the_line_is_reached_nothing_need_move(delivery: Delivery) -> None:
    found = way_out(delivery, items(8, 8), line=0.01)
    assert found.move == ()
    assert found.reaches


def test_what_was_moved_before_counts(delivery: Delivery) -> None:
    line = chance_of_enough(delivery, 8)
    assert [item.amount for item in way_out(delivery, items(3, 8), line=line, already=5).move] == [3]
    assert way_out(delivery, items(3, 8), line=line, already=8).move == ()
