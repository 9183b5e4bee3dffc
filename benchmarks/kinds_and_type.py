"""How often the one-of head is right: kinds of request, and issue type.

    python -m benchmarks.kinds_and_type DATA [--only kinds|type|curve] [--shuffles 1]

DATA is a folder with ``kinds/nlbse24_train.csv.gz`` (Kallis et al., "The NLBSE'24 Tool Competition", 2024),
``tags/jira_tags_dev.csv.gz`` (Porru et al., "Estimating story points from issue reports", PROMISE 2016).
Kinds: five folds over repository and label, equal titles of a repository together; macro F1 of each
repository, then their mean. Type: trained on the first part of every project, tested on the part after it,
in five windows; accuracy of each project, then their mean. Coverage and precision are of answers held to
an asked precision of 0.9, with lines from the fit's own honest rows. Curve: kinds learnt from a few issues
of each kind and repository, of all repositories or of its own alone, and of all others (the first day of a
new one); the rest is the test.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score  # type: ignore[import-untyped]
from sklearn.model_selection import StratifiedGroupKFold  # type: ignore[import-untyped]

from benchmarks.measuring import quantile
from classifiers.examples import Example, Filed
from classifiers.exclusive_fit import fit_exclusive
from classifiers.thresholds import learn_thresholds

ASKED = 0.9
WINDOWS = {"A": (0.7, 1.0), "B": (0.5, 0.7), "C": (0.6, 0.8), "D": (0.85, 1.0), "E": (0.4, 0.6)}
"""Train share and end of the test part."""
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Said:
    """One test issue, answered."""

    project: str
    tag: str
    best: str
    p: float
    sure: bool
    """The chance reached the line of the asked precision."""
    milliseconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=("kinds", "type", "curve"))
    parser.add_argument("--shuffles", type=int, default=1)
    asked = parser.parse_args()
    started = time.process_time()
    if asked.only in (None, "kinds"):
        _kinds(_read_kinds(asked.data / "kinds" / "nlbse24_train.csv.gz"), asked.shuffles)
    if asked.only in (None, "type"):
        _types(_read_types(asked.data / "tags" / "jira_tags_dev.csv.gz"))
    if asked.only in (None, "curve"):
        _curve(_read_kinds(asked.data / "kinds" / "nlbse24_train.csv.gz"), asked.shuffles)
    print(f"{time.process_time() - started:.0f} s of CPU")


def _kinds(examples: Sequence[Example], shuffles: int) -> None:
    means = []
    for shuffle in range(shuffles):
        said = [one for fold in _folds(examples, shuffle) for one in _answers(*fold)]
        each = {
            repo: f1_score([one.tag for one in own], [one.best for one in own], average="macro")
            for repo, own in _by_project(said).items()
        }
        means.append(float(np.mean(list(each.values()))))
        _line(f"kinds, shuffle {shuffle}", "macro F1", means[-1], said)
        print("  " + ", ".join(f"{repo} {score:.3f}" for repo, score in each.items()))
    print(f"kinds: macro F1 {np.mean(means):.4f} [{min(means):.4f} to {max(means):.4f}]")


def _types(examples: Sequence[Example]) -> None:
    means, every = [], []
    for name, (start, end) in WINDOWS.items():
        said = list(_answers(*_window(examples, start, end)))
        each = [np.mean([one.tag == one.best for one in own]) for own in _by_project(said).values()]
        means.append(float(np.mean(each)))
        every += said
        _line(f"type, window {name}", "accuracy", means[-1], said)
    _line("type, all windows", "accuracy", float(np.mean(means)), every)


def _curve(examples: Sequence[Example], shuffles: int) -> None:
    for few in (10, 20, 40, 70):
        together, alone = [], []
        for shuffle in range(shuffles):
            train, test = _few(examples, few, shuffle)
            together.append(_macro(list(_answers(train, test))))
            own = _by_project_examples(train)
            rest = _by_project_examples(test)
            alone.append(_macro([one for repo in own for one in _answers(own[repo], rest[repo])]))
        print(f"{few} of each kind: all repositories {_spread(together)}, its own alone {_spread(alone)}")
    others = _by_project_examples(examples)
    said = [
        one
        for repo, own in others.items()
        for one in _answers([example for example in examples if example.filed.project != repo], own)
    ]
    _line("first day, no issue of its own", "macro F1", _macro(said), said)


def _few(examples: Sequence[Example], few: int, shuffle: int) -> tuple[list[Example], list[Example]]:
    """``few`` issues of each repository and kind, and all others whose title none of them has."""
    order = np.random.default_rng(shuffle).permutation(len(examples))
    taken: Counter[tuple[str, str]] = Counter()
    train: list[Example] = []
    rest: list[Example] = []
    for example in (examples[at] for at in order):
        place = (example.filed.project, example.tags[0])
        taken[place] += 1
        (train if taken[place] <= few else rest).append(example)
    titles = {(one.filed.project, one.filed.title.lower().strip()) for one in train}
    test = [one for one in rest if (one.filed.project, one.filed.title.lower().strip()) not in titles]
    return train, test


def _macro(said: Sequence[Said]) -> float:
    each = [
        f1_score([one.tag for one in own], [one.best for one in own], average="macro")
        for own in _by_project(said).values()
    ]
    return float(np.mean(each))


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} [{min(values):.3f} to {max(values):.3f}]"


def _answers(train: Sequence[Example], test: Sequence[Example]) -> Iterator[Said]:
    fitted = fit_exclusive(train)
    line = learn_thresholds(fitted.honest, exclusive=True).line(ASKED)
    for example in test:
        started = time.perf_counter()
        reading = fitted.head.read(example.filed)
        best = int(reading.p.argmax())
        reading.because(best)
        took = (time.perf_counter() - started) * 1_000
        p = float(reading.p[best])
        sure = line is not None and p >= line
        yield Said(example.filed.project, example.tags[0], reading.tags[best], p, sure, took)


def _line(what: str, score: str, value: float, said: Sequence[Said]) -> None:
    sure = [one.tag == one.best for one in said if one.sure]
    plain = [one.tag == one.best for one in said if one.p >= ASKED]
    off = np.mean([one.p for one in said]) - np.mean([one.tag == one.best for one in said])
    took = [one.milliseconds for one in said]
    print(
        f"{what}: {score} {value:.4f}; asked {ASKED}: {len(sure) / len(said):.3f} answered, "
        f"got {np.mean(sure) if sure else float('nan'):.3f}; p >= {ASKED}: {len(plain) / len(said):.3f}, "
        f"{np.mean(plain) if plain else float('nan'):.3f}; mean p less share right {off:+.3f}; "
        f"read and reasons p50 {quantile(took, 0.5):.2f} ms",
        flush=True,
    )


def _folds(examples: Sequence[Example], shuffle: int) -> Iterator[tuple[list[Example], list[Example]]]:
    strata = [f"{example.filed.project}|{example.tags[0]}" for example in examples]
    groups = [f"{example.filed.project}|{example.filed.title.lower().strip()}" for example in examples]
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=11 + shuffle)
    for train, test in splitter.split(strata, strata, groups):
        yield [examples[at] for at in train], [examples[at] for at in test]


def _window(examples: Sequence[Example], start: float, end: float) -> tuple[list[Example], list[Example]]:
    train, test = [], []
    for own in _by_project_examples(examples).values():
        train += [example for at, example in enumerate(own) if at / len(own) < start]
        test += [example for at, example in enumerate(own) if start <= at / len(own) < end]
    return train, test


def _by_project(said: Sequence[Said]) -> dict[str, list[Said]]:
    found: defaultdict[str, list[Said]] = defaultdict(list)
    for one in said:
        found[one.project].append(one)
    return dict(sorted(found.items()))


def _by_project_examples(examples: Sequence[Example]) -> dict[str, list[Example]]:
    found: defaultdict[str, list[Example]] = defaultdict(list)
    for example in sorted(examples, key=lambda example: example.created):
        found[example.filed.project].append(example)
    return dict(sorted(found.items()))


def _read_kinds(path: Path) -> list[Example]:
    return [
        Example(
            row["id"],
            Filed(row["repo"], row["title"], row["body"]),
            datetime.fromisoformat(row["created_at"]).timestamp(),
            (row["label"],),
        )
        for row in _rows(path)
    ]


def _read_types(path: Path) -> list[Example]:
    """The source joined title and description into one text: all of it counts as the body."""
    return [
        Example(row["id"], Filed(row["project"], "", row["text"]), float(row["number"]), (row["type"],))
        for row in _rows(path)
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    main()
