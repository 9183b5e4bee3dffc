"""When comments may be written, through nights, free days and changed clocks; and who is away meanwhile."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.calendar import EVERY_DAY, MOST_DAYS, Calendar
from rules.sprint_rules import MOST_ABSENT, Away, absent_share

OSLO = ZoneInfo("Europe/Oslo")
WEEK = frozenset(range(5))
NIGHTS = Calendar("Europe/Oslo", time(18), time(8))
OFFICE = Calendar("Europe/Oslo", time(18), time(8), WEEK, frozenset({date(2026, 12, 24), date(2026, 12, 25)}))

# Among them one that changes its clocks at midnight, one by half an hour, one that left out a whole day.
ZONES = (
    "UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut",
    "America/Havana", "Pacific/Apia", "Asia/Kathmandu",
)  # fmt: skip
ANY_TIME = st.builds(time, st.integers(0, 23), st.integers(0, 59))
QUIET = st.tuples(ANY_TIME, ANY_TIME).filter(lambda pair: pair[0] != pair[1])
MOMENTS = st.integers(0, 18 * 366 * 24 * 60).map(
    lambda minutes: datetime(2011, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    quiet = draw(st.none() | QUIET)
    start = draw(st.dates(date(2011, 6, 1), date(2030, 1, 1)))
    holidays = {start + timedelta(days=days) for days in draw(st.sets(st.integers(0, 20)))}
    return Calendar(
        zone=draw(st.sampled_from(ZONES)),
        quiet_from=quiet[0] if quiet else None,
        quiet_to=quiet[1] if quiet else None,
        working_days=draw(st.frozensets(st.integers(0, 6), min_size=1)),
        holidays=frozenset(holidays),
    )


def may_speak(calendar: Calendar, at: datetime) -> bool:
    """The rule itself, minute by minute: a working day, and no quiet time on the wall's clock."""
    local = at.astimezone(ZoneInfo(calendar.zone or "UTC"))
    if local.weekday() not in calendar.working_days or local.date() in calendar.holidays:
        return False
    start, end = calendar.quiet_from, calendar.quiet_to
    if start is None or end is None:
        return True
    minute = local.time()
    return not (start <= minute < end if start < end else minute >= start or minute < end)


def oslo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


@pytest.mark.parametrize(
    ("calendar", "now", "expected"),
    [
        (Calendar(), "2026-10-17 03:00", "2026-10-17 03:00"),
        (NIGHTS, "2026-10-14 17:59", "2026-10-14 17:59"),
        (NIGHTS, "2026-10-14 18:00", "2026-10-15 08:00"),
        (NIGHTS, "2026-10-15 00:00", "2026-10-15 08:00"),
        (NIGHTS, "2026-10-15 07:59", "2026-10-15 08:00"),
        (NIGHTS, "2026-10-15 08:00", "2026-10-15 08:00"),
        # Friday night, over a weekend on which the clocks change, to Monday morning.
        (OFFICE, "2026-10-23 19:00", "2026-10-26 08:00"),
        (OFFICE, "2026-10-24 12:00", "2026-10-26 08:00"),
        # Two holidays and a weekend.
        (OFFICE, "2026-12-23 18:30", "2026-12-28 08:00"),
        (Calendar("Europe/Oslo", time(12), time(13)), "2026-10-15 12:30", "2026-10-15 13:00"),
        (Calendar("Europe/Oslo", working_days=WEEK), "2026-10-17 12:00", "2026-10-19 00:00"),
    ],
)
def test_the_first_moment_that_will_do(calendar: Calendar, now: str, expected: str) -> None:
    assert calendar.speaks_at(oslo(now)) == oslo(expected).astimezone(UTC)


def test_an_hour_that_is_struck_twice_can_be_quiet_twice() -> None:
    calendar = Calendar("Europe/Oslo", time(1), time(2, 30))
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert calendar.speaks_at(first - timedelta(minutes=20)) == first
    assert calendar.speaks_at(first + timedelta(minutes=10)) == first + timedelta(minutes=10)
    assert calendar.speaks_at(second - timedelta(minutes=20)) == second


def test_an_end_that_is_skipped_in_spring_is_the_moment_of_the_change() -> None:
    calendar = Calendar("Europe/Oslo", time(22), time(2, 30))
    assert calendar.speaks_at(oslo("2026-03-29 00:30")) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    nearly_always = Calendar("America/Havana", time(1, 15), time(0, 15))
    night = datetime(2014, 3, 8, 16, tzinfo=UTC)
    assert nearly_always.speaks_at(night) == datetime(2014, 3, 9, 5, tzinfo=UTC), "only from 1:00 to 1:15"


