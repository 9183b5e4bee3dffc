"""What the console shows of labels, worked out from outcomes, models and rules."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import run as run_process
from typing import Any

import pytest
import structlog
from redis import Redis
from redis.exceptions import ResponseError

from classifiers.intervals import Share, wilson
from classifiers.thresholds import ASKED, Rule, Rung, Thresholds
from rules.connections import Connection
from rules.load import load_rules
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.models import list_mutes, show_mutes
from store import keys, put_on
from store.decisions import Decisions
from store.inbox import Inbox
from store.label_views import TARGETS, Head, LabelView, LabelViews, State
from store.models import Entry, ModelShelf, Slot, Slots
from store.outcomes import Mute, Outcomes, Row, Standing
from store.put_on import PutOn
from store.rulebook import RulebookShelf
from store.watch import week_of
from tests.conftest import CONNECTION, ISSUE, Floor, changed, hint, issue, until
from tests.unit.label_scene import (
    HOSTILE,
    LINES,
    RULES,
    TAGS,
    judged,
    lived,
    look_through,
    model,
    note,
    rules,
    serve,
)
from trackers.model import HintKind, Label, Subject, SubjectKind, TrackerKind
from workers import clock, label_look
from workers.clock import Clock
from workers.label_look import LabelLook, wanted
from workers.label_view import (
    MOST_LABELS,
    MOST_NEWEST,
    Known,
    Sources,
    Views,
    Wanted,
    calibration,
    views_in_steps,
)
from workers.learning import bring_back
from workers.rules_in_force import RulesFile
from workers.run import run
from workers.taggers import TARGETS as OF_WORKERS

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday."""
MONDAY = date(2026, 3, 2)
PLACE = ("acme", "labels")
A, B = "a" * 64, "b" * 64
KNOWN = Known(
    {"ui": 40, "rare": 2},
    {"ui": {"true": 9, "applied": 8, "right": 7}},
    LINES,
)
SERVING = Slots(1, {Slot.SERVING: Entry(A, NOW, {"created": "2026-03-01T00:00:00+00:00", "issues": 300})})
ASKING = Wanted((0.85,), frozenset({"never"}), frozenset({"Security"}))
SERVED = Sources(PLACE, SERVING, KNOWN, wanted=ASKING)


def row(tag: str = "ui", *, right: bool = True, applied: bool = True, p: float = 0.9, **more: Any) -> Row:
    kept: dict[str, Any] = {"at": NOW.isoformat(), "model": A, "project": "ABC", **more}
    return Row(kept["at"], kept["model"], "labels", kept["project"], tag, p, applied, right)


def rows_of(right: int, wrong: int, tag: str = "ui", **more: Any) -> list[Row]:
    return [row(tag, right=at < right, **more) for at in range(right + wrong)]


def named(found: tuple[Head, tuple[LabelView, ...]]) -> Mapping[str, LabelView]:
    return {view.row.name: view for view in found[1]}


def views(sources: Sources, rows: Sequence[Row], now: datetime) -> Views:
    """What comes of all steps."""

    def made() -> Generator[None, None, None]:
        told.append((yield from views_in_steps(sources, rows, now)))

    told: list[Views] = []
    for _ in made():
        pass
    return told[0]


def seen(rows: list[Row], **more: Any) -> Mapping[str, LabelView]:
    return named(views(replace(SERVED, **more), rows, NOW))


def test_precision_is_of_what_was_put_on_with_its_interval() -> None:
    rows = [*rows_of(18, 2), row(applied=False, right=False, p=0.3)]
    short = seen(rows)["ui"].row
    ends = wilson(18, 20)
    assert short.live is not None
    assert (short.live.right, short.live.total) == (18, 20)
    assert [short.live.low, short.live.high] == pytest.approx([ends.low, ends.high], abs=1e-4)
    assert (short.confirmed, short.corrected, short.missing) == (18, 2, 0)
    assert short.state is State.SERVING


