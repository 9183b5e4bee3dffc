"""The vendors' rules: from a commitment and past deliveries to a rank and a yes or no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.velocity import RULES, Said, falls_short, monte_carlo, over_the_mean

AMOUNTS = st.integers(0, 100).map(float)
PAST = [100.0, 100.0, 10.0, 20.0, 30.0]


@pytest.mark.parametrize(
    ("name", "mean"),
    [("mean of the last 3 (Linear)", 20.0), ("mean of the last 5 (Jira)", 52.0), ("the last sprint", 30.0)],
)
def test_a_rule_warns_above_the_mean_of_the_newest(name: str, mean: float) -> None:
    rule = RULES[name]
    assert rule(mean, PAST, 0.8) == Said(0.5, 0.0)
    assert rule(mean + 1, PAST, 0.8).yes
    assert not rule(mean - 1, PAST, 0.8).yes


def test_fewer_sprints_than_a_rule_looks_at_are_all_it_has() -> None:
    assert over_the_mean(5, 20, [10.0, 30.0], 0.8) == Said(0.5, 0.0)


def test_a_team_that_delivered_nothing_ranks_first() -> None:
    assert over_the_mean(3, 5, [0.0], 0.8) == Said(1.0, 1.0)


@given(st.tuples(AMOUNTS, AMOUNTS), st.tuples(AMOUNTS, AMOUNTS))
def test_the_rank_orders_as_commitment_over_mean(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    (commitment, mean), (commitment_2, mean_2) = ((first + 1, second + 1) for first, second in (one, other))
    ratio = commitment * mean_2 - commitment_2 * mean
    apart = (
        over_the_mean(1, commitment, [mean], 0.8).rank - over_the_mean(1, commitment_2, [mean_2], 0.8).rank
    )
    assert (ratio > 0) == (apart > 1e-12) and (ratio < 0) == (apart < -1e-12)


def test_monte_carlo_counts_the_past_totals_that_would_be_too_little() -> None:
    assert monte_carlo(25, PAST, 0.8).p == 1 / 5, "20 is no less than 80 % of 25"
    assert monte_carlo(26, PAST, 0.8) == Said(2 / 5, 2 / 5)
    assert monte_carlo(26, PAST, 1.0).p == 2 / 5
    assert monte_carlo(1000, PAST, 0.8).yes


@given(st.integers(1, 2000), st.integers(1, 100))
def test_what_reaches_the_bar_does_not_fall_short(hundredths: int, percent: int) -> None:
    commitment = hundredths / 4
    assert not falls_short(commitment * percent / 100, percent / 100 * commitment)
    assert falls_short(commitment * percent / 100 - 0.001, percent / 100 * commitment)
