"""A trained model at work: from an issue's words to tags held to an asked precision, or to silence.

Numpy alone is needed here; a worker that serves never loads scikit-learn.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from classifiers.examples import Filed
from classifiers.head import Head, Reading, Term
from classifiers.shifts import Shift
from classifiers.thresholds import Thresholds

SHOWN: Final = 0.01
"""A chance below this is not worth a line."""
EXPLAINED: Final = 0.05
"""From this chance on a tag's strongest terms are told."""
FEWEST_WORDS: Final = 3
"""Of fewer words nothing can be said: "Help please" fits everything."""


class Abstained(StrEnum):
    """Why a model says nothing about an issue at all."""

    EMPTY = "empty"
    TINY = "tiny"
    UNLIKE = "unlike"
    """Most of its words were never seen in training: another language, a log, a new product."""


ABSTAINED: Final = {
    Abstained.EMPTY: "the issue says nothing",
    Abstained.TINY: "the issue says too little",
    Abstained.UNLIKE: "the issue is unlike any the model has learnt from",
}
"""Each as a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an admin asks of a model."""

    precision: float
    most: int = 3
    """The most tags applied to one issue."""
    never: frozenset[str] = frozenset()
    """Tags that are never applied, by their names in lower case."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One tag with its chance, and whether that is enough."""

    tag: str
    p: float
    """Moved by what people confirmed or undid."""
    threshold: float | None
    """The chance it must reach; None when no chance would be enough for the asked precision."""
    applied: bool
    because: tuple[Term, ...]
    runner_up: tuple[str, float] | None = None
    """The best other tag with its chance."""
    withheld: str = ""
    """Why it is not applied though its chance would do; a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All a model says of one issue: tags above 1 %, best first."""

    proposals: tuple[Scored, ...] = ()
    abstained: Abstained | None = None
    """Why none of them is applied, whatever its chance."""
    known: float = 1.0
    """The share of the issue's words that the training had seen."""
    words: int = 0

    @property
    def applied(self) -> tuple[Scored, ...]:
        return tuple(scored for scored in self.proposals if scored.applied)


@dataclass(frozen=True, slots=True)
class Tagger:
    """A head with the lines it must reach."""

    head: Head
    thresholds: Thresholds
    least_known: float
    """The share of known words under which an issue is unlike anything seen."""
    shift: Shift = field(default_factory=Shift)
    muted: frozenset[str] = frozenset()

    def answer(self, filed: Filed, asked: Asked) -> Answer:
        """Score every candidate tag of the issue's project and hold it against the asked precision."""
        reading = self.head.read(filed)
        held = _Held(
            reading=reading,
            chances=[self.shift.move(float(p), filed.project) for p in reading.p],
            line=self.thresholds.line(asked.precision),
            abstained=self._abstains(reading),
        )
        room = 1 if self.head.exclusive else asked.most
        proposals: list[Scored] = []
        for i in held.order():
            scored = self._scored(held, i, filed.project, asked, room=room)
            room -= scored.applied
            proposals.append(scored)
        return Answer(tuple(proposals), held.abstained, reading.known, reading.words)

    def _abstains(self, reading: Reading) -> Abstained | None:
        if reading.words == 0:
            return Abstained.EMPTY
        if reading.words < FEWEST_WORDS:
            return Abstained.TINY
        return Abstained.UNLIKE if reading.known < self.least_known else None

    def _scored(self, held: _Held, i: int, project: str, asked: Asked, *, room: int) -> Scored:
        tag, p = held.reading.tags[i], held.chances[i]
        enough = held.line is not None and p >= held.line
        withheld = self._withheld(tag, project, asked, held.abstained, room) if enough else ""
        return Scored(
            tag=tag,
            p=p,
            threshold=held.line,
            applied=enough and not withheld,
            because=held.reading.because(i) if p >= EXPLAINED else (),
            runner_up=held.rival(i),
            withheld=withheld,
        )

    def _withheld(self, tag: str, project: str, asked: Asked, abstained: Abstained | None, room: int) -> str:
        if abstained is not None:
            return ABSTAINED[abstained]
        if tag.casefold() in asked.never:
            return "the rules say never to apply it"
        if tag in self.muted:
            return "it is muted because people took it off too often"
        uses = _uses(self.head, project, tag)
        if uses < self.thresholds.min_uses:
            times = "once" if uses == 1 else f"{uses} times"
            return f"it was used {times} so far, and {self.thresholds.min_uses} uses are needed"
        return "" if room > 0 else "enough others fit better"


@dataclass(frozen=True, slots=True)
class _Held:
    """One issue's reading, held against a line."""

    reading: Reading
    chances: list[float]
    line: float | None
    abstained: Abstained | None

    def order(self) -> list[int]:
        """The candidates worth showing, best first."""
        shown = [i for i, chance in enumerate(self.chances) if chance >= SHOWN]
        return sorted(shown, key=lambda i: -self.chances[i])

    def rival(self, i: int) -> tuple[str, float] | None:
        others = [other for other in range(len(self.chances)) if other != i]
        best = max(others, key=lambda other: self.chances[other], default=None)
        return None if best is None else (self.reading.tags[best], self.chances[best])


def _uses(head: Head, project: str, tag: str) -> int:
    own = head.uses.get(project)
    if own is not None:
        return own.get(tag, 0)
    return sum(uses.get(tag, 0) for uses in head.uses.values())


def least_known(shares: Collection[float]) -> float:
    """The share of known words under which an issue is unlike the training's own (0..1).

    Half of what the least familiar hundredth of unseen issues had: rare words are normal, a text
    in another language knows almost none.
    """
    return 0.5 * float(np.quantile(np.asarray(list(shares)), 0.01)) if shares else 0.0
