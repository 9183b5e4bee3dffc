"""From examples to a model: fit, find the lines, count how it fared on what it had not seen.

This is the one place that loads scikit-learn, through the fits of the two heads.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from classifiers.arrays import write_arrays
from classifiers.card import CardFacts, render
from classifiers.drift import Seen, reference
from classifiers.evaluate import Answered, Evaluation, evaluate, from_honest, relined
from classifiers.examples import Example, Target
from classifiers.figures import metrics
from classifiers.head import Fitted, Head
from classifiers.manifest import made_with
from classifiers.model_files import Content
from classifiers.tagger import least_known
from classifiers.text import clean, words
from classifiers.thresholds import Thresholds, eligible_rows, learn_thresholds
from classifiers.trial import newest, trial_of

LEAST_EXAMPLES: Final = 20
"""Tagged issues before anything is learnt at all."""
ONE_OF_MOST_TAGS: Final = 60
ONE_OF_LEAST_SHARE: Final = 0.98
"""Labels count as one-of when nearly every labelled issue has exactly one of a few."""
FAMILIAR_FROM: Final = 20_000
"""Issues whose words count as known when the newest ones are looked at."""
_A_DATE: Final = 946_684_800.0
"""The year 2000 in seconds."""
_NO_DATE: Final = 4_102_444_800.0

Progress = Callable[[str], None]


class TooLittle(Exception):
    """There is too little to learn from; the text is a sentence that says what is missing."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to train."""

    target: Target
    source: str = "a file of issues"
    """Where the issues come from, for the card."""
    precision: float | None = None
    """What the model shall be asked by default; None for what its kind can keep."""
    names: frozenset[str] = frozenset()
    """Display names of people, to be kept out of the vocabulary."""
    seed: int = 0


def default_precision(target: Target, *, exclusive: bool) -> float:
    """What a model of that kind was found to keep while leaving a useful share of issues tagged.

    Components drift too fast for more (docs/classifiers.md has the figures).
    """
    if target is Target.COMPONENTS:
        return 0.8
    return 0.9 if exclusive else 0.85


def train(examples: Sequence[Example], wish: Wish, *, progress: Progress = lambda _: None) -> Content:
    """Learn a model of ``wish.target``. The same examples give the same model.

    Raises TooLittle when the examples cannot carry one.
    """
    _check(examples, wish.target)
    exclusive = is_exclusive(examples, wish.target)
    kind = "one tag an issue" if exclusive else "several tags an issue"
    progress(f"{len(examples):,} issues, {kind}")
    fitted = _fit(examples, wish, exclusive=exclusive, progress=progress)
    progress("finding the lines")
    lines = _lines(fitted, examples)
    asked = wish.precision or default_precision(wish.target, exclusive=exclusive)
    answers = from_honest(examples, fitted.honest, fitted.head.tags)
    held = relined(
        answers,
        lines.line(asked),
        1 if exclusive else 3,
        uses=fitted.head.uses,
        min_uses=lines.min_uses,
    )
    return _content(examples, wish, fitted, lines, held, asked)


def is_exclusive(examples: Sequence[Example], target: Target) -> bool:
    """Whether one tag at most fits an issue of this history."""
    if target is not Target.LABELS:
        return target is Target.TYPE
    tagged = [example for example in examples if example.tags]
    tags = {tag for example in tagged for tag in example.tags}
    single = sum(len(example.tags) == 1 for example in tagged)
    return 2 <= len(tags) <= ONE_OF_MOST_TAGS and single >= ONE_OF_LEAST_SHARE * len(examples)


def _check(examples: Sequence[Example], target: Target) -> None:
    tagged = sum(bool(example.tags) for example in examples)
    if tagged < LEAST_EXAMPLES:
        raise TooLittle(
            f"Only {tagged} of {len(examples)} issues have {_called(target)}, and {LEAST_EXAMPLES} are "
            "needed to learn anything: give a longer history, or leave it to the rules."
        )
    tags = {tag for example in examples for tag in example.tags}
    if target is Target.TYPE and len(tags) < 2:
        raise TooLittle("Every issue has the same type: there is nothing to tell apart.")


def _called(target: Target) -> str:
    return "a type" if target is Target.TYPE else str(target)