def test_weeks_are_calendar_weeks_and_the_newest_is_last() -> None:
    sunday = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    rows = [
        row(),
        row(right=False),
        row(at=sunday.isoformat()),
        row(at=(NOW - timedelta(weeks=12)).isoformat()),
    ]
    view = seen(rows)["ui"]
    assert view.row.weeks == ((0, 0),) * 10 + ((1, 1), (1, 2))
    assert [(week.start, week.rate.right, week.rate.total) for week in view.weeks] == [
        (date(2026, 2, 23), 1, 1),
        (MONDAY, 1, 2),
    ]


@pytest.mark.parametrize(
    ("rows", "more", "state", "missing"),
    [
        (rows_of(9, 0), {}, State.UNPROVEN, 1),
        ([], {}, State.UNPROVEN, 10),
        (rows_of(6, 4), {}, State.DOUBTFUL, 0),
        # Eight of ten are so often seen of a label that is right 85 times in 100.
        (rows_of(8, 2), {}, State.SERVING, 0),
        (rows_of(9, 1), {}, State.SERVING, 0),
        (rows_of(8, 2), {"wanted": replace(ASKING, precisions=(0.75, 0.9))}, State.SERVING, 0),
        (rows_of(9, 1), {"wanted": replace(ASKING, never=frozenset({"ui"}))}, State.NEVER, 0),
        (rows_of(9, 1), {"wanted": replace(ASKING, precisions=())}, State.UNASKED, 0),
        (rows_of(9, 1), {"place": ("acme", "type")}, State.REMARK, 0),
        (rows_of(9, 1), {"known": None, "slots": Slots()}, State.UNKNOWN, 0),
        (rows_of(9, 1), {"known": replace(KNOWN, tags={"ui": 2})}, State.RARE, 0),
        (rows_of(9, 1), {"known": replace(KNOWN, tags={})}, State.UNKNOWN, 0),
    ],
)
def test_the_state_of_a_label(rows: list[Row], more: dict[str, Any], state: State, missing: int) -> None:
    short = seen(rows or [row(applied=False)], **more)["ui"].row
    assert (short.state, short.missing) == (state, missing)


def test_a_label_that_is_muted_is_not_counted_as_below_as_well() -> None:
    mute = Standing(None, 0, "", {"ui": Mute(NOW, "x")}, {})
    for standing, doubtful in ((SERVED.standing, 1), (mute, 0)):
        head, _ = views(replace(SERVED, standing=standing), rows_of(6, 4), NOW)
        assert (head.muted, head.doubtful) == (len(standing.muted), doubtful)


def test_a_model_that_reaches_no_such_precision_is_silent_and_says_why() -> None:
    nothing = Share(0, 0)
    lines = Thresholds(
        Rule.BOUND, 3, 90, tuple(Rung(asked, None, nothing, 0, Share(30, 50)) for asked in ASKED)
    )
    head, found = views(replace(SERVED, known=replace(KNOWN, thresholds=lines)), [], NOW)
    assert {view.row.name: view.row.state for view in found}["ui"] is State.SILENT
    assert head.serving is not None
    (line,) = head.serving.lines
    assert line.chance is None
    assert "right 30 times of 50" in line.why_not


def test_a_rule_may_write_a_label_in_another_case() -> None:
    known = replace(KNOWN, tags={"security": 30, "Security/web": 5})
    put = PutOn(50, {"SECURITY": 3, "Only": 2}, {"security": 4})
    found = seen([], known=known, put_on=put)
    assert set(found) == {"security", "Security/web", "Only"}
    assert (found["security"].row.by_rules, found["security"].row.by_model) == (3, 4)
    assert (found["Only"].row.state, found["Only"].row.by_rules) == (State.RULES, 2)


