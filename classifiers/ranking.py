"""The head for tags of which several may fit an issue: components, labels.

Every project has a ranker of its own: one regression a tag on the words of the text and of its opening,
and the likeness to the tag's past issues. One pair model for all projects (``classifiers.pairs``) turns
rank, habit and the tag's name in the text into a chance. Trained by ``classifiers.ranking_fit``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.compounds import Said, said, surfaces
from classifiers.examples import Filed
from classifiers.head import Packed, Reading, Term
from classifiers.linear import LinearModel
from classifiers.names import ANYWHERE, OPENING, PART, NameIndex, name_stems, stem
from classifiers.pairs import INPUTS, PairWeights, Usage, pair_inputs
from classifiers.text import clean, words
from classifiers.vocabulary import Blocks, Row, Vocabulary

KIND: Final = "ranking"
BLOCK_WEIGHTS: Final = (1.0, 1.0)
"""Of the words of the whole text, and of those of the opening with their pairs."""
MOST_TERMS: Final = 8
STRANGER: Final = 0.5
"""A chance counts half in a project of which nothing is known."""
_NAME_INPUTS: Final = [at for at, name in enumerate(INPUTS) if name.startswith("name") and name != "name_gap"]


@dataclass(frozen=True, eq=False)
class ProjectRanker:
    """What was learnt in one project."""

    tags: tuple[str, ...]
    blocks: Blocks
    model: LinearModel
    centroids: LinearModel
    """Each tag's mean row, of length 1."""
    names: NameIndex
    idf: NDArray[np.float32]
    """How telling the stems of the names are."""
    usage: Usage

    def chances(self, issue: Said, weights: PairWeights) -> tuple[NDArray[np.float64], _Evidence]:
        """The chance of each tag, and what it rests on."""
        row = self.blocks.encode(issue.streams())
        marks = self.names.marks(issue)
        length = float(np.sqrt(row.values @ row.values)) or 1.0
        inputs = pair_inputs(
            self.model.margins(row)[None],
            self.centroids.margins(row)[None] / length,
            self.names.inputs(marks[None], self.idf),
            self.usage,
        )[0]
        return weights.chances(inputs), _Evidence(issue, inputs, marks, row)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What the chances of one issue rest on."""

    issue: Said
    inputs: NDArray[np.float32]
    """Shape ``(tags, inputs)``."""
    marks: NDArray[np.uint8]
    row: Row | None


@dataclass(frozen=True, eq=False)
class Strangers:
    """What is known of a project never seen: the tags of all others, and their names."""

    names: NameIndex
    idf: NDArray[np.float32]
    usage: Usage

    def chances(self, issue: Said, weights: PairWeights) -> tuple[NDArray[np.float64], _Evidence]:
        """The chance of each tag by its name and use elsewhere; all else as in the average pair."""
        marks = self.names.marks(issue)
        average = np.zeros((1, len(self.names.names)), np.float32)
        inputs = pair_inputs(average, average, self.names.inputs(marks[None], self.idf), self.usage)[0]
        inputs[:, :3] = weights.mean[:3]
        return weights.chances(inputs) * STRANGER, _Evidence(issue, inputs, marks, None)


@dataclass(frozen=True, eq=False)
class RankingHead:
    """Implements ``classifiers.head.Head`` for tags of which several may fit."""

    tags: tuple[str, ...]
    weights: PairWeights
    projects: Mapping[str, ProjectRanker]
    strangers: Strangers

    @property
    def exclusive(self) -> bool:
        return False

    @cached_property
    def uses(self) -> Mapping[str, Mapping[str, int]]:
        return {
            project: dict(zip(ranker.tags, map(int, ranker.usage.uses), strict=True))
            for project, ranker in self.projects.items()
        }

    @cached_property
    def _familiar(self) -> frozenset[str]:
        return frozenset(
            token for ranker in self.projects.values() for token in ranker.blocks.vocabularies[0].tokens
        )

    def read(self, filed: Filed) -> Reading:
        """Read one issue. Of a project never seen, all tags are candidates, by their names alone."""
        plain = clean(filed)
        issue = said(plain)
        spoken = words(plain.text)
        distinct = set(spoken)
        known = len(distinct & self._familiar) / len(distinct) if distinct else 0.0
        ranker = self.projects.get(filed.project)
        of = self.strangers if ranker is None else ranker
        p, evidence = of.chances(issue, self.weights)
        tags = self.tags if ranker is None else ranker.tags
        because = partial(_because, of, self.weights.raw, tags, evidence)
        return Reading(tags, p, len(spoken), known, because)

    def pack(self) -> Packed:
        arrays: dict[str, NDArray[Any]] = {"strangers.idf": self.strangers.idf}
        arrays |= _pack_usage("strangers", self.strangers.usage)
        facts: dict[str, Any] = {"tags": list(self.tags), "weights": self.weights.to_facts(), "projects": []}
        for number, (project, ranker) in enumerate(self.projects.items()):
            arrays |= _pack_ranker(str(number), ranker)
            vocabularies = [vocabulary.to_facts() for vocabulary in ranker.blocks.vocabularies]
            facts["projects"].append(
                {"project": project, "tags": list(ranker.tags), "vocabularies": vocabularies}
            )
        return Packed(KIND, arrays, facts)

    @classmethod
    def unpack(cls, packed: Packed) -> RankingHead:
        """The head as packed.

        Raises:
            ValueError: if it is of another kind, or its parts do not fit together.
            KeyError: if a part is missing.
        """
        if packed.kind != KIND:
            raise ValueError(f"This is a model of kind {packed.kind!r}, not {KIND!r}.")
        facts, arrays = packed.facts, packed.arrays
        tags = tuple(facts["tags"])
        strangers = Strangers(
            NameIndex(name_stems(tags)), arrays["strangers.idf"], _unpack_usage("strangers", arrays)
        )
        _check(strangers.names, strangers.idf, strangers.usage)
        projects = {
            told["project"]: _unpack_ranker(str(number), told, arrays)
            for number, told in enumerate(facts["projects"])
        }
        return cls(tags, PairWeights.from_facts(facts["weights"]), projects, strangers)


def _because(
    of: ProjectRanker | Strangers,
    raw: NDArray[np.float64],
    tags: Sequence[str],
    evidence: _Evidence,
    i: int,
) -> tuple[Term, ...]:
    terms = _named(of.names, raw, tags[i], evidence, i)
    if isinstance(of, ProjectRanker) and evidence.row is not None:
        terms += _spoken(of, float(raw[0]), evidence.issue, evidence.row, i)
    positive = [term for term in terms if term.weight > 0]
    return tuple(sorted(positive, key=lambda term: (-term.weight, term.text))[:MOST_TERMS])


def _named(names: NameIndex, raw: NDArray[np.float64], tag: str, evidence: _Evidence, i: int) -> list[Term]:
    """That the tag's name, or words of it, stand in the issue."""
    issue, marks = evidence.issue, evidence.marks
    found = {one: int(mark) for one, mark in zip(names.stems, marks, strict=True) if mark}
    own = [one for one in names.names[i] if one in found]
    if not own:
        return []
    weight = float(evidence.inputs[i, _NAME_INPUTS] @ raw[_NAME_INPUTS])
    opens = any(found[one] & OPENING for one in own)
    where = "title" if issue.titled and opens else "text"
    if any(found[one] & ANYWHERE for one in own):
        whole = len(own) == len(names.names[i]) and all(found[one] & ANYWHERE for one in own)
        said_of_it = tag if whole else _written(issue, [one for one in own if found[one] & ANYWHERE])
        return [Term(f'the {where} names "{said_of_it}"', weight)]
    assert all(found[one] & PART for one in own)
    return [Term(f'words of the {"title" if issue.titled else "text"} are like "{tag}"', weight)]


