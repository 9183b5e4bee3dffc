"""A trained head where exactly one tag fits an issue: its type, or the kind of request.

A few linear models over the same tokens (``classifiers.exclusive_inputs``), fitted by
``classifiers.exclusive_fit``, answer together: the chance of a tag is the weighted mean of theirs. One
model serves all projects of a tracker; a project's own tags are its candidates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import Filed
from classifiers.exclusive_inputs import (
    BODY,
    OPENING_CHARACTERS,
    OPENING_WORDS,
    OWN_FIELDS,
    PROJECT,
    Block,
    Inputs,
    blocks_named,
)
from classifiers.head import Packed, Reading, Term
from classifiers.signals import phrase
from classifiers.text import surface, words
from classifiers.vocabulary import Blocks, Row, Vocabulary

KIND: Final = "exclusive"
MOST_TERMS: Final = 8
NEGLIGIBLE: Final = 0.004
"""Log-odds of a column that no sum of a few makes a reason of."""
LEAST_WEIGHT: Final = 0.02
"""Log-odds below which a term is no reason."""


@dataclass(frozen=True, eq=False)
class ExclusiveHead:
    """One of ``tags`` for each issue. Serving needs numpy alone."""

    tags: tuple[str, ...]
    uses: Mapping[str, Mapping[str, int]]
    blocks: tuple[Block, ...]
    vocabularies: Blocks
    """In the order of ``blocks``."""
    weights: NDArray[np.float32]
    """Shape ``(columns, members, tags)``: what each column adds to a tag's log-odds."""
    intercepts: NDArray[np.float32]
    """Shape ``(members, tags)``."""
    shares: NDArray[np.float64]
    """How much each member's answer counts, shape ``(members,)``; they add up to 1."""
    temperature: float
    """Margins are divided by it, so that chances come true as often as they say."""

    @property
    def exclusive(self) -> bool:
        return True

    def read(self, filed: Filed) -> Reading:
        """Read one issue. Of a project never seen, the candidates are all tags."""
        inputs = Inputs(filed)
        row = self.vocabularies.encode(inputs.streams(self.blocks))
        candidates = self._candidates(filed.project)
        heavy = self.weights[row.columns]
        margins = np.tensordot(row.values, heavy, axes=1) + self.intercepts
        p = mixed_chances(margins[:, candidates], self.shares, self.temperature)
        said = words(inputs.plain.text)
        distinct = set(said)
        return Reading(
            tags=tuple(self.tags[tag] for tag in candidates),
            p=p,
            words=len(said),
            known=sum(map(self._known_words.__contains__, distinct)) / len(distinct) if distinct else 0.0,
            because=lambda i: self._because(inputs, row, heavy[:, :, candidates], i),
        )

    def pack(self) -> Packed:
        """The head as arrays and facts; weights are rounded to half precision."""
        arrays: dict[str, NDArray[Any]] = {
            "weights": self.weights.astype(np.float16),
            "intercepts": self.intercepts,
            "shares": self.shares,
        }
        for at, vocabulary in enumerate(self.vocabularies.vocabularies):
            arrays[f"idf_{at}"] = vocabulary.idf
        facts = {
            "tags": list(self.tags),
            "uses": {project: dict(uses) for project, uses in self.uses.items()},
            "blocks": [block.name for block in self.blocks],
            "block_weights": list(self.vocabularies.weights),
            "vocabularies": [vocabulary.to_facts() for vocabulary in self.vocabularies.vocabularies],
            "temperature": self.temperature,
        }
        return Packed(KIND, arrays, facts)

    @classmethod
    def unpack(cls, packed: Packed) -> ExclusiveHead:
        """The head that :meth:`pack` told.

        Raises:
            KeyError, TypeError, ValueError: arrays and facts do not fit each other or this release.
        """
        facts, arrays = packed.facts, packed.arrays
        vocabularies = tuple(
            Vocabulary.from_facts(told, arrays[f"idf_{at}"]) for at, told in enumerate(facts["vocabularies"])
        )
        head = cls(
            tags=tuple(facts["tags"]),
            uses=facts["uses"],
            blocks=blocks_named(facts["blocks"]),
            vocabularies=Blocks(vocabularies, tuple(map(float, facts["block_weights"]))),
            weights=arrays["weights"].astype(np.float32),
            intercepts=arrays["intercepts"],
            shares=arrays["shares"],
            temperature=float(facts["temperature"]),
        )
        head._check()
        return head

    def _check(self) -> None:
        members, tags = len(self.shares), len(self.tags)
        sound = (
            self.weights.shape == (len(self.vocabularies), members, tags)
            and self.intercepts.shape == (members, tags)
            and len(self.blocks) == len(self.vocabularies.vocabularies) == len(self.vocabularies.weights)
            and self.temperature > 0
        )
        if not sound:
            raise ValueError("The arrays of this head do not fit its vocabularies and tags.")

    def _candidates(self, project: str) -> NDArray[np.intp]:
        return candidates(self.tags, self.uses.get(project, {}))

    @cached_property
    def _known_words(self) -> frozenset[str]:
        return frozenset(
            token
            for block, vocabulary in zip(self.blocks, self.vocabularies.vocabularies, strict=True)
            if block in (OPENING_WORDS, BODY)
            for token in vocabulary.tokens
            if " " not in token
        )

    def _because(self, inputs: Inputs, row: Row, heavy: NDArray[np.float32], i: int) -> tuple[Term, ...]:
        """What speaks for candidate ``i`` more than for the mean of the others."""
        adds = row.values[:, None] * np.tensordot(heavy, self.shares / self.temperature, axes=(1, 0))
        others = np.delete(adds, i, axis=1)
        over = adds[:, i] - (others.mean(axis=1) if others.shape[1] else 0.0)
        return _Reasons(inputs).terms(self, row, over)


