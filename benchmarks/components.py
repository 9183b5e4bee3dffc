"""How right the ranking head is on real components, in windows of time.

``python -m benchmarks.components DATA [--windows ABCDE]``

DATA is the folder that holds ``tags/jira_tags_dev.csv.gz`` (not part of the product: it has no licence).
Each window trains on a first share of every project's issues and is tested on the next.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifiers.examples import Example, Filed
from classifiers.head import Head
from classifiers.pairs_fit import own_start
from classifiers.ranking_fit import fit_ranking

WINDOWS = {"A": (70, 100), "B": (50, 70), "C": (60, 80), "D": (85, 100), "E": (40, 60)}
BEST_CUT = 0.25
ASKED = (0.8, 0.85)


def load(data: Path) -> dict[str, list[Example]]:
    """Each project's issues in the order of their numbers. Title and description are one text there."""
    found: dict[str, list[Example]] = defaultdict(list)
    with gzip.open(data / "tags" / "jira_tags_dev.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            filed = Filed(row["project"], "", row["text"])
            found[row["project"]].append(
                Example(row["id"], filed, float(row["number"]), tuple(row["components"].split("|")))
            )
    return {project: sorted(found[project], key=lambda one: one.created) for project in sorted(found)}


@dataclass(frozen=True)
class Asked:
    """What one project's issues were answered."""

    chances: list[dict[str, float]]
    truth: list[frozenset[str]]


def ask(head: Head, issues: Sequence[Example]) -> Asked:
    chances = []
    for issue in issues:
        reading = head.read(issue.filed)
        chances.append(dict(zip(reading.tags, map(float, reading.p), strict=True)))
    return Asked(chances, [frozenset(issue.tags) for issue in issues])


def f1(asked: Asked, cut: float) -> float:
    proposed = [{tag for tag, p in chances.items() if p >= cut} for chances in asked.chances]
    right = sum(len(some & true) for some, true in zip(proposed, asked.truth, strict=True))
    return 2 * right / max(1, sum(map(len, proposed)) + sum(map(len, asked.truth)))


def among(asked: Asked, most: int) -> float:
    return float(
        np.mean(
            [
                bool(set(sorted(chances, key=lambda tag: -chances[tag])[:most]) & true)
                for chances, true in zip(asked.chances, asked.truth, strict=True)
            ]
        )
    )


def kept(every: Sequence[Asked], asked: float) -> tuple[float, float, int]:
    """Precision over all proposals, share of issues with one, and how many proposals."""
    right = proposals = answered = issues = 0
    for one in every:
        for chances, true in zip(one.chances, one.truth, strict=True):
            some = {tag for tag, p in chances.items() if p >= asked}
            right, proposals = right + len(some & true), proposals + len(some)
            answered, issues = answered + bool(some), issues + 1
    return right / max(1, proposals), answered / max(1, issues), proposals


def window(history: dict[str, list[Example]], name: str) -> dict[str, Asked]:
    first, last = WINDOWS[name]
    training = [issue for issues in history.values() for issue in issues[: round(len(issues) * first / 100)]]
    head = fit_ranking(training, start=own_start).head  # the shipped weights have seen all of this
    return {
        project: ask(head, issues[round(len(issues) * first / 100) : round(len(issues) * last / 100)])
        for project, issues in history.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--windows", default="ABCDE")
    parser.add_argument("--ship", action="store_true", help="print the weights to ship instead")
    args = parser.parse_args()
    history = load(args.data)
    if args.ship:
        print(ship(history))
        return
    figures = []
    for name in args.windows:
        began = time.process_time()
        found = window(history, name)
        per = [(f1(one, BEST_CUT), among(one, 1), among(one, 3)) for one in found.values()]
        row = [
            *np.mean(per, axis=0),
            *(figure for asked in ASKED for figure in kept([*found.values()], asked)[:2]),
        ]
        figures.append(row)
        print(name, line(row), f"({time.process_time() - began:.0f} s CPU)")
        for project, one in found.items():
            precision, coverage, proposals = kept([one], ASKED[0])
            print(
                f"    {project:8} F1 {f1(one, BEST_CUT):.3f}, first {among(one, 1):.3f}, "
                f"of three {among(one, 3):.3f}, "
                f"asked {ASKED[0]}: {precision:.2f} of {proposals} at {coverage:.2f}"
            )
    print("mean", line([float(figure) for figure in np.mean(figures, axis=0)]))


def ship(history: dict[str, list[Example]]) -> str:
    """The weights fitted on all issues, as ``classifiers/shipped/ranking.json`` holds them."""
    fitted = fit_ranking([issue for issues in history.values() for issue in issues], start=own_start)
    facts = fitted.head.pack().facts["weights"] | {
        "fitted_on": {
            "pairs": len(fitted.honest.p),
            "issues": {project: len(issues) for project, issues in history.items()},
            "source": (
                "issues of seven public Jira projects with their components, from the data of Porru, Murgia, "
                "Demeyer, Marchesi, Tonelli, 'Estimating story points from issue reports', PROMISE 2016, as "
                "redistributed in morakotch/datasets (SEA@UOW), commit "
                "133a5f59e7699a5612cbbc036b8d111844ad12cd. Coefficients only; no row of it is here."
            ),
            "command": "python -m benchmarks.components DATA --ship > classifiers/shipped/ranking.json",
        }
    }
    return json.dumps(facts, indent=1)


def line(row: Sequence[float]) -> str:
    told = f"micro F1 {row[0]:.3f}, first {row[1]:.3f}, one of three {row[2]:.3f}"
    for at, asked in enumerate(ASKED):
        told += f"; asked {asked}: got {row[3 + 2 * at]:.3f} at {row[4 + 2 * at]:.3f}"
    return told


if __name__ == "__main__":
    main()
