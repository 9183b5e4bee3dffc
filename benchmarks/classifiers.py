"""What the learned tagger costs: training time and memory, the size of a model, the time an issue takes.

``python -m benchmarks.classifiers [fit] [training] [--issues 12500 25000 50000 100000] [--tags 50]``

``fit``: one project's issues read, and every tag learnt against the rest; a training does it a few times.
``training``: the whole of ``classifiers.training.train``, with the answers to unseen issues that its
lines rest on.

The corpus is made up: pseudo-words drawn by Zipf's law, some of them a tag's or a project's own, in
issues of about 850 characters. Each measurement runs in a child process of its own, so that its peak of
memory is its own. Training time is CPU time; the time an issue takes is by the wall clock.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import quantile
from classifiers.examples import Example, Filed, Target
from classifiers.model_files import pack_content, read_packed
from classifiers.ranking_fit import learn
from classifiers.ranking_rows import Plan, histories_of, told_by
from classifiers.redaction import NOBODY
from classifiers.tagger import Asked
from classifiers.tagger_files import tagger_from
from classifiers.training import Wish, train

Figures = Mapping[str, str]
"""What was measured, and how much of it."""

ASKED = 1_000
"""Issues asked one by one."""
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


class Laps:
    """CPU time by steps, and memory above what was taken before."""

    def __init__(self) -> None:
        self._before = _memory_mb()
        self._last = time.process_time()
        self.seconds: dict[str, float] = {}

    def end(self, step: str) -> None:
        """What was done since the last step is called ``step``."""
        now = time.process_time()
        self.seconds[step] = self.seconds.get(step, 0) + now - self._last
        self._last = now

    def figures(self) -> dict[str, str]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "CPU seconds": f"{sum(self.seconds.values()):.1f}",
            **{f"  {step}": f"{seconds:.1f}" for step, seconds in self.seconds.items()},
            "MB above texts and libraries": f"{peak - self._before:.0f}",
        }


def fit(issues: int, tags: int) -> Figures:
    """One fit of a project: its issues read and made into rows, every tag learnt against the rest."""
    made = corpus(issues, tags, projects=1)
    import_module("sklearn.linear_model")
    laps = Laps()
    (history,) = histories_of(made.examples)
    plan = Plan.of([history], NOBODY, seed=0)
    told = told_by(made.examples, history, plan)
    laps.end("reading")
    learnt = learn(history, told, issues, plan)
    laps.end("tags")
    characters = sum(len(example.filed.title) + len(example.filed.body) for example in made.examples)
    return {
        **laps.figures(),
        "characters an issue": f"{characters / issues:.0f}",
        "tokens known": f"{sum(len(idf) for idf in learnt.idf):,}",
    }


def training(issues: int, tags: int) -> Figures:
    """The whole training of a model of labels, and how fast the model answers."""
    made = corpus(issues, tags)
    import_module("sklearn.linear_model")
    laps, step = Laps(), "projects"

    def progress(begun: str) -> None:
        nonlocal step
        laps.end(step)
        step = "projects" if "issues" in begun else begun  # only they are told with how many they have

    content = train(made.examples, Wish(Target.LABELS), progress=progress)
    laps.end(step)
    figures = laps.figures()
    packed = pack_content(content)
    tagger = tagger_from(read_packed(packed))
    asked = Asked(float(content.manifest["precision"]))
    filed = [example.filed for example in made.examples[-ASKED:]]
    return {
        **figures,
        "packed MB": f"{len(packed) / 1e6:.1f}",
        **_speed("text to reasons", lambda one: tagger.answer(one, asked), filed),
    }


def _speed(what: str, answer: Callable[[Filed], object], filed: Sequence[Filed]) -> Figures:
    answer(filed[0])
    took = []
    for one in filed:
        start = time.perf_counter()
        answer(one)
        took.append((time.perf_counter() - start) * 1000)
    return {f"{what}, ms {name}": f"{quantile(took, at):.2f}" for name, at in (("p50", 0.5), ("p99", 0.99))}


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Take each measurement that was asked for, or all, in a process of its own."""
    measurements: dict[str, Callable[[int, int], Figures]] = {"fit": fit, "training": training}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", choices=[[], *measurements], default=[])
    parser.add_argument("--issues", type=int, nargs="+", default=[100_000])
    parser.add_argument("--tags", type=int, default=50)
    options = parser.parse_args()
    for name in options.what or measurements:
        _print(name, {size: _measured(measurements[name], size, options.tags) for size in options.issues})


def _measured(measure: Callable[[int, int], Figures], issues: int, tags: int) -> Figures:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        return child.submit(measure, issues, tags).result()


def _print(name: str, columns: Mapping[int, Figures]) -> None:
    print(f"{name + ' of issues':44}" + "".join(f"{size:12,}" for size in columns))
    for row in dict.fromkeys(row for figures in columns.values() for row in figures):
        print(f"{row:44}" + "".join(f"{figures.get(row, ''):>12}" for figures in columns.values()))
    print(flush=True)


if __name__ == "__main__":
    main()
