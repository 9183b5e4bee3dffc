"""A small model of made-up words for tests of files, slots and pick-up, and a head that is easily opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Filed
from classifiers.head import Packed, Reading, Term
from classifiers.manifest import made_with
from classifiers.model_files import BadModel, Content, pack, write_model
from classifiers.thresholds import Rule, Thresholds

TOLD: Mapping[str, Any] = {
    "target": "labels",
    "product": "0.1.0",
    "made_with": made_with(),
    "created": "2026-03-02T09:00:00+00:00",
    "window": {"first": "2025-03-01T00:00:00+00:00", "last": "2026-03-01T00:00:00+00:00"},
    "issues": {"ABC": 120, "OPS": 80},
    "tags": {"checkout": 90, "search": 60},
    "precision": 0.85,
    "metrics": {"precision": 0.88, "coverage": 0.41},
    "thresholds": Thresholds(Rule.CHANCE, 3, 200, ()).facts(),
    "least_known": 0.2,
}


def content(seed: int = 0, *, target: str = "labels", card: str = "# The card\n") -> Content:
    """A model; another seed makes another one."""
    draw = np.random.default_rng(seed)
    arrays: dict[str, NDArray[Any]] = {
        "weights": draw.normal(size=(40, 2)).astype(np.float32),
        "by_column": np.asfortranarray(draw.normal(size=(3, 5))),
        "counts": np.arange(40, dtype=np.int32),
        "kept": np.array([True, False]),
        "none": np.empty((0, 2), dtype=np.float32),
        "single": np.array(0.5),
        "names": np.array(["größe", "search"]),
    }
    facts = {"words": [f"word{i}" for i in range(40)], "tags": ["checkout", "search"], "größe": "ü"}
    return Content(Packed("toy", arrays, facts), {**TOLD, "target": target}, card)


@cache
def packed_file(seed: int = 0, *, target: str = "labels") -> tuple[str, bytes]:
    """A model's id and archive."""
    with TemporaryDirectory() as folder:
        id_ = write_model(Path(folder) / "model", content(seed, target=target))
        return id_, pack(Path(folder) / "model")


@dataclass(frozen=True, slots=True)
class ToyHead:
    """Knows its tags and nothing else."""

    packed: Packed
    exclusive: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.packed.facts["tags"])

    @property
    def uses(self) -> Mapping[str, Mapping[str, int]]:
        return {"ABC": dict.fromkeys(self.tags, 5)}

    def read(self, filed: Filed) -> Reading:
        return Reading(self.tags, np.full(len(self.tags), 0.5), len(filed.title.split()), 1.0, _because)

    def pack(self) -> Packed:
        return self.packed


def open_toy(packed: Packed) -> ToyHead:
    """As ``open_head`` for a kind that only tests have."""
    if packed.kind != "toy":
        raise BadModel(f"manifest.json names a kind of head that this release lacks: {packed.kind!r}.")
    return ToyHead(packed)


def _because(_: int) -> tuple[Term, ...]:
    return ()
