"""What every trained head can do, whatever it learnt with. Serving needs numpy alone.

``classifiers.exclusive`` answers where one tag fits an issue (type, kinds of request);
``classifiers.ranking`` where several may (components, labels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Filed


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of the issue that speaks for a tag."""

    text: str
    """As the reporter wrote it, or a short phrase in plain words for what is no word
    ("the form's field Type says Bug")."""
    weight: float
    """What it adds to the tag's log-odds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one issue looks to a head."""

    tags: tuple[str, ...]
    """The candidates in the issue's project."""
    p: NDArray[np.float64]
    """The calibrated chance of each candidate, shape ``(len(tags),)``. For an exclusive head they
    add up to 1."""
    words: int
    """Words in title and body together, after cleaning."""
    known: float
    """The share (0..1) of its distinct words that the training had seen."""
    because: Callable[[int], tuple[Term, ...]]
    """The strongest terms for candidate ``i``, strongest first; worked out only when asked."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A head as data: what a model file holds. Never an object that runs code when read."""

    kind: str
    """Which module unpacks it: ``exclusive`` or ``ranking``."""
    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]
    """JSON: vocabularies, tag names, settings."""


class Head(Protocol):
    """A trained model of one target."""

    @property
    def exclusive(self) -> bool:
        """Exactly one of the tags fits an issue."""

    @property
    def tags(self) -> tuple[str, ...]: ...

    @property
    def uses(self) -> Mapping[str, Mapping[str, int]]:
        """Project → tag → how often it was used in the training window."""

    def read(self, filed: Filed) -> Reading:
        """Read one issue. Of a project never seen, the candidates are all tags."""

    def pack(self) -> Packed: ...


@dataclass(frozen=True, slots=True)
class Honest:
    """What models answered to issues they had not learnt from: a row for each issue and candidate.

    Thresholds, the gate and every figure about precision rest on these rows alone.
    """

    example: NDArray[np.int32]
    """Position among the examples given to the fit."""
    tag: NDArray[np.int32]
    """Position among the head's tags."""
    p: NDArray[np.float32]
    """The chance as answered."""
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A head, and how it fared on issues it had not seen."""

    head: Head
    honest: Honest