@dataclass(frozen=True, slots=True)
class _Reasons:
    """Contributions of columns, gathered into what a person can read."""

    inputs: Inputs

    def terms(self, head: ExclusiveHead, row: Row, over: NDArray[np.floating[Any]]) -> tuple[Term, ...]:
        in_words: defaultdict[str, float] = defaultdict(float)
        in_phrases: defaultdict[str, float] = defaultdict(float)
        opening = self.inputs.opening.lower().split()
        sides = head.vocabularies
        telling = np.flatnonzero(np.abs(over) > NEGLIGIBLE)
        columns = row.columns[telling]
        places = np.searchsorted([*sides.starts[1:], len(sides)], columns, side="right")
        for at, column, weight in zip(places.tolist(), columns.tolist(), over[telling].tolist(), strict=True):
            block, token = head.blocks[at], sides.vocabularies[at].tokens[column - sides.starts[at]]
            if block.plain_words:
                in_words[token] += weight
            elif block == OPENING_CHARACTERS:
                self._fold(token.strip(), weight, opening, in_words)
            elif block == OWN_FIELDS:
                in_phrases[phrase(token.removeprefix(f"{self.inputs.filed.project}: "))] += weight
            elif block != PROJECT:
                in_phrases[phrase(token)] += weight
        in_phrases.pop("", None)
        return self._strongest(in_words, in_phrases)

    def _fold(self, gram: str, weight: float, opening: list[str], into: defaultdict[str, float]) -> None:
        """Give a run of characters to the words of the opening that it lies in."""
        within = [word for word in opening if gram in word]
        for word in within:
            for spelled in words(word, shortest=1):
                if gram in spelled:
                    into[spelled] += weight / len(within)

    def _strongest(self, in_words: Mapping[str, float], in_phrases: Mapping[str, float]) -> tuple[Term, ...]:
        strong = {token: weight for token, weight in in_words.items() if weight >= LEAST_WEIGHT}
        written = surface(self.inputs.plain.text, strong)
        found = [Term(written[token], weight) for token, weight in strong.items() if token in written]
        found += [Term(said, weight) for said, weight in in_phrases.items() if weight >= LEAST_WEIGHT]
        return tuple(sorted(found, key=lambda term: (-term.weight, term.text))[:MOST_TERMS])


def candidates(tags: tuple[str, ...], uses: Mapping[str, int]) -> NDArray[np.intp]:
    """The positions of the tags that a project uses; of all tags if it uses none."""
    used = [at for at, tag in enumerate(tags) if uses.get(tag)]
    return np.array(used or range(len(tags)), dtype=np.intp)


def mixed_chances(
    margins: NDArray[np.floating[Any]], shares: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """The members' softmax chances, averaged.

    Args:
        margins: shape ``(..., members, tags)``; minus infinity for a tag that a member does not know.
        shares: shape ``(members,)``.

    Returns:
        shape ``(..., tags)``, adding up to 1.
    """
    scaled = margins.astype(np.float64) / temperature
    raised = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    chances = raised / raised.sum(axis=-1, keepdims=True)
    mixed: NDArray[np.float64] = np.einsum("...mt,m->...t", chances, shares)
    return mixed