def _fit(examples: Sequence[Example], wish: Wish, *, exclusive: bool, progress: Progress) -> Fitted:
    if exclusive:
        from classifiers.exclusive_fit import fit_exclusive

        return fit_exclusive(examples, names=wish.names, seed=wish.seed, progress=progress)
    from classifiers.ranking_fit import fit_ranking

    return fit_ranking(examples, names=wish.names, seed=wish.seed, progress=progress)


def _lines(fitted: Fitted, examples: Sequence[Example]) -> Thresholds:
    projects = np.array([example.filed.project for example in examples], dtype=np.str_)
    can = eligible_rows(fitted.honest, fitted.head.tags, projects, fitted.head.uses)
    return learn_thresholds(fitted.honest, exclusive=fitted.head.exclusive, eligible=can)


def _content(
    examples: Sequence[Example],
    wish: Wish,
    fitted: Fitted,
    lines: Thresholds,
    held: list[Answered],
    asked: float,
) -> Content:
    seen = _seen(fitted.head, examples, held)
    found = evaluate(held, asked)
    manifest: dict[str, Any] = {
        "target": str(wish.target),
        "source": wish.source,
        "product": version("sprintwarden"),
        "made_with": made_with(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "window": _window(examples),
        "issues": dict(sorted(Counter(example.filed.project for example in examples).items())),
        "tags": dict(Counter(tag for example in examples for tag in example.tags).most_common()),
        "precision": asked,
        "metrics": metrics(found),
        "thresholds": lines.facts(),
        "least_known": least_known([one.known for one in seen]),
        "drift": reference(seen).facts(),
        "trial": trial_of(held),
    }
    packed = fitted.head.pack()
    weights = hashlib.sha256(write_arrays(packed.arrays)).hexdigest()
    card = render(_card(manifest, fitted, lines, found, weights))
    return Content(packed, manifest, card)


def _card(
    manifest: dict[str, Any], fitted: Fitted, lines: Thresholds, found: Evaluation, weights: str
) -> CardFacts:
    head = fitted.head
    how = "one linear model over all projects" if head.exclusive else "one linear ranking for each project"
    return CardFacts(
        model=f"{manifest['target']}, trained {manifest['created'][:10]}",
        source=manifest["source"],
        sha256=weights,
        target=Target(manifest["target"]),
        exclusive=head.exclusive,
        window=(str(manifest["window"]["first"]), str(manifest["window"]["last"])),
        projects=manifest["issues"],
        uses={project: dict(uses) for project, uses in head.uses.items()},
        asked=manifest["precision"],
        thresholds=lines,
        trial=found,
        trained=(
            f"{how.capitalize()}, {len(head.tags)} tags.",
            "Every figure comes from issues the answering model had not learnt.",
        ),
        versions={"sprintwarden": manifest["product"], **manifest["made_with"]},
    )


def _window(examples: Sequence[Example]) -> dict[str, str | float]:
    created = [example.created for example in examples]
    return {"first": _moment(min(created)), "last": _moment(max(created))}


def _moment(created: float) -> str | float:
    """A date where the number can be one: sources without dates count issues instead."""
    if not _A_DATE <= created < _NO_DATE:
        return created
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds")


def _seen(head: Head, examples: Sequence[Example], answers: Sequence[Answered]) -> list[Seen]:
    """The newest answered issues as the model would have met them: their words, and how many it knew.

    It knew a word that an issue before them holds (of at most ``FAMILIAR_FROM``) and that it keeps.
    """
    last = newest(answers)
    new = {one.example.id for one in last}
    old = [example for example in examples if example.id not in new][-FAMILIAR_FROM:]
    before = {word for example in old for word in words(clean(example.filed).text)}
    return [_met(head, one, before) for one in last]


def _met(head: Head, one: Answered, before: set[str]) -> Seen:
    found = words(clean(one.example.filed).text)
    distinct = set(found)
    share = len(distinct & before) / len(distinct) if distinct else 0.0
    best = one.proposed[0].p if one.proposed else 0.0
    known = min(share, head.read(one.example.filed).known)
    return Seen(one.example.filed.project, best, known, len(found))
