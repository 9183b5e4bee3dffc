"""What is shown of a sprint: its course, forecasts that are kept, the warning, no issue that was deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from classifiers.scope import scope_of
from classifiers.sprint_judgement import Forecast, SprintJudgement
from classifiers.sprint_memory import SprintMemory, Stay
from classifiers.sprint_past import past_of
from rules.schema import Mode
from store import keys
from store.journal import CommentRecord, CommentState
from store.sprint_views import Kind, Point, SprintView, SprintViews, Standing
from store.sprints import Sprints
from tests.conftest import Floor
from tests.earlier_versions import EARLIER
from tests.unit.sprint_scene import BOARD, DAY, SPRINT, START, sprint, work
from tests.unit.sprint_scene import over as finished
from tests.unit.test_sprint_check import FULL, check, lay_rules, show
from tests.unit.view_scene import long, view
from trackers.errors import Forbidden
from trackers.model import Comment, Subject, SubjectKind
from trackers.prose import Bullets, Paragraph, bold, plain
from trackers.protocol import PutComment, Written
from trackers.sprints import SprintState, Stage, Unit
from workers import sprint_check
from workers.apply import Applied
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.run import run
from workers.sprint_book import GONE, Home, Said, SprintBook, forget_issue
from workers.sprint_plan import SprintPlan
from workers.sprint_view import MOST_POINTS, Sight, over, seen, thinned, told

PAST = [finished(number, 24, 10 + number) for number in range(1, 13)]


def stay(number: int, points: float | None = 3, **more: Any) -> Stay:
    kept: dict[str, Any] = {"committed": True, "first": points, "stage": Stage.TODO, "state": "1"}
    return Stay(str(number), f"ABC-{number}", points=points, **kept | more)


def came(number: int, day: float, points: float = 5, **more: Any) -> Stay:
    return stay(number, points, committed=False, joined=START + day * DAY, **more)


def on(day: float) -> datetime:
    return START + day * DAY


def sight(*stays: Stay, day: float = 7, unit: Unit = Unit.POINTS, **more: Any) -> Sight:
    """What a check on that day finds, with a forecast that tells the day."""
    memory = SprintMemory(START, stays={one.id: one for one in stays})
    scope = scope_of(memory, lambda one: one or 0.0, grace=timedelta(hours=1), budget=0.2)
    forecast = Forecast(0.1, 0.7, 0.2, expected=day, low=day - 1, high=day + 1)
    judgement = SprintJudgement(
        sprint(), unit, on(day), day / 14, START, rebuilt=False, scope=scope, forecast=forecast,
        past=past_of(PAST, unit), budget=0.2, done_share=0.8, warn_below=0.25,
    )  # fmt: skip
    made = Sight(
        SPRINT, "sprint", BOARD, sprint(), memory, lambda one: one or 0.0, timedelta(hours=1), judgement,
        PAST, "sprintwarden-snooze",
    )  # fmt: skip
    return replace(made, **more)


def course(shown: SprintView) -> list[tuple[float, float, float]]:
    """The points, with days since the start."""
    return [((one.at - START) / DAY, one.scope, one.done) for one in shown.points]


def test_a_worker_that_came_late_shows_when_work_came_went_and_was_done() -> None:
    shown = seen(
        sight(
            stay(1, 8),
            stay(2, 5, stage=Stage.DONE, since=on(2)),
            stay(3, 3, left=on(3)),
            stay(4, 2, stage=Stage.DROPPED, since=on(4)),
            came(20, 2, 1),
            stay(5, 1, subtask=True, stage=Stage.DONE, since=on(1)),
        ),
        None,
    )
    assert course(shown) == [(0, 18, 0), (2, 19, 5), (3, 16, 5), (4, 14, 5)]
    assert (shown.scope, shown.done) == (14, 5)


def test_what_was_done_before_the_start_is_done_from_the_start() -> None:
    shown = seen(sight(stay(1, 8, stage=Stage.DONE, since=on(-1)), stay(2, 2)), None)
    assert course(shown) == [(0, 10, 8)]


def test_a_check_that_finds_nothing_new_adds_no_point() -> None:
    first = seen(sight(stay(1, 8), day=1), None)
    again = seen(sight(stay(1, 8), day=2), first)
    assert again.points == first.points
    assert again.checked == on(2)


def test_a_check_goes_on_from_the_last_and_tells_what_only_it_can_see() -> None:
    """A re-estimate has no date: it is when it was first seen. Work that is begun again had been done."""
    first = seen(sight(stay(1, 8), stay(2, 5, stage=Stage.DONE, since=on(1)), day=2), None)
    raised = replace(stay(1, 8), points=13.0)
    again = seen(sight(raised, stay(2, 5), came(20, 3, 2), day=4), first)
    assert course(again) == [(0, 13, 0), (1, 13, 5), (3, 15, 5), (4, 20, 0)]
    later = seen(sight(raised, stay(2, 5), came(20, 3, 2), day=9), again)
    assert [(one.key, one.at) for one in later.changes if one.kind is Kind.REESTIMATED] == [("ABC-1", on(4))]


def test_changes_say_what_they_are() -> None:
    shown = seen(
        sight(
            stay(1, 8),
            came(20, 2),
            came(21, 2, carried=True),
            came(22, 2, automated=True),
            came(23, 2, parent="1"),
            came(24, 0.01),
            came(25, 2, left=on(2.01)),
            came(26, 2, left=on(4)),
            stay(3, 3, left=on(3)),
            came(27, 1, subtask=True),
        ),
        None,
    )
    assert [(one.key, str(one.kind)) for one in shown.changes] == [
        ("ABC-24", "late_planning"),
        ("ABC-20", "added"),
        ("ABC-21", "carried_over"),
        ("ABC-22", "automated"),
        ("ABC-23", "subtask"),
        ("ABC-25", "undone"),
        ("ABC-26", "added"),
        ("ABC-3", "removed"),
        ("ABC-26", "removed"),
    ]


def test_the_first_forecast_and_the_one_about_half_time_are_kept() -> None:
    shown = None
    for day in (0, 3, 6, 7.5, 9, 13):
        shown = seen(sight(stay(1, 8), day=day), shown)
    assert shown is not None
    assert shown.midway is not None
    assert [one.expected for one in (shown.first, shown.midway, shown.forecast)] == [0, 7.5, 13]
    assert shown.forecast.p_enough == 0.3


def test_a_sprint_that_is_counted_anew_begins_its_course_anew() -> None:
    before = replace(seen(sight(stay(1, 8), day=1), None), unit=Unit.HOURS, points=(Point(START, 99, 9),))
    shown = seen(sight(stay(1, 8), day=6), before)
    assert course(shown) == [(0, 8, 0)]
    assert shown.first == shown.forecast


def test_the_last_ten_sprints_stand_beside_it() -> None:
    shown = seen(sight(stay(1, 8)), None)
    assert [one.delivered for one in shown.past] == list(range(20, 10, -1))
    assert shown.usual == (12, 19)


def test_names_are_shown_as_they_read(redis: Redis) -> None:
    name = "\ud800Sprint \u202e37\n" + 300 * "x"
    shown = seen(sight(stay(1, 8), sprint=replace(sprint(), name=name)), None)
    assert shown.name.startswith("Sprint 37 xxx")
    assert len(shown.name) == 200
    SprintViews(redis).keep(shown)


def test_a_sprint_without_an_end_says_so() -> None:
    shown = seen(sight(stay(1, 8), sprint=replace(sprint(), end=None)), None)
    assert (shown.end, shown.end_is_planned) == (on(14), False)


@given(st.integers(1, 1_000), st.integers(3, 300))
def test_points_are_thinned_to_a_bound_and_keep_both_ends(many: int, most: int) -> None:
    points = long(many)
    left = thinned(points, most)
    assert len(left) <= most
    assert (left[0], left[-1]) == (points[0], points[-1])
    assert list(left) == [point for point in points if point in set(left)]


def test_a_course_never_outgrows_its_bound() -> None:
    before = replace(seen(sight(stay(1, 8), day=0.1), None), points=long(MOST_POINTS))
    shown = seen(sight(stay(1, 8), day=13), before)
    assert len(shown.points) <= MOST_POINTS
    assert shown.points[-1] == Point(on(13), 8, 0)


def test_a_sprint_that_is_over_tells_what_came() -> None:
    closed = replace(sprint(SprintState.CLOSED), completed=on(5))
    shown = over(view(), closed, 15.0, on(6))
    assert (shown.ended, shown.delivered, shown.done) == (on(5), 15, 15)
    assert course(shown)[-2:] == [(4, 42, 4), (5, 42, 15)]
    assert shown.first == view().first
    assert (shown.concerns, shown.fix) == ((), ())
    assert over(view(), closed, None, on(6)).delivered is None


BOOK = SprintBook(SprintMemory(START), Unit.POINTS, "12", home=Home("1", "ABC-1"))
PROSE = (Paragraph((bold("Too much"), plain(" is in it."))), Bullets(((plain("ABC-2"),), (plain("ABC_3*"),))))
PUT = PutComment("sprint 37", "*Too much* …", None)


def ending(because: Because | None = None, *, wrote: bool = False, url: str | None = None) -> Ending:
    plan = (
        SprintPlan(Mode.APPLY, operations=(PUT,), prose=PROSE)
        if wrote or because is Because.DRY_RUN
        else None
    )
    plan = plan or SprintPlan(Mode.APPLY, because=because)
    applied = Applied((Written(comment=Comment("7", "sprint 37", url)),)) if wrote else None
    return Ending(Outcome.APPLIED, because, plan=plan, applied=applied)


POSTED = CommentRecord("7", "digest")


@pytest.mark.parametrize(
    ("record", "because", "concerns", "standing"),
    [
        (None, Because.ALL_WELL, (), Standing.NONE),
        (None, Because.DRY_RUN, ("overcommitted",), Standing.HELD_BACK),
        (None, Because.NOTHING_NEW, ("overcommitted",), Standing.HELD_BACK),
        (None, Because.TOO_FEW_SPRINTS, (), Standing.HELD_BACK),
        (None, Because.QUIET, ("overcommitted",), Standing.HELD_BACK),
        (None, Because.SNOOZED, (), Standing.SNOOZED),
        (POSTED, Because.NOTHING_NEW, ("overcommitted",), Standing.OPEN),
        (POSTED, None, ("snoozed",), Standing.SNOOZED),
        (replace(POSTED, state=CommentState.SETTLED), Because.ALL_WELL, (), Standing.SETTLED),
        (replace(POSTED, state=CommentState.DELETED), Because.COMMENT_DELETED, (), Standing.DELETED),
    ],
)
def test_every_way_a_warning_may_stand_is_told(
    record: CommentRecord | None, because: Because | None, concerns: tuple[str, ...], standing: Standing
) -> None:
    book = replace(BOOK, said=Said(concerns=concerns))
    shown = told(view(), book, record, ending(because), "https://acme.example/")
    assert shown.warned.standing is standing


def test_what_was_written_is_told_as_it_reads_with_its_address() -> None:
    shown = told(view(), BOOK, POSTED, ending(wrote=True), "https://acme.example/").warned
    assert shown.text == "Too much is in it.\n\n• ABC-2\n• ABC_3*"
    assert (shown.issue, shown.url) == ("ABC-1", "https://acme.example/browse/ABC-1?focusedCommentId=7")
    assert shown.at == view().checked


def test_an_address_that_the_tracker_told_is_kept_from_check_to_check() -> None:
    first = told(view(), BOOK, POSTED, ending(wrote=True, url="https://linear.example/c"), None)
    again = told(first, BOOK, POSTED, ending(Because.NOTHING_NEW), None)
    assert again.warned.url == "https://linear.example/c"
    assert again.warned.text == first.warned.text


def test_the_reason_of_what_is_held_back_outlives_that_it_is_nothing_new() -> None:
    book = replace(BOOK, home=None, said=Said(concerns=("overcommitted",)))
    first = told(view(), book, None, ending(Because.DRY_RUN), None)
    again = told(first, book, None, ending(Because.NOTHING_NEW), None)
    assert (again.warned.standing, again.warned.because) == (Standing.HELD_BACK, "dry_run")
    assert again.warned.text.startswith("Too much")


def test_nothing_tells_of_a_deleted_issue_but_its_numbers() -> None:
    shown = replace(
        view(), warned=replace(view().warned, text="ABC-2, ABC-20, XABC-20 and ABC-20!", issue="ABC-20")
    )
    left = replace(shown, fix=("ABC-20", "ABC-8")).without("ABC-20", GONE)
    assert left.warned.text == f"ABC-2, {GONE}, XABC-20 and {GONE}!"
    assert (left.warned.issue, left.warned.url) == (None, None)
    assert [(one.key, one.amount) for one in left.changes] == [(GONE, 5), ("ABC-3", 3)]
    assert left.fix == ("ABC-8",)
    assert left.points == shown.points


def test_views_are_read_back_as_they_were_kept(redis: Redis) -> None:
    views = SprintViews(redis)
    for one in (view(), view("38", midway=view().first, ended=START, delivered=3.5), view("39", usual=None)):
        views.keep(one)
        assert views.of(Subject("acme", SubjectKind.SPRINT, one.id)) == one
    assert views.of(Subject("acme", SubjectKind.SPRINT, "40")) is None


def test_what_only_another_release_can_read_is_not_there(redis: Redis) -> None:
    views = SprintViews(redis)
    views.keep(view())
    Sprints(redis).keep(SPRINT, "12", "{}")
    kept = {name: str(redis.get(name)) for name in (keys.sprint_view(SPRINT), keys.sprint_short(SPRINT))}

    def write(old: str, new: str) -> None:
        for name, text in kept.items():
            redis.set(name, text.replace(old, new))

    write('"unit":"points"', '"unit":"hearts"')
    assert (views.of(SPRINT), views.every(["acme"])) == (None, [])
    write('"name":', '"nickname":"x","name":')
    assert (views.of(SPRINT), views.every(["acme"])) == (view(), [view().in_short()])


def test_what_an_earlier_version_kept_is_listed_and_forgets_deleted_issues(redis: Redis) -> None:
    views = SprintViews(redis)
    (sprint,), (text,) = EARLIER["sprint_views"].keys(), EARLIER["sprint_views"].values()
    redis.set(f"sw:sprint-view:{sprint}", json.dumps(text))
    Sprints(redis).close(Subject.parse(sprint), "{}")
    (listed,) = views.every(["acme"])
    whole = views.of(Subject.parse(sprint))
    assert whole is not None
    assert listed == whole.in_short()
    assert (whole.delivered, whole.warned.text) == (21.0, "Moving ABC-7 out makes that likely.")
    views.mask(Subject.parse(sprint), "ABC-7", GONE)
    assert "ABC-7" not in str([redis.get(name) for name in redis.scan_iter(match="sw:sprint-*")])
    Sprints(redis).forget(Subject.parse(sprint))
    assert views.of(Subject.parse(sprint)) is None
    assert list(redis.scan_iter(match="sw:sprint*")) == []


def test_a_sprint_that_an_earlier_version_closed_is_listed_as_over(redis: Redis) -> None:
    (sprint, kept), *_ = EARLIER["sprint_views"].items()
    SprintViews(redis).keep(view("37"))
    Sprints(redis).keep(Subject.parse(sprint), "12", "{}")
    redis.set(f"sw:sprint-view:{sprint}", json.dumps(kept))
    Sprints(redis).close(Subject.parse(sprint), "{}")
    (listed,) = SprintViews(redis).every(["acme"])
    assert (listed.ended is not None, listed.delivered) == (True, 21.0)


def test_a_list_has_the_state_and_not_the_course(redis: Redis) -> None:
    SprintViews(redis).keep(view())
    Sprints(redis).keep(SPRINT, "12", "{}")
    (listed,) = SprintViews(redis).every(["acme"])
    assert (listed.scope, listed.done, listed.warned) == (view().scope, view().done, view().warned)
    assert (len(listed.points), listed.changes, listed.past) == (1, (), ())


def test_all_that_run_or_closed_lately_are_listed_once(redis: Redis) -> None:
    views, sprints = SprintViews(redis), Sprints(redis)
    for connection, id_ in (("acme", "37"), ("acme", "38"), ("beta", "37")):
        views.keep(view(id_, connection=connection))
        sprints.keep(Subject(connection, SubjectKind.SPRINT, id_), "12", "{}")
    sprints.close(SPRINT, "{}")
    sprints.keep(SPRINT, "12", "{}")
    sprints.keep(Subject("acme", SubjectKind.SPRINT, "not looked at yet"), "12", "{}")
    assert sorted((one.connection, one.id) for one in views.every(["acme", "beta"])) == [
        ("acme", "37"), ("acme", "38"), ("beta", "37"),
    ]  # fmt: skip
    assert [one.connection for one in views.every(["beta"])] == ["beta"]
    assert views.every([]) == []


# -- through whole checks ------------------------------------------------------------------------


@pytest.fixture
def watched(floor: Floor) -> Floor:
    """A board with six finished sprints of about 15 points and a sprint of 64 that has just begun."""
    lay_rules(floor)
    floor.tracker.boards["12"] = BOARD
    done = [finished(number, 24, delivered) for number, delivered in enumerate((14, 16, 11, 15, 13, 16))]
    floor.shop.sprints.add_finished("acme", "12", done)
    show(floor, FULL)
    return floor


def shown(floor: Floor) -> SprintView:
    found = floor.shop.sprint_views.of(SPRINT)
    assert found is not None
    return found


def test_a_check_shows_what_it_found_and_what_it_said(watched: Floor) -> None:
    check(watched)
    found = shown(watched)
    assert (found.committed, found.scope, found.name, found.board_name) == (64, 64, "Sprint 37", "ABC board")
    assert found.concerns == ("overcommitted",)
    assert found.fix
    assert found.forecast == found.first
    assert found.warned.standing is Standing.OPEN
    assert "64 points in 8 issues" in found.warned.text
    assert found.warned.url == f"https://acme.example/browse/{found.warned.issue}?focusedCommentId=c1"


def test_additions_and_what_is_edited_show_at_the_next_check(watched: Floor) -> None:
    check(watched)
    show(watched, [*FULL, work(20, 5)])
    check(watched)
    found = shown(watched)
    assert [(one.key, str(one.kind)) for one in found.changes] == [("ABC-20", "added")]
    assert [point.scope for point in found.points] == [64, 69]
    assert "ABC-20" in found.warned.text
    assert found.first.planned == 64


def test_a_fault_in_what_is_shown_fails_no_run(watched: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> SprintView:
        raise ValueError("a fault of ours")

    check(watched)
    for name in ("seen", "told", "over"):
        monkeypatch.setattr(sprint_check, name, broken)
    show(watched, [*FULL, work(20, 5)])
    assert check(watched).outcome is Outcome.APPLIED
    assert [point.scope for point in shown(watched).points] == [64]
    show(watched, FULL, SprintState.CLOSED)
    assert check(watched).outcome is Outcome.APPLIED


def test_what_is_found_shows_even_where_the_tracker_refuses_to_be_written_to(watched: Floor) -> None:
    watched.tracker.fails["comment"] = Forbidden("no")
    check(watched)
    found = shown(watched)
    assert (found.warned.standing, found.warned.because) == (Standing.HELD_BACK, None)
    assert "64 points" in found.warned.text


def test_a_dry_run_shows_what_it_would_say(watched: Floor) -> None:
    lay_rules(watched, mode="dry_run")
    check(watched)
    check(watched)
    found = shown(watched)
    assert (found.warned.standing, found.warned.because) == (Standing.HELD_BACK, "dry_run")
    assert "64 points" in found.warned.text
    assert (found.warned.issue, found.warned.url) == (None, None)


def test_the_end_shows_what_came_and_the_last_word(watched: Floor) -> None:
    check(watched)
    before = shown(watched)
    done = [replace(issue, stage=Stage.DONE, state="done") for issue in FULL[:3]]
    show(watched, [*done, *FULL[3:]], SprintState.CLOSED)
    check(watched)
    found = shown(watched)
    assert (found.delivered, found.first) == (24, before.first)
    assert found.ended is not None
    assert found.warned.standing is Standing.SETTLED
    assert "is over" in found.warned.text
    assert found.in_short() in watched.shop.sprint_views.every(["acme"])


def test_a_sprint_that_was_deleted_is_shown_no_more(watched: Floor) -> None:
    check(watched)
    del watched.tracker.sprints["37"]
    check(watched)
    assert watched.shop.sprint_views.of(SPRINT) is None


def test_a_deleted_issue_leaves_no_key_behind(watched: Floor) -> None:
    show(watched, FULL)
    check(watched)
    show(watched, [*FULL, work(20, 5)])
    check(watched)
    assert "ABC-20" in repr(shown(watched))
    issue = Subject("acme", SubjectKind.ISSUE, "20")
    forget_issue(watched.shop.inbox, watched.shop.sprints, issue, datetime.now(UTC))
    show(watched, FULL)
    run(watched.shop, SPRINT, watched.token(SPRINT))
    assert "ABC-20" not in repr(shown(watched))
    assert [(one.key, one.amount) for one in shown(watched).changes][:1] == [(GONE, 5)]
