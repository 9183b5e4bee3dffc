"""Whether a line of a description asks for something new: a small model, and an admin's word above it.

Logistic regression over single words, the first word, and what the line looks like. It learnt from lines
written for it (``requirement_lines.jsonl``), none of them from a real tracker, so its cross-validated figures
say how it fares on lines of that sort and on subjects it has not seen. How it fares in the field nobody
has measured: hence it says "demand" only when it is rather sure, and warnings say "as far as they read so".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final

from classifiers.requirement_lines import LabelledLine
from classifiers.requirements import words_of
from rules.sprint_rules import LineKind

KINDS: Final = tuple(LineKind)
"""The order of weights."""
MET: Final = 0.3
"""The share of a line's words that the model must have met to call it a demand."""
ALIKE: Final = 0.8
"""A correction holds for lines that share so much (Jaccard) of the words of both."""

_LENGTHS: Final = (1, 2, 3, 5, 8, 12, 19)
_LOOKS: Final[Mapping[str, re.Pattern[str]]] = {
    "?": re.compile(r"\?(?:\s|$)"),
    ":": re.compile(r":\s*$"),
    ".": re.compile(r"\.\s*$"),
    "=": re.compile(r"\s=\s"),
    "link": re.compile(r"https?://"),
    "file": re.compile(r"\w\.[A-Za-z]\w{1,4}\b"),
    "bars": re.compile(r"[|/>;]"),
    "figure": re.compile(r"\d"),
    "small": re.compile(r"[a-z]"),
    "mark": re.compile(r"[\W_]"),
}
"""Looked for anywhere in a line; the last two at its beginning."""
_AT_START: Final = frozenset({"small", "mark"})


def signs_of(line: str) -> list[str]:
    """What the model reads of a line: its words, ``^`` and the first one, ``~`` and how it looks."""
    said = words_of(line)
    signs = dict.fromkeys(said)
    signs |= dict.fromkeys(f"^{word}" for word in said[:1])
    signs |= dict.fromkeys(f"~{look}" for look in _looks(line))
    signs[f"~{sum(len(said) >= length for length in _LENGTHS)}"] = None
    return list(signs)


def _looks(line: str) -> Iterator[str]:
    for name, pattern in _LOOKS.items():
        if pattern.match(line) if name in _AT_START else pattern.search(line):
            yield name


@dataclass(frozen=True, slots=True)
class LineModel:
    """A multinomial logistic regression over the signs of a line, each line's weighing 1 together."""

    weights: Mapping[str, tuple[float, ...]]
    """By sign, for each of ``KINDS``."""
    intercepts: tuple[float, ...]
    sure: float
    """From this chance on a line is called a demand."""

    def chances(self, line: str) -> dict[LineKind, float]:
        """The chance (0..1) of each kind; together 1."""
        known = [self.weights[sign] for sign in signs_of(line) if sign in self.weights]
        scale = 1 / math.sqrt(len(known)) if known else 0.0
        sums = [
            start + scale * sum(weights[at] for weights in known) for at, start in enumerate(self.intercepts)
        ]
        top = max(sums)
        odds = [math.exp(value - top) for value in sums]
        return {kind: each / sum(odds) for kind, each in zip(KINDS, odds, strict=True)}

    def demand(self, line: str) -> float:
        """The chance (0..1) that it asks for something; 0 for a line of words hardly ever met, as in
        another language, since looks alone tell too little."""
        said = words_of(line)
        met = sum(word in self.weights for word in said)
        return self.chances(line)[LineKind.DEMAND] if met and met >= MET * len(said) else 0.0

    def judge(self, line: str) -> LineKind:
        """Its kind; unsure is a clarification."""
        if self.demand(line) >= self.sure:
            return LineKind.DEMAND
        formatting = self.chances(line)[LineKind.FORMATTING]
        return LineKind.FORMATTING if formatting > 0.5 else LineKind.CLARIFICATION

    def to_facts(self) -> dict[str, Any]:
        """As JSON, rounded to two decimals."""
        return {
            "kinds": list(KINDS),
            "sure": self.sure,
            "intercepts": [round(value, 2) for value in self.intercepts],
            "weights": {
                sign: [round(value, 2) for value in self.weights[sign]] for sign in sorted(self.weights)
            },
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> LineModel:
        """A model as told by ``to_facts``.

        Raises:
            ValueError: it tells of other kinds.
        """
        if facts["kinds"] != list(KINDS):
            raise ValueError(f"The model tells {facts['kinds']} apart, not {list(KINDS)}.")
        weights = {sign: tuple(row) for sign, row in facts["weights"].items()}
        return cls(weights, tuple(facts["intercepts"]), float(facts["sure"]))


@dataclass(frozen=True, slots=True)
class LineJudge:
    """The model, and the lines on which an admin knows better."""

    model: LineModel
    corrections: Mapping[frozenset[str], LineKind]

    def judge(self, line: str) -> LineKind:
        """What the correction most alike says, else the model."""
        said = frozenset(words_of(line))
        if said in self.corrections:
            return self.corrections[said]
        shares = ((len(said & other) / len(said | other), kind) for other, kind in self.corrections.items())
        share, kind = max(shares, key=lambda each: each[0], default=(0.0, LineKind.CLARIFICATION))
        return kind if share >= ALIKE else self.model.judge(line)

    def with_corrections(self, lines: Iterable[LabelledLine]) -> LineJudge:
        """The same, knowing these lines too; of two corrections of one line the later holds.

        Nothing is learnt anew: a correction decides for its own line and for those that differ from it by
        a word or so, at once, and for no other.
        """
        told = {frozenset(words_of(one.line)): one.kind for one in lines}
        return replace(self, corrections={**self.corrections, **told})


@cache
def shipped() -> LineJudge:
    """The judge that comes with the product; ``shipped/requirements.json`` says where its model is from."""
    text = resources.files("classifiers").joinpath("shipped", "requirements.json").read_text(encoding="utf-8")
    return LineJudge(LineModel.from_facts(json.loads(text)), {})
