"""The pages of sprints: how each is going, the burn-up, what came of those before, texts that stay texts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store.budget import Budget
from store.sprint_views import Change, Kind, Point, SprintView, SprintViews, Standing, Warned, subject_of
from store.sprints import Sprints
from tests.conftest import CONNECTION
from tests.unit.console_scene import console_app, log_in
from tests.unit.sprint_scene import DAY, START
from tests.unit.test_console_frame import Reader
from tests.unit.view_scene import HOSTILE, foreseen, long, over, view
from trackers.limits import CREDENTIALS_REFUSED, host_of
from trackers.sprints import Unit
from webhook_app.console.burnup import NARROW, WIDE, burn_up, legend
from webhook_app.console.sprint_states import calibration, state_of
from webhook_app.console.sprint_words import (
    about,
    amount,
    between,
    chance,
    ends,
    left,
    likely,
    number,
    on_average,
    percent,
)

NOW = datetime.now(UTC)
HALF = START + 7 * DAY


@pytest.fixture
def app(redis_server: EmbeddedRedis, redis: Redis) -> Flask:
    return console_app(redis_server.url, [CONNECTION, replace(CONNECTION, name="beta")])


def running(id_: str = "37", **more: Any) -> SprintView:
    """A sprint at half-time as of today."""
    return view(id_, start=NOW - 7 * DAY, **more)


def keep(redis: Redis, *views: SprintView) -> None:
    for one in views:
        SprintViews(redis).keep(one)
        sprints, subject = Sprints(redis), subject_of(one)
        if one.ended is None:
            sprints.keep(subject, one.board, "{}")
        else:
            sprints.close(subject, "{}")


def page(app: Flask, path: str = "/console/sprints") -> str:
    answer = log_in(app).get(path)
    assert answer.status_code == 200
    text = answer.text
    assert Reader(text).open == []
    return text


# -- the list ------------------------------------------------------------------------------------


def test_without_sprints_the_page_says_what_would_bring_some(app: Flask) -> None:
    text = page(app)
    assert "No sprint is running" in text
    assert "No sprint has ended yet" in text


def test_a_page_without_sprints_tells_whether_any_board_is_watched(redis_server: EmbeddedRedis) -> None:
    none, two = (replace(CONNECTION, boards=boards) for boards in ((), ("12", "14")))
    text = page(console_app(redis_server.url, [none]))
    assert "No board is watched" in text
    assert "boards: [12]" in text
    text = page(console_app(redis_server.url, [two]))
    assert "No sprint is running" in text
    assert "2 boards or teams are watched." in text


def test_a_tracker_that_is_left_alone_for_long_is_named(app: Flask, redis: Redis) -> None:
    budget = Budget(redis, host_of(CONNECTION.url), CONNECTION.account)
    budget.pause("all", timedelta(seconds=40), "busy")
    assert "is not read at present" not in page(app)
    budget.pause("all", timedelta(hours=6), CREDENTIALS_REFUSED)
    assert "acme is not read at present" in page(app)
    assert log_in(app).get("/api/v1/sprints?connection=acme").get_json()["paused"] == ["acme"]


def test_each_running_sprint_has_a_card_with_what_is_so_and_what_to_do(app: Flask, redis: Redis) -> None:
    keep(redis, running())
    text = page(app).replace("\N{NO-BREAK SPACE}", " ")
    assert '<a href="/console/sprints/acme/37">Sprint 37</a>' in text
    assert "ABC board · 6 days left" in text
    assert "12 of 42 points done" in text
    assert "Likely to fall short" in text
    assert "is about 10 %. Likely by the end: 12–24 points done." in text
    assert "Move ABC-8 and ABC-9 to a later sprint: for the rest the chance would then be about 40 %." in text


def test_the_next_to_end_comes_first_and_what_is_over_newest_first(app: Flask, redis: Redis) -> None:
    keep(redis, running("1", end=NOW + 3 * DAY), running("2", end=NOW + 1 * DAY))
    keep(redis, over("3", 0.8, 35, ended=NOW - 9 * DAY), over("4", 0.8, 35, ended=NOW - 2 * DAY))
    names = re.findall(r"sprints/acme/(\d)\"", page(app))
    assert names == ["2", "1", "4", "3"]


def test_one_connection_is_shown_where_it_is_asked_for(app: Flask, redis: Redis) -> None:
    keep(redis, running("1"), running("2", connection="beta"))
    assert "sprints/beta/2" in page(app, "/console/sprints?connection=beta")
    text = page(app, "/console/sprints?connection=beta")
    assert "sprints/acme/1" not in text
    assert 'Only those of beta. <a href="/console/sprints">Show all</a>' in text
    assert log_in(app).get("/console/sprints?connection=gamma").status_code == 404


def test_what_is_over_stands_beside_what_was_foreseen(app: Flask, redis: Redis) -> None:
    keep(redis, over("3", 0.2, 15))
    text = page(app).replace("\N{NO-BREAK SPACE}", " ")
    assert "At the start: 12–24 points; about 20 % that at least 80 % of the plan gets done." in text
    assert "15 done of 40 points planned." in text
    assert "As foreseen" in text
    assert "Of 1 sprint given 30 % or less to get enough of the plan done, 0 did." in text
    assert "In 1 of 1, what was done lay in the interval foreseen" in text


# -- how a sprint is going -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "level", "word"),
    [
        ({}, "amber", "Likely to fall short"),
        ({"forecast": foreseen(0.5, 0.05)}, "red", "Likely to fall short"),
        ({"concerns": ("scope_creep",)}, "amber", "Growing"),
        ({"concerns": ("stalled",)}, "amber", "Look at it"),
        ({"concerns": ("grown",)}, "amber", "Look at it"),
        ({"concerns": ()}, "quiet", "May fall short"),
        ({"concerns": (), "forecast": foreseen(0.5, 0.5)}, "quiet", "Uncertain"),
        ({"concerns": (), "forecast": foreseen(0.5, 0.8)}, "ok", "On course"),
        ({"end": HALF - DAY}, "amber", "Past its end"),
        ({"end": HALF - DAY / 4}, "quiet", "Past its end"),
        ({"end": HALF - DAY, "warned": Warned(because="too_few_finished_sprints")}, "amber", "Past its end"),
        ({"end": HALF - DAY, "noun": "cycle"}, "quiet", "Over"),
        ({"concerns": (), "forecast": foreseen(0.5, 1, 0, 0, planned=0)}, "quiet", "No plan"),
        ({"end": HALF - 4 * DAY, "checked": HALF - 3 * DAY}, "quiet", "Out of date"),
        ({"concerns": (), "checked": HALF - 3 * DAY}, "quiet", "Out of date"),
        ({"warned": Warned(because="too_few_finished_sprints")}, "quiet", "Learning"),
        ({"ended": HALF, "delivered": 15.0}, "ok", "As foreseen"),
        ({"ended": HALF, "delivered": 39.0}, "quiet", "Did better"),
        ({"ended": HALF, "delivered": 15.0, "first": foreseen(p=0.9)}, "quiet", "Did worse"),
        ({"ended": HALF, "delivered": 15.0, "first": foreseen(p=0.5)}, "quiet", "Could go either way"),
        ({"ended": HALF, "delivered": None}, "quiet", "Not known"),
        ({"ended": HALF, "delivered": 0.0, "committed": 0.0}, "quiet", "No plan"),
        ({"ended": HALF, "delivered": 9.0, "first": foreseen(p=1, planned=0)}, "quiet", "Not known"),
    ],
)
def test_the_gravest_there_is_to_say_comes_first(more: dict[str, Any], level: str, word: str) -> None:
    state = state_of(view(**more), HALF)
    assert (state.level, state.word) == (level, word)
    assert state.sentence
    assert state.what_to_do or level in ("ok", "quiet")


def test_a_check_that_is_late_is_said_and_nothing_is_called_well_on_its_word() -> None:
    well = view(concerns=(), forecast=foreseen(0.5, 0.8))
    assert state_of(well, well.checked + timedelta(minutes=40)).level == "ok"
    late = state_of(well, well.checked + timedelta(hours=5))
    assert (late.level, late.word) == ("quiet", "On course")
    assert late.sentence.startswith("So it was 5 hours ago, and it was not looked at since")
    assert state_of(view(), HALF + timedelta(hours=5)).level == "amber"


def test_growth_is_told_beside_the_chance_and_never_reads_as_the_limit_itself() -> None:
    both = view(concerns=("overcommitted", "scope_creep"), grown_by=8.1)
    told = state_of(both, HALF).sentence.replace("\N{NO-BREAK SPACE}", " ")
    assert "is about 10 %." in told
    assert "come to 8.1 points, just over 20 % of the plan; the limit is 20 %." in told
    creep = state_of(view(concerns=("scope_creep",), grown_by=13), HALF).sentence
    assert "33\N{NO-BREAK SPACE}% of the plan" in creep


def test_a_board_that_has_ended_no_sprint_is_told_to_rest_on_others() -> None:
    assert "other teams' tell" in state_of(view(usual=None, concerns=()), HALF).sentence
    assert "other teams' tell" not in state_of(view(concerns=()), HALF).sentence


def test_a_move_that_changes_nothing_that_is_seen_is_not_proposed() -> None:
    told = state_of(view(p_fixed=0.11), HALF).what_to_do
    assert "ABC-8" not in told and "would change little" in told


@pytest.mark.parametrize("committed", [0.0, 40.0])
def test_without_a_plan_nothing_is_foreseen(app: Flask, redis: Redis, committed: float) -> None:
    nothing = foreseen(p=1, low=11, high=13, planned=0)
    unplanned = {"committed": committed, "forecast": nothing, "first": nothing, "concerns": ()}
    keep(redis, running("1", **unplanned), over("2", 1, 0, **unplanned))
    for path in ("", "/acme/1", "/acme/2"):
        text = page(app, f"/console/sprints{path}")
        assert "11–13" not in text and "11 to" not in text and "11 points" not in text
        assert "burn__cone" not in text and "Chance of" not in text
        assert "of 0 points planned" not in text
    told = page(app)
    if committed:
        assert "Nothing is left of the 40 points planned, so nothing is foreseen." in told
        assert "At the start: nothing." in told
    else:
        assert "Nothing was planned, so nothing is foreseen." in told
        assert "Nothing was planned, so nothing was foreseen." in told


def test_what_is_foreseen_is_told_up_to_what_is_in_the_sprint(app: Flask, redis: Redis) -> None:
    one = replace(foreseen(0.5, 0.8, 8, 38, planned=13), scope=13.0, done=9.0)
    assert (ends(one), likely(one), on_average(one)) == ((9, 13), "9 to all 13", None)
    assert likely(replace(one, low=20)) == "all 13"
    assert likely(replace(one, high=12.0)) == "9–12"
    assert likely(replace(one, scope=1.0, done=0.0, low=0)) == "0–1"
    assert likely(replace(one, scope=None)) == "9–38"
    points = (Point(START, 13, 0), Point(HALF, 13, 9))
    small: dict[str, Any] = {"committed": 13.0, "points": points, "forecast": one, "concerns": ()}
    keep(redis, running("1", **small))
    text = page(app, "/console/sprints/acme/1")
    assert "Likely by the end: 9 to all 13 points done." in text
    assert text.count("9 to all 13") == 6
    assert "it goes up to 38 points" in text
    assert log_in(app).get("/api/v1/sprints/acme/1").get_json()["view"]["forecast"]["high"] == 38
    drawn = str(burn_up(view(**small), WIDE, HALF))
    assert "9–13 foreseen" in drawn and "38" not in drawn and "burn__expected" not in drawn


def test_of_what_is_not_there_no_chance_is_told(app: Flask, redis: Redis) -> None:
    keep(redis, running("1", concerns=(), forecast=foreseen(0.5, 1, 0, 0, planned=0)))
    keep(redis, running("2", end=NOW - timedelta(hours=1)))
    for id_ in ("1", "2"):
        text = page(app, f"/console/sprints/acme/{id_}")
        assert "Chance of at least" not in text
        assert "Foreseen by the end" not in text


@pytest.mark.parametrize(
    ("unit", "committed", "issues", "note"),
    [
        (Unit.POINTS, 1.0, 1, "point, 1 issue"),
        (Unit.POINTS, 40.0, 10, "points, 10 issues"),
        (Unit.ISSUES, 1.0, 1, "issue"),
        (Unit.ISSUES, 10.0, 10, "issues"),
    ],
)
def test_a_plan_is_told_in_its_unit(
    app: Flask, redis: Redis, unit: Unit, committed: float, issues: int, note: str
) -> None:
    keep(redis, running(unit=unit, committed=committed, committed_issues=issues))
    text = page(app, "/console/sprints/acme/37")
    assert f'{number(committed)}<span class="numbers__note">{note}</span>' in text


def test_no_move_that_mends_it_is_said_too() -> None:
    assert "would change little" in state_of(view(fix=(), p_fixed=None), HALF).what_to_do


def test_calibration_counts_what_was_foreseen_at_the_start_alone() -> None:
    late = over("9", 0.9, 40, first=foreseen(0.6, 0.9))
    unknown = over("8", 0.9, None)
    found = calibration(
        [over("1", 0.8, 35), over("2", 0.7, 12), over("3", 0.3, 40), over("4", 0.5, 20), late, unknown]
    )
    assert (found.sprints, found.likely, found.likely_done) == (4, 2, 1)
    assert (found.unlikely, found.unlikely_done, found.within) == (1, 1, 2)
    assert found.sentences == (
        "Of 2 sprints given 70 % or more to get enough of the plan done, 1 did.",
        "Of 1 sprint given 30 % or less to get enough of the plan done, 1 did.",
        "In 2 of 4, what was done lay in the interval foreseen, which is made to hold it 8 times in 10.",
        "Fewer than 10 sprints say little.",
    )
    assert calibration([]).sentences == ()


# -- one sprint ----------------------------------------------------------------------------------


def test_a_sprint_opens_to_its_burn_up_its_warning_and_its_tables(app: Flask, redis: Redis) -> None:
    keep(redis, running(rebuilt=True, end_is_planned=False))
    text = page(app, "/console/sprints/acme/37")
    assert text.count('role="img" aria-labelledby="burn-up-') == 2
    assert "Sprint 37 holds too much.\n\n• Added: ABC-20" in text
    assert 'href="https://acme.example/browse/ABC-1?focusedCommentId=7"' in text
    assert "sprintwarden snooze acme 37" in text
    assert "<code>sprintwarden-snooze</code>" in text
    assert "put together from the tracker" in text
    assert "Nobody set an end" in text
    for caption in ("Forecasts", "Days on which", "What came and went", "What the last sprints"):
        assert f"<caption>{caption}" in text
    rows = dict(re.findall(r'<th scope="row">(ABC-\d+)</th>.*class="number">([^<]+)<', text))
    assert rows == {"ABC-20": "+5", "ABC-3": "−3"}
    assert re.findall(r'<th scope="row">20[0-9-]{8}</th><td[^>]*>(\d+)</td><td[^>]*>(\d+)<', text) == [
        ("42", "12"), ("42", "4"), ("45", "4"), ("40", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("warned", "words"),
    [
        (Warned(), "Nothing was said of this sprint."),
        (Warned(Standing.SETTLED, text="x"), "It was withdrawn: what it warned of no longer holds."),
        (Warned(Standing.SNOOZED), "asked for silence"),
        (Warned(Standing.DELETED), "A person deleted it"),
        (
            Warned(Standing.HELD_BACK, "dry_run", "x"),
            "not written: the mode is dry_run",
        ),
        (Warned(Standing.HELD_BACK, None, "x"), "not written: the tracker would not take it."),
    ],
)
def test_what_became_of_the_warning_is_said(app: Flask, redis: Redis, warned: Warned, words: str) -> None:
    keep(redis, running(warned=warned))
    assert words in page(app, "/console/sprints/acme/37")


def test_what_is_not_there_is_not_found(app: Flask, redis: Redis) -> None:
    keep(redis, running())
    client = log_in(app)
    for path in ("acme/38", "nobody/37", "acme/37/more", "beta/37"):
        assert client.get(f"/console/sprints/{path}").status_code == 404
        assert client.get(f"/api/v1/sprints/{path}").status_code == 404


def test_texts_from_trackers_stay_texts(app: Flask, redis: Redis) -> None:
    change = Change(NOW - 3 * DAY, HOSTILE, 5, Kind.ADDED)
    warned = Warned(
        Standing.OPEN, text=HOSTILE, issue=HOSTILE, url="javascript:alert(1)", snooze_label=HOSTILE
    )
    hostile = {"name": HOSTILE, "board_name": HOSTILE, "changes": (change,), "fix": (HOSTILE,)}
    keep(redis, running("37", warned=warned, url="data:text/html,a", **hostile))
    keep(redis, over("38", 0.2, 12, name=HOSTILE, board_name=HOSTILE))
    for path in ("", "/acme/37", "/acme/38"):
        text = page(app, f"/console/sprints{path}")
        assert "<script>alert" not in text and "<svg/" not in text and "54439" not in text
        assert not [name for name, _ in Reader(text).attributes if name == "style" or name.startswith("on")]
        assert not re.search(r'href="(javascript|data):', text)


@pytest.mark.parametrize("id_", ["b1f5a0de-70e3-4c0b-9a53-0a2b64f4cd8e", "a b?<c>&d#"])
def test_the_way_to_a_sprint_leads_there_whatever_its_id(app: Flask, redis: Redis, id_: str) -> None:
    keep(redis, running(id_, name="The one"))
    (way,) = re.findall(r'href="(/console/sprints/acme/[^"]+)"', page(app))
    assert "<h1>The one</h1>" in page(app, way)


def test_a_machine_reads_the_same(app: Flask, redis: Redis) -> None:
    keep(redis, running(), over("38", 0.2, 15))
    client = log_in(app)
    found = client.get("/api/v1/sprints").get_json()
    assert [one["id"] for one in found["running"]] == ["37"]
    assert found["running"][0]["state"]["word"] == "Likely to fall short"
    assert [one["verdict"] for one in found["ended"]] == ["As foreseen"]
    assert found["calibration"]["unlikely"] == 1
    one = client.get("/api/v1/sprints/acme/37").get_json()
    assert one["view"]["changes"][0] | {"at": ""} == {"at": "", "key": "ABC-20", "amount": 5, "kind": "added"}
    assert one["view"]["forecast"]["p_enough"] == 0.1
    assert one["days"][0]["done"] == 12
    assert one["standing"] == "It stands in the tracker."
    assert one["decisions"] == "/console/decisions?subject=acme%3Asprint%3A37"


def test_strangers_see_nothing(app: Flask, redis: Redis) -> None:
    keep(redis, running())
    for path in (
        "/console/sprints",
        "/console/sprints/acme/37",
        "/api/v1/sprints",
        "/api/v1/sprints/acme/37",
    ):
        answer = app.test_client().get(path)
        assert answer.status_code in (302, 303, 401)
        assert "Sprint 37" not in answer.text


# -- the drawing ---------------------------------------------------------------------------------

COURSES: dict[str, SprintView] = {
    "half way": view(),
    "just begun": view(points=(Point(START, 40, 0),), changes=(), checked=START, past=(), usual=None),
    "overdue": view(end=HALF - DAY),
    "ended early": over("1", 0.2, 12, ended=START + 5 * DAY),
    "ended late": over("1", 0.2, 12, ended=START + 20 * DAY),
    "empty": view(committed=0.0, points=(Point(START, 0, 0),), forecast=foreseen(0.5, 1, 0, 0)),
    "an hour long": view(end=START + timedelta(hours=1), checked=START),
    "no length at all": view(end=START, checked=START, points=(Point(START, 40, 0),)),
    "large": view(points=tuple(replace(one, scope=one.scope * 1e6) for one in view().points)),
    "busy": view(
        points=long(240),
        changes=tuple(Change(START + n * DAY / 20, f"A-{n}", n % 5, Kind.ADDED) for n in range(200)),
    ),
    "in issues": view(unit=Unit.ISSUES),
}


@pytest.mark.parametrize("name", COURSES)
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_course_is_drawn_within_its_frame(name: str, size: Any) -> None:
    drawn = str(burn_up(COURSES[name], size, HALF))
    assert "nan" not in drawn and "inf" not in drawn
    for x, y in re.findall(r'<text class="[^"]*" x="([-0-9.e+]+)" y="([-0-9.e+]+)"', drawn):
        assert 0 <= float(x) <= size.width
        assert 0 <= float(y) <= size.height
    ends = [float(y) for y in re.findall(r'<text class="burn__label--\w+" x="[0-9.]+" y="([0-9.]+)"', drawn)]
    assert all(abs(one - other) >= 12 for n, one in enumerate(ends) for other in ends[:n])


def test_changes_are_marked_with_their_keys_and_those_that_would_overlap_are_one() -> None:
    drawn = str(burn_up(view(), WIDE, HALF))
    assert '<path class="burn__added"' in drawn and "<title>4 Mar: ABC-20: 5 points, added</title>" in drawn
    assert '<path class="burn__removed"' in drawn and "ABC-3: 3 points, taken out or cancelled" in drawn
    crowd = tuple(Change(START + 2 * DAY, f"A-{n}", 1, Kind.CARRIED_OVER) for n in range(20))
    drawn = str(burn_up(view(changes=crowd), WIDE, HALF))
    assert drawn.count('class="burn__other"') == 1
    assert "and 12 more" in drawn


def test_a_running_sprint_shows_where_it_heads_and_one_that_is_over_where_it_was_thought_to() -> None:
    assert "burn__cone" in str(burn_up(view(), WIDE, HALF))
    assert "burn__cone" in str(burn_up(over("1", 0.2, 12), WIDE, HALF))
    overdue = view(end=HALF - DAY)
    assert "burn__cone" not in str(burn_up(overdue, WIDE, HALF))
    assert not [one for one in legend(overdue) if "foreseen" in one.words]


def test_the_legend_names_what_is_drawn_and_nothing_else() -> None:
    words = [one.words for one in legend(view(changes=(), past=(), usual=None))]
    assert words == [
        "in the sprint: 42",
        "planned at the start: 40",
        "done: 12",
        "foreseen, 8 times in 10: 12–24",
        "foreseen, on average: 18",
    ]
    assert {"counts as added", "taken out, or estimated lower"} <= {one.words for one in legend(view())}


def test_figures_are_told_no_more_precisely_than_they_are_known() -> None:
    assert [number(one) for one in (3.0, 3.46, -0.01)] == ["3", "3.5", "0"]
    assert [amount(one, Unit.POINTS) for one in (1, 2.5)] == ["1 point", "2.5 points"]
    assert [between(*one) for one in ((11.6, 24.4), (0.3, 2.2), (7, 7.2))] == ["12–24", "0.5–2", "7"]
    chances = [about(0.23), about(0.01), chance(0.23), chance(0.99), percent(0.125)]
    told = [one.replace("\N{NO-BREAK SPACE}", " ") for one in chances]
    assert told == ["25 %", "< 5 %", "about 25 %", "more than 95 %", "12.5 %"]
    assert left(HALF, HALF - 3 * DAY) == "3 days left"
    assert left(HALF, HALF + 2 * DAY) == "2 days past its end"
