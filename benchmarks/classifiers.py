"""What the learned tagger costs: training time and memory, the size of a model, the time an issue takes.

``python -m benchmarks.classifiers [fit] [--issues 100000] [--tags 50]``

The corpus is made up: pseudo-words drawn by Zipf's law, some of them a tag's or a project's own, in
issues of about 900 characters. Each measurement runs in a child process of its own, so that its peak of
memory is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import quantile
from classifiers.arrays import write_arrays
from classifiers.examples import Example, Filed
from classifiers.linear import LinearModel, fit_many
from classifiers.text import clean, word_grams, words
from classifiers.vocabulary import Vocabulary

WORDS = 60_000
"""Distinct pseudo-words; their pairs make millions."""
TAG_WORDS = 30
PROJECT_WORDS = 200
SYLLABLES = tuple(a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er", "it"))


@dataclass(frozen=True, slots=True)
class Corpus:
    """Issues, and whatever of their making the measurements need."""

    examples: tuple[Example, ...]
    tags: tuple[str, ...]


def corpus(issues: int, tags: int, projects: int = 8, seed: int = 0) -> Corpus:
    """Issues in the order they were filed. Each has one or two tags of its project, by Zipf's law; about a
    twelfth of its words are its tags' own, as many its project's."""
    random = np.random.default_rng(seed)
    words = _words(random)
    names = tuple(f"tag-{number:03}" for number in range(tags))
    common = _zipf(WORDS, random)
    of_tag = random.integers(500, WORDS, (tags, TAG_WORDS))
    of_project = random.integers(200, WORDS, (projects, PROJECT_WORDS))
    often = 1 / (np.arange(tags) + 3.0)
    often /= often.sum()
    examples = []
    for number in range(issues):
        project = int(random.integers(projects))
        has = np.unique(random.choice(tags, 2 if random.random() < 0.25 else 1, p=often))
        length = int(np.clip(random.lognormal(4.9, 0.6), 12, 600))
        drawn = common(length)
        kind = random.random(length)
        own = kind < 0.08
        drawn[own] = of_tag[random.choice(has, int(own.sum())), random.integers(0, TAG_WORDS, int(own.sum()))]
        local = kind > 0.92
        drawn[local] = of_project[project, random.integers(0, PROJECT_WORDS, int(local.sum()))]
        said = [words[at] for at in drawn]
        cut = min(8, length // 2)
        filed = Filed(f"P{project}", " ".join(said[:cut]).capitalize(), _prose(said[cut:]))
        examples.append(Example(str(number), filed, float(number), tuple(names[tag] for tag in has)))
    return Corpus(tuple(examples), names)


def _words(random: np.random.Generator) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < WORDS:
        count = int(random.integers(1, 5))
        made["".join(SYLLABLES[at] for at in random.integers(0, len(SYLLABLES), count))] = None
    return sorted(made, key=len)


def _zipf(number: int, random: np.random.Generator) -> Callable[[int], NDArray[np.int64]]:
    steps = np.cumsum(1 / (np.arange(number) + 2.7) ** 1.05)
    steps /= steps[-1]
    return lambda length: np.searchsorted(steps, random.random(length)).astype(np.int64)


def _prose(said: Sequence[str]) -> str:
    return "\n".join(" ".join(said[at : at + 14]) + "." for at in range(0, len(said), 14))


def fit(issues: int, tags: int) -> None:
    """One fit of every tag against the rest: words and pairs of words, made into rows and learnt."""
    made = corpus(issues, tags)
    place = {tag: at for at, tag in enumerate(made.tags)}
    has = np.zeros((issues, tags), np.bool_)
    for at, example in enumerate(made.examples):
        has[at, [place[tag] for tag in example.tags]] = True
    import_module("sklearn.linear_model")  # the libraries' own memory is not the fit's
    before = _memory_mb()
    start = time.process_time()
    texts = [clean(example.filed).text for example in made.examples]
    cleaned = time.process_time()
    vocabulary, rows = Vocabulary.learn((words(text) for text in texts), pairs=True, min_df=2)
    counted = time.process_time()
    model = fit_many(rows, has, np.ones(issues))
    fitted = time.process_time()
    print(
        f"fit          {fitted - start:6.1f} s CPU: cleaning {cleaned - start:.1f}, "
        f"rows {counted - cleaned:.1f}, tags {fitted - counted:.1f}"
    )
    characters = sum(len(example.filed.title) + len(example.filed.body) for example in made.examples)
    print(f"texts        {characters / issues:6.0f} characters each, {rows.nnz / issues:.0f} known tokens")
    print(f"memory       {_peak_mb() - before:6.0f} MB at most above texts and libraries ({before:.0f} MB)")
    _size_and_speed(vocabulary, model, [example.filed for example in made.examples[-500:]])
    _pruning(rows, has, model)


def _size_and_speed(vocabulary: Vocabulary, model: LinearModel, filed: Sequence[Filed]) -> None:
    packed = model.pack()
    facts = np.frombuffer(json.dumps(vocabulary.to_facts()).encode(), np.uint8)
    size = len(write_arrays({**packed, "idf": vocabulary.idf, "facts": facts}))
    print(f"packed       {size / 1e6:6.1f} MB with {len(vocabulary):,} tokens")
    served = LinearModel.unpack(packed)
    steps: dict[str, list[float]] = {"clean": [], "encode": [], "margins": []}
    for one in filed:
        start = time.perf_counter()
        text = clean(one).text
        cleaned = time.perf_counter()
        row = vocabulary.encode(word_grams(words(text)))
        encoded = time.perf_counter()
        served.margins(row)
        done = time.perf_counter()
        for name, took in zip(steps, (cleaned - start, encoded - cleaned, done - encoded), strict=True):
            steps[name].append(took * 1000)
    print("one issue    " + ", ".join(f"{name} {quantile(took, 0.5):.3f} ms" for name, took in steps.items()))


def _pruning(rows: Any, has: NDArray[np.bool_], model: LinearModel) -> None:
    """What pruning and packing do to the margins of every tenth tag."""
    sample = slice(0, has.shape[1], 10)
    whole = fit_many(rows, has[:, sample], np.ones(len(has)), budget=2**62).margins_of(rows[-5000:])
    kept = LinearModel.unpack(model.pack()).margins_of(rows[-5000:])[:, sample]
    likeness = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(whole.T, kept.T, strict=True)]
    print(
        f"pruning      {len(model.weights):,} weights kept: margins move by "
        f"{np.abs(whole - kept).mean():.3f} (they spread by {whole.std():.2f}), "
        f"correlation {min(likeness):.4f} or more"
    )


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Take each measurement that was asked for, or all, in a process of its own."""
    measurements: dict[str, Callable[[int, int], None]] = {"fit": fit}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], *measurements], default=[])
    parser.add_argument("--issues", type=int, default=100_000)
    parser.add_argument("--tags", type=int, default=50)
    options = parser.parse_args()
    for name in options.what or measurements:
        child = multiprocessing.get_context("spawn").Process(
            target=measurements[name], args=(options.issues, options.tags)
        )
        child.start()
        child.join()
        if child.exitcode:
            raise SystemExit(f"The measurement {name!r} ended with code {child.exitcode}.")


if __name__ == "__main__":
    main()