def test_a_calendar_without_a_zone_goes_by_the_boards_own() -> None:
    calendar = Calendar(quiet_from=time(18), quiet_to=time(8))
    now = datetime(2026, 7, 1, 17, tzinfo=UTC)
    assert calendar.speaks_at(now) == now
    assert calendar.speaks_at(now, "Europe/Oslo") == datetime(2026, 7, 2, 6, tzinfo=UTC)
    assert NIGHTS.speaks_at(now, "America/New_York") == datetime(2026, 7, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize("unknown", ["Mars/Olympus", "Europe", "../etc", "/etc/passwd", ""])
def test_a_boards_zone_that_is_not_known_here_is_read_as_utc(unknown: str) -> None:
    now = datetime(2026, 7, 1, 17, tzinfo=UTC)
    assert Calendar(quiet_from=time(18), quiet_to=time(8)).speaks_at(now, unknown) == now


def test_a_calendar_in_which_no_time_will_do_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="working day"):
        Calendar(working_days=frozenset())
    with pytest.raises(ValueError, match="Quiet hours"):
        Calendar(quiet_from=time(8), quiet_to=time(8))


@given(calendars(), MOMENTS)
def test_it_never_speaks_too_early_and_waits_once(calendar: Calendar, now: datetime) -> None:
    at = calendar.speaks_at(now)
    assert at >= now
    assert may_speak(calendar, at)
    assert calendar.speaks_at(at) == at
    assert (at == now) == may_speak(calendar, now)


@given(calendars(), MOMENTS, st.floats(0, 1, exclude_max=True))
def test_nothing_earlier_would_have_done(calendar: Calendar, now: datetime, share: float) -> None:
    at = calendar.speaks_at(now)
    between = now + (at - now) * share
    assume(between < at)
    assert not may_speak(calendar, between)


def test_working_days_of_a_sprint() -> None:
    days = OFFICE.working_days_between(oslo("2026-12-21 09:00"), oslo("2026-12-29 00:00"))
    assert [day.day for day in days] == [21, 22, 23, 28, 29]
    assert OFFICE.working_days_between(oslo("2026-12-29 00:00"), oslo("2026-12-21 09:00")) == []


def test_days_begin_and_end_in_the_calendars_zone() -> None:
    late = datetime(2026, 7, 1, 23, tzinfo=UTC)
    assert NIGHTS.working_days_between(late, late) == [date(2026, 7, 2)]
    assert Calendar().working_days_between(late, late) == [date(2026, 7, 1)]
    assert Calendar().working_days_between(late, late, "Europe/Oslo") == [date(2026, 7, 2)]


@pytest.mark.parametrize(
    "end", [datetime(2062, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
)
def test_a_date_that_was_mistyped_is_not_counted_up_to(end: datetime) -> None:
    start = datetime(2026, 7, 1, tzinfo=UTC)
    assert len(Calendar("Europe/Oslo").working_days_between(start, end)) == MOST_DAYS
    assert len(Calendar().working_days_between(start, start + timedelta(days=MOST_DAYS - 1))) == MOST_DAYS


MONDAY = date(2026, 7, 6)
START, END = oslo("2026-07-06 09:00"), oslo("2026-07-17 16:00")  # ten working days


def share(*away: Away, people: int = 5) -> float:
    return absent_share(away, people, OFFICE, START, END)


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        ((), 0.0),
        ((Away(MONDAY, MONDAY),), 1 / 50),
        # The weekend between is no loss, nor is what lies outside the sprint.
        ((Away(date(2026, 7, 10), date(2026, 7, 13)),), 2 / 50),
        ((Away(date(2026, 6, 1), date(2026, 7, 7)),), 2 / 50),
        ((Away(date(2026, 8, 1), date(2026, 8, 9)),), 0.0),
        # The same person twice is away once; two whom nobody named are two.
        ((Away(MONDAY, date(2026, 7, 8), "Kim"), Away(date(2026, 7, 8), date(2026, 7, 9), "Kim")), 4 / 50),
        ((Away(MONDAY, MONDAY), Away(MONDAY, MONDAY)), 2 / 50),
    ],
)  # fmt: skip
def test_the_share_that_absences_take(away: tuple[Away, ...], expected: float) -> None:
    assert share(*away) == pytest.approx(expected)


def test_a_team_that_is_all_away_still_has_somebody() -> None:
    everybody = [Away(date(2026, 7, 1), date(2026, 7, 31)) for _ in range(9)]
    assert share(*everybody) == MOST_ABSENT


def test_of_nobody_and_of_no_day_nothing_is_lost() -> None:
    away = Away(date(2026, 7, 1), date(2026, 7, 31))
    assert share(away, people=0) == 0.0
    free = Calendar(working_days=EVERY_DAY, holidays=frozenset({date(2026, 7, 6)}))
    assert absent_share([away], 5, free, START, START) == 0.0


DAYS = st.dates(date(2026, 6, 25), date(2026, 7, 25))
AWAY = st.builds(
    lambda days, who: Away(min(days), max(days), who),
    st.tuples(DAYS, DAYS),
    st.none() | st.sampled_from("abc"),
)


@given(st.lists(AWAY, max_size=6), AWAY, st.integers(1, 8))
def test_one_more_absence_never_gives_capacity_back(away: list[Away], more: Away, people: int) -> None:
    before, after = share(*away, people=people), share(*away, more, people=people)
    assert 0 <= before <= after <= MOST_ABSENT
