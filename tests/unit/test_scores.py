"""Scores of chances: scikit-learn's figures, their bootstrap intervals, and fifths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (  # type: ignore[import-untyped]
    average_precision_score,
    brier_score_loss,
    f1_score,
    roc_auc_score,
)

from classifiers.scores import _weighted, reliability, scores
from classifiers.velocity import Said

ANSWERS = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=4, max_size=30
).filter(lambda some: len({yes for _, yes, times in some if times}) == 2)


def said(*chances: float) -> list[Said]:
    return [Said(p, p) for p in chances]


@given(ANSWERS)
def test_a_draw_is_scored_as_scikit_learn_scores_weights(answers: list[tuple[int, bool, int]]) -> None:
    p = np.array([level / 6 for level, _, _ in answers])
    yes = np.array([happened for _, happened, _ in answers])
    times = np.array([float(often) for _, _, often in answers])
    found = _weighted(said(*p), yes, times[None, :])
    assert found.auc[0] == pytest.approx(roc_auc_score(yes, p, sample_weight=times))
    assert found.average_precision[0] == pytest.approx(average_precision_score(yes, p, sample_weight=times))
    assert found.brier[0] == pytest.approx(brier_score_loss(yes, p, sample_weight=times))
    assert found.f1[0] == pytest.approx(f1_score(yes, p >= 0.5, sample_weight=times, zero_division=0.0))


def test_figures_lie_in_their_intervals_and_are_held_against_the_first() -> None:
    truth = [at % 3 == 0 for at in range(90)]
    good = said(*(0.7 if yes else 0.2 + at / 400 for at, yes in enumerate(truth)))
    poor = said(*(at / 90 for at in range(90)))
    first, second = scores([good, poor], truth)
    assert first.auc is not None and first.auc.value == 1.0 and first.behind is None
    assert second.auc is not None and second.behind is not None
    assert second.behind.value == pytest.approx(1 - second.auc.value)
    for figure in (second.auc, second.behind, second.average_precision, second.brier, second.f1):
        assert figure is not None and figure.interval.low < figure.value < figure.interval.high
    assert scores([good, poor], truth) == [first, second], "the lot is the same each time"


def test_where_all_was_yes_nothing_ranks() -> None:
    (found,) = scores([said(0.2, 0.9)], [True, True])
    assert (found.auc, found.average_precision) == (None, None)
    assert found.brier.value == pytest.approx((0.64 + 0.01) / 2) and found.f1.value == pytest.approx(2 / 3)


def test_fifths_go_from_the_lowest_chance_to_the_highest() -> None:
    found = reliability(said(0.9, 0.1, 0.3, 0.5, 0.7, 0.2), [True, False, False, True, True, True])
    assert [fifth.said for fifth in found] == pytest.approx([0.15, 0.3, 0.5, 0.7, 0.9])
    assert [(one.happened.right, one.happened.total) for one in found] == [
        (1, 2),
        (0, 1),
        (1, 1),
        (1, 1),
        (1, 1),
    ]
    assert len(reliability(said(0.4), [True])) == 1
