"""What there is to learn for a one-of head, in numbers: labels, weights, places in time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Example

LONG: Final = 120_000
"""Issues times tags from which the fit must be linear in time, and looks at words alone."""
EVEN: Final = 1.645
"""Standard deviations below the mean that leave the lowest 5 %."""


@dataclass(frozen=True, eq=False)
class Course:
    """What there is to learn, in numbers."""

    examples: Sequence[Example]
    tags: tuple[str, ...]
    label: NDArray[np.intp]
    weight: NDArray[np.float64]
    position: NDArray[np.float64]
    """Where in its project's past an issue stands, 0 up to but not 1."""
    seed: int

    @classmethod
    def of(cls, examples: Sequence[Example], seed: int) -> Course:
        tags = tuple(sorted({example.tags[0] for example in examples}))
        place = {tag: at for at, tag in enumerate(tags)}
        return cls(
            examples,
            tags,
            np.array([place[example.tags[0]] for example in examples], dtype=np.intp),
            np.array([example.weight for example in examples], dtype=np.float64),
            _positions(examples, seed),
            seed,
        )

    @property
    def long(self) -> bool:
        return len(self.examples) * len(self.tags) > LONG

    @property
    def drawn(self) -> bool:
        """Whether somebody picked these issues, so many of each tag, rather than that they were filed so.

        Their order in time is then a product of the picking. Told by counts more equal than chance would
        make them even of equally likely tags: Pearson's chi-squared against equal shares lies in the
        lowest 5 % of its distribution (Wilson and Hilferty, PNAS 1931). A tracker's own is far above.
        """
        if len({example.created for example in self.examples}) == 1:
            return True
        uneven, freedom = 0.0, 0
        for uses in self.uses(range(len(self.examples))).values():
            counts = np.array(list(uses.values()))
            uneven += float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
            freedom += len(counts) - 1
        if freedom == 0:
            return False
        spread = 2 / (9 * freedom)
        return bool(uneven < freedom * max(0.0, 1 - spread - EVEN * float(np.sqrt(spread))) ** 3)

    def uses(self, rows: Iterable[int]) -> dict[str, dict[str, int]]:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            counts[self.examples[row].filed.project][self.tags[self.label[row]]] += 1
        return {project: dict(sorted(counts[project].items())) for project in sorted(counts)}


def _positions(examples: Sequence[Example], seed: int) -> NDArray[np.float64]:
    shuffled = np.random.default_rng(seed).permutation(len(examples))
    of_project: defaultdict[str, list[int]] = defaultdict(list)
    for at in sorted(range(len(examples)), key=lambda at: (examples[at].created, int(shuffled[at]))):
        of_project[examples[at].filed.project].append(at)
    position = np.zeros(len(examples))
    for rows in of_project.values():
        position[rows] = np.arange(len(rows)) / len(rows)
    return position