def test_labels_that_differ_by_case_alone_are_two_to_a_model() -> None:
    found = seen(rows_of(1, 0, "UI"), known=replace(KNOWN, tags={"ui": 9, "UI": 9}))
    assert found["UI"].row.confirmed == 1
    assert found["ui"].row.confirmed == 0


def test_what_a_muted_label_was_before_it_returned_counts_no_more() -> None:
    standing = Standing(None, 0, "", {}, {"ui": {A: ""}})
    view = seen([*rows_of(1, 9), row(model=B)], standing=standing)["ui"]
    assert view.row.live is not None
    assert (view.row.live.right, view.row.live.total, view.row.missing) == (1, 1, 9)
    assert (view.row.confirmed, view.row.corrected, view.forgotten) == (2, 9, 10)


def test_a_muted_label_is_shown_even_when_nothing_else_names_it() -> None:
    standing = Standing(None, 0, "", {"gone": Mute(NOW, "x")}, {})
    head, found = views(replace(SERVED, standing=standing), [], NOW)
    assert head.muted == 1
    assert "gone" in {view.row.name for view in found}


def test_the_line_is_told_as_comments_tell_it_and_as_the_model_gives_it() -> None:
    standing = Standing({"shared": -0.31, "projects": {}}, 10, A, {}, {})
    head, _ = views(replace(SERVED, standing=standing), [], NOW)
    assert head.serving is not None
    (line,) = head.serving.lines
    assert (line.asked, line.chance, line.right, line.total) == (0.85, 0.85, 82, 97)
    assert line.unmoved == pytest.approx(0.8854, abs=1e-4)
    assert head.serving.shift == (
        "By what people made of its answers, chances are lowered: 0.80 counts as 0.75."
    )
    unmoved, _ = views(SERVED, [], NOW)
    assert unmoved.serving is not None
    assert unmoved.serving.lines[0].unmoved is None
    assert unmoved.serving.shift == "Chances are taken as the model gives them."


def test_the_card_of_the_model_speaks_for_each_label() -> None:
    trial = seen([])["ui"].trial
    assert trial is not None and trial.put_on is not None
    assert (trial.uses, trial.true, trial.put_on.right, trial.put_on.total) == (40, 9, 7, 8)
    rare = seen([])["rare"].trial
    assert rare is not None
    assert (rare.uses, rare.put_on) == (2, None)


def test_the_newest_outcomes_are_kept_and_name_no_issue() -> None:
    rows = rows_of(30, 0)
    view = seen([row(right=False, project="OPS", p=0.87), *rows])["ui"]
    assert len(view.newest) == MOST_NEWEST
    assert (view.newest[0].right, view.newest[0].project, view.newest[0].p) == (False, "OPS", 0.87)


def test_chances_are_held_against_what_was_so_in_tenths() -> None:
    rows = [row(p=0.05, right=False, applied=False)] * 3 + [row(p=0.95)] * 4 + [row(p=1.0, right=False)]
    low, high = calibration(rows).bins
    assert (low.low, low.high, low.said, low.got.right, low.got.total) == (0, 0.1, 0.05, 0, 3)
    assert (high.low, high.high, high.said) == (0.9, 1.0, 0.96)
    assert (high.got.right, high.got.total) == (4, 5)
    assert calibration([]).bins == ()


@pytest.mark.parametrize(
    ("right", "wrong", "reading"),
    [
        (
            5,
            4,
            "Too little is known to read anything from it: 9 answers with a chance of 50 % or more so far",
        ),
        (30, 10, "it was 90 % on average, and 30 of 40 were right (75 %): it promises too much."),
        (36, 4, "it was 90 % on average, and 36 of 40 were right (90 %): that fits what it promises."),
    ],
)
def test_a_calibration_is_read_in_a_sentence(right: int, wrong: int, reading: str) -> None:
    few = [row(p=0.2, right=False, applied=False)] * 30
    assert reading in calibration([*rows_of(right, wrong), *few]).reading


