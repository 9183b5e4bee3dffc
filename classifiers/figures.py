"""Figures as people read them: shares with their intervals, and an evaluation
as lines of a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from classifiers.evaluate import Bin, Evaluation, Marks, ProjectRow
from classifiers.intervals import Share


def told(found: Evaluation) -> list[str]:
    """The figures as lines of a terminal."""
    return [*_overall(found), "", *_tag_lines(found), "", *_project_lines(found), "", *_bin_lines(found)]


def metrics(found: Evaluation) -> dict[str, Any]:
    """The figures as JSON-ready numbers; shares of nothing are ``None``, intervals are of 95 %."""
    return {
        "issues": found.issues,
        "asked": found.asked,
        "coverage": found.coverage.value,
        "precision": found.marks.precision.value,
        "precision_interval": _ends(found.marks.precision),
        "recall": found.marks.recall.value,
        "recall_interval": _ends(found.marks.recall),
        "micro_f1": found.marks.f1,
        "macro_f1": found.macro_f1,
        "first_right": found.first.value,
        "one_of_three_right": found.among_three.value,
        "calibration_error": found.calibration_error,
        "tags": {tag: _mark_metrics(marks) for tag, marks in found.tags.items()},
        "projects": {row.project: _project_metrics(row) for row in found.projects},
        "reliability": [_bin_metrics(one) for one in found.reliability],
    }


def _mark_metrics(marks: Marks) -> dict[str, Any]:
    return {
        "true": marks.true,
        "applied": marks.applied,
        "right": marks.right,
        "precision": marks.precision.value,
        "precision_interval": _ends(marks.precision),
        "recall": marks.recall.value,
        "recall_interval": _ends(marks.recall),
        "f1": marks.f1,
    }


def _project_metrics(row: ProjectRow) -> dict[str, Any]:
    return {
        "issues": row.issues,
        "coverage": Share(row.answered, row.issues).value,
        **_mark_metrics(row.marks),
        "first_right": row.first.value,
        "less_precise": row.less_precise,
        "less_served": row.less_served,
    }


def _bin_metrics(one: Bin) -> dict[str, Any]:
    return {"low": one.low, "high": one.high, "said": one.mean_p, "right": one.got.right, "of": one.got.total}


def _ends(share: Share) -> list[float] | None:
    if share.value is None:
        return None
    found = share.interval()
    return [found.low, found.high]


def _overall(found: Evaluation) -> list[str]:
    asked = "" if found.asked is None else f"asked {found.asked:.2f}, "
    return [
        f"{found.issues} issues, {found.answered} of them with a tag applied ({percent(found.coverage)})",
        f"precision  {asked}got {with_interval(found.marks.precision)}",
        f"recall     {with_interval(found.marks.recall)}",
        f"F1         micro {found.marks.f1:.3f}, macro {found.macro_f1:.3f}",
        f"first      right {with_interval(found.first)}, one of three {with_interval(found.among_three)}",
        f"chances    off by {found.calibration_error:.3f} on average",
    ]


def _tag_lines(found: Evaluation) -> list[str]:
    head = ("tag", "true", "applied", "precision", "recall", "F1")
    rows = [
        (
            tag,
            str(one.true),
            str(one.applied),
            with_interval(one.precision),
            with_interval(one.recall),
            f"{one.f1:.2f}",
        )
        for tag, one in found.tags.items()
    ]
    return _columns(head, rows)


def _project_lines(found: Evaluation) -> list[str]:
    head = ("project", "issues", "tagged", "precision", "first right", "")
    rows = [
        (
            row.project,
            str(row.issues),
            percent(Share(row.answered, row.issues)),
            with_interval(row.marks.precision),
            with_interval(row.first),
            " and ".join(weaknesses(row)),
        )
        for row in found.projects
    ]
    return _columns(head, rows)


def _bin_lines(found: Evaluation) -> list[str]:
    rows = [
        (f"{one.low:.1f} to {one.high:.1f}", str(one.got.total), f"{one.mean_p:.2f}", with_interval(one.got))
        for one in found.reliability
    ]
    return _columns(("chance", "issues", "said", "was right"), rows)


def weaknesses(row: ProjectRow) -> list[str]:
    """What is surely worse in this project than in the others."""
    flags: tuple[tuple[bool, str], ...] = (
        (row.less_precise, "less precise than the others"),
        (row.less_served, "fewer issues tagged than in the others"),
    )
    return [words for holds, words in flags if holds]


def percent(share: Share) -> str:
    """``38 %``, or ``-`` of nothing."""
    return "-" if share.value is None else f"{share.value:.0%}".replace("%", " %")


def with_interval(share: Share) -> str:
    """``0.84 (0.79 to 0.88)``, or ``-`` of nothing."""
    return "-" if share.value is None else f"{share.value:.2f} ({share.interval()})"


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
