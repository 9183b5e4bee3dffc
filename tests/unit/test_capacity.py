"""Forecasts of sprints: sound whatever is known, consistent, and from nothing but what was known then."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.capacity import Forecaster, shipped
from classifiers.capacity_fit import fit_forecaster
from classifiers.capacity_rows import History, State, before, delivery_inputs, ended
from classifiers.sprint_judgement import Forecast
from classifiers.sprint_rows import Count, Moment, SprintRow
from tests.unit.made_sprints import moment, sprint, team

PAST = team(20)
ROW = sprint(100, 30)

amounts = st.none() | st.integers(0, 200).map(float) | st.floats(0, 200)
counts = st.builds(Count, amounts, amounts)
moments = st.builds(
    Moment,
    t=st.floats(0, 1),
    added=counts,
    removed=counts,
    todo=counts,
    doing=counts,
    done=counts,
    team=st.none() | st.floats(0, 50),
)
rows = st.builds(
    SprintRow,
    id=st.uuids().map(str),
    project=st.just("SHOP"),
    board=st.just("1"),
    order=st.floats(0, 99),
    planned_days=st.none() | st.floats(0, 60),
    start=counts,
    moments=st.lists(moments, max_size=4).map(lambda some: tuple(sorted(some, key=lambda one: one.t))),
    delivered=counts,
)
pasts = st.lists(rows, max_size=6)
shares = st.floats(0.05, 1.0)


def check(forecast: Forecast) -> None:
    assert all(math.isfinite(value) for value in asdict(forecast).values())
    for p in (forecast.p_all_done, forecast.p_overcommitted, forecast.p_scope_creep):
        assert 0 <= p <= 1
    assert forecast.p_all_done <= 1 - forecast.p_overcommitted + 1e-9
    assert 0 <= forecast.low <= forecast.expected <= forecast.high


# Sound, whatever is known


@given(row=rows, at=moments, past=pasts, away=st.floats(0, 1), share=shares)
@settings(deadline=None)
def test_every_answer_is_sound(
    row: SprintRow, at: Moment, past: list[SprintRow], away: float, share: float
) -> None:
    check(shipped().forecast(replace(row, order=100), at, past, away=away, done_share=share))


@given(at=moments, past=pasts, moved=st.floats(0, 60), more=st.floats(0, 60), away=st.floats(0, 1))
@settings(deadline=None)
def test_taking_work_out_never_worsens_the_chances(
    at: Moment, past: list[SprintRow], moved: float, more: float, away: float
) -> None:
    less = shipped().without(ROW, at, past, moved, away=away)
    least = shipped().without(ROW, at, past, moved + more, away=away)
    assert least.p_all_done >= less.p_all_done - 1e-9
    assert least.p_overcommitted <= less.p_overcommitted + 1e-9
    assert (least.expected, least.low, least.high) == (less.expected, less.low, less.high)


@given(at=moments, past=pasts, away=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
@settings(deadline=None)
def test_absences_never_raise_the_chances(at: Moment, past: list[SprintRow], away: list[float]) -> None:
    fewer, more = (shipped().forecast(ROW, at, past, away=share) for share in away)
    assert more.p_all_done <= fewer.p_all_done + 1e-9
    assert more.p_overcommitted >= fewer.p_overcommitted - 1e-9
    assert more.expected <= fewer.expected + 1e-9


@given(row=rows, at=moments, past=pasts)
@settings(deadline=None)
def test_a_higher_bar_is_never_likelier_to_be_reached(
    row: SprintRow, at: Moment, past: list[SprintRow]
) -> None:
    delivery = shipped().delivery_of(replace(row, order=100), at, past)
    if delivery is not None:
        below = delivery.below(np.linspace(0, 3 * delivery.state.start, 60))
        assert (np.diff(below) >= -1e-9).all()


# Sensible


def test_committing_to_more_makes_it_less_likely() -> None:
    chances = [
        shipped().forecast(sprint(100, size), moment(0.0, size), PAST).p_overcommitted
        for size in (8.0, 16.0, 24.0, 40.0, 80.0)
    ]
    assert chances == sorted(chances)
    assert chances[0] < 0.4
    assert chances[-1] > 0.7


def test_a_board_that_fell_short_lately_is_trusted_less() -> None:
    good = [sprint(float(order), 20, 20) for order in range(8)]
    short = [*good[:4], *(sprint(float(order), 20, 9) for order in range(4, 8))]
    now = sprint(100, 20), moment(0.0, 20)
    assert (
        shipped().forecast(*now, short).p_overcommitted > shipped().forecast(*now, good).p_overcommitted + 0.1
    )


def test_what_is_done_raises_the_chances() -> None:
    chances = [
        shipped().forecast(ROW, moment(0.5, 30, done=done), PAST).p_all_done for done in (3, 12, 21, 30)
    ]
    assert chances == sorted(chances)
    assert chances[-1] > 0.9


def test_at_the_end_there_is_nothing_left_to_forecast() -> None:
    over = shipped().forecast(ROW, moment(1.0, 30, done=24), PAST)
    assert over.p_overcommitted == pytest.approx(0.01)
    assert over.p_all_done == pytest.approx(0.01)
    assert over.low <= 24 <= over.high


def test_between_two_moments_the_answer_lies_between_theirs() -> None:
    def at(t: float) -> float:
        return shipped().forecast(ROW, replace(moment(0.5, 30, done=9, doing=6), t=t), PAST).p_overcommitted

    for before_it, after_it in ((0.0, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.0)):
        ends = sorted((at(before_it), at(after_it)))
        steps = [at(before_it + part * (after_it - before_it)) for part in (0.01, 0.25, 0.5, 0.75, 0.99)]
        assert all(ends[0] - 1e-9 <= step <= ends[1] + 1e-9 for step in steps)
        assert steps in (sorted(steps), sorted(steps, reverse=True))
    assert at(0.3 + 1e-9) == pytest.approx(at(0.3))


def test_the_bar_may_lie_elsewhere() -> None:
    at = moment(0.3, 30, done=6)
    chances = [
        shipped().forecast(ROW, at, PAST, done_share=share).p_overcommitted for share in (0.5, 0.8, 1.0)
    ]
    assert chances == sorted(chances)
    assert chances[-1] == pytest.approx(1 - shipped().forecast(ROW, at, PAST).p_all_done)


def test_who_is_away_for_half_of_the_time_has_twice_as_much_to_do() -> None:
    delivery = shipped().delivery_of(ROW, moment(0.5, 30, done=10), PAST)
    halved = shipped().delivery_of(ROW, moment(0.5, 30, done=10), PAST, away=0.5)
    assert delivery is not None
    assert halved is not None
    np.testing.assert_allclose(halved.below(np.array([9.0, 20.0])), delivery.below(np.array([9.0, 30.0])))


# What is not known


def test_nothing_committed_is_done_already() -> None:
    found = shipped().forecast(sprint(100, 0), moment(0.3, 0), PAST)
    assert (found.p_all_done, found.p_overcommitted, found.p_scope_creep) == (1, 0, 0)
    assert found.expected == pytest.approx(np.mean([row.delivered.points for row in PAST]))
    check(shipped().forecast(sprint(100, 0), moment(0.3, 0), []))


def test_of_an_unknown_commitment_nothing_is_said() -> None:
    row = replace(ROW, start=Count())
    found = shipped().forecast(row, Moment(0.3), PAST)
    assert (found.p_all_done, found.p_overcommitted, found.p_scope_creep) == (0.5, 0.5, 0.5)


def test_a_commitment_is_worked_out_from_what_is_in_the_sprint() -> None:
    at = moment(0.3, 30, done=5, added=4, removed=2)
    assert shipped().forecast(replace(ROW, start=Count()), at, PAST) == shipped().forecast(ROW, at, PAST)


def test_a_start_of_which_nothing_is_known_counts_as_nothing_begun() -> None:
    assert shipped().forecast(ROW, Moment(0.0, team=4.0), PAST) == shipped().forecast(
        ROW, moment(0.0, 30), PAST
    )


def test_a_moment_of_which_nothing_is_known_is_told_as_the_start() -> None:
    for t in (0.3, 0.8, 1.0):
        assert shipped().forecast(ROW, Moment(t), PAST) == shipped().forecast(ROW, Moment(0.0), PAST)


def test_a_commitment_of_which_nothing_was_ever_delivered_is_no_history() -> None:
    empty = [sprint(float(order), 0, 0) for order in range(5)]
    assert shipped().forecast(ROW, moment(0.0, 30), empty) == shipped().forecast(ROW, moment(0.0, 30), [])


# Nothing but what was known then


def test_later_moments_and_the_outcome_are_not_looked_at() -> None:
    at = ROW.moments[1]
    later = replace(ROW, moments=(*ROW.moments[:2], moment(0.5, 30, done=30)), delivered=Count(30, 30))
    assert shipped().forecast(later, at, PAST) == shipped().forecast(replace(ROW, moments=()), at, PAST)


@pytest.mark.parametrize(
    "other",
    [
        sprint(101, 30, 0),
        sprint(100, 30, 0),
        sprint(100, 30, 0, board="2"),
        sprint(50, 30, 0, board="2"),
        sprint(50, 30, 0, project="OTHER"),
        sprint(50, 30, None),
    ],
    ids=["later", "itself", "itself on another board", "another board", "another project", "still open"],
)
def test_other_sprints_change_nothing(other: SprintRow) -> None:
    at = moment(0.3, 30, done=5)
    assert shipped().forecast(ROW, at, [*PAST, other]) == shipped().forecast(ROW, at, PAST)
    assert shipped().forecast(ROW, at, [*PAST, replace(other, order=50.0, board="1", project="SHOP",
        delivered=Count(0, 0))]) != shipped().forecast(ROW, at, PAST)  # fmt: skip


def test_the_order_of_the_past_is_not_that_of_the_list() -> None:
    at = moment(0.3, 30, done=5)
    assert shipped().forecast(ROW, at, PAST[::-1]) == shipped().forecast(ROW, at, PAST)


def test_of_a_past_sprint_only_totals_and_late_additions_count() -> None:
    at = moment(0.3, 30, done=5)
    totals = [replace(row, moments=row.moments[-1:]) for row in PAST]
    assert shipped().forecast(ROW, at, totals) == shipped().forecast(ROW, at, PAST)


# Adapting


def test_a_few_own_sprints_change_nothing() -> None:
    assert shipped().refitted(PAST[:9]) is shipped()
    assert shipped().refitted([]) is shipped()


def test_it_adapts_to_a_team() -> None:
    """One that never gets anything done, on ever new boards, so that no history tells."""
    rows = [sprint(float(order), 20, 0, board=str(order)) for order in range(60)]
    row, at = sprint(100, 20, board="new"), moment(0.0, 20)
    assert (
        shipped().refitted(rows).forecast(row, at, []).p_overcommitted
        > shipped().forecast(row, at, []).p_overcommitted + 0.05
    )


def test_a_sprint_on_two_boards_is_learnt_from_once() -> None:
    views = [
        replace(row, id=f"{row.id}-too", board="2", start=Count(row.start.issues, 1.0), delivered=Count(0, 0))
        for row in PAST
    ]
    smaller = [replace(row, start=Count((row.start.issues or 0) - 1, row.start.points)) for row in views]
    at = moment(0.3, 30, done=5)
    once = shipped().refitted(PAST).forecast(ROW, at, PAST)
    assert shipped().refitted([*PAST, *smaller]).forecast(ROW, at, PAST) == once
    assert shipped().refitted([*smaller, *PAST]).forecast(ROW, at, PAST) == once


def test_a_sprint_to_learn_from_is_told_by_what_came_before_it() -> None:
    others = team(20, 2, board="2", project="OTHER")
    found = {(one.row.project, one.row.order): one.history for one in ended([*PAST, *others])}
    assert len(found["SHOP", 0.0].delivered) == 0
    np.testing.assert_array_equal(found["SHOP", 7.0].delivered, [row.delivered.points for row in PAST[:7]])


def test_moments_nobody_knew_are_not_adapted() -> None:
    totals = [replace(row, moments=(Moment(0.8, added=Count(0, 0)),)) for row in PAST]
    at = moment(0.3, 30, done=5)
    assert shipped().refitted(totals).forecast(ROW, at, PAST) == shipped().forecast(ROW, at, PAST)


# Learning


@pytest.fixture(scope="module")
def learnt() -> Forecaster:
    return fit_forecaster([row for seed in range(8) for row in team(25, seed, project=f"P{seed}")])


def test_it_learns_who_will_fall_short(learnt: Forecaster) -> None:
    asked = [(row, team(60, 99)) for row in team(60, 99)[5:]]
    p = np.array([learnt.forecast(row, row.moments[0], past).p_overcommitted for row, past in asked])
    short = np.array([(row.delivered.points or 0) < 0.8 * (row.start.points or 0) for row, _ in asked])
    assert p[short].mean() > 0.7
    assert p[~short].mean() < 0.3


def test_the_interval_holds_what_comes(learnt: Forecaster) -> None:
    asked = [(row, team(40, seed)) for seed in range(50, 54) for row in team(40, seed)[5:]]
    found = [(learnt.forecast(row, row.moments[0], past), row.delivered.points or 0.0) for row, past in asked]
    held = np.mean([one.low <= delivered <= one.high for one, delivered in found])
    assert 0.65 < held < 0.95
    bias = np.mean([one.expected for one, _ in found]) / np.mean([delivered for _, delivered in found])
    assert 0.8 < bias < 1.2


def test_the_same_sprints_teach_the_same(learnt: Forecaster) -> None:
    again = fit_forecaster([row for seed in range(8) for row in team(25, seed, project=f"P{seed}")])
    assert again.to_facts() == learnt.to_facts()


def test_without_sprints_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="No finished sprint with a commitment is known at 0%"):
        fit_forecaster([])


# Keeping


def test_it_is_told_and_read(learnt: Forecaster) -> None:
    read = Forecaster.from_facts(json.loads(json.dumps(learnt.to_facts())))
    for row in PAST:
        one, other = (forecaster.forecast(row, row.moments[2], PAST) for forecaster in (read, learnt))
        assert one == other


def test_weights_of_other_inputs_are_refused(learnt: Forecaster) -> None:
    facts = learnt.to_facts()
    facts["delivery"][1]["regression"]["inputs"].pop("load")
    with pytest.raises(ValueError, match=r"other inputs: \['load'\]"):
        Forecaster.from_facts(facts)


def test_the_shipped_one_says_where_it_is_from() -> None:
    text = resources.files("classifiers").joinpath("shipped", "priors.json").read_text(encoding="utf-8")
    told = json.loads(text)["fitted_on"]
    assert sum(told["sprints"].values()) > 600
    assert "IEEE Transactions on Software Engineering, 2017" in told["source"]
    assert told["command"].startswith("python -m benchmarks.sprints")


def test_forecasts_need_numpy_alone() -> None:
    code = (
        "import sys\n"
        "from classifiers.capacity import shipped\n"
        "assert not shipped.cache_info().currsize\n"
        "from tests.unit.made_sprints import moment, sprint, team\n"
        "shipped().forecast(sprint(100, 30), moment(0.3, 30), team(5))\n"
        "print([name for name in ('sklearn', 'scipy', 'flask') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# The inputs


def test_inputs_are_as_they_are_named() -> None:
    past = [sprint(1, 20, 10), sprint(2, 20, 20), sprint(3, 20, 30)]
    state = State.of(sprint(9, 40), moment(0.5, 40, done=12, doing=8, added=10, removed=5))
    assert state is not None
    inputs = delivery_inputs(state, History.of(past), np.array([12.0, 20.0, 32.0]))
    weights = 0.8**2 + 0.8 + 1
    np.testing.assert_allclose(inputs[:, 0], (0.8**2 + 1.5) / (weights + 3))
    np.testing.assert_allclose(inputs[:, 1], 3 / 4 * (np.log1p([12, 20, 32]) - np.log1p(20)))
    np.testing.assert_allclose(inputs[:, 2], np.log([0.3, 0.5, 0.8]))
    np.testing.assert_allclose(inputs[:, 3:7], np.tile([0.2, 0.3, 45 / 40, np.log(15)], (3, 1)))
    np.testing.assert_allclose(inputs[:, 7], [0, 0.2, 0.5])
    np.testing.assert_allclose(inputs[:, 8:10], [[1, 1], [0, 1], [0, 0]])
    np.testing.assert_allclose(inputs[:, 10], [0, 1.5 / 5, 3.5 / 5])


def test_the_past_is_of_the_board_and_in_order() -> None:
    others = [sprint(5, 9, 9, board="2"), sprint(100, 9, 9), sprint(3, 9, None)]
    assert before(ROW, [*PAST[::-1], *others]) == PAST
