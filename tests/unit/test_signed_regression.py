"""A regression keeps its signs, is the usual one where they do not bind, and adapts by degrees."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from classifiers.signed_regression import Lessons, SignedRegression, adapted, fit

NAMES = ("one", "two", "three")


def lessons(rows: int, seed: int = 1, weights: tuple[float, ...] = (1.0, -1.0, 0.5)) -> Lessons:
    dice = np.random.default_rng(seed)
    inputs = dice.normal(size=(rows, 3)) * [1, 2, 5] + [0, 3, -1]
    odds = ((inputs - [0, 3, -1]) / [1, 2, 5]) @ np.array(weights)
    return Lessons(inputs, (odds + dice.logistic(size=rows) > 0).astype(float), np.ones(rows))


def test_where_no_sign_binds_it_is_ridge_logistic_regression() -> None:
    told = lessons(600)
    ours = fit(told, (0, 0, 0), penalty=3.0)
    scaled = (told.inputs - told.inputs.mean(0)) / told.inputs.std(0)
    theirs = LogisticRegression(C=1 / 3.0, tol=1e-10, max_iter=1000).fit(scaled, told.yes)
    np.testing.assert_allclose(ours.weights, theirs.coef_[0], atol=2e-3)
    np.testing.assert_allclose(ours.log_odds(told.inputs), theirs.decision_function(scaled), atol=1e-2)


def test_a_weight_against_its_sign_is_nothing() -> None:
    found = fit(lessons(600), (-1, 1, 1), penalty=1.0)
    assert found.weights[0] == 0
    assert found.weights[1] == 0
    assert found.weights[2] > 0.3


def test_few_lessons_change_nothing() -> None:
    start = fit(lessons(600), (0, 0, 0), penalty=3.0)
    assert adapted(start, None, (0, 0, 0)) is start
    assert adapted(start, lessons(9), (0, 0, 0)) is start


def test_the_more_lessons_the_further_it_goes() -> None:
    start = fit(lessons(600), (0, 0, 0), penalty=3.0)
    moved = [
        float(adapted(start, lessons(rows, 2, (3.0, -1.0, 0.5)), (0, 0, 0)).weights[0])
        for rows in (10, 100, 1000)
    ]
    assert start.weights[0] < moved[0] < moved[1] < moved[2]
    assert moved[0] < start.weights[0] + 0.3


def test_it_keeps_its_signs_when_it_adapts() -> None:
    start = fit(lessons(600), (1, -1, 0), penalty=3.0)
    found = adapted(start, lessons(2000, 3, (-3.0, 3.0, -2.0)), (1, -1, 0))
    assert found.weights[0] == 0
    assert found.weights[1] == 0
    assert found.weights[2] < 0


def test_it_is_told_and_read() -> None:
    found = fit(lessons(200), (1, -1, 0), penalty=3.0)
    read = SignedRegression.from_facts(found.to_facts(NAMES), NAMES)
    told = lessons(50, 7)
    np.testing.assert_array_equal(read.log_odds(told.inputs), found.log_odds(told.inputs))
    with pytest.raises(ValueError, match=r"other inputs: \['four', 'three'\]"):
        SignedRegression.from_facts(found.to_facts(NAMES), ("one", "two", "four"))