def test_chances_may_be_too_careful() -> None:
    assert "more careful than it need be" in calibration(rows_of(40, 0, p=0.6)).reading


def test_of_very_many_labels_those_in_use_are_kept() -> None:
    tags = {f"l{number:04}": 5 for number in range(MOST_LABELS + 10)}
    head, found = views(
        replace(SERVED, known=replace(KNOWN, tags=tags), put_on=PutOn(9, {}, {"l1009": 1})), [], NOW
    )
    names = [view.row.name for view in found]
    assert (head.labels, len(names)) == (MOST_LABELS + 11, MOST_LABELS)
    assert "l1009" in names
    assert names == sorted(names)


def connection(kind: TrackerKind = TrackerKind.JIRA) -> Connection:
    return replace(CONNECTION, tracker=kind, projects=("ABC", "OPS"))


def test_rules_say_what_is_asked_ruled_out_and_put_on() -> None:
    book = load_rules(
        RULES + b"projects: {OPS: {tagging: {learned: {precision: 0.9, never: [WontFix, x]}}}}\n",
        "rules.yaml",
    )
    found = wanted(book, connection(), "labels", serves=True)
    assert found == Wanted((0.85, 0.9), frozenset({"wontfix"}), frozenset({"security", "Checkout"}))
    assert wanted(book, connection(), "type", serves=True) == Wanted()
    assert wanted(book, connection(), "labels", serves=False) == Wanted(ruled=found.ruled)
    assert wanted(None, connection(), "labels", serves=True) == Wanted()


def test_the_clock_keeps_views_and_makes_them_anew_only_after_news(redis: Redis) -> None:
    look, shelf = LabelLook(redis, [connection()]), LabelViews(redis)
    id_ = serve(redis, "acme")
    note(redis, "acme", judged("checkout", NOW, [(9, 9)], id_))
    look_through(look, rules(), NOW)
    (head,) = shelf.heads([PLACE]).values()
    assert (head.at, head.outcomes, head.doubtful, head.week) == (NOW, 9, 0, MONDAY)
    assert head.serving is not None and head.serving.readable
    look_through(look, rules(), NOW + timedelta(minutes=1))
    assert shelf.heads([PLACE])[PLACE].at == NOW
    note(redis, "acme", judged("checkout", NOW, [(1, 1)], id_))
    look_through(look, rules(), NOW + timedelta(minutes=2))
    view = shelf.label(PLACE, "checkout")
    assert view is not None and view.row.state is State.SERVING
    assert shelf.heads([PLACE])[PLACE].at == NOW + timedelta(minutes=2)
    Outcomes(redis).mute("acme", "labels", "checkout", "x")
    look_through(look, rules(), NOW + timedelta(minutes=3))
    assert shelf.heads([PLACE])[PLACE].muted == 1
    look_through(look, rules(), NOW + timedelta(days=6))
    assert shelf.heads([PLACE])[PLACE].week == MONDAY + timedelta(weeks=1)


def clock_at(redis: Redis, tmp_path: Path) -> Clock:
    rules_file = RulesFile(tmp_path / "rules.yaml", RulebookShelf(redis))
    return Clock(redis, Inbox(redis, lease=timedelta(seconds=30)), rules_file, None, [connection()])


