"""What people confirm and undo moves chances back to the truth, and mutes a tag that fails."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.facts import facts_of, read_facts
from classifiers.shifts import Live, OutcomeRow, Shift, learn_shift, muted


def outcomes(p: float, right: int, wrong: int, project: str = "ABC") -> list[OutcomeRow]:
    rows = [OutcomeRow(project, "backend", p, True)] * right
    return rows + [OutcomeRow(project, "backend", p, False)] * wrong


def logistic(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_nothing_known_shifts_nothing() -> None:
    shift = learn_shift([])
    assert shift == Shift()
    assert shift.move(0.8, "ABC") == 0.8


def test_the_shift_is_where_evidence_and_prior_balance() -> None:
    shift = learn_shift(outcomes(0.8, 5, 5))
    b, c = shift.shared, shift.projects["ABC"]
    assert 5 - 10 * logistic(log(4) + b) == pytest.approx(b / 0.7**2, abs=1e-6)
    assert 5 - 10 * logistic(log(4) + b + c) == pytest.approx(c / 0.5**2, abs=1e-6)
    assert b < 0


def test_one_outcome_hardly_moves() -> None:
    assert -0.4 < learn_shift(outcomes(0.8, 0, 1)).shared < 0


def test_unlikely_rows_do_not_count() -> None:
    assert learn_shift(outcomes(0.4, 20, 0)) == Shift()


def test_a_row_that_counts_twice_is_two_rows() -> None:
    (row,) = outcomes(0.8, 0, 1)
    heavy = OutcomeRow(row.project, row.tag, row.p, row.right, weight=2.0)
    assert learn_shift([heavy]).shared == pytest.approx(learn_shift([row, row]).shared)


def test_all_wrong_at_a_sure_chance_still_settles() -> None:
    shift = learn_shift(outcomes(1.0, 0, 500))
    assert -20 < shift.shared < -5
    assert np.isfinite(shift.move(1.0, "ABC"))


def test_a_project_that_differs_gets_its_own_shift() -> None:
    shift = learn_shift(outcomes(0.8, 80, 20, "ABC") + outcomes(0.8, 40, 60, "OPS"))
    assert shift.move(0.8, "OPS") < shift.move(0.8, "NEW") < shift.move(0.8, "ABC")
    assert shift.move(0.8, "ABC") == pytest.approx(0.77, abs=0.01)
    assert shift.move(0.8, "OPS") == pytest.approx(0.43, abs=0.01)


def test_a_shift_survives_its_record() -> None:
    shift = learn_shift(outcomes(0.8, 3, 9))
    assert read_facts(Shift, facts_of(shift)) == shift


@settings(max_examples=40)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(-5, 5))
def test_a_shift_keeps_the_order_of_chances(one: float, other: float, by: float) -> None:
    shift = Shift(by)
    low, high = sorted((one, other))
    assert 0 <= shift.move(low, "ABC") <= shift.move(high, "ABC") <= 1


def test_an_overrating_model_is_brought_back_to_the_asked_precision() -> None:
    """Chances 0.7 too high in log-odds: accepted at 0.8 it is right far less, shifted it is not."""
    dice = np.random.default_rng(7)
    odds = dice.normal(-0.5, 1.1, 12000)
    right = dice.random(12000) < 1 / (1 + np.exp(-odds))
    p = 1 / (1 + np.exp(-(odds + 0.7)))
    rows = [
        OutcomeRow("ABC" if i % 3 else "OPS", "backend", float(p[i]), bool(right[i])) for i in range(12000)
    ]
    past, later = rows[:2000], rows[2000:]
    assert precision(Shift(), later) < 0.77
    assert precision(learn_shift(past), later) > 0.8
    assert learn_shift(past).shared == pytest.approx(-0.7, abs=0.15)


def precision(shift: Shift, rows: list[OutcomeRow]) -> float:
    accepted = [row.right for row in rows if shift.move(row.p, row.project) >= 0.8]
    return sum(accepted) / len(accepted)


def test_a_tag_surely_under_the_asked_precision_is_muted() -> None:
    # Upper ends at 90 %: 5/10 gives 0.733, 6/10 gives 0.813, 7/10 gives 0.882.
    live = {"slow": Live(5, 10), "docs": Live(6, 10), "api": Live(7, 10)}
    (found,) = muted(live, 0.8)
    assert (found.tag, found.live) == ("slow", Live(5, 10))
    assert found.interval.high == pytest.approx(0.7307, abs=1e-4)
    assert [item.tag for item in muted(live, 0.85)] == ["docs", "slow"]


def test_a_tag_is_not_muted_before_ten_outcomes() -> None:
    assert muted({"slow": Live(0, 9)}, 0.8) == ()
    assert [item.tag for item in muted({"slow": Live(0, 10)}, 0.8)] == ["slow"]
