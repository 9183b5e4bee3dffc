"""From honest answers to lines: by hand, for any rows, and in simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.head import Honest
from classifiers.thresholds import (
    ASKED,
    Rule,
    Thresholds,
    best_rows,
    eligible_rows,
    learn_thresholds,
)


def rows(*said: tuple[int, int, float, bool]) -> Honest:
    """Example, tag, chance, right."""
    example, tag, p, right = zip(*said, strict=True) if said else ((), (), (), ())
    return Honest(
        np.array(example, dtype=np.int32),
        np.array(tag, dtype=np.int32),
        np.array(p, dtype=np.float32),
        np.array(right, dtype=np.bool_),
    )


def steps(*groups: tuple[float, int, int]) -> Honest:
    """One answer an issue: chance, how many, how many of them right."""
    said: list[tuple[int, int, float, bool]] = []
    for p, total, right in groups:
        said += [(len(said) + i, 0, p, i < right) for i in range(total)]
    return rows(*said)


def several(honest: Honest) -> Thresholds:
    return learn_thresholds(honest, exclusive=False)


def one_of(honest: Honest) -> Thresholds:
    return learn_thresholds(honest, exclusive=True)


def test_where_several_fit_the_line_is_the_asked_precision() -> None:
    honest = steps((0.953125, 40, 39), (0.8125, 40, 33), (0.625, 40, 24))
    found = several(honest)
    assert found.rule is Rule.CHANCE
    assert found.line(0.8) == 0.8125
    assert found.line(0.6) == 0.625
    assert found.line(0.95) == 0.953125


def test_where_several_fit_overrating_moves_the_line_up() -> None:
    honest = steps((0.9375, 40, 36), (0.8125, 40, 20))
    # All 80 together are right in 0.70 (up to 0.75 at 70 %), the first 40 in 0.9.
    assert several(honest).line(0.8) == 0.9375


def test_what_may_be_bad_luck_moves_no_line() -> None:
    # 62 of 80 are 0.775, up to 0.82 at 70 %.
    assert several(steps((0.9375, 40, 36), (0.8125, 40, 26))).line(0.8) == 0.8125


def test_a_line_that_climbed_takes_the_higher_ones_along() -> None:
    """At 0.70 the answers contradict (0.66 of 540); at 0.71 alone they might not (0.69 of 140)."""
    honest = steps((0.9375, 40, 36), (0.71875, 100, 60), (0.703125, 400, 260))
    found = several(honest)
    assert found.line(0.69) == 0.9375
    assert found.line(0.71) == 0.9375
    assert found.line(0.65) == 0.703125


def test_where_one_fits_the_line_is_where_the_bound_reaches() -> None:
    honest = steps((0.75, 100, 97), (0.625, 100, 93), (0.5, 100, 50))
    # Lower ends at 70 %: 0.947 of 97/100, 0.931 of 190/200 (share 0.95), 0.775 of 240/300.
    found = one_of(honest)
    assert found.rule is Rule.BOUND
    assert found.line(0.94) == 0.75
    assert found.line(0.93) == 0.625
    assert found.line(0.78) == 0.625
    assert found.line(0.77) == 0.5
    assert found.line(0.95) is None


def test_the_rule_can_be_chosen() -> None:
    honest = steps((0.75, 100, 97))
    assert learn_thresholds(honest, exclusive=True, rule=Rule.CHANCE).line(0.9) is None
    assert learn_thresholds(honest, exclusive=False, rule=Rule.BOUND).line(0.9) == 0.75


def test_asked_against_got_is_told() -> None:
    rung = several(steps((0.95, 40, 39), (0.8125, 40, 33))).rung(0.8)
    assert rung is not None
    assert (rung.got.right, rung.got.total, rung.issues) == (72, 80, 80)
    assert rung.interval.low == pytest.approx(0.8148, abs=1e-4)


def test_of_one_tag_heads_only_the_best_tag_is_an_answer() -> None:
    said = [(i, tag, 0.75 if tag else 0.25, tag == 1) for i in range(30) for tag in (0, 1)]
    found = one_of(rows(*said))
    rung = found.rung(0.9)
    assert rung is not None
    assert (rung.line, rung.got.right, rung.got.total) == (0.75, 30, 30)


def test_two_tags_of_one_issue_are_one_issue() -> None:
    said = [(i, tag, 0.875, True) for i in range(15) for tag in (0, 1)]
    rung = several(rows(*said)).rung(0.8)
    assert rung is not None
    assert (rung.got.total, rung.issues) == (30, 15)


def test_the_best_of_equals_is_the_first() -> None:
    honest = rows((1, 0, 0.5, True), (0, 0, 0.25, True), (1, 1, 0.5, False), (0, 1, 0.75, False))
    assert best_rows(honest).tolist() == [3, 0]


def test_rows_that_would_not_be_applied_do_not_count() -> None:
    honest = steps((0.875, 40, 40), (0.8125, 40, 0))
    assert several(honest).line(0.8) == 0.875
    eligible = np.arange(80) >= 40
    assert learn_thresholds(honest, exclusive=False, eligible=eligible).line(0.8) is None


def test_a_tag_needs_its_uses_in_the_issue_s_own_project() -> None:
    honest = rows((0, 0, 0.9, True), (0, 1, 0.9, True), (1, 0, 0.9, True), (2, 0, 0.9, True))
    projects = np.array(["ABC", "OPS", "NEW"])
    uses = {"ABC": {"backend": 3, "docs": 2}, "OPS": {"backend": 1}}
    assert eligible_rows(honest, ("backend", "docs"), projects, uses).tolist() == [True, False, False, False]


def test_few_answers_promise_nothing() -> None:
    found = several(steps((0.9, 19, 19)))
    assert found.line(0.5) is None
    assert "fewer than 20 got a sure answer" in (found.silence(0.5) or "")


def test_silence_tells_how_near_it_came() -> None:
    told = several(steps((0.95, 40, 30))).silence(0.9)
    assert told is not None
    assert "30 times of 40" in told


def test_a_share_that_may_be_luck_is_not_called_too_low() -> None:
    told = one_of(steps((0.95, 20, 17))).silence(0.8)
    assert told is not None
    assert told.endswith("right 17 times of 20, which is too few to be sure of it")


def test_no_answers_at_all_is_silence() -> None:
    found = several(rows())
    assert found.line(0.5) is None
    assert found.issues == 0


def test_between_two_rungs_the_stricter_holds() -> None:
    found = several(steps(*((p / 64, 40, 40) for p in range(63, 31, -1))))
    assert found.line(0.805) == found.line(0.81)
    assert found.line(0.3) == found.line(0.5)
    assert found.line(0.999) is None
    assert found.silence(0.999) is not None
    assert found.silence(0.8) is None


def test_thresholds_survive_their_file() -> None:
    found = several(steps((0.95, 40, 39), (0.81, 40, 33)))
    assert Thresholds.of_facts(found.facts()) == found


def test_damaged_thresholds_are_refused() -> None:
    facts: dict[str, Any] = several(steps((0.95, 40, 39), (0.81, 40, 33))).facts()
    facts["rungs"][10]["line"] = 0.01
    with pytest.raises(ValueError, match="damaged"):
        Thresholds.of_facts(facts)
    facts["rungs"][10]["line"] = "high"
    with pytest.raises(ValueError, match=r"rungs\.10\.line"):
        Thresholds.of_facts(facts)


CHANCES = st.lists(st.tuples(st.integers(0, 16), st.booleans()), max_size=120)


@settings(max_examples=60)
@given(CHANCES, st.booleans())
def test_a_higher_asked_precision_never_has_a_lower_line(
    said: Sequence[tuple[int, bool]], exclusive: bool
) -> None:
    honest = rows(*((i, 0, p / 16, right) for i, (p, right) in enumerate(said)))
    found = learn_thresholds(honest, exclusive=exclusive)
    lines = [2.0 if rung.line is None else rung.line for rung in found.rungs]
    assert [rung.asked for rung in found.rungs] == list(ASKED)
    assert lines == sorted(lines)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("off", [0.0, 0.7, -0.7])
def test_on_fresh_answers_the_asked_precision_is_got(exclusive: bool, off: float) -> None:
    """Also from a model whose chances are all too high or too low: its honest rows show it."""
    got = np.array([fresh_precision(seed, exclusive=exclusive, off=off) for seed in range(20)])
    assert np.mean(got >= 0.8) >= (0.8 if exclusive or off < 0.7 else 0.4)
    assert got.mean() >= 0.8


def fresh_precision(seed: int, *, exclusive: bool, off: float) -> float:
    dice = np.random.default_rng(seed)
    known, fresh = simulated(dice, 3000, off), simulated(dice, 20000, off)
    line = learn_thresholds(known, exclusive=exclusive).line(0.8)
    assert line is not None
    above = fresh.p >= line
    return float(fresh.right[above].mean())


def simulated(dice: np.random.Generator, size: int, off: float) -> Honest:
    odds = dice.normal(0.3, 1.8, size)
    right = dice.random(size) < 1 / (1 + np.exp(-odds))
    p = 1 / (1 + np.exp(-(odds + off)))
    every = np.arange(size, dtype=np.int32)
    return Honest(every, np.zeros(size, dtype=np.int32), p.astype(np.float32), right)
