"""What a model said of the newest issues before it learnt them, kept beside it.

With this a later candidate can be held against it on the same issues, fairly: of issues it has
learnt by now, the model itself must not be asked again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from classifiers.evaluate import Answered, Proposed
from classifiers.examples import Example

KEPT: Final = 1_000
"""Issues kept; about 40 kB in a manifest."""
TOP: Final = 5
NEWEST: Final = 0.25
"""The share of each project's issues that count as its newest months."""


def newest(answers: Iterable[Answered]) -> list[Answered]:
    """The newest quarter of each project's answers, at most ``KEPT`` in all, oldest first."""
    own: dict[str, list[Answered]] = {}
    for one in answers:
        own.setdefault(one.example.filed.project, []).append(one)
    total = sum(map(len, own.values()))
    share = min(NEWEST, KEPT / total) if total else NEWEST
    found = []
    for rows in own.values():
        rows.sort(key=lambda one: (one.example.created, one.example.id))
        found += rows[len(rows) - max(1, int(len(rows) * share)) :]
    return found


def trial_of(answers: Sequence[Answered]) -> dict[str, Any]:
    """The answers as JSON: hashed issue → its best tags with their chances. No text, no keys."""
    return {
        _hashed(one.example): [[item.tag, round(item.p, 4)] for item in one.proposed[:TOP]]
        for one in newest(answers)
    }


def recall(trial: Mapping[str, Any], examples: Iterable[Example]) -> list[Answered]:
    """What the model said of those of ``examples`` that were in its trial; nothing applied yet."""
    found = []
    for example in examples:
        said = trial.get(_hashed(example))
        if said is not None:
            proposed = tuple(Proposed(str(tag), float(p), applied=False) for tag, p in said)
            found.append(Answered(example, proposed))
    return found


def _hashed(example: Example) -> str:
    return hashlib.sha256(f"{example.filed.project}\n{example.id}".encode()).hexdigest()[:16]
