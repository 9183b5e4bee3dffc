"""Serving models watched: what a run counts, and what a clock makes of it, over a real Redis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from redis import Redis

from classifiers.drift import Reference, Seen, reference
from classifiers.shifts import Shift
from rules.load import load_rules
from store import keys
from store.decisions import Decisions
from store.models import ModelShelf
from store.outcomes import Outcomes, Row
from store.rulebook import RulebookShelf
from store.watch import Reply, Report, Sighting, Watch, Week, count, week_of
from tests.conftest import ISSUE, Floor, changed, hint, issue, later
from tests.stand_in import HEAD, MANIFEST
from tests.unit.models import content
from tests.unit.test_taggers import PARTS, RULES, TEXT, Serving, Taught
from trackers.errors import ServerFault
from trackers.model import Hint, Subject, SubjectKind
from workers.clock import Clock
from workers.record import Ending
from workers.rules_in_force import RulesFile
from workers.run import run
from workers.taggers import Taggers
from workers.training import listed_facts
from workers.watching import MOST_RATES, look, tallies

PLACE = ("acme", "labels")
MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64


def usual(size: int, project: str = "ABC", seed: int = 0) -> list[Seen]:
    dice = np.random.default_rng(seed)
    return [
        Seen(project, float(dice.beta(4, 2)), float(dice.uniform(0.7, 1.0)), int(dice.lognormal(4, 0.8)))
        for _ in range(size)
    ]


def strange(size: int) -> list[Seen]:
    """Of a project nobody knew, and hardly understood."""
    return [replace(one, project="NEW", best=one.best / 9) for one in usual(size)]


WINDOW = reference(usual(2000, seed=1))
WATCHED = {**MANIFEST, "drift": WINDOW.facts()}


def go(floor: Floor, title: str, *hints: Hint, serving: Serving | None = None, shift: float = 0.0) -> Ending:
    RulebookShelf(floor.redis).publish(load_rules(RULES, "rules.yaml").version_id, RULES)
    floor.tracker.now = issue(title)
    floor.offer(*(hints or (hint(),)))
    serving = serving or Serving({"labels": (A, HEAD)}, WATCHED)
    ending = run(replace(floor.shop, taggers=Taggers(serving, Taught(Shift(shift)))), ISSUE, floor.token())
    assert ending is not None
    return ending


def this_week(floor: Floor, target: str = "labels", model: str = A) -> Week:
    (week,) = Watch(floor.redis).weeks(("acme", target), model, week_of(datetime.now(UTC)))
    return week


@pytest.mark.parametrize(
    ("title", "reply"),
    [
        (TEXT, Reply.TAGGED),
        ("The page is slow", Reply.SILENT),
        ("Please help on the page", Reply.SILENT),
        ("slow", Reply.ABSTAINED),
        ("Die Rechnung stimmt leider gar nicht mehr", Reply.ABSTAINED),
    ],
)
def test_a_new_issue_counts_by_what_the_model_said_of_it(floor: Floor, title: str, reply: Reply) -> None:
    go(floor, title)
    week = this_week(floor)
    assert (week.answers, week.issues) == ({"ABC": {reply: 1}}, 1)
    assert sorted(cell.partition(":")[0] for cell in week.cells) == ["best", "known", "project", "words"]
    assert set(week.cells.values()) == {1}
    counted = {name: n for name, n in Decisions(floor.redis).counters().items() if "answers" in name}
    assert counted == {f"answers|acme|labels|ABC|{reply}": 1}


def test_each_model_counts_for_itself(floor: Floor) -> None:
    go(floor, TEXT, serving=Serving({"labels": (A, HEAD), "components": (B, PARTS)}, WATCHED))
    assert this_week(floor).issues == 1
    assert this_week(floor, "components", B).answers == {"ABC": {Reply.TAGGED: 1}}


@pytest.mark.parametrize("title", [TEXT, "nothing that anybody has ever seen", "slow"])
def test_an_issue_counts_once_whatever_runs_come_again(floor: Floor, title: str) -> None:
    for _ in range(2):
        go(floor, title)
    go(floor, title, changed("title", updated=later(hours=1)))
    assert this_week(floor).issues == 1


def test_an_issue_first_heard_of_by_an_edit_is_not_new(floor: Floor) -> None:
    go(floor, TEXT, changed("title"))
    assert list(floor.redis.scan_iter(f"{keys.SEEN}*")) == []
    assert "labels" in floor.shop.journals.read(ISSUE).forecasts


def test_a_run_that_failed_to_write_counts_when_it_is_carried_through(floor: Floor) -> None:
    floor.tracker.fails["labels"] = ServerFault("Try again.")
    go(floor, TEXT)
    assert list(floor.redis.scan_iter(f"{keys.SEEN}*")) == []
    floor.tracker.fails.clear()
    floor.redis.zadd(keys.PENDING, {str(ISSUE): 0})
    shop = replace(floor.shop, taggers=Taggers(Serving({"labels": (A, HEAD)}, WATCHED), Taught()))
    run(shop, ISSUE, floor.token())
    assert this_week(floor).issues == 1


def test_asking_alone_counts_nothing(floor: Floor) -> None:
    taggers = Taggers(Serving({"labels": (A, HEAD)}, WATCHED), Taught())
    rules = load_rules(RULES, "rules.yaml").effective("acme", "ABC")
    assert taggers.ask("acme", floor.tracker.kind, issue(TEXT), rules)
    assert list(floor.redis.scan_iter()) == []


def test_what_people_taught_is_no_drift_of_the_issues(floor: Floor) -> None:
    go(floor, TEXT, shift=-1.5)
    (cell,) = WINDOW.cells(Seen("ABC", 0.97, 1, 1))[:1]
    assert this_week(floor).cells[cell] == 1


@pytest.mark.parametrize("drift", [None, {}, {"edges": {}, "counts": {}}, {"edges": {"best": ["x"]}}])
def test_a_model_without_a_window_still_counts_its_answers(floor: Floor, drift: Any) -> None:
    go(floor, TEXT, serving=Serving({"labels": (A, HEAD)}, {**MANIFEST, "drift": drift}))
    assert (this_week(floor).issues, this_week(floor).cells) == (1, {})


def test_issues_share_one_row_of_counts(floor: Floor) -> None:
    for number in range(3):
        subject = Subject("acme", SubjectKind.ISSUE, f"n{number}")
        RulebookShelf(floor.redis).publish(load_rules(RULES, "rules.yaml").version_id, RULES)
        floor.tracker.now = issue(TEXT)
        floor.offer(replace(hint(), subject=subject))
        taggers = Taggers(Serving({"labels": (A, HEAD)}, WATCHED), Taught())
        run(replace(floor.shop, taggers=taggers), subject, floor.token(subject))
    assert this_week(floor).issues == 3
    assert len(list(floor.redis.scan_iter(f"{keys.SEEN}*"))) == 1


def test_a_deleted_issue_leaves_its_count_and_nothing_else(floor: Floor) -> None:
    go(floor, TEXT)
    floor.shop.journals.purge(ISSUE)
    assert this_week(floor).issues == 1
    assert [name for name in map(str, floor.redis.scan_iter("sw:seen:*")) if ISSUE.id in name] == []


# --- The clock ---


@pytest.fixture
def watch(redis: Redis) -> Watch:
    return Watch(redis)


def met(redis: Redis, rows: Sequence[Seen], week: date = MONDAY, model: str = A) -> None:
    """Count issues as runs would."""
    pipe = redis.pipeline()
    for row in rows:
        reply = Reply.TAGGED if row.best > 0.6 else Reply.SILENT
        count(pipe, "acme", Sighting(model, "labels", row.project, reply, week, WINDOW.cells(row)))
    pipe.execute()


def serve(redis: Redis, model: str, against: Reference | None = WINDOW) -> None:
    shelf = ModelShelf(redis)
    shelf.stage(PLACE, model, b"file", {"drift": against.facts() if against else None})
    shelf.promote(PLACE, model)


def looked(redis: Redis, now: datetime = NOW, model: str = A) -> tuple[dict[str, str], list[str]]:
    """Measure → size, and the measures the admin was told of."""
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            look(ModelShelf(redis), Watch(redis), Outcomes(redis), now)
    report = Watch(redis).report(PLACE, model)
    assert report is not None
    told = [log["measure"] for log in logs if log["event"] == "issues have drifted"]
    return {one.measure: one.size for one in report.moved}, told


ALL_NONE = dict.fromkeys(("best", "known", "words", "project"), "none")
MOVED = ALL_NONE | {"best": "much", "project": "much"}


def test_weeks_begin_on_monday_and_the_newest_are_kept(redis: Redis, watch: Watch) -> None:
    assert [week_of(datetime(2026, 3, day, 23, 59, tzinfo=UTC)) for day in (1, 2, 8, 9)] == [
        date(2026, 2, 23), MONDAY, MONDAY, date(2026, 3, 9)
    ]  # fmt: skip
    for back in range(keys.SEEN_WEEKS + 3):
        met(redis, usual(1), MONDAY - timedelta(weeks=back))
    weeks = watch.weeks(PLACE, A, MONDAY)
    assert [week.start for week in weeks] == [MONDAY - timedelta(weeks=back) for back in range(12)]
    for name in redis.scan_iter(f"{keys.SEEN}*"):
        assert 0 < redis.ttl(name) <= keys.SEEN_LIFE.total_seconds()


def test_any_name_may_be_a_projects(redis: Redis, watch: Watch) -> None:
    for project in ("A|B", "tagged|x", "a:b", ""):
        met(redis, [Seen(project, 0.9, 1.0, 9)])
    (week,) = watch.weeks(PLACE, A, MONDAY)
    assert set(week.answers) == {"A|B", "tagged|x", "a:b", ""}
    assert sum(n for cell, n in week.cells.items() if cell.startswith("project:")) == 4


def test_issues_like_those_of_the_window_raise_nothing(redis: Redis) -> None:
    serve(redis, A)
    met(redis, usual(400))
    assert looked(redis) == (ALL_NONE, [])


def test_few_issues_raise_nothing(redis: Redis) -> None:
    serve(redis, A)
    assert looked(redis) == (dict.fromkeys(ALL_NONE, "unknown"), [])
    met(redis, strange(199))
    assert looked(redis) == (dict.fromkeys(ALL_NONE, "unknown"), [])
    met(redis, strange(1))
    assert looked(redis)[1] == ["best", "project"]


def test_drift_is_told_once_and_again_only_after_it_was_well(redis: Redis) -> None:
    serve(redis, A)
    met(redis, strange(300))
    assert looked(redis) == (MOVED, ["best", "project"])
    assert looked(redis) == (MOVED, [])
    week = timedelta(weeks=1)
    met(redis, usual(300), MONDAY + week)
    assert looked(redis, NOW + week) == (ALL_NONE, [])
    met(redis, strange(300), MONDAY + 2 * week)
    assert looked(redis, NOW + 2 * week) == (MOVED, ["best", "project"])


def test_an_alarm_between_well_and_much_is_not_told_anew(redis: Redis) -> None:
    serve(redis, A)
    met(redis, strange(300))
    looked(redis)
    week = timedelta(weeks=1)
    met(redis, [*strange(10), *usual(290)], MONDAY + week)
    sizes, told = looked(redis, NOW + week)
    assert (sizes["project"], told) == ("some", [])
    met(redis, strange(300), MONDAY + 2 * week)
    assert "project" not in looked(redis, NOW + 2 * week)[1]


def test_weeks_of_the_usual_do_not_hide_a_new_difference(redis: Redis) -> None:
    serve(redis, A)
    for back in range(1, 4):
        met(redis, usual(2000), MONDAY - timedelta(weeks=back))
    met(redis, strange(200))
    assert looked(redis)[0] == MOVED


def test_as_many_weeks_are_taken_as_it_needs_and_no_old_ones(redis: Redis) -> None:
    serve(redis, A)
    met(redis, strange(500), MONDAY - timedelta(weeks=4))
    for back in range(3):
        met(redis, usual(60, seed=back), MONDAY - timedelta(weeks=back))
    assert set(looked(redis)[0].values()) == {"unknown"}
    met(redis, usual(60, seed=3), MONDAY - timedelta(weeks=3))
    assert looked(redis)[0] == ALL_NONE


def test_a_new_model_starts_anew_and_older_ones_are_forgotten(redis: Redis, watch: Watch) -> None:
    serve(redis, A)
    met(redis, strange(300))
    looked(redis)
    serve(redis, B)
    assert watch.report(PLACE, B) is None
    assert set(looked(redis, model=B)[0].values()) == {"unknown"}
    assert watch.weeks(PLACE, A, MONDAY), "the previous model may come back"
    met(redis, strange(300), model=B)
    assert looked(redis, model=B)[1] == ["best", "project"]
    serve(redis, C)
    met(redis, usual(1), model=A)
    looked(redis, model=C)
    assert watch.weeks(PLACE, A, MONDAY) == ()
    assert watch.weeks(PLACE, B, MONDAY)
    held = {str(name) for name in redis.scan_iter() if A in str(name)}
    assert (held, [field for field in redis.hkeys(keys.watch(*PLACE)) if A in str(field)]) == (set(), [])


def test_all_of_a_model_is_forgotten_however_old_its_weeks(redis: Redis) -> None:
    for back in range(keys.SEEN_WEEKS, -1, -1):
        met(redis, usual(1), MONDAY - timedelta(weeks=back))
    serve(redis, B)
    looked(redis, model=B)
    assert list(redis.scan_iter(f"{keys.SEEN}*")) == []


def test_after_a_flush_it_all_begins_again(floor: Floor) -> None:
    go(floor, TEXT)
    floor.redis.flushall()
    look(ModelShelf(floor.redis), Watch(floor.redis), Outcomes(floor.redis), NOW)
    assert list(floor.redis.scan_iter()) == []
    go(floor, TEXT)
    assert this_week(floor).issues == 1


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"drift": None},
        {"drift": {"edges": {}}},
        {"drift": {"edges": {"best": [0.5], "known": [], "words": []}, "counts": {"words:0": 900}}},
    ],
)
def test_a_window_that_cannot_be_read_does_not_stop_the_clock(redis: Redis, facts: dict[str, Any]) -> None:
    shelf = ModelShelf(redis)
    shelf.stage(PLACE, A, b"file", facts)
    shelf.promote(PLACE, A)
    met(redis, strange(300))
    assert looked(redis) == ({}, [])


def test_only_one_of_many_clocks_tells(redis: Redis, watch: Watch) -> None:
    assert [watch.tell(PLACE, A, "best") for _ in range(3)] == [True, False, False]
    watch.calm(PLACE, A, ["best"])
    assert watch.tell(PLACE, A, "best")


def outcome(tag: str, project: str = "ABC", *, right: bool, applied: bool = True, model: str = A) -> Row:
    return Row("2026-03-02T09:00:00+00:00", model, "labels", project, tag, 0.9, applied, right)


def test_live_precision_is_that_of_what_was_put_on() -> None:
    rows = [outcome("ui", right=True)] * 8 + [outcome("ui", "OPS", right=False)] * 2
    rows += [outcome("api", right=False, applied=False), outcome("crash", right=False, model=B)]
    tags, projects = tallies(rows, {"crash": {B: ""}})
    assert {tag: (one.right, one.total) for tag, one in tags.items()} == {"ui": (8, 10)}
    assert {name: (one.right, one.total) for name, one in projects.items()} == {"ABC": (8, 8), "OPS": (0, 2)}


def settle(redis: Redis, *rows: Row) -> None:
    """As ``Outcomes.settle`` leaves them, without an issue behind each."""
    redis.lpush(keys.outcomes(*PLACE), *(json.dumps(astuple(row)) for row in rows))
    redis.hincrby(keys.LESSONS, ":".join(PLACE), len(rows))


def report(redis: Redis, model: str = A) -> Report:
    look(ModelShelf(redis), Watch(redis), Outcomes(redis), NOW)
    found = Watch(redis).report(PLACE, model)
    assert found is not None
    return found


def test_the_clock_works_live_precision_out_anew_when_there_is_news(redis: Redis) -> None:
    serve(redis, A)
    assert (report(redis).labels, report(redis).projects) == ({}, {})
    settle(redis, *[outcome("ui", right=True)] * 9, outcome("ui", right=False))
    rate = report(redis).labels["ui"]
    assert (rate.right, rate.total, rate.low, rate.high) == (9, 10, 0.5958, 0.9821)
    assert report(redis).projects["ABC"] == rate
    settle(redis, outcome("ui", right=False))
    assert (report(redis).labels["ui"].total, report(redis).labels["ui"].right) == (11, 9)
    outcomes = Outcomes(redis)
    outcomes.mute(*PLACE, "ui", "wrong too often")
    outcomes.unmute(*PLACE, "ui")
    assert report(redis).labels == {}, "what came before a tag returned counts no more"


def test_only_the_tags_with_the_most_outcomes_are_told(redis: Redis) -> None:
    serve(redis, A)
    often = [outcome(f"often{number}", right=True) for number in range(MOST_RATES)]
    settle(redis, *often, *often, *(outcome(f"a{number}", right=True) for number in range(5)))
    assert set(report(redis).labels) == {f"often{number}" for number in range(MOST_RATES)}


def test_a_tick_of_the_clock_looks(floor: Floor, tmp_path: Path) -> None:
    serve(floor.redis, A)
    file = tmp_path / "rules.yaml"
    file.write_text("version: 1\n")
    Clock(floor.redis, floor.shop.inbox, RulesFile(file, RulebookShelf(floor.redis))).tick()
    found = Watch(floor.redis).report(PLACE, A)
    assert found is not None
    assert len(found.moved) == 4


def test_a_slot_tells_of_the_training_window() -> None:
    told = content()
    assert listed_facts(told)["drift"] is None
    facts = listed_facts(replace(told, manifest={**told.manifest, "drift": WINDOW.facts()}))
    assert Reference.of_facts(facts["drift"]) == WINDOW
