"""Trees told as arrays answer as the ones they were taken from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]

from classifiers.capacity import shipped
from classifiers.trees import Trees


@pytest.fixture(scope="module")
def grown() -> HistGradientBoostingClassifier:
    dice = np.random.default_rng(3)
    inputs = np.round(dice.normal(size=(800, 5)), 1)  # many ties, so that rows stand on thresholds
    odds = inputs[:, 0] - inputs[:, 1] * inputs[:, 2] + dice.normal(size=800)
    return HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=6, monotonic_cst=[1, 0, 0, -1, 0], early_stopping=False, random_state=0
    ).fit(inputs, odds > 0)


@pytest.fixture
def asked() -> Any:
    dice = np.random.default_rng(4)
    return np.vstack([dice.normal(size=(500, 5)) * 2, np.round(dice.normal(size=(500, 5)), 1)])


def test_the_answers_are_scikit_learns_own(grown: HistGradientBoostingClassifier, asked: Any) -> None:
    ours = Trees.of(grown).log_odds(asked)
    np.testing.assert_allclose(ours, grown.decision_function(asked), rtol=0, atol=1e-9)


def test_told_as_json_and_read_again_they_answer_the_same(
    grown: HistGradientBoostingClassifier, asked: Any
) -> None:
    trees = Trees.of(grown)
    read = Trees.from_facts(json.loads(json.dumps(trees.to_facts())))
    np.testing.assert_array_equal(read.log_odds(asked), trees.log_odds(asked))


@pytest.mark.parametrize(
    ("part", "at", "value"),
    [("left", 0, 0), ("right", 0, 10**6), ("left", 3, 1), ("roots", 0, -1)],
    ids=["half a leaf", "beyond the last", "back", "no root"],
)
def test_damaged_trees_are_refused(
    grown: HistGradientBoostingClassifier, part: str, at: int, value: int
) -> None:
    facts = Trees.of(grown).to_facts()
    facts[part][at] = value
    with pytest.raises(ValueError, match="leads outside of them or back"):
        Trees.from_facts(facts)


def test_arrays_that_do_not_fit_are_refused(grown: HistGradientBoostingClassifier) -> None:
    facts = Trees.of(grown).to_facts()
    facts["value"].pop()
    with pytest.raises(ValueError, match="different lengths"):
        Trees.from_facts(facts)


def test_the_shipped_trees_never_calm_where_they_should_worry() -> None:
    """A higher bar is never less likely to be missed, at any of the moments."""
    dice = np.random.default_rng(5)
    inputs = dice.normal(size=(300, 11)) * [0.3, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 1, 0.3] + 0.5
    for model in shipped().delivery:
        before = model.trees.log_odds(inputs)
        for column, sign in ((0, 1), (1, 1), (2, 1), (3, -1), (4, -1), (7, 1), (8, -1), (9, -1), (10, 1)):
            more = inputs.copy()
            more[:, column] += sign
            assert (model.trees.log_odds(more) >= before - 1e-9).all()
