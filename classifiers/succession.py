"""A candidate and the model that serves, both asked about the newest issues, for the gate to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from classifiers.evaluate import FIRST_FEW, Answered, Proposed, relined
from classifiers.examples import Example
from classifiers.gate import Verdict, judge
from classifiers.head import Head
from classifiers.tagger import SHOWN
from classifiers.thresholds import Thresholds
from classifiers.trial import recall


@dataclass(frozen=True, slots=True)
class Contender:
    """A model as the gate needs it."""

    head: Head
    manifest: Mapping[str, Any]

    @property
    def lines(self) -> Thresholds:
        return Thresholds.of_facts(self.manifest["thresholds"])

    def held(self, answers: Sequence[Answered], asked: float) -> list[Answered]:
        """The answers with what this model would apply at ``asked``."""
        return relined(
            answers,
            self.lines.line(asked),
            1 if self.head.exclusive else FIRST_FEW,
            uses=self.head.uses,
            min_uses=self.lines.min_uses,
        )


def succeed(
    candidate: Contender, serving: Contender | None, examples: Sequence[Example], asked: float
) -> Verdict:
    """The gate's verdict on ``candidate``, by the truth that ``examples`` tell now.

    Both speak as they did before they had learnt the issues: from their own trials, the serving
    model also afresh of issues filed since it was trained.
    """
    ours = candidate.held(recall(candidate.manifest["trial"], examples), asked)
    if serving is None:
        return judge(ours, None, candidate.lines, asked)
    known = recall(serving.manifest["trial"], examples)
    since = _end(serving.manifest)
    fresh = [_afresh(serving.head, example) for example in examples if example.created > since]
    return judge(ours, serving.held([*known, *fresh], asked), candidate.lines, asked)


def _end(manifest: Mapping[str, Any]) -> float:
    last = manifest["window"]["last"]
    return datetime.fromisoformat(last).timestamp() if isinstance(last, str) else float(last)


def _afresh(head: Head, example: Example) -> Answered:
    reading = head.read(example.filed)
    found = [Proposed(tag, float(p), applied=False) for tag, p in zip(reading.tags, reading.p, strict=True)]
    found.sort(key=lambda one: -one.p)
    return Answered(example, tuple(one for one in found if one.p >= SHOWN))
