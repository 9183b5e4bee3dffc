"""How right the forecasts of sprints are on real ones, in blocks of time and on trackers never seen.

``python -m benchmarks.sprints DATA [--ship FILE] [--backtest SVG]``

DATA is ``sprints_dev.csv.gz`` (not part of the product: it has no licence). TB: each tracker's sprints in
time order; fitted on the first 40 %, asked about the next 15 %, and so on, with all that was earlier.
LP: fitted on three trackers, asked about the fourth. "shipped" forecasts by what was fitted so; "adapted"
by what ``refitted`` makes of it with the tracker's own earlier sprints (which in TB it has seen before).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata  # type: ignore[import-untyped]
from sklearn.metrics import average_precision_score  # type: ignore[import-untyped]

from classifiers.backtest import Bars, Tried, judge, walk
from classifiers.capacity import Forecaster
from classifiers.capacity_fit import fit_forecaster
from classifiers.capacity_rows import before
from classifiers.intervals import wilson
from classifiers.sprint_judgement import Forecast
from classifiers.sprint_moments import MOMENTS
from classifiers.sprint_rows import Count, Moment, SprintRow
from sprintwarden.backtesting import Report
from sprintwarden.reliability_plot import draw

EDGES: Final = (0.4, 0.55, 0.7, 0.85, 1.0)
STEPS: Final = 10
"""Into so many parts a tracker's sprints are cut; before each, what was fitted is adapted."""
DRAWS: Final = 1000
OWN: Final = (0, 3, 10, 30)
ADAPTED: Final = (0, 10, 30, 100)

Past = dict[tuple[str, str], list[SprintRow]]
Floats = NDArray[np.float64]


def load(path: Path) -> tuple[list[SprintRow], list[SprintRow]]:
    """All sprints as each board shows them, and those to be judged, each once."""
    every, judged = [], []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            every.append(_row(line))
            if line["judged"] == "1":
                judged.append(every[-1])
    return every, judged


