"""``evaluate``: a model held against issues whose tags are known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.drift import Drift, Reference, Seen, add, compare
from classifiers.evaluate import Answered, Evaluation, evaluate
from classifiers.examples import Example, Target
from classifiers.figures import metrics, told
from classifiers.tagger import Answer, Asked
from sprintwarden.predicting import open_model
from sprintwarden.training import examples_of


@dataclass(frozen=True, slots=True)
class Report:
    """What ``evaluate`` tells."""

    target: Target
    found: Evaluation
    drift: Drift
    latency_ms: tuple[float, float]
    """From text to reasons: the median and the 99th hundredth."""
    abstained: int
    learnt: int
    """Issues no newer than the model's own window: it may have learnt them."""

    def to_json(self) -> dict[str, Any]:
        return {
            "target": str(self.target),
            **metrics(self.found),
            "abstained": self.abstained,
            "perhaps_learnt": self.learnt,
            "latency_ms": {"p50": self.latency_ms[0], "p99": self.latency_ms[1]},
            "drift": [
                {"measure": str(one.measure), "index": one.index, "size": str(one.size)}
                for one in self.drift.moved
            ],
        }

    def text(self) -> str:
        p50, p99 = self.latency_ms
        shown = [
            *told(self.found),
            "",
            *(f"drift      {one.sentence}" for one in self.drift.moved),
            f"latency    {p50:.2f} ms for half of the issues, {p99:.2f} ms for 99 of 100, text to reasons",
        ]
        if self.abstained:
            shown.append(
                f"abstained  on {self.abstained} issues that say too little or are unlike any learnt"
            )
        if self.learnt:
            shown.append(
                f"beware     {self.learnt} of these issues are no newer than those the model was trained "
                "on: if it has learnt them, the figures flatter it"
            )
        return "\n".join(shown)


def evaluate_file(folder: Path, issues: Path, precision: float | None, most: int, *, strict: bool) -> Report:
    """Answer every issue that speaks of the model's target, and count. Raises Complaint."""
    tagger, manifest = open_model(folder)
    target = Target(manifest["target"])
    examples = examples_of(issues, target, strict=strict)
    asked = Asked(precision or manifest["precision"], most)
    answers: list[Answer] = []
    took: list[float] = []
    for example in examples:
        started = time.perf_counter()
        answers.append(tagger.answer(example.filed, asked))
        took.append((time.perf_counter() - started) * 1000)
    pairs = list(zip(examples, answers, strict=True))
    against = Reference.of_facts(manifest["drift"])
    p50, p99 = np.quantile(took, [0.5, 0.99])
    return Report(
        target=target,
        found=evaluate((Answered.of(example, answer) for example, answer in pairs), asked.precision),
        drift=compare(against, add(against, {}, (_seen(example, answer) for example, answer in pairs))),
        latency_ms=(float(p50), float(p99)),
        abstained=sum(answer.abstained is not None for answer in answers),
        learnt=_perhaps_learnt(examples, manifest["window"]["last"]),
    )


def _seen(example: Example, answer: Answer) -> Seen:
    best = answer.proposals[0].p if answer.proposals else 0.0
    return Seen(example.filed.project, best, answer.known, answer.words)


def _perhaps_learnt(examples: Sequence[Example], last: str | float) -> int:
    end = datetime.fromisoformat(last).timestamp() if isinstance(last, str) else last
    return sum(example.created <= end for example in examples)
