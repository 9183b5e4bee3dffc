"""What people made of answers, as it is kept: once for each tag, bounded, with an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from store import keys
from store.decisions import Decisions
from store.journal import Forecast, Guess, Journals
from store.outcomes import Lesson, Outcomes, Row, Verdict, still_counts
from tests.conftest import ISSUE
from trackers.model import Subject, SubjectKind

ROW = Row("2026-03-02T09:00:00+00:00", "m1", "labels", "ABC", "ui", 0.9, applied=True, right=True)
CONFIRMED = Lesson(Verdict.CONFIRMED, ROW)
CORRECTED = Lesson(Verdict.CORRECTED, replace(ROW, at="2026-03-09T09:00:00+00:00", right=False))
VOID = Lesson(Verdict.VOID, replace(ROW, right=False))
SEEN = Lesson(Verdict.SEEN, replace(ROW, tag="docs", p=0.2, applied=False, right=False))


@pytest.fixture
def outcomes(redis: Redis) -> Outcomes:
    return Outcomes(redis)


def answered(redis: Redis, subject: Subject = ISSUE) -> Subject:
    """An issue with a journal."""
    Journals(redis).note_forecast(subject, Forecast("m1", "labels", "ABC", (Guess("ui", "l1", 0.9, True),)))
    return subject


def another(number: int) -> Subject:
    return Subject(ISSUE.connection, SubjectKind.ISSUE, f"n{number}")


def counted(redis: Redis) -> dict[str, int]:
    return {
        name.removeprefix("outcomes|acme|labels|"): value
        for name, value in Decisions(redis).counters().items()
    }


def test_what_was_learnt_comes_back_newest_first(redis: Redis, outcomes: Outcomes) -> None:
    assert outcomes.settle(answered(redis), [CONFIRMED, SEEN]) == 2
    assert outcomes.rows("acme", "labels") == [SEEN.row, CONFIRMED.row]
    assert outcomes.ever() == {("acme", "labels"): 2}
    assert counted(redis) == {"ui|confirmed": 1}
    assert Journals(redis).read(ISSUE).taught == {("labels", "ui"): "confirmed", ("labels", "docs"): "seen"}


@pytest.mark.parametrize(
    ("row", "rows", "counts"),
    [
        ([CONFIRMED, CONFIRMED], [CONFIRMED], {"ui|confirmed": 1}),
        ([CORRECTED, CORRECTED], [CORRECTED], {"ui|corrected": 1}),
        ([CORRECTED, CONFIRMED], [CORRECTED], {"ui|corrected": 1}),
        (
            [CONFIRMED, CORRECTED],
            [CORRECTED],
            {"ui|confirmed": 1, "ui|withdrawn": 1, "ui|corrected": 1},
        ),
        ([VOID, CORRECTED], [], {}),
        ([CONFIRMED, VOID, CORRECTED], [CONFIRMED], {"ui|confirmed": 1}),
        ([SEEN, SEEN], [SEEN], {}),
    ],
)
def test_each_tag_of_an_issue_counts_once_and_a_correction_replaces(
    redis: Redis, outcomes: Outcomes, row: list[Lesson], rows: list[Lesson], counts: dict[str, int]
) -> None:
    answered(redis)
    for lesson in row:
        outcomes.settle(ISSUE, [lesson])
    assert outcomes.rows("acme", "labels") == [lesson.row for lesson in rows]
    assert counted(redis) == counts


def test_a_correction_withdraws_one_confirmation_of_equal_ones(redis: Redis, outcomes: Outcomes) -> None:
    for number in range(3):
        outcomes.settle(answered(redis, another(number)), [CONFIRMED])
    outcomes.settle(another(1), [CORRECTED])
    assert outcomes.rows("acme", "labels") == [CORRECTED.row, CONFIRMED.row, CONFIRMED.row]


def test_an_issue_that_was_forgotten_meanwhile_teaches_nothing(redis: Redis, outcomes: Outcomes) -> None:
    assert outcomes.settle(ISSUE, [CONFIRMED]) == 0
    assert redis.dbsize() == 0


def test_rows_name_no_issue(redis: Redis, outcomes: Outcomes) -> None:
    outcomes.settle(answered(redis), [CONFIRMED, SEEN])
    Journals(redis).purge(ISSUE)
    assert not any(ISSUE.id in text for text in redis.lrange(keys.outcomes("acme", "labels"), 0, -1))
    assert len(outcomes.rows("acme", "labels")) == 2


def test_targets_and_connections_are_kept_apart(redis: Redis, outcomes: Outcomes) -> None:
    component = replace(CONFIRMED, row=replace(ROW, target="components", tag="ui"))
    outcomes.settle(answered(redis), [CONFIRMED, component])
    elsewhere = answered(redis, Subject("other", SubjectKind.ISSUE, "1"))
    outcomes.settle(elsewhere, [CORRECTED])
    assert outcomes.rows("acme", "labels") == [ROW]
    assert outcomes.rows("acme", "components") == [component.row]
    assert outcomes.ever() == {("acme", "labels"): 1, ("acme", "components"): 1, ("other", "labels"): 1}


def test_rows_are_bounded_and_end(redis: Redis, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "OUTCOMES_KEPT", 3)
    for number in range(5):
        outcomes.settle(
            answered(redis, another(number)), [replace(CONFIRMED, row=replace(ROW, p=number / 10))]
        )
    assert [row.p for row in outcomes.rows("acme", "labels")] == [0.4, 0.3, 0.2]
    assert outcomes.ever() == {("acme", "labels"): 5}
    outcomes.mute("acme", "labels", "ui", "why")
    outcomes.keep_shift("acme", "labels", {"shared": 0.0}, 5)
    life = keys.OUTCOMES_LIFE.total_seconds()
    for name in (
        keys.outcomes("acme", "labels"),
        keys.LESSONS,
        keys.mutes("acme", "labels"),
        keys.shift("acme", "labels"),
    ):
        assert life - 60 < redis.ttl(name) <= life, name


def test_a_name_may_hold_any_sign(redis: Redis, outcomes: Outcomes) -> None:
    odd = replace(CONFIRMED, row=replace(ROW, tag="a|b: größe x"))
    outcomes.settle(answered(redis), [odd])
    assert outcomes.rows("acme", "labels") == [odd.row]
    assert counted(redis) == {"a/b: größe x|confirmed": 1}
    assert Journals(redis).read(ISSUE).taught == {("labels", "a|b: größe x"): "confirmed"}


def test_a_label_becomes_muted_once(redis: Redis, outcomes: Outcomes) -> None:
    assert [outcomes.mute("acme", "labels", "ui", f"why {n}") for n in range(3)] == [True, False, False]
    standing = outcomes.standing("acme", "labels")
    assert {label: mute.why for label, mute in standing.muted.items()} == {"ui": "why 0"}
    assert Decisions(redis).counters() == {"mutes|acme|labels": 1}
    assert outcomes.standing("acme", "components").muted == {}


@pytest.mark.parametrize("anew", [False, True])
def test_what_was_made_of_a_label_before_it_returned_counts_no_more(
    redis: Redis, outcomes: Outcomes, anew: bool
) -> None:
    rows: Sequence[Row] = [ROW, replace(ROW, model="m2"), replace(ROW, model="m3", tag="docs")]
    for number, row in enumerate(rows):
        outcomes.settle(answered(redis, another(number)), [Lesson(Verdict.CORRECTED, row)])
    assert not outcomes.unmute("acme", "labels", "ui", anew=anew)
    outcomes.mute("acme", "labels", "ui", "why")
    assert outcomes.unmute("acme", "labels", "ui", anew=anew)
    standing = outcomes.standing("acme", "labels")
    assert standing.muted == {}
    assert [still_counts(row, standing.spent) for row in rows] == [False, False, True]
    # The model that serves on is judged by what comes now; what served before a new one, never again.
    later = replace(ROW, at=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    assert still_counts(later, standing.spent) is not anew
    assert still_counts(replace(ROW, model="m9"), standing.spent)
    assert outcomes.mute("acme", "labels", "ui", "again")


def test_what_counts_no_more_for_good_does_not_come_back(redis: Redis, outcomes: Outcomes) -> None:
    outcomes.settle(answered(redis), [Lesson(Verdict.CORRECTED, ROW)])
    later = replace(ROW, at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    for anew in (True, False):
        outcomes.mute("acme", "labels", "ui", "why")
        outcomes.unmute("acme", "labels", "ui", anew=anew)
        assert not still_counts(later, outcomes.standing("acme", "labels").spent)


def test_what_a_release_before_wrote_of_returns_is_read(redis: Redis, outcomes: Outcomes) -> None:
    redis.hset(keys.mutes("acme", "labels"), "spent:ui", '["m1"]')
    spent = outcomes.standing("acme", "labels").spent
    assert not still_counts(ROW, spent)
    assert still_counts(replace(ROW, model="m2"), spent)


def test_a_shift_is_kept_with_what_it_was_learnt_from(outcomes: Outcomes) -> None:
    assert (outcomes.standing("acme", "labels").shift, outcomes.standing("acme", "labels").learnt_from) == (
        None,
        0,
    )
    outcomes.keep_shift("acme", "labels", {"shared": -0.2, "projects": {"ABC": 0.1}}, 30, "m1")
    standing = outcomes.standing("acme", "labels")
    assert (standing.shift, standing.learnt_from) == ({"shared": -0.2, "projects": {"ABC": 0.1}}, 30)
    assert standing.learnt_for == "m1"
