"""``backtest``: forecasts of past sprints beside the vendors' rules, as a table, as JSON and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.backtest import OURS, Answers, Backtest, Bars, judge, walk
from classifiers.capacity import shipped
from classifiers.intervals import Interval, Share
from classifiers.scores import Fifth, Figure, Scores
from classifiers.velocity import NEEDED
from sprintwarden.reliability_plot import draw
from sprintwarden.settings import Complaint
from sprintwarden.sprint_files import read_all


@dataclass(frozen=True, slots=True)
class Report:
    """What ``backtest`` tells."""

    at: float
    bars: Bars
    found: Backtest

    def to_json(self) -> dict[str, Any]:
        found = self.found
        return {
            "at": self.at,
            "done_share": self.bars.done,
            "creep_share": self.bars.creep,
            "sprints": found.tried,
            "in_issues": found.in_issues,
            "compared": _answers_json(found.compared) if found.compared else None,
            "ours": [_answers_json(answers) for answers in found.alone],
            "interval80": _share_json(found.covered),
        }

    def text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        found = self.found
        yield (
            f"{_counted(found.tried)} with a commitment and a known delivery, each forecast "
            f"{_when(self.at)} from earlier ones alone"
        )
        if found.in_issues:
            yield f"{_counted(found.in_issues)} of them without points, counted in issues"
        yield f"overcommitted: less than {_percent(self.bars.done)} of the commitment was delivered"
        yield f"scope creep: at least {_percent(self.bars.creep)} of it was added by the end"
        yield ""
        yield from self._compared()
        yield ""
        yield "ours, on all of them"
        yield from _table({_asked(one): one.ways[OURS] for one in found.alone})
        yield f"80 % intervals held {_share(found.covered)} of the deliveries"
        for answers in found.alone:
            yield ""
            yield f"{answers.question}: said and happened, by fifths of the forecasts"
            yield from (f"  {fifth.said:.2f}  {_share(fifth.happened)}" for fifth in answers.fifths)

    def _compared(self) -> Iterator[str]:
        compared = self.found.compared
        if compared is None:
            yield f"No board has {NEEDED} finished sprints before one of these: the rules cannot speak yet."
            return
        yield f"{_asked(compared)} with {NEEDED} or more before them on their board"
        yield from _table(compared.ways)
        yield "A rule says yes or no, which the Brier score takes as 1 or 0; Monte Carlo says a chance."


def backtest(sprints: Path, at: float, bars: Bars, plot: Path | None) -> Report:
    """Walk through a file of past sprints; the curves are drawn to ``plot``. Raises Complaint."""
    (rows,) = read_all([sprints])
    tried = walk(rows, shipped(), at, bars)
    if not tried:
        raise Complaint(
            f"{sprints} holds no sprint to judge by: none has both work at its start and delivered_points."
        )
    report = Report(at, bars, judge(tried))
    if plot is not None:
        _write(plot, draw(report.found.alone, f"Forecasts {_when(at)}, and what happened"))
    return report


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Complaint(f"{path} cannot be written: {error.strerror}.") from error


def _table(ways: Mapping[str, Scores]) -> Iterator[str]:
    first = max(map(len, ways))
    rivals = any(one.behind for one in ways.values())
    heads = ("ROC-AUC", "average precision", "Brier", "F1", "behind ours in AUC" if rivals else "")
    yield f"{'':{first}}  {''.join(f'{head:22}' for head in heads)}".rstrip()
    for name, one in ways.items():
        behind = f"{one.behind.value:+.3f} ({one.behind.interval})" if one.behind else ""
        cells = (*map(_figure, (one.auc, one.average_precision, one.brier, one.f1)), behind)
        yield f"{name:{first}}  {''.join(f'{cell:22}' for cell in cells)}".rstrip()


def _when(at: float) -> str:
    return f"at {_percent(at)} of the planned time" if at else "at the start"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _asked(answers: Answers) -> str:
    return f"{answers.question}: {answers.happened.right} of {_counted(answers.happened.total)}"


def _figure(figure: Figure | None) -> str:
    return f"{figure.value:.3f} ({figure.interval})" if figure else "-"


def _share(share: Share) -> str:
    return f"{share.value or 0:.2f} ({share.interval()}, {share.right} of {share.total})"


def _counted(sprints: int) -> str:
    return "1 sprint" if sprints == 1 else f"{sprints} sprints"


def _answers_json(answers: Answers) -> dict[str, Any]:
    return {
        "question": str(answers.question),
        "sprints": answers.happened.total,
        "happened": answers.happened.right,
        "ways": {name: _scores_json(one) for name, one in answers.ways.items()},
        "reliability": [_fifth_json(fifth) for fifth in answers.fifths],
    }


def _scores_json(one: Scores) -> dict[str, Any]:
    return {
        "roc_auc": _figure_json(one.auc),
        "roc_auc_behind_ours": _figure_json(one.behind),
        "average_precision": _figure_json(one.average_precision),
        "brier": _figure_json(one.brier),
        "f1": _figure_json(one.f1),
    }


def _figure_json(figure: Figure | None) -> dict[str, Any] | None:
    return {"value": figure.value, "interval": _ends(figure.interval)} if figure else None


def _fifth_json(fifth: Fifth) -> dict[str, Any]:
    return {"said": fifth.said, **_share_json(fifth.happened)}


def _share_json(share: Share) -> dict[str, Any]:
    return {"of": share.total, "happened": share.value, "interval": _ends(share.interval())}


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]
