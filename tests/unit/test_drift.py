"""Drift: by hand, without alarm on luck or small counts, with alarm on a new product."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from classifiers.drift import Measure, Moved, Reference, Seen, Size, add, compare, reference


def issues(dice: np.random.Generator, size: int, *, harder: float = 0.0, projects: str = "AB") -> list[Seen]:
    return [
        Seen(
            project=projects[i % len(projects)],
            best=float(dice.beta(4 - harder, 2 + harder)),
            known=float(min(1.0, dice.normal(0.9 - harder / 10, 0.1))),
            words=int(dice.lognormal(4, 0.8)),
        )
        for i in range(size)
    ]


def moved(measure: Measure, window: list[Seen], now: list[Seen]) -> Moved:
    against = reference(window)
    found = compare(against, add(against, {}, now))
    return next(one for one in found.moved if one.measure is measure)


def test_the_index_is_that_of_the_shares() -> None:
    window = [Seen("A", 0.5, 1, 9)] * 300 + [Seen("B", 0.5, 1, 9)] * 100
    now = [Seen("A", 0.5, 1, 9)] * 100 + [Seen("B", 0.5, 1, 9)] * 300
    found = moved(Measure.PROJECT, window, now)
    before, after = 300.5 / 401, 100.5 / 401
    assert found.index == pytest.approx(2 * (after - before) * log(after / before))
    assert found.size is Size.MUCH
    assert found.seen == 400


def test_numbers_part_into_tenths_of_equal_size() -> None:
    against = reference([Seen("A", i / 1000, 1, i) for i in range(1000)])
    assert [against.counts[f"best:{i}"] for i in range(10)] == [100] * 10
    assert against.cells(Seen("A", 0.1, 1, 99)) == ("best:1", "known:0", "words:0", "project:A")


def test_values_that_are_all_alike_need_one_bin() -> None:
    against = reference([Seen("A", 0.5, 1.0, 9)] * 300)
    assert against.edges[Measure.KNOWN] == ()
    found = compare(against, add(against, {}, [Seen("A", 0.5, 0.2, 9)] * 300))
    assert {one.size for one in found.moved if one.measure is not Measure.PROJECT} == {Size.UNKNOWN}


def test_mostly_one_value_still_parts_from_the_rest() -> None:
    known = [1.0] * 280 + [0.8] * 20
    against = reference([Seen("A", 0.5, value, 9) for value in known])
    counts = add(against, {}, [Seen("A", 0.5, 0.3, 9)] * 300)
    (alarm,) = (one for one in compare(against, counts).moved if one.size is Size.MUCH)
    assert alarm.measure is Measure.KNOWN
    assert alarm.sentence == (
        "the share of words it knows differs much from the training window: "
        "100% of issues lie under 1, where it was 7%"
    )


def test_issues_like_those_of_training_raise_nothing() -> None:
    dice = np.random.default_rng(1)
    against = reference(issues(dice, 3000))
    for size in (200, 400, 3000):
        for _ in range(5):
            found = compare(against, add(against, {}, issues(dice, size)))
            assert {one.size for one in found.moved} == {Size.NONE}


def test_a_tracker_of_one_project_is_as_it_was() -> None:
    window = issues(np.random.default_rng(4), 600, projects="A")
    found = moved(Measure.PROJECT, window, window[:300])
    assert found.size is Size.NONE
    assert found.index == pytest.approx(0, abs=1e-3)
    assert moved(Measure.PROJECT, window, window[:199]).size is Size.UNKNOWN


def test_a_small_window_or_few_issues_raise_no_alarm() -> None:
    dice = np.random.default_rng(2)
    far = {"harder": 3.0, "projects": "XY"}
    few, many = issues(dice, 199, **far), issues(dice, 400)  # type: ignore[arg-type]
    assert {one.size for one in _compare(many, few)} == {Size.UNKNOWN}
    assert {one.size for one in _compare(few, many)} == {Size.UNKNOWN}


def _compare(window: list[Seen], now: list[Seen]) -> tuple[Moved, ...]:
    against = reference(window)
    return compare(against, add(against, {}, now)).moved


def test_just_enough_issues_need_more_than_luck() -> None:
    """With 40 projects and 200 issues the index passes 0.1 by luck alone."""
    dice = np.random.default_rng(3)
    names = [chr(65 + i) for i in range(40)]
    window, now = ([Seen(str(dice.choice(names)), 0.5, 1, 9) for _ in range(200)] for _ in range(2))
    found = moved(Measure.PROJECT, window, now)
    assert found.index > 0.1
    assert found.luck > found.index
    assert found.size is Size.NONE


def test_a_model_that_grows_unsure_is_told() -> None:
    dice = np.random.default_rng(4)
    found = moved(Measure.BEST, issues(dice, 2000), issues(dice, 600, harder=1.5))
    assert found.size is Size.MUCH
    assert found.sentence.startswith("the model's surety differs much from the training window: ")


def test_a_project_never_seen_is_told() -> None:
    dice = np.random.default_rng(5)
    found = moved(Measure.PROJECT, issues(dice, 2000), issues(dice, 600, projects="ABX"))
    assert found.size is Size.MUCH
    assert "33% of issues come from projects it does not know, where it was 0%" in found.sentence


def test_nothing_counted_is_unknown() -> None:
    found = compare(reference(issues(np.random.default_rng(6), 500)), {})
    assert {one.size for one in found.moved} == {Size.UNKNOWN}
    assert found.moved[0].sentence == (
        "0 issues are too few to compare the model's surety with the training window"
    )


def test_counts_grow_one_issue_at_a_time() -> None:
    dice = np.random.default_rng(7)
    against, now = reference(issues(dice, 300)), issues(dice, 50)
    counts: dict[str, int] = {}
    for one in now:
        counts = add(against, counts, [one])
    assert counts == add(against, {}, now)
    assert sum(count for cell, count in counts.items() if cell.startswith("words:")) == 50


def test_a_reference_survives_its_file() -> None:
    found = reference(issues(np.random.default_rng(8), 300))
    assert Reference.of_facts(found.facts()) == found
    with pytest.raises(ValueError, match="counts"):
        Reference.of_facts({"edges": {}})
