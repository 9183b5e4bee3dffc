"""The chance that scope creeps: forecast early, counted late."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.capacity import shipped
from classifiers.capacity_rows import History, State, ended
from classifiers.creep import SHARES, creep_inputs, creep_lessons
from classifiers.sprint_rows import Count, Moment, SprintRow
from tests.unit.made_sprints import moment, sprint, team

ROW = sprint(100, 30)
CALM = [sprint(float(order), 20, 18) for order in range(12)]
BUSY = [sprint(float(order), 20, 18, added=11) for order in range(12)]


def creep(at: Moment, past: list[SprintRow], share: float = 0.2) -> float:
    return shipped().forecast(ROW, at, past, creep_share=share).p_scope_creep


def test_a_board_whose_scope_always_grew_is_likelier_to_grow_again() -> None:
    assert creep(moment(0.0, 30), BUSY) > creep(moment(0.0, 30), CALM) + 0.2


def test_what_has_come_already_makes_it_likelier() -> None:
    chances = [creep(moment(0.3, 30, added=added), CALM) for added in (0, 3, 5)]
    assert chances == sorted(chances)


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.65, 0.8, 1.0])
def test_a_share_that_is_reached_is_sure(t: float) -> None:
    assert creep(moment(t, 30, added=6), CALM) >= 0.99


def test_late_it_is_counted() -> None:
    for t in (0.8, 0.95, 1.0):
        assert creep(moment(t, 30, added=5.9), BUSY) == pytest.approx(0.01)


def test_from_half_time_on_the_forecast_passes_into_the_count() -> None:
    chances = [creep(moment(t, 30, added=2), BUSY) for t in (0.5, 0.6, 0.7, 0.8)]
    assert chances == sorted(chances, reverse=True)


@given(
    t=st.floats(0, 1),
    added=st.floats(0, 100),
    shares=st.lists(st.floats(0.01, 3), min_size=2, max_size=2).map(sorted),
)
def test_a_larger_share_is_never_likelier(t: float, added: float, shares: list[float]) -> None:
    at = moment(t, 30, added=added)
    assert creep(at, BUSY, shares[0]) >= creep(at, BUSY, shares[1]) - 1e-9


@pytest.mark.parametrize("share", [0.0, -1.0])
def test_a_budget_of_nothing_is_always_spent(share: float) -> None:
    chance = creep(moment(0.0, 30), CALM, share)
    assert math.isfinite(chance)
    assert chance > 0.5


def test_of_the_sprints_to_learn_from_those_known_late_count() -> None:
    early = [replace(row, moments=row.moments[:2]) for row in team(6)]
    assert creep_lessons(ended(early), 0.3) is None
    known = creep_lessons(ended([*early, *team(4, board="2", project="OTHER")]), 0.3)
    assert known is not None
    assert len(known.yes) == 4 * len(SHARES)
    assert known.weight.sum() == pytest.approx(4)


def test_totals_alone_speak_through_the_history() -> None:
    """As a tracker tells of finished sprints: what was added by 80 %, and nothing in between."""
    late = [replace(row, moments=(Moment(0.8, added=Count(5, 11)),), delivered=Count(18, 18)) for row in CALM]
    assert creep(moment(0.0, 30), late) == pytest.approx(creep(moment(0.0, 30), BUSY))
    assert shipped().refitted(late).forecast(ROW, moment(0.0, 30), late) == shipped().forecast(
        ROW, moment(0.0, 30), late
    )


def test_it_adapts_to_a_team() -> None:
    """Its scope always doubles, though nothing else about it says so."""
    rows = [sprint(float(order), 20, 18, added=40) for order in range(40)]
    stripped = [replace(row, board=str(row.order)) for row in rows]
    now = moment(0.3, 30)
    adapted = shipped().refitted(stripped)
    assert adapted.forecast(ROW, now, []).p_scope_creep > shipped().forecast(ROW, now, []).p_scope_creep
    assert np.isfinite(adapted.forecast(ROW, now, []).p_scope_creep)


def test_inputs_are_as_they_are_named() -> None:
    past = [sprint(float(order), 20, 20, added=added) for order, added in enumerate((0, 2, 4, 10))]
    state = State.of(sprint(9, 40), moment(0.3, 40, done=4, added=4, removed=2, team=6))
    assert state is not None
    inputs = creep_inputs(state, History.of(past), np.array([0.05, 0.2, 0.5]))
    # Three of the four had at least a tenth added, as this one has.
    np.testing.assert_allclose(inputs[:, 0], [1, (2 + 1.5) / 6, (1 + 1.5) / 6])
    np.testing.assert_allclose(inputs[:, 1], 4 / 5 * (np.log1p(40) - np.log1p(20)))
    np.testing.assert_allclose(inputs[:, 2:4], np.tile(np.log([7, 15]), (3, 1)))
    np.testing.assert_allclose(inputs[:, 4], np.log([0.05, 0.2, 0.5]))
    np.testing.assert_allclose(inputs[:, 5], [1, 0, 0])
    np.testing.assert_allclose(inputs[:, 6], [-1, 0.5, 0.8])
    np.testing.assert_allclose(inputs[:, 7:], np.tile([42 / 40, 1], (3, 1)))
