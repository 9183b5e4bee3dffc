"""One yes-or-no question a tag: learnt as scikit-learn learns it, packed small, served without it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from classifiers import linear
from classifiers.linear import LinearModel, fit_many
from classifiers.vocabulary import Matrix, Row, Vocabulary

SUBJECTS = {
    "billing": "invoice payment card refund",
    "search": "query index results ranking",
    "login": "password session token account",
}


def tracker(issues: int = 240) -> tuple[Vocabulary, Matrix, NDArray[np.bool_]]:
    """Issues with one or two of three tags, and a fourth tag that none has."""
    random = np.random.default_rng(7)
    streams, has = [], np.zeros((issues, 4), np.bool_)
    for at in range(issues):
        tags = random.choice(3, 1 + at % 2, replace=False, p=(0.6, 0.3, 0.1))
        has[at, tags] = True
        own = [word for tag in tags for word in list(SUBJECTS.values())[tag].split()]
        streams.append(
            [*random.choice(own, 3), *random.choice(["page", "shows", "error", "slow", "button"], 4)]
        )
    vocabulary = Vocabulary.count(streams)
    return vocabulary, vocabulary.matrix(streams), has


_, ROWS, HAS = tracker()
EVEN = np.ones(len(HAS))


def row(at: int) -> Row:
    part = slice(ROWS.indptr[at], ROWS.indptr[at + 1])
    return Row(ROWS.indices[part], ROWS.data[part])


@pytest.mark.parametrize("balanced", [True, False])
def test_margins_are_those_of_the_exact_solution(balanced: bool) -> None:
    ours = fit_many(ROWS, HAS, EVEN, C=10, balanced=balanced).margins_of(ROWS)
    weight = "balanced" if balanced else None
    for tag in range(3):
        theirs = LogisticRegression(C=10, class_weight=weight, solver="liblinear", tol=1e-6)
        expected = theirs.fit(ROWS, HAS[:, tag]).decision_function(ROWS)
        assert np.corrcoef(ours[:, tag], expected)[0, 1] > 0.999
        assert np.abs(ours[:, tag] - expected).max() < 0.15 * expected.std()


def test_few_passes_give_nearly_the_same_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = fit_many(ROWS, HAS, EVEN).margins_of(ROWS)[:, :3]
    monkeypatch.setattr(linear, "WORK", 0)
    quick = fit_many(ROWS, HAS, EVEN).margins_of(ROWS)[:, :3]
    assert np.corrcoef(exact.ravel(), quick.ravel())[0, 1] > 0.98


def test_a_tag_that_no_issue_or_every_issue_has_is_answered_by_its_share() -> None:
    has = np.column_stack([HAS[:, 3], np.ones(len(HAS), np.bool_)])
    margins = fit_many(ROWS, has, EVEN).margins(row(0))
    assert margins[0] == pytest.approx(np.log(0.5 / (len(HAS) + 0.5)), rel=1e-5)
    assert margins[1] == pytest.approx(-margins[0], rel=1e-5)


def test_an_issue_that_counts_more_moves_the_margins_to_its_tags() -> None:
    tag = int(np.flatnonzero(~HAS[0, :3])[0])
    moved = HAS.copy()
    moved[0, tag] = True
    heavy = EVEN.copy()
    heavy[0] = 20
    light = fit_many(ROWS, moved, EVEN).margins(row(0))
    assert fit_many(ROWS, moved, heavy).margins(row(0))[tag] > light[tag]


def test_the_same_examples_give_the_same_model() -> None:
    one, two = (fit_many(ROWS, HAS, EVEN, seed=3).pack() for _ in range(2))
    assert one.keys() == two.keys()
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_the_strongest_weights_are_kept() -> None:
    table = np.array([[3.0, -0.1], [0.0, -2.0], [0.5, 0.2]])
    model = LinearModel.of(table, np.zeros(2), budget=3)
    assert list(model.weights) == [3.0, -2.0, 0.5]
    assert list(model.tags) == [0, 1, 0]
    assert list(model.starts) == [0, 1, 2, 3]


@pytest.mark.parametrize("dense", [linear.DENSE, 0])
def test_an_issue_has_the_same_margins_alone_as_among_many(
    dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "DENSE", dense)
    model = fit_many(ROWS, HAS, EVEN, budget=30)
    together = model.margins_of(ROWS)
    for at in range(20):
        alone = model.margins(row(at))
        np.testing.assert_allclose(alone, together[at], rtol=1e-4, atol=1e-4)
        for tag in range(4):
            told = model.contributions(row(at), tag)
            assert len(told) == len(row(at).columns)
            assert told.sum() + model.constants[tag] == pytest.approx(alone[tag], abs=1e-4)
    empty = Row(np.empty(0, np.int32), np.empty(0, np.float32))
    np.testing.assert_array_equal(model.margins(empty), model.constants)
    assert len(model.contributions(empty, 0)) == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 30), st.integers(1, 300), st.floats(0, 1), st.integers(0, 1000))
def test_a_packed_model_is_read_back_to_three_figures(
    columns: int, tags: int, share: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    table = random.normal(size=(columns, tags)) * (random.random((columns, tags)) < share)
    model = LinearModel.of(table, random.normal(size=tags))
    again = LinearModel.unpack(model.pack())
    np.testing.assert_array_equal(again.starts, model.starts)
    np.testing.assert_array_equal(again.tags, model.tags)
    np.testing.assert_array_equal(again.constants, model.constants)
    np.testing.assert_allclose(again.weights, model.weights, rtol=1e-3, atol=1e-7)


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    packed = fit_many(ROWS, HAS, EVEN).pack()
    for name in ("counts", "tags", "weights"):
        with pytest.raises(ValueError, match="do not fit"):
            LinearModel.unpack({**packed, name: packed[name][:-1]})
    fewer_tags = {**packed, "constants": packed["constants"][:2]}
    with pytest.raises(ValueError, match="do not fit"):
        LinearModel.unpack(fewer_tags)
    wrong = packed["tags"].copy()
    wrong[0] = 4
    with pytest.raises(ValueError, match="do not fit"):
        LinearModel.unpack({**packed, "tags": wrong})


def test_serving_loads_neither_scikit_learn_nor_scipy() -> None:
    code = (
        "import sys, numpy as np;"
        "import classifiers.text, classifiers.linear, classifiers.vocabulary as v;"
        "row = v.Vocabulary.count([['a']]).encode(['a']);"
        "classifiers.linear.LinearModel.of(np.ones((1, 2)), np.ones(2)).margins(row);"
        "sys.exit(any(name in sys.modules for name in ('scipy', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_of_many_issues_every_second_one_without_the_tag_does(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, rows, has = tracker(1_200)
    weights = np.ones(len(has))
    whole = fit_many(rows, has, weights).margins_of(rows)
    monkeypatch.setattr("classifiers.linear.MANY", 1_000)
    thinned = fit_many(rows, has, weights).margins_of(rows)
    assert len(vocabulary) == rows.shape[1] and not np.array_equal(whole, thinned)
    for tag in range(3):
        likeness = np.corrcoef(whole[:, tag], thinned[:, tag])[0, 1]
        assert likeness > 0.98
        assert abs(whole[:, tag].mean() - thinned[:, tag].mean()) < 0.25 * whole[:, tag].std()


def test_a_tag_without_weight_on_the_other_side_is_learnt_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("classifiers.linear.MANY", 4)
    _, rows, has = tracker(8)
    has[:, 0] = [True, False, True, True, True, True, True, True]
    assert np.isfinite(fit_many(rows, has, np.ones(8)).margins_of(rows)).all()
