"""How good the answers to a yes-or-no question were: ranking, error, decisions, honesty of the chances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (  # type: ignore[import-untyped]
    average_precision_score,
    brier_score_loss,
    f1_score,
    roc_auc_score,
)

from classifiers.intervals import LEVEL, Interval, Share
from classifiers.velocity import Said

RESAMPLES: Final = 1000
SEED: Final = 20
FIFTHS: Final = 5
_AT_ONCE: Final = 50
"""Draws held in memory together."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and where it lies, at 95 %."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Scores:
    """How good one way to answer was. What ranks is None where all was yes, or all no."""

    auc: Figure | None
    """The chance that a yes ranks above a no: the area under the ROC curve."""
    behind: Figure | None
    """By how much the AUC of the way it is held against is higher; None for that one itself."""
    average_precision: Figure | None
    brier: Figure
    """The mean squared distance of chance and truth; 0 is best."""
    f1: Figure
    """Of answering yes from a chance of 1/2 on."""


@dataclass(frozen=True, slots=True)
class Fifth:
    """A fifth of the forecasts, by what they said."""

    said: float
    """The mean chance."""
    happened: Share


class _Measured(NamedTuple):
    """The four figures, one of each per draw."""

    auc: _Floats
    average_precision: _Floats
    brier: _Floats
    f1: _Floats


def scores(ways: Sequence[Sequence[Said]], truth: Sequence[bool]) -> list[Scores]:
    """Of each way to answer the same questions, at least one; all are held against the first.

    Intervals are the middle 95 % over 1,000 draws of as many questions, with replacement and a fixed
    seed, in each draw the same ones for all ways (B. Efron, R. J. Tibshirani, "An introduction to
    the bootstrap", 1993, §13.3).
    """
    yes = np.array(truth, dtype=np.bool_)
    both = bool(yes.any() and not yes.all())
    found = [_measured(way, yes) for way in ways]
    blocks = [[_weighted(way, yes, times) for way in ways] for times in _draws(len(yes))]
    drawn = [_joined(of_way) for of_way in zip(*blocks, strict=True)]
    return [
        Scores(
            auc=_figure(here.auc, draws.auc) if both else None,
            behind=_figure(found[0].auc - here.auc, drawn[0].auc - draws.auc) if both and at else None,
            average_precision=_figure(here.average_precision, draws.average_precision) if both else None,
            brier=_figure(here.brier, draws.brier),
            f1=_figure(here.f1, draws.f1),
        )
        for at, (here, draws) in enumerate(zip(found, drawn, strict=True))
    ]


def reliability(said: Sequence[Said], truth: Sequence[bool]) -> list[Fifth]:
    """What was said and what happened, by fifths of what was said, lowest first; empty ones left out."""
    p, yes = np.array([one.p for one in said], dtype=np.float64), np.array(truth, dtype=np.bool_)
    parts = np.array_split(np.argsort(p, kind="stable"), FIFTHS)
    return [
        Fifth(float(p[part].mean()), Share(int(yes[part].sum()), len(part))) for part in parts if len(part)
    ]


def _measured(way: Sequence[Said], yes: _Bools) -> _Measured:
    rank, p = np.array([one.rank for one in way]), np.array([one.p for one in way])
    both = yes.any() and not yes.all()
    figures = (
        roc_auc_score(yes, rank) if both else np.nan,
        average_precision_score(yes, rank) if both else np.nan,
        brier_score_loss(yes, p),
        f1_score(yes, [one.yes for one in way], zero_division=0.0),
    )
    return _Measured(*(np.array([figure]) for figure in figures))


def _joined(blocks: Sequence[_Measured]) -> _Measured:
    return _Measured(*(np.concatenate(figures) for figures in zip(*blocks, strict=True)))


def _draws(size: int) -> Iterator[_Floats]:
    """How often each question is drawn; a row a draw."""
    lot = np.random.default_rng(SEED)
    even = np.full(size, 1 / size)
    for _ in range(RESAMPLES // _AT_ONCE):
        yield lot.multinomial(size, even, size=_AT_ONCE).astype(np.float64)


def _weighted(way: Sequence[Said], yes: _Bools, times: _Floats) -> _Measured:
    """The same figures as scikit-learn's with ``times`` as sample weights, for many rows at once."""
    rank, p = np.array([one.rank for one in way]), np.array([one.p for one in way])
    order = np.argsort(-rank, kind="stable")
    # Answers of one rank are told apart by nothing: each group of them is one step of the curves.
    starts = np.flatnonzero(np.r_[True, np.diff(rank[order]) != 0])
    right = np.add.reduceat((times * yes)[:, order], starts, axis=1)
    wrong = np.add.reduceat((times * ~yes)[:, order], starts, axis=1)
    rights, wrongs = right.cumsum(axis=1), wrong.cumsum(axis=1)
    all_right, all_wrong = rights[:, -1], wrongs[:, -1]
    said = np.array([one.yes for one in way])
    hits = times @ (said & yes)
    with np.errstate(invalid="ignore"):
        return _Measured(
            auc=(right * (all_wrong[:, None] - wrongs + wrong / 2)).sum(axis=1) / (all_right * all_wrong),
            average_precision=(right * rights / np.maximum(rights + wrongs, 1)).sum(axis=1) / all_right,
            brier=times @ (p - yes) ** 2 / times.sum(axis=1),
            f1=2 * hits / np.maximum(times @ said.astype(np.float64) + all_right, 1),
        )


def _figure(value: _Floats, draws: _Floats) -> Figure:
    """A draw without both a yes and a no ranks nothing and is left out."""
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(float(value[0]), Interval(float(low), float(high)))
