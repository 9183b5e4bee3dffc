"""What follows a model's card: its answers by week and project, live precision, mutes, drift, shift."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from classifiers.in_use import InUse, Met, Replies, render
from classifiers.intervals import Share
from classifiers.shifts import Shift

NOTHING = InUse((), {}, {}, {}, (), Shift())
USE = InUse(
    weeks=(
        Met(date(2026, 3, 9), {"ABC": Replies(6, 3, 1), "OPS": Replies(0, 10, 0)}),
        Met(date(2026, 3, 2), {"ABC": Replies(tagged=44, silent=36)}),
    ),
    tags={"api": Share(9, 10), "ui|web": Share(30, 40)},
    projects={"ABC": Share(38, 40), "OPS": Share(1, 10)},
    muted={"docs": "since 2026-03-04, 2 of 12 were right, and 85% are asked"},
    drift=("the mix of projects is what it was in the training window",),
    shift=Shift(-0.5, {"ABC": 0.5, "OPS": -0.4, "WEB": 0.01}),
)


def test_it_tells_the_weeks_with_shares() -> None:
    page = render(USE)
    assert page.startswith("## In use\n\n")
    assert "| 2026-03-09 | 20 | 30 % | 65 % | 5 % |\n| 2026-03-02 | 80 | 55 % | 45 % | 0 % |" in page


def test_it_tells_which_projects_are_served_worse() -> None:
    page = render(USE)
    assert "| ABC | 90 | 56 % | 43 % | 1 % | 40 | 0.95 (0.83 to 0.99) | - |" in page
    assert (
        "| OPS | 10 | 0 % | 100 % | 0 % | 10 | 0.10 (0.02 to 0.40) | less precise than the others and "
        "fewer issues tagged than in the others |"
    ) in page


def test_it_tells_live_precision_with_intervals_most_outcomes_first() -> None:
    assert "| ui\\|web | 40 | 0.75 (0.60 to 0.86) |\n| api | 10 | 0.90 (0.60 to 0.98) |" in render(USE)


def test_it_tells_mutes_drift_and_the_shift_in_plain_words() -> None:
    page = render(USE)
    assert "- docs: since 2026-03-04, 2 of 12 were right, and 85% are asked.\n" in page
    assert "- The mix of projects is what it was in the training window.\n" in page
    assert "- Chances are lowered: 0.80 counts as 0.71.\n- In ABC they are taken as the model" in page
    assert "- In OPS they are lowered: 0.80 counts as 0.62.\n" in page
    assert "WEB" not in page
    assert "- Chances are raised: 0.80 counts as 0.87." in render(replace(USE, shift=Shift(0.5)))


@pytest.mark.parametrize(
    "said",
    [
        "It has not been asked about any new issue.",
        "People have neither confirmed nor undone anything yet.",
        "No tag is muted.",
        "Nobody has compared its issues with its training window yet.",
        "Chances are taken as the model gives them.",
    ],
)
def test_of_nothing_it_says_so(said: str) -> None:
    assert said in render(NOTHING)
    assert "By project" not in render(NOTHING)


def test_few_issues_and_outcomes_blame_nobody() -> None:
    few = replace(
        USE,
        weeks=(Met(date(2026, 3, 9), {"ABC": Replies(tagged=50), "OPS": Replies(silent=5)}),),
        projects={"ABC": Share(40, 40), "OPS": Share(0, 4)},
    )
    assert "fewer" not in render(few)
    assert "less precise" not in render(few)