def _row(line: Mapping[str, str]) -> SprintRow:
    def number(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    def count(name: str, suffix: str = "") -> Count:
        return Count(number(f"{name}_issues{suffix}"), number(f"{name}_points{suffix}"))

    def moment(t: float) -> Moment:
        suffix = f"_{t * 100:.0f}"
        amounts = {name: count(name, suffix) for name in ("added", "removed", "todo", "doing", "done")}
        return Moment(t, **amounts, team=number(f"team{suffix}"))

    return SprintRow(
        id=line["id"],
        project=line["project"],
        board=line["board"],
        order=float(line["sprint"]),
        planned_days=number("planned_days"),
        start=count("start"),
        moments=tuple(moment(t) for t in MOMENTS),
        delivered=Count(None, number("delivered_points")),
    )


@dataclass(frozen=True)
class Block:
    """Sprints to be forecast, and what is known before them."""

    fit: Sequence[SprintRow]
    own: Sequence[SprintRow]
    """Of the same tracker."""
    asked: Sequence[SprintRow]


def by_project(rows: Sequence[SprintRow]) -> dict[str, list[SprintRow]]:
    found: defaultdict[str, list[SprintRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.order):
        found[row.project].append(row)
    return dict(sorted(found.items()))


def time_blocks(every: Sequence[SprintRow], judged: Sequence[SprintRow]) -> Iterator[list[Block]]:
    """Those of one fit together."""
    for edge, end in pairwise(EDGES):
        parts = {
            project: rows[ceil(edge * len(rows)) : ceil(end * len(rows))]
            for project, rows in by_project(judged).items()
        }
        known = [row for row in every if row.order < parts[row.project][0].order]
        yield [
            Block(known, [row for row in known if row.project == project], asked)
            for project, asked in parts.items()
        ]


def left_out(every: Sequence[SprintRow], judged: Sequence[SprintRow]) -> Iterator[list[Block]]:
    for project, rows in by_project(judged).items():
        others = [row for row in every if row.project != project]
        edges = [round(step * len(rows) / STEPS) for step in range(STEPS + 1)]
        parts = [rows[at:end] for at, end in pairwise(edges) if at < end]
        yield [
            Block(
                others,
                [row for row in every if row.project == project and row.order < part[0].order],
                part,
            )
            for part in parts
        ]


@dataclass(frozen=True)
class Answers:
    """What was said of the same sprints, and what came of them."""

    rows: Sequence[SprintRow]
    said: Mapping[float, Sequence[Forecast]]
    """By moment."""

    def p(self, t: float, question: str) -> Floats:
        return np.array([_chance(one, question) for one in self.said[t]])

    def truth(self, question: str) -> Floats:
        return np.array([_true(row, question) for row in self.rows], float)


def _chance(forecast: Forecast, question: str) -> float:
    return {
        "overcommitted": forecast.p_overcommitted,
        "all done": forecast.p_all_done,
        "scope creep": forecast.p_scope_creep,
    }[question]


def _true(row: SprintRow, question: str) -> bool:
    start, delivered, added = row.start.points, row.delivered.points, row.moments[-1].added.points
    assert start is not None
    assert delivered is not None
    assert added is not None
    return {
        "overcommitted": delivered < 0.8 * start,
        "all done": delivered >= start,
        "scope creep": added >= 0.2 * start,
    }[question]


QUESTIONS: Final = ("overcommitted", "all done", "scope creep")


def ask(splits: Iterator[list[Block]], past: Past) -> tuple[Answers, Answers]:
    """What is said by forecasters as fitted, and by those adapted."""
    rows: list[SprintRow] = []
    plain: dict[float, list[Forecast]] = {t: [] for t in MOMENTS}
    adapted: dict[float, list[Forecast]] = {t: [] for t in MOMENTS}
    for blocks in splits:
        fitted = fit_forecaster(blocks[0].fit)
        for block in blocks:
            rows += block.asked
            for forecaster, said in ((fitted, plain), (fitted.refitted(block.own), adapted)):
                for t, moment in enumerate(MOMENTS):
                    said[moment] += [_asked(forecaster, row, t, past) for row in block.asked]
    return Answers(rows, plain), Answers(rows, adapted)


def _asked(forecaster: Forecaster, row: SprintRow, moment: int, past: Past) -> Forecast:
    return forecaster.forecast(row, row.moments[moment], past[row.project, row.board])


def auc(truth: Floats, p: Floats) -> float:
    yes = truth.sum()
    ranks = rankdata(p)[truth > 0].sum()
    return float((ranks - yes * (yes + 1) / 2) / (yes * (len(truth) - yes)))


def brier(truth: Floats, p: Floats) -> float:
    return float(np.mean((truth - p) ** 2))


def both(truth: Floats, p: Floats) -> str:
    return f"{auc(truth, p):.3f} / {brier(truth, p):.4f}"


def apart(score: Callable[[Floats, Floats], float], truth: Floats, one: Floats, other: Floats) -> str:
    """The difference of two forecasts of the same sprints, with its 95 % interval by bootstrap."""
    dice = np.random.default_rng(20)
    draws = (dice.integers(0, len(truth), len(truth)) for _ in range(DRAWS))
    found = [score(truth[at], one[at]) - score(truth[at], other[at]) for at in draws]
    low, high = np.quantile(found, [0.025, 0.975])
    return f"{score(truth, one) - score(truth, other):+.3f} [{low:+.3f} {high:+.3f}]"


def mean_of_three(row: SprintRow, past: Past) -> float:
    """The commitment against the mean of the last three, as Linear reckons; 0 without any."""
    sprints = before(row, past[row.project, row.board])
    told = [one.delivered.points or 0.0 for one in sprints if one.start.points or one.delivered.points]
    return float(np.log1p(row.start.points or 0.0) - np.log1p(np.mean(told[-3:]))) if told else 0.0


def table(name: str, answers: Answers) -> None:
    print(f"\n{name}, {len(answers.rows)} sprints: ROC-AUC / average precision / Brier")
    print(f"{'':14}" + "".join(f"{t:>24.0%}" for t in MOMENTS))
    for question in QUESTIONS:
        truth = answers.truth(question)
        cells = ""
        for t in MOMENTS:
            p = answers.p(t, question)
            cells += f"{auc(truth, p):10.3f} {average_precision_score(truth, p):.3f} {brier(truth, p):.4f}"
        print(f"{question:14}{cells}")
    for project in by_project(answers.rows):
        here = np.array([row.project == project for row in answers.rows])
        cells = ""
        for t in MOMENTS:
            truth, p = answers.truth("overcommitted")[here], answers.p(t, "overcommitted")[here]
            cells += f"{auc(truth, p):10.3f}       {brier(truth, p):.4f}"
        print(f"  {project:12}{cells}")


def against(name: str, shipped: Answers, adapted: Answers, past: Past) -> None:
    truth = shipped.truth("overcommitted")
    rule = np.array([mean_of_three(row, past) for row in shipped.rows])
    print(
        f"\n{name}: overcommitted at the start, mean of the last three: AUC {auc(truth, rule):.3f};", end=" "
    )
    print(f"ours over it {apart(auc, truth, adapted.p(0.0, 'overcommitted'), rule)}")
    for question in QUESTIONS:
        for t in MOMENTS[:-1] if question == "scope creep" else MOMENTS:
            pair = adapted.p(t, question), shipped.p(t, question)
            print(
                f"  adapted over shipped, {question} at {t:.0%}: "
                f"AUC {apart(auc, shipped.truth(question), *pair)}, "
                f"Brier {apart(brier, shipped.truth(question), *pair)}"
            )


def creep_still_open(name: str, answers: Answers) -> None:
    """Where the share is not yet reached, and counting alone says nothing."""
    for t in MOMENTS[:-1]:
        moment = MOMENTS.index(t)
        added = np.array([row.moments[moment].added.points or 0.0 for row in answers.rows])
        start = np.array([row.start.points or 0.0 for row in answers.rows])
        still = added < 0.2 * start
        truth, p = answers.truth("scope creep")[still], answers.p(t, "scope creep")[still]
        bare = (added / start)[still]
        print(
            f"{name}: creep still open at {t:.0%} ({still.sum()}): {both(truth, p)}; "
            f"over the share added so far {apart(auc, truth, p, bare)}"
        )


def calibration(name: str, answers: Answers) -> None:
    print(f"\n{name}: said / came true (95 %) in each fifth")
    for question in QUESTIONS:
        for t in MOMENTS:
            truth, p = answers.truth(question), answers.p(t, question)
            fifths = np.array_split(np.argsort(p, kind="stable"), 5)
            cells = []
            for fifth in fifths:
                came = wilson(truth[fifth].sum(), len(fifth))
                off = "" if came.low <= p[fifth].mean() <= came.high else "*"
                cells.append(f"{p[fifth].mean():.2f}/{truth[fifth].mean():.2f} ({came}){off}")
            print(f"  {question:14}{t:4.0%}  " + "  ".join(cells))


def flagged(name: str, answers: Answers) -> None:
    """How often a warning to the fifth of the sprints with the highest chance is right."""
    cells = []
    for t in MOMENTS:
        p, truth = answers.p(t, "overcommitted"), answers.truth("overcommitted")
        top = np.argsort(-p, kind="stable")[: round(len(p) / 5)]
        cells.append(f"{t:.0%}: {truth[top].mean():.2f} ({wilson(truth[top].sum(), len(top))})")
    print(f"{name}: a fifth flagged, right: " + "; ".join(cells))


def intervals(name: str, answers: Answers) -> None:
    delivered = np.array([row.delivered.points for row in answers.rows], float)
    start = np.array([row.start.points for row in answers.rows], float)
    projects = np.array([row.project for row in answers.rows])
    for t in MOMENTS:
        said = answers.said[t]
        low, high = np.array([one.low for one in said]), np.array([one.high for one in said])
        expected = np.array([one.expected for one in said])
        held = (low <= delivered) & (delivered <= high)
        each = " ".join(
            f"{project} {held[projects == project].mean():.2f}" for project in np.unique(projects)
        )
        print(
            f"{name}: 80 % interval at {t:.0%} holds {held.mean():.2f} "
            f"({wilson(held.sum(), len(held))}; {each}), "
            f"median width {np.median((high - low) / start):.2f} of the commitment; "
            f"expected in all / delivered in all {expected.sum() / delivered.sum():.2f}, "
            f"median miss {np.median(np.abs(expected - delivered)):.1f}"
        )


def learning_curve(every: Sequence[SprintRow], judged: Sequence[SprintRow], past: Past) -> None:
    """Overcommitted at the start, on trackers never seen, by how much of their own past is known."""
    trackers = by_project(judged)
    fitted = {name: fit_forecaster([row for row in every if row.project != name]) for name in trackers}
    asked = [row for row in judged if len(before(row, past[row.project, row.board])) >= OWN[-1]]

    def told(known: int) -> Iterator[float]:
        for row in asked:
            own = before(row, past[row.project, row.board])
            own = own[len(own) - known :]
            forecaster = fitted[row.project].refitted(own)
            yield forecaster.forecast(row, row.moments[0], own).p_overcommitted

    truth = np.array([_true(row, "overcommitted") for row in asked], float)
    print(
        f"\nThe last sprints of the board known, on {len(asked)} sprints with {OWN[-1]} or more before them:"
    )
    for known in OWN:
        print(f"  {known:3}: {both(truth, np.array([*told(known)]))}")

    late = [(rows, at) for rows in trackers.values() for at in range(ADAPTED[-1], len(rows))]
    truth = np.array([_true(rows[at], "overcommitted") for rows, at in late], float)
    print(
        f"All of the board known, adapted to the last sprints of the tracker, on {len(late)} from the 101st:"
    )
    for known in ADAPTED:
        p = []
        for rows, at in late:
            row = rows[at]
            first = rows[at - known].order if known else row.order
            own = [one for one in every if one.project == row.project and first <= one.order < row.order]
            p.append(_asked(fitted[row.project].refitted(own), row, 0, past).p_overcommitted)
        print(f"  {known:3}: {both(truth, np.array(p))}")


def between_moments(every: Sequence[SprintRow], judged: Sequence[SprintRow], past: Past) -> None:
    """How well a moment is answered when nothing was learnt at it but at its neighbours."""
    for moment in (1, 2):
        for name, splits in (("TB", time_blocks(every, judged)), ("LP", left_out(every, judged))):
            truth, p = [], []
            for blocks in splits:
                fitted = fit_forecaster(blocks[0].fit)
                here, there = fitted.delivery[moment - 1], fitted.delivery[moment + 1]
                part = (MOMENTS[moment] - MOMENTS[moment - 1]) / (MOMENTS[moment + 1] - MOMENTS[moment - 1])
                for row in (row for block in blocks for row in block.asked):
                    delivery = fitted.delivery_of(row, row.moments[moment], past[row.project, row.board])
                    assert delivery is not None
                    bar = np.array([0.8 * delivery.state.start])
                    odds = [
                        np.log(q / (1 - q))
                        for model in (here, there)
                        for q in replace(delivery, models=(model,) * len(MOMENTS)).below(bar)
                    ]
                    truth.append(_true(row, "overcommitted"))
                    p.append(1 / (1 + np.exp(-(1 - part) * odds[0] - part * odds[1])))
            print(
                f"{name}: overcommitted at {MOMENTS[moment]:.0%} from its neighbours alone: "
                f"{both(np.array(truth, float), np.array(p))}"
            )


def elsewhere(every: Sequence[SprintRow], plot: Path) -> None:
    """``sprintwarden backtest``, each tracker's sprints foretold by what was fitted on the other three."""
    tried: list[Tried] = []
    for project, rows in by_project(every).items():
        fitted = fit_forecaster([row for row in every if row.project != project])
        tried += walk(rows, fitted, 0.0, Bars())
    report = Report(0.0, Bars(), judge(tried))
    print(report.text())
    plot.write_text(draw(report.found.alone, "Forecasts at the start, and what happened"), encoding="utf-8")


def speed(every: Sequence[SprintRow], judged: Sequence[SprintRow], past: Past) -> None:
    fitted = fit_forecaster(every)
    taken = []
    for row in judged:
        for moment in row.moments:
            at = replace(moment, t=min(moment.t + 0.1, 1.0))
            began = time.perf_counter()
            fitted.forecast(row, at, past[row.project, row.board])
            taken.append(time.perf_counter() - began)
    began = time.perf_counter()
    fitted.refitted(judged[:400])
    refit = time.perf_counter() - began
    print(
        f"\nOne forecast: {statistics.median(taken) * 1e3:.1f} ms (median of {len(taken)}, between moments);",
        end=" ",
    )
    print(f"adapting to 400 sprints: {refit:.2f} s")


def ship(every: Sequence[SprintRow], judged: Sequence[SprintRow], figures: Mapping[str, str]) -> str:
    """What was fitted on all sprints, as ``classifiers/shipped/priors.json`` holds it."""
    facts = fit_forecaster(every).to_facts() | {
        "fitted_on": {
            "sprints": {project: len(rows) for project, rows in by_project(judged).items()},
            "source": (
                "finished sprints of four public Jira trackers, from the data of Choetkiertikul, Dam, Tran, "
                "Ghose, Grundy, 'Predicting Delivery Capability in Iterative Software Development', IEEE "
                "Transactions on Software Engineering, 2017, as published in morakotch/datasets (SEA@UOW), "
                "commit 133a5f59e7699a5612cbbc036b8d111844ad12cd. Coefficients only; no row of it is here."
            ),
            "how": "classifiers.capacity_fit.fit_forecaster",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "figures": dict(figures),
            "command": "python -m benchmarks.sprints DATA --ship classifiers/shipped/priors.json",
        }
    }
    return _json(facts)


def _json(facts: Mapping[str, object]) -> str:
    """Indented, but with each array on one line."""
    text = json.dumps(facts, indent=1)
    arrays = {"feature", "threshold", "left", "right", "value", "roots"}
    lines: list[str] = []
    within = False
    for line in text.splitlines():
        if within:
            lines[-1] += line.strip()
            within = line.strip() not in ("]", "],")
        else:
            lines.append(line)
            within = line.endswith("[") and line.strip().split('"')[1] in arrays
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--ship", type=Path, help="write what is fitted on all of them there, with the figures"
    )
    parser.add_argument(
        "--backtest", type=Path, help="only print the backtest on trackers never seen, and draw it there"
    )
    args = parser.parse_args()
    every, judged = load(args.data)
    if args.backtest:
        elsewhere(every, args.backtest)
        return
    past: Past = defaultdict(list)
    for row in every:
        past[row.project, row.board].append(row)
    figures = {}
    for name, splits in (("TB", time_blocks), ("LP", left_out)):
        shipped, adapted = ask(splits(every, judged), past)
        for kind, answers in (("shipped", shipped), ("adapted", adapted)):
            table(f"{name} {kind}", answers)
            flagged(f"{name} {kind}", answers)
            intervals(f"{name} {kind}", answers)
        creep_still_open(name, adapted)
        against(name, shipped, adapted, past)
        calibration(f"{name} adapted", adapted)
        for question in QUESTIONS:
            truth, p = shipped.truth(question), shipped.p(0.0, question)
            figures[f"{name}, {question} at the start, ROC-AUC / Brier"] = (
                f"{auc(truth, p):.3f} / {brier(truth, p):.4f}"
            )
    if args.ship:
        args.ship.write_text(ship(every, judged, figures), encoding="utf-8")
        return
    print()
    between_moments(every, judged, past)
    learning_curve(every, judged, past)
    speed(every, judged, past)


if __name__ == "__main__":
    main()
