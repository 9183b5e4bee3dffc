"""Learning what sprints come to from many teams' finished ones. Needs scikit-learn, loaded when it starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from classifiers.capacity import DeliveryModel, Forecaster
from classifiers.capacity_rows import DELIVERY, Ended, delivery_lessons, ended
from classifiers.creep import CREEP, FORECAST, CreepModel, creep_lessons
from classifiers.signed_regression import Lessons, SignedRegression, fit
from classifiers.sprint_moments import MOMENTS
from classifiers.sprint_rows import SprintRow
from classifiers.trees import Trees

PENALTY: Final = 3.0
SEED: Final = 1


def fit_forecaster(rows: Iterable[SprintRow]) -> Forecaster:
    """Learn from finished sprints with a commitment, each once; the same rows give the same forecaster.

    Args:
        rows: as all boards show them; every view is history to its board's later sprints.

    Raises:
        ValueError: when of one of the moments no sprint is known.
    """
    sprints = ended(rows)
    delivery = tuple(_delivery(_some(delivery_lessons(sprints, t), t)) for t in MOMENTS)
    return Forecaster(delivery, CreepModel(tuple(_creep(sprints, t) for t in FORECAST)))


def _delivery(lessons: Lessons) -> DeliveryModel:
    signs = tuple(DELIVERY.values())
    return DeliveryModel(fit(lessons, signs, PENALTY), _trees(lessons, signs))


def _creep(sprints: Sequence[Ended], t: float) -> SignedRegression:
    return fit(_some(creep_lessons(sprints, t), t), tuple(CREEP.values()), PENALTY)


def _trees(lessons: Lessons, signs: Sequence[int]) -> Trees:
    """Shallow, slow and many, each split choosing among two inputs in five: strong trees err more here."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]

    boosted = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=6,
        min_samples_leaf=100,
        l2_regularization=20,
        max_features=0.4,
        monotonic_cst=list(signs),
        early_stopping=False,
        random_state=SEED,
    )
    return Trees.of(boosted.fit(lessons.inputs, lessons.yes))


def _some(lessons: Lessons | None, t: float) -> Lessons:
    if lessons is None:
        raise ValueError(f"No finished sprint with a commitment is known at {t:.0%} of its time.")
    return lessons
