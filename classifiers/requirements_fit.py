"""How the model of requirement lines is fitted and scored. Only this imports scikit-learn.

``python -m classifiers.requirements_fit > classifiers/shipped/requirements.json`` fits what is shipped.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.requirement_lines import LabelledLine, shipped_lines
from classifiers.requirement_model import KINDS, LineModel, signs_of
from rules.sprint_rules import LineKind

FOLDS: Final = 10
PRECISION: Final = 0.9
"""Of demands, asked for in cross-validation."""
_SURE: Final = tuple(step / 100 for step in range(50, 96, 5))
"""What is tried as the chance from which on a line is a demand."""
_STRENGTH: Final = 6.0
"""Inverse of the L2 penalty."""
_FEWEST: Final = 2
"""Lines that a sign must stand in to be learnt."""
_DEMAND: Final = KINDS.index(LineKind.DEMAND)

Floats = NDArray[np.float64]


def fit(lines: Sequence[LabelledLine]) -> tuple[LineModel, dict[str, float]]:
    """A model of these lines, and how models fitted alike fared on subjects they had not seen.

    The figures: ``accuracy`` over all kinds; ``precision`` and ``recall`` of demands, where the chance from
    which on a line is one was chosen without the lines that are scored; and ``log_loss``.
    """
    folds = _folds([line.about for line in lines])
    truth = np.array([KINDS.index(line.kind) for line in lines])
    chances = np.empty((len(lines), len(KINDS)))
    demand = np.empty(len(lines))
    for fold in range(FOLDS):
        others = _fit([line for line, own in zip(lines, folds, strict=True) if own != fold])
        for at in np.flatnonzero(folds == fold).tolist():
            chances[at] = list(others.chances(lines[at].line).values())
            demand[at] = others.demand(lines[at].line)
    model = _fit(lines, _sure(demand, truth))
    return model, _figures(chances, demand, truth, folds)


def _fit(lines: Sequence[LabelledLine], sure: float = 1.0) -> LineModel:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    signs = [signs_of(line.line) for line in lines]
    often = Counter(sign for row in signs for sign in row)
    columns = {sign: at for at, sign in enumerate(sorted(s for s in often if often[s] >= _FEWEST))}
    known = [[columns[sign] for sign in row if sign in columns] for row in signs]
    places = np.cumsum([0, *map(len, known)])
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(len(row) or 1)) for row in known])
    table = csr_matrix((values, np.concatenate(known).astype(int), places), (len(lines), len(columns)))
    regression = LogisticRegression(C=_STRENGTH, max_iter=5000, tol=1e-8)
    regression.fit(table, [KINDS.index(line.kind) for line in lines])
    weights = {sign: tuple(map(float, regression.coef_[:, at])) for sign, at in columns.items()}
    return LineModel(weights, tuple(map(float, regression.intercept_)), sure)


def _folds(subjects: Sequence[str]) -> NDArray[np.intp]:
    """Subjects dealt out in their order, so that none is on both sides."""
    numbers = {subject: at for at, subject in enumerate(dict.fromkeys(subjects))}
    return np.array([numbers[subject] % FOLDS for subject in subjects])


def _sure(demand: Floats, truth: NDArray[np.intp]) -> float:
    """The smallest chance from which on demands are as precise as asked for; the highest tried if none is."""
    for sure in _SURE:
        called = demand >= sure
        if called.any() and np.mean(truth[called] == _DEMAND) >= PRECISION:
            return sure
    return _SURE[-1]


def _figures(
    chances: Floats, demand: Floats, truth: NDArray[np.intp], folds: NDArray[np.intp]
) -> dict[str, float]:
    called = np.zeros(len(truth), dtype=np.bool_)
    for fold in range(FOLDS):
        own = folds == fold
        called[own] = demand[own] >= _sure(demand[~own], truth[~own])
    demands = truth == _DEMAND
    figures = {
        "accuracy": np.mean(chances.argmax(1) == truth),
        "precision": np.mean(demands[called]),
        "recall": np.mean(called[demands]),
        "log_loss": -np.mean(np.log(chances[np.arange(len(truth)), truth])),
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def _facts(lines: Sequence[LabelledLine]) -> dict[str, Any]:
    model, figures = fit(lines)
    return {
        "made_with": "python -m classifiers.requirements_fit > classifiers/shipped/requirements.json",
        "learnt_from": {
            "file": "classifiers/requirement_lines.jsonl",
            "note": "Written for this; not from any tracker.",
            "lines": len(lines),
            "subjects": len({line.about for line in lines}),
            **Counter(line.kind.value for line in lines),
        },
        "cross_validated": {"folds": FOLDS, "by": "subject", **figures},
        **model.to_facts(),
    }


if __name__ == "__main__":
    told = json.dumps(_facts(shipped_lines()), ensure_ascii=False, indent=1)
    sys.stdout.write(re.sub(r"\[[^\[\]\"]*\]", lambda row: " ".join(row[0].split()), told) + "\n")