def _written(issue: Said, stems: Sequence[str]) -> str:
    """Words of a name as they stand in the issue."""
    found: dict[str, str] = {}
    for token, place in zip(issue.tokens, issue.places, strict=True):
        found.setdefault(stem(token), issue.written[place])
    return " ".join(dict.fromkeys(found[one] for one in stems))


def _spoken(ranker: ProjectRanker, scale: float, issue: Said, row: Row, i: int) -> list[Term]:
    """The words that speak for the tag: a word of text and opening counts once, with both weights."""
    added: defaultdict[str, float] = defaultdict(float)
    each = ranker.model.contributions(row, i)
    for at in np.flatnonzero(each > 0):
        added[ranker.blocks.token(int(row.columns[at]))[1]] += float(each[at]) * scale
    strongest = sorted(added.items(), key=lambda one: (-one[1], one[0]))[: 2 * MOST_TERMS]
    as_written = surfaces(issue, [token for token, _ in strongest])
    terms: dict[str, float] = {}
    for token, weight in strongest:
        text = as_written.get(token, token)
        terms[text] = terms.get(text, 0.0) + weight
    return [Term(text, weight) for text, weight in terms.items()]


def _pack_ranker(key: str, ranker: ProjectRanker) -> dict[str, NDArray[Any]]:
    packed: dict[str, NDArray[Any]] = {f"{key}.idf": ranker.idf}
    packed |= _pack_usage(key, ranker.usage)
    for number, vocabulary in enumerate(ranker.blocks.vocabularies):
        packed[f"{key}.vocabulary.{number}"] = vocabulary.idf
    for part, model in (("model", ranker.model), ("centroids", ranker.centroids)):
        packed |= {f"{key}.{part}.{name}": array for name, array in model.pack().items()}
    return packed


def _unpack_ranker(key: str, told: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ProjectRanker:
    def model(part: str) -> LinearModel:
        start = f"{key}.{part}."
        own = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        return LinearModel.unpack(own)

    vocabularies = tuple(
        Vocabulary.from_facts(facts, arrays[f"{key}.vocabulary.{number}"])
        for number, facts in enumerate(told["vocabularies"])
    )
    tags = tuple(told["tags"])
    ranker = ProjectRanker(
        tags=tags,
        blocks=Blocks(vocabularies, BLOCK_WEIGHTS),
        model=model("model"),
        centroids=model("centroids"),
        names=NameIndex(name_stems(tags)),
        idf=arrays[f"{key}.idf"],
        usage=_unpack_usage(key, arrays),
    )
    _check(ranker.names, ranker.idf, ranker.usage)
    for part in (ranker.model, ranker.centroids):
        if len(part.starts) - 1 != len(ranker.blocks) or len(part.constants) != len(tags):
            raise ValueError(f"The weights of {told['project']} do not fit its words and tags.")
    return ranker


def _check(names: NameIndex, idf: NDArray[Any], usage: Usage) -> None:
    tags = len(names.names)
    if len(idf) != len(names.stems) or {len(usage.uses), len(usage.often), len(usage.lately)} != {tags}:
        raise ValueError("The figures of the tags do not fit their names.")


def _pack_usage(key: str, usage: Usage) -> dict[str, NDArray[Any]]:
    return {f"{key}.uses": usage.uses, f"{key}.often": usage.often, f"{key}.lately": usage.lately}


def _unpack_usage(key: str, arrays: Mapping[str, NDArray[Any]]) -> Usage:
    return Usage(arrays[f"{key}.uses"], arrays[f"{key}.often"], arrays[f"{key}.lately"])