def test_the_clock_looks_at_labels_in_small_steps_between_its_ticks(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_LOOK_S", 0.0)
    serve(redis, "acme")
    ticking = clock_at(redis, tmp_path)
    ticks = 0
    while not LabelViews(redis).heads([PLACE]):
        ticking.tick()
        ticks += 1
    assert ticks > len(TAGS), "a step for each label, and one tick for each step"


def test_a_look_that_fails_is_told_and_tried_again_in_a_minute(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine, the looks of these ticks come to their end.
    monkeypatch.setattr(clock, "_LOOK_S", 60.0)
    ticking = clock_at(redis, tmp_path)
    redis.set(keys.put_on("acme", week_of(datetime.now(UTC)).isoformat()), "no hash")
    ticking.tick()
    with pytest.raises(ResponseError):
        ticking.tick()
    redis.flushall()
    monkeypatch.setattr(label_look, "wanted", lambda *_, **__: 1 / 0)
    ticking._next_housekeeping = 0
    with structlog.testing.capture_logs() as logged:
        ticking.tick()
        ticking.tick()
    assert [line["event"] for line in logged if line["log_level"] == "error"] == ["housekeeping failed"]
    monkeypatch.undo()
    ticking._next_housekeeping = 0
    ticking.tick()
    until(lambda: ticking.tick() and LabelViews(redis).heads([PLACE]))


def test_names_of_labels_are_kept_as_they_are(redis: Redis) -> None:
    lived(redis, [connection()], NOW, "acme")
    assert LabelViews(redis).label(PLACE, HOSTILE) is not None
    assert set(TAGS) < {one.name for one in LabelViews(redis).rows(PLACE)}
    assert LabelViews(redis).label(PLACE, "nobody") is None
    assert LabelViews(redis).rows(("acme", "type")) == ()


def test_a_model_that_cannot_be_read_is_told_of_and_stops_no_view(redis: Redis) -> None:
    ModelShelf(redis).stage(PLACE, A, b"damaged", {"created": "x", "issues": 1})
    ModelShelf(redis).promote(PLACE, A)
    with structlog.testing.capture_logs() as logged:
        for minute in range(2):
            look = LabelLook(redis, [connection()])
            look_through(look, rules(), NOW + timedelta(minutes=minute))
    assert [line["event"] for line in logged] == ["model not read for the console"]
    (head,) = LabelViews(redis).heads([PLACE]).values()
    assert head.serving is not None and not head.serving.readable


def test_a_clock_with_rules_alone_never_needs_numpy(redis_server: EmbeddedRedis, redis: Redis) -> None:
    counted(redis, record(("security", "rule xss")))
    code = (
        "import sys; from datetime import UTC, datetime; from rules.load import load_rules;"
        "from store.connect import connect; from tests.unit.front_door import all_connections;"
        "from workers.label_look import LabelLook;"
        f"look = LabelLook(connect({redis_server.url!r}), all_connections());"
        f"list(look.steps(load_rules({RULES!r}, 'rules.yaml'), datetime.now(UTC)));"
        "print('numpy' in sys.modules)"
    )
    done = run_process([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"
    assert LabelViews(redis).rows(("jira", "labels"))


def test_web_and_workers_agree_on_what_trackers_have() -> None:
    assert {kind: tuple(map(str, targets)) for kind, targets in OF_WORKERS.items()} == TARGETS


def record(*labels: tuple[str, str], put: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "at": NOW.isoformat(timespec="milliseconds"),
        "outcome": "applied",
        "hints": [{"kind": str(HintKind.ISSUE_CREATED)}],
        "plan": {"labels": [{"label": label, "source": source} for label, source in labels]},
        "written": {"labels": [label for label, _ in labels] if put else [], "comment": None},
        **more,
    }


def counted(redis: Redis, *records: dict[str, Any], kind: SubjectKind = SubjectKind.ISSUE) -> PutOn:
    for number, one in enumerate(records):
        Decisions(redis).add(Subject("acme", kind, str(number)), one, {})
    return put_on.read(redis, "acme", MONDAY)


def test_what_is_put_on_new_issues_is_counted_by_whom(redis: Redis) -> None:
    found = counted(
        redis,
        record(("ui", "learned"), ("a|b", "rule xss")),
        record(("ui", "learned")),
        record(("ui", "rule ui")),
        record(("ui", "learned"), put=False, outcome="dry_run"),
        record(outcome="nothing", plan=None),
    )
    assert found == PutOn(5, {"a|b": 1, "ui": 1}, {"ui": 2})


@pytest.mark.parametrize(
    "more",
    [{"outcome": "postponed"}, {"outcome": "ignored"}, {"hints": [{"kind": "issue_changed"}]}, {"hints": []}],
)
def test_what_is_not_new_or_not_done_is_not_counted(redis: Redis, more: dict[str, Any]) -> None:
    assert counted(redis, record(("ui", "learned"), **more)) == PutOn()


def test_sprints_are_no_issues(redis: Redis) -> None:
    assert counted(redis, record(), kind=SubjectKind.SPRINT) == PutOn()


def test_weeks_before_the_last_twelve_are_not_read_and_end(redis: Redis) -> None:
    old = NOW - timedelta(weeks=12)
    assert counted(redis, record(at=old.isoformat()), record()).issues == 1
    assert 0 < redis.ttl(keys.put_on("acme", "2026-03-02")) <= keys.SEEN_LIFE.total_seconds()


def test_a_run_counts_what_it_put_on_and_an_edit_does_not(floor: Floor) -> None:
    floor.rules()
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    week = datetime.now(UTC).date()
    monday = week - timedelta(days=week.weekday())
    assert put_on.read(floor.redis, "acme", monday) == PutOn(1, {"security": 1}, {})
    floor.tracker.now = issue("It is slow", *(label.name for label in floor.tracker.now.labels))
    floor.offer(changed("title"))
    run(floor.shop, ISSUE, floor.token())
    assert Label("slow", "slow") in floor.tracker.now.labels
    assert put_on.read(floor.redis, "acme", monday) == PutOn(1, {"security": 1}, {})


def test_components_stand_among_components(redis: Redis) -> None:
    counted(redis, record(("component UI", "learned"), ("security", "rule xss")))
    look_through(LabelLook(redis, [connection()]), rules(), NOW)
    views_ = LabelViews(redis)
    assert [(one.name, one.by_model) for one in views_.rows(("acme", "components"))] == [("UI", 1)]
    assert {one.name for one in views_.rows(PLACE)} == {"security", "Checkout"}
    look_through(LabelLook(redis, [connection(TrackerKind.LINEAR)]), None, NOW)
    assert {one.name for one in views_.rows(PLACE)} == {"component UI", "security"}


def test_what_a_person_muted_does_not_return_with_a_new_model(redis: Redis) -> None:
    outcomes = Outcomes(redis)
    outcomes.mute("acme", "labels", "ui", "it annoys us", "ada")
    outcomes.mute("acme", "labels", "docs", "3 of 20 were right")
    assert bring_back(outcomes, "acme", "labels", {"ui": 0.99, "docs": 0.99}) == {"docs"}
    muted = outcomes.standing("acme", "labels").muted
    assert {label: (mute.why, mute.by) for label, mute in muted.items()} == {"ui": ("it annoys us", "ada")}


def test_the_file_of_a_model_is_read_by_the_clock_once(redis: Redis) -> None:
    id_ = serve(redis, "acme", model())
    look = LabelLook(redis, [connection()])
    look_through(look, rules(), NOW)
    redis.delete(keys.model(id_))
    note(redis, "acme", judged("checkout", NOW, [(1, 1)], id_))
    look_through(look, rules(), NOW + timedelta(minutes=1))
    view = LabelViews(redis).label(PLACE, "checkout")
    assert view is not None and view.trial is not None


def test_the_command_tells_who_muted_a_label(redis: Redis) -> None:
    serve(redis, "acme")
    outcomes = Outcomes(redis)
    outcomes.mute("acme", "labels", "ui", "it annoys us", "ada")
    outcomes.mute("acme", "labels", "docs", "3 of 20 were right")
    docs, ui = list_mutes(ModelShelf(redis), outcomes)
    assert (docs["by"], ui["by"]) == (None, "ada")
    assert show_mutes([ui]).endswith(" UTC by ada. it annoys us")
