"""A stand-in for a trained head: words that speak for tags, with chances fixed by the test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from classifiers.examples import Filed
from classifiers.head import Packed, Reading, Term
from classifiers.intervals import Share
from classifiers.shifts import Shift
from classifiers.tagger import Tagger
from classifiers.thresholds import ASKED, Rule, Rung, Thresholds

_NOTHING = Share(0, 0)
PLAIN_LINES = Thresholds(
    Rule.CHANCE, 3, 100, tuple(Rung(asked, asked, _NOTHING, 0, _NOTHING) for asked in ASKED)
)
"""The chance needed is the precision asked."""
FAMILIAR = frozenset(
    ["the", "a", "on", "in", "and", "when", "after", "is", "it", "please", "help", "page", "shop"]
)


@dataclass(frozen=True)
class WordHead:
    """``speaks``: word → tag and chance. A tag without its word has a chance of 2 in 100."""

    speaks: Mapping[str, tuple[str, float]]
    seldom: frozenset[str] = frozenset()
    """Tags used once in the past; all others often."""
    exclusive: bool = False
    told: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    """Tag → terms to give in place of the word itself."""

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tag for tag, _ in self.speaks.values()))

    @property
    def uses(self) -> Mapping[str, Mapping[str, int]]:
        return {"ABC": {tag: 1 if tag in self.seldom else 50 for tag in self.tags}}

    def read(self, filed: Filed) -> Reading:
        words = re.findall(r"\w+", f"{filed.title} {filed.body}".casefold())
        heard = {self.speaks[word][0]: (word, self.speaks[word][1]) for word in words if word in self.speaks}
        tags = self.tags
        known = [word in self.speaks or word in FAMILIAR for word in words]

        def because(i: int) -> tuple[Term, ...]:
            word, p = heard.get(tags[i], ("", 0.0))
            return self.told.get(tags[i], (Term(word, 2 * p),) if word else ())

        return Reading(
            tags=tags,
            p=np.array([heard.get(tag, ("", 0.02))[1] for tag in tags]),
            words=len(words),
            known=float(np.mean(known)) if known else 0.0,
            because=because,
        )

    def pack(self) -> Packed:
        return Packed("stand-in", {}, {})


SPEAKS = {
    "segfault": ("crash", 0.94),
    "slow": ("performance", 0.71),
    "invoice": ("billing", 0.88),
    "button": ("ui", 0.97),
    "endpoint": ("api", 0.9),
}
HEAD = WordHead(SPEAKS)


def tagger(
    head: WordHead = HEAD,
    *,
    least_known: float = 0.2,
    muted: frozenset[str] = frozenset(),
    shared: float = 0.0,
) -> Tagger:
    """The stand-in at work."""
    return Tagger(head, PLAIN_LINES, least_known, Shift(shared), muted)


MANIFEST = {"thresholds": PLAIN_LINES.facts(), "least_known": 0.2}
"""What serving reads of a manifest."""
